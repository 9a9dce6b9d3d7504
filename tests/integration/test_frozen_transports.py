"""Approved means frozen: what each way out hands over is what was approved, byte for byte."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from digest.composition import store as compositions
from digest.composition.compose import content_hash, set_hash
from digest.composition.frozen import require_frozen
from digest.composition.language import Plural
from digest.composition.model import Composition, ReaderValues
from digest.composition.slots import Slot, Slots, Unit, counted, decode, mark_pattern, split
from digest.db import Database
from digest.delivery.discard import DiscardTransport
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import Envelope, Reply, SmtpAccount, Way
from digest.delivery.send import send_due
from digest.delivery.ses import SesTransport
from subscribers.store import recipient, subscriber
from tests.builders import Paper, a_newsletter, open_paper, url_of
from tests.integration.fake_ses import fake_ses
from tests.integration.scripted_smtp import free_port

FRIDAY = "daily/2026-01-09"
TONGUES = ("en", "de", "fr", "es", "ar")
_VALUES: dict[Slot, Callable[[ReaderValues], str]] = {
    Slot.UNSUBSCRIBE: lambda values: values.unsubscribe_url,
    Slot.TWIN: lambda values: values.twin_url,
    Slot.PREFERENCES: lambda values: values.preferences_url,
    Slot.ADDRESS: lambda values: values.address,
    Slot.SINCE: lambda values: values.since,
}


@dataclass(frozen=True)
class Out:
    """A way out, and what arrived by it: messages by their recipient."""

    way: Way
    arrived: Callable[[], dict[str, bytes]]


class _Mailbox:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        (to,) = envelope.rcpt_tos
        self.kept[to] = envelope.content
        return "250 taken"


@contextmanager
def _smtp(_folder: Path) -> Iterator[Out]:
    mailbox = _Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    controller.start()
    account = SmtpAccount("127.0.0.1", controller.port, tls="none", local_hostname="post.example")
    try:
        yield Out(Way("smtp", account, connections=2), lambda: mailbox.kept)
    finally:
        controller.stop()


@contextmanager
def _maildir(folder: Path) -> Iterator[Out]:
    root = folder / "mailboxes"
    root.mkdir()

    def arrived() -> dict[str, bytes]:
        return {each.parts[-3]: each.read_bytes() for each in root.glob("*/new/*")}

    yield Out(Way("maildir", transport=MaildirTransport(root), connections=2), arrived)


class _Heard(DiscardTransport):
    """The way to nowhere, and what it was handed."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        self.kept[envelope.recipient] = bytes(message)
        return super().deliver(envelope, message)


@contextmanager
def _nowhere(_folder: Path) -> Iterator[Out]:
    transport = _Heard()
    yield Out(Way("discard", transport=transport, connections=2), lambda: transport.kept)
    transport.close()


@contextmanager
def _ses(_folder: Path) -> Iterator[Out]:
    with fake_ses() as ses:
        transport = SesTransport("eu-west-1", endpoint=ses.url, timeout_seconds=5)

        def arrived() -> dict[str, bytes]:
            return {each.body["Destination"]["ToAddresses"][0]: each.raw for each in ses.asked}

        yield Out(Way("ses", transport=transport, connections=2), arrived)
        transport.close()


_WAYS: dict[str, Callable[[Path], AbstractContextManager[Out]]] = {
    "smtp": _smtp,
    "maildir": _maildir,
    "discard": _nowhere,
    "ses": _ses,
}


@pytest.fixture
def paper(sqlite_database: Database, tmp_path: Path) -> Iterator[Paper]:
    """A letter approved in five languages, and a reader of each."""
    daily = a_newsletter(release="auto", languages=list(TONGUES[1:]))
    made = open_paper(
        tmp_path, "2026-01-08 12:00", database=url_of(sqlite_database), newsletters={"daily": daily}
    )
    for tag in TONGUES:
        made.reader(f"{tag}@reader.example")
        mine = subscriber.c.address_key == f"{tag}@reader.example"
        with sqlite_database.write() as connection:
            connection.execute(sa.update(subscriber).where(mine).values(language=tag))
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    made.go("2026-01-09 07:00")
    yield made
    made.app.close()


@pytest.mark.parametrize("name", list(_WAYS))
def test_what_arrives_is_what_was_approved_byte_for_byte_in_every_language(
    paper: Paper, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    edition = paper.edition(FRIDAY)
    with paper.app.database.read() as connection:
        made = compositions.load_compositions(connection, edition.id)
        approved = compositions.approved_hash(connection, edition.id)
        readers = {
            tag: recipient(connection, number, edition.newsletter_id, language=tag)
            for number, tag in enumerate(TONGUES, start=1)
        }
    assert [each.language for each in made] == list(TONGUES)
    with _WAYS[name](tmp_path) as out:
        journal = tmp_path / "journal"
        app = paper.app
        send_due(app.database, [out.way], app.mailer, journal=journal, clock=paper.watch)
        arrived = out.arrived()
    received = []
    for each in made:
        reader = readers[each.language]
        assert reader is not None
        values = app.mailer.values_for(edition, reader)[1]
        message = arrived.pop(f"{each.language}@reader.example")
        subject, html, text = _taken_out(message, each, values)
        assert html == _shown(each.html, each.nonce, escape)
        assert text == _shown(each.text, each.nonce, str)
        received.append((each, subject))
    assert arrived == {}
    assert [subject for _, subject in received] == [each.subject for each in made]
    assert set_hash(made) == approved
    assert all(
        content_hash(each.subject, each.preheader, each.html, each.text) == each.content_hash
        for each in made
    )
    require_frozen(approved, made, app.mailer.wire_for(edition.id), edition=FRIDAY)


def _taken_out(message: bytes, made: Composition, values: ReaderValues) -> tuple[str, str, str]:
    """Put the marks back into a message in place of its reader's own values."""
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    parts = {each.get_content_type(): each for each in parsed.iter_parts()}
    html, text = _content(parts["text/html"]), _content(parts["text/plain"])
    marks = Slots(made.nonce)
    for slot, value in _VALUES.items():
        html = html.replace(escape(value(values)), marks.value(slot))
        text = text.replace(value(values), marks.value(slot))
    return str(parsed["Subject"]), html, text


def _content(part: object) -> str:
    assert isinstance(part, EmailMessage)
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode().replace("\r\n", "\n")


def _shown(source: str, nonce: str, escaped: Callable[[str], str]) -> str:
    """Give a composition as somebody with every topic has it: with its slots, and its sums."""
    tally = counted(split(source, nonce))

    def said(mark: Any) -> str:
        kind, content = mark[1], mark[2]
        if kind == "V":
            return str(mark[0])
        if kind not in tuple(Unit):
            return ""
        rule, *forms = map(decode, content.split("Y"))
        number = tally.stories if kind == Unit.STORIES else tally.minutes
        return escaped(Plural(tuple(forms), rule).words(number))

    return mark_pattern(nonce).sub(said, source)
