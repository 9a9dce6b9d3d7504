from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery import domain_store
from digest.delivery import store as ledger
from digest.errors import TokenError
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from digest.outbox.store import notice
from digest.people import store as people
from digest.people.model import Answer, NewToken, Scope
from digest.workflow.erase import erase
from digest.workflow.replay import replay_departures
from subscribers import leaving, signup, store
from subscribers.address import AddressRefusedError
from subscribers.change_store import What, changes_after
from subscribers.departures import Departure, Departures
from subscribers.model import Act, ConsentKind, SubscriptionState, SuppressionReason
from subscribers.suppression import address_hash
from subscribers.tokens import Grant, Key, KeyRing, Keys, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows, make_newsletters
from tests.integration.whole_database import columns_holding, file_holds
from tests.unit.delivery.delivery_builders import an_edition

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(2, b"n" * 32), Key(1, b"k" * 32))), b"s" * 32)
OLD_KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
NAMES = {DAILY: "The Daily Brief", WEEKLY: "The Week"}
WILMA, BEFORE, NEXT = (
    "Wilhelmina.Oddfellow+post@quayside-mail.example",
    "w.oddfellow@former-mail.example",
    "wilma@coming-mail.example",
)
PARTS = (
    *("wilhelmina", "oddfellow", "quayside-mail", "former-mail", "coming-mail", "wilma@"),
    *("198.51.100.7", "pet names of hers"),
)
FORM = Act(NOON, "form", ip="192.0.2.77", text="Subscribe", source="https://post.example")
BUTTON = Act(NOON + timedelta(days=1), "link", ip="198.51.100.7", text="Yes, erase me")


@pytest.fixture(autouse=True)
def _newsletters(database: Database) -> None:
    make_newsletters(database)


def _subscribe(database: Database, at: datetime, address: str = WILMA) -> None:
    signup.subscribe(
        database,
        address,
        [DAILY],
        replace(FORM, at=at),
        keys=KEYS,
        newsletter_names=NAMES,
        confirm_link=lambda token: f"https://letters.example/confirm/{token}",
    )


def _confirm(database: Database, at: datetime) -> None:
    with database.read() as connection:
        waiting = outbox.due(connection, now=at + timedelta(days=9), limit=99)
    token = str(waiting[-1].facts["confirm_url"]).rpartition("/")[2]
    signup.confirm(database, token, Act(at, "link", text="Yes"), keys=KEYS)


def _number(database: Database, address: str = WILMA) -> int:
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=address.lower())
    assert found is not None
    return found.id


def _public_id(database: Database, subscriber_id: int) -> str:
    with database.read() as connection:
        mine = store.subscriber.c.id == subscriber_id
        found: str = connection.execute(
            sa.select(store.subscriber.c.public_id).where(mine)
        ).scalar_one()
    return found


def _a_reader_with_a_past(database: Database) -> int:
    """Write Wilma, and every kind of trace that a reader leaves."""
    _subscribe(database, NOON)
    _confirm(database, NOON)
    number = _number(database)
    public_id = _public_id(database, number)
    edition = an_edition(database)
    link = OLD_KEYS.links.sign(Purpose.ADDRESS, Grant(public_id, (), NOON))
    refused = f"5.1.1 <{WILMA}>: no such user"
    ours = f"it cannot be composed: {WILMA}"
    with database.write() as connection:
        for table, values in (
            (store.subscriber_tag, {"tag": "pet names of hers"}),
            (
                store.pending_address,
                {"address": NEXT, "address_key": NEXT, "asked_at": NOON},
            ),
            (
                store.consent,
                {"kind": "changed the address", "at": NOON, "via": "link", "source": BEFORE},
            ),
            (
                ledger.delivery,
                {
                    "edition_id": edition.id,
                    "batch_n": 1,
                    "state": "failed",
                    "language": "en",
                    "reason": ours,
                },
            ),
        ):
            connection.execute(sa.insert(table).values(subscriber_id=number, **values))
        tried = sa.insert(ledger.attempt).values(
            edition_id=edition.id, subscriber_id=number, code=450, at=NOON
        )
        connection.execute(tried.values(n=1, state="deferred", reply=refused))
        connection.execute(tried.values(n=2, state="failed", reply=ours))
        told: list[tuple[str, NoticeKind, str, dict[str, object]]] = [
            ("link:1", NoticeKind.LINK, WILMA, {"address": WILMA}),
            (f"address:{NEXT}", NoticeKind.ADDRESS, NEXT, {"new": NEXT, "url": f"x/{link}"}),
            ("address:2", NoticeKind.ADDRESS, BEFORE, {"url": f"https://x.example/{link}"}),
            ("operators:2026-01-09:x:admin", NoticeKind.OPERATORS, "a@b.example", {"d": WILMA}),
        ]
        for key, kind, to, facts in told:
            outbox.put(connection, NewNotice(key, kind, to, facts, NOON))
        found = next(
            each for each in outbox.due(connection, now=NOON, limit=99) if each.to_address == BEFORE
        )
        outbox.mark_sent(connection, found, at=NOON, reply=f"250 <{BEFORE}> ok")
        _a_client_of_the_api(connection, public_id)
    return number


def _a_client_of_the_api(connection: sa.Connection, public_id: str) -> None:
    new = NewToken("t" * 8, "hash", "the CRM", frozenset(Scope), NOON)
    token = people.create_token(connection, new)
    people.begin_answer(connection, token.id, "key", "r", at=NOON, given_up_before=NOON)
    answer = Answer(201, json.dumps({"address": WILMA}), public_id)
    people.keep_answer(connection, token.id, "key", answer)
    people.append_audit(
        connection,
        at=NOON,
        actor=token.actor,
        verb="reader tagged",
        subject=public_id,
        detail={"tag": "pet names of hers"},
    )


def _erase(database: Database, number: int, **more: object) -> bool:
    return erase(database, subscriber_id=number, act=BUTTON, keys=KEYS, **more)  # type: ignore[arg-type]


def test_nothing_of_an_erased_reader_is_found_in_any_column(
    database: Database, tmp_path: Path
) -> None:
    number = _a_reader_with_a_past(database)
    assert set(columns_holding(database, *PARTS)) == {
        *("attempt.reply", "consent.source", "delivery.reason", "idempotency.body"),
        *("audit.detail", "notice.dedupe_key", "notice.facts", "notice.reply"),
        *("notice.to_address", "pending_address.address", "pending_address.address_key"),
        *("subscriber.address", "subscriber.address_key", "subscriber_tag.tag"),
    }
    assert "consent.ip" in columns_holding(database, str(FORM.ip))
    departures = Departures(tmp_path / "unsubscribes.ndjson")
    assert _erase(database, number, departures=departures)
    assert columns_holding(database, *PARTS) == []
    assert columns_holding(database, str(FORM.ip)) == []
    hashed = address_hash(KEYS.suppression, WILMA.lower())
    assert columns_holding(database, hashed) == ["suppression.address_hmac"]
    assert not _erase(database, number, departures=departures)
    lines = [json.loads(line) for line in departures.path.read_text("utf-8").splitlines()]
    assert lines[1:] == [
        {
            "at": "2026-01-10T12:00:00+00:00",
            "kind": "erased",
            "reader": _public_id(database, number),
            "address_hmac": hashed,
            "newsletters": None,
            "reason": "erased",
        }
    ]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_of_an_erased_reader_is_left_in_the_file(database: Database) -> None:
    for n in range(400):  # so that pages split, and rows move from one to another
        signup.add(
            database, f"reader{n * 7919 % 400}@x.example", [DAILY], Act(NOON, "command"), keys=KEYS
        )
    number = _a_reader_with_a_past(database)
    needles = [each for each in PARTS if each != BUTTON.ip]
    assert file_holds(database, *needles) == needles
    _erase(database, number)
    assert file_holds(database, *PARTS) == []


def _domains(database: Database) -> dict[int, str]:
    table = domain_store.domain
    with database.read() as connection:
        return {row.id: row.name for row in connection.execute(sa.select(table))}


def test_a_domain_that_was_only_theirs_loses_its_name_and_keeps_its_number(
    database: Database,
) -> None:
    _subscribe(database, NOON)
    with database.write() as connection:
        known = domain_store.domain_ids(connection, ["quayside-mail.example", "other.example"])
    erase(database, subscriber_id=_number(database), act=BUTTON, keys=KEYS)
    number = known["quayside-mail.example"].id
    assert _domains(database) == {
        number: f"erased-{number}.invalid",
        known["other.example"].id: "other.example",
    }


def test_a_domain_that_others_are_at_keeps_its_name(database: Database) -> None:
    _subscribe(database, NOON)
    _subscribe(database, NOON, "somebody@quayside-mail.example")
    with database.write() as connection:
        domain_store.domain_ids(connection, ["quayside-mail.example"])
    erase(database, subscriber_id=_number(database), act=BUTTON, keys=KEYS)
    assert list(_domains(database).values()) == ["quayside-mail.example"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_reader_of_the_database_delays_the_file_and_not_the_erasing(database: Database) -> None:
    number = _a_reader_with_a_past(database)
    with database.read() as connection:
        before = connection.execute(sa.select(store.subscriber.c.address)).scalars().all()
        assert WILMA in before
        assert _erase(database, number)
    assert columns_holding(database, *PARTS) == []
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


def test_the_log_stays_as_proof_without_the_person(database: Database) -> None:
    number = _a_reader_with_a_past(database)
    _erase(database, number)
    with database.read() as connection:
        log = store.consents_of(connection, number)
        change = changes_after(connection, 0)[-1]
        row = connection.execute(
            sa.select(store.subscriber).where(store.subscriber.c.id == number)
        ).one()
        subscriptions = store.subscriptions_of(connection, number)
    assert [(line.kind, line.act.at, line.act.ip, line.act.source) for line in log] == [
        (ConsentKind.ASKED, NOON, None, "https://post.example"),
        (ConsentKind.CONFIRMED, NOON, None, ""),
        (ConsentKind.ADDRESS, NOON, None, ""),
        (ConsentKind.ERASED, BUTTON.at, None, ""),
    ]
    assert [line.act.text for line in log] == ["Subscribe", "Yes", "", "Yes, erase me"]
    assert (change.subscriber_id, change.newsletter_id, change.what) == (number, None, What.ERASED)
    assert row._asdict() == {
        "id": number,
        "public_id": row.public_id,
        "address": None,
        "address_key": f"erased:{row.public_id}",
        **dict.fromkeys(("address_hmac", "language", "zone", "hour", "format", "active_at")),
        "created_at": NOON,
        "erased_at": BUTTON.at,
    }
    assert subscriptions == []


def test_what_waited_for_an_erased_reader_is_never_sent(database: Database) -> None:
    number = _a_reader_with_a_past(database)
    _erase(database, number)
    with database.read() as connection:
        assert outbox.due(connection, now=NOON + timedelta(days=99), limit=99) == []
        rows = connection.execute(sa.select(notice).order_by(notice.c.id)).all()
    told = [(row.kind, row.state, row.reply, row.facts, row.dedupe_key[:7]) for row in rows]
    assert told == [
        (kind, state, reply, {}, "erased:")
        for kind, state, reply in (
            ("link", "failed", "erased"),
            ("address", "failed", "erased"),
            ("address", "sent", ""),
            ("operators", "failed", "erased"),
        )
    ]


def test_an_editor_who_reads_the_letter_stays_an_editor(database: Database) -> None:
    _subscribe(database, NOON)
    new = NewNotice("editors:daily:x:y", NoticeKind.EDITORS, WILMA, {"event": "draft"}, NOON)
    with database.write() as connection:
        outbox.put(connection, new)
    _erase(database, _number(database))
    with database.read() as connection:
        (left,) = outbox.due(connection, now=NOON, limit=9)
    assert (left.to_address, left.facts) == (WILMA, {"event": "draft"})


def test_nobody_elses_notices_are_touched_by_an_erasing(database: Database) -> None:
    """Not of who has a longer address, nor of whose address the reader typed as their own."""
    _subscribe(database, NOON, "a@x.example")
    _subscribe(database, NOON, "maria@x.example")
    _subscribe(database, NOON, "a@x.example.org")
    _subscribe(database, NOON, "victim@x.example")
    number = _number(database, "a@x.example")
    with database.write() as connection:
        values = {"address": "victim@x.example", "address_key": "victim@x.example"}
        waiting = sa.insert(store.pending_address)
        connection.execute(waiting.values(subscriber_id=number, asked_at=NOON, **values))
        facts: dict[str, object] = {"text": "Write to maria@x.example, not <a@x.example>."}
        outbox.put(connection, NewNotice("k", NoticeKind.LINK, "b@y.example", facts, NOON))
    _erase(database, number)
    with database.read() as connection:
        left = outbox.due(connection, now=NOON, limit=99)
    assert [each.to_address for each in left] == [
        "maria@x.example",
        "a@x.example.org",
        "victim@x.example",
    ]


def test_old_links_of_an_erased_reader_change_nothing(database: Database) -> None:
    number = _a_reader_with_a_past(database)
    grant = Grant(_public_id(database, number), (DAILY,))
    stop = KEYS.links.sign(Purpose.UNSUBSCRIBE, grant)
    yes = KEYS.links.sign(Purpose.CONFIRM, replace(grant, issued_at=NOON))
    _erase(database, number)
    before = all_rows(database)
    assert leaving.unsubscribe(database, stop, BUTTON, keys=KEYS).changed == ()
    with pytest.raises(TokenError):
        signup.confirm(database, yes, BUTTON, keys=KEYS)
    assert signup.standing(database, grant).address is None
    assert all_rows(database) == before


def test_nobody_else_brings_an_erased_address_back_but_its_owner_may(database: Database) -> None:
    number = _a_reader_with_a_past(database)
    _erase(database, number)
    with pytest.raises(AddressRefusedError, match=r"never-mail list \(erased\)"):
        signup.add(database, WILMA, [DAILY], Act(NOON, "command"), keys=KEYS, again=True)
    later = NOON + timedelta(days=3)
    _subscribe(database, later)
    _confirm(database, later)
    back = _number(database)
    with database.read() as connection:
        (standing,) = store.subscriptions_of(connection, back)
        kinds = [line.kind for line in store.consents_of(connection, back)]
    assert back != number
    assert standing.state is SubscriptionState.CONFIRMED
    assert kinds == [ConsentKind.ASKED, ConsentKind.LIFTED, ConsentKind.CONFIRMED]


def test_who_comes_back_within_the_hour_is_asked_once_the_hour_is_over(database: Database) -> None:
    _subscribe(database, NOON)
    _subscribe(database, NOON + timedelta(minutes=5))
    _erase(database, _number(database))
    _subscribe(database, NOON + timedelta(minutes=9))
    with database.read() as connection:
        waiting = outbox.due(connection, now=NOON + timedelta(days=9), limit=9)
    assert [(each.kind, each.created_at) for each in waiting] == [
        (NoticeKind.CONFIRM, NOON + timedelta(hours=1))
    ]


@pytest.mark.parametrize("first", [None, SuppressionReason.PUBLISHER])
def test_who_asked_never_to_be_mailed_is_not_asked_again(
    first: SuppressionReason | None, database: Database, tmp_path: Path
) -> None:
    _subscribe(database, NOON)
    if first is not None:
        leaving.suppress(database, WILMA, Act(NOON, "command"), keys=KEYS, reason=first)
    departures = Departures(tmp_path / "unsubscribes.ndjson")
    _erase(database, _number(database), departures=departures, never_again=True)
    before = len(all_rows(database)["notice"])
    _subscribe(database, NOON + timedelta(days=3))
    assert len(all_rows(database)["notice"]) == before
    with database.read() as connection:
        hashed = address_hash(KEYS.suppression, WILMA.lower())
        never = store.suppressed_newsletters(connection, hashed, [DAILY, WEEKLY])
    assert never == dict.fromkeys([DAILY, WEEKLY], SuppressionReason.NEVER_AGAIN)
    lines = [json.loads(line) for line in departures.path.read_text("utf-8").splitlines()]
    assert [(line["kind"], line["reason"]) for line in lines[1:]] == [
        ("erased", "asked never to be mailed")
    ]


def test_a_file_that_cannot_be_written_keeps_nobody_from_going(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    number = _a_reader_with_a_past(database)
    (tmp_path / "file").write_text("no folder")
    departures = Departures(tmp_path / "file" / "unsubscribes.ndjson")
    assert _erase(database, number, departures=departures)
    assert "departure not kept in its file" in caplog.messages
    assert columns_holding(database, *PARTS) == []


@pytest.mark.parametrize("never_again", [True, False])
def test_a_backup_from_before_forgets_the_reader_again(
    never_again: bool,  # noqa: FBT001 - pytest passes it by name
    database: Database,
    tmp_path: Path,
) -> None:
    number = _a_reader_with_a_past(database)
    departures = Departures(tmp_path / "unsubscribes.ndjson")
    hashed = address_hash(KEYS.suppression, WILMA.lower())
    reason = SuppressionReason.NEVER_AGAIN if never_again else SuppressionReason.ERASED
    public_id = _public_id(database, number)
    departures.append([Departure(ConsentKind.ERASED, BUTTON.at, public_id, hashed, None, reason)])
    replay_departures(database, departures, keys=KEYS, now=BUTTON.at)
    assert columns_holding(database, *PARTS) == []
    with database.read() as connection:
        never = store.suppressed_newsletters(connection, hashed, [DAILY])
    assert never == {DAILY: reason}


def test_nobody_is_erased_under_a_number_that_nobody_has(database: Database) -> None:
    assert not _erase(database, 99)
