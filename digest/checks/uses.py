"""Pure. Which features of HTML and CSS a page uses, in the terms of the data of caniemail.com."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from digest.checks.markup_tree import Node, Tree
from digest.checks.sheet import Declaration, Sheet, StyleRule, read_declarations

_FUNCTION = re.compile(r"([a-z-]+)\(")
_UNIT = re.compile(r"(?<![\w#.-])-?\d*\.?\d+(rem|em|ex|ch|vh|vw|vmin|vmax|cm|mm|in|pc|pt|px|%)")
_WORD = re.compile(r"(?<![\w-])[a-z][a-z-]+(?![\w(-])")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'|url\([^)]*\)")
_PSEUDO = re.compile(r"::?[a-z-]+")
_MEDIA_FEATURE = re.compile(r"\(\s*(?:min-|max-)?([\w-]+)")
_CHILD, _SIBLING, _NEXT = re.compile(r"\s*>\s*"), re.compile(r"\s*~\s*"), re.compile(r"\s*\+\s*")
_WHOLES: Final = ("margin", "padding", "border", "outline", "overflow")
"""Shorthands under which the data has what they are short for."""
_INPUTS = frozenset({"input", "button"})

Use = tuple[str, str]
"""A kind and a name, as features have them."""


@dataclass(frozen=True, slots=True)
class Used:
    """Where a feature is used first."""

    node: Node | None
    line: int
    quote: str
    is_layer: bool
    """Within an @media block: a layer over what all programs see."""


def uses_of(tree: Tree) -> dict[tuple[Use, bool], Used]:
    """Give what a page uses, and whether within an @media block, with the first place of each."""
    found: dict[tuple[Use, bool], Used] = {}
    for use, used in (*_of_elements(tree), *_of_sheets(tree.sheets)):
        found.setdefault((use, used.is_layer), used)
    return found


def _of_elements(tree: Tree) -> Iterator[tuple[Use, Used]]:
    styles, plain = set[str](), set[Use]()
    for node in tree.nodes:
        for use in _of_markup(node):
            if use not in plain:
                plain.add(use)
                yield use, Used(node, node.line, f"<{node.tag}>", is_layer=False)
        style = node.get("style")
        if style and style not in styles:
            styles.add(style)
            for declaration in read_declarations(style):
                where = Used(node, node.line, _written(declaration), is_layer=False)
                yield from ((use, where) for use in of_declaration(declaration))


def _of_markup(node: Node) -> Iterator[Use]:
    yield "element", node.tag
    if node.tag in _INPUTS:
        yield "element", f"{node.tag}[type={node.get('type').lower()}]"
    yield from (("attribute", name) for name in node.attributes if name != "style")
    if node.tag == "a":
        scheme = node.get("href").partition(":")[0].lower()
        if scheme == "mailto":
            yield "link", "mailto"
        elif node.get("href").startswith("#"):
            yield "link", "#"
    elif node.tag == "meta":
        yield "meta", node.get("name").lower()


def _of_sheets(sheets: Sequence[Sheet]) -> Iterator[tuple[Use, Used]]:
    for sheet in sheets:
        yield from _of_sheet(sheet)


def _of_sheet(sheet: Sheet) -> Iterator[tuple[Use, Used]]:
    for at_rule in sheet.at_rules:
        quote = f"{at_rule.name} {at_rule.prelude}".strip()
        where = Used(None, at_rule.line, quote, is_layer=False)
        yield ("at-rule", at_rule.name), where
        for name in _MEDIA_FEATURE.findall(at_rule.prelude.lower()):
            yield ("media", name), where
    for rule in (*sheet.rules, *sheet.nested):
        yield from _of_rule(rule)
    for rule in sheet.nested:
        yield ("css", "nesting"), Used(None, rule.line, ", ".join(rule.selectors), is_layer=False)
    if sheet.has_comments:
        yield ("css", "comment"), Used(None, 1, "/*", is_layer=False)


def _of_rule(rule: StyleRule) -> Iterator[tuple[Use, Used]]:
    layer = any(each.startswith("@media") for each in rule.within)
    for selector in rule.selectors:
        where = Used(None, rule.line, selector, layer)
        yield from ((use, where) for use in of_selector(selector))
    if len(rule.selectors) > 1:
        yield ("selector", "grouping"), Used(None, rule.line, ", ".join(rule.selectors), layer)
    for declaration in rule.declarations:
        where = Used(None, rule.line, _written(declaration), layer)
        yield from ((use, where) for use in of_declaration(declaration))


def of_declaration(declaration: Declaration) -> Iterator[Use]:
    """Give what a declaration uses: its property, and the functions, units and words of it."""
    name, value = declaration.name, declaration.value.lower()
    if name.startswith(("-", "mso-")):
        if name.startswith("--"):
            yield "function", "var"
        return  # a hint for one program alone, which others pass over
    yield "property", name
    whole = next((each for each in _WHOLES if name.startswith(f"{each}-")), None)
    if whole:
        yield "property", whole
    yield "pair", f"{name}:{value}"
    bare = _STRING.sub(" ", value)
    yield from (("function", each) for each in _FUNCTION.findall(bare))
    yield from (("unit", each) for each in _UNIT.findall(bare))
    yield from (("word", each) for each in _WORD.findall(bare))
    if declaration.is_important:
        yield "css", "important"


def of_selector(selector: str) -> Iterator[Use]:
    """Give what a selector uses."""
    bare = re.sub(r"\[[^\]]*\]", "", selector.strip().lower())
    if bare != selector.strip().lower():
        yield "selector", "attribute"
    yield from (("pseudo", each) for each in _PSEUDO.findall(bare))
    for sign, name in (("#", "id"), (".", "class"), ("*", "universal")):
        if sign in bare:
            yield "selector", name
    combined = ((_CHILD, "child"), (_SIBLING, "general-sibling"), (_NEXT, "adjacent-sibling"))
    for pattern, name in combined:
        if pattern.search(bare):
            yield "selector", name
        bare = pattern.sub("|", bare)
    if " " in bare:
        yield "selector", "descendant"
    if re.search(r"\.[\w-]+\.[\w-]+", bare):
        yield "selector", "chaining"
    if re.search(r"(?:^|[\s|])[a-z][\w-]*", bare):
        yield "selector", "type"


def _written(declaration: Declaration) -> str:
    return f"{declaration.name}: {declaration.value}"
