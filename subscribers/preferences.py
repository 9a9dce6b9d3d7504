"""What a reader changes by the links of a letter: topics, a pause, its weekly or daily twin.

Looking changes nothing; each act acts once however repeated, and leaves its line in the log. For
who has left, or is not confirmed, every act does nothing: such a link brings nobody back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.clock import to_utc
from digest.db import Connection, Database
from digest.errors import UsageError
from subscribers import store
from subscribers.address import refuse
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    Outcome,
    Standing,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from subscribers.tokens import Grant, Keys, Purpose
from subscribers.topics import Topics

PAUSE_WEEKS = (1, 2, 4)
"""The pauses that need no calendar."""
_LONGEST_PAUSE = timedelta(days=365)
_JOINED = {SubscriptionState.CONFIRMED, SubscriptionState.PAUSED}


class PreferenceError(UsageError):
    """A wish that cannot be met; the message is the sentence for its page."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """Whose link this is, which newsletter's letter it stood in, and how they stand with all."""

    reader: str
    """The public id, in whose name further links are signed."""
    newsletter_id: int
    standing: Standing

    def of(self, newsletter_id: int) -> Subscription | None:
        """Find the standing with one newsletter."""
        found = self.standing.subscriptions
        return next((each for each in found if each.newsletter_id == newsletter_id), None)

    def gets(self, newsletter_id: int) -> Subscription | None:
        """Find the standing with a newsletter they get or have paused; None for any other."""
        found = self.of(newsletter_id)
        return found if found is not None and found.state in _JOINED else None


def show(database: Database, token: str, *, keys: Keys) -> Preferences:
    """Find what a link is about, changing nothing; empty when the reader was erased.

    Raises TokenError for a forged or damaged link.
    """
    grant = _read(token, keys)
    with database.read() as connection:
        standing = store.standing_of(connection, grant.reader)
    if standing is None or standing.address is None:
        standing = Standing(None)
    return Preferences(grant.reader, grant.newsletter_ids[0], standing)


def choose_topics(
    database: Database,
    token: str,
    act: Act,
    *,
    keys: Keys,
    topics: Topics,
    chosen: Collection[str],
) -> Outcome:
    """Send only the sections of these topics from now on; all of them is everything.

    Raises TokenError, and PreferenceError when no topic is left that the newsletter offers.
    """
    grant = _read(token, keys)
    if not topics.known(chosen):
        raise PreferenceError("Choose at least one topic, or pause, or unsubscribe.")

    def changed(standing: Subscription) -> Subscription:
        return replace(standing, topic_mask=topics.mask(chosen, before=standing.topic_mask))

    return _change(database, grant, act, ConsentKind.TOPICS, changed)


def pause(
    database: Database, token: str, act: Act, *, keys: Keys, until: date, zone: str
) -> Outcome:
    """Send nothing until a day begins in `zone` (IANA name); from that day on, as before.

    Raises TokenError, and PreferenceError for a day that is not within `pause_days`.
    """
    grant = _read(token, keys)
    first, last = pause_days(act.at, zone)
    if not first <= until <= last:
        raise PreferenceError("Choose a day from tomorrow on, at most a year from today.")
    ends_at = to_utc(datetime.combine(until, time(), tzinfo=ZoneInfo(zone)))

    def changed(standing: Subscription) -> Subscription:
        return replace(standing, state=SubscriptionState.PAUSED, paused_until=ends_at)

    return _change(database, grant, act, ConsentKind.PAUSED, changed)


def resume(database: Database, token: str, act: Act, *, keys: Keys) -> Outcome:
    """End a pause now; without one in force there is nothing to end. Raises TokenError."""

    def changed(standing: Subscription) -> Subscription:
        return _awake(standing) if paused(standing, act.at) else standing

    return _change(database, _read(token, keys), act, ConsentKind.RESUMED, changed)


def move_to_twin(
    database: Database,
    token: str,
    act: Act,
    *,
    keys: Keys,
    twin_id: int,
    topics: Mapping[int, Topics],
) -> Outcome:
    """End one newsletter and begin its twin, in one transaction: never both, never neither.

    Who gets the twin already keeps its topics, and a pause of it ends; who moved away from it finds
    its topics as they left them; else topics go along by their keys (`topics` of both newsletters).
    Raises TokenError, and AddressError when the address is on the never-mail list.
    """
    grant = _read(token, keys)
    here = grant.newsletter_ids[0]
    with database.write() as connection:
        reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:
            return Outcome(None, (here, twin_id))
        left = store.find_subscription(connection, reader.id, here)
        if left is None or left.state not in _JOINED:
            return Outcome(reader.id, (here, twin_id))
        _refuse_suppressed(connection, reader, twin_id)
        twin = _twin(connection, left, twin_id, topics)
        _leave(connection, left, act)
        _begin(connection, twin, act)
    return Outcome(reader.id, (here, twin_id), (here, twin_id))


def pause_days(at: datetime, zone: str) -> tuple[date, date]:
    """Give the first and the last day until which a reader may pause: tomorrow, and in a year."""
    today = at.astimezone(ZoneInfo(zone)).date()
    return today + timedelta(days=1), today + _LONGEST_PAUSE


def paused(standing: Subscription, at: datetime) -> bool:
    """Tell whether a pause is in force; one without an end lasts until the reader ends it."""
    if standing.paused_until is None:
        return standing.state is SubscriptionState.PAUSED
    return standing.state in _JOINED and standing.paused_until > at


def _read(token: str, keys: Keys) -> Grant:
    return keys.links.read(Purpose.PREFERENCES, token)


def _change(
    database: Database,
    grant: Grant,
    act: Act,
    kind: ConsentKind,
    changed: Callable[[Subscription], Subscription],
) -> Outcome:
    """Write a change of what a reader gets and its line in the log, together, if it is one."""
    ids = grant.newsletter_ids[:1]
    with database.write() as connection:
        reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:
            return Outcome(None, ids)
        before = store.find_subscription(connection, reader.id, ids[0])
        if before is None or before.state not in _JOINED or changed(before) == before:
            return Outcome(reader.id, ids)
        _save(connection, changed(before), kind, act)
    return Outcome(reader.id, ids, ids)


def _save(connection: Connection, standing: Subscription, kind: ConsentKind, act: Act) -> None:
    store.save_subscription(connection, standing)
    line = Consent(kind, standing.newsletter_id, act)
    store.append_consent(connection, standing.subscriber_id, line)


def _awake(standing: Subscription) -> Subscription:
    return replace(standing, state=SubscriptionState.CONFIRMED, paused_until=None)


def _leave(connection: Connection, left: Subscription, act: Act) -> None:
    """End one side of a move; its topics stay in the row, for the way back."""
    ended = SubscriptionState.UNSUBSCRIBED
    standing = replace(left, state=ended, ended_at=act.at, paused_until=None)
    _save(connection, standing, ConsentKind.MOVED, act)


def _begin(connection: Connection, twin: Subscription, act: Act) -> None:
    """Begin the other side: the reader's own act by a link of their own mail is the proof."""
    if twin.state not in _JOINED:
        joined = replace(_awake(twin), requested_at=act.at, confirmed_at=act.at)
        _save(connection, joined, ConsentKind.CONFIRMED, act)
    elif paused(twin, act.at):
        _save(connection, _awake(twin), ConsentKind.RESUMED, act)


def _twin(
    connection: Connection, left: Subscription, twin_id: int, topics: Mapping[int, Topics]
) -> Subscription:
    """Give the standing with the twin as it was, with the topics that it shall have."""
    new = Subscription(left.subscriber_id, twin_id, SubscriptionState.UNCONFIRMED)
    found = store.find_subscription(connection, left.subscriber_id, twin_id) or new
    if found.state in _JOINED or _remembers(connection, found):
        return found
    carried = topics[left.newsletter_id].carry(left.topic_mask, topics[twin_id])
    return replace(found, topic_mask=carried)


def _remembers(connection: Connection, ended: Subscription) -> bool:
    """Tell whether an ended row holds a wish: its topics, or everything, if they moved away."""
    if ended.topic_mask:
        return True
    log = store.consents_of(connection, ended.subscriber_id)
    kinds = [line.kind for line in log if line.newsletter_id == ended.newsletter_id]
    return kinds[-1:] == [ConsentKind.MOVED]


def _refuse_suppressed(connection: Connection, reader: Subscriber, twin_id: int) -> None:
    never = store.suppressed_newsletters(connection, reader.address_hmac, [twin_id])
    for reason in never.values():
        refuse(
            reader.address,
            f"on the never-mail list ({reason})",
            hint="Nobody is mailed against this list, whoever asks for it.",
        )
