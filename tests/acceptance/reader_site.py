"""A paper with a daily and its weekly, its pages in a real server, its mail in real mailboxes."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from digest.app import App
from digest.delivery.maildir import folder_name
from digest.web.mount import pages_of
from digest.web.server import serve_until
from digest.worker import run_once
from tests.builders import Paper, a_newsletter, open_paper
from tests.integration.scripted_smtp import free_port

_PATIENCE = 30.0
_SECTIONS = {
    "town": {"title": "Town", "categories": ["Local"]},
    "sport": {"title": "Sport", "categories": ["Sport"]},
    "culture": {"title": "Culture", "categories": ["Culture"]},
}


@dataclass
class ReaderSite:
    """The paper, the address of its pages, and the mailboxes of its readers."""

    paper: Paper
    url: str
    folder: Path

    @property
    def app(self) -> App:
        """The installation behind the pages."""
        return self.paper.app

    def send(self) -> None:
        """Let the sender do what is due now; apart: the browser's loop runs in our thread."""
        with ThreadPoolExecutor(1) as apart:
            apart.submit(self._send).result()

    def _send(self) -> None:
        with self.app.sender(notices=True) as sender:
            run_once(self.app, sender, stop=threading.Event())

    def pass_time(self, **span: float) -> None:
        """Move the clock on."""
        self.paper.watch.at += timedelta(**span)

    def mails(self, address: str) -> list[EmailMessage]:
        """Read a mailbox, oldest first."""
        box = self.folder / "mailbox" / folder_name(address) / "new"
        files = sorted(box.glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def all_mails(self) -> list[EmailMessage]:
        """Read every mailbox there is."""
        boxes = sorted((self.folder / "mailbox").glob("*/new/*"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in boxes]

    def subjects(self, address: str) -> list[str]:
        """Give the subjects in a mailbox, oldest first."""
        return [str(mail["Subject"]) for mail in self.mails(address)]

    def link(self, address: str, page: str) -> str:
        """Give the path of the newest mail's link to one of our pages, as `confirm` or `p`."""
        for mail in reversed(self.mails(address)):
            if found := [path for path in self.paths(mail) if path.startswith(f"/{page}/")]:
                return found[0]
        raise AssertionError(f"no mail to {address} leads to /{page}/")

    def paths(self, mail: EmailMessage) -> list[str]:
        """Give the paths of all links to our pages that a mail has, headers and both parts."""
        texts = [str(mail["List-Unsubscribe"] or "")]
        texts += [
            part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"
        ]
        found = re.findall(rf"{re.escape(self.url)}[^\s<>\"')]*", " ".join(texts))
        return list(dict.fromkeys(_path(url) for url in found))

    def edition(self, newsletter: str, day: str) -> str:
        """Make, approve and send an edition of fresh stories; give its address."""
        self.paper.news(_day_before(day))
        hour = {"daily": "06:30", "weekly": "06:30"}[newsletter]
        self.paper.go(f"{day} {hour}")
        self.paper.go(f"{day} 06:51")
        self.paper.go(f"{day} 07:00" if newsletter == "daily" else f"{day} 08:00")
        self.send()
        return f"{newsletter}/{day}"


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _day_before(day: str) -> str:

    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


@contextlib.contextmanager
def reader_site(folder: Path, *, at: str, database: str = "") -> Iterator[ReaderSite]:
    """Open the paper at an hour and serve its pages on this machine."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    daily = a_newsletter(weekly_twin="weekly", sections=list(_SECTIONS), hours=["07:00", "18:00"])
    weekly = a_newsletter(name="The Week", template="weekly", days=["sat"], send_at="08:00")
    paper = open_paper(
        folder,
        at,
        database=database,
        web={"public_url": url},
        sections=_SECTIONS,
        newsletters={"daily": daily, "weekly": {**weekly, "sections": list(_SECTIONS)}},
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
        yield ReaderSite(paper, url, folder)
    finally:
        stop.set()
        serving.join(_PATIENCE)
        paper.app.close()
