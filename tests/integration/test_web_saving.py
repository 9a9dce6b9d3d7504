"""One page for everything, one button: what it shows, saves and refuses."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.db import Database
from subscribers import leaving, preferences, reader_store, signup, store
from subscribers.manner import Manner
from subscribers.model import ConsentKind, SubscriptionState, SuppressionReason
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import COMMAND, Reader, Window, make_four, open_window
from tests.integration.web_site import KEYS, MARIA, NOON

S, K = SubscriptionState, ConsentKind
BUSINESS, BOARD = 3, 4
NAUGHTY = (
    "",
    "\0",
    "\r\nBcc: all@reader.example",
    "a\u2028b",
    "=?utf-8?q?hi=0D=0A?=",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "' OR 1=1 --",
    "%(address)s %s %",
    "\ufffd",
    "\u202e\u2066",
    "=cmd|' /C calc'!A0",
    "١٢٣",
    "x" * 9000,
)
SAVED = "Saved. Your next edition comes on Monday 12 January at 07:00, Tortola time."


@pytest.fixture
def window(sqlite_database: Database) -> Window:
    made = open_window(sqlite_database, newsletters=make_four(sqlite_database))
    made.reader.join()
    return made


@pytest.fixture
def maria(window: Window) -> Reader:
    return window.reader


def _filled(page: str) -> dict[str, list[str]]:
    """Give what a browser would send back of a page that nobody touched."""
    fields: dict[str, list[str]] = {"act": ["save"]}
    form = page[page.index("<form") : page.index("</form>")]
    for found in re.finditer(r"<input ([^>]*)>", form):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', found[1]))
        ticked = told.get("type") not in {"radio", "checkbox"} or found[1].endswith(" checked")
        if ticked and told.get("name"):
            fields.setdefault(told["name"], []).append(told.get("value", ""))
    for name, options in re.findall(
        r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        chosen = re.search(r'<option value="([^"]*)"[^>]* selected', options)
        fields[name] = [chosen[1] if chosen else ""]
    return fields


def _fields(window: Window, **changes: str | list[str]) -> dict[str, list[str]]:
    made = {
        name.replace("_", "-"): [value] if isinstance(value, str) else value
        for name, value in changes.items()
    }
    return _filled(window.get(window.reader.path()).text) | made


def _save(window: Window, **changes: str | list[str]) -> httpx2.Response:
    return window.post(window.reader.path(), **_fields(window, **changes))


def _manner(maria: Reader) -> Manner:
    with maria.database.read() as connection:
        return reader_store.manner_of(connection, maria.public_id)


# Looking


def test_all_that_can_be_chosen_is_on_one_page(window: Window) -> None:
    page = window.get(window.reader.path()).text
    order = [
        *("The Daily Brief</bdi></legend>", "As published", "The Week instead", "Paused"),
        *("Topics", "Also send me", "Business Monday", "When", "Delivery time", "Your time zone"),
        *("How it looks", "The language of your letters", ">Save</button>", "Unsubscribe from"),
        *("Another address", "All we hold about you", "Have it erased"),
    ]
    places = [page.index(words) for words in order]
    assert places == sorted(places)
    assert "Board Letter" not in page
    assert page.count("btn primary") == 1
    assert "<script" not in page
    assert page.count('method="post"') == 3


def test_the_newsletter_of_the_link_comes_first(window: Window, maria: Reader) -> None:
    maria.join(WEEKLY, BUSINESS, BOARD)
    legends = re.findall(
        r'<legend class="label"><bdi>([^<]+)</bdi></legend>', window.get(maria.path(3)).text
    )
    assert legends[:4] == ["Business Monday", "The Daily Brief", "The Week", "Board Letter"]


def test_the_page_speaks_the_readers_language_and_its_direction(
    window: Window, maria: Reader
) -> None:
    _save(window, language="ar")
    page = window.get(maria.path())
    assert '<html lang="ar" dir="rtl">' in page.text
    assert '<option value="ar" lang="ar" dir="rtl" selected>' in page.text
    asked = window.get(f"{maria.path()}?language=de").text
    assert '<html lang="de" dir="ltr">' in asked


def test_every_zone_there_is_can_be_chosen_once(window: Window, maria: Reader) -> None:
    page = window.get(maria.path()).text
    zones = page[page.index('id="zone"') : page.index("</select>", page.index('id="zone"'))]
    names = re.findall(r'<option value="([^"]+)"', zones)
    assert len(names) == len(set(names)) > 400
    assert {"UTC", "Europe/London", "America/Tortola", "Pacific/Auckland"} <= set(names)
    assert "Tortola (\u2066UTC−4\u2069)" in zones  # noqa: RUF001 - as it is written
    assert '<optgroup label="Europe">' in zones


def test_without_hours_languages_or_further_newsletters_nothing_is_asked_about_them(
    sqlite_database: Database,
) -> None:
    window = open_window(sqlite_database)
    window.reader.join(DAILY, WEEKLY)
    page = window.get(window.reader.path()).text
    for absent in ("Also send me", "Delivery time", "Your time zone", "The language of your"):
        assert absent not in page


# Saving


def test_what_nobody_touched_writes_nothing(window: Window, maria: Reader) -> None:
    states: list[dict[str, str | list[str]]] = [
        {},
        {"topics": "daily", "topic_daily": ["sea", "town"], "hour": "420", "zone": "Asia/Aden"},
        {"way_daily": "paused", "until_daily": "2026-02-01"},
        {"also": ["weekly", "business"], "format": "text", "language": "fr"},
    ]
    for changes in states:
        _save(window, **changes)
        before = all_rows(maria.database)
        done = _save(window)
        assert done.status_code == 200
        assert 'role="status"' in done.text
        assert all_rows(maria.database) == before


def test_one_press_saves_newsletters_topics_hour_language_and_format(
    window: Window, maria: Reader
) -> None:
    done = _save(
        window,
        topic_daily=["sea", "sport"],
        also=["business"],
        hour="1110",
        zone="Europe/London",
        format="text",
    )
    assert done.status_code == 200
    assert f'<p class="note" role="status">{SAVED}</p>' in done.text
    assert maria.wants() == ("sea", "sport")
    assert maria.states() == {DAILY: S.CONFIRMED, BUSINESS: S.CONFIRMED}
    assert _manner(maria) == Manner(None, text_only=True, zone="Europe/London", hour=1110)
    assert maria.acts() == [(K.TOPICS, DAILY), (K.CONFIRMED, BUSINESS), (K.MANNER, None)]
    assert [(line.act.via, line.act.text) for line in maria.log()[-3:]] == [
        ("link", "Save topics: Sea and Sport"),
        ("link", "Also send me: Business Monday"),
        ("link", "Save how your letters come"),
    ]
    assert _filled(done.text)["hour"] == ["1110"]
    assert _filled(done.text)["zone"] == ["Europe/London"]
    assert 'value="text" checked' in done.text


def test_what_was_chosen_can_be_taken_back(window: Window, maria: Reader) -> None:
    _save(window, hour="420", zone="UTC", language="fr", format="text")
    assert _manner(maria) == Manner("fr", text_only=True, zone="UTC", hour=420)
    _save(window, hour="", zone="", language="", format="html")
    assert _manner(maria) == Manner()


def test_a_pause_is_saved_with_everything_else(window: Window, maria: Reader) -> None:
    done = _save(window, way_daily="paused", topic_daily="sea")
    assert "Saved. Nothing comes until Friday 6 February." in done.text
    assert maria.states() == {DAILY: S.PAUSED}
    assert maria.wants() == ("sea",)
    done = _save(window, way_daily="published")
    assert SAVED in done.text
    assert maria.states() == {DAILY: S.CONFIRMED}


def test_the_weekly_instead_takes_the_topics_along(window: Window, maria: Reader) -> None:
    done = _save(window, way_daily="twin", topic_daily=["town", "sport"])
    assert "Saved. Your next edition comes on Saturday 10 January at 07:00" in done.text
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    assert maria.wants(WEEKLY) == ("town",)
    assert "You do not get The Daily Brief any more." in done.text
    back = _save(window, way_weekly="twin")
    assert maria.states() == {DAILY: S.CONFIRMED, WEEKLY: S.UNSUBSCRIBED}
    assert maria.wants() == ("town", "sport")
    assert "The Daily Brief</bdi></legend>" in back.text


def test_the_same_form_twice_is_the_same_as_once(window: Window, maria: Reader) -> None:
    fields = _fields(window, way_daily="twin", also=["business"], format="text", topic_daily="sea")
    first = window.post(maria.path(), **fields)
    before = all_rows(maria.database)
    second = window.post(maria.path(), **fields)
    assert (second.status_code, second.text) == (first.status_code, first.text)
    assert all_rows(maria.database) == before


def test_an_old_page_brings_back_nothing_that_was_left(window: Window, maria: Reader) -> None:
    maria.join(BUSINESS)
    fields = _fields(window, topic_daily="sea")
    maria.leave()
    done = window.post(maria.path(), **fields)
    assert done.status_code == 200
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, BUSINESS: S.CONFIRMED}


def test_saving_one_newsletter_says_when_the_next_letter_comes_of_all(
    window: Window, maria: Reader
) -> None:
    done = _save(window, way_daily="paused", also=["weekly"])
    assert "Saved. Your next edition comes on Saturday 10 January at 07:00" in done.text
    maria.leave(WEEKLY)
    with_none = replace(
        window.context.newsletters[0].spec,
        cadence=replace(window.context.newsletters[0].spec.cadence, days=frozenset()),
    )
    first, *others = window.context.newsletters
    bare = open_window(maria.database, newsletters=[replace(first, spec=with_none), *others])
    done = bare.post(maria.path(), act="resume")
    assert '<p class="note" role="status">Saved.</p>' in done.text


def test_an_endless_pause_stays_until_it_is_ended(window: Window, maria: Reader) -> None:
    with maria.database.write() as connection:
        found = replace(maria.standing(), state=S.PAUSED)
        store.save_subscription(connection, found)
    before = all_rows(maria.database)
    done = _save(window)
    assert '<p class="note" role="status">Saved.</p>' in done.text
    assert all_rows(maria.database) == before
    _save(window, way_daily="paused", until_daily="2026-02-01")
    assert maria.standing().paused_until is not None


# What the publisher knows better, or no longer offers


def test_what_was_chosen_elsewhere_stays_until_it_is_changed(window: Window, maria: Reader) -> None:
    for manner in (
        Manner("de-AT", zone="Asia/Kolkata", hour=90),
        Manner("pt", zone="US/Eastern", hour=1439),
        Manner("zz", zone="Atlantis/Capital", hour=0),
    ):
        with maria.database.write() as connection:
            reader_store.save_manner(connection, 1, manner)
        assert _save(window).status_code == 200
        assert _manner(maria) == manner
        assert _save(window, format="text").status_code == 200
        assert _manner(maria) == replace(manner, text_only=True)
        with maria.database.write() as connection:
            reader_store.save_manner(connection, 1, manner)


# What is refused


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"way_daily": "never"}, "way-daily", "Choose one of these."),
        ({"way_daily": ["published", "paused"]}, "way-daily", "Choose one of these."),
        ({"topic_daily": ["sea", "pictures"]}, "topic-daily", "Choose among the topics"),
        ({"also": ["board"]}, "also", "Choose among the newsletters that are offered."),
        ({"also": ["business", "nothing"]}, "also", "Choose among the newsletters"),
        ({"way_daily": "paused", "until_daily": "yesterday"}, "until-daily", "Choose a day"),
        ({"way_daily": "paused", "until_daily": "2026-01-09"}, "until-daily", "Choose a day"),
        ({"way_daily": "paused", "until_daily": "9999-12-31"}, "until-daily", "Choose a day"),
        ({"way_daily": "paused", "until_daily": "0001-01-01"}, "until-daily", "Choose a day"),
        ({"hour": "421"}, "hour", "Choose one of these."),
        ({"hour": "７"}, "hour", "Choose one of these."),  # noqa: RUF001 - a full-width digit
        ({"hour": ["420", "1110"]}, "hour", "Choose one of these."),
        ({"zone": "Atlantis/Capital"}, "zone", "Choose one of these."),
        ({"zone": "../../etc/passwd"}, "zone", "Choose one of these."),
        ({"zone": "posixrules"}, "zone", "Choose one of these."),
        ({"language": "pt"}, "language", "Choose one of these."),
        ({"format": "pdf"}, "format", "Choose one of these."),
    ],
)
def test_what_is_not_offered_is_refused_at_its_field_and_nothing_is_lost(
    window: Window, maria: Reader, changes: dict[str, str | list[str]], field: str, words: str
) -> None:
    before = all_rows(maria.database)
    good: dict[str, str | list[str]] = {
        "topic_daily": ["town"],
        "also": ["business"],
        "hour": "420",
        "language": "de",
        "format": "text",
    }
    page = _save(window, **(good | changes))
    assert page.status_code == 422
    assert "<title>Please check the form" in page.text
    assert f'id="{field}-problem"><b>Not saved.</b> {words}' in page.text
    assert f'aria-describedby="{field}-problem"' in page.text
    assert "Saved." not in page.text
    kept = _filled(page.text)
    for name, value in good.items():
        if name not in changes:
            assert kept[name.replace("_", "-")] == ([value] if isinstance(value, str) else value)
    assert all_rows(maria.database) == before


def test_what_may_never_be_mailed_is_refused_where_it_was_ticked(
    window: Window, maria: Reader
) -> None:
    complained = SuppressionReason.COMPLAINED
    leaving.suppress(maria.database, MARIA, COMMAND, keys=KEYS, reason=complained, scope="weekly")
    before = all_rows(maria.database)
    page = _save(window, also=["weekly"], format="text")
    assert page.status_code == 422
    assert 'id="also-problem"><b>Not saved.</b> We may not send this' in page.text
    page = _save(window, way_daily="twin", format="text")
    assert page.status_code == 422
    assert 'id="also-problem"' in page.text
    assert all_rows(maria.database) == before


def test_two_that_would_take_each_others_place_are_refused(window: Window, maria: Reader) -> None:
    maria.join(WEEKLY)
    before = all_rows(maria.database)
    page = _save(window, way_daily="twin", way_weekly="twin")
    assert page.status_code == 422
    assert page.text.count("Choose one of these.") == 2
    assert all_rows(maria.database) == before


@pytest.mark.parametrize("naughty", NAUGHTY)
def test_naughty_strings_in_every_field_are_no_crash(
    window: Window, maria: Reader, naughty: str
) -> None:
    names = ["way-daily", "until-daily", "topics", "topic-daily", "also", "hour", "zone"]
    before = all_rows(maria.database)
    for name in (*names, "language", "format"):
        fields = _fields(window) | {name: [naughty]}
        if name == "until-daily":
            fields["way-daily"] = ["paused"]
        page = window.post(maria.path(), **fields)
        assert page.status_code in {200, 422}
        assert "<script>alert" not in page.text
    assert window.post(maria.path(), act=naughty).status_code == 400
    assert window.post(maria.path(), act="address", email=naughty).status_code == 422
    assert all_rows(maria.database) == before


_NAMES = ["act", "way-daily", "way-weekly", "until-daily", "topics", "topic-daily", "also", "hour"]
_VALUES = ["save", "paused", "twin", "published", "daily", "sea", "weekly", "2026-01-16", "420", ""]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([*_NAMES, "zone", "language", "format"]),
        st.lists(st.one_of(st.sampled_from(_VALUES), st.text(max_size=9)), max_size=3),
    )
)
def test_whatever_is_posted_is_answered(window: Window, fields: dict[str, list[str]]) -> None:
    page = window.post(window.reader.path(), **{"act": ["save"], **fields})
    assert page.status_code in {200, 400, 422}


# Whose link it is


def test_a_link_of_one_reader_never_acts_for_another(window: Window, maria: Reader) -> None:
    signup.add(maria.database, "nina@reader.example", [DAILY], COMMAND, keys=KEYS)
    with maria.database.read() as connection:
        nina = store.find_subscriber(connection, address_key="nina@reader.example")
    assert nina is not None
    path = f"/p/{KEYS.links.sign(Purpose.PREFERENCES, Grant(nina.public_id, (DAILY,)))}"
    mine = maria.standing()
    page = window.post(path, **_fields(window, topic_daily="sea", format="text"))
    assert "nina@reader.example" in page.text
    assert MARIA not in page.text
    assert (maria.standing(), _manner(maria)) == (mine, Manner())
    stop = maria.token(purpose=Purpose.UNSUBSCRIBE)
    assert window.post(f"/p/{stop}", **_fields(window, format="text")).status_code == 404
    assert _manner(maria) == Manner()


def test_the_ways_out_are_of_each_newsletter_and_of_all(window: Window, maria: Reader) -> None:
    maria.join(BUSINESS)
    page = window.get(maria.path()).text
    links = re.findall(r'href="/u/([^"]+)">([^<]+)<', page)
    named = {words: KEYS.links.read(Purpose.UNSUBSCRIBE, token) for token, words in links}
    assert {words: grant.newsletter_ids for words, grant in named.items()} == {
        "Unsubscribe from The Daily Brief": (DAILY,),
        "Unsubscribe from Business Monday": (BUSINESS,),
        "Unsubscribe from everything": (DAILY, BUSINESS),
    }
    everything = next(token for token, words in links if words.endswith("everything"))
    window.post(f"/u/{everything}", via="page")
    assert set(maria.states().values()) == {S.UNSUBSCRIBED}


def test_a_page_of_months_ago_saves_what_is_still_there(window: Window, maria: Reader) -> None:
    """A pause that was put there by the page of an earlier day is no reason to refuse the rest."""
    fields = _fields(window, format="text")
    later = open_window(
        maria.database,
        at=NOON + timedelta(days=200),
        newsletters=make_four(maria.database),
    )
    assert later.post(maria.path(), **fields).status_code == 200
    assert _manner(maria).text_only
    found = preferences.show(maria.database, maria.token(), keys=KEYS)
    assert found.manner == Manner(text_only=True)
