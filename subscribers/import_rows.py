"""What an import decided of a chunk, as the rows that are written and the lines of who has left."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from subscribers.change_store import What
from subscribers.departures import Departure
from subscribers.import_errand import Errand
from subscribers.import_reading import Taken
from subscribers.import_store import Rows, Run
from subscribers.model import EVERYTHING, ConsentKind, SubscriptionState
from subscribers.transfer.decide import Change, Decision, Held
from subscribers.transfer.entries import Entry

VIA = "import"
_EVER = datetime.min.replace(tzinfo=UTC)
_RUN_BYTES, _READER_BYTES = 4, 8
"""A public id is both: those of a chunk begin alike, and lie together in their index."""

# Looked up once: a member of an enum costs more than what is done with it here.
_IMPORTED, _ASKED, _CONFIRMED = ConsentKind.IMPORTED, ConsentKind.ASKED, ConsentKind.CONFIRMED
_UNCONFIRMED = SubscriptionState.UNCONFIRMED


class ChunkRows:
    """The rows of one chunk while its lines are decided."""

    def __init__(self, ids: Sequence[int], run: Run, errand: Errand) -> None:
        """Begin with none; `ids` are for the readers who turn out to be new."""
        self.rows = Rows()
        self.departures: list[Departure] = []
        self._ids = iter(ids)
        self._run = run
        drawn = secrets.token_bytes(_RUN_BYTES + len(ids) * _READER_BYTES)
        self._random = drawn.hex()
        self._drawn = 2 * _RUN_BYTES
        self._slugs = {each.id: each.slug for each in errand.placing.targets.values()}
        self._source = (
            f"{errand.consent} (import {run.id})" if errand.consent else (f"import {run.id}")
        )
        self._ips_since = _EVER if errand.keep_ip is None else run.began_at - errand.keep_ip

    def next_id(self) -> int:
        """Give the number of a new reader."""
        return next(self._ids)

    def take(self, taken: Taken, decision: Decision, reader: Held | None) -> None:
        """Take what was decided for one line."""
        entry = taken.item.entry
        assert entry is not None  # noqa: S101 - for the type checker: lines without are refused
        if decision.suppress is not None:
            at = entry.ended_at or self._run.began_at
            reason = decision.suppress.value
            self.rows.suppressions.append((taken.hashed, EVERYTHING, reason, at))
            self._depart(decision, reader, taken.hashed, None)
        if reader is None:
            return
        if reader.new and not reader.public_id:
            self._reader(entry, taken.hashed, decision, reader)
        elif decision.manner is not None:
            self.rows.manners.append((reader.id, decision.manner))
        for change in decision.changes:
            self._change(change, entry, taken.hashed, reader)
        self.rows.tags += [(reader.id, tag) for tag in decision.tags]

    def _reader(self, entry: Entry, hashed: str, decision: Decision, reader: Held) -> None:
        at = self._drawn
        self._drawn = at + 2 * _READER_BYTES
        reader.public_id = self._random[: 2 * _RUN_BYTES] + self._random[at : self._drawn]
        manner = decision.manner or reader.manner
        self.rows.readers.append(
            (
                *(reader.id, reader.public_id, entry.address.mailed, entry.address.key, hashed),
                *(self._run.began_at, manner.language, manner.zone, manner.hour),
                "text" if manner.text_only else None,
            )
        )

    def _change(self, change: Change, entry: Entry, hashed: str, reader: Held) -> None:
        standing, now = change.standing, self._run.began_at
        newsletter_id = standing.newsletter_id
        known = reader.standings.get(newsletter_id)
        self.rows.standings[reader.id, newsletter_id] = standing
        for kind, at, ip in _proof(change, entry, now):
            kept = ip if ip is not None and at >= self._ips_since else None
            self.rows.consents.append(
                (reader.id, newsletter_id, str(kind), at, VIA, kept, self._source)
            )
        if change.ends:
            suppressed = change.kind is ConsentKind.SUPPRESSED
            what = What.SUPPRESSED if suppressed else What.LEFT
            self.rows.changes.append((reader.id, newsletter_id, what.value, now))
            if not suppressed:
                slugs = (self._slugs.get(newsletter_id, ""),)
                self._depart(None, reader, hashed, slugs)
        elif known is not None:
            self.rows.changes.append((reader.id, newsletter_id, What.JOINED.value, now))

    def _depart(
        self,
        decision: Decision | None,
        reader: Held | None,
        hashed: str,
        newsletters: tuple[str, ...] | None,
    ) -> None:
        reason = decision.suppress.value if decision and decision.suppress else ""
        kind = ConsentKind.SUPPRESSED if reason else ConsentKind.UNSUBSCRIBED
        public_id = reader.public_id if reader else ""
        at = self._run.began_at
        self.departures.append(
            Departure(kind.value, at, public_id, hashed, newsletters, reason=reason)
        )


def _proof(
    change: Change, entry: Entry, now: datetime
) -> list[tuple[ConsentKind, datetime, str | None]]:
    """Give the lines of the log: what the file says was done there, then that it was brought in."""
    if change.kind is not _IMPORTED:
        return [(change.kind, now if change.ends else change.standing.ended_at or now, None)]
    lines: list[tuple[ConsentKind, datetime, str | None]] = []
    if entry.asked_at is not None:
        lines.append((_ASKED, entry.asked_at, entry.asked_ip))
    confirmed = change.standing.state is not _UNCONFIRMED
    if confirmed and entry.confirmed_at is not None:
        lines.append((_CONFIRMED, entry.confirmed_at, entry.confirmed_ip))
    ip = None if lines else entry.confirmed_ip or entry.asked_ip
    lines.append((change.kind, now, ip))
    return lines
