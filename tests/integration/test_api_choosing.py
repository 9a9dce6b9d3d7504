from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.db import Database
from digest.people import store as people
from digest.people.model import Scope
from digest.people.tokens import make_token
from digest.web.api.application import api_routes
from digest.web.api.tools import ApiTools
from digest.web.context import WebContext
from digest.workflow.approve import approve
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.api_site import Caller

FRIDAY = "/editions/daily/2026-01-09"
LEAD = "Ferry returns to the harbour 2026-01-08"


@pytest.fixture
def opened(tmp_path: Path, database: Database) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily in review."""
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    made.reader("ann@reader.example")
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    return made


def _caller(paper: Paper) -> Caller:
    app = paper.app
    context = WebContext(
        app.database, app.newsroom.site, app.keys, app.newsroom.newsletters, paper.watch
    )
    tools = ApiTools(app.newsroom, sources=lambda: app.sources)
    client = TestClient(Starlette(routes=api_routes(context, tools)))
    text, new = make_token("planner", list(Scope), now=paper.watch.at)
    with app.database.write() as connection:
        return Caller(app.database, client, text, people.create_token(connection, new))


def _stories(api: Caller, path: str = FRIDAY) -> dict[str, dict[str, Any]]:
    found = api.get(f"{path}/candidates").json()
    return {each["headline"]: each for each in [*found["chosen"], *found["left_out"]]}


def test_every_candidate_is_listed_with_its_place_and_its_reason(paper: Paper) -> None:
    found = _caller(paper).get(f"{FRIDAY}/candidates").json()
    assert (found["edition"], found["exists"]) == ("daily/2026-01-09", True)
    first = found["chosen"][0]
    assert (first["headline"], first["verdict"], first["place"], first["position"]) == (
        LEAD,
        "selected",
        "lead",
        0,
    )
    assert first["reason"].startswith("Lead: ")
    assert [each["position"] for each in found["chosen"]] == [0, 1, 2]
    (out,) = found["left_out"]
    assert (out["verdict"], out["duplicate_of"], out["reason"]) == (
        "duplicate",
        first["story"],
        f"The same story as “{LEAD}”, which we knew first.",
    )


def test_a_choice_is_made_listed_undone_and_brought_back(paper: Paper) -> None:
    api = _caller(paper)
    story = _stories(api)[LEAD]["story"]
    made = api.post(f"{FRIDAY}/choices", {"act": "drop", "story": story, "expect_seq": 0}).json()
    assert (made["seq"], made["state"], made["stands"]["verdict"]) == (1, "in review", "dropped")
    assert made["words"] == f"dropped “{LEAD}” from this edition"
    undone = api.post(f"{FRIDAY}/choices/undo", {"expect_seq": 1}).json()
    assert (undone["seq"], undone["stands"]["verdict"]) == (2, "selected")
    again = api.post(f"{FRIDAY}/choices/redo", {"expect_seq": 2}).json()
    assert (again["seq"], again["stands"]["verdict"]) == (3, "dropped")
    listed = api.get(f"{FRIDAY}/choices").json()
    assert (listed["edition"], listed["date"], listed["last"]) == (
        "daily/2026-01-09",
        "2026-01-09",
        3,
    )
    assert [(each["act"], each["standing"], each["by"]) for each in listed["choices"]] == [
        ("drop", "in force", "planner"),
        ("undo", "done", "planner"),
        ("redo", "done", "planner"),
    ]
    assert [verb for _, verb, _, _ in api.audit()] == ["edition.choose"] * 3


def test_who_has_not_seen_the_last_choice_is_refused_and_told_of_it(paper: Paper) -> None:
    api = _caller(paper)
    api.post(f"{FRIDAY}/choices", {"act": "note", "text": "Good morning."})
    refused = api.post(f"{FRIDAY}/choices", {"act": "note", "text": "Hello.", "expect_seq": 0})
    assert refused.status_code == 409
    assert "planner" in refused.json()["detail"]
    assert api.get(f"{FRIDAY}/choices").json()["last"] == 1


def test_a_choice_takes_an_approval_back(paper: Paper) -> None:
    api = _caller(paper)
    approve(paper.app.database, paper.edition("daily/2026-01-09"), by="ann", clock=paper.watch)
    made = api.post(f"{FRIDAY}/choices", {"act": "headline", "text": "Back!", "story": 1}).json()
    assert (made["approval_revoked"], made["state"]) == (True, "in review")


def test_next_is_the_open_edition_and_else_the_slot_to_come(paper: Paper) -> None:
    api = _caller(paper)
    assert api.get("/editions/daily/next/choices").json()["edition"] == "daily/2026-01-09"
    slot = "/editions/daily/2026-01-12"
    found = api.get(f"{slot}/candidates").json()
    assert (found["edition"], found["exists"]) == ("daily/2026-01-12", False)
    made = api.post(f"{slot}/choices", {"act": "note", "text": "Monday."}).json()
    assert (made["seq"], made["state"]) == (1, None)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/editions/daily/99/choices", 404),
        ("/editions/daily/2026-01-10/choices", 404),
        ("/editions/nobody/next/choices", 404),
        (f"{FRIDAY}/choices?slot=evening", 404),
    ],
)
def test_what_is_not_there_and_will_not_come_is_told(paper: Paper, path: str, status: int) -> None:
    assert _caller(paper).get(path).status_code == status


def test_a_choice_that_means_nothing_is_refused(paper: Paper) -> None:
    api = _caller(paper)
    for body in (
        {"act": "pin"},
        {"act": "pin", "story": 999},
        {"act": "section", "story": 1, "place": "nowhere"},
    ):
        assert api.post(f"{FRIDAY}/choices", body).status_code == 422
    assert api.post(f"{FRIDAY}/choices/undo", {}).status_code == 409


def test_a_newsletter_tells_its_next_ten_runs_in_utc_and_in_its_zone(paper: Paper) -> None:
    api = _caller(paper)
    told = api.get("/newsletters/daily").json()
    assert (told["slug"], told["zone"], told["release"], told["readers"]) == (
        "daily",
        "Europe/London",
        "approve",
        1,
    )
    assert told["stories"] == {"least": 3, "most": 6, "max_age": "2d"}
    assert [each["key"] for each in told["sections"]] == ["town"]
    runs = told["runs"]
    assert [each["date"] for each in runs] == [
        *("2026-01-09", "2026-01-12", "2026-01-13", "2026-01-14", "2026-01-15"),
        *("2026-01-16", "2026-01-19", "2026-01-20", "2026-01-21", "2026-01-22"),
    ]
    assert (runs[0]["send_at"], runs[0]["send_local"]) == (
        "2026-01-09T07:00:00Z",
        "2026-01-09T07:00:00Z",
    )
    paper.watch.at = paper.watch.at.replace(month=7)
    summer = api.get("/newsletters/daily").json()["runs"][0]
    assert (summer["send_at"], summer["send_local"]) == (
        "2026-07-10T06:00:00Z",
        "2026-07-10T07:00:00+01:00",
    )
    assert datetime.fromisoformat(summer["cut_off_local"]).hour == 6


def test_pages_without_a_newsroom_say_so(paper: Paper) -> None:
    app = paper.app
    context = WebContext(
        app.database, app.newsroom.site, app.keys, app.newsroom.newsletters, paper.watch
    )
    api = _caller(paper)
    client = TestClient(Starlette(routes=api_routes(context)))
    headers = {"Authorization": f"Bearer {api.text}"}
    answer = client.get(f"/api/v1{FRIDAY}/choices", headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (503, "It is not served here.")
