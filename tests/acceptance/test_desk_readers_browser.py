"""Readers, newsletters and settings of the desk in a real browser, looked at by axe-core too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from digest.people.model import Role
from tests.acceptance.browser_demo import find_chromium, running_chromium
from tests.acceptance.desk_browser import at_desk, for_everybody, no_complaints
from tests.acceptance.reader_site import ReaderSite, reader_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

MARIA = "maria.quay@reader.example"
LONG = "the.long.name.of.somebody.on.the.quay@subdomain.of.readers.example"
CSV = "email,status\ntom@reader.example,subscribed\nnot an address,subscribed\n"
_PATIENCE = 20_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReaderSite]:
    with reader_site(tmp_path, at="2026-01-08 12:00") as opened:
        for address in (MARIA, "nora@other.example", LONG):
            opened.paper.reader(address, "daily", "weekly")
        yield opened


@pytest.fixture
def window(site: ReaderSite, chromium: Browser) -> Iterator[BrowserContext]:
    with at_desk(site, chromium) as opened:
        opened.set_default_timeout(_PATIENCE)
        yield opened


def test_a_reader_is_found_looked_at_and_let_go(window: BrowserContext) -> None:
    with no_complaints(window) as page:
        page.goto("/desk/readers")
        page.get_by_label("Address, domain or segment").fill("other.example")
        with page.expect_navigation():
            page.get_by_role("button", name="Find").click()
        expect(page.get_by_role("link", name="nora@other.example")).to_be_visible()
        expect(page.get_by_role("link", name=MARIA)).to_have_count(0)
        page.get_by_label("Address, domain or segment").fill(MARIA)
        with page.expect_navigation():
            page.get_by_role("button", name="Find").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(MARIA)
        assert "@" not in page.url
        with page.expect_navigation():
            page.get_by_role("button", name="Unsubscribe from The Week").click()
        expect(page.locator("#told")).to_contain_text("Unsubscribed, at once")
        assert for_everybody(page) == {}


def test_a_segment_is_counted_while_it_is_typed_and_a_slip_is_pointed_at(
    window: BrowserContext,
) -> None:
    with no_complaints(window) as page:
        page.goto("/desk/readers")
        segment = page.get_by_label("Segment", exact=True)
        segment.press_sequentially("domain:other.example")
        expect(page.locator("#segment-count")).to_have_text("1 reader")
        segment.press_sequentially(" and colour:blue")
        expect(page.locator("#segment-count pre")).to_contain_text("^")
        expect(segment).to_have_value("domain:other.example and colour:blue")
        assert for_everybody(page) == {}


def test_a_file_of_readers_is_looked_at_and_brought_in(
    window: BrowserContext, tmp_path: Path
) -> None:
    file = tmp_path / "readers.csv"
    file.write_text(CSV, "utf-8")
    with no_complaints(window) as page:
        page.goto("/desk/readers/import")
        assert for_everybody(page) == {}
        page.get_by_label("File").set_input_files(file)
        page.get_by_label("The Morning Post").check()
        with page.expect_navigation():
            page.get_by_role("button", name="Look at it").click()
        expect(page.get_by_text("2 records read. Nothing is written yet.")).to_be_visible()
        assert for_everybody(page) == {}
        page.get_by_label("Where and how these readers agreed").fill("The form on our old site")
        with page.expect_navigation():
            page.get_by_role("button", name="Bring in 1 reader").click()
        expect(page.get_by_text("were read and brought in")).to_be_visible()
        page.goto("/desk/readers")
        expect(page.get_by_role("link", name="tom@reader.example")).to_be_visible()


def test_a_newsletter_is_begun_and_its_runs_follow_what_is_typed(window: BrowserContext) -> None:
    with no_complaints(window) as page:
        page.goto("/desk/newsletters")
        page.get_by_label("Name", exact=True).fill("Sunday Post")
        page.get_by_label("Short name").fill("sunday")
        with page.expect_navigation():
            page.get_by_role("button", name="Begin").click()
        expect(page.locator("#runs")).to_contain_text("It never comes by itself")
        page.get_by_label("Cut-off").fill("06:30")
        page.get_by_label("Sent at").fill("08:30")
        page.get_by_role("checkbox", name="Sunday").check()
        expect(page.locator("#runs li").first).to_contain_text("Sun 11 January, 08:30")
        expect(page.locator("#runs li")).to_have_count(10)
        page.get_by_label("Sent at").fill("half past eight")
        with page.expect_navigation():
            page.get_by_role("button", name="Save").click()
        expect(page.get_by_label("Sent at")).to_have_value("half past eight")
        expect(page.get_by_text("An hour is written as '06:30'.").first).to_be_visible()
        page.get_by_label("Sent at").fill("08:30")
        with page.expect_navigation():
            page.get_by_role("button", name="Save").click()
        expect(page.locator("#told")).to_contain_text("Saved.")
        assert for_everybody(page) == {}


def test_what_the_file_says_is_read_only_with_its_line(window: BrowserContext) -> None:
    with no_complaints(window) as page:
        page.goto("/desk/newsletters/daily")
        expect(page.get_by_text("Set in digest.toml, line").first).to_be_visible()
        expect(page.get_by_label("Sent at")).to_have_count(0)
        assert for_everybody(page) == {}


@pytest.mark.parametrize(
    "path",
    ["readers", "readers/add", "readers/never-mail", "readers/export", "newsletters", "settings"],
)
def test_axe_finds_nothing_on_any_of_these_pages(window: BrowserContext, path: str) -> None:
    with no_complaints(window) as page:
        page.goto(f"/desk/{path}")
        for summary in page.locator("summary").all():
            if summary.is_visible():
                summary.click()
        assert for_everybody(page, widths=(320, 375, 1440)) == {}


def test_a_viewer_finds_figures_and_nothing_to_press(site: ReaderSite, chromium: Browser) -> None:
    with (
        at_desk(site, chromium, Role.VIEWER, address="vera@post.example") as window,
        no_complaints(window) as page,
    ):
        page.goto("/desk/readers")
        expect(page.get_by_text("3 in all")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)
        assert "@reader.example" not in page.content()
        assert for_everybody(page) == {}


def test_without_javascript_a_reader_is_added_by_the_form(
    site: ReaderSite, chromium: Browser
) -> None:
    with (
        at_desk(site, chromium, Role.EDITOR, address="ed@post.example", script=False) as window,
        no_complaints(window) as page,
    ):
        page.goto("/desk/readers/add")
        page.get_by_label("Address").fill("tom@reader.example")
        page.get_by_label("The Morning Post").check()
        page.get_by_label("They agreed elsewhere").check()
        page.get_by_label("Where and how they agreed").fill("At our stand")
        with page.expect_navigation():
            page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("tom@reader.example")
        expect(page.get_by_text("At our stand")).to_be_visible()
