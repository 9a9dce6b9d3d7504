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
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from digest.composition.model import Site
from digest.composition.text import COLUMNS
from digest.errors import DigestError
from digest.resources import data_folder
from digest.web import preview_words as words
from digest.web.assets import StaticFiles
from digest.web.frames import Scheme, in_new_window, in_scheme, with_pictures_from
from digest.web.security import EVERYWHERE
from digest.web.server import serve_until
from digest.workflow.preview import Copy, Preview

Look = Callable[[], Preview]
"""Looks at the edition once more. Raises DigestError."""
LoadPicture = Callable[[str], tuple[str, bytes] | None]
"""Gives media type and content of one of our pictures by its hash."""

_HERE = "127.0.0.1"
_OUR_NAMES = [_HERE, "localhost"]
"""A page elsewhere that has its own name lead here must not read what is to be published."""

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
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
_FRAMES = {
    "desktop": Scheme.LIGHT,
    "phone": Scheme.LIGHT,
    "dark": Scheme.DARK,
    "dark-phone": Scheme.DARK,
}
_AGAIN = {"max-age=0", "no-cache"}
"""What browsers say when somebody reloads a page."""
_SHEET = "preview.css"


def make_preview(first: Preview, *, look: Look, load_picture: LoadPicture, site: Site) -> Starlette:
    """Make the application that shows `first`, and looks again when its page is reloaded."""
    pages = _Pages(first, look=look, load_picture=load_picture, site=site)
    return Starlette(
        routes=[
            Route("/", pages.start),
            Route("/static/{name}", pages.sheet),
            Route("/images/{name}", pages.picture),
            Route("/{language}/letter/{scheme}", pages.letter),
            Route("/{language}/message.eml", pages.message),
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
    """The handlers, and what was seen last."""

    def __init__(
        self, first: Preview, *, look: Look, load_picture: LoadPicture, site: Site
    ) -> None:
        self.last = first
        self.look = look
        self.load_picture = load_picture
        self.site = site
        self.static = StaticFiles(site)
        self._one_look = threading.Lock()
        folder = data_folder("templates") / "preview"
        self.style = (folder / _SHEET).read_bytes()
        self.environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def start(self, request: Request) -> Response:
        """GET /: the first view of the newsletter's own language."""
        del request
        return RedirectResponse(f"/{self._own_language}/desktop", headers=_SAFETY)

    def view(self, request: Request) -> Response:
        """GET /{language}/{view}: one view of the letter, with all that is known beside it."""
        view = request.path_params["view"]
        if view not in words.VIEWS:
            raise HTTPException(404)
        if request.headers.get("cache-control", "") in _AGAIN or "again" in request.query_params:
            try:
                self._look_again()
            except DigestError as error:
                return self._problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), error.hint)
            except Exception as error:  # noqa: BLE001 - the database may be moved, or migrated
                return self._failed(error)
        preview = self.last
        copy = self._copy(preview, request)
        return self._page("edition.html", _facts(preview, copy, view=view, site=self.site))

    def letter(self, request: Request) -> Response:
        """GET /{language}/letter/{scheme}: the letter alone, for a frame."""
        copy = self._copy(self.last, request)
        scheme = request.path_params["scheme"]
        if copy is None or copy.html is None or scheme not in tuple(Scheme):
            raise HTTPException(404)
        html = with_pictures_from(copy.html, self.site.public_url, "/images/")
        shown = in_new_window(in_scheme(html, Scheme(scheme)))
        own = {"Content-Security-Policy": _LETTER_POLICY, "X-Frame-Options": "SAMEORIGIN"}
        return HTMLResponse(shown, headers={**_SAFETY, **own})

    def message(self, request: Request) -> Response:
        """GET /{language}/message.eml: the message as it goes out, to be kept."""
        copy = self._copy(self.last, request)
        if copy is None:
            raise HTTPException(404)
        name = f"{self.last.edition.address.replace('/', '-')}-{copy.composition.language}.eml"
        own = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(copy.message, media_type="message/rfc822", headers={**_SAFETY, **own})

    def picture(self, request: Request) -> Response:
        """GET /images/{name}: from the newsroom's shelf, or as it was fetched for this look."""
        found = self.load_picture(request.path_params["name"].partition(".")[0])
        if found is None:
            raise HTTPException(404)
        media_type, content = found
        # The frame is a sandbox, which is of no origin at all: "same-origin" would keep it out.
        own = {"Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(content, media_type=media_type, headers={**_SAFETY, **own})

    def sheet(self, request: Request) -> Response:
        """GET /static/{name}: the sheet of this page, or one of the site's own."""
        name = request.path_params["name"]
        if name == _SHEET:
            return Response(self.style, media_type="text/css", headers=_SAFETY)
        answer = self.static.serve(request)
        answer.headers.update(_SAFETY)
        return answer

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer 404 and 405."""
        del request
        found = error if isinstance(error, HTTPException) else HTTPException(500)
        status = HTTPStatus(found.status_code)
        page = self._problem(status, status.phrase, "Open the edition again by the link above.")
        page.headers.update(found.headers or {})
        return page

    async def fail(self, request: Request, error: Exception) -> Response:
        """Answer what nobody foresaw, as safely as all else."""
        del request
        return self._failed(error)

    def _failed(self, error: Exception) -> Response:
        sentence = f"The edition cannot be looked at now ({type(error).__name__})"
        hint = "Is the database where it was? Then stop this, and begin again: digest preview"
        return self._problem(HTTPStatus.INTERNAL_SERVER_ERROR, sentence, hint)

    def _look_again(self) -> None:
        with self._one_look:
            self.last = self.look()

    @property
    def _own_language(self) -> str:
        if self.last.copies:
            return self.last.copies[0].composition.language
        return self.last.newsletter.spec.language or self.site.language

    def _copy(self, preview: Preview, request: Request) -> Copy | None:
        """Find the copy asked for; a language there is none of is not found."""
        language = request.path_params["language"]
        copy = preview.copy_in(language)
        if copy is None and (preview.copies or language != self._own_language):
            raise HTTPException(404)
        return copy

    def _problem(self, status: HTTPStatus, sentence: str, hint: str) -> Response:
        facts = {"site": self.site, "sentence": sentence, "hint": hint}
        return self._page("problem.html", facts, status=status)

    def _page(
        self, name: str, facts: Mapping[str, object], *, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        html = self.environment.get_template(name).render(facts)
        return HTMLResponse(html, status, headers=_SAFETY)


def _facts(preview: Preview, copy: Copy | None, *, view: str, site: Site) -> dict[str, object]:
    zone = preview.newsletter.spec.cadence.zone
    tags = [each.composition.language for each in preview.copies]
    language = copy.composition.language if copy else ""
    return {
        "site": site,
        "title": words.title(preview),
        "state": words.state(preview),
        "preview": preview,
        "copy": copy,
        "how_made": words.how_made(preview, zone),
        "hour": words.hour_there(preview.edition.send_at, zone),
        "sends": words.sends(preview, zone),
        "views": words.VIEWS,
        "view": view,
        "frame": _FRAMES.get(view),
        "sandbox": _SANDBOX,
        "languages": [(tag, words.language_name(tag)) for tag in tags],
        "language": language or site.language,
        "facts": list(words.facts(preview, copy)),
        "hashes": list(words.hashes(preview, copy)),
        "stories": words.running_order(preview, language),
        "left_out": words.left_out(preview),
        **(_letter_facts(copy, view) if copy else {}),
    }


def _letter_facts(copy: Copy, view: str) -> dict[str, object]:
    composition = copy.composition
    fields = words.fields(copy.message)
    return {
        "sender": words.sender(copy.message),
        "subject_signs": words.count(composition.subject),
        "preheader_signs": words.count(composition.preheader),
        "size": words.size_of(copy.html) if copy.html else None,
        "cuts": words.cuts(composition.subject),
        "columns": COLUMNS,
        "fields": fields,
        "source": copy.message.decode("utf-8", "backslashreplace") if view == "raw" else "",
    }
