"""Pure. Read RSS 0.9x, 1.0, 2.0 and Atom 0.3, 1.0: bytes in, cleaned stories out."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import feedparser

from digest.errors import SourceError
from digest.sources import cleaning, xml_limits
from digest.sources.cleaning import CleanBody
from digest.sources.dates import date_in_url, read_date
from digest.sources.feed_extras import FeedExtras, Media
from digest.sources.fields import first_words, language_of, names_of, shortened
from digest.sources.model import DateOrigin, FoundStory, Gone, Picture, Reading, Recording
from digest.sources.picture_choice import NamedPicture, Place, choose_picture, described
from digest.sources.story_parts import (
    categories_of,
    guid_of,
    is_of,
    recording_kind_of,
    seconds_of,
    standfirst_and_body,
)
from digest.sources.xml_limits import Limited

MAX_BYTES = 5_000_000
MAX_STORIES = 2_000
_MAX_WARNINGS = 50
_MAX_PARTS = 200
"""Links, names or media of one story."""
_MOST_OF_A_DATE = 40

_FEED_LINK = re.compile(r"<link\b[^<>]{0,1000}>", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\n\s*\n")
_IN_PLAIN_TEXT = re.compile(r"<[a-zA-Z/]|&\w+;")
_PLACES = {"content": Place.MEDIA, "thumbnail": Place.THUMBNAIL, "image": Place.OWN}


def read_feed(
    content: bytes,
    *,
    address: str,
    content_type: str = "",
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Read a feed; `address` resolves its relative links, `content_type` may tell its encoding.

    `zone` is that of dates which name none, `language` that of stories which name none. Entries
    that cannot be used are left out with a warning.
    Raises SourceError for what is no feed at all, is larger than 5 MB, or is built to hurt.
    """
    if len(content) > MAX_BYTES:
        raise _refusal(
            address, f"larger than {MAX_BYTES // 1_000_000} MB", "Ask for fewer stories."
        )
    text = xml_limits.decode(content, content_type)
    if not text.strip():
        raise _refusal(address, "the answer is empty", "Open the address in a browser.")
    limited = xml_limits.check(text)
    if limited.refused and not _is_page(text):
        raise _refusal(address, limited.refused, "Real feeds do not look like this; check it.")
    if limited.refused:
        raise _no_feed(address, text, limited.broken)
    parsed = _parse(limited.text, address)
    if not parsed.entries and (_is_lost(limited) or not parsed.version):
        raise _no_feed(address, text, limited.broken)
    return _reading_of(parsed, limited, _Reader(address, str(parsed.version), zone, language))


def _is_lost(limited: Limited) -> bool:
    return bool(limited.broken) and not limited.is_mended


def _parse(text: str, address: str) -> Any:
    headers = {
        "content-type": "application/xml; charset=utf-8",
        "content-location": cleaning.safe_link(address) or "",
    }
    try:
        return feedparser.parse(
            io.BytesIO(b"<?xml version='1.0' encoding='utf-8'?>\n" + text.encode()),
            response_headers=headers,
            sanitize_html=False,  # nh3 does it, in linear time
            resolve_relative_uris=False,  # the same; each text's own base is kept beside it
        )
    except Exception as error:
        # Deep inside a parser made for every broken feed of twenty years, any error may come up.
        raise _refusal(
            address, f"cannot be read ({type(error).__name__})", "Check it with a feed validator."
        ) from error


def _reading_of(parsed: Any, limited: Limited, reader: _Reader) -> Reading:
    if limited.broken:
        how = "mended" if limited.is_mended else "read as far as possible"
        reader.warnings.append(f"not well-formed: {limited.broken}; {how}")
    feed_language = language_of(_own(parsed.feed, "language"))
    reader.language = feed_language or reader.language
    entries = parsed.entries[:MAX_STORIES]
    if len(parsed.entries) > MAX_STORIES:
        reader.warnings.append(
            f"only the first {MAX_STORIES} of {len(parsed.entries)} stories were read"
        )
    media = _media_of_each(parsed.entries, limited.extras)
    found = [reader.story(n, *both) for n, both in enumerate(zip(entries, media, strict=False), 1)]
    stories = tuple(story for story in found if story is not None)
    extras = limited.extras
    # Whoever shows all there is may not have a story that we could not read.
    is_all = extras.complete and not extras.next_link and len(stories) == len(parsed.entries)
    return Reading(
        stories=stories,
        warnings=tuple(reader.warnings[:_MAX_WARNINGS]),
        title=shortened(cleaning.plain_line(str(_own(parsed.feed, "title") or ""))),
        language=feed_language,
        complete=is_all,
        gone=_gone(extras, reader.address),
        next_address=_next_address(extras, reader.address),
    )


def _gone(extras: FeedExtras, address: str) -> tuple[Gone, ...]:
    found = (
        Gone(guid_of(ref), cleaning.safe_link(link, base=address) if link else None)
        for ref, link in extras.gone
    )
    return tuple(dict.fromkeys(gone for gone in found if gone.guid or gone.url))


def _next_address(extras: FeedExtras, address: str) -> str | None:
    """Give a paged feed's next page; an archive's pages are of the past, and not followed."""
    if extras.archive or not extras.next_link:
        return None
    link = cleaning.safe_link(extras.next_link, base=address)
    return link if link != cleaning.safe_link(address) else None


class _Reader:
    """Turns entries into stories; what all entries of a feed share stands here once."""

    def __init__(self, address: str, version: str, zone: str, language: str | None) -> None:
        self.address = address
        self.is_atom = version.startswith("atom")
        self.zone = zone
        self.language = language
        self.warnings: list[str] = []

    def story(self, n: int, entry: Any, media: Sequence[Media]) -> FoundStory | None:
        """Give the story of the n-th entry, or None with a warning when nothing is in it."""
        summary, body = self._texts(entry)
        headline = self._headline(entry) or first_words(summary.text or body.text)
        if not headline:
            self._warn(n, "has no headline and no text; left out")
            return None
        if body.was_cut:
            self._warn(n, f"is longer than {cleaning.MAX_HTML_BYTES // 1024} KB; cut")
        standfirst, body = standfirst_and_body(summary, body)
        link = self._link(entry)
        published_at, published_from = self._published(n, entry, link)
        base = self._base(entry)
        return FoundStory(
            headline=headline,
            url=link,
            guid=guid_of(_own(entry, "id")),
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=_authors(entry, is_atom=self.is_atom),
            categories=categories_of(
                str(tag.get("label") or tag.get("term") or "") for tag in _parts(entry, "tags")
            ),
            picture=_picture(entry, media, body, base),
            recording=_recording(entry, media, base),
            published_at=published_at,
            published_from=published_from,
            updated_at=self._moment(n, entry, "updated"),
            language=_entry_language(entry) or self.language,
        )

    def _warn(self, n: int, what: str) -> None:
        self.warnings.append(f"story {n} {what}")

    def _base(self, entry: Any) -> str:
        for key in ("title_detail", "summary_detail"):
            if base := str((_own(entry, key) or {}).get("base") or ""):
                return base
        return self.address

    def _headline(self, entry: Any) -> str:
        detail = _own(entry, "title_detail") or {}
        # Atom says whether a title is escaped; RSS never does, and mostly it is.
        escaped = not self.is_atom or "html" in str(detail.get("type", ""))
        title = str(_own(entry, "title") or "")
        return shortened(cleaning.plain_line(title, escaped=escaped))

    def _link(self, entry: Any) -> str | None:
        base = self._base(entry)
        alternates = (
            link.get("href") for link in _parts(entry, "links") if link.get("rel") == "alternate"
        )
        named = (_own(entry, "feedburner_origlink"), _own(entry, "link"), *alternates)
        links = (cleaning.safe_link(str(link or ""), base=base) for link in named)
        return next((link for link in links if link), None)

    def _texts(self, entry: Any) -> tuple[CleanBody, CleanBody]:
        contents = [
            _clean(part, self.address) for part in _parts(entry, "content") if _is_text(part)
        ]
        body = max(contents, key=lambda part: len(part.text), default=CleanBody())
        detail = _own(entry, "summary_detail") or {"value": _own(entry, "summary") or ""}
        return _clean(detail, self.address), body

    def _published(
        self, n: int, entry: Any, link: str | None
    ) -> tuple[datetime | None, DateOrigin | None]:
        for key in ("published", "updated", "created"):
            # Of the date of an update is told where that is read for itself.
            if moment := self._moment(n, entry, key, is_told=key == "published"):
                return moment, DateOrigin.FEED
        moment = date_in_url(link, self.zone) if link else None
        return moment, DateOrigin.URL if moment else None

    def _moment(self, n: int, entry: Any, key: str, *, is_told: bool = True) -> datetime | None:
        written = cleaning.one_line(str(_own(entry, key) or ""))
        if not written:
            return None
        # Not as the parser read it: to it "2026" is New Year, and every missing zone is UTC.
        moment = read_date(written, self.zone)
        if moment is None and is_told:
            self._warn(n, f"has a date that cannot be read ({key}: {written[:_MOST_OF_A_DATE]})")
        return moment


_PLAIN_GET: Any = dict.get


def _own(entry: Any, key: str) -> Any:
    # feedparser's own lookup answers "updated" with "published" and warns about doing so.
    return _PLAIN_GET(entry, key)


def _parts(entry: Any, key: str) -> list[Any]:
    parts = _own(entry, key) or []
    return [part for part in parts[:_MAX_PARTS] if isinstance(part, dict)]


def _is_text(part: Any) -> bool:
    """Tell a text from a picture or recording that Atom lets stand in its place."""
    kind = str(part.get("type") or "text/plain").lower()
    return kind.startswith("text/") or kind.endswith(("xml", "html"))


def _clean(part: Any, address: str) -> CleanBody:
    value, kind = str(part.get("value") or ""), str(part.get("type") or "")
    if kind == "text/plain" and not _IN_PLAIN_TEXT.search(value):
        lines = tuple(cleaning.one_line(text) for text in _PARAGRAPHS.split(value))
        value = cleaning.paragraphs_to_html(tuple(line for line in lines if line))
    elif value.lstrip().startswith("&lt;") and "&lt;/" in value and "<" not in value:
        value = html.unescape(value)  # escaped twice
    return cleaning.clean_body(value, base=str(part.get("base") or address))


def _authors(entry: Any, *, is_atom: bool) -> tuple[str, ...]:
    names = [str(person.get("name") or "") for person in _parts(entry, "authors")]
    written = str(_own(entry, "author") or "")
    if "@" in written and not is_atom and len(names) <= 1:
        names = [_by_line(written)]
    return names_of(names)


def _by_line(written: str) -> str:
    """Read the name in `ann@e.example (Ann Teller)`; the other way round is for `names_of`."""
    found = re.search(r"\(([^()@]{1,200})\)\s*$", written)
    return found[1] if found else written


def _entry_language(entry: Any) -> str | None:
    details = [
        *_parts(entry, "content"),
        _own(entry, "summary_detail"),
        _own(entry, "title_detail"),
    ]
    written = [_own(entry, "language"), *(detail.get("language") for detail in details if detail)]
    return next((tag for tag in map(language_of, written) if tag), None)


def _media_of_each(entries: Sequence[Any], extras: FeedExtras) -> Sequence[Sequence[Media]]:
    """Give each entry's media as our own walk found them, else as the parser did."""
    if len(extras.media) == len(entries):
        return extras.media
    return [_media_of_parser(entry) for entry in entries]


def _media_of_parser(entry: Any) -> list[Media]:
    """Gather what the parser keeps: it no longer knows which words belong to which picture."""
    credited = [str(part.get("content") or "") for part in _parts(entry, "media_credit")]
    caption = str(_own(entry, "media_caption") or "")
    return [
        Media(
            name,
            url=str(part.get("url") or ""),
            kind=str(part.get("type") or "").lower(),
            medium=str(part.get("medium") or "").lower(),
            width=str(part.get("width") or ""),
            height=str(part.get("height") or ""),
            duration=str(part.get("duration") or ""),
            caption=caption,
            title=str(_own(entry, "media_heading") or ""),
            credit=credited[0] if credited else "",
        )
        for name in ("content", "thumbnail")
        for part in _parts(entry, f"media_{name}")
    ]


def _enclosures(entry: Any) -> Iterator[Media]:
    for link in _parts(entry, "links"):
        if link.get("rel") == "enclosure":
            yield Media(
                "enclosure",
                url=str(link.get("href") or ""),
                kind=str(link.get("type") or "").lower(),
                duration=str(link.get("duration") or ""),
            )


def _picture(entry: Any, media: Sequence[Media], body: CleanBody, base: str) -> Picture | None:
    named = [_named(one, Place.ENCLOSED, base) for one in _enclosures(entry) if _is_image(one)]
    own = _own(entry, "image")
    if isinstance(own, dict) and own.get("href"):
        named.append(_named(Media("image", str(own["href"])), Place.OWN, base))
    named += [
        _named(one, _PLACES[one.name], base)
        for one in media
        if one.name != "content" or _is_image(one)
    ]
    if body.image:
        named.append(NamedPicture(body.image[0], Place.BODY, body.image[1]))
    chosen = choose_picture(one for one in named if one is not None)
    if chosen is None or chosen.alt:
        return chosen
    # An enclosure has no words: those of the same picture elsewhere are its.
    alt = next((one.alt for one in named if one and one.url == chosen.url and one.alt), "")
    return replace(chosen, alt=alt)


def _is_image(one: Media) -> bool:
    return is_of("image", url=one.url, kind=one.kind, medium=one.medium)


def _named(one: Media, place: Place, base: str) -> NamedPicture | None:
    url = cleaning.safe_link(one.url, base=base)
    if url is None:
        return None
    return NamedPicture(
        url,
        place,
        alt=described(cleaning.plain_line(one.caption))
        or described(cleaning.plain_line(one.title)),
        credit=cleaning.plain_line(one.credit),
        width=_pixels(one.width),
        height=_pixels(one.height),
        is_default=one.is_default,
    )


def _pixels(written: str) -> int:
    found = re.fullmatch(r"\s*([0-9]{1,5})(?:\.[0-9]+)?(?:px)?\s*", written)
    return int(found[1]) if found else 0


def _recording(entry: Any, media: Sequence[Media], base: str) -> Recording | None:
    by_default = sorted((one for one in media if one.name == "content"), key=_is_no_default)
    for one in (*_enclosures(entry), *by_default):
        kind = recording_kind_of(url=one.url, kind=one.kind, medium=one.medium)
        url = cleaning.safe_link(one.url, base=base) if kind else None
        if kind and url:
            lengths = (
                one.duration,
                _own(entry, "itunes_duration"),
                *(two.duration for two in media),
            )
            seconds = next((found for text in lengths if (found := seconds_of(text))), None)
            return Recording(url, seconds, kind)
    return None


def _is_no_default(one: Media) -> bool:
    return not one.is_default


def _refusal(address: str, cause: str, hint: str) -> SourceError:
    return SourceError(f"feed: {address}: {cause}", hint=hint)


def _no_feed(address: str, text: str, broken: str) -> SourceError:
    start = text[:2_000].lstrip().lower()
    if start.startswith(("{", "[")):
        return _refusal(address, "JSON, not RSS or Atom", "Name the site's RSS or Atom feed.")
    if _is_page(text):
        found = _feed_named_in(text, address)
        hint = f"The page names this feed: {found}" if found else "Name the feed, not the page."
        return _refusal(address, "a web page, not a feed", hint)
    if broken and start.startswith("<"):
        return _refusal(address, f"broken XML: {broken}", "Check it with a feed validator.")
    return _refusal(address, "neither RSS nor Atom", "Open the address in a browser.")


def _is_page(text: str) -> bool:
    start = text[:2_000].lstrip().lower()
    return "<html" in start or start.startswith("<!doctype html")


def _feed_named_in(page: str, address: str) -> str | None:
    for tag in _FEED_LINK.findall(page[:200_000]):
        href = re.search(r"""href=["']?([^"'\s>]+)""", tag, re.IGNORECASE)
        if href and re.search(r"application/(?:rss|atom)\+xml", tag, re.IGNORECASE):
            return cleaning.safe_link(href[1].replace("&amp;", "&"), base=address)
    return None
