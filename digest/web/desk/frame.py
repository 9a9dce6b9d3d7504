"""Door to the templates of the desk, and what every page of it is wrapped in.

Who asks, whether they may, and whether the form is theirs is settled here, so that no page can
forget it. What goes wrong is said in the look of the desk, and what was typed is never lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from digest.people import sessions, user_store
from digest.people.model import Role, SignedIn, User
from digest.resources import data_folder
from digest.web.assets import StaticFiles
from digest.web.desk import times
from digest.web.desk.asking import (
    LARGEST_FORM,
    Asked,
    Carried,
    asked_now,
    say_next,
)
from digest.web.desk.context import DeskContext
from digest.web.desk.guarding import comes_from_us, mark_of, session_of_mark
from digest.web.desk.troubles import Trouble, of_status
from digest.web.desk.wrapping import POLICY, SAFETY, Handler, OpenPage, Page
from digest.web.forms import Fields

_PLACES = (
    ("editions", "Editions", "", Role.VIEWER),
    ("newsletters", "Newsletters", "newsletters", Role.VIEWER),
    ("sources", "Sources", "sources", Role.VIEWER),
    ("sections", "Sections", "sections", Role.VIEWER),
    ("sponsors", "Sponsors", "sponsors", Role.VIEWER),
    ("readers", "Readers", "readers", Role.VIEWER),
    ("settings", "Settings", "settings", Role.VIEWER),
    ("people", "People", "people", Role.ADMIN),
)
"""What the head of a page leads to: key, word, path, and who sees it; if there is such a page."""


class Desk:
    """The frame of the desk's pages: who may see what, and in what look."""

    def __init__(self, context: DeskContext) -> None:
        """Prepare the templates."""
        self.context = context
        self.paths: set[str] = set()
        self.version = StaticFiles(context.site).version
        self.environment = Environment(
            loader=FileSystemLoader(data_folder("templates") / "desk"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(
            site=context.site,
            base=context.base,
            version=self.version,
            url=context.url,
            static=self._static,
            when=lambda at: times.when(at, context.zone, context.clock()),
            day=lambda at: times.day(at, context.zone, context.clock()),
            hour=lambda at: times.hour(at, context.zone),
            utc=times.utc,
            ago=lambda at: times.ago(at, context.clock()),
            place=times.place(context.zone),
        )

    def show(self, name: str, me: SignedIn | None, *, status: int = 200, **values: Any) -> Response:
        """Render `templates/desk/<name>.html`, which extends `_page.html`.

        `values` are the template's own; beside them it has what every template of the desk has.
        """
        asked = asked_now.get() or Asked()
        asked.is_said = True
        page = {"said": asked.said, "nav": self._nav(me), "path": asked.path}
        return self._rendered(name, me, status, {**page, **values})

    def part(self, name: str, me: SignedIn | None, *, status: int = 200, **values: Any) -> Response:
        """Render a template that is a piece of a page, for htmx to put in place."""
        return self._rendered(name, me, status, values)

    def done(self, url: str, said: str = "") -> Response:
        """Lead on after an act, to a path of ours; `said` is shown once on the page that follows.

        Where htmx asked, the whole page changes.
        """
        response = RedirectResponse(url, status_code=HTTPStatus.SEE_OTHER)
        if said:
            path = self.context.url("")
            say_next(response, said, path=path, secure=self.context.is_https)
        return response

    def refuse(
        self, me: SignedIn | None, trouble: Trouble, *, fields: Fields | None = None
    ) -> Response:
        """Say what went wrong: on a page, or where htmx asked, in the line for it on the page.

        What was typed is shown on the page, to be copied.
        """
        asked = asked_now.get() or Asked()
        if asked.is_part:
            response = self.part("_trouble", me, status=trouble.status, trouble=trouble)
            response.headers["HX-Retarget"] = "#told"
            response.headers["HX-Reswap"] = "innerHTML"
        else:
            typed = Carried(asked.path, fields or {}, None).typed
            response = self.show("problem", me, status=trouble.status, trouble=trouble, typed=typed)
        response.headers.update(trouble.headers)
        return response

    def sign_in_page(
        self,
        *,
        status: int = HTTPStatus.OK,
        back: str = "",
        carried: Carried | None = None,
        **values: Any,
    ) -> Response:
        """Ask who is there: `back` is where they were going, `carried` what they were sending."""
        given = {"typed": "", "problem": "", "asked_for": "", "is_first": False, **values}
        return self.show("sign-in", None, status=status, back=back, carried=carried, **given)

    def csrf(self, me: SignedIn) -> str:
        """Give what each form of a session must carry, as field `csrf` or header X-CSRF."""
        return mark_of(self.context.newsroom.secret, me.session.public_id)

    def route(
        self,
        path: str,
        handler: Handler,
        *,
        role: Role = Role.VIEWER,
        methods: Sequence[str] = ("GET",),
        largest: int = LARGEST_FORM,
        files: int = 0,
    ) -> Route:
        """Give the route of a page: `path` below /desk ("" is the first page), and who may.

        A POST needs the mark of its session and must come from a page of ours. `largest` is how
        many bytes it may have, `files` how many files. A DigestError is said in the desk's look.
        """
        self.paths.add(path.strip("/"))
        page = Page(self, handler, role, largest, files)
        whole = f"/desk/{path.strip('/')}".rstrip("/")
        return Route(whole, page, methods=list(methods))

    def open_route(
        self,
        path: str,
        handler: Callable[[Request], Awaitable[Response]],
        *,
        methods: Sequence[str] = ("GET",),
    ) -> Route:
        """Give the route of a page that needs nobody signed in; a POST must come from ours."""
        page = OpenPage(self, handler)
        whole = f"/desk/{path.strip('/')}"
        return Route(whole, page, methods=list(methods))

    def missing(self) -> Route:
        """Give the route of every other address below /desk: it comes last."""

        async def refuse(request: Request) -> Response:
            rest = request.path_params["rest"]
            if request.method == "GET" and (not rest or rest.strip("/") != rest):
                return self.done(self.context.url(rest.strip("/")))
            me = await run_in_threadpool(self.who, request)
            return self.refuse(me, of_status(HTTPStatus.NOT_FOUND))

        return self.open_route("{rest:path}", refuse, methods=["GET", "POST"])

    def who(self, request: Request) -> SignedIn | None:
        """Find who asks, if their session works; blocks on the database."""
        token = request.cookies.get(self.cookie, "")
        now = self.context.clock()
        return sessions.find(self.context.database, token, now=now, rules=self.context.rules)

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the session; browsers guard the prefix __Host-."""
        return "__Host-desk" if self.context.is_https else "desk"

    def keep(self, response: Response, token: str) -> None:
        """Give the browser its session. It outlives the session, to tell whose forms are left."""
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(self.context.rules.life.total_seconds()),
            path="/",
            secure=self.context.is_https,
            httponly=True,
            samesite="lax",
        )

    def forget(self, response: Response) -> None:
        """Take the session from the browser."""
        response.delete_cookie(
            self.cookie,
            path="/",
            secure=self.context.is_https,
            httponly=True,
            samesite="lax",
        )

    def still_in(self, me: SignedIn) -> bool:
        """Tell whether a session still works: for what goes on after its answer has begun."""
        with self.context.database.read() as connection:
            found = user_store.session_by_public_id(connection, me.session.public_id)
        now = self.context.clock()
        return found is not None and sessions.admits(found, now=now, rules=self.context.rules)

    def owner_of(self, mark: str) -> User | None:
        """Find in whose session a form was made, whether that works or not."""
        session_id = session_of_mark(self.context.newsroom.secret, mark)
        if session_id is None:
            return None
        with self.context.database.read() as connection:
            found = user_store.session_by_public_id(connection, session_id)
        return found.user if found else None

    def is_from_us(self, request: Request) -> bool | None:
        """Tell whether a page of ours sent this; None where the browser does not say."""
        web = self.context.web
        return comes_from_us(request.headers, (web.site.public_url, *web.former_urls))

    def _static(self, name: str) -> str:
        return f"{self.context.base}/static/{name}?v={self.version}"

    def _nav(self, me: SignedIn | None) -> list[tuple[str, str, str]]:
        if me is None:
            return []
        return [
            (key, word, self.context.url(path))
            for key, word, path, role in _PLACES
            if path in self.paths and me.may(role)
        ]

    def _rendered(
        self, name: str, me: SignedIn | None, status: int, values: dict[str, Any]
    ) -> Response:
        now = self.context.clock()
        html = self.environment.get_template(f"{name}.html").render(
            me=me,
            csrf=self.csrf(me) if me else "",
            may=me.may if me else lambda _role: False,
            now=now,
            now_there=times.hour(now, self.context.zone),
            **values,
        )
        return HTMLResponse(html, status_code=status)


__all__ = ["POLICY", "SAFETY", "Carried", "Desk", "Handler", "Trouble"]
