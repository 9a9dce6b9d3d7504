"""What stands beside the form: the letter that was sent last, in the words that were approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.composition.model import Logo
from digest.db import Database
from digest.editions.model import EditionState, Newsletter
from tests.integration.archive_room import FRIDAY, make_paper, send_edition, written
from tests.integration.web_site import SITE, Browser, open_browser


@pytest.fixture
def paper(database: Database) -> list[Newsletter]:
    return make_paper(database)


@pytest.fixture
def browser(database: Database, paper: list[Newsletter]) -> Browser:
    return open_browser(database, newsletters=paper)


def _send(
    browser: Browser,
    newsletter: Newsletter,
    *,
    days_before: int = 0,
    state: EditionState = EditionState.SENT,
    lead: int = 0,
) -> list[str]:
    """Send one of the sample letters; give its headlines, the lead first."""
    made = written(site=SITE, lead=lead)
    day = FRIDAY - timedelta(days=days_before)
    send_edition(browser.database, newsletter, day, [made], state=state)
    assert made.lead is not None
    return [each.headline for each in (made.lead, *made.top)]


def _aside(browser: Browser) -> str:
    """Give what stands beside the form."""
    page = browser.get("/subscribe").text
    return page.partition("<aside")[2].partition("</aside>")[0]


def test_nothing_stands_there_before_the_first_letter_is_sent(
    browser: Browser, paper: list[Newsletter]
) -> None:
    assert _aside(browser) == ""
    _send(browser, paper[0], state=EditionState.APPROVED)
    assert _aside(browser) == ""


def test_the_first_headlines_of_the_latest_letter_stand_beside_the_form(
    browser: Browser, paper: list[Newsletter]
) -> None:
    headlines = _send(browser, paper[0])
    aside = _aside(browser)
    places = [aside.find(f">{headline}</bdi></a>") for headline in headlines[:2]]
    assert -1 < places[0] < places[1]
    assert 'href="/daily/2026-01-09"' in aside
    assert "The Morning Post" in aside


def test_a_newer_letter_takes_its_place(browser: Browser, paper: list[Newsletter]) -> None:
    _send(browser, paper[0], days_before=1)
    yesterday = _aside(browser)
    today = _send(browser, paper[0], lead=2)[0]
    aside = _aside(browser)
    assert aside != yesterday
    assert aside.find(today) < aside.find("</li>")


def test_a_letter_that_is_not_offered_is_never_shown(
    browser: Browser, paper: list[Newsletter]
) -> None:
    _send(browser, paper[2])
    assert _aside(browser) == ""


def test_the_picture_is_the_one_of_the_letter_and_never_the_logo(
    browser: Browser, paper: list[Newsletter]
) -> None:
    name = "ab" * 32
    made = written(site=SITE)
    assert made.lead is not None
    assert made.lead.shot is not None
    shot = replace(made.lead.shot, url=f"{SITE.public_url}/images/{name}.jpg")
    pictured = replace(made, lead=replace(made.lead, shot=shot))
    send_edition(browser.database, paper[0], FRIDAY, [pictured])
    assert f'src="/images/{name}.jpg"' in _aside(browser)
    logo = Logo(shot.url, 200, 40)
    branded = open_browser(browser.database, newsletters=paper, site=replace(SITE, logo=logo))
    assert "<img" not in _aside(branded)


def test_a_letter_without_pictures_has_none_there(
    browser: Browser, paper: list[Newsletter]
) -> None:
    made = written(site=SITE)
    assert made.lead is not None
    bare = replace(made, lead=replace(made.lead, shot=None))
    send_edition(browser.database, paper[0], FRIDAY, [bare])
    aside = _aside(browser)
    assert "In the latest letter" in aside
    assert "<img" not in aside
