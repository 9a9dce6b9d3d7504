"""Builders for tests that need a whole installation: its settings, its feed and a clock to move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import sqlalchemy as sa
import tomli_w

from digest.app import App, open_app
from digest.composition import store as compositions
from digest.composition.model import Composition
from digest.config import load
from digest.db import Database
from digest.delivery import count_store
from digest.delivery.model import Tally
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.model import Edition
from digest.outbox import store as outbox
from digest.outbox.model import Notice, NoticeKind, NoticeState
from digest.workflow.advance import advance
from subscribers.model import Act
from subscribers.signup import add

DESK, ADMIN, TESTER = "desk@post.example", "admin@post.example", "tester@post.example"
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def moment(text: str) -> datetime:
    """Read `2026-01-09 06:30` as a moment in UTC, which in January is London's hour too."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Watch:
    """A clock that a test sets."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


def a_newsletter(**more: Any) -> dict[str, Any]:
    """Describe the daily of a small paper; `more` replaces or adds settings."""
    return {
        "name": "The Morning Post",
        "days": WORKDAYS,
        "cut_off": "06:30",
        "send_at": "07:00",
        "release": "auto-after 20m",
        "stories": {"min": 3, "top": 1, "max": 6, "max_age": "48h"},
        "sections": ["town"],
        **more,
    }


def site_settings(folder: Path, **more: Any) -> dict[str, Any]:
    """Give the tables of digest.toml for a paper in `folder`; `more` replaces whole tables."""
    return {
        "site": {
            "name": "Harbour Post",
            "url": "https://post.example",
            "timezone": "Europe/London",
            "postal_address": "12 Quay Street",
        },
        "web": {"public_url": "https://letters.post.example"},
        "storage": {
            "database": f"sqlite:///{folder / 'digest.db'}",
            "keys": str(folder / "keys"),
            "unsubscribes": str(folder / "unsubscribes.ndjson"),
            "journal": str(folder / "journal"),
        },
        "mail": {
            "from": "Harbour Post <news@letters.post.example>",
            "reply_to": "editor@post.example",
            "maildir": str(folder / "mailbox"),
            "max_per_second": 10_000,
        },
        "people": {"editors": [DESK], "operators": [ADMIN], "test_readers": [TESTER]},
        "sources": {"site": {"feed": str(folder / "feed.xml"), "every": "30s"}},
        "sections": {"town": {"title": "Town", "categories": ["Local"]}},
        "newsletters": {"daily": a_newsletter()},
        **more,
    }


def url_of(database: Database) -> str:
    """Give a database's address as the settings want it."""
    return database.url.render_as_string(hide_password=False)


def write_settings(folder: Path, *, database: str = "", **more: Any) -> Path:
    """Write digest.toml; `database` is an address, else a SQLite file in the folder."""
    tables = site_settings(folder, **more)
    if database:
        tables["storage"]["database"] = database
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "digest.toml"
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


def write_feed(path: Path, stories: Iterable[tuple[str, datetime]]) -> None:
    """Write an RSS feed of headlines and when they were published; swapped in, never half."""
    items = "".join(
        f"<item><title>{escape(headline)}</title>"
        f"<link>https://post.example/{quote(headline)}</link>"
        f'<guid isPermaLink="false">story-{escape(headline)}</guid>'
        f"<category>Local</category><description>What happened: {escape(headline)}.</description>"
        f"<pubDate>{format_datetime(published_at)}</pubDate></item>"
        for headline, published_at in stories
    )
    draft = path.with_suffix(".part")
    draft.write_text(
        f'<rss version="2.0"><channel><title>Post</title><link>https://post.example</link>'
        f"<description>News</description>{items}</channel></rss>",
        encoding="utf-8",
    )
    draft.replace(path)


@dataclass
class Paper:
    """One installation whose clock and feed a test holds in its hands."""

    app: App
    watch: Watch
    feed: Path
    stories: list[tuple[str, datetime]] = field(default_factory=list)
    mail_works: bool = True
    """Whether the mail server takes what the editors are told."""

    def publish(self, *headlines: str) -> None:
        """Put stories into the feed at the watch's hour, and let the collector see them."""
        self.stories += [(headline, self.watch.at) for headline in headlines]
        write_feed(self.feed, self.stories)
        for polled in self.app.collect(force=True):
            assert not polled.problem

    def news(self, day: str, count: int = 4) -> None:
        """Publish some stories on an evening."""
        self.watch.at = moment(f"{day} 18:00")
        self.publish(*(f"{word} {day}" for word in _WORDS[:count]))

    def go(self, text: str) -> list[tuple[str, str]]:
        """Set the watch and take the step of a tick; give what happened to which edition.

        While `mail_works`, the mail server takes what the editors are to be told at once.
        """
        self.watch.at = moment(text)
        steps = advance(self.app.newsroom)
        if self.mail_works and self.post():
            steps += advance(self.app.newsroom)
        return [(step.what, step.edition) for step in steps]

    def post(self, *, refused: bool = False) -> int:
        """Have the mail server take (or refuse) what the editors are to be told; give how many."""
        now, done = self.watch.at, outbox.mark_failed if refused else outbox.mark_sent
        with self.app.database.write() as connection:
            due = outbox.due(connection, now=now, limit=999)
            told = [each for each in due if each.kind is NoticeKind.EDITORS]
            return sum(done(connection, each, at=now, reply="250 taken") for each in told)

    def reader(self, address: str, *slugs: str) -> None:
        """Add a confirmed reader."""
        wanted = [n.id for n in self.app.newsroom.newsletters if n.slug in (slugs or ("daily",))]
        add(self.app.database, address, wanted, Act(self.watch.at, "command"), keys=self.app.keys)

    def notices(self) -> list[Notice]:
        """Give what waits, and what the mail server took of what editors are told, as written."""
        table = outbox.notice.c
        taken = (table.state == NoticeState.SENT.value) & (table.kind == NoticeKind.EDITORS.value)
        query = sa.select(outbox.notice).where(table.next_at.is_not(None) | taken)
        with self.app.database.read() as connection:
            rows = connection.execute(query.order_by(table.id)).all()
        return [
            Notice(
                id=row.id,
                dedupe_key=row.dedupe_key,
                kind=NoticeKind(row.kind),
                to_address=row.to_address,
                facts=row.facts,
                attempts=row.attempts,
                created_at=row.created_at,
            )
            for row in rows
        ]

    def told(self) -> list[tuple[str, str]]:
        """Give what the editors and operators were told, and of what."""
        return [
            (
                str(n.facts.get("event", "needs you")),
                str(n.facts.get("edition", n.facts.get("what"))),
            )
            for n in self.notices()
        ]

    def editions(self) -> dict[str, str]:
        """Give the state of every edition by its address, oldest first."""
        with self.app.database.read() as connection:
            found = editions.recent_editions(connection, limit=999)
        return {each.address: str(each.state) for each in reversed(found)}

    def edition(self, address: str) -> Edition:
        """Give an edition by its address."""
        with self.app.database.read() as connection:
            found = editions.recent_editions(connection, limit=999)
        return next(each for each in found if each.address == address)

    def headlines(self, address: str) -> set[str]:
        """Give the stories that are in an edition."""
        with self.app.database.read() as connection:
            selection = candidate_store.load_selection(connection, self.edition(address).id)
        return {candidate.article.story.headline for candidate in selection.chosen}

    def composition(self, address: str) -> Composition | None:
        """Give what an edition was composed to."""
        with self.app.database.read() as connection:
            return compositions.load_composition(connection, self.edition(address).id)

    def tally(self, address: str) -> Tally:
        """Count an edition's rows in the ledger."""
        with self.app.database.read() as connection:
            return count_store.tally(connection, self.edition(address).id)


OpenPaper = Callable[..., Paper]

_WORDS = (
    "Ferry returns to the harbour",
    "Council votes on the market square",
    "School roof mended in time",
    "Lifeboat crew honoured",
    "Choir wins at last",
    "Baker opens second shop",
)


def open_paper(folder: Path, at: str, *, database: str = "", **more: Any) -> Paper:
    """Open an installation at an hour; `more` are tables of its settings."""
    watch = Watch(moment(at))
    path = write_settings(folder, database=database, **more)
    app = open_app(load(path), clock=watch)
    paper = Paper(app, watch, folder / "feed.xml")
    write_feed(paper.feed, [])
    return paper


def opening(folder: Path, database: str = "") -> Iterator[OpenPaper]:
    """Yield `open_paper` for one folder and database, for a fixture; closes all at the end."""
    papers: list[Paper] = []

    def opened(at: str = "2026-01-08 12:00", **more: Any) -> Paper:
        papers.append(open_paper(folder, at, database=database, **more))
        return papers[-1]

    yield opened
    for paper in papers:
        paper.app.close()
