"""Door: one reader on the desk: their whole history, and what may be done for them.

The history is the document that the right of access asks for, shown as tables; which link somebody
followed is kept nowhere, so it stands nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.errors import DigestError, NotFoundError
from digest.people.model import Role, SignedIn
from digest.people.store import append_audit
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.forms import Fields, first
from digest.workflow.dossier import dossier
from digest.workflow.erase import erase
from digest.workflow.never_mail import forbid, lift
from subscribers import leaving, rights_store
from subscribers.model import EVERYTHING, Act
from subscribers.rights_store import Person

_POST = ("POST",)
_SHOWN = 100
"""Letters and notices on the page, the newest first; the export has all of them."""


class ReaderPages:
    """The handlers about one reader, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the site's tools and the frame."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route = self.desk.route
        one = "readers/{public_id:str}"
        return [
            route(one, self.show, role=Role.EDITOR),
            route(f"{one}/unsubscribe", self.unsubscribe, role=Role.EDITOR, methods=_POST),
            route(f"{one}/suppress", self.suppress, role=Role.EDITOR, methods=_POST),
            route(f"{one}/lift", self.lift, role=Role.EDITOR, methods=_POST),
            route(f"{one}/erase", self.erase, role=Role.ADMIN, methods=_POST),
            route(f"{one}/export", self.export, role=Role.ADMIN),
        ]

    def show(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/readers/ID: where they stand, and all that was done."""
        return self._page(me, self._found(request))

    def unsubscribe(self, request: Request, me: SignedIn) -> Response:
        """POST: end one newsletter, or all; they may come back by themselves."""
        found, form = self._found(request), request.state.form
        address = _address(found)
        slug = first(form, "newsletter")
        chosen = [each.id for each in self.context.newsroom.newsletters if each.slug == slug]
        if slug and not chosen:
            raise NotFoundError(f"newsletter: {slug[:40]}: there is none of this name")
        outcome = leaving.unsubscribe_address(
            self.context.database,
            address,
            chosen or None,
            self._act(me),
            departures=self.context.app.departures,
        )
        self._note(me, "subscriber.unsubscribe", found.public_id, newsletter=slug or "all")
        if not outcome.changed:
            return self._back(found, "They did not get it: nothing changed.")
        return self._back(found, "Unsubscribed, at once, also from what is planned.")

    def suppress(self, request: Request, me: SignedIn) -> Response:
        """POST: never mail them again, whoever asks for it."""
        return self._tried(request, me, self._suppressed)

    def _suppressed(self, found: Person, form: Fields, me: SignedIn) -> str:
        app = self.context.app
        forbid(
            app.database,
            _address(found),
            self._act(me),
            keys=app.keys,
            scope=first(form, "scope") or EVERYTHING,
            why=first(form, "reason").strip(),
            departures=app.departures,
        )
        return "They are never mailed from now on, whoever asks for it; their data stay."

    def lift(self, request: Request, me: SignedIn) -> Response:
        """POST: take off the never-mail list what was put there by hand."""
        return self._tried(request, me, self._lifted)

    def _lifted(self, found: Person, form: Fields, me: SignedIn) -> str:
        why = first(form, "reason").strip()
        if not why:
            raise _UnsaidError("lift", "Say why: it is kept in the log.")
        app = self.context.app
        done = lift(
            app.database,
            _address(found),
            self._act(me),
            keys=app.keys,
            why=why,
            scope=EVERYTHING,
            departures=app.departures,
        )
        if not done.scopes:
            raise _UnsaidError("lift", "Only what was put there by hand can be taken off.")
        return "They are off the list. Nobody is subscribed by that."

    def erase(self, request: Request, me: SignedIn) -> Response:
        """POST: take their data away, when the address was typed to confirm it."""
        return self._tried(request, me, self._erased)

    def _erased(self, found: Person, form: Fields, me: SignedIn) -> str:
        if first(form, "typed").strip() != _address(found):
            raise _UnsaidError(
                "erase", "Type the whole address as it stands above: nobody was erased."
            )
        never_again = bool(first(form, "never_again"))
        erase(
            self.context.database,
            subscriber_id=found.id,
            act=self._act(me),
            keys=self.context.app.keys,
            departures=self.context.app.departures,
            never_again=never_again,
        )
        self._note(me, "subscriber.erase", found.public_id, never_again=never_again)
        return "Erased. Only a keyed hash stays, and the proof that it was done."

    def export(self, request: Request, me: SignedIn) -> Response:
        """GET: the whole document that a reader may ask for, as a file; it is noted who took it."""
        found = self._found(request)
        document = self._dossier(found)
        self._note(me, "subscriber.export", found.public_id)
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        name = f"reader-{found.public_id}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="application/json", headers=headers)

    # What all of them need

    def _tried(
        self, request: Request, me: SignedIn, act: Callable[[Person, Fields, SignedIn], str]
    ) -> Response:
        """Do it; what is missing is said beside the field, and what was typed stays."""
        found, form = self._found(request), request.state.form
        try:
            said = act(found, form, me)
        except _UnsaidError as error:
            return self._page(me, found, problem=(error.place, str(error)), form=form)
        return self._back(found, said)

    def _found(self, request: Request) -> Person:
        public_id = request.path_params["public_id"]
        with self.context.database.read() as connection:
            found = rights_store.person(connection, public_id=public_id)
        if found is None:
            raise NotFoundError("reader: there is none of this number")
        return found

    def _dossier(self, found: Person) -> dict[str, Any]:
        return dossier(
            self.context.database,
            subscriber_id=found.id,
            site=self.context.site,
            newsletters=self.context.newsroom.newsletters,
            keys=self.context.app.keys,
            now=self.context.clock(),
        )

    def _page(
        self,
        me: SignedIn,
        found: Person,
        *,
        problem: tuple[str, str] = ("", ""),
        form: Fields | None = None,
    ) -> Response:
        document = self._dossier(found)
        editions, notices = document["editions"], document["notices"]
        return self.desk.show(
            "reader",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem[0] else HTTPStatus.OK,
            here="readers",
            reader=document["reader"],
            document=document,
            editions=list(reversed(editions))[:_SHOWN],
            notices=list(reversed(notices))[:_SHOWN],
            shown=_SHOWN,
            moment=datetime.fromisoformat,
            newsletters=self.context.newsroom.newsletters,
            lifts=any(each["reason"] == "by the publisher" for each in document["never_mailed"]),
            problem=problem,
            typed={name: first(form or {}, name) for name in ("reason", "typed")},
        )

    def _back(self, found: Person, said: str) -> Response:
        return self.desk.done(self.context.url(f"readers/{found.public_id}"), said)

    def _act(self, me: SignedIn) -> Act:
        return Act(at=self.context.clock(), via=me.actor)

    def _note(self, me: SignedIn, verb: str, subject: str, **detail: Any) -> None:
        with self.context.database.write() as connection:
            append_audit(
                connection,
                at=self.context.clock(),
                actor=me.actor,
                verb=verb,
                subject=subject,
                detail=detail,
            )


class _UnsaidError(DigestError):
    """Something on the page is missing or wrong; `place` names its form."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


def _address(found: Person) -> str:
    if found.address is None:
        raise NotFoundError("reader: they were erased: there is nobody to do it for")
    return found.address
