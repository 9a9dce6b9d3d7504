from __future__ import annotations

import time
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from digest.db import Database
from digest.people import store as people
from digest.people.model import Scope
from digest.people.tokens import make_token
from subscribers.limit_store import take
from tests.integration.api_site import EVERY_SCOPE, api_of, open_api
from tests.integration.newsletters import all_rows
from tests.integration.web_site import MARIA, NOON

NOBODY = "0" * 24
NO_HOOK = "0" * 12
CALLS: dict[tuple[str, str], Scope | None] = {
    ("GET", "/newsletters"): None,
    ("POST", "/signups"): Scope.SIGNUP,
    ("GET", "/subscribers"): Scope.READ,
    ("POST", "/subscribers"): Scope.WRITE,
    ("GET", f"/subscribers/{NOBODY}"): Scope.READ,
    ("PATCH", f"/subscribers/{NOBODY}"): Scope.WRITE,
    ("DELETE", f"/subscribers/{NOBODY}"): Scope.WRITE,
    ("GET", f"/subscribers/{NOBODY}/consent"): Scope.READ,
    ("PUT", f"/subscribers/{NOBODY}/subscriptions/daily"): Scope.WRITE,
    ("DELETE", f"/subscribers/{NOBODY}/subscriptions/daily"): Scope.WRITE,
    ("GET", "/suppressions"): Scope.SUPPRESS,
    ("POST", "/suppressions"): Scope.SUPPRESS,
    ("GET", "/changes"): Scope.READ,
    ("GET", "/segments/count"): Scope.READ,
    ("GET", "/editions"): Scope.EDITIONS_READ,
    ("GET", "/editions/daily/1"): Scope.EDITIONS_READ,
    **{
        ("POST", f"/editions/daily/1/{verb}"): Scope.EDITIONS_WRITE
        for verb in ("stop", "hold", "resume")
    },
    **{
        ("POST", f"/editions/daily/1/{verb}"): Scope.EDITIONS_RELEASE
        for verb in ("approve", "skip", "send", "correct", "unpublish", "publish")
    },
    ("GET", "/newsletters/daily"): Scope.NEWSLETTERS_READ,
    ("POST", "/articles"): Scope.ARTICLES_WRITE,
    ("POST", "/articles/withdraw"): Scope.ARTICLES_WRITE,
    ("GET", "/editions/daily/1/candidates"): Scope.EDITIONS_READ,
    ("GET", "/editions/daily/1/choices"): Scope.EDITIONS_READ,
    **{
        ("POST", f"/editions/daily/1/choices{step}"): Scope.EDITIONS_CHOOSE
        for step in ("", "/undo", "/redo")
    },
    ("GET", "/webhooks"): Scope.WEBHOOKS,
    ("POST", "/webhooks"): Scope.WEBHOOKS,
    ("GET", f"/webhooks/{NO_HOOK}"): Scope.WEBHOOKS,
    ("DELETE", f"/webhooks/{NO_HOOK}"): Scope.WEBHOOKS,
    ("GET", f"/webhooks/{NO_HOOK}/calls"): Scope.WEBHOOKS,
    **{
        ("POST", f"/webhooks/{NO_HOOK}/{verb}"): Scope.WEBHOOKS
        for verb in ("rotate", "retry", "test")
    },
}
NEVER_STORED = {"Set-Cookie", "Access-Control-Allow-Origin", "Server", "X-Powered-By"}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_every_endpoint_is_in_this_list(sqlite_database: Database) -> None:
    described = open_api(sqlite_database).client.get("/api/v1/openapi.json").json()["paths"]
    names = {"public_id": NOBODY, "slug": "daily", "edition": "1", "hook_id": NO_HOOK}
    named = {
        (method.upper(), path.format_map(names))
        for path, operations in described.items()
        for method in operations
    }
    assert named == set(CALLS)


def test_a_token_does_what_its_scope_says_and_no_more(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    for scope in Scope:
        text, new = make_token("one", [scope], now=NOON)
        with sqlite_database.write() as connection:
            people.create_token(connection, new)
        for (method, path), needed in CALLS.items():
            answer = api.call(method, path, headers=bearer(text))
            refused = answer.status_code == 403
            assert refused == (needed not in {None, scope}), (scope, method, path)
            if refused:
                detail = f"It needs a token with the scope {needed}."
                assert answer.json()["detail"] == detail


def test_every_token_that_does_not_work_gets_the_same_answer(database: Database) -> None:
    api = open_api(database)
    texts = [api.text]
    for life in (timedelta(seconds=1), None):
        text, new = make_token("old", EVERY_SCOPE, now=NOON - timedelta(days=1), life=life)
        texts.append(text)
        with database.write() as connection:
            kept = people.create_token(connection, new)
            if life is None:
                people.revoke_token(connection, kept.id, at=NOON)
    headers = [
        {},
        bearer(""),
        bearer("dg_"),
        bearer(texts[1]),
        bearer(texts[2]),
        bearer(make_token("x", EVERY_SCOPE, now=NOON)[0]),
        bearer(api.text[:-1]),
        bearer(f"{api.text}0"),
        bearer(api.text.upper()),
        {"Authorization": api.text},
        {"Authorization": f"Basic {api.text}"},
    ]
    answers = [
        api.client.request(method, f"/api/v1{path}", headers=each)
        for each in headers
        for method, path in CALLS
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (401, answers[0].content)
    }
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="digest"'
    assert answers[0].json()["hint"].startswith("Send it as: Authorization: Bearer dg_")


def test_a_token_with_one_bit_changed_is_forged(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    before = all_rows(sqlite_database)

    @given(at=st.integers(0, len(api.text) - 1), bit=st.integers(0, 6))
    def flipped(at: int, bit: int) -> None:
        letter = chr(ord(api.text[at]) ^ 1 << bit)
        forged = f"Bearer {api.text[:at]}{letter}{api.text[at + 1 :]}".encode()
        answer = api.client.get("/api/v1/changes", headers={b"Authorization": forged})
        assert answer.status_code == 401

    flipped()
    assert all_rows(sqlite_database) == before


def test_the_word_bearer_has_no_case(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    answer = api.get("/newsletters", headers={"Authorization": f"bEARER  {api.text}"})
    assert answer.status_code == 200


def test_use_is_noted_once_a_minute(database: Database) -> None:
    now = [NOON]
    api = open_api(database, clock=lambda: now[0])

    def used_at(later: timedelta) -> datetime | None:
        now[0] = NOON + later
        api.get("/newsletters")
        with database.read() as connection:
            return people.list_tokens(connection)[0].last_used_at

    assert used_at(timedelta(0)) == NOON
    assert used_at(timedelta(seconds=59)) == NOON
    assert used_at(timedelta(seconds=60)) == NOON + timedelta(seconds=60)


def test_a_token_that_calls_too_often_waits(database: Database) -> None:
    api = open_api(database)
    api.get("/newsletters")
    key, minute = f"api:{api.token.public_id}", timedelta(minutes=1)
    with database.write() as connection:
        for _ in range(599):
            take(connection, key, most=600, within=minute, now=NOON)
    answer = api.get("/newsletters")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert answer.json()["detail"] == "More than 600 requests a minute by this token."
    later = TestClient(api_of(database, clock=lambda: NOON + minute))
    assert later.get("/api/v1/newsletters", headers=bearer(api.text)).status_code == 200


def test_answers_are_for_no_cache_no_frame_and_no_other_origin(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    origin = {"Origin": "https://elsewhere.example"}
    for answer in (
        api.get("/newsletters", headers=origin),
        api.get("/nothing", headers=origin),
        api.call("OPTIONS", "/subscribers", headers=origin),
        api.client.get("/api/v1/newsletters", headers=origin),
        api.client.get("/api/v1/docs", headers=origin),
        api.client.get("/api/v1/openapi.json", headers=origin),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert not {name.title() for name in answer.headers} & NEVER_STORED


def test_reading_changes_nothing_but_the_counters(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    public_id = api.add(MARIA)
    counters = {"limit_window", "api_token"}
    before = {k: v for k, v in all_rows(sqlite_database).items() if k not in counters}
    for path in ("/newsletters", "/subscribers", "/changes", f"/subscribers/{public_id}/consent"):
        for method in ("GET", "HEAD"):
            api.call(method, path)
    api.call("HEAD", f"/subscribers/{public_id}")
    after = {k: v for k, v in all_rows(sqlite_database).items() if k not in counters}
    assert after == before


def test_a_sign_up_takes_as_long_for_whoever_is_asked_for(sqlite_database: Database) -> None:
    floor = timedelta(milliseconds=100)
    api = open_api(sqlite_database, answer_after=floor)
    api.add(MARIA)
    api.post("/suppressions", {"address": "never@reader.example"})

    def seconds(address: str) -> float:
        began = time.perf_counter()
        answer = api.post("/signups", {"address": address, "newsletters": ["daily"]})
        assert answer.status_code == 202
        return time.perf_counter() - began

    rounds = [
        (seconds(MARIA), seconds("never@reader.example"), seconds(f"new{n}@reader.example"))
        for n in range(5)
    ]
    assert min(map(min, rounds)) >= floor.total_seconds() * 0.99
    steps = {
        round(min(each) / floor.total_seconds())  # the others may have waited for the machine
        for each in zip(*rounds, strict=True)
    }
    assert len(steps) == 1
