"""The pages behind a letter's footer in a real browser: topics, pause, weekly and back."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.types import ASGIApp

from digest.db import Database
from digest.editions.model import Newsletter
from digest.outbox.model import NoticeKind
from digest.outbox.store import due
from digest.web.routes import make_app
from digest.web.server import serve_web
from subscribers.mailbox import mailbox_number
from subscribers.model import ConsentKind, SubscriptionState
from subscribers.tokens import Grant, Purpose
from tests.acceptance.browser_demo import faults, find_chromium, running_chromium, visit
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import Reader, make_four, open_window
from tests.integration.web_site import KEYS, MARIA, NOON, SITE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

WIDTHS = (320, 375, 1440)
S, K = SubscriptionState, ConsentKind
HOSTILE = "Donaudampfschifffahrtsgesellschaftskapitänsnachrichten-" * 2 + "हिन्दी ไทย 👩‍👩‍👧"

_SMALL_TARGETS = """[...document.querySelectorAll(
    "main button, main a.btn, main a.quiet, main label.row, main input[type=date],"
    + "main input[type=email], main select, main li > a")]
    .filter(each => each.offsetParent && each.getBoundingClientRect().height < 43.9)
    .map(each => each.textContent || each.name)"""

_OUTLINE = "getComputedStyle(document.activeElement).outlineWidth"


@dataclass(frozen=True)
class Site:
    """A site that answers on this machine, and its reader."""

    base_url: str
    maria: Reader


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@contextlib.contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    """Serve an application from a thread of ours until the block ends."""
    opened: queue.Queue[str] = queue.Queue()
    stops: queue.Queue[Callable[[], object]] = queue.Queue()

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.put(lambda: loop.call_soon_threadsafe(stop.set))
        await serve_web(app, "127.0.0.1", 0, stop, told=opened.put)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    stop = stops.get(timeout=10)
    try:
        yield opened.get(timeout=10)
    finally:
        stop()
        thread.join(15)
    assert not thread.is_alive()


def _renamed(newsletters: list[Newsletter]) -> list[Newsletter]:
    """Give the newsletters and their topics names that no page expects."""
    return [
        replace(
            each,
            spec=replace(
                each.spec,
                name=f"{HOSTILE} <b>{each.slug}</b>",
                sections=tuple(
                    replace(section, title=f"{HOSTILE}{section.key}")
                    for section in each.spec.sections
                ),
            ),
        )
        for each in newsletters
    ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    database.migrate()
    window = open_window(database, newsletters=make_four(database))
    window.reader.join()
    with _served(window.client.app) as base_url:
        yield Site(base_url, window.reader)
    database.close()


@pytest.fixture
def hostile_site(site: Site) -> Iterator[Site]:
    newsletters = _renamed(list(open_window(site.maria.database).context.newsletters))
    window = open_window(site.maria.database, newsletters=newsletters)
    with _served(make_app(window.context)) as base_url:
        yield Site(base_url, site.maria)


@pytest.fixture
def context(site: Site, chromium: Browser) -> Iterator[BrowserContext]:
    """A browser whose JavaScript is switched on, as most are."""
    with visit(chromium, site.base_url) as window:
        yield window


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def bare_page(site: Site, chromium: Browser) -> Iterator[Page]:
    """A page in a browser whose JavaScript is switched off."""
    with visit(chromium, site.base_url, script=False) as window:
        yield window.new_page()


def _heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


# Every page, at every width, light and dark

Way = Callable[[Reader, Page], object]


def _to(after: str = "") -> Way:
    return lambda maria, page: page.goto(f"{maria.path()}{after}")


def _press(button: str, after: str = "") -> Way:
    def way(maria: Reader, page: Page) -> None:
        page.goto(f"{maria.path()}{after}")
        with page.expect_navigation():  # what is looked at next must be the answer
            page.get_by_role("button", name=button, exact=True).click()

    return way


def _choose_pause(page: Page) -> None:
    page.get_by_role("radio", name="Paused").check()


def _save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Save", exact=True).click()


def _paused(maria: Reader, page: Page) -> None:
    page.goto(maria.path())
    _choose_pause(page)
    _save(page)
    expect(page.get_by_role("status")).to_contain_text("Nothing comes until Friday 6 February.")


def _refused(maria: Reader, page: Page) -> None:
    page.goto(maria.path())
    page.get_by_role("checkbox", name="Sea").evaluate("each => each.value = 'gone'")
    page.get_by_role("checkbox", name="Sea").check()
    _save(page)
    expect(page.get_by_text("Choose among the topics")).to_be_visible()


def _past(maria: Reader, page: Page) -> None:
    page.goto(maria.path())
    _choose_pause(page)
    page.get_by_label("Paused until").fill("2020-01-01")
    _save(page)
    expect(page.get_by_text("Choose a day from tomorrow on")).to_be_visible()


def _no_address(maria: Reader, page: Page) -> None:
    page.goto(maria.path())
    page.get_by_label("Your new e-mail address").fill("maria")
    page.get_by_role("button", name="Change the address").click()
    expect(page.get_by_text("There is no @ in it.")).to_be_visible()


def _left(maria: Reader, page: Page) -> None:
    maria.leave()
    page.goto(maria.path())
    _heading(page, "You have left The Daily Brief")


def _left_one(maria: Reader, page: Page) -> None:
    maria.join(WEEKLY)
    maria.leave()
    page.goto(maria.path())
    expect(page.get_by_text("You do not get The Daily Brief any more.")).to_be_visible()


def _dated(page_name: str, purpose: Purpose) -> Way:
    def way(maria: Reader, page: Page) -> None:
        mailbox = mailbox_number(KEYS.suppression, MARIA)
        grant = Grant(maria.public_id, (mailbox,), issued_at=NOON)
        page.goto(f"/{page_name}/{KEYS.links.sign(purpose, grant)}")

    return way


def _erased(maria: Reader, page: Page) -> None:
    _dated("x", Purpose.ERASE)(maria, page)
    with page.expect_navigation():
        page.get_by_role("button", name="Erase me").click()
    _heading(page, "You are erased")


def _new_address(maria: Reader, page: Page) -> None:
    page.goto(maria.path())
    page.get_by_label("Your new e-mail address").fill("maria.new@reader.example")
    with page.expect_navigation():
        page.get_by_role("button", name="Change the address").click()
    page.goto(_mailed(maria, NoticeKind.ADDRESS))
    _heading(page, "Is this your new address?")


def _moved_address(maria: Reader, page: Page) -> None:
    _new_address(maria, page)
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, write to me here").click()
    _heading(page, "Your letters come here now")


def _mailed(maria: Reader, kind: NoticeKind) -> str:
    """Give the path in the newest mail of a kind."""
    with maria.database.read() as connection:
        notices = due(connection, now=NOON + timedelta(days=1), limit=99)
    facts = [each.facts for each in notices if each.kind is kind][-1]
    url = str(facts.get("link_url") or facts["confirm_url"])
    return url.removeprefix(SITE.public_url)


WAYS: dict[str, Way] = {
    "preferences": _to(),
    "saved": _press("Save"),
    "topics refused": _refused,
    "paused": _paused,
    "day refused": _past,
    "address refused": _no_address,
    "data asked for": _press("All we hold about you"),
    "twin": _to("/twin"),
    "moved": _press("Switch to The Week", "/twin"),
    "left": _left,
    "left one of two": _left_one,
    "data": _dated("d", Purpose.DATA),
    "erase": _dated("x", Purpose.ERASE),
    "erased": _erased,
    "new address": _new_address,
    "moved to it": _moved_address,
    "sample": lambda _maria, page: page.goto("/p/sample"),
    "damaged": lambda _maria, page: page.goto("/p/AAHdamaged"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_page_is_sound_at_every_width_light_and_dark(site: Site, page: Page, way: Way) -> None:
    way(site.maria, page)
    assert faults(page, widths=WIDTHS) == {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(_SMALL_TARGETS) == []


@pytest.mark.parametrize("after", ["", "/twin"])
def test_the_longest_names_stay_on_the_page(
    hostile_site: Site, chromium: Browser, after: str
) -> None:
    with visit(chromium, hostile_site.base_url) as window:
        page = window.new_page()
        page.goto(f"{hostile_site.maria.path()}{after}")
        assert faults(page, widths=WIDTHS) == {}
        expect(page.get_by_text("<b>weekly</b>").first).to_be_visible()
        page.goto(hostile_site.maria.path())
        page.get_by_role("checkbox").first.check()
        _save(page)
        expect(page.get_by_role("status")).to_contain_text("Saved.")
        assert faults(page, widths=WIDTHS) == {}
        page.goto(f"{hostile_site.maria.path()}/twin")
        page.get_by_role("button").click()
        expect(page.get_by_text("Your topics there")).to_be_visible()
        assert faults(page, widths=WIDTHS) == {}


@pytest.mark.parametrize("name", ["preferences", "twin", "erase"])
def test_by_keyboard_everything_is_reached_and_its_place_can_be_seen(
    site: Site, page: Page, name: str
) -> None:
    WAYS[name](site.maria, page)
    page.evaluate("document.activeElement.blur()")
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert page.evaluate(_OUTLINE) == "3px"
        assert faults(page, widths=[375]) == {}
        seen.add(page.evaluate("document.activeElement.textContent.trim()"))
    buttons = page.get_by_role("button").all()
    assert {button.text_content() for button in buttons} <= seen


# A reader's way


def test_without_javascript_a_reader_chooses_pauses_goes_weekly_and_comes_back(
    site: Site, bare_page: Page
) -> None:
    page, maria = bare_page, site.maria
    page.goto(maria.path())
    page.get_by_role("checkbox", name="Sea").check()
    page.get_by_role("checkbox", name="Business", exact=True).check()
    page.get_by_label("Delivery time").select_option("18:30")
    page.get_by_label("Your time zone").select_option("Europe/London")
    page.get_by_role("radio", name="Text alone").check()
    _save(page)
    told = page.get_by_role("status")
    expect(told).to_contain_text("Your next edition comes on Monday 12 January at 07:00")
    assert maria.wants() == ("sea", "business")
    expect(page.get_by_role("checkbox", name="Sport")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Sea")).to_be_checked()
    expect(page.get_by_label("Delivery time")).to_have_value("1110")

    expect(page.get_by_label("Paused until")).to_be_hidden()
    _choose_pause(page)
    page.get_by_label("Paused until").fill("2026-02-01")
    _save(page)
    expect(told).to_contain_text("Nothing comes until Sunday 1 February.")
    expect(page.get_by_text("Paused until Sunday 1 February 2026")).to_be_visible()
    assert maria.standing().paused_until == datetime(2026, 2, 1, 4, tzinfo=UTC)

    page.get_by_role("radio", name="The Week instead").check()
    page.get_by_role("checkbox", name="Business Monday").check()
    _save(page)
    expect(told).to_contain_text("Your next edition comes on Saturday 10 January at 07:00")
    expect(page.get_by_text("You do not get The Daily Brief any more.")).to_be_visible()
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED, 3: S.CONFIRMED}

    page.get_by_role("radio", name="The Daily Brief instead").check()
    _save(page)
    expect(page.get_by_role("checkbox", name="Sea")).to_be_checked()
    assert maria.states() == {DAILY: S.CONFIRMED, WEEKLY: S.UNSUBSCRIBED, 3: S.CONFIRMED}
    assert maria.wants() == ("sea", "business")
    assert maria.standing().paused_until is None
    assert [kind for kind, _ in maria.acts()] == [
        *(K.TOPICS, K.MANNER, K.PAUSED),
        *(K.MOVED, K.CONFIRMED, K.CONFIRMED),
        *(K.MOVED, K.CONFIRMED),
    ]


def test_the_page_is_sound_from_right_to_left(site: Site, page: Page) -> None:
    page.goto(f"{site.maria.path()}?language=ar")
    assert page.evaluate("document.dir") == "rtl"
    assert faults(page, widths=WIDTHS) == {}


def test_pressing_again_in_another_window_changes_nothing_more(
    site: Site, context: BrowserContext
) -> None:
    first, second = context.new_page(), context.new_page()
    for page in (first, second):
        page.goto(f"{site.maria.path()}/twin")
    first.get_by_role("button", name="Switch to The Week").click()
    _heading(first, "From now on, The Week")
    before = all_rows(site.maria.database)
    second.get_by_role("button", name="Switch to The Week").click()
    _heading(second, "From now on, The Week")
    assert all_rows(site.maria.database) == before


def test_from_the_preferences_a_reader_leaves(site: Site, page: Page) -> None:
    page.goto(site.maria.path())
    page.get_by_role("link", name="Unsubscribe from The Daily Brief").click()
    _heading(page, "Stop The Daily Brief?")
    page.get_by_role("button", name="Unsubscribe").click()
    _heading(page, "You are unsubscribed")
    assert site.maria.states() == {DAILY: S.UNSUBSCRIBED}


def test_no_link_leaves_a_trace_in_the_browser_or_at_the_paper(site: Site, page: Page) -> None:
    told: list[str] = []
    page.on("request", lambda request: told.append(request.headers.get("referer", "")))
    page.goto(site.maria.path())
    _save(page)
    page.goto(f"{site.maria.path()}/twin")
    page.get_by_role("button", name="Switch to The Week").click()
    page.get_by_role("link", name="Privacy").click()
    assert set(told) == {""}
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
