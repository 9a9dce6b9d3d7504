"""What a killed import runs: bring a file in, in small chunks, be killed any time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from digest.clock import fixed
from digest.db import Database
from subscribers.bring_in import Brought, Pace, bring_in
from subscribers.departures import Departures
from subscribers.import_errand import Errand
from subscribers.tokens import Key, KeyRing, Keys
from subscribers.transfer.columns import State
from subscribers.transfer.layout import Given
from subscribers.transfer.placing import Placing, Target
from subscribers.transfer.report import Report
from subscribers.transfer.tables import read_tables
from tests.integration.newsletters import DAILY, WEEKLY

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, bytes(32)),)), bytes(32))
TARGETS = (Target(DAILY, "daily", "The Daily Brief"), Target(WEEKLY, "weekly", "The Week"))


def errand_of(*paths: Path, consent: str = "the old form", **words: str) -> Errand:
    """Make an errand for the daily, whose readers agreed unless the file says otherwise."""
    del words
    tables = read_tables(paths, Given())
    return Errand(tables, Placing(TARGETS, chosen=[DAILY]), State.CONFIRMED, consent)


def bring(
    database: Database,
    errand: Errand,
    report: Path,
    *,
    rows: int = 0,
    again: bool = False,
    window: int = 50_000,
    departures: Departures | None = None,
) -> Brought:
    """Bring it in, in chunks of so many rows."""
    return bring_in(
        database,
        errand,
        keys=KEYS,
        clock=fixed(NOW),
        report=lambda _: Report(report),
        departures=departures,
        again=again,
        pace=Pace(rows, window=window),
    )


def import_until_killed(url: str, path: str, report: str) -> None:
    """Bring a file in, five records at a time."""
    bring(Database(url), errand_of(Path(path)), Path(report), rows=5)
