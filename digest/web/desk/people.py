"""The page of who works here, for admins, and the page of oneself: name, password, sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.db import Connection
from digest.errors import AddressError, DigestError, NotFoundError, UsageError
from digest.people import sessions, sign_in, user_store, users
from digest.people.model import How, Role, SignedIn, User
from digest.people.passwords import SHORTEST
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.troubles import sentence, with_article
from digest.web.forms import Fields, first
from subscribers.address import read_address

_POST = ("POST",)
_FRESH = timedelta(minutes=15)
"""A session so young may set the first password: one that was stolen is mostly older."""

ROLES = (
    (Role.VIEWER, "looks at everything, and changes nothing"),
    (Role.EDITOR, "chooses and words the stories"),
    (Role.APPROVER, "lets an edition go, and stops one"),
    (Role.ADMIN, "changes settings, and who works here"),
)
"""Each role, and what it adds to the one before."""


class PeoplePages:
    """The handlers, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools and the frame."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route = self.desk.route
        return [
            route("you", self.you),
            route("you/name", self.rename, methods=_POST),
            route("you/password", self.set_password, methods=_POST),
            route("you/no-password", self.drop_password, methods=_POST),
            route("you/sessions/end", self.end_session, methods=_POST),
            route("you/sessions/end-others", self.end_others, methods=_POST),
            route("people", self.people, role=Role.ADMIN),
            route("people/add", self.add, role=Role.ADMIN, methods=_POST),
            route("people/{who}/role", self.change_role, role=Role.ADMIN, methods=_POST),
            route("people/{who}/revoke", self.revoke, role=Role.ADMIN, methods=_POST),
            route("people/{who}/sign-out", self.sign_out, role=Role.ADMIN, methods=_POST),
        ]

    def you(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/you: my name, my password, and where I am signed in."""
        del request
        return self._you(me)

    def rename(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/you/name."""
        name = first(request.state.form, "name")
        users.rename(self.context.database, me, name, at=self.context.clock())
        return self._to_you("Your name is changed.")

    def set_password(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/you/password: the one I had is asked for, or a session that is fresh."""
        fields: Fields = request.state.form
        try:
            self._refuse_stale(me)
            _refuse_unlike(fields)
            users.set_password(
                self.context.database,
                me,
                first(fields, "password"),
                old=first(fields, "old"),
                at=self.context.clock(),
            )
        except UsageError as error:
            return self._you(me, problem=_in_words(error))
        return self._to_you("Your password is set. You are signed out everywhere else.")

    def drop_password(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/you/no-password."""
        del request
        users.drop_password(self.context.database, me, at=self.context.clock())
        return self._to_you("You have no password any more. A mailed link leads in.")

    def end_session(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/you/sessions/end: one of mine."""
        public_id = first(request.state.form, "session")
        ended = sessions.end(self.context.database, me, public_id, at=self.context.clock())
        return self._to_you("That session is ended." if ended else "That session was over already.")

    def end_others(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/you/sessions/end-others."""
        del request
        ended = sessions.end_others(self.context.database, me, at=self.context.clock())
        return self._to_you(f"You are signed out everywhere else: {_sessions(ended)} ended.")

    def people(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/people: everybody, what they may do, and when they were last here."""
        del request
        return self._people(me)

    def add(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/people/add: somebody new, who is mailed a link."""
        fields: Fields = request.state.form
        now = self.context.clock()
        try:
            address = read_address(first(fields, "address").strip())
            role = _role(fields)
            with self.context.database.write() as connection:
                added = users.add(
                    connection,
                    address.mailed,
                    address.key,
                    role=role,
                    name=first(fields, "name"),
                    actor=me.actor,
                    at=now,
                )
                sign_in.mail_link(connection, added, url=self._url, actor=me.actor, now=now)
        except (AddressError, UsageError) as error:
            return self._people(me, problem=_in_words(error), fields=fields)
        return self._to_people(
            f"{added.name} is {with_article(added.role)} now. A link to sign in is on its way."
        )

    def change_role(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/people/{who}/role."""
        role, version, now = _role(request.state.form), _version(request), self.context.clock()

        def work(connection: Connection, who: User) -> str:
            users.change_role(connection, who, role, version=version, actor=me.actor, at=now)
            return f"{who.name} is {with_article(role)} now."

        return self._done_to(request, work)

    def revoke(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/people/{who}/revoke: nobody comes in by that address any more."""
        version, now = _version(request), self.context.clock()

        def work(connection: Connection, who: User) -> str:
            users.revoke(connection, who, version=version, actor=me.actor, at=now)
            return f"{who.name} comes in no more, and is signed out everywhere."

        return self._done_to(request, work)

    def sign_out(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/people/{who}/sign-out: everywhere, at once."""
        now = self.context.clock()

        def work(connection: Connection, who: User) -> str:
            ended = users.sign_out(connection, who, actor=me.actor, at=now)
            return f"{who.name} is signed out everywhere: {_sessions(ended)} ended."

        return self._done_to(request, work)

    def _done_to(self, request: Request, work: Callable[[Connection, User], str]) -> Response:
        with self.context.database.write() as connection:
            who = user_store.user_by_public_id(connection, request.path_params["who"])
            if who is None:
                raise NotFoundError("people: there is nobody of this name")
            said = work(connection, who)
        return self._to_people(said)

    def _you(self, me: SignedIn, *, problem: str = "") -> Response:
        now, rules = self.context.clock(), self.context.rules
        with self.context.database.read() as connection:
            mine = user_store.sessions_of(connection, me.user.id, now=now, rules=rules)
        return self.desk.show(
            "you",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            problem=problem,
            sessions=mine,
            shortest=SHORTEST,
            may_set=bool(me.user.password_hash) or self._is_fresh(me),
            by_link=How.LINK,
            meaning=dict(ROLES)[me.role],
        )

    def _people(self, me: SignedIn, *, problem: str = "", fields: Fields | None = None) -> Response:
        now, rules = self.context.clock(), self.context.rules
        with self.context.database.read() as connection:
            found = user_store.list_users(connection)
            counts = user_store.count_sessions(connection, now=now, rules=rules)
        return self.desk.show(
            "people",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            problem=problem,
            typed={name: first(fields or {}, name) for name in ("address", "name", "role")},
            people=[each for each in found if each.revoked_at is None],
            gone=[each for each in found if each.revoked_at is not None],
            counts=counts,
            roles=ROLES,
        )

    def _refuse_stale(self, me: SignedIn) -> None:
        if not me.user.password_hash and not self._is_fresh(me):
            raise UsageError(
                "password: you signed in too long ago to set a first one",
                hint="Sign out, and sign in by a fresh link.",
            )

    def _is_fresh(self, me: SignedIn) -> bool:
        return self.context.clock() - me.session.created_at < _FRESH

    def _to_you(self, said: str) -> Response:
        return self.desk.done(self.context.url("you"), said)

    def _to_people(self, said: str) -> Response:
        return self.desk.done(self.context.url("people"), said)

    def _url(self, token: str) -> str:
        return f"{self.context.site.public_url}/desk/sign-in/{token}"


def _role(fields: Fields) -> Role:
    try:
        return Role(first(fields, "role"))
    except ValueError as error:
        raise UsageError("people: no role was chosen", hint="Choose one of the four.") from error


def _refuse_unlike(fields: Fields) -> None:
    if first(fields, "password") != first(fields, "again"):
        raise UsageError("password: the two are not the same", hint="Type it twice alike.")


def _version(request: Request) -> int:
    said = first(request.state.form, "version")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0  # noqa: PLR2004 - a 32-bit number


def _in_words(error: DigestError) -> str:
    return f"{sentence(str(error))} {error.hint}".strip()


def _sessions(count: int) -> str:
    return f"{count} session" if count == 1 else f"{count} sessions"
