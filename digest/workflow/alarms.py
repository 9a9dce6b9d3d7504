"""Pure. What operators are told is wrong: the rules over facts, and the spells of trouble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from digest.delivery.settle import without_addresses
from digest.editions.wording import age_in_words, count_of, moment_in_words
from digest.workflow.store import Heartbeat
from digest.workflow.vitals import EXPECTED_FOR, Vitals, age, is_due_for, is_stuck, kind_of

SILENT_FOR = timedelta(minutes=2)
"""A process that is started again needs no mail."""
LATE_FOR = timedelta(minutes=5)
"""The clockwork looks every few seconds; an edition that is made takes less."""
CLEAR_FOR = timedelta(minutes=10)
"""Trouble that comes and goes every minute is one spell, not twenty mails."""
_LEAST_REFUSED, _LEAST_COMPLAINED = 5, 3
"""Of three readers one who moved is a third: that says nothing about a list."""
_LEAST_ANSWERED = 20
_RATES_FOR = timedelta(days=31)
_MINUTE = timedelta(minutes=1)


class AlarmKind(StrEnum):
    """The kinds of trouble, as the metrics name them."""

    PROCESS = "process"
    LATE = "late"
    QUEUE = "queue"
    MISSED = "missed"
    HELD = "held"
    BOUNCES = "bounces"
    COMPLAINTS = "complaints"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """When something is an alarm. Rates are shares of one."""

    daily_limit: int = 20
    source_failing: timedelta = timedelta(hours=24)
    queue_stuck: timedelta = timedelta(minutes=15)
    bounce_rate: float = 0.05
    complaint_rate: float = 0.001


@dataclass(frozen=True, slots=True)
class MissedSlot:
    """A newsletter's latest slot that was missed, and how many were in a month."""

    slug: str
    address: str
    reason: str
    n: int


@dataclass(frozen=True, slots=True)
class HeldEdition:
    """An edition that is held; `begun`: some readers have it, and the step itself told why."""

    address: str
    reason: str
    begun: bool


@dataclass(frozen=True, slots=True)
class FailingSource:
    """A source that fails, since when (aware UTC), and what it last said."""

    name: str
    since: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A newsletter's last letter: how many copies were accepted, refused and complained of."""

    edition_id: int
    slug: str
    address: str
    accepted: int
    refused: int
    complained: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at; `now` is the newsroom's hour, `wall` the machine's.

    Hours are said in `zone`; `held_back`: our own limits let nothing leave now.
    """

    now: datetime
    wall: datetime
    zone: str
    vitals: Vitals = field(default_factory=Vitals)
    missed: Sequence[MissedSlot] = ()
    held: Sequence[HeldEdition] = ()
    sources: Sequence[FailingSource] = ()
    letters: Sequence[Letter] = ()
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong; while it lasts its `key` stays the same."""

    kind: AlarmKind
    key: str
    what: str
    detail: str
    remedy: str
    mailed: bool = True
    """Whether we mail it; else the step that caused it has done so."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong now, and of which letters rates could be judged: others stay as they were."""

    alarms: tuple[Alarm, ...]
    rated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Spell:
    """A time of trouble as it is kept: it began, was told, seems clear; times aware UTC."""

    id: int
    alarm: Alarm
    began_at: datetime
    told_at: datetime | None = None
    clear_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What one look at the facts changes of the spells.

    `clear` seem over for the first time, `back` seemed over and are not, `end` are over.
    """

    begin: tuple[Alarm, ...] = ()
    back: tuple[Spell, ...] = ()
    clear: tuple[Spell, ...] = ()
    end: tuple[Spell, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.begin or self.back or self.clear or self.end)


def judge(facts: Facts, rules: AlarmRules) -> Verdict:
    """Tell what is wrong, the gravest first."""
    rates, rated = _rates(facts, rules)
    found = [
        *silent(facts),
        *_late(facts),
        *_stuck(facts, rules),
        *(_missed(each) for each in facts.missed),
        *(_held(each) for each in facts.held),
        *rates,
        *_failing(facts, rules),
    ]
    return Verdict(tuple(_discreet(each) for each in found), rated)


def silent(facts: Facts, *, kind: str = "") -> list[Alarm]:
    """Tell which processes give no sign of life; only those of a kind, where one is named."""
    return [
        _silent(beat, facts.zone)
        for beat in facts.vitals.beats
        if SILENT_FOR <= facts.wall - beat.beat_at < EXPECTED_FOR
        and kind in {"", kind_of(beat.process)}
    ]


def changes(spells: Sequence[Spell], verdict: Verdict, now: datetime) -> Changes:
    """Compare what is wrong now with what was: each spell begins once and ends once.

    It ends when it has been clear for a while, so that what comes and goes is one spell.
    """
    raised = {alarm.key for alarm in verdict.alarms}
    known = {spell.alarm.key for spell in spells}
    judged = [spell for spell in spells if _is_judged(spell, verdict, now)]
    clear = [spell for spell in judged if spell.alarm.key not in raised]
    return Changes(
        begin=tuple(each for each in verdict.alarms if each.key not in known),
        back=tuple(each for each in judged if each.alarm.key in raised and each.clear_at),
        clear=tuple(each for each in clear if each.clear_at is None),
        end=tuple(each for each in clear if each.clear_at and _has_settled(each.clear_at, now)),
    )


def over(spell: Spell, zone: str) -> tuple[str, str, str]:
    """Say that it is over: what it was, from when to when, and what is left to do."""
    ended_at = spell.clear_at or spell.began_at
    lasted = age_in_words(max(_MINUTE, ended_at - spell.began_at))
    began, ended = moment_in_words(spell.began_at, zone), moment_in_words(ended_at, zone)
    detail = f"It lasted from {began} to {ended}, for {lasted}."
    return f"it is over: {spell.alarm.what}", detail, "There is nothing to do."


def is_told_over(spell: Spell) -> bool:
    """Tell whether its end is news: not of what merely happened, nor of what nobody was told."""
    return spell.told_at is not None and spell.alarm.kind is not AlarmKind.MISSED


def _is_judged(spell: Spell, verdict: Verdict, now: datetime) -> bool:
    """Tell whether a spell may end: of a rate only when another letter was good, or none came."""
    rate = spell.alarm.kind in {AlarmKind.BOUNCES, AlarmKind.COMPLAINTS}
    return not rate or spell.alarm.key in verdict.rated or now - spell.began_at > _RATES_FOR


def _has_settled(clear_at: datetime, now: datetime) -> bool:
    return now - clear_at >= CLEAR_FOR or now < clear_at  # a clock that was set back ends it too


def _discreet(alarm: Alarm) -> Alarm:
    """Take addresses out of words that came from outside: alarms stand in mail, log and status."""
    return replace(alarm, detail=without_addresses(alarm.detail))


def _silent(beat: Heartbeat, zone: str) -> Alarm:
    return Alarm(
        AlarmKind.PROCESS,
        f"process:{beat.process}",
        f"the {kind_of(beat.process)} on {beat.host} gives no sign of life",
        f"The last was on {moment_in_words(beat.beat_at, zone)}, by process {beat.pid}.",
        "Start it again (digest serve, or its service); its log says why it ended.",
    )


def _late(facts: Facts) -> list[Alarm]:
    due_at = facts.vitals.slot_due_at
    if due_at is None or not is_due_for(due_at, facts.now, LATE_FOR):
        return []
    hour = moment_in_words(due_at, facts.zone)
    return [
        Alarm(
            AlarmKind.LATE,
            "late",
            "the scheduler is late",
            f"An edition was to be made on {hour}, and nobody has begun with it.",
            "The scheduler's log says what it is at. Look at: digest status",
        )
    ]


def _stuck(facts: Facts, rules: AlarmRules) -> list[Alarm]:
    due_at = facts.vitals.copy_due_at
    stuck = is_stuck(facts.vitals, facts.now, patience=rules.queue_stuck)
    if due_at is None or not stuck or facts.held_back:
        return []
    since, patience = moment_in_words(due_at, facts.zone), age_in_words(rules.queue_stuck)
    return [
        Alarm(
            AlarmKind.QUEUE,
            "queue",
            "the queue does not move",
            f"Copies are due since {since}, and for {patience} nothing came of any.",
            "Is a sender running, and does the relay answer? Look at: digest status",
        )
    ]


def _missed(missed: MissedSlot) -> Alarm:
    more = f" It is one of {missed.n} in a month." if missed.n > 1 else ""
    return Alarm(
        AlarmKind.MISSED,
        f"missed:{missed.address}",
        f"{missed.address} was missed",
        f"{missed.reason}{more}",
        "Its stories wait for the next edition. What kept the scheduler from running?",
    )


def _held(held: HeldEdition) -> Alarm:
    verb = "resume" if held.begun else "approve"
    return Alarm(
        AlarmKind.HELD,
        f"held:{held.address}",
        f"{held.address} is held",
        held.reason,
        f"Let it go: digest {verb} {held.address}",
        mailed=not held.begun,
    )


def _failing(facts: Facts, rules: AlarmRules) -> list[Alarm]:
    return [
        Alarm(
            AlarmKind.SOURCE,
            f"source:{each.name}",
            f"the source {each.name} has failed for {age_in_words(age(each.since, facts.now))}",
            each.error,
            "Look at it with: digest sources check",
        )
        for each in facts.sources
        if is_due_for(each.since, facts.now, rules.source_failing)
    ]


def _rates(facts: Facts, rules: AlarmRules) -> tuple[list[Alarm], frozenset[str]]:
    """Judge the last letters, but for those with too few answers yet."""
    found: list[Alarm] = []
    rated: set[str] = set()
    for letter in facts.letters:
        if letter.accepted + letter.refused >= _LEAST_ANSWERED:
            rated |= {_rate_key(kind, letter) for kind in (_BOUNCES, _COMPLAINTS)}
            found += _bounces(letter, rules) + _complaints(letter, rules)
    return found, frozenset(rated)


_BOUNCES, _COMPLAINTS = AlarmKind.BOUNCES, AlarmKind.COMPLAINTS


def _rate_key(kind: AlarmKind, letter: Letter) -> str:
    return f"{kind}:{letter.slug}"


def _bounces(letter: Letter, rules: AlarmRules) -> list[Alarm]:
    answered = letter.accepted + letter.refused
    rate = letter.refused / answered
    if letter.refused < _LEAST_REFUSED or rate <= rules.bounce_rate:
        return []
    copies = count_of(answered, "copy", "copies")
    return [
        Alarm(
            _BOUNCES,
            _rate_key(_BOUNCES, letter),
            f"{rate:.1%} of {letter.address} was refused",
            f"{letter.refused} of {copies}; the limit is {rules.bounce_rate:.1%}."
            " Providers turn against who writes to old addresses.",
            f"Why they were refused: digest status {letter.address}",
        )
    ]


def _complaints(letter: Letter, rules: AlarmRules) -> list[Alarm]:
    rate = letter.complained / letter.accepted if letter.accepted else 0.0
    if letter.complained < _LEAST_COMPLAINED or rate <= rules.complaint_rate:
        return []
    readers = count_of(letter.accepted, "reader", "readers")
    return [
        Alarm(
            _COMPLAINTS,
            _rate_key(_COMPLAINTS, letter),
            f"{rate:.2%} of the readers of {letter.address} call it spam",
            f"{letter.complained} of {readers}; the limit is {rules.complaint_rate:.2%}."
            " Providers turn against who is complained of.",
            f"Had they asked for it? Look at: digest status {letter.address}",
        )
    ]
