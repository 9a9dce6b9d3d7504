"""Pure. Every refusal as problem+json (RFC 9457), in our words: what, where, and the remedy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from digest.errors import AddressError, DatabaseError, DigestError, NotFoundError
from digest.web.security import add_headers
from subscribers.address import AddressRefusedError
from subscribers.limits import LimitError

ROOT = "/api/v1"
MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "This is not JSON",
    401: "No token that works",
    403: "This token may not do that",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "It stands against what there is",
    413: "That is too long",
    415: "Only JSON is read here",
    422: "Something in it cannot be taken",
    429: "Too many at once",
    500: "Something went wrong on our side",
    503: "The database does not answer",
}
"""One title for each status, always the same."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a request: where it stands, and what it is."""

    detail: str
    pointer: str | None = None
    """A JSON Pointer (RFC 6901) into the body."""
    parameter: str | None = None
    """The name of a query parameter or a header."""


@dataclass(slots=True)
class ProblemError(Exception):
    """A request that is refused; what it would have done is not done."""

    status: int
    detail: str = ""
    faults: Sequence[Fault] = ()
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(error: ProblemError, *, explained: str) -> Response:
    """Make the answer; `explained` is the address of the page that explains the types."""
    title = TITLES.get(error.status, HTTPStatus(error.status).phrase)
    content: dict[str, Any] = {
        "type": f"{explained}#problem-{error.status}",
        "title": title,
        "status": error.status,
        "detail": error.detail or f"{title}.",
    }
    if error.hint:
        content["hint"] = error.hint
    if error.faults:
        content["errors"] = [_fault(each) for each in error.faults]
    body = json.dumps(content, ensure_ascii=True)
    response = Response(body, error.status, dict(error.headers), MEDIA_TYPE)
    add_headers(response.headers)  # the answer to a crash is sent from outside the middleware
    return response


def too_large(scope: Scope, *, public_url: str) -> Response | None:
    """Refuse a body that is declared too long, where it was sent to the API; None elsewhere."""
    if f"{ROOT}/" not in scope["path"]:
        return None
    return problem(ProblemError(413), explained=docs_of(public_url))


def docs_of(public_url: str) -> str:
    """Give the address of the page that explains the types of problems."""
    return f"{public_url}{ROOT}/docs"


def unauthorised() -> ProblemError:
    """Refuse a token that is missing, wrong, expired or revoked: the same for all of them."""
    return ProblemError(
        401,
        "A token of ours is missing, or it does not work.",
        hint="Send it as: Authorization: Bearer dg_… Make one with: digest tokens add NAME",
        headers={"WWW-Authenticate": 'Bearer realm="digest"'},
    )


def busy(wait: timedelta, detail: str) -> ProblemError:
    """Refuse what comes too fast."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    return ProblemError(429, detail, headers={"Retry-After": str(seconds)})


def in_field(pointer: str, detail: str, *, hint: str = "") -> ProblemError:
    """Refuse one field of the body."""
    return ProblemError(422, hint=hint, detail=detail, faults=[Fault(detail, pointer=pointer)])


def in_parameter(name: str, detail: str, *, hint: str = "") -> ProblemError:
    """Refuse one query parameter or header."""
    return ProblemError(422, hint=hint, detail=detail, faults=[Fault(detail, parameter=name)])


def bad_address(
    error: AddressRefusedError, *, pointer: str = "", parameter: str = ""
) -> ProblemError:
    """Refuse an address in a field of the body, or in a parameter."""
    detail = f"{error.cause[:1].upper()}{error.cause[1:]}."
    fault = Fault(detail, pointer or None, parameter or None)
    return ProblemError(422, detail, [fault], hint=error.hint)


def of_digest(error: DigestError) -> ProblemError:
    """Give the refusal that one of our own errors stands for."""
    if isinstance(error, LimitError):
        return busy(error.wait, "More sign-ups than are taken in an hour.")
    if isinstance(error, DatabaseError):
        return ProblemError(503, "Try it again in a minute.", headers={"Retry-After": "60"})
    if isinstance(error, NotFoundError):
        return ProblemError(404, str(error), hint=error.hint)
    return ProblemError(409 if isinstance(error, AddressError) else 422, str(error))


def of_validation(errors: Sequence[Mapping[str, Any]]) -> ProblemError:
    """Put what the library found into our words; an id of no reader's form is nobody's."""
    if any(error["loc"][0] == "path" for error in errors):
        return ProblemError(404)
    faults = [_in_words(error) for error in errors]
    return ProblemError(422, faults[0].detail, faults)


def pointer_to(path: Sequence[str | int]) -> str:
    """Write a JSON Pointer (RFC 6901)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)


def _fault(fault: Fault) -> dict[str, str]:
    place = {"pointer": fault.pointer, "parameter": fault.parameter}
    return {
        "detail": fault.detail,
        **{name: where for name, where in place.items() if where is not None},
    }


def _in_words(error: Mapping[str, Any]) -> Fault:
    where, *path = error["loc"]
    if where == "body":
        return Fault(_sentence(error), pointer=pointer_to(path))
    return Fault(_sentence(error), parameter=str(path[0]) if path else where)


_SENTENCES = {
    "missing": "It is missing.",
    "extra_forbidden": "There is no field of this name.",
    "string_type": "It must be text.",
    "string_too_short": "It has fewer than {min_length} characters.",
    "string_too_long": "It has more than {max_length} characters.",
    "string_pattern_mismatch": "It is not written as this field must be: {pattern}",
    "too_short": "It has fewer than {min_length} entries.",
    "too_long": "It has more than {max_length} entries.",
    "bool_type": "It must be true or false.",
    "list_type": "It must be a list.",
    "dict_type": "It must be an object.",
    "model_attributes_type": "It must be an object.",
    "model_type": "It must be an object.",
    "literal_error": "It must be one of: {expected}",
    "int_parsing": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "int_parsing_size": "This number is too large.",
    "greater_than_equal": "It must be at least {ge}.",
    "less_than_equal": "It must be at most {le}.",
    "value_error": "{error}",
}


def _sentence(error: Mapping[str, Any]) -> str:
    words = _SENTENCES.get(error["type"], "It cannot be taken as it is.")
    return words.format_map(error.get("ctx", {}))
