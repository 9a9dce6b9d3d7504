"""Who calls, what they may do, and what they did: each request in the hands of its endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request

from digest.people import store as people
from digest.people.model import ApiToken, Scope
from digest.people.tokens import admits, read_token
from digest.web.api.problems import ProblemError, busy, unauthorised
from digest.web.context import WebContext
from subscribers.limit_store import take
from subscribers.model import Act

_PER_MINUTE = 600
_MINUTE = timedelta(minutes=1)
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Deed:
    """A line of the audit to come."""

    verb: str
    subject: str
    detail: Mapping[str, Any]


@dataclass(slots=True)
class Call:
    """One request by a token that was let in; `now` is aware UTC."""

    context: WebContext
    token: ApiToken
    now: datetime
    deeds: list[Deed] = field(default_factory=list)
    secret: str = field(default="", repr=False)
    """What stands in the answer this once, and is not kept with it."""

    def act(self, *, ip: str | None = None, text: str = "", source: str = "") -> Act:
        """Give the circumstances for the log of consent: the token, and what the caller tells."""
        where = f"{self.token.name}: {source}" if source else self.token.name
        return Act(at=self.now, via="api", ip=ip, text=text, source=where)

    def note(self, verb: str, subject: str, **detail: Any) -> None:
        """Note what was done, for the audit: names of fields and newsletters, never an address."""
        self.deeds.append(Deed(verb, subject, detail))

    @property
    def subject(self) -> str:
        """The reader this request was about, as far as it changed anything."""
        return next((deed.subject for deed in self.deeds if deed.subject), "")


def call_of(request: Request) -> Call:
    """Give the call that this request was let in as."""
    call: Call = request.state.call
    return call


def let_in(context: WebContext, authorization: str, needed: Scope | None) -> Call:
    """Let a token in that works and may do this. Raises ProblemError: 401, 403, 429.

    `needed` None: any token will do.
    """
    now = context.clock()
    token = _known(context, authorization, now)
    if needed is not None and needed not in token.scopes:
        raise ProblemError(403, f"It needs a token with the scope {needed}.")
    with context.database.write() as connection:
        key = f"api:{token.public_id}"
        wait = take(connection, key, most=_PER_MINUTE, within=_MINUTE, now=now)
        people.mark_used(connection, token, at=now)
    if wait is not None:
        raise busy(wait, f"More than {_PER_MINUTE} requests a minute by this token.")
    return Call(context, token, now)


def _known(context: WebContext, authorization: str, now: datetime) -> ApiToken:
    if authorization[: len(_BEARER)].lower() != _BEARER:
        raise unauthorised()
    presented = read_token(authorization[len(_BEARER) :].strip())
    if presented is None:
        raise unauthorised()
    with context.database.read() as connection:
        token = people.find_token(connection, presented.public_id)
    if token is None or not admits(token, presented, now=now):
        raise unauthorised()
    return token
