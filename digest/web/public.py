"""The pages around joining: the front page, confirm, a fresh link, what we keep.

GET and HEAD change nothing; POST acts.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from digest.composition.dates import date_words
from digest.composition.language import Language
from digest.editions.archive_store import latest_shown
from digest.editions.model import Edition, Newsletter
from digest.web.archive import PUBLIC
from digest.web.context import WebContext
from digest.web.evened import evened
from digest.web.forms import ACTS, HONEYPOT, Fields, caller, first, origin, read_form
from digest.web.pages import Pages
from digest.web.standing import holder_of
from digest.web.welcoming import welcome_of
from digest.web.wishes import LONGEST_TYPED
from digest.web.words import (
    address_problem,
    first_letter,
    first_letter_in_full,
    listed,
    opening,
    span_in_words,
)
from subscribers import own_link, signup
from subscribers.address import AddressRefusedError
from subscribers.model import Act, Outcome
from subscribers.tokens import Grant, Purpose


class PublicPages:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the tools of the verbs and the templates."""
        self.context = context
        self.pages = pages

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        return [
            Route("/", self.home),
            Route("/confirm/{token}", self.confirm, methods=ACTS),
            Route("/link", self.link, methods=ACTS),
            Route("/privacy", self.privacy),
        ]

    async def home(self, request: Request) -> Response:
        """GET /: the form is the front page."""
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"{self.context.base}/subscribe{query}"
        return RedirectResponse(url, status_code=HTTPStatus.TEMPORARY_REDIRECT)

    async def confirm(self, request: Request) -> Response:
        """Show one large button, or act on it. Scanners follow links; they do not press."""
        act = self._confirm if request.method == "POST" else self._show_confirm
        return await run_in_threadpool(act, request)

    async def link(self, request: Request) -> Response:
        """Ask for an address, or mail it a link: the same answer whoever it belongs to."""
        if request.method != "POST":
            return self.pages.find(self.pages.language(request))
        fields = await read_form(request)
        work = run_in_threadpool(self._mail_link, request, fields)
        return await evened(work, floor=self.context.answer_after)

    async def privacy(self, request: Request) -> Response:
        """GET /privacy."""
        language, kept = self.pages.language(request), self.context.kept
        return self.pages.show(
            "privacy",
            language=language,
            ip_kept=span_in_words(kept.ip.days, language) if kept else "",
            unconfirmed_kept=span_in_words(kept.unconfirmed.days, language) if kept else "",
            attempts_kept=span_in_words(kept.attempts.days, language) if kept else "",
        )

    def _show_confirm(self, request: Request) -> Response:
        token = str(request.path_params["token"])
        grant = signup.read_confirm(token, keys=self.context.keys, now=self.context.clock())
        holder = holder_of(self.context.database, grant)
        language = self.pages.language(request, reader=holder.language)
        this = language.say("this newsletter")
        names = [self.context.names.get(each) or this for each in grant.newsletter_ids]
        return self.pages.show(
            "confirm",
            language=language,
            names=listed(names, language),
            address=holder.standing.address,
        )

    def _confirm(self, request: Request) -> Response:
        token = str(request.path_params["token"])
        database, keys = self.context.database, self.context.keys
        with database.read() as connection:
            latest = latest_shown(connection, self.context.names, PUBLIC)
        grant = signup.read_confirm(token, keys=keys, now=self.context.clock())
        holder = holder_of(database, grant)
        shown = self.pages.language(request, reader=holder.language)
        act = self._act(request, "link", shown.say("Yes, subscribe me"))
        try:
            welcome = welcome_of(self.context, latest, act.at)
            outcome = signup.confirm(database, token, act, keys=keys, welcome=welcome)
        except AddressRefusedError:
            return self.pages.problem(
                HTTPStatus.CONFLICT,
                shown.say("We may not write to this address"),
                shown.say("Write to us, and a person will look into it."),
                language=shown,
            )
        newest = next(
            (each for each in latest if each.newsletter_id in outcome.newsletter_ids), None
        )
        return self._confirmed(request, grant.reader, outcome, newest)

    def _confirmed(
        self, request: Request, reader: str, outcome: Outcome, newest: Edition | None
    ) -> Response:
        holder = holder_of(self.context.database, Grant(reader))
        language, now = self.pages.language(request, reader=holder.language), self.context.clock()
        joined = [each for each in self.context.newsletters if each.id in outcome.newsletter_ids]
        letters = [
            {
                "name": each.spec.name,
                "first": first_letter(each.spec.cadence, now, language),
                "in_full": opening(first_letter_in_full(each.spec.cadence, now, language)),
            }
            for each in joined
        ]
        day = "" if newest is None else opening(date_words(newest.local_date, language.tag))
        return self.pages.show(
            "confirmed",
            language=language,
            letters=letters,
            latest=newest,
            latest_day=day,
            preferences_url=self._preferences(reader, joined),
            news_address=self.context.news_address,
        )

    def _preferences(self, reader: str, joined: list[Newsletter]) -> str:
        """Give the page where the first that was joined can be chosen from; "" for none."""
        if not joined:
            return ""
        grant = Grant(reader, (joined[0].id,))
        return f"{self.context.base}/p/{self.context.keys.links.sign(Purpose.PREFERENCES, grant)}"

    def _mail_link(self, request: Request, fields: Fields) -> Response:
        language = self.pages.language(request, asked=first(fields, "language"))
        typed = first(fields, "email")[:LONGEST_TYPED]
        if not first(fields, HONEYPOT):
            try:
                self._ask_for_link(request, typed, language)
            except AddressRefusedError as error:
                problem = address_problem(error.problem, language)
                status = HTTPStatus.UNPROCESSABLE_ENTITY
                return self.pages.find(language, typed=typed, problem=problem, status=status)
        return self.pages.show(
            "link-sent", language=language, address=typed.replace("\0", "").strip()
        )

    def _ask_for_link(self, request: Request, typed: str, language: Language) -> None:
        own_link.ask_for_link(
            self.context.database,
            typed,
            self._act(request, "form", ""),
            keys=self.context.keys,
            link=lambda token: f"{self.context.site.public_url}/p/{token}",
            policy=self.context.policy,
            language=language.tag,
        )

    def _act(self, request: Request, via: str, text: str) -> Act:
        at, source = self.context.clock(), origin(request)
        return Act(at=at, via=via, ip=caller(request), text=text, source=source)
