"""A paper whose desk answers on this machine: its stories, its clock, and who is signed in."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zlib import crc32

from PIL import Image
from playwright.sync_api import Browser, BrowserContext
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from digest.people.model import Role
from digest.web.mount import pages_of
from digest.web.server import open_socket, serve_web
from tests.acceptance.browser_demo import visit
from tests.builders import Paper, a_newsletter, open_paper
from tests.integration.desk_site import AtDesk, at_desk

FRIDAY = "daily/2026-01-09"
MONDAY = "daily/2026-01-12"


@dataclass(frozen=True)
class Story:
    """A story of the paper's feed."""

    headline: str
    category: str = "Local"
    standfirst: str = ""
    picture: bool = False


STORIES = (
    Story("Harbour wall to be raised by two metres", "Local", "Work begins in May.", picture=True),
    Story("Council keeps the winter ferry for another year", "Local", "The vote was close."),
    Story("School roof mended before the frost", "Local", "Pupils are back at their desks."),
    Story("Baker opens a second shop on Quay Street", "Business", "Rye from six in the morning."),
    Story("Fish market takes cards at last", "Business", "Cash remains welcome."),
    Story("Choir wins the county prize", "Culture", "It is the first time since 1988."),
    Story("Lighthouse keeper’s letters to be printed", "Culture", "A hundred pages, found in May."),
    Story("Sailing club names its first woman captain", "Sport", "Nora Hale takes over in spring."),
    Story("Lifeboat crew honoured for the January rescue", "Sport", "Six were saved that night."),
    Story("Old mill to become a library", "Local", "Books where flour was."),
    Story("Night buses return on Fridays", "Local", "Until two in the morning."),
    Story("Museum shows the storm of 1953", "Culture", "Photographs nobody had seen."),
    Story("Oyster farm asks for a longer pier", "Business", "The harbour master is for it."),
    Story("Ponds frozen: skating from Sunday", "Sport", "Ten centimetres of ice are enough."),
)


@dataclass
class DeskPaper:
    """A paper that answers at `base_url`."""

    paper: Paper
    base_url: str

    @property
    def friday(self) -> str:
        """The path of Friday's edition at the desk."""
        return f"/desk/editions/{FRIDAY}"

    def someone(self, role: Role = Role.APPROVER, name: str = "Alma Penn") -> AtDesk:
        """Sign somebody in."""
        address = f"{name.split(maxsplit=1)[0].lower()}@post.example"
        return at_desk(self.paper.app, role, address=address, name=name)

    @contextlib.contextmanager
    def window(
        self,
        browser: Browser,
        role: Role = Role.APPROVER,
        name: str = "Alma Penn",
        *,
        script: bool = True,
    ) -> Iterator[BrowserContext]:
        """Open a browser window of somebody who is signed in."""
        desk = self.someone(role, name)
        cookie = next(each for each in desk.client.cookies.jar if each.name.endswith("desk"))
        with visit(browser, self.base_url, script=script) as context:
            place = {"name": "desk", "value": str(cookie.value), "url": self.base_url}
            context.add_cookies([place])  # type: ignore[list-item]
            yield context


@contextlib.contextmanager
def desk_paper(
    folder: Path, *, stories: Sequence[Story] = STORIES, readers: int = 3, **more: Any
) -> Iterator[DeskPaper]:
    """Serve a paper on Friday at 06:36, its edition in review; `more` are the newsletter's."""
    listening = open_socket("127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    paper = _paper(folder, base_url, readers=readers, **more)
    feed = Feed(paper, base_url)
    paper.watch.at = paper.watch.at.replace(hour=18)
    site = Starlette(routes=[Route("/pictures/{name}", _picture), Mount("/", pages_of(paper.app))])
    with _served(site, listening):
        feed.publish(*stories)
        paper.go("2026-01-09 06:30")
        paper.watch.at += timedelta(minutes=6)
        yield DeskPaper(paper, base_url)
    paper.app.close()


@dataclass
class Feed:
    """The paper's feed."""

    paper: Paper
    base_url: str

    def publish(self, *stories: Story) -> None:
        """Write the feed anew and have it read."""
        at = self.paper.watch.at
        items = "".join(
            self._item(story, at - timedelta(minutes=n)) for n, story in enumerate(stories)
        )
        self.paper.feed.write_text(
            "<rss version='2.0'><channel><title>Post</title><link>https://post.example</link>"
            f"<description>News</description>{items}</channel></rss>",
            encoding="utf-8",
        )
        for polled in self.paper.app.collect(force=True):
            assert not polled.problem

    def _item(self, story: Story, at: datetime) -> str:
        name = f"s{crc32(story.headline.encode())}"
        picture = f"<enclosure url='{self.base_url}/pictures/{name}.jpg' type='image/jpeg'/>"
        return (
            f"<item><title>{escape(story.headline)}</title>"
            f"<link>https://post.example/{name}</link><guid isPermaLink='false'>{name}</guid>"
            f"<category>{story.category}</category>"
            f"<description>{escape(story.standfirst)}</description>"
            f"{picture * story.picture}<pubDate>{format_datetime(at)}</pubDate></item>"
        )


def _paper(folder: Path, base_url: str, *, readers: int, **more: Any) -> Paper:
    newsletter = a_newsletter(
        release="approve",
        stories={"min": 3, "top": 2, "max": 10, "max_age": "48h"},
        sections=["town", "business", "culture", "sport"],
        **more,
    )
    paper = open_paper(
        folder,
        "2026-01-08 12:00",
        web={"public_url": base_url},
        newsletters={"daily": newsletter},
        sources={
            "site": {"feed": str(folder / "feed.xml"), "every": "30s", "allow": ["127.0.0.0/8"]}
        },
        checks={"ignore": {"L02": "The paper of this test is on this machine."}},
        sections={
            "town": {"title": "Town", "categories": ["Local"]},
            "business": {"title": "Business", "categories": ["Business"]},
            "culture": {"title": "Culture", "categories": ["Culture"]},
            "sport": {"title": "Sport", "categories": ["Sport"]},
        },
    )
    for n in range(readers):
        paper.reader(f"reader{n}@reader.example")
    return paper


@contextlib.contextmanager
def _served(app: ASGIApp, listening: Any) -> Iterator[None]:
    stops: queue.Queue[Callable[[], object]] = queue.Queue()

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.put(lambda: loop.call_soon_threadsafe(stop.set))
        await serve_web(app, "127.0.0.1", 0, stop, listening=listening)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    stop = stops.get(timeout=10)
    try:
        yield
    finally:
        stop()
        thread.join(20)
    assert not thread.is_alive()


def _picture(request: Request) -> Response:
    del request
    return Response(_photograph(), media_type="image/jpeg")


@cache
def _photograph() -> bytes:
    file = BytesIO()
    Image.radial_gradient("L").resize((1200, 676)).convert("RGB").save(file, "JPEG")
    return file.getvalue()
