"""Pure. Hold a publisher's query to one SELECT, before a database is asked to do the same."""

from __future__ import annotations

import re

from digest.errors import SourceError
from digest.sources.cleaning import one_line, word_set

MAX_CHARACTERS = 20_000
BOUND = ("since", "since_epoch")
"""The names with a colon that are filled in."""

_BEGINS = word_set("select with values table")
# Whatever may hold a semicolon or a colon without meaning it; true at the end of the text as well.
_QUOTED = re.compile(
    r"'(?:[^']++|'')*+(?:'|\Z)"
    r'|"(?:[^"]++|"")*+(?:"|\Z)'
    r"|`[^`]*+(?:`|\Z)"
    r"|--[^\n]*+|/\*.*?(?:\*/|\Z)"
    r"|(\$\w{0,30}\$).*?(?:\1|\Z)",
    re.DOTALL,
)
_COLON = re.compile(rf"(?<![:\w\\]):(?!(?:{'|'.join(BOUND)})\b)(?=\w)")
_LONGEST_WORD = 20


def checked_select(query: str, *, source: str) -> str:
    """Give the query as SQLAlchemy's `text` wants it: without its last semicolon, colons escaped.

    A database that is opened for reading is the real guard; this one speaks plainly, and refuses
    several statements. Raises SourceError.
    """
    bare = query.strip().rstrip("; \t\r\n")
    if len(bare) > MAX_CHARACTERS:
        raise _refusal(source, f"longer than {MAX_CHARACTERS} characters")
    outside = _QUOTED.sub(_blank, bare)
    if ";" in outside:
        raise _refusal(source, "more than one statement")
    words = re.findall(r"[A-Za-z]+", outside) or ["nothing"]
    if words[0].lower() not in _BEGINS or not outside.lstrip(" (\n\t\r")[:1].isalpha():
        shown = one_line(bare)[:_LONGEST_WORD]
        raise _refusal(source, f"begins with {shown!r}, not with SELECT")
    return _escaped(bare, outside)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _escaped(bare: str, outside: str) -> str:
    r"""Write `\:` for every colon but those of our names, which count outside of quotes only."""
    ours = {
        found.start() for found in re.finditer(rf"(?<![:\w\\]):(?:{'|'.join(BOUND)})\b", outside)
    }
    return "".join(
        rf"\{sign}" if sign == ":" and n not in ours else sign for n, sign in enumerate(bare)
    )


def _refusal(source: str, cause: str) -> SourceError:
    return SourceError(
        f"sql: {source}: query: {cause}", hint='Write one SELECT, as in query = "SELECT …".'
    )
