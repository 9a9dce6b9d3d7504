"""Door to the preview's pages: an edition laid open, to a browser on this machine alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from digest.resources import data_folder
from digest.web import preview_facts as facts
from digest.web.assets import StaticFiles
from digest.web.preview_looks import LoadPicture, LookFor, Looks, Shown
from digest.web.preview_wish import MODES, VIEWS, Look, Problem, in_mode, read_look
from digest.web.security import EVERYWHERE
from digest.web.server import serve_until
from digest.workflow.preview import Copy

__all__ = ["LoadPicture", "LookFor", "Looks", "make_preview", "serve_preview"]

_HERE = "127.0.0.1"
_OUR_NAMES = [_HERE, "localhost"]
"""A page elsewhere that has its own name lead here must not read what is to be published."""

_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# It may be of our origin, so that our page can put a new letter into it where it stands; nothing in
# it ever runs.
_SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; "
    f"base-uri 'none'; frame-ancestors 'self'; sandbox {_SANDBOX}"
)
_SAFETY = {
    **EVERYWHERE,
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_AGAIN = {"max-age=0", "no-cache"}
"""What browsers say when somebody reloads a page."""
_LIVE = "x-live"
"""What our script says when it asks for a page again: the checks come after, when all is quiet."""
_OWN = {"preview.css": "text/css", "preview.js": "text/javascript"}


def make_preview(looks: Looks) -> Starlette:
    """Make the application that shows editions as `looks` finds them."""
    pages = _Pages(looks)
    return Starlette(
        routes=[
            Route("/", pages.start),
            Route("/events", pages.events),
            Route("/static/{name}", pages.sheet),
            Route("/images/{name}", pages.picture),
            Route("/{language}/frame/{mode}", pages.frame),
            Route("/{language}/message.eml", pages.message),
            Route("/{language}/checks", pages.checks),
            Route("/{language}/{view}", pages.view),
        ],
        exception_handlers={HTTPException: pages.refuse, Exception: pages.fail},
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=_OUR_NAMES, www_redirect=False)
        ],
    )


def serve_preview(
    app: Starlette, *, port: int, stop: threading.Event, told: Callable[[str], None]
) -> None:
    """Serve to this machine until `stop` is set; port 0 takes a free one, `told` hears where.

    Raises DigestError when the port cannot be had.
    """
    serve_until(stop, app, _HERE, port, told=told)


class _Pages:
    """The handlers."""

    def __init__(self, looks: Looks) -> None:
        self.looks = looks
        self.static = StaticFiles(looks.site)
        folder = data_folder("templates") / "preview"
        self.own = {name: (folder / name).read_bytes() for name in _OWN}
        self.environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def start(self, request: Request) -> Response:
        """GET /: the letter as the command was asked for, in its own language."""
        look = Look(self.looks.asked)
        shown = self._shown(request, look)
        if shown.seen is None:
            return self._failed(shown)
        known = shown.seen.preview.copy_in(self.looks.language)
        language = self.looks.language if known else facts.own_language(shown.seen)
        return RedirectResponse(f"/{language}/letter{look.query()}", headers=_SAFETY)

    def view(self, request: Request) -> Response:
        """GET /{language}/{view}: one view of the letter, with all that is known beside it."""
        view = request.path_params["view"]
        if view not in VIEWS:
            raise HTTPException(404)
        look = read_look(request.query_params)
        shown = self._shown(request, look)
        if shown.seen is None:
            return self._failed(shown)
        own = facts.own_language(shown.seen)
        if request.path_params["language"] != own and look.wish.leads_elsewhere:
            return RedirectResponse(f"/{own}/{view}{look.query()}", headers=_SAFETY)
        copy = self._copy(shown, request)
        about = facts.page_facts(
            shown, copy, view=view, look=look, checked=_LIVE not in request.headers
        )
        return self._page("edition.html", {**about, "sandbox": _SANDBOX})

    def checks(self, request: Request) -> Response:
        """GET /{language}/checks: what the checks say, to stand in a page that is there."""
        look = read_look(request.query_params)
        shown = self._shown(request, look)
        if shown.seen is None:
            raise HTTPException(404)
        self._copy(shown, request)
        language = request.path_params["language"]
        return self._page("_checks.html", facts.check_facts(shown, language=language, look=look))

    def frame(self, request: Request) -> Response:
        """GET /{language}/frame/{mode}: the letter alone, for a frame."""
        shown = self._shown(request, read_look(request.query_params))
        mode = request.path_params["mode"]
        copy = self._copy(shown, request)
        if shown.seen is None or copy is None or copy.html is None or mode not in MODES:
            raise HTTPException(404)
        html = in_mode(copy.html, mode, public_url=shown.seen.site.public_url)
        own = {"Content-Security-Policy": _LETTER_POLICY, "X-Frame-Options": "SAMEORIGIN"}
        return HTMLResponse(html, headers={**_SAFETY, **own})

    def message(self, request: Request) -> Response:
        """GET /{language}/message.eml: the message as it goes out, to be kept."""
        shown = self._shown(request, read_look(request.query_params))
        copy = self._copy(shown, request)
        if shown.seen is None or copy is None:
            raise HTTPException(404)
        address = shown.seen.preview.edition.address.replace("/", "-")
        name = f"{address}-{copy.composition.language}.eml"
        own = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(copy.message, media_type="message/rfc822", headers={**_SAFETY, **own})

    async def events(self, request: Request) -> Response:
        """GET /events: the count of what changed, for as long as somebody listens."""
        del request
        return StreamingResponse(
            self.looks.changes.stream(), media_type="text/event-stream", headers=_SAFETY
        )

    def picture(self, request: Request) -> Response:
        """GET /images/{name}: from the newsroom's shelf, or as it was fetched for this look."""
        found = self.looks.load_picture(request.path_params["name"].partition(".")[0])
        if found is None:
            raise HTTPException(404)
        media_type, content = found
        # Its name is its hash, and a letter that is put in anew must not ask for it anew.
        own = {"Cache-Control": "private, max-age=3600, immutable"}
        return Response(content, media_type=media_type, headers={**_SAFETY, **own})

    def sheet(self, request: Request) -> Response:
        """GET /static/{name}: the sheet and script of this page, or one of the site's own."""
        name = request.path_params["name"]
        if name in _OWN:
            return Response(self.own[name], media_type=_OWN[name], headers=_SAFETY)
        static = StaticFiles(self.looks.site) if name == "brand.css" else self.static
        answer = static.serve(request)
        answer.headers.update(_SAFETY)
        return answer

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer 404 and 405."""
        del request
        found = error if isinstance(error, HTTPException) else HTTPException(500)
        status = HTTPStatus(found.status_code)
        problem = Problem(status.phrase, "Open the edition again by the link above.")
        page = self._problem(problem, status)
        page.headers.update(found.headers or {})
        return page

    async def fail(self, request: Request, error: Exception) -> Response:
        """Answer what nobody foresaw, as safely as all else."""
        del request
        return self._problem(facts.unforeseen(error), HTTPStatus.INTERNAL_SERVER_ERROR)

    def _shown(self, request: Request, look: Look) -> Shown:
        again = request.headers.get("cache-control", "") in _AGAIN and _LIVE not in request.headers
        wants = again and "view" in request.path_params
        return self.looks.shown(look.wish, again=wants or "again" in request.query_params)

    def _copy(self, shown: Shown, request: Request) -> Copy | None:
        """Find the copy asked for; None where there is no letter at all."""
        if shown.seen is None:
            return None
        language = request.path_params["language"]
        copy = shown.seen.preview.copy_in(language)
        if copy is None and (
            shown.seen.preview.copies or language != facts.own_language(shown.seen)
        ):
            raise HTTPException(404)
        return copy

    def _failed(self, shown: Shown) -> Response:
        problem = shown.problem or Problem("There is nothing to see.")
        return self._problem(problem, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _problem(self, problem: Problem, status: HTTPStatus) -> Response:
        about = {"site": self.looks.site, "problem": problem, "count": self.looks.changes.count}
        return self._page("problem.html", about, status=status)

    def _page(
        self, name: str, about: Mapping[str, object], *, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        html = self.environment.get_template(name).render(about)
        return HTMLResponse(html, status, headers=_SAFETY)
