"""Who works at the desk, in a real browser: in by a real mail, by keys alone, and nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from digest.people import user_store, users
from digest.people.model import Role
from tests.acceptance.browser_demo import find_chromium, running_chromium, visit
from tests.acceptance.desk_browser import ALMA, at_desk, for_everybody, no_complaints, painted
from tests.acceptance.reader_site import ReaderSite, reader_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

BOB = "bob@post.example"
PASSWORD = "four words and a boat"
_TABS = 60
"""More than any page of people has places for the keys to stop at."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReaderSite]:
    """A paper with Alma, who is an admin, and Bob, who is an editor."""
    with reader_site(tmp_path, at="2026-01-08 12:00") as running:
        with running.app.database.write() as connection:
            for address, role in ((ALMA, Role.ADMIN), (BOB, Role.EDITOR)):
                at = running.app.clock()
                users.add(connection, address, address, role=role, actor="test", at=at)
        yield running


@pytest.fixture
def stranger(site: ReaderSite, chromium: Browser) -> Iterator[BrowserContext]:
    with at_desk(site, chromium, None) as window:
        yield window


@pytest.fixture
def alma(site: ReaderSite, chromium: Browser) -> Iterator[BrowserContext]:
    with at_desk(site, chromium) as window:
        yield window


def _press_to(page: Page, name: str) -> None:
    """Go on by the Tab key until the keys are at what has this name."""
    for _ in range(_TABS):
        page.keyboard.press("Tab")
        named: str = page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
        )
        if named == name:
            return
    raise AssertionError(f"the keys never come to {name!r}")


def _enter(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _link(site: ReaderSite, address: str) -> str:
    """Let the sender mail what waits; give the path of the newest link to sign in."""
    site.send()
    return site.link(address, "desk")


def _sign_everybody_out(site: ReaderSite, address: str = ALMA) -> None:
    with site.app.database.write() as connection:
        found = user_store.find_user(connection, address_key=address)
        assert found is not None
        users.sign_out(connection, found, actor="test", at=site.app.clock())


def test_by_a_real_mail_and_by_keys_alone_somebody_comes_in_and_leaves(
    site: ReaderSite, stranger: BrowserContext
) -> None:
    with no_complaints(stranger) as page:
        page.goto("/desk/people")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.keyboard.type(ALMA)  # the field has the keys from the start
        _enter(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
        page.goto(_link(site, ALMA))
        expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Alma Penn")
        _enter(page)  # the button has the keys from the start
        expect(page.get_by_role("heading", level=1)).to_have_text("People")
        expect(page.get_by_role("status")).to_have_text("You are signed in.")
        _press_to(page, "Alma Penn")
        _enter(page)
        expect(page.get_by_text("this one")).to_be_visible()
        expect(page.get_by_text("Chrome on Linux").first).to_be_visible()
        _press_to(page, "Sign out")
        _enter(page)
        expect(page.get_by_role("status")).to_have_text("You are signed out.")


def test_by_keys_alone_an_admin_adds_somebody_changes_a_role_and_lets_somebody_go(
    site: ReaderSite, alma: BrowserContext
) -> None:
    with no_complaints(alma) as page:
        page.goto("/desk/people")
        _press_to(page, "Role of Bob")
        page.keyboard.type("App")
        _press_to(page, "Change the role of Bob")
        _enter(page)
        expect(page.get_by_role("status")).to_have_text("Bob is an approver now.")
        _press_to(page, "E-mail address")
        page.keyboard.type("carla.reed@post.example")
        _press_to(page, "Editor chooses and words the stories")
        page.keyboard.press("ArrowUp")
        _enter(page)
        expect(page.get_by_role("status")).to_contain_text("Carla Reed is a viewer now.")
        _press_to(page, "Let in no more: Bob")
        _enter(page)
        expect(page.get_by_role("status")).to_contain_text("Bob comes in no more")
    assert _link(site, "carla.reed@post.example").startswith("/desk/sign-in/")


@pytest.mark.parametrize("path", ["people", "you", "sign-in", "no-such-page"])
def test_a_page_of_people_is_for_everybody(
    site: ReaderSite, alma: BrowserContext, stranger: BrowserContext, path: str
) -> None:
    del site
    with no_complaints(stranger if path == "sign-in" else alma) as page:
        page.goto(f"/desk/{path}")
        assert painted(page)["shift"] == 0
        assert for_everybody(page, widths=(320, 375, 1440)) == {}


def test_the_pages_on_the_way_in_are_for_everybody(
    site: ReaderSite, stranger: BrowserContext
) -> None:
    with no_complaints(stranger) as page:
        page.goto("/desk/sign-in")
        page.get_by_label("E-mail address").first.fill(ALMA)
        with page.expect_navigation():
            page.get_by_role("button", name="Mail me a link").click()
        assert for_everybody(page) == {}
        link = _link(site, ALMA)
        page.goto(link)
        assert for_everybody(page) == {}
        site.pass_time(minutes=15)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in as").click()
        expect(page.get_by_role("alert")).to_contain_text("does not work any more")
        expect(page.get_by_label("E-mail address").first).to_have_value(ALMA)
        assert for_everybody(page) == {}


def test_a_session_that_is_over_loses_nothing_and_goes_on_by_itself(
    site: ReaderSite, alma: BrowserContext
) -> None:
    with no_complaints(alma) as page:
        page.goto("/desk/you")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The same again").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button", name="Set a password").click()
        page.get_by_label("As it stands beside what you do").fill("Alma “Quill” Penn")
        _sign_everybody_out(site)
        with page.expect_navigation():
            page.get_by_role("button", name="Change", exact=True).click()
        expect(page.get_by_text("Nothing you typed is lost")).to_be_visible()
        expect(page.get_by_label("Name", exact=True)).to_have_value("Alma “Quill” Penn")
        assert for_everybody(page) == {}
        page.get_by_label("E-mail address").last.fill(ALMA)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/desk/you")
        expect(page.get_by_role("status")).to_have_text("Your name is changed.")
        expect(page.get_by_role("heading", level=1)).to_have_text("Alma “Quill” Penn")


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
def test_what_was_typed_waits_in_its_tab_while_another_signs_in_by_mail(
    site: ReaderSite, chromium: Browser, *, script: bool
) -> None:
    with at_desk(site, chromium, script=script) as window:
        page = window.new_page()
        page.goto("/desk/you")
        site.pass_time(days=3)
        page.get_by_label("As it stands beside what you do").fill("Alma Quill")
        with page.expect_navigation():
            page.get_by_role("button", name="Change", exact=True).click()
        page.get_by_label("E-mail address").first.fill(ALMA)
        with page.expect_navigation():
            page.get_by_role("button", name="Mail me a link").click()
        expect(page.get_by_text("Leave this page open")).to_be_visible()
        other = window.new_page()
        other.goto(_link(site, ALMA))
        with other.expect_navigation():
            other.get_by_role("button", name="Sign in as").click()
        with page.expect_navigation():
            page.get_by_role("button", name="Send what I typed").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Alma Quill")


def test_a_form_of_another_site_does_nothing_at_the_desk(
    site: ReaderSite, alma: BrowserContext
) -> None:
    form = (
        f'<form method="post" action="{site.url}/desk/you/name">'
        '<input name="name" value="Evil"><button>Win</button></form>'
    )
    page = alma.new_page()
    page.goto(f"data:text/html,{quote(form)}")
    with page.expect_navigation():
        page.get_by_role("button", name="Win").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("That did not come from your page")
    page.goto("/desk/you")
    expect(page.get_by_role("heading", level=1)).to_have_text("Alma Penn")


def test_a_session_stolen_is_over_for_the_thief_when_its_owner_says_so(
    site: ReaderSite, chromium: Browser, alma: BrowserContext
) -> None:
    with visit(chromium, site.url) as thief:
        thief.add_cookies(
            [
                {"name": each["name"], "value": each["value"], "url": site.url}
                for each in alma.cookies()
            ]
        )
        stolen = thief.new_page()
        stolen.goto("/desk/you")
        expect(stolen.get_by_role("heading", level=1)).to_have_text("Alma Penn")
        with at_desk(site, chromium) as own:
            page = own.new_page()
            page.goto("/desk/you")
            with page.expect_navigation():
                page.get_by_role("button", name="Sign out everywhere else").click()
        stolen.reload()
        expect(stolen.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_idle_span_of_one_s_own_is_kept(site: ReaderSite, alma: BrowserContext) -> None:
    page = alma.new_page()
    for days, heading in ((2, "Alma Penn"), (2, "Alma Penn"), (3, "Sign in")):
        site.paper.watch.at += timedelta(days=days)
        page.goto("/desk/you")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
