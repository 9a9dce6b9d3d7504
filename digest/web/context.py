"""Pure. All that the pages need, handed in by whoever mounts them: serve, the demo, a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from digest.clock import Clock, utc_now
from digest.composition.catalogs import Languages, load_languages
from digest.composition.language import ENGLISH
from digest.composition.model import Site
from digest.db import Database
from digest.delivery.limit_rules import LimitRules
from digest.editions.model import Newsletter
from digest.workflow.alarms import AlarmRules
from digest.workflow.home_store import Home
from subscribers.departures import Departures
from subscribers.limits import SignupPolicy
from subscribers.tokens import Keys


@dataclass(frozen=True, slots=True)
class Kept:
    """How long what is known of readers is kept, for the page that says so."""

    ip: timedelta
    unconfirmed: timedelta
    attempts: timedelta


@dataclass(frozen=True, slots=True)
class WebContext:
    """The site, its newsletters in the order they are offered, and the tools of the verbs."""

    database: Database
    site: Site
    keys: Keys
    newsletters: Sequence[Newsletter]
    clock: Clock = utc_now
    template_folders: tuple[Path, ...] = ()
    """The publisher's own page templates, looked through before ours."""
    languages: Languages = field(default_factory=load_languages)
    """What the pages can speak."""
    policy: SignupPolicy = field(default_factory=SignupPolicy)
    departures: Departures | None = None
    """The file that keeps who has left; without one they stand in the database alone."""
    former_urls: tuple[str, ...] = ()
    """Addresses these pages had before, still answered: they stand in letters already sent."""
    news_address: str = ""
    """The address that letters come from, for the reader's list of contacts."""
    goodbye: bool = False
    """Whether one last mail goes to who has left."""
    answer_after: timedelta = timedelta(0)
    """How long an answer takes that must not tell a known address from an unknown one."""
    editors: tuple[str, ...] = ()
    """Who is told of what becomes of an edition."""
    draft_secret: bytes = b""
    """Makes the links by which editors look at drafts; empty: there are none."""
    kept: Kept | None = None
    """How long is kept what is known of readers; None where nobody has settled it."""
    alarms: AlarmRules = field(default_factory=AlarmRules)
    """When this site is not well."""
    limits: LimitRules = field(default_factory=LimitRules)
    """Our own limits, which may let nothing leave for a while although all is well."""
    home: Home | None = None
    """Where this site is at home: elsewhere nothing leaves before a person has said so."""
    metrics: tuple[str, ...] = ("127.0.0.1", "::1")
    """The networks that may read the metrics without a token."""

    @property
    def base(self) -> str:
        """The path that `public_url` adds before every link of ours; mostly empty."""
        return urlsplit(self.site.public_url).path.rstrip("/")

    @property
    def names(self) -> dict[int, str]:
        """The newsletters' names by their id."""
        return {newsletter.id: newsletter.spec.name for newsletter in self.newsletters}

    @property
    def offered(self) -> list[Newsletter]:
        """The newsletters that anybody may ask for."""
        return [newsletter for newsletter in self.newsletters if newsletter.spec.offered]

    @property
    def tongues(self) -> tuple[str, ...]:
        """The languages that our readers read and our pages speak, the site's own first."""
        tags = [self.site.language]
        for newsletter in self.newsletters:
            tags += [newsletter.spec.language or self.site.language, *newsletter.spec.languages]
        known = [tag for tag in dict.fromkeys(tags) if self.languages.speaks(tag)]
        return tuple(known) or (ENGLISH.tag,)

    def find(self, slug: str) -> Newsletter | None:
        """Find a newsletter by its slug."""
        return next((each for each in self.newsletters if each.slug == slug), None)
