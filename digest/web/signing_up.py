"""The form that readers join by, ours or one on another site, and the page that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from digest.composition.dates import date_words
from digest.composition.language import Language
from digest.editions import store as editions
from digest.editions.archive_store import latest_shown
from digest.web.archive import PUBLIC
from digest.web.context import WebContext
from digest.web.evened import evened
from digest.web.forms import ACTS, HONEYPOT, Fields, caller, first, origin, read_form
from digest.web.last_letter import LatestLetter
from digest.web.pages import Pages
from digest.web.welcoming import welcome_of
from digest.web.wishes import (
    AS_TYPED,
    Typed,
    asked_for,
    chosen,
    read_typed,
    topic_groups,
    weekly_of,
)
from digest.web.words import address_problem, days_in_words, listed, offer, opening
from subscribers import signup
from subscribers.address import AddressRefusedError, read_address, refuse_disposable, typo_hint
from subscribers.form_time import FormAge, read_form_time, sign_form_time
from subscribers.limit_store import take
from subscribers.limits import network_name
from subscribers.model import Act
from subscribers.tokens import CONFIRM_LIFE
from subscribers.topics import Topics

_BARE_AN_HOUR = 3
"""So many forms without a time, as other sites have them, we take of one network in an hour."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Problems:
    """What is wrong with a form, each beside its field; and what was probably meant."""

    newsletter: str = ""
    email: str = ""
    hint: str = ""
    again: str = ""

    @property
    def any(self) -> bool:
        return bool(self.newsletter or self.email or self.hint or self.again)


_NONE = _Problems()


@dataclass(frozen=True, slots=True)
class _Sent:
    """A form that somebody sent."""

    typed: Typed
    language: Language
    act: Act
    form_time: str | None
    """None: the form has none, as on another site."""


class SignUpPages:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the tools of the verbs and the templates."""
        self.context = context
        self.pages = pages
        self.latest = LatestLetter(context)

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        return [
            Route("/subscribe", self.subscribe, methods=ACTS),
            Route("/subscribe/check-inbox", self.check_inbox),
            Route("/subscribe/form", self.form_to_paste),
        ]

    async def subscribe(self, request: Request) -> Response:
        """Show the form, or take it; it may come from any site, without cookie or script."""
        if request.method != "POST":
            return await run_in_threadpool(self._first_form, request)
        fields = await read_form(request)
        sent = self._sent(request, fields)
        if first(fields, HONEYPOT):
            work = run_in_threadpool(self._asked, sent)
        else:
            work = run_in_threadpool(self._take, sent)
        return await evened(work, floor=self.context.answer_after)

    async def check_inbox(self, request: Request) -> Response:
        """GET /subscribe/check-inbox: the same in general, for who comes back to it."""
        return self.pages.show(
            "check-inbox",
            language=self.pages.language(request),
            address="",
            names="",
            days=CONFIRM_LIFE.days,
            again={},
        )

    async def form_to_paste(self, request: Request) -> Response:
        """GET /subscribe/form: the form as HTML for another site; it asks what the query says."""
        asked, language = request.query_params, self.pages.language(request)
        return self.pages.show(
            "form-to-paste",
            language=language,
            newsletters=self.context.offered,
            wanted=chosen(asked.getlist("newsletter"), self.context.offered)
            or self.context.offered[:1],
            with_topics=asked.get("topics") == "asked",
            groups=self._groups(language),
            promise=self._promise(language),
            honeypot=HONEYPOT,
        )

    def _sent(self, request: Request, fields: Fields) -> _Sent:
        language = self.pages.language(request, asked=first(fields, "language"))
        act = Act(
            at=self.context.clock(),
            via="form",
            ip=caller(request),
            text=self._promise(language),
            source=origin(request),
        )
        form_time = first(fields, "form_time") if "form_time" in fields else None
        return _Sent(read_typed(fields), language, act, form_time)

    def _take(self, sent: _Sent) -> Response:
        problems = self._problems_of(sent)
        if problems.any:
            return self._form(sent.typed, sent.language, problems)
        self._subscribe(sent)
        return self._asked(sent)

    def _problems_of(self, sent: _Sent) -> _Problems:
        language = sent.language
        if not chosen(sent.typed.newsletters, self.context.offered):
            return _Problems(newsletter=language.say("Choose at least one newsletter."))
        try:
            address = read_address(sent.typed.address)
            # First: services for throw-away mail sit on the misspelt names of others.
            hint = None if sent.typed.spelling else typo_hint(address)
            if hint:
                return _Problems(hint=hint)
            refuse_disposable(address, self.context.policy.disposable)
        except AddressRefusedError as error:
            return _Problems(email=address_problem(error.problem, language))
        if not self._in_time(sent):
            said = language.say("Please press once more: so we know that you are a person.")
            return _Problems(again=said)
        return _NONE

    def _in_time(self, sent: _Sent) -> bool:
        """Tell whether a form comes from who has read it, or is one of few from another site."""
        if sent.form_time is not None:
            age = read_form_time(self.context.keys.links, sent.form_time, sent.act.at)
            return age is FormAge.RIPE
        if sent.act.ip is None:
            return True
        key = f"bare:{network_name(self.context.keys.suppression, sent.act.ip)}"
        with self.context.database.write() as connection:
            now = sent.act.at
            return take(connection, key, most=_BARE_AN_HOUR, within=_HOUR, now=now) is None

    def _subscribe(self, sent: _Sent) -> None:
        context, wanted = self.context, asked_for(sent.typed, self.context.offered)
        with context.database.read() as connection:
            masks = {
                each.id: Topics(
                    editions.topic_bits(connection, each.id),
                    tuple(section.key for section in each.spec.sections),
                ).mask(wanted[each.id])
                for each in context.offered
                if each.id in wanted and (wanted[each.id] or sent.typed.asks_topics)
            }
            latest = latest_shown(connection, context.names, PUBLIC)
        signup.subscribe(
            context.database,
            sent.typed.address,
            list(wanted),
            sent.act,
            keys=context.keys,
            newsletter_names=context.names,
            confirm_link=lambda token: f"{context.site.public_url}/confirm/{token}",
            policy=context.policy,
            wishes=signup.Wishes(topics=masks, language=sent.language.tag),
            welcome=welcome_of(context, latest, sent.act.at),
        )

    def _asked(self, sent: _Sent) -> Response:
        """Give the page after the form: the same for every address, and for robots."""
        wanted = asked_for(sent.typed, self.context.offered)
        names = [each.spec.name for each in self.context.offered if each.id in wanted]
        return self.pages.show(
            "check-inbox" if self.context.policy.double_opt_in else "thanks",
            language=sent.language,
            address=sent.typed.address.strip(),
            names=listed(names, sent.language),
            days=CONFIRM_LIFE.days,
            again=self._same_again(sent.typed),
        )

    def _same_again(self, typed: Typed) -> dict[str, Sequence[str]]:
        """Give the fields of a form that asks for the same once more."""
        return {
            "email": [typed.address],
            "newsletter": typed.newsletters,
            "topic": typed.topics,
            "often": ["weekly"] if typed.weekly else [],
            "topics": ["asked"] if typed.asks_topics else [],
            "spelling": [AS_TYPED],
            "form_time": [self._form_time()],
        }

    def _first_form(self, request: Request) -> Response:
        offered = self.context.offered
        named = chosen(request.query_params.getlist("newsletter"), offered) or offered[:1]
        typed = Typed("", tuple(each.slug for each in named))
        return self._form(typed, self.pages.language(request), _NONE)

    def _form(self, typed: Typed, language: Language, problems: _Problems) -> Response:
        latest = self.latest.find()
        return self.pages.show(
            "subscribe",
            language=language,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problems.any else HTTPStatus.OK,
            **self._questions(language),
            typed=typed,
            problems=problems,
            as_typed=AS_TYPED,
            honeypot=HONEYPOT,
            promise=self._promise(language),
            form_time=self._form_time(),
            latest=latest,
            latest_day=date_words(latest.local_date, language.tag) if latest else "",
        )

    def _questions(self, language: Language) -> dict[str, Any]:
        offered = self.context.offered
        twins = [(each, twin) for each in offered if (twin := weekly_of(each, offered))]
        often = None
        if twins:
            each, twin = twins[0]
            only = len(twins) == 1
            often = {
                "published": opening(days_in_words(each.spec.cadence.days, language)) * only,
                "weekly": twin.spec.name * only,
            }
        return {
            "newsletters": [
                {"slug": each.slug, "name": each.spec.name, "offer": offer(each.spec, language)}
                for each in offered
            ],
            "often": often,
            "groups": self._groups(language),
        }

    def _groups(self, language: Language) -> list[dict[str, Any]]:
        """Give the topics to tick: each group's fields, and its newsletters in words."""
        return [
            {
                "slug": one.slug,
                "of": one.names,
                "names": listed(one.names, language),
                "sections": one.sections,
            }
            for one in topic_groups(self.context.offered)
        ]

    def _promise(self, language: Language) -> str:
        """Give the words beside the button; they are kept with the consent."""
        if self.context.policy.double_opt_in:
            return language.say(
                "We will send one e-mail to ask you to confirm. "
                "Until you do, you get nothing more from us."
            )
        return language.say(
            "We write to this address to greet you. Every letter has a link to leave."
        )

    def _form_time(self) -> str:
        return sign_form_time(self.context.keys.links, self.context.clock())
