"""Door to drafts: the page that the editors' mail links to, for whoever has that link.

It shows the newest text of one edition that is not out, and changes nothing; once the edition is
out, the link leads to its own page.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from digest.composition import store as compositions
from digest.composition import wire
from digest.editions import store as editions
from digest.editions.model import EditionState
from digest.errors import NotFoundError
from digest.web.context import WebContext
from digest.web.security import letter_policy
from digest.workflow.draft_link import read_draft_token

_OUT = frozenset({EditionState.SENDING, EditionState.SENT})
_OVER = frozenset({EditionState.SKIPPED, EditionState.EXPIRED})


class DraftPages:
    """The handler, bound to one site."""

    def __init__(self, context: WebContext) -> None:
        """Take the database and the secret of the links."""
        self.context = context

    def routes(self) -> list[BaseRoute]:
        """Give the address that this handler answers."""
        return [Route("/e/{token}", self.draft)]

    def draft(self, request: Request) -> Response:
        """GET /e/{token}: the newest text, in its own language or in that of `?language=`."""
        secret = self.context.draft_secret
        number = read_draft_token(secret, request.path_params["token"]) if secret else None
        if number is None:
            raise HTTPException(404)
        with self.context.database.read() as connection:
            try:
                edition = editions.edition_by_id(connection, number)
            except NotFoundError as error:
                raise HTTPException(404) from error
            made = compositions.load_compositions(connection, number)
        if edition.state in _OUT:
            return RedirectResponse(f"{self.context.base}/{edition.address}", 303)
        if not made or edition.state in _OVER:
            raise HTTPException(404)
        asked = request.query_params.get("language")
        letter = next((each for each in made if each.language == asked), made[0])
        headers = {
            "Content-Security-Policy": letter_policy(self.context.site.public_url),
            "X-Robots-Tag": "noindex",
        }
        return HTMLResponse(wire.read_online(letter), headers=headers)
