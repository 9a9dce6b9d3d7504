"""Pure. How an edition on its way fares, as the desk says it: how far, how fast, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from digest.delivery.progress import done_of
from digest.editions.model import EditionState
from digest.editions.wording import date_in_words
from digest.web.desk.home_words import State, edition_path, percent, state_of
from digest.web.desk.troubles import sentence
from digest.workflow.calendar_store import Approved
from digest.workflow.status import SendingView

_LEAST_SECONDS, _MOST_SECONDS = 1.0, 30.0
_SLOW, _FAST = 0.5, 100
_MINUTE = 60
_LONGEST = 7 * 24 * 3600
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """How many copies were done at a moment (seconds since 1970) that was looked at before."""

    at: float
    done: int


@dataclass(frozen=True, slots=True)
class Moving:
    """An edition that has begun to be sent and is not out."""

    id: int
    state: State
    title: str
    about: str
    path: str
    percent: int
    done: int
    total: int
    pace: str
    """How fast and until when, or what keeps it; empty when nobody knows yet."""
    waits: tuple[str, ...]
    since: str
    """What the next look is to be told, to know the pace."""
    is_sending: bool


def read_since(text: str) -> dict[int, Seen]:
    """Read what was seen before, as `17-1200-1767942300.5`, apart by commas."""
    found: dict[int, Seen] = {}
    for part in text[:400].split(","):
        numbers = part.split("-")
        if len(numbers) != _PARTS:
            continue
        try:
            found[int(numbers[0])] = Seen(float(numbers[2]), int(numbers[1]))
        except ValueError:
            continue
    return found


def moving_of(
    view: SendingView,
    *,
    name: str,
    subject: str,
    approved: Approved | None,
    seen: Seen | None,
    now: datetime,
    zone: ZoneInfo,
) -> Moving:
    """Say how an edition fares; `seen` is an earlier look, by which its pace is known."""
    edition, counts = view.edition, view.tally
    done, at = done_of(counts), now.timestamp()
    is_sending = edition.state is EditionState.SENDING
    known = seen if seen and 0 <= at - seen.at <= _MOST_SECONDS and seen.done <= done else None
    kept = known or Seen(at, done)
    about = f"{name}, {date_in_words(edition.local_date)}"
    if approved is not None:
        about += f" · approved by {approved.by} at {approved.at.astimezone(zone):%H:%M}"
    return Moving(
        id=edition.id,
        state=state_of(edition, counts),
        title=subject or edition.address,
        about=about,
        path=edition_path(edition.address),
        percent=percent(counts),
        done=done,
        total=counts.total,
        pace=_pace(kept, done, counts.planned, now, zone) if is_sending else "",
        waits=_waits(view),
        since=f"{edition.id}-{kept.done}-{kept.at:.1f}",
        is_sending=is_sending,
    )


def _waits(view: SendingView) -> tuple[str, ...]:
    edition = view.edition
    found = [edition.reason, *view.waits]
    if view.tally.deferred:
        found.append(f"{view.tally.deferred:,} were put off and are tried again")
    return tuple(sentence(each) for each in found if each)


def _pace(seen: Seen, done: int, left: int, now: datetime, zone: ZoneInfo) -> str:
    seconds = now.timestamp() - seen.at
    if seconds < _LEAST_SECONDS or done <= seen.done or not left:
        return ""
    per_second = (done - seen.done) / seconds
    words = _rate(per_second)
    if left / per_second < _LONGEST:
        ends = (now + timedelta(seconds=left / per_second)).astimezone(zone)
        words += f" · done about {ends:%H:%M}"
    return words


def _rate(per_second: float) -> str:
    if per_second >= _FAST:
        return f"{per_second:,.0f} a second"
    if per_second >= _SLOW:
        return f"{per_second:.1f} a second"
    return f"{per_second * _MINUTE:.0f} a minute"
