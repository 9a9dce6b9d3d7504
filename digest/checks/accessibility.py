"""Pure. Checks of what screen readers, poor eyes and large thumbs need: the EMC set, and WCAG."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from digest.checks.contrast import hard_to_read
from digest.checks.markup_tree import Node, Tree, plain, told, tree_of
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.styles import LIGHT, PHONE, Look, View
from digest.checks.where import in_page, place_of
from digest.composition.dates import direction

SMALLEST_TEXT: Final = 14.0
SMALLEST_TARGET: Final = 44.0
_LONG_CAPITALS = 40
_LEAST_ZOOM = 2.0
_TABLE = re.compile(r"<table\b[^>]*>", re.IGNORECASE)
_ROLE = re.compile(r"""\brole\s*=\s*["']?(?:presentation|none)\b""", re.IGNORECASE)
_LAYOUT_ROLES = frozenset({"presentation", "none"})
_PHRASES = frozenset({"a", "b", "i", "em", "strong", "span", "small", "u", "font", "code", "br"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_WORDED_LOGOS = frozenset({"block", "inline-block", "table", "table-cell"})


def wrapper_of(tree: Tree) -> Node | None:
    """Find what lies around the whole letter below `<body>`: some programs drop html and body."""
    body = tree.first("body")
    inside = list(body.elements) if body else []
    named = (node for node in inside if node.get("role") in {"article", "main"})
    return next(named, next((node for node in inside if node.tag in {"div", "table"}), None))


def _language(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    tag = page.composition.language
    for name, node in _outermost(tree_of(page)):
        given = node.get("lang") if node else ""
        if not given:
            said = "does not say its language"
        elif given.partition("-")[0].lower() != tag.partition("-")[0].lower():
            said = f"says that its language is {given!r}, and it is {tag!r}"
        else:
            continue
        yield Found(
            f"{name} {said}.",
            'Write lang="{{ language.tag }}" on <mjml>, as _base/shell.mjml does.',
            in_page(node.line if node else None, f"<{node.tag}>" if node else ""),
        )


def _direction(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    wanted = direction(page.composition.language)
    for name, node in _outermost(tree_of(page)):
        given = (node.get("dir") if node else "").lower()
        if given == wanted:
            continue
        said = f"says that it is written {given!r}, and it is {wanted!r}"
        yield Found(
            f"{name} {said if given else 'does not say which way it is written'}.",
            f'Write dir="{wanted}" on it: without it a screen reader guesses.',
            in_page(node.line if node else None, f"<{node.tag}>" if node else ""),
        )


def _outermost(tree: Tree) -> Iterator[tuple[str, Node | None]]:
    yield "The page", tree.first("html")
    yield "The element around the whole letter", wrapper_of(tree)


def _tables(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    tree = tree_of(page)
    fix = 'Write role="presentation" on it: else a screen reader counts out rows and columns.'
    for node in tree.all("table"):
        if node.get("role") not in _LAYOUT_ROLES and not any(
            each.tag in {"th", "caption"} for each in node.walk()
        ):
            said = "A table that only holds the layout does not say so."
            yield Found(said, fix, place_of(page, node))
    for comment in tree.comments:
        for found in _TABLE.finditer(comment.text):
            if not _ROLE.search(found[0]):
                said = "A table for Outlook alone, which only holds the layout, does not say so."
                yield Found(said, fix, in_page(comment.line, found[0]))


def _title(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    title = tree_of(page).first("title")
    if title is None or not title.own_words:
        yield Found(
            "The page has no title.",
            "Write <mj-title>{{ title }}</mj-title>: it names the window and the article.",
            in_page(title.line if title else None),
        )


def _headings(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    tree = tree_of(page)
    looks = tree.looks(LIGHT)
    found = [node for node in tree.all(*_HEADINGS) if not looks[node.index].is_hidden]
    tops = [node for node in found if node.tag == "h1"]
    if len(tops) != 1:
        number = "no h1" if not tops else f"{len(tops)} h1"
        yield Found(
            f"The letter has {number} among its headings; it needs exactly one.",
            "Let the lead's headline, or the edition's title, be the one h1.",
            place_of(page, tops[1]) if tops else Place(Part.HTML),
        )
    yield from _empty_or_skipped(page, found)


def _empty_or_skipped(page: Page, headings: list[Node]) -> Iterator[Found]:
    level = 0
    for node in headings:
        if not _name(node):
            said, fix = f"An {node.tag} is empty.", "Fill it, or take it away."
            yield Found(said, fix, place_of(page, node, f"<{node.tag}>"))
        own = int(node.tag[1])
        if level and own > level + 1:
            yield Found(
                f"The heading “{told(node.words)}” is an {node.tag} below an h{level}.",
                f"Make it an h{level + 1}: whoever jumps by headings misses a level.",
                place_of(page, node),
                Severity.WARN,
            )
        level = own


def _no_name(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node in tree_of(page).all("a"):
        if "href" in node.attributes and not _name(node):
            yield Found(
                f"The link to {told(node.get('href'), 60)} has no name.",
                "Put words into it, or describe the picture in it with alt.",
                place_of(page, node),
            )


def _name(node: Node) -> str:
    given = node.get("aria-label") or node.get("title") or node.words
    return plain(given or " ".join(each.get("alt") for each in node.walk() if each.tag == "img"))


def _small(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for view, where in ((LIGHT, ""), (PHONE, " on a phone")):
        seen: dict[float, list[Node]] = {}
        for node, look in _seen(page, view):
            if look.size < SMALLEST_TEXT - 0.01:
                seen.setdefault(round(look.size, 1), []).append(node)
        for size, nodes in seen.items():
            yield Found(
                f"The words “{told(nodes[0].own_words, 40)}” are {size:g} px high{where}, less"
                f" than {SMALLEST_TEXT:g}.",
                f"Make them {SMALLEST_TEXT:g} px or more.",
                place_of(page, nodes[0], nodes[0].own_words),
            )
        if seen:
            return


def _not_underlined(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    looks = tree_of(page).looks(LIGHT)
    for node in tree_of(page).all("a"):
        look = looks[node.index]
        if "href" not in node.attributes or look.is_hidden or not node.words:
            continue
        if not _is_underlined(node, looks) and _stands_among_words(node):
            yield Found(
                f"The link “{told(node.words)}” is told from the words around it by colour alone.",
                "Underline it: not everybody sees the colour.",
                place_of(page, node),
            )


def _is_underlined(node: Node, looks: Sequence[Look]) -> bool:
    return any(looks[each.index].is_underlined for each in node.walk())


def _stands_among_words(node: Node) -> bool:
    block = next((each for each in node.around() if each.tag not in _PHRASES), None)
    return block is not None and len(block.words) > len(node.words) + 1


def _hard_lines(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node, look in _seen(page, LIGHT):
        words = node.own_words
        if look.align == "justify" and len(words) > _LONG_CAPITALS:
            yield Found(
                f"The words “{told(words, 40)}” are justified on both sides.",
                "Align them at the side where lines begin: gaps within lines tire many readers.",
                place_of(page, node, words),
            )
        letters = sum(each.isalpha() for each in words)
        is_loud = look.transform == "uppercase" or (words.isupper() and words != words.lower())
        if is_loud and letters >= _LONG_CAPITALS:
            yield Found(
                f"The words “{told(words, 40)}” are all in capitals.",
                "Write them as a sentence: capitals are read letter by letter.",
                place_of(page, node, words),
            )


def _zoom(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node in tree_of(page).all("meta"):
        if node.get("name").lower() != "viewport":
            continue
        said = {
            name.strip().lower(): value.strip().lower()
            for name, _, value in (each.partition("=") for each in node.get("content").split(","))
        }
        most = said.get("maximum-scale", "")
        is_low = bool(re.fullmatch(r"\d+(\.\d+)?", most)) and float(most) < _LEAST_ZOOM
        if said.get("user-scalable") in {"no", "0"} or is_low:
            yield Found(
                "The letter forbids to zoom in.",
                "Take user-scalable and maximum-scale out of the viewport.",
                in_page(node.line, node.get("content")),
            )


def _targets(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    tree = tree_of(page)
    looks = tree.looks(PHONE)
    for node in tree.all("a"):
        look = looks[node.index]
        if "href" not in node.attributes or look.is_hidden or not node.words:
            continue
        if look.display in _WORDED_LOGOS:
            height = _height(look)
        elif node.parent and node.parent.tag == "li" and node.parent.words == node.words:
            height = _height(looks[node.parent.index])
        else:
            continue  # in a sentence a link is as high as its line (WCAG 2.2, 2.5.8)
        if height < SMALLEST_TARGET:
            yield Found(
                f"The link “{told(node.words)}” is {height:g} px high on a phone; a thumb needs"
                f" {SMALLEST_TARGET:g}.",
                "Give it more padding above and below.",
                place_of(page, node),
            )


def _height(look: Look) -> float:
    return round(look.line_height + sum(look.padding) + sum(look.border), 1)


def _ids(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    tree = tree_of(page)
    counted = Counter(node.get("id") for node in tree.nodes if node.get("id"))
    for name, times in counted.items():
        if times > 1:
            first = next(node for node in tree.nodes if node.get("id") == name)
            yield Found(
                f"{times} elements have the id {name!r}.",
                "Give each its own: labels and links find the first one only.",
                in_page(first.line, f'id="{name}"'),
            )


def _preheader(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    wanted = plain(page.letter.preheader)
    tree = tree_of(page)
    if not wanted:
        return
    looks = tree.looks(LIGHT)
    holders = (
        node for node in tree.worded if looks[node.index].is_hidden and wanted in node.own_words
    )
    found = next((node for node in holders if node.tag != "title"), None)
    wrapper = wrapper_of(tree)
    if found is not None and wrapper not in (found, *found.around()):
        yield Found(
            "The preheader stands outside the element that says the letter's language.",
            "Put it into the first <mj-raw> of <mj-body>, as _base/shell.mjml does.",
            place_of(page, found, wanted),
        )


def _order(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    tree = tree_of(page)
    styled = tree.styles.declared(LIGHT)
    looks = tree.looks(LIGHT)
    for node in tree.nodes:
        said = styled[node.index]
        is_moved = (
            said.get("position") in {"absolute", "fixed"}
            or said.get("float") in {"left", "right"}
            or said.get("order", "0") != "0"
            or said.get("flex-direction", "").endswith("-reverse")
            or _turns_columns(node, looks)
        )
        if is_moved and not looks[node.index].is_hidden:
            yield Found(
                f"The <{node.tag}> with “{told(node.words, 40)}” is shown elsewhere than where it"
                " stands in the source.",
                "Write things in the order in which they are seen: it is the one that is read out.",
                place_of(page, node),
            )


def _turns_columns(node: Node, looks: Sequence[Look]) -> bool:
    """Tell whether columns are swapped by writing a row the other way, and its cells back again."""
    own = looks[node.index].direction
    columns = [each for each in node.elements if each.tag in {"td", "th", "div", "table"}]
    return (
        len(columns) > 1
        and own != looks[0].direction
        and all(looks[each.index].direction != own for each in columns)
    )


def _seen(page: Page, view: View) -> Iterator[tuple[Node, Look]]:
    tree = tree_of(page)
    looks = tree.looks(view)
    return ((node, looks[node.index]) for node in tree.worded if not looks[node.index].is_hidden)


RULES: Final[tuple[Rule, ...]] = (
    Rule("A01", "Language not told", Severity.BLOCK, look_at_page=_language),
    Rule("A02", "Direction not told", Severity.BLOCK, look_at_page=_direction),
    Rule("A03", "Layout table not marked", Severity.BLOCK, look_at_page=_tables),
    Rule("A04", "No title", Severity.BLOCK, look_at_page=_title),
    Rule("A05", "Headings", Severity.BLOCK, look_at_page=_headings),
    Rule("A06", "Link without a name", Severity.BLOCK, look_at_page=_no_name),
    Rule("A07", "Too little contrast", Severity.BLOCK, look_at_page=hard_to_read),
    Rule("A08", "Small text", Severity.WARN, look_at_page=_small),
    Rule("A09", "Link told by colour alone", Severity.WARN, look_at_page=_not_underlined),
    Rule("A10", "Text hard to follow", Severity.WARN, look_at_page=_hard_lines),
    Rule("A11", "Zoom forbidden", Severity.BLOCK, look_at_page=_zoom),
    Rule("A12", "Target too small", Severity.WARN, look_at_page=_targets),
    Rule("A13", "Same id twice", Severity.WARN, look_at_page=_ids),
    Rule("A14", "Preheader outside the letter", Severity.BLOCK, look_at_page=_preheader),
    Rule("A15", "Shown in another order", Severity.WARN, look_at_page=_order),
)
