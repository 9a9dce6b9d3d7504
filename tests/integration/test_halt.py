"""Stopping, holding and resuming editions, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery.count_store import tally
from digest.delivery.model import Tally
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.abandon import abandon
from digest.editions.model import Act, Edition, EditionState, NewChoice
from digest.editions.remake import remake
from digest.errors import ConflictError, WorkflowError
from digest.people import store as people
from digest.workflow.advance import carry
from digest.workflow.approve import approve
from digest.workflow.choose import choose
from digest.workflow.halt import Halted, Person, hold, hold_sending, note_trouble, resume, stop
from digest.workflow.skip import drop
from tests.builders import ADMIN, DESK, OpenPaper, Paper, a_newsletter, moment, opening, url_of

FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"
ANN = Person("ann")
SECOND = "second@post.example"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily in review on Friday, with two readers and two editors."""
    made = opened(
        newsletters={"daily": a_newsletter(release="approve")},
        people={"editors": [DESK, SECOND], "operators": [ADMIN]},
    )
    for name in ("bob", "cat"):
        made.reader(f"{name}@reader.example")
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    return made


def _approve(paper: Paper) -> Edition:
    approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    return paper.edition(FRIDAY)


def _send(paper: Paper) -> Edition:
    """Let it go: from here its copies are planned and it is being sent."""
    _approve(paper)
    assert paper.go("2026-01-09 07:00") == [("sending", FRIDAY)]
    return paper.edition(FRIDAY)


def _stop(paper: Paper, reason: str = "") -> Halted:
    room = paper.app.newsroom
    found = paper.edition(FRIDAY)
    return stop(room.database, found, by=ANN, reason=reason, clock=room.clock, editors=room.editors)


def _hold(paper: Paper, reason: str = "") -> Halted:
    room = paper.app.newsroom
    found = paper.edition(FRIDAY)
    return hold(room.database, found, by=ANN, reason=reason, clock=room.clock, editors=room.editors)


def _resume(paper: Paper, reason: str = "") -> Halted:
    room = paper.app.newsroom
    found = paper.edition(FRIDAY)
    return resume(
        room.database, found, by=ANN, reason=reason, clock=room.clock, editors=room.editors
    )


def _tally(paper: Paper) -> Tally:
    with paper.app.database.read() as connection:
        return tally(connection, paper.edition(FRIDAY).id)


def _audit(paper: Paper) -> list[tuple[str, str, str, Any]]:
    """Give what the audit says, approvals left out."""
    with paper.app.database.read() as connection:
        rows = connection.execute(sa.select(people.audit).order_by(people.audit.c.id)).all()
    told = [(row.actor, row.verb, row.subject, row.detail) for row in rows]
    return [line for line in told if line[1] != "edition.approve"]


def _put(paper: Paper, state: EditionState) -> None:
    with paper.app.database.write() as connection:
        editions.change_state(
            connection, paper.edition(FRIDAY).id, expect=set(EditionState), to=state
        )


def _told(paper: Paper) -> list[tuple[str, object]]:
    """Give to whom and in which words was told of what became of an edition, drafts left out."""
    return [
        (notice.to_address, notice.facts["reason"])
        for notice in paper.notices()
        if notice.facts.get("event") in {"stopped", "held", "resumed"}
    ]


# When it began


def test_an_edition_knows_since_when_it_is_sent_and_never_forgets_it(paper: Paper) -> None:
    assert paper.edition(FRIDAY).sending_at is None
    began = moment("2026-01-09 07:00")
    assert _send(paper).sending_at == began
    paper.watch.at = moment("2026-01-09 07:10")
    assert _stop(paper).edition.sending_at == began
    assert _resume(paper).edition.sending_at == began
    _put(paper, EditionState.SENT)
    _put(paper, EditionState.SENDING)
    assert paper.edition(FRIDAY).sending_at == began


def test_a_beginning_that_nobody_timed_is_its_hour(paper: Paper) -> None:
    _put(paper, EditionState.SENDING)
    assert paper.edition(FRIDAY).sending_at == moment("2026-01-09 07:00")


# Stop and resume


def test_what_is_sent_can_be_stopped_and_goes_on_where_it_was(paper: Paper) -> None:
    _send(paper)
    stopped = _stop(paper, "The  lead is\nwrong.")
    assert (stopped.changed, stopped.edition.state) == (True, "stopped")
    assert stopped.edition.reason == "Stopped by ann: The lead is wrong."
    assert _tally(paper) == Tally(planned=2)
    assert paper.go("2026-01-09 07:05") == []
    gone_on = _resume(paper)
    assert (gone_on.changed, gone_on.edition.state, gone_on.edition.reason) == (True, "sending", "")
    assert _audit(paper) == [
        (
            *("command", "edition.stop", FRIDAY),
            {"by": "ann", "reason": "Stopped by ann: The lead is wrong."},
        ),
        ("command", "edition.resume", FRIDAY, {"by": "ann"}),
    ]


def test_twice_is_the_same_as_once(paper: Paper) -> None:
    _send(paper)
    assert [_stop(paper).changed, _stop(paper, "Again.").changed] == [True, False]
    assert paper.edition(FRIDAY).reason == "Stopped by ann."
    assert [_hold(paper).changed, paper.edition(FRIDAY).state] == [False, "stopped"]
    assert [_resume(paper).changed, _resume(paper).changed] == [True, False]
    assert [_hold(paper).changed, _hold(paper).changed] == [True, False]
    assert [_stop(paper).changed, paper.edition(FRIDAY).state] == [False, "held"]
    assert [verb for _, verb, _, _ in _audit(paper)] == [
        *("edition.stop", "edition.resume", "edition.hold")
    ]


def test_the_editors_hear_of_each_time_and_how_to_go_on(paper: Paper) -> None:
    _send(paper)
    for _ in range(2):
        _stop(paper, "The lead is wrong")
        _resume(paper, "It was right.")
    stopped = "Stopped by ann: The lead is wrong. To let it go on: digest resume daily/2026-01-09"
    resumed = "Resumed by ann. It was right."
    assert _told(paper) == [
        (to, words) for words in (stopped, resumed) * 2 for to in (DESK, SECOND)
    ]


def test_of_many_who_stop_it_at_once_one_does(paper: Paper) -> None:
    _send(paper)
    found, gate = paper.edition(FRIDAY), threading.Barrier(4)
    done: list[bool] = []

    def ask() -> None:
        gate.wait()
        halted = stop(paper.app.database, found, by=ANN, clock=paper.watch, editors=[DESK])
        done.append(halted.changed)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    assert len(_audit(paper)) == len(_told(paper)) == 1


REFUSED_STOPS = {
    EditionState.DRAFT: (
        "it is a draft, nothing of it is being sent",
        f"To keep it from going: digest hold {FRIDAY}, or digest skip {FRIDAY}",
    ),
    EditionState.IN_REVIEW: (
        "it is in review, nothing of it is being sent",
        f"To keep it from going: digest hold {FRIDAY}, or digest skip {FRIDAY}",
    ),
    EditionState.HELD: (
        "it is held, nothing of it is being sent",
        f"To keep it from going: digest hold {FRIDAY}, or digest skip {FRIDAY}",
    ),
    EditionState.SENT: (
        "it is sent, nothing of it is being sent",
        "What is on now: digest status",
    ),
    EditionState.EXPIRED: (
        "it is expired, nothing of it is being sent",
        "What is on now: digest status",
    ),
}


@pytest.mark.parametrize("state", REFUSED_STOPS)
def test_what_is_not_sent_cannot_be_stopped(paper: Paper, state: EditionState) -> None:
    _put(paper, state)
    with pytest.raises(WorkflowError) as caught:
        _stop(paper)
    words, hint = REFUSED_STOPS[state]
    assert (str(caught.value), caught.value.hint) == (f"stop: {FRIDAY}: {words}", hint)
    assert (paper.edition(FRIDAY).state, _audit(paper)) == (state, [])


REFUSED_RESUMES = {
    EditionState.HELD: (
        "it is held, and nothing of it was sent yet",
        f"Look at it, then let it go: digest approve {FRIDAY}",
    ),
    EditionState.APPROVED: (
        "it is approved, there is nothing to go on with",
        f"Look at it: digest status {FRIDAY}",
    ),
    EditionState.DRAFT: (
        "it is a draft, there is nothing to go on with",
        f"To drop it: digest skip {FRIDAY}",
    ),
    EditionState.SKIPPED: (
        "it is skipped, there is nothing to go on with",
        "What is on now: digest status",
    ),
}


@pytest.mark.parametrize("state", REFUSED_RESUMES)
def test_what_was_never_sent_cannot_be_resumed(paper: Paper, state: EditionState) -> None:
    _put(paper, state)
    with pytest.raises(WorkflowError) as caught:
        _resume(paper)
    words, hint = REFUSED_RESUMES[state]
    assert (str(caught.value), caught.value.hint) == (f"resume: {FRIDAY}: {words}", hint)
    assert paper.edition(FRIDAY).state == state


# Hold


def test_an_edition_that_is_held_before_its_hour_waits_for_a_new_approval(paper: Paper) -> None:
    _approve(paper)
    held = _hold(paper, "Wait for the vote.")
    assert (held.changed, held.edition.state) == (True, "held")
    assert _told(paper)[0] == (
        DESK,
        f"Held by ann: Wait for the vote. To let it go on: digest approve {FRIDAY}",
    )
    assert paper.go("2026-01-09 07:00") == []
    approve(paper.app.database, paper.edition(FRIDAY), by="bob", clock=paper.watch)
    assert paper.go("2026-01-09 07:30") == [("sending", FRIDAY)]


def test_an_edition_that_would_go_by_itself_does_not_once_it_is_held(opened: OpenPaper) -> None:
    paper = opened()
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    _hold(paper)
    assert paper.go("2026-01-09 07:30") == []
    assert paper.editions() == {FRIDAY: "held"}


@pytest.mark.parametrize("state", ["draft", "sent", "skipped", "expired"])
def test_there_is_nothing_to_hold_of_a_draft_or_of_what_is_over(paper: Paper, state: str) -> None:
    _put(paper, EditionState(state))
    with pytest.raises(WorkflowError, match="there is nothing to hold"):
        _hold(paper)
    assert paper.edition(FRIDAY).state == state


def test_an_edition_held_while_its_readers_are_planned_is_no_failure(paper: Paper) -> None:
    """The hold comes between the tick's look at the edition and the first row of its ledger."""
    seen = _approve(paper)
    _hold(paper)
    paper.watch.at = moment("2026-01-09 07:00")
    assert carry(paper.app.newsroom, seen) == []
    assert (paper.edition(FRIDAY).state, _tally(paper)) == ("held", Tally())


# What has begun to be sent is never taken back


@pytest.fixture(params=["stopped", "held"])
def halted(paper: Paper, request: pytest.FixtureRequest) -> Edition:
    """An edition that some readers have, stopped or held."""
    _send(paper)
    done = _stop(paper) if request.param == "stopped" else _hold(paper)
    return done.edition


def test_its_stories_never_return(paper: Paper, halted: Edition) -> None:
    clock = paper.watch
    for end in (EditionState.SKIPPED, EditionState.EXPIRED):
        assert not abandon(paper.app.database, halted, to=end, reason="", clock=clock)
    with pytest.raises(WorkflowError) as caught:
        drop(paper.app.newsroom, halted, to=EditionState.SKIPPED, reason="Enough.")
    assert str(caught.value) == (
        f"{FRIDAY}: it is {halted.state}, and cannot be skipped: some readers have it"
    )
    assert caught.value.hint == (
        f"The rest stays unsent as it is. To send it to them: digest resume {FRIDAY}"
    )
    with paper.app.database.read() as connection:
        newsletter = paper.app.newsroom.newsletters[0]
        ids = [
            each.article.id for each in candidate_store.load_selection(connection, halted.id).chosen
        ]
        assert set(candidate_store.uses(connection, newsletter.id, ids)) == set(ids) != set()


def test_its_time_takes_nothing_back(paper: Paper, halted: Edition) -> None:
    """The sender gives up what is open of it; the next edition has the stories after it."""
    paper.news("2026-01-11")
    assert ("expired", FRIDAY) not in paper.go("2026-01-12 07:00")
    assert paper.edition(FRIDAY).state is halted.state
    assert not paper.headlines(FRIDAY) & paper.headlines(MONDAY)


def test_it_is_resumed_and_not_approved_again(paper: Paper, halted: Edition) -> None:
    with pytest.raises(WorkflowError) as caught:
        approve(paper.app.database, halted, by="ann", clock=paper.watch)
    assert str(caught.value) == (
        f"approve: {FRIDAY}: it was approved, and is {halted.state} while it is sent"
    )
    assert caught.value.hint == f"To go on with it: digest resume {FRIDAY}"
    assert _resume(paper).edition.state == "sending"


def test_nothing_is_chosen_for_it_once_its_time_is_over(paper: Paper, halted: Edition) -> None:
    newsletter = paper.app.newsroom.newsletters[0]
    paper.watch.at = moment("2026-01-12 06:30")
    note = NewChoice(Act.NOTE, text="Good morning.")
    with pytest.raises(WorkflowError, match="nothing can be chosen for it any more"):
        choose(paper.app.newsroom, newsletter, halted, note, by="ann")
    with paper.app.database.write() as connection:
        assert remake(connection, newsletter, halted, now=paper.watch.at) is None


def test_what_an_approver_saw_before_it_was_sent_lets_nothing_go(paper: Paper) -> None:
    seen = paper.edition(FRIDAY)
    _send(paper)
    _hold(paper)
    with pytest.raises(ConflictError):
        approve(paper.app.database, seen, by="bob", clock=paper.watch)
    assert paper.edition(FRIDAY).state == "held"


def test_while_it_is_sent_it_is_stopped_and_not_skipped(paper: Paper) -> None:
    sending = _send(paper)
    with pytest.raises(WorkflowError) as caught:
        drop(paper.app.newsroom, sending, to=EditionState.SKIPPED, reason="Enough.")
    assert caught.value.hint == f"To stop it: digest stop {FRIDAY}"


# The fault is ours


def test_an_edition_is_held_and_people_are_told_when_the_fault_is_ours(paper: Paper) -> None:
    sending = _send(paper)
    room = paper.app.newsroom
    reason = "smtp: it refuses us: relaying denied."
    assert hold_sending(room, [sending.id, 999], reason=reason) == [sending.id]
    held = paper.edition(FRIDAY)
    assert (held.state, held.reason, held.sending_at) == ("held", reason, sending.sending_at)
    assert _tally(paper) == Tally(planned=2)
    assert _audit(paper) == [("sender", "edition.hold", FRIDAY, {"reason": reason})]
    words = (
        f"{reason} Nobody is lost by it: it goes on where it was, when that is mended and"
        f" somebody types: digest resume {FRIDAY}"
    )
    assert _told(paper) == [(DESK, words), (SECOND, words)]
    (operators,) = [each for each in paper.notices() if each.to_address == ADMIN]
    assert operators.facts == {
        "what": f"{FRIDAY} is held while it is sent",
        "detail": reason,
        "remedy": f"Mend the settings of [mail], then: digest resume {FRIDAY}",
    }


def test_the_same_fault_of_an_edition_is_told_once_and_another_again(paper: Paper) -> None:
    sending = _send(paper)
    room = paper.app.newsroom
    before = len(paper.notices())
    assert hold_sending(room, [sending.id], reason="smtp: relaying denied.") == [sending.id]
    assert hold_sending(room, [sending.id], reason="smtp: relaying denied.") == []
    assert len(paper.notices()) == before + 3
    _resume_silently(paper)
    assert hold_sending(room, [sending.id], reason="smtp: relaying denied.") == [sending.id]
    assert len(paper.notices()) == before + 3
    _resume_silently(paper)
    assert hold_sending(room, [sending.id], reason="smtp: wrong password.") == [sending.id]
    assert len(paper.notices()) == before + 6


def _resume_silently(paper: Paper) -> None:
    resume(paper.app.database, paper.edition(FRIDAY), by=ANN, clock=paper.watch)


def test_what_keeps_an_edition_waiting_is_written_beside_it_and_taken_back(paper: Paper) -> None:
    sending = _send(paper)
    room = paper.app.newsroom
    note_trouble(room, [sending.id], "smtp: it is away:\nconnection refused")
    seen = paper.edition(FRIDAY)
    assert (seen.reason, seen.version) == ("smtp: it is away: connection refused", sending.version)
    note_trouble(room, [sending.id], "")
    assert paper.edition(FRIDAY).reason == ""
    _stop(paper)
    note_trouble(room, [sending.id], "smtp: it is away")
    assert paper.edition(FRIDAY).reason == "Stopped by ann."


def test_only_what_is_being_sent_is_held_for_our_fault(paper: Paper) -> None:
    edition = _approve(paper)
    assert hold_sending(paper.app.newsroom, [edition.id], reason="Relaying denied.") == []
    assert hold_sending(paper.app.newsroom, [], reason="Relaying denied.") == []
    assert (paper.edition(FRIDAY).state, _audit(paper)) == ("approved", [])
