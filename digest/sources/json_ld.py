"""Pure. What a page says of itself in JSON-LD (schema.org), whatever form its program gave it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_DEPTH = 50
_MAX_NODES = 20_000
_MAX_PARTS = 100
_MAX_LINKS = 10

Thing = Mapping[str, Any]
"""One object of JSON-LD: a story, a person, a picture."""

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_WRAPPERS = ("<!--", "<![CDATA[", "//", "/*", "*/", "-->", "]]>")
"""What programs put around a script for browsers of another age."""
_BLANK = " \t\r\n\f\ufeff;"
_WRONG_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt])|(u[0-9a-fA-F]{4})|(.))", re.DOTALL)
_STRING_OR_COMMA = re.compile(r'("(?:[^"\\]++|\\.)*+"?)|,(?=\s*[\]}])', re.DOTALL)
_HOLDERS = ("@graph", "mainEntity", "mainEntityOfPage", "hasPart")
"""Where a page's things stand inside one another."""


class JsonLd:
    """Everything a page's JSON-LD scripts say, with its references followed."""

    def __init__(self, scripts: Sequence[str]) -> None:
        """Read the scripts; how many could not be read stands in `broken`."""
        self.broken = 0
        self.things: list[Thing] = []
        """Every object with a type that stands by itself, in the order of the page."""
        self._by_id: dict[str, Thing] = {}
        self._left = _MAX_NODES
        for script in scripts:
            values = _values(script)
            self.broken += values is None
            for value in values or ():
                self._index(value)
                self._collect(value, 0)

    def of_type(self, *names: str) -> list[Thing]:
        """Give the things whose type is, or ends in, one of the names."""
        return [thing for thing in self.things if is_of_type(thing, *names)]

    def parts(self, thing: Thing, *keys: str) -> Iterator[str | Thing]:
        """Give what stands under the keys, lists opened and references followed."""
        for key in keys:
            value = thing.get(key)
            values = value[:_MAX_PARTS] if isinstance(value, list) else [value]
            for one in values:
                found = self._followed(one)
                if isinstance(found, (str, Mapping)) and found:
                    yield found

    def texts(self, thing: Thing, *keys: str) -> Iterator[str]:
        """Give the texts under the keys, and of objects there their name or value."""
        for part in self.parts(thing, *keys):
            named = part
            if not isinstance(part, str):
                named = next((part[k] for k in ("name", "@value") if part.get(k)), "")
                if isinstance(named, list):
                    named = named[0]
            if isinstance(named, str) and named.strip():
                yield named

    def text(self, thing: Thing, *keys: str) -> str:
        """Give the first text under the keys, or nothing."""
        return next(self.texts(thing, *keys), "")

    def links(self, thing: Thing, *keys: str) -> Iterator[str]:
        """Give the addresses under the keys, and of objects there their own."""
        for part in self.parts(thing, *keys):
            if isinstance(part, str):
                yield part
                continue
            for key in ("contentUrl", "url", "@id"):
                yield from (link for link in self.parts(part, key) if isinstance(link, str))

    def _followed(self, value: Any) -> Any:
        if not (isinstance(value, Mapping) and _is_reference(value)):
            return value
        name = value.get("@id")
        return self._by_id.get(name, value) if isinstance(name, str) else value

    def _index(self, value: Any) -> None:
        """Note every object that has a name of its own, wherever it stands."""
        waiting = [value]
        while waiting and self._left:
            self._left -= 1
            one = waiting.pop()
            if isinstance(one, Mapping):
                name = one.get("@id")
                if isinstance(name, str) and not _is_reference(one):
                    self._by_id.setdefault(name, one)
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one

    def _collect(self, value: Any, depth: int) -> None:
        values = value if isinstance(value, list) else [value]
        for one in values[:_MAX_NODES]:
            if not isinstance(one, Mapping) or len(self.things) >= _MAX_PARTS * _MAX_LINKS:
                continue
            if types_of(one) and not _is_reference(one):
                self.things.append(one)
            if depth < _MAX_LINKS:
                for key in _HOLDERS:
                    self._collect(one.get(key), depth + 1)


def types_of(thing: Thing) -> tuple[str, ...]:
    """Give a thing's types by their bare names: `http://schema.org/NewsArticle` is NewsArticle."""
    value = thing.get("@type")
    values = value[:_MAX_PARTS] if isinstance(value, list) else [value]
    return tuple(re.split(r"[/#:]", one)[-1] for one in values if isinstance(one, str) and one)


def is_of_type(thing: Thing, *names: str) -> bool:
    """Tell whether a thing's type is, or ends in, one of the names."""
    return any(kind.endswith(names) for kind in types_of(thing))


def _is_reference(thing: Thing) -> bool:
    return thing.keys() <= {"@id", "@type"}


def _values(script: str) -> list[Any] | None:
    """Read one script; None where nothing can be made of it."""
    text = _unwrapped(script)
    if text.startswith(("{&quot;", "[&quot;", "{&#34;", "[{&quot;")):
        text = html.unescape(text)
    if not text:
        return []
    if _too_deep(text):
        return None
    for form in (str, _mended):
        try:
            return _decoded(form(text))
        except (ValueError, RecursionError):
            continue
    return None


def _unwrapped(script: str) -> str:
    text = script.strip(_BLANK)
    for _ in range(_MAX_LINKS):
        for wrapper in _WRAPPERS:
            text = text.removeprefix(wrapper).removesuffix(wrapper).strip(_BLANK)
    return text


def _decoded(text: str) -> list[Any]:
    """Decode one JSON value, or several one after the other."""
    found: list[Any] = []
    place = 0
    while place < len(text) and len(found) < _MAX_PARTS:
        try:
            value, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            if found:
                return found  # what stands behind it is another program's remark
            raise
        found.append(value)
        while place < len(text) and text[place] in " \t\r\n,;":
            place += 1
    return found


# Line breaks inside strings are let through; a number of a million digits stays a text.
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


def _too_deep(text: str) -> bool:
    depth = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            return True
    return False


def _mended(text: str) -> str:
    """Take out escapes that JSON does not know and commas before a closing bracket."""
    text = _WRONG_ESCAPE.sub(lambda found: found[0] if not found[3] else found[3], text)
    return _STRING_OR_COMMA.sub(lambda found: found[1] or "", text)
