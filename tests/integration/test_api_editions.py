"""Editions in the API: watched, stopped, held and resumed, on both databases."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from digest.db import Database
from digest.delivery.count_store import add_counts
from digest.editions.store import edition_by_id
from digest.outbox import store as outbox
from digest.people.model import Scope
from tests.integration.api_site import Caller, begin_edition, open_api
from tests.integration.web_site import NOON

FRIDAY = date(2026, 1, 9)
DESK = "desk@post.example"
ONE = "/editions/daily/1"
VERBS = ("stop", "hold", "resume")
NO_COPIES = dict.fromkeys(("planned", "accepted", "deferred", "failed", "skipped", "uncertain"), 0)


@pytest.fixture
def caller(database: Database) -> Caller:
    """A program that may do everything, of a paper with one editor."""
    return open_api(database, editors=(DESK,))


def _state(caller: Caller, edition_id: int) -> str:
    with caller.database.read() as connection:
        return str(edition_by_id(connection, edition_id).state)


def _moment(hours: float) -> str:
    return (NOON + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def test_an_edition_is_shown_with_its_state_and_its_copies(caller: Caller) -> None:
    begin_edition(caller.database, expires_at=NOON + timedelta(days=1), reason="smtp is away.")
    with caller.database.write() as connection:
        changes = {(1, 0, "planned"): 7, (1, 0, "accepted"): 5, (1, 0, "deferred"): 2}
        add_counts(connection, changes, at=NOON)
    answer = caller.get(ONE)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "newsletter": "daily",
            "number": 1,
            "address": "daily/2026-01-09",
            "date": "2026-01-09",
            "state": "sending",
            "revision": 1,
            "content_hash": None,
            "reason": "smtp is away.",
            "send_at": _moment(1),
            "sending_at": _moment(1),
            "expires_at": _moment(24),
            "copies": {**NO_COPIES, "planned": 7, "accepted": 5, "deferred": 2},
        },
    )


def test_an_edition_is_found_by_its_number_and_by_its_date(caller: Caller) -> None:
    begin_edition(caller.database)
    begin_edition(caller.database, slot_name="extra")
    assert caller.get("/editions/daily/2026-01-09").json() == caller.get(ONE).json()
    assert caller.get("/editions/daily/2").json()["address"] == "daily/2026-01-09/extra"


@pytest.mark.parametrize(
    "path",
    [
        *("/editions/daily/2", "/editions/daily/2026-01-10", "/editions/daily/2026-02-30"),
        *("/editions/nobody/1", "/editions/weekly/1", "/editions/daily/one", "/editions/daily"),
        "/editions/daily/999999999",
    ],
)
def test_what_is_not_there_is_404(caller: Caller, path: str) -> None:
    begin_edition(caller.database)
    assert caller.get(path).status_code == 404
    if path.count("/") == 3:
        assert caller.post(f"{path}/stop", {}).status_code == 404


def test_editions_are_listed_newest_first_page_by_page(caller: Caller) -> None:
    for day in range(1, 6):
        begin_edition(caller.database, day=date(2026, 1, day), state="sent")
    begin_edition(caller.database, 2, day=date(2026, 1, 3))
    seen: list[str] = []
    path = "/editions?limit=2"
    for _ in range(3):
        answer = caller.get(path)
        seen += [each["address"] for each in answer.json()["editions"]]
        if answer.json()["next"] is None:
            break
        link = answer.headers["Link"]
        path = f"/editions{link.removeprefix('<').partition('>')[0]}"
    assert seen == [
        *("daily/2026-01-05", "daily/2026-01-04", "weekly/2026-01-03", "daily/2026-01-03"),
        *("daily/2026-01-02", "daily/2026-01-01"),
    ]


def test_filters_hold_together_and_a_cursor_belongs_to_its_own(caller: Caller) -> None:
    for day in (1, 2):
        begin_edition(caller.database, day=date(2026, 1, day), state="sent")
    begin_edition(caller.database, day=date(2026, 1, 3))

    def listed(query: str) -> list[int]:
        return [each["number"] for each in caller.get(f"/editions?{query}").json()["editions"]]

    assert listed("state=sending") == [3]
    assert listed("state=sent&newsletter=daily") == [2, 1]
    assert listed("newsletter=weekly") == []
    cursor = caller.get("/editions?state=sent&limit=1").json()["next"]
    assert listed(f"state=sent&limit=1&cursor={cursor}") == [1]
    for wrong in (f"limit=1&cursor={cursor}", "cursor=nonsense", "newsletter=nobody", "state=gone"):
        answer = caller.get(f"/editions?{wrong}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            *(422, "application/problem+json"),
        )


def test_an_edition_is_stopped_and_goes_on(caller: Caller) -> None:
    edition = begin_edition(caller.database)
    stopped = caller.post(f"{ONE}/stop", {"reason": "The lead is wrong."})
    assert stopped.status_code == 200
    assert (stopped.json()["state"], stopped.json()["reason"]) == (
        *("stopped", "Stopped by crm: The lead is wrong."),
    )
    assert caller.post(f"{ONE}/stop", {}).json() == stopped.json()
    assert caller.post(f"{ONE}/resume", {}).json()["state"] == "sending"
    assert caller.post("/editions/daily/2026-01-09/hold", {}).json()["reason"] == "Held by crm."
    assert _state(caller, edition.id) == "held"
    actor = caller.token.actor
    assert caller.audit() == [
        (
            *(actor, "edition.stop", "daily/2026-01-09"),
            {"by": "crm", "reason": "Stopped by crm: The lead is wrong."},
        ),
        (actor, "edition.resume", "daily/2026-01-09", {"by": "crm"}),
        (
            *(actor, "edition.hold", "daily/2026-01-09"),
            {"by": "crm", "reason": "Held by crm."},
        ),
    ]
    with caller.database.read() as connection:
        told = outbox.due(connection, now=NOON, limit=9)
    assert [(each.to_address, each.facts["event"]) for each in told] == [
        *((DESK, "stopped"), (DESK, "resumed"), (DESK, "held"))
    ]


def test_what_stands_against_it_is_409_with_the_remedy(caller: Caller) -> None:
    begin_edition(caller.database, state="sent")
    answer = caller.post(f"{ONE}/stop", {})
    assert (answer.status_code, answer.json()["detail"], answer.json()["hint"]) == (
        409,
        "stop: daily/2026-01-09: it is sent, nothing of it is being sent",
        "What is on now: digest status",
    )
    begin_edition(caller.database, day=date(2026, 1, 10), state="held", sending_at=None)
    answer = caller.post("/editions/daily/2/resume", {})
    assert (answer.status_code, answer.json()["hint"]) == (
        *(409, "Look at it, then let it go: digest approve daily/2026-01-10"),
    )
    assert caller.audit() == []


def test_a_request_that_is_sent_again_acts_no_second_time(caller: Caller) -> None:
    """Stopped, resumed by a person, and then the lost answer is asked for again."""
    edition = begin_edition(caller.database)
    first = caller.post(f"{ONE}/stop", {}, key="stop-1")
    assert caller.post(f"{ONE}/resume", {}).status_code == 200
    again = caller.post(f"{ONE}/stop", {}, key="stop-1")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert _state(caller, edition.id) == "sending"


@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [
        (Scope.EDITIONS_READ, 200, 403),
        (Scope.EDITIONS_WRITE, 403, 200),
        (Scope.WRITE, 403, 403),
    ],
)
def test_each_call_needs_its_scope(
    sqlite_database: Database, scope: Scope, reads: int, writes: int
) -> None:
    caller = open_api(sqlite_database, scopes=[scope])
    begin_edition(sqlite_database)
    assert [caller.get(path).status_code for path in ("/editions", ONE)] == [reads, reads]
    assert [caller.post(f"{ONE}/{verb}", {}).status_code for verb in VERBS] == [writes] * 3


BODIES: list[tuple[Any, str]] = [
    ({"reason": "two\nlines"}, "/reason"),
    ({"reason": "x" * 201}, "/reason"),
    ({"reason": None}, "/reason"),
    ({"why": "else"}, "/why"),
]


@pytest.mark.parametrize(("body", "pointer"), BODIES)
def test_a_body_that_cannot_be_taken_stops_nothing(
    sqlite_database: Database, body: Any, pointer: str
) -> None:
    caller = open_api(sqlite_database)
    edition = begin_edition(sqlite_database)
    answer = caller.post(f"{ONE}/stop", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert _state(caller, edition.id) == "sending"
