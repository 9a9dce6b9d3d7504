"""Door: check an edition, the one that is there or the one to come; nothing is written."""

from __future__ import annotations

from digest.checks.model import Facts, Report
from digest.composition.pictures import BorrowedShelf
from digest.delivery.outbound import Mailer
from digest.editions.model import Edition, Newsletter, Slot
from digest.workflow.facts import facts_of
from digest.workflow.findings import check_facts
from digest.workflow.kept_check import check_kept
from digest.workflow.model import Newsroom
from digest.workflow.preview import Preview, preview

__all__ = [
    "check_edition",
    "check_facts",
    "check_kept",
    "check_preview",
    "facts_of",
    "preview_facts",
]


def check_edition(
    newsroom: Newsroom,
    mailer: Mailer,
    newsletter: Newsletter,
    what: Edition | Slot,
    *,
    shelf: BorrowedShelf,
) -> Report:
    """Check an edition as it is kept, or that of a slot as it would be made now.

    Raises as `preview` does: NotFoundError, CompositionError.
    """
    seen = preview(newsroom, mailer, newsletter, what, shelf=shelf)
    return check_preview(newsroom, mailer, seen, shelf=shelf)


def check_preview(
    newsroom: Newsroom, mailer: Mailer, seen: Preview, *, shelf: BorrowedShelf
) -> Report:
    """Check what a preview shows, without composing it again."""
    return check_facts(newsroom, preview_facts(newsroom, mailer, seen, shelf=shelf))


def preview_facts(
    newsroom: Newsroom, mailer: Mailer, seen: Preview, *, shelf: BorrowedShelf
) -> Facts:
    """Gather the facts of what a preview shows."""
    return facts_of(
        newsroom,
        mailer,
        seen.newsletter,
        seen.edition,
        selection=seen.selection,
        composed=[copy.composition for copy in seen.copies],
        shelf=shelf,
    )
