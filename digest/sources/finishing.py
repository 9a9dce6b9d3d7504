"""Pure. The last touch on a story of any source: right signs, a standfirst that says it once."""

from __future__ import annotations

import re
from dataclasses import replace

from digest.sources.cleaning import CleanBody, one_line, without_paragraphs
from digest.sources.identity import folded_headline
from digest.sources.model import FoundStory
from digest.sources.typography import typeset

_MOST_BOILERPLATE = 3
"""Of paragraphs at a body's end: more of them are no footer but the story."""
_LONGEST_BOILERPLATE = 1_000

_APPEARED_FIRST = (
    r"(?:The (?:post|article) .{1,600} (?:appeared first|first appeared) on"
    r"|(?:Der Beitrag|Der Artikel) .{1,600} erschien zuerst (?:auf|bei)"
    r"|L[’']article .{1,600} est apparu en premier sur"
    r"|La entrada .{1,600} (?:se publicó primero|aparece primero|apareció primero) en"
    r"|ظهرت المقالة .{1,600} أول[اًا]{1,2} على) .{1,300}"
)
_TO_THE_REST = (
    r"read (?:more|on|the (?:rest|(?:full|whole) (?:story|article|post))|full (?:story|article))"
    r"|(?:continue|keep) reading|weiterlesen|mehr lesen|lire (?:la suite|plus)"
    r"|leer más|(?:seguir|sigue) leyendo|اقر[أا] المزيد|متابعة القراءة"
)
_ARROWS = r"[\s.…:»›→>&\])]*"  # noqa: RUF001 - the arrows that follow such words
_CUT = r"\[(?:…|\.\.\.|&hellip;)\]?|\(more(?:…|\.\.\.)?\)"
_ENDS_IN_BOILERPLATE = (
    re.compile(rf"(?:^|\s){_APPEARED_FIRST}$"),
    re.compile(rf"(?:^|(?<=[.!?…\])»”’\"']))\s*[\[(]?(?:{_TO_THE_REST}){_ARROWS}$", re.IGNORECASE),
    re.compile(r"(?<=[…\]])\s*(?:Continue reading|Weiterlesen|Lire la suite) [^.!?]{1,300}$"),
)
_IS_BOILERPLATE = re.compile(
    rf"{_APPEARED_FIRST}|[\[(]?(?i:{_TO_THE_REST}){_ARROWS}|(?:{_CUT})"
    r"|(?:Continue reading|Weiterlesen|Lire la suite) [^.!?]{1,300}"
)
_CUT_AT_END = re.compile(rf"\s*(?:{_CUT}|(?<=\s)…)$")


def finish(story: FoundStory, *, language: str | None) -> FoundStory:
    """Set headline and standfirst with the right signs, and let nothing be said twice.

    `language` is that of a story which names none. What the headline says is neither standfirst
    nor first paragraph. Of two that are equal the standfirst stays and the paragraph goes from the
    body, as a letter shows standfirsts; of a standfirst that is only the body's beginning the body
    stays, as the letter then takes its first paragraph whole. The footers that programs write
    ("The post … appeared first on …") go. Twice is the same as once.
    """
    tag = story.language or language
    headline = typeset(story.headline, language=tag)
    standfirst = typeset(_without_boilerplate(one_line(story.standfirst)), language=tag)
    body, before = _body_of(story), None
    while body is not before:  # each round cuts a paragraph, or is the last
        before = body
        body = _without_footer(body)
        standfirst, body = _said_once(headline, standfirst, body, has_page=story.url is not None)
    return replace(
        story,
        headline=headline,
        standfirst=standfirst,
        body_html=body.html,
        body_text=body.text,
        language=tag,
    )


def is_boilerplate(paragraph: str) -> bool:
    """Tell whether a paragraph is what the publisher's program adds to every story."""
    if len(paragraph) > _LONGEST_BOILERPLATE:
        return False
    return bool(_IS_BOILERPLATE.fullmatch(one_line(paragraph)))


def _without_boilerplate(text: str) -> str:
    before = None
    while text != before:
        before = text
        head, tail = text[:-_LONGEST_BOILERPLATE], text[-_LONGEST_BOILERPLATE:]
        for pattern in _ENDS_IN_BOILERPLATE:
            tail = pattern.sub("", tail)
        text = (head + _CUT_AT_END.sub(_cut_mark, tail)).strip()
    return "" if text == "…" else text


def _cut_mark(found: re.Match[str]) -> str:
    # Behind a whole sentence nothing is cut.
    return "" if found.string[: found.start()].endswith((".", "!", "?", "…")) else "…"


def _body_of(story: FoundStory) -> CleanBody:
    paragraphs = tuple(story.body_text.split("\n\n")) if story.body_text else ()
    return CleanBody(story.body_html, paragraphs)


def _without_footer(body: CleanBody) -> CleanBody:
    last = body.paragraphs[-_MOST_BOILERPLATE - 1 :]
    count = next(
        (n for n, text in enumerate(reversed(last)) if not is_boilerplate(text)), len(last)
    )
    return without_paragraphs(body, last=count) if count <= _MOST_BOILERPLATE else body


def _said_once(
    headline: str, standfirst: str, body: CleanBody, *, has_page: bool
) -> tuple[str, CleanBody]:
    if _is_same(standfirst, headline):
        standfirst = ""
    if standfirst and not has_page and _is_all(body, standfirst):
        return "", body  # else there would be nothing behind the headline
    count = 0
    while count < len(body.paragraphs) and (
        _is_same(body.paragraphs[count], headline) or _is_same(body.paragraphs[count], standfirst)
    ):
        count += 1
    rest = without_paragraphs(body, first=count)
    if _begins_with(rest, standfirst) or _is_same("".join(rest.paragraphs[:1]), standfirst):
        standfirst = ""
    return standfirst, rest


def _is_all(body: CleanBody, standfirst: str) -> bool:
    return len(body.paragraphs) == 1 and _is_same(body.paragraphs[0], standfirst)


def _is_same(text: str, other: str) -> bool:
    if not text or not other or len(text) > 2 * len(other) + 40 or len(other) > 2 * len(text) + 40:
        return False
    return text == other or folded_headline(text) == folded_headline(other)


def _begins_with(body: CleanBody, standfirst: str) -> bool:
    """Tell whether a standfirst is only the body's beginning, whole or cut off in a word."""
    if not standfirst or not body.paragraphs:
        return False
    # Cut before it is folded: a body may be a thousand times as long.
    start = body.text[: 2 * len(standfirst) + 200]
    begun = folded_headline(standfirst)
    said = folded_headline(start)
    is_cut = standfirst.endswith("…")
    return said == begun or said.startswith(begun if is_cut else f"{begun} ")
