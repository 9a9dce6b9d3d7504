"""Door to the database: check an edition as it is kept there."""

from __future__ import annotations

from digest.checks.model import Report
from digest.composition import store as compositions
from digest.editions import candidate_store
from digest.editions.model import Edition, Newsletter
from digest.workflow.facts import facts_of
from digest.workflow.findings import check_facts
from digest.workflow.model import Newsroom


def check_kept(newsroom: Newsroom, newsletter: Newsletter, edition: Edition) -> Report | None:
    """Check an edition as it is kept in the database; None when it is not composed, or unchecked.

    A newsroom without a mailer checks nothing: it has no messages.
    """
    if newsroom.mailer is None or edition.corrects is not None:
        return None
    with newsroom.database.read() as connection:
        composed = compositions.load_compositions(connection, edition.id)
        selection = candidate_store.load_selection(connection, edition.id)
    if not composed:
        return None
    facts = facts_of(
        newsroom,
        newsroom.mailer,
        newsletter,
        edition,
        selection=selection,
        composed=composed,
    )
    return check_facts(newsroom, facts)
