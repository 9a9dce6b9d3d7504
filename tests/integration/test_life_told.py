"""How long an edition waits for its editors: counted from when they were told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.db import Database
from digest.outbox import store as outbox
from tests.builders import DESK, OpenPaper, Paper, a_newsletter, moment, opening, url_of

FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"
SECOND = "second@post.example"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily that goes 20 minutes after its editors were told, while mail is down."""
    made = opened(people={"editors": [DESK, SECOND]})
    made.reader("ann@reader.example")
    made.mail_works = False
    made.news("2026-01-08")
    return made


def test_a_letter_of_which_no_mail_could_leave_waits_unseen_by_nobody(paper: Paper) -> None:
    paper.go("2026-01-09 06:30")
    assert paper.told() == [("draft", FRIDAY), ("draft", FRIDAY)]
    assert paper.edition(FRIDAY).told_at is None
    assert paper.go("2026-01-09 07:30") == []
    assert paper.post() == 2  # the server is back
    assert paper.go("2026-01-09 07:49") == []
    assert paper.edition(FRIDAY).told_at == moment("2026-01-09 07:30")
    assert paper.go("2026-01-09 07:50") == [("approved", FRIDAY), ("sending", FRIDAY)]


def test_it_counts_from_the_first_editor_who_was_told(paper: Paper) -> None:
    paper.go("2026-01-09 06:30")
    with paper.app.database.write() as connection:
        first, _ = outbox.due(connection, now=paper.watch.at, limit=9)
        outbox.mark_sent(connection, first, at=moment("2026-01-09 06:35"))
    assert paper.go("2026-01-09 06:54") == []
    assert paper.go("2026-01-09 06:55") == [("approved", FRIDAY)]


def test_a_letter_whose_editors_were_all_refused_is_held_at_its_hour(paper: Paper) -> None:
    paper.go("2026-01-09 06:30")
    assert paper.post(refused=True) == 2
    assert paper.go("2026-01-09 06:59") == []
    assert paper.go("2026-01-09 07:00") == [("held", FRIDAY)]
    held = paper.edition(FRIDAY)
    assert held.reason == "No editor could be told of it: their mail was refused."
    assert paper.told() == [("held", FRIDAY), ("held", FRIDAY)]


def test_without_editors_it_counts_from_its_draft(opened: OpenPaper) -> None:
    paper = opened(people={"editors": []})
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    assert paper.edition(FRIDAY).told_at == moment("2026-01-09 06:30")
    assert paper.go("2026-01-09 06:50") == [("approved", FRIDAY)]


def test_the_mail_has_the_running_order_the_warnings_and_a_link_to_look(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.news("2026-01-08", 3)
    paper.go("2026-01-09 06:30")
    (notice,) = paper.notices()
    facts, edition = notice.facts, paper.edition(FRIDAY)
    assert facts["url"] == paper.app.newsroom.draft_url(edition.id)
    rows = facts["rows"]
    assert isinstance(rows, list)
    assert {mark for mark, _ in rows} <= {"lead", "top", "Town", "brief", "warning"}
    assert {words for mark, words in rows if mark != "warning"} == paper.headlines(FRIDAY)
    assert facts["reason"] == (
        "Its hour is 9 Jan 2026 at 07:00; it goes only if somebody approves it."
    )


def test_a_skip_says_how_many_stories_there_were_and_how_many_it_takes(opened: OpenPaper) -> None:
    paper = opened()
    paper.news("2026-01-08", 1)
    assert paper.go("2026-01-09 06:30") == [("skipped", FRIDAY)]
    (notice,) = paper.notices()
    assert notice.facts["reason"] == "1 new story, 3 needed"
