from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.web.api.cursor import read_cursor, write_cursor

SECRET = b"s" * 32


@given(after=st.integers(0, 2**63 - 1), filters=st.text(alphabet="abc\n"))
def test_a_cursor_is_read_as_it_was_written(after: int, filters: str) -> None:
    assert read_cursor(SECRET, filters, write_cursor(SECRET, filters, after)) == after


def test_a_cursor_is_good_for_its_filters_and_its_site_alone() -> None:
    cursor = write_cursor(SECRET, "daily", 7)
    assert read_cursor(SECRET, "weekly", cursor) is None
    assert read_cursor(b"t" * 32, "daily", cursor) is None


@given(st.text(max_size=64))
def test_any_other_word_is_none_of_ours(cursor: str) -> None:
    assert read_cursor(SECRET, "", cursor) is None


@given(at=st.integers(0, 18), letter=st.sampled_from("AZaz09-_="))
def test_a_changed_cursor_is_none_of_ours(at: int, letter: str) -> None:
    cursor = write_cursor(SECRET, "", 7)
    changed = cursor[:at] + letter + cursor[at + 1 :]
    assert read_cursor(SECRET, "", changed) in {None, 7 if changed == cursor else None}
