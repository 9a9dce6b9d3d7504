"""The desk of a small paper on loopback: days of letters behind it, one stopped, one to decide."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext

from digest.app import App
from digest.editions import store as editions
from digest.people import sessions, user_store, users
from digest.people.model import How, Role
from digest.web.mount import pages_of
from digest.web.server import serve_until
from digest.worker import run_once
from subscribers.address import read_address
from tests.builders import Paper, a_newsletter, open_paper
from tests.integration.scripted_smtp import free_port
from tests.integration.sources_newsroom import HERE, Site, running_site

_PATIENCE = 30.0
NAMES = {Role.VIEWER: "Vic Ewer", Role.EDITOR: "Edi Tor", Role.APPROVER: "Alma Penn"}


@dataclass
class HomeSite:
    """The paper, the address of its desk, and a web site whose stories can be pasted."""

    paper: Paper
    url: str
    web: Site
    tokens: dict[Role, str] = field(default_factory=dict)

    @property
    def app(self) -> App:
        """The installation behind the desk."""
        return self.paper.app

    def sign_in(self, context: BrowserContext, role: Role = Role.APPROVER) -> None:
        """Give a browser the session of somebody of this role."""
        host = urlsplit(self.url).hostname
        assert host is not None
        token = self.tokens.get(role) or self._begin(role)
        context.add_cookies([{"name": "desk", "value": token, "domain": host, "path": "/"}])

    def _begin(self, role: Role) -> str:
        read, now = read_address(f"{role}@post.example"), self.paper.watch.at
        with self.app.database.write() as connection:
            found = user_store.find_user(connection, address_key=read.key) or users.add(
                connection, read.mailed, read.key, role=role, name=NAMES[role], actor="test", at=now
            )
            begun = sessions.begin(connection, found, how=How.LINK, device="A test", at=now)
        self.tokens[role] = begun.token
        return begun.token

    def send(self) -> None:
        """Let the sender do what is due now; apart: the browser's loop runs in our thread."""
        with ThreadPoolExecutor(1) as apart:
            apart.submit(self._send).result()

    def _send(self) -> None:
        with self.app.sender(notices=True) as sender:
            run_once(self.app, sender, stop=threading.Event())

    def go(self, at: str) -> None:
        """Set the clock and let the clockwork look, apart from the browser's loop."""
        with ThreadPoolExecutor(1) as apart:
            apart.submit(self.paper.go, at).result()

    def states(self) -> dict[str, str]:
        """Give the state of each edition by its address."""
        with self.app.database.read() as connection:
            found = editions.recent_editions(connection, limit=99)
        return {each.address: str(each.state) for each in found}


@contextlib.contextmanager
def home_site(folder: Path, *, at: str, web: Site) -> Iterator[HomeSite]:
    """Open the paper at an hour and serve it on this machine."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    weekly = a_newsletter(name="The Week", template="weekly", days=["sat"], release="approve")
    paper = open_paper(
        folder,
        at,
        web={"public_url": url},
        sources={"site": {"feed": str(folder / "feed.xml"), "every": "10m", "allow": list(HERE)}},
        checks={"ignore": {"L02": "The site of these stories is on this machine."}},
        sections={
            "town": {"title": "Town", "categories": ["Local"]},
            "sport": {"title": "Sport"},
        },
        newsletters={
            "daily": a_newsletter(release="approve"),
            "weekly": weekly,
            "breaking": {
                "name": "Breaking from Harbour Post",
                "template": "single",
                "days": [],
                "release": "approve",
                "urgent": True,
                "limits": {"per_day": 2, "quiet": "22:00-06:30"},
            },
        },
    )
    stop, ready = threading.Event(), threading.Event()
    serving = threading.Thread(
        target=serve_until,
        args=(stop, pages_of(paper.app), "127.0.0.1", port),
        kwargs={"told": lambda _url: ready.set()},
    )
    serving.start()
    try:
        assert ready.wait(_PATIENCE)
        yield HomeSite(paper, url, web)
    finally:
        stop.set()
        serving.join(_PATIENCE)
        paper.app.close()


@contextlib.contextmanager
def storied_home(folder: Path) -> Iterator[HomeSite]:
    """Serve a paper with three days of letters, a fourth being sent, and a weekly to decide."""
    with running_site() as web, home_site(folder, at="2026-01-05 12:00", web=web) as site:
        paper = site.paper
        for n in range(40):
            paper.reader(f"reader{n}@reader.example", "daily", "breaking")
        for n, day in enumerate(("06", "07", "08", "09")):
            paper.reader(f"late{n}@reader.example", "daily", "weekly")
            paper.news(f"2026-01-{int(day) - 1:02}")
            site.go(f"2026-01-{day} 06:30")
            approve_all(site, f"daily/2026-01-{day}")
            site.go(f"2026-01-{day} 07:00")
            if day != "09":
                site.send()
        yield site


def approve_all(site: HomeSite, address: str) -> None:
    """Approve an edition as Ann does by command."""
    from digest.workflow.approve import approve  # noqa: PLC0415 - beside its one use

    edition = site.paper.edition(address)
    approve(site.app.database, edition, by="Ann Desk", clock=site.paper.watch)


__all__ = ["HomeSite", "approve_all", "home_site", "storied_home"]
