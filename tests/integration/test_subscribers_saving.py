"""One press of Save: all of a reader's wishes in one transaction, or none of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from digest.db import Database
from digest.errors import TokenError
from subscribers import leaving, preferences
from subscribers.change_store import Change, What, changes_after
from subscribers.manner import Manner
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    Outcome,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.tokens import Purpose
from subscribers.wishes import PreferenceError, Problem, Way, Wish, Wishes
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import COMMAND, Reader, make_twins, topics_of
from tests.integration.web_site import KEYS, MARIA, NOON

S, K = SubscriptionState, ConsentKind
AT = NOON + timedelta(hours=1)
SAVE = Act(AT, "link", "192.0.2.7", "Save")
ZONE = "America/Tortola"
TEXT_IN_ARABIC = Manner("ar", text_only=True, zone="Asia/Aden", hour=18 * 60)


@pytest.fixture
def maria(database: Database) -> Reader:
    make_twins(database)
    reader = Reader(database)
    reader.join()
    return reader


def _save(
    maria: Reader, *letters: Wish, act: Act = SAVE, token: str = "", **more: object
) -> Outcome:
    topics = {each: topics_of(maria.database, each) for each in (DAILY, WEEKLY)}
    wishes = replace(Wishes(letters, topics=topics), **more)  # type: ignore[arg-type]
    token = token or maria.token()
    return preferences.save(maria.database, token, act, keys=KEYS, wishes=wishes)


def _changes(maria: Reader) -> list[Change]:
    with maria.database.read() as connection:
        return [each for each in changes_after(connection, 0) if each.at == AT]


def test_all_that_is_wished_for_becomes_true_together_with_its_proof(maria: Reader) -> None:
    said = {K.TOPICS: "Save topics: Sea", K.PAUSED: "Nothing until Friday 16 January."}
    wish = Wish(DAILY, Way.PAUSED, topics=("sea",), until=date(2026, 1, 16), zone=ZONE, said=said)
    outcome = _save(
        maria,
        wish,
        more={WEEKLY: "Also send me: The Week"},
        manner=lambda _before: TEXT_IN_ARABIC,
        manner_said="Save how your letters come",
    )
    assert outcome == Outcome(1, (DAILY,), (DAILY, DAILY, WEEKLY))
    assert maria.states() == {DAILY: S.PAUSED, WEEKLY: S.CONFIRMED}
    assert maria.standing().paused_until == datetime(2026, 1, 16, 4, tzinfo=UTC)
    assert maria.wants() == ("sea",)
    assert maria.standing(WEEKLY).confirmed_at == AT
    assert maria.log()[-4:] == [
        Consent(K.TOPICS, DAILY, replace(SAVE, text="Save topics: Sea")),
        Consent(K.PAUSED, DAILY, replace(SAVE, text="Nothing until Friday 16 January.")),
        Consent(K.CONFIRMED, WEEKLY, replace(SAVE, text="Also send me: The Week")),
        Consent(K.MANNER, None, replace(SAVE, text="Save how your letters come")),
    ]
    told = [(each.newsletter_id, each.what) for each in _changes(maria)]
    assert told == [
        (DAILY, What.JOINED),
        (DAILY, What.PAUSED),
        (WEEKLY, What.JOINED),
        (None, What.CHANGED),
    ]
    found = preferences.show(maria.database, maria.token(), keys=KEYS)
    assert found.manner == TEXT_IN_ARABIC


def test_what_is_wished_for_already_writes_nothing(maria: Reader) -> None:
    wish = Wish(DAILY, Way.PUBLISHED, topics=(), zone=ZONE)
    before = all_rows(maria.database)
    assert _save(maria, wish, manner=lambda manner: manner).changed == ()
    assert all_rows(maria.database) == before
    pause = Wish(DAILY, Way.PAUSED, topics=("sea",), until=date(2026, 1, 16), zone=ZONE)
    more = {WEEKLY: "Also send me"}
    _save(maria, pause, more=more, manner=lambda _before: TEXT_IN_ARABIC)
    before = all_rows(maria.database)
    again = _save(
        maria,
        pause,
        act=replace(SAVE, at=AT + timedelta(minutes=1)),
        more=more,
        manner=lambda _before: TEXT_IN_ARABIC,
    )
    assert again == Outcome(1, (DAILY, WEEKLY))
    assert all_rows(maria.database) == before


def test_topics_shown_as_all_ticked_are_no_change_when_they_come_back(maria: Reader) -> None:
    topics = topics_of(maria.database, DAILY)
    _save(maria, Wish(DAILY, topics=("town", "sea")))
    fewer = {DAILY: replace(topics, offered=("town", "sea"))}
    before = all_rows(maria.database)
    _save(maria, Wish(DAILY, topics=("town", "sea")), topics=fewer)
    assert all_rows(maria.database) == before


def test_as_published_ends_a_pause(maria: Reader) -> None:
    _save(maria, Wish(DAILY, Way.PAUSED, until=date(2026, 1, 16), zone=ZONE))
    _save(maria, Wish(DAILY, Way.PUBLISHED))
    assert maria.states() == {DAILY: S.CONFIRMED}
    assert maria.acts() == [(K.PAUSED, DAILY), (K.RESUMED, DAILY)]


def test_topics_of_the_same_press_go_along_to_the_weekly(maria: Reader) -> None:
    switch = {K.MOVED: "The Week instead", K.CONFIRMED: "The Week instead"}
    wish = Wish(DAILY, Way.TWIN, topics=("sea", "sport"), twin_id=WEEKLY, said=switch)
    assert _save(maria, wish, more={WEEKLY: "Also"}).changed == (DAILY, DAILY, WEEKLY)
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    assert maria.wants(WEEKLY) == ("sea",)
    assert [line.act.text for line in maria.log()[-2:]] == ["The Week instead"] * 2


def test_a_newsletter_that_was_left_does_not_come_back_by_an_old_page(maria: Reader) -> None:
    maria.join(WEEKLY)
    maria.leave()
    before = all_rows(maria.database)
    outcome = _save(maria, Wish(DAILY, Way.PUBLISHED, topics=("sea",)))
    assert outcome == Outcome(1, (WEEKLY,))
    assert all_rows(maria.database) == before


def test_who_gets_nothing_is_not_brought_back(maria: Reader) -> None:
    maria.leave()
    before = all_rows(maria.database)
    outcome = _save(maria, more={DAILY: "Also", WEEKLY: "Also"}, manner=lambda _: TEXT_IN_ARABIC)
    assert outcome == Outcome(1, ())
    assert all_rows(maria.database) == before


def test_what_ended_in_the_same_press_does_not_begin_again(maria: Reader) -> None:
    wish = Wish(DAILY, Way.TWIN, twin_id=WEEKLY)
    _save(maria, wish, more={DAILY: "Also send me"})
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        (Wish(DAILY, topics=("pictures",)), Problem.TOPIC),
        (Wish(DAILY, Way.PAUSED, until=date(2026, 1, 9), zone=ZONE), Problem.DAY),
        (Wish(DAILY, Way.PAUSED, until=date.max, zone=ZONE), Problem.DAY),
        (Wish(DAILY, Way.PAUSED, until=date.min, zone="Asia/Tokyo"), Problem.DAY),
        (Wish(DAILY, Way.PAUSED), Problem.DAY),
        (Wish(DAILY, Way.TWIN, twin_id=WEEKLY), Problem.SWAP),
    ],
)
def test_one_wish_that_cannot_be_met_undoes_all_of_them(
    maria: Reader, wish: Wish, problem: Problem
) -> None:
    maria.join(WEEKLY)
    before = all_rows(maria.database)
    weekly = Wish(WEEKLY, Way.PAUSED, topics=("sea",), until=date(2026, 1, 16))
    if problem is Problem.SWAP:
        weekly = Wish(WEEKLY, Way.TWIN, twin_id=DAILY)
    with pytest.raises(PreferenceError) as caught:
        _save(maria, weekly, wish, manner=lambda _before: TEXT_IN_ARABIC)
    assert caught.value.problem is problem
    assert caught.value.newsletter_id in {DAILY, WEEKLY}
    assert all_rows(maria.database) == before


@pytest.mark.parametrize("reason", SuppressionReason)
def test_nobody_is_added_past_the_never_mail_list(maria: Reader, reason: SuppressionReason) -> None:
    leaving.suppress(maria.database, MARIA, COMMAND, keys=KEYS, reason=reason, scope="weekly")
    before = all_rows(maria.database)
    with pytest.raises(PreferenceError, match="never-mail list") as caught:
        _save(maria, Wish(DAILY, topics=("sea",)), more={WEEKLY: "Also"})
    assert (caught.value.problem, caught.value.newsletter_id) == (Problem.NEVER, WEEKLY)
    assert all_rows(maria.database) == before


def test_a_link_of_another_purpose_saves_nothing(maria: Reader) -> None:
    before = all_rows(maria.database)
    for purpose in (Purpose.UNSUBSCRIBE,):
        with pytest.raises(TokenError):
            _save(maria, Wish(DAILY, topics=("sea",)), token=maria.token(purpose=purpose))
    assert all_rows(maria.database) == before


def test_two_presses_at_once_leave_what_one_of_them_wished_for(maria: Reader) -> None:
    maria.join(WEEKLY)
    start = threading.Barrier(2)
    wishes = {
        ("sea",): Manner("de", zone="Europe/Berlin", hour=420),
        ("town", "sport"): Manner("fr", zone="Europe/Paris", hour=480),
    }
    problems: list[BaseException] = []

    def press(keys: tuple[str, ...], manner: Manner) -> None:
        start.wait()
        try:
            _save(
                maria,
                Wish(DAILY, Way.PUBLISHED, topics=keys),
                Wish(WEEKLY, Way.PAUSED, until=date(2026, 1, 16), zone=ZONE),
                manner=lambda _before: manner,
            )
        except BaseException as error:  # noqa: BLE001 - told below
            problems.append(error)

    threads = [threading.Thread(target=press, args=each) for each in wishes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    found = preferences.show(maria.database, maria.token(), keys=KEYS)
    assert wishes[maria.wants()] == found.manner
    assert [kind for kind, _ in maria.acts()].count(K.PAUSED) == 1


def test_two_who_leave_and_save_at_once_end_as_one_after_the_other(maria: Reader) -> None:
    maria.join(WEEKLY)
    start = threading.Barrier(2)
    stop = maria.token(purpose=Purpose.UNSUBSCRIBE)

    def save() -> None:
        start.wait()
        _save(maria, Wish(DAILY, Way.PAUSED, topics=("sea",), until=date(2026, 1, 16)))

    def leave() -> None:
        start.wait()
        leaving.unsubscribe(maria.database, stop, SAVE, keys=KEYS)

    threads = [threading.Thread(target=save), threading.Thread(target=leave)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert maria.states() == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.CONFIRMED}
    assert maria.standing().paused_until is None
