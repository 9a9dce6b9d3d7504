"""Pure. Read the JSON of a site's API within limits: a hostile answer costs little."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from digest.errors import SourceError
from digest.sources.cleaning import one_line

MAX_BYTES = 5_000_000
MAX_DEPTH = 50
MAX_VALUES = 300_000
"""Of values and containers in all; a page of a hundred stories has 20,000."""

# Possessive, and true at the end of the text as well: never read twice, whatever is not closed.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_LONGEST_WORDS = 300
_NOT_REAL = "Real answers do not look like this."


def read_json(content: bytes, *, what: str, address: str, page_hint: str) -> Any:
    """Give what an API answered. `page_hint` is the remedy when it answered with a web page.

    Raises SourceError, which begins with `what` and the address.
    """
    if len(content) > MAX_BYTES:
        raise _refusal(what, address, f"larger than {MAX_BYTES // 1_000_000} MB", "")
    text = content.decode(json.detect_encoding(content), "replace").strip()
    if not text:
        raise _refusal(what, address, "the answer is empty", "Open the address in a browser.")
    if text.startswith("<"):
        raise _refusal(what, address, "a web page, not the answer of the API", page_hint)
    if built_to_hurt := _limit(text):
        raise _refusal(what, address, built_to_hurt, _NOT_REAL)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cause = f"not JSON: line {error.lineno}: {error.msg[:100]}"
        raise _refusal(what, address, cause, page_hint) from error
    except ValueError as error:  # Python reads no number of more than some thousand digits
        cause = "JSON with a number of thousands of digits"
        raise _refusal(what, address, cause, _NOT_REAL) from error


def object_of(value: Any) -> Mapping[str, Any]:
    """Give a JSON object, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[Mapping[str, Any]]:
    """Give the objects of a JSON list, and none for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def words_of(value: Any) -> str:
    """Give what an API said of its refusal as one short line."""
    return one_line(value[:_LONGEST_WORDS]) if isinstance(value, str) else ""


def without_question(address: str) -> str:
    """Give an address as people are told it: what we ask an API fills lines, and holds its key."""
    return address.partition("?")[0]


def feed_hint(address: str) -> str:
    """Advise the site's feed, where its API cannot be had."""
    parts = urlsplit(address)
    return f'Name the site\'s feed instead, often feed = "{parts.scheme}://{parts.netloc}/feed/".'


def _limit(text: str) -> str:
    bare = _STRING.sub("", text)
    if sum(map(bare.count, ",[{")) > MAX_VALUES:
        return f"JSON of more than {MAX_VALUES:,} values"
    depth = 0
    for bracket in _BRACKET.finditer(bare):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            return f"JSON nested deeper than {MAX_DEPTH}"
    return ""


def _refusal(what: str, address: str, cause: str, hint: str) -> SourceError:
    return SourceError(f"{what}: {address}: {cause}", hint=hint)
