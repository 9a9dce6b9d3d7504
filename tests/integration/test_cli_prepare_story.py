"""`digest prepare NEWSLETTER --story URL`: an edition of one story, from a feed or its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.sources_newsroom import Site, answer, running_site


@pytest.fixture
def web() -> Iterator[Site]:
    with running_site() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    made = make_site(tmp_path)
    made.edit('feed = "feed.xml"', 'feed = "feed.xml"\nallow = ["127.0.0.0/8"]')
    return made


def a_page(headline: str) -> bytes:
    text = "".join(
        f"<p>The lifeboat went out at {n} in the morning and came back with all three of them,"
        " cold and cheerful, to a quay full of people who had been told to stay at home.</p>"
        for n in range(1, 9)
    )
    return (
        f"<!doctype html><html lang='en'><head><title>{headline}</title>"
        "<meta property='og:type' content='article'>"
        f"<meta property='og:title' content='{headline}'>"
        f"</head><body><article><h1>{headline}</h1>{text}</article></body></html>"
    ).encode()


def first_address(site: SiteFolder) -> str:
    site.well("collect")
    return f"https://harbourpost.example/town/0-{len('Harbour bridge closes for a week')}"


def test_a_story_that_a_feed_brought_makes_an_edition_alone(site: SiteFolder) -> None:
    address = first_address(site)
    facts = site.well("prepare", "breaking", "--story", address + "?utm_source=x", "--json").facts
    assert (facts["stories"], facts["state"]) == (1, "in review")
    assert facts["subject"].startswith("Harbour bridge closes for a week")
    told = site.well("explain", facts["edition"], "--json").facts
    assert told["chosen"][0]["reason"].startswith("Asked for by name. Lead: the newest with a link")
    assert {one["verdict"] for one in told["left_out"]} == {"not asked for"}


def test_a_story_that_no_feed_has_is_read_from_its_page(site: SiteFolder, web: Site) -> None:
    web.pages["/n/7"] = answer(a_page("Lifeboat saves three"), content_type="text/html")
    ran = site.well("prepare", "breaking", "--story", web.url("/n/7"), "--json")
    assert ran.facts["subject"].startswith("Lifeboat saves three")
    again = site.well("prepare", "breaking", "--story", web.url("/n/7"), "--json").facts
    assert (again["edition"], again["already"]) == (ran.facts["edition"], True)
    assert len(web.asked) == 1


def test_another_story_makes_another_edition(site: SiteFolder, web: Site) -> None:
    editions = []
    for n, headline in enumerate(("Lifeboat saves three", "Quay is closed to all")):
        web.pages[f"/n/{n}"] = answer(a_page(headline), content_type="text/html")
        ran = site.well("prepare", "breaking", "--story", web.url(f"/n/{n}"), "--json")
        editions.append(ran.facts["edition"])
    first, second = editions
    assert second == f"{first}/extra"


def test_a_daily_has_it_beside_the_edition_of_the_day(site: SiteFolder) -> None:
    address = first_address(site)
    of_one = site.well("prepare", "daily", "--story", address, "--json").facts
    assert of_one["edition"].endswith("/extra")
    of_day = site.well("prepare", "daily", "--json").facts
    assert of_day["edition"] == of_one["edition"].removesuffix("/extra")
    assert of_day["stories"] == 4  # the fifth is in the other


def test_a_story_that_was_sent_is_refused_with_the_reason_and_nothing_recorded(
    site: SiteFolder,
) -> None:
    address = first_address(site)
    edition = site.well("prepare", "breaking", "--story", address, "--json").facts["edition"]
    site.well("approve", edition)
    site.well("subscribers", "add", "ann@reader.example", "--newsletter", "breaking")
    site.well("send", edition)
    ran = site.digest("prepare", "breaking", "--story", address, "--json")
    assert ran.code == 1
    assert ran.facts == {
        "edition": None,
        "reason": f"Asked for, but sent in {edition}",
        "recorded": False,
        "left_out": {},
    }


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("harbour bridge", "not a web address"),
        ("javascript:alert(1)", "not a web address"),
        ("http://127.0.0.1:9/gone", "fetch: http://127.0.0.1:9/gone"),
    ],
)
def test_what_is_no_storys_address_is_said_in_words(
    site: SiteFolder, address: str, words: str
) -> None:
    ran = site.digest("prepare", "breaking", "--story", address)
    assert ran.code == 1
    assert words in ran.err
    assert len(ran.err.splitlines()) >= 2  # with a hint


def test_a_page_that_is_no_article_is_refused(site: SiteFolder, web: Site) -> None:
    web.pages["/"] = answer(b"<html><body>Welcome</body></html>", content_type="text/html")
    ran = site.digest("prepare", "breaking", "--story", web.url("/"))
    assert ran.code == 1
    assert "page: " in ran.err
