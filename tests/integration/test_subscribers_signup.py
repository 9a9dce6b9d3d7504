from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.errors import AddressError, NotFoundError, TokenError, UsageError
from digest.outbox.model import Notice, NoticeKind
from digest.outbox.store import due
from subscribers import leaving, signup, store
from subscribers.address import AddressRefusedError
from subscribers.limits import Disposable, LimitError, SignupPolicy
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    Outcome,
    Standing,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.tokens import Grant, Key, KeyRing, Keys, Purpose, StaleTokenError
from tests.integration.newsletters import DAILY, WEEKLY, all_rows, make_newsletters

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
NAMES = {DAILY: "The Daily Brief", WEEKLY: "The Week"}
MARIA = "Maria@reader.example"
FORM = Act(at=NOON, via="form", ip="192.0.2.7", text="Subscribe")
LINK = Act(at=NOON + timedelta(minutes=5), via="link", ip="192.0.2.7", text="Yes")
COMMAND = Act(at=NOON, via="command")
SINGLE = SignupPolicy(double_opt_in=False)
WELCOME = signup.Welcome(
    newsletter_names=NAMES,
    unsubscribe_link=lambda token: f"https://letters.example/u/{token}",
    preferences_link=lambda token: f"https://letters.example/p/{token}",
    first_letters={DAILY: (NOON.astimezone(ZoneInfo("America/Tortola")), "America/Tortola")},
    latest={WEEKLY: "https://letters.example/weekly/2026-01-03"},
    language="de",
)


@pytest.fixture(autouse=True)
def _newsletters(database: Database) -> None:
    make_newsletters(database)


def _subscribe(database: Database, *ids: int, act: Act = FORM, **more: Any) -> Outcome:
    return signup.subscribe(
        database,
        more.pop("address", MARIA),
        ids,
        act,
        keys=KEYS,
        newsletter_names=NAMES,
        confirm_link=lambda token: f"https://letters.example/confirm/{token}",
        **more,
    )


def _links(database: Database) -> list[str]:
    with database.read() as connection:
        notices = due(connection, now=NOON + timedelta(days=99), limit=99)
    asking = [notice for notice in notices if notice.kind is NoticeKind.CONFIRM]
    return [str(notice.facts["confirm_url"]).rpartition("/")[2] for notice in asking]


def _welcomes(database: Database) -> list[Notice]:
    with database.read() as connection:
        notices = due(connection, now=NOON + timedelta(days=99), limit=99)
    return [notice for notice in notices if notice.kind is NoticeKind.WELCOME]


def _reader(database: Database) -> Subscriber:
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=MARIA.lower())
    assert found is not None
    return found


def _subscriptions(database: Database) -> list[Subscription]:
    with database.read() as connection:
        return store.subscriptions_of(connection, _reader(database).id)


def _states(database: Database) -> dict[int, SubscriptionState]:
    return {each.newsletter_id: each.state for each in _subscriptions(database)}


def _log(database: Database) -> list[Consent]:
    with database.read() as connection:
        return store.consents_of(connection, _reader(database).id)


def _stop_token(database: Database, *ids: int) -> str:
    return KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant(_reader(database).public_id, ids or (DAILY,)))


def _suppress(database: Database, **more: Any) -> Outcome:
    reason = SuppressionReason.COMPLAINED
    return leaving.suppress(database, MARIA, COMMAND, keys=KEYS, reason=reason, **more)


def test_asking_writes_the_reader_the_proof_and_one_notice(database: Database) -> None:
    assert _subscribe(database, WEEKLY, DAILY) == Outcome(None, (DAILY, WEEKLY))
    reader = _reader(database)
    assert reader.address == "Maria@reader.example"
    assert _subscriptions(database) == [
        Subscription(reader.id, each, SubscriptionState.UNCONFIRMED, requested_at=NOON)
        for each in (DAILY, WEEKLY)
    ]
    assert _log(database) == [Consent(ConsentKind.ASKED, each, FORM) for each in (DAILY, WEEKLY)]
    with database.read() as connection:
        (notice,) = due(connection, now=NOON, limit=9)
    assert (notice.kind, notice.to_address) == (NoticeKind.CONFIRM, "Maria@reader.example")
    token = str(notice.facts["confirm_url"]).removeprefix("https://letters.example/confirm/")
    assert notice.facts == {
        "newsletter": ["The Daily Brief", "The Week"],
        "address": "Maria@reader.example",
        "confirm_url": f"https://letters.example/confirm/{token}",
        "valid_days": 30,
    }
    grant = Grant(reader.public_id, (DAILY, WEEKLY), NOON)
    assert KEYS.links.read(Purpose.CONFIRM, token) == grant


def _asked_at(minutes: int) -> Act:
    return replace(FORM, at=NOON + timedelta(minutes=minutes))


def _mails(database: Database) -> list[tuple[int, object]]:
    """Give each mail that asks to confirm: its minute after noon, and for what."""
    with database.read() as connection:
        notices = due(connection, now=NOON + timedelta(days=99), limit=99)
    return [
        (round((each.created_at - NOON).total_seconds() / 60), each.facts["newsletter"])
        for each in notices
        if each.kind is NoticeKind.CONFIRM
    ]


def test_a_form_sent_twice_is_one_mail(database: Database) -> None:
    for minutes in (0, 1, 4):
        _subscribe(database, DAILY, act=_asked_at(minutes))
    assert _mails(database) == [(0, ["The Daily Brief"])]
    assert [each.act.at for each in _log(database)] == [NOON]


def test_mails_to_an_address_are_an_hour_apart_and_the_later_asks_for_all_that_was_wanted(
    database: Database,
) -> None:
    _subscribe(database, DAILY, act=_asked_at(0))
    _subscribe(database, WEEKLY, act=_asked_at(10))
    _subscribe(database, DAILY, act=_asked_at(50))
    assert _mails(database) == [
        (0, ["The Daily Brief"]),
        (60, ["The Daily Brief", "The Week"]),
    ]
    _subscribe(database, DAILY, act=_asked_at(61))
    assert [at for at, _ in _mails(database)] == [0, 60, 120]


def test_every_spelling_of_one_mailbox_is_one_mailbox_to_the_form(database: Database) -> None:
    spellings = ("m.aria@reader.example", *(f"maria+{n}@reader.example" for n in range(9)))
    for minutes, spelling in enumerate(spellings):
        _subscribe(database, DAILY, address=spelling, act=_asked_at(minutes))
    assert [at for at, _ in _mails(database)] == [0, 60]


def test_an_address_gets_four_mails_a_day_at_most(database: Database) -> None:
    for hour in range(12):
        _subscribe(database, DAILY, act=_asked_at(61 * hour))
    assert [at for at, _ in _mails(database)] == [0, 61, 122, 183]
    _subscribe(database, DAILY, act=_asked_at(25 * 60))
    assert len(_mails(database)) == 5


def test_who_has_confirmed_is_not_asked_by_the_mail_that_was_still_to_come(
    database: Database,
) -> None:
    _subscribe(database, DAILY, act=_asked_at(0))
    (token,) = _links(database)
    _subscribe(database, DAILY, act=_asked_at(10))
    assert len(_mails(database)) == 2
    signup.confirm(database, token, _asked_at(12), keys=KEYS)
    assert _mails(database) == []


def test_too_many_from_one_network_and_from_all_are_told_to_wait(database: Database) -> None:
    policy = SignupPolicy(per_network=2, in_all=3)

    def ask(name: str, ip: str, minutes: int = 0) -> None:
        act = replace(_asked_at(minutes), ip=ip)
        _subscribe(database, DAILY, address=f"{name}@reader.example", act=act, policy=policy)

    ask("a", "2001:db8:0:1::1")
    ask("b", "2001:db8:0:1::2")
    before = all_rows(database)
    with pytest.raises(LimitError) as caught:
        ask("c", "2001:db8:0:1:ffff::3", 20)
    assert (caught.value.wait, str(caught.value)) == (
        timedelta(minutes=40),
        "sign-up: more than 2 an hour",
    )
    assert all_rows(database) == before
    ask("d", "192.0.2.1", 20)
    with pytest.raises(LimitError, match="more than 3 an hour"):
        ask("e", "192.0.2.2", 59)
    ask("e", "2001:db8:0:1::4", 61)


def test_what_the_form_says_is_kept_for_who_gets_nothing_yet_and_for_nobody_else(
    database: Database,
) -> None:
    wishes = signup.Wishes(topics={DAILY: 5}, language="fr")
    _subscribe(database, DAILY, wishes=wishes)
    assert (_reader(database).language, _subscriptions(database)[0].topic_mask) == ("fr", 5)
    (token,) = _links(database)
    signup.confirm(database, token, LINK, keys=KEYS)
    others = signup.Wishes(topics={DAILY: 1}, language="ar")
    _subscribe(database, DAILY, act=_asked_at(120), wishes=others)
    assert (_reader(database).language, _subscriptions(database)[0].topic_mask) == ("fr", 5)


def test_an_address_at_a_service_for_throw_away_mail_is_refused_where_wanted(
    database: Database,
) -> None:
    before = all_rows(database)
    with pytest.raises(AddressRefusedError, match="thrown away"):
        _subscribe(database, DAILY, address="maria@mailinator.com")
    assert all_rows(database) == before
    policy = SignupPolicy(disposable=Disposable.ALLOW)
    _subscribe(database, DAILY, address="maria@mailinator.com", policy=policy)
    assert len(_mails(database)) == 1


def test_who_was_erased_comes_back_by_their_own_confirmed_wish_alone(database: Database) -> None:
    leaving.suppress(database, MARIA, COMMAND, keys=KEYS, reason=SuppressionReason.ERASED)
    with pytest.raises(AddressRefusedError, match="erased"):
        signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS, again=True)
    _subscribe(database, DAILY, policy=SINGLE, welcome=WELCOME)
    assert (_states(database), _welcomes(database)) == ({DAILY: SubscriptionState.UNCONFIRMED}, [])
    (token,) = _links(database)
    assert signup.confirm(database, token, LINK, keys=KEYS).changed == (DAILY,)
    assert [each.kind for each in _log(database)] == [
        ConsentKind.ASKED,
        ConsentKind.LIFTED,
        ConsentKind.CONFIRMED,
    ]
    assert signup.add(database, MARIA, [WEEKLY], COMMAND, keys=KEYS).changed == (WEEKLY,)


def test_many_who_ask_at_once_leave_one_reader_and_one_notice(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _subscribe(database, DAILY), range(8)))
    assert len(_links(database)) == 1
    assert len(_log(database)) == 1


def test_a_confirmed_reader_who_asks_again_stays_confirmed_and_gets_the_same_mail(
    database: Database,
) -> None:
    signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS)
    before = _subscriptions(database)
    assert _subscribe(database, DAILY) == Outcome(None, (DAILY,))
    assert _subscriptions(database) == before
    (token,) = _links(database)
    assert signup.confirm(database, token, LINK, keys=KEYS).changed == ()


def test_without_double_opt_in_the_reader_is_confirmed_at_once(database: Database) -> None:
    for minutes in (0, 1, 70):
        _subscribe(database, DAILY, act=_asked_at(minutes), policy=SINGLE, welcome=WELCOME)
    assert [(each.state, each.confirmed_at) for each in _subscriptions(database)] == [
        (SubscriptionState.CONFIRMED, NOON)
    ]
    kinds = [each.kind for each in _log(database)]
    assert kinds == [ConsentKind.ASKED, ConsentKind.CONFIRMED, ConsentKind.ASKED]
    assert [notice.facts["newsletter"] for notice in _welcomes(database)] == [["The Daily Brief"]]
    assert len(_links(database)) == 1  # asking again is answered by a mail, as for everybody


def test_without_double_opt_in_nobody_is_brought_back_by_who_types_their_address(
    database: Database,
) -> None:
    signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS)
    leaving.unsubscribe(database, _stop_token(database), LINK, keys=KEYS)
    _subscribe(database, DAILY, WEEKLY, act=_asked_at(9), policy=SINGLE, welcome=WELCOME)
    assert _states(database) == {
        DAILY: SubscriptionState.UNCONFIRMED,
        WEEKLY: SubscriptionState.CONFIRMED,
    }
    assert _mails(database) == [(9, ["The Daily Brief"])]


@pytest.mark.parametrize(("ids", "error"), [((), UsageError), ((DAILY, 99), NotFoundError)])
def test_newsletters_that_are_none_are_refused(
    database: Database, ids: tuple[int, ...], error: type[Exception]
) -> None:
    before = all_rows(database)
    with pytest.raises(error):
        _subscribe(database, *ids)
    assert all_rows(database) == before


def test_confirming_acts_once_and_keeps_the_proof(database: Database) -> None:
    _subscribe(database, DAILY, WEEKLY)
    (token,) = _links(database)
    reader = _reader(database)
    first = signup.confirm(database, token, LINK, keys=KEYS)
    assert first == Outcome(reader.id, (DAILY, WEEKLY), (DAILY, WEEKLY))
    after = all_rows(database)
    later = replace(LINK, at=LINK.at + timedelta(days=1))
    assert signup.confirm(database, token, later, keys=KEYS) == Outcome(reader.id, (DAILY, WEEKLY))
    assert all_rows(database) == after
    assert _log(database)[2:] == [
        Consent(ConsentKind.CONFIRMED, each, LINK) for each in (DAILY, WEEKLY)
    ]
    assert {each.confirmed_at for each in _subscriptions(database)} == {LINK.at}


def test_who_joins_is_welcomed_once_for_all_that_a_link_stands_for(database: Database) -> None:
    _subscribe(database, DAILY, WEEKLY)
    (token,) = _links(database)
    for minutes in (5, 6):
        act = replace(LINK, at=NOON + timedelta(minutes=minutes))
        signup.confirm(database, token, act, keys=KEYS, welcome=WELCOME)
    (notice,) = _welcomes(database)
    reader = _reader(database)
    leave = str(notice.facts["unsubscribe_url"]).removeprefix("https://letters.example/u/")
    choose = str(notice.facts["preferences_url"]).removeprefix("https://letters.example/p/")
    assert (notice.to_address, notice.created_at) == (MARIA, LINK.at)
    assert notice.facts == {
        "newsletter": ["The Daily Brief", "The Week"],
        "address": MARIA,
        "language": "de",
        "letters": [
            ["The Daily Brief", "2026-01-09T12:00:00+00:00", "America/Tortola"],
            ["The Week", "", ""],
        ],
        "latest_url": "https://letters.example/weekly/2026-01-03",
        "unsubscribe_url": f"https://letters.example/u/{leave}",
        "preferences_url": f"https://letters.example/p/{choose}",
    }
    both, first = Grant(reader.public_id, (DAILY, WEEKLY)), Grant(reader.public_id, (DAILY,))
    assert KEYS.links.read(Purpose.UNSUBSCRIBE, leave) == both
    assert KEYS.links.read(Purpose.PREFERENCES, choose) == first


def test_a_welcome_offers_only_letters_of_what_was_joined(database: Database) -> None:
    _subscribe(database, DAILY)
    (token,) = _links(database)
    signup.confirm(database, token, LINK, keys=KEYS, welcome=WELCOME)
    assert [notice.facts["latest_url"] for notice in _welcomes(database)] == [""]


def test_each_link_that_joins_something_new_has_its_welcome(database: Database) -> None:
    for hour, newsletter in enumerate((DAILY, WEEKLY)):
        _subscribe(database, newsletter, act=_asked_at(61 * hour))
        token = _links(database)[-1]
        signup.confirm(database, token, _asked_at(61 * hour + 5), keys=KEYS, welcome=WELCOME)
    named = [notice.facts["newsletter"] for notice in _welcomes(database)]
    assert named == [["The Daily Brief"], ["The Week"]]


def test_readers_are_written_to_in_their_language_else_in_the_sites(database: Database) -> None:
    wishes = signup.Wishes(language="fr")
    _subscribe(database, DAILY, wishes=wishes)
    with database.write() as connection:
        store.set_manner(connection, _reader(database).id, language="ar", text_only=None)
    _subscribe(database, WEEKLY, act=_asked_at(70))
    with database.read() as connection:
        asked = due(connection, now=NOON + timedelta(days=99), limit=99)
    signup.confirm(database, _links(database)[0], LINK, keys=KEYS, welcome=WELCOME)
    spoken = [(str(each.kind), each.facts["language"]) for each in (*asked, *_welcomes(database))]
    assert spoken == [("confirm", "fr"), ("confirm", "ar"), ("welcome", "ar")]


def test_nobody_is_welcomed_who_is_suppressed_or_was_there_before(database: Database) -> None:
    signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS)
    _subscribe(database, DAILY, WEEKLY)
    (token,) = _links(database)
    _suppress(database, scope="weekly")
    signup.confirm(database, token, LINK, keys=KEYS, welcome=WELCOME)
    _suppress(database)
    with pytest.raises(AddressError):
        signup.confirm(database, token, LINK, keys=KEYS, welcome=WELCOME)
    assert _welcomes(database) == []


def test_a_newsletter_that_left_the_settings_has_no_welcome(database: Database) -> None:
    _subscribe(database, DAILY)
    (token,) = _links(database)
    gone = replace(WELCOME, newsletter_names={})
    assert signup.confirm(database, token, LINK, keys=KEYS, welcome=gone).changed == (DAILY,)
    assert _welcomes(database) == []


def test_without_a_welcome_nothing_is_mailed(database: Database) -> None:
    signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS)
    _subscribe(database, WEEKLY)
    (token,) = _links(database)
    signup.confirm(database, token, LINK, keys=KEYS)
    assert _welcomes(database) == []


def test_an_expired_or_forged_confirmation_changes_nothing(database: Database) -> None:
    _subscribe(database, DAILY)
    (token,) = _links(database)
    before = all_rows(database)
    late = replace(LINK, at=NOON + timedelta(days=31))
    with pytest.raises(StaleTokenError):
        signup.confirm(database, token, late, keys=KEYS)
    with pytest.raises(TokenError):
        signup.confirm(database, token[:-2] + "xx", LINK, keys=KEYS)
    with pytest.raises(TokenError):
        signup.confirm(database, _stop_token(database), LINK, keys=KEYS)
    unknown = KEYS.links.sign(Purpose.CONFIRM, Grant("ab" * 12, (DAILY,), NOON))
    with pytest.raises(StaleTokenError):
        signup.confirm(database, unknown, LINK, keys=KEYS)
    never_asked = Grant(_reader(database).public_id, (WEEKLY,), NOON)
    with pytest.raises(StaleTokenError):
        signup.confirm(database, KEYS.links.sign(Purpose.CONFIRM, never_asked), LINK, keys=KEYS)
    assert all_rows(database) == before


def test_an_old_confirmation_does_not_undo_leaving_but_a_new_one_does(database: Database) -> None:
    _subscribe(database, DAILY)
    (old,) = _links(database)
    signup.confirm(database, old, LINK, keys=KEYS)
    left = replace(LINK, at=NOON + timedelta(minutes=10))
    leaving.unsubscribe(database, _stop_token(database), left, keys=KEYS)
    with pytest.raises(StaleTokenError, match="left since"):
        signup.confirm(database, old, replace(LINK, at=NOON + timedelta(minutes=11)), keys=KEYS)
    again = _asked_at(20)
    _subscribe(database, DAILY, act=again)
    assert _states(database) == {DAILY: SubscriptionState.UNCONFIRMED}
    with pytest.raises(StaleTokenError):
        signup.confirm(database, old, again, keys=KEYS)
    (new,) = _links(database)
    assert signup.confirm(database, new, _asked_at(61), keys=KEYS).changed == (DAILY,)


def test_leaving_is_at_once_once_and_only_what_the_link_names(database: Database) -> None:
    signup.add(database, MARIA, [DAILY, WEEKLY], COMMAND, keys=KEYS)
    token, reader = _stop_token(database), _reader(database)
    assert leaving.unsubscribe(database, token, LINK, keys=KEYS) == Outcome(
        reader.id, (DAILY,), (DAILY,)
    )
    assert _states(database) == {
        DAILY: SubscriptionState.UNSUBSCRIBED,
        WEEKLY: SubscriptionState.CONFIRMED,
    }
    after = all_rows(database)
    years_later = replace(LINK, at=NOON + timedelta(days=4000))
    assert leaving.unsubscribe(database, token, years_later, keys=KEYS).changed == ()
    assert all_rows(database) == after
    assert _log(database)[-1] == Consent(ConsentKind.UNSUBSCRIBED, DAILY, LINK)
    with database.read() as connection:
        assert store.may_mail(connection, reader.id, DAILY, now=LINK.at) == (False, "unsubscribed")


def test_leaving_everything_leaves_everything(database: Database) -> None:
    signup.add(database, MARIA, [DAILY, WEEKLY], COMMAND, keys=KEYS)
    token = _stop_token(database)
    assert leaving.unsubscribe(database, token, LINK, keys=KEYS, everything=True).changed == (
        DAILY,
        WEEKLY,
    )


def test_the_link_of_an_erased_reader_still_answers(database: Database) -> None:
    token = KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant("ab" * 12, (DAILY,)))
    before = all_rows(database)
    assert leaving.unsubscribe(database, token, LINK, keys=KEYS) == Outcome(None, (DAILY,))
    grant = KEYS.links.read(Purpose.UNSUBSCRIBE, token)
    assert signup.standing(database, grant) == Standing(None)
    assert all_rows(database) == before


def test_a_forged_link_stops_nothing(database: Database) -> None:
    signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS)
    before = all_rows(database)
    with pytest.raises(TokenError):
        leaving.unsubscribe(database, _stop_token(database)[:-1], LINK, keys=KEYS)
    assert all_rows(database) == before


def test_the_publisher_adds_readers_confirmed_and_recorded_as_added(database: Database) -> None:
    outcome = signup.add(database, f"Maria <{MARIA}>", [WEEKLY, DAILY], COMMAND, keys=KEYS)
    reader = _reader(database)
    assert outcome == Outcome(reader.id, (DAILY, WEEKLY), (DAILY, WEEKLY))
    assert _subscriptions(database) == [
        Subscription(
            reader.id, each, SubscriptionState.CONFIRMED, requested_at=NOON, confirmed_at=NOON
        )
        for each in (DAILY, WEEKLY)
    ]
    assert {each.kind for each in _log(database)} == {ConsentKind.ADDED}
    assert signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS).changed == ()
    with pytest.raises(UsageError):
        signup.add(database, MARIA, [], COMMAND, keys=KEYS)


def test_who_has_left_is_not_added_back_without_a_word(database: Database) -> None:
    signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS)
    leaving.unsubscribe(database, _stop_token(database), LINK, keys=KEYS)
    before = all_rows(database)
    with pytest.raises(AddressError, match="this reader has unsubscribed"):
        signup.add(database, MARIA, [DAILY, WEEKLY], COMMAND, keys=KEYS)
    assert all_rows(database) == before
    assert signup.add(database, MARIA, [DAILY], COMMAND, keys=KEYS, again=True).changed == (DAILY,)


def test_the_never_mail_list_wins_over_everybody(database: Database) -> None:
    _subscribe(database, DAILY)
    (token,) = _links(database)
    assert _suppress(database).changed == (DAILY,)
    assert _suppress(database).changed == ()
    with pytest.raises(AddressRefusedError, match=r"never-mail list \(complained\)"):
        signup.add(database, MARIA, [WEEKLY], COMMAND, keys=KEYS, again=True)
    with pytest.raises(AddressError):
        signup.confirm(database, token, LINK, keys=KEYS)
    before = all_rows(database)
    tomorrow = replace(FORM, at=NOON + timedelta(days=1))
    assert _subscribe(database, DAILY, WEEKLY, act=tomorrow) == Outcome(None, (DAILY, WEEKLY))
    after = all_rows(database)
    assert {**after, "limit_window": before["limit_window"]} == before  # only its use is counted
    assert _log(database)[-1] == Consent(ConsentKind.SUPPRESSED, DAILY, COMMAND)


def test_an_unknown_address_is_suppressed_for_one_newsletter_alone(database: Database) -> None:
    assert _suppress(database, scope="daily") == Outcome(None, (DAILY,))
    _subscribe(database, DAILY, WEEKLY)
    assert _states(database) == {WEEKLY: SubscriptionState.UNCONFIRMED}
    (token,) = _links(database)
    assert signup.confirm(database, token, LINK, keys=KEYS).changed == (WEEKLY,)
    with pytest.raises(NotFoundError, match="newsletter: monthly"):
        _suppress(database, scope="monthly")


def test_the_publisher_stops_an_address(database: Database) -> None:
    signup.add(database, MARIA, [DAILY, WEEKLY], COMMAND, keys=KEYS)
    reader = _reader(database)
    stop = leaving.unsubscribe_address
    assert stop(database, MARIA.upper(), [DAILY], COMMAND) == Outcome(reader.id, (DAILY,), (DAILY,))
    assert stop(database, MARIA, None, COMMAND) == Outcome(reader.id, (WEEKLY,), (WEEKLY,))
    with pytest.raises(NotFoundError, match="no such subscriber"):
        stop(database, "nobody@reader.example", None, COMMAND)


def test_an_act_with_unstorable_words_is_kept_without_them(database: Database) -> None:
    odd = Act(at=NOON, via="command", text="line\r\nbreak\0\ud800")
    signup.add(database, MARIA, [DAILY], odd, keys=KEYS)
    assert [each.act.text for each in _log(database)] == ["line\r\nbreak?"]


def test_an_erased_reader_cannot_be_confirmed(database: Database) -> None:
    _subscribe(database, DAILY)
    (token,) = _links(database)
    with database.write() as connection:
        connection.execute(
            sa.update(store.subscriber).values(
                address=None, address_key="erased:1", address_hmac=None, erased_at=NOON
            )
        )
    with pytest.raises(StaleTokenError):
        signup.confirm(database, token, LINK, keys=KEYS)
