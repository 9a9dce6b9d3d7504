"""Pure. When a source is asked again: its own interval, slower after failures, as the site asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from digest.sources.model import SourceSpec, SourceState

JITTER = 0.1
"""Of `every`, to both sides: sources that began together must not be asked together for ever."""
LONGEST_WAIT = timedelta(hours=6)
"""Between two tries of a source that fails; one polled more seldom keeps its own interval."""
GONE_WAIT = timedelta(days=1)
"""Between two tries of a source whose site says that it is gone for good (410)."""
LONGEST_ASKED_WAIT = timedelta(days=1)
"""A Retry-After beyond this is a slip, or ill will."""
_SOON_ENOUGH = 1 - JITTER
_MOST_DOUBLINGS = 30


def is_due(spec: SourceSpec, state: SourceState, *, now: datetime) -> bool:
    """Tell whether a source is to be asked now. A clock that was set back starves none."""
    tried_at = state.last_tried_at
    if tried_at is None or tried_at > now:
        return True
    if asked_until(state, now=now) is not None:
        return False
    if state.next_poll_at is None:
        return now - tried_at >= spec.every * _SOON_ENOUGH
    # `every` may have been shortened since that moment was written.
    is_late = state.failures == 0 and now - tried_at >= spec.every * (1 + JITTER)
    return now >= state.next_poll_at or is_late


def after_success(
    spec: SourceSpec, *, now: datetime, chance: float, asked: datetime | None = None
) -> datetime:
    """Give when to ask a source again that was read; `chance` is in [0, 1).

    `asked` is what the site asked for itself (Retry-After).
    """
    planned = now + spec.every * (1 + JITTER * (2 * chance - 1))
    return max(planned, heeded(asked, now=now) or planned)


def after_failure(
    spec: SourceSpec,
    *,
    now: datetime,
    failures: int,
    chance: float,
    asked: datetime | None = None,
    status: int | None = None,
) -> datetime:
    """Give when to ask a source again that failed for the `failures`th time in a row.

    `asked` is what the site asked for itself (Retry-After), `status` what it answered.
    """
    wait = backoff(spec.every, failures)
    jittered = max(wait, min(wait * (1 + JITTER * chance), LONGEST_WAIT))
    planned = now + max(jittered, GONE_WAIT if status == HTTPStatus.GONE else jittered)
    return max(planned, heeded(asked, now=now) or planned)


def heeded(asked: datetime | None, *, now: datetime) -> datetime | None:
    """Give until when we leave a site alone that asks for it: a day at most."""
    if asked is None or asked <= now:
        return None
    return min(asked, now + LONGEST_ASKED_WAIT)


def backoff(every: timedelta, failures: int) -> timedelta:
    """Give the shortest wait after the `failures`th failure in a row: doubling, up to six hours."""
    if every >= LONGEST_WAIT:
        return every
    return min(every * (1 << min(max(failures - 1, 0), _MOST_DOUBLINGS)), LONGEST_WAIT)


def asked_until(state: SourceState, *, now: datetime) -> datetime | None:
    """Give until when the site asked to be left alone, if that is still to come."""
    until = state.not_before
    if until is None or until <= now or (state.last_tried_at or now) > now:
        return None
    return until


def pause_in_words(until: datetime) -> str:
    """Say until when a site is left alone."""
    return f"not asked before {until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def is_gone(state: SourceState) -> bool:
    """Tell whether the site says that the source is gone for good."""
    return state.status == HTTPStatus.GONE
