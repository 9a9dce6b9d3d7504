"""The page behind the mail to a new address: one button, and letters come there."""

from __future__ import annotations

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from digest.composition.language import Language
from digest.web.forms import ACTS
from digest.web.own import Own
from digest.web.standing import holder_of
from subscribers import address_change
from subscribers.address import AddressRefusedError
from subscribers.tokens import Purpose


class AddressPages:
    """The handlers, bound to one site."""

    def __init__(self, own: Own) -> None:
        """Take the tools of a reader's pages."""
        self.own = own
        self.context = own.context
        self.pages = own.pages

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        return [Route("/a/{token}", self.address, methods=ACTS)]

    async def address(self, request: Request) -> Response:
        """Show one button, or act on it."""
        work = self._change if request.method == "POST" else self._show
        return await run_in_threadpool(work, request)

    def _show(self, request: Request) -> Response:
        language = self._language(request)
        address = address_change.read_change(
            self.context.database,
            str(request.path_params["token"]),
            keys=self.context.keys,
            now=self.context.clock(),
        )
        return self.pages.show("address", language=language, address=address)

    def _change(self, request: Request) -> Response:
        language = self._language(request)
        undo = address_change.Undo(
            link=lambda token: self.own.url(Purpose.ADDRESS, token),
            language=self.context.site.language,
        )
        try:
            moved = address_change.confirm_address(
                self.context.database,
                str(request.path_params["token"]),
                self.own.act(request, language.say("Yes, write to me here")),
                keys=self.context.keys,
                undo=undo,
            )
        except AddressRefusedError:
            return self.pages.problem(
                HTTPStatus.CONFLICT,
                language.say("We may not write to this address"),
                language.say("Write to us, and a person will look into it."),
                language=language,
            )
        return self.pages.show(
            "address-changed", language=language, address=moved.address, joined=moved.joined
        )

    def _language(self, request: Request) -> Language:
        token = str(request.path_params["token"])
        grant = self.context.keys.links.read(Purpose.ADDRESS, token)
        holder = holder_of(self.context.database, grant)
        return self.pages.language(request, reader=holder.language)
