"""The public pages in a real browser: from a small phone to a desk, light and dark, by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.acceptance.browser_demo import (
    Demo,
    faults,
    fetch,
    find_chromium,
    running_chromium,
    running_demo,
    visit,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

WIDTHS = (320, 375, 1440)
LONG = f"{'a' * 60}@{'long-name-of-a-mail-server.' * 4}reader.example"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("pages")) as running:
        for reader in ("waiting@reader.example", "joining@reader.example", LONG):
            fields = f"email={reader}&newsletter=daily&newsletter=weekly"
            fetch(f"{running.base_url}/subscribe", fields.encode())
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def context(demo: Demo, chromium: Browser) -> Iterator[BrowserContext]:
    with visit(chromium, demo.base_url) as window:
        yield window


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


_FOCUSABLE = """[...document.querySelectorAll("a[href], button, input")].filter(
    each => each.tabIndex >= 0 && each.checkVisibility()
        && (each.type !== "radio" || each.checked))"""
"""Tab stops: of a group of radio buttons the one that is chosen, the others go by the arrows."""

Way = Callable[[Demo, Page], object]


def _leave(demo: Demo, page: Page) -> None:
    page.goto(urlsplit(demo.way_out("maria@reader.example")).path)
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")


def _join(demo: Demo, page: Page) -> None:
    page.goto(demo.confirm_path("joining@reader.example"))
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")


def _mistype(_demo: Demo, page: Page) -> None:
    page.goto("/subscribe")
    page.get_by_role("checkbox", name="The Morning Post").uncheck()
    page.get_by_role("button").click()
    expect(page.get_by_text("Choose at least one newsletter.")).to_be_visible()
    page.get_by_role("checkbox", name="The Week").check()
    page.get_by_label("Your e-mail address").fill("x" * 200)
    page.get_by_role("button").click()
    expect(page.get_by_text("There is no @ in it.")).to_be_visible()


def _to(path: str) -> Way:
    return lambda _demo, page: page.goto(path)


WAYS: dict[str, Way] = {
    "subscribe": _to("/subscribe"),
    "mistyped": _mistype,
    "check inbox": _to("/subscribe/check-inbox"),
    "confirm": lambda demo, page: page.goto(demo.confirm_path("waiting@reader.example")),
    "confirm a long address": lambda demo, page: page.goto(demo.confirm_path(LONG)),
    "confirmed": _join,
    "unsubscribe": lambda demo, page: page.goto(
        urlsplit(demo.way_out("b.finch-hatherleigh@reader.example")).path
    ),
    "unsubscribed": _leave,
    "privacy": _to("/privacy"),
    "nothing here": _to("/no/such/page"),
    "damaged link": _to("/u/AAHdamaged"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_page_is_sound_at_every_width_light_and_dark(demo: Demo, page: Page, way: Way) -> None:
    way(demo, page)
    assert faults(page, widths=WIDTHS) == {}


@pytest.mark.parametrize("path", ["/inbox", "/newsroom", "/newsroom/town"])
def test_the_demos_own_pages_are_sound(page: Page, path: str) -> None:
    page.goto(path)
    page.evaluate("document.querySelectorAll('img').forEach(each => each.loading = 'eager')")
    page.wait_for_load_state("networkidle")
    assert faults(page, widths=WIDTHS) == {}


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe", "privacy", "nothing here"])
def test_by_keyboard_everything_is_reached_in_order_and_its_place_can_be_seen(
    demo: Demo, page: Page, name: str
) -> None:
    WAYS[name](demo, page)
    count = page.evaluate(f"{_FOCUSABLE}.length")
    assert count >= 5
    reached = []
    for _ in range(count):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        assert faults(page, widths=[375]) == {}
        reached.append(page.evaluate(f"{_FOCUSABLE}.indexOf(document.activeElement)"))
    assert reached == list(range(count))


def test_a_reader_leaves_and_confirms_by_keyboard_alone(demo: Demo, page: Page) -> None:
    page.goto(urlsplit(demo.way_out("tunde@reader.example")).path)
    while page.evaluate("document.activeElement.tagName") != "BUTTON":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
    page.goto(demo.confirm_path("waiting@reader.example"))
    expect(page.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")


def test_a_page_runs_no_script_whatever_gets_into_it(page: Page) -> None:
    def infect(route: Route) -> None:
        answer = route.fetch()
        script = """<script>document.title = "owned"</script>
            <img src="data:," onerror="document.title = 'owned'"></main>"""
        route.fulfill(response=answer, body=answer.text().replace("</main>", script))

    page.route("**/subscribe", infect)
    page.goto("/subscribe")
    assert page.locator("main script").count() == 1
    assert page.title() == "Newsletters · Harbour Post"


def test_no_page_sets_a_cookie_or_keeps_anything_in_the_browser(
    demo: Demo, context: BrowserContext, page: Page
) -> None:
    for name in ("subscribe", "check inbox", "confirm a long address", "unsubscribe", "privacy"):
        WAYS[name](demo, page)
    assert context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
