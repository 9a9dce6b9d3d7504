"""Pure. The head of a Markdown file: keys and values in YAML, TOML or JSON, within limits."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from digest.errors import SourceError
from digest.sources.cleaning import one_line

MAX_CHARACTERS = 16_384
MAX_DEPTH = 10
MAX_VALUES = 5_000

_LINE_AT = re.compile(r"\(at line ([0-9]+), column [0-9]+\)")
_KEY_LINE = re.compile(r"\s*[\w\"'-]{1,60}\s*:")
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_JSON = re.compile(r"\{\s*[\"}]")
_SPELLING = re.compile(r"[-_ .]")
_NOTHING = frozenset({"", "~", "null", "none"})


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The keys of a file's head, folded by `folded`, and the text below it."""

    keys: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


def read_front_matter(text: str, *, address: str) -> FrontMatter:
    """Part a file's head from its text; a file without a head is all text.

    YAML stands between two lines of `---`, TOML between two of `+++`, JSON in braces. Of YAML every
    value is a text as written: `no` stays Norwegian and a date stays a date for us to read. Raises
    SourceError with the line, counted from the beginning of the file.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = text.partition("\n")
    try:
        if _JSON.match(text):
            return _json(text)
        if first.rstrip() == "---":
            return _fenced(rest, text, ends=("---", "..."), read=_yaml)
        if first.rstrip() == "+++":
            return _fenced(rest, text, ends=("+++",), read=_toml)
    except _Broken as broken:
        raise SourceError(
            f"markdown: {address}: line {broken.line}: {broken}",
            hint="Mend the lines above the text; a value with a colon in it stands in quotes.",
        ) from broken
    return FrontMatter(text=text)


class _Broken(Exception):  # noqa: N818 - carries the line out of the parsers, no error of ours
    def __init__(self, cause: str, *, line: int) -> None:
        super().__init__(one_line(cause)[:200])
        self.line = line


def folded(key: str) -> str:
    """Fold the spelling of a key: `Last_Modified-at` is `lastmodifiedat`."""
    return _SPELLING.sub("", key).casefold()


def _fenced(
    rest: str, whole: str, *, ends: tuple[str, ...], read: Callable[[str], Any]
) -> FrontMatter:
    end = re.search(rf"^(?:{'|'.join(map(re.escape, ends))})[ \t]*$", rest, re.MULTILINE)
    if end is None:
        if ends[0] == "---" and not _KEY_LINE.match(rest):
            return FrontMatter(text=whole)  # a rule above the text
        raise _Broken(f"the front matter has no end: no second {ends[0]}", line=1)
    head = rest[: end.start()]
    if len(head) > MAX_CHARACTERS:
        raise _Broken(f"front matter of more than {MAX_CHARACTERS} characters", line=1)
    found = read(head)
    if isinstance(found, str):
        # One line between two rules is text, or a heading; an empty head is a head.
        return FrontMatter(text=whole if found.strip() else rest[end.end() :])
    return FrontMatter(_mapping(found), rest[end.end() :])


def _yaml(head: str) -> Any:
    head = _NOT_YAML.sub("", head)
    try:
        _limit_yaml(head)
        # Safer than safe_load: it makes texts, lists and mappings, and nothing else.
        found = yaml.load(head, Loader=yaml.BaseLoader)  # noqa: S506 - the reason is above
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        cause = error.problem or "not YAML"
        raise _Broken(str(cause), line=mark.line + 2 if mark else 1) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _Broken(f"not YAML ({type(error).__name__})", line=1) from error
    return "" if found is None else found


def _limit_yaml(head: str) -> None:
    depth = 0
    for n, event in enumerate(yaml.parse(head, Loader=yaml.BaseLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        line = event.start_mark.line + 2
        if depth > MAX_DEPTH:
            raise _Broken(f"nested deeper than {MAX_DEPTH}", line=line)
        if n > MAX_VALUES:
            raise _Broken(f"more than {MAX_VALUES} values", line=line)


def _toml(head: str) -> Any:
    try:
        return tomllib.loads(head)
    except tomllib.TOMLDecodeError as error:
        at = _LINE_AT.search(str(error))
        cause = _LINE_AT.sub("", str(error)).strip()
        line = int(at[1]) + 1 if at else head.count("\n") + 1
        raise _Broken(cause, line=line) from error
    except (ValueError, RecursionError) as error:
        raise _Broken(f"not TOML ({type(error).__name__})", line=1) from error


def _json(text: str) -> FrontMatter:
    try:
        found, end = json.JSONDecoder().raw_decode(text[:MAX_CHARACTERS])
    except json.JSONDecodeError as error:
        raise _Broken(f"not JSON: {error.msg}", line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise _Broken(f"not JSON ({type(error).__name__})", line=1) from error
    return FrontMatter(_mapping(found), text[end:])


def _mapping(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _Broken("the front matter is no list of keys and values", line=1)
    own = {folded(key): value for key, value in found.items() if isinstance(key, str)}
    # Hugo's own settings stand at the top, and the site's below `params`.
    params = own.get("params")
    more = params if isinstance(params, dict) else {}
    below = {folded(key): value for key, value in more.items() if isinstance(key, str)}
    return {name: value for name, value in {**below, **own}.items() if not _is_nothing(value)}


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().casefold() in _NOTHING)
