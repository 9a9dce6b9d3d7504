"""Pure. Readers as the desk's tables show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.editions.model import Newsletter
from subscribers.directory_store import Entry
from subscribers.model import EVERYTHING, SubscriptionState, SuppressionReason
from subscribers.rights_store import Listed
from subscribers.segments import state_at


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """One reader in a list: what they get, each with where they stand."""

    public_id: str
    address: str
    standings: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    since: datetime | None


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many stand how with one newsletter."""

    name: str
    slug: str
    counts: tuple[int, ...]
    """In the order of the states: confirmed, paused, unconfirmed, unsubscribed."""


@dataclass(frozen=True, slots=True)
class NeverRow:
    """One line of the never-mail list; `may_lift`: the publisher put it there."""

    address: str
    named: str
    scope: str
    reason: str
    at: datetime
    may_lift: bool


_ORDER = (
    SubscriptionState.CONFIRMED,
    SubscriptionState.PAUSED,
    SubscriptionState.UNCONFIRMED,
    SubscriptionState.UNSUBSCRIBED,
)
_HASH_SHOWN = 12


def reader_rows(
    entries: Iterable[Entry],
    *,
    names: Mapping[int, str],
    slugs: Mapping[int, str],
    now: datetime,
) -> list[ReaderRow]:
    """Give readers as a list shows them; a newsletter that is gone keeps its slug."""
    rows = []
    for entry in entries:
        standings = tuple(
            (
                names.get(each.newsletter_id, slugs.get(each.newsletter_id, "")),
                state_at(each, now).value,
            )
            for each in entry.standings
        )
        reader = entry.reader
        rows.append(
            ReaderRow(reader.public_id, reader.address, standings, entry.tags, reader.created_at)
        )
    return rows


def state_counts(
    newsletters: Sequence[Newsletter], counts: Mapping[int, Mapping[SubscriptionState, int]]
) -> list[CountRow]:
    """Give the figures of each newsletter in the order in which they are offered."""
    return [
        CountRow(
            each.spec.name,
            each.slug,
            tuple(counts.get(each.id, {}).get(state, 0) for state in _ORDER),
        )
        for each in newsletters
    ]


def never_rows(listed: Iterable[Listed]) -> list[NeverRow]:
    """Give lines of the never-mail list; an address that is not known any more has its hash."""
    return [
        NeverRow(
            address=each.address or "",
            named=each.address or f"hash {each.address_hmac[:_HASH_SHOWN]}",
            scope="" if each.scope == EVERYTHING else each.scope,
            reason=each.reason.value,
            at=each.at,
            may_lift=each.reason is SuppressionReason.PUBLISHER and bool(each.address),
        )
        for each in listed
    ]
