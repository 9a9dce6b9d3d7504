"""The pages a reader acts on: subscribe, confirm, leave. GET and HEAD change nothing; POST acts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from digest.composition.dates import date_words
from digest.editions import store as editions
from digest.editions.model import Edition, Newsletter
from digest.web.archive import PUBLIC
from digest.web.context import WebContext
from digest.web.forms import caller, first, read_any_form, read_form
from digest.web.pages import Pages
from digest.web.preferences import instead_of_leaving
from digest.web.words import first_letter, first_slot, offer
from subscribers import signup
from subscribers.address import AddressRefusedError
from subscribers.model import Act, Standing, SubscriptionState
from subscribers.tokens import Grant, Purpose
from subscribers.wording import listed

HONEYPOT = "fax_number"
"""A field no person sees: whoever fills it in is a robot, and is told what everybody is told."""

PROMISE = (
    "We will send one e-mail to ask you to confirm. Until you do, you get nothing more from us."
)
"""The words beside the button; kept with the consent."""

_LONGEST_SHOWN = 320
_UNPROCESSABLE = 422
_MOMENT = timedelta(microseconds=1)
_JOINED = {SubscriptionState.CONFIRMED, SubscriptionState.PAUSED}


class PublicPages:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the tools of the verbs and the templates."""
        self.context = context
        self.pages = pages

    async def home(self, request: Request) -> Response:
        """GET /: the form is the front page."""
        del request
        return RedirectResponse(f"{self.context.base}/subscribe", status_code=307)

    async def subscribe(self, request: Request) -> Response:
        """Show the form, or take it; it may come from any site, without cookie or script."""
        if request.method != "POST":
            return self._form(chosen=self._first_slug())
        fields = await read_form(request)
        if first(fields, HONEYPOT):
            return self._check_inbox_next()
        typed = first(fields, "email")[:_LONGEST_SHOWN]
        chosen = set(fields.get("newsletter", ()))
        wanted = [each for each in self.context.newsletters if each.slug in chosen]
        if not chosen and len(self.context.newsletters) == 1:
            wanted = list(self.context.newsletters)
        if not wanted:
            problem = "Choose at least one newsletter."
            return self._form(chosen, typed, newsletter_problem=problem)
        try:
            await run_in_threadpool(self._ask, first(fields, "email"), wanted, request)
        except AddressRefusedError as error:
            problem = f"We cannot write to this address: {error.cause}. {error.hint}"
            return self._form(chosen, typed, email_problem=problem)
        return self._check_inbox_next()

    async def check_inbox(self, request: Request) -> Response:
        """GET /subscribe/check-inbox: the same for everybody."""
        del request
        return self.pages.show("check-inbox")

    async def confirm(self, request: Request) -> Response:
        """Show one large button, or act on it. Scanners follow links; they do not press."""
        token = request.path_params["token"]
        if request.method != "POST":
            return await run_in_threadpool(self._show_confirm, token)
        act = self._act(request, "link", "Yes, subscribe me")
        return await run_in_threadpool(self._confirm, token, act)

    async def unsubscribe(self, request: Request) -> Response:
        """Show one button, or act at once: RFC 8058's POST and the page's own button alike."""
        token = request.path_params["token"]
        if request.method != "POST":
            return await run_in_threadpool(self._show_unsubscribe, token)
        fields = await read_any_form(request)
        one_click = first(fields, "List-Unsubscribe") == "One-Click"
        act = self._act(request, "one-click" if one_click else "link", "Unsubscribe")
        everything = first(fields, "everything") == "1"
        goodbye = await run_in_threadpool(self._unsubscribe, token, act, everything)
        return PlainTextResponse("You are unsubscribed.\n") if one_click else goodbye

    async def privacy(self, request: Request) -> Response:
        """GET /privacy."""
        del request
        return self.pages.show("privacy")

    def _ask(self, typed: str, wanted: list[Newsletter], request: Request) -> None:
        signup.subscribe(
            self.context.database,
            typed,
            [each.id for each in wanted],
            self._act(request, "form", PROMISE),
            keys=self.context.keys,
            zone=self.context.site.zone,
            newsletter_names=self.context.names,
            confirm_link=lambda token: f"{self.context.site.public_url}/confirm/{token}",
            language=self.context.site.language,
        )

    def _show_confirm(self, token: str) -> Response:
        now = self.context.clock()
        grant = signup.read_confirm(token, keys=self.context.keys, now=now)
        standing = signup.standing(self.context.database, grant)
        return self.pages.show("confirm", names=self._named(grant), address=standing.address)

    def _confirm(self, token: str, act: Act) -> Response:
        database, keys = self.context.database, self.context.keys
        with database.read() as connection:
            latest = editions.latest_editions(connection, self.context.names, PUBLIC)
        welcome = self._welcome(latest, act.at)
        try:
            outcome = signup.confirm(database, token, act, keys=keys, welcome=welcome)
        except AddressRefusedError:
            title = "We may not write to this address"
            return self.pages.problem(409, title, "Write to us, and a person will look into it.")
        joined = [each for each in self.context.newsletters if each.id in outcome.newsletter_ids]
        letters = [
            {"name": each.spec.name, "first": first_letter(each.spec.cadence, act.at)}
            for each in joined
        ]
        joined_ids = outcome.newsletter_ids
        newest = next((each for each in latest if each.newsletter_id in joined_ids), None)
        day = "" if newest is None else date_words(newest.local_date, "en")
        return self.pages.show("confirmed", letters=letters, latest=newest, latest_day=day)

    def _welcome(self, latest: Sequence[Edition], now: datetime) -> signup.Welcome:
        """Tell what the mail to a new reader says; `latest` are public, the newest first."""
        site, newsletters = self.context.site, self.context.newsletters
        return signup.Welcome(
            newsletter_names=self.context.names,
            unsubscribe_link=lambda token: f"{site.public_url}/u/{token}",
            preferences_link=lambda token: f"{site.public_url}/p/{token}",
            first_letters={
                each.id: (slot.send_at, each.spec.cadence.zone)
                for each in newsletters
                if (slot := first_slot(each.spec.cadence, now)) is not None
            },
            latest={each.newsletter_id: f"{site.public_url}/{each.address}" for each in latest},
            language=site.language,
        )

    def _show_unsubscribe(self, token: str) -> Response:
        grant = self.context.keys.links.read(Purpose.UNSUBSCRIBE, token)
        standing = signup.standing(self.context.database, grant)
        return self.pages.show(
            "unsubscribe",
            names=self._named(grant),
            address=standing.address,
            left=_has_left(grant, standing),
            remaining=listed(self._remaining(standing)),
            instead=instead_of_leaving(self.context, grant, standing),
        )

    def _unsubscribe(self, token: str, act: Act, everything: bool) -> Response:  # noqa: FBT001 - run_in_threadpool passes it on
        keys, database = self.context.keys, self.context.database
        signup.unsubscribe(database, token, act, keys=keys, everything=everything)
        grant = keys.links.read(Purpose.UNSUBSCRIBE, token)
        standing = signup.standing(database, grant)
        return self.pages.show(
            "unsubscribed",
            names=self._named(grant),
            address=standing.address,
            remaining=listed(self._remaining(standing)),
            everything=everything,
        )

    def _remaining(self, standing: Standing) -> list[str]:
        joined = {each.newsletter_id for each in standing.subscriptions if each.state in _JOINED}
        return [each.spec.name for each in self.context.newsletters if each.id in joined]

    def _named(self, grant: Grant) -> str:
        names = [self.context.names.get(each, "") for each in grant.newsletter_ids]
        return listed([name or "this newsletter" for name in names])

    def _form(
        self,
        chosen: set[str],
        typed: str = "",
        *,
        email_problem: str = "",
        newsletter_problem: str = "",
    ) -> Response:
        newsletters = [
            {"slug": each.slug, "name": each.spec.name, "offer": offer(each.spec)}
            for each in self.context.newsletters
        ]
        return self.pages.show(
            "subscribe",
            status=_UNPROCESSABLE if email_problem or newsletter_problem else 200,
            newsletters=newsletters,
            chosen=chosen,
            typed=typed.replace("\0", ""),
            email_problem=email_problem,
            newsletter_problem=newsletter_problem,
            honeypot=HONEYPOT,
            promise=PROMISE,
        )

    def _first_slug(self) -> set[str]:
        return {each.slug for each in self.context.newsletters[:1]}

    def _check_inbox_next(self) -> Response:
        return RedirectResponse(f"{self.context.base}/subscribe/check-inbox", status_code=303)

    def _act(self, request: Request, via: str, text: str) -> Act:
        return Act(at=self.context.clock(), via=via, ip=caller(request), text=text)


def _has_left(grant: Grant, standing: Standing) -> bool:
    """Tell whether there is nothing to stop: each newsletter of the link was left before."""
    states = {each.newsletter_id: each.state for each in standing.subscriptions}
    return all(states.get(each) is SubscriptionState.UNSUBSCRIBED for each in grant.newsletter_ids)
