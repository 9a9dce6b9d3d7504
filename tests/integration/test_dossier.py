from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from digest.composition.model import Site
from digest.db import Database
from digest.delivery import store as ledger
from digest.editions.model import Newsletter, Section
from digest.editions.store import sync_newsletters
from digest.errors import NotFoundError
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from digest.people import store as people
from digest.workflow.dossier import dossier
from digest.workflow.erase import erase
from subscribers import signup, store
from subscribers.leaving import suppress
from subscribers.model import Act, SuppressionReason
from subscribers.tokens import Key, KeyRing, Keys
from tests.integration.preference_site import NEWSLETTERS, make_twins
from tests.unit.delivery.delivery_builders import an_edition

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
AT = "2026-01-09T12:00:00+00:00"
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
SITE = Site(
    name="Harbour Post",
    url="https://post.example",
    public_url="https://letters.post.example",
    language="en",
    zone="Europe/London",
    postal_address="12 Quay Street",
)
MARIA = "Maria@reader.example"


def _joined(database: Database) -> int:
    act = Act(NOON, "command", ip="192.0.2.7", text="They signed up at the fair", source="fair")
    done = signup.add(database, MARIA, [1, 2], act, keys=KEYS, language="de", text_only=True)
    assert done.subscriber_id is not None
    return done.subscriber_id


def _dossier(database: Database, number: int, newsletters: list[Newsletter]) -> dict[str, object]:
    document = dossier(
        database,
        subscriber_id=number,
        site=SITE,
        newsletters=newsletters,
        keys=KEYS,
        now=NOON + timedelta(hours=1),
    )
    assert json.loads(json.dumps(document)) == document
    return document


def test_one_document_holds_all_that_is_kept_about_a_reader(database: Database) -> None:
    newsletters = make_twins(database)
    number = _joined(database)
    edition = an_edition(database)
    suppress(
        database,
        MARIA,
        Act(NOON, "command"),
        keys=KEYS,
        reason=SuppressionReason.PUBLISHER,
        scope="weekly",
    )
    with database.write() as connection:
        for table, more in (
            (store.subscriber_tag, {"tag": "fair"}),
            (
                store.pending_address,
                {"address": "m@new.example", "address_key": "m@new.example", "asked_at": NOON},
            ),
            (
                ledger.delivery,
                {
                    "edition_id": edition.id,
                    "batch_n": 1,
                    "state": "accepted",
                    "code": 250,
                    "language": "en",
                    "done_at": NOON,
                },
            ),
        ):
            connection.execute(sa.insert(table).values(subscriber_id=number, **more))
        mine = store.subscription.c.newsletter_id == 1
        masked = sa.update(store.subscription).where(mine)
        connection.execute(masked.values(topic_mask=0b11))
        public_id = connection.execute(sa.select(store.subscriber.c.public_id)).scalar_one()
        values = {"zone": "Asia/Tokyo", "hour": 450, "active_at": NOON}
        connection.execute(sa.update(store.subscriber).values(values))
        facts: dict[str, object] = {"address": MARIA}
        outbox.put(connection, NewNotice("w", NoticeKind.WELCOME, MARIA, facts, NOON))
        people.append_audit(
            connection,
            at=NOON,
            actor="token:crm",
            verb="subscriber.change",
            subject=public_id,
            detail={"fields": ["tags"]},
        )
    daily = {"slug": "daily", "name": "The Daily Brief"}
    weekly = {"slug": "weekly", "name": "The Week"}
    words = {"version": 1, "since": AT, "text": "They signed up at the fair"}
    added = {
        "at": AT,
        "what": "added by the publisher",
        "how": "command",
        "ip": "192.0.2.7",
        "source": "fair",
        "wording": words,
    }
    assert _dossier(database, number, newsletters) == {
        "document": "what is kept about one reader",
        "version": 1,
        "made_at": "2026-01-09T13:00:00+00:00",
        "publisher": {
            "name": "Harbour Post",
            "url": "https://post.example",
            "address": "12 Quay Street",
        },
        "reader": {
            "id": public_id,
            "address": MARIA,
            "language": "de",
            "format": "text",
            "time_zone": "Asia/Tokyo",
            "delivery_hour": "07:30",
            "tags": ["fair"],
            "known_since": AT,
            "last_active_at": AT,
            "erased_at": None,
        },
        "subscriptions": [
            {
                "newsletter": daily,
                "state": "confirmed",
                "topics": ["Town & Country", "Sea"],
                "asked_at": AT,
                "confirmed_at": AT,
                "ended_at": None,
                "paused_until": None,
            },
            {
                "newsletter": weekly,
                "state": "unsubscribed",
                "topics": "everything",
                "asked_at": AT,
                "confirmed_at": AT,
                "ended_at": AT,
                "paused_until": None,
            },
        ],
        "consent": [
            {**added, "newsletter": daily},
            {**added, "newsletter": weekly},
            {
                "at": AT,
                "what": "suppressed",
                "newsletter": weekly,
                "how": "command",
                "ip": None,
                "source": "",
                "wording": None,
            },
        ],
        "editions": [
            {
                "edition": "daily/2026-01-09",
                "number": 1209,
                "language": "en",
                "state": "accepted",
                "code": 250,
                "reason": "",
                "at": AT,
            }
        ],
        "notices": [
            {"what": "welcome", "to": MARIA, "state": "waiting", "written_at": AT, "done_at": None}
        ],
        "never_mailed": [{"scope": "weekly", "reason": "by the publisher", "since": AT}],
        "change_of_address": {"to": "m@new.example", "asked_at": AT},
        "audit": [
            {
                "at": AT,
                "who": "token:crm",
                "what": "subscriber.change",
                "detail": {"fields": ["tags"]},
            }
        ],
    }


def test_a_newsletter_that_is_gone_keeps_its_own_names(database: Database) -> None:
    make_twins(database)
    number = _joined(database)
    with database.write() as connection:
        connection.execute(sa.update(store.subscription).values(topic_mask=0b1))
    document = _dossier(database, number, [])
    subscriptions = document["subscriptions"]
    assert isinstance(subscriptions, list)
    assert [(each["newsletter"], each["topics"]) for each in subscriptions] == [
        ({"slug": "daily", "name": "daily"}, ["town"]),
        ({"slug": "weekly", "name": "weekly"}, ["sea"]),
    ]


def test_of_an_erased_reader_the_proof_is_left(database: Database) -> None:
    newsletters = make_twins(database)
    number = _joined(database)
    erase(database, subscriber_id=number, act=Act(NOON, "link"), keys=KEYS)
    document = _dossier(database, number, newsletters)
    assert MARIA.lower() not in json.dumps(document).lower()
    consent = document["consent"]
    assert isinstance(consent, list)
    assert [(each["what"], each["newsletter"], each["ip"]) for each in consent] == [
        ("added by the publisher", {"slug": "daily", "name": "The Daily Brief"}, None),
        ("added by the publisher", {"slug": "weekly", "name": "The Week"}, None),
        ("erased", "all", None),
    ]
    assert (document["subscriptions"], document["notices"]) == ([], [])


def test_there_is_no_document_of_nobody(database: Database) -> None:
    with pytest.raises(NotFoundError, match="reader: number 9: there is none"):
        _dossier(database, 9, [])


def test_topics_are_told_in_the_words_of_the_settings(database: Database) -> None:
    """A section that was renamed is called what it is called now."""
    make_twins(database)
    number = _joined(database)
    renamed = [Section(each.key, each.title.upper()) for each in NEWSLETTERS[0].sections]
    with database.write() as connection:
        specs = [replace(NEWSLETTERS[0], sections=tuple(renamed)), NEWSLETTERS[1]]
        newsletters = sync_newsletters(connection, specs, now=NOON)
        connection.execute(sa.update(store.subscription).values(topic_mask=0b10))
    subscriptions = _dossier(database, number, newsletters)["subscriptions"]
    assert isinstance(subscriptions, list)
    assert subscriptions[0]["topics"] == ["SEA"]
