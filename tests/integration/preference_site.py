"""A daily with topics and its weekly twin, their pages, and a reader of theirs with links."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

import httpx2
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.db import Database
from digest.editions.model import Newsletter, Section
from digest.editions.store import sync_newsletters, topic_bits
from digest.web.context import WebContext
from digest.web.routes import make_app
from subscribers import leaving, signup, store
from subscribers.model import Act, Consent, ConsentKind, Subscription, SubscriptionState
from subscribers.tokens import Grant, Purpose
from subscribers.topics import Topics
from tests.integration.newsletters import DAILY, spec
from tests.integration.web_site import KEYS, MARIA, NOON, SITE

TITLES = {
    "town": "Town & Country",
    "sea": "Sea",
    "business": "Business",
    "sport": "Sport",
    "pictures": "The week in <pictures>",
}
DAILY_KEYS, WEEKLY_KEYS = ("town", "sea", "business", "sport"), ("sea", "pictures", "town")
COMMAND = Act(NOON, "command")

NEWSLETTERS = (
    replace(
        spec("daily", "The Daily Brief", frozenset(range(5))),
        sections=tuple(Section(key, TITLES[key]) for key in DAILY_KEYS),
        weekly_twin="weekly",
    ),
    replace(
        spec("weekly", "The Week", frozenset({5})),
        sections=tuple(Section(key, TITLES[key]) for key in WEEKLY_KEYS),
    ),
)


def make_twins(database: Database) -> list[Newsletter]:
    """Write The Daily Brief (1) and its weekly twin The Week (2), with their topics."""
    with database.write() as connection:
        return sync_newsletters(connection, NEWSLETTERS, now=NOON - timedelta(days=8))


def make_four(database: Database) -> list[Newsletter]:
    """Write the twins, Business Monday (3) and the private Board Letter (4).

    The daily comes at hours of the reader's choice, and in five languages.
    """
    daily, weekly = NEWSLETTERS
    hours, languages = (time(7), time(18, 30)), ("ar", "de", "es", "fr")
    specs = [
        replace(daily, hours=hours, languages=languages),
        weekly,
        spec("business", "Business Monday", frozenset({0})),
        replace(spec("board", "Board Letter", frozenset({4})), offered=False),
    ]
    with database.write() as connection:
        return sync_newsletters(connection, specs, now=NOON - timedelta(days=8))


def topics_of(database: Database, newsletter_id: int) -> Topics:
    with database.read() as connection:
        bits = topic_bits(connection, newsletter_id)
    return Topics(bits, DAILY_KEYS if newsletter_id == DAILY else WEEKLY_KEYS)


@dataclass(frozen=True)
class Reader:
    """Maria, as the database knows her."""

    database: Database

    def join(self, *newsletter_ids: int) -> None:
        signup.add(self.database, MARIA, newsletter_ids or (DAILY,), COMMAND, keys=KEYS)

    def leave(self, newsletter_id: int = DAILY) -> None:
        leaving.unsubscribe_address(self.database, MARIA, [newsletter_id], COMMAND)

    @property
    def public_id(self) -> str:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=MARIA)
        assert found is not None
        return found.public_id

    def token(self, newsletter_id: int = DAILY, purpose: Purpose = Purpose.PREFERENCES) -> str:
        return KEYS.links.sign(purpose, Grant(self.public_id, (newsletter_id,)))

    def path(self, newsletter_id: int = DAILY) -> str:
        return f"/p/{self.token(newsletter_id)}"

    def standing(self, newsletter_id: int = DAILY) -> Subscription:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=MARIA)
            assert found is not None
            standing = store.find_subscription(connection, found.id, newsletter_id)
        assert standing is not None
        return standing

    def states(self) -> dict[int, SubscriptionState]:
        with self.database.read() as connection:
            known = store.standing_of(connection, self.public_id)
        assert known is not None
        return {each.newsletter_id: each.state for each in known.subscriptions}

    def wants(self, newsletter_id: int = DAILY) -> tuple[str, ...]:
        topics = topics_of(self.database, newsletter_id)
        return topics.chosen(self.standing(newsletter_id).topic_mask)

    def log(self) -> list[Consent]:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=MARIA)
            assert found is not None
            return store.consents_of(connection, found.id)

    def acts(self) -> list[tuple[ConsentKind, int | None]]:
        """Give what was done since she was added."""
        added = ConsentKind.ADDED
        return [(line.kind, line.newsletter_id) for line in self.log() if line.kind != added]

    def gets(self, newsletter_id: int, at: datetime) -> bool:
        """Tell whether an edition sent at this moment would reach her."""
        with self.database.read() as connection:
            return store.audience_size(connection, newsletter_id, now=at) == 1


@dataclass(frozen=True)
class Window:
    """Somebody at the pages of preferences."""

    reader: Reader
    context: WebContext
    client: TestClient

    def get(self, path: str) -> httpx2.Response:
        return self.client.get(path, follow_redirects=False)

    def post(self, path: str, **fields: object) -> httpx2.Response:
        return self.client.post(path, data=fields, follow_redirects=False)


def open_window(database: Database, *, at: datetime = NOON, **more: object) -> Window:
    """Open the pages of the twins; `more` changes their context."""
    context = WebContext(database, SITE, KEYS, make_twins(database), clock=fixed(at))
    context = replace(context, **more)  # type: ignore[arg-type]
    client = TestClient(make_app(context), raise_server_exceptions=False)
    return Window(Reader(database), context, client)
