"""Door to the table of notices."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, metadata, rows_changed
from digest.outbox.model import NewNotice, Notice, NoticeKind, NoticeState

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("dedupe_key", sa.String(200), nullable=False, unique=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("to_address", sa.Text, nullable=False, index=True),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("next_at", UtcDateTime, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reply", sa.Text, nullable=False, server_default=""),
    sa.Column("done_at", UtcDateTime, index=True),
)
"""`next_at` is empty once it is final, so the index holds only what waits."""

_LONGEST_KEY = 200
_DAY = timedelta(days=1)
_WAITING = notice.c.state == NoticeState.WAITING.value


def put(connection: Connection, new: NewNotice) -> bool:
    """Write a notice in the transaction of its cause; False when its key was written before.

    False too when its address has had its fill of the day; then what goes instead is written once.
    """
    if new.a_day and _is_used_up(connection, new):
        if new.instead is not None and not _is_known(connection, new.dedupe_key):
            put(connection, new.instead)
        return False
    values = {
        "dedupe_key": short_key(new.dedupe_key),
        "kind": new.kind.value,
        "to_address": _storable(new.to_address),
        "facts": new.facts,
        "state": NoticeState.WAITING.value,
        "created_at": new.next_at,  # its patience begins when it may first go
        "next_at": new.next_at,
    }
    # RETURNING, as psycopg's row count is lost when SQLAlchemy fetches the new id by itself.
    row = insert(connection, notice).values(values).on_conflict_do_nothing().returning(notice.c.id)
    return connection.execute(row).first() is not None


def _is_used_up(connection: Connection, new: NewNotice) -> bool:
    day = new.next_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    mine = (notice.c.to_address == _storable(new.to_address)) & (notice.c.kind == new.kind.value)
    today = (notice.c.created_at >= day) & (notice.c.created_at < day + _DAY)
    had = connection.scalar(sa.select(sa.func.count(notice.c.id)).where(mine, today)) or 0
    return had >= new.a_day


def _is_known(connection: Connection, key: str) -> bool:
    query = sa.select(notice.c.id).where(notice.c.dedupe_key == short_key(key))
    return connection.scalar(query) is not None


def put_latest(connection: Connection, new: NewNotice) -> None:
    """Write a notice, or what it says now in place of the one of its key that nobody tried yet.

    Only to the same address: a key that two share is the first one's.
    """
    if put(connection, new):
        return
    untried = _WAITING & (notice.c.attempts == 0)
    same_key = notice.c.dedupe_key == short_key(new.dedupe_key)
    mine = same_key & (notice.c.to_address == _storable(new.to_address))
    connection.execute(sa.update(notice).where(mine, untried).values(facts=new.facts))


def withdraw(connection: Connection, to_address: str, kind: NoticeKind) -> int:
    """Drop what waits to be told to an address and nobody tried yet; give how many went."""
    mine = (notice.c.to_address == _storable(to_address)) & (notice.c.kind == kind.value)
    gone = sa.delete(notice).where(mine, _WAITING, notice.c.attempts == 0)
    return rows_changed(connection.execute(gone))


def due(
    connection: Connection,
    *,
    now: datetime,
    limit: int,
    kinds: Collection[NoticeKind] | None = None,
) -> list[Notice]:
    """List the notices that wait and whose time has come, the longest waiting first.

    `kinds` are those that are listed, when it is not all of them.
    """
    wanted = sa.true() if kinds is None else notice.c.kind.in_([kind.value for kind in kinds])
    query = (
        sa.select(notice)
        .where(_WAITING, notice.c.next_at <= now, wanted)
        .order_by(notice.c.next_at, notice.c.id)
        .limit(limit)
    )
    return [
        Notice(
            id=row.id,
            dedupe_key=row.dedupe_key,
            kind=NoticeKind(row.kind),
            to_address=row.to_address,
            facts=row.facts,
            attempts=row.attempts,
            created_at=row.created_at,
        )
        for row in connection.execute(query)
    ]


def mark_tried(connection: Connection, tried: Notice, *, next_at: datetime) -> bool:
    """Count a try before it is made; False when somebody else is trying, or it is final.

    `next_at` is when it is due again should we never come back.
    """
    unseen = _WAITING & (notice.c.attempts == tried.attempts)
    values = {"attempts": tried.attempts + 1, "next_at": next_at}
    return _update(connection, tried, unseen, values)


def untake(connection: Connection, taken: Notice, *, now: datetime) -> bool:
    """Take back a try that was counted and never made: due again as though nothing had been."""
    ours = _WAITING & (notice.c.attempts == taken.attempts + 1)
    return _update(connection, taken, ours, {"attempts": taken.attempts, "next_at": now})


def put_off(connection: Connection, tried: Notice, *, next_at: datetime, reply: str) -> bool:
    """Write when to try again, and why it did not go."""
    return _update(connection, tried, _WAITING, {"next_at": next_at, "reply": _storable(reply)})


def mark_sent(connection: Connection, sent: Notice, *, at: datetime, reply: str = "") -> bool:
    """Write that the next server took it; False when it was final already."""
    return _finish(connection, sent, NoticeState.SENT, at, reply)


def mark_failed(connection: Connection, failed: Notice, *, at: datetime, reply: str) -> bool:
    """Write that it will not be tried again, and why; False when it was final already."""
    return _finish(connection, failed, NoticeState.FAILED, at, reply)


def waiting_count(connection: Connection) -> int:
    """Count the notices that are neither sent nor failed."""
    return connection.execute(sa.select(sa.func.count(notice.c.id)).where(_WAITING)).scalar_one()


def _finish(
    connection: Connection, ended: Notice, state: NoticeState, at: datetime, reply: str
) -> bool:
    values = {"state": state.value, "next_at": None, "done_at": at, "reply": _storable(reply)}
    return _update(connection, ended, _WAITING, values)


def _update(
    connection: Connection,
    changed: Notice,
    if_still: sa.ColumnElement[bool],
    values: Mapping[str, object],
) -> bool:
    update = sa.update(notice).where(notice.c.id == changed.id, if_still)
    return rows_changed(connection.execute(update.values(values))) == 1


def short_key(key: str) -> str:
    """Give a key as it is kept: one that does not fit, or cannot be stored, by its hash."""
    if len(key) <= _LONGEST_KEY and key == _storable(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _storable(text: str) -> str:
    """Drop what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
