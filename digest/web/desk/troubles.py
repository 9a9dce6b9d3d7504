"""Pure. What the desk says when something cannot be done: a title, a sentence, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from digest.errors import (
    ConflictError,
    DatabaseError,
    DigestError,
    NotFoundError,
    WorkflowError,
)
from digest.people.model import Role
from subscribers.limits import LimitError


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something was not done, for a person to read."""

    status: int
    title: str
    sentence: str
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


_SAID = {
    HTTPStatus.BAD_REQUEST: (
        "We could not read that",
        "The form came damaged, so nothing was changed.",
        "Go back, and send it again.",
    ),
    HTTPStatus.UNAUTHORIZED: (
        "You are signed out",
        "Nothing was changed, and what you typed is still here.",
        "Sign in in another tab, then come back and do it again.",
    ),
    HTTPStatus.FORBIDDEN: (
        "That did not come from your page",
        "The form was another person's or another site's, so nothing was changed.",
        "Open the page again, and do it there.",
    ),
    HTTPStatus.NOT_FOUND: ("There is nothing here", "The desk has no such page.", ""),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This page does not do that",
        "It was asked in a way it does not know.",
        "Open it by its link, and use its buttons.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "That was too long",
        "It was more than this page takes, so nothing was changed.",
        "Go back and shorten it, or send a smaller file.",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "Too many at once",
        "That was tried too often from your network.",
        "Try it again later.",
    ),
}


def of_status(status: int) -> Trouble:
    """Say what a status of HTTP means here."""
    other = ("That did not work", "Nothing was changed.", "Try it again.")
    return Trouble(status, *_SAID.get(HTTPStatus(status), other))


def of_error(error: DigestError) -> Trouble:
    """Say an error in its own words."""
    title, status = "That did not work", HTTPStatus.UNPROCESSABLE_ENTITY
    headers: dict[str, str] = {}
    if isinstance(error, ConflictError):
        title, status = "Somebody else was there first", HTTPStatus.CONFLICT
    elif isinstance(error, WorkflowError):
        title, status = "Not as things stand now", HTTPStatus.CONFLICT
    elif isinstance(error, NotFoundError):
        title, status = "There is nothing here", HTTPStatus.NOT_FOUND
    elif isinstance(error, DatabaseError):
        title, status = "The database is away", HTTPStatus.SERVICE_UNAVAILABLE
    elif isinstance(error, LimitError):
        title, status = "Too many at once", HTTPStatus.TOO_MANY_REQUESTS
        headers["Retry-After"] = str(max(1, math.ceil(error.wait.total_seconds())))
    return Trouble(status, title, sentence(str(error)), error.hint, headers)


def of_role(role: Role, needed: Role) -> Trouble:
    """Say that something needs another role than somebody has."""
    return Trouble(
        HTTPStatus.FORBIDDEN,
        "That is not yours to do",
        f"You are {with_article(role)}; this needs {with_article(needed)}.",
        "An admin changes roles on the page People.",
    )


def with_article(role: Role) -> str:
    """Say a role with its article, as in `an editor`."""
    return f"{'an' if role.value[0] in 'aeiou' else 'a'} {role}"


def sentence(words: str) -> str:
    """Give a message as a sentence: it begins with a capital and ends with a full stop."""
    words = words.strip()
    ended = words if words.endswith((".", "?", "!")) else f"{words}."
    return ended[:1].upper() + ended[1:]
