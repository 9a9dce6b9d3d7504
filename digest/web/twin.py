"""The page that moves a reader to the weekly edition of a newsletter, or back."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from digest.composition.language import Language
from digest.composition.names import apart
from digest.editions.model import Newsletter
from digest.web.forms import ACTS
from digest.web.own import Own, sibling
from digest.web.words import first_letter, listed, offer
from subscribers import preferences
from subscribers.address import AddressRefusedError
from subscribers.model import Subscription
from subscribers.preferences import Preferences
from subscribers.tokens import Purpose
from subscribers.wishes import paused


@dataclass(frozen=True, slots=True)
class _Move:
    """Who would move, from what to what."""

    found: Preferences
    language: Language
    newsletter: Newsletter
    twin: Newsletter


class TwinPages:
    """The handlers, bound to one site."""

    def __init__(self, own: Own) -> None:
        """Take the tools of a reader's pages."""
        self.own = own
        self.context = own.context
        self.pages = own.pages

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        return [Route("/p/{token}/twin", self.twin, methods=ACTS)]

    async def twin(self, request: Request) -> Response:
        """Show one button that moves the reader to the weekly, or back; or act on it."""
        work = self._move if request.method == "POST" else self._show
        return await run_in_threadpool(work, request)

    def _show(self, request: Request) -> Response:
        move = self._wanted(request)
        if isinstance(move, Response):
            return move
        found, newsletter, twin = move.found, move.newsletter, move.twin
        standing = found.gets(newsletter.id)
        if standing is None:
            return self._left(move)
        return self.pages.show(
            "preferences-twin",
            language=move.language,
            letter=newsletter.spec.name,
            twin=twin.spec.name,
            offer=offer(twin.spec, move.language),
            address=found.standing.address,
            has_both=found.gets(twin.id) is not None,
            paused=paused(standing, self.context.clock()),
            stay_url=self.own.path(Purpose.PREFERENCES, found, newsletter.id),
        )

    def _move(self, request: Request) -> Response:
        move = self._wanted(request)
        if isinstance(move, Response):
            return move
        newsletter, twin, say = move.newsletter, move.twin, move.language.say
        pressed = say("Switch to %(newsletter)s", newsletter=apart(twin.spec.name, move.language))
        try:
            preferences.move_to_twin(
                self.context.database,
                str(request.path_params["token"]),
                self.own.act(request, pressed),
                keys=self.context.keys,
                twin_id=twin.id,
                topics=self.own.topics(),
            )
        except AddressRefusedError:
            return self.pages.problem(
                HTTPStatus.CONFLICT,
                say("We may not write to this address"),
                say("Write to us, and a person will look into it."),
                language=move.language,
            )
        found = self.own.found(request)
        standing, left = found.gets(twin.id), found.of(newsletter.id)
        if standing is None or left is None or not left.ended:
            return self._left(move)
        return self._moved(move, standing)

    def _moved(self, move: _Move, standing: Subscription) -> Response:
        """Say what they get now."""
        language, twin = move.language, move.twin
        url = self.own.path(Purpose.PREFERENCES, move.found, twin.id)
        before = apart(move.newsletter.spec.name, language)
        instead = language.say("You get it in place of %(newsletter)s.", newsletter=before)
        sentences = [f"{instead} {offer(twin.spec, language)}"]
        if standing.topic_mask:
            chosen = self.own.topics()[twin.id].chosen(standing.topic_mask)
            titles = [each.title for each in twin.spec.sections if each.key in chosen]
            names = listed(titles, language) or language.say("no topics")
            sentences.append(language.say("Your topics there: %(topics)s.", topics=names))
        return self.pages.show(
            "preferences-done",
            language=language,
            twin=twin.spec.name,
            letter=move.newsletter.spec.name,
            sentences=sentences,
            next_letter=self._next(twin, standing, language),
            url=url,
        )

    def _next(
        self, newsletter: Newsletter, standing: Subscription, language: Language
    ) -> tuple[str, str] | None:
        now = self.context.clock()
        if paused(standing, now):
            return None
        return first_letter(newsletter.spec.cadence, now, language)

    def _wanted(self, request: Request) -> _Move | Response:
        """Find what the link would move to what; or say why there is nothing to move."""
        found = self.own.found(request)
        language = self.own.language(request, found)
        newsletter = self.own.newsletter(found.newsletter_id)
        if newsletter is None:
            return self._ended(language)
        if found.standing.address is None:
            return self._nobody(language)
        twin = sibling(newsletter, self.context.newsletters, found)
        if twin is None:
            return self._no_twin(newsletter, language)
        return _Move(found, language, newsletter, twin)

    def _left(self, move: _Move) -> Response:
        """Tell who does not get the newsletter what they do get, and where to choose."""
        found, newsletter = move.found, move.newsletter
        standing, gets = found.of(newsletter.id), self.own.gets(found)
        return self.pages.show(
            "preferences-not-moved",
            language=move.language,
            letter=newsletter.spec.name,
            address=found.standing.address,
            left=standing is not None and standing.ended,
            gets=listed([each.spec.name for each in gets], move.language),
            url=self.own.path(Purpose.PREFERENCES, found, newsletter.id),
        )

    def _nobody(self, language: Language) -> Response:
        return self.pages.problem(
            HTTPStatus.OK,
            language.say("There is nothing to choose here"),
            language.say("We hold no address for this link, and nothing is sent by it."),
            again=True,
            language=language,
        )

    def _ended(self, language: Language) -> Response:
        return self.pages.problem(
            HTTPStatus.NOT_FOUND,
            language.say("This newsletter is no longer sent"),
            language.say("There is nothing left to choose, and nothing to stop."),
            again=True,
            language=language,
        )

    def _no_twin(self, newsletter: Newsletter, language: Language) -> Response:
        name = apart(newsletter.spec.name, language)
        return self.pages.problem(
            HTTPStatus.NOT_FOUND,
            language.say("%(newsletter)s has no other edition now", newsletter=name),
            language.say("It comes as you know it. Nothing was changed."),
            again=True,
            language=language,
        )
