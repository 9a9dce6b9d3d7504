from __future__ import annotations

from datetime import date

import lxml.html
import pytest

from digest.clock import fixed
from digest.db import Database
from digest.editions import store as editions
from digest.editions.archive_store import latest_shown, unpublished_of
from digest.editions.model import EditionState
from digest.errors import UsageError, WorkflowError
from digest.people import store as people
from digest.web.archive import PUBLIC
from digest.workflow.halt import Person
from digest.workflow.unpublish import publish, unpublish
from tests.integration.archive_room import FRIDAY
from tests.integration.test_web_archive import NOW, SITE, Room, links

ANN = Person("ann")
THURSDAY = date(2026, 1, 8)


@pytest.fixture
def room(database: Database) -> Room:
    found = Room(database)
    for day in (date(2026, 1, 7), THURSDAY, FRIDAY):
        found.send(found.daily, day)
    return found


def _take_out(room: Room, day: date = THURSDAY, reason: str = "It named a child") -> bool:
    with room.database.read() as connection:
        found = editions.find_edition(connection, room.daily, local_date=day)
    assert found is not None
    return unpublish(room.database, found, by=ANN, reason=reason, clock=fixed(NOW))


def _put_back(room: Room, day: date = THURSDAY) -> bool:
    with room.database.read() as connection:
        found = editions.find_edition(connection, room.daily, local_date=day)
    assert found is not None
    return publish(room.database, found, by=ANN, clock=fixed(NOW))


def test_a_page_that_was_taken_out_says_kindly_that_it_is_gone(room: Room) -> None:
    assert _take_out(room)
    for path in ("/daily/2026-01-08", "/daily/2026-01-08?as=mailed"):
        answer = room.get(path)
        assert answer.status_code == 410
        page = lxml.html.document_fromstring(answer.text)
        assert page.xpath("string(//h1)") == "This edition is no longer here"
        assert "The others are still there." in answer.text
        assert "named a child" not in answer.text
        assert [each.get("content") for each in page.cssselect("meta[name=robots]")] == ["noindex"]
    assert "Diese Ausgabe ist nicht mehr hier" in room.get("/daily/2026-01-08?language=de").text


def test_it_is_in_no_list_in_no_feed_and_beside_no_other(room: Room) -> None:
    _take_out(room)
    for path in ("/archive", "/archive/daily", "/archive/feed.atom", "/archive/daily/feed.atom"):
        text = room.get(path).text
        assert "daily/2026-01-08" not in text, path
        assert "daily/2026-01-09" in text, path
    (before,) = links(room.page("/daily/2026-01-09"), ".beside a[rel=prev]")
    (after,) = links(room.page("/daily/2026-01-07"), ".beside a[rel=next]")
    assert (before.partition("?")[0], after.partition("?")[0]) == (
        "/daily/2026-01-07",
        "/daily/2026-01-09",
    )


def test_new_readers_are_not_led_to_it(room: Room) -> None:
    _take_out(room, FRIDAY)
    with room.database.read() as connection:
        (latest,) = latest_shown(connection, [room.daily.id], PUBLIC)
    assert latest.local_date == THURSDAY


def test_put_back_it_is_there_again_and_both_stand_in_the_audit(room: Room) -> None:
    assert [_take_out(room), _take_out(room)] == [True, False]
    assert [_put_back(room), _put_back(room)] == [True, False]
    assert room.get("/daily/2026-01-08").status_code == 200
    with room.database.read() as connection:
        rows = connection.execute(people.audit.select().order_by(people.audit.c.id)).all()
        assert unpublished_of(connection, 2) is None
    assert [(row.verb, row.subject, row.detail) for row in rows] == [
        (
            "edition.unpublish",
            "daily/2026-01-08",
            {"by": "ann", "reason": "It named a child"},
        ),
        ("edition.publish", "daily/2026-01-08", {"by": "ann"}),
    ]


def test_a_reason_is_needed_and_a_page(room: Room) -> None:
    with pytest.raises(UsageError, match=r"^unpublish: daily/2026-01-08: why\?$"):
        _take_out(room, reason=" ")
    room.send(room.daily, date(2026, 1, 6), state=EditionState.IN_REVIEW)
    with pytest.raises(WorkflowError, match="it is in review and has no page"):
        _take_out(room, date(2026, 1, 6))


def test_a_page_tells_those_who_share_it_what_it_is(room: Room) -> None:
    page = room.page("/daily/2026-01-09")
    told = {each.get("property"): each.get("content") for each in page.cssselect("meta[property]")}
    (canonical,) = links(page, "link[rel=canonical]")
    description = page.cssselect("meta[name=description]")[0].get("content")
    heading = page.cssselect("title")[0].text_content().partition(" · ")[0]
    assert told == {
        "og:type": "article",
        "og:site_name": SITE.name,
        "og:title": heading,
        "og:description": description,
        "og:url": canonical,
        "og:locale": "en",
        "article:published_time": "2026-01-09T07:00:00+00:00",
        "article:section": "The Morning Post",
    }


def test_a_private_letter_tells_nothing_to_be_shared(room: Room) -> None:
    room.send(room.members, FRIDAY)
    page = room.page("/members/2026-01-09")
    assert page.cssselect("meta[property], link[rel=canonical]") == []


def test_a_list_names_its_own_address(room: Room) -> None:
    (canonical,) = links(room.page("/archive/daily"), "link[rel=canonical]")
    assert canonical.partition("?")[0] == f"{SITE.public_url}/archive/daily"
