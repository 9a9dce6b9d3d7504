"""Pure. All that the pages of the desk need, handed in by whoever mounts them."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from digest.app import App
from digest.clock import Clock
from digest.composition.model import Site
from digest.config import Settings
from digest.db import Database
from digest.delivery.outbound import Mailer
from digest.people.model import SessionRules
from digest.web.context import WebContext
from digest.workflow.model import Newsroom


@dataclass(frozen=True, slots=True)
class DeskContext:
    """One installation as its desk knows it: the public pages' context, and all its tools."""

    web: WebContext
    app: App
    rules: SessionRules = field(default_factory=SessionRules)
    """How long somebody stays signed in."""

    @property
    def newsroom(self) -> Newsroom:
        """The site at work."""
        return self.app.newsroom

    @property
    def mailer(self) -> Mailer:
        """What makes the bytes of a message."""
        return self.app.mailer

    @property
    def settings(self) -> Settings:
        """What digest.toml says."""
        return self.app.settings

    @property
    def database(self) -> Database:
        """The one database."""
        return self.app.database

    @property
    def site(self) -> Site:
        """The publisher."""
        return self.web.site

    @property
    def clock(self) -> Clock:
        """Tells the moment, aware UTC."""
        return self.web.clock

    @property
    def base(self) -> str:
        """The path before every address of ours; mostly empty."""
        return self.web.base

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the desk says its times."""
        return ZoneInfo(self.site.zone)

    @property
    def is_https(self) -> bool:
        """Whether cookies may be kept to the safe wire."""
        return urlsplit(self.site.public_url).scheme == "https"

    def url(self, path: str) -> str:
        """Give the path of a page of the desk, as in `url("people")`; "" is its first page."""
        return f"{self.base}/desk/{path}" if path else f"{self.base}/desk"
