"""A letter that readers have is corrected: on its page, in the feed, and by mail, once each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from digest.db import Database
from digest.delivery.model import DeliveryState
from digest.editions import store as editions
from digest.editions.correction_store import corrections_of
from digest.editions.model import EditionState
from digest.errors import UsageError, WorkflowError
from digest.people import store as people
from digest.web.mount import pages_of
from digest.workflow.approve import approve
from digest.workflow.correct import Corrected, correct, count_readers
from digest.workflow.halt import resume
from subscribers.leaving import unsubscribe_address
from subscribers.model import Act
from tests.builders import DESK, OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.life_room import ANN, FRIDAY, address, arrived, begin, deliver, settle

MAIL = f"{FRIDAY}/correction"
WORDS = "The ferry leaves at 09:15.\n\nWe had written <b>09:45</b>."


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily that was sent: Bob has it, Cat may have it, Dan's was refused, Eve left."""
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    begin(made)
    settle(made, "dan", DeliveryState.FAILED)
    settle(made, "eve", DeliveryState.SKIPPED)
    room = made.app.newsroom
    resume(room.database, made.edition(FRIDAY), by=ANN, clock=room.clock)
    deliver(made)
    assert made.edition(FRIDAY).state is EditionState.SENT
    made.watch.at = moment("2026-01-10 09:00")
    return made


def _correct(paper: Paper, words: str = WORDS, *, mail: bool = False) -> Corrected:
    room = paper.app.newsroom
    return correct(
        room.database,
        paper.edition(FRIDAY),
        words,
        by=ANN,
        language="en",
        mail=mail,
        clock=room.clock,
        editors=room.editors,
    )


def _get(paper: Paper, path: str) -> str:
    with TestClient(pages_of(paper.app), base_url="https://letters.post.example") as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_note_stands_on_the_page_with_its_date_and_nothing_in_it_is_markup(
    paper: Paper,
) -> None:
    _correct(paper)
    paper.watch.at = moment("2026-01-12 09:00")
    _correct(paper, "And it leaves daily.")
    page = _get(paper, f"/{FRIDAY}")
    first, second = page.index("The ferry leaves at 09:15."), page.index("And it leaves daily.")
    assert first < second < page.index('<div class="letter"')
    assert "We had written &lt;b&gt;09:45&lt;/b&gt;." in page
    assert '<time datetime="2026-01-10">Saturday 10 January 2026</time>' in page
    assert '<time datetime="2026-01-12">Monday 12 January 2026</time>' in page
    mailed = _get(paper, f"/{FRIDAY}?as=mailed")
    assert "And it leaves daily." not in mailed, "as it was mailed is as it was mailed"


def test_the_feed_says_when_it_was_corrected(paper: Paper) -> None:
    before = _get(paper, "/archive/daily/feed.atom")
    _correct(paper)
    after = _get(paper, "/archive/daily/feed.atom")
    assert "<updated>2026-01-10T09:00:00Z</updated>" not in before
    assert after.count("<updated>2026-01-10T09:00:00Z</updated>") == 2, "the feed and its entry"


def test_a_note_alone_mails_no_reader(paper: Paper) -> None:
    done = _correct(paper)
    assert (done.note.n, done.mail, done.already) == (1, None, False)
    assert paper.editions() == {FRIDAY: "sent"}
    assert paper.told()[-1] == ("corrected", FRIDAY)


def test_it_is_mailed_once_to_those_who_have_the_letter_and_to_nobody_else(paper: Paper) -> None:
    edition = paper.edition(FRIDAY)
    assert count_readers(paper.app.newsroom, edition) == 2
    paper.reader(address("new"))  # came after it
    done = _correct(paper, mail=True)
    assert done.mail is not None
    assert (done.mail.address, done.mail.corrects, done.mail.number) == (MAIL, edition.id, -1)
    assert paper.go("2026-01-10 09:00") == [("approved", MAIL), ("sending", MAIL)]
    deliver(paper, MAIL)
    mails = [
        (name, message) for name, message in arrived(paper) if "Correction" in message["Subject"]
    ]
    assert sorted(name for name, _ in mails) == ["bob", "cat"]
    assert paper.editions() == {FRIDAY: "sent", MAIL: "sent"}
    made = paper.composition(FRIDAY)
    assert made is not None
    (_, message), _ = mails
    assert message["Subject"] == f"Correction: {made.subject}"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = message.get_body(("plain",))
    assert text is not None
    page = message.get_body(("html",))
    assert page is not None
    assert "&lt;b&gt;09:45&lt;/b&gt;" in page.get_content()
    content = text.get_content()
    assert "The ferry leaves at 09:15." in content
    assert f"https://letters.post.example/{FRIDAY}" in content
    again = _correct(paper, mail=True)
    assert (again.already, again.mail and again.mail.id) == (True, done.mail.id)
    paper.go("2026-01-10 09:10")
    deliver(paper, MAIL)
    assert len(arrived(paper)) == len(mails)


def test_who_left_since_gets_no_correction(paper: Paper) -> None:
    leave = Act(paper.watch.at, "command")
    unsubscribe_address(paper.app.database, address("bob"), None, leave)
    assert count_readers(paper.app.newsroom, paper.edition(FRIDAY)) == 1
    _correct(paper, mail=True)
    paper.go("2026-01-10 09:00")
    deliver(paper, MAIL)
    assert [name for name, _ in arrived(paper)] == ["cat"]


def test_a_second_note_is_a_second_mail_in_a_slot_of_its_own(paper: Paper) -> None:
    _correct(paper, mail=True)
    _correct(paper, "Once more: 09:20.", mail=True)
    paper.go("2026-01-10 09:00")
    assert paper.editions() == {FRIDAY: "sent", MAIL: "sending", f"{MAIL}-2": "sending"}
    with paper.app.database.read() as connection:
        newsletter = paper.app.newsroom.newsletters[0]
        found = editions.find_edition(connection, newsletter)
        assert found is not None
        assert found.address == FRIDAY, "a correction is never the current edition"
        assert editions.next_number(connection, newsletter.id) == 2
        past = editions.past_editions(connection, [newsletter.id], list(EditionState), limit=9)
        assert [each.address for each in past] == [FRIDAY]


def test_it_can_be_mailed_after_it_was_noted(paper: Paper) -> None:
    _correct(paper)
    done = _correct(paper, mail=True)
    assert (done.already, done.note.n) == (True, 1)
    assert done.mail is not None
    with paper.app.database.read() as connection:
        notes = corrections_of(connection, paper.edition(FRIDAY).id)
    assert [(note.n, note.mailed_as) for note in notes] == [(1, done.mail.id)]


def test_a_mail_that_was_cut_short_is_gone_on_with_and_not_doubled(paper: Paper) -> None:
    """The transaction that writes the note writes the mail's edition; all else is repeated."""
    _correct(paper, mail=True)
    assert paper.edition(MAIL).state is EditionState.DRAFT
    assert paper.go("2026-01-10 09:00") == [("approved", MAIL), ("sending", MAIL)]
    assert paper.go("2026-01-10 09:00") == []


def test_who_corrected_is_in_the_audit(paper: Paper) -> None:
    _correct(paper, mail=True)
    with paper.app.database.read() as connection:
        rows = connection.execute(sa.select(people.audit).order_by(people.audit.c.id)).all()
    last = rows[-1]
    assert (last.verb, last.subject, last.detail) == (
        "edition.correct",
        FRIDAY,
        {"by": "ann", "note": 1, "mail": True},
    )


def test_only_what_readers_have_is_corrected(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.reader(address("bob"))
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    with pytest.raises(WorkflowError, match="nobody has it yet, it is in review"):
        _correct(paper)
    approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    paper.go("2026-01-09 07:00")
    with pytest.raises(WorkflowError, match="it is still being sent"):
        _correct(paper, mail=True)
    assert _correct(paper).note.n == 1, "its page can say so at once"


@pytest.mark.parametrize("words", ["", " \n\n ", "x" * 4001])
def test_words_that_are_none_or_too_many_are_refused(paper: Paper, words: str) -> None:
    with pytest.raises(UsageError):
        _correct(paper, words)
    assert DESK not in {n.to_address for n in paper.notices() if n.facts["event"] == "corrected"}
