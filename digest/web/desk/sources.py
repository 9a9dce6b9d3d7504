"""Door to the desk's page of sources: how each fares, add one by its address, ask one now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.config.lines import line_of, lines_of
from digest.config.values import duration
from digest.errors import DigestError, UsageError
from digest.people.model import Role, SignedIn
from digest.sources import store
from digest.sources.model import Origin, SourceKind, SourceSpec
from digest.web.desk import sources_words as words
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.troubles import of_error
from digest.web.forms import Fields, first
from digest.workflow import calendar_store, sourcing
from digest.workflow import store as workflow_store
from digest.workflow.halt import Person

_STORIES = 3
_AT_ONCE = 3
"""Addresses that are looked at together: each holds a thread of the server for up to 20 s."""
_EVERY = timedelta(minutes=10)


class SourcePages:
    """The handlers, bound to one desk."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools, and the frame that pages are shown in."""
        self.context = context
        self.desk = desk
        self.places = BoundedSemaphore(_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route, post = self.desk.route, ("POST",)
        return [
            route("sources", self.sources),
            route("sources/look", self.look, role=Role.EDITOR, methods=post),
            route("sources/add", self.add, role=Role.EDITOR, methods=post),
            route("sources/refresh", self.refresh, role=Role.EDITOR, methods=post),
            route("sources/pause", self.pause, role=Role.EDITOR, methods=post),
            route("sources/resume", self.resume, role=Role.EDITOR, methods=post),
            route("sources/remove", self.remove, role=Role.EDITOR, methods=post),
        ]

    def sources(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/sources: every source, how it fares, and its last stories."""
        del request
        return self._page(me)

    def look(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sources/look: find out what an address is; nothing is kept."""
        typed = first(request.state.form, "address")
        if not self.places.acquire(blocking=False):
            error = DigestError(
                "source: others are looking at addresses just now", hint="Try it again in a moment."
            )
            return self._page(me, typed=typed, problem=error)
        try:
            app = self.context.app
            taken = {spec.name for spec, *_ in self._known()}
            offer = sourcing.look(typed, taken, fetcher=app.fetcher, parser=app.parser)
        except DigestError as error:
            return self._page(me, typed=typed, problem=error)
        finally:
            self.places.release()
        return self._page(me, typed=typed, offer=offer)

    def add(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sources/add: add what was looked at."""
        fields: Fields = request.state.form
        try:
            spec = self._spec(fields)
            known = [each for each, *_ in self._known()]
            sourcing.add(self.context.newsroom, spec, known, by=_person(me))
        except DigestError as error:
            return self._page(me, typed=first(fields, "address"), problem=error)
        return self._done(f"{spec.name} is added. The collector reads it in its next round.")

    def refresh(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sources/refresh: have the collector ask a source at once."""
        name = first(request.state.form, "source")
        sourcing.refresh(self.context.newsroom, name, by=_person(me))
        if not self._collects():
            return self._done(f"{name} is asked as soon as the collector runs: digest serve.")
        return self._done(f"{name} is asked now: look again in a few seconds.")

    def pause(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sources/pause: let a source rest."""
        name = first(request.state.form, "source")
        sourcing.pause(self.context.newsroom, name, by=_person(me))
        return self._done(f"{name} rests: it is not asked until it is taken up again.")

    def resume(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sources/resume: take up a source that rests."""
        name = first(request.state.form, "source")
        sourcing.resume(self.context.newsroom, name, by=_person(me))
        return self._done(f"{name} is read again.")

    def remove(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sources/remove: remove a source that was added by a person."""
        name = first(request.state.form, "source")
        sourcing.remove(self.context.newsroom, name, by=_person(me))
        return self._done(f"{name} is removed. Its stories stay.")

    def _done(self, said: str) -> Response:
        return self.desk.done(self.context.url("sources"), said)

    def _spec(self, fields: Fields) -> SourceSpec:
        """Read the form of a source to add. Raises UsageError."""
        kind, every = first(fields, "kind"), first(fields, "every").strip()
        if kind not in tuple(SourceKind):
            raise UsageError(f"source: {kind[:40]!r}: no such kind", hint="Look it up again.")
        try:
            asked = duration(every) if every else _EVERY
        except ValueError as error:
            raise UsageError(f"every: {every[:40]!r}: {error}", hint="As in 10m or 2h.") from error
        return SourceSpec(
            name=first(fields, "name").strip(),
            kind=SourceKind(kind),
            address=first(fields, "address").strip(),
            every=asked,
            zone=self.context.site.zone,
            origin=Origin.DESK,
        )

    def _known(self) -> list[tuple[SourceSpec, object]]:
        """Give every source there is, those that rest among them."""
        with self.context.database.read() as connection:
            resting = store.paused_sources(connection)
        specs = {spec.name for spec in self.context.app.sources}
        found: list[tuple[SourceSpec, object]] = [(spec, None) for spec in self.context.app.sources]
        return found + [(spec, at) for spec, _, at in resting if spec.name not in specs]

    def _collects(self) -> bool:
        now = self.context.clock()
        with self.context.database.read() as connection:
            beats = workflow_store.heartbeats(connection)
        return any(
            beat.process.startswith("scheduler") and now - beat.beat_at < workflow_store.STALE_AFTER
            for beat in beats
        )

    def _page(
        self,
        me: SignedIn,
        *,
        typed: str = "",
        problem: DigestError | None = None,
        offer: sourcing.Offer | None = None,
    ) -> Response:
        trouble = of_error(problem) if problem else None
        return self.desk.show(
            "sources",
            me,
            status=trouble.status if trouble else 200,
            here="sources",
            shown=self._shown(),
            typed=typed,
            trouble=trouble,
            offer=offer,
            kinds=words.KINDS,
        )

    def _shown(self) -> list[words.Shown]:
        context = self.context
        specs = context.app.sources
        with context.database.read() as connection:
            states = {state.name: state for state in store.source_states(connection)}
            resting = store.paused_sources(connection)
            ids = {
                state.id: state.name for state in (*states.values(), *(s for _, s, _ in resting))
            }
            stories = calendar_store.last_stories(connection, ids, each=_STORIES)
        lines, file, now = self._lines(), self._file(), context.clock()
        found = [
            words.shown_of(
                spec,
                states[spec.name],
                now=now,
                file=file,
                line=lines.get(spec.name),
                stories=stories[spec.name],
            )
            for spec in specs
            if spec.name in states
        ]
        found += [
            words.shown_of(
                spec, state, now=now, file=file, line=None, stories=stories[spec.name], paused_at=at
            )
            for spec, state, at in resting
        ]
        return found

    def _file(self) -> str:
        path = self.context.settings.file
        return path.name if path else "digest.toml"

    def _lines(self) -> dict[str, int]:
        """Find the lines of the settings file on which its sources begin."""
        path = self.context.settings.file
        lines = lines_of(_text(path)) if path else {}
        names = [spec.name for spec in self.context.app.file_sources]
        found = {name: line_of(lines, ("sources", name)) for name in names}
        return {name: line for name, line in found.items() if line}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""  # it may have been moved since we were started


def _person(me: SignedIn) -> Person:
    return Person(me.name, me.actor)
