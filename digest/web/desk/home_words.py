"""Pure. What the desk's home says: a week of editions, a list of them, and what is to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from digest.delivery.model import Tally
from digest.editions.cadence import next_slots, slots_on
from digest.editions.model import (
    MAIN_SLOT,
    Edition,
    EditionState,
    Newsletter,
    Slot,
    SlotState,
)
from digest.editions.wording import count_of
from digest.workflow.calendar_store import Approved
from digest.workflow.store import EmptySlot

DAYS = 7
_DAY = timedelta(days=1)
_FARTHEST = timedelta(days=366 * 50)
"""From today: nobody was, or will be, there beyond it."""
_WHOLE = 100
_HOURS_SAID = 48
_MINUTES, _SECONDS = 60, 3600
_LONGEST_REASON = 90

MARKS: Mapping[str, str] = {
    EditionState.DRAFT: "draft",
    EditionState.IN_REVIEW: "review",
    EditionState.APPROVED: "approved",
    EditionState.SENDING: "sending",
    EditionState.SENT: "sent",
    EditionState.HELD: "held",
    EditionState.STOPPED: "held",
    EditionState.SKIPPED: "skipped",
    EditionState.EXPIRED: "skipped",
    SlotState.MISSED: "skipped",
    SlotState.HOLIDAY: "skipped",
}
"""The drawn mark of a state: its class in the style sheet."""

FILTERS: Mapping[str, tuple[EditionState, ...]] = {
    "": tuple(EditionState),
    "to decide": (EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD),
    "approved": (EditionState.APPROVED,),
    "sending": (EditionState.SENDING, EditionState.STOPPED),
    "sent": (EditionState.SENT,),
    "not sent": (EditionState.SKIPPED, EditionState.EXPIRED),
}
"""What the list may be cut down to; "not sent" has besides the slots without an edition."""
_WITH_EMPTY = frozenset({"", "not sent"})


@dataclass(frozen=True, slots=True)
class State:
    """A state as it is shown: a word, and the class of the mark before it."""

    word: str
    mark: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An edition, or a slot without one, in one cell of the week."""

    state: State
    detail: str
    path: str = ""
    """Where it is looked at; empty: nowhere."""
    name: str = ""
    """The slot's, where it is not the day's only one."""


@dataclass(frozen=True, slots=True)
class Day:
    """A column of the week."""

    words: str
    is_today: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One newsletter's week: the entries of each day."""

    name: str
    cells: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days of editions, from Monday on; `before` and `after` are the Mondays beside it."""

    title: str
    days: tuple[Day, ...]
    rows: tuple[Row, ...]
    before: date
    after: date
    is_now: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One edition, or a slot without one, in the list by date."""

    when: str
    utc: str
    newsletter: str
    subject: str
    state: State
    detail: str
    path: str
    action: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """When a newsletter comes next: drafted and sent, in the site's zone and in UTC."""

    newsletter: str
    when: str
    utc: str
    draft: str
    waits: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """All that one look at the database gave of some editions, by the edition's id."""

    editions: Sequence[Edition]
    empty: Sequence[EmptySlot] = ()
    tallies: Mapping[int, Tally] = field(default_factory=dict)
    stories: Mapping[int, int] = field(default_factory=dict)
    subjects: Mapping[int, str] = field(default_factory=dict)
    approvals: Mapping[int, Approved] = field(default_factory=dict)


# The week


def monday_of(text: str, today: date) -> date:
    """Give the Monday of the week asked for (`2026-01-05`); of this one for what is no date."""
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        day = today
    if abs((day - today).days) > _FARTHEST.days:
        day = today
    return day - timedelta(days=day.weekday())


def week_of(
    monday: date, newsletters: Sequence[Newsletter], shelf: Shelf, *, now: datetime, zone: ZoneInfo
) -> Week:
    """Lay out a week: what was, what is, and what the cadence says is to come."""
    today = now.astimezone(zone).date()
    days = [monday + n * _DAY for n in range(DAYS)]
    rows = tuple(_row(newsletter, days, shelf, now) for newsletter in newsletters)
    last = days[-1]
    return Week(
        title=f"{monday.day} {monday:%B} to {last.day} {last:%B} {last.year}",
        days=tuple(Day(f"{day:%a} {day.day}", day == today) for day in days),
        rows=rows,
        before=monday - DAYS * _DAY,
        after=monday + DAYS * _DAY,
        is_now=monday <= today <= last,
    )


def _row(newsletter: Newsletter, days: Sequence[date], shelf: Shelf, now: datetime) -> Row:
    cells = []
    for day in days:
        made = [
            each
            for each in shelf.editions
            if each.newsletter_id == newsletter.id and each.local_date == day
        ]
        empty = [
            each for each in shelf.empty if each.slug == newsletter.slug and each.local_date == day
        ]
        taken = {each.slot_name for each in made} | {each.slot_name for each in empty}
        cells.append(
            (
                *(_made_entry(each, shelf) for each in made),
                *(_empty_entry(each) for each in empty),
                *_coming(newsletter, day, taken, now),
            )
        )
    return Row(newsletter.spec.name, tuple(cells))


def _made_entry(edition: Edition, shelf: Shelf) -> Entry:
    counts = shelf.tallies.get(edition.id, Tally())
    return Entry(
        state=state_of(edition, counts),
        detail=_in_short(edition, counts, shelf.stories.get(edition.id, 0)),
        path=edition_path(edition.address),
        name=slot_words(edition.slot_name),
    )


def _in_short(edition: Edition, counts: Tally, stories: int) -> str:
    if edition.state is EditionState.SENDING and counts.total:
        return f"{percent(counts)}%"
    if edition.state in {EditionState.SKIPPED, EditionState.EXPIRED, EditionState.HELD}:
        return short(edition.reason)
    return count_of(stories, "story", "stories")


def _empty_entry(empty: EmptySlot) -> Entry:
    words = State(str(empty.state).capitalize(), MARKS[empty.state])
    return Entry(words, short(empty.reason), name=slot_words(empty.slot_name))


def _coming(newsletter: Newsletter, day: date, taken: set[str], now: datetime) -> list[Entry]:
    cadence = newsletter.spec.cadence
    zone = ZoneInfo(cadence.zone)
    found = []
    for slot in slots_on(cadence, day):
        if slot.name in taken or slot.cut_off_at <= now:
            continue
        hour = f"{slot.cut_off_at.astimezone(zone):%H:%M}"
        if slot.holiday:
            entry = Entry(State("Holiday", "skipped"), "Stories wait", name=slot_words(slot.name))
        else:
            entry = Entry(State("To come", "draft"), f"Draft at {hour}", name=slot_words(slot.name))
        found.append(entry)
    return found


# The list


def lines_of(
    shelf: Shelf,
    names: Mapping[int, str],
    *,
    shown: str,
    zone: ZoneInfo,
    now: datetime,
) -> list[Line]:
    """List editions and slots without one, the newest first; `shown` is one of FILTERS."""
    found = [_made_line(each, shelf, names, zone, now) for each in shelf.editions]
    if shown in _WITH_EMPTY:
        found += [_empty_line(each, zone, now) for each in shelf.empty]
    return sorted(found, key=lambda line: line.moment, reverse=True)


def _made_line(
    edition: Edition, shelf: Shelf, names: Mapping[int, str], zone: ZoneInfo, now: datetime
) -> Line:
    counts = shelf.tallies.get(edition.id, Tally())
    return Line(
        when=when(edition.send_at, zone, now),
        utc=utc(edition.send_at),
        newsletter=names.get(edition.newsletter_id, edition.slug),
        subject=shelf.subjects.get(edition.id, ""),
        state=state_of(edition, counts),
        detail=_detail(edition, counts, shelf, zone, now),
        path=edition_path(edition.address),
        action=_action(edition),
        moment=edition.send_at,
    )


def _detail(edition: Edition, counts: Tally, shelf: Shelf, zone: ZoneInfo, now: datetime) -> str:
    approved = shelf.approvals.get(edition.id)
    if edition.state is EditionState.APPROVED and approved is not None:
        return f"By {approved.by}, {when(approved.at, zone, now)}"
    if counts.total:
        return f"{counts.accepted:,} of {counts.total:,} accepted"
    if edition.reason:
        return short(edition.reason)
    return count_of(shelf.stories.get(edition.id, 0), "story", "stories")


def _empty_line(empty: EmptySlot, zone: ZoneInfo, now: datetime) -> Line:
    return Line(
        when=when(empty.cut_off_at, zone, now),
        utc=utc(empty.cut_off_at),
        newsletter=empty.name,
        subject="",
        state=State(str(empty.state).capitalize(), MARKS[empty.state]),
        detail=short(empty.reason),
        path="",
        action="",
        moment=empty.cut_off_at,
    )


def _action(edition: Edition) -> str:
    if edition.state in {EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD}:
        return "Edit"
    return "Open"


# What is to come


def runs_of(
    newsletters: Sequence[Newsletter], *, now: datetime, zone: ZoneInfo, most: int = 4
) -> list[Run]:
    """Give the next runs of all newsletters, the first to come first."""
    coming = [
        (slot, newsletter)
        for newsletter in newsletters
        for slot in next_slots(newsletter.spec.cadence, now, 1)
    ]
    coming.sort(key=lambda each: (each[0].send_at, each[1].slug))
    return [_run(newsletter, slot, now, zone) for slot, newsletter in coming[:most]]


def _run(newsletter: Newsletter, slot: Slot, now: datetime, zone: ZoneInfo) -> Run:
    own = ZoneInfo(newsletter.spec.cadence.zone)
    goes, drafted = slot.send_at.astimezone(zone), slot.cut_off_at.astimezone(zone)
    day = "" if drafted.date() == goes.date() else f"{drafted:%a} "
    words = when(slot.send_at, zone, now)
    if own.key != zone.key:
        there = own.key.rpartition("/")[2].replace("_", " ")
        words += f" ({slot.send_at.astimezone(own):%H:%M} in {there})"
    return Run(
        newsletter=newsletter.spec.name,
        when=words,
        utc=utc(slot.send_at),
        draft=f"draft at {day}{drafted:%H:%M}",
        waits=waits(slot.send_at - now),
    )


# Words


def edition_path(address: str) -> str:
    """Give the path of an edition's page below the desk's."""
    return f"editions/{address}"


def state_of(edition: Edition, counts: Tally) -> State:
    """Say a state: `sent` only when every copy is final."""
    word = str(edition.state).capitalize()
    if edition.state is EditionState.SENDING and counts.deferred and not counts.planned:
        word = f"Sending, {counts.deferred:,} to retry"
    return State(word, MARKS[edition.state])


def percent(counts: Tally) -> int:
    """Give how many per cent have had their first try, rounded down."""
    done = counts.total - counts.planned
    return done * _WHOLE // counts.total if counts.total else 0


def slot_words(name: str) -> str:
    """Give a slot's name where it is to be told from others."""
    return "" if name == MAIN_SLOT else name.replace("-", " ")


def short(reason: str) -> str:
    """Cut a reason at a word, and take the full stop off."""
    words = reason.rstrip(".")
    if len(words) <= _LONGEST_REASON:
        return words
    return f"{words[:_LONGEST_REASON].rpartition(' ')[0]}…"


def when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Say `Mon 12 Jan, 07:00`; with the year where it is another."""
    local = at.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}"


def utc(at: datetime) -> str:
    """Say `07:00 UTC`."""
    return f"{at.astimezone(UTC):%H:%M} UTC"


def waits(left: timedelta) -> str:
    """Say `in 24 h 55 min`, `in 3 days`."""
    seconds = max(0, int(left.total_seconds()))
    hours, minutes = seconds // _SECONDS, seconds % _SECONDS // _MINUTES
    if hours >= _HOURS_SAID:
        return f"in {count_of(hours // 24, 'day', 'days')}"
    return f"in {hours} h {minutes} min" if hours else f"in {minutes} min"
