"""The demo as a process of its own, and Chromium to look at it with."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

EDITION = "/daily/2026-01-09"
WIDTHS = (320, 375, 600)
_FAULTS = (Path(__file__).parent / "browser_faults.js").read_text("utf-8")
_PATIENCE = 40.0
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_ABOUT_READERS = {
    "subscriber": "*",
    "subscription": "*",
    "consent": "*",
    "suppression": "*",
    "notice": "id, kind, to_address",  # the rest changes when it is mailed
}
_HERE = {"127.0.0.1", "localhost"}
_T = TypeVar("_T")


def find_chromium() -> str | None:
    return shutil.which("chromium")


@dataclass(frozen=True)
class Demo:
    """A running demo: its pages by their address, its mailboxes and database by their files."""

    base_url: str
    folder: Path

    def letter_path(self, reader: str) -> str:
        """Give the path at which the inbox shows a reader's newest letter without its frame."""
        newest = wait(lambda: self._files(reader))[-1]
        return f"/inbox/{quote(reader, safe='')}/{newest.name}/html"

    def letters(self, reader: str) -> list[EmailMessage]:
        """Read a reader's mailbox, oldest first."""
        files = self._files(reader)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def way_out(self, reader: str) -> str:
        """Give the address in the List-Unsubscribe header of a reader's letter."""
        first = wait(lambda: self.letters(reader))[0]
        return str(first["List-Unsubscribe"]).strip("<>")

    def confirm_path(self, reader: str) -> str:
        """Wait for the mail that asks a reader to confirm, and give the path of its link."""
        newest = wait(lambda: self.letters(reader))[-1]
        part = newest.get_body(("plain",))
        assert part is not None
        found = re.search(r"<(\S+/confirm/\S+)>", part.get_content())
        assert found is not None
        return urlsplit(found[1]).path

    def standing(self, reader: str) -> dict[str, str]:
        """Give the states of a reader's subscriptions by newsletter, from the database itself."""
        query = (
            "SELECT newsletter.slug, subscription.state FROM subscription"
            " JOIN subscriber ON subscriber.id = subscription.subscriber_id"
            " JOIN newsletter ON newsletter.id = subscription.newsletter_id"
            " WHERE subscriber.address = ?"
        )
        return {str(slug): str(state) for slug, state in self._ask(query, reader)}

    def asked_from(self, reader: str) -> str:
        """Give the origin of the page on which a reader last asked for something."""
        query = (
            "SELECT consent.source FROM consent"
            " JOIN subscriber ON subscriber.id = consent.subscriber_id"
            " WHERE subscriber.address = ? AND consent.kind = 'asked' ORDER BY consent.id DESC"
        )
        return str(self._ask(query, reader)[0][0])

    def all_about_readers(self) -> dict[str, list[tuple[object, ...]]]:
        """Give every row that says anything about a reader."""
        return {
            table: self._ask(f"SELECT {columns} FROM {table}")  # noqa: S608 - our own names
            for table, columns in _ABOUT_READERS.items()
        }

    def _files(self, reader: str) -> list[Path]:
        box = self.folder / "mailbox" / reader / "new"
        return sorted(box.glob("*"), key=lambda file: file.stat().st_mtime_ns)

    def _ask(self, query: str, *values: str) -> list[tuple[object, ...]]:
        address = f"{(self.folder / 'digest.db').as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            return connection.execute(query, values).fetchall()


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Run `digest demo` until its letters have come; end it as a person does, by Ctrl-C."""
    command = [sys.executable, "-m", "digest", "demo", "--keep", str(folder), "--port", "0"]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Demo(_base_url(folder, process), folder)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert code == 0, (folder / "output.txt").read_text("utf-8")


def _base_url(folder: Path, process: subprocess.Popen[bytes]) -> str:
    def address() -> str:
        if process.poll() is not None:
            raise RuntimeError((folder / "output.txt").read_text("utf-8"))
        config = folder / "digest.toml"
        if not config.exists():
            return ""
        base_url = str(tomllib.loads(config.read_text("utf-8"))["web"]["public_url"])
        with contextlib.suppress(OSError):
            return base_url if b"To Maria Quill" in fetch(f"{base_url}/inbox")[1] else ""
        return ""

    return wait(address)


@contextlib.contextmanager
def running_chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_chromium(), args=_ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(browser: Browser, base_url: str, *, script: bool = True) -> Iterator[BrowserContext]:
    """Open a private window; nothing in it may ask another machine for anything."""
    context = browser.new_context(base_url=base_url, java_script_enabled=script)
    context.set_default_timeout(10_000)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    yield context
    context.close()
    web = [url for url in asked if urlsplit(url).scheme not in {"data", "about"}]
    assert [url for url in web if urlsplit(url).hostname not in _HERE] == []


def faults(page: Page, *, widths: Sequence[int] = WIDTHS) -> dict[str, list[str]]:
    """Look at a page at these widths, light and dark; give its faults by where and what."""
    found: dict[str, list[str]] = {}
    for width in widths:
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            seen: dict[str, list[str]] = page.evaluate(_FAULTS)
            found |= {f"{width} {scheme}: {kind}": each for kind, each in seen.items()}
    return found


def open_letter(page: Page, to: str) -> None:
    """Choose somebody's newest letter in the inbox, as a reader does."""
    page.goto("/inbox")
    page.locator("ol a").filter(has_text=f"To {to}").first.click()
    page.wait_for_selector("iframe")


def in_letter(page: Page, words: str) -> Locator:
    """Find a link of the letter that is open in the inbox."""
    return page.frame_locator("iframe").get_by_role("link", name=words, exact=True)


def fetch(url: str, data: bytes | None = None, method: str | None = None) -> tuple[int, bytes]:
    """Ask without a browser, as a mail provider does; give status and body."""
    request = urllib.request.Request(url, data, method=method)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def wait(happened: Callable[[], _T]) -> _T:
    """Ask again and again until the answer is something."""
    deadline = time.monotonic() + _PATIENCE
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found
