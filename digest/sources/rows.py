"""Pure. Rows of a publisher's table become stories, by the source's map of columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from digest.config.values import did_you_mean
from digest.errors import SourceError
from digest.sources.cleaning import MAX_HTML_BYTES, CleanBody, one_line, safe_link
from digest.sources.fields import (
    MOST_PRIORITY,
    MOST_READS,
    body_of,
    first_words,
    headline_of,
    is_yes,
    language_of,
    line_of,
    moment_of,
    names_of,
    standfirst_of,
    text_of,
    whole_number,
)
from digest.sources.model import DateOrigin, FoundStory, Gone, Picture, Reading, SourceSpec
from digest.sources.story_parts import categories_of, guid_of

PARTS = (
    "headline", "url", "guid", "standfirst", "body", "authors", "categories", "picture",
    "picture_alt", "published_at", "updated_at", "language", "priority", "reads", "deleted",
)  # fmt: skip
"""Our names in the map of columns."""

_MAX_WARNINGS = 50
_MOST_NAMED = 50
_LONGEST_QUOTE = 60
_ACCOUNT = re.compile(r"//[^/@\s]*@")
"""A name and password in an address are nobody's to read."""
_LONGEST_LIST = 20_000
_SEPARATORS = ",;"


def check_columns(spec: SourceSpec) -> None:
    """Raise SourceError for a map with names that are not ours, or without a headline."""
    wrong = [
        f"{one_line(name)[:_LONGEST_QUOTE]!r}{did_you_mean(name[:_LONGEST_QUOTE], PARTS)}"
        for name in spec.columns
        if name not in PARTS
    ]
    if wrong:
        raise SourceError(
            f"sql: {spec.name}: columns: not a part of a story: {', '.join(wrong[:_MOST_NAMED])}",
            hint=f"Its parts are: {', '.join(PARTS)}.",
        )
    if "headline" not in spec.columns:
        raise SourceError(
            f"sql: {spec.name}: columns: headline is missing",
            hint='Name the column that holds it, as in columns = { headline = "title" }.',
        )


def read_rows(rows: Iterable[Sequence[Any]], given: Sequence[str], *, spec: SourceSpec) -> Reading:
    """Make stories of rows whose columns are called `given`; some rows say that one is gone.

    Times without a zone are in the source's zone. Raises SourceError when the map names a column
    that is not there.
    """
    reader = _Reader(_places(given, spec), spec)
    for n, row in enumerate(rows, 1):
        reader.read(n, row)
    return Reading(
        tuple(reader.stories), tuple(reader.warnings[:_MAX_WARNINGS]), gone=tuple(reader.gone)
    )


def _places(given: Sequence[str], spec: SourceSpec) -> dict[str, int]:
    """Give each part's place in a row. Databases differ in the case of names they give back."""
    exact = {name: n for n, name in reversed(list(enumerate(given)))}
    loose = {name.casefold(): n for name, n in exact.items()}
    places, missing = {}, []
    for part, name in spec.columns.items():
        place = exact.get(name, loose.get(name.casefold()))
        if place is None:
            missing.append(f"{name!r} (for {part}){did_you_mean(name, given)}")
        else:
            places[part] = place
    if missing:
        raise SourceError(
            f"sql: {spec.name}: the query gives no column {', '.join(missing)}",
            hint=f"It gives: {', '.join(one_line(name) for name in given[:_MOST_NAMED])}.",
        )
    return places


class _Reader:
    """Turns rows into stories; what all rows share stands here once."""

    def __init__(self, places: dict[str, int], spec: SourceSpec) -> None:
        self.places = places
        self.spec = spec
        self.stories: list[FoundStory] = []
        self.gone: list[Gone] = []
        self.warnings: list[str] = []

    def read(self, n: int, row: Sequence[Any]) -> None:
        """Take one row: a story, one that is gone, or a warning."""
        part = {name: row[place] for name, place in self.places.items()}
        url = safe_link(text_of(part.get("url")))
        guid = guid_of(text_of(part.get("guid")))
        if is_yes(part.get("deleted")):
            if guid or url:
                self.gone.append(Gone(guid, url))
            else:
                self._warn(n, "is deleted, but has no guid and no url to tell which story")
            return
        if part.get("url") and url is None:
            shown = _ACCOUNT.sub("//", one_line(text_of(part["url"])))[:_LONGEST_QUOTE]
            self._warn(n, f"has a url that is no web address ({shown!r})")
        story = self._story(n, part, guid=guid, url=url)
        if story is not None:
            self.stories.append(story)

    def _story(
        self, n: int, part: dict[str, Any], *, guid: str | None, url: str | None
    ) -> FoundStory | None:
        body = body_of(text_of(part.get("body")), base=url or "")
        if body.was_cut:
            self._warn(n, f"is longer than {MAX_HTML_BYTES // 1024} KB; cut")
        standfirst = standfirst_of(part.get("standfirst"))
        headline = headline_of(part.get("headline")) or first_words(standfirst, body.text)
        if not headline:
            self._warn(n, "has no headline and no text; left out")
            return None
        published_at = self._moment(n, part, "published_at")
        return FoundStory(
            headline=headline,
            url=url,
            guid=guid,
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=_names(part.get("authors")),
            categories=categories_of(_names(part.get("categories"))),
            picture=_picture(part, body, base=url or ""),
            published_at=published_at,
            published_from=DateOrigin.FEED if published_at else None,
            updated_at=self._moment(n, part, "updated_at"),
            language=language_of(part.get("language")) or self.spec.language,
            priority=whole_number(part.get("priority"), lowest=-MOST_PRIORITY, most=MOST_PRIORITY)
            or 0,
            reads=whole_number(part.get("reads"), lowest=0, most=MOST_READS),
        )

    def _moment(self, n: int, part: dict[str, Any], name: str) -> datetime | None:
        value = part.get(name)
        moment = moment_of(value, zone=self.spec.zone)
        if moment is None and value not in (None, ""):
            shown = one_line(text_of(value))[:_LONGEST_QUOTE]
            self._warn(n, f"has a date that cannot be read ({name}: {shown!r})")
        return moment

    def _warn(self, n: int, what: str) -> None:
        self.warnings.append(f"row {n} {what}")


def _names(value: Any) -> tuple[str, ...]:
    """Give names from an array, from JSON in a column of text, or from a text with commas."""
    text = text_of(value).strip()
    if text.startswith("[") and len(text) <= _LONGEST_LIST:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text.strip("[]")
    return names_of(value, separators=_SEPARATORS)


def _picture(part: dict[str, Any], body: CleanBody, *, base: str) -> Picture | None:
    if url := safe_link(text_of(part.get("picture")), base=base):
        return Picture(url, line_of(part.get("picture_alt")))
    return Picture(*body.image) if body.image else None
