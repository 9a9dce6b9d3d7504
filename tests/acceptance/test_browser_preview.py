"""The preview in a real browser: every view, from a phone to a desk, light and dark, no script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from digest.web.preview_wish import MODES, VIEWS, WIDTHS
from tests.acceptance.browser_demo import faults, find_chromium, running_chromium, visit
from tests.acceptance.preview_live import previewing
from tests.integration.cli_site import HEADLINES, make_site
from tests.integration.test_preview_command import a_picture_server, with_pictures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]

SCREENS = (320, 375, 760, 1100, 1440)
_LONG = "Harbourmasters" * 12


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A preview of a daily in two languages, with a picture, one that is gone, a long headline."""
    site = make_site(tmp_path_factory.mktemp("preview"))
    site.write_feed([HEADLINES[0], _LONG, *HEADLINES[1:]])
    site.edit('template = "daily"', 'template = "daily"\nlanguages = ["ar"]')
    with a_picture_server() as (base, _):
        with_pictures(site, base)
        site.well("collect")
        with previewing(site) as found:
            yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(address: str, browser: Browser) -> Iterator[Page]:
    """A page of a private window, in whose console nothing may be told."""
    with visit(browser, address, script=True) as context:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        yield page
        assert refused == []


@pytest.mark.parametrize("view", [*VIEWS, *(f"letter?mode={mode}" for mode in MODES)])
def test_every_view_is_sound_at_every_width_light_and_dark(page: Page, view: str) -> None:
    page.goto(f"/en/{view}")
    assert faults(page, widths=SCREENS) == {}


def test_the_panels_are_there(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile(r"/en/letter$"))
    for region in ("The letter", "Stories"):
        expect(page.get_by_role("region", name=region)).to_be_visible()
    expect(page.get_by_role("complementary", name="Facts")).to_contain_text("404")
    expect(
        page.get_by_role("navigation", name="Views of the letter").get_by_role("link")
    ).to_have_text(list(VIEWS.values()))
    expect(page.locator(".order li")).to_have_count(4)
    expect(page.locator(".out li")).to_have_count(2)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("mode", "ground"),
    [
        ("light", "rgb(255, 255, 255)"),
        ("dark", "rgb(27, 27, 27)"),
        ("forced", "rgb(33, 33, 33)"),
        ("no-pictures", "rgb(255, 255, 255)"),
    ],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_frame_is_as_wide_and_as_dark_as_it_says_whatever_the_browser_prefers(
    page: Page, mode: str, width: int, ground: str, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/en/letter?width={width}&mode={mode}")
    frame = page.frame_locator("iframe")
    body = frame.locator("body")
    expect(body).to_be_visible()
    assert body.evaluate("() => innerWidth") == width
    assert (
        frame.locator(".card").first.evaluate(
            "element => getComputedStyle(element).backgroundColor"
        )
        == ground
    )
    shown = body.evaluate("() => [...document.images].map(each => each.naturalWidth > 0)")
    assert shown == [mode != "no-pictures"]


def test_languages_are_a_link_away_and_the_view_stays(page: Page) -> None:
    page.goto("/en/letter?width=375")
    with page.expect_navigation():
        page.get_by_role("link", name="العربية").click()
    expect(page).to_have_url(re.compile(r"/ar/letter\?width=375$"))
    expect(page.frame_locator("iframe").locator("html")).to_have_attribute("dir", "rtl")
    assert faults(page, widths=(375, 1440)) == {}


def test_a_link_of_the_letter_opens_beside_the_preview(page: Page) -> None:
    page.goto("/en/letter")
    link = page.frame_locator("iframe").get_by_role("link", name=HEADLINES[0]).first
    assert (
        link.evaluate("element => element.ownerDocument.querySelector('base').target") == "_blank"
    )
    assert str(link.get_attribute("href")).startswith("https://harbourpost.example/")


def test_by_keyboard_every_view_is_reached(page: Page) -> None:
    page.goto("/en/letter")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Plain text":
            break
    assert faults(page, widths=[375]) == {}
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/en/text$"))
    expect(page.get_by_role("region", name="Plain text, 72 columns")).to_be_visible()


def test_the_ruler_stands_at_column_72(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/en/text")
    longest = page.locator("pre").evaluate(
        """pre => {
            const line = [...pre.children].find(
                (each) => each.textContent.startsWith("=".repeat(72)));
            const range = document.createRange();
            range.setStart(line.firstChild, 0); range.setEnd(line.firstChild, 72);
            return range.getBoundingClientRect().width;
        }"""
    )
    column = page.locator("pre").evaluate(
        """pre => {
            const probe = pre.appendChild(document.createElement("i"));
            Object.assign(probe.style, {display: "block", width: "72ch"});
            const width = probe.getBoundingClientRect().width;
            probe.remove();
            return width;
        }"""
    )
    assert abs(longest - column) < 1


def test_too_few_stories_have_a_page_too(tmp_path: Path, browser: Browser) -> None:
    site = make_site(tmp_path)
    site.well("collect")
    with previewing(site) as found, visit(browser, found) as context:
        page = context.new_page()
        page.goto("/")
        address = json.loads(site.digest("prepare", "daily", "--json").out)["edition"]
        site.well("skip", address)
        site.write_feed(HEADLINES[:1])
        site.edit("min = 3", "min = 4")
        with page.expect_navigation():
            page.get_by_role("link", name="Look again").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert faults(page, widths=(375, 1440)) == {}
