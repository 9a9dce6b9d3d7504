"""Door: the never-mail list of the desk, and readers given out as a file."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import cast

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from digest.editions.model import Newsletter
from digest.errors import DigestError
from digest.people.model import Role, SignedIn
from digest.site_values import vocabulary
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.reader_rows import never_rows
from digest.web.forms import Fields, first
from digest.workflow.export_readers import ReaderExport, Shape
from digest.workflow.never_mail import forbid, lift
from subscribers import directory_store, rights_store
from subscribers.model import EVERYTHING, Act
from subscribers.segment_fault import SegmentError
from subscribers.segments import Audience, parse

_NEVER_SHOWN = 200
_BOTH = ("GET", "POST")
_SHAPES: dict[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
}


class ReaderListPages:
    """The handlers, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the site's tools and the frame."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route = self.desk.route
        return [
            route("readers/never-mail", self.never, role=Role.EDITOR, methods=_BOTH),
            route("readers/export", self.export, role=Role.ADMIN, methods=_BOTH),
        ]

    @property
    def _newsletters(self) -> Sequence[Newsletter]:
        return self.context.newsroom.newsletters

    # Never mail

    def never(self, request: Request, me: SignedIn) -> Response:
        """GET and POST /desk/readers/never-mail: the list, put on it, taken off it."""
        form: Fields = request.state.form
        problem = ""
        if request.method == "POST":
            try:
                return self._forbidden(me, form)
            except DigestError as error:
                problem = f"{error}. {error.hint}".strip()
        with self.context.database.read() as connection:
            listed, total = rights_store.list_never_mailed(connection, limit=_NEVER_SHOWN)
        return self.desk.show(
            "readers-never",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            here="readers",
            rows=never_rows(listed),
            total=total,
            problem=problem,
            typed={name: first(form, name) for name in ("address", "reason", "scope")},
            newsletters=self._newsletters,
        )

    def _forbidden(self, me: SignedIn, form: Fields) -> Response:
        address, why = first(form, "address").strip(), first(form, "reason").strip()
        scope = first(form, "scope") or EVERYTHING
        act = Act(at=self.context.clock(), via=me.actor)
        app = self.context.app
        if first(form, "act") == "lift":
            done = lift(
                app.database,
                address,
                act,
                keys=app.keys,
                why=why,
                scope=scope,
                departures=app.departures,
            )
            said = "It is off the list. Nobody is subscribed by that."
            if not done.scopes:
                said = "Nothing to take off: only what was put there by hand can be."
        else:
            forbid(
                app.database,
                address,
                act,
                keys=app.keys,
                why=why,
                scope=scope,
                departures=app.departures,
            )
            said = "That address is never mailed from now on, whoever asks for it."
        return self.desk.done(self.context.url("readers/never-mail"), said)

    # Give out

    def export(self, request: Request, me: SignedIn) -> Response:
        """GET and POST /desk/readers/export: all readers, or a segment, as a file."""
        form: Fields = request.state.form
        fault = None
        if request.method == "POST":
            try:
                return self._exported(me, form)
            except SegmentError as error:
                fault = error
        return self.desk.show(
            "readers-export",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
            here="readers",
            fault=fault,
            segment=first(form, "segment"),
            newsletters=self._newsletters,
        )

    def _exported(self, me: SignedIn, form: Fields) -> Response:
        text = first(form, "segment").strip()
        with self.context.database.read() as connection:
            tags = directory_store.known_tags(connection) if text else []
        audience = None
        if text:
            words = vocabulary(self.context.settings, tags=tags)
            audience = Audience(parse(text, vocabulary=words), self.context.site.zone)
        shape = first(form, "shape")
        shape = shape if shape in _SHAPES else "csv"
        wanted = form.get("to") or [each.slug for each in self._newsletters]
        now = self.context.clock()
        job = ReaderExport(
            self.context.database,
            [each for each in self._newsletters if each.slug in wanted],
            audience,
            cast("Shape", shape),
            me.actor,
            now,
        )
        name = f"readers-{now.astimezone(self.context.zone):%Y-%m-%d}.{shape}"
        return StreamingResponse(
            job.lines(),
            media_type=_SHAPES[shape],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
