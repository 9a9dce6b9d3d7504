"""The pages by which people of the desk sign in, and out.

A link in a mail shows a button, and the button signs in: programs that follow links to look for
viruses would use the link up otherwise. What somebody was about to send when their session was over
goes along as hidden fields, and is sent by them once they are back.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.errors import AddressError
from digest.people import sessions, sign_in, user_store
from digest.people.model import SignedIn
from digest.people.naming import device_of
from digest.people.sessions import Begun
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Carried, Desk
from digest.web.desk.guarding import way_back
from digest.web.evened import evened
from digest.web.forms import ACTS, Fields, caller, first
from subscribers.address import read_address
from subscribers.limit_store import take
from subscribers.limits import LimitError, abuse_name, network_name

_HOUR = timedelta(hours=1)
_LINKS_AN_HOUR = 5
"""Of one address; what is asked for beyond them is not mailed, and answered alike."""
_TRIES_AN_HOUR = 10
"""At the password of one address, known or not."""
_BY_NETWORK_AN_HOUR = 40
"""Of links and tries, from one network: an office is behind one address."""

_CARRIED = "carried:"
_WRONG = "That is not the password of this address, or it has none. A mailed link always works."


class SignInPages:
    """The handlers, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools and the frame."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        desk = self.desk
        return [
            desk.open_route("sign-in", self.start),
            desk.open_route("sign-in/link", self.link, methods=ACTS),
            desk.open_route("sign-in/password", self.password, methods=ACTS),
            desk.open_route("sign-in/{token}", self.arrive, methods=ACTS),
            desk.route("sign-out", self.sign_out, methods=["POST"]),
        ]

    async def start(self, request: Request) -> Response:
        """GET /desk/sign-in: ask who is there; who is known already is led on."""
        back = self._back(request.query_params.get("next", ""))
        me = await run_in_threadpool(self.desk.who, request)
        if me is not None:
            return self.desk.done(back or self.context.url(""))
        is_first = await run_in_threadpool(self._is_nobody_yet)
        return self.desk.sign_in_page(back=back, is_first=is_first)

    async def link(self, request: Request) -> Response:
        """POST /desk/sign-in/link: mail a link, if we know the address; the answer is one."""
        if request.method != "POST":  # somebody came back to where a form had led
            return await self.start(request)
        work = run_in_threadpool(self._link, request)
        return await evened(work, floor=self.context.web.answer_after)

    async def password(self, request: Request) -> Response:
        """POST /desk/sign-in/password: sign in, or say that one of the two is wrong."""
        if request.method != "POST":
            return await self.start(request)
        work = run_in_threadpool(self._password, request)
        return await evened(work, floor=self.context.web.answer_after)

    async def arrive(self, request: Request) -> Response:
        """GET /desk/sign-in/{token}: a button, and nothing else happens; POST signs in."""
        return await run_in_threadpool(
            self._use if request.method == "POST" else self._look, request
        )

    def sign_out(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sign-out: end this session."""
        del request
        sessions.end(self.context.database, me, me.session, at=self.context.clock())
        response = self.desk.done(self.context.url("sign-in"), "You are signed out.")
        self.desk.forget(response)
        return response

    def _is_nobody_yet(self) -> bool:
        with self.context.database.read() as connection:
            return not user_store.list_users(connection)

    def _link(self, request: Request) -> Response:
        fields: Fields = request.state.form
        typed = first(fields, "address").strip()
        try:
            address = read_address(typed)
        except AddressError as error:
            return self._ask(fields, problem=f"{error}. {error.hint}".strip(), typed=typed)
        if problem := self._too_many_of_network(request):
            return self._refused(fields, problem, typed=typed)
        now = self.context.clock()
        if self._wait("desk-link", address.key, most=_LINKS_AN_HOUR) is None:
            back = self._back(first(fields, "next"))
            sign_in.ask_link(
                self.context.database,
                address.key,
                url=lambda token: self._url(token, back),
                now=now,
            )
        return self._ask(fields, asked_for=typed, status=HTTPStatus.OK)

    def _password(self, request: Request) -> Response:
        fields: Fields = request.state.form
        typed = first(fields, "address").strip()
        try:
            address = read_address(typed)
        except AddressError:
            return self._ask(fields, problem=_WRONG, typed=typed)
        problem = self._too_many_of_network(request) or self._too_many_tries(address.key)
        if problem:
            return self._refused(fields, problem, typed=typed)
        begun = sign_in.by_password(
            self.context.database,
            address.key,
            first(fields, "password"),
            device=device_of(request.headers.get("user-agent", "")),
            now=self.context.clock(),
        )
        if begun is None:
            return self._ask(fields, problem=_WRONG, typed=typed)
        return self._welcome(request, begun, fields)

    def _look(self, request: Request) -> Response:
        token = request.path_params["token"]
        found = sign_in.link_owner(self.context.database, token, now=self.context.clock())
        back = self._back(request.query_params.get("next", ""))
        if found is None or not found[1]:
            return self._too_late(found[0].address if found else "", back)
        return self.desk.show("sign-in-link", None, user=found[0], back=back)

    def _use(self, request: Request) -> Response:
        token = request.path_params["token"]
        database, now = self.context.database, self.context.clock()
        device = device_of(request.headers.get("user-agent", ""))
        begun = sign_in.by_link(database, token, device=device, now=now)
        if begun is None:
            found = sign_in.link_owner(database, token, now=now)
            back = self._back(first(request.state.form, "next"))
            return self._too_late(found[0].address if found else "", back)
        return self._welcome(request, begun, request.state.form)

    def _too_late(self, address: str, back: str) -> Response:
        """Offer a fresh link in place of one that was used, is too old, or never was."""
        return self.desk.sign_in_page(
            status=HTTPStatus.GONE,
            back=back,
            typed=address,
            problem="This link does not work any more: each works once, for 15 minutes. "
            "Ask for another.",
        )

    def _welcome(self, request: Request, begun: Begun, fields: Fields) -> Response:
        """Give the browser its session, end the one it had, and lead on."""
        before = self.desk.who(request)
        if before is not None:
            sessions.end(self.context.database, before, before.session, at=self.context.clock())
        carried = self._carried(fields)
        if carried and carried.whose and carried.whose.id == begun.me.user.id:
            response = self.desk.show("sign-in-again", begun.me, carried=carried)
        else:
            back = self._back(first(fields, "next"))
            response = self.desk.done(back or self.context.url(""), "You are signed in.")
        self.desk.keep(response, begun.token)
        return response

    def _ask(
        self, fields: Fields, *, status: int = HTTPStatus.UNPROCESSABLE_ENTITY, **values: Any
    ) -> Response:
        back = self._back(first(fields, "next"))
        return self.desk.sign_in_page(
            status=status, back=back, carried=self._carried(fields), **values
        )

    def _refused(self, fields: Fields, problem: LimitError, *, typed: str) -> Response:
        words = f"{problem}. {problem.hint}"
        response = self._ask(
            fields, problem=words, typed=typed, status=HTTPStatus.TOO_MANY_REQUESTS
        )
        response.headers["Retry-After"] = str(max(1, int(problem.wait.total_seconds())))
        return response

    def _carried(self, fields: Fields) -> Carried | None:
        """Read what goes along; only what the frame of the desk put there itself is believed."""
        path = self._back(first(fields, "carried_path"))
        kept = {
            name.removeprefix(_CARRIED): values
            for name, values in fields.items()
            if name.startswith(_CARRIED)
        }
        if not path or not kept:
            return None
        return Carried(path, kept, self.desk.owner_of(first(kept, "csrf")))

    def _too_many_of_network(self, request: Request) -> LimitError | None:
        ip = caller(request)
        if ip is None:
            return None
        name = network_name(self.context.web.keys.suppression, ip)
        with self.context.database.write() as connection:
            wait = take(
                connection,
                f"desk-net:{name}",
                most=_BY_NETWORK_AN_HOUR,
                within=_HOUR,
                now=self.context.clock(),
            )
        if wait is None:
            return None
        return LimitError(
            "That was tried too often from your network", wait=wait, hint="Try it again in an hour."
        )

    def _too_many_tries(self, address_key: str) -> LimitError | None:
        wait = self._wait("desk-password", address_key, most=_TRIES_AN_HOUR)
        if wait is None:
            return None
        return LimitError(
            "Too many tries at this password", wait=wait, hint="A mailed link works meanwhile."
        )

    def _wait(self, what: str, address_key: str, *, most: int) -> timedelta | None:
        name = abuse_name(self.context.web.keys.suppression, address_key)
        now = self.context.clock()
        with self.context.database.write() as connection:
            return take(connection, f"{what}:{name}", most=most, within=_HOUR, now=now)

    def _back(self, path: str) -> str:
        return way_back(path, base=self.context.base)

    def _url(self, token: str, back: str) -> str:
        query = f"?{urlencode({'next': back})}" if back else ""
        return f"{self.context.site.public_url}/desk/sign-in/{token}{query}"
