"""Door: bring readers in on the desk: a file is sent, looked at, and only then brought in.

The file goes to the disk as it comes. The look writes nothing but its report; what it found is
shown, and bringing in is a step of its own, with a word on where these readers agreed.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from digest.errors import DigestError, NotFoundError
from digest.people.model import Role, SignedIn
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.streamed import Brought, streamed
from digest.web.forms import Fields, first
from digest.workflow.bring_readers import VERDICTS
from digest.workflow.upload_readers import ReaderUploads, is_stale
from digest.workflow.upload_store import Upload, UploadState, last_uploads
from subscribers.tags import read_tag

LARGEST = 512 << 20
"""Bytes of the largest file that is taken here: some ten million readers; more by the command."""
_BOTH = ("GET", "POST")
_POST = ("POST",)
_LAST = 10
_AS = ("confirmed", "unconfirmed")


class ReadersImportPages:
    """The handlers, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the site's tools and the frame."""
        self.context = context
        self.desk = desk
        self.uploads = ReaderUploads(
            context.database,
            context.newsroom.newsletters,
            context.app.keys,
            context.clock,
            departures=context.app.departures,
            keep_ip=context.settings.readers.keep.ip,
        )

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route, admin = self.desk.route, Role.ADMIN
        one = "readers/import/{number:int}"
        begin = route("readers/import", self.begin, role=admin, methods=_BOTH)
        return [
            streamed(begin, self.desk, role=admin, largest=LARGEST),
            route(one, self.show, role=admin),
            route(f"{one}/progress", self.progress, role=admin),
            route(f"{one}/report", self.report, role=admin),
            route(f"{one}/look", self.look, role=admin, methods=_POST),
            route(f"{one}/bring", self.bring, role=admin, methods=_POST),
            route(f"{one}/drop", self.drop, role=admin, methods=_POST),
        ]

    def begin(self, request: Request, me: SignedIn) -> Response:
        """GET and POST /desk/readers/import: send a file."""
        if request.method == "GET":
            return self._begin_page(me, {}, "")
        form: Fields = request.state.form
        brought: Brought | None = getattr(request.state, "brought", None)
        if brought is None:
            return self._begin_page(me, form, "Choose a file.")
        try:
            options = _options(form)
        except DigestError as error:
            return self._begin_page(me, form, f"{error}. {error.hint}")
        number = self.uploads.take(brought.take(), brought.name, options, by=me.actor)
        return self.desk.done(self._url(number))

    def show(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/readers/import/N: what was found, or how far it is."""
        return self._page(me, self._found(request))

    def progress(self, request: Request, me: SignedIn) -> Response:
        """GET …/progress: the piece of the page that says how far it is, for htmx."""
        upload = self._found(request)
        if upload.state not in {UploadState.LOOKING, UploadState.BRINGING}:
            response = Response(status_code=HTTPStatus.NO_CONTENT)
            response.headers["HX-Redirect"] = self._url(upload.id)
            return response
        return self.desk.part("_upload-progress", me, **self._values(upload))

    def report(self, request: Request, me: SignedIn) -> Response:
        """GET …/report: line by line, what came of it."""
        del me
        upload = self._found(request)
        path = self.uploads.report(upload)
        if path is None:
            raise NotFoundError("readers: the report is not on this machine any more")
        return FileResponse(path, media_type="text/csv", filename=path.name)

    def look(self, request: Request, me: SignedIn) -> Response:
        """POST …/look: look once more, as it is said now."""
        del me
        upload, form = self._found(request), request.state.form
        if upload.state in {UploadState.LOOKED, UploadState.FAILED} or self._is_left(upload):
            self.uploads.look_again(upload.id, {**upload.options, **_options(form)})
        return self.desk.done(self._url(upload.id))

    def bring(self, request: Request, me: SignedIn) -> Response:
        """POST …/bring: bring them in, or go on where it was stopped."""
        upload, form = self._found(request), request.state.form
        consent = first(form, "consent").strip() or str(upload.options.get("consent", ""))
        if not consent and not upload.found.get("nobody_joins"):
            problem = "Say where and how these readers agreed: it is kept with each as proof."
            return self._page(me, upload, problem=problem)
        may = {UploadState.LOOKED, UploadState.FAILED}
        if upload.state in may or self._is_left(upload):
            more = {"consent": consent, "again": bool(first(form, "again"))}
            self.uploads.bring(upload.id, {**upload.options, **more}, by=me.actor)
        return self.desk.done(self._url(upload.id))

    def drop(self, request: Request, me: SignedIn) -> Response:
        """POST …/drop: take the file off our disk."""
        del me
        upload = self._found(request)
        if not self.uploads.is_working(upload.id):
            self.uploads.drop(upload.id)
        return self.desk.done(self.context.url("readers/import"), "The file is gone from our disk.")

    def _found(self, request: Request) -> Upload:
        return self.uploads.find(request.path_params["number"])

    def _url(self, number: int) -> str:
        return self.context.url(f"readers/import/{number}")

    def _is_left(self, upload: Upload) -> bool:
        """Tell whether a process that worked on it has ended over it."""
        return is_stale(upload, self.context.clock()) and not self.uploads.is_working(upload.id)

    def _begin_page(self, me: SignedIn, form: Fields, problem: str) -> Response:
        with self.context.database.read() as connection:
            last = last_uploads(connection, limit=_LAST)
        return self.desk.show(
            "readers-import",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            here="readers",
            problem=problem,
            form=_typed(form),
            last=last,
            largest=LARGEST >> 20,
            newsletters=self.context.newsroom.newsletters,
        )

    def _page(self, me: SignedIn, upload: Upload, *, problem: str = "") -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
        values = {**self._values(upload), "problem": problem}
        return self.desk.show("reader-upload", me, status=status, here="readers", **values)

    def _values(self, upload: Upload) -> dict[str, Any]:
        run = self.uploads.run_of(upload) if upload.fingerprint else None
        is_bringing = upload.state is UploadState.BRINGING
        return {
            "upload": upload,
            "found": upload.found,
            "done": run.upto if run and is_bringing else upload.records,
            "of": max(upload.lines, upload.records, 1),
            "run": run,
            "is_left": self._is_left(upload),
            "has_report": self.uploads.report(upload) is not None,
            "verdicts": VERDICTS,
            "form": _typed_options(upload),
            "newsletters": self.context.newsroom.newsletters,
        }


def _options(form: Fields) -> dict[str, Any]:
    """Read how a file is to be read. Raises UsageError for a tag that is none."""
    where_silent = first(form, "as")
    lines = {name: _lines(first(form, name)) for name in ("words", "renamed")}
    tags = [read_tag(each) for each in first(form, "tags").split(",") if each.strip()]
    return {
        "slugs": form.get("to", []),
        "where_silent": where_silent if where_silent in _AS else "",
        "consent": first(form, "consent").strip(),
        "encoding": first(form, "encoding").strip(),
        "tags": tags,
        **lines,
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _typed(form: Fields) -> dict[str, Any]:
    names = ("as", "consent", "encoding", "tags", "words", "renamed")
    return {"to": form.get("to", []), **{name: first(form, name) for name in names}}


def _typed_options(upload: Upload) -> dict[str, Any]:
    options = upload.options
    return {
        "to": options.get("slugs", []),
        "as": options.get("where_silent", ""),
        "consent": options.get("consent", ""),
        "encoding": options.get("encoding", ""),
        "tags": ", ".join(options.get("tags", [])),
        "words": "\n".join(options.get("words", [])),
        "renamed": "\n".join(options.get("renamed", [])),
    }
