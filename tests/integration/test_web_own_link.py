"""A fresh link by mail, for who lost theirs; and links that reached us by an earlier address."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.outbox.model import Notice, NoticeKind
from digest.outbox.store import due
from subscribers import leaving
from subscribers.limits import SignupPolicy
from subscribers.model import Act, SuppressionReason
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.web_site import KEYS, MARIA, NOON, SITE, Browser, open_browser

COMMAND = Act(NOON, "command")


@pytest.fixture
def browser(database: Database) -> Browser:
    return open_browser(database)


def _links(browser: Browser) -> list[Notice]:
    with browser.database.read() as connection:
        notices = due(connection, now=NOON + timedelta(days=2), limit=99)
    return [notice for notice in notices if notice.kind is NoticeKind.LINK]


def _ask(browser: Browser, email: str = MARIA) -> str:
    answer = browser.post("/link", data={"email": email})
    assert answer.status_code == 200
    return answer.text


def test_a_known_reader_is_mailed_a_link_that_works(browser: Browser) -> None:
    browser.join(WEEKLY, DAILY)
    page = _ask(browser, f" Maria <{MARIA}> ")
    assert "a fresh link is on its way there" in page
    (notice,) = _links(browser)
    assert notice.to_address == MARIA
    token = KEYS.links.sign(Purpose.PREFERENCES, Grant(browser.public_id(), (DAILY,)))
    assert dict(notice.facts) == {
        "what": "preferences",
        "address": MARIA,
        "link_url": f"{SITE.public_url}/p/{token}",
        "language": "en",
    }
    assert browser.get(f"/p/{token}").status_code == 200


def test_everybody_else_gets_the_same_answer_and_nothing_is_written(browser: Browser) -> None:
    browser.join(DAILY)
    pages = {_ask(browser, MARIA).replace(MARIA, "")}
    never = "never@reader.example"
    browser.join(DAILY, address=never)
    why = SuppressionReason.COMPLAINED
    leaving.suppress(browser.database, never, COMMAND, keys=KEYS, reason=why)
    for address in ("unknown@reader.example", never):
        pages.add(_ask(browser, address).replace(address, ""))
    assert len(pages) == 1
    assert [notice.to_address for notice in _links(browser)] == [MARIA]


def test_who_has_left_may_have_a_link_too(browser: Browser) -> None:
    browser.post(browser.join(DAILY))
    _ask(browser)
    assert len(_links(browser)) == 1


def test_an_address_gets_one_mail_an_hour_from_both_forms_together(database: Database) -> None:
    for minutes, form in (
        (0, "link"),
        (10, "link"),
        (20, "subscribe"),
        (59, "link"),
        (121, "link"),
    ):
        browser = open_browser(database, clock=fixed(NOON + timedelta(minutes=minutes)))
        if minutes == 0:
            browser.join(DAILY)
        fields = {"email": MARIA, "newsletter": "weekly"}
        assert browser.post(f"/{form}", data=fields).status_code == 200
    with database.read() as connection:
        notices = due(connection, now=NOON + timedelta(days=2), limit=99)
    sent = [((each.created_at - NOON) // timedelta(minutes=1), each.kind) for each in notices]
    assert sent == [(0, NoticeKind.LINK), (60, NoticeKind.CONFIRM), (121, NoticeKind.LINK)]


def test_a_day_has_an_end_to_it(database: Database) -> None:
    for hour in range(8):
        browser = open_browser(database, clock=fixed(NOON + timedelta(hours=2 * hour)))
        if hour == 0:
            browser.join(DAILY)
        _ask(browser)
    assert len(_links(browser)) == 4


def test_limits_honeypot_and_bad_addresses_are_as_on_the_other_form(database: Database) -> None:
    browser = open_browser(database, policy=SignupPolicy(in_all=1))
    browser.join(DAILY)
    before = all_rows(database)
    robot = browser.post("/link", data={"email": MARIA, "fax_number": "1"})
    assert "a fresh link is on its way there" in robot.text
    wrong = browser.post("/link", data={"email": "maria"})
    assert wrong.status_code == 422
    assert "There is no @ in it." in wrong.text
    assert 'value="maria"' in wrong.text
    assert all_rows(database) == before
    _ask(browser)
    answer = browser.post("/link", data={"email": MARIA})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")


@pytest.mark.parametrize("path", ["/u/{}", "/p/{}", "/p/{}/twin", "/confirm/{}"])
def test_every_link_that_cannot_be_read_offers_a_fresh_one(browser: Browser, path: str) -> None:
    for token in ("damaged", "", "%00", "x" * 3000):
        if not token and "twin" not in path:
            continue
        answer = browser.get(path.format(token or "sampled"))
        assert answer.status_code == 404
        assert "Type your address, and we mail you a fresh link" in answer.text
        assert 'action="/link"' in answer.text


def test_looking_for_a_link_changes_nothing(browser: Browser) -> None:
    browser.join()
    before = all_rows(browser.database)
    assert "Mail me a link" in browser.get("/link").text
    assert browser.client.head("/link").status_code == 200
    assert all_rows(browser.database) == before


# Addresses before this one


def test_links_of_an_earlier_address_still_work_and_lead_to_this_one(database: Database) -> None:
    former = ("https://old.example/mail", "https://older.example")
    browser = open_browser(database, former_urls=former)
    link = browser.join(DAILY)
    page = browser.get(f"/mail{link}")
    assert "Stop The Daily Brief?" in page.text
    assert 'href="/subscribe"' in page.text
    assert "/mail/" not in page.text
    one_click = browser.post(f"/mail{link}", data={"List-Unsubscribe": "One-Click"})
    assert (one_click.status_code, one_click.text) == (200, "You are unsubscribed.\n")
    assert browser.get("/mail").headers["location"] == "/subscribe"
    assert browser.get("/mail/nothing").status_code == 404


def test_who_asks_for_a_favicon_gets_the_icon(browser: Browser) -> None:
    icon = browser.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
