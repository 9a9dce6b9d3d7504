"""What readers come for, in a real browser: leave, join, and join from another site."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from subscribers.form_time import SOONEST
from tests.acceptance.browser_demo import (
    Demo,
    faults,
    fetch,
    find_chromium,
    in_letter,
    open_letter,
    running_chromium,
    running_demo,
    visit,
    wait,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

BOTH = {"daily": "confirmed", "weekly": "confirmed"}
ONLY_WEEKLY = {"daily": "unsubscribed", "weekly": "confirmed"}
NEITHER = {"daily": "unsubscribed", "weekly": "unsubscribed"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("readers")) as running:
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


@pytest.fixture
def bare_page(demo: Demo, chromium: Browser) -> Iterator[Page]:
    """A page in a browser whose JavaScript is switched off."""
    with visit(chromium, demo.base_url, script=False) as window:
        yield window.new_page()


# Leave


def test_from_the_inbox_a_reader_leaves_by_one_link_and_one_button(demo: Demo, page: Page) -> None:
    before = demo.all_about_readers()
    open_letter(page, "Maria Quill")
    in_letter(page, "Unsubscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop The Morning Post?")
    expect(page.get_by_text("maria@reader.example")).to_be_visible()
    assert page.get_by_role("button", name="Unsubscribe").count() == 1
    assert demo.all_about_readers() == before
    assert demo.standing("maria@reader.example") == BOTH

    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
    assert demo.standing("maria@reader.example") == ONLY_WEEKLY

    left = demo.all_about_readers()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have left The Morning Post")
    status, again = fetch(demo.way_out("maria@reader.example"), b"")
    assert (status, b"You are unsubscribed" in again) == (200, True)
    assert demo.all_about_readers() == left


def test_what_is_left_can_be_stopped_on_the_goodbye_page(demo: Demo, page: Page) -> None:
    reader = "iain.macaskaig@reader.example"
    page.goto(urlsplit(demo.way_out(reader)).path)
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_text("You still get")).to_be_visible()
    expect(page.get_by_text("The Week")).to_be_visible()
    page.get_by_role("button", name="Stop all letters").click()
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_text("we no longer send letters to iain.macaskaig@")).to_be_visible()
    assert demo.standing(reader) == NEITHER


def test_a_mail_provider_leaves_for_its_reader_by_one_post(demo: Demo) -> None:
    reader = "yumi@reader.example"
    letter = wait(lambda: demo.letters(reader))[0]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    before = demo.all_about_readers()
    for method in ("HEAD", "GET"):
        assert fetch(demo.way_out(reader), method=method)[0] == 200
    assert demo.all_about_readers() == before
    assert demo.standing(reader) == BOTH
    assert fetch(demo.way_out(reader), b"List-Unsubscribe=One-Click")[0] == 200
    assert demo.standing(reader) == ONLY_WEEKLY
    assert fetch(demo.way_out(reader), b"List-Unsubscribe=One-Click")[0] == 200
    assert demo.standing("tom.sallow@reader.example") == BOTH


def test_who_left_may_come_back(demo: Demo, page: Page) -> None:
    reader = "soren@reader.example"
    fetch(demo.way_out(reader), b"List-Unsubscribe=One-Click")
    assert demo.standing(reader) == ONLY_WEEKLY
    page.goto(urlsplit(demo.way_out(reader)).path)
    page.get_by_role("link", name="Subscribe again").click()
    page.get_by_label("Your e-mail address").fill(reader)
    _subscribe(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    wait(lambda: len(demo.letters(reader)) == 2)
    page.goto(demo.confirm_path(reader))
    page.get_by_role("button", name="Yes, subscribe me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    assert demo.standing(reader) == BOTH


# Join


def test_without_javascript_a_reader_joins_by_form_mail_and_button(
    demo: Demo, bare_page: Page
) -> None:
    page, reader = bare_page, "new.reader@reader.example"
    page.goto("/subscribe")
    page.get_by_label("Your e-mail address").fill(reader)
    expect(page.get_by_role("checkbox", name="The Morning Post")).to_be_checked()
    page.get_by_role("checkbox", name="The Week").check()
    _subscribe(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    unconfirmed = {"daily": "unconfirmed", "weekly": "unconfirmed"}
    assert demo.standing(reader) == unconfirmed

    wait(lambda: demo.letters(reader))
    asked = demo.all_about_readers()
    open_letter(page, reader)
    in_letter(page, "Yes, send it to me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Subscribe to The Morning Post and The Week?"
    )
    assert page.get_by_role("button").count() == 1
    assert demo.all_about_readers() == asked
    assert demo.standing(reader) == unconfirmed

    page.get_by_role("button", name="Yes, subscribe me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    assert demo.standing(reader) == BOTH
    page.get_by_role("link", name="Read the latest edition").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Snow closes the moor road")


def test_the_mail_that_asks_to_confirm_is_sound_and_its_link_works_from_the_plain_text(
    demo: Demo, page: Page
) -> None:
    reader = "plain.text@reader.example"
    page.goto("/subscribe")
    page.get_by_label("Your e-mail address").fill(reader)
    _subscribe(page)
    path = demo.confirm_path(reader)
    page.goto(demo.letter_path(reader))
    assert faults(page) == {}
    page.goto(path)
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    assert demo.standing(reader) == {"daily": "confirmed"}


def test_a_mistyped_address_is_told_beside_the_field_and_kept(demo: Demo, page: Page) -> None:
    before = demo.all_about_readers()
    page.goto("/subscribe")
    page.get_by_label("Your e-mail address").fill("maria.at.reader.example")
    page.get_by_role("button", name="Subscribe").click()
    field = page.get_by_label("Your e-mail address")
    expect(field).to_have_value("maria.at.reader.example")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    described_by = field.get_attribute("aria-describedby")
    expect(page.locator(f"#{described_by}")).to_contain_text("There is no @ in it.")
    assert demo.all_about_readers() == before


def test_a_robot_that_fills_in_every_field_changes_nothing(demo: Demo, page: Page) -> None:
    before = demo.all_about_readers()
    page.goto("/subscribe")
    page.get_by_label("Your e-mail address").fill("robot@reader.example")
    page.get_by_label("Leave this empty").fill("555-1234", force=True)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    assert demo.all_about_readers() == before


# Join from another site


BLOG = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A blog</title>
<h1>A blog</h1>{form}</html>"""


class _Blog(BaseHTTPRequestHandler):
    """Another site: one page of plain HTML, under policies that strict hosts use."""

    def __init__(self, html: str, *call: object) -> None:
        self.html = html
        super().__init__(*call)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.path == "/silent":
            self.send_header("Referrer-Policy", "no-referrer")
        if self.path == "/sandboxed":
            self.send_header("Content-Security-Policy", "sandbox allow-forms")
        self.end_headers()
        self.wfile.write(self.html.encode())

    def log_message(self, *_words: object) -> None:
        """Be quiet."""


@pytest.fixture
def blog_url(demo: Demo) -> Iterator[str]:
    """The address of another origin, and another site: a name where ours is a number.

    Its form is the one that our own page gives to paste.
    """
    asked = "newsletter=daily&newsletter=weekly&topics=asked"
    _, page = fetch(f"{demo.base_url}/subscribe/form?{asked}")
    found = re.search(r"<textarea[^>]*>(.*)</textarea>", page.decode(), re.DOTALL)
    assert found is not None
    html = BLOG.format(form=unescape(found[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Blog, html))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "says_origin"), [("/", True), ("/silent", False), ("/sandboxed", False)]
)
def test_the_form_to_paste_works_on_another_site(
    demo: Demo, bare_page: Page, blog_url: str, path: str, *, says_origin: bool
) -> None:
    page, reader = bare_page, f"blog{len(path)}@reader.example"
    page.goto(blog_url + path)
    page.get_by_label("Your e-mail address").fill(reader)
    page.get_by_role("checkbox", name="The Week").uncheck()
    page.get_by_role("checkbox", name="Sea").check()
    expect(page.get_by_label("Leave this empty")).to_be_hidden()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    assert page.url == f"{demo.base_url}/subscribe"
    assert page.context.cookies() == []
    assert demo.standing(reader) == {"daily": "unconfirmed"}
    assert demo.asked_from(reader) == (blog_url if says_origin else "")
    page.goto(demo.base_url + demo.confirm_path(reader))
    page.get_by_role("button", name="Yes, subscribe me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    assert demo.standing(reader) == {"daily": "confirmed"}


def test_after_three_forms_of_others_our_own_asks_for_one_more_press(
    demo: Demo, bare_page: Page, blog_url: str
) -> None:
    page, reader = bare_page, "blog.fourth@reader.example"
    for n in range(4):
        page.goto(blog_url)
        page.get_by_label("Your e-mail address").fill(f"blog.{n}@reader.example")
        page.get_by_role("button", name="Subscribe").click()
    page.goto(blog_url)
    page.get_by_label("Your e-mail address").fill(reader)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Please press once more")).to_be_visible()
    expect(page.get_by_label("Your e-mail address")).to_have_value(reader)
    _subscribe(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    assert demo.standing(reader) == {"daily": "unconfirmed", "weekly": "unconfirmed"}


def _subscribe(page: Page) -> None:
    """Press the button as a person does, who has read the form first."""
    page.wait_for_timeout(SOONEST / timedelta(milliseconds=1) + 100)
    page.get_by_role("button", name="Subscribe").click()
