"""The pages of an installation, the desk and the API, ready to be served or mounted."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr

from starlette.applications import Starlette

from digest.app import App
from digest.site_values import session_rules, signup_policy
from digest.web.api.application import api_routes
from digest.web.api.tools import ApiTools
from digest.web.context import Kept, WebContext
from digest.web.desk.context import DeskContext
from digest.web.desk.routes import desk_routes
from digest.web.routes import make_app
from digest.workflow.alarms import AlarmRules

_ANSWER_AFTER = timedelta(milliseconds=250)
"""Longer than any of what a sign-up writes, so that nobody learns from it what was written."""


def pages_of(app: App) -> Starlette:
    """Make the pages, the desk and the API of one installation."""
    keep = app.settings.readers.keep
    context = WebContext(
        database=app.database,
        site=app.newsroom.site,
        keys=app.keys,
        newsletters=app.newsroom.newsletters,
        clock=app.clock,
        languages=app.newsroom.languages,
        policy=signup_policy(app.settings),
        departures=app.departures,
        former_urls=app.settings.web.former_urls,
        news_address=parseaddr(app.settings.mail.sender)[1],
        goodbye=app.settings.readers.goodbye,
        answer_after=_ANSWER_AFTER,
        editors=app.newsroom.editors,
        draft_secret=app.newsroom.secret,
        kept=Kept(keep.ip, keep.unconfirmed, keep.attempts),
        alarms=AlarmRules(**dict(app.settings.alarms)),
        limits=app.limits,
        home=app.newsroom.home,
        metrics=app.settings.web.metrics,
    )
    tools = ApiTools(
        app.newsroom,
        sources=lambda: app.sources,
        same_hosts=app.same_hosts,
        webhook_networks=app.settings.webhooks.allow,
    )
    desk = DeskContext(context, app, rules=session_rules(app.settings))
    return make_app(context, beside=[*api_routes(context, tools), *desk_routes(desk)])
