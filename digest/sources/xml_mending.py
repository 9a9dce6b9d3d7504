"""Pure. Mend in a feed what browsers forgive, so that the strict parser can read it.

HTML's entities, bare ampersands and signs, prefixes nobody declared, words after the end, and an
end that never came: the stories before it are whole. Everything else is for the forgiving parser.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator

MAX_REFERENCES = 100_000
"""Of ampersands: more of them are not a publisher's slips."""

_ROOT = re.compile(r"<((?:[\w.-]{1,60}:)?(?:rss|feed|rdf))\b[^<>]{0,20000}>", re.IGNORECASE)
_REFERENCE = re.compile(
    r"&(?:#([0-9]{1,9})|#[xX]([0-9a-fA-F]{1,8})|([A-Za-z][A-Za-z0-9]{1,31}));|&"
)
_BARE = re.compile(r"<(?![A-Za-z_/!?:\u0080-\U0010ffff])")
_TAG = re.compile(r"</?([A-Za-z_][\w.-]{0,60}):[^<>]*|<[A-Za-z_][^<>]*")
_ATTRIBUTE_PREFIX = re.compile(r"\s([A-Za-z_][\w.-]{0,60}):[\w.-]+\s*=")
_DECLARED = re.compile(r"\sxmlns:([\w.-]{1,60})\s*=")
_STORY_END = re.compile(r"</(?:[\w.-]{1,60}:)?(?:item|entry)\s*>", re.IGNORECASE)
_KEPT_NAMES = frozenset({"lt", "gt", "amp", "quot", "apos"})
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>"))
_SECTION = re.compile(r"<!\[CDATA\[|<!--|<\?")
_LAST_CODE = 0x10FFFF
_SPACE_CODES = frozenset({0x9, 0xA, 0xD})

_NAMES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}


def mend(text: str) -> str:
    """Mend a decoded feed as far as that is sure; linear in its length."""
    root = _ROOT.search(text)
    if root is None or text.count("&") > MAX_REFERENCES:
        return text
    text = _with_end(text, root[1])
    pieces, prefixes = list[str](), set[str]()
    for is_prose, piece in _pieces(text):
        pieces.append(_mended(piece) if is_prose else piece)
        if is_prose:
            prefixes |= _prefixes_in(piece)
    return _with_names("".join(pieces), prefixes)


def _with_end(text: str, root: str) -> str:
    """Cut what follows the end, or end a feed that was cut off after its last whole story."""
    close = f"</{root}>"
    end = text.rfind(close)
    if end >= 0:
        return text[: end + len(close)]
    last = max((found.end() for found in _STORY_END.finditer(text)), default=0)
    is_rss = root.lower().rpartition(":")[2] == "rss"
    return text[:last] + ("</channel>" if is_rss else "") + close if last else text


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Part the markup (True) from sections that stand for themselves: CDATA, comments."""
    place = 0
    while found := _SECTION.search(text, place):
        ends = next(end for begin, end in _SECTIONS if found[0] == begin)
        stop = text.find(ends, found.end())
        if stop < 0:
            break
        yield True, text[place : found.start()]
        place = stop + len(ends)
        yield False, text[found.start() : place]
    yield True, text[place:]


def _mended(markup: str) -> str:
    return _BARE.sub("&lt;", _REFERENCE.sub(_reference, markup))


def _reference(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name in _KEPT_NAMES:
        return found[0]
    if name:
        meant = html.entities.html5.get(f"{name};")
        return "".join(f"&#{ord(sign)};" for sign in meant) if meant else f"&amp;{name};"
    if decimal or hexadecimal:
        code = int(decimal) if decimal else int(hexadecimal, 16)
        return f"&#{code};" if _is_allowed(code) else " "
    return "&amp;"


def _is_allowed(code: int) -> bool:
    if code in _SPACE_CODES:
        return True
    return 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= _LAST_CODE  # noqa: PLR2004 - XML 1.0, section 2.2


def _prefixes_in(markup: str) -> set[str]:
    found: set[str] = set()
    for tag in _TAG.finditer(markup):
        if tag[1]:
            found.add(tag[1])
        if ":" in tag[0]:
            found.update(_ATTRIBUTE_PREFIX.findall(tag[0]))
    return found


def _with_names(text: str, prefixes: set[str]) -> str:
    missing = sorted(prefixes - set(_DECLARED.findall(text)) - {"xml", "xmlns"})
    root = _ROOT.search(text)
    if not missing or root is None:
        return text
    named = "".join(
        f' xmlns:{prefix}="{_NAMES.get(prefix.lower(), f"urn:undeclared:{prefix}")}"'
        for prefix in missing
    )
    place = root.start() + 1 + len(root[1])
    return text[:place] + named + text[place:]
