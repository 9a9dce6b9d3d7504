"""Live reload in a real browser: what is saved is seen, what is broken is told, nothing jumps."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from digest.web.preview_wish import MODES, VIEWS
from tests.acceptance.browser_demo import faults, find_chromium, running_chromium, visit
from tests.acceptance.preview_live import live_site, paint, painted_after, previewing, sheet_of
from tests.integration.cli_site import SiteFolder

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
_RUN = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"], elementRef: false, iframes: false });
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`.slice(0, 300)));
}"""
_PATIENCE = 30_000
_SCROLL = "() => document.querySelector('#view iframe').contentWindow.scrollY"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> SiteFolder:
    return live_site(tmp_path_factory.mktemp("live") / "site")


@pytest.fixture(scope="module")
def address(site: SiteFolder) -> Iterator[str]:
    with previewing(site) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(address: str, browser: Browser) -> Iterator[Page]:
    with visit(browser, address, script=True) as context:
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        page.set_viewport_size({"width": 1440, "height": 900})
        yield page


def live(page: Page, path: str) -> None:
    """Open a page, and wait until it listens."""
    page.goto(path)
    expect(page.locator("#live")).to_have_text("Live: what is saved is shown.", timeout=_PATIENCE)


def test_a_saved_sheet_is_seen_and_neither_letter_nor_page_jumps(
    page: Page, site: SiteFolder
) -> None:
    live(page, "/en/letter?width=375&mode=forced")
    page.evaluate("() => { window.isSame = true; scrollTo(0, 60); }")
    page.locator("#wish summary").click()
    page.evaluate("() => document.querySelector('#view iframe').contentWindow.scrollTo(0, 300)")
    before = page.evaluate("() => scrollY")
    painted_after(page, site, (200, 210, 220))
    assert page.evaluate(_SCROLL) == 300
    assert page.evaluate("() => scrollY") == before
    assert page.evaluate("() => window.isSame"), "the page is the same one"
    expect(page.locator("#wish")).to_have_attribute("open", "")
    expect(page).to_have_url(re.compile(r"/en/letter\?width=375&mode=forced$"))
    expect(page.locator("#checks")).to_contain_text("passed")


def test_a_broken_template_is_told_with_file_and_line_over_the_last_good_one(
    page: Page, site: SiteFolder
) -> None:
    paint(site, "#0B4F8A")
    live(page, "/en/letter")
    letter = page.frame_locator("#view iframe")
    expect(letter.locator("h1").first).to_be_visible()
    sheet_of(site).write_text("h1 {}\n{% if letter %}\nh2 {}\n", "utf-8")
    problem = page.get_by_role("alert", name="Problem")
    expect(problem.get_by_role("heading")).to_contain_text(
        "_base/inline.css, line", timeout=_PATIENCE
    )
    expect(problem).to_contain_text("Below is the last good one")
    expect(problem.get_by_role("region", name="The lines around it")).to_contain_text("h1 {}")
    expect(letter.locator("h1").first).to_be_visible()
    assert faults(page, widths=(375, 1440)) == {}
    paint(site, "#0B4F8A")
    expect(problem).to_have_count(0, timeout=_PATIENCE)


def test_saved_broken_ten_times_a_second_it_holds_and_recovers(
    page: Page, site: SiteFolder
) -> None:
    paint(site, "#0B4F8A")
    live(page, "/en/text")
    for n in range(20):
        sheet_of(site).write_text("h1 {}\n" * n + "{% broken %}\n", "utf-8")
        time.sleep(0.1)  # ten times a second: what is tried here
    expect(page.get_by_role("alert", name="Problem")).to_contain_text("line 20", timeout=_PATIENCE)
    expect(page.locator("#sheet")).to_contain_text("HARBOUR POST")
    paint(site, "#0B4F8A")
    expect(page.get_by_role("alert")).to_have_count(0, timeout=_PATIENCE)


def test_settings_that_are_saved_are_seen_and_a_slip_is_told_with_its_line(
    page: Page, site: SiteFolder
) -> None:
    live(page, "/en/letter")
    site.edit('name           = "Harbour Post"', 'name           = "Quay Times"')
    expect(page.frame_locator("#view iframe").locator("body")).to_contain_text(
        "Quay Times", timeout=_PATIENCE
    )
    site.edit('name           = "Quay Times"', "name           = Quay Times")
    problem = page.get_by_role("alert", name="Problem")
    expect(problem.get_by_role("heading")).to_contain_text("digest.toml, line 2", timeout=_PATIENCE)
    site.edit("name           = Quay Times", 'name           = "Harbour Post"')
    expect(problem).to_have_count(0, timeout=_PATIENCE)
    expect(page.frame_locator("#view iframe").locator("body")).to_contain_text("Harbour Post")


def test_without_script_it_is_the_same_page_and_is_loaded_again_by_hand(
    address: str, browser: Browser, site: SiteFolder
) -> None:
    paint(site, "#0B4F8A")
    with visit(browser, address, script=False) as context:
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        page.goto("/")
        page.locator("#wish summary").click()
        page.locator("#with").select_option("fifty")
        with page.expect_navigation():
            page.get_by_role("button", name="Show").click()
        expect(page.locator(".order li")).to_have_count(50)
        with page.expect_navigation():
            page.get_by_role("link", name="Forced dark").click()
        expect(page.locator("#frame")).to_have_attribute("src", re.compile("/frame/forced"))
        expect(page.locator("#checks")).to_contain_text("passed")
        site.edit('name           = "Harbour Post"', 'name           = "Quay Times"')
        with page.expect_navigation():
            page.get_by_role("link", name="Look again").click()
        try:
            expect(page.locator(".bar .name")).to_have_text("Quay Times")
        finally:
            site.edit('name           = "Quay Times"', 'name           = "Harbour Post"')


def test_by_keyboard_alone_other_stories_are_looked_at(page: Page) -> None:
    page.goto("/en/letter")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "with":
            break
    page.keyboard.type("Hostile")
    with page.expect_navigation():
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "Show":
                break
        assert faults(page, widths=[375]) == {}
        page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("with=hostile"))


_PLACES = [*VIEWS, *(f"letter?mode={mode}&with=hostile" for mode in MODES), "inbox?with=rtl"]


@pytest.mark.parametrize("place", _PLACES)
def test_axe_finds_nothing_on_any_view_light_and_dark(
    page: Page, site: SiteFolder, place: str
) -> None:
    paint(site, "#0B4F8A")
    page.goto(f"/en/{place}")
    page.evaluate(AXE)
    for width in (375, 1440):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            assert page.evaluate(_RUN) == [], f"{width} {scheme}"
