"""axe-core and our own eyes on every public page: light, dark, narrow, wide, and in Arabic."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.acceptance.browser_demo import faults, find_chromium, running_chromium, visit
from tests.acceptance.public_site import LONG, WAYS, PublicSite, go, public_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

ALL = os.environ.get("TEST_LETTERS") == "all"
"""Whether to look at everything there is, as `python3 dev.py letters` does."""
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
FAULTS = (Path(__file__).parent / "public_faults.js").read_text("utf-8")
WIDTHS = (320, 375, 768, 1440)
MODES = ("light", "dark")
LOOKS = tuple((width, mode) for mode in MODES for width in WIDTHS)
TONGUES = ("en", "ar", "de", "es", "fr") if ALL else ("en", "ar")
BOTH = {"subscribe", "preferences", "unsubscribe", "archive", "edition"}
CASES = [
    (name, tag)
    for at, name in enumerate(WAYS)
    for tag in TONGUES
    if ALL or name in BOTH or tag == TONGUES[(at + at // len(LOOKS)) % 2]
]
"""Pages and languages: all, or each page once, by turns, and the ones most visited twice."""

_RUN = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"], elementRef: false });
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`.slice(0, 300)));
}"""
_PICTURES = """() => Promise.allSettled([...document.images].map((each) => {
  each.loading = "eager";
  return each.decode();
}))"""
_FOCUSABLE = """[...document.querySelectorAll("a[href], button, input, select, textarea")].filter(
    (each) => each.tabIndex >= 0 && each.checkVisibility())"""
_OUTLINE = """() => {
  const field = document.activeElement;
  const style = getComputedStyle(field.matches(":focus-visible") ? field : document.body);
  return `${style.outlineStyle} ${style.outlineWidth} ${style.outlineOffset}`;
}"""
_BORDERS = """() => [...document.querySelectorAll("button, .btn, input, select, textarea")]
  .filter((each) => each.checkVisibility() && !each.closest("[aria-hidden=true]"))
  .filter((each) => !["checkbox", "radio", "hidden"].includes(each.type))
  .filter((each) => {
    const style = getComputedStyle(each);
    return style.borderTopStyle === "none" || parseFloat(style.borderTopWidth) < 1;
  })
  .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicSite]:
    with public_site(tmp_path_factory.mktemp("public")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def window(site: PublicSite, chromium: Browser) -> Iterator[BrowserContext]:
    with visit(chromium, site.base_url) as opened:
        yield opened


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """Open a tab; what the browser complains of, as of our own policy, is a fault."""
    opened, complaints = window.new_page(), list[str]()
    opened.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    # The browser counts each page that says 404, 422 or 429 as a failure of its own.
    assert [
        each for each in complaints if "the server responded with a status of 4" not in each
    ] == []


def _axe(page: Page) -> list[str]:
    page.evaluate(AXE)
    return [str(each) for each in page.evaluate(_RUN)]


def _turn(page: Page, look: tuple[int, str]) -> None:
    width, mode = look
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if mode == "dark" else "light")


def _looks(name: str) -> tuple[tuple[int, str], ...]:
    """Give the looks that axe has at a page: all, or one, the next for the next page."""
    return LOOKS if ALL else (LOOKS[list(WAYS).index(name) % len(LOOKS)],)


def _widths(name: str) -> tuple[int, ...]:
    """Give the widths for our own eyes: the narrowest always, and the others by turns."""
    return WIDTHS if ALL else (WIDTHS[0], WIDTHS[1 + list(WAYS).index(name) % 3])


@pytest.mark.parametrize(("name", "tag"), CASES)
def test_a_public_page_is_for_everybody(site: PublicSite, page: Page, name: str, tag: str) -> None:
    go(name, site, page, tag)
    page.evaluate(_PICTURES)
    html = page.locator("html")
    assert html.get_attribute("lang") == tag
    assert html.get_attribute("dir") == ("rtl" if tag == "ar" else "ltr")
    for look in _looks(name):
        _turn(page, look)
        assert (look, _axe(page)) == (look, [])
    assert faults(page, widths=_widths(name)) == {}
    for width in _widths(name):
        _turn(page, (width, "light"))
        assert (width, page.evaluate(FAULTS, {"scale": 0})) == (width, [])
    _turn(page, (640, "light"))
    assert ("text twice as large", page.evaluate(FAULTS, {"scale": 2})) == (
        "text twice as large",
        [],
    )


def test_in_the_short_form_too_every_page_and_every_look_has_its_turn() -> None:
    seen = [(tag, look) for name, tag in CASES for look in _looks(name)]
    assert {name for name, _ in CASES} == set(WAYS)
    assert {look for _, look in seen} == set(LOOKS)
    assert {(tag, mode) for tag, (_, mode) in seen} == {(t, m) for t in TONGUES for m in MODES}


@pytest.mark.parametrize("name", ["subscribe", "preferences", "unsubscribe", "archive", "edition"])
def test_every_control_keeps_its_border_in_colours_of_the_readers_own(
    site: PublicSite, page: Page, name: str
) -> None:
    page.emulate_media(forced_colors="active")
    go(name, site, page)
    assert page.evaluate(_BORDERS) == []
    page.emulate_media(forced_colors="none")


@pytest.mark.parametrize("name", ["subscribe", "preferences", "archive", "edition"])
def test_by_keyboard_every_link_and_field_shows_where_one_is(
    site: PublicSite, page: Page, name: str
) -> None:
    go(name, site, page)
    page.evaluate(_PICTURES)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(f"{_FOCUSABLE}.indexOf(document.activeElement)"))
        assert page.evaluate(_OUTLINE) == "solid 3px 2px"
    assert reached == sorted(set(reached))
    assert faults(page, widths=[375]) == {}


def test_somebody_subscribes_by_keyboard_alone_and_without_a_script(
    site: PublicSite, chromium: Browser
) -> None:
    with visit(chromium, site.base_url, script=False) as window:
        page = window.new_page()
        page.goto("/subscribe")
        email = page.get_by_label("Your e-mail address")
        for _ in range(40):
            page.keyboard.press("Tab")
            if email.evaluate("(each) => each === document.activeElement"):
                break
        page.keyboard.type("keys@reader.example")
        site.wait()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
        page.goto(site.mailed_link("confirm"))
        while not page.evaluate("document.activeElement.matches('main button')"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")


def test_the_longest_address_pushes_nothing_off_the_page(site: PublicSite, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    go("check inbox", site, page)
    expect(page.get_by_text(LONG)).to_be_visible()
    assert page.evaluate(FAULTS, {"scale": 0}) == []


def test_a_page_with_faults_is_not_passed(site: PublicSite, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    go("archive", site, page, "ar")
    page.evaluate(
        """() => {
          const main = document.querySelector("main");
          main.insertAdjacentHTML("beforeend",
            "<a href='/x'>x</a><button>y</button><p class='bad'>z</p><img src='/none'>");
          main.lastElementChild.removeAttribute("alt");
          const bad = document.querySelector(".bad");
          bad.style.cssText = "border-left: 3px solid; width: 900px; text-align: left";
        }"""
    )
    said = " ".join(page.evaluate(FAULTS, {"scale": 0}))
    for kind in ("scrolls sideways", "small target", "carries", "a bar at", "set to the left"):
        assert kind in said
    assert {"image-alt"} <= {each.partition(":")[0] for each in _axe(page)}
