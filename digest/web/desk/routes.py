"""Put the pages of the desk together: their order is that of the routes' matching."""

from __future__ import annotations

from starlette.routing import BaseRoute

from digest.web.desk.context import DeskContext
from digest.web.desk.edition import EditionPages
from digest.web.desk.first_run import FirstRunPages
from digest.web.desk.frame import Desk
from digest.web.desk.home import HomePages
from digest.web.desk.new_edition import NewEditionPages
from digest.web.desk.newsletters import NewslettersPages
from digest.web.desk.packing import packed
from digest.web.desk.people import PeoplePages
from digest.web.desk.reader import ReaderPages
from digest.web.desk.reader_lists import ReaderListPages
from digest.web.desk.readers import ReadersPages
from digest.web.desk.readers_import import ReadersImportPages
from digest.web.desk.sections import SectionPages
from digest.web.desk.settings import SettingsPages
from digest.web.desk.signing_in import SignInPages
from digest.web.desk.sources import SourcePages
from digest.web.desk.sponsors import SponsorPages


def desk_routes(context: DeskContext) -> list[BaseRoute]:
    """Give the routes of one installation's desk, all below /desk."""
    desk = Desk(context)
    pages = (
        SignInPages(context, desk),
        HomePages(context, desk),
        SourcePages(context, desk),
        SectionPages(context, desk),
        SponsorPages(context, desk),
        NewEditionPages(context, desk),
        PeoplePages(context, desk),
        EditionPages(context, desk),
        FirstRunPages(context, desk),
        NewslettersPages(context, desk),
        SettingsPages(context, desk),
        ReadersPages(context, desk),
        ReaderListPages(context, desk),
        ReadersImportPages(context, desk),
        ReaderPages(context, desk),
    )
    routes = [route for page in pages for route in page.routes()]
    return [packed(route) for route in (*routes, desk.missing())]
