"""The API of a small site over a real database, for the tests that call it."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.clock import Clock, fixed
from digest.composition.catalogs import load_languages
from digest.composition.environment import load_templates
from digest.db import Database
from digest.editions.model import Edition, Newsletter, Section
from digest.editions.store import edition, edition_by_id, next_number, sync_newsletters
from digest.people import store as people
from digest.people.model import ApiToken, Scope
from digest.people.tokens import make_token
from digest.sources.fetch import Fetcher
from digest.sources.model import SourceKind, SourceSpec
from digest.web.api.application import api_routes
from digest.web.api.tools import ApiTools
from digest.web.context import WebContext
from digest.workflow.model import Newsroom
from subscribers import store
from subscribers.departures import Departures
from tests.integration.newsletters import spec
from tests.integration.web_site import KEYS, NOON, SITE

EVERY_SCOPE = tuple(Scope)
SECTIONS = (Section("town", "Town & Country"), Section("sport", "Sport"))
CONSENT = {"source": "paper form"}
WIRE = SourceSpec("wire", SourceKind.PUSHED, "")


def make_letters(database: Database) -> list[Newsletter]:
    """Write The Daily Brief (1) with topics and hours, The Week (2), and a private one (3)."""
    daily = replace(
        spec("daily", "The Daily Brief", frozenset(range(5))),
        sections=SECTIONS,
        languages=("de",),
        hours=(time(6), time(18, 30)),
    )
    weekly = spec("weekly", "The Week", frozenset({5}))
    staff = replace(spec("staff", "For the Staff", frozenset({0})), offered=False)
    with database.write() as connection:
        return sync_newsletters(connection, [daily, weekly, staff], now=NOON)


def give_token(
    database: Database, scopes: Collection[Scope] = EVERY_SCOPE, *, name: str = "crm"
) -> tuple[str, ApiToken]:
    """Make a token; give its text and what is kept."""
    text, new = make_token(name, scopes, now=NOON)
    with database.write() as connection:
        return text, people.create_token(connection, new)


def begin_edition(
    database: Database, newsletter_id: int = 1, *, day: date = date(2026, 1, 9), **more: Any
) -> Edition:
    """Write an edition that is being sent, one hour after noon; `more` are other columns."""
    at = NOON + timedelta(hours=1)
    with database.write() as connection:
        values = {
            "newsletter_id": newsletter_id,
            "local_date": day,
            "slot_name": "main",
            "number": next_number(connection, newsletter_id),
            "state": "sending",
            "window_after": at - timedelta(days=1),
            "cut_off_at": at,
            "send_at": at,
            "prepared_at": at,
            "sending_at": at,
            **more,
        }
        written = sa.insert(edition).values(values).returning(edition.c.id)
        return edition_by_id(connection, connection.execute(written).scalar_one())


def moving() -> Clock:
    """Give a clock that moves on with each look, so that no limit of a token is ever reached."""
    ticks = itertools.count()

    def now() -> datetime:
        return NOON + timedelta(seconds=next(ticks))

    return now


@dataclass(frozen=True)
class Caller:
    """A program with a token, and a look behind the API."""

    database: Database
    client: TestClient
    text: str
    token: ApiToken

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.text}", **more.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            more["json"] = body
        return self.client.request(
            method, f"/api/v1{path}", headers=headers, follow_redirects=False, **more
        )

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> httpx2.Response:
        return self.call("POST", path, body, **more)

    def add(self, address: str, *newsletters: str, **more: Any) -> str:
        """Add a reader; give their id."""
        body = {"address": address, "newsletters": newsletters or ["daily"], "consent": CONSENT}
        answer = self.post("/subscribers", {**body, **more})
        assert answer.status_code in {200, 201}, answer.text
        public_id: str = answer.json()["id"]
        return public_id

    def audit(self) -> list[tuple[str, str, str, Any]]:
        """Give what the audit says: who, what, to whom, and how."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(people.audit).order_by(people.audit.c.id))
            return [(row.actor, row.verb, row.subject, row.detail) for row in rows]

    def log(self, public_id: str) -> list[tuple[str, int | None, str, str]]:
        """Give what a reader's log says: what, of which newsletter, by what way, from where."""
        with self.database.read() as connection:
            reader = store.find_subscriber(connection, public_id=public_id)
            assert reader is not None
            found = store.consents_of(connection, reader.id)
        return [(one.kind, one.newsletter_id, one.act.via, one.act.source) for one in found]


def api_of(database: Database, /, **more: Any) -> Starlette:
    """Mount the API alone; `more` changes its context."""
    context = WebContext(database, SITE, KEYS, make_letters(database), clock=fixed(NOON))
    context = replace(context, **more)
    return Starlette(routes=api_routes(context, make_tools(context)))


def make_tools(context: WebContext) -> ApiTools:
    """Give a newsroom with one source that stories are pushed to; no name is in its network."""
    newsroom = Newsroom(
        database=context.database,
        site=context.site,
        newsletters=tuple(context.newsletters),
        clock=context.clock,
        environment=load_templates(None),
        languages=load_languages(None),
        secret=b"n" * 32,
        fetcher=Fetcher(resolve=lambda _host, _port: ["127.0.0.1"]),
    )
    return ApiTools(newsroom, sources=lambda: [WIRE])


def open_api(
    database: Database,
    *,
    scopes: Collection[Scope] = EVERY_SCOPE,
    folder: Path | None = None,
    **more: Any,
) -> Caller:
    """Open the API to a program whose token has these scopes; departures go to `folder`."""
    if folder is not None:
        more["departures"] = Departures(folder / "departures")
    client = TestClient(api_of(database, **more), raise_server_exceptions=True)
    return Caller(database, client, *give_token(database, scopes))
