from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.db import Database
from digest.outbox import hook_store
from digest.outbox.hooks import HookEvent
from digest.outbox.signature import is_genuine
from digest.people import store as people
from digest.web.api.application import api_routes
from digest.web.api.tools import ApiTools
from digest.web.context import WebContext
from digest.workflow.call_out import CallTools, call_out
from tests.integration.api_site import (
    Caller,
    begin_edition,
    give_token,
    make_letters,
    make_tools,
    open_api,
)
from tests.integration.hook_listener import Listener, listening
from tests.integration.web_site import KEYS, NOON, SITE

FACTS = {"address": "daily/2026-01-09"}
ALLOW = ("127.0.0.0/8",)


@dataclass(frozen=True)
class Site:
    """A site that may call this machine, and a program that may say whom."""

    api: Caller
    tools: ApiTools

    def happens(self, key: str) -> None:
        with self.api.database.write() as connection:
            event = HookEvent.EDITION_SENT
            hook_store.tell(connection, event, key=key, facts=lambda: FACTS, at=NOON)

    def calls(self) -> None:
        call_out(CallTools(self.tools.newsroom, KEYS.suppression, ALLOW))

    def add(self, listener: Listener, **more: Any) -> Any:
        body = {"url": listener.url(), "events": ["edition.sent"], **more}
        answer = self.api.post("/webhooks", body)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
def site(database: Database) -> Site:
    context = WebContext(database, SITE, KEYS, make_letters(database), clock=fixed(NOON))
    tools = replace(make_tools(context), webhook_networks=ALLOW)
    client = TestClient(Starlette(routes=api_routes(context, tools)))
    return Site(Caller(database, client, *give_token(database)), tools)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def test_a_webhook_is_registered_called_looked_at_and_removed(
    site: Site, listener: Listener
) -> None:
    made = site.add(listener)
    secret, hook = made.pop("secret"), made["id"]
    assert made == {
        "id": hook,
        "url": listener.url(),
        "events": ["edition.sent"],
        "addresses": False,
        "state": "active",
        "reason": "",
        "created_at": "2026-01-09T12:00:00Z",
        "last_ok_at": None,
        "failing_since": None,
        "waiting": 0,
        "failed": 0,
    }
    site.happens("1")
    assert site.api.get(f"/webhooks/{hook}").json()["waiting"] == 1
    site.calls()
    (heard,) = listener.heard
    assert is_genuine(heard.headers, heard.body, secret, now=NOON)
    (shown,) = site.api.get("/webhooks").json()["webhooks"]
    assert shown == {**made, "last_ok_at": "2026-01-09T12:00:00Z"}
    (call,) = site.api.get(f"/webhooks/{hook}/calls").json()["calls"]
    assert (call["id"], call["event"], call["state"], call["attempts"], call["status"]) == (
        heard.said["id"],
        "edition.sent",
        "sent",
        1,
        204,
    )
    assert site.api.call("DELETE", f"/webhooks/{hook}").status_code == 204
    assert site.api.get(f"/webhooks/{hook}").status_code == 404
    verbs = [(actor, verb) for actor, verb, _, _ in site.api.audit()]
    assert verbs == [
        (site.api.token.actor, "webhook.add"),
        (site.api.token.actor, "webhook.remove"),
    ]


def test_a_log_is_read_page_by_page(site: Site, listener: Listener) -> None:
    hook = site.add(listener)["id"]
    for key in "123":
        site.happens(key)
    first = site.api.get(f"/webhooks/{hook}/calls", params={"limit": 2}).json()
    last = site.api.get(f"/webhooks/{hook}/calls", params={"before": first["next"]}).json()
    assert [len(first["calls"]), len(last["calls"]), last["next"]] == [2, 1, None]


def test_a_test_says_what_came_of_it(site: Site, listener: Listener) -> None:
    hook = site.add(listener)["id"]
    listener.status = 401
    assert site.api.post(f"/webhooks/{hook}/test", {}).json() == {
        "taken": False,
        "status": 401,
        "words": "refused, 401",
    }


def test_what_was_given_up_is_called_again(site: Site, listener: Listener) -> None:
    hook = site.add(listener)["id"]
    listener.status = 410
    site.happens("1")
    site.calls()
    paused = site.api.get(f"/webhooks/{hook}").json()
    assert (paused["state"], paused["reason"]) == (
        "paused",
        "It answers that it is gone for good (410).",
    )
    listener.status = 200
    assert site.api.post(f"/webhooks/{hook}/retry", {}).json() == {"calls": 1}
    site.calls()
    assert site.api.get(f"/webhooks/{hook}").json()["waiting"] == 0


def test_a_secret_is_shown_once_and_not_kept_with_the_answer(
    site: Site, listener: Listener
) -> None:
    body = {"url": listener.url(), "events": ["edition.sent"]}
    first = site.api.post("/webhooks", body, key="hook-1").json()
    again = site.api.post("/webhooks", body, key="hook-1").json()
    assert first["secret"].startswith("whsec_")
    assert again == {**first, "secret": ""}
    new = site.api.post(f"/webhooks/{first['id']}/rotate", {}).json()["secret"]
    assert new not in {"", first["secret"]}
    with site.api.database.read() as connection:
        kept = [
            *connection.scalars(sa.select(people.idempotency.c.body)),
            *connection.scalars(sa.select(hook_store.webhook_endpoint.c.salt)),
            *connection.scalars(sa.select(hook_store.webhook_endpoint.c.former_salt)),
        ]
    assert not any(first["secret"] in each or new in each for each in kept)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "ftp://crm.example", "events": ["edition.sent"]}, "/url"),
        ({"url": "http://crm.example", "events": ["edition.sent"]}, "/url"),
        ({"url": "https://crm.example", "events": ["edition.read"]}, "/events/0"),
        ({"url": "https://crm.example", "events": []}, "/events"),
        ({"url": "https://crm.example", "events": ["edition.sent"] * 2}, "/events"),
    ],
)
def test_what_cannot_be_called_is_refused_with_its_place(
    sqlite_database: Database, body: dict[str, Any], pointer: str
) -> None:
    refused = open_api(sqlite_database).post("/webhooks", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


def test_an_edition_is_taken_out_of_the_archive_and_put_back(site: Site) -> None:
    begin_edition(site.api.database, day=date(2026, 1, 9))
    path = "/editions/daily/2026-01-09"
    done = [
        site.api.post(f"{path}/unpublish", {"reason": "It named a child"}).json(),
        site.api.post(f"{path}/unpublish", {"reason": "It named a child"}).json(),
        site.api.post(f"{path}/publish", {}).json(),
    ]
    assert [(each["published"], each["changed"]) for each in done] == [
        (False, True),
        (False, False),
        (True, True),
    ]
    assert [verb for _, verb, _, _ in site.api.audit()] == ["edition.unpublish", "edition.publish"]


def test_what_nobody_has_has_no_page_to_be_taken_out(site: Site) -> None:
    begin_edition(site.api.database, state="in review", sending_at=None)
    refused = site.api.post("/editions/daily/1/unpublish", {"reason": "Too early"})
    assert refused.status_code == 409
    assert refused.json()["hint"] == "To drop it: digest skip daily/2026-01-09"
