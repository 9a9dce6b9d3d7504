"""Write what a reader's act changes: the standing, its line of consent, its row in the feed.

The three are one transaction, the caller's: a sender that reads the feed and a publisher who reads
the log never see one without the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from digest.db import Connection
from digest.outbox.hooks import HookEvent
from subscribers import store
from subscribers.change_store import What, tell_change, tell_out
from subscribers.model import Act, Consent, ConsentKind, Subscriber, Subscription, SubscriptionState

JOINED = frozenset({SubscriptionState.CONFIRMED, SubscriptionState.PAUSED})
"""The states of who gets a newsletter, now or after a pause."""

_TOLD = {
    SubscriptionState.UNCONFIRMED: What.CHANGED,
    SubscriptionState.CONFIRMED: What.JOINED,
    SubscriptionState.PAUSED: What.PAUSED,
    SubscriptionState.UNSUBSCRIBED: What.LEFT,
}
_OWN_ACTS = frozenset({"form", "link", "one-click", "mail"})
"""The ways by which a reader acts themselves."""


def current(connection: Connection, reader: Subscriber) -> dict[int, Subscription]:
    """Give a reader's standings by newsletter."""
    return {each.newsletter_id: each for each in store.subscriptions_of(connection, reader.id)}


def record(
    connection: Connection,
    standing: Subscription,
    kind: ConsentKind,
    act: Act,
    *,
    what: What | None = None,
) -> None:
    """Write a standing as it is from now on, and why; `what` tells the feed, if not the state."""
    store.save_subscription(connection, standing)
    reader_id, newsletter_id = standing.subscriber_id, standing.newsletter_id
    store.append_consent(connection, reader_id, Consent(kind, newsletter_id, act))
    tell_change(connection, reader_id, [newsletter_id], what or _TOLD[standing.state], at=act.at)
    if kind is ConsentKind.CONFIRMED:
        confirmed = HookEvent.SUBSCRIBER_CONFIRMED
        tell_out(connection, confirmed, reader_id, newsletter_id, at=act.at)
    if act.via in _OWN_ACTS and kind is not ConsentKind.ASKED:
        store.mark_active(connection, reader_id, at=act.at)


def join(connection: Connection, standing: Subscription, kind: ConsentKind, act: Act) -> None:
    """Confirm a standing from now on."""
    joined = replace(standing, state=SubscriptionState.CONFIRMED, confirmed_at=act.at)
    record(connection, joined, kind, act)


def end(
    connection: Connection,
    reader: Subscriber,
    which: Collection[int] | None,
    act: Act,
    kind: ConsentKind,
) -> tuple[int, ...]:
    """End some standings (None: all) that have not ended; give their newsletters."""
    ending = [
        each
        for each in current(connection, reader).values()
        if not each.ended and (which is None or each.newsletter_id in which)
    ]
    what = What.SUPPRESSED if kind is ConsentKind.SUPPRESSED else What.LEFT
    for each in ending:
        state = SubscriptionState.UNSUBSCRIBED
        ended = replace(each, state=state, ended_at=act.at, paused_until=None)
        record(connection, ended, kind, act, what=what)
    return ids(ending)


def ids(standings: Sequence[Subscription]) -> tuple[int, ...]:
    """Give the newsletters of these standings."""
    return tuple(each.newsletter_id for each in standings)
