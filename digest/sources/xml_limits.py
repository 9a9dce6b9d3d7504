"""Pure. Decode a feed, and refuse XML built to hurt before a slow parser sees it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, replace
from typing import Any
from xml.parsers import expat

from digest.sources.cleaning import word_set
from digest.sources.feed_extras import ExtrasReader, FeedExtras
from digest.sources.xml_mending import mend

MAX_DEPTH = 100
MAX_ATTRIBUTES = 100
MAX_TAGS = 100_000
"""Of markup signs in all, counted wherever they stand; a feed of a thousand stories has 30,000."""
MAX_STORIES = 10_000
"""Of which only the newest are read; a feed of more is none."""
_MAX_PREFIXES = 100
_MAX_PARTS = 500
_MAX_REPAIRS = 50_000
"""Of signs in broken XML, which is read by a slower parser."""
_MAX_PROLOG = 10_000
_MAX_NAME = 2_000
_MAX_NAMES = 200
_MAX_NAMES_COST = 200_000_000

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\x00?\x00", "utf-16-le"),
    (b"\x00<\x00?", "utf-16-be"),
)
_DECLARATION = re.compile(r"^\s*<\?xml[^<>]{0,500}\?>")
_DECLARED_ENCODING = re.compile(rb"^\s*<\?xml[^<>]{0,300}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ROOT = re.compile(r"<\w")
_FEED_ROOT = re.compile(r"<(?:[\w.-]{1,60}:)?(?:rss|feed|rdf)\b", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype[^\[<>]{0,1000}>", re.IGNORECASE)
# feedparser takes media:title and media:description, which speak of a picture, for the story's.
# Their attributes go: of an element it does not know, it would give those in place of the text.
_MEDIA_WORDS = re.compile(
    r"""(</?media:)(title|description)\b(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*"""
)
_MEDIA_NAMES = {"title": "heading", "description": "caption"}
# Names and keywords: feedparser's way with these takes time by the square of their length.
_SHORT = word_set(
    "author creator name email contributor owner publisher editor managingeditor webmaster category"
    " tags keywords subject"
)
_STORIES = frozenset({"item", "entry"})
_PARTS = word_set("content description encoded enclosure group link source summary thumbnail")
_NAME_TAG = re.compile(
    rf"<(/?)(?:[\w.-]{{1,60}}:)?({'|'.join(sorted(_SHORT | _STORIES))})\b([^<>]*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Limited:
    """Text ready for the parser, or why it is refused; `broken` says where it was not XML."""

    text: str
    broken: str = ""
    refused: str = ""
    is_mended: bool = False
    """It was broken, and is XML now."""
    extras: FeedExtras = field(default_factory=FeedExtras)


def decode(content: bytes, content_type: str = "") -> str:
    """Decode by byte order mark, else header, else declaration, else UTF-8, else Windows-1252.

    What XML does not allow (NUL and other controls) is left out, and so is the declaration.
    """
    text = _decoded(content, content_type)
    text = _NOT_XML.sub("", text).lstrip("\ufeff")
    return _DECLARATION.sub(lambda found: "\n" * found[0].count("\n"), text, count=1)


def _decoded(content: bytes, content_type: str) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    header = _CHARSET.search(content_type)
    declared = _DECLARED_ENCODING.match(content)
    for name in (header and header[1], declared and declared[1].decode("ascii"), "utf-8"):
        if text := _try(content, name):
            return text
    return content.decode("windows-1252", "replace")


def _try(content: bytes, encoding: str | None) -> str | None:
    try:
        return content.decode(encoding) if encoding else None
    except (UnicodeError, LookupError, ValueError):
        return None


def check(text: str) -> Limited:
    """Hold a decoded feed against the limits; linear in its length."""
    root = _root(text)
    before = text[: root.start()] if root else ""
    prolog = " ".join(_DOCTYPE.sub("", before, count=1).split())
    if len(prolog) > _MAX_PROLOG:
        return Limited("", refused="too much before the first element")
    if "<!" in prolog.replace("<!--", ""):
        return Limited("", refused="declares entities or a document type of its own")
    if text.count("<") > MAX_TAGS:
        return Limited("", refused=f"more than {MAX_TAGS:,} tags")
    body = text[root.start() :] if root else ""
    body = _MEDIA_WORDS.sub(lambda found: found[1] + _MEDIA_NAMES[found[2]], body)
    whole = f"{prolog}\n{body}" if root else text
    walk = _Walk()
    broken_at, refused = walk.over(whole)
    if not broken_at:
        return Limited(whole, refused=refused, extras=walk.extras.found())
    line, what = broken_at
    # The prolog stands on one line now; the publisher's file has it on several.
    line += before.count("\n") - 1 if root else 0
    return _mended(whole, body, f"line {line}: {what}")


def _root(text: str) -> re.Match[str] | None:
    """Find the first element, behind whatever a program has written before it by mistake."""
    first, feed = _ROOT.search(text), _FEED_ROOT.search(text[: 2 * _MAX_PROLOG])
    is_page = "<html" in text[: feed.start()].lower() if feed else True
    return first if is_page else feed


def _mended(whole: str, body: str, broken: str) -> Limited:
    mended, walk = mend(body), _Walk()
    still_broken, refused = walk.over(mended)
    if still_broken:
        return Limited(whole, broken, _hard_to_repair(body))
    # What was cut off may have been stories: such a feed never shows all there are.
    extras = replace(walk.extras.found(), complete=False)
    return Limited(mended, broken, refused, is_mended=True, extras=extras)


class _Refused(Exception):  # noqa: N818 - carries a reason out of expat, no error of ours
    pass


class _Walk:
    """Walks well-formed XML with expat, as the strict parser will, and counts."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartNamespaceDeclHandler = self._prefix
        self._parser.buffer_text = True
        self._depth = 0
        self._short_depth = 0
        self._short_length = 0
        self._names = _Names()
        self._prefixes: set[tuple[str | None, str]] = set()
        self._stories = 0
        self._parts = 0
        self.extras = ExtrasReader()

    def over(self, text: str) -> tuple[tuple[int, str] | None, str]:
        """Give where it is broken (line, cause), and why it is refused."""
        try:
            self._parser.Parse(text.encode(), True)  # noqa: FBT003 - expat's own signature
        except expat.ExpatError as error:
            return (error.lineno, expat.ErrorString(error.code) or "not well-formed"), ""
        except _Refused as refusal:
            return None, str(refusal)
        return None, ""

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Refused(f"tags nested deeper than {MAX_DEPTH}")
        if len(attributes) > MAX_ATTRIBUTES:
            raise _Refused(f"a tag with more than {MAX_ATTRIBUTES} attributes")
        namespace, _, local = name.rpartition(" ")
        local = local.lower()
        self.extras.start(namespace, local, attributes)
        if local in _STORIES:
            self._next_story()
        elif local == "deleted-entry":
            self._parts = 0
        elif local in _PARTS:
            self._parts += 1
            if self._parts > _MAX_PARTS:
                raise _Refused(f"a story with more than {_MAX_PARTS} links, texts or media")
        if local in _SHORT:
            self._names.one_more()
        if self._short_depth or local in _SHORT:
            self._short_depth += 1

    def _next_story(self) -> None:
        self._names.next_story()
        self._parts = 0
        self._stories += 1
        if self._stories > MAX_STORIES:
            raise _Refused(f"more than {MAX_STORIES:,} stories")

    def _prefix(self, prefix: str | None, uri: str) -> None:
        # The parser looks through all of them again for every element.
        self._prefixes.add((prefix, uri))
        if len(self._prefixes) > _MAX_PREFIXES:
            raise _Refused(f"more than {_MAX_PREFIXES} namespaces")

    def _end(self, _name: str) -> None:
        self._depth -= 1
        self.extras.end()
        if self._short_depth:
            self._short_depth -= 1
            if not self._short_depth:
                self._names.of_length(self._short_length)
                self._short_length = 0

    def _text(self, text: str) -> None:
        self.extras.text(text)
        if self._short_depth:
            self._short_length += len(text)


class _Names:
    """Counts names and keywords, whose cost grows by the square of number and length."""

    def __init__(self) -> None:
        self._in_story = 0
        self._cost = 0

    def next_story(self) -> None:
        self._in_story = 0

    def one_more(self) -> None:
        self._in_story += 1
        if self._in_story > _MAX_NAMES:
            raise _Refused(f"a story with more than {_MAX_NAMES} names and keywords")

    def of_length(self, length: int) -> None:
        self._cost += length * length
        if length > _MAX_NAME or self._cost > _MAX_NAMES_COST:
            raise _Refused("names or keywords too long to be any")


def _hard_to_repair(text: str) -> str:
    """Hold broken XML against the limits, by its signs and tags as they stand in the text."""
    if text.count("&") + text.count("<") > _MAX_REPAIRS:
        return f"broken, with more than {_MAX_REPAIRS:,} tags and entities"
    names, opened = _Names(), list[int]()
    try:
        for found in _NAME_TAG.finditer(text):
            if found[2].lower() in _STORIES:
                names.next_story()
            elif found[1]:
                # A closing tag without its opening one could end a name begun long before.
                names.of_length(found.start() - opened.pop() if opened else len(text))
            else:
                names.one_more()
                if not found[3].endswith("/"):
                    opened.append(found.end())
    except _Refused as refusal:
        return str(refusal)
    return ""
