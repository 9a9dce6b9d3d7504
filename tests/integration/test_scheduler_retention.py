"""The scheduler's round that lets go of what is old."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.scheduler import _Keeper
from subscribers.store import consent
from tests.builders import OpenPaper, Paper, opening


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on SQLite; all are closed at the end."""
    yield from opening(tmp_path)


def _ips(paper: Paper) -> int:
    with paper.app.database.read() as connection:
        return len(connection.scalars(sa.select(consent.c.ip).where(consent.c.ip != "")).all())


def _give_ip(paper: Paper) -> None:
    with paper.app.database.write() as connection:
        connection.execute(sa.update(consent).values(ip="192.0.2.7"))


def test_once_an_hour_what_is_old_goes_by_the_settings_and_is_counted(
    opened: OpenPaper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    paper = opened(readers={"keep": {"ip": "2d"}})
    paper.reader("ann@reader.example")
    _give_ip(paper)
    keeper = _Keeper(paper.app, stop=lambda: False)
    keeper.go_round()
    assert _ips(paper) == 1
    paper.watch.at += timedelta(days=3)
    keeper.go_round()
    assert _ips(paper) == 0
    told = [record for record in caplog.records if "let go" in record.getMessage()]
    assert [vars(record)["facts"] for record in told] == [{"ips": 1}]
    _give_ip(paper)
    paper.watch.at += timedelta(minutes=59)
    keeper.go_round()
    assert _ips(paper) == 1
    paper.watch.at += timedelta(minutes=1)
    keeper.go_round()
    assert _ips(paper) == 0
