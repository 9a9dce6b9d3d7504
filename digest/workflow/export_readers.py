"""Give readers out as lines of a file, a page of them at a time; it is noted whom it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from digest.db import Database
from digest.editions.model import Newsletter
from digest.editions.store import topic_bits
from digest.people.store import append_audit
from subscribers import crowd_store, directory_store
from subscribers.exported import HEAD, Letter, Line, csv_line, json_line, lines_of
from subscribers.segment_store import condition_of
from subscribers.segments import Audience

_PAGE = 1000
"""Readers a look at the database: memory stays flat, and no reader of it holds up a writer."""
Shape = Literal["csv", "ndjson"]


@dataclass
class ReaderExport:
    """One export: whom, in which shape, and how far it has come."""

    database: Database
    newsletters: Sequence[Newsletter]
    audience: Audience | None
    shape: Shape
    actor: str
    now: datetime
    readers: int = 0
    written: int = 0
    _after: int = field(default=0, repr=False)

    def lines(self) -> Iterator[str]:
        """Give the lines, the head first; the audit has how many, also when it was cut off."""
        write = csv_line if self.shape == "csv" else json_line
        try:
            if self.shape == "csv":
                yield HEAD
            while page := self._page():
                for lines in page:
                    self.readers += bool(lines)
                    self.written += len(lines)
                    yield from map(write, lines)
        finally:
            self._note()

    def _page(self) -> list[list[Line]]:
        ids = [each.id for each in self.newsletters]
        one = ids[0] if len(ids) == 1 else None
        with self.database.read() as connection:
            letters: Mapping[int, Letter] = {
                each.id: Letter(each.slug, topic_bits(connection, each.id))
                for each in self.newsletters
            }
            condition = condition_of(connection, self.audience, newsletter_id=one, now=self.now)
            asked = directory_store.Asked(newsletter_id=one, condition=condition)
            found = directory_store.page_of(connection, asked, after=self._after, limit=_PAGE)
            hashes = {entry.reader.address_hmac for entry in found}
            never = crowd_store.reasons_of(connection, hashes)
        self._after = found[-1].reader.id if found else self._after
        now = self.now
        return [
            list(lines_of(e.reader, e.tags, e.standings, letters=letters, never=never, now=now))
            for e in found
        ]

    def _note(self) -> None:
        detail: dict[str, Any] = {
            "segment": self.audience.segment.public_text if self.audience else "",
            "count": self.readers,
            "lines": self.written,
            "newsletters": [each.slug for each in self.newsletters],
        }
        with self.database.write() as connection:
            append_audit(
                connection,
                at=self.now,
                actor=self.actor,
                verb="export",
                subject="",
                detail=detail,
            )
