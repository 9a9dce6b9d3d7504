"""Pure. The names by which a story is found again, and when a headline alone is enough."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from digest.sources.cleaning import one_line, safe_link
from digest.sources.model import FoundStory

NO_FORMER_HOSTS: Mapping[str, str] = MappingProxyType({})

_TRACKING = re.compile(
    r"(?:utm_.*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid"
    r"|mkt_tok|_hsenc|_hsmi)",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {80, 443}
_ABBREVIATION = re.compile(r"\b(?:[^\W\d_]\.){2,}")


class IdentityKind(StrEnum):
    """What a story can be known by, the surest first."""

    GUID = "guid"
    URL = "url"
    HEADLINE = "headline"


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """One alias of a story. `scope` is the source's name, or "" where it holds everywhere."""

    kind: IdentityKind
    scope: str
    value_hash: str


def keys_of(
    story: FoundStory, *, source: str, former_hosts: Mapping[str, str] = NO_FORMER_HOSTS
) -> tuple[IdentityKey, ...]:
    """Give a story's keys, the surest first; its dates never count.

    `former_hosts` maps hosts that a site had before to the one it has now.
    """
    url = canonical_url(story.url, former_hosts=former_hosts) if story.url else ""
    named = (
        (IdentityKind.GUID, source, story.guid or ""),
        (IdentityKind.URL, "", url),
        (IdentityKind.HEADLINE, source, folded_headline(story.headline)),
    )
    return tuple(IdentityKey(kind, scope, _hash(value)) for kind, scope, value in named if value)


def headline_is_enough(found: FoundStory, known: FoundStory) -> bool:
    """Tell whether an equal headline makes a found story the known one.

    "Weather" and "Letters" return every day, so two stories that each have a guid, or each an
    address, are told apart by these. The headline decides when they have no kind of name in common
    (a headline of a river has none at all), and when the text is word for word the same: then the
    site has moved, and guids and paths with it.
    """
    can_compare = bool(found.guid and known.guid) or bool(found.url and known.url)
    return not can_compare or _is_same_text(found, known)


def without_shared_names(
    stories: Sequence[FoundStory], *, source: str
) -> tuple[tuple[FoundStory, ...], tuple[str, ...]]:
    """Give the stories of one poll without guids that several share, and what was found wrong.

    Some programs write the same guid, or the same link (a show's page), into every story; as names
    they would make one story of all. A shared link stays the story's link: see `shared_urls`.
    """
    shared = _shared(stories, IdentityKind.GUID, source)
    if not shared:
        return tuple(stories), ()
    kept = tuple(
        replace(story, guid=None) if _key(story, IdentityKind.GUID, source) in shared else story
        for story in stories
    )
    return kept, ("several stories have the same guid; it was ignored",)


def shared_urls(stories: Sequence[FoundStory], *, source: str) -> frozenset[IdentityKey]:
    """Give the address keys that name several stories of one poll, and so name none."""
    return _shared(stories, IdentityKind.URL, source)


def canonical_url(url: str, *, former_hosts: Mapping[str, str] = NO_FORMER_HOSTS) -> str:
    """Write an address so that two spellings of the same one are equal; "" when it names no story.

    A site's front page names no story.
    """
    link = safe_link(url)
    if link is None:
        return ""
    parts = urlsplit(link)
    host = (parts.hostname or "").rstrip(".")
    host = former_hosts.get(host, host)
    port = "" if parts.port in {None, *_DEFAULT_PORTS} else f":{parts.port}"
    query = "&".join(
        item for item in parts.query.split("&") if item and not _TRACKING.fullmatch(_name(item))
    )
    path = re.sub(r"%[0-9a-f]{2}", lambda found: found[0].upper(), parts.path).rstrip("/")
    if not path and not query:
        return ""
    return f"https://{host}{port}{path or '/'}{'?' if query else ''}{query}"


def folded_headline(headline: str) -> str:
    """Fold a headline to its words: case, quotes, dots of U.S., punctuation and spaces are gone."""
    text = unicodedata.normalize("NFKC", one_line(headline)).casefold()
    text = _ABBREVIATION.sub(lambda found: found[0].replace(".", ""), text)
    # An apostrophe joins ("site's"), any other sign parts: "11%" and "11 %", "a–b" and "a - b".
    text = re.sub("['`\u2018\u2019\u02bc\u00b4]", "", text)
    words = "".join(character if _is_word(character) else " " for character in text).split()
    return " ".join(words) or one_line(headline)


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _is_same_text(found: FoundStory, known: FoundStory) -> bool:
    texts = (found.standfirst, found.body_text)
    return any(texts) and texts == (known.standfirst, known.body_text)


def _shared(
    stories: Sequence[FoundStory], kind: IdentityKind, source: str
) -> frozenset[IdentityKey]:
    headlines: dict[IdentityKey, set[str]] = {}
    for story in stories:
        if key := _key(story, kind, source):
            headlines.setdefault(key, set()).add(folded_headline(story.headline))
    return frozenset(key for key, names in headlines.items() if len(names) > 1)


def _key(story: FoundStory, kind: IdentityKind, source: str) -> IdentityKey | None:
    return next((key for key in keys_of(story, source=source) if key.kind is kind), None)


def _name(item: str) -> str:
    return unquote(item.partition("=")[0])


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
