"""Look at an edition, the one that is there or the one to come; nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.language import nearest
from digest.composition.model import Composition, ReaderValues
from digest.composition.pictures import Shelf, pictures_on, pictures_there
from digest.composition.slots import counted, shown, split
from digest.delivery.outbound import Mailer
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.foresee import foresee
from digest.editions.model import Edition, EditionState, Newsletter, Selection, Slot
from digest.errors import NotFoundError
from digest.workflow.audience import audience_size
from digest.workflow.draft import Written, write
from digest.workflow.model import Newsroom
from subscribers import store as readers
from subscribers.address import read_address
from subscribers.model import Recipient

if TYPE_CHECKING:
    from digest.db import Connection

_SUBJECTS_KNOWN = 30


@dataclass(frozen=True, slots=True)
class Copy:
    """An edition in one language, as one reader gets it; `html` is None for text alone."""

    composition: Composition
    html: str | None
    text: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Preview:
    """An edition laid open: all that a person may want to see before it goes."""

    newsletter: Newsletter
    edition: Edition
    selection: Selection
    copies: tuple[Copy, ...]
    """In each language, the newsletter's own first; none when there is no edition (`reason`)."""
    made_at: datetime
    readers: int
    """How many it would go to now."""
    exists: bool
    """It was made before, and is in the state that it says; else it is to come."""
    stored: bool
    """Composed before: these very bytes are kept. Else it was composed for this look."""
    approved: bool = False
    """These very bytes were approved."""
    set_hash: str = ""
    """Over all its languages: what one approval covers."""
    warnings: tuple[str, ...] = ()
    reason: str = ""
    reader: str = ""
    """Whose copy it is; empty: nobody's."""
    topics: frozenset[str] | None = None
    """Whose copy it is, when it was asked for by topics: that of a reader of these alone."""
    sample: str = ""
    """It is made of sample stories: the name of the fixture."""

    def copy_in(self, language: str) -> Copy | None:
        """Find the copy in a language."""
        return next((copy for copy in self.copies if copy.composition.language == language), None)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look at the database gave."""

    edition: Edition
    selection: Selection
    kept: tuple[Composition, ...]
    approved_hash: str | None
    subjects: Mapping[str, Sequence[str]]
    reason: str
    readers: int
    reader: _Reader | None


@dataclass(frozen=True, slots=True)
class _Reader:
    recipient: Recipient
    refusal: str
    """Why they would not be mailed; empty: they would."""


def preview(
    newsroom: Newsroom,
    mailer: Mailer,
    newsletter: Newsletter,
    what: Edition | Slot,
    *,
    shelf: Shelf,
    address: str | None = None,
    topics: Collection[str] | None = None,
    anew: bool = False,
) -> Preview:
    """Show an edition that is there as it is kept, or that of a slot as it would be made now.

    A draft that is not composed yet is composed for the look, with pictures from `shelf`.
    `address` asks for one reader's copy: their topics, their language, text alone if they want
    that; `topics` for that of any reader of these. Links that belong to a reader lead to pages that
    change nothing. `anew` composes what is kept once more, by the templates as they are now.
    Raises NotFoundError for an unknown reader and an edition that was never composed, AddressError,
    and CompositionError for a faulty template.
    """
    found = _find(newsroom, newsletter, what, address)
    if anew:
        found = replace(found, kept=(), approved_hash=None)
    if found.reason:
        return _without(newsroom, newsletter, found)
    written = _written(newsroom, newsletter, found, shelf)
    together = set_hash(written.compositions)
    return Preview(
        newsletter=newsletter,
        edition=found.edition,
        selection=written.selection,
        copies=_copies(mailer, found, written.compositions, topics),
        made_at=newsroom.clock(),
        readers=found.readers,
        exists=isinstance(what, Edition),
        stored=bool(found.kept),
        approved=found.approved_hash == together,
        set_hash=together,
        warnings=(
            *_about(found, together),
            *_few(mailer, found.edition, written.compositions, topics),
            *written.warnings,
        ),
        reader=found.reader.recipient.address if found.reader else "",
        topics=None if topics is None else frozenset(topics),
    )


def _find(
    newsroom: Newsroom, newsletter: Newsletter, what: Edition | Slot, address: str | None
) -> _Found:
    now = newsroom.clock()
    with newsroom.database.read() as connection:
        reason, kept = "", tuple[Composition, ...]()
        if isinstance(what, Slot):
            foreseen = foresee(connection, newsletter, what, now=now)
            edition, selection, reason = foreseen.edition, foreseen.selection, foreseen.reason
        else:
            edition = editions.edition_by_id(connection, what.id)
            selection = candidate_store.load_selection(connection, edition.id)
            if edition.state is not EditionState.DRAFT:
                kept = _kept(connection, edition)
        return _Found(
            edition=edition,
            selection=selection,
            kept=kept,
            approved_hash=compositions.approved_hash(connection, edition.id) if kept else None,
            subjects=_subjects(connection, newsroom, newsletter, edition),
            reason=reason,
            readers=audience_size(newsroom, connection, newsletter.id),
            reader=_reader(connection, newsletter, address, now=now) if address else None,
        )


def _kept(connection: Connection, edition: Edition) -> tuple[Composition, ...]:
    found = compositions.load_compositions(connection, edition.id)
    if not found:
        raise NotFoundError(
            f"edition: {edition.address}: it is {edition.state} and was never composed",
            hint=f"Look at the next one with: digest preview {edition.slug}",
        )
    return found


def _subjects(
    connection: Connection, newsroom: Newsroom, newsletter: Newsletter, edition: Edition
) -> dict[str, Sequence[str]]:
    return {
        tag: compositions.earlier_subjects(
            connection,
            newsletter.id,
            limit=_SUBJECTS_KNOWN,
            before_number=edition.number,
            language=tag,
        )
        for tag in newsroom.languages_of(newsletter.spec)
    }


def _reader(
    connection: Connection, newsletter: Newsletter, address: str, *, now: datetime
) -> _Reader:
    subscriber = readers.find_subscriber(connection, address_key=read_address(address).key)
    if subscriber is None:
        raise NotFoundError(
            f"preview: {address}: is not on any list",
            hint="Look for the spelling with: digest subscribers list",
        )
    recipient = readers.recipient(
        connection, subscriber.id, newsletter.id, language=subscriber.language or ""
    )
    if recipient is None:
        raise NotFoundError(
            f"preview: {address}: never asked for {newsletter.slug}",
            hint=f"See what they get with: digest subscribers show {address}",
        )
    _, refusal = readers.may_mail(connection, subscriber.id, newsletter.id, now=now)
    return _Reader(recipient, refusal)


def _without(newsroom: Newsroom, newsletter: Newsletter, found: _Found) -> Preview:
    return Preview(
        newsletter=newsletter,
        edition=found.edition,
        selection=found.selection,
        copies=(),
        made_at=newsroom.clock(),
        readers=found.readers,
        exists=False,
        stored=False,
        reason=found.reason,
    )


def _written(newsroom: Newsroom, newsletter: Newsletter, found: _Found, shelf: Shelf) -> Written:
    if found.kept:
        there = pictures_there(shelf, found.selection, site=newsroom.site)
        return Written(found.kept, (), found.selection, warnings=there.warnings)
    take = partial(
        pictures_on,
        shelf,
        fetcher=newsroom.fetcher,
        site=newsroom.site,
        clock=newsroom.clock,
        allow=newsroom.picture_networks,
    )
    return write(
        newsroom, found.edition, newsletter, found.selection, found.subjects, pictures=take
    )


def _about(found: _Found, together: str) -> Sequence[str]:
    """Say what is wrong with these bytes, or with this reader."""
    said = []
    if found.approved_hash not in {None, together}:
        said.append("approval: this is not the text that was approved, and nobody is sent it")
    if found.reader is not None and found.reader.refusal:
        said.append(f"reader: they would not be mailed: {found.reader.refusal}")
    return said


def _few(
    mailer: Mailer,
    edition: Edition,
    composed: Sequence[Composition],
    topics: Collection[str] | None,
) -> Iterator[str]:
    """Say whether a reader of these topics would be passed over: too few stories are left."""
    least = mailer.least.get(edition.newsletter_id, 0)
    for each in composed[:1] if topics is not None else ():
        runs = split(each.text, each.nonce)
        whole, left = counted(runs).stories, counted(shown(runs, frozenset(topics or ()))).stories
        if left < min(least, whole):
            stories = "1 story" if left == 1 else f"{left} stories"
            yield f"topics: they leave {stories}, {least} needed: such a reader gets no letter"


def _copies(
    mailer: Mailer,
    found: _Found,
    composed: Sequence[Composition],
    topics: Collection[str] | None,
) -> tuple[Copy, ...]:
    if found.reader is None:
        return copies_of(mailer, found.edition, composed, topics=topics)
    recipient = found.reader.recipient
    tags = tuple(each.language for each in composed)
    tag = nearest(recipient.language, tags) or tags[0]
    # Nobody is mailed, so a staging installation shows any reader's copy.
    _, real = replace(mailer, only=None).values_for(found.edition, replace(recipient, language=tag))
    values = replace(
        mailer.sample_values(found.edition, language=tag),
        address=real.address,
        since=real.since,
        topics=real.topics if topics is None else frozenset(topics),
        text_only=real.text_only,
    )
    own = (each for each in composed if each.language == tag)
    return tuple(_copy(mailer, found.edition, each, values) for each in own)


def copies_of(
    mailer: Mailer,
    edition: Edition,
    composed: Sequence[Composition],
    *,
    topics: Collection[str] | None = None,
) -> tuple[Copy, ...]:
    """Make one copy of each composition, for nobody; of these topics alone if they are given."""
    wanted = None if topics is None else frozenset(topics)
    return tuple(
        _copy(
            mailer,
            edition,
            each,
            mailer.sample_values(edition, language=each.language, topics=wanted),
        )
        for each in composed
    )


def _copy(
    mailer: Mailer, edition: Edition, composed: Composition, values: ReaderValues | None = None
) -> Copy:
    sample = mailer.sample(edition, composed, values=values)
    text_only = values is not None and values.text_only
    return Copy(
        composition=composed,
        html=None if text_only else sample.html,
        text=sample.text,
        message=sample.message,
    )
