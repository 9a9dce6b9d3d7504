"""Words that look like the end of a message: one message each goes in, and one comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from digest.composition.catalogs import load_languages
from digest.composition.compose import compose
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.letter import write_letter
from digest.composition.message import build_notice
from digest.composition.text import strip_refused
from digest.composition.wire import EditionWire
from digest.delivery.model import Ended, Envelope, Parcel, SmtpAccount, Way
from digest.delivery.smtp import SmtpLine
from digest.editions.model import Place
from tests.integration.scripted_smtp import free_port
from tests.integration.smtp_sink import SmtpSink, smtp_sink
from tests.mail_strictness import faults_of
from tests.unit.composition.letter_builders import (
    SECRET,
    a_newsletter,
    a_selection,
    a_site,
    a_slot,
    an_edition,
)
from tests.unit.composition.wire_builders import HEADERS, a_composition, values
from tests.unit.delivery.parcel_queue import ParcelQueue, a_parcel

ENDS = ("\r\n", "\n", "\r")
TRICKS = (
    *(f"{before}.{after}" for before in ENDS for after in ENDS),
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\r\r\n.\r\r\n",
    "\r\n..\r\n",
    "\r\n.\r\n.\r\n",
    "\x85.\x85",
    "\u2028.\u2028",
    "\r\n \r\n.\r\n",
)
SECOND = (
    "MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: Buy\r\n\r\nBuy\r\n.\r\n"
)
SENT_AT = datetime(2026, 1, 9, 7, tzinfo=UTC)
TO = "maria@example.org"

Arrived = tuple[str, str, bytes]
"""Envelope sender, recipient and content of a message."""


@dataclass
class _Mailbox:
    """Keeps what aiosmtpd took for one message each."""

    arrived: list[Arrived] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        (to,) = envelope.rcpt_tos
        self.arrived.append((envelope.mail_from, to, envelope.original_content))
        return "250 stored"


@dataclass
class _Servers:
    """A server of somebody else's, which is sent one command at a time, and one that pipelines."""

    ports: tuple[int, int]
    mailbox: _Mailbox
    sink: SmtpSink

    def took(self) -> list[list[Arrived]]:
        """Give what each took since we last asked."""
        taken = [(each.sender, each.recipient, each.body) for each in self.sink.taken]
        found = [self.mailbox.arrived[:], taken]
        self.mailbox.arrived.clear()
        self.sink.taken.clear()
        return found


@pytest.fixture(scope="module")
def servers() -> Iterator[_Servers]:
    mailbox = _Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    with smtp_sink() as sink:
        yield _Servers((controller.port, sink.port), mailbox, sink)
        assert sink.violations == []
    controller.stop()


@pytest.fixture(scope="module")
def templates() -> MailTemplates:
    return load_templates()


def _sent(servers: _Servers, message: bytes) -> None:
    """Send a message and a plain one behind it: both arrive, each whole and alone."""
    assert faults_of(message) == []
    trapped = Parcel(Envelope("news@example.org", TO, "<m1@example.org>"), message)
    behind = a_parcel("bob")
    for port in servers.ports:
        source = ParcelQueue([trapped, behind])
        account = SmtpAccount("127.0.0.1", port, "none", local_hostname="desk.example")
        ended = asyncio.run(_hand_over(Way("relay", account), source))
        assert ended == Ended(None, 2), source.answers
    both = [
        ("news@example.org", TO, message),
        ("news@example.org", "bob@example.org", behind.message),
    ]
    assert servers.took() == [both, both]


async def _hand_over(way: Way, source: ParcelQueue) -> Ended:
    return await SmtpLine(way, source).run()


@pytest.mark.parametrize("trick", TRICKS)
def test_no_name_title_or_body_ends_its_message(trick: str, servers: _Servers) -> None:
    words = f"Good morning{trick}{SECOND}"
    body = strip_refused(words)  # as `compose` does
    composition = a_composition(subject=words, text=f"{body}\n", html=f"<p>{body}</p>\n")
    headers = replace(HEADERS, list_name=words)
    _sent(servers, EditionWire(composition, headers).message(values(address=TO)))
    alone = values(address=TO, text_only=True, since=words)
    _sent(servers, EditionWire(a_composition(), HEADERS).message(alone))


@pytest.mark.parametrize("trick", TRICKS)
def test_no_headline_ends_the_letter_it_stands_in(
    trick: str, servers: _Servers, templates: MailTemplates
) -> None:
    words = f"Good morning{trick}{SECOND}"
    english = load_languages().of("en")
    letter = write_letter(
        an_edition(),
        a_newsletter(name=words),
        a_selection([(Place.LEAD, "town", words, words, ""), (Place.TOP, "town", trick, "", "")]),
        site=a_site(name=words, postal_address=words),
        language=english,
        shots={},
        next_slot=a_slot(),
    )
    composition = compose(
        letter, edition_id=7, revision=1, language=english, secret=SECRET, environment=templates
    )
    headers = replace(HEADERS, sender=f"{words.replace('<', '').replace('>', '')} <n@example.org>")
    for text_only in (False, True):
        reader = values(address=TO, text_only=text_only)
        _sent(servers, EditionWire(composition, headers).message(reader))


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("html", ["", "<p>Good morning</p>"])
def test_no_notice_ends_early(trick: str, html: str, servers: _Servers) -> None:
    words = f"Good morning{trick}{SECOND}"
    body = strip_refused(words)  # as `compose_notice` does
    message = build_notice(
        sender="news@example.org",
        to=TO,
        reply_to="",
        subject=words,
        text=body,
        html=html and f"{html}{body}",
        message_id="<m1@example.org>",
        sent_at=SENT_AT,
    )
    _sent(servers, message)
