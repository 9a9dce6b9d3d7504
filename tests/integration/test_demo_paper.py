from __future__ import annotations

import wave
from datetime import datetime
from io import BytesIO

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.demo.newsroom import MORNING, ZONE, feed_xml, stories_at
from digest.demo.server import newsroom_routes

BASE = "http://127.0.0.1:8025"


def client(at: datetime = MORNING) -> TestClient:
    return TestClient(Starlette(routes=newsroom_routes(fixed(at), BASE)))


def test_the_feed_is_that_of_the_clocks_moment() -> None:
    answer = client().get("/newsroom/feed.xml")
    assert answer.headers["content-type"].startswith("application/rss+xml")
    assert answer.content == feed_xml(MORNING, BASE)


@pytest.mark.parametrize("form", ["{}", "W/{}", '"older", {}', "*"])
def test_a_feed_that_did_not_change_is_not_sent_again(form: str) -> None:
    browser = client()
    etag = browser.get("/newsroom/feed.xml").headers["etag"]
    answer = browser.get("/newsroom/feed.xml", headers={"If-None-Match": form.format(etag)})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


def test_a_feed_that_changed_is_sent() -> None:
    answer = client().get("/newsroom/feed.xml", headers={"If-None-Match": '"older"'})
    assert answer.status_code == 200


def test_every_story_of_the_feed_has_its_page() -> None:
    browser = client()
    for story in stories_at(MORNING):
        answer = browser.get(story.path)
        assert answer.status_code == 200
        assert answer.text.count("<h1>") == 1


def test_a_page_shows_the_story_its_picture_and_its_correction() -> None:
    page = client().get("/newsroom/sea/lighthouse-lamp-changes").text
    assert "Pell Head lighthouse puts out its old lamp after 112 years" in page
    assert 'alt="A white lighthouse on a dark headland above a pale sea"' in page
    assert "Updated Wednesday 7 January, 11:30" in page
    assert "<em>Correction, Wednesday 7 January:" in page


def test_a_page_escapes_what_it_shows() -> None:
    page = client().get("/newsroom/business/cafe-zoe-and-sons-customs-house").text
    assert "Café Zoë &amp; Sons" in page


def test_pages_run_no_script_and_have_no_inline_style() -> None:
    answer = client().get("/newsroom")
    assert "script" not in answer.text
    assert "style=" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_front_page_shows_what_is_published_newest_first() -> None:
    page = client().get("/newsroom").text
    assert "lifeboat-named-for-swimming-teacher" not in page
    assert 0 < page.index("snow-closes-moor-road") < page.index("scallop-haul-before-dawn")


def test_a_section_shows_its_own_stories() -> None:
    page = client().get("/newsroom/sport").text
    assert "athletic-stoppage-time-winner" in page
    assert "snow-closes-moor-road" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/newsroom/weather",
        "/newsroom/town/no-such-story",
        "/newsroom/sport/snow-closes-moor-road",
        "/newsroom/pictures/no-such-picture.jpg",
        "/newsroom/audio/snow-closes-moor-road.wav",
    ],
)
def test_what_is_not_there_is_said_to_be_missing(path: str) -> None:
    answer = client().get(path)
    assert (answer.status_code, "There is no such page" in answer.text) == (404, True)


def test_a_picture_is_looked_up_by_name_and_never_by_path() -> None:
    assert client().get("/newsroom/pictures/..%2f..%2fpyproject.jpg").status_code == 404


def test_a_story_has_no_page_before_it_appears() -> None:
    evening = datetime(2026, 1, 8, 20, tzinfo=ZONE)
    assert client(evening).get("/newsroom/town/snow-closes-moor-road").status_code == 404


def test_before_the_first_story_the_front_page_is_empty_and_stands() -> None:
    assert client(datetime(2025, 1, 1, tzinfo=ZONE)).get("/newsroom").status_code == 200


def test_pictures_are_jpegs() -> None:
    answer = client().get("/newsroom/pictures/lighthouse.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:3] == b"\xff\xd8\xff"


def test_the_recording_can_be_played() -> None:
    answer = client().get("/newsroom/audio/last-of-the-net-menders.wav")
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(BytesIO(answer.content)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(2.4)


@pytest.mark.parametrize("sheet", ["tokens.css", "newsroom.css"])
def test_style_sheets_are_served(sheet: str) -> None:
    assert client().get(f"/newsroom/{sheet}").headers["content-type"].startswith("text/css")
