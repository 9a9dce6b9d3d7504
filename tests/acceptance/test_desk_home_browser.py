"""The desk's home and New edition in a real browser: on a phone, by keyboard, with axe-core."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from digest.people.model import Role
from tests.acceptance.browser_demo import find_chromium, running_chromium, visit
from tests.acceptance.desk_home_site import HomeSite, storied_home
from tests.integration.sources_newsroom import answer
from tests.integration.test_cli_prepare_story import a_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
PHONE = ViewportSize(width=375, height=740)
HEADLINE = "Lifeboat saves three"
PAGES = ("", "/sources", "/sections", "/sponsors?book=daily/2026-01-12", "/new", "/new?by=hand")
_RUN = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"], elementRef: false });
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`.slice(0, 300)));
}"""
_TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
_FOCUSABLE = """[...document.querySelectorAll("a[href], button, input, select, textarea")].filter(
    each => each.tabIndex >= 0 && each.checkVisibility() && each.type !== "hidden")"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeSite]:
    with storied_home(tmp_path_factory.mktemp("home")) as running:
        running.web.pages["/n/7"] = answer(a_page(HEADLINE), content_type="text/html")
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def context(site: HomeSite, chromium: Browser) -> Iterator[BrowserContext]:
    with visit(chromium, site.url) as window:
        site.sign_in(window)
        yield window


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def faults_of(page: Page) -> list[str]:
    """Look at a page with axe-core, and whether it is wider than its window."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(_RUN)
    return [*found, *(["too wide"] if page.evaluate(_TOO_WIDE) else [])]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_sound_on_a_phone_and_at_a_desk_light_and_dark(page: Page, path: str) -> None:
    page.goto(f"/desk{path}")
    for width in (375, 1440):
        for dark in (False, True):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if dark else "light")
            assert faults_of(page) == [], (width, dark)


def test_breaking_news_goes_from_an_address_to_the_first_reader_on_a_phone(
    site: HomeSite, page: Page
) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/desk")
    with page.expect_navigation():
        page.get_by_role("link", name="New edition", exact=True).click()
    page.get_by_label("Address of the story").fill(site.web.url("/n/7"))
    with page.expect_navigation():
        page.get_by_role("button", name="Read the page").click()
    expect(page.get_by_label("Headline")).to_have_value(HEADLINE)
    assert faults_of(page) == []
    page.get_by_label("Standfirst").fill("All three are safe and warm.")
    page.get_by_role("radio", name=re.compile("Breaking from Harbour Post")).check()
    with page.expect_navigation():
        page.get_by_role("button", name="Make the letter").click()
    letter = page.frame_locator("iframe")
    expect(letter.get_by_role("heading", name=HEADLINE)).to_be_visible()
    standfirst = letter.get_by_role("paragraph").filter(has_text="All three are safe and warm.")
    expect(standfirst).to_be_visible()
    assert faults_of(page) == []
    with page.expect_navigation():
        page.get_by_role("button", name="Approve and send now").click()
    expect(page.locator("#told")).to_contain_text("It leaves within seconds.")
    site.go("2026-01-09 07:01")
    assert site.states()["breaking/2026-01-09"] == "sending"
    site.send()
    assert site.paper.tally("breaking/2026-01-09").accepted == 40


def test_a_letter_that_is_being_sent_is_stopped_from_the_first_page(
    tmp_path: Path, chromium: Browser
) -> None:
    with storied_home(tmp_path) as site, visit(chromium, site.url) as window:
        site.sign_in(window)
        page = window.new_page()
        page.goto("/desk")
        with page.expect_response(re.compile("/desk/sending")):
            pass  # it renews itself without a reload
        stop_and_resume(site, page)


def stop_and_resume(site: HomeSite, page: Page) -> None:
    moving = page.get_by_role("region", name=re.compile("Sending: Ferry returns"))
    with page.expect_navigation():
        moving.get_by_role("button", name=re.compile("Stop")).click()
    expect(page.locator("#told")).to_contain_text("daily/2026-01-09 is stopped.")
    assert site.states()["daily/2026-01-09"] == "stopped"
    stopped = page.get_by_role("region", name=re.compile("Stopped: Ferry returns"))
    with page.expect_navigation():
        stopped.get_by_role("button", name=re.compile("Let it go on")).click()
    assert site.states()["daily/2026-01-09"] == "sending"


def test_by_keyboard_everything_is_reached_in_order_and_its_place_can_be_seen(page: Page) -> None:
    for path in PAGES[1:]:
        page.goto(f"/desk{path}")
        page.evaluate("document.activeElement.blur()")
        page.evaluate("window.getSelection().removeAllRanges()")
        page.locator("a.skip").focus()
        count = page.evaluate(f"{_FOCUSABLE}.filter(e => e.type !== 'radio' || e.checked).length")
        reached = [0]
        for _ in range(count - 1):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.matches(':focus-visible')"), path
            reached.append(
                page.evaluate(
                    f"{_FOCUSABLE}.filter(e => e.type !== 'radio' || e.checked)"
                    ".indexOf(document.activeElement)"
                )
            )
        assert reached == list(range(count)), path


def test_without_a_script_a_sponsor_is_booked_by_keyboard_alone(
    site: HomeSite, chromium: Browser
) -> None:
    with visit(chromium, site.url, script=False) as window:
        site.sign_in(window, Role.EDITOR)
        page = window.new_page()
        page.goto("/desk/sponsors?book=daily/2026-01-13")
        page.get_by_label("Line").focus()
        page.keyboard.type("Quay Street Books: all maps at half price")
        page.keyboard.press("Tab")
        page.keyboard.type("https://books.example/maps")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page.locator("#told")).to_contain_text("Booked: daily/2026-01-13.")
        expect(page.get_by_text(re.compile(r"1 of \d+ booked"))).to_be_visible()
