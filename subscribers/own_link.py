"""Mail a reader a fresh link to their own page, when they type their address.

For who lost the letter, or whose keys were lost: the answer to a known address is the answer to
any other, and the link goes to the mailbox alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from digest.db import Connection, Database
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from subscribers import store
from subscribers.address import read_address
from subscribers.limit_store import next_turn, take
from subscribers.limits import MAIL_APART, MAILS_A_DAY, SignupPolicy, abuse_name
from subscribers.model import Act, Subscriber, Subscription
from subscribers.record import JOINED
from subscribers.signup import admit
from subscribers.tokens import Grant, Keys, Purpose

_DAY = timedelta(days=1)
_POLICY = SignupPolicy()


def ask_for_link(
    database: Database,
    address_text: str,
    act: Act,
    *,
    keys: Keys,
    link: Callable[[str], str],
    policy: SignupPolicy = _POLICY,
    language: str = "",
) -> None:
    """Write the notice with a link to a reader's preferences, if somebody has this address.

    `link` makes the address of a token; `language` is that of who has told none. Nothing is
    written within the hour after another mail that was asked for at a form of ours, nor to an
    address that is never mailed. Raises AddressError and LimitError, both whoever is asked for.
    """
    address = read_address(address_text)
    with database.write() as connection:
        admit(connection, policy, act, keys=keys)
        reader = store.lock_subscriber(connection, address_key=address.key)
        standing = _standing(connection, reader) if reader else None
        name = abuse_name(keys.suppression, address.key)
        if reader is None or standing is None or not _its_turn(connection, name, act):
            return
        token = keys.links.sign(
            Purpose.PREFERENCES, Grant(reader.public_id, (standing.newsletter_id,))
        )
        facts: dict[str, object] = {
            "what": "preferences",
            "address": reader.address,
            "link_url": link(token),
        }
        if spoken := reader.language or language:
            facts["language"] = spoken
        key = f"link:{reader.address_hmac}:{act.at:%Y%m%dT%H%M%S.%f}"
        outbox.put(connection, NewNotice(key, NoticeKind.LINK, reader.address, facts, act.at))


def _standing(connection: Connection, reader: Subscriber) -> Subscription | None:
    """Find the newsletter the link is about: one they get, else the last they had or asked for."""
    found = store.subscriptions_of(connection, reader.id)
    never = store.suppressed_newsletters(connection, reader.address_hmac, _ids(found))
    allowed = [each for each in found if each.newsletter_id not in never]
    return next((each for each in allowed if each.state in JOINED), next(iter(allowed), None))


def _ids(standings: Sequence[Subscription]) -> list[int]:
    return [each.newsletter_id for each in standings]


def _its_turn(connection: Connection, name: str, act: Act) -> bool:
    """Take the turn of now; a turn still to come is left to whoever asks for a newsletter."""
    try_it = connection.begin_nested()
    at, _ = next_turn(connection, f"mail:{name}", apart=MAIL_APART, now=act.at)
    if at > act.at:
        try_it.rollback()
        return False
    try_it.commit()
    return take(connection, f"day:{name}", most=MAILS_A_DAY, within=_DAY, now=act.at) is None
