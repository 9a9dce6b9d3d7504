"""Pure. How elements look: the cascade of CSS, as far as mail goes, in light, in dark, on a phone.

Properties that rules ask about are worked out; layout is not. WCAG calls for the colours a person
sees, so grounds are followed outwards and transparent colours are laid over them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from digest.checks.css_colour import BLACK, CLEAR, LINK, WHITE, Colour, read_colour
from digest.checks.selectors import Element, Selector, read_selector
from digest.checks.sheet import Declaration, Sheet, StyleRule, read_declarations

_MEDIA_FEATURE = re.compile(r"\(\s*([\w-]+)\s*(?::\s*([^)]*))?\)")
_LENGTH = re.compile(r"(-?\d*\.?\d+)(px|pt|em|rem|ex|%)?")
_FONT_SIZE = re.compile(r"(?:^|\s)(\d*\.?\d+(?:px|pt|em|rem|%))(?:/(\S+))?")
_URL = re.compile(r"url\(|gradient\(")
_PADDINGS = ("padding-top", "padding-right", "padding-bottom", "padding-left")
_PIXELS: Final = {"px": 1.0, "pt": 4 / 3, "": 1.0}
_USUAL_SIZE = 16.0
_SIZES: Final = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
}
_HEADINGS: Final = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67}
_BOLD_TAGS = frozenset({*_HEADINGS, "b", "strong", "th"})
_BLOCKS = frozenset(
    {
        *("html", "body", "div", "p", "ul", "ol", "li", "center", "blockquote", *_HEADINGS),
        *("table", "thead", "tbody", "tr", "td", "th"),
    }
)
_UNSEEN = frozenset({"head", "title", "style", "script", "meta", "link", "template"})
_BOLD = 600


class View(NamedTuple):
    """What a page is looked at with."""

    width: int
    dark: bool


LIGHT, DARK, PHONE = View(600, dark=False), View(600, dark=True), View(375, dark=False)


class Styled(Element, Protocol):
    """An element that has a look."""

    @property
    def index(self) -> int:
        """Its number in the order of the source; parents come first."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """How one element looks. Sizes are pixels."""

    colour: Colour = BLACK
    ground: Colour = WHITE
    """What is seen behind its words, opaque."""
    has_picture_behind: bool = False
    size: float = _USUAL_SIZE
    line_height: float = 1.2 * _USUAL_SIZE
    is_bold: bool = False
    is_underlined: bool = False
    is_hidden: bool = False
    display: str = "inline"
    align: str = ""
    transform: str = ""
    direction: str = "ltr"
    padding: tuple[float, float] = (0.0, 0.0)
    """Above and below."""
    border: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Laid:
    """A declaration that means an element, and how strongly."""

    weight: tuple[int, int, int]
    order: int
    declaration: Declaration


class Styles:
    """The style sheets and style attributes of one page."""

    def __init__(self, nodes: Sequence[Styled], sheets: Sequence[Sheet]) -> None:
        """Take the elements in the order of the source, and the sheets in theirs."""
        self._nodes = nodes
        self._rules = [rule for sheet in sheets for rule in sheet.rules]
        self._index: dict[str, list[Styled]] | None = None
        self._inline: dict[str, Mapping[str, str]] = {}

    def declared(self, view: View) -> list[Mapping[str, str]]:
        """Give the properties laid down for each element, shorthands taken apart, by index."""
        laid = self._laid(view)
        return [self._of_one(node, laid.get(node.index, ())) for node in self._nodes]

    def looks(self, view: View) -> Sequence[Look]:
        """Work out how each element looks, by index."""
        found: list[Look] = []
        for node, said in zip(self._nodes, self.declared(view), strict=True):
            parent = node.parent
            above = found[parent.index] if parent is not None else Look()  # type: ignore[attr-defined]
            found.append(_look(node, said, above))
        return found

    def _of_one(self, node: Styled, laid: Sequence[_Laid]) -> Mapping[str, str]:
        own = self._own(node.attributes.get("style", ""))
        if not laid:
            return own
        ordered = sorted(laid, key=lambda each: (each.weight, each.order))
        usual = (each.declaration for each in ordered if not each.declaration.is_important)
        strong = (each.declaration for each in ordered if each.declaration.is_important)
        return {**dict(_taken_apart(usual)), **own, **dict(_taken_apart(strong))}

    def _own(self, style: str) -> Mapping[str, str]:
        known = self._inline.get(style)
        if known is None:
            known = self._inline[style] = dict(_taken_apart(read_declarations(style)))
        return known

    def _laid(self, view: View) -> dict[int, list[_Laid]]:
        laid: dict[int, list[_Laid]] = {}
        for order, rule in enumerate(self._rules):
            if not all(applies(each, view) for each in rule.within):
                continue
            for node, weight in self._meant(rule):
                mine = laid.setdefault(node.index, [])
                mine.extend(_Laid(weight, order, each) for each in rule.declarations)
        return laid

    def _meant(self, rule: StyleRule) -> Iterator[tuple[Styled, tuple[int, int, int]]]:
        strongest: dict[int, tuple[Styled, tuple[int, int, int]]] = {}
        for selector in filter(None, map(read_selector, rule.selectors)):
            for node in self._candidates(selector):
                known = strongest.get(node.index)
                if (known is None or known[1] < selector.specificity) and selector.means(node):
                    strongest[node.index] = node, selector.specificity
        yield from strongest.values()

    def _candidates(self, selector: Selector) -> Iterable[Styled]:
        if self._index is None:
            self._index = _indexed(self._nodes)
        last = selector.last
        if last.classes:
            return self._index.get(f".{min(last.classes)}", ())
        return self._index.get(last.tag, ()) if last.tag else self._nodes


def applies(at_rule: str, view: View) -> bool:
    """Tell whether what stands in an at-rule holds in a view; `@supports` is believed."""
    name, _, rest = at_rule.partition(" ")
    if not name.startswith("@media"):
        return name == "@supports"
    return any(_query(each.lower(), view) for each in rest.split(","))


def _query(query: str, view: View) -> bool:
    words = re.sub(r"\([^)]*\)", " ", query).split()
    holds = not {"print", "speech", "all-not"} & set(words) and all(
        _feature(name, value or "", view) for name, value in _MEDIA_FEATURE.findall(query)
    )
    return not holds if "not" in words else holds


def _feature(name: str, value: str, view: View) -> bool:
    pixels = length(value, _USUAL_SIZE)
    match name:
        case "min-width" | "min-device-width":
            return pixels is not None and view.width >= pixels
        case "max-width" | "max-device-width":
            return pixels is not None and view.width <= pixels
        case "prefers-color-scheme":
            return value.strip() == ("dark" if view.dark else "light")
        case _:
            return False


def length(text: str, size: float) -> float | None:
    """Give a length in pixels, by a font size for em and %; None for what is none."""
    found = _LENGTH.fullmatch(text.strip().lower())
    if not found:
        return None
    number, unit = float(found[1]), found[2] or ""
    if unit in {"em", "ex", "%"}:
        return number * size * {"em": 1.0, "ex": 0.5, "%": 0.01}[unit]
    return number * (_USUAL_SIZE if unit == "rem" else _PIXELS[unit])


def _indexed(nodes: Sequence[Styled]) -> dict[str, list[Styled]]:
    found: dict[str, list[Styled]] = {}
    for node in nodes:
        found.setdefault(node.tag, []).append(node)
        for each in node.classes:
            found.setdefault(f".{each}", []).append(node)
    return found


def _taken_apart(declarations: Iterable[Declaration]) -> Iterator[tuple[str, str]]:
    for each in declarations:
        match each.name:
            case "background":
                yield "background-color", _ground_of(each.value)
                yield "background-image", each.value if _URL.search(each.value) else "none"
            case "font":
                yield from _font(each.value)
            case "text-decoration" | "text-decoration-line":
                yield "text-decoration", each.value
            case "padding":
                yield from zip(_PADDINGS, _four(each.value), strict=True)
            case "border" | "border-top" | "border-bottom":
                for side in ("top", "bottom"):
                    if each.name in {"border", f"border-{side}"}:
                        yield f"border-{side}-width", each.value
            case _:
                yield each.name, each.value


def _ground_of(value: str) -> str:
    words = re.findall(r"[\w-]+\([^()]*\)|#\w+|[\w-]+", value)
    return next((word for word in words if read_colour(word) is not None), "transparent")


def _font(value: str) -> Iterator[tuple[str, str]]:
    found = _FONT_SIZE.search(value)
    if found:
        yield "font-size", found[1]
        if found[2]:
            yield "line-height", found[2]
    weight = re.search(r"\b(bold|bolder|[1-9]00)\b", value)
    yield "font-weight", weight[1] if weight else "normal"


def _four(value: str) -> tuple[str, str, str, str]:
    parts = value.split()[:4] or ["0"]
    top = parts[0]
    right = parts[1] if len(parts) > 1 else top
    bottom = parts[2] if len(parts) > 2 else top  # noqa: PLR2004 - the third of four
    return top, right, bottom, parts[3] if len(parts) > 3 else right  # noqa: PLR2004 - the fourth


def _look(node: Styled, said: Mapping[str, str], above: Look) -> Look:
    size = _size(node, said, above)
    display = said.get("display", "block" if node.tag in _BLOCKS else "inline").lower()
    return Look(
        colour=_colour(node, said, above),
        ground=_ground(node, said, above),
        has_picture_behind="url(" in said.get("background-image", "")
        or (above.has_picture_behind and not _is_opaque(said)),
        size=size,
        line_height=_line_height(said, above, size),
        is_bold=_is_bold(node, said, above),
        is_underlined=_is_underlined(node, said, above, display),
        is_hidden=above.is_hidden or _is_hidden(node, said, display),
        display=display,
        align=said.get("text-align", node.attributes.get("align", above.align)).lower(),
        transform=said.get("text-transform", above.transform).lower(),
        direction=said.get("direction", node.attributes.get("dir", above.direction)).lower(),
        padding=_pair(said, "padding-{}", size),
        border=_pair(said, "border-{}-width", size),
    )


def _size(node: Styled, said: Mapping[str, str], above: Look) -> float:
    given = said.get("font-size", "").lower()
    if not given or given in {"inherit", "unset"}:
        if node.tag in _HEADINGS:
            return above.size * _HEADINGS[node.tag]
        return above.size * 0.83 if node.tag in {"small", "sub", "sup"} else above.size
    if given in _SIZES:
        return _SIZES[given]
    found = length(given, above.size)
    return above.size if found is None else found


def _line_height(said: Mapping[str, str], above: Look, size: float) -> float:
    given = said.get("line-height", "").lower()
    if not given or given == "inherit":
        share = above.line_height / above.size if above.size else 1.2
        return above.line_height if size == above.size else size * share
    if re.fullmatch(r"\d*\.?\d+", given):
        return float(given) * size
    found = length(given, size)
    return 1.2 * size if found is None else found


def _is_bold(node: Styled, said: Mapping[str, str], above: Look) -> bool:
    given = said.get("font-weight", "").lower()
    if not given or given == "inherit":
        return above.is_bold or node.tag in _BOLD_TAGS
    return given in {"bold", "bolder"} or (given.isdecimal() and int(given) >= _BOLD)


def _is_underlined(node: Styled, said: Mapping[str, str], above: Look, display: str) -> bool:
    given = said.get("text-decoration", "").lower()
    own = "underline" in given
    if not given and node.tag in {"a", "u", "ins"}:
        own = node.tag != "a" or "href" in node.attributes
    return own or (above.is_underlined and display != "inline-block")


def _is_hidden(node: Styled, said: Mapping[str, str], display: str) -> bool:
    return (
        node.tag in _UNSEEN
        or display == "none"
        or said.get("visibility", "") == "hidden"
        or said.get("opacity", "") in {"0", "0.0"}
        or "hidden" in node.attributes
        or (said.get("overflow") == "hidden" and said.get("max-height", "") in {"0", "0px"})
    )


def _colour(node: Styled, said: Mapping[str, str], above: Look) -> Colour:
    found = read_colour(said["color"]) if "color" in said else None
    if found is None and node.tag == "font":
        found = read_colour(node.attributes.get("color", ""))
    if found is None and "color" not in said and node.tag == "a" and "href" in node.attributes:
        return LINK
    return above.colour if found is None else found


def _own_ground(node: Styled, said: Mapping[str, str]) -> Colour:
    given = said.get("background-color", node.attributes.get("bgcolor", "transparent"))
    return read_colour(given) or CLEAR


def _ground(node: Styled, said: Mapping[str, str], above: Look) -> Colour:
    return _own_ground(node, said).over(above.ground)


def _is_opaque(said: Mapping[str, str]) -> bool:
    found = read_colour(said.get("background-color", "transparent"))
    return found is not None and found.alpha >= 1


def _pair(said: Mapping[str, str], name: str, size: float) -> tuple[float, float]:
    top, bottom = (said.get(name.format(side), "0").split()[:1] for side in ("top", "bottom"))
    return _pixels(top, size), _pixels(bottom, size)


def _pixels(said: list[str], size: float) -> float:
    return (length(said[0], size) or 0.0) if said else 0.0


def words_over(look: Look) -> Look:
    """Give the look with its words' colour laid over its ground, opaque."""
    return look if look.colour.alpha >= 1 else replace(look, colour=look.colour.over(look.ground))
