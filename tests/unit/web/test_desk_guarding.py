"""Whose a form is, where it came from, and where somebody may be led back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from digest.web.desk import times
from digest.web.desk.guarding import comes_from_us, mark_of, session_of_mark, way_back

SECRET = b"s" * 32
OURS = ("https://letters.post.example", "https://old.post.example/mail")


def test_a_mark_names_its_session() -> None:
    assert session_of_mark(SECRET, mark_of(SECRET, "abcDEF-_1234")) == "abcDEF-_1234"


def test_a_mark_of_another_secret_or_session_is_none() -> None:
    mark = mark_of(SECRET, "abcDEF-_1234")
    assert session_of_mark(b"t" * 32, mark) is None
    assert session_of_mark(SECRET, mark.replace("abc", "abd")) is None


@given(st.text(max_size=80))
def test_no_text_is_a_mark_by_chance(text: str) -> None:
    assert session_of_mark(SECRET, text) is None


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://letters.post.example"}, False),
        ({"origin": "https://letters.post.example"}, True),
        ({"origin": "https://LETTERS.post.example"}, True),
        ({"origin": "https://old.post.example"}, True),
        ({"origin": "http://10.0.0.5:8025", "host": "10.0.0.5:8025"}, True),
        ({"origin": "https://evil.example", "host": "10.0.0.5:8025"}, False),
        ({"origin": "null", "host": ""}, False),
        ({"origin": "null"}, False),
        ({}, None),
    ],
)
def test_a_form_comes_from_us_when_its_browser_says_so(
    headers: dict[str, str], *, ours: bool | None
) -> None:
    assert comes_from_us(Headers(headers), OURS) is ours


@pytest.mark.parametrize(
    "path",
    ["/desk", "/desk?tab=2", "/desk/daily/2026-01-09", "/desk/readers?q=ann%40post.example&page=2"],
)
def test_who_wanted_a_page_of_the_desk_is_led_back_there(path: str) -> None:
    assert way_back(path, base="") == path
    assert way_back(f"/mail{path}", base="/mail") == f"/mail{path}"


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/desktop", "/archive", "//evil.example/desk", "https://evil.example/desk"),
        *("/desk//evil.example", "/desk/../u/token", "/desk/\\evil", "/desk/\r\nSet-Cookie: a=b"),
        "/desk/" + "x" * 600,
    ],
)
def test_nobody_is_led_elsewhere(path: str) -> None:
    assert way_back(path, base="") == ""


def test_the_desk_says_moments_in_the_zone_of_the_site() -> None:
    zone, now = ZoneInfo("America/Tortola"), datetime(2026, 1, 8, 12, tzinfo=UTC)
    at = datetime(2026, 1, 9, 11, 0, tzinfo=UTC)
    assert [times.when(at, zone, now), times.day(at, zone, now), times.hour(at, zone)] == [
        "Fri 9 January, 07:00",
        "Friday 9 January",
        "07:00",
    ]
    assert [times.utc(at), times.place(zone)] == ["11:00 UTC", "Tortola"]
    assert times.when(datetime(2025, 12, 31, 11, tzinfo=UTC), zone, now) == (
        "Wed 31 December 2025, 07:00"
    )


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=5), "5 days ago"),
    ],
)
def test_how_long_ago_is_said_roughly(before: timedelta, said: str) -> None:
    now = datetime(2026, 1, 8, 12, tzinfo=UTC)
    assert times.ago(now - before, now) == said
