"""Read a request's body and query strictly: what is not exactly JSON text is refused before use."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

from starlette.requests import Request

from digest.web.api.problems import Fault, ProblemError, in_parameter, pointer_to

_DEEPEST = 16
_UNSAFE = re.compile("[\0\ud800-\udfff]")


async def read_body(request: Request) -> bytes:
    """Read a body that must be JSON, and give its bytes. Raises ProblemError: 400, 415, 422."""
    body = await request.body()
    if not body:
        return body
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "Send it with: Content-Type: application/json")
    faults = [
        Fault("It holds a character that no text has (NUL, or half of one).", pointer_to(path))
        for path, text in _texts(_parsed(body), ())
        if unsafe(text)
    ]
    if faults:
        raise ProblemError(422, faults[0].detail, faults)
    return body


def refuse_query(request: Request, known: Collection[str]) -> None:
    """Refuse query parameters that are unknown, given twice, or hold NUL. Raises ProblemError."""
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise in_parameter(_shown(name), "There is no parameter of this name.")
        if name in seen:
            raise in_parameter(name, "It is given more than once.")
        if unsafe(value):
            raise in_parameter(name, "It holds a character that no text has.")
        seen.add(name)


def unsafe(text: str) -> bool:
    """Tell whether PostgreSQL or UTF-8 could not keep a text: NUL, halves of surrogate pairs."""
    return _UNSAFE.search(text) is not None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "The body is not JSON in UTF-8.") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Give every text in a value with where it stands, the names of fields among them."""
    if len(path) > _DEEPEST:
        raise ProblemError(400, f"The body is more than {_DEEPEST} levels deep.")
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _texts(each, (*path, at))
    elif isinstance(value, dict):
        for name, each in value.items():
            yield path, name
            yield from _texts(each, (*path, name))


def _shown(name: str) -> str:
    return name[:80].encode("ascii", "backslashreplace").decode("ascii")
