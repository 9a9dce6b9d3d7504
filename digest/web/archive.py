"""Door to past editions: the lists of them, for people and for feed readers.

Nothing of a newsletter that is not offered is listed, and search engines are told not to keep it;
its letters still open at the address that stands in them (digest/web/edition_pages.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from digest.composition.dates import direction
from digest.composition.language import nearest
from digest.editions.model import Newsletter
from digest.web.atom import MEDIA_TYPE, Feed, write_feed
from digest.web.context import WebContext
from digest.web.edition_pages import EditionPages
from digest.web.pages import Pages
from digest.web.past_editions import (
    PUBLIC,
    Cursor,
    EditionsPage,
    Shelf,
    entry_of,
    name_of,
    read_cursor,
    read_page,
    write_cursor,
)

__all__ = ["PUBLIC", "Archive"]

_MINUTES = "public, max-age=300"


class Archive:
    """The handlers, bound to one site."""

    def __init__(self, context: WebContext, pages: Pages) -> None:
        """Take the database, the newsletters and the templates."""
        self.context = context
        self.pages = pages
        self.shelf = Shelf()

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer; they go last, as any name may stand."""
        return [
            Route("/archive", self.index),
            Route("/archive/feed.atom", self.feed),
            Route("/archive/{newsletter}", self.index),
            Route("/archive/{newsletter}/feed.atom", self.feed),
            *EditionPages(self.context, self.pages).routes(),
        ]

    def index(self, request: Request) -> Response:
        """GET /archive and /archive/{newsletter}: what was sent, a page at a time, by month."""
        chosen, before = self._chosen(request), _before(request)
        language = self.pages.language(request)
        page = self._page(chosen, language.tag, before)
        one = chosen[0] if "newsletter" in request.path_params else None
        names = {
            each.slug: name_of(each, language, self.context.site) for each in self.context.offered
        }
        response = self.pages.show(
            "archive",
            language=language,
            months=list(page.months(language)),
            names=names,
            direction=direction,
            one="" if one is None else one.slug,
            paged=before is not None,
            older="" if page.older is None else write_cursor(page.older),
        )
        # The language follows the browser's wish where the address names none.
        response.headers.update({"Cache-Control": _MINUTES, "Vary": "Accept-Language"})
        return response

    def feed(self, request: Request) -> Response:
        """GET /archive/feed.atom and /archive/{newsletter}/feed.atom: the same list for programs.

        It never follows the browser's wish for a language: a feed is one document to all who read
        it. `?language=` asks for another one.
        """
        chosen, before = self._chosen(request), _before(request)
        asked = self._asked(request)
        page = self._page(chosen, asked or None, before)
        made = self._feed(request, page, chosen, asked)
        content = write_feed(made)
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "Last-Modified": format_datetime(made.updated_at, usegmt=True),
            "Cache-Control": _MINUTES,
        }
        if _is_known(request, headers["ETag"], made.updated_at):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=MEDIA_TYPE, headers=headers)

    def _chosen(self, request: Request) -> Sequence[Newsletter]:
        """Give the newsletters a list is of; what is not offered is not there."""
        offered = self.context.offered
        slug = request.path_params.get("newsletter")
        chosen = [each for each in offered if slug in {None, each.slug}]
        if slug is not None and not chosen:
            raise HTTPException(404)
        return chosen

    def _asked(self, request: Request) -> str:
        """Give the language that the address names, if our pages speak it."""
        return nearest(request.query_params.get("language"), self.context.tongues) or ""

    def _page(
        self, chosen: Sequence[Newsletter], language: str | None, before: Cursor | None
    ) -> EditionsPage:
        return read_page(self.context, chosen, shelf=self.shelf, language=language, before=before)

    def _feed(
        self, request: Request, page: EditionsPage, chosen: Sequence[Newsletter], asked: str
    ) -> Feed:
        site, is_one = self.context.site, "newsletter" in request.path_params
        folder = f"/archive/{chosen[0].slug}" if is_one else "/archive"
        home = self.context.tongues[0]
        if is_one:
            home = chosen[0].spec.language or home
        oldest_url = (*self.context.former_urls, site.public_url)[0]

        def address(name: str, cursor: str = "") -> str:
            given = {"before": cursor, "language": asked}
            query = "&".join(f"{key}={value}" for key, value in given.items() if value)
            return f"{site.public_url}{folder}{name}{'?' if query else ''}{query}"

        entries = [
            entry_of(
                each,
                public_url=site.public_url,
                oldest_url=oldest_url,
                language=self.context.languages.of(each.language),
            )
            for each in page.listed
        ]
        before = _before(request)
        return Feed(
            id=f"{oldest_url}{folder}/feed.atom",
            title=f"{chosen[0].spec.name} · {site.name}" if is_one else site.name,
            author=site.name,
            author_url=site.url,
            language=asked or home,
            updated_at=page.updated_at.replace(microsecond=0),
            page_url=address(""),
            self_url=address("/feed.atom", "" if before is None else write_cursor(before)),
            first_url=address("/feed.atom"),
            next_url=page.older and address("/feed.atom", write_cursor(page.older)),
            entries=entries,
        )


def _before(request: Request) -> Cursor | None:
    written = request.query_params.get("before")
    if written is None:
        return None
    cursor = read_cursor(written)
    if cursor is None:
        raise HTTPException(404)
    return cursor


def _is_known(request: Request, tag: str, changed_at: datetime) -> bool:
    """Tell whether whoever asks has this already (RFC 9110 13.2.2: by its tag first)."""
    given = request.headers.get("if-none-match")
    if given is not None:
        tags = {each.strip().removeprefix("W/") for each in given.split(",")}
        return bool(tags & {tag, "*"})
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        return changed_at <= since
    except (ValueError, TypeError):  # no date, or one without its zone
        return False
