"""Builders of what the checks are given: sound editions of the samples, each thing replaceable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from digest.checks.blocks import blocks_of
from digest.checks.bounds import with_longest
from digest.checks.model import Facts, Page, Past
from digest.composition.catalogs import Languages, load_languages
from digest.composition.compose import compose
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.model import Composition, Letter, ListHeaders, ReaderValues
from digest.composition.samples import (
    sample_edition,
    sample_letter,
    sample_newsletter,
    sample_selection,
    sample_site,
)
from digest.composition.wire import EditionWire, full_render
from digest.editions.model import Candidate, Selection

NOW = datetime(2026, 1, 10, 6, 45, tzinfo=UTC)
SECRET = b"a secret of thirty-two bytes, here"
SENDER = "Harbour Post <news@letters.harbourpost.example>"
PLACE = "https://letters.harbourpost.example"
HEADERS = ListHeaders(
    sender=SENDER,
    reply_to="editor@harbourpost.example",
    list_id="daily.letters.harbourpost.example",
    list_name="The Morning Post",
)


@cache
def languages() -> Languages:
    return load_languages(None)


@cache
def templates() -> MailTemplates:
    return load_templates(None)


def longest(language: str) -> ReaderValues:
    sample = ReaderValues(
        address="",
        message_id="<1@letters.harbourpost.example>",
        since="",
        unsubscribe_url=f"{PLACE}/u/{'w' * 52}",
        unsubscribe_mailto=f"mailto:leave@letters.harbourpost.example?subject={'w' * 52}",
        sent_at=NOW,
        preferences_url=f"{PLACE}/p/{'w' * 52}",
        twin_url=f"{PLACE}/p/{'w' * 52}/twin",
    )
    return with_longest(sample, language=language)


def composed(letter: Letter) -> Composition:
    return compose(
        letter,
        edition_id=1,
        revision=1,
        language=languages().of(letter.language),
        secret=SECRET,
        environment=templates(),
    )


def page_of(made: Composition, letter: Letter, *, headers: ListHeaders = HEADERS) -> Page:
    values = longest(made.language)
    html, text = full_render(made, values)
    message = EditionWire(made, headers).message(values)
    sizes = blocks_of(html, letter, unsubscribe=values.unsubscribe_url)
    return Page(made, letter, html, text, message, sizes)


@cache
def page_in(template: str, tag: str) -> Page:
    letter = sample_letter(template, languages().of(tag))
    return page_of(composed(letter), letter)


@cache
def facts_in(template: str = "daily", tag: str = "en") -> Facts:
    """Give all that the checks are told of a sample edition; nothing is wrong with it."""
    newsletter, edition = sample_newsletter(template, tag), sample_edition(template, tag)
    stories = replace(newsletter.stories, least=1, max_age=timedelta(days=8))
    return Facts(
        site=sample_site(tag),
        newsletter=replace(newsletter, stories=stories, language=tag),
        edition=edition,
        selection=sample_selection(template, tag, noted=template == "daily"),
        pages=(page_in(template, tag),),
        now=edition.prepared_at + timedelta(minutes=1),
        past=Past(
            subjects={tag: ("Harbour fair opens; Ten boats, one race",)},
            story_counts=(13, 12, 13, 14) if template != "single" else (1, 1),
            readers=1_000,
            cut_off_at=edition.window.after,
        ),
        readers=1_050,
        sender=SENDER,
    )


def with_page(facts: Facts, **changes: Any) -> Facts:
    """Change the page of an edition: its letter, html, text, message or composition."""
    return replace(facts, pages=(replace(facts.pages[0], **changes),))


def with_letter(facts: Facts, **changes: Any) -> Facts:
    """Change the letter of an edition, and leave what was made of it."""
    return with_page(facts, letter=replace(facts.pages[0].letter, **changes))


def with_lead(facts: Facts, **changes: Any) -> Facts:
    """Change the first story of the letter."""
    lead = facts.pages[0].letter.lead
    assert lead is not None
    return with_letter(facts, lead=replace(lead, **changes))


def with_said(facts: Facts, **changes: Any) -> Facts:
    """Change the composition: subject, preheader, html with its marks."""
    return with_page(facts, composition=replace(facts.pages[0].composition, **changes))


def with_chosen(facts: Facts, chosen: Sequence[Candidate]) -> Facts:
    """Change which stories the edition has."""
    selection = facts.selection
    return replace(facts, selection=replace(selection, candidates=(*chosen, *selection.left_out)))


def with_story(facts: Facts, n: int = 0, **changes: Any) -> Facts:
    """Change what the n-th chosen story says at its source."""
    chosen = list(facts.selection.chosen)
    article = chosen[n].article
    story = replace(article.story, **changes)
    chosen[n] = replace(chosen[n], article=replace(article, story=story))
    return with_chosen(facts, chosen)


def without_stories(facts: Facts) -> Facts:
    return replace(facts, selection=Selection())
