from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.editions.model import Newsletter
from digest.web.own import sibling
from subscribers import leaving, store
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    Standing,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.preferences import Preferences
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import (
    COMMAND,
    Reader,
    Window,
    open_window,
    topics_of,
)
from tests.integration.web_site import KEYS, MARIA, NOON, SITE

S, K = SubscriptionState, ConsentKind
FRIDAY = "Friday 16 January 2026"
SAVED = "Saved. Your next edition comes on Monday 12 January at 07:00, Tortola time."
WHO = f"<b><bdi>{MARIA}</bdi></b>"


@pytest.fixture
def window(sqlite_database: Database) -> Window:
    made = open_window(sqlite_database)
    made.reader.join()
    return made


@pytest.fixture
def maria(window: Window) -> Reader:
    return window.reader


def _checked(page: str) -> list[str]:
    return re.findall(r'name="topic-\w+" value="(\w+)" checked', page)


def _links(page: str, kind: str) -> list[str]:
    """Give the paths of a page's signed links."""
    return re.findall(rf'href="(/{kind}/[^"]+)"', page)


def _erase(database: Database) -> None:
    gone = {"address": None, "address_key": "erased:1", "erased_at": NOON}
    with database.write() as connection:
        connection.execute(sa.update(store.subscriber).values(gone))


# Looking


@pytest.mark.parametrize("state", ["joined", "chosen", "paused", "left", "moved", "erased"])
def test_whatever_follows_the_links_changes_nothing(database: Database, state: str) -> None:
    window = open_window(database)
    maria = window.reader
    maria.join()
    path = maria.path()
    if state == "chosen":
        window.post(path, act="topics", topic="sea")
    elif state == "paused":
        window.post(path, act="pause", weeks="4")
    elif state == "left":
        maria.leave()
    elif state == "moved":
        window.post(f"{path}/twin")
    elif state == "erased":
        _erase(database)
    before = all_rows(database)
    for link in (path, f"{path}/twin", "/p/sample", "/p/sample/twin", "/u/sample"):
        assert window.get(link).status_code == (404 if "sample" in link else 200)
        head = window.client.head(link)
        assert (head.status_code, head.text) == (404 if "sample" in link else 200, "")
        for method in ("OPTIONS", "PUT", "DELETE"):
            assert window.client.request(method, link).status_code == 405
    assert all_rows(database) == before


def test_the_page_shows_whose_it_is_and_every_topic_by_its_own_name(window: Window) -> None:
    page = window.get(window.reader.path())
    assert page.status_code == 200
    assert f"For {WHO}, with us since 9 January 2026." in page.text
    assert "Up to 12 stories, Monday to Friday at 07:00." in page.text
    assert "<span><bdi>Town &amp; Country</bdi></span>" in page.text
    assert "(none ticked means everything)" in page.text
    assert _checked(page.text) == []
    assert "Nothing until Friday 6 February, then it comes again." in page.text
    assert 'min="2026-01-10" max="2027-01-09"' in page.text
    assert page.text.count("btn primary") == 1


def test_titles_from_the_settings_are_only_text(window: Window, maria: Reader) -> None:
    maria.join(WEEKLY)
    page = window.get(maria.path(WEEKLY)).text
    assert "<span><bdi>The week in &lt;pictures&gt;</bdi></span>" in page


def test_no_search_engine_cache_or_other_site_learns_of_a_link(
    window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = window.reader.path()
    for link in (path, f"{path}/twin"):
        page = window.get(link)
        assert '<meta name="robots" content="noindex">' in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
        assert "script" not in page.text
        assert "set-cookie" not in page.headers
    window.post(path, act="topics", topic="sea")
    window.get(path[:-1])
    ours = [line for line in caplog.messages if "HTTP Request" not in line]
    assert not any(path.rpartition("/")[2][:-1] in line for line in ours)


@pytest.mark.parametrize("after", ["", "/twin"])
def test_a_forged_link_gets_the_page_of_damaged_links(window: Window, after: str) -> None:
    stop = window.reader.token(purpose=Purpose.UNSUBSCRIBE)
    for token in ("AAHdamaged", stop, window.reader.token()[:-1]):
        for page in (
            window.get(f"/p/{token}{after}"),
            window.post(f"/p/{token}{after}", act="resume"),
        ):
            assert page.status_code == 404
            assert "This link is damaged" in page.text


@pytest.mark.parametrize("path", ["/p/sample", "/p/sample/twin", "/u/sample"])
def test_the_links_of_a_test_mail_say_that_they_do_nothing(window: Window, path: str) -> None:
    before = all_rows(window.reader.database)
    for page in (window.get(path), window.post(path, **{"List-Unsubscribe": "One-Click"})):
        assert page.status_code == 404
        assert "This link is only a sample" in page.text
    assert all_rows(window.reader.database) == before


# Topics


def test_topics_are_saved_at_once_with_the_proof(window: Window, maria: Reader) -> None:
    done = window.post(maria.path(), act="topics", topic=["sea", "town"])
    assert done.status_code == 200
    assert SAVED in done.text
    assert maria.wants() == ("town", "sea")
    act = Act(NOON, "link", None, "Save topics: Town & Country and Sea")
    assert maria.log()[-1] == Consent(K.TOPICS, DAILY, act)
    assert _checked(done.text) == ["town", "sea"]
    assert _checked(window.get(maria.path()).text) == ["town", "sea"]


@pytest.mark.parametrize("topics", [[], ["town", "sea", "business", "sport"]])
def test_all_topics_or_none_are_everything(
    window: Window, maria: Reader, topics: list[str]
) -> None:
    window.post(maria.path(), act="topics", topic="sea")
    done = window.post(maria.path(), act="topics", topic=topics)
    assert _checked(done.text) == []
    assert maria.standing().topic_mask == 0


def test_a_topic_that_is_not_offered_is_refused_where_it_was_asked(
    window: Window, maria: Reader
) -> None:
    page = window.post(maria.path(), act="topics", topic=["pictures", "\0"])
    assert page.status_code == 422
    assert "<b>Not saved.</b> Choose among the topics that are offered." in page.text
    assert 'aria-describedby="topic-daily-problem"' in page.text
    assert maria.acts() == []


def test_a_newsletter_with_one_section_or_none_asks_for_no_topics(
    sqlite_database: Database,
) -> None:
    window = open_window(sqlite_database)
    window.reader.join()
    first, second = window.context.newsletters
    bare = replace(first, spec=replace(first.spec, sections=first.spec.sections[:1]))
    window = open_window(sqlite_database, newsletters=[bare, second])
    page = window.get(window.reader.path()).text
    assert "Topics" not in page
    assert 'name="topics"' not in page


# Pause


@pytest.mark.parametrize(
    ("fields", "day", "local"),
    [
        ({"weeks": "1"}, FRIDAY, "2026-01-16"),
        ({"weeks": "2"}, "Friday 23 January 2026", "2026-01-23"),
        ({"weeks": "4"}, "Friday 6 February 2026", "2026-02-06"),
        ({"until": "2026-01-10"}, "Saturday 10 January 2026", "2026-01-10"),
        ({"until": "2027-01-09"}, "Saturday 9 January 2027", "2027-01-09"),
    ],
)
def test_a_pause_of_some_weeks_or_until_a_day(
    window: Window, maria: Reader, fields: dict[str, str], day: str, local: str
) -> None:
    done = window.post(maria.path(), act="pause", **fields)
    assert done.status_code == 200
    assert f"Saved. Nothing comes until {day.rpartition(' ')[0]}." in done.text
    assert f"<b>Paused until {day}</b>" in done.text
    until = maria.standing().paused_until
    assert until is not None
    assert f"{until:%Y-%m-%dT%H:%M}" == f"{local}T04:00"
    assert maria.log()[-1].act.text == f"Nothing until {day.rpartition(' ')[0]}."
    page = window.get(maria.path()).text
    assert f"Paused until {day}" in page
    assert page.count("btn primary") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"weeks": "3"},
        {"weeks": "1 "},
        {"until": ""},
        {"until": "2026-01-09"},
        {"until": "2027-01-10"},
        {"until": "2026-02-30"},
        {"until": "9999-12-31"},
        {"until": "20260116"},
        {"until": "\uff12026-01-16"},
        {"until": '"><b>'},
    ],
)
def test_another_day_is_refused_where_it_was_typed(
    window: Window, maria: Reader, fields: dict[str, str]
) -> None:
    page = window.post(maria.path(), act="pause", **fields)
    assert page.status_code == 422
    assert "<b>Not saved.</b> Choose a day from tomorrow on" in page.text
    assert 'aria-invalid="true" aria-describedby="until-daily-problem"' in page.text
    assert "<b>&" not in page.text
    assert maria.acts() == []


def test_a_pause_is_ended_by_its_button(window: Window, maria: Reader) -> None:
    window.post(maria.path(), act="pause", weeks="1")
    done = window.post(maria.path(), act="resume")
    assert SAVED in done.text
    assert maria.states() == {DAILY: S.CONFIRMED}
    again = window.post(maria.path(), act="resume")
    assert again.text == done.text
    assert maria.acts() == [(K.PAUSED, DAILY), (K.RESUMED, DAILY)]


def test_a_pause_that_is_over_is_no_pause(window: Window, maria: Reader) -> None:
    window.post(maria.path(), act="pause", weeks="1")
    later = open_window(maria.database, at=NOON + timedelta(days=7))
    page = later.get(maria.path()).text
    assert "<b>Paused</b>" in page
    assert 'value="published" checked' in page


def test_a_pause_without_an_end_says_so(window: Window, maria: Reader) -> None:
    with maria.database.write() as connection:
        connection.execute(sa.update(store.subscription).values(state=S.PAUSED, confirmed_at=None))
        connection.execute(sa.update(store.subscription).values(requested_at=None))
    page = window.get(maria.path()).text
    assert "<b>Paused</b>" in page
    assert "It comes again when you say so." in page
    assert f"For {WHO}." in page
    assert 'name="until-daily" min="2026-01-10" max="2027-01-09" value=""' in page


@pytest.mark.parametrize("fields", [{}, {"act": ""}, {"act": "ruin"}])
def test_a_form_that_says_no_act_we_know_is_not_read(
    window: Window, maria: Reader, fields: dict[str, str]
) -> None:
    assert window.post(maria.path(), **fields).status_code == 400
    damaged = {"Content-Type": "application/x-www-form-urlencoded; charset=undefined"}
    answer = window.client.post(maria.path(), content=b"act=resume", headers=damaged)
    assert answer.status_code in {200, 400}
    assert maria.acts() == []


# Weekly, and back


def test_the_way_to_the_weekly_and_back(window: Window, maria: Reader) -> None:
    window.post(maria.path(), act="topics", topic=["town", "business"])
    page = window.get(f"{maria.path()}/twin")
    assert "<h1>The Week instead of The Daily Brief?</h1>" in page.text
    assert f"It would come to {WHO}, and The Daily Brief would stop." in page.text
    assert page.text.count("<button") == 1
    done = window.post(f"{maria.path()}/twin")
    assert "<h1>From now on, The Week</h1>" in done.text
    assert "Your topics there: Town &amp; Country." in done.text
    assert "<b>Saturday 10 January at 07:00</b>, Tortola time" in done.text
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    assert maria.log()[-1].act.text == "Switch to The Week"
    preferences, back = _links(done.text, "p")
    assert (preferences, back) == (maria.path(WEEKLY), f"{maria.path(WEEKLY)}/twin")
    assert "The Daily Brief instead of The Week?" in window.get(back).text
    done = window.post(back)
    assert "<h1>From now on, The Daily Brief</h1>" in done.text
    assert "Your topics there: Town &amp; Country and Business." in done.text
    assert maria.states() == {DAILY: S.CONFIRMED, WEEKLY: S.UNSUBSCRIBED}


def test_pressing_twice_is_the_same_as_once(window: Window, maria: Reader) -> None:
    first = window.post(f"{maria.path()}/twin")
    before = all_rows(maria.database)
    second = window.post(f"{maria.path()}/twin")
    assert (second.status_code, second.text) == (first.status_code, first.text)
    assert all_rows(maria.database) == before


def test_who_has_both_is_told_what_would_stop(window: Window, maria: Reader) -> None:
    maria.join(WEEKLY)
    window.post(maria.path(), act="pause", weeks="1")
    page = window.get(f"{maria.path()}/twin").text
    assert "You get it already; The Daily Brief would stop." in page
    assert "Your pause ends with it." in page


def test_a_newsletter_without_a_twin_offers_none(sqlite_database: Database) -> None:
    made = open_window(sqlite_database)
    made.reader.join()
    first, second = made.context.newsletters
    alone = replace(first, spec=replace(first.spec, weekly_twin=None))
    window = open_window(sqlite_database, newsletters=[alone, second])
    path = window.reader.path()
    assert 'value="twin"' not in window.get(path).text
    before = all_rows(sqlite_database)
    for page in (window.get(f"{path}/twin"), window.post(f"{path}/twin")):
        assert page.status_code == 404
        assert "The Daily Brief has no other edition now" in page.text
    assert all_rows(sqlite_database) == before


def test_nobody_moves_past_the_never_mail_list(window: Window, maria: Reader) -> None:
    leaving.suppress(
        maria.database,
        MARIA,
        COMMAND,
        keys=KEYS,
        reason=SuppressionReason.COMPLAINED,
        scope="weekly",
    )
    page = window.post(f"{maria.path()}/twin")
    assert page.status_code == 409
    assert "We may not write to this address" in page.text
    assert maria.states() == {DAILY: S.CONFIRMED}


def _ways(made: Newsletter) -> list[Newsletter]:
    """Give two dailies that lead to one weekly."""
    evening = replace(made, id=3, spec=replace(made.spec, slug="evening"))
    weekly = replace(made, id=2, spec=replace(made.spec, slug="weekly", weekly_twin=None))
    return [made, evening, weekly]


def test_the_way_back_leads_to_the_newsletter_left_last(window: Window, maria: Reader) -> None:
    daily, evening, weekly = _ways(window.context.newsletters[0])
    gone = replace(maria.standing(), state=S.UNSUBSCRIBED, ended_at=NOON)
    later = replace(gone, newsletter_id=3, ended_at=NOON + timedelta(days=1))
    for rows, back in (
        ((), daily),
        ((gone,), daily),
        ((gone, later), evening),
        ((later,), evening),
    ):
        found = Preferences("ab" * 12, WEEKLY, Standing(MARIA, rows))
        assert sibling(weekly, [daily, evening, weekly], found) == back
        assert sibling(evening, [daily, evening, weekly], found) == weekly
    itself = replace(weekly, spec=replace(weekly.spec, weekly_twin="weekly"))
    assert sibling(itself, [itself], found) is None


# Who has left, and who is gone


def test_who_gets_nothing_any_more_sees_how_to_come_back(window: Window, maria: Reader) -> None:
    maria.leave()
    before = all_rows(maria.database)
    path = maria.path()
    acts = ({"act": "resume"}, {"act": "pause", "weeks": "1"}, {"act": "topics", "topic": "sea"})
    more = {"act": "save", "also": ["daily", "weekly"], "format": "text"}
    for page in (window.get(path), *(window.post(path, **act) for act in (*acts, more))):
        assert page.status_code == 200
        assert "<h1>You have left The Daily Brief</h1>" in page.text
        assert '<a class="btn" href="/subscribe">Subscribe again</a>' in page.text
        assert 'value="data"' in page.text
    assert "<h1>You have left The Daily Brief</h1>" in window.get(f"{path}/twin").text
    assert all_rows(maria.database) == before


def test_who_left_one_newsletter_is_shown_what_they_get(window: Window, maria: Reader) -> None:
    maria.join(WEEKLY)
    maria.leave()
    before = all_rows(maria.database)
    acts = ({"act": "resume"}, {"act": "pause", "weeks": "1"}, {"act": "topics", "topic": "sea"})
    path = maria.path()
    for page in (window.get(path), *(window.post(path, **act) for act in acts)):
        assert page.status_code == 200
        assert "You do not get The Daily Brief any more." in page.text
        assert 'name="way-weekly" value="published" checked' in page.text
        assert 'name="also" value="daily">' in page.text
        assert "Saved." not in page.text
    twin = window.get(f"{path}/twin").text
    assert "<h1>You have left The Daily Brief</h1>" in twin
    assert "You get The Week." in twin
    assert all_rows(maria.database) == before


def test_who_has_left_and_has_the_weekly_is_told_what_they_get(
    window: Window, maria: Reader
) -> None:
    maria.join(WEEKLY)
    maria.leave()
    before = all_rows(maria.database)
    assert "<h1>From now on, The Week</h1>" in window.post(f"{maria.path()}/twin").text
    assert all_rows(maria.database) == before


def test_who_never_confirmed_is_told_so(window: Window, maria: Reader) -> None:
    page = window.get(maria.path(WEEKLY))
    assert "You do not get The Week any more." not in page.text
    assert "You do not get The Week." in page.text
    answer = window.post(f"{maria.path(WEEKLY)}/twin")
    assert "<h1>You do not get The Week</h1>" in answer.text
    assert maria.acts() == []


def test_the_link_of_an_erased_reader_says_nothing_of_anybody(
    window: Window, maria: Reader
) -> None:
    path = maria.path()
    _erase(maria.database)
    nobody = f"/p/{KEYS.links.sign(Purpose.PREFERENCES, Grant('ab' * 12, (DAILY,)))}"
    before = all_rows(maria.database)
    pages = [
        *(window.get(each) for each in (path, f"{path}/twin", nobody, f"{nobody}/twin")),
        *(window.post(each, act="resume") for each in (path, nobody)),
        window.post(f"{path}/twin"),
    ]
    assert {(page.status_code, page.text) for page in pages} == {(200, pages[0].text)}
    assert "There is nothing to choose here" in pages[0].text
    assert MARIA not in pages[0].text
    assert all_rows(maria.database) == before


@pytest.mark.parametrize("after", ["", "/twin"])
def test_the_link_of_a_newsletter_that_ended_says_so(
    window: Window, maria: Reader, after: str
) -> None:
    window = open_window(maria.database, newsletters=window.context.newsletters[1:])
    before = all_rows(maria.database)
    for page in (
        window.get(f"{maria.path()}{after}"),
        window.post(f"{maria.path()}{after}", act="resume"),
    ):
        assert page.status_code == 404
        assert "This newsletter is no longer sent" in page.text
    assert all_rows(maria.database) == before


def test_pages_below_a_path_link_below_it(window: Window, maria: Reader) -> None:
    site = replace(SITE, public_url="https://harbour.example/letters")
    window = open_window(maria.database, site=site)
    page = window.get(maria.path()).text
    assert f'href="/letters/u/{maria.token(purpose=Purpose.UNSUBSCRIBE)}"' in page


def test_a_section_of_the_settings_is_a_topic_of_the_database(window: Window) -> None:
    offered = [section.key for section in window.context.newsletters[0].spec.sections]
    assert list(topics_of(window.reader.database, DAILY).bits) == offered
