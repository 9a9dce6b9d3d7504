"""Pure. Read one Markdown file with front matter: the editor's own words are the story."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from digest.errors import SourceError
from digest.sources.cleaning import MAX_HTML_BYTES, CleanBody, clean_body, one_line, safe_link
from digest.sources.dates import read_date
from digest.sources.fields import (
    MOST_PRIORITY,
    first_words,
    headline_of,
    is_yes,
    language_of,
    line_of,
    moment_of,
    names_of,
    plain_body_of,
    standfirst_of,
    text_of,
    whole_number,
)
from digest.sources.front_matter import folded, read_front_matter
from digest.sources.identity import folded_headline
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Picture,
    Reading,
    Recording,
    RecordingKind,
)
from digest.sources.story_parts import categories_of, guid_of, seconds_of

MAX_BYTES = 2_000_000

_STANDFIRST = ("standfirst", "description", "summary", "excerpt", "subtitle", "dek", "teaser")
_PUBLISHED = ("date", "publishedat", "publishdate", "pubdate", "datepublished", "published")
_UPDATED = ("lastmod", "updated", "updatedat", "lastmodified", "lastmodifiedat", "modified",
            "updateddate", "updatedon")  # fmt: skip
_ADDRESS = ("url", "link", "canonicalurl", "canonical", "permalink", "externalurl")
_PICTURE = ("image", "cover", "featuredimage", "featureimage", "heroimage", "coverimage",
            "picture", "thumbnail", "banner", "teaserimage")  # fmt: skip
_ALT = ("imagealt", "coveralt", "featuredimagealt", "heroimagealt", "alt", "picturealt")
_CREDIT = ("imagecredit", "credit", "photocredit", "picturecredit")
_FIRST = ("featured", "sticky", "pinned")
_LISTED = ",;"

_FILE_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?=[-_. ]|$)")
_FILE_LANGUAGE = re.compile(r"\.([a-z]{2}(?:-[A-Za-z]{2,4})?)\.(?:md|markdown)$")
_CODES = re.compile(
    r"\{\{[<%][^{}]{0,1000}[>%]\}\}|\{%[^{}]{0,1000}%\}|\{:[^{}\n]{0,200}\}[ \t]*$", re.MULTILINE
)
"""Hugo's and Jekyll's own tags: their programs would have replaced them by something else."""
_SIGNS = "![]*_`~<"
_MOST_SIGNS = 30_000
"""Of those that are slow to render; the longest of stories has some thousands."""
_FIRST_LINE = re.compile(r"\s*# +([^\n]+)(?:\n|\Z)")
_NAME_PARTS = 3
_LONGEST_QUOTE = 60


def read_markdown(
    content: bytes,
    *,
    address: str,
    content_type: str = "",
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Read one file; `address` is its path or URL. A draft gives no story.

    The front matter has the names that Hugo, Jekyll, Astro and Eleventy use. Without a title the
    first heading is the headline, without a date the file's name may tell it. A story needs no
    address: its text stands in the letter. Raises SourceError with the line of a broken head.
    """
    del content_type  # the file's name decides
    if len(content) > MAX_BYTES:
        raise SourceError(
            f"markdown: {address}: larger than {MAX_BYTES // 1_000_000} MB",
            hint="Put one story into each file.",
        )
    text = content.decode("utf-8-sig", "replace").replace("\0", "")
    head = read_front_matter(text, address=address)
    story = _Story(head.keys, address, zone, language)
    if not story.is_out():
        return Reading()
    found = story.found(head.text)
    return Reading((found,) if found else (), tuple(story.warnings))


class _Story:
    """One file on its way to a story."""

    def __init__(
        self, keys: Mapping[str, Any], address: str, zone: str, language: str | None
    ) -> None:
        self.keys = keys
        self.path = PurePosixPath(address.replace("\\", "/").partition("?")[0])
        self.zone = zone
        self.language = language
        self.url = self._link(_ADDRESS, base="")
        # In a file on disk "/images/a.jpg" is a place on the site, when we know where that is.
        self.base = self.url or safe_link(address) or ""
        self.warnings: list[str] = []

    def is_out(self) -> bool:
        """Tell whether it is published: no draft, and not `published: false`."""
        return not is_yes(self.keys.get("draft")) and is_yes(self.keys.get("published", True))

    def found(self, text: str) -> FoundStory | None:
        """Give the story, or None with a warning when nothing is in it."""
        if len(text) > MAX_HTML_BYTES:
            text = text[:MAX_HTML_BYTES]
            self._warn(f"is longer than {MAX_HTML_BYTES // 1024} KB; cut")
        headline = headline_of(self.keys.get("title") or self.keys.get("headline"))
        text = _CODES.sub("", text)
        if sum(map(text.count, _SIGNS)) > _MOST_SIGNS:
            self._warn(f"has more than {_MOST_SIGNS:,} signs of Markdown; read as plain text")
            heading, body = _plain(text, headline)
        else:
            heading, body = _rendered(text, headline, base=self.base)
        standfirst = standfirst_of(self._first(_STANDFIRST))
        headline = headline or heading or first_words(standfirst, body.text)
        if not headline:
            self._warn("has no title and no text; left out")
            return None
        published_at = self._published_at()
        return FoundStory(
            headline=headline,
            url=self.url,
            guid=self._guid(),
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=self._names("author", "authors", "byline"),
            categories=categories_of(
                self._names("section", "category", "categories", "tags", "topics")
            ),
            picture=self._picture(body),
            recording=self._recording(),
            published_at=published_at,
            published_from=DateOrigin.EDITOR if published_at else None,
            updated_at=self._moment(_UPDATED),
            language=self._language(),
            priority=self._priority(),
        )

    def _first(self, names: Sequence[str]) -> Any:
        return next((self.keys[name] for name in names if name in self.keys), None)

    def _names(self, *keys: str) -> tuple[str, ...]:
        lists = [names_of(self.keys.get(key), separators=_LISTED) for key in keys]
        return tuple(dict.fromkeys(name for names in lists for name in names))

    def _link(self, names: Sequence[str], *, base: str) -> str | None:
        links = (safe_link(text_of(self.keys.get(name)), base=base) for name in names)
        return next((link for link in links if link), None)

    def _guid(self) -> str | None:
        """Give what its editor calls it, else where it lies: the folders' beginning may move."""
        own = self._first(("guid", "id", "uuid", "slug"))
        return guid_of(text_of(own)) or guid_of("/".join(self.path.parts[-_NAME_PARTS:]))

    def _published_at(self) -> datetime | None:
        named = _FILE_DATE.match(self.path.name)
        return self._moment(_PUBLISHED) or (read_date(named[1], zone=self.zone) if named else None)

    def _moment(self, names: Sequence[str]) -> datetime | None:
        for name in names:
            value = self.keys.get(name)
            if value is None or isinstance(value, bool):
                continue
            if moment := moment_of(value, zone=self.zone):
                return moment
            if not (name == "published" and is_yes(value)):
                shown = one_line(text_of(value))[:_LONGEST_QUOTE]
                self._warn(f"has a date that cannot be read ({name}: {shown!r})")
        return None

    def _picture(self, body: CleanBody) -> Picture | None:
        value = self._first(_PICTURE)
        parts = _parts(value)
        written = text_of(_any(parts, "src", "url", "image", "path", "href"))
        if written:
            if url := safe_link(written, base=self.base):
                alt = _any(parts, "alt", "caption", "title") or self._first(_ALT)
                credit = _any(parts, "credit", "attribution") or self._first(_CREDIT)
                return Picture(url, line_of(alt), line_of(credit))
            shown = one_line(written)[:_LONGEST_QUOTE]
            self._warn(f"names a picture that has no web address ({shown!r}); left out")
        return Picture(*body.image) if body.image else None

    def _recording(self) -> Recording | None:
        for kind in RecordingKind:
            parts = _parts(self.keys.get(kind.value))
            url = safe_link(text_of(_any(parts, "src", "url", "href")), base=self.base)
            if url:
                seconds = seconds_of(
                    text_of(_any(parts, "seconds", "duration") or self._duration())
                )
                return Recording(url, seconds, kind)
        return None

    def _duration(self) -> Any:
        return self._first(("duration", "audioduration", "videoduration"))

    def _language(self) -> str | None:
        written = self._first(("language", "lang", "locale"))
        named = _FILE_LANGUAGE.search(self.path.name)
        return language_of(written) or (named[1] if named else self.language)

    def _priority(self) -> int:
        written = whole_number(self.keys.get("priority"), lowest=-MOST_PRIORITY, most=MOST_PRIORITY)
        if written is not None:
            return written
        return 1 if is_yes(self._first(_FIRST)) else 0

    def _warn(self, what: str) -> None:
        self.warnings.append(f"{one_line(self.path.name)[:200]} {what}")


def _parts(value: Any) -> Mapping[str, Any]:
    """Give the parts of a picture or recording, which may be its address alone, or a list."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        return {folded(key): part for key, part in value.items() if isinstance(key, str)}
    return {"src": text_of(value)}


def _any(parts: Mapping[str, Any], *names: str) -> Any:
    return next((parts[name] for name in names if parts.get(name)), None)


def _rendered(text: str, headline: str, *, base: str) -> tuple[str, CleanBody]:
    """Give the first heading, when it is the headline, and the text without it as clean HTML."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    env: dict[str, Any] = {}
    tokens = reader.parse(text, env)
    heading, place = _heading(tokens)
    if place is not None and _is_told_by(headline, heading):
        del tokens[place : place + 3]
    for token in tokens:
        if token.tag == "h1":
            token.tag = "h2"  # the letter has its own first heading
    html = reader.renderer.render(tokens, reader.options, env)
    return heading, clean_body(html, base=base)


def _plain(text: str, headline: str) -> tuple[str, CleanBody]:
    """Give the same of a text whose every sign stands for itself."""
    found = _FIRST_LINE.match(text)
    heading = headline_of(found[1]) if found else ""
    rest = text[found.end() :] if found and _is_told_by(headline, heading) else text
    return heading, plain_body_of(rest)


def _is_told_by(headline: str, heading: str) -> bool:
    return not headline or folded_headline(headline) == folded_headline(heading)


def _heading(tokens: Sequence[Token]) -> tuple[str, int | None]:
    for n, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h1" and token.level == 0:
            inside = tokens[n + 1].children or []
            words = "".join(" " if part.type == "softbreak" else part.content for part in inside)
            return headline_of(words), n
    return "", None
