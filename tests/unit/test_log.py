"""Log lines: their fields, their one line each, and that no address is ever in them."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.log import _Json, _Plain, about, event, scrub, set_up

MARIA = "maria@reader.example"
HOSTILE = [
    MARIA,
    "The reader <maria@reader.example>",
    '"maria o\'hara"@reader.example',
    '"maria b"@[192.0.2.1]',
    "maria@[IPv6:2001:db8::1]",
    "maria%40reader.example",
    "maria=40reader.example",
    "maria\uff20reader.example",
    "maria\ufe6breader.example",
    "maria\\u0040reader.example",
    "maria&#64;reader.example",
    "maria&#x0040;reader.example",
    "maria&commat;reader.example",
    "mar\u00eda@b\u00fccher.example",
    "bounces+1204.77.maria=reader.example@letters.example",
    "https://maria:secret@reader.example/path",
    "mailto:maria@reader.example?subject=x",
    "550 5.1.1 <maria@reader.example>: no such user",
    "a@b@maria@reader.example",
    "to=maria@reader.example,bob@reader.example",
    "x" * 70_000 + " maria@reader.example",
]
ADDRESS_PARTS = re.compile(r"mar[i\u00ed]a|reader\.example|192\.0\.2|2001:db8", re.IGNORECASE)


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_looks_like_an_address_is_taken_out(text: str) -> None:
    scrubbed = scrub(text)
    assert not ADDRESS_PARTS.search(scrubbed)
    assert len(scrubbed) < 21_000


@pytest.mark.parametrize(
    "text",
    [
        "recipients=4012  batches=40  took=40.25s",
        "daily/2026-01-09 sending",
        "  @contextlib.contextmanager",
        "100% of 40%",
        "at 07:00 (Europe/London)",
        "@",
        "maria @ home",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert scrub(text) == text


@given(
    st.text(max_size=40),
    st.from_regex(r"[a-z0-9._+-]{1,20}@[a-z0-9]{1,10}\.example", fullmatch=True),
    st.text(max_size=40),
)
def test_no_words_around_an_address_save_it(before: str, address: str, after: str) -> None:
    assert address not in scrub(f"{before}{address}{after}")


def test_endless_text_takes_no_time() -> None:
    began = time.process_time()
    for text in (
        "@" * 200_000,
        "a" * 200_000 + "@",
        'a"@' * 70_000,
        "a@" * 100_000,
        "=40" * 70_000,
    ):
        scrub(text)
    assert time.process_time() - began < 1


class _Unshowable:
    def __str__(self) -> str:
        raise ValueError(MARIA)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of its own, as all others may be caught by pytest."""
    made = logging.getLogger("digest.test_log")
    made.propagate = False
    made.setLevel(logging.INFO)
    yield made
    made.handlers.clear()


def _heard(logger: logging.Logger, formatter: logging.Formatter) -> io.StringIO:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger.handlers = [handler]
    return stream


def _json(logger: logging.Logger) -> io.StringIO:
    return _heard(logger, _Json("worker"))


def test_a_line_for_machines_has_these_fields(logger: logging.Logger) -> None:
    stream = _json(logger)
    words = "daily/2026-01-09 sent"
    event(logger, words, edition="daily/2026-01-09", delivery="1204/77", accepted=3)
    line = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert isinstance(line.pop("pid"), int)
    assert line == {
        "level": "info",
        "process": "worker",
        "logger": "digest.test_log",
        "event": "sent",
        "edition": "daily/2026-01-09",
        "delivery": "1204/77",
        "accepted": 3,
    }


def test_a_line_for_people_begins_with_hour_and_edition(logger: logging.Logger) -> None:
    stream = _heard(logger, _Plain())
    event(logger, "daily/2026-01-09 sending", edition="daily/2026-01-09", recipients=4812)
    event(logger, "held", logging.WARNING, edition="daily/2026-01-09")
    first, second = stream.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d daily/2026-01-09 sending  recipients=4812", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning: daily/2026-01-09 held", second)


def test_what_a_block_is_about_stands_in_each_of_its_lines(logger: logging.Logger) -> None:
    stream = _json(logger)
    with about(edition="daily/2026-01-09"):
        event(logger, "composing", stories=12)
        with about(delivery="1204/77"):
            logger.info("a library's own words")
    logger.info("after")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = [(line["event"], line.get("edition"), line.get("delivery")) for line in lines]
    assert told == [
        ("composing", "daily/2026-01-09", None),
        ("a library's own words", "daily/2026-01-09", "1204/77"),
        ("after", None, None),
    ]


def _say_it_in_every_way(logger: logging.Logger) -> None:
    logger.info("mail to %s", MARIA)
    event(logger, f"mail to {MARIA}", to=MARIA, all=[MARIA, {MARIA: (MARIA,)}], raw=MARIA.encode())
    event(logger, "odd", thing=_Unshowable(), deep=[[[[[[[[MARIA]]]]]]]], error=ValueError(MARIA))
    logger.info("%d of them", MARIA)
    try:
        try:
            int(MARIA)
        except ValueError as error:
            raise LookupError(f"no mailbox {MARIA}") from error
    except LookupError:
        logger.exception("failed for %s", MARIA, stack_info=True)


@pytest.mark.parametrize("formatter", [_Json(), _Plain()])
def test_no_way_of_logging_lets_an_address_through(
    logger: logging.Logger, formatter: logging.Formatter
) -> None:
    stream = _heard(logger, formatter)
    _say_it_in_every_way(logger)
    said = stream.getvalue()
    assert "reader.example" not in said
    assert "LookupError: no mailbox (address)" in said.replace("\\n", "\n")


def test_no_word_begins_a_line_of_its_own_or_steers_a_terminal(logger: logging.Logger) -> None:
    words = "x\r\n12:00:00 forged\x1b[2J\u2028\x00\ud800"
    plain = _heard(logger, _Plain())
    event(logger, words, cause=words)
    assert plain.getvalue().count("\n") == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028\ud800]", plain.getvalue())
    stream = _json(logger)
    event(logger, words, cause=words, time="then", event="another")
    line = json.loads(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
    assert (line["cause"][:9], line["time_"], line["event_"]) == ("x\r\n12:00:", "then", "another")


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=30), max_size=4), st.text(max_size=60))
def test_every_line_for_machines_can_be_read(facts: dict[str, Any], words: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, words, None, None)
    record.facts = facts
    line = _Json().format(record)
    assert "\n" not in line
    assert json.loads(line)["level"] == "info"


def test_a_line_costs_little(logger: logging.Logger) -> None:
    _json(logger)
    began = time.process_time()
    for n in range(2000):
        event(logger, "sent", edition="daily/2026-01-09", accepted=n, text="words " * 40)
    assert time.process_time() - began < 2


def test_set_up_sends_everything_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up(as_json=True, process="web")
        logging.getLogger("uvicorn.error").error("trouble with %s", MARIA)
        sys.stderr.flush()
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    line = json.loads(capsys.readouterr().err)
    assert (line["process"], line["event"]) == ("web", "trouble with (address)")
