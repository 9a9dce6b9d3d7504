"""The pages behind a letter's footer: topics, pause, weekly or daily. GET shows; POST acts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.composition.dates import date_words, local_date, short_date_words
from digest.editions import store as editions
from digest.editions.model import Newsletter
from digest.web.context import WebContext
from digest.web.forms import Fields, caller, first, read_form
from digest.web.pages import Pages
from digest.web.words import first_letter, offer, weeks_in_words
from subscribers import preferences
from subscribers.address import AddressRefusedError
from subscribers.model import Act, Standing, Subscription
from subscribers.preferences import PAUSE_WEEKS, PreferenceError, Preferences
from subscribers.tokens import Grant, Purpose
from subscribers.topics import Topics
from subscribers.wording import listed

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_FEWEST_TOPICS = 2
"""With fewer there is nothing to choose."""


@dataclass(frozen=True, slots=True)
class Instead:
    """What a reader may do in place of leaving; without a weekly its name and link are empty."""

    weekly: str
    weekly_offer: str
    weekly_url: str
    pause_url: str


class PreferencePages:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the tools of the verbs and the templates."""
        self.context = context
        self.pages = pages

    async def preferences(self, request: Request) -> Response:
        """Show how a reader stands with one newsletter, or change it."""
        token = request.path_params["token"]
        if request.method != "POST":
            return await run_in_threadpool(self._show, token)
        fields = await read_form(request)
        return await run_in_threadpool(self._change, token, fields, caller(request))

    async def twin(self, request: Request) -> Response:
        """Show one button that moves the reader to the weekly, or back; or act on it."""
        token = request.path_params["token"]
        if request.method != "POST":
            return await run_in_threadpool(self._show_twin, token)
        return await run_in_threadpool(self._move, token, caller(request))

    async def sample(self, request: Request) -> Response:
        """Answer the links of test mails and previews, which belong to nobody."""
        del request
        return self.pages.problem(
            HTTPStatus.NOT_FOUND,
            "This link is only a sample",
            "It stands in a test e-mail or a preview, and does nothing.",
            "In the letters that readers get, it opens a page of their own.",
        )

    def _show(
        self, token: str, *, topics_problem: str = "", pause_problem: str = "", typed: str = ""
    ) -> Response:
        found = self._found(token)
        newsletter = self._newsletter(found.newsletter_id)
        if newsletter is None:
            return self._ended()
        standing = found.gets(newsletter.id)
        if standing is None:
            return self._left(found, newsletter)
        problem = topics_problem or pause_problem
        return self.pages.show(
            "preferences",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            **self._standing_values(found, newsletter, standing),
            **self._pause_values(newsletter, standing),
            topics_problem=topics_problem,
            pause_problem=pause_problem,
            typed=typed,
        )

    def _standing_values(
        self, found: Preferences, newsletter: Newsletter, standing: Subscription
    ) -> dict[str, object]:
        topics, sections = self._topics(newsletter), newsletter.spec.sections
        chosen = topics.chosen(standing.topic_mask)
        twin = sibling(newsletter, self.context.newsletters, found)
        return {
            "letter": newsletter.spec.name,
            "offer": offer(newsletter.spec),
            "address": found.standing.address,
            "since": self._since(newsletter, standing),
            "topics": [
                {"key": each.key, "title": each.title, "chosen": each.key in chosen}
                for each in (sections if len(sections) >= _FEWEST_TOPICS else ())
            ],
            "twin": None if twin is None else {"name": twin.spec.name, "offer": offer(twin.spec)},
            "twin_url": f"{self._link(Purpose.PREFERENCES, found, newsletter.id)}/twin",
            "leave_url": self._link(Purpose.UNSUBSCRIBE, found, newsletter.id),
        }

    def _pause_values(self, newsletter: Newsletter, standing: Subscription) -> dict[str, object]:
        now, zone = self.context.clock(), newsletter.spec.cadence.zone
        today = local_date(now, zone)
        earliest, latest = preferences.pause_days(now, zone)
        pauses = [
            (weeks, weeks_in_words(weeks), date_words(today + timedelta(weeks=weeks), "en"))
            for weeks in PAUSE_WEEKS
        ]
        return {
            "paused": preferences.paused(standing, now),
            "paused_until": self._pause_end(newsletter, standing),
            "pauses": pauses,
            "earliest": earliest.isoformat(),
            "latest": latest.isoformat(),
        }

    def _change(self, token: str, fields: Fields, ip: str | None) -> Response:
        ways = {"topics": self._choose, "pause": self._pause, "resume": self._resume}
        way = ways.get(first(fields, "act"))
        if way is None:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        newsletter = self._newsletter(self._found(token).newsletter_id)
        if newsletter is None:
            return self._ended()
        return way(token, newsletter, fields, ip)

    def _choose(
        self, token: str, newsletter: Newsletter, fields: Fields, ip: str | None
    ) -> Response:
        topics, chosen = self._topics(newsletter), fields.get("topic", [])
        names = self._titles(newsletter, topics.known(chosen))
        try:
            preferences.choose_topics(
                self.context.database,
                token,
                self._act(ip, f"Save topics: {names}"),
                keys=self.context.keys,
                topics=topics,
                chosen=chosen,
            )
        except PreferenceError as error:
            return self._show(token, topics_problem=str(error))
        everything = len(topics.known(chosen)) == len(topics.offered)
        brings = "all its topics" if everything else f"the topics you chose: {names}"
        sentence = f"{newsletter.spec.name} brings you {brings}."
        return self._done(token, newsletter, "Your topics are saved", sentence)

    def _pause(
        self, token: str, newsletter: Newsletter, fields: Fields, ip: str | None
    ) -> Response:
        zone, typed = newsletter.spec.cadence.zone, first(fields, "until")
        until = _pause_day(fields, local_date(self.context.clock(), zone))
        if until is None:
            return self._show(token, pause_problem="Choose how long, or a day.", typed="")
        day = date_words(until, "en")
        act = self._act(ip, f"Pause until {day}")
        database, keys = self.context.database, self.context.keys
        try:
            preferences.pause(database, token, act, keys=keys, until=until, zone=zone)
        except PreferenceError as error:
            return self._show(token, pause_problem=str(error), typed=typed)
        return self._done(
            token,
            newsletter,
            f"Paused until {day}",
            f"Before that day we send you nothing of {newsletter.spec.name}. "
            "Then it comes again by itself, as before.",
        )

    def _resume(
        self, token: str, newsletter: Newsletter, fields: Fields, ip: str | None
    ) -> Response:
        del fields
        act = self._act(ip, "Send it again now")
        preferences.resume(self.context.database, token, act, keys=self.context.keys)
        sentence = f"{newsletter.spec.name} comes again."
        return self._done(token, newsletter, "The pause is over", sentence)

    def _done(self, token: str, newsletter: Newsletter, title: str, sentence: str) -> Response:
        """Say what an act did; whoever had left before they pressed is told so instead."""
        found = self._found(token)
        standing = found.gets(newsletter.id)
        if standing is None:
            return self._left(found, newsletter)
        preference_url = self._link(Purpose.PREFERENCES, found, newsletter.id)
        return self.pages.show(
            "preferences-done",
            title=title,
            sentences=[sentence],
            next_letter=self._next_letter(newsletter, standing),
            links=[("Change something else", preference_url)],
        )

    def _show_twin(self, token: str) -> Response:
        found = self._found(token)
        newsletter = self._newsletter(found.newsletter_id)
        if newsletter is None:
            return self._ended()
        standing = found.gets(newsletter.id)
        if standing is None:
            return self._left(found, newsletter)
        twin = sibling(newsletter, self.context.newsletters, found)
        if twin is None:
            return self._no_twin(newsletter)
        return self.pages.show(
            "preferences-twin",
            letter=newsletter.spec.name,
            twin=twin.spec.name,
            offer=offer(twin.spec),
            address=found.standing.address,
            has_both=found.gets(twin.id) is not None,
            paused=preferences.paused(standing, self.context.clock()),
            stay_url=self._link(Purpose.PREFERENCES, found, newsletter.id),
        )

    def _move(self, token: str, ip: str | None) -> Response:
        found = self._found(token)
        newsletter = self._newsletter(found.newsletter_id)
        if newsletter is None:
            return self._ended()
        twin = sibling(newsletter, self.context.newsletters, found)
        if twin is None:
            return self._no_twin(newsletter)
        try:
            preferences.move_to_twin(
                self.context.database,
                token,
                self._act(ip, f"Switch to {twin.spec.name}"),
                keys=self.context.keys,
                twin_id=twin.id,
                topics={each.id: self._topics(each) for each in (newsletter, twin)},
            )
        except AddressRefusedError:
            title = "We may not write to this address"
            sentence = "Write to us, and a person will look into it."
            return self.pages.problem(HTTPStatus.CONFLICT, title, sentence)
        return self._moved(self._found(token), newsletter, twin)

    def _moved(self, found: Preferences, newsletter: Newsletter, twin: Newsletter) -> Response:
        """Say what they get now; whom there was nothing to move for is told that instead."""
        standing, left = found.gets(twin.id), found.of(newsletter.id)
        if standing is None or left is None or not left.ended:
            return self._left(found, newsletter)
        name, url = twin.spec.name, self._link(Purpose.PREFERENCES, found, twin.id)
        sentences = [f"You get it in place of {newsletter.spec.name}. {offer(twin.spec)}"]
        if standing.topic_mask:
            chosen = self._topics(twin).chosen(standing.topic_mask)
            sentences.append(f"Your topics there: {self._titles(twin, chosen) or 'none'}.")
        return self.pages.show(
            "preferences-done",
            title=f"From now on, {name}",
            sentences=sentences,
            next_letter=self._next_letter(twin, standing),
            links=[
                ("Choose its topics, or pause", url),
                (f"Pressed by mistake? Back to {newsletter.spec.name}", f"{url}/twin"),
            ],
        )

    def _left(self, found: Preferences, newsletter: Newsletter) -> Response:
        """Tell who does not get this newsletter what they do get, and how to come back."""
        if found.standing.address is None:
            return self.pages.problem(
                HTTPStatus.OK,
                "There is nothing to choose here",
                "We hold no address for this link, and nothing is sent by it.",
                again=True,
            )
        standing = found.of(newsletter.id)
        others = [
            (each.spec.name, self._link(Purpose.PREFERENCES, found, each.id))
            for each in self.context.newsletters
            if found.gets(each.id) is not None
        ]
        return self.pages.show(
            "preferences-left",
            letter=newsletter.spec.name,
            address=found.standing.address,
            left=standing is not None and standing.ended,
            others=others,
        )

    def _ended(self) -> Response:
        title = "This newsletter is no longer sent"
        sentence = "There is nothing left to choose, and nothing to stop."
        return self.pages.problem(HTTPStatus.NOT_FOUND, title, sentence, again=True)

    def _no_twin(self, newsletter: Newsletter) -> Response:
        title = f"{newsletter.spec.name} has no other edition now"
        sentence = "It comes as you know it. Nothing was changed."
        return self.pages.problem(HTTPStatus.NOT_FOUND, title, sentence, again=True)

    def _found(self, token: str) -> Preferences:
        return preferences.show(self.context.database, token, keys=self.context.keys)

    def _newsletter(self, newsletter_id: int) -> Newsletter | None:
        return _by_id(self.context.newsletters, newsletter_id)

    def _topics(self, newsletter: Newsletter) -> Topics:
        with self.context.database.read() as connection:
            bits = editions.topic_bits(connection, newsletter.id)
        return Topics(bits, tuple(section.key for section in newsletter.spec.sections))

    def _titles(self, newsletter: Newsletter, keys: Sequence[str]) -> str:
        return listed([each.title for each in newsletter.spec.sections if each.key in keys])

    def _since(self, newsletter: Newsletter, standing: Subscription) -> str:
        at = standing.confirmed_at or standing.requested_at
        if at is None:
            return ""
        day = local_date(at, newsletter.spec.cadence.zone)
        return f"{short_date_words(day, 'en')} {day.year}"

    def _pause_end(self, newsletter: Newsletter, standing: Subscription) -> str:
        if standing.paused_until is None:
            return ""
        return date_words(local_date(standing.paused_until, newsletter.spec.cadence.zone), "en")

    def _next_letter(
        self, newsletter: Newsletter, standing: Subscription
    ) -> tuple[str, str] | None:
        now = self.context.clock()
        if preferences.paused(standing, now):
            return None
        return first_letter(newsletter.spec.cadence, now)

    def _link(self, purpose: Purpose, found: Preferences, newsletter_id: int) -> str:
        return _link(self.context, purpose, found.reader, newsletter_id)

    def _act(self, ip: str | None, text: str) -> Act:
        return Act(at=self.context.clock(), via="link", ip=ip, text=text)


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


def instead_of_leaving(context: WebContext, grant: Grant, standing: Standing) -> Instead | None:
    """Say what stands beside the button to unsubscribe; nothing for who gets nothing here."""
    newsletter = _by_id(context.newsletters, grant.newsletter_ids[0])
    found = Preferences(grant.reader, grant.newsletter_ids[0], standing)
    if standing.address is None or newsletter is None or len(grant.newsletter_ids) > 1:
        return None
    if found.gets(newsletter.id) is None:
        return None
    weekly = None
    if newsletter.spec.weekly_twin is not None:
        weekly = sibling(newsletter, context.newsletters, found)
    url = _link(context, Purpose.PREFERENCES, grant.reader, newsletter.id)
    return Instead(
        weekly=weekly.spec.name if weekly else "",
        weekly_offer=offer(weekly.spec) if weekly else "",
        weekly_url=f"{url}/twin" if weekly else "",
        pause_url=f"{url}#pause",
    )


def _by_id(newsletters: Sequence[Newsletter], newsletter_id: int) -> Newsletter | None:
    return next((each for each in newsletters if each.id == newsletter_id), None)


def _link(context: WebContext, purpose: Purpose, reader: str, newsletter_id: int) -> str:
    """Give the path of a page in a reader's name: who holds one link of theirs may have all."""
    token = context.keys.links.sign(purpose, Grant(reader, (newsletter_id,)))
    page = "u" if purpose is Purpose.UNSUBSCRIBE else "p"
    return f"{context.base}/{page}/{token}"


def _pause_day(fields: Fields, today: date) -> date | None:
    """Read how long: one of our weeks, or a day as browsers write it."""
    weeks, typed = first(fields, "weeks"), first(fields, "until")
    if weeks in map(str, PAUSE_WEEKS):
        return today + timedelta(weeks=int(weeks))
    if not _DAY.fullmatch(typed):
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None
