"""Door to the page of one edition: its stories chosen, its words written, its letter looked at."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from digest.composition import store as compositions
from digest.delivery.outbound import Sample
from digest.editions.model import Edition, EditionState, NewChoice
from digest.errors import CompositionError, DigestError, UsageError
from digest.people.model import Role, SignedIn
from digest.people.store import append_audit
from digest.web.desk.context import DeskContext
from digest.web.desk.edition_acts import choices_of, clashes, field_of
from digest.web.desk.edition_gate_pages import GatePages
from digest.web.desk.edition_room import NOTHING, EditionRoom, Told, told_of
from digest.web.desk.edition_stream import EditionStream
from digest.web.desk.frame import Desk
from digest.web.frames import Scheme, in_new_window, in_scheme, with_pictures_from
from digest.workflow.choose import Chosen, choose
from digest.workflow.edition_look import EditionLook, look_at_edition
from digest.workflow.preview import Copy

_SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_LETTER = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self'; form-action 'none'; "
        f"base-uri 'none'; frame-ancestors 'self'; sandbox {_SANDBOX}"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
"""No script runs in a letter, whatever stories bring; so it may be of our origin, and the page can
keep where somebody had scrolled to."""
_LONGEST_SUBJECT = 120


class EditionPages:
    """The handlers, bound to one desk."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools."""
        self.context = context
        self.desk = desk
        self.room = EditionRoom(context, desk)

    def routes(self) -> list[BaseRoute]:
        """Give the addresses below /desk/editions."""
        one, route = "editions/{address:path}", self.desk.route
        return [
            route(f"{one}/~letter", self.letter),
            route(f"{one}/~checks", self.checks),
            route(f"{one}/~choose", self.choose, role=Role.EDITOR, methods=("POST",)),
            *GatePages(self.room).routes(one),
            *EditionStream(self.room).routes(one),
            route(one, self.page),
        ]

    def page(self, request: Request, me: SignedIn) -> Response:
        """GET: the edition, with the form of one story open (`edit`) and a part of the ledger."""
        look = self.room.look(request)
        if request.path_params["address"] != look.address:
            return self.desk.done(self.room.path(look.address))
        if "check" in request.query_params:
            self.room.checks.run(look)
        return self.room.answer(request, me, look)

    def letter(self, request: Request, me: SignedIn) -> Response:
        """GET: the letter alone, for a frame; without scripts, and with our own pictures only."""
        del me
        tag, scheme = (request.query_params.get(name, "") for name in ("language", "scheme"))
        try:
            found = self._kept(request, tag) or self._laid_open(request, tag)
        except CompositionError as error:
            return self._text(f"It cannot be composed: {error}\n\n{error.hint}", "en")
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        language, sample = found
        if scheme == "text":
            return self._text(sample.text, language)
        shown = Scheme.DARK if scheme == "dark" else Scheme.LIGHT
        pictures = f"{self.context.base}/images/"
        html = with_pictures_from(sample.html or "", self.context.site.public_url, pictures)
        return HTMLResponse(in_new_window(in_scheme(html, shown)), headers=_LETTER)

    def _text(self, text: str, language: str) -> Response:
        page = self.desk.part("_edition-text", None, text=text, tag=language)
        page.headers.update(_LETTER)
        return page

    def _kept(self, request: Request, tag: str) -> tuple[str, Sample] | None:
        """Give the copy in a language of an edition that is composed: no story need be read."""
        _, target = self.room.meant(request)
        if not isinstance(target, Edition) or target.state is EditionState.DRAFT:
            return None
        with self.context.database.read() as connection:
            made = compositions.load_compositions(connection, target.id)
        if not made:
            return None
        one = next((each for each in made if each.language == tag), made[0])
        return one.language, self.context.mailer.sample(target, one)

    def _laid_open(self, request: Request, tag: str) -> tuple[str, Copy] | None:
        """Give the same of one that is composed for this look."""
        seen = self.room.checks.shown(request.query_params.get("v", ""))
        if seen is None:
            seen = self.room.checks.letter(self.room.look(request))
        copy = seen.copy_in(tag) or (seen.copies[0] if seen.copies else None)
        return None if copy is None else (copy.composition.language, copy)

    def checks(self, request: Request, me: SignedIn) -> Response:
        """GET: run the checks that are not known yet, and show all that depends on them."""
        look = self.room.look(request)
        told = NOTHING
        try:
            if look.rows:
                self.room.checks.run(look)
        except CompositionError as error:
            told = Told(str(error), trouble=True)
        return self.room.answer(request, me, look, told)

    def choose(self, request: Request, me: SignedIn) -> Response:
        """POST: do what the button says, or say why not and keep all that was typed."""
        look, fields = self.room.look(request), request.state.form
        try:
            wanted = choices_of(fields, look.selection)
            done = self._chosen(look, me, wanted, seen=field_of(fields, "seq"))
        except DigestError as error:
            now = look_at_edition(self.context.newsroom, look.newsletter, look.target)
            return self.room.answer(request, me, now, told_of(error, fields))
        return self._after(request, me, look, done)

    def _chosen(
        self, look: EditionLook, me: SignedIn, wanted: list[NewChoice], *, seen: str
    ) -> list[Chosen]:
        """Write the choices one after the other; the first that cannot be written ends it."""
        expected = _number(seen)
        since = [line for line in look.log if line.told.choice.seq > expected]
        done: list[Chosen] = []
        for new in wanted:
            if not done and not clashes(new, [line.told.choice.what for line in since]):
                expected = look.seq  # others chose something else: both are kept
            made = choose(
                self.context.newsroom,
                look.newsletter,
                look.target,
                new,
                by=me.name,
                expect_seq=expected,
            )
            self._record(look, me, made)
            expected = made.choice.seq
            done.append(made)
        return done

    def _record(self, look: EditionLook, me: SignedIn, made: Chosen) -> None:
        with self.context.database.write() as connection:
            append_audit(
                connection,
                at=made.choice.made_at,
                actor=me.actor,
                verb="edition.choose",
                subject=look.address[:_LONGEST_SUBJECT],
                detail={"by": me.name, "choice": made.choice.seq, "words": made.words},
            )

    def _after(
        self, request: Request, me: SignedIn, look: EditionLook, done: list[Chosen]
    ) -> Response:
        """Show the edition as it is now; without a script, on a page of its own address."""
        self.room.be_here(look, me, doing="")
        words = _said(done)
        trouble = any(each.problem for each in done)
        if request.headers.get("hx-request") != "true":
            query = {
                name: value
                for name in ("filter", "language", "view")
                if (value := request.query_params.get(name))
            }
            return self.desk.done(self.room.path(look.address, **query), words)
        target = done[-1].edition if done and done[-1].edition is not None else look.target
        now = look_at_edition(self.context.newsroom, look.newsletter, target)
        return self.room.answer(request, me, now, Told(words, trouble=trouble))


def _said(done: list[Chosen]) -> str:
    """Say what was done, in the words of the log, and what its author should know."""
    if not done:
        return "Nothing differs: nothing was changed."
    said = [f"You {each.words}." for each in done]
    if any(each.revoked for each in done):
        said.append("The approval is revoked: it has to be approved again.")
    for each in done:
        said += [f"{words.rstrip('.')}." for words in each.warnings]
        if each.problem:
            said.append(f"It is kept, but the letter cannot be composed: {each.problem}.")
    return " ".join(said)


def _number(text: str) -> int:
    """Read the number of the last choice that a form was made after."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - no such log
        raise UsageError("desk: seq: the form is damaged", hint="Open the page again.")
    return int(text)
