"""Send an edition to a few people who test it: a verb of its own, which can never mail everybody.

Its copies belong to no reader: their links lead to pages that change nothing, their bounces count
against nobody, and the ledger never hears of them. They go out by the real ways, signed as mail is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from digest.composition.headers import reader_address
from digest.composition.message import message_id
from digest.composition.pictures import OwnShelf
from digest.delivery.caller import TransportLine
from digest.delivery.model import Cause, DeliveryState, Envelope, Line, Parcel, Reply, Way
from digest.delivery.outbound import Mailer
from digest.delivery.sendable import objection
from digest.editions.model import Edition, Newsletter, Slot
from digest.errors import UsageError, WorkflowError
from digest.people.store import append_audit
from digest.workflow.halt import Person
from digest.workflow.home import require_home
from digest.workflow.model import Newsroom
from digest.workflow.preview import Preview, preview
from subscribers.address import Address, read_address
from subscribers.store import suppressed_newsletters
from subscribers.suppression import address_hash

MARK = "[Test]"
"""Begins the subject: nobody shall take it for the letter itself."""
MOST = 20
"""Addresses of one test."""

_LONGEST_SUBJECT = 120
_NO_WAY = Reply(DeliveryState.DEFERRED, 0, "no way out would take it", Cause.AWAY)


@dataclass(frozen=True, slots=True)
class _Copy:
    """Whose copy a parcel is."""

    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one copy."""

    address: str
    language: str
    reply: Reply

    @property
    def accepted(self) -> bool:
        """Whether the next server took it."""
        return self.reply.state is DeliveryState.ACCEPTED


@dataclass(frozen=True, slots=True)
class SentTest:
    """What was sent, and what became of each copy, in the order they were asked for."""

    seen: Preview
    copies: tuple[Tried, ...]


def send_test(
    newsroom: Newsroom,
    mailer: Mailer,
    ways: Sequence[Way],
    newsletter: Newsletter,
    what: Edition | Slot,
    *,
    addresses: Sequence[str] = (),
    test_readers: Collection[str],
    by: Person,
    language: str = "",
    confirmed: bool = False,
) -> SentTest:
    """Mail an edition as it is kept, or that of a slot as it would be made now, to a few people.

    Without `addresses` it goes to the test readers that the settings name; to anybody else only
    when that is `confirmed`, and on staging never. Each gets it in every language, or in one.
    Pictures that are not ours yet are fetched and kept, as a mail shows them from our pages.
    Raises UsageError for addresses that are not meant so, AddressError, WorkflowError where nothing
    may leave from here or there is no edition, CompositionError for a faulty template.
    """
    to = _readers(newsroom, addresses, test_readers, confirmed=confirmed)
    _refuse_never_mailed(newsroom, mailer, newsletter, to)
    require_home(newsroom.database, newsroom.home)
    shelf = OwnShelf(newsroom.database)
    seen = _in_language(preview(newsroom, mailer, newsletter, what, shelf=shelf), language)
    parcels = _parcels(mailer, seen, to)
    _record(newsroom, seen, to, by)
    return SentTest(seen, _sent(parcels, ways))


def _readers(
    newsroom: Newsroom, addresses: Sequence[str], test_readers: Collection[str], *, confirmed: bool
) -> Sequence[Address]:
    """Say to whom it goes, each once. Raises UsageError."""
    named = {read_address(each).key for each in test_readers}
    found = [read_address(each) for each in addresses or test_readers]
    to = [each for n, each in enumerate(found) if each.key not in {one.key for one in found[:n]}]
    if not to:
        raise UsageError(
            "send-test: there is nobody to send it to",
            hint='Name them in digest.toml: [people] test_readers = ["me@example.org"]',
        )
    if len(to) > MOST:
        raise UsageError(
            f"send-test: {len(to)} addresses are too many, {MOST} are the most",
            hint="A letter for many readers is an edition: digest approve, digest send",
        )
    strangers = [each.mailed for each in to if each.key not in named]
    if strangers and newsroom.only_readers is not None:
        raise UsageError(
            f"send-test: {strangers[0]}: staging mails only test readers",
            hint="Name them in digest.toml: [people] test_readers",
        )
    if strangers and not confirmed:
        raise UsageError(
            f"send-test: {', '.join(strangers)}: no test reader of the settings",
            hint="Name them in [people] test_readers, or say that you mean it: --confirm",
        )
    return to


def _refuse_never_mailed(
    newsroom: Newsroom, mailer: Mailer, newsletter: Newsletter, to: Sequence[Address]
) -> None:
    with newsroom.database.read() as connection:
        for each in to:
            hashed = address_hash(mailer.keys.suppression, each.key)
            reasons = suppressed_newsletters(connection, hashed, [newsletter.id])
            if reasons:
                raise UsageError(
                    f"send-test: {each.mailed}: is never mailed: {reasons[newsletter.id]}",
                    hint=f"See why with: digest subscribers show {each.mailed}",
                )


def _in_language(seen: Preview, language: str) -> Preview:
    if not seen.copies:
        raise WorkflowError(
            f"send-test: {seen.newsletter.slug}: there is no edition: {seen.reason}",
            hint=f"Look at what there is: digest preview {seen.newsletter.slug}",
        )
    if not language:
        return seen
    copy = seen.copy_in(language)
    if copy is None:
        known = ", ".join(each.composition.language for each in seen.copies)
        raise UsageError(
            f"send-test: {language}: it is not made in that language", hint=f"It is in: {known}."
        )
    return replace(seen, copies=(copy,))


def _parcels(mailer: Mailer, seen: Preview, to: Sequence[Address]) -> list[Parcel]:
    """Make every copy before any leaves; each parcel's `ref` says whose it is."""
    edition, now = seen.edition, mailer.clock()
    number = -round(now.timestamp() * 1_000) * MOST * len(seen.copies)  # no reader's, ever
    parcels = []
    for each in to:
        for copy in seen.copies:
            number -= 1
            made = replace(copy.composition, subject=f"{MARK} {copy.composition.subject}")
            mail_id = message_id(mailer.secret, edition.id, number, mailer.domain)
            values = replace(
                mailer.sample_values(edition, language=made.language, address=each.mailed),
                message_id=mail_id,
            )
            recipient = reader_address(each.mailed)
            envelope = Envelope(
                mailer.bounce_address, recipient, mail_id, smtputf8=not recipient.isascii()
            )
            message = mailer.wire(edition, made).message(values)
            if problem := objection(envelope, message):
                raise UsageError(f"send-test: {each.mailed}: {problem}")
            parcels.append(Parcel(envelope, message, _Copy(each.mailed, made.language)))
    return parcels


def _record(newsroom: Newsroom, seen: Preview, to: Sequence[Address], by: Person) -> None:
    """Write into the audit that it is about to go out; how many get it, never who."""
    detail = {
        "by": by.name,
        "readers": len(to),
        "languages": [copy.composition.language for copy in seen.copies],
        "revision": seen.edition.revision,
        "set_hash": seen.set_hash,
    }
    with newsroom.database.write() as connection:
        append_audit(
            connection,
            at=newsroom.clock(),
            actor=by.actor,
            verb="edition.test",
            subject=seen.edition.address[:_LONGEST_SUBJECT],
            detail=detail,
        )


def _sent(parcels: Sequence[Parcel], ways: Sequence[Way]) -> tuple[Tried, ...]:
    pile = _Pile(parcels)
    asyncio.run(_hand_over(pile, ways))
    return tuple(
        Tried(copy.address, copy.language, pile.answers.get(copy, _NO_WAY))
        for copy in (each.ref for each in parcels)
        if isinstance(copy, _Copy)
    )


async def _hand_over(pile: _Pile, ways: Sequence[Way]) -> None:
    """Try one way after the other, until nothing waits."""
    with ThreadPoolExecutor(1, "send-test") as caller:
        for way in ways:
            if pile.waiting:
                await _line(way, pile, caller).run()


def _line(way: Way, pile: _Pile, caller: ThreadPoolExecutor) -> Line:
    if way.transport is not None:
        return TransportLine(way, pile, caller)
    from digest.delivery.smtp import SmtpLine  # noqa: PLC0415 - aiosmtplib costs a moment

    return SmtpLine(way, pile)


class _Pile:
    """What a line draws from: the copies, each once; nothing is tried again by itself."""

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self.waiting = deque(parcels)
        self.answers: dict[object, Reply] = {}

    def take(self, line: Line) -> Parcel | None:
        if self.waiting:
            return self.waiting.popleft()
        line.leave()
        return None

    def begin(self, _parcel: Parcel) -> bool:
        return True

    def answered(self, parcel: Parcel, reply: Reply) -> None:
        self.answers[parcel.ref] = reply
