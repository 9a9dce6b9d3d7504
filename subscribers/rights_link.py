"""Mail a reader a link to what no forwarded letter may give away: their data, and their erasure.

The link is dated and belongs to the mailbox it was sent to: once the reader has moved to another
address it opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from digest.db import Connection, Database
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from subscribers import store
from subscribers.address import AddressProblem, refuse
from subscribers.form_mail import mail_turn
from subscribers.limit_store import take
from subscribers.limits import SignupPolicy
from subscribers.mailbox import mailbox_number
from subscribers.model import EVERYTHING, Act, Subscriber
from subscribers.signup import admit
from subscribers.tokens import LIVES, Grant, Keys, Purpose, StaleTokenError, refuse_stale
from subscribers.way_back import refuse_moved_lately

_TWICE = timedelta(minutes=10)
"""A button that is pressed again within this time was pressed once."""
_WHAT = {Purpose.DATA: "data", Purpose.ERASE: "erase"}
_POLICY = SignupPolicy()


def ask_link(
    database: Database,
    token: str,
    act: Act,
    *,
    keys: Keys,
    purpose: Purpose,
    link: Callable[[str], str],
    policy: SignupPolicy = _POLICY,
    language: str = "",
) -> None:
    """Mail the reader of a preferences link the one that opens their data, or erases them.

    `language` is that of a reader who has told none. Nothing is mailed to who is gone.
    Raises TokenError, LimitError (MovedLatelyError while the last change of address can still be
    undone), and AddressError for who is never mailed.
    """
    grant = keys.links.read(Purpose.PREFERENCES, token)
    what, now = _WHAT[purpose], act.at
    with database.write() as connection:
        if store.find_subscriber(connection, public_id=grant.reader) is None:
            return
        # Counters before readers, as every form locks them: crosswise, two would stop each other.
        admit(connection, policy, act, keys=keys)
        reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:
            return
        refuse_never(connection, reader.address, reader.address_hmac)
        refuse_moved_lately(connection, reader.id, now=now)
        name = f"link:{what}:{reader.public_id}"
        if take(connection, name, most=1, within=_TWICE, now=now) is not None:
            return
        key = store.address_key_of(connection, reader.id)
        at = mail_turn(connection, key, secret=keys.suppression, now=now)
        mailbox = mailbox_number(keys.suppression, key)
        made = keys.links.sign(purpose, Grant(reader.public_id, (mailbox,), issued_at=now))
        facts = link_facts(reader, what, link(made), purpose=purpose, language=language)
        dedupe_key = f"{what}:{reader.address_hmac}:{at:%Y%m%dT%H%M%S.%f}"
        outbox.put(
            connection, NewNotice(dedupe_key, NoticeKind.LINK, reader.address, facts, next_at=at)
        )


def open_link(
    database: Database, token: str, *, keys: Keys, purpose: Purpose, now: datetime
) -> Subscriber | None:
    """Find whose link this is, changing nothing; None when they were erased since.

    Raises TokenError; StaleTokenError when it is too old, or the reader has another address now.
    """
    grant = keys.links.read(purpose, token)
    refuse_stale(grant, now, purpose=purpose)
    with database.read() as connection:
        reader = store.find_subscriber(connection, public_id=grant.reader)
        if reader is None:
            return None
        key = store.address_key_of(connection, reader.id)
    if grant.newsletter_ids != (mailbox_number(keys.suppression, key),):
        raise StaleTokenError("link: mailed to another address", hint="Ask for a new one.")
    return reader


def link_facts(
    reader: Subscriber, what: str, url: str, *, purpose: Purpose, language: str
) -> dict[str, object]:
    """Give what a mail with one link says: of which kind it is, to whom, and how long it works."""
    spoken = reader.language or language
    facts: dict[str, object] = {"what": what, "address": reader.address}
    if url:
        facts |= {"link_url": url, "valid_days": LIVES[purpose].days}
    return facts | ({"language": spoken} if spoken else {})


def refuse_never(connection: Connection, address: str, address_hmac: str) -> None:
    """Raise AddressRefusedError for an address that may be sent nothing at all."""
    known = store.newsletters_in(connection, EVERYTHING)
    never = store.suppressed_newsletters(connection, address_hmac, known)
    if never and len(never) == len(known):
        refuse(
            address,
            "on the never-mail list",
            AddressProblem.NEVER,
            hint="Nobody is mailed against this list, whoever asks for it.",
        )
