"""Pure. What one record says of one reader, by the columns of its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from subscribers.address import Address, AddressRefusedError, read_address, read_plain
from subscribers.manner import Manner
from subscribers.transfer.columns import STRENGTH, Field, State
from subscribers.transfer.faults import Reason, WontFitError
from subscribers.transfer.safe_csv import plain_cell
from subscribers.transfer.values import (
    clean,
    read_ahead,
    read_hour,
    read_ip,
    read_language,
    read_state,
    read_tags,
    read_text_only,
    read_time,
    read_words,
    read_zone,
)

USUAL = Manner()
LONGEST_ADDRESS = 1000
"""Characters of a cell that may hold an address with a name before it."""


class Word(NamedTuple):
    """The name of a list or group somebody is in, and their state with it alone."""

    name: str
    state: State | None = None


class Entry(NamedTuple):
    """One reader as a file has them; times aware UTC, None where nothing is said.

    A tuple, as a million are made.
    """

    address: Address
    state: State | None
    lists: tuple[Word, ...] = ()
    topics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    asked_at: datetime | None = None
    asked_ip: str | None = None
    confirmed_at: datetime | None = None
    confirmed_ip: str | None = None
    ended_at: datetime | None = None
    paused_until: datetime | None = None
    manner: Manner = USUAL


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what: indexes by field, and what the program's own words mean."""

    headings: tuple[str, ...]
    columns: Mapping[Field, tuple[int, ...]]
    name: str = ""
    """The known export this is; empty for a table of somebody's own."""
    state: State | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    tag_if: tuple[tuple[int, str], ...] = ()
    apart: bool = False
    formula_safe: bool = False
    plain_lists: bool = False

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.headings)

    @property
    def unused(self) -> tuple[str, ...]:
        """The headings of columns that are not taken over."""
        used = {n for indexes in self.columns.values() for n in indexes}
        used |= {n for n, _ in self.tag_if}
        return tuple(each for n, each in enumerate(self.headings) if n not in used and each)


def whole_record(layout: Layout) -> Callable[[list[str]], bool]:
    """Make the test whether a line can be a record by itself: its columns, and an address."""
    at, width = layout.columns[Field.ADDRESS][0], layout.width

    def whole(fields: list[str]) -> bool:
        return len(fields) == width and read_plain(fields[at].strip()) is not None

    return whole


class EntryReader:
    """Reads the records of one file."""

    def __init__(self, layout: Layout, *, now: datetime) -> None:
        """Look up once what every record needs; `now` bounds the dates that are believed."""
        self.layout = layout
        self._now = now
        self._address = layout.columns[Field.ADDRESS][0]
        self._rest: dict[Field, tuple[int, ...]] = {
            f: at for f, at in layout.columns.items() if f is not Field.ADDRESS
        }
        self._first = [(each, at[0]) for each, at in self._rest.items()]
        self._has_state = bool(self._rest.keys() & _OF_STATE)
        self._has_lists = Field.NEWSLETTERS in self._rest
        self._has_topics = Field.TOPICS in self._rest
        self._has_tags = Field.TAGS in self._rest or bool(layout.tag_if)
        self._has_manner = bool(self._rest.keys() & _MANNER)

    def read(self, fields: Sequence[str]) -> Entry | None:
        """Read one record; None for one with nothing in it. Raises WontFitError."""
        if len(fields) > self.layout.width:
            if any(fields[self.layout.width :]):
                width = self.layout.width
                raise WontFitError(Reason.BROKEN, f"{len(fields)} columns, the heading {width}")
        elif len(fields) <= self._address:
            if not any(fields):
                return None
            raise WontFitError(Reason.BROKEN, f"it ends after column {len(fields)}")
        text = fields[self._address]
        if self.layout.formula_safe:
            text = plain_cell(text)
        address = read_plain(text)
        if address is None:
            if not any(fields):
                return None
            address = _address(text)
        if not self._rest and not self.layout.tag_if:
            return Entry(address, self.layout.state)
        return self._whole(address, fields)

    def _whole(self, address: Address, fields: Sequence[str]) -> Entry:
        count = len(fields)
        one = {each: text for each, at in self._first if at < count and (text := fields[at])}
        if self.layout.formula_safe:
            one = {each: plain_cell(text) for each, text in one.items()}
        state, ended_at = self.layout.state, None
        if self._has_state:
            state, ended_at = self._state(one, fields)
        return Entry(
            address,
            state,
            self._lists(one, fields) if self._has_lists else (),
            self._topics(one, fields) if self._has_topics else (),
            self._tags(one, fields) if self._has_tags else (),
            read_time(one[_ASKED_AT], self._now) if _ASKED_AT in one else None,
            read_ip(one[_ASKED_IP]) if _ASKED_IP in one else None,
            read_time(one[_CONFIRMED_AT], self._now) if _CONFIRMED_AT in one else None,
            read_ip(one[_CONFIRMED_IP]) if _CONFIRMED_IP in one else None,
            ended_at,
            read_ahead(one[_UNTIL]) if _UNTIL in one else None,
            _manner(one) if self._has_manner else USUAL,
        )

    def _time(self, one: Mapping[Field, str], field: Field) -> datetime | None:
        return read_time(one[field], self._now) if field in one else None

    def _state(
        self, one: Mapping[Field, str], fields: Sequence[str]
    ) -> tuple[State | None, datetime | None]:
        """Give the strongest state of all that is said, and when it began if somebody left."""
        state = self.layout.state
        for at in self._rest.get(Field.STATE, ()):
            text = fields[at].strip() if at < len(fields) else ""
            if text:
                found = self._known(text)
                state = found if state is None else min(state, found, key=STRENGTH.__getitem__)
        ended_at = self._time(one, Field.ENDED_AT)
        if Field.DELETED_AT in one:
            return State.UNSUBSCRIBED, self._time(one, Field.DELETED_AT) or ended_at
        if state is None and Field.ENDED_AT in one and Field.LIST_STATE not in one:
            state = State.UNSUBSCRIBED
        if ended_at is None and state is not None and STRENGTH[state] <= _LAST_LEAVING:
            ended_at = self._time(one, Field.CHANGED_AT)
        return state, ended_at

    def _known(self, text: str) -> State:
        found = read_state(text, self.layout.states)
        if found is None:
            raise WontFitError(Reason.UNKNOWN_STATE, ascii(text[:_SHOWN]))
        return found

    def _many(
        self, field: Field, one: Mapping[Field, str], fields: Sequence[str]
    ) -> list[tuple[str, str]]:
        columns = self._rest.get(field, ())
        if len(columns) == 1:
            return self._words(one[field]) if field in one else []
        return [word for at in columns if at < len(fields) for word in self._words(fields[at])]

    def _words(self, text: str) -> list[tuple[str, str]]:
        return read_words(text, plain=self.layout.plain_lists)

    def _lists(self, one: Mapping[Field, str], fields: Sequence[str]) -> tuple[Word, ...]:
        common = self._known(one[Field.LIST_STATE]) if Field.LIST_STATE in one else None
        return tuple(
            Word(name, self._known(state) if state else common)
            for name, state in self._many(Field.NEWSLETTERS, one, fields)
        )

    def _topics(self, one: Mapping[Field, str], fields: Sequence[str]) -> tuple[str, ...]:
        return tuple(word for word, _ in self._many(Field.TOPICS, one, fields))

    def _tags(self, one: Mapping[Field, str], fields: Sequence[str]) -> tuple[str, ...]:
        columns = self._rest.get(Field.TAGS, ())
        if len(columns) == 1:
            found = (
                read_tags(one[Field.TAGS], plain=self.layout.plain_lists)
                if Field.TAGS in one
                else ()
            )
        else:
            cells = (fields[at] for at in columns if at < len(fields))
            found = tuple(dict.fromkeys(tag for each in cells for tag in read_tags(each)))
        more = (
            tag
            for at, tag in self.layout.tag_if
            if at < len(fields) and read_state(fields[at], {}) is State.CONFIRMED
        )
        return (*found, *more) if self.layout.tag_if else found


_LAST_LEAVING = STRENGTH[State.UNSUBSCRIBED]
_SHOWN = 60


def _address(text: str) -> Address:
    if len(text) > LONGEST_ADDRESS:
        raise WontFitError(Reason.ADDRESS, f"it is longer than {LONGEST_ADDRESS} characters")
    try:
        return read_address(text)
    except AddressRefusedError as error:
        raise WontFitError(Reason.ADDRESS, error.cause, shown=clean(text)[:_SHOWN]) from error


def _manner(one: Mapping[Field, str]) -> Manner:
    if not one.keys() & _MANNER:
        return USUAL
    said = {each: clean(one.get(each, "")) for each in _MANNER}
    return Manner(
        read_language(said[Field.LANGUAGE]),
        bool(read_text_only(said[Field.FORMAT])),
        read_zone(said[Field.ZONE]),
        read_hour(said[Field.HOUR]),
    )


# Looked up once: a member of an enum costs more than the dictionary it is a key of.
_ASKED_AT, _ASKED_IP = Field.ASKED_AT, Field.ASKED_IP
_CONFIRMED_AT, _CONFIRMED_IP = Field.CONFIRMED_AT, Field.CONFIRMED_IP
_UNTIL = Field.PAUSED_UNTIL
_OF_STATE = frozenset({Field.STATE, Field.ENDED_AT, Field.DELETED_AT})
_MANNER = frozenset({Field.LANGUAGE, Field.FORMAT, Field.ZONE, Field.HOUR})
