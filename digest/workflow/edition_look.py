"""Door to the database: all that the desk shows of one edition, in one look; nothing is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.letter import write_letter
from digest.db import Connection
from digest.delivery.count_store import tally
from digest.delivery.model import Tally
from digest.editions import candidate_store, choice_store
from digest.editions import store as editions
from digest.editions.cadence import next_cut_off, next_slot
from digest.editions.choice_store import HistoryLine
from digest.editions.foresee import foresee
from digest.editions.model import Edition, EditionState, Newsletter, Selection, Slot
from digest.people import presence_store
from digest.people.presence_store import Present
from digest.workflow import checking_store, hand_limits, life_store
from digest.workflow.audience import audience_size
from digest.workflow.choose import Target, slot_key
from digest.workflow.life_store import ChangedStory
from digest.workflow.model import Newsroom

_SUBJECTS_KNOWN = 30


@dataclass(frozen=True, slots=True)
class InboxRow:
    """What one language's copy shows in the inbox, and how many bytes its HTML has (0: none)."""

    language: str
    subject: str
    preheader: str
    html_bytes: int = 0


@dataclass(frozen=True, slots=True)
class EditionLook:
    """An edition, or one to come, as it was at `now` (aware UTC)."""

    newsletter: Newsletter
    target: Target
    edition: Edition
    """The edition, or the one that would be made of a slot to come."""
    exists: bool
    selection: Selection
    now: datetime
    log: tuple[HistoryLine, ...] = ()
    """What was chosen for it, oldest first."""
    rows: tuple[InboxRow, ...] = ()
    """By language, the newsletter's own first; none when nothing is composed."""
    set_hash: str = ""
    """Over the bytes that an approval would cover; empty when there are none."""
    approved: bool = False
    readers: int = 0
    """Whom it would go to now; of one that has begun, whom it was planned for."""
    readers_before: int | None = None
    """Whom the last edition went to; None where there was none."""
    counts: Tally = field(default_factory=Tally)
    changed: tuple[ChangedStory, ...] = ()
    """The stories that their sources changed since it was composed."""
    was: Mapping[int, str] = field(default_factory=dict)
    """The headlines of those as they were composed, by article id."""
    mended: bool = False
    objection: str = ""
    """Why an edition made by hand must not go now."""
    reason: str = ""
    """Why there would be no edition of a slot to come, or why there is none."""
    closed: bool = False
    """No edition can come of the slot any more."""
    present: tuple[Present, ...] = ()

    @property
    def address(self) -> str:
        """How it is called: `daily/2026-01-09`."""
        return self.edition.address

    @property
    def seq(self) -> int:
        """The number of the last choice that was made for it, 0 for none."""
        return self.log[-1].told.choice.seq if self.log else 0

    @property
    def state_mark(self) -> str:
        """A word that changes with whatever another person or a source does to the edition."""
        version = f"{self.edition.version}.{self.edition.revision}" if self.exists else "0"
        return f"{version}:{self.seq}:{len(self.changed)}"

    @property
    def mark(self) -> str:
        """A word that changes with the letter: two looks with the same mark show the same one."""
        stories = [(c.article.id, c.article.revision) for c in self.selection.chosen]
        said = (self.address, self.edition.version, self.seq, self.set_hash, stories)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def look_at_edition(newsroom: Newsroom, newsletter: Newsletter, target: Target) -> EditionLook:
    """Look at an edition or at a slot to come, with one transaction that only reads."""
    with newsroom.database.read() as connection:
        seen = (
            _of_slot(newsroom, connection, newsletter, target)
            if isinstance(target, Slot)
            else _of_edition(newsroom, connection, newsletter, target)
        )
        return _with_what_surrounds(newsroom, connection, seen)


def _of_edition(
    newsroom: Newsroom, connection: Connection, newsletter: Newsletter, target: Edition
) -> EditionLook:
    edition = editions.edition_by_id(connection, target.id)
    made = compositions.load_compositions(connection, edition.id)
    together = set_hash(made) if made else ""
    begun = edition.sending_at is not None
    changed = life_store.changed_stories(connection, edition.id)
    ids = [each.article_id for each in changed]
    return EditionLook(
        newsletter=newsletter,
        target=edition,
        edition=edition,
        exists=True,
        selection=candidate_store.load_selection(connection, edition.id),
        now=newsroom.clock(),
        rows=tuple(
            InboxRow(each.language, each.subject, each.preheader, len(each.html.encode()))
            for each in made
        ),
        set_hash=together,
        approved=bool(made) and compositions.approved_hash(connection, edition.id) == together,
        counts=tally(connection, edition.id) if begun else Tally(),
        changed=tuple(changed),
        was=checking_store.headlines_composed(connection, edition.id, ids) if ids else {},
        mended=begun and life_store.is_mended(connection, edition.id),
        objection=_objection(newsroom, connection, newsletter, edition),
    )


def _objection(
    newsroom: Newsroom, connection: Connection, newsletter: Newsletter, edition: Edition
) -> str:
    if compositions.has_override(connection, edition.id):
        return ""
    return hand_limits.objection(connection, newsletter, edition, now=newsroom.clock())


def _of_slot(
    newsroom: Newsroom, connection: Connection, newsletter: Newsletter, slot: Slot
) -> EditionLook:
    now = newsroom.clock()
    foreseen = foresee(connection, newsletter, slot, now=now)
    over = _why_closed(connection, newsletter, slot, now=now)
    seen = EditionLook(
        newsletter=newsletter,
        target=slot,
        edition=foreseen.edition,
        exists=False,
        selection=foreseen.selection,
        now=now,
        reason=over or foreseen.reason,
        closed=bool(over),
    )
    if over or foreseen.reason or not foreseen.selection.chosen:
        return seen
    return replace(seen, rows=(_row_to_come(newsroom, connection, seen),))


def _why_closed(
    connection: Connection, newsletter: Newsletter, slot: Slot, *, now: datetime
) -> str:
    taken = editions.slot_row(connection, newsletter.id, slot.local_date, slot.name)
    if taken is not None:
        return f"{taken.state}: {taken.reason}".rstrip(": .").capitalize()
    if slot.holiday:
        return "It is a holiday"
    end = next_cut_off(newsletter.spec.cadence, slot.cut_off_at)
    return "Its hour is over" if end is not None and end <= now else ""


def _row_to_come(newsroom: Newsroom, connection: Connection, seen: EditionLook) -> InboxRow:
    """Write the words for the inbox alone: what the whole letter is made of takes far longer."""
    spec = seen.newsletter.spec
    tag = newsroom.languages_of(spec)[0]
    letter = write_letter(
        seen.edition,
        spec,
        seen.selection,
        site=newsroom.site,
        language=newsroom.languages.of(tag),
        shots={},
        next_slot=next_slot(spec.cadence, seen.edition.send_at),
        earlier_subjects=compositions.earlier_subjects(
            connection,
            seen.newsletter.id,
            limit=_SUBJECTS_KNOWN,
            before_number=seen.edition.number,
            language=tag,
        ),
        twin=newsroom.twin_of(spec),
    )
    return InboxRow(tag, letter.subject, letter.preheader)


def _with_what_surrounds(
    newsroom: Newsroom, connection: Connection, seen: EditionLook
) -> EditionLook:
    newsletter_id = seen.newsletter.id
    day, name = slot_key(seen.target)
    begun = seen.counts.total > 0
    return replace(
        seen,
        log=choice_store.history(connection, newsletter_id, day, name),
        readers=seen.counts.total if begun else audience_size(newsroom, connection, newsletter_id),
        readers_before=_before(connection, seen),
        present=tuple(presence_store.who_is_here(connection, seen.address, now=seen.now)),
    )


_WENT = (EditionState.SENDING, EditionState.SENT)


def _before(connection: Connection, seen: EditionLook) -> int | None:
    last: Sequence[Edition] = editions.past_editions(
        connection,
        [seen.newsletter.id],
        _WENT,
        limit=1,
        before=(seen.edition.local_date, seen.edition.id),
    )
    return tally(connection, last[0].id).total if last else None
