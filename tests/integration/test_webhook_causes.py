"""Each cause writes its webhooks in its own transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.db import Database
from digest.outbox import hook_store
from digest.outbox.hooks import CHOOSABLE, HookEvent
from digest.outbox.signature import is_genuine
from digest.scheduler import run_scheduler
from digest.workflow.approve import approve
from digest.workflow.call_out import CallTools
from digest.workflow.halt import Person, hold, resume
from digest.workflow.skip import skip
from digest.workflow.webhooks import add
from subscribers import leaving, signup
from subscribers.leaving import suppress
from subscribers.limits import SignupPolicy
from subscribers.model import Act, SuppressionReason
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.hook_listener import listening

FRIDAY = "daily/2026-01-09"
ANN = Person("ann")
MARIA = "maria@reader.example"
_PATIENCE = 60.0


@pytest.fixture
def opened(tmp_path: Path, database: Database) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    tools = CallTools(made.app.newsroom, b"k" * 32)
    add(tools, "https://crm.example/hook", CHOOSABLE, by=ANN)
    return made


def _told(paper: Paper) -> list[tuple[HookEvent, dict[str, Any]]]:
    with paper.app.database.read() as connection:
        (endpoint,) = hook_store.list_endpoints(connection)
        found = hook_store.calls_of(connection, endpoint.id, limit=99)
    return [(each.event, dict(each.facts)) for each in reversed(found)]


def _events(paper: Paper) -> list[str]:
    return [event.value for event, _ in _told(paper)]


def _drafted(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")


def test_a_sent_edition_is_told_once_with_what_it_is(paper: Paper) -> None:
    paper.reader(MARIA)
    _drafted(paper)
    approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    paper.go("2026-01-09 07:00")
    paper.app.deliver(paper.edition(FRIDAY), progress=lambda _done: None)
    assert paper.editions() == {FRIDAY: "sent"}
    joined, sent = _told(paper)
    assert joined[0] is HookEvent.SUBSCRIBER_JOINED
    assert sent == (
        HookEvent.EDITION_SENT,
        {
            "newsletter": "daily",
            "number": 1,
            "address": FRIDAY,
            "date": "2026-01-09",
            "state": "sent",
            "revision": 1,
            "reason": "",
            "correction": False,
        },
    )


def test_a_hold_and_a_skip_are_told_with_their_reason(paper: Paper) -> None:
    _drafted(paper)
    room = paper.app.newsroom
    hold(room.database, paper.edition(FRIDAY), by=ANN, reason="The lead is wrong", clock=room.clock)
    hold(room.database, paper.edition(FRIDAY), by=ANN, reason="The lead is wrong", clock=room.clock)
    skip(room.database, paper.edition(FRIDAY), by=ANN, reason="No news", clock=room.clock)
    told = [(event.value, facts["state"], facts["reason"]) for event, facts in _told(paper)]
    assert [(event, state) for event, state, _ in told] == [
        ("edition.held", "held"),
        ("edition.skipped", "skipped"),
    ]
    assert "The lead is wrong" in told[0][2]
    assert told[1][2] == "No news"


def test_a_slot_without_enough_stories_is_told_as_skipped(paper: Paper) -> None:
    paper.go("2026-01-09 06:30")
    ((event, facts),) = _told(paper)
    assert (event, facts["address"], facts["number"], facts["reason"]) == (
        HookEvent.EDITION_SKIPPED,
        FRIDAY,
        None,
        "0 new stories, 3 needed",
    )


def test_what_a_reader_does_is_told_and_no_row_holds_an_address(paper: Paper) -> None:
    app, act = paper.app, Act(paper.watch.at, "form")
    newsletter = app.newsroom.newsletters[0].id
    tokens: list[str] = []

    def link(token: str) -> str:
        tokens.append(token)
        return token

    signup.subscribe(
        app.database,
        MARIA,
        [newsletter],
        act,
        keys=app.keys,
        newsletter_names={newsletter: "The Morning Post"},
        confirm_link=link,
        policy=SignupPolicy(),
    )
    assert _events(paper) == []
    signup.confirm(app.database, tokens[0], Act(paper.watch.at, "link"), keys=app.keys)
    assert _events(paper) == ["subscriber.joined", "subscriber.confirmed"]
    leaving.unsubscribe_address(app.database, MARIA, None, Act(paper.watch.at, "mail"))
    assert _events(paper)[2:] == ["subscriber.left"]
    assert all(
        facts == {"subscriber_id": 1, "newsletter_id": newsletter} for _, facts in _told(paper)
    )


def test_a_reader_who_is_never_mailed_again_is_told_as_suppressed(paper: Paper) -> None:
    paper.reader(MARIA)
    suppress(
        paper.app.database,
        MARIA,
        Act(paper.watch.at, "command"),
        keys=paper.app.keys,
        reason=SuppressionReason.PUBLISHER,
    )
    assert _events(paper) == ["subscriber.joined", "subscriber.suppressed"]


def test_going_on_is_not_told_as_a_hold(paper: Paper) -> None:
    paper.reader(MARIA)
    _drafted(paper)
    room = paper.app.newsroom
    approve(room.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    paper.go("2026-01-09 07:00")
    hold(room.database, paper.edition(FRIDAY), by=ANN, clock=room.clock)
    resume(room.database, paper.edition(FRIDAY), by=ANN, clock=room.clock)
    assert _events(paper) == ["subscriber.joined", "edition.held"]


def test_a_running_scheduler_makes_the_calls_that_are_due(opened: OpenPaper) -> None:
    paper = opened(
        newsletters={"daily": a_newsletter(release="approve")},
        webhooks={"allow": ["127.0.0.0/8"]},
    )
    app, stop = paper.app, threading.Event()
    tools = CallTools(app.newsroom, app.keys.suppression, app.settings.webhooks.allow)
    with listening() as listener:
        added = add(tools, listener.url(), [HookEvent.SUBSCRIBER_JOINED], by=ANN)
        tick = timedelta(seconds=0.05)
        running = threading.Thread(
            target=run_scheduler, args=(app,), kwargs={"stop": stop, "tick": tick}
        )
        running.start()
        try:
            paper.reader(MARIA)
            until = time.monotonic() + _PATIENCE
            while not listener.heard:
                assert time.monotonic() < until, "nobody was called"
                time.sleep(0.02)
        finally:
            stop.set()
            running.join()
    heard = listener.heard[0]
    assert heard.said["type"] == "subscriber.joined"
    assert is_genuine(heard.headers, heard.body, added.secret, now=paper.watch.at)
