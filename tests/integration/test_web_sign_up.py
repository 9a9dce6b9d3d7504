"""Our own form: its time, its questions, its limits, and an answer that tells nothing."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx2
import pytest

from digest.clock import fixed
from digest.db import Database
from digest.editions.model import Newsletter, Section
from digest.editions.store import sync_newsletters, topic_bits
from subscribers import store
from subscribers.form_time import sign_form_time
from subscribers.limits import SignupPolicy
from subscribers.model import SubscriptionState as S
from subscribers.topics import Topics
from tests.integration.newsletters import DAILY, WEEKLY, all_rows, make_newsletters, spec
from tests.integration.preference_site import make_twins
from tests.integration.web_site import KEYS, MARIA, NOON, SITE, Browser, open_browser

AN_HOUR_AGO = NOON - timedelta(hours=1)
RIPE = sign_form_time(KEYS.links, NOON - timedelta(seconds=3))
FIELDS = {"email": MARIA, "newsletter": "daily", "form_time": RIPE}
PRESS = "Please press once more"


@pytest.fixture
def browser(database: Database) -> Browser:
    return open_browser(database)


def _twins(database: Database) -> Browser:
    return open_browser(database, newsletters=make_twins(database))


def _topics(database: Database, newsletter: Newsletter) -> tuple[str, ...]:
    """Give the topics that Maria asked for; all of them where she named none."""
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=MARIA)
        assert reader is not None
        standing = store.find_subscription(connection, reader.id, newsletter.id)
        bits = topic_bits(connection, newsletter.id)
    assert standing is not None
    keys = tuple(section.key for section in newsletter.spec.sections)
    return Topics(bits, keys).chosen(standing.topic_mask)


def _fields(page: httpx2.Response) -> dict[str, list[str]]:
    """Read the hidden fields of a page, as a browser would send them."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text):
        found.setdefault(name, []).append(unescape(value))
    return found


# When it was shown


def test_our_form_carries_its_time_and_is_taken_when_it_was_read(browser: Browser) -> None:
    shown = _fields(browser.get("/subscribe"))
    young = browser.post("/subscribe", data={**FIELDS, **shown})
    assert (young.status_code, PRESS in young.text) == (422, True)
    assert browser.confirm_links() == []
    later = open_browser(browser.database, clock=fixed(NOON + timedelta(seconds=3)))
    assert later.post("/subscribe", data={**FIELDS, **shown}).status_code == 200
    assert later.states() == {DAILY: S.UNCONFIRMED}


@pytest.mark.parametrize(
    "form_time",
    [
        sign_form_time(KEYS.links, NOON),
        sign_form_time(KEYS.links, NOON - timedelta(days=1, seconds=1)),
        RIPE[:-1] + ("A" if RIPE[-1] != "A" else "B"),
        "",
        "x" * 5000,
        "\r\nBcc: x",
    ],
)
def test_a_form_in_no_time_too_late_or_forged_is_asked_for_one_more_press(
    browser: Browser, form_time: str
) -> None:
    before = all_rows(browser.database)
    fields = {**FIELDS, "newsletter": ["weekly"], "form_time": form_time}
    answer = browser.post("/subscribe", data=fields)
    assert answer.status_code == 422
    assert PRESS in answer.text
    assert f'value="{MARIA}"' in answer.text
    assert 'value="weekly" checked' in answer.text
    assert 'value="daily" checked' not in answer.text
    assert all_rows(browser.database) == before
    assert _fields(answer)["form_time"] == [sign_form_time(KEYS.links, NOON)]


# What it asks


def test_topics_are_asked_by_newsletter_and_kept_until_they_are_confirmed(
    database: Database,
) -> None:
    browser, (daily, weekly) = _twins(database), make_twins(database)
    page = browser.get("/subscribe").text
    assert "Topics of The Daily Brief" in page
    assert 'name="topic" value="weekly:pictures"' in page
    assert "Town &amp; Country" in page
    fields = {
        **FIELDS,
        "newsletter": ["daily", "weekly"],
        "topics": "asked",
        "topic": ["daily:sea", "daily:sport", "daily:none", "weekly:pictures"],
    }
    assert browser.post("/subscribe", data=fields).status_code == 200
    assert _topics(database, daily) == ("sea", "sport")
    assert _topics(database, weekly) == ("pictures",)


def test_no_topic_is_everything_but_a_form_that_asks_for_none_leaves_what_was(
    database: Database,
) -> None:
    browser, (daily, _) = _twins(database), make_twins(database)
    browser.post("/subscribe", data={**FIELDS, "topic": "sea"})
    assert _topics(database, daily) == ("sea",)
    browser.post("/subscribe", data=FIELDS)
    assert _topics(database, daily) == ("sea",)
    browser.post("/subscribe", data={**FIELDS, "topics": "asked"})
    assert _topics(database, daily) == ("town", "sea", "business", "sport")


def test_once_a_week_asks_for_the_weekly_twin_with_the_same_topics(database: Database) -> None:
    browser, (_, weekly) = _twins(database), make_twins(database)
    page = browser.get("/subscribe").text
    assert "How often" in page
    assert "The Week, in one e-mail" in page
    fields = {**FIELDS, "often": "weekly", "topics": "asked", "topic": "daily:sea"}
    asked = browser.post("/subscribe", data=fields)
    assert "Please confirm: The Week" in asked.text
    assert browser.states() == {WEEKLY: S.UNCONFIRMED}
    assert _topics(database, weekly) == ("sea",)


def test_newsletters_with_the_same_topics_share_one_list(sqlite_database: Database) -> None:
    sections = (Section("sea", "Sea"), Section("town", "Town"))
    make_newsletters(sqlite_database)
    specs = [replace(spec(name, name, frozenset({1})), sections=sections) for name in "ab"]
    with sqlite_database.write() as connection:
        made = sync_newsletters(connection, specs, now=NOON)
    browser = open_browser(sqlite_database, newsletters=made)
    page = browser.get("/subscribe").text
    assert page.count('name="topic"') == 2
    assert "Topics <span" in page
    browser.post("/subscribe", data={**FIELDS, "newsletter": ["a", "b"], "topic": ["a:sea"]})
    assert [_topics(sqlite_database, each) for each in made] == [("sea",), ("sea",)]


def test_a_newsletter_that_is_not_offered_is_as_unknown_as_one_that_is_not(
    database: Database,
) -> None:
    made = make_twins(database)
    private = replace(made[1], spec=replace(made[1].spec, offered=False))
    browser = open_browser(database, newsletters=[made[0], private])
    for path in ("/subscribe?newsletter={}", "/subscribe/form?newsletter={}", "/{}"):
        told = browser.get(path.format("weekly")), browser.get(path.format("no-such"))
        assert told[0].status_code == told[1].status_code
        assert told[0].content == told[1].content
        assert "The Week" not in told[0].text
    before = all_rows(database)
    answers = [
        browser.post("/subscribe", data={**FIELDS, "newsletter": slug})
        for slug in ("weekly", "no-such")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].content == answers[1].content
    assert all_rows(database) == before
    browser.post("/subscribe", data={**FIELDS, "often": "weekly"})
    assert browser.states() == {DAILY: S.UNCONFIRMED}
    assert "How often" not in browser.get("/subscribe").text


def test_the_address_of_the_form_may_name_newsletters(browser: Browser) -> None:
    page = browser.get("/subscribe?newsletter=weekly&newsletter=%00").text
    assert 'value="weekly" checked' in page
    assert 'value="daily" checked' not in page


def test_a_single_newsletter_is_no_question(sqlite_database: Database) -> None:
    browser = open_browser(sqlite_database, offered=1)
    page = browser.get("/subscribe")
    assert 'type="checkbox"' not in page.text
    assert _fields(page)["newsletter"] == ["daily"]
    assert "Up to 12 stories, Monday to Friday at 07:00." in page.text


# Addresses


def test_a_slip_is_asked_about_and_both_answers_work(browser: Browser) -> None:
    fields = {**FIELDS, "email": "maria@gmial.com"}
    asked = browser.post("/subscribe", data=fields)
    assert asked.status_code == 422
    assert "Did you mean" in asked.text
    assert 'value="maria@gmial.com"' in asked.text
    assert 'name="spelling" value="maria@gmail.com"' in asked.text
    assert 'name="spelling" value="as-typed"' in asked.text
    assert browser.confirm_links() == []
    meant = browser.post("/subscribe", data={**fields, "spelling": "maria@gmail.com"})
    assert meant.status_code == 200
    assert "maria@gmail.com" in meant.text
    assert browser.states("maria@gmail.com") == {DAILY: S.UNCONFIRMED}
    kept = {**fields, "email": "maria@gmal.com", "spelling": "as-typed"}
    lenient = open_browser(
        browser.database, policy=SignupPolicy(disposable=SignupPolicy().disposable.ALLOW)
    )
    assert lenient.post("/subscribe", data=kept).status_code == 200
    assert browser.states("maria@gmal.com") == {DAILY: S.UNCONFIRMED}


def test_a_mailbox_that_is_thrown_away_is_refused_at_its_field(browser: Browser) -> None:
    answer = browser.post("/subscribe", data={**FIELDS, "email": "x@mailinator.com"})
    assert answer.status_code == 422
    assert "A mailbox there is thrown away after a while." in answer.text


# Afterwards


def test_it_can_be_sent_again_and_the_next_mail_waits_for_the_hour(database: Database) -> None:
    first = open_browser(database, newsletters=make_twins(database), clock=fixed(AN_HOUR_AGO))
    ripe = sign_form_time(KEYS.links, AN_HOUR_AGO - timedelta(seconds=3))
    fields = {**FIELDS, "form_time": ripe, "topic": ["daily:sea"], "often": "weekly"}
    page = first.post("/subscribe", data=fields)
    again = _fields(page)
    assert again == {
        "email": [MARIA],
        "newsletter": ["daily"],
        "topic": ["daily:sea"],
        "often": ["weekly"],
        "spelling": ["as-typed"],
        "form_time": [sign_form_time(KEYS.links, AN_HOUR_AGO)],
    }
    assert "Send it again" in page.text
    soon = open_browser(
        database,
        newsletters=make_twins(database),
        clock=fixed(AN_HOUR_AGO + timedelta(minutes=6)),
    )
    assert len(soon.confirm_links()) == 1
    assert soon.post("/subscribe", data=again).status_code == 200
    assert len(soon.confirm_links()) == 2  # due by noon, an hour after the first


def test_without_double_opt_in_everybody_is_thanked_alike(database: Database) -> None:
    policy = SignupPolicy(double_opt_in=False)
    browser = open_browser(database, policy=policy)
    browser.join(DAILY, address="known@reader.example")
    pages = []
    for name in ("known", "fresh"):
        answer = browser.post("/subscribe", data={**FIELDS, "email": f"{name}@reader.example"})
        assert answer.status_code == 200
        assert "Thank you" in answer.text
        pages.append(answer.text.replace(name, ""))
    assert pages[0] == pages[1]
    assert browser.states("fresh@reader.example") == {DAILY: S.CONFIRMED}
    (welcome,) = browser.welcomes()
    assert welcome.to_address == "fresh@reader.example"
    assert "We write to this address to greet you." in browser.get("/subscribe").text


# Limits


def test_too_many_are_told_when_to_come_again(database: Database) -> None:
    browser = open_browser(database, policy=SignupPolicy(in_all=2))
    for name in "ab":
        assert browser.ask(f"{name}@reader.example").status_code == 200
    before = all_rows(database)
    answer = browser.ask("c@reader.example")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3600"
    assert "Too many at once" in answer.text
    assert all_rows(database) == before


def test_known_and_unknown_addresses_take_the_same_time_and_get_the_same_bytes(
    sqlite_database: Database,
) -> None:
    floor = timedelta(milliseconds=100)
    policy = SignupPolicy(per_network=1000)
    browser = open_browser(sqlite_database, answer_after=floor, policy=policy)
    for n in range(100):
        browser.join(DAILY, address=f"known{n:03}@reader.example")
    took: dict[str, list[float]] = {"known": [], "fresh": []}
    pages: set[bytes] = set()

    async def ask(client: httpx2.AsyncClient, kind: str, n: int) -> None:
        name = f"{kind}{n:03}"
        fields = {**FIELDS, "email": f"{name}@reader.example"}
        began = time.perf_counter()
        answer = await client.post("/subscribe", data=fields)
        took[kind].append(time.perf_counter() - began)
        assert answer.status_code == 200
        pages.add(answer.content.replace(name.encode(), b""))

    async def ask_all() -> None:
        transport = httpx2.ASGITransport(browser.client.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
            for n in range(0, 100, 2):  # two of each at a time
                asking = [ask(client, kind, n + more) for more in (0, 1) for kind in took]
                await asyncio.gather(*asking[:: 1 if n % 4 else -1])

    asyncio.run(ask_all())
    assert len(pages) == 1
    known, fresh = statistics.median(took["known"]), statistics.median(took["fresh"])
    assert min(*took["known"], *took["fresh"]) >= floor.total_seconds()
    assert abs(known - fresh) < 0.01


# Languages


@pytest.fixture
def abroad(sqlite_database: Database) -> Browser:
    """A site whose letters come in five languages."""
    made = [
        replace(each, spec=replace(each.spec, languages=("de", "es", "fr", "ar")))
        for each in make_twins(sqlite_database)
    ]
    return open_browser(sqlite_database, newsletters=made)


@pytest.mark.parametrize(
    ("query", "accepted", "tag", "direction"),
    [
        ("", "", "en", "ltr"),
        ("?language=ar", "de", "ar", "rtl"),
        ("", "pt, fr-CA;q=0.9", "fr", "ltr"),
        ("?language=xx", "", "en", "ltr"),
    ],
)
def test_every_page_and_error_speaks_the_language_of_who_asks(
    abroad: Browser, query: str, accepted: str, tag: str, direction: str
) -> None:
    for path in ("/subscribe", "/link", "/privacy", "/u/x", "/none", "/confirm/x"):
        page = abroad.get(path + query, headers={"Accept-Language": accepted}).text
        assert f'<html lang="{tag}" dir="{direction}">' in page
        assert page.count('hreflang="') == 5
        assert f'hreflang="{tag}" dir="{direction}" aria-current="true"' in page


def test_the_language_of_a_form_is_kept_and_becomes_that_of_the_letters(abroad: Browser) -> None:
    shown = _fields(abroad.get("/subscribe?language=de"))
    assert shown["language"] == ["de"]
    answer = abroad.post("/subscribe", data={**FIELDS, "language": "de"})
    assert '<html lang="de"' in answer.text
    assert _fields(answer)["language"] == ["de"]
    with abroad.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=MARIA)
    assert reader is not None
    assert reader.language == "de"
    (link,) = abroad.confirm_links()
    assert '<html lang="de"' in abroad.get(link).text
    assert '<html lang="ar" dir="rtl"' in abroad.get(f"{link}?language=ar").text
    assert '<html lang="de"' in abroad.post(link).text


def test_a_site_of_one_language_offers_no_other(browser: Browser) -> None:
    page = browser.get("/subscribe?language=de")
    assert "hreflang" not in page.text
    assert "language=" not in page.text


# The form for other sites


def test_the_form_to_paste_asks_for_what_it_is_told_to(database: Database) -> None:
    browser = _twins(database)
    one = unescape(browser.get("/subscribe/form").text)
    assert f'<form action="{SITE.public_url}/subscribe" method="post"' in one
    assert '<input type="hidden" name="newsletter" value="daily">' in one
    assert "topic" not in one.partition("<textarea")[2]
    asked = "/subscribe/form?newsletter=daily&newsletter=weekly&topics=asked"
    both = unescape(unescape(browser.get(asked).text)).partition("<textarea")[2]
    assert '<input type="checkbox" name="newsletter" value="weekly" checked> The Week' in both
    assert 'name="topic" value="daily:sport"> Sport' in both
    assert 'name="topics" value="asked"' in both
    assert "<script" not in both
    assert "form_time" not in both


def test_nothing_named_in_the_form_to_paste_can_leave_its_box(sqlite_database: Database) -> None:
    make_newsletters(sqlite_database)
    evil = "</textarea><script>x</script>"
    with sqlite_database.write() as connection:
        made = sync_newsletters(
            connection,
            [spec("evil", evil, frozenset({1})), spec("b", "B", frozenset({1}))],
            now=datetime(2026, 1, 1, tzinfo=UTC),
        )
    browser = open_browser(sqlite_database, newsletters=made)
    page = browser.get("/subscribe/form?newsletter=evil&newsletter=b").text
    assert page.count("</textarea>") == 1
    assert "<script" not in page
