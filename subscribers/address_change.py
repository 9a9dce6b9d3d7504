"""Move a reader to another address: asked for by a link, and true once the new mailbox says yes.

Whoever asks is told the same of every address. Who moves to an address that is a reader's already
becomes that reader; what that reader had left stays left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest.db import Connection, Database
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from subscribers import reader_store, store
from subscribers.address import (
    Address,
    AddressProblem,
    AddressRefusedError,
    read_address,
    refuse,
    refuse_disposable,
)
from subscribers.change_store import What, tell_change
from subscribers.form_mail import mail_turn
from subscribers.limits import LimitError, SignupPolicy
from subscribers.mailbox import mailbox_number
from subscribers.model import Act, Consent, ConsentKind, Subscriber, SubscriptionState
from subscribers.reader_store import Pending
from subscribers.record import JOINED, current, end, record
from subscribers.rights_link import link_facts, refuse_never
from subscribers.signup import admit
from subscribers.suppression import address_hash
from subscribers.tokens import LIVES, Grant, Keys, Purpose, StaleTokenError, refuse_stale
from subscribers.way_back import is_move, refuse_moved_lately

_TWICE = timedelta(minutes=10)
"""A form that is sent again within this time was sent once."""
_POLICY = SignupPolicy()


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a change: where letters go now, and whether two readers became one."""

    address: str
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    """What the mail to the old address is made with."""

    link: Callable[[str], str]
    """Gives the address of the page that puts the old one back."""
    language: str = ""
    """The language of a reader who has told none."""


def ask_address(
    database: Database,
    token: str,
    address_text: str,
    act: Act,
    *,
    keys: Keys,
    newsletter_names: Mapping[int, str],
    link: Callable[[str], str],
    policy: SignupPolicy = _POLICY,
    language: str = "",
) -> bool:
    """Ask the owner of an address whether a reader's letters may come there.

    False when it is the reader's own already. Only the last one asked for counts. Nobody is told
    whether the new address is known; on the never-mail list, or written to lately, it gets no mail.
    Raises TokenError, AddressError, and LimitError; MovedLatelyError while the last change can
    still be undone.
    """
    grant = keys.links.read(Purpose.PREFERENCES, token)
    address = read_address(address_text)
    refuse_disposable(address, policy.disposable)
    with database.write() as connection:
        reader = store.find_subscriber(connection, public_id=grant.reader)
        if reader is not None and reader.address != address.mailed:
            # Counters before readers, as every form locks them: crosswise, two stop each other.
            admit(connection, policy, act, keys=keys)
            reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:
            return True
        if reader.address == address.mailed:
            return False
        refuse_moved_lately(connection, reader.id, now=act.at)
        names = _names(connection, reader, newsletter_names)
        before = reader_store.pending_of(connection, reader.id)
        twice = before is not None and before.asked_at > act.at - _TWICE
        if not names or (before is not None and before.address == address and twice):
            return True
        waiting = Pending(address, act.at)
        reader_store.put_pending(connection, reader.id, waiting)
        url = link(_token(reader, waiting, keys))
        with contextlib.suppress(AddressRefusedError, LimitError):
            _write(connection, reader, waiting, names, url, keys=keys, language=language)
    return True


def read_change(database: Database, token: str, *, keys: Keys, now: datetime) -> str:
    """Find the new address that a link is about, changing nothing.

    Raises TokenError; StaleTokenError when it is too old, or another was asked for since.
    """
    grant = _read(token, keys, now)
    with database.read() as connection:
        reader = store.find_subscriber(connection, public_id=grant.reader)
        if reader is None:
            raise _overtaken()
        if _is_there(connection, reader, grant, keys):
            return reader.address
        waiting = reader_store.pending_of(connection, reader.id)
        return _asked(waiting, grant, keys).address.mailed


def confirm_address(database: Database, token: str, act: Act, *, keys: Keys, undo: Undo) -> Moved:
    """Make the new address the reader's; pressing twice is the same as once.

    The old one is told, with a link that puts it back for two days.
    Raises TokenError (StaleTokenError when it no longer counts), and AddressError when the new
    address is on the never-mail list.
    """
    grant = _read(token, keys, act.at)
    with database.write() as connection:
        reader = _lock(connection, grant)
        if reader is None:
            raise _overtaken()
        if _is_there(connection, reader, grant, keys):
            return Moved(reader.address)
        waiting = _asked(reader_store.pending_of(connection, reader.id), grant, keys)
        hashed = address_hash(keys.suppression, waiting.address.key)
        _refuse_suppressed(connection, reader, waiting.address, hashed)
        old = Address(reader.address, store.address_key_of(connection, reader.id))
        if not reader_store.change_address(connection, reader.id, waiting.address, hashed):
            if _merge(connection, reader, waiting.address, act):
                _tell(connection, reader, "", act, undo)
            return Moved(waiting.address.mailed, joined=True)
        back = _wait_back(connection, reader, old, waiting, act)
        _note(connection, reader, act)
        tell_change(connection, reader.id, [None], What.CHANGED, at=act.at)
        if old.key != waiting.address.key:
            url = undo.link(_token(reader, back, keys)) if back else ""
            _tell(connection, reader, url, act, undo)
    return Moved(waiting.address.mailed)


def _read(token: str, keys: Keys, now: datetime) -> Grant:
    grant = keys.links.read(Purpose.ADDRESS, token)
    refuse_stale(grant, now, purpose=Purpose.ADDRESS)
    return grant


def _token(reader: Subscriber, waiting: Pending, keys: Keys) -> str:
    mailbox = mailbox_number(keys.suppression, waiting.address.key)
    grant = Grant(reader.public_id, (mailbox,), issued_at=waiting.asked_at)
    return keys.links.sign(Purpose.ADDRESS, grant)


def _names(connection: Connection, reader: Subscriber, names: Mapping[int, str]) -> list[str]:
    """Name what the reader gets: to who gets nothing there is nothing to send elsewhere."""
    standings = current(connection, reader)
    return [
        name
        for newsletter_id, name in names.items()
        if newsletter_id in standings and standings[newsletter_id].state in JOINED
    ]


def _write(
    connection: Connection,
    reader: Subscriber,
    waiting: Pending,
    names: list[str],
    url: str,
    *,
    keys: Keys,
    language: str,
) -> None:
    """Mail the new address, when it may be mailed."""
    hashed = address_hash(keys.suppression, waiting.address.key)
    refuse_never(connection, waiting.address.mailed, hashed)
    now, secret = waiting.asked_at, keys.suppression
    at = mail_turn(connection, waiting.address.key, secret=secret, now=now)
    spoken = reader.language or language
    facts: dict[str, object] = {
        "newsletter": names,
        "address": waiting.address.mailed,
        "confirm_url": url,
        "valid_days": LIVES[Purpose.ADDRESS].days,
        **({"language": spoken} if spoken else {}),
    }
    dedupe_key = f"address:{reader.public_id}:{hashed}:{at:%Y%m%dT%H%M%S.%f}"
    kind, to = NoticeKind.ADDRESS, waiting.address.mailed
    outbox.put(connection, NewNotice(dedupe_key, kind, to, facts, next_at=at))


def _is_there(connection: Connection, reader: Subscriber, grant: Grant, keys: Keys) -> bool:
    """Tell whether the reader has the address of this link already: it was pressed before."""
    key = store.address_key_of(connection, reader.id)
    waits = reader_store.pending_of(connection, reader.id)
    same = grant.newsletter_ids == (mailbox_number(keys.suppression, key),)
    return same and (waits is None or waits.address.key != key)


def _asked(waiting: Pending | None, grant: Grant, keys: Keys) -> Pending:
    """Give the address that waits, if this link is the one that was mailed for it."""
    if waiting is None or grant.issued_at != waiting.asked_at.replace(microsecond=0):
        raise _overtaken()
    if grant.newsletter_ids != (mailbox_number(keys.suppression, waiting.address.key),):
        raise _overtaken()
    return waiting


def _lock(connection: Connection, grant: Grant) -> Subscriber | None:
    """Lock the reader, and whoever has the new address, always in the same order."""
    found = store.find_subscriber(connection, public_id=grant.reader)
    waiting = reader_store.pending_of(connection, found.id) if found else None
    names = {grant.reader}
    if waiting is not None:
        other = store.find_subscriber(connection, address_key=waiting.address.key)
        names |= {other.public_id} if other else set()
    locked = {name: store.lock_subscriber(connection, public_id=name) for name in sorted(names)}
    return locked[grant.reader]


def _refuse_suppressed(
    connection: Connection, reader: Subscriber, address: Address, hashed: str
) -> None:
    """Refuse an address that may not be sent what the reader gets."""
    refuse_never(connection, address.mailed, hashed)
    gets = [id_ for id_, each in current(connection, reader).items() if each.state in JOINED]
    if store.suppressed_newsletters(connection, hashed, gets):
        hint = "Nobody is mailed against this list, whoever asks for it."
        refuse(address.mailed, "on the never-mail list", AddressProblem.NEVER, hint=hint)


def _merge(connection: Connection, reader: Subscriber, address: Address, act: Act) -> bool:
    """Join what one reader gets to what another has; the one who moved gets nothing any more.

    False when that was so before: what waits stays, so that the link pressed again answers alike.
    """
    other = store.lock_subscriber(connection, address_key=address.key)
    if other is None:  # the address went away at this very moment
        raise _overtaken()
    theirs = current(connection, other)
    new = SubscriptionState.UNCONFIRMED
    for newsletter_id, mine in current(connection, reader).items():
        found = theirs.get(newsletter_id)
        known = found is not None and (found.state is not new or found.ended_at is not None)
        if mine.state in JOINED and not known:
            moved = replace(mine, subscriber_id=other.id, confirmed_at=act.at, ended_at=None)
            record(connection, moved, ConsentKind.CONFIRMED, act)
    if not end(connection, reader, None, act, ConsentKind.MOVED):
        return False
    _note(connection, other, act)
    _note(connection, reader, act)
    return True


def _wait_back(
    connection: Connection, reader: Subscriber, old: Address, moved: Pending, act: Act
) -> Pending | None:
    """Let the old address wait as the new one did; not when this was the way back itself."""
    if is_move(connection, reader.id, moved) or old.key == moved.address.key:
        reader_store.forget_pending(connection, reader.id)
        return None
    back = Pending(old, act.at)
    reader_store.put_pending(connection, reader.id, back)
    return back


def _tell(connection: Connection, reader: Subscriber, url: str, act: Act, undo: Undo) -> None:
    """Tell the old address, where it may be mailed, that letters go elsewhere now."""
    outbox.withdraw(connection, reader.address, NoticeKind.LINK)
    with contextlib.suppress(AddressRefusedError):
        refuse_never(connection, reader.address, reader.address_hmac)
        facts = link_facts(reader, "changed", url, purpose=Purpose.ADDRESS, language=undo.language)
        key = f"changed:{reader.public_id}:{act.at:%Y%m%dT%H%M%S.%f}"
        notice = NewNotice(key, NoticeKind.LINK, reader.address, facts, next_at=act.at)
        outbox.put(connection, notice)


def _note(connection: Connection, reader: Subscriber, act: Act) -> None:
    store.append_consent(connection, reader.id, Consent(ConsentKind.ADDRESS, None, act))
    store.mark_active(connection, reader.id, at=act.at)


def _overtaken() -> StaleTokenError:
    return StaleTokenError(
        "link: no longer in force: another change was asked for, or the reader is gone",
        hint="Ask for the change again.",
    )
