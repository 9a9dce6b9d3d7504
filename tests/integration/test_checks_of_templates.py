"""The shipped letters and notices pass the checks of their HTML in every language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product

import pytest

from digest.checks import accessibility, clients, images, links, size
from digest.checks.model import Limits, Page
from digest.composition.catalogs import load_languages
from digest.composition.compose import compose, compose_notice
from digest.composition.environment import load_templates
from digest.composition.model import Composition, Letter, ListHeaders, Logo, ReaderValues, Site
from digest.composition.samples import (
    LANGUAGES,
    LETTERS,
    NOTICES,
    sample_facts,
    sample_letter,
    sample_site,
)
from digest.composition.trials import HOSTILE, samples_of
from digest.composition.wire import EditionWire, full_render
from tests.unit.checks.page_builders import facts, letter
from tests.unit.composition.letter_builders import SECRET

TEMPLATES = load_templates()
SPOKEN = load_languages()
FAMILIES = (size, links, images, accessibility, clients)
_OF_EDITIONS = frozenset({"L09", "M08"})
"""What a notice need not have: ways out of a list, and much to read."""
_LOGO = Logo(
    "https://letters.harbourpost.example/images/l.png",
    160,
    40,
    "https://letters.harbourpost.example/images/d.png",
)
_READER = ReaderValues(
    address="a-rather-long-name.of-a-reader@a-rather-long-domain.example",
    message_id="<e7.s1.0011223344556677@letters.harbourpost.example>",
    since="30 September 2025",
    unsubscribe_url="https://letters.harbourpost.example/u/7Q2",
    unsubscribe_mailto="",
    sent_at=datetime(2026, 1, 9, 7, tzinfo=UTC),
    preferences_url="https://letters.harbourpost.example/p/7Q2",
    twin_url="https://letters.harbourpost.example/p/7Q2/twin",
)


def _page(made: Letter, tag: str) -> Page:
    composition = compose(
        made,
        edition_id=7,
        revision=1,
        language=SPOKEN.of(tag),
        secret=SECRET,
        environment=TEMPLATES,
    )
    headers = ListHeaders(
        sender="Harbour Post <news@letters.harbourpost.example>",
        reply_to="",
        list_id="daily.letters.harbourpost.example",
        list_name=made.newsletter,
    )
    html, text = full_render(composition, _READER)
    return Page(composition, made, html, text, EditionWire(composition, headers).message(_READER))


def _faults(page: Page, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
    given = facts(page)
    for rule in (rule for family in FAMILIES for rule in family.RULES if rule.code not in without):
        assert rule.look_at_page is not None
        for found in rule.look_at_page(given, page, Limits()):
            yield f"{rule.code} {found.sentence} {found.place.quote}"


@pytest.mark.parametrize(("template", "tag"), list(product(LETTERS, LANGUAGES)))
def test_a_letter_passes(template: str, tag: str) -> None:
    for site in (sample_site(tag), sample_site(tag, logo=_LOGO)):
        assert list(_faults(_page(_sample(template, tag, site), tag))) == []


def _sample(template: str, tag: str, site: Site) -> Letter:
    return sample_letter(template, SPOKEN.of(tag), site=site)


@pytest.mark.parametrize(("template", "tag"), list(product(LETTERS, LANGUAGES)))
def test_a_letter_of_one_story_or_of_eighty_passes(template: str, tag: str) -> None:
    for sample in samples_of(template, SPOKEN.of(tag), site=sample_site(tag)):
        if sample.name == HOSTILE:
            continue  # what is wrong with it is meant to be found
        assert isinstance(sample.content, Letter)
        many = frozenset({"L12"}) if len(sample.content.brief) > 50 else frozenset[str]()
        assert list(_faults(_page(sample.content, tag), without=many)) == []


@pytest.mark.parametrize("template", LETTERS)
def test_hostile_words_break_no_check(template: str) -> None:
    samples = samples_of(template, SPOKEN.of("en"), site=sample_site("en"))
    hostile = next(sample for sample in samples if sample.name == HOSTILE)
    assert isinstance(hostile.content, Letter)
    codes = {fault[:3] for fault in _faults(_page(hostile.content, "en"))}
    assert codes <= {"L06", "M02", "A10"}


@pytest.mark.parametrize(("kind", "tag"), list(product(NOTICES, LANGUAGES)))
def test_a_notice_passes(kind: str, tag: str) -> None:
    made = compose_notice(
        kind,
        sample_facts(kind, SPOKEN.of(tag)),
        site=sample_site(tag),
        language=SPOKEN.of(tag),
        environment=TEMPLATES,
    )
    composition = Composition(0, tag, 0, made.subject, "", made.html, made.text, "Zq00000000x", "")
    page = Page(composition, letter(), made.html, made.text, b"")
    assert list(_faults(page, without=_OF_EDITIONS)) == []
