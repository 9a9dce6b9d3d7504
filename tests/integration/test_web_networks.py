"""Which network a sign-up is counted for, behind a real server: the peer's, unless we trust it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import httpx2
import pytest

from digest.clock import fixed
from digest.db import Database
from digest.web.context import WebContext
from digest.web.routes import make_app
from digest.web.server import serve_web
from subscribers.form_time import sign_form_time
from subscribers.limits import SignupPolicy
from tests.integration.newsletters import make_newsletters
from tests.integration.web_site import KEYS, NOON, SITE

RIPE = sign_form_time(KEYS.links, NOON - timedelta(seconds=3))


def _statuses(
    database: Database,
    callers: Sequence[str],
    *,
    trusted: Sequence[str],
    form_time: str | None = RIPE,
    policy: SignupPolicy | None = None,
) -> list[int]:
    """Sign up once for each caller that X-Forwarded-For names; give the answers."""
    newsletters = make_newsletters(database)
    policy = policy or SignupPolicy(per_network=2)
    app = make_app(WebContext(database, SITE, KEYS, newsletters, clock=fixed(NOON), policy=policy))

    async def run() -> list[int]:
        stop, opened = asyncio.Event(), asyncio.Queue[str]()
        serving = asyncio.create_task(
            serve_web(app, "127.0.0.1", 0, stop, told=opened.put_nowait, trusted_proxies=trusted)
        )
        found = []
        async with httpx2.AsyncClient(base_url=await opened.get(), trust_env=False) as client:
            for n, caller in enumerate(callers):
                fields = {"email": f"r{n}@reader.example", "newsletter": "daily"}
                if form_time is not None:
                    fields["form_time"] = form_time
                headers = {"X-Forwarded-For": caller}
                answer = await client.post("/subscribe", data=fields, headers=headers)
                found.append(answer.status_code)
        stop.set()
        await asyncio.wait_for(serving, 5)
        return found

    return asyncio.run(run())


ROTATED = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "198.51.100.7, 192.0.2.9"]


def test_a_peer_that_is_not_trusted_cannot_call_itself_others(sqlite_database: Database) -> None:
    assert _statuses(sqlite_database, ROTATED, trusted=()) == [200, 200, 429, 429]


def test_a_trusted_proxy_is_believed_about_who_called(sqlite_database: Database) -> None:
    assert _statuses(sqlite_database, ROTATED, trusted=("127.0.0.1",)) == [200] * 4


def test_what_a_caller_wrote_before_the_proxy_is_not_believed(sqlite_database: Database) -> None:
    spoofed = [f"192.0.2.{n}, 198.51.100.7" for n in range(4)]
    assert _statuses(sqlite_database, spoofed, trusted=("127.0.0.1",)) == [200, 200, 429, 429]


def test_a_network_is_a_whole_range_of_ipv6(sqlite_database: Database) -> None:
    hosts = [f"2001:db8::{n}" for n in range(1, 4)]
    assert _statuses(sqlite_database, hosts, trusted=("127.0.0.1",)) == [200, 200, 429]


@pytest.mark.parametrize(("trusted", "answers"), [((), [200, 200, 200, 422, 422])])
def test_of_forms_without_a_time_a_network_has_three_an_hour(
    database: Database, trusted: Sequence[str], answers: list[int]
) -> None:
    found = _statuses(database, [""] * 5, trusted=trusted, form_time=None, policy=SignupPolicy())
    assert found == answers


def test_who_has_used_theirs_up_gets_our_own_form_with_what_they_typed(
    sqlite_database: Database,
) -> None:
    bare = [200, 200, 200, 422]
    policy = SignupPolicy()
    assert _statuses(sqlite_database, [""] * 4, trusted=(), form_time=None, policy=policy) == bare
    assert _statuses(sqlite_database, [""], trusted=(), policy=policy) == [200]
