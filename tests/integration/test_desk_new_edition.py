"""New edition: from the address of a story, or what was typed, to an approved letter."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest

from digest.db import Database
from digest.errors import SourceError
from digest.people.audit_store import audit_of
from digest.people.model import Role
from digest.sources.article_store import count_articles
from digest.web.desk.readings import Readings
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.desk_site import AtDesk, at_desk, text_of
from tests.integration.sources_newsroom import HERE, Site, answer, running_site
from tests.integration.test_cli_prepare_story import a_page

HEADLINE = "Lifeboat saves three"
ADDRESS = "breaking/2026-01-08"
READER = "ann@reader.example"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def web() -> Iterator[Site]:
    with running_site() as running:
        running.pages["/n/7"] = answer(published(HEADLINE), content_type="text/html")
        yield running


@pytest.fixture
def paper(opened: OpenPaper, tmp_path: Path) -> Paper:
    """Open the paper on each of the databases."""
    return a_paper(opened, tmp_path)


@pytest.fixture
def paper_here(tmp_path: Path) -> Iterator[Paper]:
    """Open the paper on one database, for what is the same on both."""
    for opened in opening(tmp_path):
        yield a_paper(opened, tmp_path)


def a_paper(opened: OpenPaper, tmp_path: Path) -> Paper:
    """A daily, and a letter made by hand: twice a day at the most, and not at night."""
    limits = {"per_day": 2, "quiet": "22:00-06:30"}
    breaking = {"name": "Breaking", "template": "single", "days": [], "urgent": True}
    made = opened(
        sources={"site": {"feed": str(tmp_path / "feed.xml"), "allow": list(HERE)}},
        checks={"ignore": {"L02": "The site of these stories is on this machine."}},
        newsletters={
            "daily": a_newsletter(release="approve"),
            "breaking": {**breaking, "release": "approve", "limits": limits},
        },
    )
    made.reader(READER, "breaking")
    return made


def published(headline: str) -> bytes:
    """Write a story's page, with its hour."""
    hour = b"<meta property='article:published_time' content='2026-01-08T11:30:00+00:00'>"
    return a_page(headline).replace(b"</head>", hour + b"</head>")


def look(desk: AtDesk, web: Site, path: str = "/n/7") -> httpx2.Response:
    return desk.post("new/look", {"url": web.url(path), "letter": "breaking"})


def make(desk: AtDesk, web: Site, **more: str) -> httpx2.Response:
    return desk.post("new/make", {"url": web.url("/n/7"), "letter": "breaking", **more})


def approve(desk: AtDesk, address: str = ADDRESS, **more: str) -> httpx2.Response:
    page = desk.get(f"new/{address}")
    seen = re.search(r'name="hash" value="([0-9a-f]{64})"', page.text)
    assert seen is not None, text_of(page)
    return desk.post(f"new/{address}/~approve", {"hash": seen[1], **more})


def articles(paper: Paper) -> int:
    with paper.app.database.read() as connection:
        return count_articles(connection)


def test_looking_shows_what_was_found_and_keeps_nothing(paper: Paper, web: Site) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    words = text_of(look(desk, web))
    assert "This was found" in words
    assert f"Headline {HEADLINE}" in words
    assert (
        "Read from its page, published Thu 8 January, 11:30 (11:30 UTC) Without a picture;" in words
    )
    assert articles(paper) == 0
    assert paper.editions() == {}


def test_the_letter_made_by_hand_and_urgent_is_chosen_beforehand(
    paper_here: Paper, web: Site
) -> None:
    page = at_desk(paper_here.app, Role.EDITOR).post("new/look", {"url": web.url("/n/7")}).text
    assert re.search(r'value="breaking" checked', page)


def test_a_letter_is_made_shown_approved_and_leaves_at_the_next_look_of_the_clockwork(
    paper: Paper, web: Site
) -> None:
    desk = at_desk(paper.app, Role.APPROVER)
    look(desk, web)
    made = make(desk, web)
    assert (made.status_code, made.headers["location"]) == (303, f"/desk/new/{ADDRESS}")
    page = desk.get(f"new/{ADDRESS}")
    words = text_of(page)
    assert f"In review {ADDRESS}" in words
    assert f"Harbour Post {HEADLINE}" in words
    assert "It goes to 1 reader as soon as it is approved." in words
    assert f'src="/desk/editions/{ADDRESS}/~letter"' in page.text
    done = approve(desk)
    assert (done.status_code, done.headers["location"]) == (303, "/desk")
    paper.watch.at += timedelta(seconds=5)
    paper.go(f"{paper.watch.at:%Y-%m-%d %H:%M:%S}")
    assert paper.edition(ADDRESS).state == "sending"
    assert paper.tally(ADDRESS).planned == 1


def test_who_made_and_who_approved_it_stand_in_the_audit(paper: Paper, web: Site) -> None:
    desk = at_desk(paper.app, Role.APPROVER)
    make(desk, web)
    approve(desk)
    with paper.app.database.read() as connection:
        entries = audit_of(connection, [ADDRESS])
    assert desk.me is not None
    assert [(entry.actor, entry.verb) for entry in entries] == [
        (desk.me.actor, "edition.prepare"),
        (desk.me.actor, "edition.approve"),
    ]


def test_other_words_for_headline_and_standfirst_stand_in_the_letter(
    paper: Paper, web: Site
) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    make(desk, web, headline="Three saved at sea", standfirst="All are well.")
    letter = paper.composition(ADDRESS)
    assert letter is not None
    assert letter.subject.startswith("Three saved at sea")
    assert "All are well." in letter.html
    assert HEADLINE not in letter.html


def test_the_same_story_again_is_the_same_letter(paper: Paper, web: Site) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    make(desk, web)
    again = make(desk, web)
    assert again.headers["location"] == f"/desk/new/{ADDRESS}"
    assert "It was made before." in text_of(desk.get(f"new/{ADDRESS}"))
    assert list(paper.editions()) == [ADDRESS]


def test_a_letter_that_comes_by_itself_gets_an_extra_beside_it(paper: Paper, web: Site) -> None:
    made = make(at_desk(paper.app, Role.EDITOR), web, letter="daily")
    assert made.headers["location"] == "/desk/new/daily/2026-01-08/extra"


def test_an_editor_makes_it_and_an_approver_lets_it_go(paper: Paper, web: Site) -> None:
    editor = at_desk(paper.app, Role.EDITOR)
    make(editor, web)
    assert "It waits for an approver" in text_of(editor.get(f"new/{ADDRESS}"))
    assert editor.post(f"new/{ADDRESS}/~approve", {"hash": "0" * 64}).status_code == 403
    assert at_desk(paper.app, Role.VIEWER, address="v@post.example").get("new").status_code == 403
    assert paper.edition(ADDRESS).state == "in review"


def test_what_was_not_seen_is_not_approved(paper: Paper, web: Site) -> None:
    desk = at_desk(paper.app, Role.APPROVER)
    make(desk, web)
    answered = desk.post(f"new/{ADDRESS}/~approve", {"hash": "0" * 64})
    assert answered.status_code == 409
    assert "it has changed since you looked" in text_of(answered)
    assert paper.edition(ADDRESS).state == "in review"


def test_in_quiet_hours_an_approver_says_why_it_cannot_wait(paper_here: Paper, web: Site) -> None:
    paper_here.watch.at = moment("2026-01-08 23:00")
    desk = at_desk(paper_here.app, Role.APPROVER)
    make(desk, web)
    assert "A limit is against it: these are quiet hours, until 9 Jan 2026 at 06:30" in text_of(
        desk.get(f"new/{ADDRESS}")
    )
    refused = approve(desk)
    assert refused.status_code == 409
    assert "these are quiet hours" in text_of(refused)
    assert approve(desk, override="People must leave the coast").status_code == 303
    with paper_here.app.database.read() as connection:
        (entry,) = audit_of(connection, [ADDRESS])[-1:]
    assert entry.detail["override"] == "People must leave the coast"


def test_above_many_readers_their_number_is_typed(paper_here: Paper, web: Site) -> None:
    for n in range(501):
        paper_here.reader(f"reader{n}@reader.example", "breaking")
    desk = at_desk(paper_here.app, Role.APPROVER)
    make(desk, web)
    refused = approve(desk)
    assert refused.status_code == 422
    assert "it goes to 502 readers. Type that number" in text_of(refused)
    assert approve(desk, readers="500").status_code == 422
    assert approve(desk, readers="502").status_code == 303


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not a web address"),
        ("javascript:alert(1)", "not a web address"),
        ("http://169.254.169.254/latest/meta-data", "169.254"),
        ("https://" + "a" * 3000, "the address is too long"),
    ],
)
def test_what_is_no_page_is_said_and_the_story_can_be_typed_in(
    paper_here: Paper, url: str, says: str
) -> None:
    refused = at_desk(paper_here.app, Role.EDITOR).post("new/look", {"url": url})
    words = text_of(refused)
    assert refused.status_code == 422
    assert says in words
    assert "Type the story in" in words


def test_a_page_that_is_no_story_leads_to_the_form_with_its_address(
    paper_here: Paper, web: Site
) -> None:
    web.pages["/empty"] = answer(b"<html><body></body></html>", content_type="text/html")
    refused = look(at_desk(paper_here.app, Role.EDITOR), web, "/empty")
    assert refused.status_code == 422
    assert 'name="url" type="url" inputmode="url"' in refused.text
    assert web.url("/empty") in refused.text


def test_a_story_typed_in_becomes_a_letter(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    typed: dict[str, str | list[str]] = {
        "by": "hand",
        "headline": "Harbour <b>bridge</b> closed",
        "standfirst": "Drive round by the ferry.",
        "url": "https://post.example/bridge",
        "letter": "breaking",
    }
    made = desk.post("new/make", typed)
    assert made.headers["location"] == f"/desk/new/{ADDRESS}"
    letter = paper.composition(ADDRESS)
    assert letter is not None
    assert letter.subject.startswith("Harbour bridge closed")
    assert "Drive round by the ferry." in letter.html


def test_what_was_typed_stays_when_it_cannot_be_taken(paper_here: Paper) -> None:
    desk = at_desk(paper_here.app, Role.EDITOR)
    typed: dict[str, str | list[str]] = {"by": "hand", "headline": "Bridge closed"}
    typed |= {"standfirst": "Go round.", "letter": "x"}
    refused = desk.post("new/make", typed)
    assert refused.status_code == 422
    assert "Bridge closed</textarea>" in refused.text
    assert "Go round.</textarea>" in refused.text
    nowhere = text_of(desk.post("new/make", {**typed, "letter": "breaking"}))
    assert "it has neither an address nor a text" in nowhere


def test_a_story_that_a_letter_had_is_refused_with_its_reason(paper: Paper, web: Site) -> None:
    desk = at_desk(paper.app, Role.APPROVER)
    make(desk, web)
    approve(desk)
    paper.go("2026-01-08 12:05")
    refused = make(desk, web)
    assert refused.status_code == 409
    assert "no letter of this story" in text_of(refused)
    assert "This was found" in text_of(refused)
    assert list(paper.editions()) == [ADDRESS]


def test_scripts_in_every_field_are_words(paper_here: Paper) -> None:
    desk = at_desk(paper_here.app, Role.APPROVER)
    hostile = '</textarea><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    fields = dict.fromkeys(("headline", "standfirst", "text", "alt", "letter"), hostile)
    for answered in (
        desk.post("new/make", {"by": "hand", "url": hostile, "picture": hostile, **fields}),
        desk.post("new/make", {"by": "hand", **fields, "letter": "breaking"}),
        desk.get(f"new/{ADDRESS}"),
        desk.post("new/look", {"url": hostile, "letter": hostile}),
    ):
        assert "<script>alert" not in answered.text
        assert "<img src=x" not in answered.text


def test_while_a_page_is_read_slowly_the_desk_answers(paper_here: Paper, web: Site) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        begun.set()
        go_on.wait(30)
        answer(published(HEADLINE), content_type="text/html")(handler)

    web.pages["/slow"] = slow
    desk = at_desk(paper_here.app, Role.EDITOR)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(look, desk, web, "/slow")
        try:
            assert begun.wait(20)
            assert desk.get("new").status_code == 200
        finally:
            go_on.set()
        assert "This was found" in text_of(waiting.result())


def test_who_comes_while_three_pages_are_read_is_asked_to_come_again(paper_here: Paper) -> None:
    readings = Readings(paper_here.app)
    for _ in range(3):
        assert readings.places.acquire(blocking=False)
    with pytest.raises(SourceError, match="other pages are being read just now"):
        readings.find("https://post.example/n/7")


def test_what_was_looked_at_is_not_read_a_second_time(paper_here: Paper, web: Site) -> None:
    desk = at_desk(paper_here.app, Role.EDITOR)
    look(desk, web)
    web.pages["/n/7"] = answer(status=500)
    assert make(desk, web).status_code == 303
