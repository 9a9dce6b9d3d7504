"""Pure. The tools that the steps of an edition's life are given, and what a step tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from digest.clock import Clock
from digest.composition.environment import MailTemplates
from digest.composition.model import Site
from digest.db import Database
from digest.editions.model import Newsletter
from digest.sources.fetch import Fetcher


@dataclass(frozen=True)
class Newsroom:
    """One site at work: what it publishes, whom it tells, and the tools to do it with."""

    database: Database
    site: Site
    newsletters: tuple[Newsletter, ...]
    clock: Clock
    environment: MailTemplates
    """The letters' templates."""
    secret: bytes
    """Makes the slot nonces: composing an edition again gives the same bytes."""
    fetcher: Fetcher
    """Fetches pictures; every address is checked where it is dialled."""
    picture_networks: tuple[str, ...] = ()
    """Networks pictures may come from although they are not public."""
    editors: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    only_readers: frozenset[str] | None = None
    """On staging: the address keys of the test readers, and nobody else is mailed."""

    def newsletter(self, newsletter_id: int) -> Newsletter | None:
        """Find a newsletter by its id; None when it left the settings."""
        return next((n for n in self.newsletters if n.id == newsletter_id), None)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to an edition or a slot, for the log and the terminal."""

    what: str
    edition: str
    facts: Mapping[str, object] = field(default_factory=dict)
    problem: bool = False


Tell = Callable[[Step], None]
