"""Door to the made-up paper's web site: its feed, its pages, its pictures and its one recording."""

from __future__ import annotations

import hashlib
import math
import struct
import wave
from collections.abc import Callable
from datetime import datetime
from functools import cache
from io import BytesIO

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.clock import Clock
from digest.demo import pictures
from digest.demo.newsroom import SECTIONS, SITE_NAME, ZONE, DemoStory, feed_xml, stories_at
from digest.demo.pages import document, page, style_routes
from digest.errors import NotFoundError

PREFIX = "/newsroom"

_FRONT_PAGE = 24
_HALF_HOUR = {"Cache-Control": "public, max-age=1800"}
_Answer = Callable[[Request], Response]


def newsroom_routes(clock: Clock, base_url: str) -> list[Route]:
    """Give the paper's routes, all below /newsroom; it shows what stood at the clock's moment.

    `base_url` (no trailing slash) is where this same application answers.
    """
    return [
        *style_routes(PREFIX, "newsroom.css"),
        Route(f"{PREFIX}/feed.xml", _feed(clock, base_url)),
        Route(f"{PREFIX}/pictures/{{name}}.jpg", _picture),
        Route(f"{PREFIX}/audio/{{slug}}.wav", _recording(clock)),
        Route(PREFIX, _front(clock)),
        Route(f"{PREFIX}/{{section}}", _front(clock)),
        Route(f"{PREFIX}/{{section}}/{{slug}}", _article(clock)),
    ]


def _feed(clock: Clock, base_url: str) -> _Answer:
    def answer(request: Request) -> Response:
        body = feed_xml(clock(), base_url)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if _matches(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        return document(body, "application/rss+xml", headers)

    return answer


def _matches(asked: str, etag: str) -> bool:
    """Compare weakly (RFC 9110, 13.1.2): W/ in front of a tag does not matter here."""
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return etag in tags or "*" in tags


def _front(clock: Clock) -> _Answer:
    def answer(request: Request) -> Response:
        section = request.path_params.get("section")
        if section is not None and section not in SECTIONS:
            return _missing()
        now = clock()
        out = [s for s in stories_at(now) if s.published_at <= now]
        stories = [s for s in out if section in (None, s.section)]
        facts = {
            "title": SECTIONS[section] if section else SITE_NAME,
            "stories": [(story, day(story.published_at)) for story in stories[:_FRONT_PAGE]],
            "today": day(now),
        }
        return page("front.html", {**_frame(section), **facts})

    return answer


def _article(clock: Clock) -> _Answer:
    def answer(request: Request) -> Response:
        asked = request.url.path
        stories = stories_at(clock())
        story = next((s for s in stories if s.path == asked), None)
        if story is None:
            return _missing()
        more = [s for s in stories if s.section == story.section and s != story][:4]
        return page("article.html", {**_frame(story.section), **_facts(story), "more": more})

    return answer


def _facts(story: DemoStory) -> dict[str, object]:
    return {
        "story": story,
        "title": story.headline,
        "published": moment(story.published_at),
        "updated": moment(story.updated_at) if story.updated_at else "",
        "length": _length(story),
    }


def _length(story: DemoStory) -> str:
    if story.audio is None:
        return ""
    minutes, seconds = divmod(int(story.audio.total_seconds()), 60)
    return f"{minutes} min {seconds} s"


def _frame(section: str | None) -> dict[str, object]:
    return {"site": SITE_NAME, "sections": SECTIONS, "section": section}


def _missing() -> Response:
    return page("missing.html", {**_frame(None), "title": "No such page"}, 404)


def _picture(request: Request) -> Response:
    try:
        body = pictures.draw(request.path_params["name"])
    except NotFoundError:
        return _missing()
    return document(body, "image/jpeg", _HALF_HOUR)


def _recording(clock: Clock) -> _Answer:
    def answer(request: Request) -> Response:
        slug = request.path_params["slug"]
        if any(story.slug == slug and story.audio for story in stories_at(clock())):
            return document(_chime(), "audio/wav", _HALF_HOUR)
        return _missing()

    return answer


@cache
def _chime() -> bytes:
    """Stand in for the recording: two soft notes, 16-bit mono."""
    rate, seconds = 8000, 2.4
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        samples = [_loudness(n / rate) for n in range(int(rate * seconds))]
        sound.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()


def _loudness(at: float) -> int:
    notes = ((0.0, 392.0), (0.7, 523.25))
    level = sum(
        math.sin(math.tau * pitch * (at - start)) * math.exp(-3 * (at - start))
        for start, pitch in notes
        if at >= start
    )
    return round(9000 * level)


def day(at: datetime) -> str:
    """Write a moment as the paper's date: `Thursday 8 January`."""
    local = at.astimezone(ZONE)
    return f"{local:%A} {local.day} {local:%B}"


def moment(at: datetime) -> str:
    """Write a moment in the paper's words: `Thursday 8 January, 17:20`."""
    return f"{day(at)}, {at.astimezone(ZONE):%H:%M}"
