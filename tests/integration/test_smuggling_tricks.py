"""All the ways to end a message early, in every place words come from, through a whole sender.

Some servers take a lone dot between line breaks that are none for the end of a message (SMTP
smuggling, 2023): what follows it would be a message of its own, sent in our name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from digest.composition.model import ReaderValues
from digest.composition.text import strip_refused
from digest.composition.wire import EditionWire
from digest.db import Database
from digest.delivery.model import Envelope, SmtpAccount, Tally, Way
from digest.editions.model import Edition
from subscribers.model import Recipient
from tests.integration.scripted_smtp import free_port
from tests.integration.sending_room import Room, books, by_relay
from tests.integration.smtp_sink import EXTENSIONS, PLAIN, smtp_sink
from tests.mail_strictness import faults_of
from tests.unit.composition.wire_builders import HEADERS, a_composition
from tests.unit.delivery.delivery_builders import PlainOutbound, address_of, attempts, rows

SEVEN = ("\n.\n", "\n.\r", "\n.\r\n", "\r.\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r")
WITH_NUL = ("\r\n\0.\r\n", "\r\n.\0\r\n", "\n\0.\n", "\r\0\n.\r\0\n", "\0\r\n.\r\n\0")
TRICKS = (*SEVEN, *WITH_NUL, "\r\n.\r\n")
SECOND = (
    "MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: Buy\r\n\r\nBuy\r\n.\r\n"
)
READERS = 3


class _Letters(PlainOutbound):
    """Real letters with a trick in the list's name, the title, the body and the reader's words."""

    def __init__(self, trick: str) -> None:
        super().__init__()
        self.words = f"Good morning{trick}{SECOND}"
        body = strip_refused(self.words)  # as `compose` does
        composition = a_composition(subject=self.words, text=f"{body}\n", html=f"<p>{body}</p>\n")
        plain = a_composition(subject=self.words)
        headers = replace(HEADERS, list_name=self.words)
        self._wires = [EditionWire(each, headers) for each in (composition, plain)]
        self.written: dict[str, bytes] = {}

    def wire_for(self, edition_id: int) -> Any:
        return _Wire(self._wires[edition_id % 2], self.written)

    def values_for(self, edition: Edition, recipient: Recipient) -> tuple[Envelope, ReaderValues]:
        envelope, values = super().values_for(edition, recipient)
        mine = replace(values, since=self.words, text_only=recipient.public_id == "public2")
        return envelope, mine


@dataclass
class _Wire:
    wire: EditionWire
    written: dict[str, bytes]

    def message(self, values: ReaderValues, language: str = "") -> bytes:
        del language
        message = self.wire.message(values)
        self.written[values.message_id] = message
        return message


@pytest.fixture
def room(sqlite_database: Database, tmp_path: Path) -> Room:
    return Room(sqlite_database, tmp_path / "journal")


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "in turn"])
@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_in_any_word_makes_two_messages_of_one_on_our_strict_server(
    room: Room, trick: str, *, pipelining: bool
) -> None:
    both = [room.plan(READERS), room.plan(0, day=10)]
    outbound = _Letters(trick)
    extensions = EXTENSIONS if pipelining else PLAIN
    with smtp_sink(extensions=extensions) as sink:
        sent = room.send(by_relay(sink, connections=1), outbound=outbound)
        assert (sent.accepted, sent.problem) == (2 * READERS, "")
        arrived = sorted(each.body for each in sink.taken)
        assert sink.violations == []
        assert {each.sender for each in sink.taken} == {"news@example.org"}
    assert arrived == sorted(outbound.written.values())
    assert [faults_of(each) for each in arrived] == [[]] * len(arrived)
    assert all(not _tricks_in(each) for each in arrived)
    for edition in both:
        assert books(room.database, edition) == Tally(accepted=READERS)


def _tricks_in(message: bytes) -> list[str]:
    return [trick for trick in TRICKS if trick.encode() in message]


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_in_any_word_makes_two_messages_of_one_at_aiosmtpd(room: Room, trick: str) -> None:
    both = [room.plan(READERS), room.plan(0, day=10)]
    outbound = _Letters(trick)
    with _mailbox() as (mailbox, way):
        sent = room.send(way, outbound=outbound)
    assert (sent.accepted, sent.problem) == (2 * READERS, "")
    assert sorted(mailbox.arrived) == sorted(outbound.written.values())
    assert {each for pair in mailbox.recipients for each in pair} == {
        address_of(n) for n in range(1, READERS + 1)
    }
    for edition in both:
        assert books(room.database, edition) == Tally(accepted=READERS)


@dataclass
class _Mailbox:
    """What aiosmtpd took for one message each."""

    arrived: list[bytes] = field(default_factory=list)
    recipients: list[tuple[str, ...]] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.arrived.append(envelope.original_content)
        self.recipients.append(tuple(envelope.rcpt_tos))
        return "250 stored"


@contextmanager
def _mailbox() -> Iterator[tuple[_Mailbox, Way]]:
    mailbox = _Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    account = SmtpAccount("127.0.0.1", controller.port, "none", local_hostname="desk.example")
    try:
        yield mailbox, Way("relay", account=account, connections=1)
    finally:
        controller.stop()


class _Broken(PlainOutbound):
    """A composer that has gone mad: it writes the words as they are."""

    def __init__(self, trick: str) -> None:
        super().__init__()
        self._message = f"Subject: Hi\r\n\r\nHi{trick}{SECOND}Bye\r\n".encode()

    def wire_for(self, edition_id: int) -> Any:
        del edition_id
        return _Mad(self._message)


@dataclass
class _Mad:
    raw: bytes

    def message(self, _values: ReaderValues, _language: str = "") -> bytes:
        return self.raw


@pytest.mark.parametrize("trick", TRICKS)
def test_what_a_broken_composer_writes_is_refused_before_a_server_hears_of_it(
    room: Room, trick: str
) -> None:
    edition = room.plan(READERS)
    with smtp_sink() as sink:
        sent = room.send(by_relay(sink, connections=1), outbound=_Broken(trick))
        assert sink.taken == []
        assert not any(each.startswith("MAIL") for each in sink.commands)
    assert sent.accepted == 0
    reasons = {reason for _, _, reason in rows(room.database, edition).values()}
    assert books(room.database, edition) == Tally(failed=READERS)
    assert len(reasons) == 1
    assert reasons.pop().startswith("the message has a")
    assert len(attempts(room.database)) == READERS
