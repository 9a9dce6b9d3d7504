"""The API lets editions go, drops them, hastens and corrects them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.clock import Clock
from digest.db import Database
from digest.people import store as people
from digest.people.model import Scope
from digest.people.tokens import make_token
from digest.web.api.application import api_routes
from digest.web.context import WebContext
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.api_site import Caller
from tests.integration.life_room import FRIDAY

ONE = f"/editions/{FRIDAY}"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily in review, with one reader."""
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    made.reader("ann@reader.example")
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    return made


def _caller(paper: Paper, scope: Scope = Scope.EDITIONS_RELEASE) -> Caller:
    """Open the API to a program that may read editions, and what `scope` says."""
    app, database = paper.app, paper.app.database
    clock: Clock = paper.watch
    context = WebContext(database, app.newsroom.site, app.keys, app.newsroom.newsletters, clock)
    context = replace(context, editors=app.newsroom.editors)
    client = TestClient(Starlette(routes=api_routes(context)))
    text, new = make_token("desk", [Scope.EDITIONS_READ, scope], now=paper.watch.at)
    with database.write() as connection:
        return Caller(database, client, text, people.create_token(connection, new))


def _verbs(caller: Caller) -> list[tuple[str, Any]]:
    return [(verb, detail) for _, verb, _, detail in caller.audit()]


def test_the_bytes_that_were_seen_are_approved_and_no_others(paper: Paper) -> None:
    caller = _caller(paper)
    seen = caller.get(ONE).json()["content_hash"]
    other = caller.post(f"{ONE}/approve", {"content_hash": "0" * 64})
    assert (other.status_code, other.json()["detail"]) == (
        409,
        "It is not the text that you have seen.",
    )
    done = caller.post(f"{ONE}/approve", {"content_hash": seen})
    assert (done.status_code, done.json()["state"]) == (200, "approved")
    assert _verbs(caller) == [("edition.approve", {"by": "desk"})]
    twice = caller.post(f"{ONE}/approve", {"content_hash": seen})
    assert (twice.status_code, twice.json()["detail"]) == (
        409,
        f"approve: {FRIDAY}: it is approved, not in review",
    )


def test_an_approved_edition_leaves_on_a_word_before_its_hour(paper: Paper) -> None:
    caller = _caller(paper)
    early = caller.post(f"{ONE}/send", {})
    assert (early.status_code, early.json()["hint"]) == (
        409,
        f"Approve it first: digest approve {FRIDAY}",
    )
    caller.post(f"{ONE}/approve", {"content_hash": caller.get(ONE).json()["content_hash"]})
    assert caller.post(f"{ONE}/send", {}).json()["state"] == "approved"
    assert paper.go("2026-01-09 06:31") == [("sending", FRIDAY)]


def test_an_edition_is_skipped_and_its_editors_are_told_why(paper: Paper) -> None:
    caller = _caller(paper)
    done = caller.post(f"{ONE}/skip", {"reason": "A day of mourning."})
    assert (done.json()["state"], done.json()["reason"]) == ("skipped", "A day of mourning.")
    assert _verbs(caller) == [("edition.skip", {"by": "desk", "reason": "A day of mourning."})]
    assert paper.told()[-1] == ("skipped", FRIDAY)
    assert caller.post(f"{ONE}/skip", {}).status_code == 409


def test_what_readers_have_is_corrected(paper: Paper) -> None:
    caller = _caller(paper)
    words = {"words": "The ferry leaves at 09:15."}
    early = caller.post(f"{ONE}/correct", words)
    assert (early.status_code, early.json()["detail"]) == (
        409,
        f"correct: {FRIDAY}: nobody has it yet, it is in review",
    )
    caller.post(f"{ONE}/approve", {"content_hash": caller.get(ONE).json()["content_hash"]})
    paper.go("2026-01-09 07:00")
    done = caller.post(f"{ONE}/correct", words)
    assert (done.status_code, done.json()) == (
        200,
        {
            "edition": FRIDAY,
            "note": 1,
            "noted_at": moment("2026-01-09 07:00").isoformat().replace("+00:00", "Z"),
            "mail": None,
        },
    )
    empty = caller.post(f"{ONE}/correct", {"words": " \n "})
    assert (empty.status_code, empty.json()["errors"][0]["pointer"]) == (422, "/words")


def test_who_may_stop_editions_may_not_let_them_go(paper: Paper) -> None:
    caller = _caller(paper, Scope.EDITIONS_WRITE)
    bodies: dict[str, Any] = {
        "approve": {"content_hash": "0" * 64},
        "skip": {},
        "send": {},
        "correct": {"words": "No."},
    }
    answers = {verb: caller.post(f"{ONE}/{verb}", body) for verb, body in bodies.items()}
    assert {answer.status_code for answer in answers.values()} == {403}
