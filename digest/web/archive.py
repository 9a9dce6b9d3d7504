"""Door to past editions: a letter read online, as it was sent, and its pictures."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from digest.composition import store as compositions
from digest.composition import wire
from digest.db import Database
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.web.context import WebContext
from digest.web.security import letter_policy

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PICTURE = re.compile(r"(?P<hash>[0-9a-f]{64})\.(?:jpg|png)")
_PUBLIC = {EditionState.SENDING, EditionState.SENT}
_RECENT = 30
_YEAR = "public, max-age=31536000, immutable"


class Archive:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext) -> None:
        """Take the database and the newsletters."""
        self.context = context

    def letter(self, request: Request) -> Response:
        """GET /{newsletter}/{date}, an extra's with its name behind: only what is or was sent."""
        newsletter = self.context.find(request.path_params["newsletter"])
        day = _read_date(request.path_params["date"])
        if newsletter is None or day is None:
            raise HTTPException(404)
        with self.context.database.read() as connection:
            extra = request.path_params.get("extra")
            edition = editions.find_edition(connection, newsletter, local_date=day, slot_name=extra)
            if edition is None or edition.state not in _PUBLIC:
                raise HTTPException(404)
            composition = compositions.load_composition(connection, edition.id)
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


def latest_letter(database: Database, newsletter_ids: Collection[int]) -> Edition | None:
    """Find the newest letter of these newsletters that anybody may read, among recent ones."""
    with database.read() as connection:
        recent = editions.recent_editions(connection, limit=_RECENT)
    public = (each for each in recent if each.state in _PUBLIC)
    return next((each for each in public if each.newsletter_id in newsletter_ids), None)


def _read_date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
