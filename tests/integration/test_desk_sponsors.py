"""Sponsors booked by date, letter and slot, long before there is an edition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.db import Database
from digest.editions import candidate_store
from digest.editions.model import Sponsor
from digest.people.audit_store import audit_of
from digest.people.model import Role
from digest.workflow.approve import approve
from digest.workflow.sponsors import coming
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.desk_site import AtDesk, at_desk, text_of

FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"
LINE, LINK = "Quay Street Books: all maps at half price", "https://books.example/maps"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    daily = a_newsletter(release="approve", not_on=["2026-01-13"])
    slots = {
        "noon": {"cut_off": "11:30", "send_at": "12:00"},
        "evening": {"cut_off": "17:30", "send_at": "18:00"},
    }
    twice = {**daily, "name": "Twice", "days": ["sat"], "slots": slots}
    del twice["cut_off"], twice["send_at"]
    made = opened(newsletters={"daily": daily, "twice": twice})
    made.news("2026-01-08")
    return made


def seq(desk: AtDesk, address: str) -> str:
    page = desk.get(f"/desk/sponsors?book={address}").text
    found = re.search(rf'value="{address}">\s*<input type="hidden" name="seq" value="(\d+)"', page)
    assert found is not None
    return found[1]


def book(
    desk: AtDesk, address: str = MONDAY, *, text: str = LINE, url: str = LINK, **more: str
) -> int:
    fields = {"address": address, "text": text, "url": url, "seq": seq(desk, address), **more}
    return desk.post("sponsors/book", {**fields}).status_code


def sponsor_of(paper: Paper, address: str) -> Sponsor | None:
    with paper.app.database.read() as connection:
        return candidate_store.load_selection(connection, paper.edition(address).id).sponsor


def booked(paper: Paper) -> dict[str, str]:
    slots = coming(paper.app.newsroom, days=14)
    return {slot.address: slot.sponsor.text for slot in slots if slot.sponsor}


def test_the_letters_to_come_are_listed_by_their_hour_without_holidays(paper: Paper) -> None:
    slots = coming(paper.app.newsroom, days=5)
    assert [slot.address for slot in slots] == [
        "daily/2026-01-09",
        "twice/2026-01-10/noon",
        "twice/2026-01-10/evening",
        "daily/2026-01-12",
    ]
    words = text_of(at_desk(paper.app).get("/desk/sponsors?weeks=2"))
    assert "Sat 10 January, 18:00 18:00 UTC Twice, evening Free" in words
    assert "Tue 13 January" not in words


def test_a_line_is_booked_shown_and_stands_in_the_edition_when_its_day_comes(
    paper: Paper,
) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    assert book(desk) == 303
    words = text_of(desk.get("sponsors"))
    assert f"Booked: {MONDAY}." in words
    assert f"The Morning Post {LINE} {LINK} Booked by Alma Penn, Thu 8 January, 18:00" in words
    paper.go("2026-01-09 06:30")
    assert sponsor_of(paper, FRIDAY) is None
    paper.news("2026-01-11")
    paper.go("2026-01-12 06:30")
    assert sponsor_of(paper, MONDAY) == Sponsor(LINE, LINK)
    letter = paper.composition(MONDAY)
    assert letter is not None
    assert LINE in letter.html
    with paper.app.database.read() as connection:
        verbs = [entry.verb for entry in audit_of(connection, [MONDAY])]
    assert verbs[0] == "sponsor.book"


def test_each_slot_of_a_day_has_its_own(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    assert book(desk, "twice/2026-01-10/evening") == 303
    assert booked(paper) == {"twice/2026-01-10/evening": LINE}


def test_a_booking_is_changed_and_cancelled(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    book(desk)
    assert book(desk, text="Harbour Café", url="") == 303
    assert booked(paper) == {MONDAY: "Harbour Café"}
    assert book(desk, do="cancel") == 303
    assert booked(paper) == {}
    with paper.app.database.read() as connection:
        verbs = [entry.verb for entry in audit_of(connection, [MONDAY])]
    assert verbs == ["sponsor.book", "sponsor.book", "sponsor.cancel"]


def test_two_who_book_the_same_day_see_each_other_and_nothing_typed_is_lost(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    other = at_desk(paper.app, Role.EDITOR, address="edi.tor@post.example", name="Edi Tor")
    seen = seq(other, MONDAY)
    book(desk)
    fields: dict[str, str | list[str]] = {"address": MONDAY, "text": "Mine", "url": "", "seq": seen}
    refused = other.post("sponsors/book", fields)
    assert refused.status_code == 409
    words = text_of(refused)
    assert f"in the meantime Alma Penn booked the sponsor's line “{LINE}”" in words
    assert 'value="Mine"' in refused.text
    assert booked(paper) == {MONDAY: LINE}


def test_a_booking_after_the_approval_opens_the_edition_again(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    paper.go("2026-01-09 06:30")
    approve(paper.app.database, paper.edition(FRIDAY), by="Ann", clock=paper.watch)
    desk = at_desk(paper.app, Role.EDITOR)
    assert book(desk, FRIDAY) == 303
    assert "It has to be approved again." in text_of(desk.get("sponsors"))
    assert sponsor_of(paper, FRIDAY) == Sponsor(LINE, LINK)
    assert paper.edition(FRIDAY).state == "in review"


def test_one_that_is_on_its_way_is_not_listed_and_takes_no_booking(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    desk = at_desk(paper.app, Role.EDITOR)
    seen = seq(desk, FRIDAY)
    paper.go("2026-01-09 06:30")
    approve(paper.app.database, paper.edition(FRIDAY), by="Ann", clock=paper.watch)
    paper.go("2026-01-09 07:00")
    assert FRIDAY not in [slot.address for slot in coming(paper.app.newsroom, days=14)]
    fields: dict[str, str | list[str]] = {"address": FRIDAY, "text": LINE, "url": "", "seq": seen}
    refused = desk.post("sponsors/book", fields)
    assert refused.status_code == 409
    assert LINE in text_of(refused)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "x" * 300}, 422),
        ({"url": "javascript:alert(1)"}, 422),
        ({"address": "daily/2026-01-10"}, 422),
        ({"address": "daily/nonsense"}, 422),
        ({"address": "nothing/2026-01-12"}, 422),
        ({"seq": "x"}, 422),
        ({"seq": "7"}, 409),
    ],
)
def test_what_cannot_be_booked_is_refused(paper: Paper, more: dict[str, str], status: int) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    fields = {"address": MONDAY, "text": LINE, "url": LINK, "seq": "0", **more}
    assert desk.post("sponsors/book", {**fields}).status_code == status
    assert booked(paper) == {}


def test_a_viewer_sees_and_books_nothing(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.VIEWER)
    assert "book=" not in desk.get("sponsors").text
    fields: dict[str, str | list[str]] = {"address": MONDAY, "text": LINE, "url": "", "seq": "0"}
    assert desk.post("sponsors/book", fields).status_code == 403


def test_an_undo_on_the_editions_own_page_takes_the_booking_back(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    book(desk)
    undone = desk.post(f"editions/{MONDAY}/~choose", {"do": "undo", "seq": "1"})
    assert undone.status_code == 303
    assert booked(paper) == {}
