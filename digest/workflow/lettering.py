"""Door: the letter of an edition in one language, from all that a newsroom knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from digest.composition.letter import Shots, write_letter
from digest.composition.model import Letter
from digest.editions import candidate_store
from digest.editions.cadence import next_slot
from digest.editions.model import Edition, Newsletter, Selection
from digest.workflow.model import Newsroom


def letter_in(
    newsroom: Newsroom,
    edition: Edition,
    newsletter: Newsletter,
    selection: Selection,
    *,
    earlier_subjects: Sequence[str],
    shots: Shots,
    carried: Collection[int],
    tag: str,
) -> Letter:
    """Write an edition's letter in the language of this tag, its links and counts decided."""
    return write_letter(
        edition,
        newsletter.spec,
        selection,
        site=newsroom.site,
        language=newsroom.languages.of(tag),
        shots=shots,
        next_slot=next_slot(newsletter.spec.cadence, edition.send_at),
        earlier_subjects=earlier_subjects,
        twin=newsroom.twin_of(newsletter.spec),
        carried=carried,
    )


def carried_by_dailies(
    newsroom: Newsroom, newsletter: Newsletter, selection: Selection
) -> Collection[int]:
    """Tell which stories of a weekly its dailies had: the others may have been missed."""
    dailies = [n.slug for n in newsroom.newsletters if n.spec.weekly_twin == newsletter.slug]
    if not dailies:
        return ()
    with newsroom.database.read() as connection:
        ids = [one.article.id for one in selection.chosen]
        return frozenset(candidate_store.carried(connection, dailies, ids))
