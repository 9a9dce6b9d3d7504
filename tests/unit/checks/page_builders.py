"""Pages for the checks of HTML: the smallest good one, into which a case puts its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from digest.checks.model import Facts, Found, Limits, Page, Rule
from digest.composition.catalogs import load_languages
from digest.composition.model import Composition, Letter, Piece, Shot, Site
from digest.composition.samples import sample_letter, sample_site
from digest.composition.slots import Slots
from digest.editions.model import (
    Cadence,
    Edition,
    EditionState,
    NewsletterSpec,
    Release,
    ReleaseMode,
    Selection,
    StoryPolicy,
    Window,
)

NONCE = "Zq0123456789abcdefx"
WAYS_OUT = "".join(
    f'<a href="{Slots(NONCE).value(name)}">{name}</a>' for name in ("unsubscribe", "preferences")
)
_AT = datetime(2026, 1, 9, 7, tzinfo=UTC)
ENOUGH = "<p>" + "The harbour was calm in the morning. " * 16 + "</p>"


def html(
    inner: str = "",
    *,
    head: str = "<title>The Morning Post</title>",
    html_attributes: str = 'lang="en" dir="ltr"',
    wrapper: str = 'role="article" lang="en" dir="ltr"',
    h1: str = "<h1>Ferry returns</h1>",
    outside: str = "",
) -> str:
    """Give a whole page with something in it."""
    return (
        f"<!DOCTYPE html>\n<html {html_attributes}><head>{head}</head>\n<body>{outside}"
        f"<div {wrapper}>{h1}\n{inner}</div></body></html>"
    )


def letter(*pieces: Piece, site: Site | None = None, preheader: str = "") -> Letter:
    """Give a letter of these stories, the first one the lead."""
    made = sample_letter("single", load_languages().of("en"), site=site or sample_site("en"))
    return replace(
        made, lead=pieces[0] if pieces else None, top=tuple(pieces[1:]), preheader=preheader
    )


def story(number: int = 1, *, shot: Shot | None = None, **changes: Any) -> Piece:
    """Give a story with a page at harbourpost.example/n/NUMBER; its article is 400 + NUMBER."""
    given = {"headline": f"Story {number}", "url": f"https://harbourpost.example/n/{number}"}
    return Piece(**{**given, "shot": shot, "article_id": 400 + number, **changes})


def page(
    source: str = "",
    *,
    of: Letter | None = None,
    composed: str = WAYS_OUT,
    text: str = WAYS_OUT,
    language: str = "en",
    message: bytes = b"",
    blocks: Mapping[str, int] | None = None,
) -> Page:
    """Give a copy with this HTML; `composed` and `text` are what holds the marks of slots."""
    composition = Composition(1, language, 1, "Ferry", "", composed, text, NONCE, "")
    return Page(composition, of or letter(), source, "", message, blocks or {})


def facts(*pages: Page, production: bool = True) -> Facts:
    """Give the facts about an edition of these copies."""
    newsletter = NewsletterSpec(
        slug="daily",
        name="The Morning Post",
        template="daily",
        cadence=Cadence("Europe/London", (), frozenset(range(5))),
        stories=StoryPolicy(),
        release=Release(ReleaseMode.APPROVE),
    )
    edition = Edition(
        id=1,
        newsletter_id=1,
        slug="daily",
        local_date=_AT.date(),
        slot_name="main",
        number=1,
        state=EditionState.DRAFT,
        window=Window(_AT, _AT),
        send_at=_AT,
        prepared_at=_AT,
    )
    site = pages[0].letter.site if pages else sample_site("en")
    return Facts(site, newsletter, edition, Selection(()), pages, _AT, production=production)


def found(
    rule: Rule, one: Page, *, limits: Limits | None = None, production: bool = True
) -> Sequence[Found]:
    """Ask one rule about one copy."""
    assert rule.look_at_page is not None
    given = facts(one, production=production)
    return list(rule.look_at_page(given, one, limits or Limits()))
