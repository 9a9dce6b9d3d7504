"""One newsletter for a program: its sections, whom it would go to, when it comes next."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request

from digest.config.values import duration_text
from digest.editions.cadence import next_slots
from digest.editions.model import Newsletter, Release, ReleaseMode, Slot
from digest.people.model import Scope
from digest.web.api.editions import Slug
from digest.web.api.newsletter_values import (
    NewsletterTold,
    RunTold,
    SectionTold,
    StoriesTold,
)
from digest.web.api.route import ApiRoute, needs
from digest.web.api.showing import newsletter_of, newsletter_shown
from digest.web.api.tools import tools_of
from digest.workflow.audience import audience_size

router = APIRouter(route_class=ApiRoute, tags=["Newsletters"])
_RUNS = 10


@router.get("/newsletters/{slug}", openapi_extra=needs(Scope.NEWSLETTERS_READ))
def show_newsletter(request: Request, slug: Slug) -> NewsletterTold:
    """Show a newsletter: its sections, the readers it would go to, and its next ten runs."""
    call, tools = tools_of(request)
    newsletter = newsletter_of(call, slug)
    with call.context.database.read() as connection:
        readers = audience_size(tools.newsroom, connection, newsletter.id)
    spec = newsletter.spec
    slots = next_slots(spec.cadence, call.now, _RUNS)
    shown = newsletter_shown(newsletter, site_language=call.context.site.language)
    return NewsletterTold(
        **shown.model_dump(),
        template=spec.template,
        zone=spec.cadence.zone,
        release=_release(spec.release),
        stories=StoriesTold(
            least=spec.stories.least,
            most=spec.stories.most,
            max_age=duration_text(spec.stories.max_age),
        ),
        sections=[
            SectionTold(key=each.key, title=each.title, categories=list(each.categories))
            for each in spec.sections
        ],
        readers=readers,
        runs=[_run(each, newsletter) for each in slots],
    )


def _release(release: Release) -> str:
    after = release.mode is ReleaseMode.AUTO_AFTER
    return f"{release.mode} {duration_text(release.after)}" if after else str(release.mode)


def _run(slot: Slot, newsletter: Newsletter) -> RunTold:
    zone = ZoneInfo(newsletter.spec.cadence.zone)
    return RunTold(
        date=slot.local_date,
        slot=slot.name,
        cut_off_at=slot.cut_off_at,
        send_at=slot.send_at,
        cut_off_local=slot.cut_off_at.astimezone(zone),
        send_local=slot.send_at.astimezone(zone),
    )
