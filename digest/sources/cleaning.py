"""Pure. Foreign text and markup made harmless: one-line texts, safe HTML, paragraphs, links."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import nh3

from digest.sources.picture_choice import NamedPicture, Place, described, is_sensible

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
_SEPARATORS = re.compile("[\x1c-\x1f\x85]")
"""Controls that Python takes for spaces, and nobody else."""
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
_IMAGE_TAG = re.compile(r"<img\b([^<>]*)>", re.IGNORECASE)
_IMAGE_SOURCE = re.compile(
    r"""(?<![\w-])(data-(?:lazy-)?src|data-original|src|(?:data-)?srcset)\s*=\s*"""
    r"""(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
    re.IGNORECASE,
)
_LATE_SOURCES = ("data-src", "data-lazy-src", "data-original")
_SRCSET_CHOICE = re.compile(r"([^\s,]\S*)\s+([0-9]{1,5})w")
_WIDEST = 2_400
_BLOCK = r"p|h[2-6]"
_EMPTY = r"(?:\s|&nbsp;|<p>(?:\s|&nbsp;|<br>)*</p>)*"
_MOST_EMPTY = 20
_FIRST_BLOCK = re.compile(rf"{_EMPTY}<({_BLOCK})>")
_LAST_BLOCK = re.compile(rf"</({_BLOCK})>$")


@dataclass(frozen=True, slots=True)
class CleanBody:
    """A body made safe: HTML to show, its paragraphs, its picture (link and description).

    The picture is the first one of a sensible size: no counter, emoji or portrait of the writer.
    """

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
    if "<" not in text or ">" not in text:
        return " ".join(text.split())
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
    keeps its words only. Pictures that a script would load when they are scrolled to are loaded.
    """
    cut, was_cut = _cut(markup)
    cut = _IMAGE_TAG.sub(_loaded, _SEPARATORS.sub(" ", _UNSEEN.sub("", cut)))
    is_hard = _depth(cut) > MAX_HTML_DEPTH or cut.count("&") > _MAX_AMPERSANDS
    safe = "" if is_hard else _cleaner(base).clean(cut)
    if is_hard or len(safe) > 4 * MAX_HTML_BYTES:
        words = tuple(text for text in (_words_of(cut),) if has_words(text))
        return CleanBody(paragraphs_to_html(words), words, None, was_cut)
    reader = _Paragraphs()
    reader.feed(safe)
    reader.close()
    return CleanBody(safe.strip(), reader.paragraphs(), reader.image, was_cut)


def without_paragraphs(body: CleanBody, *, first: int = 0, last: int = 0) -> CleanBody:
    """Cut paragraphs from both ends of the HTML and the text, or give the body back as it is.

    Only plain `<p>` and headings are cut: both forms must keep saying the same.
    """
    begin, end = 0, len(body.html)
    for _ in range(first):
        begin = _end_of_first(body.html, begin)
    for _ in range(last):
        end = _begin_of_last(body.html, end)
    if not (first or last) or begin < 0 or end < begin:
        return body
    rest = clean_body(body.html[begin:end])
    if rest.paragraphs != body.paragraphs[first : len(body.paragraphs) - last]:
        return body
    return CleanBody(rest.html, rest.paragraphs, body.image, body.was_cut)


def _end_of_first(markup: str, begin: int) -> int:
    found = _FIRST_BLOCK.match(markup, begin) if begin >= 0 else None
    close = f"</{found[1]}>" if found else ""
    end = markup.find(close, found.end()) if found else -1
    return -1 if end < 0 or "<img" in markup[begin:end] else end + len(close)


def _begin_of_last(markup: str, end: int) -> int:
    text = _without_empty_end(markup[: max(end, 0)])
    found = _LAST_BLOCK.search(text[-_LONGEST_BREAK:])
    begin = text.rfind(f"<{found[1]}>") if found else -1
    return -1 if begin < 0 or "<img" in text[begin:] else begin


def _without_empty_end(markup: str) -> str:
    text = markup.rstrip()
    for _ in range(_MOST_EMPTY):
        begin = text.rfind("<p>") if text.endswith("</p>") else -1
        if begin < 0 or text[begin + 3 : -4].replace("&nbsp;", "").replace("<br>", "").strip():
            break
        text = text[:begin].rstrip()
    return text


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


def _words_of(markup: str) -> str:
    return without_tags(one_line(html.unescape(without_tags(markup))))


def _loaded(found: re.Match[str]) -> str:
    """Give a picture its address when only a script or the browser's choice would."""
    named: dict[str, str] = {}
    for source in _IMAGE_SOURCE.finditer(found[1]):
        named.setdefault(source[1].lower(), source[2] or source[3] or source[4] or "")
    url = next((named[name] for name in _LATE_SOURCES if named.get(name)), "")
    written = named.get("src", "")
    if not url and (not written or written.startswith("data:")):
        url = _widest(named.get("srcset") or named.get("data-srcset") or "")
    if not url or url == written:
        return found[0]
    # Of two attributes of one name the first counts.
    return f'<img src="{url.replace(chr(34), "%22")}" {found[1]}>'


def _widest(choices: str) -> str:
    """Choose from a `srcset` the widest picture that a mail can use."""
    widths: dict[int, str] = {int(width): url for url, width in _SRCSET_CHOICE.findall(choices)}
    if fit := [width for width in widths if width <= _WIDEST]:
        return widths[max(fit)]
    return next(iter(choices.split()), "").rstrip(",")


@lru_cache(maxsize=16)
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
        alt = described(one_line(attributes.get("alt", "")))
        width, height = (_pixels(attributes.get(side, "")) for side in ("width", "height"))
        named = NamedPicture(
            attributes.get("src", ""), Place.BODY, alt=alt, width=width, height=height
        )
        if named.url and is_sensible(named):
            self.image = named.url, alt

    def paragraphs(self) -> tuple[str, ...]:
        folded = (one_line(text) for text in _BREAK.split("".join(self._pieces)))
        return tuple(text for text in folded if has_words(text))


def _pixels(written: str) -> int:
    """Give a side in pixels: `0` and `1` mean a counter, nothing means unknown."""
    return max(1, int(written[:5])) if written else 0
