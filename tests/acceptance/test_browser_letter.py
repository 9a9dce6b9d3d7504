"""The letter in a real browser: on a phone, in the dark, without pictures, and online."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.acceptance.browser_demo import (
    EDITION,
    Demo,
    faults,
    fetch,
    find_chromium,
    open_letter,
    running_chromium,
    running_demo,
    visit,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

MARIA = "maria@reader.example"
SINCE = re.compile(r"maria@reader\.example on (Monday )?3 November 2025")
LEAD = "Snow closes the moor road and four schools"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("letter")) as running:
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


def _backgrounds(page: Page) -> list[int]:
    """Give how light the page is behind its edge and behind its text, 0 to 255."""
    script = """() => ["body", ".card"].map(name =>
        Math.max(...getComputedStyle(document.querySelector(name)).backgroundColor
            .match(/\\d+/g).slice(0, 3).map(Number)))"""
    found: list[int] = page.evaluate(script)
    return found


def test_the_inspection_finds_what_it_is_for(page: Page) -> None:
    page.set_content(
        "<h1>One</h1><h1>Two</h1><img src='data:,x'><a href='/x'> </a><button>x</button>"
        "<input name='lost'><p style='color:#999;background:#fff'>grey</p>"
        "<p style='opacity:.3'>thin</p><p style='font-size:13px'>tiny</p>"
        "<p style='display:none;color:#fff;font-size:1px'>unseen</p>"
        "<div style='width:700px'>wide</div><a href='/y' style='outline:0'>focused</a>"
    )
    for _ in range(4):
        page.keyboard.press("Tab")
    found = faults(page, widths=[320])
    assert {kind for kind in found if kind.startswith("320 light")} == {
        f"320 light: {kind}"
        for kind in (
            *("scrolls sideways", "no language", "no title", "not one h1", "small", "faint"),
            *("picture without alt", "picture not loaded", "link without words"),
            *("button too small", "field without label", "focus not seen"),
        )
    }
    assert [line[5:] for line in found["320 light: faint"]] == ["grey", "thin"]
    assert found["320 light: small"][-1] == "13px tiny"


@pytest.mark.parametrize("to", [MARIA, "desk@harbourpost.example"])
def test_a_letter_is_sound_at_every_width_light_and_dark(demo: Demo, page: Page, to: str) -> None:
    page.goto(demo.letter_path(to))
    assert faults(page) == {}


def test_the_letter_has_its_lead_its_pictures_and_its_stories(demo: Demo, page: Page) -> None:
    page.goto(demo.letter_path(MARIA))
    assert page.locator("h1").inner_text() == LEAD
    assert page.locator("img").count() > 8
    assert page.locator("h3").count() > 8
    expect(page.get_by_text(SINCE)).to_be_visible()


def test_the_letter_is_really_dark_in_the_dark(demo: Demo, page: Page) -> None:
    page.goto(demo.letter_path(MARIA))
    page.emulate_media(color_scheme="light")
    assert min(_backgrounds(page)) > 230
    page.emulate_media(color_scheme="dark")
    assert max(_backgrounds(page)) < 40


def test_without_pictures_the_letter_can_be_read(
    context: BrowserContext, demo: Demo, page: Page
) -> None:
    def block(route: Route) -> None:
        if route.request.resource_type == "image":
            route.abort()
        else:
            route.continue_()

    context.route("**/*", block)
    page.goto(demo.letter_path(MARIA))
    found = faults(page)
    assert {kind.partition(": ")[2] for kind in found} == {"picture not loaded"}
    assert page.locator("h1", has_text=LEAD).is_visible()
    assert page.get_by_role("link", name="Unsubscribe").is_visible()
    page.set_viewport_size({"width": 600, "height": 800})
    lead = page.locator("img").first.bounding_box()
    assert lead is not None
    assert lead["width"] <= 600


def test_without_its_style_sheets_the_letter_can_be_read(demo: Demo, page: Page) -> None:
    """Some mail programs remove every <style>; what is left stands in the elements."""
    page.goto(demo.letter_path(MARIA))
    page.evaluate("document.querySelectorAll('style').forEach(each => each.remove())")
    assert page.locator("style").count() == 0
    assert faults(page) == {}
    assert page.locator("h1", has_text=LEAD).is_visible()
    assert page.get_by_role("link", name="Unsubscribe").is_visible()
    assert page.locator("a[href]").count() > 15


def test_every_link_of_the_letter_leads_to_a_page(demo: Demo, page: Page) -> None:
    page.goto(demo.letter_path(MARIA))
    script = "[...document.querySelectorAll('a[href]')].map(each => each.href)"
    links = {link for link in page.evaluate(script) if not link.startswith("mailto:")}
    answers = {link: fetch(link)[0] for link in links}
    assert len(answers) > 15
    assert {link: status for link, status in answers.items() if status != 200} == {}
    assert {urlsplit(link).netloc for link in links} == {urlsplit(demo.base_url).netloc}


def test_the_inbox_shows_every_view_of_the_letter(page: Page) -> None:
    open_letter(page, "Maria Quill")
    assert faults(page, widths=[375, 1440]) == {}
    page.get_by_role("link", name="Phone, 375 px").click()
    assert page.frame_locator("iframe").locator("h1").inner_text() == LEAD
    frame = page.locator("iframe").bounding_box()
    assert frame is not None
    assert 375 <= frame["width"] <= 380
    for view, words in (
        ("Text", SINCE),
        ("Headers", "List-Unsubscribe-Post"),
        ("Source", "Content-Transfer-Encoding: quoted-printable"),
    ):
        page.get_by_role("link", name=view, exact=True).click()
        expect(page.locator("main").get_by_text(words).first).to_be_visible()
        found = faults(page, widths=[375, 1440])
        assert {kind.partition(": ")[2] for kind in found} <= {"small"}  # bytes may be small


# Read online


def test_the_letter_online_is_sound_on_phone_and_desk(page: Page) -> None:
    page.goto(EDITION)
    assert page.locator("h1").inner_text() == LEAD
    assert faults(page, widths=[*(320, 375, 600), 1440]) == {}


def test_the_letter_online_belongs_to_no_reader(demo: Demo) -> None:
    status, body = fetch(demo.base_url + EDITION)
    html = body.decode()
    assert status == 200
    assert LEAD in html
    assert re.findall(r"[\w.+-]+@reader\.example", html) == []
    assert "nsubscribe" not in html
    assert "/u/" not in html
    assert "You get this because" not in html


@pytest.mark.parametrize("where", ["online", "inbox"])
def test_a_script_in_a_letter_does_not_run(demo: Demo, page: Page, where: str) -> None:
    """As if one had slipped through all cleaning: the policy of the answer is the last wall."""
    address = EDITION if where == "online" else demo.letter_path(MARIA)
    assert _title_when_infected(page, address, wall=False) == "owned"
    assert _title_when_infected(page, address, wall=True).startswith(LEAD)


def test_a_form_in_a_letter_online_cannot_be_sent(page: Page) -> None:
    form = "<form action='/subscribe' method='post'><button>Win</button></form>"
    _infect(page, EDITION, form, wall=True)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(EDITION)
    page.get_by_role("button", name="Win").click(no_wait_after=True)
    page.wait_for_timeout(300)
    assert "POST" not in sent
    assert urlsplit(page.url).path == EDITION


def _title_when_infected(page: Page, address: str, *, wall: bool) -> str:
    page.unroute_all()
    _infect(
        page,
        address,
        """<script>document.title = "owned"</script>
        <img src="data:," onerror="document.title = 'owned'">""",
        wall=wall,
    )
    page.goto(address)
    return page.title()


def _infect(page: Page, address: str, html: str, *, wall: bool) -> None:
    """Put something into a letter on its way to the browser; `wall` leaves the policy standing."""

    def infect(route: Route) -> None:
        answer = route.fetch()
        body = answer.text().replace("</body>", html + "</body>")
        headers = answer.headers
        if not wall:
            del headers["content-security-policy"]
        route.fulfill(response=answer, body=body, headers=headers)

    page.route(f"**{address}", infect)
