"""What the pages of one reader share: their link, their language, their newsletters and topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from digest.composition.dates import date_words, local_date
from digest.composition.language import Language
from digest.editions import store as editions
from digest.editions.model import Newsletter
from digest.web.context import WebContext
from digest.web.forms import caller
from digest.web.pages import Pages
from subscribers import preferences
from subscribers.model import Act, Subscription
from subscribers.preferences import Preferences
from subscribers.tokens import Grant, Purpose
from subscribers.topics import Topics

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_PATHS = {
    Purpose.UNSUBSCRIBE: "u",
    Purpose.PREFERENCES: "p",
    Purpose.ADDRESS: "a",
    Purpose.DATA: "d",
    Purpose.ERASE: "x",
}


@dataclass(frozen=True, slots=True)
class Own:
    """The tools of one reader's pages."""

    context: WebContext
    pages: Pages

    def found(self, request: Request) -> Preferences:
        """Find whose link was opened. Raises TokenError."""
        token = str(request.path_params["token"])
        return preferences.show(self.context.database, token, keys=self.context.keys)

    def language(self, request: Request, found: Preferences) -> Language:
        """Choose what to speak to this reader."""
        return self.pages.language(request, reader=found.manner.language)

    def act(self, request: Request, text: str) -> Act:
        """Give the circumstances of what is done now."""
        return Act(at=self.context.clock(), via="link", ip=caller(request), text=text)

    def path(self, purpose: Purpose, found: Preferences, *newsletter_ids: int) -> str:
        """Give the path of a page in a reader's name: who holds one link of theirs may have it."""
        token = self.context.keys.links.sign(purpose, Grant(found.reader, newsletter_ids))
        return f"{self.context.base}/{_PATHS[purpose]}/{token}"

    def url(self, purpose: Purpose, token: str) -> str:
        """Give the whole address of a page, for a mail."""
        return f"{self.context.site.public_url}/{_PATHS[purpose]}/{token}"

    def newsletter(self, newsletter_id: int) -> Newsletter | None:
        """Find a newsletter that is still sent."""
        known = self.context.newsletters
        return next((each for each in known if each.id == newsletter_id), None)

    def topics(self) -> dict[int, Topics]:
        """Give the topics of every newsletter."""
        with self.context.database.read() as connection:
            return {
                each.id: Topics(
                    editions.topic_bits(connection, each.id),
                    tuple(section.key for section in each.spec.sections),
                )
                for each in self.context.newsletters
            }

    def gets(self, found: Preferences) -> list[Newsletter]:
        """List what a reader gets or has paused: first the newsletter their link is about."""
        mine = [each for each in self.context.newsletters if found.gets(each.id)]
        return sorted(mine, key=lambda each: each.id != found.newsletter_id)


def sibling(
    newsletter: Newsletter, newsletters: Sequence[Newsletter], found: Preferences
) -> Newsletter | None:
    """Find the newsletter that "less often" leads to, or for a weekly the way back.

    Where several lead to one weekly, the way back is the one the reader left last.
    """
    others = [each for each in newsletters if each.id != newsletter.id]
    if newsletter.spec.weekly_twin is not None:
        weekly = newsletter.spec.weekly_twin
        return next((each for each in others if each.slug == weekly), None)

    def left_at(each: Newsletter) -> datetime:
        standing = found.of(each.id)
        return (standing and standing.ended_at) or _LONG_AGO

    ways_back = [each for each in others if each.spec.weekly_twin == newsletter.slug]
    return max(ways_back, key=left_at, default=None)


def pause_end(newsletter: Newsletter, standing: Subscription, language: Language) -> str:
    """Say the day on which a pause ends; "" for one without an end."""
    if standing.paused_until is None:
        return ""
    day = local_date(standing.paused_until, newsletter.spec.cadence.zone)
    return date_words(day, language.tag)
