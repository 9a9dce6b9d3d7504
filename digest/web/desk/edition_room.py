"""What the pages of an edition share: which edition is meant, how it stands, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from digest.editions.address import parse_address
from digest.editions.model import Edition, Newsletter
from digest.errors import ConflictError, DigestError, NotFoundError
from digest.people import presence_store
from digest.people.model import Role, SignedIn
from digest.web.desk.context import DeskContext
from digest.web.desk.edition_acts import Fields, field_of
from digest.web.desk.edition_checks import EditionChecks
from digest.web.desk.edition_gate import gate_of
from digest.web.desk.edition_preview import VIEWS, pane_of
from digest.web.desk.edition_rows import Asked
from digest.web.desk.edition_view import FILTERS, EditionView, view_of
from digest.web.desk.frame import Desk
from digest.web.desk.report_view import report_of, size_of
from digest.web.desk.troubles import sentence
from digest.workflow.choose import Target, target_of
from digest.workflow.edition_look import EditionLook, look_at_edition

_LONGEST_QUERY = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says besides the edition: that something was done, or why it was not."""

    words: str = ""
    trouble: bool = False
    status: int = HTTPStatus.OK
    kept: Fields | None = None
    """What was typed and not taken: it stands in its form again."""


NOTHING = Told()


def told_of(error: DigestError, fields: Fields) -> Told:
    """Say an error beside the page, with all that was typed.

    The hints of errors name commands; what helps at the desk is on the page.
    """
    words = sentence(str(error).partition(": ")[2] or str(error))
    status = HTTPStatus.CONFLICT
    if isinstance(error, ConflictError):
        words = f"{words} The page shows it now. What you typed is still here."
    return Told(words, trouble=True, status=status, kept=fields)


class EditionRoom:
    """One desk's editions."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools."""
        self.context = context
        self.desk = desk
        self.checks = EditionChecks(context)

    def meant(self, request: Request) -> tuple[Newsletter, Target]:
        """Find which edition or slot the address means. Raises NotFoundError."""
        text = request.path_params["address"]
        room = self.context.newsroom
        asked = parse_address(text, {each.slug for each in room.newsletters})
        if asked is None:
            raise NotFoundError(
                f"edition: {text[:80]}: there is none", hint="Choose one on the desk's first page."
            )
        newsletter = next(each for each in room.newsletters if each.slug == asked.slug)
        return newsletter, target_of(room, newsletter, asked)

    def look(self, request: Request) -> EditionLook:
        """Look at what the address means."""
        return look_at_edition(self.context.newsroom, *self.meant(request))

    def path(self, address: str, act: str = "", **query: str) -> str:
        """Give the path of an edition's page, or of one of its acts."""
        path = self.context.url(f"editions/{address}{f'/~{act}' if act else ''}")
        said = {name: value for name, value in query.items() if value}
        return f"{path}?{urlencode(said)}" if said else path

    def tags(self, look: EditionLook) -> tuple[str, ...]:
        """Give the languages an edition is made in."""
        return self.context.newsroom.languages_of(look.newsletter.spec)

    def asked(self, request: Request, look: EditionLook) -> Asked:
        """Read what the page is asked for: the open story, the part of the ledger, the language."""
        query = request.query_params
        edit, language = query.get("edit", "")[:_LONGEST_QUERY], query.get("language", "")
        number = int(edit) if edit.isascii() and edit.isdigit() else None
        return Asked(
            filter=query.get("filter", "") if query.get("filter") in FILTERS else "out",
            edit=number,
            language=language if language in self.tags(look)[1:] else "",
            view=query.get("view", "") if query.get("view") in VIEWS else "desktop",
        )

    def answer(
        self, request: Request, me: SignedIn, look: EditionLook, told: Told = NOTHING
    ) -> Response:
        """Show the page, or for a script all of it that may have changed."""
        asked = self.asked(request, look)
        view = view_of(
            look,
            asked,
            me=str(me.user.id),
            may_choose=me.may(Role.EDITOR),
            tags=self.tags(look),
        )
        checked = self.checks.known(look)
        report = checked.report if checked else None
        values = {
            "here": "editions",
            "look": look,
            "view": _with_typed(view, told.kept),
            "asked": asked,
            "gate": gate_of(look, me.role, report),
            "pane": pane_of(look, asked, self.tags(look), sender=self.sender),
            "report": report_of(report, look) if report else None,
            "size": size_of(look, checked.blocks if checked else {}, asked.language),
            "path": lambda act="", **query: self.path(look.address, act, **query),
            "told": told,
        }
        if request.headers.get("hx-request") == "true":
            return self.desk.part("_edition-main", me, status=told.status, **values)
        return self.desk.show("edition", me, status=told.status, **values)

    @property
    def sender(self) -> str:
        """Whom letters come from, as an inbox shows it."""
        return self.context.mailer.sender.partition("<")[0].strip().strip('"')

    def be_here(self, look: EditionLook, me: SignedIn, *, doing: str | None = None) -> None:
        """Write that somebody looks at an edition, and at what of it they work."""
        with self.context.database.write() as connection:
            presence_store.be_here(
                connection,
                look.address,
                str(me.user.id),
                name=me.name,
                now=self.context.clock(),
                doing=doing,
            )


def edition_of(look: EditionLook) -> Edition:
    """Give the edition that is there. Raises NotFoundError for a slot to come."""
    if not look.exists:
        raise NotFoundError(
            f"edition: {look.address}: it is still to come", hint="Wait until it is made."
        )
    return look.edition


def _with_typed(view: EditionView, kept: Fields | None) -> EditionView:
    """Put what was typed and not taken back into its form."""
    if kept is None:
        return view
    what, _, story = field_of(kept, "do").partition(" ")
    if what == "note":
        return replace(view, words=replace(view.words, note=field_of(kept, "note")))
    if what == "inbox":
        words = replace(
            view.words,
            subject=field_of(kept, "subject"),
            preheader=field_of(kept, "preheader"),
        )
        return replace(view, words=words)
    if what == "sponsor":
        return replace(view, sponsor=(field_of(kept, "sponsor"), field_of(kept, "sponsor-url")))
    if what == "reword" and view.editor is not None and str(view.editor.id) == story:
        editor = replace(
            view.editor,
            headline=field_of(kept, "headline"),
            standfirst=field_of(kept, "standfirst"),
            picture=field_of(kept, "picture"),
            alt=field_of(kept, "alt"),
            section=field_of(kept, "section") or view.editor.section,
        )
        return replace(view, editor=editor)
    return view
