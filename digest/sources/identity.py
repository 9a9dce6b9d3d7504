"""Pure. The names by which a story is found again, and when one of them is enough.

A story has up to three kinds of name: its guid, which holds within its source; its address, which
holds everywhere; its headline, which holds within its source. A date is never a name: feeds rewrite
dates. Of articles that several names lead to, the one that most of them lead to is meant.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote, urlsplit, urlunsplit

from digest.sources.cleaning import one_line, safe_link
from digest.sources.model import FoundStory
from digest.sources.terms import terms_of

_TRACKING = re.compile(
    r"(?:utm_.*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid"
    r"|mkt_tok|_hsenc|_hsmi|_gl|_ga|ref_src|ref_url)",
    re.IGNORECASE,
)
_REFERRER = re.compile(r"(?:ref|source|src|from|via)", re.IGNORECASE)
_REFERRERS = re.compile(
    r"(?:rss2?|atom|feeds?|newsletter|e?mail|home(?:page)?|front(?:page)?|social|share|facebook|fb"
    r"|twitter|tw|x|linkedin|whatsapp|telegram|instagram|bluesky|mastodon|google(?:_?news)?"
    r"|apple_?news|flipboard)",
    re.IGNORECASE,
)
"""`ref=rss` says where the reader comes from; `ref=1204` may say which story it is, and stays."""

_SESSION = re.compile(
    r"(?:PHPSESSID|JSESSIONID|ASPSESSIONID\w*|ASP\.NET_SessionId|CFID|CFTOKEN|osCsid|zenid)",
    re.IGNORECASE,
)
_OFTEN_SESSION = re.compile(r"(?:sid|sess|sessid|session|session_?id)", re.IGNORECASE)
_SESSION_VALUE = re.compile(r"(?=.*\d)(?=.*[a-z])[0-9a-z,-]{16,128}", re.IGNORECASE)
"""`sid` also numbers stories: only a long run of letters and digits is a session's."""
_SESSION_OF_A_FORUM = re.compile(r"(?=.*\d)(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-v]{26})")
_SESSION_PARAMETER = re.compile(r";(?:jsessionid|phpsessid|sessionid|sid)=[^;/]*", re.IGNORECASE)
_SESSION_FOLDER = re.compile(r"/\((?:[A-Z]\([0-9a-z]{16,64}\))+\)(?=/)", re.IGNORECASE)
"""As in "/(S(lit3py55t21z5v55vlm25s55))/news"."""
_SCRIPT = re.compile(r"\.(?:php\d?|aspx?|jspx?|cgi|pl|cfml?|do)$", re.IGNORECASE)

_AMP_PATH = re.compile(r"(?<=[^/])(?:/+amp|\.amp)+$", re.IGNORECASE)
_AMP_NAMED = re.compile(r"amp=(?:1|true|amp)?|amp|(?:outputtype|output|format)=amp", re.IGNORECASE)
_ESCAPED_TWICE = re.compile(r"^(?:amp;)+", re.IGNORECASE)

_WWW = re.compile(r"^(?:www\.)+(?=[^.]+\.)")
_DEFAULT_PORTS = {80, 443}
_ABBREVIATION = re.compile(r"\b(?:[^\W\d_]\.){2,}")

_ENOUGH_WORDS = 8
_HARDLY_ANY_SHARED = 0.10
_OPENING = 300
"""Characters of a body that stand for its standfirst. Whole bodies tell nothing: two long texts on
anything share a quarter of their words."""


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
    story: FoundStory, *, source: str, same_hosts: Sequence[str] = ()
) -> tuple[IdentityKey, ...]:
    """Give a story's keys, the surest first; its dates never count.

    `same_hosts` are the hosts that the site has and those that it had. A story at one of them has
    a key for each, its own first: so it is found again after the site's move, in either direction,
    and nothing stored needs hashing anew. Guids that are addresses are treated likewise.
    """
    group = _folded_hosts(tuple(same_hosts))
    named = (
        *((IdentityKind.GUID, source, value) for value in _guids(story.guid, group)),
        *((IdentityKind.URL, "", value) for value in _urls(story.url, group)),
        (IdentityKind.HEADLINE, source, folded_headline(story.headline)),
    )
    return tuple(IdentityKey(kind, scope, _hash(value)) for kind, scope, value in named if value)


def names_in_poll(
    stories: Sequence[FoundStory], *, source: str, same_hosts: Sequence[str] = ()
) -> list[tuple[IdentityKey, ...]]:
    """Give each story's keys, without the addresses that several stories of one poll share.

    A link to a show's page stands under every episode: it stays their link, and names none.
    """
    keys = [keys_of(story, source=source, same_hosts=same_hosts) for story in stories]
    shared = _shared(
        (key, story.headline)
        for story, own in zip(stories, keys, strict=True)
        for key in own
        if key.kind is IdentityKind.URL
    )
    return [tuple(key for key in own if key not in shared) for own in keys]


def without_shared_names(
    stories: Sequence[FoundStory], *, source: str
) -> tuple[tuple[FoundStory, ...], tuple[str, ...]]:
    """Give the stories of one poll without guids that several share, and what was found wrong.

    Some programs write the same guid into every story; as a name it would make one story of all.
    """
    guids = [_guid_key(story, source) for story in stories]
    shared = _shared(
        (key, story.headline) for story, key in zip(stories, guids, strict=True) if key
    )
    if not shared:
        return tuple(stories), ()
    kept = tuple(
        replace(story, guid=None) if key in shared else story
        for story, key in zip(stories, guids, strict=True)
    )
    return kept, ("several stories have the same guid; it was ignored",)


def likeliest_first(leads: Mapping[int, Collection[IdentityKind]]) -> list[int]:
    """Order the articles that a story's names lead to: most kinds of name first, then the surest.

    A feed that numbers its stories from the top gives each guid to the next story at every poll;
    the address and the headline outvote it.
    """
    surest = list(IdentityKind)
    return sorted(
        leads, key=lambda number: (-len(leads[number]), min(map(surest.index, leads[number])))
    )


def is_same_story(
    found: FoundStory,
    known: FoundStory,
    shared: Collection[IdentityKind],
    *,
    same_source: bool = True,
) -> bool:
    """Tell whether the kinds of name that they share make a found story the known one.

    A guid alone, or an address alone, is believed unless all else speaks against it: the other of
    the two names is there and differs, so does the headline, and two openings long enough to judge
    have hardly a word in common. That is a name which the source has given to another story; a
    story that merely develops keeps its people and places.
    """
    if shared == {IdentityKind.HEADLINE}:
        return headline_is_enough(found, known)
    if IdentityKind.HEADLINE in shared or len(shared) > 1:
        return True
    if IdentityKind.GUID in shared:
        differs = bool(found.url and known.url) and not is_same_url(found.url, known.url)
    else:
        differs = bool(same_source and found.guid and known.guid)
    return not (differs and _tell_different_stories(found, known))


def headline_is_enough(found: FoundStory, known: FoundStory) -> bool:
    """Tell whether an equal headline makes a found story the known one.

    "Weather" and "Letters" return every day, so two stories that each have a guid, or each an
    address, are told apart by these. The headline decides when they have no kind of name in common
    (a headline of a river has none at all), and when the text is word for word the same: then the
    site has moved, and guids and paths with it.
    """
    can_compare = bool(found.guid and known.guid) or bool(found.url and known.url)
    return not can_compare or _is_same_text(found, known)


def url_keys(url: str, *, same_hosts: Sequence[str] = ()) -> tuple[IdentityKey, ...]:
    """Give the keys of a story's address; none when it names no story."""
    values = _urls(url, _folded_hosts(tuple(same_hosts)))
    return tuple(IdentityKey(IdentityKind.URL, "", _hash(value)) for value in values)


def guid_keys(guid: str, *, source: str, same_hosts: Sequence[str] = ()) -> tuple[IdentityKey, ...]:
    """Give the keys of a guid within its source."""
    values = _guids(guid, _folded_hosts(tuple(same_hosts)))
    return tuple(IdentityKey(IdentityKind.GUID, source, _hash(value)) for value in values)


def canonical_url(url: str) -> str:
    """Write an address so that two spellings of the same one are equal; "" when it names no story.

    http is https, `www.` is no part of the host, and marks of the reader's way (campaigns,
    sessions, AMP) are no part of the address. A site's front page names no story.
    """
    address = _address(url)
    return f"https://{address.host}{address.rest}" if address else ""


def is_same_url(one: str | None, other: str | None) -> bool:
    """Tell whether two addresses are two spellings of one that names a story."""
    return bool(one and other) and (
        one == other or canonical_url(one or "") == canonical_url(other or "") != ""
    )


def is_same_guid(one: str | None, other: str | None) -> bool:
    """Tell whether two guids name the same story of one source."""
    return one == other or _guids(one, ()) == _guids(other, ())


def without_session(url: str) -> str:
    """Give an address without a session id that is one beyond doubt: for the link we mail."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    items = parts.query.split("&")
    kept = [item for item in items if not _SESSION.fullmatch(_name(item))]
    path = _without_session(parts.path)
    if kept == items and path == parts.path:
        return url
    return urlunsplit(parts._replace(path=path, query="&".join(kept)))


def folded_headline(headline: str) -> str:
    """Fold a headline to its words: case, quotes, dots of U.S., punctuation and spaces are gone."""
    text = unicodedata.normalize("NFKC", one_line(headline)).casefold()
    text = _ABBREVIATION.sub(lambda found: found[0].replace(".", ""), text)
    # An apostrophe joins ("site's"), any other sign parts: "11%" and "11 %", "a–b" and "a - b".
    text = re.sub("['`\u2018\u2019\u02bc\u00b4]", "", text)
    if not text.isascii():
        text = "".join(character if _is_word(character) else " " for character in text)
        return " ".join(text.split()) or one_line(headline)
    return " ".join(_NO_WORD.sub(" ", text).split()) or one_line(headline)


def searchable(text: str) -> str:
    """Fold a text for looking words up in it: case, accents and the shapes of quotes are gone."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold()).translate(_PLAIN)
    return text.casefold()


class _PlainLetters(dict[int, str | None]):
    """What is left of each character; worked out when it is first met, and kept for alphabets."""

    def __missing__(self, code: int) -> str | None:
        plain = None if unicodedata.combining(chr(code)) else chr(code)
        if code < _IDEOGRAPHS:
            self[code] = plain
        return plain


_IDEOGRAPHS = 0x2E80
_PLAIN = _PlainLetters(
    (ord(sign), plain)
    for plain, signs in {
        "'": "\u2018\u2019\u02bc\u00b4`",
        '"': "\u201c\u201d\u201e\u00ab\u00bb",
        "-": "\u2010\u2011\u2012\u2013\u2014\u2212",
        "o": "\u00f8",
        "l": "\u0142",
        "d": "\u0111",
        "h": "\u0127",
        "i": "\u0131",
        "t": "\u0167",
    }.items()
    for sign in signs
)
_NO_WORD = re.compile("[^0-9a-z]+")


@dataclass(frozen=True, slots=True)
class _Address:
    """A canonical address in two: the host may stand for others, the rest (port, path) not."""

    host: str
    rest: str


@lru_cache(maxsize=4_096)
def _address(url: str) -> _Address | None:
    link = safe_link(url)
    if link is None:
        return None
    parts = urlsplit(link)
    port = "" if parts.port in {None, *_DEFAULT_PORTS} else f":{parts.port}"
    path = _story_path(parts.path)
    query = "&".join(_story_query(parts.query, path)) if parts.query else ""
    if not path and not query:
        return None
    return _Address(
        _folded_host(parts.hostname or ""), f"{port}{path or '/'}{'?' if query else ''}{query}"
    )


def _story_path(path: str) -> str:
    path = re.sub(r"%[0-9a-f]{2}", lambda found: found[0].upper(), path)
    path = _without_session(path).rstrip("/")
    return _AMP_PATH.sub("", path).rstrip("/")


def _without_session(path: str) -> str:
    return _SESSION_FOLDER.sub("", _SESSION_PARAMETER.sub("", path))


def _story_query(query: str, path: str) -> list[str]:
    items = [_ESCAPED_TWICE.sub("", item) for item in query.split("&")]
    kept = [item for item in items if item and not _says_nothing(item)]
    named = [item for item in kept if not _looks_like_a_session(item)]
    # On "/story.php?sid=…" alone, what looks like a session may be all that names the story.
    return named if named or not _SCRIPT.search(path) else kept


def _says_nothing(item: str) -> bool:
    name, _, value = item.partition("=")
    name = unquote(name)
    return bool(
        _TRACKING.fullmatch(name)
        or _SESSION.fullmatch(name)
        or _AMP_NAMED.fullmatch(item)
        or (_REFERRER.fullmatch(name) and _REFERRERS.fullmatch(value))
    )


def _looks_like_a_session(item: str) -> bool:
    name, _, value = item.partition("=")
    if name == "s":
        return _SESSION_OF_A_FORUM.fullmatch(value) is not None
    return bool(_OFTEN_SESSION.fullmatch(unquote(name)) and _SESSION_VALUE.fullmatch(value))


def _folded_host(host: str) -> str:
    return _WWW.sub("", host.lower().rstrip("."))


@lru_cache(maxsize=64)
def _folded_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    links = (safe_link(f"https://{host}/") for host in hosts)
    return tuple(
        dict.fromkeys(_folded_host(urlsplit(link).hostname or "") for link in links if link)
    )


def _urls(url: str | None, group: tuple[str, ...]) -> list[str]:
    address = _address(url) if url else None
    if address is None:
        return []
    hosts = (address.host, *group) if address.host in group else (address.host,)
    return [f"https://{host}{address.rest}" for host in dict.fromkeys(hosts)]


def _guids(guid: str | None, group: tuple[str, ...]) -> list[str]:
    guid = one_line(guid or "")
    if guid.lower().startswith(("http://", "https://")) and (urls := _urls(guid, group)):
        # Behind the # some programs number the stories of one page.
        _, mark, fragment = guid.partition("#")
        return [f"{url}{mark}{fragment}" for url in urls]
    return [guid] if guid else []


def _guid_key(story: FoundStory, source: str) -> IdentityKey | None:
    return next(iter(guid_keys(story.guid or "", source=source)), None)


def _shared(named: Iterable[tuple[IdentityKey, str]]) -> frozenset[IdentityKey]:
    headlines: dict[IdentityKey, set[str]] = {}
    for key, headline in named:
        headlines.setdefault(key, set()).add(headline)
    return frozenset(
        key for key, names in headlines.items() if len(set(map(folded_headline, names))) > 1
    )


def _tell_different_stories(found: FoundStory, known: FoundStory) -> bool:
    one, other = _words(found), _words(known)
    fewer = min(len(one), len(other))
    return fewer >= _ENOUGH_WORDS and len(one & other) < _HARDLY_ANY_SHARED * fewer


def _words(story: FoundStory) -> frozenset[str]:
    opening = story.standfirst or story.body_text[:_OPENING]
    return terms_of(f"{story.headline} {opening}", language=story.language)


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _is_same_text(found: FoundStory, known: FoundStory) -> bool:
    texts = (found.standfirst, found.body_text)
    return any(texts) and texts == (known.standfirst, known.body_text)


def _name(item: str) -> str:
    return unquote(item.partition("=")[0])


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
