"""Door to past editions: a letter read online, as it was sent, and its pictures."""

from __future__ import annotations

import re
from datetime import date

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from digest.composition import store as compositions
from digest.composition import wire
from digest.editions import store as editions
from digest.editions.model import EditionState
from digest.web.context import WebContext
from digest.web.security import letter_policy

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PICTURE = re.compile(r"(?P<hash>[0-9a-f]{64})\.(?:jpg|png)")
PUBLIC = (EditionState.SENDING, EditionState.SENT)
"""Editions that anybody may read."""

_YEAR = "public, max-age=31536000, immutable"


class Archive:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext) -> None:
        """Take the database and the newsletters."""
        self.context = context

    def letter(self, request: Request) -> Response:
        """GET /{newsletter}/{date}, an extra's with its name behind: only what is or was sent.

        In its own language, or in the one that `?language=` names.
        """
        newsletter = self.context.find(request.path_params["newsletter"])
        day = _read_date(request.path_params["date"])
        if newsletter is None or day is None:
            raise HTTPException(404)
        with self.context.database.read() as connection:
            extra = request.path_params.get("extra")
            edition = editions.find_edition(connection, newsletter, local_date=day, slot_name=extra)
            if edition is None or edition.state not in PUBLIC:
                raise HTTPException(404)
            language = request.query_params.get("language")
            composition = compositions.load_composition(connection, edition.id, language=language)
        if composition is None:
            raise HTTPException(404)
        headers = {
            "Content-Security-Policy": letter_policy(self.context.site.public_url),
            "Cache-Control": "public, max-age=300",
        }
        return HTMLResponse(wire.read_online(composition), headers=headers)

    def picture(self, request: Request) -> Response:
        """GET /images/{hash}.jpg: its name is its content, so it is kept for ever."""
        match = _PICTURE.fullmatch(request.path_params["name"])
        if match is None:
            raise HTTPException(404)
        with self.context.database.read() as connection:
            image = compositions.load_image(connection, match["hash"])
        if image is None:
            raise HTTPException(404)
        media_type, content = image
        return Response(content, media_type=media_type, headers={"Cache-Control": _YEAR})


def _read_date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
