"""Decide what becomes of the records of an import, a chunk at a time, and tell it line by line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digest.db import Connection
from subscribers import import_store
from subscribers.import_errand import Errand, Tally
from subscribers.import_reading import ROLE, Taken
from subscribers.import_rows import ChunkRows
from subscribers.model import SuppressionReason
from subscribers.transfer.columns import SUPPRESSING, State
from subscribers.transfer.decide import ALL, Decision, Held, Rules, Verdict, decide, took
from subscribers.transfer.entries import Entry
from subscribers.transfer.faults import Reason
from subscribers.transfer.placing import Placed
from subscribers.transfer.report import Told

_LEAVING = SUPPRESSING | {State.UNSUBSCRIBED}
_WORDS_KEPT = 100
_NOTES_KEPT = 20
_REFUSED = Verdict.REFUSED  # a member of an enum is looked up once: it costs more than its use here
_NOBODY: dict[str | int, SuppressionReason] = {}


class Deciding:
    """Decides records and counts them; what it decided it leaves as rows, for whoever writes."""

    def __init__(self, errand: Errand, now: datetime, tally: Tally) -> None:
        """Keep the rules of this import, and the counts to go on with."""
        self.tally = tally
        self._placing = errand.placing
        self._rules = Rules(errand.placing, now, errand.where_silent)
        self._names = [each.name for each in errand.tables.tables]

    def decided(
        self, connection: Connection, chunk: Sequence[Taken], writing: ChunkRows | None
    ) -> list[Told]:
        """Decide a chunk; with `writing` its rows are gathered there."""
        held = import_store.held_readers(connection, {each.key for each in chunk if each.key})
        if held:
            known = (each for each in chunk if each.key in held)
            leaving = {each.key for each in known if _leaves(each.item.entry)}
            import_store.add_own_confirmations(connection, [held[each] for each in leaving])
        never = import_store.never_mailed(connection, {each.hashed for each in chunk})
        return [self._one(each, held, never, writing) for each in chunk]

    def _one(
        self,
        taken: Taken,
        held: dict[str, Held],
        never: dict[str, dict[str | int, SuppressionReason]],
        writing: ChunkRows | None,
    ) -> Told:
        item, entry = taken.item, taken.item.entry
        if entry is None:
            return self._told(taken, Decision(Verdict.REFUSED, item.reason, item.detail))
        if taken.twice:
            return self._told(taken, Decision(Verdict.REFUSED, Reason.TWICE))
        placed = self._placing.place(entry)
        key = taken.key
        reader = held.get(key)
        on_list = never.get(taken.hashed, _NOBODY)
        new_id = writing.next_id() if writing is not None and reader is None else 0
        decision = decide(entry, placed, reader, on_list, self._rules, new_id=new_id)
        if decision.suppress is not None:
            never.setdefault(taken.hashed, {})[ALL] = decision.suppress
        if reader is None and decision.changes:
            reader = held[key] = Held(new_id, new=True)
        if writing is not None and decision.verdict is not _REFUSED:
            writing.take(taken, decision, reader)
        if reader is not None:
            took(reader, decision)
        self._note(placed)
        return self._told(taken, decision)

    def _note(self, placed: Placed) -> None:
        for word in placed.unplaced:
            if word in self.tally.unplaced or len(self.tally.unplaced) < _WORDS_KEPT:
                self.tally.unplaced[word] += 1

    def _told(self, taken: Taken, decision: Decision) -> Told:
        tally, item = self.tally, taken.item
        tally.records += 1
        verdict = str(decision.verdict)  # its `value` is looked up by Python, six times as slow
        tally.counts[verdict] += 1
        reason = ""
        if decision.reason is not None:
            reason = decision.reason.value
            if decision.verdict is _REFUSED:
                tally.reasons[reason] += 1
            reason = f"{reason}: {decision.detail}" if decision.detail else reason
        address = item.entry.address.mailed if item.entry else item.shown
        if taken.warning:
            tally.warnings["role" if taken.warning == ROLE else "typo"] += 1
            if len(tally.warned) < _NOTES_KEPT:
                tally.warned.append(f"{address}: {taken.warning}")
        name = self._names[item.table]
        return Told(name, item.line, address, verdict, reason, taken.warning)


def _leaves(entry: Entry | None) -> bool:
    return entry is not None and (entry.state in _LEAVING or bool(entry.lists))
