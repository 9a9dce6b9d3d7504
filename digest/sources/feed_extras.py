"""Pure. What a feed says in elements that its parser drops or mixes up.

Stories taken back (RFC 6721), whether the feed is complete and where it goes on (RFC 5005), and
which words and sizes belong to which of a story's pictures and recordings (Media RSS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

MAX_GONE = 2_000
_MAX_MEDIA = 40
_MAX_WORDS = 4_000

_MEDIA = frozenset({"http://search.yahoo.com/mrss", "http://search.yahoo.com/mrss/"})
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_HISTORY = "http://purl.org/syndication/history/1.0"
_ATOM = frozenset({"http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"})
_WORDS = {"title": "title", "heading": "title", "description": "caption", "caption": "caption"}


@dataclass(frozen=True, slots=True)
class Media:
    """One media:content or media:thumbnail, or a story's own `<image>`, as it is written."""

    name: str
    url: str = ""
    kind: str = ""
    medium: str = ""
    width: str = ""
    height: str = ""
    duration: str = ""
    is_default: bool = False
    caption: str = ""
    title: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class FeedExtras:
    """What was found, as it is written; `media` holds one tuple for each story, in order."""

    media: tuple[tuple[Media, ...], ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    """Guid and address (or "") of each story taken back."""
    complete: bool = False
    archive: bool = False
    next_link: str = ""


@dataclass(slots=True)
class _Words:
    """Words said of one picture, of a group of them, or of all of a story's."""

    caption: str = ""
    title: str = ""
    credit: str = ""
    media_from: int = 0
    """The first of the story's media that lies inside."""


@dataclass(slots=True)
class _Open:
    """An element whose text or inside we wait for."""

    name: str
    depth: int
    text: list[str] = field(default_factory=list)
    length: int = 0


class ExtrasReader:
    """Hears of every element of a feed in turn, and remembers what concerns it."""

    def __init__(self) -> None:
        """Begin before the first element."""
        self._depth = 0
        self._story_depth = 0
        self._media: list[list[Media]] = []
        self._words: list[_Words] = []
        self._open: list[_Open] = []
        self._gone: list[tuple[str, str]] = []
        self._gone_depth = 0
        self._marks: set[str] = set()
        self._next_link = ""

    def found(self) -> FeedExtras:
        """Give what the elements so far have told."""
        return FeedExtras(
            media=tuple(tuple(story) for story in self._media),
            gone=tuple(self._gone),
            complete="complete" in self._marks,
            archive="archive" in self._marks,
            next_link=self._next_link,
        )

    def start(self, namespace: str, name: str, attributes: Mapping[str, str]) -> None:
        """Hear that an element begins."""
        self._depth += 1
        if self._open and self._open[-1].name == "image":
            self._open[-1].text.clear()  # its address is inside
        if namespace in _MEDIA:
            self._media_start(name, attributes)
        elif namespace == _HISTORY and not self._story_depth:
            self._marks.add(name)
        elif namespace == _TOMBSTONES and name == "deleted-entry" and not self._story_depth:
            self._gone_start(attributes)
        elif name == "link":
            self._link(namespace, attributes)
        elif name in {"item", "entry"} and not self._story_depth and not self._gone_depth:
            self._story_depth = self._depth
            self._media.append([])
            self._words = [_Words()]
        elif name == "image" and self._story_depth and self._depth == self._story_depth + 1:
            self._image_start(attributes)
        elif name == "url" and self._open and self._open[-1].name == "image":
            self._wait_for("url")

    def text(self, text: str) -> None:
        """Hear the text within the element that is open."""
        if self._open and self._open[-1].length < _MAX_WORDS:
            self._open[-1].text.append(text)
            self._open[-1].length += len(text)

    def end(self) -> None:
        """Hear that the last element that has begun ends."""
        while self._open and self._open[-1].depth == self._depth:
            self._close(self._open.pop())
        if self._depth == self._story_depth:
            self._close_words()
            self._story_depth = 0
        if self._depth == self._gone_depth:
            self._gone_depth = 0
        self._depth -= 1

    def _wait_for(self, name: str) -> None:
        self._open.append(_Open(name, self._depth))

    def _media_start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._story_depth:
            return
        media = self._media[-1]
        if name in {"content", "group"}:
            self._words.append(_Words(media_from=len(media)))
            self._wait_for(name)
        if name in {"content", "thumbnail"} and len(media) < _MAX_MEDIA:
            media.append(_media_of(name, attributes))
        elif name in _WORDS or name == "credit":
            self._wait_for(_WORDS.get(name, name))

    def _image_start(self, attributes: Mapping[str, str]) -> None:
        href = attributes.get("href") or attributes.get("url")
        if href and len(self._media[-1]) < _MAX_MEDIA:
            self._media[-1].append(Media("image", href))
        elif not href:
            self._wait_for("image")

    def _gone_start(self, attributes: Mapping[str, str]) -> None:
        self._gone_depth = self._depth
        if len(self._gone) < MAX_GONE:
            self._gone.append((attributes.get("ref", ""), ""))

    def _link(self, namespace: str, attributes: Mapping[str, str]) -> None:
        href, rel = attributes.get("href", ""), attributes.get("rel", "alternate").lower()
        if self._gone_depth:
            if self._gone and rel == "alternate" and not self._gone[-1][1]:
                self._gone[-1] = (self._gone[-1][0], href)
        elif not self._story_depth and namespace in _ATOM and rel == "next":
            self._next_link = self._next_link or href

    def _close(self, closed: _Open) -> None:
        words = " ".join("".join(closed.text).split())
        if closed.name in {"content", "group"}:
            self._close_words()
        elif closed.name in {"caption", "title", "credit"}:
            said = self._words[-1]
            setattr(said, closed.name, getattr(said, closed.name) or words)
        elif words and len(self._media[-1]) < _MAX_MEDIA:
            self._media[-1].append(Media("image", words))

    def _close_words(self) -> None:
        """Give the words to the media inside that have none of their own."""
        said, media = self._words.pop(), self._media[-1]
        for n in range(said.media_from, len(media)):
            one = media[n]
            has_words = bool(one.caption or one.title)
            media[n] = replace(
                one,
                caption=one.caption or ("" if has_words else said.caption),
                title=one.title or ("" if has_words else said.title),
                credit=one.credit or said.credit,
            )


def _media_of(name: str, attributes: Mapping[str, str]) -> Media:
    return Media(
        name,
        url=attributes.get("url", ""),
        kind=attributes.get("type", "").lower(),
        medium=attributes.get("medium", "").lower(),
        width=attributes.get("width", ""),
        height=attributes.get("height", ""),
        duration=attributes.get("duration", ""),
        is_default=attributes.get("isDefault", "").lower() == "true",
    )
