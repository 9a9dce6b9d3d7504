from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from digest.config import values


@given(st.integers(1, 999_999), st.sampled_from("smhd"))
def test_a_duration_survives_being_written_and_read(number: int, unit: str) -> None:
    length = values.duration(f"{number}{unit}")
    assert values.duration(values.duration_text(length)) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [("90s", timedelta(seconds=90)), ("48h", timedelta(days=2)), ("8d", timedelta(days=8))],
)
def test_durations_are_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert values.duration(text) == length


@pytest.mark.parametrize("text", ["10 minutes", "h", "-1h", "1.5h", 10, None])
def test_other_durations_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a length of time is a number"):
        values.duration(text)


def test_days_off_are_a_day_or_a_range() -> None:
    assert values.day_range("2026-12-25") == (date(2026, 12, 25), date(2026, 12, 25))
    assert values.day_range("2026-12-28..2027-01-01") == (date(2026, 12, 28), date(2027, 1, 1))
    with pytest.raises(ValueError, match="the last day is before the first"):
        values.day_range("2027-01-01..2026-12-28")
    with pytest.raises(ValueError, match="a day is"):
        values.day_range("Christmas")


def test_a_release_names_its_mode_and_its_wait() -> None:
    assert values.release_parts("auto") == ("auto", timedelta(0))
    assert values.release_parts("approve") == ("approve", timedelta(0))
    assert values.release_parts("auto-after 20m") == ("auto-after", timedelta(minutes=20))
    with pytest.raises(ValueError, match="a release is"):
        values.release_parts("auto-after soon")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("news@post.example", "news@post.example"),
        ("<news@post.example>", "news@post.example"),
        ("Post <news@post.example>", "Post <news@post.example>"),
        ('"Post, Harbour" <n@post.example>', '"Post, Harbour" <n@post.example>'),
        ('"S\u00fcd, Post" <n@post.example>', '"S\u00fcd, Post" <n@post.example>'),
        ('"S\u00fcd \\"X\\" <a@b>" <n@post.example>', '"S\u00fcd \\"X\\" <a@b>" <n@post.example>'),
        ("S\u00fcd <n@p\u00f6st.example>", "S\u00fcd <n@xn--pst-sna.example>"),
    ],
)
def test_a_sender_reads_the_same_when_it_is_read_again(written: str, read: str) -> None:
    mailbox = TypeAdapter(values.Mailbox)
    assert mailbox.validate_python(written) == read
    assert mailbox.validate_python(read) == read


@pytest.mark.parametrize(
    "written",
    [
        *("n\u00ebws@post.example", "a@b.example?bcc=c", "a@b_c.example", "a@-b.example", "a@b-"),
        *("a..b@c.example", ".a@c.example", "a@b.example, c@d.example", "a@[127.0.0.1]", "a@"),
        *("a@b.example\r\nBcc: c@d.example", "a\x85b@c.example", '"a b"@c.example'),
    ],
)
def test_an_address_that_no_copy_could_be_sent_with_is_refused_in_the_settings(
    written: str,
) -> None:
    for kind in (values.Mailbox, values.OurAddress):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(written)


@pytest.mark.parametrize("sign", ["\x00", "\n", "\x7f", "\x85", "\u2028"])
def test_a_line_has_no_control_of_any_kind(sign: str) -> None:
    with pytest.raises(ValidationError, match="without control characters"):
        TypeAdapter(values.Line).validate_python(f"a{sign}b")
