"""Pure. Which elements a selector means: as much of CSS as stands still and mail programs read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol

_PART = re.compile(
    r"(?P<tag>[A-Za-z][\w-]*|\*)|\#(?P<id>[\w-]+)|\.(?P<class>[\w-]+)"
    r"|\[\s*(?P<name>[\w-]+)\s*(?:(?P<sign>[~|^$*]?=)\s*[\"']?(?P<value>[^\"'\]]*)[\"']?)?\s*\]"
    r"|(?P<pseudo>::?[\w-]+(?:\([^)]*\))?)"
)
_COMBINATOR = re.compile(r"\s*([>+~])\s*|\s+")
_STILL = frozenset({":root", ":link", ":any-link"})
"""What a letter is in without anybody pointing at it."""
_MOST_SELECTORS = 2048

Specificity = tuple[int, int, int]


class Element(Protocol):
    """What a selector looks at."""

    @property
    def tag(self) -> str:
        """The element's name in lower case."""
        ...

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its attributes, by names in lower case."""
        ...

    @property
    def classes(self) -> frozenset[str]:
        """The words of its class."""
        ...

    @property
    def parent(self) -> Element | None:
        """What it stands in; None for the root."""
        ...


@dataclass(frozen=True, slots=True)
class _Compound:
    tag: str = ""
    id: str = ""
    classes: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str, str], ...] = ()
    is_root: bool = False
    is_link: bool = False

    def means(self, element: Element) -> bool:
        return (
            (not self.tag or self.tag == element.tag)
            and self.classes <= element.classes
            and (not self.id or element.attributes.get("id") == self.id)
            and not (self.is_root and element.parent is not None)
            and not (self.is_link and not (element.tag == "a" and "href" in element.attributes))
            and all(_has(element, *each) for each in self.attributes)
        )


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector that can be matched; `last` is what the element itself must be."""

    last: _Compound
    before: tuple[tuple[str, _Compound], ...]
    """From the element outwards: the combinator and what stands at its other side."""
    specificity: Specificity

    def means(self, element: Element) -> bool:
        """Tell whether it means this element."""
        return self.last.means(element) and _climbs(element, self.before)


@lru_cache(maxsize=_MOST_SELECTORS)
def read_selector(text: str) -> Selector | None:
    """Read one selector; None for what no element is at rest, and for what is not understood.

    Siblings (`+`, `~`), pseudo-elements and states as :hover are not matched.
    """
    compounds, combinators, at = [], [], 0
    text = text.strip()
    weight = (0, 0, 0)
    while at < len(text):
        found = _compound(text, at)
        if found is None:
            return None
        compound, own, at = found
        compounds.append(compound)
        weight = (weight[0] + own[0], weight[1] + own[1], weight[2] + own[2])
        if at < len(text):
            combinator = _COMBINATOR.match(text, at)
            if combinator is None or (combinator[1] or "") in {"+", "~"}:
                return None
            combinators.append(combinator[1] or " ")
            at = combinator.end()
    if not compounds or len(combinators) != len(compounds) - 1:
        return None
    pairs = zip(reversed(combinators), reversed(compounds[:-1]), strict=True)
    return Selector(compounds[-1], tuple(pairs), weight)


def _compound(text: str, at: int) -> tuple[_Compound, Specificity, int] | None:
    tag = identity = ""
    classes, attributes, states = set[str](), list[tuple[str, str, str]](), set[str]()
    begin, ids = at, 0
    while found := _PART.match(text, at):
        if found["tag"] and at > begin:
            break
        if found["pseudo"] and found["pseudo"].lower() not in _STILL:
            return None
        tag = (found["tag"] or "").lower().strip("*") or tag
        if found["id"]:
            identity, ids = found["id"], ids + 1
        classes |= {found["class"]} if found["class"] else set()
        states |= {found["pseudo"].lower()} if found["pseudo"] else set()
        if found["name"]:
            attributes.append((found["name"].lower(), found["sign"] or "", found["value"] or ""))
        at = found.end()
    if at == begin:
        return None
    weight = (ids, len(classes) + len(attributes) + len(states), int(bool(tag)))
    made = _Compound(
        tag=tag,
        id=identity,
        classes=frozenset(classes),
        attributes=tuple(attributes),
        is_root=":root" in states,
        is_link=bool(states - {":root"}),
    )
    return made, weight, at


def _climbs(element: Element, before: tuple[tuple[str, _Compound], ...]) -> bool:
    if not before:
        return True
    (combinator, compound), rest = before[0], before[1:]
    parent = element.parent
    while parent is not None:
        if compound.means(parent) and _climbs(parent, rest):
            return True
        if combinator == ">":
            return False
        parent = parent.parent
    return False


_COMPARE: Final[Mapping[str, Callable[[str, str], bool]]] = MappingProxyType(
    {
        "": lambda given, value: True,  # noqa: ARG005 - the attribute is there
        "=": lambda given, value: given == value,
        "~=": lambda given, value: value in given.split(),
        "|=": lambda given, value: given == value or given.startswith(f"{value}-"),
        "^=": lambda given, value: bool(value) and given.startswith(value),
        "$=": lambda given, value: bool(value) and given.endswith(value),
        "*=": lambda given, value: bool(value) and value in given,
    }
)


def _has(element: Element, name: str, sign: str, value: str) -> bool:
    given = element.attributes.get(name)
    return given is not None and _COMPARE[sign](given, value)
