"""Pure. The text of a web page without its furniture: found with care, or every paragraph."""

from __future__ import annotations

import html
import logging
import re

import lxml.etree
import lxml.html

from digest.sources.cleaning import CleanBody, clean_body, paragraphs_to_html, plain_line, word_set

MAX_ELEMENTS = 12_000
"""Of a page whose text is looked for with care; of a larger one every paragraph is taken."""
_MAX_DEPTHS = 300_000
"""Of all elements together: the search for the text takes time for each."""
_MAX_TEXT = 1_000_000
_LONGEST_CLASS = 1_000
_MOST_ATTRIBUTES = 30
_ATTRIBUTES = word_set("alt class data-src height href id itemprop role src srcset width")
_SHORT = 250
_PARAGRAPHS = frozenset({"p", "blockquote"})
_PARTS = _PARAGRAPHS | {"h2", "h3", "li", "figure"}
_FURNITURE = word_set("nav header footer aside form button select dialog")
_TAG = re.compile(r"<[^<>]*>")
_INDENT = re.compile(r"(?<=>)\n +(?=<)")


def main_text(root: lxml.html.HtmlElement) -> tuple[str, bool]:
    """Find the page's own text among its furniture, as HTML that is not clean yet.

    And whether it could be looked for with care; of too large a page every paragraph is given. The
    tree loses what would mislead the search, or only cost it time.
    """
    _lighten(root)
    if not _is_light(root):
        return _all_paragraphs(root), False
    found = _searched(root)
    if len(" ".join(_TAG.sub("", found).split())) < _SHORT:
        return _all_paragraphs(root), True
    return found, True


def _searched(root: lxml.html.HtmlElement) -> str:
    import trafilatura  # noqa: PLC0415 - takes a third of a second to load
    from trafilatura.settings import Extractor  # noqa: PLC0415 - the same

    # Its remarks about pages that are none would stand between the lines of our commands.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    options = Extractor(
        output_format="html", comments=False, formatting=True, images=True, links=True
    )
    # Else, of a short text, it gives all that stands around it, too.
    options.min_extracted_size = 0
    try:
        return _INDENT.sub("\n", trafilatura.extract(root, options=options) or "")
    except Exception:  # noqa: BLE001 - deep inside a library of heuristics, any error may come up
        return ""


def _lighten(root: lxml.html.HtmlElement) -> None:
    for element in list(root.iter("*")):
        if len(element.attrib) > _MOST_ATTRIBUTES:
            kept = {name: element.get(name) for name in _ATTRIBUTES if name in element.attrib}
            element.attrib.clear()
            element.attrib.update(kept)
        for name in ("class", "id"):
            if len(element.get(name) or "") > _LONGEST_CLASS:
                del element.attrib[name]
        if element.tag == "img" and {element.get("width"), element.get("height")} & {"0", "1"}:
            element.drop_tree()  # it counts readers; what comes back of it bears no size


def _is_light(root: lxml.html.HtmlElement) -> bool:
    """Tell whether the search for the text ends soon: it grows with number and depth of tags."""
    depths = 0
    elements = list(root.iter("*"))
    if len(elements) > MAX_ELEMENTS or len(root.text_content()) > _MAX_TEXT:
        return False
    for element in elements:
        depths += sum(1 for _ in element.iterancestors())
        if depths > _MAX_DEPTHS:
            return False
    return True


def _all_paragraphs(root: lxml.html.HtmlElement) -> str:
    """Give every paragraph of the article, or of the whole body, as it stands."""
    places = (*root.xpath("//*[@itemprop='articleBody']")[:1], *root.xpath("//article")[:1])
    place = next(iter(places), None)
    wanted = _PARTS
    if place is None:
        place, wanted = next(root.iter("body"), root), _PARAGRAPHS
    texts, left = [], _MAX_TEXT
    walk = lxml.etree.iterwalk(place, events=("start",))
    for _, element in walk:
        if left <= 0:
            break
        if element.tag in wanted:
            texts.append(lxml.html.tostring(element, encoding="unicode", with_tail=False))
            left -= len(texts[-1])
        if element.tag in wanted or element.tag in _FURNITURE:
            walk.skip_subtree()
    return "".join(texts)


def said_body(said: str, *, base: str) -> CleanBody:
    """Clean the text of JSON-LD: HTML, escaped HTML, or lines."""
    text = html.unescape(said) if "&lt;p" in said else said
    if re.search(r"<(?:p|br|div)\b", text, re.IGNORECASE):
        return clean_body(text, base=base)
    lines = (plain_line(line) for line in re.split(r"[\r\n]+", text))
    return clean_body(paragraphs_to_html(tuple(line for line in lines if line)))
