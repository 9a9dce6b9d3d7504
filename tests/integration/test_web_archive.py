"""Past editions over a real database: their lists, private ones, and each edition's page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import httpx2
import lxml.html
import pytest
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.composition import store as compositions
from digest.composition.model import Composition
from digest.composition.samples import sample_site
from digest.db import Database
from digest.editions import store as editions
from digest.editions.model import EditionState, Newsletter
from digest.web.context import WebContext
from digest.web.past_editions import A_PAGE
from digest.web.routes import make_app
from tests.integration.archive_room import (
    FRIDAY,
    TONGUES,
    composed,
    make_paper,
    send_edition,
    workdays,
    written,
)
from tests.integration.web_site import KEYS

SITE = sample_site("en")
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
LEAD = "Council backs the new breakwater after a night of argument"


class Room:
    """The paper's pages, and its newsletters behind them."""

    def __init__(self, database: Database, **more: object) -> None:
        self.database = database
        self.daily, self.weekly, self.members = make_paper(database)
        context = WebContext(
            database, SITE, KEYS, [self.daily, self.weekly, self.members], clock=fixed(NOW)
        )
        app = make_app(replace(context, **more))  # type: ignore[arg-type]
        self.client = TestClient(app, raise_server_exceptions=True)

    def get(self, path: str, *, liked: str = "en") -> httpx2.Response:
        headers = {"accept-language": liked}
        return self.client.get(path, headers=headers, follow_redirects=False)

    def page(self, path: str, *, liked: str = "en") -> lxml.html.HtmlElement:
        answer = self.get(path, liked=liked)
        assert answer.status_code == 200, path
        return lxml.html.document_fromstring(answer.text)

    def send(self, newsletter: Newsletter, day: date, **more: object) -> None:
        letter = written(newsletter.spec.template, site=SITE)
        send_edition(self.database, newsletter, day, [letter], **more)  # type: ignore[arg-type]

    def send_bare(self, newsletter: Newsletter, days: list[date]) -> None:
        """Send letters of which only the lines for the inbox matter."""
        for day in days:
            made = send_edition(self.database, newsletter, day, [])
            letter = Composition(
                edition_id=made.id,
                language="en",
                revision=1,
                subject=f"Of {day}",
                preheader="",
                html="<p>A letter of another design</p>",
                text="",
                nonce="Xq7nonceXq7nonceXq7nonce",
                content_hash=f"{made.id:064}",
            )
            with self.database.write() as connection:
                compositions.save_composition(connection, letter, at=NOW)


@pytest.fixture
def room(sqlite_database: Database) -> Room:
    return Room(sqlite_database)


def rows(page: lxml.html.HtmlElement) -> list[str]:
    """Give what each line of a list says, its spaces folded."""
    found = page.cssselect(".editions li")
    return [re.sub(r"\s+", " ", each.text_content()).strip() for each in found]


def links(page: lxml.html.HtmlElement, selector: str) -> list[str]:
    return [str(each.get("href")) for each in page.cssselect(selector)]


def test_the_list_has_every_offered_newsletter_by_month_newest_first(database: Database) -> None:
    room = Room(database)
    room.send(room.daily, FRIDAY)
    room.send(room.daily, date(2025, 12, 31))
    room.send(room.weekly, date(2026, 1, 10))
    room.send(room.members, date(2026, 1, 7))
    page = room.page("/archive")
    months = [str(each.text_content()) for each in page.cssselect("main h2")]
    assert months == ["January 2026", "December 2025"]
    also = (
        "Also: Ferry returns to its winter timetable · Two schools share a roof, and save a"
        " fortune · Museum finds a letter from the keeper’s daughter"
    )
    week_also = (
        f"Also: {LEAD} · Ferry returns to its winter timetable · Two schools share a roof,"
        " and save a fortune"
    )
    assert rows(page) == [
        f"Sat 10 Jan The week of 3–9 January The Week · {week_also} 16 stories",
        f"Fri 9 Jan {LEAD} The Morning Post · {also} 13 stories",
        f"Wed 31 Dec {LEAD} The Morning Post · {also} 13 stories",
    ]
    assert links(page, ".editions a") == [
        "/weekly/2026-01-10",
        "/daily/2026-01-09",
        "/daily/2025-12-31",
    ]
    assert "Members" not in str(page.text_content())


def test_one_newsletters_list_has_only_its_own_and_its_tab_is_marked(room: Room) -> None:
    room.send(room.daily, FRIDAY)
    room.send(room.weekly, date(2026, 1, 10))
    page = room.page("/archive/weekly")
    assert [row[:10] for row in rows(page)] == ["Sat 10 Jan"]
    current = page.cssselect(".tabs [aria-current=page]")
    assert [str(each.text_content()) for each in current] == ["The Week"]
    assert [path.partition("?")[0] for path in links(page, ".tabs a")] == [
        "/archive",
        "/archive/daily",
        "/archive/weekly",
    ]
    (subscribe,) = links(page, "main .btn.primary")
    assert subscribe.endswith("newsletter=weekly")


@pytest.mark.parametrize("state", list(EditionState))
def test_only_what_is_or_was_sent_is_listed(room: Room, state: EditionState) -> None:
    room.send(room.daily, FRIDAY, state=state)
    public = state in {EditionState.SENDING, EditionState.SENT}
    assert len(rows(room.page("/archive"))) == public
    assert (LEAD in room.get("/archive/feed.atom").text) is public


def test_older_pages_follow_a_cursor_that_new_editions_do_not_move(room: Room) -> None:
    days = list(workdays(FRIDAY, 2 * A_PAGE + 1))
    room.send_bare(room.daily, days[1:])
    first = room.page("/archive")
    (older,) = links(first, "main a[rel=next]")
    room.send_bare(room.daily, days[:1])
    second = room.page(older)
    (older,) = links(second, "main a[rel=next]") or [""]
    shown = rows(first) + rows(second)
    assert len(shown) == len(set(shown)) == 2 * A_PAGE
    assert older == ""
    assert [each.get("content") for each in second.cssselect("meta[name=robots]")] == [
        "noindex, follow"
    ]
    assert first.cssselect("meta[name=robots]") == []


def test_several_editions_of_a_day_are_paged_through_without_a_gap(room: Room) -> None:
    for n in range(A_PAGE + 2):
        send_edition(room.database, room.daily, FRIDAY, [], slot=f"extra-{n}")
    with room.database.read() as connection:
        every = editions.past_editions(connection, [room.daily.id], list(EditionState), limit=99)
        last = every[A_PAGE - 1]
        rest = editions.past_editions(
            connection, [room.daily.id], list(EditionState), limit=99, before=(FRIDAY, last.id)
        )
    assert [one.id for one in rest] == [one.id for one in every[A_PAGE:]]


@pytest.mark.parametrize(
    "path",
    [
        "/archive/members",
        "/archive/members/feed.atom",
        "/archive/nothing",
        "/archive/nothing/feed.atom",
        "/archive?before=yesterday",
        "/archive?before=2026-01-09.",
        "/archive?before=2026-02-30.1",
        "/archive?before=2026-01-09.1%00",
        "/archive?before=%D9%A2026-01-09.1",
        "/archive/daily/feed.atom?before='; DROP TABLE edition --",
    ],
)
def test_what_is_not_offered_and_what_was_never_a_page_is_not_there(room: Room, path: str) -> None:
    room.send(room.members, FRIDAY)
    assert room.get(path).status_code == 404


def test_a_private_letter_opens_at_its_own_address_and_is_listed_nowhere(room: Room) -> None:
    room.send(room.members, FRIDAY)
    room.send(room.members, date(2026, 1, 8))
    answer = room.get("/members/2026-01-09")
    assert answer.status_code == 200
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["cache-control"] == "private, max-age=300"
    page = lxml.html.document_fromstring(answer.text)
    assert [each.get("content") for each in page.cssselect("meta[name=robots]")] == ["noindex"]
    assert links(page, "link[rel=canonical], link[type='application/atom+xml']") == []
    assert "/members/2026-01-08" not in answer.text
    assert "/archive/members" not in answer.text
    assert "members" not in room.get("/archive").text + room.get("/archive/feed.atom").text
    mailed = room.get("/members/2026-01-09?as=mailed")
    assert mailed.headers["x-robots-tag"] == "noindex"


def test_an_empty_archive_says_so(room: Room) -> None:
    assert "Nothing has been sent yet." in room.get("/archive").text
    assert "Nothing has been sent before this." in room.get("/archive?before=2026-01-09.1").text
    assert room.get("/archive/feed.atom").status_code == 200


def test_an_editions_page_leads_on_and_back(room: Room) -> None:
    for day in (date(2026, 1, 7), date(2026, 1, 8), FRIDAY):
        room.send(room.daily, day)
    page = room.page("/daily/2026-01-08")
    beside = [path.partition("?")[0] for path in links(page, ".beside a:not(.btn)")]
    assert beside == ["/daily/2026-01-07", "/daily/2026-01-09"]
    (subscribe,) = links(page, ".beside .btn")
    assert subscribe.startswith("/subscribe?")
    assert subscribe.endswith("newsletter=daily")
    about = re.sub(r"\s+", " ", str(page.cssselect(".about")[0].text_content()))
    assert about == "The Morning Post · Thursday 8 January 2026 · 13 stories · 1 min"
    assert links(page, "link[rel=canonical]") == [f"{SITE.public_url}/daily/2026-01-08"]
    assert page.cssselect("meta[name=robots]") == []
    assert links(room.page("/daily/2026-01-07"), ".beside a[rel=prev]") == []
    assert links(room.page("/daily/2026-01-09"), ".beside a[rel=next]") == []


def test_a_skipped_edition_is_not_the_one_before(room: Room) -> None:
    room.send(room.daily, date(2026, 1, 7))
    room.send(room.daily, date(2026, 1, 8), state=EditionState.SKIPPED)
    room.send(room.daily, FRIDAY)
    (previous,) = links(room.page("/daily/2026-01-09"), ".beside a[rel=prev]")
    assert previous.startswith("/daily/2026-01-07")


def test_an_editions_page_runs_no_style_and_no_script_of_the_letter(room: Room) -> None:
    room.send(room.daily, FRIDAY)
    answer = room.get("/daily/2026-01-09")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    page = lxml.html.document_fromstring(answer.text)
    assert page.cssselect("[style], style, script, table") == []
    assert {str(each.get("src")).rpartition("/")[0] for each in page.cssselect("main img")} == {
        "/images"
    }


def test_as_it_was_mailed_is_the_letter_itself(room: Room) -> None:
    room.send(room.daily, FRIDAY)
    answer = room.get("/daily/2026-01-09?as=mailed")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert "mso-hide" in answer.text
    assert answer.headers["x-robots-tag"] == "noindex"
    assert "'unsafe-inline'" in answer.headers["content-security-policy"]


def test_each_language_has_its_own_page_and_a_list_prefers_the_readers(room: Room) -> None:
    letters = [written("daily", tag, site=SITE) for tag in ("en", *TONGUES)]
    send_edition(room.database, room.daily, FRIDAY, letters)
    page = room.page("/daily/2026-01-09?language=ar")
    assert (page.get("lang"), page.get("dir")) == ("ar", "rtl")
    assert "المجلس يقرّ كاسر الأمواج الجديد بعد ليلة من الجدل" in str(page.text_content())
    assert links(page, "link[rel=canonical]") == [f"{SITE.public_url}/daily/2026-01-09?language=ar"]
    assert {each.get("hreflang") for each in page.cssselect("link[hreflang]")} == {
        *("en", "de", "es", "fr")
    }
    listed = room.page("/archive", liked="fr")
    assert links(listed, ".editions a") == ["/daily/2026-01-09?language=fr"]
    assert room.get("/archive").headers["vary"] == "Accept-Language"


def test_a_letter_in_no_language_of_the_page_says_which_it_is_in(room: Room) -> None:
    room.send(room.daily, FRIDAY)
    page = room.page("/archive?language=ar")
    assert (page.get("lang"), page.get("dir")) == ("ar", "rtl")
    (headline,) = page.cssselect(".editions a")
    assert (headline.get("lang"), headline.get("dir")) == ("en", "ltr")
    page = room.page("/daily/2026-01-09?language=ar")
    (letter,) = page.cssselect(".letter")
    assert (page.get("lang"), letter.get("lang"), letter.get("dir")) == ("ar", "en", "ltr")


def test_a_letter_of_another_design_is_shown_as_it_was_mailed(room: Room) -> None:
    room.send_bare(room.daily, [FRIDAY])
    answer = room.get("/daily/2026-01-09")
    assert answer.text == "<p>A letter of another design</p>"
    assert "x-robots-tag" not in answer.headers
    assert rows(room.page("/archive")) == ["Fri 9 Jan Of 2026-01-09 The Morning Post"]


def test_a_mended_letter_takes_the_place_of_the_first(room: Room) -> None:
    made = send_edition(room.database, room.daily, FRIDAY, [written(site=SITE)])
    mended = replace(composed(written(site=SITE, lead=1), revision=2), edition_id=made.id)
    with room.database.write() as connection:
        compositions.save_compositions(connection, [mended], at=NOW)
    assert "Ferry returns" in rows(room.page("/archive"))[0][:40]


def test_many_lists_do_not_read_a_letter_twice(room: Room) -> None:
    room.send(room.daily, FRIDAY)
    assert rows(room.page("/archive")) == rows(room.page("/archive"))
