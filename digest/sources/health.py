"""Pure. How a source fares, in one word, a sentence and a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.sources.model import Origin, SourceKind, SourceSpec, SourceState
from digest.sources.poll_times import GONE_WAIT, asked_until, is_gone, pause_in_words

TURNED_OVER = "turned over completely between two polls; stories may have been missed"
"""The warning of a feed whose every story is new: it forgot some before we asked."""
OVERDUE_AFTER = 3
"""Times `every` without being asked: then nobody asks."""
SLACK = timedelta(minutes=5)
"""A collector that is busy, or was started again, is none that does not run."""
DEAD_AFTER = timedelta(hours=72)
"""Of nothing but failures; for one asked seldom, `OVERDUE_AFTER` times `every`."""
NEVER_READ_FOR = timedelta(hours=24)
"""The same for a source that never was read: its address is wrong, rather than its site away."""
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class HealthWord(StrEnum):
    """How a source fares, the gravest first."""

    OVERDUE = "overdue"
    DEAD = "dead"
    FAILING = "failing"
    TURNED_OVER = "turned over"
    MOVED = "moved"
    NEW = "new"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Health:
    """How a source fares: a word for a list, a sentence for a notice, what to do about it."""

    word: HealthWord
    sentence: str
    remedy: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should look."""
        return self.word not in {HealthWord.WELL, HealthWord.NEW}


def health_of(spec: SourceSpec, state: SourceState, *, now: datetime) -> Health:
    """Tell how a source fares, from what its polls left behind."""
    if spec.kind is SourceKind.PUSHED:
        return Health(HealthWord.WELL, "its stories are pushed to us")
    if state.last_tried_at is None:
        return Health(
            HealthWord.NEW,
            "it has not been asked yet",
            f"Ask it now with: digest collect {spec.name}",
        )
    if now >= _overdue_from(spec, state, state.last_tried_at):
        return _overdue(spec, now - state.last_tried_at)
    if state.failures:
        return _dead(spec, state, now) or _failing(spec, state, now)
    return _turned_over(spec, state) or _moved(spec, state) or _well(state, now)


def _overdue_from(spec: SourceSpec, state: SourceState, tried_at: datetime) -> datetime:
    """A source that fails is asked more seldom, on purpose: `next_poll_at` says when."""
    planned = state.next_poll_at or tried_at + spec.every
    others = (OVERDUE_AFTER - 1) * spec.every
    return max(planned, tried_at + spec.every) + others + SLACK


def _overdue(spec: SourceSpec, since: timedelta) -> Health:
    return Health(
        HealthWord.OVERDUE,
        f"it was last asked {_long(since)} ago, and is to be asked every {_long(spec.every)}",
        "The collector does not run: start it with: digest serve",
    )


def _dead(spec: SourceSpec, state: SourceState, now: datetime) -> Health | None:
    failing_for = now - (state.failing_since or now)
    tries = _times(state.failures, "try", "tries")
    bound = NEVER_READ_FOR if state.last_ok_at is None else DEAD_AFTER
    if is_gone(state):
        sentence = f"its site says that it is gone for good (410); asked every {_long(GONE_WAIT)}"
    elif failing_for < max(bound, OVERDUE_AFTER * spec.every):
        return None
    elif state.last_ok_at is None:
        sentence = f"it could never be read, in {tries}"
    else:
        sentence = f"it could not be read for {_long(failing_for)}, in {tries}"
    return Health(HealthWord.DEAD, sentence, f"Correct its address, or remove it{_where(spec)}.")


def _failing(spec: SourceSpec, state: SourceState, now: datetime) -> Health:
    read = "it was never read" if state.last_ok_at is None else ""
    since = read or f"it was last read {_long(now - (state.last_ok_at or now))} ago"
    pause = _pause(state, now)
    return Health(
        HealthWord.FAILING,
        f"it failed {_times(state.failures, 'time', 'times in a row')}; {since}{pause}",
        "It is asked again by itself"
        + ("." if pause else f"; try it now with: digest sources check {spec.name}"),
    )


def _turned_over(spec: SourceSpec, state: SourceState) -> Health | None:
    if TURNED_OVER not in (state.warning or ""):
        return None
    return Health(
        HealthWord.TURNED_OVER,
        f"it {TURNED_OVER}",
        f"Ask it more often than every {_long(spec.every)}, or have the feed show more stories.",
    )


def _moved(spec: SourceSpec, state: SourceState) -> Health | None:
    if not state.moved_to:
        return None
    return Health(
        HealthWord.MOVED,
        f"its site says that it has moved for good to {state.moved_to}",
        f"It is read there until you change its address{_where(spec)}.",
    )


def _well(state: SourceState, now: datetime) -> Health:
    read_at = state.last_ok_at or now
    return Health(
        HealthWord.WELL, f"it was last read {_long(now - read_at)} ago{_pause(state, now)}"
    )


def _pause(state: SourceState, now: datetime) -> str:
    until = asked_until(state, now=now)
    return f"; as its site asks, it is {pause_in_words(until)}" if until else ""


def _where(spec: SourceSpec) -> str:
    if spec.origin is Origin.FILE:
        return f" in digest.toml ([sources.{spec.name}])"
    return f" (digest sources remove {spec.name}, then add)"


def _times(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _long(span: timedelta) -> str:
    """Say how long, in the largest unit that fits twice."""
    span = max(span, timedelta())
    for unit, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if span >= 2 * unit:
            return f"{span // unit} {name}"
    return f"{_times(int(span.total_seconds()), 'second', 'seconds')}"
