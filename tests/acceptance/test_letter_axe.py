"""axe-core on every letter and notice: in every language, light, dark, and forced dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from tests.acceptance.browser_demo import find_chromium, running_chromium
from tests.acceptance.letter_browser import letter_page, show, turn
from tests.acceptance.letter_gallery import FEWER, LETTERS_AND_FEWER

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
FORCED_DARK = (Path(__file__).parent / "forced_dark.js").read_text("utf-8")
ALLOWED = {
    "landmark-one-main": "a mail is no page: it stands inside the page of a mail program, whose"
    " main it is in already",
    "region": "for the same reason it has no landmarks of its own; it is one article instead",
}
"""The rules that a mail breaks rightly."""

_RUN = """async (options) => {
  const found = await axe.run(document, {
    ...options, resultTypes: ["violations", "incomplete"], elementRef: false });
  return [...found.violations, ...found.incomplete].flatMap((rule) =>
    rule.nodes.map((node) => [rule.id, `${node.target} ${node.failureSummary}`.slice(0, 300)]));
}"""
_EVERYTHING = {"rules": {"target-size": {"enabled": True}}}
_CONTRAST = {"runOnly": ["color-contrast"]}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with running_chromium() as browser, letter_page(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium(page: Page) -> Browser:
    browser = page.context.browser
    assert browser is not None
    return browser


def _violations(page: Page, options: object) -> list[tuple[str, str]]:
    """Give what axe finds wrong, or cannot judge, as rule and place."""
    page.evaluate(AXE)
    return [(rule, place) for rule, place in page.evaluate(_RUN, options)]


@pytest.mark.parametrize("name", LETTERS_AND_FEWER)
def test_axe_finds_nothing_but_the_missing_landmarks(page: Page, name: str) -> None:
    show(page, name)
    light = _violations(page, _EVERYTHING)
    turn(page, width=375, dark=True)
    dark = _violations(page, _EVERYTHING)
    assert [each for each in light if each[0] not in ALLOWED] == []
    assert [each for each in dark if each[0] not in ALLOWED] == []
    assert {rule for rule, _ in light} == {rule for rule, _ in dark} == set(ALLOWED)


@pytest.mark.parametrize("mode", ["partial", "full"])
@pytest.mark.parametrize("name", FEWER)
def test_a_mail_program_that_darkens_by_itself_leaves_every_word_readable(
    page: Page, name: str, mode: str
) -> None:
    show(page, name)
    page.evaluate(FORCED_DARK, mode)
    assert _violations(page, _CONTRAST) == []


def test_axe_is_there_and_finds_what_it_is_for(page: Page) -> None:
    page.set_content("<img src='data:,'><p style='color:#999;background:#FFF'>grey</p>")
    rules = {rule for rule, _ in _violations(page, _EVERYTHING)}
    assert {"image-alt", "color-contrast", "html-has-lang", "document-title"} <= rules


def test_forced_dark_turns_paper_and_ink_and_keeps_the_hue(page: Page) -> None:
    page.set_content(
        "<body style='margin:0;background:#FFF'><p style='color:#1A1A1A'>ink</p>"
        "<p style='color:#0B4F8A'>link</p><p style='background:#0B4F8A;color:#FFF'>button</p>"
    )
    assert _colours(page, "partial") == [
        "rgb(31, 31, 31)",
        "rgb(201, 201, 201)",
        "rgb(111, 154, 220)",
        "rgb(11, 79, 138) rgb(255, 255, 255)",
    ]
    full = _colours(page, "full")
    assert full[:3] == _colours(page, "partial")[:3]
    assert full[3] == "rgb(111, 154, 220) rgb(31, 31, 31)"


def _colours(page: Page, mode: str) -> list[str]:
    page.evaluate(FORCED_DARK, mode)
    script = """() => {
      const [ink, link, button] = [...document.querySelectorAll("p")].map(
        (each) => getComputedStyle(each));
      return [getComputedStyle(document.body).backgroundColor, ink.color, link.color,
        `${button.backgroundColor} ${button.color}`];
    }"""
    return [str(each) for each in page.evaluate(script)]


def test_forced_dark_shows_what_would_be_lost_in_it(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>x</title><p style='color:#767676;background:#FFF'>light enough</p>"
    )
    assert _violations(page, _CONTRAST) == []
    page.evaluate(FORCED_DARK, "partial")
    assert [rule for rule, _ in _violations(page, _CONTRAST)] == ["color-contrast"]
