from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from digest.db import Database
from digest.people import store as people
from digest.web.api.problems import too_large
from subscribers import store
from subscribers.limits import SignupPolicy
from tests.integration.api_site import CONSENT, Caller, api_of, moving, open_api
from tests.integration.newsletters import all_rows
from tests.integration.web_site import MARIA, NOON, SITE

ADDED = {"address": MARIA, "newsletters": ["daily"], "consent": CONSENT}
JSON = {"Content-Type": "application/json"}
PROBLEM = "application/problem+json"


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


# Idempotency


def test_a_request_sent_again_with_its_key_acts_once(database: Database) -> None:
    api = open_api(database)
    first = api.post("/subscribers", ADDED, key="order-1")
    again = api.post("/subscribers", ADDED, key="order-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert len(api.audit()) == 1
    plain = api.post("/subscribers", ADDED)
    assert plain.status_code == 200


def test_a_key_belongs_to_one_request_and_one_token(database: Database) -> None:
    api, other = open_api(database), open_api(database)
    api.post("/subscribers", ADDED, key="k")
    for method, path, body in (
        ("POST", "/subscribers", {**ADDED, "newsletters": ["weekly"]}),
        ("POST", "/suppressions", {"address": MARIA}),
        ("POST", "/subscribers?x=1", ADDED),
    ):
        answer = api.call(method, path, body, key="k")
        assert answer.status_code == 422, path
    assert api.post("/subscribers", {**ADDED, "newsletters": ["weekly"]}, key="k").json()[
        "errors"
    ] == [{"detail": "This key was used for another request.", "parameter": "Idempotency-Key"}]
    assert other.post("/subscribers", ADDED, key="k").status_code == 200


def test_a_key_is_kept_for_a_day(database: Database) -> None:
    now = [NOON]
    api = open_api(database, clock=lambda: now[0])
    api.post("/subscribers", ADDED, key="k")
    now[0] += timedelta(days=1)
    assert api.post("/subscribers", ADDED, key="k").headers["Idempotency-Replayed"] == "true"
    now[0] += timedelta(microseconds=1)
    assert "Idempotency-Replayed" not in api.post("/subscribers", ADDED, key="k").headers
    assert count(database, people.idempotency) == 1


def test_a_refused_request_leaves_its_key_free(database: Database) -> None:
    api = open_api(database)
    api.post("/suppressions", {"address": MARIA})
    assert api.post("/subscribers", ADDED, key="k").status_code == 409
    wrong = {**ADDED, "address": "maria"}
    assert api.post("/subscribers", wrong, key="k").status_code == 422
    other = {**ADDED, "address": "ben@reader.example"}
    assert api.post("/subscribers", other, key="k").status_code == 201


def test_deleting_again_with_the_key_is_told_the_same(database: Database) -> None:
    api = open_api(database)
    public_id = api.add(MARIA)
    answers = [api.call("DELETE", f"/subscribers/{public_id}", key="k") for _ in range(2)]
    assert [(each.status_code, each.content) for each in answers] == [(204, b""), (204, b"")]
    assert "Content-Type" not in answers[1].headers


def test_erasing_a_reader_drops_the_answers_about_them(database: Database) -> None:
    api = open_api(database)
    public_id = api.post("/subscribers", ADDED, key="k").json()["id"]
    api.call("DELETE", f"/subscribers/{public_id}", key="d")
    with database.read() as connection:
        kept = connection.execute(sa.select(people.idempotency)).all()
    assert [(row.key, row.subject, json.loads(row.body)) for row in kept] == [
        ("d", public_id, {"headers": {}, "body": ""})
    ]
    assert api.post("/subscribers", ADDED, key="k").status_code == 409


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "é", "a\tb"])
def test_a_key_that_is_none_is_refused(sqlite_database: Database, key: str) -> None:
    api = open_api(sqlite_database)
    answer = api.call("POST", "/subscribers", ADDED, headers={"Idempotency-Key": key.encode()})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert count(sqlite_database, store.subscriber) == 0


def test_two_keys_are_none(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = api.client.post(
        "/api/v1/subscribers",
        json=ADDED,
        headers=httpx2.Headers([("Authorization", f"Bearer {api.text}"), *twice]),
    )
    assert answer.status_code == 422


def test_of_many_at_once_with_one_key_one_acts(database: Database) -> None:
    api = open_api(database)
    doors = [TestClient(api_of(database)) for _ in range(4)]
    for door in doors:  # the library finishes an endpoint when it is first called
        Caller(database, door, api.text, api.token).post("/subscribers", {})
    together = threading.Barrier(len(doors))

    def send(door: TestClient) -> tuple[int, str]:
        caller = Caller(database, door, api.text, api.token)
        together.wait()
        answer = caller.post("/subscribers", ADDED, key="k")
        return answer.status_code, answer.json().get("id", "")

    with ThreadPoolExecutor(len(doors)) as threads:
        answers = list(threads.map(send, doors))
    acted = {answer for answer in answers if answer[0] == 201}
    assert len(acted) == 1
    assert {status for status, _ in answers} <= {201, 409}
    assert count(database, store.subscriber) == 1
    assert len(api.audit()) == 1


def test_a_key_at_work_is_told_to_wait_and_taken_over_when_its_process_died(
    database: Database,
) -> None:
    now = [NOON]
    api = open_api(database, clock=lambda: now[0])
    at_work = _begin_and_die(api)
    waiting = api.post("/subscribers", ADDED, key=at_work)
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (409, "1")
    assert waiting.json()["detail"] == "A request with this key is at work."
    now[0] += timedelta(minutes=1, microseconds=1)
    assert api.post("/subscribers", ADDED, key=at_work).status_code == 201


def _begin_and_die(api: Caller) -> str:
    """Take a key as a process does that is killed before it answers."""
    kept = api.post("/subscribers", ADDED, key="k")
    with api.database.write() as connection:
        connection.execute(sa.update(people.idempotency).values(status=0, body="", subject=""))
    assert kept.status_code == 201
    api.call("DELETE", f"/subscribers/{kept.json()['id']}")
    with api.database.write() as connection:
        connection.execute(sa.delete(store.suppression))
    return "k"


# Problems


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("POST", "/signups", {"content": b"{", "headers": JSON}, 400),
        ("POST", "/signups", {"content": b'{"a": NaN}', "headers": JSON}, 400),
        ("POST", "/signups", {"content": b'{"a": "\xff"}', "headers": JSON}, 400),
        ("POST", "/signups", {"content": b"[" * 30_000, "headers": JSON}, 400),
        ("POST", "/signups", {"content": b"[" * 40 + b"]" * 40, "headers": JSON}, 400),
        ("POST", "/signups", {"content": b"1" * 30_000, "headers": JSON}, 400),
        ("POST", "/signups", {"content": b"[]", "headers": JSON}, 422),
        ("POST", "/signups", {"content": b'"x"', "headers": JSON}, 422),
        ("POST", "/signups", {"headers": JSON}, 422),
        ("POST", "/signups", {"content": b"{}"}, 415),
        ("POST", "/signups", {"data": {"address": MARIA}}, 415),
        ("POST", "/signups", {"content": b"{}", "headers": {"Content-Type": "text/json"}}, 415),
        ("POST", "/signups", {"content": b" " * 65_537, "headers": JSON}, 413),
        ("POST", "/signups", {"content": iter([b" " * 40_000] * 2), "headers": JSON}, 413),
        ("GET", "/nothing", {}, 404),
        ("GET", "/", {}, 404),
        ("GET", "/subscribers/", {}, 404),
        ("PUT", "/subscribers", {}, 405),
        ("DELETE", "/changes", {}, 405),
        ("GET", "/subscribers/%00", {}, 404),
        ("GET", "/subscribers?address=%00", {}, 422),
        ("GET", "/newsletters?token=dg_x", {}, 422),
    ],
)
def test_every_refusal_is_a_problem_and_changes_nothing(
    sqlite_database: Database, method: str, path: str, sent: dict[str, object], status: int
) -> None:
    api = open_api(sqlite_database)
    answer = api.call(method, path, **sent)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    told = answer.json()
    assert told["type"] == f"{SITE.public_url}/api/v1/docs#problem-{status}"
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert count(sqlite_database, store.subscriber) == 0


def test_a_method_that_is_not_there_names_those_that_are(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    allowed = {
        path: api.call("TRACE", path).headers["Allow"]
        for path in ("/subscribers", "/newsletters", f"/subscribers/{'0' * 24}")
    }
    assert allowed == {
        "/subscribers": "GET, POST",
        "/newsletters": "GET",
        f"/subscribers/{'0' * 24}": "DELETE, GET, PATCH",
    }


def test_a_crash_of_ours_tells_nothing(sqlite_database: Database) -> None:
    def broken() -> None:
        raise RuntimeError("a secret")

    api = open_api(sqlite_database)
    app = api_of(sqlite_database, clock=broken)
    door = Caller(
        sqlite_database, TestClient(app, raise_server_exceptions=False), api.text, api.token
    )
    answer = door.get("/newsletters")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, PROBLEM)
    assert "secret" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_database_that_is_gone_is_told_as_such(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    nowhere = Database("sqlite:////nowhere/at/all.db")
    door = TestClient(api_of(sqlite_database, database=nowhere))
    answer = Caller(sqlite_database, door, api.text, api.token).get("/newsletters")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "nowhere" not in answer.text


def test_a_long_body_is_refused_in_front_of_the_api_alone() -> None:
    refused = too_large({"path": "/api/v1/signups"}, public_url=SITE.public_url)
    assert refused is not None
    assert (refused.status_code, refused.media_type) == (413, PROBLEM)
    assert too_large({"path": "/subscribe"}, public_url=SITE.public_url) is None


# Attacks

NAUGHTY = [
    "\r\nBcc: evil@x.example",
    "a\nb",
    "\u2028",
    "=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "' OR 1=1 --",
    "%s%n{0}{{7*7}}${7*7}",
    "\u202eevil",
    "😀" * 50,
    "ﷺ" * 50,
    "Z̷a̷l̷g̷o̷",
    "../../etc/passwd",
    "\x7f\x1b[31m",
    "",
    " ",
    "null",
    "alice@example.org)bob@example.com",
    '"a\r\nb"@reader.example',
]
QUERIES = (
    ("/subscribers", "address"),
    ("/subscribers", "segment"),
    ("/subscribers", "cursor"),
    ("/segments/count", "expression"),
    ("/suppressions", "address"),
    ("/changes", "after"),
)
FIELDS = ("address", "newsletters", "topics", "language", "ip", "source", "text")


def test_naughty_strings_in_every_field_are_taken_or_refused(database: Database) -> None:
    generous = SignupPolicy(per_network=10_000, in_all=10_000)
    api = open_api(database, clock=moving(), policy=generous)
    for text in NAUGHTY:
        for field in FIELDS:
            value = {"newsletters": [text], "topics": {"daily": [text]}}.get(field, text)
            body = {"address": MARIA, "newsletters": ["daily"], field: value}
            answer = api.call("POST", "/signups", content=json.dumps(body).encode(), headers=JSON)
            assert answer.status_code in {202, 422}, (field, text)
        for path, name in QUERIES:
            answer = api.get(path, params={name: text})
            assert answer.status_code in {200, 422}, (path, name, text)
        public_id = api.add("ben@reader.example")
        for change in ({"tags": [text]}, {"zone": text}, {"language": text}, {"hour": text}):
            answer = api.call("PATCH", f"/subscribers/{public_id}", change)
            assert answer.status_code in {200, 422}, (change, text)


def test_a_line_break_in_a_field_reaches_no_mail_and_no_log(database: Database) -> None:
    api = open_api(database)
    for field, text in (("source", "a\r\nBcc: evil@x.example"), ("source", "a\u2028b")):
        answer = api.post("/signups", {"address": MARIA, "newsletters": ["daily"], field: text})
        assert answer.json()["errors"][0]["pointer"] == "/source"
    for address in ("maria@reader.example\r\nBcc: evil@x.example", "a\u2028@reader.example"):
        answer = api.post("/signups", {"address": address, "newsletters": ["daily"]})
        assert answer.json()["errors"][0]["pointer"] == "/address"
    assert count(database, store.subscriber) == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"address": "\\ud800@reader.example", "newsletters": ["daily"]}', "/address"),
        (b'{"address": "a@b.example", "newsletters": ["da\\u0000ily"]}', "/newsletters/0"),
        (b'{"address": "a@b.example", "newsletters": ["daily"], "\\udfff": 1}', ""),
        (b'{"address": "a@b.example", "newsletters": ["daily"], "text": "\\u0000"}', "/text"),
    ],
)
def test_what_no_text_holds_is_refused(
    sqlite_database: Database, body: bytes, pointer: str
) -> None:
    answer = open_api(sqlite_database).call("POST", "/signups", content=body, headers=JSON)
    assert answer.status_code == 422
    detail = "It holds a character that no text has (NUL, or half of one)."
    assert answer.json()["errors"] == [{"detail": detail, "pointer": pointer}]


def test_anything_at_all_as_a_body_is_no_crash(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    before = all_rows(sqlite_database)["subscriber"]
    json_values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("address"), inner),
        max_leaves=8,
    )

    @given(json_values)
    def sent(value: object) -> None:
        answer = api.call("POST", "/signups", content=json.dumps(value).encode(), headers=JSON)
        assert answer.status_code == 422

    sent()
    assert all_rows(sqlite_database)["subscriber"] == before


# Its description


def test_the_description_and_its_page_need_nothing_from_elsewhere(
    sqlite_database: Database,
) -> None:
    door = open_api(sqlite_database).client
    found = door.get("/api/v1/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    assert found["servers"] == [{"url": f"{SITE.public_url}/api/v1"}]
    assert "staff" not in json.dumps(found)
    page = door.get("/api/v1/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text
    assert "cdn" not in page.text
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert f"<code>{method.upper()} {path}</code>" in page.text
            assert operation["summary"].rstrip(".") in page.text.replace("&#39;", "'")
    for status in (401, 403, 404, 409, 413, 415, 422, 429, 500, 503):
        assert f'id="problem-{status}"' in page.text


@pytest.mark.parametrize("path", ["/docs/oauth2-redirect", "/redoc", "/docs/"])
def test_the_librarys_own_pages_are_off(sqlite_database: Database, path: str) -> None:
    answer = open_api(sqlite_database).client.get(f"/api/v1{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


def test_the_bare_address_leads_to_the_page(sqlite_database: Database) -> None:
    door = open_api(sqlite_database).client
    answer = door.get("/api/v1", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/api/v1/docs")
