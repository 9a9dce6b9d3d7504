"""Pure. The OpenAPI 3.1 description: what the library finds, and all that it cannot know."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import digest
from digest.people.model import Scope
from digest.web.api.problems import MEDIA_TYPE, TITLES
from digest.web.api.remembering import HEADER, KEY_FORM, REPLAYED
from digest.web.api.route import SCHEME, WRITES
from digest.web.api.values import Problem

_ALWAYS = (401, 403, 422, 429, 500, 503)
_ABOUT = """\
Readers of {name}, for a form of the site's own and for a CRM, and its editions on their way out.

Every request carries a token (`Authorization: Bearer dg_…`), made with `digest tokens add`. A token
belongs on a server: no answer allows another origin, so that a browser cannot use one. Every
refusal is problem+json (RFC 9457) and changes nothing. Times are UTC."""

_TAKES = {
    Scope.SIGNUP: "take sign-ups",
    Scope.READ: "read readers, their consent and their changes",
    Scope.WRITE: "add, change and erase readers",
    Scope.SUPPRESS: "read and write the never-mail list",
    Scope.ARTICLES_WRITE: "push stories, and take them back",
    Scope.NEWSLETTERS_READ: "read a newsletter's sections, hours and size",
    Scope.EDITIONS_READ: "read how far editions are, their stories and what was chosen",
    Scope.EDITIONS_CHOOSE: "choose stories for editions to come",
    Scope.EDITIONS_WRITE: "stop, hold and resume editions",
    Scope.EDITIONS_RELEASE: "approve, skip, send, correct and unpublish editions",
    Scope.WEBHOOKS: "say whom we call about what happens here",
}
_WELL = {
    "200": "What was asked for.",
    "201": "It is there now.",
    "202": "It was taken.",
    "204": "It is done.",
}
_RETRY = {"Retry-After": "Seconds until it may be tried again."}
_ID = "$response.body#/id"


def describe(api: FastAPI, *, name: str, url: str) -> dict[str, Any]:
    """Give the description of the API of one site, whose address is `url`."""
    found = get_openapi(
        title=f"{name}: readers and editions",
        version=digest.__version__,
        openapi_version="3.1.0",
        summary="Subscribing, choosing, leaving, and the proof of it. Editions on their way.",
        description=_ABOUT.format(name=name),
        routes=api.routes,
        servers=[{"url": url}],
    )
    parts = found["components"]
    for left in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(left, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts["schemas"].update(problem.pop("$defs"), Problem=problem)
    parts["securitySchemes"] = {SCHEME: _scheme()}
    parts["responses"] = {str(status): _refusal(status) for status in TITLES}
    parts["parameters"] = {HEADER: _key_parameter()}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method.upper())
    return found


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    """Add to one operation its refusals, its key, and the headers of its answers."""
    statuses = {*_ALWAYS}
    if "{" in path:
        statuses.add(404)
    if "requestBody" in operation:
        statuses |= {400, 413, 415}
    title, _, words = operation["description"].partition("\n\n")
    operation["summary"], operation["description"] = title, words or title
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    answers = operation["responses"]
    answers.pop("422", None)
    for status, answer in answers.items():
        answer["description"] = _WELL[status]
    if method in WRITES:
        statuses.add(409)
        keys = operation.setdefault("parameters", [])
        keys.append({"$ref": f"#/components/parameters/{HEADER}"})
        for answer in answers.values():
            answer.setdefault("headers", {})[REPLAYED] = _header("`true`: this answer was kept.")
    _say_more(answers, path, method)
    for status in sorted(statuses):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out null where it only means that a parameter is not given."""
    told = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(told) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **told[0]}


def _say_more(answers: dict[str, Any], path: str, method: str) -> None:
    listed = {("/subscribers", "GET"), ("/changes", "GET"), ("/editions", "GET")}
    if (path, method) in listed:
        answers["200"]["headers"] = {"Link": _header('The next page, as `<…>; rel="next"`.')}
    if method == "PUT":
        answers["201"] = {**answers["200"], "description": "It began with this."}
    if (path, method) == ("/subscribers", "POST"):
        created = answers["201"]
        answers["200"] = {**created, "description": "We knew them."}
        created["headers"] = {
            **created["headers"],
            "Location": _header("Where this reader is.", required=True),
        }
        answers["200"]["headers"] = created["headers"]
        created["links"] = _links()


def _links() -> dict[str, Any]:
    """Say where one can go on with a reader who was added."""
    about = ("show_subscriber", "change_subscriber", "erase_subscriber", "list_consent")
    one = ("put_subscription", "end_subscription")
    slug = "$request.body#/newsletters/0"
    asked = {
        **{name: {"public_id": _ID} for name in about},
        **{name: {"public_id": _ID, "slug": slug} for name in one},
    }
    return {name: {"operationId": name, "parameters": given} for name, given in asked.items()}


def _scheme() -> dict[str, Any]:
    scopes = "; ".join(f"`{scope}`: may {what}" for scope, what in _TAKES.items())
    return {"type": "http", "scheme": "bearer", "description": f"An API token. Scopes: {scopes}."}


def _key_parameter() -> dict[str, Any]:
    return {
        "name": HEADER,
        "in": "header",
        "description": "A word of your own for this request. Sent again within a day with the same "
        "body, it gets the same answer and acts no second time.",
        "schema": {"type": "string", "pattern": KEY_FORM, "minLength": 1, "maxLength": 255},
        "example": "order-4711-signup",
    }


def _refusal(status: int) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"#problem-{status}",
        "title": TITLES[status],
        "status": status,
        "detail": f"{TITLES[status]}.",
    }
    refusal: dict[str, Any] = {
        "description": TITLES[status],
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        },
    }
    if status in {429, 503}:
        refusal["headers"] = {name: _header(words) for name, words in _RETRY.items()}
    if status == 401:  # noqa: PLR2004 - RFC 9110 11.6.1 wants the challenge
        refusal["headers"] = {"WWW-Authenticate": _header("How to show a token.", required=True)}
    return refusal


def _header(words: str, *, required: bool = False) -> dict[str, Any]:
    return {"description": words, "required": required, "schema": {"type": "string"}}
