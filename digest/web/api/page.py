"""The page that explains the API to people, made of its own description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from digest.composition.language import ENGLISH
from digest.web.api.problems import ROOT, TITLES
from digest.web.api.route import SCHEME
from digest.web.context import WebContext
from digest.web.pages import Pages


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a body or one parameter."""

    name: str
    kind: str
    needed: bool
    words: str


@dataclass(frozen=True, slots=True)
class _Operation:
    """One thing that can be asked for."""

    method: str
    path: str
    title: str
    words: str
    scope: str
    parameters: tuple[_Field, ...]
    fields: tuple[_Field, ...]
    answers: tuple[tuple[str, str], ...]


class DescriptionPage:
    """The handler, bound to one site."""

    def __init__(
        self, context: WebContext, pages: Pages, description: Callable[[], Mapping[str, Any]]
    ) -> None:
        """Take what gives the description."""
        self.context = context
        self.pages = pages
        self.description = description

    def show(self, request: Request) -> Response:
        """GET /docs: in English, as the names in the API are."""
        del request
        return self.pages.show(
            "api",
            language=self.context.languages.of(ENGLISH.tag),
            url=f"{self.context.site.public_url}{ROOT}",
            groups=_groups(self.description()),
            titles=TITLES,
        )


def _groups(description: Mapping[str, Any]) -> dict[str, list[_Operation]]:
    groups: dict[str, list[_Operation]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            shown = _operation(description, path, method.upper(), operation)
            groups.setdefault(operation["tags"][0], []).append(shown)
    return groups


def _operation(
    description: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> _Operation:
    title, words = operation["summary"], operation["description"]
    scopes = operation["security"][0][SCHEME]
    answers = {
        status: _resolved(description, answer)["description"]
        for status, answer in operation["responses"].items()
    }
    return _Operation(
        method=method,
        path=path,
        title=title,
        words="" if words == title else words.replace("\n", " "),
        scope=scopes[0] if scopes else "any",
        parameters=tuple(
            _parameter(_resolved(description, each)) for each in operation.get("parameters", ())
        ),
        fields=_fields(description, operation),
        answers=tuple(sorted(answers.items())),
    )


def _parameter(told: Mapping[str, Any]) -> _Field:
    words = told.get("description") or told["schema"].get("description", "")
    return _Field(told["name"], _kind(told["schema"]), told.get("required", False), words)


def _fields(description: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[_Field, ...]:
    if "requestBody" not in operation:
        return ()
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = _resolved(description, body)
    needed = schema.get("required", ())
    return tuple(
        _Field(name, _kind(told), name in needed, told.get("description", ""))
        for name, told in schema["properties"].items()
    )


def _resolved(description: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, if it is one."""
    found: Mapping[str, Any] = told
    if "$ref" in told:
        found = description
        for step in told["$ref"].removeprefix("#/").split("/"):
            found = found[step]
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    """Say what a field holds, in a word or two."""
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "$ref" in schema:
        return "object"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("const") or schema.get("type", "any"))
