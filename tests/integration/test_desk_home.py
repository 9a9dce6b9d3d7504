"""The desk's first page: the week, the list, what is being sent, and who may stop it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from digest.db import Database
from digest.delivery import count_store
from digest.delivery.model import DeliveryState
from digest.people.audit_store import audit_of
from digest.people.model import Role
from digest.workflow.approve import approve
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.api_site import begin_edition
from tests.integration.desk_site import AtDesk, at_desk, text_of
from tests.integration.life_room import FRIDAY, begin, settle

SUBJECT = "Ferry returns to the harbour 2026-01-08"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily that wants an approval, and a letter made by hand."""
    by_hand = a_newsletter(name="Breaking", template="single", days=[], urgent=True)
    return opened(
        "2026-01-07 12:00",
        newsletters={"daily": a_newsletter(release="approve"), "breaking": by_hand},
    )


@pytest.fixture
def sending(paper: Paper) -> Paper:
    """Friday's letter on its way to two readers."""
    paper.reader("ann@reader.example")
    paper.reader("bob@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    approve(paper.app.database, paper.edition(FRIDAY), by="Ann", clock=paper.watch)
    paper.go("2026-01-09 07:00")
    return paper


def fragment(desk: AtDesk, path: str = "") -> str:
    answer = desk.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_empty_desk_says_that_there_is_nothing_yet_and_where_to_begin(paper: Paper) -> None:
    words = text_of(at_desk(paper.app).get())
    assert "There is no edition yet: the first is made at its hour, or by New edition." in words
    assert "New edition" in words
    assert "Nothing is running. digest serve" in words


def test_a_desk_without_a_source_leads_an_admin_to_its_beginning(opened: OpenPaper) -> None:
    paper = opened(sources={})
    assert '<a class="btn primary" href="/desk/first-run">' in fragment(at_desk(paper.app))
    editor = at_desk(paper.app, Role.EDITOR, address="edi.tor@post.example")
    assert "An admin begins with the address of the site." in text_of(editor.get())


def test_the_week_shows_what_was_what_is_and_what_is_to_come(sending: Paper) -> None:
    words = text_of(at_desk(sending.app).get())
    assert "This week Earlier 5 January to 11 January 2026 Later" in words
    assert "Missed Nothing was running at its hour" in words
    assert "Sending The Morning Post, Fri 9 0%" in words
    after = text_of(at_desk(sending.app).get("/desk?week=2026-01-14"))
    assert "12 January to 18 January 2026" in after
    assert after.count("To come Draft at 06:30") == 5


def test_a_week_beyond_all_calendars_shows_this_one(paper: Paper) -> None:
    assert "This week" in text_of(at_desk(paper.app).get("/desk?week=9999-12-31"))


def test_the_list_says_of_each_edition_when_what_and_how_far_in_both_zones(sending: Paper) -> None:
    words = text_of(at_desk(sending.app).get())
    assert f"Fri 9 Jan, 07:00 07:00 UTC The Morning Post {SUBJECT} Sending" in words
    assert "0 of 2 accepted Open" in words


def test_the_list_is_cut_down_by_state_and_newsletter(sending: Paper) -> None:
    desk = at_desk(sending.app)
    assert f'editions/{FRIDAY}">Open' in fragment(desk, "/desk?state=sending")
    none = text_of(desk.get("/desk?state=sent"))
    assert "There is no edition like that." in none
    assert "There is no edition like that." in text_of(desk.get("/desk?newsletter=breaking"))
    empty = text_of(desk.get("/desk?state=not+sent"))
    assert "Missed Nothing was running at its hour" in empty
    assert desk.get("/desk?state=nonsense&before=nonsense").status_code == 200


def test_more_than_a_page_of_editions_goes_on_where_it_ended(paper: Paper) -> None:
    database, daily = paper.app.database, paper.app.newsroom.newsletters[0].id
    for n in range(45):
        begin_edition(database, daily, day=date(2026, 1, 1) + timedelta(days=n), state="sent")
    desk, seen, path = at_desk(paper.app), list[str](), "/desk"
    for _ in range(3):
        page = fragment(desk, path)
        seen += re.findall(r'href="/desk/editions/([^"]+)">(?:Edit|Open)', page)
        older = re.search(r'href="([^"]+)#list">Older', page)
        path = f"/desk{older[1].replace('&amp;', '&')}" if older else ""
    assert path == ""
    assert len(seen) == 45
    assert set(seen) == set(paper.editions())


def test_what_needs_you_leads_to_the_page_where_it_is_done(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    page = fragment(at_desk(paper.app))
    assert "daily/2026-01-09 waits for your approval until 07:00 on 9 Jan." in page
    assert f'<a href="/desk/editions/{FRIDAY}">Look at it' in page
    assert "digest approve" not in page


def test_an_editor_stops_a_letter_from_the_first_page_and_it_is_in_the_audit(
    sending: Paper,
) -> None:
    desk = at_desk(sending.app, Role.EDITOR)
    number = sending.edition(FRIDAY).id
    assert f'<input type="hidden" name="edition" value="{number}">' in fragment(desk)
    answer = desk.post("stop", {"edition": str(number)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert sending.edition(FRIDAY).state == "stopped"
    page = text_of(desk.get())
    assert f"{FRIDAY} is stopped. Who has not got it yet gets nothing until it goes on." in page
    assert "Let it go on" not in page
    with sending.app.database.read() as connection:
        (entry,) = audit_of(connection, [FRIDAY])[-1:]
    assert desk.me is not None
    assert (entry.actor, entry.verb) == (desk.me.actor, "edition.stop")
    again = desk.post("stop", {"edition": str(number)})
    assert again.status_code == 303
    assert f"{FRIDAY} was stopped already." in text_of(desk.get())


def test_only_an_approver_lets_it_go_on(sending: Paper) -> None:
    begun = {"edition": str(sending.edition(FRIDAY).id)}
    approver = at_desk(sending.app, Role.APPROVER)
    approver.post("stop", begun)
    editor = at_desk(sending.app, Role.EDITOR, address="edi.tor@post.example")
    assert editor.post("resume", begun).status_code == 403
    assert sending.edition(FRIDAY).state == "stopped"
    assert "Let it go on" in text_of(approver.get())
    assert approver.post("resume", begun).status_code == 303
    assert sending.edition(FRIDAY).state == "sending"


def test_a_viewer_sees_it_and_has_no_button(sending: Paper) -> None:
    desk = at_desk(sending.app, Role.VIEWER)
    page = fragment(desk)
    assert 'action="/desk/stop"' not in page
    assert "New edition" not in text_of(desk.get())
    assert desk.post("stop", {"edition": str(sending.edition(FRIDAY).id)}).status_code == 403


def test_a_damaged_form_stops_nothing(sending: Paper) -> None:
    desk = at_desk(sending.app)
    numbers = ("", "x", "-1", "9" * 40, "999999")
    answers = [desk.post("stop", {"edition": number}).status_code for number in numbers]
    assert answers == [400, 400, 400, 400, 404]
    assert sending.edition(FRIDAY).state == "sending"


def test_the_piece_that_renews_itself_knows_the_pace_from_the_look_before(sending: Paper) -> None:
    desk = at_desk(sending.app)
    first = fragment(desk, "sending")
    since = re.search(r"since=(\d+-0-[\d.]+)", first)
    assert since is not None
    assert 'hx-trigger="every 2s"' in first
    settle(sending, "ann", DeliveryState.ACCEPTED)
    sending.watch.at += timedelta(seconds=2)
    second = text_of(desk.get(f"sending?since={since[1]}"))
    assert "1 of 2 50% 0.5 a second · done about 07:00" in second
    assert desk.get("sending?since=damaged,1-2,a-b-c").status_code == 200


def test_what_was_stopped_half_way_does_not_ask_again_by_itself(paper: Paper) -> None:
    begin(paper)
    page = fragment(at_desk(paper.app), "sending")
    assert "hx-trigger" not in page
    assert "50%" in page


def test_the_readers_over_time_are_drawn_once_three_letters_went(paper: Paper) -> None:
    database, daily = paper.app.database, paper.app.newsroom.newsletters[0].id
    desk = at_desk(paper.app)
    for n, readers in enumerate((3160, 4000, 4812)):
        assert "<svg" not in fragment(desk)
        day = date(2026, 1, 1) + timedelta(days=n)
        edition = begin_edition(database, daily, day=day, state="sent")
        counts = {(edition.id, 0, "accepted"): readers - 5, (edition.id, 0, "failed"): 5}
        with database.write() as connection:
            count_store.add_counts(connection, counts, at=paper.watch.at)
    assert (
        'aria-label="Readers of The Morning Post rose from 3,160 on 1 Jan 2026 to 4,812 on'
        ' 3 Jan 2026."'
    ) in fragment(desk)


def test_the_file_names_nothing_that_only_its_readers_know(sending: Paper) -> None:
    page = fragment(at_desk(sending.app, Role.VIEWER))
    assert "ann@reader.example" not in page
