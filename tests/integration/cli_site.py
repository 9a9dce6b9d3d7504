"""A site made by hand, as its owner would: digest.toml, a feed, and the commands typed."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aiosmtpd.controller import Controller

from digest.cli import main
from tests.integration.scripted_smtp import free_port

HEADLINES = (
    "Harbour bridge closes for a week",
    "Council agrees a ferry timetable",
    "Lifeboat crew rescue three",
    "School choir wins county prize",
    "Market moves to the quay",
)
_DATES = (
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) +\d+ [A-Z][a-z]{2}( \d{4})?", "DAY"),
    (r"\b\d{1,2} [A-Z][a-z]{2}( \d{4})?\b", "DAY"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b\d\d:\d\d\b", "HH:MM"),
    (r"in (GMT\S*|UTC)( \(HH:MM UTC\))?", "in ZONE"),
    (r"\b\d+ KB", "N KB"),
    (r"content [0-9a-f]{4} [0-9a-f]{4}", "content HASH"),
    (r"(?<=\S)  +", "  "),
)
"""What differs from one run to the next; columns are as wide as the dates in them."""


@dataclass(frozen=True)
class Ran:
    """What one command printed and left with."""

    code: int
    out: str
    err: str

    @property
    def steady(self) -> str:
        """The output with its dates, hours and hashes made the same on every day."""
        text = self.out
        for pattern, name in _DATES:
            text = re.sub(pattern, name, text)
        return text

    @property
    def facts(self) -> Any:
        """The output as JSON: it fails where anything else stands beside it."""
        return json.loads(self.out)


def run(*words: str, folder: Path) -> Ran:
    """Type a command in a folder."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    before = logging.getLogger().handlers[:], logging.getLogger().level
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(words)
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            logging.getLogger().handlers[:], level = before
            logging.getLogger().setLevel(level)
    return Ran(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class SiteFolder:
    """A folder with a site in it."""

    folder: Path

    def digest(self, *words: str) -> Ran:
        """Type `digest WORDS` in the folder."""
        return run(*words, folder=self.folder)

    def well(self, *words: str) -> Ran:
        """Type it, and see that it went well."""
        ran = self.digest(*words)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran

    def edit(self, old: str, new: str) -> None:
        """Change digest.toml by hand."""
        path = self.folder / "digest.toml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def write_feed(self, headlines: Sequence[str] = HEADLINES) -> None:
        """Publish stories, the first an hour ago, each an hour older than the one before."""
        now = datetime.now(UTC)
        items = "".join(
            f"<item><title>{escape(headline)}</title>"
            f"<link>https://harbourpost.example/town/{n}-{len(headline)}</link>"
            f"<pubDate>{format_datetime(now - timedelta(minutes=10 * (n + 1)))}</pubDate>"
            f"<description>A few words about it.</description></item>"
            for n, headline in enumerate(headlines)
        )
        (self.folder / "feed.xml").write_text(
            "<rss version='2.0'><channel><title>Harbour Post</title>"
            f"<link>https://harbourpost.example/</link>{items}</channel></rss>",
            "utf-8",
        )

    def prepared(self, newsletter: str = "daily") -> str:
        """Collect, prepare, and give the edition's address."""
        self.well("collect")
        address: str = self.well("prepare", newsletter, "--json").facts["edition"]
        return address


def make_site(
    folder: Path, *, database: str = "sqlite:///var/digest.db", mail: str = ""
) -> SiteFolder:
    """Write a digest.toml and a feed; `mail` is the way out, a Maildir if left out."""
    folder.mkdir(exist_ok=True)
    site = SiteFolder(folder)
    (folder / "digest.toml").write_text(
        _SETTINGS % (zone_at_noon(), database, mail or _MAILDIR), "utf-8"
    )
    site.write_feed()
    return site


def zone_at_noon() -> str:
    """Name a zone where it is about noon: the day and its slot are the same all through a test."""
    offset = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-offset:+d}" if offset else "UTC"


_MAILDIR = 'maildir = "var/mailbox"'

_SETTINGS = """\
[site]
name           = "Harbour Post"
url            = "https://harbourpost.example"
timezone       = "%s"
postal_address = "12 Quay Street, Harbour Town"

[web]
public_url = "https://letters.harbourpost.example"

[storage]
database = "%s"

[mail]
from           = "Harbour Post <news@harbourpost.example>"
%s
max_per_second = 1000

[people]
editors   = ["desk@harbourpost.example"]
operators = ["admin@harbourpost.example"]

[sources.site]
feed = "feed.xml"

[newsletters.daily]
name     = "The Morning Post"
template = "daily"
days     = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
cut_off  = "18:00"
send_at  = "18:30"
release  = "approve"
stories  = { min = 3, top = 3, max = 4, max_age = "48h" }

[newsletters.breaking]
name     = "Breaking News"
template = "single"
days     = []
release  = "approve"
stories  = { min = 1, top = 1, max = 1 }
"""


@dataclass
class Mailbox:
    """Takes mail for everybody but those it refuses, with the reply to give them."""

    refuses: Mapping[str, str] = field(default_factory=dict)
    recipients: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Any
    ) -> str:
        self.recipients += envelope.rcpt_tos
        return "250 stored"


@contextlib.contextmanager
def mail_server(mailbox: Mailbox) -> Iterator[str]:
    """Run a mail server on this machine; give the settings that lead to it."""
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f'smtp = {{ host = "127.0.0.1", port = {port}, tls = "none" }}'
    finally:
        controller.stop()
