"""Join and leave: subscribe, confirm, unsubscribe, add, suppress. Each acts once however repeated.

A public answer never tells whether an address is known: the same rows are written, nothing is sent
from here, and mail goes out later from the notices.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from digest.clock import to_utc
from digest.db import Connection, Database
from digest.errors import NotFoundError, UsageError
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from subscribers import store
from subscribers.address import Address, read_address, refuse
from subscribers.model import (
    EVERYTHING,
    Act,
    Consent,
    ConsentKind,
    NewSubscriber,
    Outcome,
    Standing,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.suppression import NORM_VERSION, address_hash
from subscribers.tokens import CONFIRM_LIFE, Grant, Keys, Purpose, StaleTokenError, refuse_stale

_READER_BYTES = 12


def subscribe(
    database: Database,
    address_text: str,
    newsletter_ids: Collection[int],
    act: Act,
    *,
    keys: Keys,
    zone: str,
    newsletter_names: Mapping[int, str],
    confirm_link: Callable[[str], str],
    double_opt_in: bool = True,
    language: str = "",
) -> Outcome:
    """Ask, for an address, for some newsletters: a notice asks its owner to confirm.

    Known, unknown and suppressed addresses give the same outcome. One mail at most asks for the
    same newsletter and address on a day (local, in `zone`), in the reader's `language`, else in
    this one. Without `double_opt_in` the reader is confirmed at once, and nothing is mailed.
    Raises AddressError, and UsageError or NotFoundError for the newsletters.
    """
    address = read_address(address_text)
    wanted = _known(newsletter_ids, newsletter_names)
    hashed = address_hash(keys.suppression, address.key)
    with database.write() as connection:
        allowed = _allowed(connection, hashed, wanted)
        reader = _reader(connection, address, hashed, act) if allowed else None
        if reader is None:
            pass
        elif double_opt_in:
            fresh = _ask(connection, reader, allowed, act, _midnight(act.at, zone))
            if fresh:
                grant = Grant(reader.public_id, _asked_ids(fresh), issued_at=act.at)
                link = confirm_link(keys.links.sign(Purpose.CONFIRM, grant))
                facts = _facts(reader, _asked_ids(fresh), newsletter_names, language)
                outbox.put(connection, _ask_notice(reader, fresh, {**facts, **_asking(link)}, act))
        else:
            _join(connection, reader, allowed, act)
    return Outcome(None, wanted)


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the mail to a new reader says that others know, and how its links are made."""

    newsletter_names: Mapping[int, str]
    unsubscribe_link: Callable[[str], str]
    preferences_link: Callable[[str], str]
    first_letters: Mapping[int, tuple[datetime, str]] = field(default_factory=dict)
    """When the next letter comes that a new reader gets (aware), and the zone it is told in."""
    latest: Mapping[int, str] = field(default_factory=dict)
    """Where the latest letter that was sent can be read, the newest of all first."""
    language: str = ""
    """The language of who has told none."""


def confirm(
    database: Database, token: str, act: Act, *, keys: Keys, welcome: Welcome | None = None
) -> Outcome:
    """Confirm what a link stands for; pressing twice is the same as once.

    With `welcome`, one mail for each link greets the reader who joins by it.
    Raises TokenError (StaleTokenError when it is genuine but expired or overtaken), and
    AddressError when the address is on the never-mail list.
    """
    grant = read_confirm(token, keys=keys, now=act.at)
    with database.write() as connection:
        reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:
            raise _overtaken()
        allowed = _allowed(connection, reader.address_hmac, grant.newsletter_ids)
        if not allowed:
            _refuse_suppressed(
                connection, reader.address, reader.address_hmac, grant.newsletter_ids
            )
        current = _subscriptions(connection, reader)
        wanted = [current[each] for each in allowed if _covers(grant, current.get(each))]
        if not wanted:
            raise _overtaken()
        changed = [each for each in wanted if each.state is SubscriptionState.UNCONFIRMED]
        for each in changed:
            _save(connection, each, SubscriptionState.CONFIRMED, act, ConsentKind.CONFIRMED)
        if welcome is not None:
            joined = tuple(each for each in _ids(changed) if each in welcome.newsletter_names)
            if joined:
                link = replace(grant, newsletter_ids=joined)
                outbox.put(connection, _greeting(reader, link, act, keys=keys, welcome=welcome))
    return Outcome(reader.id, _ids(wanted), _ids(changed))


def unsubscribe(
    database: Database, token: str, act: Act, *, keys: Keys, everything: bool = False
) -> Outcome:
    """Stop what a link stands for, at once; with `everything`, all the reader gets.

    Works for ever, whatever became of editions and newsletters; twice is the same as once.
    Raises TokenError only for a forged or damaged link.
    """
    grant = keys.links.read(Purpose.UNSUBSCRIBE, token)
    with database.write() as connection:
        reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:  # erased since: there is nothing left to stop
            return Outcome(None, grant.newsletter_ids)
        which = None if everything else grant.newsletter_ids
        changed = _end(connection, reader, which, act, ConsentKind.UNSUBSCRIBED)
    return Outcome(reader.id, grant.newsletter_ids, changed)


def add(
    database: Database,
    address_text: str,
    newsletter_ids: Collection[int],
    act: Act,
    *,
    keys: Keys,
    again: bool = False,
    language: str | None = None,
    text_only: bool | None = None,
) -> Outcome:
    """Add a reader by the publisher's own act: confirmed directly, and recorded as such.

    `language` and `text_only` are how they want their letters; None leaves what is known.
    Raises AddressError when the address is on the never-mail list, or when the reader has left
    one of the newsletters; `again` overrides only the latter.
    """
    address = read_address(address_text)
    wanted = tuple(sorted(set(newsletter_ids)))
    if not wanted:
        raise UsageError("subscribers: no newsletter named", hint="Name at least one newsletter.")
    hashed = address_hash(keys.suppression, address.key)
    with database.write() as connection:
        _refuse_suppressed(connection, address.mailed, hashed, wanted)
        reader = _reader(connection, address, hashed, act)
        store.set_manner(connection, reader.id, language=language, text_only=text_only)
        current = _subscriptions(connection, reader)
        if not again and any(each in current and current[each].ended for each in wanted):
            refuse(
                address.mailed,
                "this reader has unsubscribed",
                hint="If they asked you to: digest subscribers add ADDRESS --again",
            )
        fresh = [_standing(current, reader, each) for each in wanted]
        changed = [each for each in fresh if each.state not in _JOINED]
        for each in changed:
            asked = replace(each, requested_at=act.at)
            _save(connection, asked, SubscriptionState.CONFIRMED, act, ConsentKind.ADDED)
    return Outcome(reader.id, wanted, _ids(changed))


def unsubscribe_address(
    database: Database, address_text: str, newsletter_ids: Collection[int] | None, act: Act
) -> Outcome:
    """Stop some newsletters (None: all) for an address, by the publisher's command.

    Raises AddressError, and NotFoundError when nobody has this address.
    """
    address = read_address(address_text)
    with database.write() as connection:
        reader = store.lock_subscriber(connection, address_key=address.key)
        if reader is None:
            raise NotFoundError(
                f"reader: {address.mailed}: no such subscriber",
                hint="Look for the spelling with: digest subscribers list",
            )
        changed = _end(connection, reader, newsletter_ids, act, ConsentKind.UNSUBSCRIBED)
    return Outcome(reader.id, changed if newsletter_ids is None else tuple(newsletter_ids), changed)


def suppress(
    database: Database,
    address_text: str,
    act: Act,
    *,
    keys: Keys,
    reason: SuppressionReason,
    scope: str = EVERYTHING,
) -> Outcome:
    """Put an address, known or not, on the never-mail list, and end what it gets.

    Raises AddressError, and NotFoundError for a scope that is no newsletter.
    """
    address = read_address(address_text)
    hashed = address_hash(keys.suppression, address.key)
    with database.write() as connection:
        covered = store.newsletters_in(connection, scope)
        if scope != EVERYTHING and not covered:
            raise NotFoundError(f"newsletter: {scope}: there is none of this name")
        store.insert_suppression(
            connection, hashed, scope=scope, reason=reason, norm_version=NORM_VERSION, at=act.at
        )
        reader = store.lock_subscriber(connection, address_key=address.key)
        if reader is None:
            return Outcome(None, tuple(covered))
        changed = _end(connection, reader, covered, act, ConsentKind.SUPPRESSED)
    return Outcome(reader.id, tuple(covered), changed)


def read_confirm(token: str, *, keys: Keys, now: datetime) -> Grant:
    """Read a link to confirm. Raises TokenError; StaleTokenError when it is too old."""
    grant = keys.links.read(Purpose.CONFIRM, token)
    refuse_stale(grant, now)
    return grant


def standing(database: Database, grant: Grant) -> Standing:
    """Find what a signed link is about, changing nothing; empty when the reader is gone."""
    with database.read() as connection:
        return store.standing_of(connection, grant.reader) or Standing(None)


_JOINED = {SubscriptionState.CONFIRMED, SubscriptionState.PAUSED}


def _known(newsletter_ids: Collection[int], names: Mapping[int, str]) -> tuple[int, ...]:
    wanted = tuple(sorted(set(newsletter_ids)))
    if not wanted:
        raise UsageError("newsletters: none chosen", hint="Choose at least one newsletter.")
    if missing := [each for each in wanted if each not in names]:
        raise NotFoundError(f"newsletter: number {missing[0]}: there is none")
    return wanted


def _allowed(connection: Connection, hashed: str, wanted: Sequence[int]) -> tuple[int, ...]:
    never = store.suppressed_newsletters(connection, hashed, wanted)
    return tuple(each for each in wanted if each not in never)


def _refuse_suppressed(
    connection: Connection, address: str, hashed: str, wanted: Sequence[int]
) -> None:
    never = store.suppressed_newsletters(connection, hashed, wanted)
    if never:
        reason = next(iter(never.values()))
        refuse(
            address,
            f"on the never-mail list ({reason})",
            hint="Nobody is mailed against this list, whoever asks for it.",
        )


def _reader(connection: Connection, address: Address, hashed: str, act: Act) -> Subscriber:
    new = NewSubscriber(
        public_id=secrets.token_hex(_READER_BYTES),
        address=address.mailed,
        address_key=address.key,
        address_hmac=hashed,
        created_at=act.at,
    )
    return store.insert_subscriber(connection, new)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A newsletter asked for anew, and the moment before which asking no longer counts."""

    newsletter_id: int
    since: datetime


def _ask(
    connection: Connection,
    reader: Subscriber,
    wanted: Sequence[int],
    act: Act,
    midnight: datetime,
) -> list[_Asked]:
    """Record what was asked for; give what nobody asked for yet on this local day.

    A reader who left in between starts afresh: only they could leave, so nobody floods them.
    """
    before = store.last_asked(connection, reader.id)
    current = _subscriptions(connection, reader)
    fresh = []
    for each in wanted:
        found = _standing(current, reader, each)
        since = max(midnight, found.ended_at or midnight)
        if each not in before or before[each] < since:
            fresh.append(_Asked(each, since))
            store.append_consent(connection, reader.id, Consent(ConsentKind.ASKED, each, act))
        if found.state not in _JOINED:
            asked = replace(found, state=SubscriptionState.UNCONFIRMED, requested_at=act.at)
            store.save_subscription(connection, asked)
    return fresh


def _ask_notice(
    reader: Subscriber, fresh: Sequence[_Asked], facts: dict[str, object], act: Act
) -> NewNotice:
    first = fresh[0]  # what was asked for since then is not fresh again: this tells mails apart
    return NewNotice(
        dedupe_key=f"confirm:{reader.address_hmac}:{first.since:%Y%m%dT%H%M%S.%f}:{first.newsletter_id}",
        kind=NoticeKind.CONFIRM,
        to_address=reader.address,
        facts=facts,
        next_at=act.at,
    )


def _facts(
    reader: Subscriber, newsletter_ids: Sequence[int], names: Mapping[int, str], language: str
) -> dict[str, object]:
    """Give what every notice to a reader says: which newsletters, which address, its language."""
    spoken = reader.language or language
    return {
        "newsletter": [names[each] for each in newsletter_ids],
        "address": reader.address,
        **({"language": spoken} if spoken else {}),
    }


def _asking(link: str) -> dict[str, object]:
    return {"confirm_url": link, "valid_days": CONFIRM_LIFE.days}


def _greeting(
    reader: Subscriber, link: Grant, act: Act, *, keys: Keys, welcome: Welcome
) -> NewNotice:
    """Write the mail to a reader who joined these newsletters by a link: one for each link."""
    joined = link.newsletter_ids
    leave, choose = Grant(link.reader, joined), Grant(link.reader, joined[:1])
    latest = (url for each, url in welcome.latest.items() if each in joined)
    facts = {
        **_facts(reader, joined, welcome.newsletter_names, welcome.language),
        "letters": [_first_letter(each, welcome) for each in joined],
        "latest_url": next(latest, ""),
        "unsubscribe_url": welcome.unsubscribe_link(keys.links.sign(Purpose.UNSUBSCRIBE, leave)),
        "preferences_url": welcome.preferences_link(keys.links.sign(Purpose.PREFERENCES, choose)),
    }
    asked = f"{link.issued_at:%Y%m%dT%H%M%S}:{','.join(map(str, joined))}"
    key = f"welcome:{reader.address_hmac}:{asked}"
    return NewNotice(key, NoticeKind.WELCOME, reader.address, facts, act.at)


def _first_letter(newsletter_id: int, welcome: Welcome) -> list[str]:
    name = welcome.newsletter_names[newsletter_id]
    if newsletter_id not in welcome.first_letters:
        return [name, "", ""]
    at, zone = welcome.first_letters[newsletter_id]
    return [name, to_utc(at).isoformat(), zone]


def _asked_ids(fresh: Sequence[_Asked]) -> tuple[int, ...]:
    return tuple(each.newsletter_id for each in fresh)


def _join(connection: Connection, reader: Subscriber, wanted: Sequence[int], act: Act) -> None:
    current = _subscriptions(connection, reader)
    for each in wanted:
        found = _standing(current, reader, each)
        if found.state not in _JOINED:
            store.append_consent(connection, reader.id, Consent(ConsentKind.ASKED, each, act))
            asked = replace(found, requested_at=act.at)
            _save(connection, asked, SubscriptionState.CONFIRMED, act, ConsentKind.CONFIRMED)


def _midnight(at: datetime, zone: str) -> datetime:
    local = at.astimezone(ZoneInfo(zone))
    return to_utc(datetime.combine(local.date(), time(), tzinfo=local.tzinfo))


def _subscriptions(connection: Connection, reader: Subscriber) -> dict[int, Subscription]:
    return {each.newsletter_id: each for each in store.subscriptions_of(connection, reader.id)}


def _standing(
    current: Mapping[int, Subscription], reader: Subscriber, newsletter_id: int
) -> Subscription:
    new = Subscription(reader.id, newsletter_id, SubscriptionState.UNCONFIRMED)
    return current.get(newsletter_id, new)


def _covers(grant: Grant, found: Subscription | None) -> bool:
    """Tell whether a link to confirm still counts: not once the reader left after it was made."""
    if found is None or found.ended or grant.issued_at is None:
        return False
    return found.ended_at is None or grant.issued_at >= found.ended_at.replace(microsecond=0)


def _save(
    connection: Connection,
    standing: Subscription,
    state: SubscriptionState,
    act: Act,
    kind: ConsentKind,
) -> None:
    """Write a change of state and its line in the log, together."""
    if state is SubscriptionState.UNSUBSCRIBED:
        changed = replace(standing, state=state, ended_at=act.at, paused_until=None)
    else:
        changed = replace(standing, state=state, confirmed_at=act.at)
    store.save_subscription(connection, changed)
    line = Consent(kind, standing.newsletter_id, act)
    store.append_consent(connection, standing.subscriber_id, line)


def _end(
    connection: Connection,
    reader: Subscriber,
    which: Collection[int] | None,
    act: Act,
    kind: ConsentKind,
) -> tuple[int, ...]:
    current = _subscriptions(connection, reader).values()
    ending = [
        each
        for each in current
        if not each.ended and (which is None or each.newsletter_id in which)
    ]
    for each in ending:
        _save(connection, each, SubscriptionState.UNSUBSCRIBED, act, kind)
    return _ids(ending)


def _ids(standings: Sequence[Subscription]) -> tuple[int, ...]:
    return tuple(each.newsletter_id for each in standings)


def _overtaken() -> StaleTokenError:
    return StaleTokenError(
        "link: no longer in force: the reader has left since",
        hint="Subscribe again, and a new link comes by mail.",
    )
