"""A reader's own page: newsletters, topics, pauses, how letters come. GET shows; POST acts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from http import HTTPStatus

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from digest.composition.dates import day_words, local_date, long_date_words
from digest.composition.language import Language
from digest.editions.cadence import next_cut_off
from digest.editions.model import Newsletter
from digest.web.address_pages import AddressPages
from digest.web.context import WebContext
from digest.web.evened import evened
from digest.web.forms import ACTS, Fields, first, read_form
from digest.web.own import Own
from digest.web.pages import Pages
from digest.web.preference_form import Asked, Problems, Surroundings, read_day
from digest.web.rights import RightsPages
from digest.web.twin import TwinPages
from digest.web.words import address_problem, first_letter_in_full
from subscribers import address_change, preferences, rights_link
from subscribers.address import AddressProblem, AddressRefusedError
from subscribers.limits import LimitError
from subscribers.model import Subscription
from subscribers.preferences import Preferences
from subscribers.tokens import Purpose
from subscribers.way_back import MovedLatelyError
from subscribers.wishes import PAUSE_WEEKS, PreferenceError, paused

_LONGEST_SHOWN = 320
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a press came to: something to tell, or what is wrong and what was typed."""

    note: str = ""
    problems: Problems | None = None
    fields: Fields | None = None
    status: int = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Press:
    """One press of a button by a reader who gets something."""

    request: Request
    token: str
    found: Preferences
    newsletter: Newsletter | None
    """The one of the link; None when it is no longer sent."""
    fields: Fields
    language: Language

    @property
    def gets(self) -> bool:
        """Whether they get the newsletter of the link."""
        return self.found.gets(self.found.newsletter_id) is not None


class PreferencePages:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the tools of the verbs and the templates."""
        self.context = context
        self.pages = pages
        self.own = Own(context, pages)
        self.ways: dict[str, Callable[[_Press], _Answer]] = {
            "save": self._save,
            "topics": self._choose,
            "pause": self._pause,
            "resume": self._resume,
            "address": self._address,
            "data": self._data,
            "erase": self._erase,
        }

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer; they go before those of any token."""
        twins = TwinPages(self.own)
        return [
            Route("/u/sample", self.sample, methods=ACTS),
            Route("/p/sample", self.sample, methods=ACTS),
            Route("/p/sample/twin", self.sample, methods=ACTS),
            Route("/p/{token}", self.preferences, methods=ACTS),
            *twins.routes(),
            *AddressPages(self.own).routes(),
            *RightsPages(self.own).routes(),
        ]

    async def preferences(self, request: Request) -> Response:
        """Show how a reader stands with everything, or change it."""
        if request.method != "POST":
            return await run_in_threadpool(self._look, request)
        fields = await read_form(request)
        work = run_in_threadpool(self._change, request, fields)
        if first(fields, "act") != "address":
            return await work
        # The clock does not tell either whether somebody has the address that was typed.
        return await evened(work, floor=self.context.answer_after)

    async def sample(self, request: Request) -> Response:
        """Answer the links of test mails and previews, which belong to nobody."""
        language = self.pages.language(request)
        return self.pages.problem(
            HTTPStatus.NOT_FOUND,
            language.say("This link is only a sample"),
            language.say("It stands in a test e-mail or a preview, and does nothing."),
            language.say("In the letters that readers get, it opens a page of their own."),
            language=language,
        )

    def _look(self, request: Request) -> Response:
        return self._show(request, self.own.found(request), _Answer())

    def _change(self, request: Request, fields: Fields) -> Response:
        way = self.ways.get(first(fields, "act"))
        if way is None:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        found = self.own.found(request)
        if not self.own.gets(found) and way not in {self._data, self._erase}:
            return self._show(request, found, _Answer())
        if found.standing.address is None:
            return self._show(request, found, _Answer())
        press = _Press(
            request,
            str(request.path_params["token"]),
            found,
            self.own.newsletter(found.newsletter_id),
            fields,
            self.own.language(request, found),
        )
        answer = way(press)
        # Their language may be another now.
        return self._show(request, self.own.found(request), answer)

    # What each button does

    def _save(self, press: _Press) -> _Answer:
        asked = self._asked(press.found, press.language)
        wishes, problems = asked.read(press.fields)
        if problems:
            return _wrong(problems, press.fields)
        act = self.own.act(press.request, press.language.say("Save"))
        database, keys = self.context.database, self.context.keys
        try:
            preferences.save(database, press.token, act, keys=keys, wishes=wishes)
        except PreferenceError as error:
            return _wrong(asked.refused(error.problem, error.newsletter_id), press.fields)
        return self._saved(press)

    def _choose(self, press: _Press) -> _Answer:
        """Take the form of topics alone, as pages had it that are still open somewhere."""
        if press.newsletter is None or not press.gets:
            return _Answer()
        slug, chosen = press.newsletter.slug, press.fields.get("topic", [])
        return self._save(replace(press, fields={"topics": [slug], f"topic-{slug}": chosen}))

    def _pause(self, press: _Press) -> _Answer:
        """Pause the newsletter of the link for some weeks, or until a day."""
        newsletter = press.newsletter
        if newsletter is None or not press.gets:
            return _Answer()
        slug, zone = newsletter.slug, newsletter.spec.cadence.zone
        until = _pause_day(press.fields, local_date(self.context.clock(), zone))
        typed = until.isoformat() if until else first(press.fields, "until")
        fields = {f"way-{slug}": ["paused"], f"until-{slug}": [typed]}
        return self._save(replace(press, fields=fields))

    def _resume(self, press: _Press) -> _Answer:
        if not press.gets:
            return _Answer()
        act = self.own.act(press.request, press.language.say("Send it again now"))
        database, keys = self.context.database, self.context.keys
        preferences.resume(database, press.token, act, keys=keys)
        return self._saved(press)

    def _address(self, press: _Press) -> _Answer:
        say, language = press.language.say, press.language
        typed = first(press.fields, "email")[:_LONGEST_SHOWN].replace("\0", "")
        fields = {"email": [typed]}
        try:
            asked = address_change.ask_address(
                self.context.database,
                press.token,
                first(press.fields, "email"),
                self.own.act(press.request, say("Change the address")),
                keys=self.context.keys,
                newsletter_names=self.context.names,
                link=lambda token: self.own.url(Purpose.ADDRESS, token),
                policy=self.context.policy,
                language=language.tag,
            )
        except AddressRefusedError as error:
            return _wrong({"email": address_problem(error.problem, language)}, fields)
        except LimitError as error:
            return _too_many("email", error, language, fields)
        if not asked:
            return _wrong({"email": say("That is your address already.")}, fields)
        who = Markup("<b><bdi>{}</bdi></b>").format(typed)
        return _Answer(
            _with(say("We have written to %(address)s."), address=who)
            + " "
            + say("Press the button in that e-mail, and your letters go there.")
            + " "
            + say("Until then nothing changes.")
        )

    def _data(self, press: _Press) -> _Answer:
        return self._mail_link(press, Purpose.DATA, "data")

    def _erase(self, press: _Press) -> _Answer:
        return self._mail_link(press, Purpose.ERASE, "erase")

    def _mail_link(self, press: _Press, purpose: Purpose, field: str) -> _Answer:
        language, address = press.language, press.found.standing.address
        try:
            rights_link.ask_link(
                self.context.database,
                press.token,
                self.own.act(press.request, ""),
                keys=self.context.keys,
                purpose=purpose,
                link=lambda token: self.own.url(purpose, token),
                policy=self.context.policy,
                language=language.tag,
            )
        except AddressRefusedError:
            sentence = address_problem(AddressProblem.NEVER, language)
            return _wrong({field: sentence}, {}, status=HTTPStatus.CONFLICT)
        except LimitError as error:
            return _too_many(field, error, language, {})
        who = Markup("<b><bdi>{}</bdi></b>").format(address)
        return _Answer(
            _with(language.say("We have mailed a link to %(address)s."), address=who)
            + " "
            + language.say("Nobody whom you pass a letter on to can see it.")
        )

    # What is shown

    def _show(self, request: Request, found: Preferences, answer: _Answer) -> Response:
        language = self.own.language(request, found)
        if found.standing.address is None:
            return self._nobody(language)
        if not self.own.gets(found):
            return self._left(found, language, answer)
        form = self._asked(found, language).form(answer.fields, answer.problems)
        newsletter = self.own.newsletter(found.newsletter_id)
        own = newsletter.spec.name if newsletter else ""
        standing = found.of(found.newsletter_id)
        everything = [each.newsletter.id for each in form.letters]
        response = self.pages.show(
            "preferences",
            language=language,
            status=answer.status,
            form=form,
            note=answer.note,
            typed=first(answer.fields or {}, "email"),
            own=own,
            own_left=newsletter is None or found.gets(newsletter.id) is None,
            own_ended=standing is not None and standing.ended,
            since=self._since(found, language),
            leave_urls={
                each.slug: self.own.path(Purpose.UNSUBSCRIBE, found, each.newsletter.id)
                for each in form.letters
            },
            leave_all_url=self.own.path(Purpose.UNSUBSCRIBE, found, *everything),
            **self._rights(found, answer),
        )
        response.headers.update(dict(answer.headers))
        return response

    def _left(self, found: Preferences, language: Language, answer: _Answer) -> Response:
        """Tell who gets nothing how to come back; their data are theirs all the same."""
        newsletter = self.own.newsletter(found.newsletter_id)
        status = HTTPStatus.OK if newsletter else HTTPStatus.NOT_FOUND
        standing = found.of(found.newsletter_id)
        response = self.pages.show(
            "preferences-left",
            language=language,
            status=answer.status if answer.problems else status,
            letter=newsletter.spec.name if newsletter else "",
            left=standing is not None and standing.ended,
            note=answer.note,
            **self._rights(found, answer),
        )
        response.headers.update(dict(answer.headers))
        return response

    def _rights(self, found: Preferences, answer: _Answer) -> dict[str, object]:
        return {"address": found.standing.address, "problems": answer.problems or {}}

    def _nobody(self, language: Language) -> Response:
        return self.pages.problem(
            HTTPStatus.OK,
            language.say("There is nothing to choose here"),
            language.say("We hold no address for this link, and nothing is sent by it."),
            again=True,
            language=language,
        )

    def _saved(self, press: _Press) -> _Answer:
        """Say when the next letter comes; to who paused everything, until when none does."""
        found = self.own.found(press.request)
        language = self.own.language(press.request, found)
        comes = self._next(found, language)
        if comes:
            return _Answer(language.say("Saved. Your next edition comes on %(when)s.", when=comes))
        ends = [standing.paused_until for standing in self._asleep(found)]
        first_end = min((each for each in ends if each is not None), default=None)
        newsletters = self.own.gets(found)
        if first_end is None or not newsletters or len(ends) < len(newsletters):
            return _Answer(language.say("Saved."))
        day = day_words(local_date(first_end, newsletters[0].spec.cadence.zone), language.tag)
        return _Answer(language.say("Saved. Nothing comes until %(day)s.", day=day))

    def _asleep(self, found: Preferences) -> list[Subscription]:
        standings = [found.gets(each.id) for each in self.own.gets(found)]
        now = self.context.clock()
        return [each for each in standings if each is not None and paused(each, now)]

    def _next(self, found: Preferences, language: Language) -> str:
        """Say when the first letter comes of all they get, and whose clock it is told by."""
        now = self.context.clock()
        asleep = {each.newsletter_id for each in self._asleep(found)}
        awake = [each for each in self.own.gets(found) if each.id not in asleep]
        dated = [(next_cut_off(each.spec.cadence, now), each) for each in awake]
        known = [(at, each) for at, each in dated if at is not None]
        if not known:
            return ""
        _, soonest = min(known, key=_moment)
        return first_letter_in_full(soonest.spec.cadence, now, language)

    def _since(self, found: Preferences, language: Language) -> str:
        """Say since when they have had letters of ours."""
        dated = [
            (at, each)
            for each in self.own.gets(found)
            if (standing := found.gets(each.id))
            and (at := standing.confirmed_at or standing.requested_at)
        ]
        if not dated:
            return ""
        at, newsletter = min(dated, key=_moment)
        return long_date_words(local_date(at, newsletter.spec.cadence.zone), language.tag)

    def _asked(self, found: Preferences, language: Language) -> Asked:
        newsletters = tuple(self.context.newsletters)
        topics, now = self.own.topics(), self.context.clock()
        tongues = self.context.tongues
        return Asked(found, Surroundings(newsletters, topics, tongues, now, language))


def _moment(dated: tuple[datetime, Newsletter]) -> datetime:
    return dated[0]


def _wrong(
    problems: Problems, fields: Fields, *, status: int = HTTPStatus.UNPROCESSABLE_ENTITY
) -> _Answer:
    return _Answer(problems=problems, fields=fields, status=status)


def _too_many(name: str, error: LimitError, language: Language, fields: Fields) -> _Answer:
    """Say when to ask again."""
    if isinstance(error, MovedLatelyError):
        sentence = language.count(
            "Your address was changed a short while ago. Ask again in # hour.",
            "Your address was changed a short while ago. Ask again in # hours.",
            max(1, math.ceil(error.wait / _HOUR)),
        )
    else:
        sentence = language.count(
            "We write to an address once an hour at most. Ask again in # minute.",
            "We write to an address once an hour at most. Ask again in # minutes.",
            max(1, math.ceil(error.wait / _MINUTE)),
        )
    seconds = str(math.ceil(error.wait.total_seconds()))
    return _Answer(
        problems={name: sentence},
        fields=fields,
        status=HTTPStatus.TOO_MANY_REQUESTS,
        headers=(("Retry-After", seconds),),
    )


def _with(words: str, **values: object) -> Markup:
    """Put markup of ours into words that are no markup."""
    return Markup.escape(words) % values


def _pause_day(fields: Fields, today: date) -> date | None:
    """Read how long: one of our weeks, or a day as browsers write it."""
    weeks = first(fields, "weeks")
    if weeks in map(str, PAUSE_WEEKS):
        return today + timedelta(weeks=int(weeks))
    return read_day(first(fields, "until"))
