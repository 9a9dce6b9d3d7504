"""Door to the database: look whether all is well, keep the spells of trouble, tell operators.

Safe to run by any number of processes: each spell is begun and ended by one row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from digest.clock import Clock, utc_now
from digest.db import Connection, Database
from digest.delivery.limit_rules import LimitRules
from digest.log import event
from digest.outbox import store as outbox
from digest.sources import store as sources
from digest.sources.model import SourceState
from digest.workflow import alarm_store, vitals_store
from digest.workflow.alarms import (
    Alarm,
    AlarmKind,
    AlarmRules,
    Changes,
    Facts,
    FailingSource,
    Letter,
    Spell,
    Verdict,
    changes,
    is_told_over,
    judge,
    over,
    silent,
)
from digest.workflow.home import why_frozen
from digest.workflow.home_store import Home
from digest.workflow.model import Newsroom
from digest.workflow.store import heartbeats
from digest.workflow.telling import operators_notices
from digest.workflow.vitals import Vitals, next_mark

_LOG = logging.getLogger(__name__)
_KEPT_FOR = timedelta(days=90)
_EVENT_SHOWN_FOR = timedelta(days=1)
_SHOWN_ELSEWHERE = frozenset({AlarmKind.HELD, AlarmKind.SOURCE})
"""`digest status` says these by itself, from the first minute."""

Complaints = Callable[[Connection, Collection[int]], Mapping[int, int]]
"""Counts who called which editions spam; gives none for those it does not know."""


def _no_complaints(_connection: Connection, _edition_ids: Collection[int]) -> Mapping[int, int]:
    return {}


@dataclass(frozen=True)
class Watch:
    """What a look needs: the newsroom, the rules, our own limits, and the machine's clock."""

    newsroom: Newsroom
    rules: AlarmRules = field(default_factory=AlarmRules)
    limits: LimitRules = field(default_factory=LimitRules)
    wall: Clock = utc_now
    complaints: Complaints = _no_complaints


def watch(tools: Watch) -> Changes:
    """Look at everything once, and tell what has begun or ended since the last look."""
    now = tools.newsroom.clock()
    _move_mark(tools.newsroom.database, now)
    with tools.newsroom.database.read() as connection:
        facts = read_facts(connection, tools, now)
        spells = alarm_store.open_spells(connection)
    found = changes(spells, judge(facts, tools.rules), now)
    untold = [spell for spell in spells if spell.told_at is None and spell.clear_at is None]
    if found.any or untold:
        with tools.newsroom.database.write() as connection:
            _write(connection, tools, found, untold, now)
    return found


def watch_processes(tools: Watch, kind: str) -> Changes:
    """Tell of processes of one kind that give no sign of life, and look at nothing else.

    The sender does so for the scheduler, which cannot tell of its own end. That it is over is told
    by the scheduler, once there is one again.
    """
    now, wall = tools.newsroom.clock(), tools.wall()
    with tools.newsroom.database.read() as connection:
        vitals = Vitals(beats=heartbeats(connection))
        spells = alarm_store.open_spells(connection)
    facts = Facts(now, wall, tools.newsroom.site.zone, vitals)
    begun = changes(spells, Verdict(tuple(silent(facts, kind=kind))), now).begin
    if begun:
        with tools.newsroom.database.write() as connection:
            _write(connection, tools, Changes(begin=begun), [], now)
    return Changes(begin=begun)


def read_facts(connection: Connection, tools: Watch, now: datetime) -> Facts:
    """Read all that the rules look at."""
    newsroom = tools.newsroom
    ids = [newsletter.id for newsletter in newsroom.newsletters]
    letters = vitals_store.last_letters(connection, ids, now=now)
    return Facts(
        now=now,
        wall=tools.wall(),
        zone=newsroom.site.zone,
        vitals=vitals_store.read_vitals(connection, ids, now=now),
        missed=vitals_store.missed_slots(connection, now=now),
        held=vitals_store.held_editions(connection),
        sources=_failing(sources.source_states(connection)),
        letters=_with_complaints(connection, letters, tools.complaints),
        held_back=is_held_back(connection, tools.limits, newsroom.home, now=now),
    )


def is_held_back(
    connection: Connection, limits: LimitRules, home: Home | None, *, now: datetime
) -> bool:
    """Tell whether we ourselves let nothing leave: by our limits, or before a person's word."""
    if vitals_store.is_held_back(connection, limits, now):
        return True
    return home is not None and bool(why_frozen(connection, home))


def alarms_now(connection: Connection, *, now: datetime) -> list[str]:
    """Say what is wrong and is not said elsewhere, as `digest status` lists what needs a person.

    What merely happened, as a slot that was missed, is said for a day.
    """
    return [
        f"{_sentence(spell.alarm.what)}: {spell.alarm.detail}  {spell.alarm.remedy}"
        for spell in alarm_store.open_spells(connection)
        if spell.clear_at is None
        and spell.alarm.kind not in _SHOWN_ELSEWHERE
        and (spell.alarm.kind is not AlarmKind.MISSED or now - spell.began_at < _EVENT_SHOWN_FOR)
    ]


def _sentence(what: str) -> str:
    """Begin with a capital, but for the name of an edition: it is typed as it is."""
    return f"T{what[1:]}" if what.startswith("the ") else what


def _move_mark(database: Database, now: datetime) -> None:
    """Note whether the queue has moved since the last look; nothing is written where it is idle."""
    with database.read() as connection:
        if vitals_store.copy_due_at(connection, now=now) is None:
            return
        mark = alarm_store.read_mark(connection)
        moved = next_mark(mark, vitals_store.progress(connection, now=now), now)
    with database.write() as connection:
        alarm_store.write_mark(connection, moved)


def _failing(states: Sequence[SourceState]) -> list[FailingSource]:
    return [
        FailingSource(state.name, state.failing_since, state.error or "")
        for state in states
        if state.failing_since is not None
    ]


def _with_complaints(
    connection: Connection, letters: Sequence[Letter], complaints: Complaints
) -> list[Letter]:
    counted = complaints(connection, [letter.edition_id for letter in letters])
    return [replace(each, complained=counted.get(each.edition_id, 0)) for each in letters]


def _write(
    connection: Connection, tools: Watch, found: Changes, untold: Sequence[Spell], now: datetime
) -> None:
    alarm_store.mark_clear(connection, found.back, at=None)
    alarm_store.mark_clear(connection, found.clear, at=now)
    begun = [_begin(connection, alarm, now) for alarm in found.begin]
    for spell in (*(each for each in begun if each is not None), *untold):
        if spell.told_at is None and _tell_begun(connection, tools, spell, now):
            alarm_store.mark_told(connection, spell, at=now)
    for spell in found.end:
        if alarm_store.end_spell(connection, spell, at=now):
            event(_LOG, "alarm is over", alarm=spell.alarm.key)
            if is_told_over(spell):
                _put(connection, tools, f"over:{spell.id}", over(spell, _zone(tools)), now)
    alarm_store.forget_spells(connection, before=now - _KEPT_FOR)


def _begin(connection: Connection, alarm: Alarm, now: datetime) -> Spell | None:
    spell = alarm_store.begin_spell(connection, alarm, at=now)
    if spell is not None:
        facts = {"alarm": alarm.key, "what": alarm.what, "detail": alarm.detail}
        event(_LOG, "alarm", logging.WARNING, **facts)
    return spell


def _tell_begun(connection: Connection, tools: Watch, spell: Spell, now: datetime) -> bool:
    """Tell operators; False while their mails of the day are used up: then it is told tomorrow."""
    alarm = spell.alarm
    words = (alarm.what, alarm.detail, alarm.remedy)
    told = _put(connection, tools, f"alarm:{spell.id}", words, now)
    return told or not tools.newsroom.operators


def _put(
    connection: Connection, tools: Watch, key: str, words: tuple[str, str, str], now: datetime
) -> bool:
    what, detail, remedy = words
    notices = operators_notices(
        tools.newsroom.operators,
        key=key,
        what=what,
        detail=detail,
        remedy=remedy,
        now=now,
        a_day=tools.rules.daily_limit,
    )
    told = [outbox.put(connection, notice) for notice in notices]
    return any(told)


def _zone(tools: Watch) -> str:
    return tools.newsroom.site.zone
