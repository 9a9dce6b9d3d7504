"""Door to the desk's page of sponsors: booked by date, letter and slot, changed and cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.editions.choice_checks import MOST_SPONSOR
from digest.editions.model import Newsletter
from digest.errors import DigestError, UsageError
from digest.people.model import Role, SignedIn
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.home_words import slot_words
from digest.web.desk.troubles import Trouble, of_error
from digest.web.forms import Fields, first
from digest.workflow import sponsors
from digest.workflow.halt import Person
from digest.workflow.sponsors import SponsorSlot

_WEEKS = {"2": 14, "6": 42, "13": 91}
_USUAL = "6"


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed for one letter that was not taken, and why not."""

    address: str
    text: str
    url: str
    trouble: Trouble


class SponsorPages:
    """The handlers, bound to one desk."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools, and the frame that pages are shown in."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        return [
            self.desk.route("sponsors", self.sponsors),
            self.desk.route("sponsors/book", self.book, role=Role.EDITOR, methods=("POST",)),
        ]

    def sponsors(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/sponsors: the letters to come and who stands in them; `book` opens a form."""
        query = request.query_params
        return self._page(
            me, query.get("newsletter", ""), query.get("weeks", ""), opened=query.get("book", "")
        )

    def book(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sponsors/book: book a line, change it, or with `do=cancel` take it out."""
        fields: Fields = request.state.form
        cancel = first(fields, "do") == "cancel"
        text, url = ("", "") if cancel else (first(fields, "text"), first(fields, "url"))
        try:
            if not (text.strip() or cancel):
                raise UsageError("sponsor: the line is empty", hint="To take it out: Cancel it.")
            slot = self._slot(fields)
            done = sponsors.book(
                self.context.newsroom,
                slot,
                text=text,
                url=url,
                by=Person(me.name, me.actor),
                expect_seq=_number(first(fields, "seq")),
            )
        except DigestError as error:
            typed = Typed(first(fields, "address"), text, url, of_error(error))
            return self._page(me, first(fields, "newsletter"), first(fields, "weeks"), typed=typed)
        said = "Cancelled" if cancel else "Booked"
        again = " It has to be approved again." if done.revoked else ""
        problem = f" It could not be composed yet: {done.problem}." if done.problem else ""
        query = f"?newsletter={_plain(fields, 'newsletter')}&weeks={_plain(fields, 'weeks')}"
        return self.desk.done(
            f"{self.context.url('sponsors')}{query}", f"{said}: {slot.address}.{again}{problem}"
        )

    def _slot(self, fields: Fields) -> SponsorSlot:
        """Find the letter of a form. Raises DigestError."""
        slug, _, rest = first(fields, "address").partition("/")
        day, _, name = rest.partition("/")
        newsletter = self._newsletter(slug)
        if newsletter is None:
            raise UsageError(
                f"sponsor: {slug[:40]!r}: no such newsletter", hint="Choose one below."
            )
        try:
            on = date.fromisoformat(day)
        except ValueError as error:
            raise UsageError(f"sponsor: {day[:20]!r}: no date", hint="Choose one below.") from error
        return sponsors.find_slot(self.context.newsroom, newsletter, on, name or "main")

    def _newsletter(self, slug: str) -> Newsletter | None:
        letters = self.context.newsroom.newsletters
        return next((each for each in letters if each.slug == slug), None)

    def _page(
        self,
        me: SignedIn,
        slug: str,
        weeks: str,
        *,
        opened: str = "",
        typed: Typed | None = None,
    ) -> Response:
        weeks = weeks if weeks in _WEEKS else _USUAL
        newsroom, chosen = self.context.newsroom, self._newsletter(slug)
        slots = sponsors.coming(newsroom, days=_WEEKS[weeks], newsletter=chosen)
        return self.desk.show(
            "sponsors",
            me,
            status=typed.trouble.status if typed else 200,
            here="sponsors",
            slots=slots,
            booked=sum(slot.sponsor is not None for slot in slots),
            slot_words=slot_words,
            newsletters=newsroom.newsletters,
            chosen=chosen.slug if chosen else "",
            weeks=weeks,
            spans=tuple(_WEEKS),
            typed=typed,
            opened=typed.address if typed else opened,
            most=MOST_SPONSOR,
        )


def _plain(fields: Fields, name: str) -> str:
    """Give a field that goes back into an address, if it is a plain word."""
    word = first(fields, name)
    return word if word.isascii() and word.replace("-", "").isalnum() else ""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - no such log
        raise UsageError("sponsor: the form is damaged", hint="Open the page again.")
    return int(text)
