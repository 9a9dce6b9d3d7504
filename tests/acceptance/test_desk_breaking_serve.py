"""Breaking news with everything running: from the desk's button to a mailbox, by real processes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from digest.app import App, open_app
from digest.config import load
from digest.people import sessions, users
from digest.people.model import How, Role
from subscribers.address import read_address
from subscribers.model import Act
from subscribers.signup import add
from tests.acceptance.serve_site import PATIENCE, Server, end, serve, settle, until
from tests.builders import a_newsletter
from tests.integration.sources_newsroom import HERE, Site, answer, running_site
from tests.integration.test_cli_prepare_story import a_page

READER = "ann@reader.example"
HEADLINE = "Lifeboat saves three"
_TWO_MINUTES = 120.0


@pytest.fixture
def web() -> Iterator[Site]:
    with running_site() as running:
        running.pages["/n/7"] = answer(a_page(HEADLINE), content_type="text/html")
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    breaking = {"name": "Breaking", "template": "single", "days": [], "release": "approve"}
    url = settle(
        tmp_path,
        sources={"site": {"feed": str(tmp_path / "feed.xml"), "allow": list(HERE)}},
        checks={"ignore": {"L02": "The site of these stories is on this machine."}},
        newsletters={"daily": a_newsletter(), "breaking": {**breaking, "urgent": True}},
    )
    server = serve(tmp_path, url)
    yield server
    end(server)


def somebody(app: App) -> str:
    """Add a reader, and somebody of the desk; give the token of their session."""
    now, read = app.clock(), read_address("alma.penn@post.example")
    breaking = app.newsroom.newsletters[1].id
    add(app.database, READER, [breaking], Act(now, "command"), keys=app.keys)
    with app.database.write() as connection:
        user = users.add(
            connection,
            read.mailed,
            read.key,
            role=Role.APPROVER,
            name="Alma",
            actor="test",
            at=now,
        )
        return sessions.begin(connection, user, how=How.LINK, device="A test", at=now).token


def signed_in(server: Server) -> httpx2.Client:
    app = open_app(load(server.folder / "digest.toml"))
    try:
        token = somebody(app)
    finally:
        app.close()
    client = httpx2.Client(
        base_url=server.url,
        trust_env=False,
        timeout=PATIENCE,
        headers={"Origin": server.url},
        follow_redirects=True,
    )
    client.cookies.set("desk", token, domain=urlsplit(server.url).hostname or "")
    return client


def field(page: httpx2.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def test_an_approved_letter_is_in_a_mailbox_within_two_minutes(server: Server, web: Site) -> None:
    with signed_in(server) as client:
        page = client.get("/desk/new")
        mark = {"csrf": field(page, "csrf")}
        story = {**mark, "url": web.url("/n/7"), "letter": "breaking"}
        assert "This was found" in client.post("/desk/new/look", data=story).text
        page = client.post("/desk/new/make", data=story)
        assert "Approve and send now" in page.text
        approved = {**mark, "hash": field(page, "hash")}
        began = time.monotonic()
        page = client.post(f"{urlsplit(str(page.url)).path}/~approve", data=approved)
        assert "It leaves within seconds." in page.text
        until(lambda: bool(server.letters(READER)), server, seconds=_TWO_MINUTES)
    assert time.monotonic() - began < _TWO_MINUTES
    assert HEADLINE.upper() in server.letters(READER)[0].upper()
