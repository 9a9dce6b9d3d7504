"""Door to the gate: approve, hold, stop, resume, send now, skip and correct, by a person's word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.clock import Clock
from digest.db import Database
from digest.editions.model import Edition
from digest.errors import ConflictError, DigestError, UsageError, WorkflowError
from digest.people.model import Role, SignedIn
from digest.web.desk.edition_acts import Fields, field_of
from digest.web.desk.edition_gate import gate_of, hindrances
from digest.web.desk.edition_room import EditionRoom, Told, edition_of, told_of
from digest.workflow import halt
from digest.workflow.approve import approve
from digest.workflow.correct import correct
from digest.workflow.edition_look import EditionLook, look_at_edition
from digest.workflow.halt import Halted, Person
from digest.workflow.life_store import ChangedStory
from digest.workflow.revise import refreshed
from digest.workflow.send_now import send_now
from digest.workflow.send_test import send_test
from digest.workflow.skip import skip

Act = Callable[[EditionLook, SignedIn, Fields], str]
"""Does it and says what was done. Raises DigestError."""


class _Verb(Protocol):
    """What `digest.workflow.halt` does to an edition."""

    def __call__(
        self,
        database: Database,
        edition: Edition,
        *,
        by: Person,
        reason: str = "",
        clock: Clock,
        editors: Iterable[str] = (),
    ) -> Halted: ...


class GatePages:
    """The handlers of one room."""

    def __init__(self, room: EditionRoom) -> None:
        """Take the room."""
        self.room = room
        self.newsroom = room.context.newsroom

    def routes(self, one: str) -> list[BaseRoute]:
        """Give the addresses of the acts, each a POST."""
        acts: list[tuple[str, Role, Act]] = [
            ("approve", Role.APPROVER, self._approve),
            ("hold", Role.EDITOR, partial(self._halt, halt.hold, "Held.")),
            ("stop", Role.EDITOR, partial(self._halt, halt.stop, "Stopped.")),
            ("resume", Role.APPROVER, partial(self._halt, halt.resume, "It goes on.")),
            ("send-now", Role.APPROVER, self._send_now),
            ("skip", Role.APPROVER, self._skip),
            ("correct", Role.APPROVER, self._correct),
            ("take-in", Role.EDITOR, self._take_in),
            ("send-test", Role.EDITOR, self._send_test),
        ]
        return [
            self.room.desk.route(
                f"{one}/~{name}", partial(self._answer, act), role=role, methods=("POST",)
            )
            for name, role, act in acts
        ]

    def _answer(self, act: Act, request: Request, me: SignedIn) -> Response:
        look, fields = self.room.look(request), request.state.form
        try:
            words = act(look, me, fields)
        except DigestError as error:
            return self.room.answer(request, me, self._again(look), told_of(error, fields))
        if request.headers.get("hx-request") == "true":
            return self.room.answer(request, me, self._again(look), Told(words))
        return self.room.desk.done(self.room.path(look.address), words)

    def _again(self, look: EditionLook) -> EditionLook:
        return look_at_edition(self.newsroom, look.newsletter, look.target)

    def _approve(self, look: EditionLook, me: SignedIn, fields: Fields) -> str:
        """Lock the bytes that the approver saw, if nothing stands in the way."""
        edition = edition_of(look)
        self._require_number(look, me, fields)
        if look.set_hash != field_of(fields, "hash"):
            raise _not_as_seen(look, fields)
        fresh = refreshed(self.newsroom, edition, look.newsletter)
        now = self._again(look)
        if now.set_hash != look.set_hash:
            raise _composed_again(look)
        report = self.room.checks.run(now).report
        if against := hindrances(now, report):
            raise WorkflowError(f"approve: {against[0]}")
        approve(
            self.newsroom.database,
            fresh,
            by=me.name,
            clock=self.newsroom.clock,
            newsletter=look.newsletter,
            override=field_of(fields, "override"),
            actor=me.actor,
            newsroom=self.newsroom,
        )
        return f"Approved for {look.readers:,}."

    def _require_number(self, look: EditionLook, me: SignedIn, fields: Fields) -> None:
        """Have the number of the readers typed, where there are many."""
        checked = self.room.checks.known(look)
        gate = gate_of(look, me.role, checked.report if checked else None)
        if gate.type_number is None:
            return
        typed = "".join(filter(str.isdigit, field_of(fields, "readers")))
        if typed != str(gate.type_number):
            raise UsageError(
                f"approve: it goes to {gate.type_number:,} readers: type that number to let it go"
            )

    def _halt(
        self, verb: _Verb, words: str, look: EditionLook, me: SignedIn, fields: Fields
    ) -> str:
        halted = verb(
            self.newsroom.database,
            edition_of(look),
            by=_person(me),
            reason=field_of(fields, "reason"),
            clock=self.newsroom.clock,
            editors=self.newsroom.editors,
        )
        return words if halted.changed else f"It was {halted.edition.state} already."

    def _send_now(self, look: EditionLook, me: SignedIn, fields: Fields) -> str:
        self._require_number(look, me, fields)
        send_now(
            self.newsroom.database,
            edition_of(look),
            by=_person(me),
            clock=self.newsroom.clock,
            newsletter=look.newsletter,
            override=field_of(fields, "override"),
        )
        return "It leaves within seconds."

    def _skip(self, look: EditionLook, me: SignedIn, fields: Fields) -> str:
        skip(
            self.newsroom.database,
            edition_of(look),
            by=_person(me),
            reason=field_of(fields, "reason"),
            clock=self.newsroom.clock,
            editors=self.newsroom.editors,
        )
        return "Skipped. Its stories are free for the next edition."

    def _correct(self, look: EditionLook, me: SignedIn, fields: Fields) -> str:
        done = correct(
            self.newsroom.database,
            edition_of(look),
            field_of(fields, "words"),
            by=_person(me),
            language=self.room.tags(look)[0],
            mail=bool(field_of(fields, "mail")),
            clock=self.newsroom.clock,
            editors=self.newsroom.editors,
        )
        mailed = ", and is mailed to who has the letter" if done.mail else ""
        return f"The note stands on its page{mailed}."

    def _send_test(self, look: EditionLook, me: SignedIn, fields: Fields) -> str:
        """Mail it to the test readers, or to whom is named; it reaches nobody else."""
        context = self.room.context
        named = field_of(fields, "addresses").replace(",", " ").split()
        done = send_test(
            self.newsroom,
            context.mailer,
            context.app.ways,
            look.newsletter,
            look.target,
            addresses=named,
            test_readers=context.settings.people.test_readers,
            by=_person(me),
            confirmed=bool(field_of(fields, "confirmed")),
        )
        refused = [each for each in done.copies if not each.accepted]
        if refused:
            first = refused[0]
            raise WorkflowError(f"send-test: {first.address}: {first.reply.text}")
        people = ", ".join(dict.fromkeys(each.address for each in done.copies))
        return f"The test went to {people}."

    def _take_in(self, look: EditionLook, me: SignedIn, fields: Fields) -> str:
        """Compose what its sources changed since, without waiting for the clockwork."""
        del me, fields
        refreshed(self.newsroom, edition_of(look), look.newsletter)
        return "It is composed of its stories as they are now. Look at it, then approve."


def _person(me: SignedIn) -> Person:
    return Person(me.name, me.actor)


def _not_as_seen(look: EditionLook, fields: Fields) -> ConflictError:
    """Say who changed what the approver saw: another editor, else its sources."""
    last = look.log[-1].told.choice if look.log else None
    done = ": its source changed a story of it"
    if last is not None and str(last.seq) != field_of(fields, "seq"):
        done = f": {last.actor} {look.log[-1].words}"
    return ConflictError(f"approve: it has changed since you looked{done}. Nothing was approved.")


def _composed_again(look: EditionLook) -> ConflictError:
    """Say what its sources changed, with the words before and after."""
    said = "; ".join(_difference(look, each) for each in look.changed)
    return ConflictError(
        f"approve: its source changed a story while you looked: {said or 'look at it again'}."
        " It was composed again. Nothing was approved."
    )


def _difference(look: EditionLook, changed: ChangedStory) -> str:
    before = look.was.get(changed.article_id, changed.headline)
    if changed.withdrawn:
        return f"“{before}” was withdrawn"
    if before == changed.headline:
        return f"the words of “{before}” are others"
    return f"“{before}” became “{changed.headline}”"
