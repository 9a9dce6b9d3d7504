"""Door to one past edition: a page of the site, or the letter as it was mailed; its pictures.

The page is the approved letter without the layout that only mail programs need
(digest/composition/online.py), so that it says what was sent and nothing else. A letter that is
not built as ours are is shown as it was mailed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from digest.composition import store as compositions
from digest.composition import wire
from digest.composition.dates import date_words, day_words, direction
from digest.composition.language import Language, nearest
from digest.composition.model import Composition
from digest.composition.online import OnlineLetter, read_letter
from digest.editions import store as editions
from digest.editions.archive_store import next_shown, past_shown, unpublished_of
from digest.editions.model import Edition, Newsletter
from digest.web.context import WebContext
from digest.web.corrections import Note, insert_notes, notes_of
from digest.web.draft_pages import DraftPages
from digest.web.lead_picture import lead_picture
from digest.web.pages import Pages
from digest.web.past_editions import PUBLIC, name_of, read_date
from digest.web.security import PAGE_POLICY, letter_policy
from digest.web.words import opening

_PICTURE = re.compile(r"(?P<hash>[0-9a-f]{64})\.(?:jpg|png)")
_YEAR = "public, max-age=31536000, immutable"
_POLICY = PAGE_POLICY.replace("form-action 'self'", "form-action 'none'")
"""No form stands on an edition's page, so that none got in with a letter could be sent."""
_MAILED = "mailed"
"""`?as=mailed`: the letter itself, in the layout that went out."""


class EditionPages:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the database, the newsletters and the templates."""
        self.context = context
        self.pages = pages

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer; they go last, as any name may stand."""
        return [
            Route("/images/{name}", self.picture),
            *DraftPages(self.context).routes(),
            Route("/{newsletter}/{date}", self.letter),
            Route("/{newsletter}/{date}/{extra}", self.letter),
        ]

    def letter(self, request: Request) -> Response:
        """GET /{newsletter}/{date}, an extra's with its name behind: only what is or was sent.

        The letter is in its own language, or in the one that `?language=` names if it was sent in
        that one too. `?as=mailed` shows it in the layout that went out.
        """
        found = self._find(request)
        if found.is_gone:
            return self._gone(request, found)
        mailed = request.query_params.get("as") == _MAILED
        online = None if mailed else read_letter(found.letter, pictures=self._pictures)
        if online is None:
            headers = {"Content-Security-Policy": letter_policy(self.context.site.public_url)}
            html = wire.read_online(found.letter)
            if not mailed:
                html = insert_notes(html, self._notes(found, self._language(request, found)))
            response: Response = HTMLResponse(html, headers=headers)
        else:
            response = self._page(found, online, self._language(request, found))
        offered = found.newsletter.spec.offered
        kept_by = "public" if offered else "private"
        response.headers["Cache-Control"] = f"{kept_by}, max-age=300"
        if mailed or not offered:
            response.headers["X-Robots-Tag"] = "noindex"
        return response

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

    @property
    def _pictures(self) -> tuple[str, str]:
        """Our pictures as letters name them, and as pages do: a former address shows them too."""
        return f"{self.context.site.public_url}/images/", f"{self.context.base}/images/"

    def _find(self, request: Request) -> _Found:
        newsletter = self.context.find(request.path_params["newsletter"])
        day = read_date(request.path_params["date"])
        if newsletter is None or day is None:
            raise HTTPException(404)
        with self.context.database.read() as connection:
            extra = request.path_params.get("extra")
            edition = editions.find_edition(connection, newsletter, local_date=day, slot_name=extra)
            if edition is None or edition.state not in PUBLIC:
                raise HTTPException(404)
            made = compositions.load_compositions(connection, edition.id)
            gone = unpublished_of(connection, edition.id) is not None
        if not made:
            raise HTTPException(404)
        asked = request.query_params.get("language")
        letter = next((each for each in made if each.language == asked), made[0])
        return _Found(newsletter, edition, made, letter, gone)

    def _language(self, request: Request, found: _Found) -> Language:
        """Speak around the letter what was asked for, else what the letter speaks."""
        asked = nearest(request.query_params.get("language"), self.context.tongues)
        return self.context.languages.of(asked or found.letter.language)

    def _gone(self, request: Request, found: _Found) -> Response:
        """Say kindly that an edition was taken out: whoever has the letter may come by its link."""
        language = self._language(request, found)
        response = self.pages.problem(
            HTTPStatus.GONE,
            language.say("This edition is no longer here"),
            language.say("It was taken out of the archive. The others are still there."),
            again=True,
            language=language,
        )
        response.headers["Cache-Control"] = "no-cache"
        return response

    def _page(self, found: _Found, online: OnlineLetter, language: Language) -> Response:
        """Show the letter as a page of the site."""
        site = self.context.site
        paths = {each.language: found.path_of(each) for each in found.made}
        response = self.pages.show(
            "archive-edition",
            language=language,
            newsletter=found.newsletter,
            title=name_of(found.newsletter, language, site),
            edition=found.edition,
            day=date_words(found.edition.local_date, language.tag),
            letter=online,
            written=found.letter.language,
            direction=direction,
            preheader=found.letter.preheader,
            path=paths.pop(found.letter.language),
            others=paths,
            as_mailed=found.path_of(found.letter, mailed=True),
            corrections=self._notes(found, language),
            picture=lead_picture(found.letter, site),
            beside=self._beside(found.newsletter, found.edition, language),
        )
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    def _notes(self, found: _Found, language: Language) -> list[Note]:
        with self.context.database.read() as connection:
            return notes_of(connection, found.edition, language, zone=self.context.site.zone)

    def _beside(
        self, newsletter: Newsletter, edition: Edition, language: Language
    ) -> dict[str, tuple[str, str] | None]:
        """Give path and day of the edition before and of the one after, None where there is none.

        Of a newsletter that is not offered no other edition is told.
        """
        before: Edition | None = None
        after: Edition | None = None
        if newsletter.spec.offered:
            here = edition.local_date, edition.id
            with self.context.database.read() as connection:
                earlier = past_shown(connection, [newsletter.id], PUBLIC, limit=1, before=here)
                before = next(iter(earlier), None)
                after = next_shown(connection, edition, PUBLIC)
        return {
            where: None
            if one is None
            else (one.address, opening(day_words(one.local_date, language.tag)))
            for where, one in (("previous", before), ("next", after))
        }


@dataclass(frozen=True, slots=True)
class _Found:
    """An edition, all its languages with its own first, and the one to be shown."""

    newsletter: Newsletter
    edition: Edition
    made: Sequence[Composition]
    letter: Composition
    is_gone: bool = False
    """It was taken out of the archive."""

    def path_of(self, letter: Composition, *, mailed: bool = False) -> str:
        """Give where a language of it stands, below the base."""
        query = [f"as={_MAILED}"] * mailed
        if letter is not self.made[0]:
            query.append(f"language={letter.language}")
        return f"{self.edition.address}{'?' if query else ''}{'&'.join(query)}"
