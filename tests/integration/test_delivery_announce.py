"""Notices of some kinds alone: to the operators, over every kind of way out, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.delivery.announce import announce
from digest.outbox.model import NewNotice, NoticeKind
from digest.outbox.store import due, put
from tests.builders import ADMIN, OpenPaper, Paper, opening
from tests.integration.scripted_smtp import free_port
from tests.integration.smtp_sink import smtp_sink

KINDS = (NoticeKind.OPERATORS,)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path)


def _write(paper: Paper, key: str, kind: NoticeKind, address: str) -> None:
    facts: dict[str, object] = {"what": "it", "detail": "It is so.", "remedy": "Look."}
    with paper.app.database.write() as connection:
        put(connection, NewNotice(key, kind, address, facts, paper.watch.at))


def _announced(paper: Paper) -> int:
    app = paper.app
    return announce(
        app.database, app.ways, render=app.mailer.notice, kinds=KINDS, clock=paper.watch
    )


def _waiting(paper: Paper) -> dict[str, int]:
    with paper.app.database.read() as connection:
        return {each.to_address: each.attempts for each in due(connection, now=FAR, limit=99)}


def _relay(port: int) -> dict[str, object]:
    return {
        "from": "Harbour Post <news@letters.post.example>",
        "reply_to": "editor@post.example",
        "smtp": {"host": "127.0.0.1", "port": port, "tls": "none"},
    }


def test_over_smtp_the_operators_hear_and_readers_wait(opened: OpenPaper) -> None:
    with smtp_sink() as sink:
        paper = opened(mail=_relay(sink.port))
        for n in range(3):
            _write(paper, f"o{n}", NoticeKind.OPERATORS, ADMIN)
        _write(paper, "r", NoticeKind.GOODBYE, "maria@reader.example")
        assert _announced(paper) == 3
        assert _announced(paper) == 0
    assert _waiting(paper) == {"maria@reader.example": 0}


def test_a_relay_that_is_away_takes_no_try(opened: OpenPaper) -> None:
    paper = opened(mail=_relay(free_port()))
    _write(paper, "o", NoticeKind.OPERATORS, ADMIN)
    assert _announced(paper) == 0
    assert _waiting(paper) == {ADMIN: 0}
