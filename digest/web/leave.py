"""The page a letter's last link opens: one button to stop, and what can be had instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from digest.composition.dates import day_words, local_date
from digest.composition.language import Language
from digest.editions.model import Newsletter
from digest.web.context import WebContext
from digest.web.forms import ACTS, Fields, caller, first, read_any_form
from digest.web.pages import Pages
from digest.web.standing import Holder, holder_of
from digest.web.words import listed, offer
from subscribers import leaving
from subscribers.model import Act, Standing, Subscription, SubscriptionState
from subscribers.record import JOINED
from subscribers.tokens import Grant, Purpose

_PAUSE = timedelta(weeks=4)


@dataclass(frozen=True, slots=True)
class _Instead:
    """What a reader may do in place of leaving; an empty address where that cannot be had."""

    weekly: str = ""
    weekly_offer: str = ""
    weekly_url: str = ""
    pause_url: str = ""
    pause_until: str = ""
    pause_weeks: int = _PAUSE.days // 7


class LeavePages:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the tools of the verbs and the templates."""
        self.context = context
        self.pages = pages

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        return [Route("/u/{token}", self.unsubscribe, methods=ACTS)]

    async def unsubscribe(self, request: Request) -> Response:
        """Show one button, or act at once: RFC 8058's POST and the page's own button alike."""
        if request.method != "POST":
            return await run_in_threadpool(self._show, request)
        fields = await read_any_form(request)
        return await run_in_threadpool(self._leave, request, fields)

    def _show(self, request: Request) -> Response:
        grant = self._grant(request)
        holder = holder_of(self.context.database, grant)
        language = self.pages.language(request, reader=holder.language)
        return self.pages.show(
            "unsubscribe",
            language=language,
            left=_has_left(grant, holder.standing),
            instead=self._instead(grant, holder.standing, language),
            **self._values(grant, holder, language),
        )

    def _leave(self, request: Request, fields: Fields) -> Response:
        everything = first(fields, "everything") == "1"
        # Mail programs send no field of ours: they are answered in a line, with or without theirs.
        by_page = everything or first(fields, "via") == "page"
        act = Act(
            at=self.context.clock(),
            via="link" if by_page else "one-click",
            ip=caller(request),
            text=self._button(request) if by_page else "Unsubscribe",
        )
        token = str(request.path_params["token"])
        leaving.unsubscribe(
            self.context.database,
            token,
            act,
            keys=self.context.keys,
            everything=everything,
            departures=self.context.departures,
            goodbye=self._goodbye(),
        )
        if not by_page:
            return PlainTextResponse("You are unsubscribed.\n")
        return self._left(request, everything=everything)

    def _button(self, request: Request) -> str:
        """Give the words that the reader pressed, for the proof."""
        holder = holder_of(self.context.database, self._grant(request))
        return self.pages.language(request, reader=holder.language).say("Unsubscribe")

    def _left(self, request: Request, *, everything: bool) -> Response:
        grant = self._grant(request)
        holder = holder_of(self.context.database, grant)
        language = self.pages.language(request, reader=holder.language)
        values = self._values(grant, holder, language)
        return self.pages.show("unsubscribed", language=language, everything=everything, **values)

    def _values(self, grant: Grant, holder: Holder, language: Language) -> dict[str, Any]:
        newsletters = self.context.newsletters
        gets = {each.newsletter_id for each in holder.standing.subscriptions if _joined(each)}
        remaining = [each for each in newsletters if each.id in gets]
        back = [
            ("newsletter", each.slug)
            for each in self.context.offered
            if each.id in grant.newsletter_ids
        ]
        if len(self.context.tongues) > 1:
            back.append(("language", language.tag))
        this = language.say("this newsletter")
        names = [self.context.names.get(each) or this for each in grant.newsletter_ids]
        return {
            "names": listed(names, language),
            "address": holder.standing.address,
            "remaining": listed([each.spec.name for each in remaining], language),
            "several": len(names) > 1,
            "gets_others": any(each.id not in grant.newsletter_ids for each in remaining),
            "back_url": f"{self.context.base}/subscribe?{urlencode(back)}",
        }

    def _instead(self, grant: Grant, standing: Standing, language: Language) -> _Instead | None:
        """Say what stands beside the button; nothing for who gets nothing here, or no more."""
        newsletter = self._only(grant)
        if standing.address is None or newsletter is None:
            return None
        gets = {each.newsletter_id: each for each in standing.subscriptions if _joined(each)}
        if newsletter.id not in gets:
            return None
        token = self.context.keys.links.sign(
            Purpose.PREFERENCES, Grant(grant.reader, (newsletter.id,))
        )
        url = f"{self.context.base}/p/{token}"
        weekly = self.context.find(newsletter.spec.weekly_twin or "")
        paused = gets[newsletter.id].state is SubscriptionState.PAUSED
        now, zone = self.context.clock(), newsletter.spec.cadence.zone
        return _Instead(
            weekly=weekly.spec.name if weekly else "",
            weekly_offer=offer(weekly.spec, language) if weekly else "",
            weekly_url=f"{url}/twin" if weekly else "",
            pause_url="" if paused else url,
            pause_until=_month_from(now, zone, language),
        )

    def _only(self, grant: Grant) -> Newsletter | None:
        if len(grant.newsletter_ids) > 1:
            return None
        wanted = grant.newsletter_ids[0]
        return next((each for each in self.context.newsletters if each.id == wanted), None)

    def _goodbye(self) -> leaving.Goodbye | None:
        if not self.context.goodbye:
            return None
        site = self.context.site
        back_url = f"{site.public_url}/subscribe"
        return leaving.Goodbye(self.context.names, back_url, language=site.language)

    def _grant(self, request: Request) -> Grant:
        token = str(request.path_params["token"])
        return self.context.keys.links.read(Purpose.UNSUBSCRIBE, token)


def _joined(each: Subscription) -> bool:
    return each.state in JOINED


def _has_left(grant: Grant, standing: Standing) -> bool:
    """Tell whether there is nothing to stop: each newsletter of the link was left before."""
    states = {each.newsletter_id: each.state for each in standing.subscriptions}
    return all(states.get(each) is SubscriptionState.UNSUBSCRIBED for each in grant.newsletter_ids)


def _month_from(now: datetime, zone: str, language: Language) -> str:
    return day_words(local_date(now, zone) + _PAUSE, language.tag)
