from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.errors import TokenError
from subscribers import leaving, preferences, signup, store
from subscribers.address import AddressRefusedError
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    Outcome,
    Standing,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.preferences import Preferences
from subscribers.tokens import Grant, Purpose
from subscribers.wishes import PreferenceError
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import COMMAND, Reader, make_twins, topics_of
from tests.integration.web_site import KEYS, MARIA, NOON

S, K = SubscriptionState, ConsentKind
LINK = Act(NOON + timedelta(hours=1), "link", "192.0.2.7", "Save")
LATER = replace(LINK, at=NOON + timedelta(hours=2))
ZONE = "America/Tortola"
TO_THE_SIXTEENTH = datetime(2026, 1, 16, 4, tzinfo=UTC)
"""Midnight in Tortola."""


@pytest.fixture
def maria(database: Database) -> Reader:
    make_twins(database)
    reader = Reader(database)
    reader.join()
    return reader


def _choose(maria: Reader, *keys: str, newsletter_id: int = DAILY, act: Act = LINK) -> Outcome:
    return preferences.choose_topics(
        maria.database,
        maria.token(newsletter_id),
        act,
        keys=KEYS,
        topics=topics_of(maria.database, newsletter_id),
        chosen=keys,
    )


def _pause(maria: Reader, until: date = date(2026, 1, 16), *, zone: str = ZONE) -> Outcome:
    token = maria.token()
    return preferences.pause(maria.database, token, LINK, keys=KEYS, until=until, zone=zone)


def _resume(maria: Reader, act: Act = LATER) -> Outcome:
    return preferences.resume(maria.database, maria.token(), act, keys=KEYS)


def _move(maria: Reader, here: int = DAILY, act: Act = LINK) -> Outcome:
    return preferences.move_to_twin(
        maria.database,
        maria.token(here),
        act,
        keys=KEYS,
        twin_id=DAILY + WEEKLY - here,
        topics={each: topics_of(maria.database, each) for each in (DAILY, WEEKLY)},
    )


def _show(maria: Reader, newsletter_id: int = DAILY) -> Preferences:
    return preferences.show(maria.database, maria.token(newsletter_id), keys=KEYS)


def _erase(maria: Reader) -> None:
    gone: Mapping[str, object] = {"address": None, "address_key": "erased:1", "erased_at": NOON}
    with maria.database.write() as connection:
        connection.execute(sa.update(store.subscriber).values(gone))


def test_a_link_shows_how_its_reader_stands_and_changes_nothing(maria: Reader) -> None:
    before = all_rows(maria.database)
    standing = Subscription(1, DAILY, S.CONFIRMED, requested_at=NOON, confirmed_at=NOON)
    found = _show(maria)
    assert found == Preferences(maria.public_id, DAILY, Standing(MARIA, (standing,)))
    assert found.gets(DAILY) == standing
    assert all_rows(maria.database) == before


def test_a_link_of_another_purpose_opens_nothing(maria: Reader) -> None:
    stop = maria.token(purpose=Purpose.UNSUBSCRIBE)
    before = all_rows(maria.database)
    for act in (
        lambda: preferences.show(maria.database, stop, keys=KEYS),
        lambda: preferences.resume(maria.database, stop, LINK, keys=KEYS),
        lambda: preferences.pause(
            maria.database, stop, LINK, keys=KEYS, until=date(2026, 1, 16), zone=ZONE
        ),
        lambda: preferences.choose_topics(
            maria.database, stop, LINK, keys=KEYS, topics=topics_of(maria.database, 1), chosen=()
        ),
        lambda: preferences.move_to_twin(
            maria.database, stop, LINK, keys=KEYS, twin_id=WEEKLY, topics={}
        ),
    ):
        with pytest.raises(TokenError):
            act()
    assert all_rows(maria.database) == before


# Topics


def test_chosen_topics_are_kept_with_the_proof(maria: Reader) -> None:
    assert _choose(maria, "sea", "town") == Outcome(1, (DAILY,), (DAILY,))
    assert maria.standing().topic_mask == 0b11
    assert maria.log()[-1] == Consent(K.TOPICS, DAILY, LINK)
    assert maria.wants() == ("town", "sea")


def test_the_same_topics_again_change_nothing(maria: Reader) -> None:
    _choose(maria, "sea")
    before = all_rows(maria.database)
    assert _choose(maria, "sea", act=LATER) == Outcome(1, (DAILY,))
    assert all_rows(maria.database) == before


def test_all_topics_are_everything_also_what_is_added_later(maria: Reader) -> None:
    _choose(maria, "sea")
    _choose(maria, "town", "sea", "business", "sport")
    assert maria.standing().topic_mask == 0
    assert maria.acts() == [(K.TOPICS, DAILY), (K.TOPICS, DAILY)]


def test_no_topic_at_all_is_everything(maria: Reader) -> None:
    _choose(maria, "sea")
    assert _choose(maria) == Outcome(1, (DAILY,), (DAILY,))
    assert maria.standing().topic_mask == 0


@pytest.mark.parametrize("keys", [("pictures",), ("", "\0"), ("sea", "pictures")])
def test_a_topic_that_is_not_offered_is_refused(maria: Reader, keys: tuple[str, ...]) -> None:
    _choose(maria, "town")
    before = all_rows(maria.database)
    with pytest.raises(PreferenceError, match="Choose among the topics that are offered"):
        _choose(maria, *keys)
    assert all_rows(maria.database) == before


# Pause


def test_a_pause_ends_when_its_day_begins_where_the_newsletter_is_at_home(maria: Reader) -> None:
    _choose(maria, "sea")
    assert _pause(maria) == Outcome(1, (DAILY,), (DAILY,))
    assert maria.standing() == Subscription(
        1,
        DAILY,
        S.PAUSED,
        topic_mask=0b10,
        requested_at=NOON,
        confirmed_at=NOON,
        paused_until=TO_THE_SIXTEENTH,
    )
    assert maria.log()[-1] == Consent(K.PAUSED, DAILY, LINK)


def test_who_is_paused_gets_nothing_until_then_and_then_again(maria: Reader) -> None:
    assert maria.gets(DAILY, NOON)
    _pause(maria)
    moment = timedelta(seconds=1)
    assert not maria.gets(DAILY, NOON)
    assert not maria.gets(DAILY, TO_THE_SIXTEENTH - moment)
    assert maria.gets(DAILY, TO_THE_SIXTEENTH)
    with maria.database.read() as connection:
        said = [
            store.may_mail(connection, 1, DAILY, now=at)
            for at in (TO_THE_SIXTEENTH - moment, TO_THE_SIXTEENTH)
        ]
    assert said == [(False, "paused"), (True, "")]


def test_a_pause_is_repeated_without_effect_and_replaced_by_another(maria: Reader) -> None:
    _pause(maria)
    before = all_rows(maria.database)
    assert _pause(maria) == Outcome(1, (DAILY,))
    assert all_rows(maria.database) == before
    _pause(maria, date(2027, 1, 9))
    assert maria.standing().paused_until == datetime(2027, 1, 9, 4, tzinfo=UTC)
    assert maria.acts() == [(K.PAUSED, DAILY), (K.PAUSED, DAILY)]


@pytest.mark.parametrize("until", [date(1, 1, 1), date(2026, 1, 9), date(2027, 1, 10), date.max])
def test_a_day_that_is_past_or_too_far_is_refused(maria: Reader, until: date) -> None:
    before = all_rows(maria.database)
    with pytest.raises(PreferenceError, match="from tomorrow on, at most a year from today"):
        _pause(maria, until)
    assert all_rows(maria.database) == before


def test_a_day_without_midnight_begins_when_it_begins(maria: Reader) -> None:
    _pause(maria, date(2026, 3, 29), zone="Asia/Beirut")  # clocks go from 24:00 to 01:00
    assert maria.standing().paused_until == datetime(2026, 3, 28, 22, tzinfo=UTC)


def test_a_pause_is_ended_early_and_the_proof_of_joining_stays(maria: Reader) -> None:
    before = maria.standing()
    _pause(maria)
    assert _resume(maria) == Outcome(1, (DAILY,), (DAILY,))
    assert maria.standing() == before
    assert maria.log()[-1] == Consent(K.RESUMED, DAILY, LATER)
    assert maria.gets(DAILY, NOON)


def test_without_a_pause_in_force_there_is_none_to_end(maria: Reader) -> None:
    assert _resume(maria) == Outcome(1, (DAILY,))
    _pause(maria)
    before = all_rows(maria.database)
    assert _resume(maria, replace(LINK, at=TO_THE_SIXTEENTH)) == Outcome(1, (DAILY,))
    assert all_rows(maria.database) == before


# Weekly, and back


def test_moving_ends_one_and_begins_the_other_with_the_proof_of_both(maria: Reader) -> None:
    _choose(maria, "town", "business")
    assert _move(maria) == Outcome(1, (DAILY, WEEKLY), (DAILY, WEEKLY))
    assert maria.standing() == Subscription(
        1,
        DAILY,
        S.UNSUBSCRIBED,
        topic_mask=0b101,
        requested_at=NOON,
        confirmed_at=NOON,
        ended_at=LINK.at,
    )
    assert maria.standing(WEEKLY) == Subscription(
        1,
        WEEKLY,
        S.CONFIRMED,
        topic_mask=0b100,
        requested_at=LINK.at,
        confirmed_at=LINK.at,
    )
    assert maria.log()[-2:] == [Consent(K.MOVED, DAILY, LINK), Consent(K.CONFIRMED, WEEKLY, LINK)]
    assert (maria.gets(DAILY, NOON), maria.gets(WEEKLY, NOON)) == (False, True)


def test_moving_twice_is_the_same_as_once(maria: Reader) -> None:
    _move(maria)
    before = all_rows(maria.database)
    assert _move(maria, act=LATER) == Outcome(1, (DAILY, WEEKLY))
    assert all_rows(maria.database) == before


@pytest.mark.parametrize("mine", [("town", "business"), ("business",), ()])
def test_moving_back_restores_the_topics(maria: Reader, mine: tuple[str, ...]) -> None:
    if mine:
        _choose(maria, *mine)
    before = maria.wants()
    _move(maria)
    _choose(maria, "pictures", newsletter_id=WEEKLY)
    _move(maria, WEEKLY, LATER)
    assert maria.wants() == before
    assert maria.states() == {DAILY: S.CONFIRMED, WEEKLY: S.UNSUBSCRIBED}
    assert maria.standing().confirmed_at == LATER.at
    _move(maria)
    assert maria.wants(WEEKLY) == ("pictures",)


def test_topics_that_only_one_has_are_no_reason_for_an_empty_letter(maria: Reader) -> None:
    _choose(maria, "sport")
    _move(maria)
    assert maria.standing(WEEKLY).topic_mask == 0


def test_who_left_the_twin_long_ago_brings_the_topics_of_today(maria: Reader) -> None:
    maria.join(WEEKLY)
    maria.leave(WEEKLY)
    _choose(maria, "sea")
    _move(maria)
    assert maria.wants(WEEKLY) == ("sea",)


def test_topics_chosen_for_the_twin_before_leaving_it_are_found_again(maria: Reader) -> None:
    maria.join(WEEKLY)
    _choose(maria, "pictures", newsletter_id=WEEKLY)
    maria.leave(WEEKLY)
    _move(maria)
    assert maria.wants(WEEKLY) == ("pictures",)


def test_who_gets_both_keeps_the_twin_as_it_is(maria: Reader) -> None:
    maria.join(WEEKLY)
    _choose(maria, "pictures", newsletter_id=WEEKLY)
    twin = maria.standing(WEEKLY)
    _move(maria)
    assert maria.standing(WEEKLY) == twin
    assert maria.acts()[-1] == (K.MOVED, DAILY)


def test_moving_ends_the_pauses_of_both(maria: Reader) -> None:
    maria.join(WEEKLY)
    _pause(maria)
    preferences.pause(
        maria.database,
        maria.token(WEEKLY),
        LINK,
        keys=KEYS,
        until=date(2026, 1, 16),
        zone=ZONE,
    )
    _move(maria)
    assert maria.standing().paused_until is None
    assert maria.gets(WEEKLY, NOON)
    assert maria.acts()[-2:] == [(K.MOVED, DAILY), (K.RESUMED, WEEKLY)]


def test_who_asked_for_the_twin_and_never_confirmed_confirms_by_moving(maria: Reader) -> None:
    signup.subscribe(
        maria.database,
        MARIA,
        [WEEKLY],
        COMMAND,
        keys=KEYS,
        newsletter_names={WEEKLY: "The Week"},
        confirm_link=str,
    )
    _choose(maria, "sea")
    _move(maria)
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    assert maria.wants(WEEKLY) == ("sea",)


def test_nobody_moves_past_the_never_mail_list(maria: Reader) -> None:
    leaving.suppress(
        maria.database,
        MARIA,
        COMMAND,
        keys=KEYS,
        reason=SuppressionReason.COMPLAINED,
        scope="weekly",
    )
    before = all_rows(maria.database)
    with pytest.raises(AddressRefusedError, match="never-mail list"):
        _move(maria)
    assert all_rows(maria.database) == before


# Who has left, and who is gone


@pytest.mark.parametrize("erased", [False, True])
def test_no_act_of_a_link_brings_back_who_has_left(maria: Reader, *, erased: bool) -> None:
    maria.leave()
    links = maria.token()
    if erased:
        _erase(maria)
    before = all_rows(maria.database)
    reader = None if erased else 1
    topics = topics_of(maria.database, DAILY)
    database = maria.database
    outcomes = [
        preferences.choose_topics(database, links, LINK, keys=KEYS, topics=topics, chosen=["sea"]),
        preferences.pause(database, links, LINK, keys=KEYS, until=date(2026, 1, 16), zone=ZONE),
        preferences.resume(database, links, LINK, keys=KEYS),
    ]
    assert outcomes == [Outcome(reader, (DAILY,))] * 3
    moved = preferences.move_to_twin(
        database, links, LINK, keys=KEYS, twin_id=WEEKLY, topics={DAILY: topics, WEEKLY: topics}
    )
    assert moved == Outcome(reader, (DAILY, WEEKLY))
    assert all_rows(database) == before


def test_a_link_of_nobody_shows_nobody(database: Database) -> None:
    make_twins(database)
    token = KEYS.links.sign(Purpose.PREFERENCES, Grant("ab" * 12, (DAILY,)))
    found = preferences.show(database, token, keys=KEYS)
    assert found == Preferences("ab" * 12, DAILY, Standing(None))


def test_nothing_is_shown_of_who_was_erased(maria: Reader) -> None:
    token, reader = maria.token(), maria.public_id
    _erase(maria)
    found = preferences.show(maria.database, token, keys=KEYS)
    assert found == Preferences(reader, DAILY, Standing(None))
