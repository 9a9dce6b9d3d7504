"""Pure. Read RSS 0.9x, 1.0, 2.0 and Atom: bytes in, cleaned stories out."""

from __future__ import annotations

import io
import re
import time
from calendar import timegm
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import feedparser

from digest.errors import SourceError
from digest.sources import cleaning, xml_limits
from digest.sources.cleaning import CleanBody
from digest.sources.model import DateOrigin, FoundStory, Picture, Recording

MAX_BYTES = 5_000_000
MAX_STORIES = 2_000
_MAX_HEADLINE = 500
_MAX_NAMES = 50
_MAX_WARNINGS = 50
_LONG_SUMMARY = 600
_HEADLINE_WORDS = 12
_DAY_SECONDS = 86_400
_FIRST_BELIEVABLE_YEAR = 1971
"""Zero dates (year 1, 1970) mean that the publisher's program had none."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
_FEED_LINK = re.compile(r"<link\b[^<>]{0,1000}>", re.IGNORECASE)
_APPEARED_FIRST = re.compile(r"\s*The post .{1,600} appeared first on .{1,300}$")
_CUT_MARK = re.compile(r"\s*(?:\[(?:…|\.\.\.|&hellip;)\]|\[…\]?)$")
_PICTURE_ENDS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif")
_AUDIO_ENDS = (".mp3", ".m4a", ".aac", ".ogg", ".opus", ".wav")


@dataclass(frozen=True, slots=True)
class Feed:
    """What one feed holds now, in its own order."""

    title: str = ""
    language: str | None = None
    stories: tuple[FoundStory, ...] = ()
    warnings: tuple[str, ...] = ()


def read_feed(content: bytes, *, address: str, content_type: str = "") -> Feed:
    """Read a feed; `address` resolves its relative links, `content_type` may tell its encoding.

    Entries that cannot be used are left out with a warning.
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
    if not parsed.entries and (limited.broken or not parsed.version):
        raise _no_feed(address, text, limited.broken)
    return _feed_of(parsed, address, limited.broken)


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


def _feed_of(parsed: Any, address: str, broken: str) -> Feed:
    warnings = [f"not well-formed: {broken}; read as far as possible"] if broken else []
    feed_language = _language(_own(parsed.feed, "language"))
    entries = parsed.entries[:MAX_STORIES]
    if len(parsed.entries) > MAX_STORIES:
        warnings.append(f"only the first {MAX_STORIES} of {len(parsed.entries)} stories were read")
    reader = _Reader(address, str(parsed.version), feed_language, warnings)
    stories = tuple(
        story for n, entry in enumerate(entries, 1) if (story := reader.story(n, entry)) is not None
    )
    title = cleaning.plain_line(str(_own(parsed.feed, "title") or ""))[:_MAX_HEADLINE]
    return Feed(title, feed_language, stories, tuple(warnings[:_MAX_WARNINGS]))


class _Reader:
    """Turns entries into stories; what all entries of a feed share stands here once."""

    def __init__(
        self, address: str, version: str, language: str | None, warnings: list[str]
    ) -> None:
        self.address = address
        self.is_atom = version.startswith("atom")
        self.language = language
        self.warnings = warnings

    def story(self, n: int, entry: Any) -> FoundStory | None:
        """Give the story of the n-th entry, or None with a warning when nothing is in it."""
        summary, body = self._texts(entry)
        headline = self._headline(entry) or _first_words(summary, body)
        if not headline:
            self._warn(n, "has no headline and no text; left out")
            return None
        if body.was_cut:
            self._warn(n, f"is longer than {cleaning.MAX_HTML_BYTES // 1024} KB; cut")
        standfirst, body = _standfirst_and_body(headline, summary, body)
        published_at = self._moment(n, entry, "published") or self._moment(n, entry, "updated")
        return FoundStory(
            headline=headline,
            url=self._link(entry),
            guid=cleaning.one_line(str(_own(entry, "id") or "")) or None,
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=_authors(entry, is_atom=self.is_atom),
            categories=_categories(entry),
            picture=_picture(entry, body, self._base(entry)),
            recording=_recording(entry, self._base(entry)),
            published_at=published_at,
            published_from=DateOrigin.FEED if published_at else None,
            updated_at=self._moment(n, entry, "updated"),
            language=_entry_language(entry) or self.language,
        )

    def _warn(self, n: int, what: str) -> None:
        self.warnings.append(f"story {n} {what}")

    def _base(self, entry: Any) -> str:
        detail = _own(entry, "title_detail") or _own(entry, "summary_detail") or {}
        return str(detail.get("base") or self.address)

    def _headline(self, entry: Any) -> str:
        detail = _own(entry, "title_detail") or {}
        # Atom says whether a title is escaped; RSS never does, and mostly it is.
        escaped = not self.is_atom or "html" in str(detail.get("type", ""))
        return _shortened(cleaning.plain_line(str(_own(entry, "title") or ""), escaped=escaped))

    def _link(self, entry: Any) -> str | None:
        base = self._base(entry)
        for key in ("feedburner_origlink", "link"):
            if link := cleaning.safe_link(str(_own(entry, key) or ""), base=base):
                return link
        return None

    def _texts(self, entry: Any) -> tuple[CleanBody, CleanBody]:
        contents = [_clean(part, self.address) for part in _parts(entry, "content")]
        body = max(contents, key=lambda part: len(part.text), default=CleanBody())
        detail = _own(entry, "summary_detail") or {"value": _own(entry, "summary") or ""}
        return _clean(detail, self.address), body

    def _moment(self, n: int, entry: Any, key: str) -> datetime | None:
        moment = _moment(_own(entry, f"{key}_parsed"))
        if moment is None and _own(entry, key):
            self._warn(n, f"has a date that cannot be read ({key})")
        return moment


_PLAIN_GET: Any = dict.get


def _own(entry: Any, key: str) -> Any:
    # feedparser's own lookup answers "updated" with "published" and warns about doing so.
    return _PLAIN_GET(entry, key)


def _parts(entry: Any, key: str) -> list[Any]:
    return [part for part in _own(entry, key) or [] if isinstance(part, dict)]


def _clean(part: Any, address: str) -> CleanBody:
    value, kind = str(part.get("value") or ""), str(part.get("type") or "")
    if kind == "text/plain" and not re.search(r"<[a-zA-Z/]|&\w+;", value):
        lines = tuple(cleaning.one_line(text) for text in re.split(r"\n\s*\n", value))
        value = cleaning.paragraphs_to_html(tuple(line for line in lines if line))
    return cleaning.clean_body(value, base=str(part.get("base") or address))


def _first_words(summary: CleanBody, body: CleanBody) -> str:
    words = cleaning.plain_line(summary.text or body.text, escaped=False).split()
    cut = "…" if len(words) > _HEADLINE_WORDS else ""
    return _shortened(" ".join(words[:_HEADLINE_WORDS]) + cut)


def _shortened(text: str) -> str:
    if len(text) <= _MAX_HEADLINE:
        return text
    return text[: _MAX_HEADLINE - 1].rpartition(" ")[0][:_MAX_HEADLINE] + "…"


def _standfirst_and_body(
    headline: str, summary: CleanBody, body: CleanBody
) -> tuple[str, CleanBody]:
    if not body.text and _is_whole_story(summary):
        image = body.image or summary.image
        return "", replace(summary, image=image)
    text = _APPEARED_FIRST.sub("", cleaning.one_line(summary.text)).strip()
    text = _CUT_MARK.sub("…", text)
    # Without a description feedparser gives the content as summary, too.
    is_body = _is_whole_story(summary) and cleaning.one_line(body.text).startswith(text)
    if text == headline or is_body:
        text = ""
    if text and body.paragraphs and body.paragraphs[0] == text:
        body = cleaning.without_first_paragraph(body)
    return text, body if body.image else replace(body, image=summary.image)


def _is_whole_story(summary: CleanBody) -> bool:
    """Tell a whole story, which many feeds put into the description, from a standfirst."""
    paragraphs = [text for text in summary.paragraphs if not _APPEARED_FIRST.match(text)]
    return len(paragraphs) > 1 or len(summary.text) > _LONG_SUMMARY


def _moment(parsed: Any) -> datetime | None:
    if not isinstance(parsed, time.struct_time) or parsed.tm_year < _FIRST_BELIEVABLE_YEAR:
        return None
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _authors(entry: Any, *, is_atom: bool) -> tuple[str, ...]:
    names = [str(person.get("name") or "") for person in _parts(entry, "authors")]
    written = str(_own(entry, "author") or "")
    if "@" in written and not is_atom and len(names) <= 1:
        names = [_by_line(written)]
    return _names(names)


def _by_line(written: str) -> str:
    """Read the name in `ann@e.example (Ann Teller)` or `Ann Teller <ann@e.example>`."""
    if found := re.search(r"\(([^()@]{1,200})\)\s*$", written):
        return found[1]
    return re.sub(r"[<(]?[^\s<>()]*@[^\s<>()]*[>)]?", "", written)


def _categories(entry: Any) -> tuple[str, ...]:
    return _names(str(tag.get("label") or tag.get("term") or "") for tag in _parts(entry, "tags"))


def _names(found: Iterable[str]) -> tuple[str, ...]:
    cleaned = (cleaning.plain_line(name)[:_MAX_HEADLINE] for name in found)
    # An address is nobody's by-line, and must not be printed.
    kept = dict.fromkeys(name for name in cleaned if name and "@" not in name)
    return tuple(kept)[:_MAX_NAMES]


def _language(value: Any) -> str | None:
    tag = str(value or "").strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def _entry_language(entry: Any) -> str | None:
    details = [
        *_parts(entry, "content"),
        _own(entry, "summary_detail"),
        _own(entry, "title_detail"),
    ]
    tags = (_language(detail.get("language")) for detail in details if detail)
    return next((tag for tag in tags if tag), None)


def _enclosures(entry: Any) -> Iterator[tuple[str, str]]:
    for link in _parts(entry, "links"):
        if link.get("rel") == "enclosure":
            yield str(link.get("href") or ""), str(link.get("type") or "").lower()


def _is_kind(url: str, kind: str, family: str, ends: tuple[str, ...]) -> bool:
    path = url.lower().partition("?")[0].partition("#")[0]
    return kind.startswith(family) or (not kind and path.endswith(ends))


def _picture(entry: Any, body: CleanBody, base: str) -> Picture | None:
    for address in _picture_addresses(entry):
        if url := cleaning.safe_link(address, base=base):
            named = [str(part.get("content") or "") for part in _parts(entry, "media_credit")]
            alt = str(_own(entry, "media_caption") or _own(entry, "media_heading") or "")
            credit = named[0] if named else ""
            return Picture(url, cleaning.plain_line(alt), cleaning.plain_line(credit))
    return Picture(*body.image) if body.image else None


def _picture_addresses(entry: Any) -> Iterator[str]:
    contents = [part for part in _parts(entry, "media_content") if _is_picture(part)]
    for part in sorted(contents, key=_width, reverse=True):
        yield str(part.get("url") or "")
    for part in sorted(_parts(entry, "media_thumbnail"), key=_width, reverse=True):
        yield str(part.get("url") or "")
    for url, kind in _enclosures(entry):
        if _is_kind(url, kind, "image/", _PICTURE_ENDS):
            yield url


def _is_picture(part: Any) -> bool:
    url = str(part.get("url") or "")
    kind = str(part.get("type") or "").lower()
    return part.get("medium") == "image" or _is_kind(url, kind, "image/", _PICTURE_ENDS)


def _width(part: Any) -> int:
    width = str(part.get("width") or "")
    return int(width) if re.fullmatch(r"[0-9]{1,5}", width) else 0


def _recording(entry: Any, base: str) -> Recording | None:
    for address, kind in _enclosures(entry):
        url = cleaning.safe_link(address, base=base)
        if url and _is_kind(url, kind, "audio/", _AUDIO_ENDS):
            return Recording(url, _seconds(str(_own(entry, "itunes_duration") or "")))
    return None


def _seconds(duration: str) -> int | None:
    """Read `754`, `12:34` or `1:02:03`."""
    if not re.fullmatch(r"(?:[0-9]{1,3}:){0,2}[0-9]{1,6}", duration.strip()):
        return None
    seconds = 0
    for part in duration.strip().split(":"):
        seconds = seconds * 60 + int(part)
    return seconds if 0 < seconds < _DAY_SECONDS else None


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
