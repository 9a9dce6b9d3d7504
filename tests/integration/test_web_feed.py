"""The feed of editions over a real database: its entries, its pages, and who has it already."""

from __future__ import annotations

from datetime import UTC, date, datetime

import feedparser
import httpx2
import pytest
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.composition.samples import sample_site
from digest.db import Database
from digest.sources.feed import read_feed
from digest.web.context import WebContext
from digest.web.past_editions import A_PAGE
from digest.web.routes import make_app
from tests.integration.archive_room import FRIDAY, make_paper, send_edition, workdays, written
from tests.integration.web_site import KEYS

SITE = sample_site("en")
OLDER = "https://old.harbourpost.example"
LEAD = "Council backs the new breakwater after a night of argument"


class Room:
    """The paper's feeds, and editions to put in them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.daily, self.weekly, self.members = make_paper(database)

    def send(self, *days: date) -> None:
        letter = written(site=SITE)
        for day in days:
            send_edition(self.database, self.daily, day, [letter])

    def get(
        self, path: str, headers: dict[str, str] | None = None, *, former: tuple[str, ...] = ()
    ) -> httpx2.Response:
        newsletters = [self.daily, self.weekly, self.members]
        clock = fixed(datetime(2026, 1, 10, 12, tzinfo=UTC))
        context = WebContext(
            self.database, SITE, KEYS, newsletters, clock=clock, former_urls=former
        )
        client = TestClient(make_app(context))
        return client.get(path, headers=headers or {})


@pytest.fixture
def room(sqlite_database: Database) -> Room:
    made = Room(sqlite_database)
    made.send(date(2026, 1, 8), FRIDAY)
    return made


def test_an_entry_is_an_edition_with_its_lead_and_what_else_is_in_it(room: Room) -> None:
    answer = room.get("/archive/daily/feed.atom")
    assert answer.headers["content-type"] == "application/atom+xml"
    assert answer.headers["cache-control"] == "public, max-age=300"
    read = feedparser.parse(answer.content)
    assert (read.bozo, read.feed.title) == (False, "The Morning Post · Harbour Post")
    newest = read.entries[0]
    assert (newest.title, newest.link) == (LEAD, f"{SITE.public_url}/daily/2026-01-09")
    assert newest.id == f"{SITE.public_url}/daily/2026-01-09"
    assert newest.summary == (
        "Also: Ferry returns to its winter timetable · Two schools share a roof, and save a"
        " fortune · Museum finds a letter from the keeper’s daughter"
    )
    assert [entry.published for entry in read.entries] == [
        "2026-01-09T07:00:00Z",
        "2026-01-08T07:00:00Z",
    ]


def test_our_own_collector_reads_it_as_it_reads_any_feed(room: Room) -> None:
    answer = room.get("/archive/feed.atom")
    reading = read_feed(
        answer.content,
        address=f"{SITE.public_url}/archive/feed.atom",
        content_type=answer.headers["content-type"],
    )
    assert [(story.headline, story.url) for story in reading.stories] == [
        (LEAD, f"{SITE.public_url}/daily/2026-01-09"),
        (LEAD, f"{SITE.public_url}/daily/2026-01-08"),
    ]


def test_its_pages_give_every_edition_once(room: Room) -> None:
    room.send(*workdays(date(2026, 1, 7), A_PAGE))
    first = feedparser.parse(room.get("/archive/feed.atom").content)
    (older,) = (link.href for link in first.feed.links if link.rel == "next")
    second = feedparser.parse(room.get(older.removeprefix(SITE.public_url)).content)
    assert [link.href for link in second.feed.links if link.rel in {"next", "self"}] == [older]
    ids = [entry.id for entry in (*first.entries, *second.entries)]
    assert len(set(ids)) == len(ids) == A_PAGE + 2


def test_who_has_it_already_is_not_sent_it_again(room: Room) -> None:
    answer = room.get("/archive/feed.atom")
    tag, changed = answer.headers["etag"], answer.headers["last-modified"]
    assert changed == "Fri, 09 Jan 2026 07:00:00 GMT"
    for known in ({"if-none-match": f'"x", W/{tag}'}, {"if-modified-since": changed}):
        again = room.get("/archive/feed.atom", known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    for stale in (
        {"if-none-match": '"x"', "if-modified-since": changed},
        {"if-modified-since": "Thu, 08 Jan 2026 07:00:00 GMT"},
        {"if-modified-since": "some day"},
        {"if-modified-since": "Fri, 09 Jan 2026 07:00:00 -0000"},
    ):
        assert room.get("/archive/feed.atom", stale).status_code == 200


def test_a_new_edition_changes_the_tag(room: Room) -> None:
    tag = room.get("/archive/feed.atom").headers["etag"]
    room.send(date(2026, 1, 12))
    assert room.get("/archive/feed.atom").headers["etag"] != tag


def test_the_browsers_language_does_not_change_it_and_the_address_does(room: Room) -> None:
    letters = [written(tag=tag, site=SITE) for tag in ("en", "fr")]
    send_edition(room.database, room.daily, date(2026, 1, 12), letters)
    plain = room.get("/archive/feed.atom", {"accept-language": "fr"})
    assert feedparser.parse(plain.content).entries[0].title == LEAD
    french = feedparser.parse(room.get("/archive/feed.atom?language=fr").content)
    assert french.entries[0].link.endswith("/daily/2026-01-12?language=fr")
    assert french.entries[0].summary.startswith("À lire aussi :") or "Also:" not in (
        french.entries[0].summary
    )
    assert french.feed.language == "fr"


def test_ids_stay_when_the_pages_move_to_another_address(room: Room) -> None:
    read = feedparser.parse(room.get("/archive/feed.atom", former=(OLDER,)).content)
    assert read.feed.id == f"{OLDER}/archive/feed.atom"
    assert read.entries[0].id == f"{OLDER}/daily/2026-01-09"
    assert read.entries[0].link == f"{SITE.public_url}/daily/2026-01-09"


def test_the_lists_lead_feed_readers_to_it(room: Room) -> None:
    for page, feed in (
        ("/archive", "/archive/feed.atom"),
        ("/archive/daily", "/archive/daily/feed.atom"),
        ("/daily/2026-01-09", "/archive/daily/feed.atom"),
    ):
        assert f'href="{feed}' in room.get(page).text.partition("<body")[0]
