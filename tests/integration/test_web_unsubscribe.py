from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.outbox.model import NoticeKind
from digest.outbox.store import due
from subscribers import signup, store
from subscribers.departures import Departures
from subscribers.model import Act, SubscriptionState
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import make_four, make_twins
from tests.integration.web_site import KEYS, MARIA, NOON, SITE, Browser, open_browser

S = SubscriptionState


@pytest.fixture
def browser(database: Database) -> Browser:
    return open_browser(database)


def _vias(browser: Browser) -> list[str]:
    with browser.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=MARIA)
        assert reader is not None
        return [line.act.via for line in store.consents_of(connection, reader.id)]


def test_looking_changes_nothing(browser: Browser) -> None:
    link = browser.join()
    before = all_rows(browser.database)
    page = browser.get(link)
    assert page.status_code == 200
    assert "Stop The Daily Brief?" in page.text
    assert f"<b>{MARIA}</b>" in page.text
    assert page.text.count("<button") == 2
    assert "Nothing until Friday 6 February." in page.text
    assert browser.client.head(link).status_code == 200
    assert browser.client.options(link).status_code == 405
    assert browser.client.put(link).status_code == 405
    assert all_rows(browser.database) == before


def test_who_has_left_is_not_told_that_they_are_subscribed(browser: Browser) -> None:
    link = browser.join()
    browser.post(link)
    before = all_rows(browser.database)
    page = browser.get(link)
    assert page.status_code == 200
    assert "<h1>You have left The Daily Brief</h1>" in page.text
    assert "You are subscribed" not in page.text
    assert "<b>The Week</b>" in page.text
    assert all_rows(browser.database) == before
    browser.post(link, data={"everything": "1"})
    assert "<button" not in browser.get(link).text


@pytest.mark.parametrize("kind", ["data", "files"])
def test_one_click_acts_at_once_without_redirect_cookie_or_page(
    browser: Browser, kind: str
) -> None:
    link = browser.join()
    word = "One-Click" if kind == "data" else (None, "One-Click")
    body = {kind: {"List-Unsubscribe": word}}
    first = browser.post(link, **body)
    assert first.status_code == 200
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert first.text == "You are unsubscribed.\n"
    assert "set-cookie" not in first.headers
    assert browser.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    after = all_rows(browser.database)
    second = browser.post(link, **body)
    assert (second.status_code, second.text) == (first.status_code, first.text)
    assert all_rows(browser.database) == after
    assert _vias(browser)[-1] == "one-click"


def test_the_button_says_goodbye_and_offers_to_stop_the_rest(browser: Browser) -> None:
    link = browser.join()
    goodbye = browser.post(link, data={"via": "page"})
    assert goodbye.status_code == 200
    assert "You are unsubscribed" in goodbye.text
    assert "The Week" in goodbye.text
    assert "Stop all letters" in goodbye.text
    assert 'href="/subscribe?newsletter=daily"' in goodbye.text
    assert "All newsletters" in goodbye.text
    assert browser.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    rest = browser.post(link, data={"everything": "1"})
    assert browser.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.UNSUBSCRIBED}
    assert "Stop all letters" not in rest.text
    assert "we no longer send letters to" in rest.text
    assert _vias(browser)[-1] == "link"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "text/plain"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"not a part", "multipart/form-data; boundary=x"),
        (b"not a part", "multipart/form-data"),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--',
            "multipart/form-data; boundary=x; charset=undefined",
        ),
        (b"[1]", "application/json"),
    ],
)
def test_a_damaged_body_is_no_reason_to_go_on_writing(
    browser: Browser, body: bytes, content_type: str
) -> None:
    link = browser.join()
    answer = browser.post(link, content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.text) == (200, "You are unsubscribed.\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert browser.states()[DAILY] is S.UNSUBSCRIBED


def test_the_link_outlives_newsletter_and_reader(browser: Browser) -> None:
    link = browser.join(WEEKLY)
    retired = Grant(browser.public_id(), (99, WEEKLY))
    path = f"/u/{KEYS.links.sign(Purpose.UNSUBSCRIBE, retired)}"
    assert "Stop this newsletter and The Week?" in browser.get(path).text
    assert browser.post(path).status_code == 200
    assert browser.states() == {WEEKLY: S.UNSUBSCRIBED}
    with browser.database.write() as connection:
        gone = {"address": None, "address_key": "erased:1", "erased_at": NOON}
        connection.execute(sa.update(store.subscriber).values(gone))
    before = all_rows(browser.database)
    assert "We will no longer write to you." in browser.get(link).text
    assert browser.post(link).status_code == 200
    assert browser.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert all_rows(browser.database) == before


def test_a_body_without_end_is_refused_and_stops_nothing(browser: Browser) -> None:
    link = browser.join()

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post(link, content=endless(), headers=headers).status_code == 413
    assert browser.states()[DAILY] is S.CONFIRMED


def test_an_address_that_begins_with_the_name_is_not_given_it_twice_below_a_page(
    database: Database,
) -> None:
    plain = replace(SITE, name="Harbour Post")
    said = "<p>Harbour Post, 12 Quay Street</p>"
    for address in ("12 Quay Street", "Harbour Post, 12 Quay Street"):
        browser = open_browser(database, site=replace(plain, postal_address=address))
        assert re.sub(r"</?bdi>", "", browser.get("/privacy").text).count(said) == 1


@pytest.mark.parametrize(
    ("gets", "stops", "promised"),
    [
        ((DAILY,), (DAILY,), "We will no longer write to"),
        ((DAILY, WEEKLY), (DAILY,), "We will no longer send it to"),
        ((DAILY, WEEKLY), (DAILY, WEEKLY), "We will no longer write to"),
        ((DAILY, WEEKLY, 3), (DAILY, WEEKLY), "We will no longer send them to"),
    ],
)
def test_nobody_is_promised_more_silence_than_the_button_brings(
    sqlite_database: Database, gets: tuple[int, ...], stops: tuple[int, ...], promised: str
) -> None:
    browser = open_browser(sqlite_database, newsletters=make_four(sqlite_database))
    browser.join(*gets)
    token = KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant(browser.public_id(), stops))
    page = browser.get(f"/u/{token}").text
    assert re.findall(r"We will no longer \w+(?: \w+)? to", page) == [promised]


# Less often


def test_beside_the_button_a_month_off_and_once_a_week_act_by_one_press(
    database: Database,
) -> None:
    browser = open_browser(database, newsletters=make_twins(database))
    link = browser.join(DAILY)
    page = browser.get(link).text
    token = KEYS.links.sign(Purpose.PREFERENCES, Grant(browser.public_id(), (DAILY,)))
    assert f'<form method="post" action="/p/{token}/twin"' in page
    assert f'<form method="post" action="/p/{token}"' in page
    assert '<input type="hidden" name="weeks" value="4">' in page
    assert "<bdi>The Week</bdi> · Up to 12 stories, every Saturday at 07:00." in page
    assert "Nothing until Friday 6 February." in page
    assert browser.post(f"/p/{token}", data={"act": "pause", "weeks": "4"}).status_code == 200
    assert browser.states() == {DAILY: S.PAUSED}
    paused = browser.get(link).text
    assert "A month off" not in paused
    assert browser.post(f"/p/{token}/twin").status_code == 200
    assert browser.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    assert "Or less often" not in browser.get(link).text


def test_a_link_for_several_newsletters_or_one_that_is_gone_offers_nothing_instead(
    browser: Browser,
) -> None:
    browser.join(DAILY, WEEKLY)
    for ids in ((DAILY, WEEKLY), (99,)):
        grant = Grant(browser.public_id(), ids)
        page = browser.get(f"/u/{KEYS.links.sign(Purpose.UNSUBSCRIBE, grant)}").text
        assert "Unsubscribe" in page
        assert "Or less often" not in page


# Proof and last words


def test_who_leaves_by_a_page_stands_in_the_file_of_departures(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "departures.ndjson"
    browser = open_browser(database, departures=Departures(file))
    browser.post(browser.join(DAILY))
    assert browser.public_id() in file.read_text("utf-8")
    assert browser.states() == {DAILY: S.UNSUBSCRIBED}


@pytest.mark.parametrize(("goodbye", "mails"), [(True, 1), (False, 0)])
def test_one_last_mail_goes_where_the_publisher_wants_it(
    database: Database, *, goodbye: bool, mails: int
) -> None:
    browser = open_browser(database, goodbye=goodbye)
    link = browser.join(DAILY)
    for _ in range(2):
        browser.post(link)
    with database.read() as connection:
        waiting = due(connection, now=NOON, limit=9)
    assert [notice.kind for notice in waiting] == [NoticeKind.GOODBYE] * mails


def test_the_page_speaks_the_language_of_the_readers_letters(sqlite_database: Database) -> None:
    made = [
        replace(each, spec=replace(each.spec, languages=("ar",)))
        for each in make_twins(sqlite_database)
    ]
    browser = open_browser(sqlite_database, newsletters=made)
    link = browser.join(DAILY)
    act = Act(NOON, "command")
    signup.add(sqlite_database, MARIA, [DAILY], act, keys=KEYS, language="ar")
    page = browser.get(link)
    assert '<html lang="ar" dir="rtl">' in page.text
    assert "\u2068The Daily Brief\u2069" in page.text
    assert '<html lang="en" dir="ltr">' in browser.get(f"{link}?language=en").text
    left = browser.post(link, data={"via": "page"})
    assert '<html lang="ar" dir="rtl">' in left.text
    assert 'href="/subscribe?newsletter=daily&amp;language=ar"' in left.text
