"""Door to the compositions: makes each reader's message of an edition, and each notice."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from email.utils import parseaddr
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote

from digest.clock import Clock
from digest.composition import store as compositions
from digest.composition.catalogs import Languages
from digest.composition.compose import compose_notice, set_hash
from digest.composition.dates import local_date, long_date_words
from digest.composition.environment import MailTemplates
from digest.composition.frozen import require_frozen
from digest.composition.headers import (
    ONE_CLICK,
    ascii_domain,
    feedback_id,
    list_unsubscribe,
    reader_address,
)
from digest.composition.message import build_notice, message_id
from digest.composition.model import Composition, ListHeaders, ReaderValues, Signer, Site
from digest.composition.wire import EditionWire, EditionWires, full_render
from digest.db import Database
from digest.delivery.model import Envelope
from digest.delivery.verp import NOTICES, Verp
from digest.editions import store as editions
from digest.editions.model import Edition
from digest.errors import CompositionError
from digest.outbox.model import Notice
from subscribers.address import read_address
from subscribers.mailto import mailto
from subscribers.model import Recipient
from subscribers.tokens import Grant, Keys, Purpose

SAMPLE_ADDRESS = "reader@reader.example"
"""Whom a sample is for: nobody; its links lead to pages that change nothing."""

_SAMPLE_TOKEN = "sample"  # noqa: S105 - no token at all: that is the point of it
_NO_FEEDBACK = re.compile(r"[^A-Za-z0-9._-]")


@lru_cache(maxsize=4096)
def _day_words(day: date, language: str) -> str:
    """Write "3 November 2025": readers who asked on one day share it."""
    return long_date_words(day, language)


@lru_cache(maxsize=16)
def _feedback_sender(domain: str) -> str:
    """Give the last part of Feedback-ID: 13 characters that stand for our domain on all mail."""
    host = ascii_domain(domain, field="From").lower()
    digest = blake2b(host.encode("ascii"), digest_size=8, person=b"feedback").digest()
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class Sample:
    """One copy of an edition as its readers get it, for looking at."""

    html: str
    text: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Mailer:
    """Everything that stands around the letters: who they are from, and the keys of their links."""

    database: Database
    site: Site
    keys: Keys
    secret: bytes
    """Makes the Message-IDs, the same on each attempt, so that a receiver can drop a copy."""
    sender: str
    """From: one mailbox, as "Harbour Post <news@letters.harbourpost.example>"."""
    bounce_address: str
    environment: MailTemplates
    languages: Languages
    names: Mapping[int, str]
    """The newsletters' names by their id."""
    least: Mapping[int, int]
    """How many stories a copy has at the least, by newsletter id."""
    clock: Clock
    unsubscribe_address: str = ""
    """A mailbox whose mail is handed to us: stands in List-Unsubscribe beside the link."""
    only: frozenset[str] | None = None
    """On staging: the address keys that may be mailed, whatever the database says."""
    signer: Signer | None = None
    """Signs all mail; None where the settings ask for no signature."""
    verp: Verp | None = None
    """Makes the envelope senders; None: they are all the bounce address itself."""
    archived: frozenset[int] = frozenset()
    """The newsletters whose past editions everybody may read, by id."""
    _bits: dict[int, dict[str, int]] = field(default_factory=dict, compare=False, repr=False)
    """Topic bits by newsletter: asked for once, as every message of a reader with topics needs
    them."""

    @property
    def domain(self) -> str:
        """The sending domain: stands in Message-ID and List-Id."""
        return parseaddr(self.sender)[1].rpartition("@")[2]

    @property
    def is_slow(self) -> bool:
        """Whether a message takes so long to make that threads should: signing does."""
        return self.signer is not None

    def wire_for(self, edition_id: int) -> EditionWires:
        """Load the frozen compositions of an edition, in all its languages.

        Raises CompositionError when it has none, or when they are not those that were approved:
        the bytes approved are the bytes sent.
        """
        with self.database.read() as connection:
            edition = editions.edition_by_id(connection, edition_id)
            composed = compositions.load_compositions(connection, edition_id)
            approved = compositions.approved_hash(connection, edition_id)
        if not composed or set_hash(composed) != approved:
            raise CompositionError(
                f"send: {edition.address}: its text is not the one that was approved",
                hint="Nobody is sent any other. Put the approved text back from a backup.",
            )
        least = 0 if edition.corrects else self.least.get(edition.newsletter_id, 0)
        wires = EditionWires(composed, self._headers(edition), least=least, signer=self.signer)
        require_frozen(approved, composed, wires, edition=edition.address)
        return wires

    def wire(self, edition: Edition, composition: Composition) -> EditionWire:
        """Make a composition ready to be spliced, whether or not it was approved."""
        return EditionWire(composition, self._headers(edition), signer=self.signer)

    def sample(
        self, edition: Edition, composition: Composition, *, values: ReaderValues | None = None
    ) -> Sample:
        """Make one copy by the way that every reader's copy is made; without values, for nobody."""
        if values is None:
            values = self.sample_values(edition, language=composition.language)
        html, text = full_render(composition, values)
        return Sample(html, text, self.wire(edition, composition).message(values))

    def sample_values(
        self,
        edition: Edition,
        *,
        language: str = "",
        address: str = SAMPLE_ADDRESS,
        since: datetime | None = None,
        topics: frozenset[str] | None = None,
        text_only: bool = False,
    ) -> ReaderValues:
        """Say what a copy has that is looked at and never sent: its links lead nowhere."""
        return ReaderValues(
            address=address,
            message_id=message_id(self.secret, edition.id, 0, self.domain),
            since=self._day(since or edition.prepared_at, language),
            **self._links(_SAMPLE_TOKEN, _SAMPLE_TOKEN),
            sent_at=self.clock(),
            topics=topics,
            text_only=text_only,
        )

    def _links(self, unsubscribe: str, preferences: str) -> dict[str, str]:
        """Give the addresses in a copy that act for its reader, by their tokens."""
        place = self.site.public_url
        return {
            "unsubscribe_url": f"{place}/u/{unsubscribe}",
            "unsubscribe_mailto": self._mailto(unsubscribe),
            "preferences_url": f"{place}/p/{preferences}",
            "twin_url": f"{place}/p/{preferences}/twin",
        }

    def _mailto(self, token: str) -> str:
        return mailto(self.unsubscribe_address, token) if self.unsubscribe_address else ""

    def _headers(self, edition: Edition) -> ListHeaders:
        place, reply_to = self.site.public_url, self.site.reply_to
        newsletter, _, issue = edition.address.partition("/")
        public = edition.newsletter_id in self.archived
        return ListHeaders(
            sender=self.sender,
            reply_to=reply_to,
            list_id=f"{edition.slug}.{self.domain}",
            list_name=self.names.get(edition.newsletter_id, edition.slug),
            feedback_id=self._feedback(newsletter, issue, "letter"),
            help_url=f"{place}/link",
            help_mailto=f"mailto:{quote(reply_to, safe='@')}?subject=help" if reply_to else "",
            archive_url=f"{place}/archive/{edition.slug}" if public else "",
        )

    def _feedback(self, newsletter: str, issue: str, kind: str) -> str:
        """Name what a complaint at Gmail is about: it counts them by each of these names."""
        names = (_NO_FEEDBACK.sub(".", name) for name in (newsletter, issue, kind))
        return ":".join((*names, _feedback_sender(self.domain)))

    def values_for(self, edition: Edition, recipient: Recipient) -> tuple[Envelope, ReaderValues]:
        """Say where one reader's copy goes and what differs in it.

        Raises CompositionError for an address that no letter can go to, and on staging for anybody
        who is no test reader.
        """
        self._refuse_others(recipient.address)
        mail_id = message_id(self.secret, edition.id, recipient.subscriber_id, self.domain)
        grant = Grant(recipient.public_id, (edition.newsletter_id,))
        since = recipient.confirmed_at or recipient.requested_at
        values = ReaderValues(
            address=recipient.address,
            message_id=mail_id,
            since=self._day(since or edition.prepared_at, recipient.language),
            **self._links(
                self.keys.links.sign(Purpose.UNSUBSCRIBE, grant),
                self.keys.links.sign(Purpose.PREFERENCES, grant),
            ),
            sent_at=self.clock(),
            topics=self._topics(edition.newsletter_id, recipient.topic_mask),
            text_only=recipient.text_only,
        )
        number = (edition.id, recipient.subscriber_id)
        return self._envelope(recipient.address, mail_id, number), values

    def _envelope(self, address: str, mail_id: str, number: tuple[int, int]) -> Envelope:
        """Address a copy; `number` is its edition and reader, or that of a notice."""
        to = reader_address(address)
        sender = self.verp.sender(*number) if self.verp else self.bounce_address
        return Envelope(sender, to, mail_id, smtputf8=not to.isascii())

    def _day(self, at: datetime, language: str) -> str:
        return _day_words(local_date(at, self.site.zone), language or self.site.language)

    def _topics(self, newsletter_id: int, mask: int) -> frozenset[str] | None:
        if mask == 0:
            return None
        bits = self._bits.get(newsletter_id, {})
        if mask >> (max(bits.values(), default=-1) + 1):  # a topic that is newer than our copy
            with self.database.read() as connection:
                bits = self._bits[newsletter_id] = editions.topic_bits(connection, newsletter_id)
        return frozenset(key for key, bit in bits.items() if mask & (1 << bit))

    def _refuse_others(self, address: str) -> None:
        if self.only is not None and read_address(address).key not in self.only:
            raise CompositionError("staging: only test readers are mailed")

    def notice(self, notice: Notice) -> tuple[Envelope, bytes]:
        """Render a notice for its one reader, in the language its facts name or in the site's.

        Raises CompositionError for a faulty template, and on staging for anybody whom the settings
        do not name: a copied database is full of other people's notices.
        """
        self._refuse_others(notice.to_address)
        rendered = compose_notice(
            notice.kind,
            notice.facts,
            site=self.site,
            language=self.languages.of(str(notice.facts.get("language") or self.site.language)),
            environment=self.environment,
        )
        mail_id = message_id(self.secret, NOTICES, notice.id, self.domain)
        now = self.clock()
        message = build_notice(
            sender=self.sender,
            to=notice.to_address,
            reply_to=self.site.reply_to,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            message_id=mail_id,
            sent_at=now,
            extra=[
                ("Feedback-ID", feedback_id(self._feedback("notices", "", notice.kind))),
                *self._way_out(notice),
            ],
        )
        if self.signer is not None:
            message = self.signer.sign(message, now)
        return self._envelope(notice.to_address, mail_id, (NOTICES, notice.id)), message

    def _way_out(self, notice: Notice) -> Sequence[tuple[str, str]]:
        """Give the headers by which a mail program stops what a notice begins: one click."""
        url = str(notice.facts.get("unsubscribe_url") or "")
        if not url:
            return ()
        written = list_unsubscribe(url, self._mailto(url.rpartition("/")[2]))
        return (("List-Unsubscribe", written), ("List-Unsubscribe-Post", ONE_CLICK))
