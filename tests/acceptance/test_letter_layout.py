"""Every letter and notice as it is laid out: at each width, without pictures, without styles."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.acceptance.browser_demo import WIDTHS, faults, find_chromium, running_chromium
from tests.acceptance.letter_browser import letter_page, show, turn
from tests.acceptance.letter_gallery import FEWER, LETTERS_AND_FEWER, NAMES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

LETTERS = tuple(name for name in NAMES if re.match("daily|weekly|single|headlines", name))

_SMALL = """() => [...document.querySelectorAll("a[href]")]
  .filter((each) => getComputedStyle(each).display !== "inline" && !each.querySelector("img"))
  .map((each) => [each.getBoundingClientRect(), each.textContent.trim()])
  .filter(([box]) => box.height < 44 || box.width < 44)
  .map(([box, words]) => `${Math.round(box.width)}x${Math.round(box.height)} ${words}`)"""
"""Targets that are no words in a line, and smaller than a finger."""

_ROWS = """() => [...document.querySelectorAll("li > a[href], p > a[href]")]
  .filter((each) => getComputedStyle(each).display !== "inline")
  .map((each) => new URL(each.href).pathname.replace(/[A-Za-z0-9_-]{40,}/, "TOKEN"))
  .filter((path) => /^\\/[up]\\//.test(path))"""
"""Where the reader's own rows lead to."""


_AGAINST = """() => [...document.querySelectorAll("h1, h2, h3, p, li")]
  .filter((each) => each.checkVisibility())
  .filter((each) => !each.closest("[dir=ltr], [dir=auto], [style*='direction:ltr']"))
  .filter((each) => {
    const style = getComputedStyle(each);
    return style.direction !== "rtl" || !/^start$|right$/.test(style.textAlign);
  })
  .map((each) => each.textContent.trim())"""
"""What begins at the left though nothing in it says that it does."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    with letter_page(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def pictureless(chromium: Browser) -> Iterator[Page]:
    with letter_page(chromium, pictures=False) as opened:
        yield opened


def _small_targets(page: Page) -> list[str]:
    found: list[str] = []
    for width in WIDTHS:
        turn(page, width=width, dark=False)
        found += (f"{width}: {each}" for each in page.evaluate(_SMALL))
    return found


@pytest.mark.parametrize("name", LETTERS_AND_FEWER)
def test_it_is_sound_at_every_width_light_and_dark(page: Page, name: str) -> None:
    show(page, name)
    assert faults(page) == {}
    assert _small_targets(page) == []


@pytest.mark.parametrize("name", FEWER)
def test_without_pictures_it_can_be_read(pictureless: Page, name: str) -> None:
    show(pictureless, name)
    found = faults(pictureless)
    assert {kind.partition(": ")[2] for kind in found} <= {"picture not loaded"}
    assert pictureless.locator("h1").is_visible()


@pytest.mark.parametrize("name", FEWER)
def test_without_style_sheets_it_can_be_read(page: Page, name: str) -> None:
    """Some mail programs remove every <style>; what is left stands in the elements."""
    show(page, name)
    page.evaluate("document.querySelectorAll('style').forEach(each => each.remove())")
    assert faults(page) == {}
    assert _small_targets(page) == []
    assert page.locator("h1").is_visible()


@pytest.mark.parametrize("name", [name for name in FEWER if name in LETTERS])
def test_the_ways_out_of_a_letter_are_rows_for_a_finger(page: Page, name: str) -> None:
    show(page, name, width=375)
    ways = page.evaluate(_ROWS)
    twin = name.startswith(("daily", "weekly"))
    assert sorted(ways) == sorted(["/u/TOKEN", "/p/TOKEN", *(["/p/TOKEN/twin"] if twin else [])])


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-ar")])
def test_what_is_written_from_right_to_left_begins_at_the_right(page: Page, name: str) -> None:
    show(page, name)
    assert page.evaluate("document.documentElement.dir") == "rtl"
    assert page.evaluate(_AGAINST) == []
