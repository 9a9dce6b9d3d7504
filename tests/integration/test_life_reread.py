"""What sources change after a letter was composed: until the lock, after it, and withdrawals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.composition import store as compositions
from digest.db import Database
from digest.editions import candidate_store
from digest.editions.model import EditionState
from digest.errors import ConflictError, WorkflowError
from digest.sources import article_store
from digest.sources.article_store import article
from digest.workflow.approve import approve, require_approved
from digest.workflow.halt import hold
from digest.workflow.revise import refreshed
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.life_room import ANN, FRIDAY

LEAD = "Ferry returns to the harbour 2026-01-08"
BETTER = "Ferry returns on Monday"
ALL = (
    LEAD,
    "Council votes on the market square 2026-01-08",
    "School roof mended in time 2026-01-08",
    "Lifeboat crew honoured 2026-01-08",
    "Choir wins at last 2026-01-08",
)


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


def _paper(opened: OpenPaper, release: str = "approve", **more: object) -> Paper:
    """Put Friday's letter of five stories in review."""
    paper = opened(newsletters={"daily": a_newsletter(release=release, **more)})
    paper.reader("ann@reader.example")
    paper.news("2026-01-08", 5)
    paper.go("2026-01-09 06:30")
    return paper


def _edit(paper: Paper, old: str = LEAD, new: str = BETTER) -> None:
    """Have the source change a headline; the story stays the same."""
    with paper.app.database.write() as connection:
        found = sa.update(article).where(article.c.headline == old)
        connection.execute(found.values(headline=new, revision=article.c.revision + 1))


def _withdraw(paper: Paper, *headlines: str) -> None:
    with paper.app.database.write() as connection:
        wanted = sa.select(article.c.id).where(article.c.headline.in_(headlines))
        for story in list(connection.scalars(wanted)):
            article_store.withdraw(connection, story, now=paper.watch.at, why="It was wrong")


def _text(paper: Paper) -> str:
    made = paper.composition(FRIDAY)
    assert made is not None
    return made.html


def _approve(paper: Paper) -> str:
    return approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)


def test_until_it_is_approved_a_letter_follows_its_sources(opened: OpenPaper) -> None:
    paper = _paper(opened)
    _edit(paper)
    assert paper.go("2026-01-09 06:40") == [
        ("changed at its source", FRIDAY),
        ("drafted", FRIDAY),
    ]
    assert BETTER in _text(paper)
    assert paper.told() == [("draft", FRIDAY)], "nobody is mailed for it"
    assert paper.go("2026-01-09 06:41") == []


def test_a_release_by_itself_takes_the_newest_words(opened: OpenPaper) -> None:
    paper = _paper(opened, "auto-after 20m")
    paper.watch.at = moment("2026-01-09 06:49")
    _edit(paper)
    assert paper.go("2026-01-09 06:50") == [
        ("changed at its source", FRIDAY),
        ("drafted", FRIDAY),
        ("approved", FRIDAY),
    ]
    assert BETTER in _text(paper)


def test_nobody_approves_what_a_source_has_changed_since(opened: OpenPaper) -> None:
    paper = _paper(opened)
    _edit(paper)
    with pytest.raises(ConflictError) as caught:
        _approve(paper)
    assert str(caught.value) == (
        f"approve: {FRIDAY}: “{BETTER}” was changed by its source since this was composed"
    )
    assert paper.editions() == {FRIDAY: "in review"}
    newsletter = paper.app.newsroom.newsletters[0]
    now = refreshed(paper.app.newsroom, paper.edition(FRIDAY), newsletter)
    assert (now.state, BETTER in _text(paper)) == (EditionState.IN_REVIEW, True)
    _approve(paper)


def test_after_the_lock_an_edit_is_flagged_once_and_the_frozen_text_goes_out(
    opened: OpenPaper,
) -> None:
    paper = _paper(opened)
    approved = _approve(paper)
    _edit(paper)
    assert paper.go("2026-01-09 06:50") == [("changed after its approval", FRIDAY)]
    assert paper.go("2026-01-09 06:51") == []
    _edit(paper, BETTER, "Ferry returns on Tuesday")
    assert paper.go("2026-01-09 06:52") == [], "once an edition"
    edited = [notice for notice in paper.notices() if notice.facts["event"] == "edited"]
    assert [notice.facts["rows"] for notice in edited] == [[["changed", BETTER]]]
    assert paper.go("2026-01-09 07:00") == [("sending", FRIDAY)]
    assert require_approved(paper.app.database, paper.edition(FRIDAY)) == approved
    assert LEAD in _text(paper)


def test_a_withdrawal_opens_an_approved_edition_again_and_tells(opened: OpenPaper) -> None:
    paper = _paper(opened)
    _approve(paper)
    _withdraw(paper, LEAD)
    assert paper.go("2026-01-09 06:50") == [("reopened", FRIDAY), ("drafted", FRIDAY)]
    assert paper.editions() == {FRIDAY: "in review"}
    assert LEAD not in _text(paper)
    assert LEAD not in paper.headlines(FRIDAY)
    with paper.app.database.read() as connection:
        assert compositions.approved_hash(connection, paper.edition(FRIDAY).id) is None
    last = paper.notices()[-1]
    assert last.facts["reason"] == (
        f"“{LEAD}” was withdrawn by its source (It was wrong). Its approval was revoked."
        " Its hour is 9 Jan 2026 at 07:00; it goes only if somebody approves it."
    )
    assert paper.go("2026-01-09 07:00") == [("held", FRIDAY)]
    _approve(paper)
    assert paper.go("2026-01-09 07:05") == [("sending", FRIDAY)]


def test_after_a_withdrawal_the_editors_have_their_time_once_more(opened: OpenPaper) -> None:
    paper = _paper(opened, "auto-after 20m")
    assert paper.go("2026-01-09 06:50") == [("approved", FRIDAY)]
    _withdraw(paper, LEAD)
    assert paper.go("2026-01-09 06:58") == [("reopened", FRIDAY), ("drafted", FRIDAY)]
    assert paper.go("2026-01-09 07:17") == []
    assert paper.go("2026-01-09 07:18") == [("approved", FRIDAY), ("sending", FRIDAY)]


def test_with_too_few_stories_left_it_is_held_whatever_the_release(opened: OpenPaper) -> None:
    paper = _paper(opened, "auto")
    assert paper.editions() == {FRIDAY: "approved"}
    _withdraw(paper, *ALL[:2])
    assert paper.go("2026-01-09 06:50") == [("reopened", FRIDAY), ("drafted", FRIDAY)]
    held = paper.edition(FRIDAY)
    assert (held.state, held.reason) == (
        EditionState.HELD,
        "It has 2 stories now; 3 are the least.",
    )
    assert paper.go("2026-01-09 07:30") == []
    _approve(paper)
    assert paper.go("2026-01-09 07:31") == [("sending", FRIDAY)]


def test_an_edition_of_which_nothing_is_left_is_skipped(opened: OpenPaper) -> None:
    paper = _paper(opened)
    _approve(paper)
    _withdraw(paper, *ALL)
    assert paper.go("2026-01-09 06:50") == [("skipped", FRIDAY)]
    assert paper.editions() == {FRIDAY: "skipped"}
    with paper.app.database.read() as connection:
        assert candidate_store.used_in(connection, paper.edition(FRIDAY).id) == frozenset()
    assert paper.told()[-1] == ("skipped", FRIDAY)


def test_what_a_person_holds_is_made_again_and_stays_held(opened: OpenPaper) -> None:
    paper = _paper(opened, "auto-after 20m")
    room = paper.app.newsroom
    hold(room.database, paper.edition(FRIDAY), by=ANN, clock=room.clock)
    _withdraw(paper, LEAD)
    assert paper.go("2026-01-09 06:55") == [("reopened", FRIDAY), ("drafted", FRIDAY)]
    assert paper.editions() == {FRIDAY: "held"}
    assert LEAD not in _text(paper)
    assert paper.go("2026-01-09 08:00") == []


def test_what_was_sent_is_no_draft_again_when_a_story_is_withdrawn(opened: OpenPaper) -> None:
    paper = _paper(opened)
    _approve(paper)
    paper.go("2026-01-09 07:00")
    _withdraw(paper, LEAD)
    assert paper.go("2026-01-09 07:01") == []
    with pytest.raises(WorkflowError):
        _approve(paper)
    assert paper.editions() == {FRIDAY: "sending"}
