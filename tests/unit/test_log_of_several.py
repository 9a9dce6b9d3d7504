"""One log of several processes: who says it, and colours for a terminal alone."""

from __future__ import annotations

import logging
import re

from digest.log import _Plain


def _line(formatter: _Plain, level: int) -> str:
    record = logging.LogRecord("digest", level, "", 0, "it happened", None, None)
    return re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", formatter.format(record))


def test_a_process_that_has_a_name_says_it_behind_the_hour() -> None:
    assert _line(_Plain("web"), logging.INFO) == "HH:MM:SS web       it happened"
    assert _line(_Plain("scheduler"), logging.ERROR) == "HH:MM:SS scheduler error: it happened"
    assert _line(_Plain(), logging.INFO) == "HH:MM:SS it happened"


def test_colours_are_for_terminals() -> None:
    coloured = _Plain("web", coloured=True)
    begin = "\x1b[2mHH:MM:SS\x1b[0m \x1b[36mweb       \x1b[0m"
    assert _line(coloured, logging.INFO) == f"{begin}it happened"
    assert _line(coloured, logging.WARNING) == f"{begin}\x1b[33mwarning: it happened\x1b[0m"
    assert _line(_Plain(coloured=True), logging.ERROR) == (
        "\x1b[2mHH:MM:SS\x1b[0m \x1b[31merror: it happened\x1b[0m"
    )
