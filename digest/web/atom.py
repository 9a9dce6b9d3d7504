"""Pure. An Atom feed (RFC 4287) in pages (RFC 5005): values in, XML out.

Written by hand and not by a tree of elements: there are a dozen elements, and what a headline may
hold that XML may not is taken out here, once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

MEDIA_TYPE = "application/atom+xml"

_REFUSED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write, and the C1 controls, which nothing should hold."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One edition; addresses are absolute, times aware."""

    id: str
    title: str
    url: str
    language: str
    published_at: datetime
    updated_at: datetime
    summary: str
    category: str
    """The newsletter's slug, and its name as people read it."""
    category_label: str


@dataclass(frozen=True, slots=True)
class Feed:
    """One page of a feed; `next_url` is the page of what is older."""

    id: str
    title: str
    author: str
    author_url: str
    language: str
    updated_at: datetime
    page_url: str
    """The page for people that lists the same."""
    self_url: str
    first_url: str
    next_url: str | None
    entries: Sequence[Entry]


def write_feed(feed: Feed) -> bytes:
    """Write the feed as UTF-8; the same values give the same bytes."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={_attribute(feed.language)}>',
        _element("id", feed.id),
        _element("title", feed.title),
        _element("updated", _moment(feed.updated_at)),
        f"<author>{_element('name', feed.author)}{_element('uri', feed.author_url)}</author>",
        _link("self", feed.self_url, MEDIA_TYPE),
        _link("alternate", feed.page_url, "text/html"),
        _link("first", feed.first_url, MEDIA_TYPE),
    ]
    if feed.next_url is not None:
        lines.append(_link("next", feed.next_url, MEDIA_TYPE))
    lines += [_entry(entry) for entry in feed.entries]
    return "\n".join([*lines, "</feed>", ""]).encode()


def _entry(entry: Entry) -> str:
    language, url = _attribute(entry.language), _attribute(entry.url)
    term, label = _attribute(entry.category), _attribute(entry.category_label)
    lines = [
        f"<entry xml:lang={language}>",
        _element("id", entry.id),
        _element("title", entry.title),
        _element("published", _moment(entry.published_at)),
        _element("updated", _moment(entry.updated_at)),
        f'<link rel="alternate" type="text/html" hreflang={language} href={url}/>',
        f"<category term={term} label={label}/>",
    ]
    if entry.summary:
        lines.append(_element("summary", entry.summary))
    return "\n".join([*lines, "</entry>"])


def _element(name: str, words: str) -> str:
    return f"<{name}>{escape(_REFUSED.sub('', words))}</{name}>"


def _attribute(value: str) -> str:
    return quoteattr(_REFUSED.sub("", value))


def _link(relation: str, url: str, media_type: str) -> str:
    return f'<link rel="{relation}" type="{media_type}" href={_attribute(url)}/>'


def _moment(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
