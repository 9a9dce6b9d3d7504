"""WRITE, a trial: every template with sample letters, among them what could break it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, Final

from digest.composition.compose import compose, compose_notice
from digest.composition.environment import MailTemplates
from digest.composition.language import Language
from digest.composition.model import Letter, Piece, ReaderValues, Rendered, Site
from digest.composition.notices import FACTS, FactKind
from digest.composition.own_templates import blocks_of, unseen_blocks
from digest.composition.samples import IMAGES, LETTERS, NOTICES, sample_facts, sample_letter
from digest.composition.template_faults import near
from digest.composition.wire import full_render
from digest.errors import CompositionError

PARTS: Final = ("subject.txt", "body.mjml", "body.txt")
"""What makes a letter or notice whole."""

USUAL: Final = "usual"
HOSTILE: Final = "hostile words"
_LITTLE: Final = "only a title"
_MUCH: Final = "80 stories, no picture"

AWFUL: Final = (
    "Non\u00a0breaking, back\\slash, \"double\" and 'single' quotes",
    "</mj-text></mj-column><mj-raw>{{ 7 * 7 }} {% endblock %} <!--[if mso]><b>x<![endif]-->",
    "<![CDATA[x]]> &amp; &lt;b&gt; %(name)s %s {0} --> ]]>",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 हिन्दी ไทย عَرَبِيّ e\u0301 \u202eright\u202c to left",
    "W" * 169,
)
"""What people, feeds and enemies write: none of it may break a letter."""

_SPOILT: Final = frozenset(
    {
        *("alt", "credit", "headline", "label", "note", "opening", "paragraphs", "preheader"),
        *("recording_label", "signed", "standfirst", "subject", "title", "words", "headlines"),
        *("day", "newsletter", "next_line", "week_title", "date_line"),
    }
)
"""What people write, of the parts of a letter: everything else is made by us."""
_STORIES: Final = 80

_READER: Final = ReaderValues(
    address="maria@reader.example",
    message_id="<e7.s1.0011223344556677@letters.harbourpost.example>",
    since="3 November 2025",
    unsubscribe_url="https://letters.harbourpost.example/u/7Q2",
    unsubscribe_mailto="",
    sent_at=datetime(2026, 1, 9, 7, tzinfo=UTC),
    preferences_url="https://letters.harbourpost.example/p/7Q2",
    twin_url="https://letters.harbourpost.example/p/7Q2/twin",
)
_SECRET: Final = b"samples are no secret"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a template is tried with: the name of it, and a letter or a notice's facts."""

    name: str
    content: Letter | Mapping[str, object]


def letters_and_notices(templates: MailTemplates) -> tuple[str, ...]:
    """Name every letter and notice there is: ours, and a publisher's own besides."""
    folders = dict.fromkeys(name.partition("/")[0] for name in templates.names)
    whole = [
        folder
        for folder in folders
        if not folder.startswith("_") and all(templates.has(f"{folder}/{part}") for part in PARTS)
    ]
    ours = [*LETTERS, *NOTICES]
    return (
        *(each for each in ours if each in whole),
        *(each for each in whole if each not in ours),
    )


def samples_of(
    template: str, language: Language, *, site: Site, images: str = IMAGES
) -> Iterator[Sample]:
    """Give what a template is tried with; the usual sample comes first."""
    if template in NOTICES:
        facts = sample_facts(template, language)
        yield Sample(USUAL, facts)
        yield Sample(HOSTILE, _spoilt_facts(template, facts))
        return
    like = template if template in LETTERS else LETTERS[0]
    letter = replace(sample_letter(like, language, site=site, images=images), template=template)
    yield Sample(USUAL, letter)
    yield Sample(HOSTILE, _spoilt(letter, cycle(AWFUL)))
    yield Sample(_LITTLE, _little(letter))
    yield Sample(_MUCH, replace(letter, brief=tuple(map(_plain_piece, range(_STORIES)))))


def made(
    template: str, sample: Sample, language: Language, *, site: Site, templates: MailTemplates
) -> Rendered:
    """Compose a sample, and give it as one reader has it.

    Raises:
        CompositionError: for whatever is wrong with the template.
    """
    if not isinstance(sample.content, Letter):
        return compose_notice(
            template, sample.content, site=site, language=language, environment=templates
        )
    composition = compose(
        sample.content,
        edition_id=1,
        revision=1,
        language=language,
        secret=_SECRET,
        environment=templates,
    )
    html, text = full_render(composition, _READER)
    return Rendered(subject=composition.subject, html=html, text=text)


def strays(templates: MailTemplates) -> tuple[str, ...]:
    """Name the files of a publisher's folder that take the place of nothing and nobody uses."""
    sources = dict(_own_sources(templates))
    used = set(letters_and_notices(templates))
    return tuple(
        name
        for name in sources
        if name not in templates.house
        and name.partition("/")[0] not in used
        and not any(name in text for other, text in sources.items() if other != name)
    )


def unseen(templates: MailTemplates) -> tuple[str, ...]:
    """Say which blocks of a publisher's folder nothing shows: a name that is spelt otherwise."""
    said = []
    for name, _ in _own_sources(templates):
        with contextlib.suppress(CompositionError, LookupError):  # making the letter says why
            known = blocks_of(name, templates.source)
            for block, line in unseen_blocks(name, templates.source):
                close = near(block, (each for each in known if each != block))
                said.append(
                    f"{name}, line {line}: nothing shows the block {block!r}{close}: what it"
                    " extends has none of that name"
                )
    return tuple(said)


def _own_sources(templates: MailTemplates) -> Iterator[tuple[str, str]]:
    for name in templates.own:
        with contextlib.suppress(CompositionError):  # whoever uses it will say why
            yield name, templates.source(name)


def _little(letter: Letter) -> Letter:
    """Give a letter of one story, which has no more than a title."""
    return replace(
        letter,
        headlines=(),
        lead=Piece("Rain"),
        top=(),
        sections=(),
        brief=(),
        note=None,
        sponsor=None,
        most_read=(),
        missed=(),
        next_line="",
        minutes=1,
    )


def _plain_piece(number: int) -> Piece:
    return Piece(
        f"Story {number + 1}: high water at eleven, and again after midnight",
        f"https://harbourpost.example/n/{number}",
    )


def _spoilt(value: Any, words: Iterator[str]) -> Any:
    """Put awful words in the place of all that people write, at any depth."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {
        each.name: _spoilt_field(each.name, getattr(value, each.name), words)
        for each in fields(value)
        if each.name != "site"
    }
    return replace(value, **changed)


def _spoilt_field(name: str, value: Any, words: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(words) if value and name in _SPOILT else value
    if isinstance(value, tuple):
        return tuple(_spoilt_field(name, each, words) for each in value)
    return _spoilt(value, words)


def _spoilt_facts(kind: str, facts: Mapping[str, object]) -> dict[str, object]:
    words = cycle(AWFUL)
    kinds = {name: fact.kind for name, fact in FACTS[kind].items()}
    return {name: _spoilt_fact(kinds[name], value, words) for name, value in facts.items()}


def _spoilt_fact(kind: FactKind, value: Any, words: Iterator[str]) -> object:
    if kind is FactKind.ROWS:
        return [[mark, next(words)] for mark, _ in value]
    if kind is FactKind.FIRSTS:
        return [[next(words), *rest] for _, *rest in value]
    if kind is FactKind.NAMES:
        return [next(words) for _ in value]
    return next(words) if kind in {FactKind.WORDS, FactKind.NAME} else value
