"""Door to the database: all that the checks are told of an edition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from digest.checks.blocks import blocks_of
from digest.checks.bounds import with_longest
from digest.checks.model import Changed, Facts, Page, Past
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.model import Composition, Letter, ReaderValues
from digest.composition.pictures import BorrowedShelf, pictures_there
from digest.delivery import count_store
from digest.delivery.outbound import Mailer
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState, Newsletter, Selection
from digest.workflow import checking_store, life_store
from digest.workflow.audience import audience_size
from digest.workflow.lettering import carried_by_dailies, letter_in
from digest.workflow.model import Newsroom
from subscribers.mailto import mailto
from subscribers.tokens import Grant, Purpose

if TYPE_CHECKING:
    from digest.db import Connection

_SUBJECTS = 30
_COUNTED = 4
_GONE = (EditionState.SENDING, EditionState.SENT)
_NOBODY = "f" * 24


def facts_of(
    newsroom: Newsroom,
    mailer: Mailer,
    newsletter: Newsletter,
    edition: Edition,
    *,
    selection: Selection,
    composed: Sequence[Composition],
    letters: Sequence[Letter] = (),
    shelf: BorrowedShelf | None = None,
) -> Facts:
    """Gather what the checks are told of an edition, whether it is kept or only foreseen.

    `letters` are those that `composed` was made of, in the same order; without them they are
    written again of the selection, with the pictures that are on `shelf` or in the database.
    """
    with newsroom.database.read() as connection:
        facts = _history(connection, newsroom, newsletter, edition, selection)
        facts = replace(
            facts,
            past=_past(connection, newsroom, newsletter, edition),
            changed=_changed(connection, edition),
            approved_hash=compositions.approved_hash(connection, edition.id),
            sender=mailer.sender,
            sender_domain=_signing_domain(mailer.signer),
        )
    if composed and not letters:
        letters = _letters(newsroom, newsletter, facts, composed, shelf)
    pages = tuple(
        page_of(mailer, edition, made, letter)
        for made, letter in zip(composed, letters, strict=bool(composed))
    )
    return replace(facts, pages=pages, set_hash=set_hash(composed) if composed else "")


def page_of(mailer: Mailer, edition: Edition, composed: Composition, letter: Letter) -> Page:
    """Lay open one copy of a composition: that of the reader whose values are the longest."""
    values = longest_values(mailer, edition, language=composed.language)
    sample = mailer.sample(edition, composed, values=values)
    return Page(
        composition=composed,
        letter=letter,
        html=sample.html,
        text=sample.text,
        message=sample.message,
        blocks=blocks_of(sample.html, letter, unsubscribe=values.unsubscribe_url),
    )


def longest_values(mailer: Mailer, edition: Edition, *, language: str) -> ReaderValues:
    """Give values as long as any reader's: of their links only the length is right.

    `digest.checks.bounds.bounds_of` makes of them what every reader's are measured against.
    """
    sample = with_longest(mailer.sample_values(edition, language=language), language=language)
    grant = Grant(_NOBODY, (edition.newsletter_id,))
    place, ring = mailer.site.public_url, mailer.keys.links
    leave = "w" * len(ring.sign(Purpose.UNSUBSCRIBE, grant))
    prefer = "w" * len(ring.sign(Purpose.PREFERENCES, grant))
    own = mailer.unsubscribe_address
    return replace(
        sample,
        unsubscribe_url=f"{place}/u/{leave}",
        unsubscribe_mailto=mailto(own, leave) if own else "",
        preferences_url=f"{place}/p/{prefer}",
        twin_url=f"{place}/p/{prefer}/twin",
    )


def _history(
    connection: Connection,
    newsroom: Newsroom,
    newsletter: Newsletter,
    edition: Edition,
    selection: Selection,
) -> Facts:
    ids = [one.article.id for one in selection.chosen]
    home = newsroom.home
    return Facts(
        site=newsroom.site,
        newsletter=newsletter.spec,
        edition=edition,
        selection=selection,
        pages=(),
        now=newsroom.clock(),
        readers=audience_size(newsroom, connection, newsletter.id),
        production=home.environment == "production" if home else newsroom.only_readers is None,
        test_only=newsroom.only_readers is not None,
        sent_before=candidate_store.uses(connection, newsletter.id, ids, except_in=edition.id),
    )


def _signing_domain(signer: object) -> str:
    return str(getattr(signer, "domain", "") or "")


def _past(
    connection: Connection, newsroom: Newsroom, newsletter: Newsletter, edition: Edition
) -> Past:
    gone = [
        each
        for each in editions.past_editions(connection, [newsletter.id], _GONE, limit=_SUBJECTS)
        if each.number < edition.number
    ]
    last = gone[:1]
    counts = checking_store.story_counts(connection, [each.id for each in gone[:_COUNTED]])
    went_to = count_store.tallies(connection, [each.id for each in last])
    return Past(
        subjects=_subjects(connection, newsroom, newsletter, edition),
        story_counts=tuple(counts[each.id] for each in gone[:_COUNTED] if each.id in counts),
        readers=next((tally.total for tally in went_to.values()), None),
        cut_off_at=candidate_store.last_window_end(connection, newsletter.id, edition.window.until),
        addresses=tuple(each.address for each in gone),
    )


def _subjects(
    connection: Connection, newsroom: Newsroom, newsletter: Newsletter, edition: Edition
) -> Mapping[str, Sequence[str]]:
    return {
        tag: compositions.earlier_subjects(
            connection,
            newsletter.id,
            limit=_SUBJECTS,
            before_number=edition.number,
            language=tag,
        )
        for tag in newsroom.languages_of(newsletter.spec)
    }


def _changed(connection: Connection, edition: Edition) -> Sequence[Changed]:
    found = life_store.changed_stories(connection, edition.id)
    ids = [each.article_id for each in found]
    was = checking_store.headlines_composed(connection, edition.id, ids) if found else {}
    return tuple(
        Changed(
            each.article_id,
            headline_was=was.get(each.article_id, each.headline),
            headline_is=each.headline,
            withdrawn=each.withdrawn,
        )
        for each in found
    )


def _letters(
    newsroom: Newsroom,
    newsletter: Newsletter,
    facts: Facts,
    composed: Sequence[Composition],
    shelf: BorrowedShelf | None,
) -> Sequence[Letter]:
    """Write the letters of a kept edition once more: nothing is rendered for that."""
    selection = facts.selection
    shots = pictures_there(
        shelf or BorrowedShelf(newsroom.database), selection, site=newsroom.site
    ).shots
    carried = carried_by_dailies(newsroom, newsletter, selection)
    letters = (
        letter_in(
            newsroom,
            facts.edition,
            newsletter,
            selection,
            earlier_subjects=facts.past.subjects.get(made.language, ()),
            shots=shots,
            carried=carried,
            tag=made.language,
        )
        for made in composed
    )
    return tuple(
        replace(letter, subject=made.subject, preheader=made.preheader)
        for letter, made in zip(letters, composed, strict=True)
    )
