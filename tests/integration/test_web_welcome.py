"""The mail to a new reader, from the press on the button to the words in it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from digest.composition.compose import compose_notice
from digest.composition.environment import load_templates
from digest.composition.language import ENGLISH
from digest.db import Database
from digest.editions.model import MAIN_SLOT, EditionState, Slot, Window
from digest.editions.store import change_state, insert_edition, latest_editions
from subscribers import leaving
from subscribers.model import Act, SuppressionReason
from subscribers.model import SubscriptionState as S
from tests.integration.newsletters import DAILY, WEEKLY, make_newsletters
from tests.integration.web_site import KEYS, MARIA, NOON, SITE, Browser, open_browser

FRIDAY = date(2026, 1, 9)


@pytest.fixture
def browser(sqlite_database: Database) -> Browser:
    return open_browser(sqlite_database)


def _edition(
    database: Database,
    newsletter_id: int,
    state: EditionState,
    *,
    days_ago: int = 0,
    name: str = MAIN_SLOT,
) -> None:
    newsletter = make_newsletters(database)[newsletter_id - 1]
    at = NOON - timedelta(days=days_ago)
    slot = Slot(FRIDAY - timedelta(days=days_ago), at, at, name=name)
    window = Window(at - timedelta(days=1), at)
    with database.write() as connection:
        made = insert_edition(
            connection, newsletter, slot, window=window, prepared_at=at, expires_at=None
        )
        change_state(connection, made.id, expect=[EditionState.DRAFT], to=state)


def _confirm(browser: Browser, *newsletters: str, presses: int = 1) -> None:
    browser.ask(MARIA, *newsletters)
    (link,) = browser.confirm_links()
    for _ in range(presses):
        assert browser.post(link).status_code == 200


def test_who_confirms_is_welcomed_by_one_mail_however_often_they_press(browser: Browser) -> None:
    _edition(browser.database, DAILY, EditionState.SENT, days_ago=1)
    _edition(browser.database, WEEKLY, EditionState.SENT, days_ago=6)
    _confirm(browser, "daily", "weekly", presses=3)
    (notice,) = browser.welcomes()
    facts = dict(notice.facts)
    leave, choose = str(facts.pop("unsubscribe_url")), str(facts.pop("preferences_url"))
    assert facts == {
        "newsletter": ["The Daily Brief", "The Week"],
        "address": MARIA,
        "language": "en",
        "letters": [
            ["The Daily Brief", "2026-01-12T11:00:00+00:00", "America/Tortola"],
            ["The Week", "2026-01-10T11:00:00+00:00", "America/Tortola"],
        ],
        "latest_url": "https://letters.harbour.example/daily/2026-01-08",
    }
    page = browser.get(leave.removeprefix(SITE.public_url)).text
    assert "The Daily Brief and The Week" in page
    assert browser.get(choose.removeprefix(SITE.public_url)).status_code == 200


def test_looking_at_the_button_welcomes_nobody(browser: Browser) -> None:
    browser.ask(MARIA, "daily")
    (link,) = browser.confirm_links()
    browser.get(link)
    browser.client.head(link)
    assert browser.welcomes() == []


def test_the_way_out_in_the_welcome_stops_what_was_joined_by_it(browser: Browser) -> None:
    _confirm(browser, "daily", "weekly")
    (notice,) = browser.welcomes()
    way_out = str(notice.facts["unsubscribe_url"]).removeprefix(SITE.public_url)
    one_click = browser.post(way_out, data={"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 200
    assert browser.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.UNSUBSCRIBED}


def test_readers_added_by_the_publisher_or_never_to_be_mailed_are_not_welcomed(
    browser: Browser,
) -> None:
    browser.join(DAILY, address="added@reader.example")
    browser.ask(MARIA)
    (link,) = browser.confirm_links()
    act = Act(NOON, "command")
    leaving.suppress(browser.database, MARIA, act, keys=KEYS, reason=SuppressionReason.COMPLAINED)
    assert browser.post(link).status_code == 409
    assert browser.welcomes() == []


def test_the_welcome_says_what_comes_when_how_to_leave_and_whom_to_reply_to(
    browser: Browser,
) -> None:
    _edition(browser.database, DAILY, EditionState.SENDING)
    _confirm(browser, "daily")
    (notice,) = browser.welcomes()
    made = compose_notice(
        notice.kind,
        notice.facts,
        site=SITE,
        language=ENGLISH,
        environment=load_templates(),
    )
    assert made.subject == "Welcome to The Daily Brief"
    leave, choose = notice.facts["unsubscribe_url"], notice.facts["preferences_url"]
    assert (
        made.text
        == f"""\
HARBOUR <POST>
<https://harbour.example>
========================================================================

Welcome to The Daily Brief

From now on it comes to maria@reader.example: for the first time on
Monday 12 January at 07:00, Tortola time.

Until then, here is the latest edition.

Read the latest edition
<https://letters.harbour.example/daily/2026-01-09>

Every letter ends with a link to leave: one press, and it stops at once.

Something to say? Simply reply to any of them, and a person reads it:
<mailto:editor@harbour.example>

------------------------------------------------------------------------

Unsubscribe
<{leave}>

Pause, or choose your topics
<{choose}>

12 Quay Street

Privacy. We do not track whether you open this.
<https://letters.harbour.example/privacy>
"""
    )


def test_the_latest_letters_are_the_newest_public_ones_newest_first(database: Database) -> None:
    make_newsletters(database)
    _edition(database, WEEKLY, EditionState.SENT, days_ago=6)
    _edition(database, DAILY, EditionState.SENT, days_ago=2)
    _edition(database, DAILY, EditionState.SENDING, days_ago=1)
    _edition(database, DAILY, EditionState.SENDING, days_ago=1, name="evening")
    _edition(database, DAILY, EditionState.HELD)
    public = (EditionState.SENDING, EditionState.SENT)
    with database.read() as connection:
        both = latest_editions(connection, (DAILY, WEEKLY, 99), public)
        weekly = latest_editions(connection, (WEEKLY,), public)
        none = latest_editions(connection, (), public)
    assert [each.address for each in both] == ["daily/2026-01-08/evening", "weekly/2026-01-03"]
    assert weekly == both[1:]
    assert none == []
