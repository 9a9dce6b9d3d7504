"""The pages of a small site over a real database, for the tests that browse them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx2
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.composition.model import Site
from digest.db import Database
from digest.outbox.model import Notice, NoticeKind
from digest.outbox.store import due
from digest.web.context import WebContext
from digest.web.routes import make_app
from subscribers import signup, store
from subscribers.model import Act, SubscriptionState
from subscribers.tokens import Grant, Key, KeyRing, Keys, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, make_newsletters

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
SITE = Site(
    name="Harbour <Post>",
    url="https://harbour.example",
    public_url="https://letters.harbour.example",
    language="en",
    zone="America/Tortola",
    postal_address="12 Quay Street",
    reply_to="editor@harbour.example",
)
MARIA = "maria@reader.example"


@dataclass(frozen=True)
class Browser:
    """Somebody at the pages, and a look behind them."""

    database: Database
    client: TestClient

    def get(self, path: str, **more: object) -> httpx2.Response:
        return self.client.get(path, follow_redirects=False, **more)  # type: ignore[arg-type]

    def post(self, path: str, **more: object) -> httpx2.Response:
        return self.client.post(path, follow_redirects=False, **more)  # type: ignore[arg-type]

    def ask(self, email: str, *newsletters: str) -> httpx2.Response:
        fields = {"email": email, "newsletter": list(newsletters or ("daily",))}
        return self.post("/subscribe", data=fields)

    def confirm_links(self) -> list[str]:
        """Give the paths of the links to confirm that wait to be mailed, oldest first."""
        with self.database.read() as connection:
            notices = due(connection, now=NOON, limit=99)
        asking = [notice for notice in notices if notice.kind is NoticeKind.CONFIRM]
        urls = [str(notice.facts["confirm_url"]) for notice in asking]
        return [url.removeprefix(SITE.public_url) for url in urls]

    def welcomes(self) -> list[Notice]:
        """Give the mails to new readers that wait to be sent, oldest first."""
        with self.database.read() as connection:
            notices = due(connection, now=NOON, limit=99)
        return [notice for notice in notices if notice.kind is NoticeKind.WELCOME]

    def join(self, *newsletter_ids: int, address: str = MARIA) -> str:
        """Add a reader; give the path of the link that stops the daily."""
        wanted = newsletter_ids or (DAILY, WEEKLY)
        signup.add(self.database, address, wanted, Act(NOON, "command"), keys=KEYS)
        grant = Grant(self.public_id(address), (DAILY,))
        return f"/u/{KEYS.links.sign(Purpose.UNSUBSCRIBE, grant)}"

    def public_id(self, address: str = MARIA) -> str:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=address)
        assert found is not None
        return found.public_id

    def states(self, address: str = MARIA) -> dict[int, SubscriptionState]:
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=address)
            assert found is not None
            standings = store.subscriptions_of(connection, found.id)
        return {each.newsletter_id: each.state for each in standings}


def open_browser(
    database: Database, *, site: Site = SITE, offered: int = 2, **more: object
) -> Browser:
    """Make the site's two newsletters and open its pages, which offer the first of them.

    `more` changes their context.
    """
    newsletters = make_newsletters(database)[:offered]
    context = WebContext(database, site, KEYS, newsletters, clock=fixed(NOON))
    context = replace(context, **more)  # type: ignore[arg-type]
    client = TestClient(make_app(context), raise_server_exceptions=False)
    return Browser(database, client)
