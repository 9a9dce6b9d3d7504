"""Stop, mend, approve the next revision: it goes only to those without the first one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.composition import store as compositions
from digest.db import Database
from digest.delivery.model import Tally
from digest.delivery.store import delivery_batch
from digest.editions import candidate_store
from digest.editions.model import Act, EditionState, NewChoice
from digest.errors import ConflictError, WorkflowError
from digest.sources import article_store
from digest.workflow.approve import approve
from digest.workflow.choose import Chosen, choose
from digest.workflow.halt import resume
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.life_room import ANN, FRIDAY, arrived, begin, deliver, halt

LEAD = "Ferry returns to the harbour 2026-01-08"
BETTER = "Ferry returns to the harbour on Monday"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily that was stopped when one reader had it and another may have it."""
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    begin(made)
    return made


def _story(paper: Paper, headline: str = LEAD) -> int:
    with paper.app.database.read() as connection:
        selection = candidate_store.load_selection(connection, paper.edition(FRIDAY).id)
    return next(c.article.id for c in selection.candidates if c.article.story.headline == headline)


def _choose(paper: Paper, act: Act, story: int | None = None, text: str = "") -> Chosen:
    room = paper.app.newsroom
    new = NewChoice(act, story, text=text)
    return choose(room, room.newsletters[0], paper.edition(FRIDAY), new, by="ann")


def _mend(paper: Paper) -> Chosen:
    return _choose(paper, Act.HEADLINE, _story(paper), BETTER)


def _approve(paper: Paper) -> str:
    return approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)


def test_the_second_revision_goes_only_to_those_without_the_first(paper: Paper) -> None:
    mended = _mend(paper)
    assert mended.edition is not None
    assert (mended.edition.state, mended.edition.revision) == (EditionState.STOPPED, 2)
    assert mended.edition.reason == f"It is being mended: ann {mended.words}."
    assert deliver(paper) == {}, "nothing leaves while it is mended"
    approved = _approve(paper)
    now = paper.edition(FRIDAY)
    assert (now.state, now.revision) == (EditionState.SENDING, 2)
    subjects = deliver(paper)
    assert sorted(subjects) == ["dan", "eve"]
    assert all(BETTER in subject for subject in subjects.values())
    assert len(arrived(paper)) == 2
    assert paper.edition(FRIDAY).state is EditionState.SENT
    assert paper.tally(FRIDAY) == Tally(accepted=3, uncertain=1)
    with paper.app.database.read() as connection:
        assert compositions.approved_hash(connection, now.id) == approved
        first = compositions.load_composition(connection, now.id, revision=1)
        assert first is not None
        assert LEAD in first.subject, "what the first readers got is kept"


def test_the_editors_are_told_of_the_next_revision_once(paper: Paper) -> None:
    told = len(paper.notices())
    _mend(paper)
    _choose(paper, Act.NOTE, text="Good morning. We had a date wrong.")
    (notice,) = paper.notices()[told:]
    assert notice.facts["event"] == "draft"
    assert str(notice.facts["reason"]).endswith(
        "Revision 2 goes only to those who have not got the letter, when somebody approves it."
    )


def test_a_mended_edition_is_approved_and_not_resumed(paper: Paper) -> None:
    _mend(paper)
    room = paper.app.newsroom
    with pytest.raises(WorkflowError) as caught:
        resume(room.database, paper.edition(FRIDAY), by=ANN, clock=room.clock)
    assert str(caught.value) == (
        f"resume: {FRIDAY}: it was mended, and revision 2 waits for its approval"
    )
    assert paper.edition(FRIDAY).state is EditionState.STOPPED


def test_nobody_approves_what_was_mended_again_since_they_looked(paper: Paper) -> None:
    _mend(paper)
    seen = paper.edition(FRIDAY)
    _choose(paper, Act.NOTE, text="Good morning.")
    with pytest.raises(WorkflowError):
        approve(paper.app.database, seen, by="bob", clock=paper.watch)
    assert paper.edition(FRIDAY).state is EditionState.STOPPED


def test_no_story_comes_in_that_some_readers_would_never_get(paper: Paper) -> None:
    paper.watch.at = moment("2026-01-09 07:10")
    paper.publish("Bridge closed at noon")
    with paper.app.database.read() as connection:
        [late] = article_store.search_articles(connection, "bridge closed", limit=5)
    with pytest.raises(WorkflowError, match="some readers have the letter without it"):
        _choose(paper, Act.PIN, late.id)
    assert paper.edition(FRIDAY).revision == 1


def test_a_story_that_goes_out_of_it_comes_to_nobody_a_second_time(paper: Paper) -> None:
    dropped = _story(paper)
    chosen = _choose(paper, Act.DROP, dropped)
    assert chosen.edition is not None
    assert LEAD not in paper.headlines(FRIDAY)
    newsletter = paper.app.newsroom.newsletters[0]
    with paper.app.database.read() as connection:
        assert dropped in candidate_store.uses(connection, newsletter.id, [dropped])
    _choose(paper, Act.UNDO)
    assert LEAD in paper.headlines(FRIDAY)
    assert paper.edition(FRIDAY).revision == 2


def test_what_was_chosen_before_it_was_sent_is_not_undone(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    paper.go("2026-01-09 06:30")
    _choose(paper, Act.DROP, _story(paper))
    begin(paper)
    with pytest.raises(WorkflowError, match="what was chosen before it was sent cannot be undone"):
        _choose(paper, Act.UNDO)


def test_a_revision_whose_composing_was_cut_short_is_composed_by_the_clockwork(
    paper: Paper,
) -> None:
    _mend(paper)
    edition = paper.edition(FRIDAY)
    with paper.app.database.write() as connection:
        compositions.drop_revision(connection, edition.id, 2)
    with pytest.raises(WorkflowError, match="it is not composed yet"):
        _approve(paper)
    assert paper.go("2026-01-09 07:20") == [("drafted", FRIDAY)]
    assert paper.go("2026-01-09 07:21") == []
    _approve(paper)
    assert paper.edition(FRIDAY).state is EditionState.SENDING


def test_it_waits_for_a_sender_that_still_has_the_first_text_in_hand(paper: Paper) -> None:
    _mend(paper)
    edition = paper.edition(FRIDAY)
    owner = sa.update(delivery_batch).where(delivery_batch.c.edition_id == edition.id)
    with paper.app.database.write() as connection:
        connection.execute(owner.values(owner="another"))
    with pytest.raises(WorkflowError, match="a sender still has copies of the earlier text"):
        _approve(paper)
    with paper.app.database.write() as connection:
        connection.execute(owner.values(owner=None))
    _approve(paper)


def test_it_can_be_stopped_and_mended_a_second_time(paper: Paper) -> None:
    _mend(paper)
    _approve(paper)
    halt(paper)
    _choose(paper, Act.NOTE, text="Good morning.")
    edition = paper.edition(FRIDAY)
    assert (edition.revision, edition.state) == (3, EditionState.STOPPED)
    _approve(paper)
    assert sorted(deliver(paper)) == ["dan", "eve"]


def test_a_stopped_edition_that_is_well_is_resumed_as_ever(paper: Paper) -> None:
    room = paper.app.newsroom
    resume(room.database, paper.edition(FRIDAY), by=ANN, clock=room.clock)
    assert sorted(deliver(paper)) == ["dan", "eve"]


def test_two_who_approve_at_once_let_it_go_once(paper: Paper) -> None:
    _mend(paper)
    seen = paper.edition(FRIDAY)
    _approve(paper)
    with pytest.raises((WorkflowError, ConflictError)):
        approve(paper.app.database, replace(seen), by="bob", clock=paper.watch)
    assert sorted(deliver(paper)) == ["dan", "eve"]
