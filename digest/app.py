"""The composition root: settings become a database, a newsroom, a sender and pages."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from digest.clock import Clock, utc_now
from digest.composition import store as compositions
from digest.composition.catalogs import load_languages
from digest.composition.environment import load_templates
from digest.composition.logo import Brand, keep_logo
from digest.composition.model import Composition, Signer
from digest.config import Settings
from digest.db import Database
from digest.delivery import count_store
from digest.delivery import store as ledger
from digest.delivery.limits import LimitRules
from digest.delivery.model import DeliveryState, Sent, Tally, Way
from digest.delivery.outbound import Mailer
from digest.delivery.send import Sender, SendRules, open_sender
from digest.delivery.verp import verp_of
from digest.editions import store as editions
from digest.editions.model import Edition, Newsletter, NewsletterSpec
from digest.errors import (
    AddressError,
    AlreadyRunningError,
    DatabaseError,
    DigestError,
    NotFoundError,
    SettingsError,
)
from digest.kept_settings import settings_with_desk
from digest.log import event
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.site_values import (
    audiences_of,
    limit_rules,
    newsletter_spec,
    rulebooks_of,
    site_of,
    source_spec,
    told_of_colours,
)
from digest.sources import store as sources
from digest.sources.bring import bring
from digest.sources.collect import collect
from digest.sources.fetch import Fetcher
from digest.sources.health import Health
from digest.sources.model import Article, Polled, SourceSpec, SourceState
from digest.sources.parsing import Parser
from digest.sources.visit import Doubts, Visited, visit_pages
from digest.way_values import way_out_words, ways_of
from digest.workflow.advance import start_sending
from digest.workflow.audience import audience_size
from digest.workflow.halt import hold_sending
from digest.workflow.home import home_of, is_settled, require_home, settle, why_frozen
from digest.workflow.home_store import Home
from digest.workflow.model import Newsroom
from digest.workflow.replay import replay_departures
from digest.workflow.store import beat, end_beat, is_new, last_taken
from digest.workflow.telling import operators_notices, source_notices
from subscribers import store as readers
from subscribers.address import read_address
from subscribers.departures import Departures
from subscribers.keys import create_keys, edition_secret, live_ring, suppression_secret
from subscribers.tokens import Keys

_LOG = logging.getLogger(__name__)
BEAT_SECONDS = 5.0
"""How often a process says that it is alive; seldom, as on SQLite each time takes the one lock."""
_BEAT_GRACE = 1.0
_SEAT_NAP = 0.1
_SCHEDULERS = 9
"""Of one machine on one database."""


@dataclass(frozen=True, slots=True)
class App:
    """One installation at work. Every command, door and demo begins with one of these."""

    settings: Settings
    database: Database
    newsroom: Newsroom
    mailer: Mailer
    keys: Keys
    file_sources: tuple[SourceSpec, ...]
    """The sources that digest.toml names."""
    same_hosts: tuple[str, ...]
    """The site's host and those it had before: one story under both is one story."""
    fetcher: Fetcher
    parser: Parser
    """Reads what was fetched, in children of its own."""
    clock: Clock
    departures: Departures
    """The file of who has left."""
    ways: tuple[Way, ...]
    """The ways out, as the settings name them."""
    limits: LimitRules
    seat_patience: float = 3.0
    """Seconds that a seat somebody else holds is asked for: a killed supervisor's children need a
    moment to leave."""

    def close(self) -> None:
        """Let go of the database, and end the children that read and render."""
        self.newsroom.environment.close()
        self.parser.close()
        self.database.close()

    @property
    def sources(self) -> tuple[SourceSpec, ...]:
        """Give the sources of digest.toml and those that people added, as they are now."""
        with self.database.read() as connection:
            added = sources.desk_sources(connection)
        names = {spec.name for spec in self.file_sources}
        return (*self.file_sources, *(spec for spec in added if spec.name not in names))

    def collect(
        self,
        specs: Sequence[SourceSpec] | None = None,
        *,
        force: bool = False,
        on_polled: Callable[[Polled], None] = lambda _polled: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[Polled]:
        """Poll the sources that are due (or these), all of them when forced."""
        return collect(
            self.database,
            self.sources if specs is None else specs,
            fetcher=self.fetcher,
            parser=self.parser,
            clock=self.clock,
            same_hosts=self.same_hosts,
            force=force,
            notices=self._source_notices,
            on_polled=on_polled,
            stop=stop,
        )

    def visit(
        self, *, doubts: Doubts | None = None, stop: Callable[[], bool] = lambda: False
    ) -> Visited:
        """Look at the pages of recent stories that are due; `doubts` remember between rounds."""
        return visit_pages(
            self.database,
            self.sources,
            fetcher=self.fetcher,
            parser=self.parser,
            clock=self.clock,
            doubts=doubts,
            stop=stop,
        )

    def bring(self, address: str) -> Article:
        """Give the story of a page, read now when no source has brought it. Raises SourceError."""
        return bring(
            self.database,
            address,
            fetcher=self.fetcher,
            parser=self.parser,
            clock=self.clock,
            zone=self.settings.site.timezone,
            same_hosts=self.same_hosts,
            allow=self.newsroom.picture_networks,
        )

    def _source_notices(
        self, _spec: SourceSpec, state: SourceState, _polled: Polled, health: Health
    ) -> list[NewNotice]:
        operators = self.settings.people.operators
        a_day = self.settings.alarms.daily_limit
        now = self.clock()
        return source_notices(operators, state=state, health=health, now=now, a_day=a_day)

    @property
    def way_out(self) -> str:
        """Where mail leaves to, in words."""
        return way_out_words(self.settings)

    @property
    def sender_seat(self) -> str:
        """Name the seat of this machine's sender: on SQLite there is one, else one a journal."""
        if self.database.is_sqlite:
            return "sender"
        folder = str(self.settings.storage.journal.resolve())
        place = hashlib.sha256(folder.encode()).hexdigest()[:8]
        return f"sender {platform.node()[:40]} {place}"

    @property
    def scheduler_seats(self) -> tuple[str, ...]:
        """Name the seats a scheduler of this machine may take: on SQLite there is one.

        Elsewhere any number work side by side, each with a name of its own in `digest status`.
        """
        if self.database.is_sqlite:
            return ("scheduler",)
        return tuple(f"scheduler {platform.node()[:40]} {n}" for n in range(1, _SCHEDULERS + 1))

    @contextlib.contextmanager
    def sender(self, *, notices: bool = False) -> Iterator[Sender]:
        """Open this machine's sender; the caller holds its seat.

        Raises AlreadyRunningError when another has its journal, JournalError when that is no use.
        """
        mail = self.settings.mail
        with open_sender(
            self.database,
            self.ways,
            self.mailer,
            journal=self.settings.storage.journal,
            clock=self.clock,
            rules=SendRules(
                retry_crashed=mail.uncertain.after_crash == "retry",
                retry_unanswered=mail.uncertain.after_lost_reply == "retry",
                durable=mail.durability == "power",
                mx_lookup=mail.mx_lookup and bool(mail.domains),
            ),
            limits=self.limits,
            render=self.mailer.notice if notices else None,
            on_fault=lambda editions, reason: hold_sending(self.newsroom, editions, reason=reason),
        ) as sender:
            yield sender

    def why_frozen(self) -> str:
        """Say why nothing goes to readers from here; nothing where all is well."""
        home = self.newsroom.home
        if home is None:
            return ""
        with self.database.read() as connection:
            return why_frozen(connection, home)

    def beat(self, process: str) -> None:
        """Write that this process is alive, by the machine's clock and not the newsroom's."""
        with self.database.write() as connection:
            beat(connection, process, now=utc_now())

    @contextlib.contextmanager
    def at_work(self, *seats: str, every: float = BEAT_SECONDS) -> Iterator[None]:
        """Hold one of these seats while the block runs, and say all along that we live.

        Raises AlreadyRunningError, which names the holder, when all of them stay taken.
        """
        done = threading.Event()
        with contextlib.ExitStack() as stack:
            process = self._sit(stack, seats)
            self.beat(process)
            thread = threading.Thread(
                target=self._beat, args=(process, done, every), name=f"beat-{process}", daemon=True
            )
            thread.start()
            try:
                yield
            finally:
                done.set()
                thread.join(_BEAT_GRACE)
                self._end_beat(process)

    def _sit(self, stack: contextlib.ExitStack, seats: Sequence[str]) -> str:
        for _ in range(int(self.seat_patience / _SEAT_NAP)):
            for seat in seats:
                with contextlib.suppress(AlreadyRunningError):
                    stack.enter_context(self.database.hold(seat))
                    return seat
            time.sleep(_SEAT_NAP)
        stack.enter_context(self.database.hold(seats[0]))
        return seats[0]

    def _beat(self, process: str, done: threading.Event, every: float) -> None:
        while not done.wait(every):
            try:
                self.beat(process)
            except Exception as error:  # noqa: BLE001 - the work itself finds out and says why
                event(_LOG, "no sign of life written", logging.WARNING, error=type(error).__name__)

    def _end_beat(self, process: str) -> None:
        # Without it the row goes stale by itself: not worth hiding the error that ended the work.
        with contextlib.suppress(Exception), self.database.write() as connection:
            end_beat(connection, process)

    def tell_crash(self, process: str, code: int) -> None:
        """Tell the operators, once a day, that a process of ours ended and was started again."""
        self.tell_operators(
            key=f"crash:{process}",
            what=f"{process} ended and was started again",
            detail=f"It {_ending(code)}. Its last lines stand in the log.",
            remedy="Nothing is lost by it. If it goes on, look at: digest status",
        )

    def tell_operators(self, *, key: str, what: str, detail: str, remedy: str) -> None:
        """Tell the operators of a failure; the same `key` once a day."""
        notices = operators_notices(
            self.settings.people.operators,
            key=key,
            what=what,
            detail=detail,
            remedy=remedy,
            now=self.clock(),
            a_day=self.settings.alarms.daily_limit,
        )
        with self.database.write() as connection:
            for notice in notices:
                outbox.put(connection, notice)

    def tally(self, edition: Edition) -> Tally:
        """Count an edition's rows in the ledger."""
        with self.database.read() as connection:
            return count_store.tally(connection, edition.id)

    def reasons(self, edition: Edition) -> list[tuple[DeliveryState, int, str, int]]:
        """Give why copies were not accepted; see `digest.delivery.store.reasons`."""
        with self.database.read() as connection:
            return ledger.reasons(connection, edition.id)

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
            return audience_size(self.newsroom, connection, edition.newsletter_id)

    def last_slot(self, newsletter: Newsletter) -> datetime:
        """Give the last cut-off up to now whose slot was taken, or the newsletter's beginning."""
        with self.database.read() as connection:
            last = last_taken(connection, newsletter.id, now=self.clock())
        return last or newsletter.first_slot_after

    def send_now(self, edition: Edition) -> None:
        """Write an approved edition's ledger, due at once. Raises WorkflowError."""
        start_sending(self.newsroom, replace(edition, send_at=self.clock()))

    def deliver(
        self,
        edition: Edition,
        *,
        progress: Callable[[int], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> Sent:
        """Send what is due from this process; `progress` hears how many rows are settled.

        `stop` takes effect within a second; what is on the wire by then is answered.

        Raises AlreadyRunningError when a sender is running: it does the work then. Raises
        WorkflowError where no person has confirmed that mail may leave from here.
        """
        require_home(self.database, self.newsroom.home)
        before = self.tally(edition)
        settled = before.total - before.planned

        def told(sent: Sent) -> None:
            done = sent.accepted + sent.deferred + sent.failed + sent.skipped + sent.uncertain
            progress(min(settled + done, before.total))

        with self.database.hold(self.sender_seat), self.sender() as sender:
            return sender.run(stop=stop, on_progress=told)


def open_app(settings: Settings, *, clock: Clock = utc_now, read_only: bool = False) -> App:
    """Open an installation: migrate, make missing keys on first use, bring in the settings.

    With `read_only` none of that is done, and nothing can be written: it must have been opened
    before. Raises DatabaseError, SettingsError, and DigestError for keys that are lost or damaged.
    """
    only, _ = _only_readers(settings), audiences_of(settings)
    database = Database(settings.storage.database, read_only=read_only)
    try:
        return _open(settings, database, clock, only=only)
    except BaseException:
        database.close()
        raise


def _open(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    only: frozenset[str] | None,
) -> App:
    _make_ready(database)
    settings, left_out = settings_with_desk(settings, database)
    audiences = audiences_of(settings)
    keys, secret = _keys(settings.storage.keys, database)
    departures = Departures(settings.storage.unsubscribes)
    if not database.read_only:
        replay_departures(database, departures, keys=keys, now=clock())
    specs = tuple(newsletter_spec(slug, settings) for slug in settings.newsletters)
    source_specs = tuple(
        source_spec(name, each, site=settings.site) for name, each in settings.sources.items()
    )
    now = clock()
    environment = load_templates(settings.site.templates)
    newsletters = _newsletters(database, specs, source_specs, now=now)
    brand = _brand(settings, database, clock)
    fetcher = Fetcher(clock=clock)
    newsroom = Newsroom(
        database=database,
        site=replace(site_of(settings), logo=brand.logo),
        newsletters=newsletters,
        clock=clock,
        environment=environment,
        languages=load_languages(settings.site.templates),
        secret=secret,
        fetcher=fetcher,
        picture_networks=tuple(dict.fromkeys(net for s in source_specs for net in s.allow)),
        home=_home(settings, database, keys, clock),
        editors=settings.people.editors,
        operators=settings.people.operators,
        mails_a_day=settings.alarms.daily_limit,
        told=(*told_of_colours(settings), *brand.told, *left_out),
        audiences={each.id: audiences[each.slug] for each in newsletters if each.slug in audiences},
        only_readers=only,
        rulebooks=rulebooks_of(settings),
    )
    mailer = _mailer(settings, newsroom, keys)
    newsroom = replace(newsroom, mailer=mailer)
    return App(
        settings=settings,
        database=database,
        newsroom=newsroom,
        mailer=mailer,
        keys=keys,
        file_sources=source_specs,
        same_hosts=(urlsplit(settings.site.url).hostname or "", *settings.site.former_hosts),
        fetcher=fetcher,
        parser=Parser(),
        clock=clock,
        departures=departures,
        ways=ways_of(settings, local_hostname=_domain_of(settings)),
        limits=limit_rules(settings),
    )


def _home(settings: Settings, database: Database, keys: Keys, clock: Clock) -> Home:
    home = home_of(
        database,
        environment=settings.environment,
        public_url=settings.web.public_url,
        former_urls=settings.web.former_urls,
        secret=keys.suppression,
    )
    with database.read() as connection:
        settled = database.read_only or is_settled(connection, home)
    if not settled:
        with database.write() as connection:
            settle(connection, home, now=clock())
    return home


def _domain_of(settings: Settings) -> str:
    return parseaddr(settings.mail.sender)[1].rpartition("@")[2]


def _brand(settings: Settings, database: Database, clock: Clock) -> Brand:
    brand = settings.site.brand
    public_url = settings.web.public_url
    return keep_logo(database, brand.logo, brand.logo_dark, public_url=public_url, clock=clock)


def _make_ready(database: Database) -> None:
    """Migrate; a database that is only looked at must have been migrated before."""
    if not database.read_only:
        database.migrate()
        return
    if database.path is not None and not database.path.exists():
        raise DatabaseError(
            f"database: {database.path}: there is none yet", hint="Begin with: digest collect"
        )
    from digest.migrations import pending  # noqa: PLC0415 - alembic costs half a second

    if pending(database):
        raise DatabaseError(
            "database: its tables are not those of this version, and looking changes nothing",
            hint="Bring it up to date with any other command, as: digest collect",
        )


def _newsletters(
    database: Database,
    specs: Sequence[NewsletterSpec],
    source_specs: Sequence[SourceSpec],
    *,
    now: datetime,
) -> tuple[Newsletter, ...]:
    if database.read_only:
        with database.read() as connection:
            return tuple(editions.load_newsletters(connection, specs))
    with database.write() as connection:
        sources.sync_sources(connection, source_specs, now=now, whole=True)
        return tuple(editions.sync_newsletters(connection, specs, now=now))


def _signer(settings: Settings) -> Signer | None:
    if settings.mail.dkim is None:
        return None  # what reads keys is 10 MB, in each process of a site
    from digest.delivery.dkim_keys import signer_of  # noqa: PLC0415 - as just said

    return signer_of(settings.mail, settings.storage.keys)


def _mailer(settings: Settings, newsroom: Newsroom, keys: Keys) -> Mailer:
    sender = settings.mail.sender
    only = newsroom.only_readers
    if only is not None:
        only |= _address_keys(settings.people.editors, "people.editors")
        only |= _address_keys(settings.people.operators, "people.operators")
    return Mailer(
        database=newsroom.database,
        site=newsroom.site,
        keys=keys,
        secret=newsroom.secret,
        sender=sender,
        bounce_address=settings.mail.bounce_address or parseaddr(sender)[1],
        environment=newsroom.environment,
        languages=newsroom.languages,
        names={newsletter.id: newsletter.spec.name for newsletter in newsroom.newsletters},
        least={each.id: each.spec.stories.least for each in newsroom.newsletters},
        clock=newsroom.clock,
        unsubscribe_address=settings.mail.unsubscribe_address or "",
        only=only,
        signer=_signer(settings),
        verp=verp_of(settings.mail, newsroom.secret),
        archived=frozenset(each.id for each in newsroom.newsletters if each.spec.offered),
    )


def _keys(folder: Path, database: Database) -> tuple[Keys, bytes]:
    """Load the keys; only the very first run makes them by itself.

    Lost keys would otherwise be replaced silently, and with them every link we ever mailed and the
    never-mail list. A first run that was killed has left some of them: the others are made then.
    """
    try:
        return _loaded(folder)
    except NotFoundError as error:
        if database.read_only:
            raise
        with database.read() as connection:
            first_run = is_new(connection)
            count = readers.count_subscribers(connection)
        if not first_run:
            raise DigestError(
                f"{error}, and this installation with its {count} readers was made with it",
                hint=(
                    f"Copy {folder} back from the backup."
                    " Lost for good? docs/explanation/leaving.md says what that costs,"
                    " and digest keys new --lost makes new ones"
                ),
            ) from error
    create_keys(folder)
    return _loaded(folder)


def _loaded(folder: Path) -> tuple[Keys, bytes]:
    return Keys(live_ring(folder), suppression_secret(folder)), edition_secret(folder)


def _only_readers(settings: Settings) -> frozenset[str] | None:
    if settings.environment != "staging":
        return None
    return _address_keys(settings.people.test_readers, "people.test_readers")


def _address_keys(addresses: tuple[str, ...], setting: str) -> frozenset[str]:
    try:
        return frozenset(read_address(address).key for address in addresses)
    except AddressError as error:
        raise SettingsError(f"settings: {setting}: {error}", hint=error.hint) from error


def _ending(code: int) -> str:
    """Say how a process ended; a negative code is the signal that killed it."""
    if code >= 0:
        return f"left with {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
