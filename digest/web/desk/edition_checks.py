"""Door to the checks of an edition, for the desk: what they found is kept while nothing changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from digest.checks.model import Report
from digest.composition.images import MadeImage
from digest.composition.pictures import BorrowedShelf, OwnShelf
from digest.web.desk.context import DeskContext
from digest.workflow.checking import check_facts, preview_facts
from digest.workflow.edition_look import EditionLook
from digest.workflow.preview import Preview, preview

_T = TypeVar("_T")
_KEPT = 16
_MINUTES = 5
"""So old a report may be: some rules look at the hour."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks came to, and the size of the letter by its blocks (bytes of HTML)."""

    report: Report
    blocks: Mapping[str, int]
    html_bytes: int


class KeptShelf(BorrowedShelf):
    """Pictures that were fetched for a look stay on our own shelf: the edition will want them."""

    def keep(self, url: str, shape: str, made: MadeImage | str, *, at: datetime) -> None:
        """Write it down."""
        OwnShelf(self.database).keep(url, shape, made, at=at)


class EditionChecks:
    """Previews and reports of the editions that were looked at last."""

    def __init__(self, context: DeskContext) -> None:
        """Begin with none."""
        self._context = context
        self._shelf = KeptShelf(context.database)
        self._previews: OrderedDict[str, Preview] = OrderedDict()
        self._reports: OrderedDict[str, Checked] = OrderedDict()
        self._lock = threading.Lock()

    def letter(self, look: EditionLook) -> Preview:
        """Give the edition laid open; composed anew only when it has changed.

        Raises CompositionError for a faulty template, NotFoundError where nothing was composed.
        """
        with self._lock:
            known = self._previews.get(look.mark)
        if known is not None:
            return known
        room, mailer = self._context.newsroom, self._context.mailer
        seen = preview(room, mailer, look.newsletter, look.target, shelf=self._shelf)
        self._remember(self._previews, look.mark, seen)
        return seen

    def shown(self, mark: str) -> Preview | None:
        """Give what was laid open under a mark before; None where that is forgotten."""
        with self._lock:
            return self._previews.get(mark)

    def known(self, look: EditionLook) -> Checked | None:
        """Give what is known without any work; None where it was not checked as it is now."""
        with self._lock:
            return self._reports.get(_key(look))

    def run(self, look: EditionLook) -> Checked:
        """Check the edition, unless it was just now. Raises as `letter` does."""
        if (known := self.known(look)) is not None:
            return known
        seen = self.letter(look)
        facts = preview_facts(self._context.newsroom, self._context.mailer, seen, shelf=self._shelf)
        report = check_facts(self._context.newsroom, facts)
        first = facts.pages[0] if facts.pages else None
        checked = Checked(
            report,
            dict(first.blocks) if first else {},
            len(first.html.encode()) if first else 0,
        )
        self._remember(self._reports, _key(look), checked)
        return checked

    def _remember(self, kept: OrderedDict[str, _T], key: str, value: _T) -> None:
        with self._lock:
            kept[key] = value
            while len(kept) > _KEPT:
                kept.popitem(last=False)


def _key(look: EditionLook) -> str:
    changed = [(each.article_id, each.headline, each.withdrawn) for each in look.changed]
    minute = int(look.now.timestamp()) // (60 * _MINUTES)
    return repr((look.mark, look.readers, changed, minute))
