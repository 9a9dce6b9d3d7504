"""Door to what the notices hold of a reader: found, scrubbed, and dropped when they are old."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import rows_changed
from digest.outbox.model import NoticeKind, NoticeState
from digest.outbox.store import notice

TO_STAFF = frozenset({NoticeKind.EDITORS, NoticeKind.OPERATORS, NoticeKind.SIGN_IN})
"""Mail to who works here: an editor who reads the letter too stays an editor when erased."""

_ERASED = "erased"
_FINAL = notice.c.state != NoticeState.WAITING.value
_DATED = notice.c.dedupe_key.like("operators:____-__-__:%")
"""What is told once a day says so in its key: no later day has the same."""


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as its reader's papers list it; times aware UTC."""

    kind: NoticeKind
    to_address: str
    state: NoticeState
    created_at: datetime
    done_at: datetime | None


def notices_about(connection: Connection, address: str, marks: Collection[str]) -> list[int]:
    """Find the notices to a reader's address, those whose facts name it, or hold a mark of theirs.

    A mark is the beginning of every link of theirs, or what their keys hold, which finds what was
    sent to an address they had before. It looks through all there are: not while writing.
    """
    facts = sa.func.lower(sa.cast(notice.c.facts, sa.Text))
    texts = {json.dumps(each)[1:-1].lower() for each in (address, *marks)}
    held = sa.or_(*(facts.contains(each, autoescape=True) for each in sorted(texts)))
    keyed = sa.or_(*(notice.c.dedupe_key.contains(each, autoescape=True) for each in marks))
    query = sa.select(notice).where(_to_reader(address) | held | keyed).order_by(notice.c.id)
    named = _named(address)
    return [
        row.id
        for row in connection.execute(query)
        if row.to_address == address
        or any(each in row.dedupe_key for each in marks)
        or _is_about(row.facts, named, marks)
    ]


def _named(address: str) -> re.Pattern[str]:
    """Match the address and no longer one that ends or begins like it: they are other people's."""
    sign = r"[^\s<>()\[\],;:\\\"@]"
    return re.compile(rf"(?<!{sign}){re.escape(address)}(?!{sign}*@|[\w-]|\.\w)", re.IGNORECASE)


def _is_about(facts: object, named: re.Pattern[str], marks: Collection[str]) -> bool:
    text = json.dumps(facts, ensure_ascii=False)
    return named.search(text) is not None or any(each in text for each in marks)


def told(connection: Connection, notice_ids: Collection[int]) -> list[Told]:
    """List notices for a reader's papers, the oldest first."""
    query = sa.select(notice).where(notice.c.id.in_(list(notice_ids))).order_by(notice.c.id)
    return [
        Told(
            kind=NoticeKind(row.kind),
            to_address=row.to_address,
            state=NoticeState(row.state),
            created_at=row.created_at,
            done_at=row.done_at,
        )
        for row in connection.execute(query)
    ]


def scrub(
    connection: Connection, notice_ids: Collection[int], address: str, *, at: datetime
) -> None:
    """Empty notices, and those to a reader's address; what waits will never be sent.

    Their keys are numbers now: who comes back may have the same keys again, and be erased again.
    """
    mine = notice.c.id.in_(list(notice_ids)) | _to_reader(address)
    for notice_id in connection.scalars(sa.select(notice.c.id).where(mine)).all():
        key = f"{_ERASED}:{notice_id}"
        blank = {"dedupe_key": key, "to_address": "", "facts": {}, "reply": ""}
        one = notice.c.id == notice_id
        connection.execute(sa.update(notice).where(one).values(blank))
        ended = {"state": NoticeState.FAILED, "next_at": None, "done_at": at, "reply": _ERASED}
        connection.execute(sa.update(notice).where(one, ~_FINAL).values(ended))


def old_notices(
    connection: Connection, *, before: datetime, gone_before: datetime, most: int
) -> list[int]:
    """Find final notices from before a moment that still hold something, or need be no longer."""
    done = notice.c.done_at
    query = sa.select(notice.c.id).where(
        _FINAL, done < before, _is_full() | (_may_go() & (done < gone_before))
    )
    return list(connection.scalars(query.order_by(done).limit(most)))


def empty_notices(
    connection: Connection, notice_ids: Sequence[int], *, gone_before: datetime
) -> int:
    """Empty these, and drop those whose keys have done their work; give how many."""
    mine = notice.c.id.in_(list(notice_ids)) & _FINAL
    gone = sa.delete(notice).where(mine, _may_go(), notice.c.done_at < gone_before)
    dropped = rows_changed(connection.execute(gone))
    blank = sa.update(notice).where(mine, _is_full())
    emptied = blank.values(to_address="", facts={}, reply="")
    return dropped + rows_changed(connection.execute(emptied))


def _to_reader(address: str) -> sa.ColumnElement[bool]:
    theirs = notice.c.to_address == address
    return theirs & notice.c.kind.not_in([each.value for each in TO_STAFF])


def _is_full() -> sa.ColumnElement[bool]:
    return notice.c.to_address != ""


def _may_go() -> sa.ColumnElement[bool]:
    """Tell the notices whose keys cannot come again.

    Staff are told once of an event, or of a spell of trouble that may last for months: such a row
    stays, emptied, or they would be told again. A link to sign in is never told again.
    """
    once = TO_STAFF - {NoticeKind.SIGN_IN}
    return notice.c.kind.not_in([each.value for each in once]) | _DATED
