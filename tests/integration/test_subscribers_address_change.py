"""A change of address: asked for by a link, true once the new mailbox says yes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.errors import TokenError
from digest.outbox.model import Notice, NoticeKind
from digest.outbox.store import due
from subscribers import address_change, leaving, preferences, reader_store, signup, store
from subscribers.address import Address, AddressRefusedError
from subscribers.address_change import Moved, Undo
from subscribers.change_store import What, changes_after
from subscribers.limits import LimitError, SignupPolicy
from subscribers.mailbox import mailbox_number
from subscribers.model import Act, Consent, ConsentKind, SubscriptionState, SuppressionReason
from subscribers.reader_store import Pending
from subscribers.tokens import Grant, Purpose, StaleTokenError
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import COMMAND, Reader, make_twins
from tests.integration.web_site import KEYS, MARIA, NOON

S, K = SubscriptionState, ConsentKind
NEW = "Maria.New@reader.example"
NEW_KEY = "maria.new@reader.example"
ASK = Act(NOON + timedelta(minutes=1), "link", "192.0.2.7", "Change the address")
YES = Act(NOON + timedelta(hours=2), "link", "192.0.2.8", "Yes, write to me here")
NAMES = {DAILY: "The Daily Brief", WEEKLY: "The Week"}
UNDO = Undo(link=lambda token: f"https://letters.example/a/{token}", language="en")
FAR = NOON + timedelta(days=9)


@dataclass(frozen=True)
class Mover:
    """A reader who changes address, and a look behind it."""

    reader: Reader
    database: Database

    def ask(self, address: str = NEW, act: Act = ASK, **more: object) -> bool:
        return address_change.ask_address(
            self.database,
            self.reader.token(),
            address,
            act,
            keys=KEYS,
            newsletter_names=NAMES,
            link=lambda token: f"https://letters.example/a/{token}",
            **more,  # type: ignore[arg-type]
        )

    def say_yes(self, token: str, act: Act = YES) -> Moved:
        return address_change.confirm_address(self.database, token, act, keys=KEYS, undo=UNDO)

    def notices(self, kind: NoticeKind = NoticeKind.ADDRESS) -> list[Notice]:
        with self.database.read() as connection:
            return [each for each in due(connection, now=FAR, limit=99) if each.kind is kind]

    def token(self) -> str:
        return str(self.notices()[-1].facts["confirm_url"]).rpartition("/")[2]

    def undo_token(self) -> str:
        return str(self.notices(NoticeKind.LINK)[-1].facts["link_url"]).rpartition("/")[2]

    def address(self, public_id: str) -> str | None:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, public_id=public_id)
        return found.address if found else None

    def states(self, address_key: str) -> dict[int, SubscriptionState]:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=address_key)
            assert found is not None
            return {
                each.newsletter_id: each.state
                for each in store.subscriptions_of(connection, found.id)
            }

    def acts(self, address_key: str) -> list[tuple[ConsentKind, int | None]]:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=address_key)
            assert found is not None
            log = store.consents_of(connection, found.id)
        return [(line.kind, line.newsletter_id) for line in log if line.kind != K.ADDED]


@pytest.fixture
def mover(database: Database) -> Mover:
    make_twins(database)
    reader = Reader(database)
    reader.join()
    return Mover(reader, database)


@pytest.fixture
def public_id(mover: Mover) -> str:
    return mover.reader.public_id


def _tokens(mover: Mover) -> Iterator[str]:
    for notice in mover.notices():
        yield str(notice.facts["confirm_url"]).rpartition("/")[2]


def test_the_new_mailbox_is_asked_and_nothing_else_changes(mover: Mover) -> None:
    tables = ("subscriber", "subscription", "consent", "audience_change")
    before = {name: all_rows(mover.database)[name] for name in tables}
    assert mover.ask()
    assert {name: all_rows(mover.database)[name] for name in tables} == before
    (notice,) = mover.notices()
    assert notice.to_address == NEW
    assert notice.facts == {
        "newsletter": ["The Daily Brief"],
        "address": NEW,
        "confirm_url": f"https://letters.example/a/{mover.token()}",
        "valid_days": 2,
    }
    with mover.database.read() as connection:
        waiting = reader_store.pending_of(connection, 1)
    assert waiting == Pending(Address(NEW, NEW_KEY), ASK.at)


def test_a_yes_moves_the_reader_and_links_of_old_letters_go_on_working(
    mover: Mover, public_id: str
) -> None:
    stop, choose = mover.reader.token(purpose=Purpose.UNSUBSCRIBE), mover.reader.token()
    mover.ask(language="de")
    assert address_change.read_change(mover.database, mover.token(), keys=KEYS, now=YES.at) == NEW
    assert mover.say_yes(mover.token()) == Moved(NEW)
    with mover.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=NEW_KEY)
        assert reader is not None
        log = store.consents_of(connection, reader.id)
        change = changes_after(connection, 0)[-1]
    assert (reader.public_id, reader.address) == (public_id, NEW)
    assert reader.address_hmac != ""
    assert log[-1] == Consent(K.ADDRESS, None, YES)
    assert (change.newsletter_id, change.what) == (None, What.CHANGED)
    found = preferences.show(mover.database, choose, keys=KEYS)
    assert found.standing.address == NEW
    leaving.unsubscribe(mover.database, stop, YES, keys=KEYS)
    assert mover.states(NEW_KEY) == {DAILY: S.UNSUBSCRIBED}


def test_yes_twice_is_yes_once(mover: Mover) -> None:
    mover.ask()
    mover.say_yes(mover.token())
    before = all_rows(mover.database)
    assert mover.say_yes(mover.token(), replace(YES, at=YES.at + timedelta(hours=1))) == Moved(NEW)
    assert all_rows(mover.database) == before


def test_the_old_address_is_told_and_may_take_it_back_once(mover: Mover, public_id: str) -> None:
    mover.ask()
    mover.say_yes(mover.token())
    (told,) = mover.notices(NoticeKind.LINK)
    assert told.to_address == MARIA
    back = mover.undo_token()
    assert told.facts == {
        "what": "changed",
        "address": MARIA,
        "link_url": f"https://letters.example/a/{back}",
        "valid_days": 2,
        "language": "en",
    }
    later = replace(YES, at=YES.at + timedelta(hours=1))
    assert mover.say_yes(back, later) == Moved(MARIA)
    assert mover.address(public_id) == MARIA
    again = mover.notices(NoticeKind.LINK)[-1]
    assert (again.to_address, again.facts["what"]) == (NEW, "changed")
    assert "link_url" not in again.facts
    with pytest.raises(StaleTokenError):
        mover.say_yes(mover.token(), replace(YES, at=YES.at + timedelta(hours=2)))
    assert mover.address(public_id) == MARIA


def test_only_the_spelling_is_changed_without_a_way_back(mover: Mover, public_id: str) -> None:
    mover.ask("Maria@reader.example")
    assert mover.say_yes(mover.token()) == Moved("Maria@reader.example")
    assert mover.address(public_id) == "Maria@reader.example"
    assert mover.notices(NoticeKind.LINK) == []
    before = all_rows(mover.database)
    assert mover.say_yes(mover.token()) == Moved("Maria@reader.example")
    assert all_rows(mover.database) == before


def test_the_address_they_have_is_no_change(mover: Mover) -> None:
    before = all_rows(mover.database)
    assert not mover.ask(MARIA)
    assert all_rows(mover.database) == before


# Which link counts


def test_only_the_last_change_asked_for_counts(mover: Mover, public_id: str) -> None:
    mover.ask()
    mover.ask("other@reader.example", replace(ASK, at=ASK.at + timedelta(minutes=1)))
    first, second = _tokens(mover)
    with pytest.raises(StaleTokenError):
        mover.say_yes(first)
    with pytest.raises(StaleTokenError):
        address_change.read_change(mover.database, first, keys=KEYS, now=YES.at)
    mover.say_yes(second)
    assert mover.address(public_id) == "other@reader.example"


def test_a_link_proves_its_own_mailbox_and_no_other(mover: Mover, public_id: str) -> None:
    """Asked for in the same second, the link of one address never confirms another."""
    mover.ask("thief@reader.example")
    mover.ask("victim@reader.example")
    thief, victim = _tokens(mover)
    assert thief != victim
    with pytest.raises(StaleTokenError):
        mover.say_yes(thief)
    assert mover.address(public_id) == MARIA


def test_a_link_works_for_two_days(mover: Mover, public_id: str) -> None:
    mover.ask()
    with pytest.raises(StaleTokenError, match="older than 2 days"):
        mover.say_yes(mover.token(), replace(YES, at=ASK.at + timedelta(days=2, seconds=61)))
    assert mover.address(public_id) == MARIA


def test_a_link_of_another_purpose_or_with_a_bit_turned_changes_nothing(mover: Mover) -> None:
    mover.ask()
    token = mover.token()
    turned = f"{token[:20]}{'A' if token[20] != 'A' else 'B'}{token[21:]}"
    mailbox = mailbox_number(KEYS.suppression, NEW_KEY)
    grant = Grant(mover.reader.public_id, (mailbox,), issued_at=ASK.at)
    before = all_rows(mover.database)
    for bad in (
        turned,
        token[:-1],
        mover.reader.token(),
        KEYS.links.sign(Purpose.DATA, grant),
        KEYS.links.sign(Purpose.ADDRESS, replace(grant, newsletter_ids=())),
        KEYS.links.sign(Purpose.ADDRESS, replace(grant, reader="ab" * 12)),
    ):
        with pytest.raises(TokenError):
            mover.say_yes(bad)
        with pytest.raises(TokenError):
            address_change.read_change(mover.database, bad, keys=KEYS, now=YES.at)
    assert all_rows(mover.database) == before


def test_who_was_erased_meanwhile_is_not_brought_back(mover: Mover) -> None:
    mover.ask()
    token, choose = mover.token(), mover.reader.token()
    gone = {"address": None, "address_key": "erased:1", "erased_at": NOON}
    with mover.database.write() as connection:
        connection.execute(sa.update(store.subscriber).values(gone))
    before = all_rows(mover.database)
    with pytest.raises(StaleTokenError):
        mover.say_yes(token)
    with pytest.raises(StaleTokenError):
        address_change.read_change(mover.database, token, keys=KEYS, now=YES.at)
    assert address_change.ask_address(
        mover.database, choose, "x@reader.example", ASK, keys=KEYS, newsletter_names=NAMES, link=str
    )
    assert all_rows(mover.database) == before


def test_who_gets_nothing_any_more_is_not_asked_about(mover: Mover) -> None:
    mover.reader.leave()
    assert mover.ask()
    assert mover.notices() == []
    with mover.database.read() as connection:
        assert reader_store.pending_of(connection, 1) is None


# Who may be written to, and how often


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "maria",
        "a@reader.example, b@reader.example",
        "a@reader.example\r\nBcc: all@reader.example",
        "a\0@reader.example",
        "a\u2028@reader.example",
        "alice@example.org)bob@example.com",
        '"a\r\n"@reader.example',
        "x" * 5000,
        "=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=",
        "maria@mailinator.com",
    ],
)
def test_what_is_no_address_is_refused_and_nothing_is_written(mover: Mover, typed: str) -> None:
    before = all_rows(mover.database)
    with pytest.raises(AddressRefusedError):
        mover.ask(typed)
    assert all_rows(mover.database) == before


def test_a_form_sent_twice_asks_once(mover: Mover) -> None:
    mover.ask()
    mover.ask(act=replace(ASK, at=ASK.at + timedelta(minutes=1)))
    assert len(mover.notices()) == 1
    mover.say_yes(mover.token())


def test_an_address_is_written_to_once_an_hour_whoever_asks(mover: Mover) -> None:
    """By any spelling of the mailbox; what cannot go within the hour waits, and no third does."""
    for minute, spelling in enumerate(
        ("v@reader.example", "v+a@reader.example", "V@reader.example")
    ):
        assert mover.ask(spelling, replace(ASK, at=ASK.at + timedelta(minutes=minute)))
    with mover.database.read() as connection:
        times = [each.created_at for each in due(connection, now=FAR, limit=9)]
    assert times == [ASK.at, ASK.at + timedelta(hours=1)]


def test_the_sign_up_form_and_this_one_share_the_hour(mover: Mover) -> None:
    signup.subscribe(
        mover.database, NEW, [DAILY], ASK, keys=KEYS, newsletter_names=NAMES, confirm_link=str
    )
    mover.ask(act=replace(ASK, at=ASK.at + timedelta(minutes=1)))
    (asked,) = mover.notices()
    assert asked.created_at == ASK.at + timedelta(hours=1)


def test_one_network_may_ask_only_so_often(mover: Mover) -> None:
    policy = SignupPolicy(per_network=2)
    for number in range(2):
        assert mover.ask(f"a{number}@reader.example", policy=policy)
    before = all_rows(mover.database)
    with pytest.raises(LimitError) as caught:
        mover.ask("a3@reader.example", policy=policy)
    assert caught.value.wait > timedelta()
    assert all_rows(mover.database) == before


@pytest.mark.parametrize("reason", SuppressionReason)
def test_an_address_on_the_never_mail_list_is_not_written_to(
    mover: Mover, reason: SuppressionReason, public_id: str
) -> None:
    leaving.suppress(mover.database, NEW, COMMAND, keys=KEYS, reason=reason)
    assert mover.ask()
    assert mover.notices() == []
    with mover.database.read() as connection:
        waiting = reader_store.pending_of(connection, 1)
    assert waiting is not None
    mailbox = mailbox_number(KEYS.suppression, NEW_KEY)
    token = KEYS.links.sign(Purpose.ADDRESS, Grant(public_id, (mailbox,), issued_at=ASK.at))
    with pytest.raises(AddressRefusedError, match="never-mail list"):
        mover.say_yes(token)
    assert mover.address(public_id) == MARIA


def test_an_address_that_refused_one_newsletter_is_refused_as_long_as_it_is_had(
    mover: Mover, public_id: str
) -> None:
    complained = SuppressionReason.COMPLAINED
    leaving.suppress(mover.database, NEW, COMMAND, keys=KEYS, reason=complained, scope="daily")
    mover.ask()
    with pytest.raises(AddressRefusedError):
        mover.say_yes(mover.token())
    mover.reader.join(WEEKLY)
    mover.reader.leave()
    assert mover.say_yes(mover.token()) == Moved(NEW)
    assert mover.address(public_id) == NEW


def test_what_forbids_the_old_address_stays_with_it(mover: Mover) -> None:
    mover.ask()
    bounced = SuppressionReason.BOUNCED
    leaving.suppress(mover.database, MARIA, COMMAND, keys=KEYS, reason=bounced)
    mover.say_yes(mover.token())
    assert mover.notices(NoticeKind.LINK) == [], "the old one is not written to"
    signup.add(mover.database, NEW, [DAILY], YES, keys=KEYS, again=True)
    assert mover.states(NEW_KEY) == {DAILY: S.CONFIRMED}
    with pytest.raises(AddressRefusedError, match="never-mail list"):
        signup.add(mover.database, MARIA, [DAILY], YES, keys=KEYS)


# An address that is a reader's already


def _other(mover: Mover, *newsletter_ids: int) -> str:
    signup.add(mover.database, NEW, newsletter_ids, COMMAND, keys=KEYS)
    with mover.database.read() as connection:
        found = store.find_subscriber(connection, address_key=NEW_KEY)
    assert found is not None
    return found.public_id


def test_nobody_who_asks_learns_that_the_address_is_known(mover: Mover) -> None:
    _other(mover, WEEKLY)
    assert mover.ask()
    known = mover.notices()[-1]
    assert mover.ask("unknown@reader.example", replace(ASK, at=ASK.at + timedelta(hours=1)))
    unknown = mover.notices()[-1]
    assert known.facts.keys() == unknown.facts.keys()
    assert known.facts["newsletter"] == unknown.facts["newsletter"]


def test_two_readers_become_one_and_what_one_had_left_stays_left(mover: Mover) -> None:
    mover.reader.join(WEEKLY)
    other = _other(mover, WEEKLY)
    leaving.unsubscribe_address(mover.database, NEW, [WEEKLY], COMMAND)
    until = date(2026, 1, 16)
    token = mover.reader.token()
    preferences.pause(mover.database, token, ASK, keys=KEYS, until=until, zone="America/Tortola")
    mover.ask()
    assert mover.say_yes(mover.token()) == Moved(NEW, joined=True)
    assert mover.states(NEW_KEY) == {DAILY: S.PAUSED, WEEKLY: S.UNSUBSCRIBED}
    assert mover.states(MARIA) == {DAILY: S.UNSUBSCRIBED, WEEKLY: S.UNSUBSCRIBED}
    assert mover.acts(NEW_KEY)[-2:] == [(K.CONFIRMED, DAILY), (K.ADDRESS, None)]
    assert mover.acts(MARIA)[-3:] == [(K.MOVED, DAILY), (K.MOVED, WEEKLY), (K.ADDRESS, None)]
    assert mover.address(other) == NEW
    with mover.database.read() as connection:
        found = store.find_subscriber(connection, public_id=other)
        assert found is not None
        moved = store.find_subscription(connection, found.id, DAILY)
        what = [each.what for each in changes_after(connection, 0) if each.at == YES.at]
    assert moved is not None
    assert moved.paused_until == datetime(2026, 1, 16, 4, tzinfo=UTC)
    assert what == [What.PAUSED, What.LEFT, What.LEFT]
    (told,) = mover.notices(NoticeKind.LINK)
    assert (told.to_address, "link_url" in told.facts) == (MARIA, False)


def test_what_both_had_stays_as_the_owner_of_the_address_had_it(mover: Mover) -> None:
    _other(mover, DAILY)
    before = mover.states(NEW_KEY)
    mover.ask()
    mover.say_yes(mover.token())
    assert mover.states(NEW_KEY) == before
    assert mover.states(MARIA) == {DAILY: S.UNSUBSCRIBED}


def test_an_unanswered_request_of_the_other_is_answered_by_the_yes(mover: Mover) -> None:
    signup.subscribe(
        mover.database, NEW, [DAILY], COMMAND, keys=KEYS, newsletter_names=NAMES, confirm_link=str
    )
    mover.ask()
    assert mover.say_yes(mover.token()).joined
    assert mover.states(NEW_KEY) == {DAILY: S.CONFIRMED}


def test_two_become_one_but_once(mover: Mover) -> None:
    _other(mover, WEEKLY)
    mover.ask()
    mover.say_yes(mover.token())
    before = all_rows(mover.database)
    again = mover.say_yes(mover.token(), replace(YES, at=YES.at + timedelta(minutes=1)))
    assert again == Moved(NEW, joined=True)
    assert all_rows(mover.database) == before


def test_two_yeses_at_once_are_one(mover: Mover) -> None:
    mover.ask()
    token = mover.token()
    start = threading.Barrier(2)
    results: list[object] = []

    def press() -> None:
        start.wait()
        try:
            results.append(mover.say_yes(token))
        except BaseException as error:  # noqa: BLE001 - told below
            results.append(error)

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [Moved(NEW)] * 2
    assert len(mover.notices(NoticeKind.LINK)) == 1
    assert mover.acts(NEW_KEY).count((K.ADDRESS, None)) == 1


def test_two_readers_who_move_to_one_address_at_once_end_as_one(mover: Mover) -> None:
    """Neither yes is lost, and nobody has an address that is somebody else's."""
    signup.add(mover.database, "nina@reader.example", [WEEKLY], COMMAND, keys=KEYS)
    with mover.database.read() as connection:
        nina = store.find_subscriber(connection, address_key="nina@reader.example")
    assert nina is not None
    token = KEYS.links.sign(Purpose.PREFERENCES, Grant(nina.public_id, (WEEKLY,)))
    mover.ask()
    address_change.ask_address(
        mover.database,
        token,
        NEW,
        replace(ASK, at=ASK.at + timedelta(hours=1)),
        keys=KEYS,
        newsletter_names=NAMES,
        link=str,
    )
    tokens = [str(each.facts["confirm_url"]).rpartition("/")[2] for each in mover.notices()]
    assert len(tokens) == 2
    start = threading.Barrier(2)
    results: list[object] = []

    def press(token: str) -> None:
        start.wait()
        try:
            results.append(mover.say_yes(token))
        except BaseException as error:  # noqa: BLE001 - told below
            results.append(error)

    threads = [threading.Thread(target=press, args=(each,)) for each in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(repr, results)) == sorted(map(repr, [Moved(NEW), Moved(NEW, joined=True)]))
    assert mover.states(NEW_KEY) == {DAILY: S.CONFIRMED, WEEKLY: S.CONFIRMED}
