"""Join: subscribe, confirm, and add by the publisher. Each acts once however repeated.

A public answer never tells whether an address is known: the same rows are written, nothing is sent
from here, and mail goes out later from the notices.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from digest.clock import to_utc
from digest.db import Connection, Database
from digest.errors import NotFoundError, UsageError
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from subscribers import store
from subscribers.address import Address, AddressProblem, read_address, refuse, refuse_disposable
from subscribers.form_mail import is_spoken_for, mail_turn
from subscribers.limit_store import next_turn, take
from subscribers.limits import (
    MAIL_APART,
    MAILS_A_DAY,
    LimitError,
    SignupPolicy,
    abuse_name,
    network_name,
)
from subscribers.model import (
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
from subscribers.record import JOINED, current, ids, join
from subscribers.suppression import address_hash
from subscribers.tokens import CONFIRM_LIFE, Grant, Keys, Purpose, StaleTokenError, refuse_stale

_READER_BYTES = 12
_DAY = timedelta(days=1)
_TWICE = timedelta(minutes=5)
_POLICY = SignupPolicy()
_OTHERS = frozenset(SuppressionReason) - {SuppressionReason.ERASED}
"""Why nobody may be asked. Who had themselves erased may come back, by their own confirmed wish."""


def subscribe(
    database: Database,
    address_text: str,
    newsletter_ids: Collection[int],
    act: Act,
    *,
    keys: Keys,
    newsletter_names: Mapping[int, str],
    confirm_link: Callable[[str], str],
    policy: SignupPolicy = _POLICY,
    wishes: Wishes | None = None,
    welcome: Welcome | None = None,
) -> Outcome:
    """Ask, for an address, for some newsletters: a notice asks its owner to confirm.

    Known, unknown and suppressed addresses give the same outcome. No two mails to one address are
    closer than an hour: what is asked for meanwhile comes in one mail when the hour is over.
    Without `policy.double_opt_in` a new reader is confirmed at once and greeted (`welcome`); who
    has left, or was erased, is asked all the same, as anybody can type an address.
    Raises AddressError, LimitError, and UsageError or NotFoundError for the newsletters.
    """
    address = read_address(address_text)
    refuse_disposable(address, policy.disposable)
    wanted = _known(newsletter_ids, newsletter_names)
    hashed = address_hash(keys.suppression, address.key)
    names, wishes = newsletter_names, wishes or Wishes()
    with database.write() as connection:
        admit(connection, policy, act, keys=keys)
        allowed = _allowed(connection, hashed, wanted, _OTHERS)
        reader = _reader(connection, address, hashed, act) if allowed else None
        if reader is None:
            return Outcome(None, wanted)
        _note(connection, reader, allowed, wishes)
        joined = () if policy.double_opt_in else _join(connection, reader, allowed, act)
        asked = tuple(each for each in allowed if each not in joined)
        if asked:
            _ask(connection, reader, asked, act, _Asking(keys, names, confirm_link, wishes))
        if joined and welcome is not None:
            link = Grant(reader.public_id, joined, issued_at=act.at)
            greeting = _greeting(reader, link, act, keys=keys, welcome=welcome)
            _greet_in_turn(connection, greeting, address, keys, now=act.at)
    return Outcome(None, wanted)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a reader chose on the form, kept with what is asked for until they confirm it."""

    topics: Mapping[int, int] = field(default_factory=dict)
    """Topic masks by newsletter; none means everything."""
    language: str = ""
    """The language of the form, which a new reader's letters take."""


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
        hashed = reader.address_hmac
        allowed = _allowed(connection, hashed, grant.newsletter_ids, _OTHERS)
        if not allowed:
            _refuse_suppressed(connection, reader.address, hashed, grant.newsletter_ids)
        before = current(connection, reader)
        wanted = [before[each] for each in allowed if _covers(grant, before.get(each))]
        if not wanted:
            raise _overtaken()
        changed = [each for each in wanted if each.state is SubscriptionState.UNCONFIRMED]
        if changed:
            _lift(connection, reader, act)
            outbox.withdraw(connection, reader.address, NoticeKind.CONFIRM)
        for each in changed:
            join(connection, each, ConsentKind.CONFIRMED, act)
        if welcome is not None:
            joined = tuple(each for each in ids(changed) if each in welcome.newsletter_names)
            if joined:
                link = replace(grant, newsletter_ids=joined)
                outbox.put(connection, _greeting(reader, link, act, keys=keys, welcome=welcome))
    return Outcome(reader.id, ids(wanted), ids(changed))


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
        before = current(connection, reader)
        if not again and any(each in before and before[each].ended for each in wanted):
            refuse(
                address.mailed,
                "this reader has unsubscribed",
                AddressProblem.LEFT,
                hint="If they asked you to: digest subscribers add ADDRESS --again",
            )
        fresh = [_standing(before, reader, each) for each in wanted]
        changed = [each for each in fresh if each.state not in JOINED]
        for each in changed:
            join(connection, replace(each, requested_at=act.at), ConsentKind.ADDED, act)
    return Outcome(reader.id, wanted, ids(changed))


def read_confirm(token: str, *, keys: Keys, now: datetime) -> Grant:
    """Read a link to confirm. Raises TokenError; StaleTokenError when it is too old."""
    grant = keys.links.read(Purpose.CONFIRM, token)
    refuse_stale(grant, now)
    return grant


def admit(connection: Connection, policy: SignupPolicy, act: Act, *, keys: Keys) -> None:
    """Count one use of our form by everybody and by its network. Raises LimitError."""
    hour = timedelta(hours=1)
    counted = [("all", policy.in_all)]
    if act.ip:
        counted.append((f"net:{network_name(keys.suppression, act.ip)}", policy.per_network))
    for name, most in counted:
        wait = take(connection, f"form:{name}", most=most, within=hour, now=act.at)
        if wait is not None:
            raise LimitError(
                f"sign-up: more than {most} an hour", wait=wait, hint="Try it again later."
            )


def standing(database: Database, grant: Grant) -> Standing:
    """Find what a signed link is about, changing nothing; empty when the reader is gone."""
    with database.read() as connection:
        return store.standing_of(connection, grant.reader) or Standing(None)


def _known(newsletter_ids: Collection[int], names: Mapping[int, str]) -> tuple[int, ...]:
    wanted = tuple(sorted(set(newsletter_ids)))
    if not wanted:
        raise UsageError("newsletters: none chosen", hint="Choose at least one newsletter.")
    if missing := [each for each in wanted if each not in names]:
        raise NotFoundError(f"newsletter: number {missing[0]}: there is none")
    return wanted


def _allowed(
    connection: Connection,
    hashed: str,
    wanted: Sequence[int],
    reasons: Collection[SuppressionReason],
) -> tuple[int, ...]:
    """Keep the newsletters that none of these reasons forbids."""
    never = store.suppressed_newsletters(connection, hashed, wanted)
    return tuple(each for each in wanted if never.get(each) not in reasons)


def _refuse_suppressed(
    connection: Connection, address: str, hashed: str, wanted: Sequence[int]
) -> None:
    never = store.suppressed_newsletters(connection, hashed, wanted)
    if never:
        reason = next(iter(never.values()))
        refuse(
            address,
            f"on the never-mail list ({reason})",
            AddressProblem.NEVER,
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
class _Asking:
    """What the mail that asks for consent is made of."""

    keys: Keys
    names: Mapping[int, str]
    confirm_link: Callable[[str], str]
    wishes: Wishes


def _ask(
    connection: Connection, reader: Subscriber, wanted: Sequence[int], act: Act, asking: _Asking
) -> None:
    """Record what was asked for, and mail its owner: now, or when the hour since the last is over.

    One mail that is still to come asks for everything that was wanted until then.
    """
    before = current(connection, reader)
    if _just_asked(connection, reader, wanted, before, act):
        return
    name = abuse_name(asking.keys.suppression, store.address_key_of(connection, reader.id))
    at, taken = next_turn(connection, f"mail:{name}", apart=MAIL_APART, now=act.at)
    if taken and take(connection, f"day:{name}", most=MAILS_A_DAY, within=_DAY, now=act.at):
        return
    if not taken and is_spoken_for(connection, name, at):
        return
    for each in wanted:
        found = _standing(before, reader, each)
        if found.state not in JOINED:
            asked = replace(found, state=SubscriptionState.UNCONFIRMED, requested_at=act.at)
            store.save_subscription(connection, asked)
        store.append_consent(connection, reader.id, Consent(ConsentKind.ASKED, each, act))
    if at > act.at:
        wanted = sorted({*wanted, *_waiting(before, since=act.at - MAIL_APART)} & {*asking.names})
    # Who shares the mailbox, by another spelling, shares its one turn: the first comer has it.
    key = f"confirm:{name}:{at:%Y%m%dT%H%M%S.%f}"
    outbox.put_latest(connection, _ask_notice(key, reader, wanted, asking, act, at=at))


def _just_asked(
    connection: Connection,
    reader: Subscriber,
    wanted: Sequence[int],
    before: Mapping[int, Subscription],
    act: Act,
) -> bool:
    """Tell a form that was sent twice from one that was sent again."""
    asked = store.last_asked(connection, reader.id)
    return all(
        each in asked
        and abs(act.at - asked[each]) < _TWICE
        and not (found.ended and found.ended_at and found.ended_at >= asked[each])
        for each in wanted
        for found in (_standing(before, reader, each),)
    )


def _waiting(before: Mapping[int, Subscription], *, since: datetime) -> set[int]:
    """Give what was asked for lately and is not confirmed: the mail to come asks for it too."""
    return {
        newsletter_id
        for newsletter_id, each in before.items()
        if each.state is SubscriptionState.UNCONFIRMED
        and each.requested_at is not None
        and each.requested_at > since
    }


def _ask_notice(
    key: str,
    reader: Subscriber,
    wanted: Sequence[int],
    asking: _Asking,
    act: Act,
    *,
    at: datetime,
) -> NewNotice:
    grant = Grant(reader.public_id, tuple(wanted), issued_at=act.at)
    link = asking.confirm_link(asking.keys.links.sign(Purpose.CONFIRM, grant))
    facts = _facts(reader, wanted, asking.names, asking.wishes.language)
    return NewNotice(
        dedupe_key=key,
        kind=NoticeKind.CONFIRM,
        to_address=reader.address,
        facts={**facts, "confirm_url": link, "valid_days": CONFIRM_LIFE.days},
        next_at=at,
    )


def _note(
    connection: Connection, reader: Subscriber, wanted: Sequence[int], wishes: Wishes
) -> None:
    """Keep what the form says of somebody who gets nothing yet; others are asked by their links."""
    before = current(connection, reader)
    if all(each.state not in JOINED for each in before.values()):
        language = wishes.language or None
        store.set_manner(connection, reader.id, language=language, text_only=None)
    for each in wanted:
        found = _standing(before, reader, each)
        if found.state not in JOINED:
            mask = wishes.topics.get(each, found.topic_mask)
            store.save_subscription(connection, replace(found, topic_mask=mask))


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


def _greet_in_turn(
    connection: Connection, greeting: NewNotice, address: Address, keys: Keys, *, now: datetime
) -> None:
    """Greet who joined by typing an address, which anybody may: in the mailbox's turn, or never."""
    with contextlib.suppress(LimitError):
        at = mail_turn(connection, address.key, secret=keys.suppression, now=now)
        outbox.put(connection, replace(greeting, next_at=at))


def _first_letter(newsletter_id: int, welcome: Welcome) -> list[str]:
    name = welcome.newsletter_names[newsletter_id]
    if newsletter_id not in welcome.first_letters:
        return [name, "", ""]
    at, zone = welcome.first_letters[newsletter_id]
    return [name, to_utc(at).isoformat(), zone]


def _join(
    connection: Connection, reader: Subscriber, wanted: Sequence[int], act: Act
) -> tuple[int, ...]:
    """Confirm at once whoever never stood with these newsletters; give those of them."""
    before = current(connection, reader)
    erased = store.suppressed_newsletters(connection, reader.address_hmac, wanted)
    fresh = [each for each in wanted if each not in erased and _is_new(before.get(each))]
    for each in fresh:
        store.append_consent(connection, reader.id, Consent(ConsentKind.ASKED, each, act))
        found = replace(_standing(before, reader, each), requested_at=act.at)
        join(connection, found, ConsentKind.CONFIRMED, act)
    return tuple(fresh)


def _is_new(found: Subscription | None) -> bool:
    """Tell whether nobody ever confirmed or ended this: the form has just made the row."""
    return found is None or (found.state is SubscriptionState.UNCONFIRMED and not found.ended_at)


def _lift(connection: Connection, reader: Subscriber, act: Act) -> None:
    """Let a reader who had themselves erased come back by their own confirmed wish."""
    erased = SuppressionReason.ERASED
    if store.lift_suppression(connection, reader.address_hmac, reason=erased):
        store.append_consent(connection, reader.id, Consent(ConsentKind.LIFTED, None, act))


def _standing(
    before: Mapping[int, Subscription], reader: Subscriber, newsletter_id: int
) -> Subscription:
    new = Subscription(reader.id, newsletter_id, SubscriptionState.UNCONFIRMED)
    return before.get(newsletter_id, new)


def _covers(grant: Grant, found: Subscription | None) -> bool:
    """Tell whether a link to confirm still counts: not once the reader left after it was made."""
    if found is None or found.ended or grant.issued_at is None:
        return False
    return found.ended_at is None or grant.issued_at >= found.ended_at.replace(microsecond=0)


def _overtaken() -> StaleTokenError:
    return StaleTokenError(
        "link: no longer in force: the reader has left since",
        hint="Subscribe again, and a new link comes by mail.",
    )
