"""Find out what somebody who types an address means: a feed, a story's page, a site, a folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from digest.errors import FetchBlockedError, HttpStatusError, SourceError
from digest.sources.cleaning import one_line, safe_link
from digest.sources.discover import WORDPRESS, SiteFacts, read_site
from digest.sources.fetch import (
    ACCEPT_FEED,
    ACCEPT_JSON,
    ACCEPT_PAGE,
    Fetched,
    Fetcher,
    file_path,
    is_file,
    read_file,
    without_secrets,
)
from digest.sources.json_feed import is_json_feed
from digest.sources.model import FoundStory, Reading, SourceKind, SourceSpec
from digest.sources.parsing import Parser
from digest.sources.read import MOST_FILES, page_kind, read, read_here
from digest.sources.wordpress import first_address

MOST_FEEDS = 3
"""Of the feeds a page names, how many are looked at; the first that has stories is taken."""
MOST_TRIES = 8
"""Requests for places where a feed may be although none is named."""
_MOST_SILENCES = 2
"""A host that did not answer so often is not asked again."""
_MAX_NAME = 40
_BARE_HOST = re.compile(r"(?:[^\s/:@.]+(?:\.[^\s/:@.]+)+|localhost)(?::\d{1,5})?(?:[/?]\S*)?")
_FEED_ROOT = re.compile(rb"<(?:rss|feed|(?:[\w.-]{1,20}:)?RDF)\b", re.IGNORECASE)
_MARKDOWN = frozenset({".md", ".markdown"})
_FILES = frozenset({"application/pdf", "application/zip", "application/octet-stream"})
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "net", "or", "org"})


@dataclass(frozen=True, slots=True)
class Discovery:
    """What an address turned out to be, and what was found there."""

    kind: SourceKind
    address: str
    """What to write into the settings: of a site, its feed."""
    reading: Reading
    facts: SiteFacts = field(default_factory=SiteFacts)
    """What the page says of its site; nothing for a feed or a folder."""
    tried: tuple[str, ...] = ()

    @property
    def newest(self) -> FoundStory | None:
        """The story published last, or the first when none has a date."""
        dated = [story for story in self.reading.stories if story.published_at]
        latest = max(dated, key=lambda story: str(story.published_at), default=None)
        return latest or next(iter(self.reading.stories), None)


def discover(
    address: str,
    *,
    fetcher: Fetcher,
    parser: Parser | None = None,
    allow: Sequence[str] = (),
) -> Discovery:
    """Tell what an address is by what answers there, and find the stories behind it.

    A feed is itself; an article's page is a page; of a site, the first of the feeds it names that
    has stories is taken, else what is in the usual places, else WordPress's API. `https://` may be
    left out. Without a `parser` what was fetched is parsed in this process. Raises SourceError,
    which says what was tried.
    """
    typed = address.strip()
    if "://" not in typed and (is_there := _existing(typed)) is not None:
        return _of_files(is_there, fetcher, parser)
    if is_file(typed) and "://" in typed:
        return _of_files(file_path(typed), fetcher, parser)
    return _Search(fetcher, parser, allow).of(_addresses(typed))


def suggested_name(address: str, taken: Collection[str]) -> str:
    """Suggest a name for a source, as a newcomer would call it, that none has yet."""
    name = _slug(_called(address)) or "site"
    if name not in taken:
        return name
    numbered = (f"{name[: _MAX_NAME - 4]}-{n}" for n in range(2, len(taken) + 3))
    return next(one for one in numbered if one not in taken)


def _called(address: str) -> str:
    host = urlsplit(address).hostname if "://" in address else None
    if not host:
        path = file_path(address)
        return path.stem if path.suffix else path.name
    labels = host.removesuffix(".").split(".")
    if labels[-1].isdigit() or ":" in host:
        return ""
    if len(labels) > 2 and labels[-2] in _SECOND_LEVEL:  # noqa: PLR2004 - as post.co.uk
        return labels[-3]
    return labels[max(0, len(labels) - 2)]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_MAX_NAME].strip("-")


def _existing(typed: str) -> Path | None:
    try:
        path = Path(typed)
        return path if typed and path.exists() else None
    except (OSError, ValueError):
        return None


def _addresses(typed: str) -> list[str]:
    """Give the addresses meant, the likeliest first. Raises SourceError for what is none."""
    whole = [typed]
    if "://" not in typed and _BARE_HOST.fullmatch(typed):
        whole = [f"https://{typed}", f"http://{typed}"]
    links = [link for one in whole if (link := safe_link(one))]
    if links:
        return links
    raise SourceError(
        f"source: {without_secrets(typed)[:200]!r}: neither a web address nor a file that is there",
        hint="Write it as https://harbourpost.example, or name a file or folder.",
    )


# Files


def _of_files(path: Path, fetcher: Fetcher, parser: Parser | None) -> Discovery:
    """Tell the kind of a file or folder by its names, or by how a feed begins."""
    kind = _kind_of(path)
    address = str(path.absolute())
    found = read(SourceSpec("new", kind, address), None, fetcher=fetcher, parser=parser)
    return Discovery(kind, address, found.reading)


def _kind_of(path: Path) -> SourceKind:
    if path.is_dir():
        some = (
            each.suffix.lower() for each, _ in zip(path.rglob("*"), range(MOST_FILES), strict=False)
        )
        return SourceKind.MARKDOWN if any(map(_MARKDOWN.__contains__, some)) else SourceKind.PAGE
    ending = path.suffix.lower()
    if ending in _MARKDOWN:
        return SourceKind.MARKDOWN
    if ending in {".txt", ".htm", ".html"}:
        return SourceKind.PAGE
    return SourceKind.FEED if _is_feed(read_file(str(path))) else SourceKind.PAGE


# The web


class _Search:
    """One search for the stories behind an address; remembers what came of each try."""

    def __init__(self, fetcher: Fetcher, parser: Parser | None, allow: Sequence[str]) -> None:
        self.fetcher = fetcher
        self.parser = parser
        self.allow = allow
        self.tried: dict[str, str] = {}
        self.silences = 0
        self.facts = SiteFacts()
        self.empty: Discovery | None = None

    def of(self, addresses: Sequence[str]) -> Discovery:
        """Find the stories behind the first of the addresses that answers. Raises SourceError."""
        fetched, asked = self._first_answer(addresses)
        if _is_feed(fetched):
            return self._found(SourceKind.FEED, asked, self._parse(_feed_kind(fetched), fetched))
        _refuse_other_files(fetched)
        if page_kind(fetched) == "plaintext":
            return self._found(SourceKind.PAGE, asked, self._parse("plaintext", fetched))
        self.facts = self._read_site(fetched)
        found = self._page(fetched, asked) if self.facts.is_article else None
        found = found or self._named_feed() or self._api() or self._feed_in_a_usual_place()
        if found is None and not self.facts.is_article:
            found = self._page(fetched, asked)
        found = found or self.empty
        if found is None:
            raise self._nothing(asked)
        return found

    def _nothing(self, asked: str) -> SourceError:
        tried = "; ".join(f"{_shown(one)} ({why})" for one, why in self.tried.items())
        return SourceError(
            f"source: {_shown(asked)}: no stories were found there; tried: {tried}",
            hint="Look on the site for its feed (RSS or Atom), and add that address.",
        )

    def _first_answer(self, addresses: Sequence[str]) -> tuple[Fetched, str]:
        """Give the answer, and its address to write down; http only where nobody speaks https."""
        for address in addresses[:-1]:
            try:
                return self._get(address)
            except (HttpStatusError, FetchBlockedError):
                raise
            except SourceError as error:
                self.tried[address] = _cause(error, address)
        return self._get(addresses[-1])

    def _get(self, address: str, *, accept: str = ACCEPT_PAGE) -> tuple[Fetched, str]:
        fetched = self.fetcher.get(address, allow=self.allow, accept=accept)
        return fetched, fetched.moved_to or address

    def _read_site(self, fetched: Fetched) -> SiteFacts:
        reader = read_site if self.parser is None else self.parser.site
        return reader(fetched.content, address=fetched.address, content_type=fetched.content_type)

    def _parse(self, kind: str, fetched: Fetched) -> Reading:
        reader = read_here if self.parser is None else self.parser.read
        return reader(
            kind, fetched.content, address=fetched.address, content_type=fetched.content_type
        )

    def _found(self, kind: SourceKind, address: str, reading: Reading) -> Discovery:
        return Discovery(kind, address, reading, self.facts, tuple(self.tried))

    # What a page leads to

    def _page(self, fetched: Fetched, asked: str) -> Discovery | None:
        try:
            reading = self._parse("page", fetched)
        except SourceError as error:
            self.tried.setdefault(asked, _cause(error, fetched.address))
            return None
        return self._found(SourceKind.PAGE, asked, reading)

    def _named_feed(self) -> Discovery | None:
        named = [feed.address for feed in self.facts.feeds if not feed.is_comments]
        return self._first_feed(named[:MOST_FEEDS])

    def _feed_in_a_usual_place(self) -> Discovery | None:
        places = [place for place in self.facts.to_try if place not in self.tried]
        # Where a feed is named and has nothing yet, it is the one.
        return None if self.empty else self._first_feed(places[:MOST_TRIES])

    def _first_feed(self, addresses: Sequence[str]) -> Discovery | None:
        return next(filter(None, map(self._feed_at, addresses)), None)

    def _feed_at(self, address: str) -> Discovery | None:
        """Give the feed at an address if it has stories; remember one that has none."""
        if self.silences >= _MOST_SILENCES:
            return None
        try:
            fetched, asked = self._get(address, accept=ACCEPT_FEED)
            if not _is_feed(fetched):
                self.tried[address] = "no feed"
                return None
            reading = self._parse(_feed_kind(fetched), fetched)
        except SourceError as error:
            self.silences += not isinstance(error, (HttpStatusError, FetchBlockedError))
            self.tried[address] = _cause(error, address)
            return None
        self.tried[address] = f"{len(reading.stories)} stories"
        found = self._found(SourceKind.FEED, asked, reading)
        if not reading.stories:
            self.empty = self.empty or found
        return found if reading.stories else None

    def _api(self) -> Discovery | None:
        """Ask WordPress itself for its stories, where a theme names no feed."""
        if self.facts.platform != WORDPRESS or self.empty:
            return None
        site = self.facts.address
        try:
            fetched, _ = self._get(first_address(site, per_page=10), accept=ACCEPT_JSON)
            reading = self._parse("wordpress", fetched)
        except SourceError as error:
            self.tried[f"{site}wp-json/"] = _cause(error, site)
            return None
        return self._found(SourceKind.WORDPRESS, site, reading) if reading.stories else None


def _start(fetched: Fetched) -> bytes:
    """Give how it begins; of UTF-16, without the empty halves."""
    return fetched.content[:2_000].lstrip(b"\xef\xbb\xbf\xfe\xff\0 \t\r\n").replace(b"\0", b"")


def _is_feed(fetched: Fetched) -> bool:
    start = _start(fetched)
    if start.startswith(b"{"):
        return is_json_feed(fetched.content)
    is_page = re.match(rb"<!doctype html|<html", start, re.IGNORECASE) is not None
    return start.startswith(b"<") and not is_page and _FEED_ROOT.search(start) is not None


def _feed_kind(fetched: Fetched) -> str:
    return "json_feed" if _start(fetched).startswith(b"{") else "feed"


def _refuse_other_files(fetched: Fetched) -> None:
    kind = fetched.content_type.partition(";")[0].strip().lower()
    is_data = _start(fetched)[:1] in {b"{", b"["} or kind == "application/json"
    if is_data or kind.startswith(("image/", "audio/", "video/")) or kind in _FILES:
        raise SourceError(
            f"source: {_shown(fetched.address)}: {one_line(kind)[:100] or 'data'}, neither a page"
            " nor a feed",
            hint="Name the site, its feed, or the page of a story; an API needs --kind.",
        )


def _shown(address: str) -> str:
    return without_secrets(address)[:200]


def _cause(error: SourceError, address: str) -> str:
    """Give the last part of "what: which: cause"."""
    return one_line(str(error)).rpartition(f"{without_secrets(address)}: ")[2]
