"""Pure. Checks of what mail programs do not show, by the tests of caniemail.com."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from digest.checks.caniemail import Feature, Knowledge, knowledge
from digest.checks.css_colour import BLACK, WHITE, read_colour
from digest.checks.extras import may_stand
from digest.checks.markup_tree import Node, Tree, tree_of
from digest.checks.model import Facts, Found, Limits, Page, Place, Rule, Severity
from digest.checks.sheet import Declaration, read_declarations
from digest.checks.uses import Used, uses_of
from digest.checks.where import in_page, place_of

_Lacking = tuple[Feature, Used, Mapping[str, tuple[str, ...]]]
_LAYOUT: Final = frozenset(
    {
        *("css-display-flex", "css-display-grid", "css-variables", "css-position"),
        *("css-flex-direction", "css-flex-wrap", "css-grid-template", "css-gap"),
        *("css-align-items", "css-justify-content", "css-left-right-top-bottom"),
    }
)
_REM: Final = "css-unit-rem"
_LOST: Final = frozenset(
    {
        *("html-audio", "html-video", "html-svg", "html-object", "html-form", "html-dialog"),
        *("html-select", "html-textarea", "html-input-text", "html-input-checkbox"),
        *("html-input-radio", "html-button-submit", "html-input-submit", "html-meter"),
        *("html-progress", "html-marquee"),
    }
)
"""Where a program lacks one of these, what stands in it is not to be had."""
_MJML = re.compile(r"mj-|mjml$")
_MJML_ATTRIBUTES = frozenset({"css-class", "mj-class", "full-width", "fluid-on-mobile"})
_HSL = re.compile(r"\bhsla?\(", re.IGNORECASE)
_PURE = (BLACK, WHITE)


def _unknown(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    known = knowledge()
    for name in limits.clients:
        if name not in known.families and name not in known.clients:
            yield Found(
                f"checks.clients names {name!r}, of which caniemail.com knows nothing.",
                f"It knows {', '.join(sorted(known.families))}.",
                Place(),
            )
    for feature, used, lacking in _lacking(page, limits):
        if feature.slug in _LAYOUT or feature.slug == _REM or feature.kind == "picture":
            continue
        if may_stand(feature.slug, is_layer=used.is_layer):
            continue
        yield _told(page, feature, used, lacking)


def _layout(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    for feature, used, lacking in _lacking(page, limits):
        if feature.slug in _LAYOUT:
            yield _told(page, feature, used, lacking, fix="Lay it out with tables, as MJML does")


def _rem(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    for feature, used, lacking in _lacking(page, limits):
        if feature.slug == _REM:
            yield _told(page, feature, used, lacking, fix="Write px")


def _hsl(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for declaration, node, line in _declarations(page):
        if _HSL.search(declaration.value):
            yield Found(
                f"The colour {declaration.value} is not understood by Outlook on Windows.",
                "Write it as #RRGGBB.",
                _place(page, node, line, f"{declaration.name}: {declaration.value}"),
            )
            return


def _pure(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    """Find words that are pure black, or pure white on no ground of their own.

    Where a letter's own dark mode sets them, no program turns them around.
    """
    for declaration, node, line in _declarations(page, only_light=True):
        if declaration.name != "color" or read_colour(declaration.value) not in _PURE:
            continue
        if node is not None and read_colour(declaration.value) == WHITE and _has_ground(node):
            continue
        yield Found(
            f"The colour of words is {declaration.value}, hard-coded.",
            "Take nearly black, as #1A1A1A, or nearly white, as #EDEDEA: mail programs that turn"
            " a letter dark leave the pure ones alone, or turn them without their ground.",
            _place(page, node, line, f"color: {declaration.value}"),
        )
        return


def _has_ground(node: Node) -> bool:
    said = {each.name: each.value for each in read_declarations(node.get("style"))}
    return bool(said.keys() & {"background", "background-color"}) or bool(node.get("bgcolor"))


def _picture_alone(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node in tree_of(page).nodes:
        said = {each.name: each.value for each in read_declarations(node.get("style"))}
        shown = f"{said.get('background', '')} {said.get('background-image', '')}"
        has_picture = "url(" in shown or bool(node.get("background"))
        words = re.sub(r"url\([^)]*\)", " ", said.get("background", "")).split()
        has_colour = (
            bool(node.get("bgcolor"))
            or "background-color" in said
            or any(read_colour(word) is not None for word in words)
        )
        if has_picture and not has_colour:
            yield Found(
                f"The <{node.tag}> has a picture behind it and no colour.",
                "Give it a background colour like the picture's: Outlook and readers without"
                " pictures see that alone.",
                place_of(page, node, shown.strip() or node.get("background")),
            )


def _mjml(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node in tree_of(page).nodes:
        left = [each for each in node.attributes if each in _MJML_ATTRIBUTES]
        if _MJML.match(node.tag) or left:
            what = (
                f"the element <{node.tag}>" if _MJML.match(node.tag) else f"attribute {left[0]!r}"
            )
            yield Found(
                f"Of MJML, {what} was left in the HTML: the compiler did not know it there.",
                "Try the template with `digest templates check`, and mend what it names.",
                place_of(page, node, f"<{node.tag}>"),
            )


def _lacking(page: Page, limits: Limits) -> Sequence[_Lacking]:
    """Give each feature in use that one of the programs lacks, at its first place of each kind."""
    key = f"lacking in {' '.join(limits.clients)}"
    found = page.memo.get(key)
    if not isinstance(found, tuple):
        found = page.memo[key] = tuple(_found_lacking(page, limits))
    return found


def _found_lacking(page: Page, limits: Limits) -> Iterator[_Lacking]:
    known, seen = knowledge(), set[tuple[str, bool]]()
    for (use, is_layer), used in uses_of(tree_of(page)).items():
        for feature in known.used(*use):
            lacking = known.lacking(feature, limits.clients)
            if lacking and (feature.slug, is_layer) not in seen:
                seen.add((feature.slug, is_layer))
                yield feature, used, lacking


def _told(
    page: Page,
    feature: Feature,
    used: Used,
    lacking: Mapping[str, tuple[str, ...]],
    *,
    fix: str = "Do without it, or let it be an extra that nobody misses",
) -> Found:
    programs = ", ".join(_program(knowledge(), *each) for each in lacking.items())
    return Found(
        f"{feature.title} is not known to {programs}: see {feature.url}.",
        f"{fix}.",
        _place(page, used.node, used.line, used.quote),
        Severity.BLOCK if feature.slug in _LOST else None,
    )


def _program(known: Knowledge, family: str, platforms: tuple[str, ...]) -> str:
    name = known.families.get(family, family)
    of_family = [each for each in known.clients if each.startswith(f"{family}.")]
    if len(platforms) == len(of_family):
        return name
    return f"{name} ({', '.join(known.platforms.get(each, each) for each in platforms)})"


def _declarations(
    page: Page, *, only_light: bool = False
) -> Iterator[tuple[Declaration, Node | None, int]]:
    tree = tree_of(page)
    for node in _styled(tree):
        for declaration in read_declarations(node.get("style")):
            yield declaration, node, node.line
    for sheet in tree.sheets:
        for rule in (*sheet.rules, *sheet.nested):
            if only_light and any("prefers-color-scheme" in each for each in rule.within):
                continue
            for declaration in rule.declarations:
                yield declaration, None, rule.line


def _styled(tree: Tree) -> Iterator[Node]:
    """Give the first element of each style attribute: templates write few."""
    seen = set[str]()
    for node in tree.nodes:
        style = node.get("style")
        if style and style not in seen:
            seen.add(style)
            yield node


def _place(page: Page, node: Node | None, line: int, quote: str) -> Place:
    return in_page(line, quote) if node is None else place_of(page, node, quote)


RULES: Final[tuple[Rule, ...]] = (
    Rule("K01", "Not known to a mail program", Severity.WARN, look_at_page=_unknown),
    Rule("K02", "Layout of web pages", Severity.WARN, look_at_page=_layout),
    Rule("K03", "Colour by hsl()", Severity.WARN, look_at_page=_hsl),
    Rule("K04", "Size in rem", Severity.WARN, look_at_page=_rem),
    Rule("K05", "Pure black or white", Severity.WARN, look_at_page=_pure),
    Rule("K06", "Picture behind without a colour", Severity.WARN, look_at_page=_picture_alone),
    Rule("K07", "MJML left over", Severity.BLOCK, look_at_page=_mjml),
)
