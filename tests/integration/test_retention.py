from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.db import Database
from digest.delivery import store as ledger
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, Notice, NoticeKind
from digest.outbox.store import notice
from digest.people import store as people
from digest.people.model import NewToken, Scope
from digest.workflow import retention
from digest.workflow.erase import erase
from digest.workflow.retention import Gone, Keep, retain
from subscribers import leaving, signup, store
from subscribers.change_store import What, audience_change, tell_change
from subscribers.limit_store import limit_window, take
from subscribers.model import Act, ConsentKind, SuppressionReason
from subscribers.tokens import Key, KeyRing, Keys
from tests.integration.newsletters import DAILY, WEEKLY, all_rows, make_newsletters
from tests.unit.delivery.delivery_builders import an_edition

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
NAMES = {DAILY: "The Daily Brief", WEEKLY: "The Week"}
KEEP = Keep()
DAY = timedelta(days=1)
MARIA = "maria@reader.example"


@pytest.fixture(autouse=True)
def _newsletters(database: Database) -> None:
    make_newsletters(database)


def _ask(database: Database, address: str = MARIA, *, at: datetime = NOON) -> None:
    signup.subscribe(
        database,
        address,
        [DAILY],
        Act(at, "form", ip="192.0.2.7", text="Subscribe"),
        keys=KEYS,
        newsletter_names=NAMES,
        confirm_link=lambda token: f"https://letters.example/confirm/{token}",
    )


def _add(database: Database, address: str = MARIA, *, at: datetime = NOON) -> int:
    act = Act(at, "command", ip="192.0.2.7")
    done = signup.add(database, address, [DAILY], act, keys=KEYS).subscriber_id
    assert done is not None
    return done


def _count(database: Database, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    with database.read() as connection:
        query = sa.select(sa.func.count()).select_from(table).where(*where)
        return connection.execute(query).scalar_one()


def _clear(database: Database, *tables: sa.Table) -> None:
    """Take away what is not the test's subject."""
    with database.write() as connection:
        for table in tables:
            connection.execute(sa.delete(table))


def test_an_ip_is_emptied_when_its_time_is_over_and_the_line_stays(database: Database) -> None:
    number = _add(database)
    _add(database, at=NOON)
    later = _add(database, "ann@reader.example", at=NOON + DAY)
    assert retain(database, KEEP, NOON + 90 * DAY) == Gone()
    assert retain(database, KEEP, NOON + 90 * DAY + timedelta(seconds=1)) == Gone(ips=1, changes=1)
    with database.read() as connection:
        assert [line.act.ip for line in store.consents_of(connection, number)] == [None]
        assert [line.act.ip for line in store.consents_of(connection, later)] == ["192.0.2.7"]


def test_who_never_confirmed_is_forgotten_with_their_lines(database: Database) -> None:
    _ask(database)
    _ask(database, "young@reader.example", at=NOON + 2 * DAY)
    _clear(database, notice)
    gone = retain(database, KEEP, NOON + 31 * DAY)
    assert (gone.readers, gone.windows) == (1, 6)
    with database.read() as connection:
        known = connection.scalars(sa.select(store.subscriber.c.address)).all()
    assert known == ["young@reader.example"]
    assert _count(database, store.consent) == 1
    assert _count(database, store.subscription) == 1


def _confirmed(database: Database, number: int) -> None:
    act = Act(NOON, "command")
    signup.add(database, MARIA, [WEEKLY], act, keys=KEYS)
    assert number


def _left(database: Database, number: int) -> None:
    assert number
    leaving.unsubscribe_address(database, MARIA, None, Act(NOON, "command"))


def _suppressed(database: Database, number: int) -> None:
    assert number
    reason = SuppressionReason.PUBLISHER
    leaving.suppress(database, MARIA, Act(NOON, "command"), keys=KEYS, reason=reason)


def _tagged(database: Database, number: int) -> None:
    with database.write() as connection:
        values = {"subscriber_id": number, "tag": "fair"}
        connection.execute(sa.insert(store.subscriber_tag).values(values))


def _asked_again(database: Database, number: int) -> None:
    assert number
    _ask(database, at=NOON + 20 * DAY)


def _once_confirmed(database: Database, number: int) -> None:
    mine = store.subscription.c.subscriber_id == number
    with database.write() as connection:
        connection.execute(sa.update(store.subscription).where(mine).values(confirmed_at=NOON))


@pytest.mark.parametrize(
    "said", [_confirmed, _left, _suppressed, _tagged, _asked_again, _once_confirmed]
)
def test_whoever_said_yes_or_no_is_remembered(
    said: Callable[[Database, int], None], database: Database
) -> None:
    _ask(database)
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=MARIA)
    assert found is not None
    said(database, found.id)
    assert retain(database, KEEP, NOON + 40 * DAY).readers == 0
    assert _count(database, store.subscriber, store.subscriber.c.address == MARIA) == 1


def test_who_stands_in_the_feed_is_blanked_instead(database: Database) -> None:
    _ask(database)
    with database.write() as connection:
        number = connection.execute(sa.select(store.subscriber.c.id)).scalar_one()
        tell_change(connection, number, [DAILY], What.CHANGED, at=NOON + 30 * DAY)
    assert retain(database, KEEP, NOON + 31 * DAY).readers == 1
    with database.read() as connection:
        row = connection.execute(sa.select(store.subscriber)).one()
        (line,) = store.consents_of(connection, number)
    assert (row.address, row.address_hmac, row.erased_at) == (None, None, NOON + 31 * DAY)
    assert (line.kind, line.act.ip) == (ConsentKind.ASKED, None)
    assert _count(database, store.subscription) == 0
    assert retain(database, KEEP, NOON + 31 * DAY) == Gone()


def _tell(database: Database, key: str, kind: NoticeKind, *, done: bool = True) -> None:
    new = NewNotice(key, kind, "a@reader.example", {"address": "a@reader.example"}, NOON)
    with database.write() as connection:
        outbox.put(connection, new)
        found = Notice(_last(connection), key, kind, "", {}, 0, NOON)
        if done:
            outbox.mark_sent(connection, found, at=NOON, reply="250 <a@reader.example> ok")


def _last(connection: sa.Connection) -> int:
    last: int = connection.execute(sa.select(sa.func.max(notice.c.id))).scalar_one()
    return last


def test_notices_are_emptied_and_dropped_when_their_keys_have_done_their_work(
    database: Database,
) -> None:
    _tell(database, "welcome:1", NoticeKind.WELCOME)
    _tell(database, "confirm:1", NoticeKind.CONFIRM, done=False)
    _tell(database, "editors:daily/2026-01-09:draft:a", NoticeKind.EDITORS)
    _tell(database, "operators:source:site:dead:2026:a", NoticeKind.OPERATORS)
    _tell(database, "operators:2026-01-09:crash:web:a", NoticeKind.OPERATORS)
    assert retain(database, KEEP, NOON + 30 * DAY) == Gone()
    assert retain(database, KEEP, NOON + 30 * DAY + timedelta(minutes=1)) == Gone(notices=4)
    with database.read() as connection:
        rows = connection.execute(sa.select(notice).order_by(notice.c.id)).all()
    assert [(row.dedupe_key, row.to_address, row.facts, row.reply) for row in rows] == [
        ("welcome:1", "", {}, ""),
        ("confirm:1", "a@reader.example", {"address": "a@reader.example"}, ""),
        ("editors:daily/2026-01-09:draft:a", "", {}, ""),
        ("operators:source:site:dead:2026:a", "", {}, ""),
        ("operators:2026-01-09:crash:web:a", "", {}, ""),
    ]
    assert retain(database, KEEP, NOON + 32 * DAY) == Gone(notices=2)
    assert retain(database, KEEP, NOON + 99 * DAY) == Gone()
    with database.read() as connection:
        keys = connection.scalars(sa.select(notice.c.dedupe_key).order_by(notice.c.id)).all()
    assert keys == ["confirm:1", *(row.dedupe_key for row in rows[2:4])]


def test_a_link_is_answered_once_however_short_notices_are_kept(database: Database) -> None:
    _tell(database, "welcome:1", NoticeKind.WELCOME)
    short = replace(KEEP, notices=timedelta(hours=1))
    assert retain(database, short, NOON + DAY) == Gone(notices=1)
    _tell(database, "welcome:1", NoticeKind.WELCOME)
    assert _count(database, notice) == 1


def test_attempts_are_dropped_by_their_age(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    numbers = [_add(database, f"reader{n}@reader.example") for n in range(3)]
    editions = [an_edition(database, day=day) for day in (7, 8, 9)]
    with database.write() as connection:
        for made, days in zip(editions, (0, 1, 200), strict=True):
            rows = [
                {
                    "edition_id": made.id,
                    "subscriber_id": number,
                    "n": 1,
                    "state": "failed",
                    "code": 550,
                    "reply": "no",
                    "at": NOON + days * DAY,
                }
                for number in numbers
            ]
            connection.execute(sa.insert(ledger.attempt), rows)
    assert retain(database, KEEP, NOON + 182 * DAY).attempts == 6
    assert _count(database, ledger.attempt) == 3


def test_the_feed_answers_counters_and_changes_of_address_have_their_time(
    database: Database,
) -> None:
    number = _add(database)
    with database.write() as connection:
        new = NewToken("t" * 8, "hash", "the CRM", frozenset(Scope), NOON)
        token = people.create_token(connection, new)
        people.begin_answer(connection, token.id, "key", "r", at=NOON, given_up_before=NOON)
        take(connection, "form:all", most=1, within=DAY, now=NOON)
        values = {"address": "new@reader.example", "address_key": "new@reader.example"}
        waiting = sa.insert(store.pending_address)
        connection.execute(waiting.values(subscriber_id=number, asked_at=NOON, **values))
    tables = (audience_change, people.idempotency, limit_window, store.pending_address)
    assert retain(database, KEEP, NOON + DAY) == Gone()
    assert retain(database, KEEP, NOON + DAY + timedelta(minutes=1)) == Gone(answers=1)
    late = NOON + 2 * DAY + timedelta(minutes=1)
    assert retain(database, KEEP, late) == Gone(windows=1, changes_of_address=1)
    none = replace(KEEP, changes=timedelta(0))
    assert retain(database, none, NOON + DAY) == Gone()
    assert retain(database, none, late) == Gone(changes=1)
    assert [_count(database, table) for table in tables] == [0, 0, 0, 0]


def test_words_that_a_server_said_after_the_erasing_are_emptied(database: Database) -> None:
    number = _add(database)
    made = an_edition(database)
    erase(database, subscriber_id=number, act=Act(NOON, "link"), keys=KEYS)
    with database.write() as connection:
        values = {"n": 1, "state": "failed", "code": 550, "reply": f"<{MARIA}> no", "at": NOON}
        late = sa.insert(ledger.attempt)
        connection.execute(late.values(edition_id=made.id, subscriber_id=number, **values))
    assert retain(database, KEEP, NOON + DAY) == Gone(late_words=1)
    assert retain(database, KEEP, NOON + DAY) == Gone()
    assert _count(database, ledger.attempt, ledger.attempt.c.reply == "") == 1


def test_where_nothing_is_due_the_lock_is_not_taken(database: Database) -> None:
    _add(database)
    _ask(database, "ann@reader.example")
    if database.is_sqlite:
        other = Database(str(database.url))
        with other.write():
            assert retain(database, KEEP, NOON + DAY) == Gone()
        other.close()
    looking = Database(database.url.render_as_string(hide_password=False), read_only=True)
    assert retain(looking, KEEP, NOON + DAY) == Gone()
    looking.close()


def test_it_goes_in_steps_and_can_be_stopped_between_two(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 3)
    for n in range(7):
        _ask(database, f"reader{n}@reader.example")
    late, asked = NOON + 29 * DAY, []
    short = replace(KEEP, ip=DAY, unconfirmed=60 * DAY)

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 2

    assert retain(database, short, late, stop=stop).ips == 6
    assert retain(database, short, late).ips == 1
    assert retain(database, KEEP, NOON + 31 * DAY).readers == 7


_ACTS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "add", "leave", "suppress", "erase", "retain"]),
        st.integers(0, 3),
        st.integers(0, 60),
    ),
    max_size=14,
)
_KEEPS = st.builds(
    Keep, *(st.integers(0, 40).map(lambda days: timedelta(days=days)) for _ in range(5))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(acts=_ACTS, keep=_KEEPS, days=st.integers(0, 400))
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_whom_we_mail_is_the_same_before_and_after(
    acts: list[tuple[str, int, int]], keep: Keep, days: int, database: Database
) -> None:
    _clear(database, notice, limit_window, audience_change, store.consent, store.subscription)
    _clear(database, store.suppression, store.subscriber)
    at = NOON
    for what, who, wait in acts:
        at += wait * DAY
        _act(database, what, f"reader{who}@reader.example", at)
    before = [_audience(database, at + days * DAY, gap) for gap in (0, 500)]
    retain(database, keep, at + days * DAY)
    assert [_audience(database, at + days * DAY, gap) for gap in (0, 500)] == before


def _act(database: Database, what: str, address: str, at: datetime) -> None:
    act = Act(at, "command")
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=address)
    if what == "ask":
        _ask(database, address, at=at)
    elif what == "suppress":
        reason = SuppressionReason.PUBLISHER
        leaving.suppress(database, address, act, keys=KEYS, reason=reason)
    elif what == "retain":
        retain(database, KEEP, at)
    elif found is None:
        signup_is_possible = not _count(database, store.suppression)
        if what == "add" and signup_is_possible:
            signup.add(database, address, [DAILY, WEEKLY], act, keys=KEYS)
    elif what == "leave":
        leaving.unsubscribe_address(database, address, [WEEKLY], act)
    elif what == "erase":
        erase(database, subscriber_id=found.id, act=act, keys=KEYS)


def _audience(database: Database, at: datetime, days: int) -> list[tuple[int, ...]]:
    now = at + days * DAY
    with database.read() as connection:
        return [
            tuple(row.subscriber_id for row in connection.execute(store.audience(each, now=now)))
            for each in (DAILY, WEEKLY)
        ]


def test_nothing_changes_twice(database: Database) -> None:
    _ask(database)
    _add(database, "ann@reader.example")
    retain(database, KEEP, NOON + 400 * DAY)
    before = all_rows(database)
    assert retain(database, KEEP, NOON + 400 * DAY) == Gone()
    assert all_rows(database) == before
