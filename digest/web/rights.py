"""The pages behind the mails about a reader's data: all of it as one file, and its erasure.

Both links come to the reader's own mailbox alone, and are short of life: a letter that was passed
on gives nothing away and takes nothing away.
"""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from digest.composition.language import Language
from digest.web.forms import ACTS, Fields, first, read_form
from digest.web.own import Own
from digest.workflow.dossier import dossier
from digest.workflow.erase import erase
from subscribers import rights_link
from subscribers.model import Subscriber
from subscribers.tokens import Purpose

_FILE = "my-data.json"


class RightsPages:
    """The handlers, bound to one site."""

    def __init__(self, own: Own) -> None:
        """Take the tools of a reader's pages."""
        self.own = own
        self.context = own.context
        self.pages = own.pages

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        return [
            Route("/d/{token}", self.data, methods=ACTS),
            Route("/x/{token}", self.erasure, methods=ACTS),
        ]

    async def data(self, request: Request) -> Response:
        """Show one button, or give the file."""
        work = self._give if request.method == "POST" else self._show_data
        return await run_in_threadpool(work, request)

    async def erasure(self, request: Request) -> Response:
        """Say what is erased and what stays, or erase it."""
        if request.method != "POST":
            return await run_in_threadpool(self._show_erasure, request)
        fields = await read_form(request)
        return await run_in_threadpool(self._erase, request, fields)

    def _show_data(self, request: Request) -> Response:
        reader = self._reader(request, Purpose.DATA)
        language = self._language(request, reader)
        if reader is None:
            return self._erased(language)
        return self.pages.show("data", language=language, address=reader.address)

    def _give(self, request: Request) -> Response:
        reader = self._reader(request, Purpose.DATA)
        if reader is None:
            return self._erased(self._language(request, reader))
        document = dossier(
            self.context.database,
            subscriber_id=reader.id,
            site=self.context.site,
            newsletters=self.context.newsletters,
            keys=self.context.keys,
            now=self.context.clock(),
        )
        return Response(
            json.dumps(document, ensure_ascii=False, indent=2) + "\n",
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{_FILE}"'},
        )

    def _show_erasure(self, request: Request) -> Response:
        reader = self._reader(request, Purpose.ERASE)
        language = self._language(request, reader)
        if reader is None:
            return self._erased(language)
        return self.pages.show("erase", language=language, address=reader.address)

    def _erase(self, request: Request, fields: Fields) -> Response:
        reader = self._reader(request, Purpose.ERASE)
        language = self._language(request, reader)
        if reader is not None:
            erase(
                self.context.database,
                subscriber_id=reader.id,
                act=self.own.act(request, language.say("Erase me")),
                keys=self.context.keys,
                departures=self.context.departures,
                never_again=first(fields, "never") == "1",
            )
        return self._erased(language)

    def _erased(self, language: Language) -> Response:
        """Say that nothing is left: the same to who presses once more."""
        return self.pages.show("erased", language=language)

    def _reader(self, request: Request, purpose: Purpose) -> Subscriber | None:
        return rights_link.open_link(
            self.context.database,
            str(request.path_params["token"]),
            keys=self.context.keys,
            purpose=purpose,
            now=self.context.clock(),
        )

    def _language(self, request: Request, reader: Subscriber | None) -> Language:
        return self.pages.language(request, reader=reader.language if reader else None)
