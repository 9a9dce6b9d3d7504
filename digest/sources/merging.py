"""Pure. What an article says after a story was seen again, and what may be kept of a story at all.

Who found an article owns it: its own source rewrites it, others and its page only fill what is
empty. Nothing known is lost to a poorer sighting. Of a story that stands twice in one poll the
first rewrites and the second fills, so that the same poll again changes nothing.

A date is kept with its provenance, and a known one does not move to a later day: feeds write the
date of every edit over that of publication, and old news would be mailed as new. It gives way

- to an editor's;
- to a surer provenance, or to an earlier moment of an equal one (a typing error mended);
- to any of an equal or surer provenance while it still lies ahead: a plan follows its source;
- never to one later than a day after we first saw the story: it was there already.

So a story that its site publishes anew keeps its first day, and is refused as too old or sent
already; an editor who wants it pins it, or gives it a date. The feed's later date is kept as
`updated_at`, so that it can be told.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from digest.sources.cleaning import (
    MAX_HTML_BYTES,
    MAX_LINK_CHARACTERS,
    one_line,
    paragraphs_to_html,
)
from digest.sources.dates import FIRST_YEAR
from digest.sources.identity import canonical_url, is_same_guid, is_same_url, without_session
from digest.sources.model import DateOrigin, FoundStory, Picture, Recording
from digest.sources.terms import terms_of

MOST_TERMS = 40
NO_HEADLINE = "(no headline)"

_LONGEST_LINE = 10_000
_LONGEST_NAME = 500
_MOST_NAMES = 100
_LONGEST_GUID = 2_000
_LONGEST_LANGUAGE = 35
_LONGEST_BODY = 4 * MAX_HTML_BYTES
_LARGEST = 2**31 - 1

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL refuses the first, UTF-8 the others."""

_SUREST_FIRST = (
    DateOrigin.EDITOR,
    DateOrigin.FEED,
    DateOrigin.JSON_LD,
    DateOrigin.META,
    DateOrigin.URL,
)
_ZONES_APART = timedelta(days=1)
_BY_RULE = frozenset({"body_html", "published_at", "published_from", "priority"})
_NEVER_FILLED = _BY_RULE | {"headline", "guid", "body_text"}


def seen_again(
    known: FoundStory, found: FoundStory, *, first_seen_at: datetime, now: datetime
) -> FoundStory:
    """Give what an article says after its own source showed it; a bare headline says nothing."""
    if is_bare(found):
        return known
    kept = {
        name: getattr(known, name)
        for name in _FIELDS
        if name not in _BY_RULE and _is_empty(getattr(found, name))
    }
    if not found.body_text:
        kept["body_html"] = known.body_html
    if is_same_guid(found.guid, known.guid):
        kept["guid"] = known.guid
    if is_same_url(found.url, known.url):
        kept["url"] = min(known.url or "", found.url or "", key=_plainest)
    kept |= _date_of(known, found, first_seen_at=first_seen_at, now=now)
    again = found.published_at
    if again and not found.updated_at and again > (kept["published_at"] or first_seen_at):
        kept["updated_at"] = max(again, known.updated_at or again)
    return replace(found, **kept)


def filled(
    known: FoundStory, found: FoundStory, *, first_seen_at: datetime, now: datetime
) -> FoundStory:
    """Give what an article says after somebody else's copy, or its page: only gaps are filled."""
    added = {
        name: getattr(found, name)
        for name in _FIELDS
        if name not in _NEVER_FILLED
        and _is_empty(getattr(known, name))
        and not _is_empty(getattr(found, name))
    }
    if found.body_text and not known.body_text:
        added |= {"body_text": found.body_text, "body_html": found.body_html}
    return replace(known, **added, **_date_of(known, found, first_seen_at=first_seen_at, now=now))


def is_bare(story: FoundStory) -> bool:
    """Tell whether a sighting is no more than a headline, as in a river."""
    return not (story.guid or story.url or story.body_text or story.standfirst)


def storable(story: FoundStory) -> FoundStory:
    """Give a story as both databases take it: no NUL, no surrogates, nothing over-long.

    Session ids leave the link. A headline is never empty, so that every story has a name.
    """
    return replace(
        story,
        headline=one_line(story.headline)[:_LONGEST_LINE] or NO_HEADLINE,
        url=_link(story.url),
        guid=_guid(story.guid),
        standfirst=_clean(story.standfirst)[:_LONGEST_LINE],
        authors=_names(story.authors),
        categories=_names(story.categories),
        picture=_picture(story.picture),
        recording=_recording(story.recording),
        language=_language(story.language),
        priority=max(-_LARGEST, min(story.priority, _LARGEST)),
        reads=_count(story.reads),
        updated_at=_moment(story.updated_at),
        **_body(story),
        **_date(story),
    )


def content_hash(story: FoundStory) -> str:
    """Hash what a reader would see changed: the words and where they lead."""
    seen = (
        story.headline,
        story.standfirst,
        canonical_url(story.url) if story.url else "",
        story.body_text,
    )
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def index_terms(story: FoundStory) -> list[str]:
    """Give the terms a story is indexed under; of more than 40, those of the headline first."""
    headline = terms_of(story.headline, language=story.language)
    both = terms_of(f"{story.headline} {story.standfirst}", language=story.language)
    return [*sorted(both & headline), *sorted(both - headline)][:MOST_TERMS]


_FIELDS = tuple(field.name for field in fields(FoundStory))


def _is_empty(value: object) -> bool:
    """Tell whether a source said nothing; a count of 0 says something."""
    return value is None or value in ("", ())


def _plainest(url: str) -> tuple[bool, int, str]:
    """Of spellings of one address we link to the secure and the shortest: not to the AMP page."""
    return not url.startswith("https:"), len(url), url


def _date_of(
    known: FoundStory, found: FoundStory, *, first_seen_at: datetime, now: datetime
) -> dict[str, Any]:
    is_taken = _takes_date(known, found, first_seen_at=first_seen_at, now=now)
    source = found if is_taken else known
    return {"published_at": source.published_at, "published_from": source.published_from}


def _takes_date(
    known: FoundStory, found: FoundStory, *, first_seen_at: datetime, now: datetime
) -> bool:
    old, new = known.published_at, found.published_at
    if new is None or found.published_from is None:
        return False
    if found.published_from is DateOrigin.EDITOR:
        return True
    was_there_already = new > first_seen_at + _ZONES_APART
    if old is None or known.published_from is None or old.year < FIRST_YEAR:
        return not was_there_already
    gain = _SUREST_FIRST.index(known.published_from) - _SUREST_FIRST.index(found.published_from)
    if gain < 0 or new.year < FIRST_YEAR:
        return False
    if old > now:
        return True
    return not was_there_already if gain else new < old


def _clean(text: str) -> str:
    return _UNSTORABLE.sub("", text) if not text.isascii() or "\x00" in text else text


def _line(text: str) -> str:
    return one_line(text[: 4 * _LONGEST_NAME])[:_LONGEST_NAME]


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, map(_line, names[:_MOST_NAMES])))


def _link(url: str | None) -> str | None:
    line = one_line(url or "")
    return without_session(line) if 0 < len(line) <= MAX_LINK_CHARACTERS else None


def _guid(guid: str | None) -> str | None:
    line = one_line(guid or "")
    if len(line) <= _LONGEST_GUID:
        return line or None
    # Two long guids may differ in their last letters only.
    return f"{line[:_LONGEST_NAME]} {hashlib.sha256(line.encode()).hexdigest()}"


def _body(story: FoundStory) -> dict[str, Any]:
    html, text = _clean(story.body_html), _clean(story.body_text)
    if max(len(html), len(text)) > _LONGEST_BODY:
        text = text[:_LONGEST_BODY]
        html = paragraphs_to_html(tuple(filter(None, text.split("\n\n"))))
    return {"body_html": html, "body_text": text}


def _picture(picture: Picture | None) -> Picture | None:
    if picture is None or not (url := _link(picture.url)):
        return None
    return Picture(url, _line(picture.alt), _line(picture.credit))


def _recording(recording: Recording | None) -> Recording | None:
    if recording is None or not (url := _link(recording.url)):
        return None
    return replace(recording, url=url, seconds=_count(recording.seconds))


def _language(language: str | None) -> str | None:
    tag = one_line((language or "")[: 4 * _LONGEST_LANGUAGE])
    return tag if 0 < len(tag) <= _LONGEST_LANGUAGE else None


def _count(number: int | None) -> int | None:
    return None if number is None or number < 0 else min(number, _LARGEST)


def _date(story: FoundStory) -> dict[str, Any]:
    published_at = _moment(story.published_at) if story.published_from else None
    return {
        "published_at": published_at,
        "published_from": story.published_from if published_at else None,
    }


def _moment(moment: datetime | None) -> datetime | None:
    """Give a moment in UTC; what lies outside the calendar there is none."""
    try:
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except OverflowError:
        return None
