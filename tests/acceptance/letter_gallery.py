"""Every letter and every notice of the made-up newspaper, in every language, as a reader has it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from digest.composition.catalogs import Languages, load_languages
from digest.composition.compose import compose, compose_notice
from digest.composition.dates import short_date_words
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.language import Language
from digest.composition.message import build_notice
from digest.composition.model import ListHeaders, ReaderValues
from digest.composition.samples import (
    IMAGES,
    LANGUAGES,
    LETTERS,
    NOTICES,
    sample_facts,
    sample_letter,
    sample_site,
)
from digest.composition.wire import EditionWire, full_render

READER = "maria@reader.example"
SENDER = "news@letters.harbourpost.example"

ALL = os.environ.get("TEST_LETTERS") == "all"
"""Whether to look at everything there is, as `python3 dev.py letters` does."""
NAMES = tuple(f"{name}-{tag}" for name in (*LETTERS, *NOTICES) for tag in sorted(LANGUAGES))
FEWER = tuple(name for name in NAMES if ALL or name.endswith(("-en", "-ar")))
"""Where the language can hardly matter: one written in each direction."""
LETTERS_AND_FEWER = tuple(
    name for name in NAMES if name in FEWER or name.partition("-")[0] in LETTERS
)
"""Where it may: every letter, and of the notices, a few words in the letters' frame, fewer."""

_SECRET = b"a secret of thirty-two bytes, here"
_SENT_AT = datetime(2026, 1, 9, 7, 0, tzinfo=UTC)
_ASKED_AT = datetime(2025, 11, 3, tzinfo=UTC)
_LINKS = "https://letters.harbourpost.example"
_TOKEN = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIjKlMn"  # as long as a real one


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as its reader has it: both parts by themselves, and the bytes on the wire."""

    template: str
    language: str
    subject: str
    html: str
    text: str
    message: bytes

    @property
    def name(self) -> str:
        """Its name among all of them: "daily-en"."""
        return f"{self.template}-{self.language}"

    @property
    def is_letter(self) -> bool:
        """Whether it is an edition, and no notice."""
        return self.template in LETTERS


@cache
def gallery() -> tuple[Mail, ...]:
    """Compose all of them, once in a process."""
    return tuple(
        a_mail(template, tag) for template in (*LETTERS, *NOTICES) for tag in sorted(LANGUAGES)
    )


def named(name: str) -> Mail:
    """Give a mail by its name, as "daily-en"."""
    return next(mail for mail in gallery() if mail.name == name)


def a_mail(template: str, tag: str, *, images: str = IMAGES) -> Mail:
    """Compose one letter or notice for one reader; `images` is where its pictures are."""
    language = _languages().of(tag)
    if template in LETTERS:
        return _letter(template, language, images)
    return _notice(template, language)


def _letter(template: str, language: Language, images: str) -> Mail:
    letter = sample_letter(template, language, images=images)
    composition = compose(
        letter,
        edition_id=7,
        revision=1,
        language=language,
        secret=_SECRET,
        environment=_templates(),
    )
    headers = ListHeaders(
        sender=f"{letter.site.name} <{SENDER}>",
        reply_to=letter.site.reply_to,
        list_id=f"{letter.slug}.letters.harbourpost.example",
        list_name=letter.newsletter,
    )
    reader = _reader(template, language)
    html, text = full_render(composition, reader)
    return Mail(
        template=template,
        language=language.tag,
        subject=composition.subject,
        html=html,
        text=text,
        message=EditionWire(composition, headers).message(reader),
    )


def _notice(kind: str, language: Language) -> Mail:
    site = sample_site(language.tag)
    facts = sample_facts(kind, language)
    made = compose_notice(kind, facts, site=site, language=language, environment=_templates())
    message = build_notice(
        sender=f"{site.name} <{SENDER}>",
        to=READER,
        reply_to=site.reply_to,
        subject=made.subject,
        text=made.text,
        html=made.html,
        message_id=_message_id(kind, language),
        sent_at=_SENT_AT,
    )
    return Mail(kind, language.tag, made.subject, made.html, made.text, message)


def _reader(template: str, language: Language) -> ReaderValues:
    return ReaderValues(
        address=READER,
        message_id=_message_id(template, language),
        since=f"{short_date_words(_ASKED_AT.date(), language.tag)} {_ASKED_AT.year}",
        unsubscribe_url=f"{_LINKS}/u/{_TOKEN}",
        unsubscribe_mailto="",
        sent_at=_SENT_AT,
        preferences_url=f"{_LINKS}/p/{_TOKEN}",
        twin_url=f"{_LINKS}/p/{_TOKEN}/twin",
    )


def _message_id(template: str, language: Language) -> str:
    return f"<{template}.{language.tag}.0011223344556677@letters.harbourpost.example>"


@cache
def _templates() -> MailTemplates:
    return load_templates()


@cache
def _languages() -> Languages:
    return load_languages()
