"""Pure. All that the pages need, handed in by whoever mounts them: serve, the demo, a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from digest.clock import Clock, utc_now
from digest.composition.model import Site
from digest.db import Database
from digest.editions.model import Newsletter
from subscribers.tokens import Keys


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

    @property
    def base(self) -> str:
        """The path that `public_url` adds before every link of ours; mostly empty."""
        return urlsplit(self.site.public_url).path.rstrip("/")

    @property
    def names(self) -> dict[int, str]:
        """The newsletters' names by their id."""
        return {newsletter.id: newsletter.spec.name for newsletter in self.newsletters}

    def find(self, slug: str) -> Newsletter | None:
        """Find a newsletter by its slug."""
        return next((each for each in self.newsletters if each.slug == slug), None)
