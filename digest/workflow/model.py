"""Pure. The tools that the steps of an edition's life are given, and what a step tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.checks.model import Rulebook
from digest.clock import Clock
from digest.composition.catalogs import Languages
from digest.composition.environment import MailTemplates
from digest.composition.model import Site, Twin
from digest.db import Database
from digest.editions.model import Newsletter, NewsletterSpec
from digest.sources.fetch import Fetcher
from digest.workflow.draft_link import draft_token
from digest.workflow.home_store import Home
from digest.workflow.telling import MAILS_A_DAY
from subscribers.segments import Audience

if TYPE_CHECKING:
    from digest.delivery.outbound import Mailer


@dataclass(frozen=True)
class Newsroom:
    """One site at work: what it publishes, whom it tells, and the tools to do it with."""

    database: Database
    site: Site
    newsletters: tuple[Newsletter, ...]
    clock: Clock
    environment: MailTemplates
    """The letters' templates."""
    languages: Languages
    """What the letters can speak."""
    secret: bytes
    """Makes the slot nonces: composing an edition again gives the same bytes."""
    fetcher: Fetcher
    """Fetches pictures; every address is checked where it is dialled."""
    picture_networks: tuple[str, ...] = ()
    """Networks pictures may come from although they are not public."""
    editors: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    mails_a_day: int = MAILS_A_DAY
    """To one operator at the most, whatever is wrong."""
    told: tuple[str, ...] = ()
    """What is amiss with the brand: a colour that was corrected, a logo that cannot be used."""
    audiences: Mapping[int, Audience] = field(default_factory=dict)
    """The newsletters that go to some of their subscribers, and to whom; by id."""
    only_readers: frozenset[str] | None = None
    """On staging: the address keys of the test readers, and nobody else is mailed."""
    home: Home | None = None
    """Where all this lives: nothing goes to readers from where no person confirmed it."""
    mailer: Mailer | None = None
    """Makes the messages that the checks look at; None: nothing is checked."""
    rulebooks: Mapping[str, Rulebook] = field(default_factory=dict)
    """What the settings say of the checks, by newsletter."""

    def rulebook_of(self, slug: str) -> Rulebook:
        """Give the thresholds and ignores of the checks of a newsletter."""
        return self.rulebooks.get(slug, Rulebook())

    def draft_url(self, edition_id: int) -> str:
        """Give where editors look at an edition that is not out yet."""
        return f"{self.site.public_url}/e/{draft_token(self.secret, edition_id)}"

    def newsletter(self, newsletter_id: int) -> Newsletter | None:
        """Find a newsletter by its id; None when it left the settings."""
        return next((n for n in self.newsletters if n.id == newsletter_id), None)

    def languages_of(self, spec: NewsletterSpec) -> tuple[str, ...]:
        """Give the tags a newsletter is composed in, its own first."""
        return tuple(dict.fromkeys((spec.language or self.site.language, *spec.languages)))

    def twin_of(self, spec: NewsletterSpec) -> Twin | None:
        """Tell which sibling a reader may move to, if there is one."""
        if spec.weekly_twin is not None:
            return Twin.WEEKLY
        others = (newsletter.spec.weekly_twin for newsletter in self.newsletters)
        return Twin.DAILY if spec.slug in others else None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to an edition or a slot, for the log and the terminal."""

    what: str
    edition: str
    facts: Mapping[str, object] = field(default_factory=dict)
    problem: bool = False


Tell = Callable[[Step], None]
