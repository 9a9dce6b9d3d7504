"""Processes that read what is foreign are let go while there is nothing to read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.children import end_idle
from digest.sources.parsing import Parser

PAGE = b"<html><head><title>Ferry returns</title></head><body><p>It is back.</p></body></html>"


@pytest.fixture
def parser() -> Iterator[Parser]:
    parser = Parser()
    yield parser
    parser.close()
    end_idle(0)


def _below() -> set[int]:
    """Give the processes below this one, and below those."""
    found = [os.getpid()]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
                found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return set(found[1:])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux alone has /proc")
def test_they_go_when_they_have_been_idle_and_the_next_job_finds_others(parser: Parser) -> None:
    before = _below()
    assert _title(parser) == "Ferry returns"
    at_work = _below() - before
    assert at_work
    end_idle(60)
    assert _below() - before == at_work, "not before their time"
    end_idle(0)
    assert not _below() & at_work
    assert _title(parser) == "Ferry returns"


def _title(parser: Parser) -> str:
    return parser.site(PAGE, address="https://post.example/", content_type="text/html").name
