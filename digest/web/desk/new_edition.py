"""Door to New edition: a letter of one story, from its address to the first reader, on a phone.

Where the page of the story cannot be read, there is a form to type the story into.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.editions import store as editions
from digest.editions.address import parse_address
from digest.editions.model import Edition, EditionState, Newsletter
from digest.errors import DigestError, NotFoundError, SourceError, UsageError
from digest.people.model import Role, SignedIn
from digest.sources.bring import Looked, keep
from digest.sources.cleaning import one_line
from digest.sources.model import Article, FoundStory
from digest.sources.pushed import story_of
from digest.web.desk.context import DeskContext
from digest.web.desk.edition_gate import TYPED_ABOVE
from digest.web.desk.frame import Desk
from digest.web.desk.readings import Readings
from digest.web.desk.troubles import Trouble, of_error
from digest.web.forms import Fields, first
from digest.workflow.breaking import Words, approve_seen, make_letter
from digest.workflow.edition_look import EditionLook, look_at_edition
from digest.workflow.halt import Person
from digest.workflow.kept_check import check_kept

_LONGEST_ADDRESS = 2_000
_WAITING = frozenset({EditionState.IN_REVIEW, EditionState.HELD})
_TYPED = ("url", "headline", "standfirst", "text", "picture", "alt")


@dataclass(frozen=True, slots=True)
class Form:
    """What the pages are filled in with: what was typed, or what was found."""

    url: str = ""
    headline: str = ""
    standfirst: str = ""
    text: str = ""
    picture: str = ""
    alt: str = ""
    letter: str = ""


class NewEditionPages:
    """The handlers, bound to one desk."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools, and the frame that pages are shown in."""
        self.context = context
        self.desk = desk
        self.readings = Readings(context.app)

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route, post = self.desk.route, ("POST",)
        return [
            route("new", self.begin, role=Role.EDITOR),
            route("new/look", self.look, role=Role.EDITOR, methods=post),
            route("new/make", self.make, role=Role.EDITOR, methods=post),
            route("new/{address:path}/~approve", self.approve, role=Role.APPROVER, methods=post),
            route("new/{address:path}", self.seen, role=Role.EDITOR),
        ]

    # What it is made of

    def begin(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/new: the address of the story; or with `by=hand` the form to type it into."""
        query = request.query_params
        form = Form(url=query.get("url", "")[:_LONGEST_ADDRESS], letter=query.get("letter", ""))
        if query.get("by") == "hand":
            return self._type(me, form)
        return self.desk.show("new", me, here="editions", form=form, trouble=None)

    def look(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/new/look: read the page, and show what was found."""
        fields: Fields = request.state.form
        form = Form(url=first(fields, "url").strip(), letter=first(fields, "letter"))
        try:
            found = self.readings.find(form.url)
        except DigestError as error:
            return self._type(me, form, _not_read(error))
        return self._show_found(me, found, form)

    def make(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/new/make: make the letter of what was found, or of what was typed."""
        fields: Fields = request.state.form
        form = Form(letter=first(fields, "letter"), **{n: first(fields, n) for n in _TYPED})
        by_hand, by = first(fields, "by") == "hand", Person(me.name, me.actor)
        looked: Looked | None = None
        try:
            newsletter = self._newsletter(form.letter)
            looked = None if by_hand else self.readings.find(form.url)
            article = self._typed(form) if looked is None else self._kept(looked)
            words = (
                Words() if by_hand else Words(one_line(form.headline), one_line(form.standfirst))
            )
            made = make_letter(self.context.newsroom, newsletter, article, by=by, words=words)
        except DigestError as error:
            if looked is not None:
                return self._show_found(me, looked, form, of_error(error))
            return self._type(me, form, of_error(error))
        said = "It was made before" if made.already else "It is made"
        return self.desk.done(
            self.context.url(f"new/{made.edition.address}"),
            f"{said}. Look at it, then let it go.",
        )

    def _show_found(
        self, me: SignedIn, found: Looked, form: Form, trouble: Trouble | None = None
    ) -> Response:
        story = found.story
        return self.desk.show(
            "new-found",
            me,
            status=trouble.status if trouble else 200,
            here="editions",
            found=found,
            story=story,
            form=Form(
                url=form.url,
                headline=form.headline or story.headline,
                standfirst=form.standfirst or story.standfirst,
                letter=form.letter,
            ),
            letters=self._letters(),
            chosen=self._chosen(form.letter),
            trouble=trouble,
        )

    def _type(self, me: SignedIn, form: Form, trouble: Trouble | None = None) -> Response:
        return self.desk.show(
            "new-typed",
            me,
            status=trouble.status if trouble else 200,
            here="editions",
            form=form,
            letters=self._letters(),
            chosen=self._chosen(form.letter),
            trouble=trouble,
        )

    def _kept(self, found: Looked) -> Article:
        return found.article or self._keep(found.story)

    def _keep(self, story: FoundStory) -> Article:
        context = self.context
        return keep(
            context.database,
            story,
            clock=context.clock,
            zone=context.site.zone,
            same_hosts=context.app.same_hosts,
        )

    def _typed(self, form: Form) -> Article:
        """Keep a story that was typed in. Raises SourceError for what is none."""
        facts: dict[str, object] = {
            "headline": form.headline,
            "standfirst": form.standfirst,
            "body_text": form.text,
        }
        if form.url.strip():
            facts["url"] = form.url.strip()
        if form.picture.strip():
            facts["picture"] = {"url": form.picture.strip(), "alt": form.alt}
        if not form.url.strip() and not form.text.strip():
            raise UsageError(
                "story: it has neither an address nor a text",
                hint="Give the address that its readers go to, or type what happened.",
            )
        return self._keep(story_of(facts, zone=self.context.site.zone))

    # Which letter

    def _letters(self) -> list[Newsletter]:
        """Give the newsletters, those made by hand and the urgent first."""
        letters = self.context.newsroom.newsletters
        return sorted(
            letters, key=lambda each: (not each.spec.urgent, not each.spec.cadence.by_hand_only)
        )

    def _chosen(self, slug: str) -> str:
        letters = self._letters()
        return (
            next((each.slug for each in letters if each.slug == slug), letters[0].slug)
            if (letters)
            else ""
        )

    def _newsletter(self, slug: str) -> Newsletter:
        found = next((each for each in self._letters() if each.slug == slug), None)
        if found is None:
            raise UsageError(f"letter: {slug[:40]!r}: no such newsletter", hint="Choose one.")
        return found

    # Look at it, and let it go

    def seen(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/new/ADDRESS: the letter as it will be, and the button that lets it go."""
        return self._seen(me, *self._edition(request))

    def approve(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/new/ADDRESS/~approve: let go what was seen, and nothing else."""
        newsletter, edition = self._edition(request)
        fields: Fields = request.state.form
        try:
            self._require_number(newsletter, edition, first(fields, "readers"))
            approve_seen(
                self.context.newsroom,
                newsletter,
                edition,
                seen=first(fields, "hash"),
                by=Person(me.name, me.actor),
                override=first(fields, "override"),
            )
        except DigestError as error:
            return self._seen(me, newsletter, edition, trouble=of_error(error), typed=fields)
        return self.desk.done(
            self.context.url(""), f"Approved: {edition.address}. It leaves within seconds."
        )

    def _seen(
        self,
        me: SignedIn,
        newsletter: Newsletter,
        edition: Edition,
        *,
        trouble: Trouble | None = None,
        typed: Fields | None = None,
    ) -> Response:
        look_now = look_at_edition(self.context.newsroom, newsletter, edition)
        waits = look_now.edition.state in _WAITING
        report = check_kept(self.context.newsroom, newsletter, look_now.edition) if waits else None
        return self.desk.show(
            "new-seen",
            me,
            status=trouble.status if trouble else 200,
            here="editions",
            look=look_now,
            waits=waits,
            row=look_now.rows[0] if look_now.rows else None,
            sender=self.context.mailer.sender.partition("<")[0].strip().strip('"'),
            report=report,
            type_number=look_now.readers > TYPED_ABOVE,
            trouble=trouble,
            override=first(typed, "override") if typed else "",
        )

    def _require_number(self, newsletter: Newsletter, edition: Edition, typed: str) -> None:
        """Have the number of readers typed where there are many."""
        seen: EditionLook = look_at_edition(self.context.newsroom, newsletter, edition)
        number = "".join(sign for sign in typed if sign.isascii() and sign.isdigit())
        if seen.readers > TYPED_ABOVE and number != str(seen.readers):
            raise UsageError(
                f"approve: it goes to {seen.readers:,} readers",
                hint="Type that number to let it go.",
            )

    def _edition(self, request: Request) -> tuple[Newsletter, Edition]:
        """Find the edition of the address. Raises NotFoundError."""
        text = request.path_params["address"]
        letters = {each.slug: each for each in self.context.newsroom.newsletters}
        asked = parse_address(text, letters)
        found = None
        if asked is not None and asked.local_date is not None:
            with self.context.database.read() as connection:
                found = editions.find_edition(
                    connection,
                    letters[asked.slug],
                    local_date=asked.local_date,
                    slot_name=asked.slot_name or "main",
                )
        if found is None:
            raise NotFoundError(f"edition: {text[:80]}: there is none", hint="Begin anew.")
        return letters[found.slug], found


def _not_read(error: DigestError) -> Trouble:
    """Say why a page could not be read; the hints of sources speak of feeds and settings."""
    trouble = of_error(error)
    if not isinstance(error, SourceError):
        return trouble
    hint = "Look whether its address opens in a browser, or type the story in below."
    return replace(trouble, title="The page could not be read", hint=hint)
