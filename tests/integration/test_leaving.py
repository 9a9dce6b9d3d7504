from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.db import Database
from digest.errors import NotFoundError, TokenError
from digest.outbox import store as outbox
from digest.outbox.model import Notice, NoticeKind
from subscribers import leaving, signup, store
from subscribers.departures import Departure, Departures
from subscribers.leaving import Goodbye, LeftByMail, leave_by_mail
from subscribers.mailto import Wish
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    Outcome,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.suppression import address_hash
from subscribers.tokens import Grant, Key, KeyRing, Keys, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows, make_newsletters

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
NEW_KEYS = Keys(KeyRing((Key(2, b"n" * 32), Key(1, b"k" * 32))), b"s" * 32)
OTHER_KEYS = Keys(KeyRing((Key(1, b"x" * 32),)), b"s" * 32)
MARIA, BOB = "maria@reader.example.org", "bob@reader.example.org"
CLICK = Act(NOON, "one-click", ip="192.0.2.7", text="Unsubscribe")
GOODBYE = Goodbye({DAILY: "The Daily Brief", WEEKLY: "The Week"}, "https://l.example/subscribe")
LEFT, CONFIRMED = SubscriptionState.UNSUBSCRIBED, SubscriptionState.CONFIRMED


@pytest.fixture(autouse=True)
def _readers(database: Database) -> None:
    make_newsletters(database)
    for each in (MARIA, BOB):
        signup.add(database, each, [DAILY, WEEKLY], Act(NOON - timedelta(1), "command"), keys=KEYS)


@pytest.fixture
def kept(tmp_path: Path) -> Departures:
    return Departures(tmp_path / "unsubscribes.ndjson")


def public_id(database: Database, address: str = MARIA) -> str:
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=address)
    assert found is not None
    return found.public_id


def token(database: Database, *newsletters: int, address: str = MARIA) -> str:
    grant = Grant(public_id(database, address), newsletters or (DAILY,))
    return KEYS.links.sign(Purpose.UNSUBSCRIBE, grant)


def states(database: Database, address: str = MARIA) -> list[SubscriptionState]:
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=address)
        assert found is not None
        return [each.state for each in store.subscriptions_of(connection, found.id)]


def lines(kept: Departures) -> list[Departure | None]:
    return [line.departure for line in kept.after(0)] if kept.size() else []


def goodbyes(database: Database) -> list[Notice]:
    with database.read() as connection:
        found = outbox.due(connection, now=NOON + timedelta(days=9), limit=99)
    return [each for each in found if each.kind is NoticeKind.GOODBYE]


def line_of(database: Database, slugs: Sequence[str] | None) -> Departure:
    hashed = address_hash(KEYS.suppression, MARIA)
    names = None if slugs is None else tuple(slugs)
    return Departure("unsubscribed", NOON, public_id(database), hashed, names)


# the file of departures


def test_who_leaves_stands_in_the_file_once_however_often_they_press(
    database: Database, kept: Departures
) -> None:
    link = token(database)
    leaving.unsubscribe(database, link, CLICK, keys=KEYS, departures=kept)
    assert lines(kept) == [line_of(database, ["daily"])]
    after = all_rows(database)
    again = leaving.unsubscribe(database, link, CLICK, keys=KEYS, departures=kept)
    assert again.changed == ()
    assert lines(kept) == [line_of(database, ["daily"])]
    assert all_rows(database) == after
    leaving.unsubscribe(database, link, CLICK, keys=KEYS, departures=kept, everything=True)
    assert lines(kept)[1:] == [line_of(database, None)]
    assert states(database) == [LEFT, LEFT]


def test_the_line_is_in_the_file_before_the_database_says_so(
    database: Database, kept: Departures
) -> None:
    class Watching(Departures):
        def append(self, departures: Sequence[Departure]) -> None:
            super().append(departures)
            seen.append(states(database))

    seen: list[list[SubscriptionState]] = []
    watching = Watching(kept.path)
    leaving.unsubscribe(database, token(database), CLICK, keys=KEYS, departures=watching)
    leaving.unsubscribe_address(database, MARIA, None, CLICK, departures=watching)
    assert seen == [[CONFIRMED, CONFIRMED], [LEFT, CONFIRMED]]
    assert states(database) == [LEFT, LEFT]


def test_a_file_that_cannot_be_written_keeps_nobody_in_and_is_told(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()
    broken = Departures(tmp_path / "folder")
    leaving.unsubscribe(database, token(database), CLICK, keys=KEYS, departures=broken)
    assert states(database) == [LEFT, CONFIRMED]
    assert [(each.levelno, each.message) for each in caplog.records] == [
        (logging.ERROR, "departure not kept in its file")
    ]
    assert MARIA not in caplog.text


def test_what_was_confirmed_between_our_two_looks_is_ended_and_kept_too(
    database: Database, kept: Departures
) -> None:
    leaving.unsubscribe_address(database, MARIA, [WEEKLY], CLICK)

    class Slow(Departures):
        def append(self, departures: Sequence[Departure]) -> None:
            super().append(departures)
            if len(lines(kept)) == 1:
                later = Act(NOON + timedelta(seconds=1), "command")
                signup.add(database, MARIA, [WEEKLY], later, keys=KEYS, again=True)

    link = token(database, DAILY, WEEKLY)
    slow = Slow(kept.path)
    outcome = leaving.unsubscribe(database, link, CLICK, keys=KEYS, departures=slow)
    assert outcome.changed == (DAILY, WEEKLY)
    assert lines(kept) == [line_of(database, ["daily"]), line_of(database, ["weekly"])]


def test_a_reader_whom_a_restored_backup_forgot_is_kept_for_a_newer_one(
    database: Database, kept: Departures
) -> None:
    link = KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant("99" * 12, (DAILY,)))
    outcome = leaving.unsubscribe(database, link, CLICK, keys=KEYS, departures=kept)
    assert outcome == Outcome(None, (DAILY,))
    assert lines(kept) == [Departure("unsubscribed", NOON, "99" * 12, "", ("daily",))]
    with pytest.raises(NotFoundError):
        leaving.unsubscribe_address(database, "who@reader.example.org", None, CLICK)


def test_an_address_on_the_never_mail_list_stands_in_the_file_with_the_reason(
    database: Database, kept: Departures
) -> None:
    for address, scope in (("new@reader.example.org", "all"), (MARIA, "weekly")):
        leaving.suppress(
            database,
            address,
            CLICK,
            keys=KEYS,
            reason=SuppressionReason.COMPLAINED,
            scope=scope,
            departures=kept,
        )
    unknown = address_hash(KEYS.suppression, "new@reader.example.org")
    suppressed = replace(line_of(database, ["weekly"]), kind="suppressed", reason="complained")
    assert lines(kept) == [
        Departure("suppressed", NOON, "", unknown, None, "complained"),
        suppressed,
    ]


# goodbye


def test_one_last_mail_says_what_ended_at_most_one_an_hour(database: Database) -> None:
    assert goodbyes(database) == []
    leaving.unsubscribe(database, token(database), CLICK, keys=KEYS, goodbye=GOODBYE)
    soon = replace(CLICK, at=NOON + timedelta(minutes=59))
    leaving.unsubscribe(database, token(database, WEEKLY), soon, keys=KEYS, goodbye=GOODBYE)
    (notice,) = goodbyes(database)
    assert (notice.to_address, notice.facts) == (
        MARIA,
        {
            "newsletter": ["The Daily Brief"],
            "address": MARIA,
            "back_url": "https://l.example/subscribe",
        },
    )
    other = token(database, DAILY, WEEKLY, address=BOB)
    spoken = replace(GOODBYE, language="fr")
    leaving.unsubscribe(database, other, soon, keys=KEYS, goodbye=spoken)
    assert [each.facts.get("language") for each in goodbyes(database)] == [None, "fr"]


def test_no_last_mail_is_written_when_nobody_wants_it_or_nothing_ended(database: Database) -> None:
    link = token(database)
    leaving.unsubscribe(database, link, CLICK, keys=KEYS)
    leaving.unsubscribe(database, link, CLICK, keys=KEYS, goodbye=GOODBYE)
    gone = replace(GOODBYE, newsletter_names={})
    leaving.unsubscribe(database, token(database, WEEKLY), CLICK, keys=KEYS, goodbye=gone)
    assert states(database) == [LEFT, LEFT]
    assert goodbyes(database) == []


# links


def test_a_link_works_after_its_newsletter_is_gone_and_keys_were_rotated(
    database: Database,
) -> None:
    link = token(database, DAILY, 999)
    left = leaving.unsubscribe(database, link, CLICK, keys=NEW_KEYS)
    assert left.changed == (DAILY,)
    fresh = NEW_KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant(public_id(database), (WEEKLY,)))
    with pytest.raises(TokenError):
        leaving.unsubscribe(database, fresh, CLICK, keys=KEYS)
    assert leaving.unsubscribe(database, fresh, CLICK, keys=NEW_KEYS).changed == (WEEKLY,)


def test_no_single_bit_of_a_link_can_be_turned(database: Database) -> None:
    link = token(database)
    before = all_rows(database)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at, letter in enumerate(link):
        for bit in range(6):
            turned = alphabet[alphabet.index(letter) ^ 1 << bit]
            forged = f"{link[:at]}{turned}{link[at + 1 :]}"
            with pytest.raises(TokenError, match="damaged, or not one of ours"):
                leaving.unsubscribe(database, forged, CLICK, keys=KEYS)
    assert all_rows(database) == before


def test_a_link_of_another_purpose_or_another_installation_stops_nothing(
    database: Database, kept: Departures
) -> None:
    before = all_rows(database)
    grant = Grant(public_id(database), (DAILY,))
    for purpose in set(Purpose) - {Purpose.UNSUBSCRIBE}:
        dated = purpose is not Purpose.PREFERENCES
        link = KEYS.links.sign(purpose, replace(grant, issued_at=NOON) if dated else grant)
        with pytest.raises(TokenError):
            leaving.unsubscribe(database, link, CLICK, keys=KEYS, departures=kept)
    with pytest.raises(TokenError):
        leaving.unsubscribe(database, token(database), CLICK, keys=OTHER_KEYS, departures=kept)
    assert all_rows(database) == before
    assert lines(kept) == []


def test_many_who_press_at_once_all_leave_and_each_once(
    database: Database, kept: Departures
) -> None:
    links = [token(database, each, address=who) for each in (DAILY, WEEKLY) for who in (MARIA, BOB)]
    outcomes: list[Outcome] = []

    def press(link: str) -> None:
        outcomes.append(leaving.unsubscribe(database, link, CLICK, keys=KEYS, departures=kept))

    threads = [threading.Thread(target=press, args=(link,)) for link in links * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 12
    assert sorted(each for one in outcomes for each in one.changed) == [DAILY] * 2 + [WEEKLY] * 2
    assert states(database) + states(database, BOB) == [LEFT] * 4


# mailto


def mail(subject: str, *more: str) -> bytes:
    fields = [f"From: {MARIA}", f"Subject: {subject}", *more]
    return ("\r\n".join(fields) + "\r\n\r\n").encode()


def by_mail(database: Database, message: bytes, kept: Departures | None = None) -> LeftByMail:
    act = Act(NOON, "mail")
    return leave_by_mail(database, message, act, keys=KEYS, departures=kept, goodbye=GOODBYE)


def test_a_mail_with_a_genuine_token_ends_what_it_names(
    database: Database, kept: Departures
) -> None:
    done = by_mail(database, mail(f"Re: Unsubscribe {token(database)}"), kept)
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=MARIA)
        assert reader is not None
        log = store.consents_of(connection, reader.id)
    assert done == LeftByMail(Wish.LEAVE, (Outcome(reader.id, (DAILY,), (DAILY,)),))
    assert log[-1] == Consent(ConsentKind.UNSUBSCRIBED, DAILY, Act(NOON, "mail"))
    assert lines(kept) == [line_of(database, ["daily"])]
    assert len(goodbyes(database)) == 1


def test_several_tokens_each_count_and_a_forged_one_among_them_does_not(
    database: Database,
) -> None:
    mine, other = token(database), token(database, DAILY, address=BOB)
    done = by_mail(database, mail(f"unsubscribe {mine} {mine[:-1]}x {other}"))
    assert [each.changed for each in done.outcomes] == [(DAILY,), (DAILY,)]
    assert states(database) == states(database, BOB) == [LEFT, CONFIRMED]


def test_a_forged_mail_ends_nothing(database: Database, kept: Departures) -> None:
    forged = OTHER_KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant(public_id(database), (DAILY,)))
    page = KEYS.links.sign(Purpose.PREFERENCES, Grant(public_id(database), (DAILY,)))
    before = all_rows(database)
    for subject in (f"unsubscribe {forged}", f"unsubscribe {page}", "unsubscribe", MARIA):
        assert by_mail(database, mail(subject), kept) == LeftByMail(Wish.ASK, ask=MARIA)
    genuine = token(database)
    bounced = by_mail(database, mail(f"unsubscribe {genuine}", "Return-Path: <>"), kept)
    assert bounced == LeftByMail(Wish.NONE, reason="a bounce")
    machine = mail(f"unsubscribe {forged}", "Auto-Submitted: auto-generated")
    assert by_mail(database, machine, kept) == LeftByMail(Wish.NONE, reason="no link of ours")
    assert all_rows(database) == before
    assert lines(kept) == []
