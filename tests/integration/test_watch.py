"""Alarms on a real database: each spell told once, its end once, and in the status meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery import store as ledger
from digest.delivery.count_store import add_counts
from digest.delivery.limit_rules import rules_of
from digest.editions import store as editions
from digest.editions.model import EditionState
from digest.outbox.model import NoticeKind
from digest.outbox.store import notice
from digest.scheduler import _Watcher
from digest.sources.store import record_poll_failed, record_poll_ok
from digest.workflow.alarm_store import alarm, begin_spell, open_counts, open_spells, read_mark
from digest.workflow.alarms import AlarmKind, AlarmRules
from digest.workflow.status import overview
from digest.workflow.store import beat, heartbeat
from digest.workflow.vitals import Mark
from digest.workflow.watch import Watch, alarms_now, watch, watch_processes
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of

FRIDAY = "daily/2026-01-09"
_LATE = "the scheduler is late"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily that waits for approval, with one reader."""
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    made.reader("ann@reader.example")
    return made


def _tools(paper: Paper, **more: object) -> Watch:
    made = Watch(paper.app.newsroom, limits=paper.app.limits, wall=paper.watch)
    return replace(made, **more)  # type: ignore[arg-type]


def _look(paper: Paper, at: str, **more: object) -> list[str]:
    """Look at an hour; give what the operators have been told since the last time.

    Not that the scheduler is late: no test runs one but its own.
    """
    return [what for what in _all_told(paper, at, **more) if _LATE not in what]


def _all_told(paper: Paper, at: str, **more: object) -> list[str]:
    paper.watch.at = moment(at)
    watch(_tools(paper, **more))
    return _new_mails(paper)


def _new_mails(paper: Paper) -> list[str]:
    """Give what operators are to be told, and let it leave."""
    waiting = notice.c.next_at.is_not(None) & (notice.c.kind == NoticeKind.OPERATORS.value)
    query = sa.select(notice.c.facts).where(waiting).order_by(notice.c.id)
    with paper.app.database.write() as connection:
        found = [str(facts["what"]) for facts in connection.scalars(query)]
        connection.execute(sa.update(notice).where(waiting).values(next_at=None, state="sent"))
    return found


def _status(paper: Paper) -> list[str]:
    with paper.app.database.read() as connection:
        said = alarms_now(connection, now=paper.watch.at)
    return [line for line in said if _LATE not in line.lower()]


def _keys(paper: Paper) -> list[str]:
    with paper.app.database.read() as connection:
        return [spell.alarm.key for spell in open_spells(connection) if spell.alarm.key != "late"]


def test_where_all_is_well_nothing_is_written(paper: Paper) -> None:
    assert _look(paper, "2026-01-08 12:01") == []
    with paper.app.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count(alarm.c.id))) == 0
        assert read_mark(connection) is None
        assert open_counts(connection) == dict.fromkeys(AlarmKind, 0)


def test_a_held_edition_is_told_once_and_its_end_once(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 07:00")
    assert _look(paper, "2026-01-09 07:01") == [f"{FRIDAY} is held"]
    assert _look(paper, "2026-01-09 07:02") == []
    with paper.app.database.write() as connection:
        held, approved = {EditionState.HELD}, EditionState.APPROVED
        edition_id = paper.edition(FRIDAY).id
        editions.change_state(connection, edition_id, expect=held, to=approved)
    assert _look(paper, "2026-01-09 07:30") == []
    assert _look(paper, "2026-01-09 07:39") == []
    assert _look(paper, "2026-01-09 07:40") == [f"it is over: {FRIDAY} is held"]
    assert _look(paper, "2026-01-09 07:41") == []
    assert _keys(paper) == []


def test_slots_that_were_missed_are_told_in_one_mail_a_newsletter(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-13 12:00")
    assert _look(paper, "2026-01-13 12:01") == ["daily/2026-01-12 was missed"]
    (said,) = _status(paper)
    assert said.startswith("daily/2026-01-12 was missed: Nothing was running at its hour")
    assert "It is one of 2 in a month." in said
    assert _look(paper, "2026-01-14 12:02") == []
    assert _status(paper) == [], "what happened is said for a day"
    assert _look(paper, "2026-02-13 12:00") + _look(paper, "2026-02-13 12:11") == []
    assert _keys(paper) == [], "it ends by itself, and that is no news"


def _fail(paper: Paper, at: str) -> None:
    with paper.app.database.write() as connection:
        record_poll_failed(connection, 1, now=moment(at), error="550 <ann@reader.example> away")


def test_a_source_that_fails_for_a_day_is_told_without_any_address(paper: Paper) -> None:
    paper.publish("Ferry returns")
    _fail(paper, "2026-01-08 12:00")
    assert _look(paper, "2026-01-09 11:59") == []
    assert _look(paper, "2026-01-09 12:00") == ["the source site has failed for 24 hours"]
    with paper.app.database.read() as connection:
        details = [spell.alarm.detail for spell in open_spells(connection)]
    assert "550 <(address)> away" in details
    assert _status(paper) == [], "the status says so by itself"
    _ok(paper, "2026-01-09 12:30")
    told = _look(paper, "2026-01-09 12:31") + _look(paper, "2026-01-09 12:41")
    assert told == ["it is over: the source site has failed for 24 hours"]


def _ok(paper: Paper, at: str) -> None:
    with paper.app.database.write() as connection:
        record_poll_ok(connection, 1, now=moment(at), etag=None, last_modified=None)


def _sending(paper: Paper) -> int:
    """Bring the daily on its way: one copy planned, due at 07:00."""
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    edition = paper.edition(FRIDAY)
    at = moment("2026-01-09 07:00")
    with paper.app.database.write() as connection:
        mine = sa.update(editions.edition).where(editions.edition.c.id == edition.id)
        connection.execute(mine.values(state="sending", sending_at=at))
        batch = {"edition_id": edition.id, "n": 1, "first_id": 1, "last_id": 1, "due_at": at}
        connection.execute(sa.insert(ledger.delivery_batch).values(**batch))
        add_counts(connection, {(edition.id, 0, "planned"): 1}, at=at)
    return edition.id


def _count(paper: Paper, edition_id: int, state: str, n: int, at: datetime) -> None:
    with paper.app.database.write() as connection:
        add_counts(connection, {(edition_id, 0, state): n}, at=at)


def test_a_queue_that_does_not_move_is_told_and_what_moves_is_not(paper: Paper) -> None:
    edition_id = _sending(paper)
    for minute in range(1, 16):
        assert _look(paper, f"2026-01-09 07:{minute:02}") == []
    assert _look(paper, "2026-01-09 07:16") == ["the queue does not move"]
    (said,) = _status(paper)
    assert said == (
        "The queue does not move: Copies are due since 9 Jan 2026 at 07:00, and for 15 minutes"
        " nothing came of any.  Is a sender running, and does the relay answer?"
        " Look at: digest status"
    )
    _count(paper, edition_id, "deferred", 1, paper.watch.at)
    assert _look(paper, "2026-01-09 07:17") == []
    assert _status(paper) == [], "it seems over"
    assert _look(paper, "2026-01-09 07:20") + _look(paper, "2026-01-09 07:24") == []
    assert _look(paper, "2026-01-09 07:27") == ["it is over: the queue does not move"]
    with paper.app.database.read() as connection:
        mark = read_mark(connection)
    assert mark is not None
    assert mark == Mark(mark.value, moment("2026-01-09 07:17"), moment("2026-01-09 07:27"))


def test_a_machine_that_slept_has_no_queue_that_does_not_move(paper: Paper) -> None:
    _sending(paper)
    assert _look(paper, "2026-01-09 07:01") == []
    assert _look(paper, "2026-01-09 09:00") == []
    assert _look(paper, "2026-01-09 09:05") + _look(paper, "2026-01-09 09:10") == []
    assert _look(paper, "2026-01-09 09:15") == ["the queue does not move"]


def test_a_queue_that_our_own_limits_hold_back_is_not_stuck(paper: Paper) -> None:
    _sending(paper)
    shut = rules_of(window=(time(9), time(20)))
    for minute in range(1, 30, 4):
        assert _look(paper, f"2026-01-09 07:{minute:02}", limits=shut) == []


def test_refused_copies_and_complaints_are_told_by_the_last_letter(paper: Paper) -> None:
    edition_id = _sending(paper)
    with paper.app.database.write() as connection:
        connection.execute(sa.update(ledger.delivery_batch).values(done_at=paper.watch.at))
    at = moment("2026-01-09 07:00")
    _count(paper, edition_id, "accepted", 90, at)
    _count(paper, edition_id, "failed", 10, at)
    assert _look(paper, "2026-01-09 07:05") == [f"10.0% of {FRIDAY} was refused"]
    _count(paper, edition_id, "accepted", 900, at)
    complaints = {edition_id: 7}
    told = _look(paper, "2026-01-09 07:06", complaints=lambda _connection, _ids: complaints)
    assert told == [f"0.71% of the readers of {FRIDAY} call it spam"]
    assert _look(paper, "2026-01-09 07:17") == [f"it is over: 10.0% of {FRIDAY} was refused"]


def test_a_slot_that_nobody_takes_is_told(paper: Paper) -> None:
    paper.go("2026-01-08 12:00")
    assert _all_told(paper, "2026-01-09 06:34") == []
    assert _all_told(paper, "2026-01-09 06:35") == [_LATE]
    paper.go("2026-01-09 06:36")
    told = _all_told(paper, "2026-01-09 06:37") + _all_told(paper, "2026-01-09 06:47")
    assert told == [f"it is over: {_LATE}"]


def _beats(paper: Paper, process: str, at: str) -> None:
    with paper.app.database.write() as connection:
        beat(connection, process, now=moment(at))


def test_the_sender_tells_of_a_scheduler_that_is_dead(paper: Paper) -> None:
    _beats(paper, "scheduler", "2026-01-09 07:00")
    _beats(paper, "sender", "2026-01-09 07:00")
    paper.watch.at = moment("2026-01-09 07:10")
    for _ in range(2):
        watch_processes(_tools(paper), "scheduler")
    (told,) = _new_mails(paper)
    assert told.startswith("the scheduler on ")
    assert _keys(paper) == ["process:scheduler"]
    _beats(paper, "scheduler", "2026-01-09 07:12")
    assert _look(paper, "2026-01-09 07:12") == [told.replace("scheduler", "sender")]
    with paper.app.database.write() as connection:
        connection.execute(sa.delete(heartbeat).where(heartbeat.c.process == "sender"))
    _beats(paper, "scheduler", "2026-01-09 07:23")
    assert _look(paper, "2026-01-09 07:23") == [f"it is over: {told}"]


def test_what_is_over_the_limit_is_told_the_next_day_if_it_still_lasts(
    opened: OpenPaper,
) -> None:
    few, paper = AlarmRules(daily_limit=1), opened(newsletters={"daily": a_newsletter(days=[])})
    _beats(paper, "scheduler", "2026-01-09 07:00")
    _beats(paper, "sender one", "2026-01-09 07:00")
    _beats(paper, "sender two", "2026-01-09 07:00")
    first, last = _look(paper, "2026-01-09 07:10", rules=few)
    assert "gives no sign of life" in first
    assert last == "more is wrong than is mailed in a day"
    assert _look(paper, "2026-01-09 07:11", rules=few) == []
    assert len(_status(paper)) == 3
    second, last = _look(paper, "2026-01-10 00:00", rules=few)
    assert second != first
    assert last == "more is wrong than is mailed in a day"


def test_without_operators_alarms_are_kept_for_the_status_alone(opened: OpenPaper) -> None:
    paper = opened(people={"editors": []})
    _beats(paper, "sender", "2026-01-09 06:00")
    assert _look(paper, "2026-01-09 06:40") == []
    (said,) = _status(paper)
    assert re.match(r"The sender on .* gives no sign of life: The last was on 9 Jan", said)


def test_two_that_look_at_once_begin_a_spell_once(paper: Paper) -> None:
    _beats(paper, "sender", "2026-01-09 06:00")
    _look(paper, "2026-01-09 06:30")
    with paper.app.database.read() as connection:
        (spell,) = open_spells(connection)
    with paper.app.database.write() as connection:
        assert begin_spell(connection, spell.alarm, at=paper.watch.at) is None
    assert _keys(paper) == ["process:sender"]


def test_spells_are_forgotten_after_a_season(paper: Paper) -> None:
    _look(paper, "2026-01-09 06:40")
    paper.go("2026-01-09 06:41")
    _look(paper, "2026-01-09 06:42")
    _look(paper, "2026-01-09 06:52")
    paper.watch.at += timedelta(days=91)
    _beats(paper, "sender", "2026-04-10 00:00")
    _look(paper, "2026-04-10 06:52")
    with paper.app.database.read() as connection:
        assert "process:sender" in set(connection.scalars(sa.select(alarm.c.key)))
        assert not connection.scalars(
            sa.select(alarm.c.key).where(alarm.c.ended_at.is_not(None))
        ).all()


def test_the_scheduler_looks_once_a_minute_and_the_status_tells(paper: Paper) -> None:
    watcher = _Watcher(paper.app)
    _beats(paper, "sender", "2020-01-01 00:00")
    paper.watch.at = moment("2026-01-09 06:40")
    watcher.go_round()
    assert _new_mails(paper) == [_LATE]
    (said,) = [need for need in overview(paper.app.newsroom).needs if "scheduler is late" in need]
    assert said.startswith("The scheduler is late: An edition was to be made on 9 Jan 2026")
    looks = {"06:40:59": 0, "06:41": 1, "06:42": 1, "06:36": 1}
    assert {hour: _begun(paper, watcher, hour) for hour in looks} == looks


def _begun(paper: Paper, watcher: _Watcher, hour: str) -> int:
    """Forget all alarms, and look again at an hour; give how many begin."""
    paper.watch.at = moment(f"2026-01-09 {hour}")
    with paper.app.database.write() as connection:
        connection.execute(sa.delete(alarm))
    watcher.go_round()
    with paper.app.database.read() as connection:
        return len(open_spells(connection))
