"""The first minutes at the desk in a real browser: a site is looked at, its proposal changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from digest.people.model import Role
from tests.acceptance.browser_demo import find_chromium, running_chromium
from tests.acceptance.desk_browser import for_everybody, no_complaints
from tests.acceptance.desk_paper import desk_paper
from tests.builders import moment
from tests.integration.sources_newsroom import Site, answer, running_site
from tests.unit.sources.page_builders import page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

HEAD = '<link rel="alternate" type="application/rss+xml" href="/news.xml">'
NOON = moment("2026-01-08 12:00")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def web() -> Iterator[Site]:
    """A paper's site on this machine."""
    with running_site() as found:
        items = "".join(
            f"<item><title>Tide {n}</title><guid>{n}</guid>"
            f"<pubDate>{format_datetime(NOON - timedelta(hours=3 * n))}</pubDate></item>"
            for n in range(12)
        )
        feed = f"<rss version='2.0'><channel><title>Quay</title>{items}</channel></rss>"
        found.pages["/"] = answer(page(HEAD, lang="de").encode(), content_type="text/html")
        found.pages["/news.xml"] = answer(feed.encode())
        yield found


def test_a_proposal_is_changed_on_the_spot_and_kept(
    chromium: Browser, web: Site, tmp_path: Path
) -> None:
    with (
        desk_paper(tmp_path) as desk,
        desk.window(chromium, Role.ADMIN) as window,
        no_complaints(window) as tab,
    ):
        window.set_default_timeout(30_000)
        tab.goto("/desk/first-run")
        assert for_everybody(tab) == {}
        tab.get_by_label("Your site's address").fill(web.url("/"))
        with tab.expect_navigation():
            tab.get_by_role("button", name="Look at it").click()
        expect(tab.get_by_text("12 stories were found")).to_be_visible()
        expect(tab.get_by_label("Feed")).to_have_value(web.url("/news.xml"))
        expect(tab.get_by_text("It is there already: digest.toml, line")).to_be_visible()
        assert for_everybody(tab) == {}
        tab.get_by_label("Sent at").fill("half past eight")
        with tab.expect_navigation():
            tab.get_by_role("button", name="Keep it, and show the next edition").click()
        expect(tab.get_by_label("Sent at")).to_have_value("half past eight")
        expect(tab.get_by_text("An hour is written as '06:30'.")).to_be_visible()
        tab.get_by_label("Sent at").fill("08:30")
        tab.get_by_role("checkbox", name="Sun").check()
        with tab.expect_navigation():
            tab.get_by_role("button", name="Keep it, and show the next edition").click()
        expect(tab.get_by_text("Being put in force: weekly")).to_be_visible()
        assert for_everybody(tab) == {}
        tab.goto("/desk/newsletters/weekly")
        expect(tab.locator("#runs li").first).to_contain_text("Sat 10 January, 08:30")
