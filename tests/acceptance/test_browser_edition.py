"""The edition page in Chromium: reorder, reword, approve, stop; two windows; no script runs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from digest.people import user_store
from digest.people.model import Role
from tests.acceptance.browser_demo import find_chromium, running_chromium
from tests.acceptance.desk_paper import FRIDAY, MONDAY, DeskPaper, Feed, Story, desk_paper
from tests.acceptance.edition_page import EditionPage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
_AXE_RUN = """async () => {
  const found = await axe.run(document, {iframes: false, resultTypes: ['violations']});
  return found.violations.map(each => each.id + ' ' + each.nodes.map(n => n.target).join(', '));
}"""
WALL, FERRY = "Harbour wall to be raised", "Council keeps the winter ferry"
ROOF = "School roof mended"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskPaper]:
    with desk_paper(tmp_path) as paper:
        yield paper


@pytest.fixture
def alma(chromium: Browser, desk: DeskPaper) -> Iterator[EditionPage]:
    with desk.window(chromium) as window:
        window.set_default_timeout(20_000)
        yield EditionPage.open(window, desk)


def test_a_story_is_moved_by_the_arrow_keys_and_keeps_the_focus(alma: EditionPage) -> None:
    before = alma.headlines()
    alma.row(ROOF).get_by_role("button", name="Pin story").focus()
    held = alma.focused()
    alma.page.keyboard.press("ArrowUp")
    alma.says("You moved “School roof mended")
    assert alma.headlines()[:3] == [before[0], before[2], before[1]]
    assert alma.focused() == held
    alma.page.keyboard.press("ArrowDown")
    expect(alma.row(FERRY).locator(".slot")).to_have_text("Top")
    assert alma.headlines() == before
    assert alma.focused() == held


def test_a_story_is_dragged_to_its_place(alma: EditionPage) -> None:
    before = alma.headlines()
    alma.row(ROOF).locator(".h").drag_to(alma.row(WALL).locator(".h"))
    alma.says("You moved “School roof mended")
    assert alma.headlines()[:2] == [before[2], before[0]]
    expect(alma.letter.locator("h1").first).to_contain_text("School roof")


def test_a_story_is_reworded_and_the_letter_follows_at_its_place(alma: EditionPage) -> None:
    alma.page.locator("#frame").evaluate("frame => frame.contentWindow.scrollTo(0, 400)")
    alma.edit(FERRY)
    alma.page.locator("#headline").fill("The ferry stays")
    expect(alma.page.locator("#headline-n")).to_have_text("15 of 78")
    alma.page.keyboard.press("Enter")
    alma.says("You reworded the headline")
    assert alma.focused() == "headline"
    expect(alma.letter).to_contain_text("The ferry stays")
    scrolled = alma.page.locator("#frame").evaluate("frame => frame.contentWindow.scrollY")
    assert scrolled == 400
    alma.page.keyboard.press("Escape")
    expect(alma.page.locator("#editor")).to_have_count(0)
    assert alma.focused().startswith("edit-")


def test_all_is_undone_and_done_again_after_a_reload(alma: EditionPage) -> None:
    before = alma.headlines()
    alma.row(ROOF).get_by_role("button", name="Hide story").click()
    alma.says("You dropped “School roof")
    alma.page.locator("#filter-out").click()
    expect(alma.page.locator("#ledger")).to_contain_text("Dropped by Alma Penn.")
    alma.page.reload()
    alma.ready()
    alma.page.locator("#undo").click()
    alma.says("You took back")
    assert alma.headlines() == before
    alma.page.locator("#redo").click()
    alma.says("You brought back")
    assert ROOF not in " ".join(alma.headlines())


def test_the_subject_is_written_beside_its_row_in_the_inbox(alma: EditionPage) -> None:
    alma.page.locator("#view-inbox").click()
    expect(alma.page.locator(".ibx")).to_have_count(3)
    alma.page.locator("#subject").fill("A wall against the sea")
    expect(alma.page.locator("#subject-n")).to_have_text("22")
    expect(alma.page.locator(".ibx .subject").first).to_have_text("A wall against the sea")
    alma.page.locator("#save-inbox").click()
    alma.says("You wrote the subject")
    letter = alma.desk.paper.composition(FRIDAY)
    assert letter is not None
    assert letter.subject == "A wall against the sea"


def test_it_is_approved_sent_stopped_and_resumed(alma: EditionPage) -> None:
    paper = alma.desk.paper
    alma.page.locator("#approve").click()
    alma.says("Approved for 3")
    expect(alma.page.locator(".dhead .state")).to_have_text("Approved")
    alma.page.locator("#do-send-now").click()
    alma.says("It leaves within seconds")
    paper.go("2026-01-09 06:37")
    expect(alma.page.locator(".dhead .state")).to_have_text("Sending", timeout=20_000)
    expect(alma.page.locator("#progress")).to_contain_text("0 of 3")
    alma.page.locator("#do-stop").click()
    alma.says("Stopped.")
    assert paper.editions()[FRIDAY] == "stopped"
    alma.page.locator("#do-resume").click()
    alma.says("It goes on")
    deliver(alma.desk)
    paper.go("2026-01-09 06:38")
    expect(alma.page.locator(".dhead .state")).to_have_text("Sent", timeout=20_000)


def deliver(desk: DeskPaper) -> None:
    """Send what is due; from a thread, as the browser's loop runs in this one."""
    app, edition = desk.paper.app, desk.paper.edition(FRIDAY)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(app.deliver, edition, progress=lambda _done: None).result()


def test_two_windows_see_each_other_and_nothing_is_overwritten(
    chromium: Browser, alma: EditionPage
) -> None:
    with alma.desk.window(chromium, Role.EDITOR, "Ben Ito") as window:
        window.set_default_timeout(20_000)
        ben = EditionPage.open(window, alma.desk)
        expect(alma.page.locator("#here")).to_contain_text("Ben Ito", timeout=20_000)
        alma.edit(FERRY)
        alma.page.locator("#headline").fill("Alma’s ferry")
        expect(ben.page.locator("#here")).to_contain_text("rewords", timeout=20_000)
        ben.edit(FERRY)
        ben.page.locator("#headline").fill("Ben’s ferry")
        ben.page.locator("#save").click()
        ben.says("You reworded")
        expect(alma.page.locator("#history")).to_contain_text("Ben Ito", timeout=20_000)
        assert alma.page.locator("#headline").input_value() == "Alma’s ferry"
        alma.page.locator("#save").click()
        alma.says("In the meantime Ben Ito reworded the headline")
        assert alma.page.locator("#headline").input_value() == "Alma’s ferry"
        alma.page.locator("#save").click()
        alma.says("You reworded")
        assert "Alma’s ferry" in alma.headlines()[1]


def test_a_source_that_changes_a_story_while_it_is_approved_is_shown(alma: EditionPage) -> None:
    feed = Feed(alma.desk.paper, alma.desk.base_url)
    text = feed.paper.feed.read_text("utf-8")
    feed.paper.feed.write_text(text.replace("raised by two metres", "raised by three metres"))
    assert all(not each.problem for each in feed.paper.app.collect(force=True))
    expect(alma.row(WALL)).to_contain_text("Changed at its source", timeout=20_000)
    expect(alma.page.locator("#approve")).to_be_disabled()
    alma.page.locator("#take-in").click()
    alma.says("composed of its stories as they are now")
    expect(alma.letter.locator("h1").first).to_contain_text("three metres")
    alma.page.locator("#approve").click()
    alma.says("Approved for 3")


def test_no_script_of_a_story_runs_anywhere(chromium: Browser, tmp_path: Path) -> None:
    evil = "<script>top.hit=1</script><img src=x onerror='top.hit=1'>\"'><svg onload=top.hit=1>"
    stories = [
        Story(f"{n} ferry {word} {evil}", "Local", f"{word} {evil}", picture=n == 0)
        for n, word in enumerate(("returns", "council", "roof", "baker", "choir"))
    ]
    with desk_paper(tmp_path, stories=stories) as desk, desk.window(chromium) as window:
        window.set_default_timeout(20_000)
        told: list[str] = []
        window.on("console", lambda message: told.append(message.text))
        page = EditionPage.open(window, desk, "?filter=all")
        for view in ("phone", "dark", "text", "inbox", "desktop"):
            page.page.locator(f"#view-{view}").click()
            expect(page.page.locator(f"#view-{view}")).to_have_attribute("aria-current", "true")
            if view == "text":
                expect(page.letter.locator("pre")).to_contain_text("council")
        page.edit("returns")
        page.page.locator("#headline").fill(f"Mine {evil}")
        page.page.locator("#save").click()
        page.says("You reworded")
        assert page.page.evaluate("window.hit") is None
        assert [each for each in told if "Refused" in each and "script" in each] == []


def test_what_was_typed_outlives_the_session(alma: EditionPage, chromium: Browser) -> None:
    app = alma.desk.paper.app
    alma.edit(FERRY)
    alma.page.locator("#headline").fill("Typed for an hour")
    with app.database.write() as connection:
        user_store.end_sessions(connection, 1, at=app.clock())
    alma.page.locator("#save").click()
    alma.says("You are signed out")
    expect(alma.answer.get_by_role("link", name="Sign in in another tab")).to_be_visible()
    assert alma.page.locator("#headline").input_value() == "Typed for an hour"
    with alma.desk.window(chromium) as again:
        alma.page.context.add_cookies(again.cookies())  # type: ignore[arg-type]
        alma.page.locator("#save").click()
        alma.says("You reworded the headline")
    assert "Typed for an hour" in alma.headlines()[1]


def test_without_javascript_every_act_works_by_its_form(chromium: Browser, desk: DeskPaper) -> None:
    with desk.window(chromium, script=False) as window:
        page = window.new_page()
        page.goto(f"{desk.friday}?check=1")
        for name in ("Move story 2 up", "Pin story 1", "Hide story 3"):
            with page.expect_navigation():
                page.get_by_role("button", name=name, exact=True).click()
            expect(page.locator(".said")).to_contain_text("You ")
        with page.expect_navigation():
            page.get_by_role("button", name="Reword story 1", exact=True).click()
        page.locator("#headline").fill("By hand")
        with page.expect_navigation():
            page.locator("#save").click()
        expect(page.locator(".ord")).to_contain_text("By hand")
        with page.expect_navigation():
            page.locator("#approve").click()
        expect(page.locator(".dhead .state")).to_have_text("Approved")


def test_the_keyboard_alone_rewords_and_approves(alma: EditionPage) -> None:
    page = alma.page
    reach(page, "edit-")
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Typed by keys")
    page.keyboard.press("Enter")
    alma.says("You reworded the headline")
    page.keyboard.press("Escape")
    expect(page.locator("#editor")).to_have_count(0)
    reach(page, "approve")
    page.keyboard.press("Enter")
    alma.says("Approved for 3")


def reach(page: Page, beginning: str) -> None:
    """Press Tab until something of this name has the focus."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if str(page.evaluate("document.activeElement.id")).startswith(beginning):
            return
    raise AssertionError(beginning)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 375])
def test_axe_finds_nothing_and_nothing_moves(
    chromium: Browser, desk: DeskPaper, scheme: str, width: int
) -> None:
    with desk.window(chromium) as window:
        window.set_default_timeout(20_000)
        page = window.new_page()
        page.set_viewport_size({"width": width, "height": 900 if width > 1000 else 812})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.close()
        opened = EditionPage.open(window, desk)
        opened.page.set_viewport_size({"width": width, "height": 900 if width > 1000 else 812})
        opened.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        opened.page.reload()
        opened.ready()
        assert opened.page.evaluate("shifts") == []
        assert opened.page.evaluate("document.scrollingElement.scrollWidth") <= width
        opened.edit(FERRY)
        opened.page.evaluate(AXE)
        assert opened.page.evaluate(_AXE_RUN) == []


def test_an_edition_to_come_shows_its_letter_and_takes_choices(
    chromium: Browser, desk: DeskPaper
) -> None:
    desk.paper.watch.at = desk.paper.watch.at.replace(day=11, hour=18)
    Feed(desk.paper, desk.base_url).publish(
        *(Story(f"{word} on Monday") for word in ("Regatta begins", "Market moves", "Pier opens"))
    )
    with desk.window(chromium) as window:
        window.set_default_timeout(20_000)
        page = window.new_page()
        page.goto(f"/desk/editions/{MONDAY}")
        monday = EditionPage(page, desk)
        monday.ready()
        expect(page.locator(".dhead .state")).to_have_text("To come")
        monday.row("Pier opens").get_by_role("button", name="Pin story").click()
        monday.says("You pinned")
        expect(monday.row("Pier opens").get_by_role("button", name="Pin story")).to_have_attribute(
            "aria-pressed", "true"
        )
