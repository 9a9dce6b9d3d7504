"""A small paper behind its public pages, on loopback: editions, readers, every page of it."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from queue import Queue

from PIL import Image, ImageOps
from playwright.sync_api import Page, expect
from starlette.applications import Starlette

from digest.composition.model import Letter, Shot
from digest.composition.samples import sample_site
from digest.db import Database
from digest.demo.pictures import draw
from digest.migrations import migrate
from digest.outbox.store import due
from digest.web.context import Kept, WebContext
from digest.web.past_editions import A_PAGE
from digest.web.routes import make_app
from digest.web.server import open_socket, serve_until
from subscribers import signup, store
from subscribers.limits import SignupPolicy
from subscribers.model import Act
from subscribers.tokens import Grant, Key, KeyRing, Keys, Purpose
from tests.builders import Watch
from tests.integration.archive_room import (
    FRIDAY,
    TONGUES,
    make_paper,
    save_picture,
    send_edition,
    workdays,
    written,
)

NOW = datetime(2026, 1, 9, 12, tzinfo=UTC)
LONG = f"{'a' * 60}@{'long-name-of-a-mail-server.' * 4}reader.example"
"""An address as long as any may be: nothing may be pushed off the page by it."""
SCENES = {
    "harbour": "harbour-wall-storm",
    "ferry": "ferry-slip",
    "roofs": "terraces-morning",
    "lamp": "lighthouse",
    "choir": "theatre-curtain",
}
"""Which of the demo's pictures stands for a picture of the sample letters."""

_KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
_PATIENCE = timedelta(seconds=3)
_STRICT = SignupPolicy(per_network=0)


@dataclass
class PublicSite:
    """The pages by their address, and what a reader's mailbox and letters would hold."""

    base_url: str
    limited_url: str
    """The same pages, where nobody may sign up any more this hour."""
    database: Database
    clock: Watch
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def reader(self, *newsletter_ids: int, address: str = "") -> str:
        """Add a reader; give the public id."""
        address = address or f"maria{next(self.numbers)}@reader.example"
        signup.add(
            self.database,
            address,
            newsletter_ids or (1, 2),
            Act(self.clock(), "command"),
            keys=_KEYS,
        )
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=address)
        assert found is not None
        return found.public_id

    def link(self, purpose: Purpose, reader: str = "", *, newsletter_id: int = 1) -> str:
        """Give the path of a page in somebody's name, as their letters have it."""
        letter = {Purpose.UNSUBSCRIBE: "u", Purpose.PREFERENCES: "p"}[purpose]
        gets = (1,) if purpose is Purpose.PREFERENCES else (1, 2)
        grant = Grant(reader or self.reader(*gets), (newsletter_id,))
        return f"/{letter}/{_KEYS.links.sign(purpose, grant)}"

    def mailed_link(self, folder: str) -> str:
        """Give the path of the newest link of a kind that waits to be mailed, as `/confirm/…`."""
        with self.database.read() as connection:
            notices = due(connection, now=self.clock() + timedelta(days=1), limit=999)
        beginning = f"{self.base_url}/{folder}/"
        urls = [
            str(value)
            for notice in notices
            for value in notice.facts.values()
            if isinstance(value, str) and value.startswith(beginning)
        ]
        return urls[-1].removeprefix(self.base_url)

    def wait(self) -> None:
        """Let the time pass in which nobody reads a form."""
        self.clock.at += _PATIENCE


@contextlib.contextmanager
def public_site(folder: Path, *, editions: int = A_PAGE + 2) -> Iterator[PublicSite]:
    """Make the paper, send its editions, and serve its pages until the end."""
    database = Database(f"sqlite:///{folder / 'public.db'}")
    migrate(database)
    port, other = _free_port(), _free_port()
    base_url = f"http://127.0.0.1:{port}"
    site = sample_site("en", public_url=base_url)
    clock = Watch(NOW)
    context = WebContext(
        database,
        site,
        _KEYS,
        make_paper(database),
        clock=clock,
        news_address="news@letters.harbourpost.example",
        kept=Kept(timedelta(days=90), timedelta(days=30), timedelta(days=180)),
        policy=SignupPolicy(per_network=9999),
    )
    _send_editions(context, editions)
    limited = replace(context, policy=_STRICT)
    with _served(make_app(context), port), _served(make_app(limited), other):
        yield PublicSite(base_url, f"http://127.0.0.1:{other}", database, clock)


def _send_editions(context: WebContext, count: int) -> None:
    daily, weekly, _members = context.newsletters
    site, database = context.site, context.database

    def letters(template: str, tags: tuple[str, ...], lead: int = 0) -> list[Letter]:
        told = [written(template, tag, site=site, lead=lead) for tag in tags]
        return [_with_pictures(letter, database) for letter in told]

    for n, day in enumerate(workdays(FRIDAY - timedelta(days=1), count)):
        send_edition(database, daily, day, letters("daily", ("en",), n + 1))
    send_edition(database, weekly, date(2026, 1, 3), letters("weekly", ("en",)))
    send_edition(database, daily, FRIDAY, letters("daily", ("en", *TONGUES)))


def _with_pictures(letter: Letter, database: Database) -> Letter:
    """Give its pictures names as ours have, and keep them where the pages find them."""

    def kept(shot: Shot | None) -> Shot | None:
        if shot is None:
            return None
        name = shot.url.rpartition("/")[2].removesuffix(".jpg")
        hash_ = sha256(name.encode()).hexdigest()
        _keep(database, name, hash_)
        return replace(shot, url=f"{letter.site.public_url}/images/{hash_}.jpg")

    def shown(letter_: Letter) -> Letter:
        lead = letter_.lead and replace(letter_.lead, shot=kept(letter_.lead.shot))
        top = tuple(replace(piece, shot=kept(piece.shot)) for piece in letter_.top)
        sections = tuple(
            replace(
                section,
                pieces=tuple(replace(piece, shot=kept(piece.shot)) for piece in section.pieces),
            )
            for section in letter_.sections
        )
        return replace(letter_, lead=lead, top=top, sections=sections)

    return shown(letter)


def _keep(database: Database, name: str, hash_: str) -> None:
    scene, _, shape = name.rpartition("-")
    size = (1200, 676) if shape == "lead" else (320, 240)
    save_picture(database, hash_, _drawn(scene, size), size=size)


@cache
def _drawn(scene: str, size: tuple[int, int]) -> bytes:
    with Image.open(BytesIO(draw(SCENES[scene]))) as picture:
        file = BytesIO()
        ImageOps.fit(picture, size).save(file, "JPEG", quality=80)
    return file.getvalue()


@contextlib.contextmanager
def _served(app: Starlette, port: int) -> Iterator[None]:
    stop, told = threading.Event(), Queue[str]()
    serving = threading.Thread(
        target=serve_until, args=(stop, app, "127.0.0.1", port), kwargs={"told": told.put}
    )
    serving.start()
    try:
        told.get(timeout=20)
        yield
    finally:
        stop.set()
        serving.join(20)


def _free_port() -> int:
    with open_socket("127.0.0.1", 0) as found:
        return int(found.getsockname()[1])


Way = Callable[[PublicSite, Page, str], None]
"""Leads a window to a page, spoken in a language (a tag)."""


def _at(path: str) -> Way:
    def way(_site: PublicSite, page: Page, tag: str) -> None:
        page.goto(path + ("&" if "?" in path else "?") + f"language={tag}")

    return way


def _linked(purpose: Purpose) -> Way:
    def way(site: PublicSite, page: Page, tag: str) -> None:
        _at(site.link(purpose))(site, page, tag)

    return way


def _submit(page: Page) -> None:
    """Press the first button of the page's own form."""
    page.locator("main form button:visible").first.click()


def _ask(site: PublicSite, page: Page, tag: str, address: str) -> None:
    _at("/subscribe")(site, page, tag)
    page.locator("#email").fill(address)
    site.wait()
    _submit(page)


def _nothing_chosen(site: PublicSite, page: Page, tag: str) -> None:
    _at("/subscribe")(site, page, tag)
    page.get_by_role("checkbox").first.uncheck()
    page.locator("#email").fill(LONG)
    _submit(page)


def _mistyped(site: PublicSite, page: Page, tag: str) -> None:
    _ask(site, page, tag, "x" * 200)


def _misspelt(site: PublicSite, page: Page, tag: str) -> None:
    _ask(site, page, tag, "maria@gmial.com")


def _asked(site: PublicSite, page: Page, tag: str) -> None:
    _ask(site, page, tag, LONG)


def _confirm(site: PublicSite, page: Page, tag: str) -> None:
    _ask(site, page, tag, f"new{next(site.numbers)}@reader.example")
    _at(site.mailed_link("confirm"))(site, page, tag)


def _confirmed(site: PublicSite, page: Page, tag: str) -> None:
    _confirm(site, page, tag)
    _submit(page)


def _too_many(site: PublicSite, page: Page, tag: str) -> None:
    page.goto(f"{site.limited_url}/subscribe?language={tag}")
    page.locator("#email").fill("many@reader.example")
    site.wait()
    _submit(page)


def _left(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.UNSUBSCRIBE)(site, page, tag)
    _submit(page)


def _left_already(site: PublicSite, page: Page, tag: str) -> None:
    _left(site, page, tag)
    page.goto(page.url)


def _link_sent(site: PublicSite, page: Page, tag: str) -> None:
    _at("/link")(site, page, tag)
    page.locator("#email").fill(LONG)
    _submit(page)


def _no_link(site: PublicSite, page: Page, tag: str) -> None:
    _at("/link")(site, page, tag)
    page.locator("#email").fill("nobody")
    _submit(page)


def _of_two(site: PublicSite, page: Page, tag: str) -> None:
    _at(site.link(Purpose.PREFERENCES, site.reader(1, 2)))(site, page, tag)


def _press(page: Page, act: str) -> None:
    """Press the button of a reader's own page that does this."""
    page.locator(f"button[name=act][value={act}]").click()


def _saved(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.PREFERENCES)(site, page, tag)
    page.locator("#language").select_option(tag)
    _press(page, "save")


def _paused(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.PREFERENCES)(site, page, tag)
    page.locator("input[value=paused]").first.check()
    _press(page, "save")
    page.goto(page.url)


def _no_such_day(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.PREFERENCES)(site, page, tag)
    page.locator("input[value=paused]").first.check()
    page.locator("#until-daily").fill("2020-02-01")
    _press(page, "save")
    expect(page.locator(".problem")).to_have_count(1)


def _address_refused(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.PREFERENCES)(site, page, tag)
    page.locator("#email").fill("nobody")
    _press(page, "address")
    expect(page.locator(".problem")).to_have_count(1)


def _address_asked(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.PREFERENCES)(site, page, tag)
    page.locator("#email").fill(f"moved{next(site.numbers)}@reader.example")
    _press(page, "address")


def _new_address(site: PublicSite, page: Page, tag: str) -> None:
    _address_asked(site, page, tag)
    _at(site.mailed_link("a"))(site, page, tag)


def _address_changed(site: PublicSite, page: Page, tag: str) -> None:
    _new_address(site, page, tag)
    _submit(page)


def _data(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.PREFERENCES)(site, page, tag)
    _press(page, "data")
    _at(site.mailed_link("d"))(site, page, tag)


def _erase(site: PublicSite, page: Page, tag: str) -> None:
    _linked(Purpose.PREFERENCES)(site, page, tag)
    _press(page, "erase")
    _at(site.mailed_link("x"))(site, page, tag)


def _erased(site: PublicSite, page: Page, tag: str) -> None:
    _erase(site, page, tag)
    _submit(page)


def _gets_nothing(site: PublicSite, page: Page, tag: str) -> None:
    reader = site.reader(1)
    _at(site.link(Purpose.UNSUBSCRIBE, reader))(site, page, tag)
    _submit(page)
    _at(site.link(Purpose.PREFERENCES, reader))(site, page, tag)


def _moved(site: PublicSite, page: Page, tag: str) -> None:
    _twin(site, page, tag)
    _submit(page)


def _not_moved(site: PublicSite, page: Page, tag: str) -> None:
    reader = site.reader(1)
    _at(site.link(Purpose.UNSUBSCRIBE, reader))(site, page, tag)
    _submit(page)
    _at(f"{site.link(Purpose.PREFERENCES, reader)}/twin")(site, page, tag)


def _twin(site: PublicSite, page: Page, tag: str) -> None:
    _at(f"{site.link(Purpose.PREFERENCES)}/twin")(site, page, tag)


WAYS: dict[str, Way] = {
    "subscribe": _at("/subscribe"),
    "subscribe, nothing chosen": _nothing_chosen,
    "subscribe, mistyped": _mistyped,
    "subscribe, misspelt": _misspelt,
    "check inbox": _asked,
    "check inbox again": _at("/subscribe/check-inbox"),
    "form to paste": _at("/subscribe/form"),
    "confirm": _confirm,
    "confirmed": _confirmed,
    "preferences": _linked(Purpose.PREFERENCES),
    "preferences of two letters": _of_two,
    "preferences, saved": _saved,
    "preferences, paused": _paused,
    "preferences, no such day": _no_such_day,
    "preferences, address refused": _address_refused,
    "preferences, address asked": _address_asked,
    "preferences of who gets nothing": _gets_nothing,
    "new address": _new_address,
    "address changed": _address_changed,
    "my data": _data,
    "erase": _erase,
    "erased": _erased,
    "weekly instead": _twin,
    "moved": _moved,
    "not moved": _not_moved,
    "sample link": _at("/u/sample"),
    "unsubscribe": _linked(Purpose.UNSUBSCRIBE),
    "unsubscribed": _left,
    "left already": _left_already,
    "find": _at("/link"),
    "find, mistyped": _no_link,
    "link sent": _link_sent,
    "damaged link": _at("/u/AAHdamaged"),
    "nothing here": _at("/no/such/page/at/all"),
    "too many": _too_many,
    "archive": _at("/archive"),
    "archive of one": _at("/archive/weekly"),
    "archive, older": _at("/archive?before=2026-01-01.9999"),
    "edition": _at("/daily/2026-01-09"),
    "review": _at("/weekly/2026-01-03"),
    "privacy": _at("/privacy"),
}
"""Every public page, in each of the states a reader may meet it."""


def go(name: str, site: PublicSite, page: Page, tag: str = "en") -> None:
    """Open a page in one of its states."""
    WAYS[name](site, page, tag)
    expect(page.locator("h1")).to_have_count(1)
