"""600 hostile readers of every template in every language: each gets their letter, to the byte.

And every notice in every language, from senders with names just as hostile.
"""

from __future__ import annotations

import binascii
import email.policy
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from html import escape

import pytest

from digest.composition.catalogs import load_languages
from digest.composition.compose import compose, compose_notice
from digest.composition.environment import load_templates
from digest.composition.message import build_notice
from digest.composition.model import Composition, ListHeaders, ReaderValues
from digest.composition.samples import (
    LANGUAGES,
    LETTERS,
    NOTICES,
    sample_facts,
    sample_letter,
    sample_site,
)
from digest.composition.slots import Slot
from digest.composition.wire import EditionWire, full_render
from tests.mail_strictness import faults_of
from tests.unit.composition.wire_builders import HEADERS, SECRET, SENT_AT, hostile_readers

READERS = hostile_readers(600)
PARSED = 1 if os.environ.get("TEST_LETTERS") == "all" else 6
"""Every sixth copy is read by Python's parser too: another sixth for each letter, so that it
reads the copies of every reader. It takes longer than all the rest; `dev.py letters`, and where a
build runs, it reads all of them."""
NAMES = (
    "Harbour Post",
    'Harbour, "Post" & Co.',
    "Ünï, Dept.\\",
    "=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=",
    "Post\r\nBcc: evil@x.test",
    "\u202eتيس ,post",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 二〇二五年, " * 3,
    ". " * 40,
)
LETTERS_AND_LANGUAGES = [(letter, language) for letter in LETTERS for language in LANGUAGES]
_INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}


@cache
def composed(template: str, tag: str) -> Composition:
    language = _languages().of(tag)
    return compose(
        sample_letter(template, language),
        edition_id=7,
        revision=1,
        language=language,
        secret=SECRET,
        environment=_templates(),
    )


_languages, _templates = cache(load_languages), cache(load_templates)


def headers_of(number: int) -> ListHeaders:
    name = NAMES[number % len(NAMES)]
    sender = f"{name.replace('<', '')} <news@letters.harbourpost.example>"
    return replace(HEADERS, sender=sender, list_name=name)


class SlowRender:
    """Renders a copy without the wire: once for each set of topics, then value by value."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        self._cut: dict[frozenset[str] | None, list[list[str]]] = {}

    def copy_for(self, reader: ReaderValues) -> tuple[str, str]:
        if reader.topics not in self._cut:
            bare = replace(
                reader,
                address="Z1Z",
                since="Z2Z",
                unsubscribe_url="Z3Z",
                preferences_url="Z4Z",
                twin_url="Z5Z",
            )
            parts = full_render(self._composition, bare)
            self._cut[reader.topics] = [re.split("(Z[1-5]Z)", part) for part in parts]
        html, text = self._cut[reader.topics]
        values = _values_of(reader)
        return (
            "".join(values[piece][0] if piece in values else piece for piece in html),
            "".join(values[piece][1] if piece in values else piece for piece in text),
        )


@cache
def _values_of(reader: ReaderValues) -> Mapping[str, tuple[str, str]]:
    """Give what stands in each place, in HTML and in text."""
    values = {
        "Z1Z": _spoken(reader.address),
        "Z2Z": _spoken(reader.since),
        "Z3Z": _spoken(reader.unsubscribe_url),
        "Z4Z": _spoken(reader.preferences_url),
        "Z5Z": _spoken(reader.twin_url),
    }
    assert len(values) == len(Slot)
    return {place: (escape(value), value) for place, value in values.items()}


def _spoken(value: str) -> str:
    return "".join(" " if unicodedata.category(sign) in _INVISIBLE else sign for sign in value)


def decoded(message: bytes) -> Iterator[str]:
    """Decode the parts of a message that the strict reader found whole, by its own boundary."""
    head, _, body = message.partition(b"\r\n\r\n")
    boundary = head.rpartition(b'boundary="')[2].rstrip(b'"')
    parts = [body]
    if b"multipart/" in head:
        between = (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]
        parts = [part.partition(b"\r\n\r\n")[2] for part in between]
    for part in parts:
        yield binascii.a2b_qp(part).decode().replace("\r\n", "\n")


def parsed(message: bytes) -> list[str]:
    """Read a message by Python's own parser, which must find no defect."""
    mail = BytesParser(policy=email.policy.default).parsebytes(message)
    assert not [part.defects for part in mail.walk() if part.defects]
    return [_content(part) for part in mail.walk() if not part.is_multipart()]


def _content(part: EmailMessage) -> str:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(("template", "language"), LETTERS_AND_LANGUAGES)
def test_every_hostile_reader_gets_exactly_their_letter(template: str, language: str) -> None:
    composition = composed(template, language)
    number = LETTERS_AND_LANGUAGES.index((template, language))
    wire, slow = EditionWire(composition, headers_of(number)), SlowRender(composition)
    nonce = composition.nonce.encode()
    for at, reader in enumerate(READERS):
        message = wire.message(reader)
        assert faults_of(message) == []
        html, text = slow.copy_for(reader)
        expected = [text] if reader.text_only else [text, html]
        assert list(decoded(message)) == expected
        assert nonce not in message
        if (at + number) % PARSED == 0:
            assert parsed(message) == expected


@pytest.mark.parametrize(("template", "language"), LETTERS_AND_LANGUAGES)
def test_no_header_of_a_letter_has_a_defect(template: str, language: str) -> None:
    number = LETTERS_AND_LANGUAGES.index((template, language))
    wire = EditionWire(composed(template, language), headers_of(number))
    for reader in READERS[number :: len(LETTERS_AND_LANGUAGES)]:
        if not reader.address.isascii():  # this parser calls what RFC 6532 allows a defect
            continue
        mail = BytesParser(policy=email.policy.default).parsebytes(wire.message(reader))
        assert not [(name, field.defects) for name, field in mail.items() if field.defects]
        assert [found.domain for found in mail["From"].addresses] == ["letters.harbourpost.example"]
        assert len(mail["To"].addresses) == 1
        assert mail["Bcc"] is None
        assert mail["List-Unsubscribe"].startswith(f"<{reader.unsubscribe_url}>")


@pytest.mark.parametrize("kind", NOTICES)
@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_notice_reaches_a_hostile_reader_as_it_was_rendered(kind: str, tag: str) -> None:
    language = _languages().of(tag)
    facts = sample_facts(kind, language)
    for number, name in enumerate(NAMES):
        rendered = compose_notice(
            kind,
            facts,
            site=sample_site(tag, name=name),
            language=language,
            environment=_templates(),
        )
        message = build_notice(
            sender=headers_of(number).sender,
            to=READERS[11 * number].address,
            reply_to="",
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            message_id=READERS[number].message_id,
            sent_at=SENT_AT,
        )
        assert faults_of(message) == []
        assert parsed(message) == [rendered.text, rendered.html]
