"""Pure. Read JSON Feed 1.0 and 1.1: bytes in, cleaned stories out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from digest.errors import SourceError
from digest.sources import cleaning
from digest.sources.api_json import objects_of, read_json
from digest.sources.cleaning import CleanBody, clean_body, paragraphs_to_html, safe_link
from digest.sources.dates import date_in_url
from digest.sources.fields import (
    body_of,
    first_words,
    headline_of,
    language_of,
    moment_of,
    names_of,
    text_of,
)
from digest.sources.model import DateOrigin, FoundStory, Picture, Reading, Recording
from digest.sources.picture_choice import NamedPicture, Place, choose_picture
from digest.sources.story_parts import (
    categories_of,
    guid_of,
    is_of,
    recording_kind_of,
    seconds_of,
    standfirst_and_body,
)

MAX_STORIES = 2_000
_MAX_WARNINGS = 50
_MAX_ATTACHMENTS = 40
_MOST_OF_A_DATE = 40

_VERSION = re.compile(rb'"version"\s*:\s*"https?:(?:\\?/){2}(?:www\.)?jsonfeed\.org\\?/version')
_PARAGRAPHS = re.compile(r"\n\s*\n")
_HINT = "Name the site's JSON Feed, RSS or Atom feed."


def is_json_feed(content: bytes) -> bool:
    """Tell a JSON Feed by its beginning and the version it names, without reading it."""
    start = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") and _VERSION.search(content) is not None


def read_json_feed(
    content: bytes,
    *,
    address: str,
    content_type: str = "",  # noqa: ARG001 - JSON is UTF-8, whatever the header says
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Read a JSON Feed; `address` resolves its relative links.

    `zone` is that of dates which name none, `language` that of stories which name none. What has
    the wrong type is as if it were not there; items that cannot be used are left out with a
    warning. A feed that says it has expired is finished: that is a warning, and takes nothing back.
    Raises SourceError for what is no JSON Feed, is larger than 5 MB, or is built to hurt.
    """
    feed = read_json(content, what="feed", address=address, page_hint=_HINT)
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise SourceError(f"feed: {address}: JSON, but no JSON Feed", hint=_HINT)
    feed_language = language_of(feed.get("language"))
    base = safe_link(text_of(feed.get("home_page_url")), base=address) or address
    reader = _Reader(base, zone, feed_language or language)
    if feed.get("expired") is True:
        reader.warnings.append("says that it is finished: no new stories will come")
    items = feed["items"]
    if len(items) > MAX_STORIES:
        reader.warnings.append(f"only the first {MAX_STORIES} of {len(items)} stories were read")
    found = [reader.story(n, item) for n, item in enumerate(items[:MAX_STORIES], 1)]
    next_address = safe_link(text_of(feed.get("next_url")), base=address)
    return Reading(
        stories=tuple(story for story in found if story is not None),
        warnings=tuple(reader.warnings[:_MAX_WARNINGS]),
        title=headline_of(feed.get("title")),
        language=feed_language,
        next_address=next_address if next_address != safe_link(address) else None,
    )


class _Reader:
    """Turns items into stories; what all items of a feed share stands here once."""

    def __init__(self, base: str, zone: str, language: str | None) -> None:
        self.base = base
        self.zone = zone
        self.language = language
        self.warnings: list[str] = []

    def story(self, n: int, item: Any) -> FoundStory | None:
        """Give the story of the n-th item, or None with a warning when nothing is in it."""
        if not isinstance(item, dict):
            self._warn(n, "is no object; left out")
            return None
        links = (self._link(item.get(key)) for key in ("url", "external_url"))
        link = next((link for link in links if link), None)
        summary, body = self._texts(item, link or self.base)
        headline = headline_of(item.get("title")) or first_words(summary.text, body.text)
        if not headline:
            self._warn(n, "has no headline and no text; left out")
            return None
        if body.was_cut:
            self._warn(n, f"is longer than {cleaning.MAX_HTML_BYTES // 1024} KB; cut")
        standfirst, body = standfirst_and_body(summary, body)
        published_at, published_from = self._published(n, item, link)
        return FoundStory(
            headline=headline,
            url=link,
            guid=guid_of(text_of(item.get("id"))),
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=names_of(item.get("authors")) or names_of(item.get("author")),
            categories=categories_of(_texts_of(item.get("tags"))),
            picture=self._picture(item, body),
            recording=self._recording(item),
            published_at=published_at,
            published_from=published_from,
            updated_at=self._moment(n, item, "date_modified"),
            language=language_of(item.get("language")) or self.language,
        )

    def _warn(self, n: int, what: str) -> None:
        self.warnings.append(f"story {n} {what}")

    def _link(self, value: Any) -> str | None:
        return safe_link(text_of(value), base=self.base)

    def _texts(self, item: Mapping[str, Any], base: str) -> tuple[CleanBody, CleanBody]:
        body = clean_body(text_of(item.get("content_html")), base=base)
        if not body.text:
            lines = map(cleaning.one_line, _PARAGRAPHS.split(text_of(item.get("content_text"))))
            plain = clean_body(paragraphs_to_html(tuple(line for line in lines if line)))
            body = plain if plain.text else body
        return body_of(text_of(item.get("summary")), base=base), body

    def _published(
        self, n: int, item: Mapping[str, Any], link: str | None
    ) -> tuple[datetime | None, DateOrigin | None]:
        moment = self._moment(n, item, "date_published") or moment_of(
            item.get("date_modified"), zone=self.zone
        )
        if moment:
            return moment, DateOrigin.FEED
        moment = date_in_url(link, self.zone) if link else None
        return moment, DateOrigin.URL if moment else None

    def _moment(self, n: int, item: Mapping[str, Any], key: str) -> datetime | None:
        moment = moment_of(item.get(key), zone=self.zone)
        if moment is None and item.get(key):
            written = cleaning.one_line(text_of(item[key]))[:_MOST_OF_A_DATE]
            self._warn(n, f"has a date that cannot be read ({key}: {written or 'no text'})")
        return moment

    def _picture(self, item: Mapping[str, Any], body: CleanBody) -> Picture | None:
        named = [
            (item.get("image"), Place.ENCLOSED),
            *(
                (one["url"], Place.MEDIA)
                for one in _attachments(item)
                if is_of("image", **_of(one))
            ),
            (item.get("banner_image"), Place.OWN),
        ]
        pictures = [
            NamedPicture(url, place) for value, place in named if (url := self._link(value))
        ]
        if body.image:
            pictures.append(NamedPicture(body.image[0], Place.BODY, body.image[1]))
        return choose_picture(pictures)

    def _recording(self, item: Mapping[str, Any]) -> Recording | None:
        for one in _attachments(item):
            kind, url = recording_kind_of(**_of(one)), self._link(one["url"])
            if kind and url:
                return Recording(url, seconds_of(text_of(one.get("duration_in_seconds"))), kind)
        return None


def _attachments(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in objects_of(item.get("attachments"))[:_MAX_ATTACHMENTS]:
        if text_of(one.get("url")):
            yield one


def _of(attachment: Mapping[str, Any]) -> dict[str, str]:
    kind = text_of(attachment.get("mime_type")).lower()
    return {"url": text_of(attachment["url"]), "kind": kind}


def _texts_of(value: Any) -> list[str]:
    return [text_of(one) for one in value if text_of(one)] if isinstance(value, list) else []
