"""Correct an edition that readers have: a dated note on its page, and a mail to those who have it.

The note stands on the page with the transaction that wrote it. Its mail is a small edition of its
own, in a slot beside the letter's: its copies are rows of the ledger, planned for those whose copy
of the letter was accepted, or may have been (of who is uncertain nearly all have it), so nobody
gets it twice; who has left or is never to be mailed is planned for nothing, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.composition import store as compositions
from digest.composition.compose import compose, set_hash
from digest.composition.letter import write_correction
from digest.composition.model import Composition
from digest.composition.text import clean
from digest.db import Connection, Database
from digest.delivery import plan_store
from digest.editions import correction_store
from digest.editions import store as editions
from digest.editions.correction_store import Correction
from digest.editions.model import Edition, EditionState, Newsletter
from digest.errors import UsageError, WorkflowError
from digest.outbox import store as outbox
from digest.people.store import append_audit
from digest.workflow.halt import Person
from digest.workflow.model import Newsroom, Step
from digest.workflow.telling import editors_notices

MOST_WORDS = 4_000
"""Characters of a note: it is a correction and no new letter."""
_LONGEST_SUBJECT = 120

Send = Callable[[Newsroom, Edition], Step | None]


@dataclass(frozen=True, slots=True)
class Corrected:
    """A note to an edition; `mail` is the edition that mails it, if one does."""

    edition: Edition
    note: Correction
    mail: Edition | None
    already: bool
    """The same words were the last note of it before."""


def read_words(text: str) -> str:
    """Read a note: paragraphs of plain text apart by blank lines. Raises UsageError."""
    parts = text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n")
    words = "\n\n".join(said for part in parts if (said := clean(part)))
    if not words:
        raise UsageError(
            "correct: there are no words in it", hint="Say what was wrong, and what is."
        )
    if len(words) > MOST_WORDS:
        raise UsageError(
            f"correct: {len(words):,} characters are too many, {MOST_WORDS:,} are the most",
            hint="Say in short what was wrong, and what is; the page has room for a link.",
        )
    return words


def correct(
    database: Database,
    edition: Edition,
    text: str,
    *,
    by: Person,
    language: str,
    mail: bool = False,
    clock: Callable[[], datetime],
    editors: Sequence[str] = (),
) -> Corrected:
    """Put a dated note on an edition's page, and with `mail` have it mailed to who has the letter.

    `language` is the tag of the words. Said once more it is the same note, and the same mail.
    Raises UsageError for words that cannot be taken, WorkflowError for an edition that nobody has,
    and for a mail while it is still being sent.
    """
    words, now = read_words(text), clock()
    with database.write() as connection:
        found = correction_store.lock(connection, edition)
        _require_had(found, mail=mail)
        before = correction_store.corrections_of(connection, found.id)
        already = bool(before) and (before[-1].words, before[-1].language) == (words, language)
        note = (
            before[-1]
            if already
            else correction_store.append(
                connection, found.id, language=language, words=words, by=by.name, at=now
            )
        )
        begun = _mail_of(connection, found, note, at=now) if mail else None
        if not already or (mail and note.mailed_as is None):
            _record(connection, found, note, by, mail=mail, at=now)
            _tell(connection, found, note, editors, mail=mail, at=now)
    return Corrected(found, note, begun, already)


def count_readers(newsroom: Newsroom, edition: Edition) -> int:
    """Count to whom a correction of an edition would be mailed now."""
    with newsroom.database.read() as connection:
        return plan_store.count_received(
            connection,
            edition.newsletter_id,
            edition.id,
            only=newsroom.only_readers,
            now=newsroom.clock(),
        )


def carry_correction(
    newsroom: Newsroom, mail: Edition, newsletter: Newsletter, *, send: Send
) -> Step | None:
    """Take the mail of a correction one step on: composed, approved as its author said, planned."""
    if mail.state is EditionState.DRAFT:
        return _compose(newsroom, mail, newsletter)
    return send(newsroom, mail) if mail.state is EditionState.APPROVED else None


def _compose(newsroom: Newsroom, mail: Edition, newsletter: Newsletter) -> Step | None:
    """Compose the mail and lock it: whoever asked for it saw all of its words."""
    with newsroom.database.read() as connection:
        note = correction_store.mailed_by(connection, mail.id)
        letter = editions.edition_by_id(connection, mail.corrects or 0)
        had = compositions.load_compositions(connection, letter.id)
    if note is None:
        return None
    made = tuple(_letter(newsroom, mail, letter, newsletter, note=note, had=each) for each in had)
    now = newsroom.clock()
    with newsroom.database.write() as connection:
        ours = editions.change_state(
            connection,
            mail.id,
            expect={EditionState.DRAFT},
            expect_version=mail.version,
            to=EditionState.APPROVED,
            at=now,
        )
        if not ours:
            return None
        compositions.save_compositions(connection, made, at=now)
        compositions.save_approval(
            connection,
            mail.id,
            revision=mail.revision,
            set_hash=set_hash(made),
            by=note.noted_by,
            at=now,
        )
    return Step("approved", mail.address, {"by": note.noted_by})


def _letter(
    newsroom: Newsroom,
    mail: Edition,
    letter: Edition,
    newsletter: Newsletter,
    *,
    note: Correction,
    had: Composition,
) -> Composition:
    """Compose the note in one of the languages that the letter had."""
    language = newsroom.languages.of(had.language)
    return compose(
        write_correction(
            letter,
            newsletter.spec,
            note.paragraphs,
            subject=had.subject,
            site=newsroom.site,
            language=language,
        ),
        edition_id=mail.id,
        revision=mail.revision,
        language=language,
        secret=newsroom.secret,
        environment=newsroom.environment,
    )


def _require_had(edition: Edition, *, mail: bool) -> None:
    address = edition.address
    if edition.corrects is not None:
        raise WorkflowError(
            f"correct: {address}: it is a correction itself",
            hint="Correct the letter once more: its page shows all notes.",
        )
    if edition.sending_at is None:
        raise WorkflowError(
            f"correct: {address}: nobody has it yet, it is {edition.state}",
            hint=f"Mend it before it goes: digest choose {address} list",
        )
    if mail and edition.state is EditionState.SENDING:
        raise WorkflowError(
            f"correct: {address}: it is still being sent, and the others would get it uncorrected",
            hint=f"Stop it, mend it, and approve it again: digest stop {address}",
        )


def _mail_of(
    connection: Connection, edition: Edition, note: Correction, *, at: datetime
) -> Edition:
    if note.mailed_as is not None:
        return editions.edition_by_id(connection, note.mailed_as)
    return correction_store.begin_mail(connection, edition, note, at=at)


def _record(
    connection: Connection,
    edition: Edition,
    note: Correction,
    by: Person,
    *,
    mail: bool,
    at: datetime,
) -> None:
    append_audit(
        connection,
        at=at,
        actor=by.actor,
        verb="edition.correct",
        subject=edition.address[:_LONGEST_SUBJECT],
        detail={"by": by.name, "note": note.n, "mail": mail},
    )


def _tell(
    connection: Connection,
    edition: Edition,
    note: Correction,
    editors: Sequence[str],
    *,
    mail: bool,
    at: datetime,
) -> None:
    where = "on its page, and mailed to those who have the letter" if mail else "on its page"
    notices = editors_notices(
        editors,
        event="corrected",
        edition=edition.address,
        headline=f"{edition.address} is corrected",
        reason=f"{note.noted_by} put a note {where}: {clean(note.words)}",
        told_as=f"corrected:{note.n}:{'mailed' if mail else 'noted'}",
        now=at,
    )
    for notice in notices:
        outbox.put(connection, notice)
