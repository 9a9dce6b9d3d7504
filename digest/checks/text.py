"""Pure. Checks of the plain text, which is a letter of its own to those who read no HTML."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from html import unescape
from typing import Final

from digest.checks import words
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.told import quoted, stories
from digest.composition.text import width

_TEXT = Place(Part.TEXT)
_FEWEST_SIGNS = 40
_MOST_COLUMNS = 78
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_URL = re.compile(r"<(https?://[^<>\s]*)>")
_BROKEN = re.compile(r"<(?:https?|mailto):[^>]*$")
_BARE = re.compile(r"(?:https?://|mailto:)\S+|\S+@\S+\.\S+")
_RULE = re.compile(r"[^\w\s]{10,}|\s{3,}")
"""A line of dashes, or words set apart to the two margins: no prose."""
_CODE = re.compile(
    r"</?(?:table|tbody|td|tr|div|span|style|img|br|p|h[1-6]|html|body)\b[^>]*>"
    r"|@media\b|!important\b|\{[^{}\n]*:[^{}\n]*;[^{}\n]*\}|<!--|&(?:nbsp|amp|lt|gt|#\d+);",
    re.IGNORECASE,
)


@lru_cache(maxsize=16)
def _links_in_html(html: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(unescape(a or b) for a, b in _HREF.findall(html)))


@lru_cache(maxsize=16)
def _links_in_text(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_URL.findall(text)))


@lru_cache(maxsize=16)
def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.splitlines())


def _empty(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    signs = sum(not sign.isspace() for sign in page.text[: 10 * _FEWEST_SIGNS])
    if signs < _FEWEST_SIGNS:
        yield Found("There is no plain text.", "Mend body.txt of the template.", _TEXT)


def _split(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for n, line in enumerate(_lines(page.text), start=1):
        if found := _BROKEN.search(line):
            yield Found(
                f"Line {n} ends within an address: “{quoted(found[0])}”.",
                "Let the template put it on a line of its own, in angles.",
                Place(Part.TEXT, line=n, quote=quoted(found[0])),
            )


def _missing(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    if not page.html:
        return
    in_html, in_text = set(_links_in_html(page.html)), set(_links_in_text(page.text))
    for one in stories(page):
        url = one.piece.url
        if url is None or (url in in_html) == (url in in_text):
            continue
        here, there = ("HTML", "text") if url in in_html else ("text", "HTML")
        yield Found(
            f"The address of story {one.number} stands in the {here} and not in the {there}.",
            "Let the template show every story in both.",
            one.place,
        )


def _wide(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    wide = [
        (n, columns)
        for n, line in enumerate(_lines(page.text), start=1)
        if len(line) > _MOST_COLUMNS // 2
        and (columns := width(line)) > _MOST_COLUMNS
        and not _BARE.search(line)
        and not _RULE.search(line.strip())
    ]
    if wide:
        n, columns = wide[0]
        others = f", and {len(wide) - 1} more" if len(wide) > 1 else ""
        yield Found(
            f"Line {n} of the text has {columns} columns{others}; a quoted reply wraps at"
            f" {_MOST_COLUMNS}.",
            "Let the template wrap it: the filter wrap72.",
            Place(Part.TEXT, line=n),
        )


def _code(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for n, line in enumerate(_lines(page.text), start=1):
        if found := _CODE.search(line):
            yield Found(
                f"Line {n} of the text holds HTML or CSS: “{quoted(found[0])}”.",
                "Mend the story's words, or body.txt of the template.",
                Place(Part.TEXT, line=n, quote=quoted(found[0])),
            )
            return


def _order(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    ours = {one.piece.url: one for one in stories(page) if one.piece.url}
    in_html = _of_stories(_links_in_html(page.html), ours)
    in_text = _of_stories(_links_in_text(page.text), ours)
    both = set(in_html) & set(in_text)
    told = zip(
        [url for url in in_html if url in both],
        [url for url in in_text if url in both],
        strict=True,
    )
    for html, text in told:
        if html != text:
            yield Found(
                f"The text tells story {ours[text].number} where the HTML tells story"
                f" {ours[html].number}.",
                "Let both templates follow the same order.",
                ours[text].place,
            )
            return


def _of_stories(links: Sequence[str], ours: Container[str | None]) -> list[str]:
    return [url for url in links if url in ours]


def _first(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    line = next((line.strip() for line in _lines(page.text) if line.strip()), "")
    if words.FIRST_LINE.match(line):
        yield Found(
            f"The text begins with “{quoted(line)}”: some inboxes show that beside the subject.",
            "Let body.txt begin with the letter's name or the news.",
            Place(Part.TEXT, line=1, quote=quoted(line)),
        )


RULES: Final[tuple[Rule, ...]] = (
    Rule("T01", "No plain text", Severity.BLOCK, look_at_page=_empty),
    Rule("T02", "Address cut by a line's end", Severity.BLOCK, look_at_page=_split),
    Rule("T03", "Story in one part only", Severity.BLOCK, look_at_page=_missing),
    Rule("T04", "Wide lines", Severity.WARN, look_at_page=_wide),
    Rule("T05", "Code in the text", Severity.BLOCK, look_at_page=_code),
    Rule("T06", "Another order in the text", Severity.WARN, look_at_page=_order),
    Rule("T07", "First line of the text", Severity.WARN, look_at_page=_first),
)
