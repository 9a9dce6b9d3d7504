"""Door to lxml: the HTML of a page read once, as a tree that rules can walk quickly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from lxml import etree

from digest.checks.model import Page
from digest.checks.sheet import Sheet, read_sheet
from digest.checks.styles import Look, Styles, View

_FILLER = re.compile(
    "[\\s\u00a0\u00ad\u034f\u061c\u2007\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
    "|[\u200c\u200d]+(?=\\s|\\Z)"
)
"""What takes no place or turns words around; within words joiners stay, as scripts need them."""
_SILENT = frozenset({"head", "title", "style", "script", "template", "noscript"})
_APART = frozenset({"br", "p", "td", "li", "div"})
_KEY: Final = "markup tree"


@dataclass(slots=True, eq=False)
class Node:
    """One element: `pieces` are its words and elements in their order."""

    tag: str
    attributes: Mapping[str, str]
    parent: Node | None
    line: int
    index: int
    """Its number in the order of the source, from 0."""
    classes: frozenset[str] = frozenset()
    pieces: list[str | Node] = field(default_factory=list)

    @property
    def elements(self) -> Iterator[Node]:
        """The elements that stand in it directly."""
        return (each for each in self.pieces if isinstance(each, Node))

    @property
    def own_words(self) -> str:
        """The words that stand in it directly, spaces and filler as one space."""
        return plain(" ".join(each for each in self.pieces if isinstance(each, str)))

    @property
    def words(self) -> str:
        """All words in it, spaces and filler as one space."""
        return plain("".join(_texts(self)))

    def walk(self) -> Iterator[Node]:
        """Give itself and all elements within, in the order of the source."""
        yield self
        for each in self.elements:
            yield from each.walk()

    def around(self) -> Iterator[Node]:
        """Give what it stands in, from the nearest outwards."""
        each = self.parent
        while each is not None:
            yield each
            each = each.parent

    def get(self, name: str) -> str:
        """Give an attribute; empty when it has none."""
        return self.attributes.get(name, "")


@dataclass(slots=True)
class Comment:
    """What stands between the marks of a comment, and its line."""

    text: str
    line: int


class Tree:
    """A page taken apart. It belongs to one page and is made by `tree_of`."""

    def __init__(self, html: str) -> None:
        """Read the HTML; mail programs mend what is broken, and so does this."""
        self.source = html
        self.nodes: list[Node] = []
        self.comments: list[Comment] = []
        self.root = self._read(html)
        self._looks: dict[View, Sequence[Look]] = {}

    def all(self, *tags: str) -> Iterator[Node]:
        """Give all elements of these names, in the order of the source."""
        if len(tags) == 1:
            return iter(self._by_tag.get(tags[0], ()))
        return (node for node in self.nodes if node.tag in tags)

    def first(self, tag: str) -> Node | None:
        """Give the first element of a name."""
        return next(self.all(tag), None)

    def looks(self, view: View) -> Sequence[Look]:
        """Tell how each element looks in a view, by its index."""
        found = self._looks.get(view)
        if found is None:
            found = self._looks[view] = self.styles.looks(view)
        return found

    @cached_property
    def worded(self) -> Sequence[Node]:
        """The elements in which words stand directly."""
        return [node for node in self.nodes if node.tag not in _SILENT and node.own_words]

    @cached_property
    def sheets(self) -> Sequence[Sheet]:
        """The style sheets of the page, in their order."""
        return tuple(
            read_sheet(
                "".join(each for each in node.pieces if isinstance(each, str)),
                line=node.line,
                media=node.get("media"),
            )
            for node in self.all("style")
        )

    @cached_property
    def styles(self) -> Styles:
        """What the style sheets and style attributes come to."""
        return Styles(self.nodes, self.sheets)

    @cached_property
    def _by_tag(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.tag, []).append(node)
        return found

    def _read(self, html: str) -> Node:
        parser = etree.HTMLParser(encoding="utf-8", no_network=True)
        root = etree.fromstring(html.encode("utf-8", errors="replace") or b"<html/>", parser)
        if root is None:
            root = etree.Element("html")
        return self._grown(root, None)

    def _grown(self, element: Any, parent: Node | None) -> Node:
        attributes = {str(name).lower(): str(value) for name, value in element.attrib.items()}
        node = Node(
            tag=str(element.tag).lower(),
            attributes=attributes,
            parent=parent,
            line=element.sourceline or 1,
            index=len(self.nodes),
            classes=frozenset(attributes.get("class", "").split()),
        )
        self.nodes.append(node)
        if element.text:
            node.pieces.append(element.text)
        for child in element:
            if isinstance(child.tag, str):
                node.pieces.append(self._grown(child, node))
            elif child.tag is etree.Comment:
                self.comments.append(Comment(child.text or "", child.sourceline or 1))
            if child.tail:
                node.pieces.append(child.tail)
        return node


def tree_of(page: Page) -> Tree:
    """Give the page's tree: read once, and kept with the page."""
    found = page.memo.get(_KEY)
    if not isinstance(found, Tree):
        found = page.memo[_KEY] = Tree(page.html)
    return found


def _texts(node: Node) -> Iterator[str]:
    for each in node.pieces:
        if isinstance(each, str):
            yield each
        elif each.tag not in _SILENT:
            yield from _texts(each)
            yield " " if each.tag in _APART else ""


def plain(words: str) -> str:
    """Give words with every run of spaces and of what nobody sees as one space."""
    return _FILLER.sub(" ", words).strip()


def told(words: str, most: int = 60) -> str:
    """Give the beginning of words, for a quotation."""
    words = plain(words)
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
