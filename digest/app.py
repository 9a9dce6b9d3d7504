"""The composition root: settings become a database, a newsroom, a sender and pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path

from digest.clock import Clock, utc_now
from digest.composition import store as compositions
from digest.composition.environment import load_templates
from digest.composition.model import Composition, Site
from digest.config import NewsletterSettings, Settings, SourceSettings
from digest.config.values import day_range, release_parts
from digest.db import Database
from digest.delivery import store as ledger
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import Sent, SmtpAccount, Tally, Transport
from digest.delivery.outbound import Mailer
from digest.delivery.send import send_due
from digest.delivery.smtp import SmtpTransport
from digest.editions import store as editions
from digest.editions.model import (
    Cadence,
    DayRange,
    Edition,
    Newsletter,
    NewsletterSpec,
    Release,
    ReleaseMode,
    Section,
    StoryPolicy,
)
from digest.errors import NotFoundError
from digest.outbox import store as outbox
from digest.sources import store as sources
from digest.sources.fetch import Fetcher
from digest.sources.model import SourceKind, SourceSpec
from digest.workflow.advance import start_sending
from digest.workflow.model import Newsroom
from digest.workflow.store import beat
from digest.workflow.telling import operators_notices
from subscribers import store as readers
from subscribers.address import read_address
from subscribers.keys import create_keys, edition_secret, load_keys, suppression_secret
from subscribers.tokens import Keys

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class App:
    """One installation at work. Every command, door and demo begins with one of these."""

    settings: Settings
    database: Database
    newsroom: Newsroom
    mailer: Mailer
    keys: Keys
    sources: tuple[SourceSpec, ...]
    fetcher: Fetcher
    clock: Clock

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    @property
    def way_out(self) -> str:
        """Where mail leaves to, in words."""
        smtp = self.settings.mail.smtp
        return f"{smtp.host}:{smtp.port}" if smtp else f"maildir {self.settings.mail.maildir}"

    def transport(self) -> Transport:
        """Make the way out: the relay, or the local mailbox. Nothing is opened yet."""
        smtp = self.settings.mail.smtp
        if smtp is None:
            return MaildirTransport(self.settings.mail.maildir or Path("var/mailbox"))
        return SmtpTransport(
            SmtpAccount(
                host=smtp.host,
                port=smtp.port,
                tls=smtp.tls,
                user=smtp.user or "",
                password=self.settings.smtp_password or "",
                local_hostname=self.mailer.domain,
            )
        )

    def beat(self, process: str) -> None:
        """Write that this process is alive."""
        with self.database.write() as connection:
            beat(connection, process, now=self.clock())

    def tell_crash(self, process: str, code: int) -> None:
        """Tell the operators, once a day, that a process of ours ended and was started again."""
        notices = operators_notices(
            self.settings.people.operators,
            key=f"crash:{process}",
            what=f"{process} ended and was started again",
            detail=f"It left with {code}. Its last lines stand in the log.",
            remedy="Nothing is lost by it. If it goes on, look at: digest status",
            now=self.clock(),
        )
        with self.database.write() as connection:
            for notice in notices:
                outbox.put(connection, notice)

    def tally(self, edition: Edition) -> Tally:
        """Count an edition's rows in the ledger."""
        with self.database.read() as connection:
            return ledger.tally(connection, edition.id)

    def composition(self, edition: Edition) -> Composition:
        """Load what an edition was composed to. Raises NotFoundError."""
        with self.database.read() as connection:
            found = compositions.load_composition(connection, edition.id)
        if found is None:
            raise NotFoundError(
                f"edition: {edition.address}: it is not composed yet",
                hint=f"Make it with: digest prepare {edition.slug}",
            )
        return found

    def audience_size(self, edition: Edition) -> int:
        """Count the readers an edition would be planned for now."""
        with self.database.read() as connection:
            return readers.audience_size(connection, edition.newsletter_id, now=self.clock())

    def last_slot(self, newsletter: Newsletter) -> datetime:
        """Give the cut-off of the last slot anybody took, or the newsletter's epoch (UTC)."""
        with self.database.read() as connection:
            last = editions.last_cut_off(connection, newsletter.id)
        return last or newsletter.epoch_at

    def send_now(self, edition: Edition) -> None:
        """Write an approved edition's ledger, due at once. Raises WorkflowError."""
        start_sending(self.newsroom, replace(edition, send_at=self.clock()))

    def deliver(self, edition: Edition, *, progress: Callable[[int], None]) -> Sent:
        """Send what is due from this process; `progress` hears how many rows are settled.

        Raises AlreadyRunningError when a sender is running: it does the work then.
        """
        before = self.tally(edition)
        settled = before.total - before.planned

        def told(sent: Sent) -> None:
            done = sent.accepted + sent.deferred + sent.failed + sent.skipped + sent.uncertain
            progress(min(settled + done, before.total))

        with self.database.hold("sender"):
            transport = self.transport()
            try:
                return send_due(
                    self.database,
                    transport,
                    self.mailer,
                    clock=self.clock,
                    stop=lambda: False,
                    on_progress=told,
                    max_per_second=self.settings.mail.max_per_second,
                )
            finally:
                transport.close()


def open_app(settings: Settings, *, clock: Clock = utc_now) -> App:
    """Open an installation: migrate, make missing keys on first use, bring in the settings.

    Raises DatabaseError, and DigestError for keys that are damaged.
    """
    database = Database(settings.storage.database)
    database.migrate()
    keys = _keys(settings, database)
    specs = tuple(newsletter_spec(slug, settings) for slug in settings.newsletters)
    source_specs = tuple(source_spec(name, s) for name, s in settings.sources.items())
    now = clock()
    with database.write() as connection:
        sources.sync_sources(connection, source_specs, now=now)
        newsletters = tuple(editions.sync_newsletters(connection, specs, now=now))
    site = site_of(settings)
    templates = load_templates()
    fetcher = Fetcher()
    secret = edition_secret(settings.storage.keys)
    sender = settings.mail.sender
    return App(
        settings=settings,
        database=database,
        newsroom=Newsroom(
            database=database,
            site=site,
            newsletters=newsletters,
            clock=clock,
            environment=templates,
            secret=secret,
            fetcher=fetcher,
            picture_networks=tuple({net for s in source_specs for net in s.allow}),
            editors=settings.people.editors,
            operators=settings.people.operators,
            only_readers=_only_readers(settings),
        ),
        mailer=Mailer(
            database=database,
            site=site,
            keys=keys,
            secret=secret,
            sender=sender,
            bounce_address=settings.mail.bounce_address or parseaddr(sender)[1],
            environment=templates,
            names={newsletter.id: newsletter.spec.name for newsletter in newsletters},
            clock=clock,
        ),
        keys=keys,
        sources=source_specs,
        fetcher=fetcher,
        clock=clock,
    )


def _keys(settings: Settings, database: Database) -> Keys:
    """Load the keys; only an installation without readers may make new ones by itself.

    Lost keys would otherwise be replaced silently, and every link we ever mailed with them.
    """
    folder = settings.storage.keys
    if not folder.is_dir():
        with database.read() as connection:
            anybody = readers.count_subscribers(connection) > 0
        if not anybody:
            create_keys(folder)
    return Keys(links=load_keys(folder), suppression=suppression_secret(folder))


def _only_readers(settings: Settings) -> frozenset[str] | None:
    if settings.environment != "staging":
        return None
    return frozenset(read_address(address).key for address in settings.people.test_readers)


def site_of(settings: Settings) -> Site:
    """Give the publisher as letters and pages show it."""
    return Site(
        name=settings.site.name,
        url=settings.site.url,
        public_url=settings.web.public_url,
        language=settings.site.language,
        zone=settings.site.timezone,
        postal_address=settings.site.postal_address,
        accent=settings.site.brand.accent,
        reply_to=settings.mail.reply_to or "",
    )


def source_spec(name: str, source: SourceSettings) -> SourceSpec:
    """Give one source of the settings as the collector knows it."""
    return SourceSpec(
        name=name,
        kind=SourceKind.FEED if source.feed else SourceKind.PAGE,
        address=source.feed or source.page or "",
        every=source.every,
        allow=source.allow,
    )


def newsletter_spec(slug: str, settings: Settings) -> NewsletterSpec:
    """Give one newsletter of the settings as the editions' room knows it."""
    newsletter = settings.newsletters[slug]
    mode, after = release_parts(newsletter.release)
    stories = newsletter.stories
    return NewsletterSpec(
        slug=slug,
        name=newsletter.name,
        template=newsletter.template,
        cadence=_cadence(newsletter, settings.site.timezone),
        stories=StoryPolicy(
            least=stories.min,
            top=stories.top,
            most=stories.max,
            per_section=stories.per_section,
            max_age=stories.max_age,
        ),
        release=Release(ReleaseMode(mode), after),
        sections=tuple(
            Section(key, section.title, section.categories, section.paths)
            for key in newsletter.sections
            if (section := settings.sections.get(key)) is not None
        ),
    )


def _cadence(newsletter: NewsletterSettings, zone: str) -> Cadence:
    midnight = datetime.min.replace(tzinfo=UTC).time()
    return Cadence(
        days=frozenset(_WEEKDAYS.index(day) for day in newsletter.days),
        cut_off=newsletter.cut_off or midnight,
        send_at=newsletter.send_at or midnight,
        zone=zone,
        not_on=tuple(DayRange(*day_range(days)) for days in newsletter.not_on),
    )
