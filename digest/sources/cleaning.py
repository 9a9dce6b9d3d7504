"""Pure. Foreign text and markup made harmless: one-line texts, safe HTML, paragraphs, links."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import nh3

MAX_HTML_BYTES = 256 * 1024
MAX_HTML_DEPTH = 30
_MAX_AMPERSANDS = 20_000
MAX_LINK_CHARACTERS = 2_000
_MAX_LINE_CHARACTERS = 20_000
_MAX_HOST_CHARACTERS = 253

# Controls, surrogates, byte order marks, and the marks that turn text around: a headline that holds
# one of the last reads otherwise in an inbox than on the desk.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff"
    "\u202a-\u202e\u2066-\u2069]"
)
_TAG_START = re.compile(r"<[A-Za-z/!?]")
_BREAKING_TAG = re.compile(r"</?(?:br|p|div|h[1-6]|li|td|tr)\b", re.IGNORECASE)
_LONGEST_BREAK = len("</div>")
_OPENED = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_BREAK = re.compile(r"\n\s*\n")
_STILL_ESCAPED = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[mn]dash|hellip|#x?[\da-f]+);"
)


def word_set(words: str) -> frozenset[str]:
    """Give the words of a text as a set, for the lists of names that rules are made of."""
    return frozenset(words.split())


_BLOCKS = word_set(
    "address article aside blockquote dd div dl dt figure footer h1 h2 h3 h4 h5 h6 header hr li"
    " main nav ol p pre section table td th tr ul"
)
_CLOSED_BY_THE_NEXT = word_set("p li dd dt tr td th option")
_VOID = word_set("area base br col embed hr img input link meta source track wbr")
_DROPPED_WITH_TEXT = word_set(
    "audio canvas iframe math noscript object script select style svg template textarea title video"
)
_CLEANER_TAGS = word_set(
    "a abbr b blockquote br cite code dd del div dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img"
    " ins li ol p pre q s small span strong sub sup table tbody td th thead tr u ul"
)
_CLEANER_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "width", "height"}}


@dataclass(frozen=True, slots=True)
class CleanBody:
    """A body made safe: HTML to show, its paragraphs, its first picture (link and description)."""

    html: str = ""
    paragraphs: tuple[str, ...] = ()
    image: tuple[str, str] | None = None
    was_cut: bool = False

    @property
    def text(self) -> str:
        """Give the paragraphs separated by blank lines."""
        return "\n\n".join(self.paragraphs)


def one_line(text: str) -> str:
    """Fold whitespace and drop controls, surrogates and direction overrides; quotes stay."""
    return " ".join(_UNSEEN.sub("", text).split())


def has_words(text: str) -> bool:
    """Tell whether anything in it can be seen: not only marks and empty spaces."""
    return any(unicodedata.category(character)[0] not in "CZ" for character in text)


def plain_line(markup: str, *, escaped: bool = True) -> str:
    """Give the words of a headline or name: no tags, no entities, one line.

    `escaped` says that entities in it are to be resolved (RSS, and Atom's html), once more if
    somebody escaped twice. What still looks like a tag afterwards goes too.
    """
    text = without_tags(one_line(markup[:_MAX_LINE_CHARACTERS]))
    if escaped:
        text = html.unescape(text)
        if _STILL_ESCAPED.search(text):
            text = html.unescape(text)
        text = without_tags(one_line(text))
    return text if has_words(text) else ""


def without_tags(text: str) -> str:
    """Remove everything that reads as a tag, until nothing does, and fold whitespace."""
    kept: list[str] = []
    opened: list[int] = []
    # A stack, not a pattern: when "<<b>b>" loses its inner tag, the outer one must go as well.
    for character in text:
        if character == "<":
            opened.append(len(kept))
        kept.append(character)
        if character == ">" and opened:
            begin = opened.pop()
            tag = "".join(kept[begin : begin + _LONGEST_BREAK])
            if _TAG_START.match(tag):
                kept[begin:] = " " if _BREAKING_TAG.match(tag) else ""
    return " ".join("".join(kept).split())


def clean_body(markup: str, *, base: str = "") -> CleanBody:
    """Make a body safe to show and to mail: allowed tags, http links made absolute, paragraphs.

    More than 256 KB is cut; nesting deeper than 30, which the cleaner takes quadratic time for,
    keeps its words only.
    """
    cut, was_cut = _cut(markup)
    cut = _UNSEEN.sub("", cut)
    is_hard = _depth(cut) > MAX_HTML_DEPTH or cut.count("&") > _MAX_AMPERSANDS
    safe = "" if is_hard else _cleaner(base).clean(cut)
    if is_hard or len(safe) > 4 * MAX_HTML_BYTES:
        safe = _words_only(cut)
    reader = _Paragraphs()
    reader.feed(safe)
    reader.close()
    return CleanBody(safe.strip(), reader.paragraphs(), reader.image, was_cut)


def without_first_paragraph(body: CleanBody) -> CleanBody:
    """Cut the first paragraph from the HTML and the text, or give the body back as it is.

    Only a body whose HTML begins with a plain `<p>` is cut: both forms must keep saying the same.
    """
    begin, end = body.html.startswith("<p>"), body.html.find("</p>")
    if not begin or end < 0 or "<img" in body.html[:end]:
        return body
    rest = clean_body(body.html[end + len("</p>") :])
    if rest.paragraphs != body.paragraphs[1:]:
        return body
    return CleanBody(rest.html, rest.paragraphs, rest.image, body.was_cut)


def paragraphs_to_html(paragraphs: tuple[str, ...]) -> str:
    """Give plain paragraphs as safe HTML."""
    return "".join(f"<p>{html.escape(text, quote=False)}</p>" for text in paragraphs)


def safe_link(address: str, *, base: str = "") -> str | None:
    """Give an absolute http or https address in ASCII, or None when it is not one."""
    if len(address) > MAX_LINK_CHARACTERS:
        return None
    address = one_line(address)
    if not address or "\\" in address:
        return None
    try:
        parts = urlsplit(urljoin(one_line(base), address))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        return None
    name = _ascii_host(host)
    if not name or name.startswith("[") != ("[" in parts.netloc):
        return None
    netloc = name if port is None else f"{name}:{port}"
    return urlunsplit(
        (parts.scheme, netloc, _quoted(parts.path), _quoted(parts.query), _quoted(parts.fragment))
    )


def _ascii_host(host: str) -> str:
    if ":" in host:
        return f"[{host}]" if re.fullmatch(r"[0-9a-f:.]+", host) else ""
    try:
        name = host.encode("ascii" if host.isascii() else "idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    fits = len(name) <= _MAX_HOST_CHARACTERS and re.fullmatch(r"[a-z0-9_.-]+", name)
    return name if fits and name.strip(".-") else ""


def _quoted(part: str) -> str:
    return quote(part, safe="%/:=&?~+!$,;@()*[]-._|")


def _cut(markup: str) -> tuple[str, bool]:
    raw = markup[: MAX_HTML_BYTES + 1].encode("utf-8", "ignore")
    if len(raw) <= MAX_HTML_BYTES:
        return markup, False
    return raw[:MAX_HTML_BYTES].decode("utf-8", "ignore"), True


def _depth(markup: str) -> int:
    depth = deepest = 0
    for found in _OPENED.finditer(markup):
        name = found[2].lower()
        if name in _VOID or name in _CLOSED_BY_THE_NEXT:
            continue
        depth = max(0, depth - 1) if found[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _words_only(markup: str) -> str:
    text = without_tags(one_line(html.unescape(without_tags(markup))))
    return paragraphs_to_html((text,)) if text else ""


def _cleaner(base: str) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_CLEANER_TAGS),
        clean_content_tags=set(_DROPPED_WITH_TEXT),
        attributes=_CLEANER_ATTRIBUTES,
        attribute_filter=lambda _tag, name, value: _attribute(name, value, base),
        url_schemes={"http", "https"},
        url_relative="pass_through",  # the filter has made them absolute, or dropped them
        link_rel="noopener noreferrer",
    )


def _attribute(name: str, value: str, base: str) -> str | None:
    if name in {"href", "src"}:
        return safe_link(value, base=base)
    if name in {"width", "height"}:
        return value if value.isascii() and value.isdigit() else None
    return one_line(value)


class _Paragraphs(HTMLParser):
    """Reads the cleaner's well-formed output; on anything else its time is not bounded."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._in_caption = 0
        self.image: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._pieces.append("\n\n")
        elif tag == "br":
            self._pieces.append("\n")
        elif tag == "figcaption":
            self._in_caption += 1
        elif tag == "img" and self.image is None:
            self._keep_image({name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._pieces.append("\n\n")
        elif tag == "figcaption":
            self._in_caption = max(0, self._in_caption - 1)

    def handle_data(self, data: str) -> None:
        if not self._in_caption:
            # A line break of the source is only a space; those we put in ourselves count.
            self._pieces.append(" ".join(data.split("\n")))

    def _keep_image(self, attributes: dict[str, str]) -> None:
        if attributes.get("src") and not {attributes.get("width"), attributes.get("height")} & {
            "0",
            "1",
        }:
            self.image = attributes["src"], one_line(attributes.get("alt", ""))

    def paragraphs(self) -> tuple[str, ...]:
        folded = (one_line(text) for text in _BREAK.split("".join(self._pieces)))
        return tuple(text for text in folded if has_words(text))
