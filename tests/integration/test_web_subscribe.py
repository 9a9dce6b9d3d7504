from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from digest.db import Database
from subscribers import leaving, store
from subscribers.model import Act, Consent, ConsentKind, SubscriptionState, SuppressionReason
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.web_site import KEYS, MARIA, NOON, Browser, open_browser

S = SubscriptionState


@pytest.fixture
def browser(database: Database) -> Browser:
    return open_browser(database)


def test_the_front_page_is_the_form(browser: Browser) -> None:
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/subscribe")
    page = browser.get("/subscribe").text
    assert "Harbour &lt;Post&gt;, by e-mail" in page
    assert 'value="daily" checked' in page
    assert 'value="weekly"><span>' in page
    assert "Up to 12 stories, Monday to Friday at 07:00." in page
    assert "<script" not in page
    assert "style=" not in page


def test_from_the_form_to_confirmed(browser: Browser) -> None:
    asked = browser.ask(f"Maria <{MARIA}>", "daily", "weekly")
    assert asked.status_code == 200
    assert "Check your inbox" in asked.text
    assert "Check your inbox" in browser.get("/subscribe/check-inbox").text
    (link,) = browser.confirm_links()
    before = all_rows(browser.database)
    page = browser.get(link)
    assert page.text.count("<button") == 1
    assert "Subscribe to The Daily Brief and The Week?" in page.text
    assert browser.client.head(link).status_code == 200
    assert all_rows(browser.database) == before
    confirmed = browser.post(link)
    assert confirmed.status_code == 200
    assert "Monday 12 January at 07:00, Tortola time" in confirmed.text
    assert browser.states() == {DAILY: S.CONFIRMED, WEEKLY: S.CONFIRMED}
    after = all_rows(browser.database)
    assert browser.post(link).text == confirmed.text
    assert all_rows(browser.database) == after


def test_the_form_works_from_another_origin_and_keeps_its_words_as_proof(browser: Browser) -> None:
    foreign = {"Origin": "https://wordpress.example", "Sec-Fetch-Site": "cross-site"}
    answer = browser.post(
        "/subscribe", data={"email": MARIA, "newsletter": "weekly"}, headers=foreign
    )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    with browser.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=MARIA)
        assert reader is not None
        log = store.consents_of(connection, reader.id)
    words = "We will send one e-mail to ask you to confirm. Until you do, you get nothing more"
    act = Act(NOON, "form", None, f"{words} from us.", "https://wordpress.example")
    assert log == [Consent(ConsentKind.ASKED, WEEKLY, act)]


@pytest.mark.parametrize(
    ("fields", "kept", "problem"),
    [
        (
            {"email": "maria at reader", "newsletter": "weekly"},
            'value="maria at reader"',
            "There is no @ in it. Write one address, as in name@example.org.",
        ),
        ({"email": "", "newsletter": "weekly"}, 'value=""', "It is empty."),
        (
            {"email": '"><script>x</script>', "newsletter": "weekly"},
            'value="&#34;&gt;&lt;script&gt;x&lt;/script&gt;"',
            "There is no @ in it.",
        ),
        ({"email": MARIA}, f'value="{MARIA}"', "Choose at least one newsletter."),
        ({"email": MARIA, "newsletter": "other"}, f'value="{MARIA}"', "Choose at least one"),
        (
            {"email": "a@x.example\r\nBcc: b@x.example", "newsletter": "weekly"},
            "Bcc",
            "is no part of an address",
        ),
    ],
)
def test_a_mistake_is_shown_beside_its_field_with_what_was_typed(
    browser: Browser, fields: Mapping[str, str], kept: str, problem: str
) -> None:
    before = all_rows(browser.database)
    answer = browser.post("/subscribe", data=fields)
    assert answer.status_code == 422
    assert kept in answer.text
    assert problem in answer.text
    assert ('value="weekly" checked' in answer.text) == (fields.get("newsletter") == "weekly")
    assert "<script" not in answer.text
    assert all_rows(browser.database) == before


def test_a_robot_that_fills_everything_in_is_told_what_everybody_is_told(browser: Browser) -> None:
    before = all_rows(browser.database)
    answer = browser.post(
        "/subscribe", data={"email": MARIA, "newsletter": "daily", "fax_number": "1"}
    )
    assert all_rows(browser.database) == before
    told = browser.ask(MARIA)
    assert (answer.status_code, answer.content) == (told.status_code, told.content)


def test_known_unknown_and_suppressed_addresses_get_the_same_answer(browser: Browser) -> None:
    browser.join(DAILY, address="known@reader.example")
    asked = browser.join(DAILY, address="left@reader.example")
    browser.post(asked)
    act = Act(NOON, "command")
    reason = SuppressionReason.COMPLAINED
    never = "never@reader.example"
    leaving.suppress(browser.database, never, act, keys=KEYS, reason=reason)
    answers = []
    for name in ("known", "left", "never", "unknown", "unknown"):
        answer = browser.ask(f"{name}@reader.example")
        page = answer.text.replace(f"{name}@reader", "@reader")
        headers = {**answer.headers, "content-length": ""}
        answers.append((answer.status_code, headers, page))
    assert answers == [answers[0]] * 5
    assert len(browser.confirm_links()) == 3  # nobody on the never-mail list, and once a day


@pytest.mark.parametrize("path", ["/confirm", "/u"])
def test_every_forgery_gets_the_same_answer(browser: Browser, path: str) -> None:
    stop = browser.join(DAILY).rpartition("/")[2]
    reader = browser.public_id()
    confirm = KEYS.links.sign(Purpose.CONFIRM, Grant(reader, (DAILY,), NOON))
    other_purpose = confirm if path == "/u" else stop
    mine = stop if path == "/u" else confirm
    before = all_rows(browser.database)
    forged = [
        other_purpose,
        mine[:-1],
        mine + "A",
        mine[:20],
        "x" * 5000,
        "%00",
        "%0d%0aSet-Cookie:x",
    ]
    forged += [mine[:at] + ("A" if mine[at] != "A" else "B") + mine[at + 1 :] for at in range(9)]
    answers = [act(f"{path}/{token}") for token in forged for act in (browser.get, browser.post)]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert {str(sorted(answer.headers.items())) for answer in answers} == {
        str(sorted(answers[0].headers.items()))
    }
    assert "This link is damaged" in answers[0].text
    assert "editor@harbour.example" in answers[0].text
    assert all_rows(browser.database) == before


def test_an_expired_confirmation_says_so_and_offers_the_form(browser: Browser) -> None:
    browser.ask(MARIA)
    issued = NOON - timedelta(days=31)
    grant = Grant(browser.public_id(), (DAILY,), issued)
    link = f"/confirm/{KEYS.links.sign(Purpose.CONFIRM, grant)}"
    for answer in (browser.get(link), browser.post(link)):
        assert answer.status_code == 410
        assert "This link no longer works" in answer.text
        assert 'href="/subscribe"' in answer.text
    assert browser.states() == {DAILY: S.UNCONFIRMED}


def test_a_suppressed_reader_who_confirms_is_told_to_write(browser: Browser) -> None:
    browser.ask(MARIA)
    (link,) = browser.confirm_links()
    act, reason = Act(NOON, "command"), SuppressionReason.BOUNCED
    leaving.suppress(browser.database, MARIA, act, keys=KEYS, reason=reason)
    answer = browser.post(link)
    assert answer.status_code == 409
    assert "We may not write to this address" in answer.text


def test_where_there_is_one_newsletter_a_form_need_not_name_it(sqlite_database: Database) -> None:
    browser = open_browser(sqlite_database, offered=1)
    assert browser.post("/subscribe", data={"email": MARIA}).status_code == 200
    assert browser.states() == {DAILY: S.UNCONFIRMED}
