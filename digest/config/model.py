"""Pure. What digest.toml may say, as PRODUCT's owners write it; anything else is refused."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from digest.config.values import (
    Colour,
    CutOff,
    DaysOff,
    Duration,
    EmailAddress,
    HostName,
    Hour,
    HoursOfDay,
    Line,
    Mailbox,
    MonthDayText,
    Network,
    OurAddress,
    ReleaseText,
    WebAddress,
    Zone,
)

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""Names of newsletters, sections and sources: they stand in addresses and commands."""

RESERVED_SLUGS = frozenset(
    {
        *("api", "archive", "confirm", "desk", "e", "feed", "healthz", "hooks", "images", "inbox"),
        *("metrics", "newsroom", "p", "preferences", "privacy", "readyz", "static", "subscribe"),
        *("u", "unsubscribe"),
    }
)
"""First parts of our own web addresses, which no newsletter may take."""

Slug = Annotated[str, Field(pattern=rf"^{SLUG.pattern}$")]
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
LanguageTag = Annotated[str, Field(pattern=rf"^{LANGUAGE_TAG.pattern}$")]
SponsorSlot = Annotated[str, Field(pattern=rf"^(after {SLUG.pattern}|end)$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Part(BaseModel):
    """A table of digest.toml: unknown names are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Brand(Part):
    """How the site looks in a letter."""

    accent: Colour = "#0B4F8A"
    accent_dark: Colour | None = None
    logo: Path | None = None
    logo_dark: Path | None = None
    typeface: Literal["serif", "sans"] = "serif"


class SiteSettings(Part):
    """The publisher: stands in every letter and page."""

    name: Line
    url: WebAddress
    timezone: Zone
    language: LanguageTag = "en"
    postal_address: Line
    former_hosts: tuple[HostName, ...] = ()
    """Hosts the site had before: stories are found again under their old addresses."""
    brand: Brand = Brand()
    templates: Path | None = None
    """The publisher's own folder of mail templates; looked through before ours."""


class WebSettings(Part):
    """Where readers' links lead, and where this machine listens."""

    public_url: WebAddress
    former_urls: tuple[WebAddress, ...] = ()
    trusted_proxies: tuple[Network, ...] = ("127.0.0.1", "::1")
    """Whose X-Forwarded-For is believed; everybody else is known by their own address."""
    listen: Annotated[str, Field(pattern=r"^[^\s:]+:\d{1,5}$|^\[[0-9A-Fa-f:]+\]:\d{1,5}$")] = (
        "127.0.0.1:8025"
    )
    metrics: tuple[Network, ...] = ("127.0.0.1", "::1")
    """Who may read /metrics without a token; to everybody else there is no such page."""

    @property
    def host(self) -> str:
        """The address part of `listen`."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port part of `listen`."""
        return int(self.listen.rpartition(":")[2])


class StorageSettings(Part):
    """Where things are kept; relative paths start at the folder of digest.toml."""

    database: str = "sqlite:///var/digest.db"
    database_file: Path | None = None
    keys: Path = Path("var/keys")
    unsubscribes: Path = Path("var/unsubscribes.ndjson")
    """Who has left, a line each, only ever added to: a restored backup reads it again."""
    journal: Path = Path("var/journal")
    """What a sender is about to do, written before it does it: read again after a crash. A folder
    of this machine, one for each sender."""


class SmtpSettings(Part):
    """The relay that takes our mail."""

    host: Line
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Literal["none", "opportunistic", "required", "implicit"] = "required"
    user: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        if (self.user is None) != (self.password is None and self.password_file is None):
            raise ValueError("user and password (or password_file) go together")
        if self.user is not None and self.tls == "none":
            raise ValueError("a password is never sent without TLS: set tls to 'required'")
        return self


class RelaySettings(SmtpSettings):
    """One of several relays."""

    weight: Annotated[int, Field(ge=0, le=1000)] = 1
    """Its share of the connections; 0 is used only while all others are away."""
    connections: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    messages_per_connection: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    pipelining: bool = True
    """Whether to use PIPELINING (RFC 2920) where it is offered."""


class SesSettings(Part):
    """Amazon SES v2, by its API; the credentials are found as every AWS program finds them."""

    region: Line
    endpoint: Line | None = None
    configuration_set: Line | None = None
    weight: Annotated[int, Field(ge=0, le=1000)] = 1
    connections: Annotated[int, Field(ge=1, le=200)] = 8
    max_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None


class UncertainSettings(Part):
    """What becomes of copies that were on the wire when something broke."""

    after_crash: Literal["leave", "retry"] = "leave"
    after_lost_reply: Literal["leave", "retry"] = "retry"


class WarmUpSettings(Part):
    """How a new sender address becomes known: so many on its first day, then more each day."""

    since: Annotated[date, Field(alias="from")]
    first_day: Annotated[int, Field(ge=1, le=10_000_000)] = 200
    growth: Annotated[float, Field(gt=1, le=10)] = 1.5


class DomainSettings(Part):
    """How fast one destination is written to: a domain, or all domains of a mail provider."""

    max_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    connections: Annotated[int, Field(ge=1, le=1000)] | None = None


class DkimSettings(Part):
    """The signature under our mail; its keys lie in storage.keys."""

    selector: Slug
    """Of the RSA key; the Ed25519 key's is the same with an `e` behind it."""
    domain: Line | None = None
    """Who signs; left out: the domain of mail.from."""


class MailSettings(Part):
    """Who our mail is from and which way it leaves: `smtp`, or a local `maildir`."""

    sender: Annotated[Mailbox, Field(alias="from")]
    reply_to: OurAddress | None = None
    bounce_address: OurAddress | None = None
    verp: bool = True
    """Whether the envelope sender, made of bounce_address, tells whose copy came back."""
    unsubscribe_address: OurAddress | None = None
    """A mailbox whose mail is handed to us: stands in List-Unsubscribe beside the link."""
    smtp: SmtpSettings | None = None
    relays: dict[Slug, RelaySettings] = {}
    """Several ways out, by weight; what one cannot take goes by another."""
    ses: SesSettings | None = None
    maildir: Path | None = None
    discard: bool = False
    """Accept every message and keep none: to try out a whole day without a reader noticing."""
    max_per_second: Annotated[float, Field(gt=0, le=100_000)] = 10
    connections: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many a relay gets that names no number of its own."""
    durability: Literal["process", "power"] = "process"
    """What nothing is sent twice after: a killed process, or a machine that lost its power."""
    uncertain: UncertainSettings = UncertainSettings()
    window: HoursOfDay | None = None
    """The hours in which editions may leave; what is left waits for the next day."""
    warm_up: WarmUpSettings | None = None
    domains: dict[Line, DomainSettings] = {}
    mx_lookup: bool = True
    """Whether to ask the DNS which provider stands behind a domain."""
    dkim: DkimSettings | None = None

    @model_validator(mode="after")
    def _one_way_out(self) -> Self:
        wire = bool(self.smtp or self.relays or self.ses)
        if wire + (self.maildir is not None) + self.discard != 1:
            raise ValueError(
                "give one way out: smtp = { host = … }, relays, ses, maildir = 'var/mailbox',"
                " or discard = true"
            )
        if "smtp" in self.relays and self.smtp is not None:
            raise ValueError("relays.smtp: that name is taken by smtp = { … }")
        if "ses" in self.relays and self.ses is not None:
            raise ValueError("relays.ses: that name is taken by ses = { … }")
        return self


class PeopleSettings(Part):
    """Who is told what."""

    editors: tuple[EmailAddress, ...] = ()
    operators: tuple[EmailAddress, ...] = ()
    test_readers: tuple[EmailAddress, ...] = ()


SOURCE_KINDS = ("feed", "page", "wordpress", "ghost", "markdown", "sql")
"""The kinds of sources that have an address, by the setting that gives it."""


class SourceSettings(Part):
    """One source: where its stories come from (exactly one kind), how often, and how."""

    feed: Line | None = None
    page: Line | None = None
    wordpress: Line | None = None
    ghost: Line | None = None
    markdown: Line | None = None
    sql: Line | None = None
    sql_file: Path | None = None
    pushed: bool = False
    key: SecretStr | None = None
    key_file: Path | None = None
    query: Annotated[str, Field(min_length=1)] | None = None
    columns: dict[str, Line] = {}
    every: Duration = timedelta(minutes=10)
    allow: tuple[str, ...] = ()
    timezone: Zone | None = None
    language: LanguageTag | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    visit: bool = True

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        named = [kind for kind in SOURCE_KINDS if getattr(self, kind) is not None]
        return named[0] if named else "sql" if self.sql_file else "pushed"

    @property
    def address(self) -> str:
        """Where it is: a web address, a path, a database; nothing for pushed stories."""
        return getattr(self, self.kind) or "" if self.kind != "pushed" else ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in (*SOURCE_KINDS, "sql_file", "pushed") if getattr(self, name)]
        if len(given) != 1:
            kinds = ", ".join(f"{kind} = …" for kind in SOURCE_KINDS)
            raise ValueError(f"a source is of one kind: {kinds} or pushed = true")
        if self.every < timedelta(seconds=30):
            raise ValueError("every: a source is polled every 30s at most")
        return self

    @model_validator(mode="after")
    def _its_own_settings(self) -> Self:
        if self.kind == "ghost" and (self.key is None) == (self.key_file is None):
            raise ValueError("ghost needs its Content API key: key = … or key_file = …")
        if self.kind != "ghost" and (self.key or self.key_file):
            raise ValueError("key: only a ghost source has one")
        if self.kind == "sql" and not (self.query and "headline" in self.columns):
            raise ValueError('sql needs query = "SELECT …" and columns = { headline = "…", … }')
        if self.kind != "sql" and (self.query or self.columns):
            raise ValueError("query and columns: only a sql source has them")
        return self


class SectionSettings(Part):
    """One section, and the feed categories and paths that belong to it."""

    title: Line
    categories: tuple[Line, ...] = ()
    paths: tuple[Line, ...] = ()


class StorySettings(Part):
    """How many stories an edition has."""

    min: Annotated[int, Field(ge=1, le=500)] = 3
    top: Annotated[int, Field(ge=0, le=50)] = 3
    max: Annotated[int, Field(ge=1, le=500)] = 12
    per_section: Annotated[int, Field(ge=0, le=50)] = 3
    max_age: Duration = timedelta(hours=48)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is more than max ({self.max})")
        if self.max_age < timedelta(hours=1):
            raise ValueError("max_age: stories younger than an hour only would miss nearly all")
        return self


class SlotSettings(Part):
    """The hours of one of several slots of a day."""

    cut_off: CutOff
    send_at: Hour


class LimitSettings(Part):
    """How often letters made by hand may go, and when not."""

    per_day: Annotated[int, Field(ge=1)] | None = None
    quiet: HoursOfDay | None = None


class NewsletterCheckSettings(Part):
    """What is other for one newsletter than `[checks]` says."""

    minutes: Annotated[int, Field(ge=1, le=600)] | None = None
    ignore: dict[str, Line] = {}
    """Beside those of `[checks]`."""


_WITHOUT_EFFECT: tuple[str, ...] = ()
"""Settings of a newsletter that may be set, and that only a later version follows."""


class NewsletterSettings(Part):
    """One newsletter."""

    name: Line
    template: Slug = "daily"
    language: LanguageTag | None = None
    languages: tuple[LanguageTag, ...] = ()
    timezone: Zone | None = None
    days: tuple[Weekday, ...] = ()
    monthly: tuple[MonthDayText, ...] = ()
    not_on: tuple[DaysOff, ...] = ()
    cut_off: CutOff | None = None
    send_at: Hour | None = None
    slots: dict[Slug, SlotSettings] = {}
    release: ReleaseText = "approve"
    stories: StorySettings = StorySettings()
    sections: tuple[Slug, ...] = ()
    sponsor_slot: SponsorSlot = "after top"
    brief_if_sent_in: tuple[Slug, ...] = ()
    weekly_twin: Slug | None = None
    audience: Line | None = None
    """Who of its subscribers it goes to, as a segment; left out: all of them."""
    offered: bool = True
    """Whether the form and the preferences offer it; a private letter is joined by other ways."""
    hours: tuple[Hour, ...] = ()
    """The hours of the day at which readers may have it, in their own zone."""
    limits: LimitSettings | None = None
    spread: Duration = timedelta(0)
    """How long the letter takes to leave, evenly, so that no domain is hit at the full hour."""
    expires_after: Duration | None = None
    """When what is not delivered yet is given up; left out: before the next edition."""
    catch_up: Literal["latest", "all"] = "latest"
    """What is made of the slots that passed while nothing ran."""
    catch_up_within: Duration | None = None
    """How late a slot is still made; later ones are recorded as missed."""
    urgent: bool = False
    """It goes before the others: for breaking news."""
    checks: NewsletterCheckSettings = NewsletterCheckSettings()

    @model_validator(mode="after")
    def _hours(self) -> Self:
        one = self.cut_off is not None and self.send_at is not None
        if self.slots and (self.cut_off is not None or self.send_at is not None):
            raise ValueError("give cut_off and send_at, or slots with theirs, not both")
        if (self.days or self.monthly) and not (one or self.slots):
            raise ValueError("a newsletter with days needs cut_off and send_at, or slots")
        hours = [(slot.cut_off, slot.send_at) for slot in self.slots.values()]
        if self.cut_off is not None and self.send_at is not None:
            hours.append((self.cut_off, self.send_at))
        for cut_off, send_at in hours:
            if isinstance(cut_off, time) and send_at < cut_off:
                raise ValueError("send_at is before cut_off: both are hours of the same day")
        return self

    @model_validator(mode="after")
    def _slots_apart(self) -> Self:
        sending = [slot.send_at for slot in self.slots.values()]
        if len(set(sending)) < len(sending):
            raise ValueError("slots: two of them have the same send_at")
        return self


class SignupLimits(Part):
    """How many sign-ups the form takes in an hour."""

    per_network: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    in_all: Annotated[int, Field(ge=1, le=10_000_000)] = 2000


class KeepSettings(Part):
    """How long what is known of readers is kept."""

    ip: Duration = timedelta(days=90)
    unconfirmed: Duration = timedelta(days=30)
    notices: Duration = timedelta(days=30)
    attempts: Duration = timedelta(days=180)
    changes: Duration = timedelta(days=90)
    deliveries: Duration = timedelta(days=400)
    """The ledger's rows of editions that have ended; their counts stay."""


class ReaderSettings(Part):
    """How readers join and leave, and what is kept of them."""

    opt_in: Literal["double", "single"] = "double"
    disposable: Literal["refuse", "allow"] = "refuse"
    goodbye: bool = False
    limits: SignupLimits = SignupLimits()
    keep: KeepSettings = KeepSettings()


class AlarmSettings(Part):
    """When operators are told that something is wrong, and how often at the most."""

    daily_limit: Annotated[int, Field(ge=1, le=1000)] = 20
    """Mails a day to one operator; then one last that says there is more."""
    source_failing: Duration = timedelta(hours=24)
    queue_stuck: Duration = timedelta(minutes=15)
    bounce_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    complaint_rate: Annotated[float, Field(gt=0, le=1)] = 0.001

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if self.queue_stuck < timedelta(minutes=2):
            raise ValueError("queue_stuck: 2m at the least: it is looked at once a minute")
        return self


class CheckSettings(Part):
    """From where on the checks find something wrong, and which of them are let be."""

    html_warn: Annotated[int, Field(ge=1_000, le=10_000_000)] = 75_000
    """Bytes of a letter's HTML."""
    html_block: Annotated[int, Field(ge=1_000, le=10_000_000)] = 100_000
    headline: Annotated[int, Field(ge=10, le=1_000)] = 110
    """Characters."""
    standfirst: Annotated[int, Field(ge=10, le=2_000)] = 240
    subject_least: Annotated[int, Field(ge=0, le=200)] = 10
    """Columns, as a wide sign of East Asia takes two."""
    subject_warn: Annotated[int, Field(ge=1, le=500)] = 60
    subject_block: Annotated[int, Field(ge=1, le=900)] = 150
    preheader_least: Annotated[int, Field(ge=0, le=200)] = 40
    preheader_most: Annotated[int, Field(ge=1, le=500)] = 130
    minutes: Annotated[int, Field(ge=1, le=600)] = 12
    """How long a letter may take to read."""
    links: Annotated[int, Field(ge=1, le=10_000)] = 100
    clients: Annotated[tuple[Slug, ...], Field(min_length=1)] = (
        "gmail",
        "apple-mail",
        "outlook",
        "yahoo",
    )
    """The families of mail programs a letter is made for, as caniemail.com names them."""
    ignore: dict[str, Line] = {}
    """The reasons for which findings are let be, by code."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in (
            ("html_warn", "html_block"),
            ("subject_least", "subject_warn"),
            ("subject_warn", "subject_block"),
            ("preheader_least", "preheader_most"),
        ):
            least, most = getattr(self, low), getattr(self, high)
            if least > most:
                raise ValueError(f"{low} ({least}) is more than {high} ({most})")
        return self


_SHORTEST_SESSION, _LONGEST_SESSION = timedelta(minutes=5), timedelta(days=365)


class DeskSettings(Part):
    """How long people of the desk stay signed in."""

    session_idle: Duration = timedelta(days=3)
    session_life: Duration = timedelta(days=30)

    @model_validator(mode="after")
    def _of_use(self) -> Self:
        if not _SHORTEST_SESSION <= self.session_idle <= self.session_life <= _LONGEST_SESSION:
            raise ValueError("session_idle and session_life: 5m to 365d, the first the shorter one")
        return self


class WebhookSettings(Part):
    """Whom outgoing webhooks may call."""

    allow: tuple[Network, ...] = ()
    """Networks that may be called although they are not public."""


class LogSettings(Part):
    """How the lines on standard error look."""

    format: Literal["human", "json"] = "human"


class Settings(Part):
    """All settings of one site."""

    environment: Literal["production", "staging"] = "production"
    site: SiteSettings
    web: WebSettings
    storage: StorageSettings = StorageSettings()
    mail: MailSettings
    people: PeopleSettings = PeopleSettings()
    readers: ReaderSettings = ReaderSettings()
    alarms: AlarmSettings = AlarmSettings()
    desk: DeskSettings = DeskSettings()
    checks: CheckSettings = CheckSettings()
    webhooks: WebhookSettings = WebhookSettings()
    log: LogSettings = LogSettings()
    sources: dict[Slug, SourceSettings] = {}
    sections: dict[Slug, SectionSettings] = {}
    newsletters: dict[Slug, NewsletterSettings] = {}
    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """Where they were read: pages show it with a line. None where they come from elsewhere."""
        return self._file

    def read_from(self, path: Path) -> Self:
        """Note where they were read; it is no setting."""
        self._file = path
        return self

    @property
    def smtp_password(self) -> str | None:
        """The relay's password, from the setting or its file (already read)."""
        smtp = self.mail.smtp
        return smtp.password.get_secret_value() if smtp and smtp.password else None

    def not_yet(self) -> list[str]:
        """Name what is set but has no effect in this version: nothing happens silently."""
        found: list[str] = []
        for slug, newsletter in self.newsletters.items():
            found.extend(
                f"newsletters.{slug}.{name}: no effect in this version yet"
                for name in _WITHOUT_EFFECT
                if getattr(newsletter, name)
            )
        return found
