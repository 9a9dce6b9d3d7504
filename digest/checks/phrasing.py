"""Pure. Checks of the words themselves: placeholders, leftovers of pages, markup, broken signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from digest.checks import words
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.told import Told, begun, on_words, quoted, stories, told

_LEAST_CAPITALS = 12
_LEAST_WORDS = 3
_UNFINISHED_END = re.compile(r"(?:\w-|[,;:(–—]|\.\.\.|…)\s*$")
_COPYRIGHT = re.compile(r"(?:©|\(c\)|copyright)\s*(\d{4})(?!\s*[-–]\s*\d)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_TEMPLATE = re.compile(r"\{\{|\{%|%\}|\*\||\|\*")
_MARGIN = 20
_GENERAL = words.UNFINISHED["en"]


def _placeholder(said: Told) -> str | None:
    found = words.PLACEHOLDER.search(said.words)
    if found is None and words.NOTHING.fullmatch(said.words.strip()):
        return said.words
    if found is None:
        found = words.UNFINISHED.get(said.language, _GENERAL).search(said.words)
    return _around(said.words, found) if found else None


def _around(text: str, found: re.Match[str]) -> str:
    """Give a finding with some words around it."""
    begin = max(0, found.start() - _MARGIN)
    return text[begin : found.end() + _MARGIN].strip()


def _placeholders(facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    said = list(_in_words(facts, page, limits))
    yield from said
    if said:
        return
    for n, line in enumerate(page.text.splitlines(), start=1):
        if found := _TEMPLATE.search(line):
            yield Found(
                f"Line {n} of the text holds what a template should have filled in:"
                f" “{quoted(_around(line, found))}”.",
                "Mend the template: digest templates check.",
                Place(Part.TEXT, line=n, quote=quoted(_around(line, found))),
            )
            return


_in_words = on_words(
    _placeholder, "holds a placeholder", "Write what belongs there, or take it out."
)


def _leaked(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    site = facts.site.name.casefold()
    for each in told(page):
        whole = each.words.strip().casefold()
        phrase = words.PAGE_PHRASES.search(each.words)
        # A section may well be called "Newsletter": only what stories bring is foreign.
        is_page = each.place.article_id is not None and whole in {*words.PAGE_WORDS, site}
        if not (is_page or phrase):
            continue
        quote = quoted(_around(each.words, phrase) if phrase else each.words)
        yield Found(
            f"{begun(each.what)} holds words of the page around it: “{quote}”.",
            "Reword it, and mend the source: digest sources check.",
            Place(each.place.part, each.place.article_id, each.place.number, quote=quote),
        )


def _markup(said: Told) -> str | None:
    found = words.MARKUP.search(said.words)
    return _around(said.words, found) if found else None


def _damaged(facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    said = list(_damaged_words(facts, page, limits))
    yield from said
    if said:
        return
    for part, text in ((Part.TEXT, page.text), (Part.HTML, page.html)):
        if words.SUSPECT.search(text) and (found := words.DAMAGED.search(text)):
            quote = quoted(_around(text, found))
            line = text.count("\n", 0, found.start()) + 1
            yield Found(
                f"The letter holds broken signs: “{quote}”.",
                "Mend the template, or the words of the settings.",
                Place(part, line=line, quote=quote),
            )
            return


def _damaged_in(said: Told) -> str | None:
    found = words.DAMAGED.search(said.words)
    return _around(said.words, found) if found else None


_damaged_words = on_words(
    _damaged_in, "holds broken signs", "Reword it, and mend the encoding of the source."
)


def _shape(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for one in stories(page):
        head = one.piece.headline
        if is_all_capitals(head):
            yield Found(
                f"The headline of story {one.number} is all in capitals.",
                "Reword it in sentence case: capitals are slow to read, and read out letter by"
                " letter.",
                one.place,
            )
        elif _UNFINISHED_END.search(head):
            yield Found(
                f"The headline of story {one.number} ends in the middle:"
                f" “{quoted(head[-_MARGIN:])}”.",
                "Reword it as a whole.",
                one.place,
            )


def is_all_capitals(text: str) -> bool:
    """Tell whether a line of some words is in capitals, in a script that has them."""
    cased = [sign for sign in text if sign.isupper() or sign.islower()]
    long = len(cased) >= _LEAST_CAPITALS and len(text.split()) >= _LEAST_WORDS
    return long and all(map(str.isupper, cased))


def _years(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    year = facts.edition.local_date.year
    for n, line in enumerate(page.text.splitlines(), start=1):
        for found in _COPYRIGHT.finditer(line):
            if int(found[1]) != year:
                yield Found(
                    f"Line {n} of the text says “{found[0]}”, and the edition is of {year}.",
                    "Mend the template, or the words of the settings.",
                    Place(Part.TEXT, line=n, quote=found[0]),
                )
    note = page.letter.note
    for words_ in note.paragraphs if note else ():
        found_year = _YEAR.search(words_)
        if found_year and int(found_year[0]) == year - 1 and str(year) not in words_:
            yield Found(
                f"The editor's note says {found_year[0]}, and the edition is of {year}.",
                "Look whether the year is meant.",
                Place(Part.HTML, quote=quoted(_around(words_, found_year))),
            )


RULES: Final[tuple[Rule, ...]] = (
    Rule("C09", "Placeholder", Severity.BLOCK, look_at_page=_placeholders),
    Rule("C10", "Words of the page around a story", Severity.BLOCK, look_at_page=_leaked),
    Rule(
        "C11",
        "Markup in words",
        Severity.BLOCK,
        look_at_page=on_words(_markup, "holds markup", "Reword it, and mend the source."),
    ),
    Rule("C12", "Broken signs", Severity.BLOCK, look_at_page=_damaged),
    Rule("C15", "Headline in capitals, or cut off", Severity.INFO, look_at_page=_shape),
    Rule("C17", "Year of another edition", Severity.WARN, look_at_page=_years),
)
