"""Pure. A web page from its bytes: decoded, held against limits, opened as a tree of elements.

A library written in C walks the tree, in time that a page can be built to stretch: by the square of
a tag's attributes, by the depth of its tags. So a first look, linear in the length, refuses such
pages and takes out what is no text: scripts, styles, comments. JSON-LD and styles are kept apart.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import lxml.etree
import lxml.html

from digest.errors import SourceError
from digest.sources.cleaning import one_line, safe_link, word_set

MAX_BYTES = 5_000_000
MAX_TAGS = 200_000
"""Comments and declarations included."""
MAX_ATTRIBUTES = 200
"""Of one tag: the parser compares each with all before it."""
MAX_DEPTH = 250
"""At 256 the parser stops reading."""
_MAX_METAS = 2_000
_MAX_VALUES = 50
_MAX_VALUE = 10_000
_MAX_SCRIPTS = 50
_MAX_DATA = 1_000_000
"""Characters of JSON-LD in all; a long live report has a tenth of that."""
_MAX_STYLES = 200_000
_HEAD_BYTES = 4_096
_LONGEST_NAME = 100

_SPACE = " \t\n\r\f"
_ATTRIBUTE = (
    rf"[{_SPACE}/]*+[^{_SPACE}/>][^{_SPACE}/>=]*+"
    rf"(?:[{_SPACE}]*+=[{_SPACE}]*+(?:\"[^\"]*+\"?|'[^']*+'?|[^{_SPACE}>\"'][^{_SPACE}>]*+)?)?+"
)
_TAG = re.compile(
    rf"<(/?)([a-zA-Z][^{_SPACE}/>]*+)((?:{_ATTRIBUTE}){{0,{MAX_ATTRIBUTES}}}+)[{_SPACE}/]*+(>|\Z)?"
)
_OPENING = re.compile(r"<(?=[a-zA-Z!?/])")
_COMMENT_END = re.compile(r"--!?>")
_RAW = word_set("script style textarea xmp iframe noembed noframes title")
"""Elements whose inside is no markup: it ends only at their own closing tag."""
_RAW_END = {name: re.compile(rf"</{name}(?=[{_SPACE}/>]|\Z)", re.IGNORECASE) for name in _RAW}
_JSON_LD = re.compile(r"type\s*=\s*[\"']?\s*application/ld\+json", re.IGNORECASE)

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(r"^\s*<\?xml[^<>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_HTML_LANGUAGE = re.compile(
    r"<html\b[^<>]{0,2000}?\blang\s*=\s*[\"']?\s*([a-zA-Z]{2,3})", re.IGNORECASE
)
_META = re.compile(r"<meta\b[^<>]{0,1000}>", re.IGNORECASE)
# The encodings of the WHATWG list that Python has; a name like "utf-7" would hide markup.
_ENCODING = re.compile(
    r"utf-8|windows-(?:125[0-8]|874)|iso-8859-(?:[2-8]|1[0-6])|koi8-[ru]|macintosh|mac-cyrillic"
    r"|ibm866|gb18030|big5|euc-jp|iso-2022-jp|cp932|cp949"
)
_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            word_set("iso-8859-1 latin1 latin-1 ascii us-ascii cp1252"), "windows-1252"
        ),
        **dict.fromkeys(word_set("iso-8859-9 latin5 cp1254"), "windows-1254"),
        **dict.fromkeys(word_set("utf8 utf-16 utf-16le utf-16be unicode"), "utf-8"),
        **dict.fromkeys(word_set("gb2312 gbk gb_2312-80 x-gbk chinese"), "gb18030"),
        **dict.fromkeys(word_set("shift_jis shift-jis sjis x-sjis windows-31j"), "cp932"),
        **dict.fromkeys(word_set("euc-kr ks_c_5601-1987 korean ksc5601"), "cp949"),
        **dict.fromkeys(word_set("cp1251 win-1251"), "windows-1251"),
        **dict.fromkeys(word_set("iso-8859-11 tis-620"), "windows-874"),
        **dict.fromkeys(word_set("big5-hkscs x-x-big5 cn-big5"), "big5"),
    }
)
_BY_LANGUAGE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(word_set("ru uk be bg sr mk kk"), "windows-1251"),
        **dict.fromkeys(word_set("pl cs sk hu sl hr ro sq"), "windows-1250"),
        **dict.fromkeys(word_set("lt lv et"), "windows-1257"),
        "el": "windows-1253", "tr": "windows-1254", "he": "windows-1255", "ar": "windows-1256",
        "fa": "windows-1256", "vi": "windows-1258", "th": "windows-874", "ja": "cp932",
        "ko": "cp949", "zh": "gb18030",
    }
)  # fmt: skip
"""What old pages in a language are written in when they name nothing, as browsers guess."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page opened: its elements without scripts, styles and comments, and those two apart."""

    root: lxml.html.HtmlElement
    base: str
    """What its relative links are relative to; "" when nothing absolute is known."""
    data: tuple[str, ...] = ()
    """The texts of its JSON-LD scripts."""
    styles: str = ""
    is_cut: bool = False
    """Its tags are nested so deeply that the parser gave up: the rest of it is missing."""


def open_page(content: bytes, *, address: str, content_type: str = "") -> WebPage:
    """Open a page; `address` is where it came from, `content_type` may tell its encoding.

    Raises SourceError for what is empty, larger than 5 MB, or built to hurt.
    """
    if len(content) > MAX_BYTES:
        raise refusal(address, f"larger than {MAX_BYTES // 1_000_000} MB", "Name a smaller page.")
    swept = _sweep(decode_page(content, content_type), address)
    parser = lxml.html.HTMLParser(
        encoding="utf-8", huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = lxml.html.document_fromstring(swept.text.encode("utf-8", "replace"), parser=parser)
    except (lxml.etree.LxmlError, ValueError, AssertionError) as error:
        raise refusal(
            address, "the page is empty", "Open the address in a browser; look what it shows."
        ) from error
    return WebPage(
        root, _base(root, address), tuple(swept.data), "\n".join(swept.styles), _is_cut(root)
    )


def refusal(address: str, cause: str, hint: str) -> SourceError:
    """Say why a page is not read."""
    return SourceError(f"page: {one_line(address)[:_MAX_VALUE]}: {cause}", hint=hint)


def metas(root: lxml.html.HtmlElement) -> dict[str, list[str]]:
    """Give what the page's meta elements say, by their property, name or itemprop in lower case."""
    found: dict[str, list[str]] = {}
    for element, _ in zip(root.iter("meta"), range(_MAX_METAS), strict=False):
        content = element.get("content")
        if content is None:
            continue
        for kind in ("property", "name", "itemprop", "http-equiv"):
            for name in (element.get(kind) or "")[:_LONGEST_NAME].lower().split():
                values = found.setdefault(name, [])
                if len(values) < _MAX_VALUES:
                    values.append(content[:_MAX_VALUE])
    return found


def links(root: lxml.html.HtmlElement, rel: str) -> Iterator[lxml.html.HtmlElement]:
    """Give the page's link elements of this relation."""
    for element, _ in zip(root.iter("link"), range(_MAX_METAS), strict=False):
        if rel in (element.get("rel") or "").lower().split():
            yield element


def text_of_element(element: lxml.html.HtmlElement) -> str:
    """Give the words inside an element, in one line."""
    return one_line("".join(_texts(element)))


def _texts(element: lxml.html.HtmlElement) -> Iterator[str]:
    left = _MAX_VALUE
    for text in element.itertext():
        yield text[:left]
        left -= len(text)
        if left <= 0:
            return


def decode_page(content: bytes, content_type: str = "") -> str:
    """Decode a page by mark, by what its bytes are, header, meta, or the guess of its language.

    Bytes that are UTF-8 are read so, whatever is declared: no other text looks like it by chance.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace").replace("\0", "")
    return _decoded(content, content_type).replace("\0", "")


def _decoded(content: bytes, content_type: str) -> str:
    head = content[:_HEAD_BYTES].decode("latin-1")
    named = list(_declared(head, content_type))
    if "iso-2022-jp" not in named:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    if named[:1] == ["utf-8"]:
        text = content.decode("utf-8", "replace")
        if 2 * text.count("\ufffd") < sum(letter > "\x7f" for letter in text):
            return text  # cut or patched somewhere, but what it says
    for name in (*named, _guess(head)):
        if name == "utf-8":
            continue
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    return content.decode("windows-1252", "replace")


def _declared(head: str, content_type: str) -> Iterator[str]:
    written = [found[1] for found in _CHARSET.finditer(content_type[:500])]
    written += [found[1] for tag in _META.findall(head) for found in _CHARSET.finditer(tag)]
    written += [found[1] for found in [_XML_ENCODING.match(head)] if found]
    for name in written:
        known = _ALIASES.get(name.lower(), name.lower())
        if _ENCODING.fullmatch(known):
            yield known


def _guess(head: str) -> str:
    found = _HTML_LANGUAGE.search(head)
    return _BY_LANGUAGE.get(found[1].lower()[:2], "windows-1252") if found else "windows-1252"


class _Sweep:
    """What is left of a page's text, and what was taken out of it."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.data: list[str] = []
        self.styles: list[str] = []
        self._room = {"script": _MAX_DATA, "style": _MAX_STYLES}

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def take(self, name: str, attributes: str, inside: str) -> None:
        """Take in what stands inside a raw element, where it is of use."""
        if name == "title":
            self.pieces += ("<title>", inside.replace("<", "&lt;"), "</title>")
        kept = self.data if name == "script" else self.styles
        is_meant = name == "style" or (name == "script" and _JSON_LD.search(attributes))
        if is_meant and len(kept) < _MAX_SCRIPTS and len(inside) <= self._room[name]:
            kept.append(inside)
            self._room[name] -= len(inside)


def _sweep(text: str, address: str) -> _Sweep:
    """Take out what is no text, and hold the tags against the limits; linear in the length."""
    swept, place, tags = _Sweep(), 0, 0
    never_closed: set[str] = set()
    while found := _OPENING.search(text, place):
        swept.pieces.append(text[place : found.start()])
        tag = _TAG.match(text, found.start())
        tags += 1
        _hold_to_limits(tag, tags, address)
        if tag is None:
            place = _after_remark(text, found.start())
            continue
        place, name = tag.end(), tag[2].lower()
        if name not in _RAW:
            swept.pieces.append(tag[0])
        elif not tag[1] and name not in never_closed:
            end = _RAW_END[name].search(text, place)
            if end is None and name == "title":
                never_closed.add(name)  # or each would be looked for up to the end
                continue
            swept.take(name, tag[3], text[place : end.start() if end else len(text)])
            place = end.start() if end else len(text)
    swept.pieces.append(text[place:])
    return swept


def _hold_to_limits(tag: re.Match[str] | None, tags: int, address: str) -> None:
    if tag is not None and tag[4] is None:
        cause = f"a tag with more than {MAX_ATTRIBUTES} attributes"
    elif tags > MAX_TAGS:
        cause = f"more than {MAX_TAGS:,} tags"
    else:
        return
    raise refusal(address, cause, "Real pages do not look like this; check it.")


def _after_remark(text: str, begin: int) -> int:
    """Give where a comment, a declaration or a closing tag without a name is over."""
    if text.startswith("<!--", begin):
        # From behind "<!", as "<!-->" is a whole comment.
        found = _COMMENT_END.search(text, begin + 2)
        return found.end() if found else len(text)
    return text.find(">", begin) + 1 or len(text)


def _base(root: lxml.html.HtmlElement, address: str) -> str:
    own = safe_link(address) or ""
    element = next(root.iter("base"), None)
    href = element.get("href") if element is not None else None
    return (safe_link(href, base=own) or own) if href else own


def _is_cut(root: lxml.html.HtmlElement) -> bool:
    last = deque(root.iter("*"), maxlen=1)[0]
    return sum(1 for _ in last.iterancestors()) >= MAX_DEPTH
