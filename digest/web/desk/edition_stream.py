"""Door to the stream of one edition: a page hears at once what others do, and how sending goes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from digest.delivery.count_store import tally
from digest.delivery.model import Tally
from digest.delivery.progress import Course, Pace, Snapshot
from digest.editions import choice_store
from digest.editions import store as editions
from digest.editions.address import address_of
from digest.editions.model import Newsletter
from digest.people import presence_store
from digest.people.model import SignedIn
from digest.people.presence_store import Present
from digest.web.desk.edition_room import EditionRoom
from digest.web.desk.edition_view import others_here
from digest.workflow.choose import Target, slot_key
from digest.workflow.life_store import changed_stories

_LOOK_SECONDS = 1.0
_BEAT_SECONDS = 15.0
_LIFE_SECONDS = 300.0
"""Then the browser comes again by itself, and has to show its session once more."""


@dataclass(frozen=True, slots=True)
class _Now:
    """What a stream tells of, at one moment."""

    state: str
    """Changes with whatever makes the page another."""
    counts: Tally
    present: tuple[Present, ...]


class EditionStream:
    """The stream's handler, and what it watches."""

    def __init__(self, room: EditionRoom) -> None:
        """Take the room."""
        self.room = room

    def routes(self, one: str) -> list[BaseRoute]:
        """Give its address."""
        return [self.room.desk.route(f"{one}/~events", self.events)]

    async def events(self, request: Request, me: SignedIn) -> Response:
        """GET: server-sent events `state`, `here` and `progress`, until the page is closed."""
        newsletter, target = await run_in_threadpool(self.room.meant, request)
        doing = request.query_params.get("doing", "")
        stream = self._stream(newsletter, target, me, doing)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    async def _stream(
        self, newsletter: Newsletter, target: Target, me: SignedIn, doing: str
    ) -> AsyncIterator[str]:
        began = beaten = time.monotonic()
        await run_in_threadpool(self._beat, target, newsletter, me, doing)
        told: dict[str, str] = {}
        course = Course()
        while time.monotonic() - began < _LIFE_SECONDS:
            now = await run_in_threadpool(self._now, newsletter, target)
            for name, data in _events(now, str(me.user.id), course):
                if told.get(name) != data:
                    told[name] = data
                    yield f"event: {name}\ndata: {data}\n\n"
            if time.monotonic() - beaten >= _BEAT_SECONDS:
                beaten = time.monotonic()
                await run_in_threadpool(self._beat, target, newsletter, me, None)
                yield ": still here\n\n"
            await asyncio.sleep(_LOOK_SECONDS)

    def _beat(
        self, target: Target, newsletter: Newsletter, me: SignedIn, doing: str | None
    ) -> None:
        with self.room.context.database.write() as connection:
            presence_store.be_here(
                connection,
                _address(newsletter, target),
                str(me.user.id),
                name=me.name,
                now=self.room.context.clock(),
                doing=doing,
            )

    def _now(self, newsletter: Newsletter, target: Target) -> _Now:
        now: datetime = self.room.context.clock()
        day, name = slot_key(target)
        with self.room.context.database.read() as connection:
            edition = editions.find_edition(connection, newsletter, local_date=day, slot_name=name)
            begun = edition is not None and edition.sending_at is not None
            counts = tally(connection, edition.id) if edition and begun else Tally()
            log = choice_store.load_log(connection, newsletter.id, day, name)
            changed = changed_stories(connection, edition.id) if edition else []
            present = presence_store.who_is_here(connection, _address(newsletter, target), now=now)
        version = f"{edition.version}.{edition.revision}" if edition else "0"
        state = f"{version}:{log[-1].seq if log else 0}:{len(changed)}"
        return _Now(state, counts, tuple(present))


def _address(newsletter: Newsletter, target: Target) -> str:
    return address_of(newsletter.slug, *slot_key(target))


def _events(now: _Now, me: str, course: Course) -> list[tuple[str, str]]:
    said = [("state", json.dumps({"state": now.state}))]
    said.append(("here", json.dumps({"others": others_here(now.present, me)})))
    if now.counts.total:
        pace = course.add(Snapshot(time.monotonic(), now.counts))
        said.append(("progress", json.dumps(_progress(now.counts, pace))))
    return said


def _progress(counts: Tally, pace: Pace) -> dict[str, object]:
    words = f"{pace.done:,} of {pace.total:,}"
    if pace.per_second:
        words += f" · {pace.per_second:,.0f} a second"
    if pace.seconds_left is not None:
        words += f" · {_left(pace.seconds_left)} to go"
    if counts.deferred:
        words += f" · {counts.deferred:,} to retry"
    return {"percent": pace.percent, "words": words}


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
