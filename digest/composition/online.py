"""Pure. The approved letter as a page of the site: its words, links and pictures, no mail layout.

A letter is built of tables and inline styles, because mail programs ask for them. A page needs
neither. What is left after they are taken off is by construction what was approved: the same
elements in the same order, nothing written anew. Only what belongs to the mail goes: its masthead
and foot, for which the page has its own, the hidden words for the inbox and the farewell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import lxml.html
from lxml.html import HtmlElement
from markupsafe import Markup, escape

from digest.composition.links import safe_link
from digest.composition.model import Composition
from digest.composition.text import clean
from digest.composition.wire import read_online

_KEPT = frozenset(
    {
        *("h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "blockquote", "hr", "br"),
        *("a", "b", "strong", "i", "em", "span", "small", "sub", "sup"),
    }
)
_INLINE = frozenset({"a", "b", "strong", "i", "em", "span", "small", "sub", "sup", "img"})
_VOID = frozenset({"br", "hr"})
_LOST = frozenset(
    {
        "head",
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "form",
        "button",
        "svg",
        "math",
    }
)
"""Elements that no letter has with words in them."""
_OF_THE_MAIL = frozenset({"band", "logo", "name", "meta", "close", "after", "below"})
"""Classes of the masthead, the farewell and the foot in templates/mail/_base."""
_BOXES = {
    "st": "article",
    **dict.fromkeys(("words", "rel", "paid", "day", "rank", "ranked"), "div"),
}
"""Cells and tables that mean something, by their class, and what they are on a page."""
_STYLED = frozenset(
    {
        *("hl", "editor", "more", "sign", "today", "index", "line", "photo", "shot", "cap"),
        *("lead", "bare", "week", "weeklead", "stand", "note", "also", "listen", "label", "head"),
        *("text", "rows", "last", "tap", "sponsor", "spons", "relhead"),
        *("relline", "month", *_BOXES),
    }
)
_HEADLINES = frozenset({"lead", "weeklead", "head"})
_MOST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Headline:
    """The words of a story's headline, and its language when it is not the letter's."""

    words: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a list of editions says of a letter, in the letter's own words."""

    title: Headline
    """What it is known by: its week, else its first story."""
    also: tuple[Headline, ...] = ()
    """The stories after the one that gave the title."""
    counts: tuple[str, ...] = ()
    """As "12 stories" and "4 min"."""


@dataclass(frozen=True, slots=True)
class OnlineLetter:
    """What a page shows of a letter; `body` is HTML without scripts, styles and forms."""

    contents: Contents
    has_heading: bool
    """Whether `body` has the heading of the page (h1) in it."""
    body: Markup


def read_contents(composition: Composition) -> Contents:
    """Tell what a letter holds; of one not built as ours are, its lines for the inbox."""
    found = _contents(lxml.html.document_fromstring(read_online(composition)))
    if found is not None:
        return found
    words = clean(composition.preheader)
    return Contents(Headline(composition.subject), (Headline(words),) if words else ())


def read_letter(composition: Composition, *, pictures: tuple[str, str]) -> OnlineLetter | None:
    """Take the mail's layout off a letter; None for one that is not built as ours are.

    `pictures` are the beginning of our own pictures' addresses, and what stands for it on a page.
    """
    root = lxml.html.document_fromstring(read_online(composition))
    contents = _contents(root)
    if contents is None:
        return None
    headings = [each for each in root.iter("h1") if "paper" not in _classes(each)]
    return OnlineLetter(
        contents=contents,
        has_heading=bool(headings),
        body=Markup("".join(_written(root, pictures))),  # noqa: S704 - each piece is escaped or ours
    )


def _contents(root: HtmlElement) -> Contents | None:
    meta = root.find_class("meta")
    headlines = tuple(_headlines(root))
    if not meta or not headlines:
        return None
    week = next((Headline(_words(each)) for each in root.find_class("week")), None)
    return Contents(
        title=week or headlines[0],
        also=headlines if week else headlines[1:],
        counts=_counts(meta),
    )


def _headlines(root: HtmlElement) -> Iterator[Headline]:
    """Give the headlines in their order: of stories, and of the lines of lists."""
    for element in root.iter("h1", "h3", "li"):
        in_list = element.tag == "li" and _classes(element.getparent()) & {"rows"}
        if in_list or _classes(element) & _HEADLINES:
            yield Headline(_words(element), _language(element))


def _language(headline: HtmlElement) -> str | None:
    """Give the language a headline says it is in: itself, its link, or the cell it stands in."""
    inside = [each for each in headline.iter("a", "span") if each.get("lang")]
    around = (each for each in headline.iterancestors() if each.tag in {"td", "li"})
    said = (each.get("lang") for each in (headline, *inside, next(around, headline)))
    return next(filter(None, said), None)


def _counts(meta: Iterable[HtmlElement]) -> tuple[str, ...]:
    side = [_words(cell) for cell in meta if "side" in _classes(cell)]
    return tuple(part for part in "".join(side[:1]).split(" · ") if part)


def _written(element: HtmlElement, pictures: tuple[str, str]) -> Iterator[str]:
    """Write an element and what is in it, as a page has it."""
    if not isinstance(element.tag, str) or _is_lost(element):
        return
    if element.tag == "img":
        yield _picture(element, pictures)
        return
    opened = _page_tag(element)
    if not opened:
        yield from _inside(element, pictures)
        return
    yield f"<{opened}{_attributes(element, opened)}>"
    if opened not in _VOID:
        yield from _inside(element, pictures)
        yield f"</{opened}>"


def _inside(element: HtmlElement, pictures: tuple[str, str]) -> Iterator[str]:
    yield str(escape(element.text or ""))
    for child in element:
        yield from _written(child, pictures)
        yield str(escape(child.tail or ""))


def _is_lost(element: HtmlElement) -> bool:
    hidden = "display:none" in element.get("style", "").replace(" ", "").lower()
    return hidden or element.tag in _LOST or bool(_classes(element) & _OF_THE_MAIL)


def _page_tag(element: HtmlElement) -> str:
    """Tell what an element is on the page; "" when only what is in it stands there."""
    if element.tag == "a" and _address(element) is None:
        return "span"
    if element.tag in _KEPT:
        return str(element.tag)
    meant = next((_BOXES[name] for name in _BOXES if name in _classes(element)), "")
    if meant or element.tag in {"html", "body", "table", "tbody", "tr"}:
        return meant
    # A cell with words of its own must not run into the words of the next one.
    holds_words = (element.text or "").strip() or any(
        child.tag in _INLINE or (child.tail or "").strip() for child in element
    )
    return "div" if holds_words else ""


def _attributes(element: HtmlElement, tag: str) -> str:
    given = {
        "class": " ".join(name for name in element.get("class", "").split() if name in _STYLED),
        "lang": element.get("lang", ""),
        "dir": element.get("dir", ""),
        "href": (_address(element) or "") if tag == "a" else "",
    }
    return "".join(f' {name}="{escape(value)}"' for name, value in given.items() if value)


def _picture(element: HtmlElement, pictures: tuple[str, str]) -> str:
    ours, here = pictures
    source = safe_link(element.get("src"))
    if source is None:
        return ""
    if source.startswith(ours):
        source = here + source.removeprefix(ours)
    sizes = "".join(
        f' {side}="{value}"' for side in ("width", "height") if _is_size(value := element.get(side))
    )
    name = " ".join(_classes(element) & _STYLED)
    styled = f' class="{name}"' if name else ""
    described = escape(element.get("alt", ""))
    return f'<img{styled} src="{escape(source)}"{sizes} alt="{described}">'


def _address(element: HtmlElement) -> str | None:
    return safe_link(element.get("href"))


def _is_size(value: str | None) -> bool:
    return value is not None and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS


def _classes(element: HtmlElement | None) -> frozenset[str]:
    return frozenset() if element is None else frozenset(element.get("class", "").split())


def _words(element: HtmlElement) -> str:
    return clean(str(element.text_content()))
