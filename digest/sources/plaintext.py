"""Pure. Read a page captured as text: its article, and the river of headlines below it.

A page is lines: site name, date line, headline (often twice), standfirst, one line for each
paragraph, furniture (newsletter box, player, close sign), headlines, furniture. The date line says
when the page was captured; it never dates the story.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from digest.errors import SourceError
from digest.sources.cleaning import has_words, one_line, paragraphs_to_html, plain_line, word_set
from digest.sources.html_page import decode_page
from digest.sources.identity import folded_headline
from digest.sources.model import FoundStory, Reading

MAX_CHARACTERS = 2_000_000
_MAX_HEADLINE = 500
_LONGEST_STANDFIRST = 300
_HEADER_LINES = 5
_LONGEST_DATE_LINE = 40

_FURNITURE_LINES = (
    "newsletter|newsletters|infolettre|boletín|rundbrief"
    "|related articles|related|related stories|artículos relacionados|articles liés"
    "|articles similaires|ähnliche artikel|verwandte artikel|mehr zum thema"
    "|close|cerrar|fermer|schließen|advertisement|anzeige|publicité|publicidad"
)
_FURNITURE = frozenset(_FURNITURE_LINES.casefold().split("|"))
_PLAYER = re.compile(
    r"(?:\d{1,2}:\d{2}(?::\d{2})?\s*[/|-]?\s*)+(?:close|cerrar|fermer|schliessen)?"
)
_CLOSE_SIGNS = "×✕✖✗"
_SENTENCE_END = re.compile(r"[.!?…:;][\"'”’»)\]]*$")

_MONTH_NAMES = """
    january janvier januar enero jänner jan ene janv
    february février februar febrero feb févr
    march mars märz marzo mar mär
    april avril abril apr abr avr
    may mai mayo
    june juin juni junio jun
    july juillet juli julio jul juil
    august août agosto aug ago
    september septembre septiembre sep sept
    october octobre oktober octubre oct okt
    november novembre noviembre nov
    december décembre dezember diciembre dec déc dez dic
"""
_MONTHS = {
    name: month
    for month, names in enumerate(_MONTH_NAMES.strip().splitlines(), 1)
    for name in names.split()
}
_DAY = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|er)?")
_DATE_FILLERS = word_set(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri"
    " sat sun montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr"
    " sa so lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim lunes"
    " martes miércoles jueves viernes sábado domingo mié jue vie sáb dom the of de del den le"
)


@dataclass(frozen=True, slots=True)
class CapturedPage:
    """What a captured page holds; the stories of its river are headlines and nothing else."""

    site_name: str = ""
    seen_on: date | None = None
    article: FoundStory | None = None
    river: tuple[FoundStory, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def stories(self) -> tuple[FoundStory, ...]:
        """Give the article, where there is one, then the river."""
        return (*((self.article,) if self.article else ()), *self.river)


def read_page(
    content: bytes,
    *,
    address: str,
    content_type: str = "",
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Read the stories of a captured page; they have no dates, so `zone` plays no part.

    Raises SourceError for a page without a word, or of more than two million characters.
    """
    del zone
    page = read_capture(decode_page(content, content_type), address=address)
    stories = tuple(replace(story, language=language) for story in page.stories)
    return Reading(stories, page.warnings, title=page.site_name, language=language)


def read_capture(text: str, *, address: str) -> CapturedPage:
    """Read a captured page by its parts; what is missing is left empty and told in `warnings`.

    Raises SourceError for a page without a word, or of more than two million characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise SourceError(
            f"page: {address}: longer than {MAX_CHARACTERS} characters",
            hint="Save one captured page in each file.",
        )
    lines = _lines(text)
    if not any(has_words(line) for line in lines):
        raise SourceError(
            f"page: {address}: the page is empty", hint="Capture it again, or remove the file."
        )
    site_name, seen_on, lines = _without_masthead(lines)
    written, river = _split(lines, site_name)
    article = _article(written, seen_on)
    missing = [
        *(["no article on the page"] if article is None else []),
        *(["no date line on the page"] if seen_on is None else []),
    ]
    stories = _river(river, seen_on, but=article)
    return CapturedPage(site_name, seen_on, article, stories, tuple(missing))


def read_date_line(line: str) -> date | None:
    """Read `Friday, Jan 09, 2026`, `9 janvier 2026` or `2026-01-09`; None for anything else."""
    if len(line) > _LONGEST_DATE_LINE:
        return None
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", line):
        return _date(*(int(part) for part in line.split("-")))
    words = [word for word in re.split(r"[\s,.]+", line.casefold()) if word]
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    days = [int(found[1]) for word in words if (found := _DAY.fullmatch(word))]
    years = [int(word) for word in words if re.fullmatch(r"[0-9]{4}", word)]
    known = len(months) + len(days) + len(years) + sum(word in _DATE_FILLERS for word in words)
    if (len(months), len(days), len(years)) != (1, 1, 1) or known < len(words):
        return None
    return _date(years[0], months[0], days[0])


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _lines(text: str) -> list[str]:
    return [_unglued(one_line(line)) for line in text.splitlines()]


def _unglued(line: str) -> str:
    """Take the player's close sign off a line, but leave "rises 10×" alone."""
    bare = line.strip(_CLOSE_SIGNS)
    if line.endswith(tuple(_CLOSE_SIGNS)) and bare[-1:].isdigit() and " " in bare:
        return line.lstrip(_CLOSE_SIGNS).lstrip()
    return bare.strip()


def _without_masthead(lines: Sequence[str]) -> tuple[str, date | None, list[str]]:
    """Give the site name, the date of the date line, and the lines without both."""
    shown = [n for n, line in enumerate(lines) if line][:_HEADER_LINES]
    dates = [(place, found) for place, n in enumerate(shown) if (found := read_date_line(lines[n]))]
    place, seen_on = dates[0] if dates else (-1, None)
    drop = {shown[place]} if dates else set()
    site_name = ""
    if shown and shown[0] not in drop and _is_site_name(lines, shown, date_place=place):
        site_name = lines[shown[0]]
        drop.add(shown[0])
    site_name = site_name or _player_title(lines)
    return site_name, seen_on, [line for n, line in enumerate(lines) if n not in drop]


def _is_site_name(lines: Sequence[str], shown: Sequence[int], *, date_place: int) -> bool:
    first = lines[shown[0]]
    if _is_furniture(first, ""):
        return False
    below = [line for line in lines[shown[0] + 1 :] if line]
    neighbours = zip(below, [*below[1:], ""], ["", *below], strict=False)
    if any(
        line == first and (_is_furniture(after, "") or _is_furniture(before, ""))
        for line, after, before in neighbours
    ):
        return True
    headline_twice = len(shown) > date_place + 1 and lines[shown[date_place + 1]] == first
    return date_place == 1 and not headline_twice


def _player_title(lines: Sequence[str]) -> str:
    """Give the line between other furniture and the player's times: there it is the site's name."""
    shown = [line for line in lines if line]
    for before, line, after in zip(shown, shown[1:], shown[2:], strict=False):
        if _PLAYER.fullmatch(after) and _is_furniture(before, "") and not _is_furniture(line, ""):
            return line
    return ""


def _is_furniture(line: str, site_name: str) -> bool:
    words = line.casefold()
    if not has_words(line):
        return bool(line)
    return words in _FURNITURE or line == site_name or bool(_PLAYER.fullmatch(words))


def _split(lines: Sequence[str], site_name: str) -> tuple[list[str], list[str]]:
    """Part the lines of the article from the headlines, by the furniture between them."""
    runs: list[list[str]] = [[]]
    for line in lines:
        if _is_furniture(line, site_name):
            runs.append([])
        else:
            runs[-1].append(line)
    runs = [run for run in runs if any(run)]
    written: list[str] = []
    river: list[str] = []
    for n, run in enumerate(runs):
        if n == 0 or _is_prose(run):
            written += ["", *run]
        else:
            river += run
    return written, river


def _is_prose(run: Sequence[str]) -> bool:
    shown = [line for line in run if line]
    ended = sum(bool(_SENTENCE_END.search(line)) for line in shown)
    return 2 * ended > len(shown)


def _article(lines: Sequence[str], seen_on: date | None) -> FoundStory | None:
    shown = [(n, line) for n, line in enumerate(lines) if _headline(line)]
    if not shown:
        return None
    headline = _headline(shown[0][1])
    key = folded_headline(shown[0][1])
    while len(shown) > 1 and folded_headline(shown[1][1]) == key:
        del shown[1]
    standfirst, paragraphs = _standfirst(shown[1:])
    return FoundStory(
        headline=headline,
        standfirst=standfirst,
        body_html=paragraphs_to_html(paragraphs),
        body_text="\n\n".join(paragraphs),
        seen_on=seen_on,
    )


def _standfirst(shown: Sequence[tuple[int, str]]) -> tuple[str, tuple[str, ...]]:
    """Take the first paragraph as standfirst when another follows it.

    One that stands right upon the next line is a standfirst however long it is.
    """
    texts = tuple(line for _, line in shown)
    if len(texts) < 2:  # noqa: PLR2004 - a single paragraph is the body
        return "", texts
    is_glued = shown[1][0] == shown[0][0] + 1
    if not is_glued and len(texts[0]) > _LONGEST_STANDFIRST:
        return "", texts
    body = texts[2:] if texts[1] == texts[0] else texts[1:]
    return texts[0], body


def _river(
    lines: Iterable[str], seen_on: date | None, *, but: FoundStory | None
) -> tuple[FoundStory, ...]:
    found: dict[str, FoundStory] = {}
    taken = folded_headline(but.headline) if but else ""
    for line in lines:
        headline = _headline(line)
        key = folded_headline(headline)
        if headline and key != taken:
            found.setdefault(key, FoundStory(headline=headline, seen_on=seen_on))
    return tuple(found.values())


def _headline(line: str) -> str:
    headline = plain_line(line, escaped=False)
    if len(headline) <= _MAX_HEADLINE:
        return headline
    return headline[: _MAX_HEADLINE - 1].rpartition(" ")[0] + "…"
