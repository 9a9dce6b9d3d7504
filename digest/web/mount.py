"""The public pages of an installation, ready to be served or mounted."""

from __future__ import annotations

from starlette.applications import Starlette

from digest.app import App
from digest.web.context import WebContext
from digest.web.routes import make_app


def pages_of(app: App) -> Starlette:
    """Make the pages of one installation."""
    return make_app(
        WebContext(
            database=app.database,
            site=app.newsroom.site,
            keys=app.keys,
            newsletters=app.newsroom.newsletters,
            clock=app.clock,
        )
    )
