"""Door to the table of files of readers that somebody brought to the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, metadata, rows_changed

reader_upload = sa.Table(
    "reader_upload",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("lines", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("records", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("found", sa.JSON, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False, server_default=""),
    sa.Column("asked_by", sa.String(120), nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)
"""`path` is the file on the machine that took it, in a folder of its own, for our eyes alone;
`found` what the look at it found, without an address; `fingerprint` names the run of its import."""


class UploadState(StrEnum):
    """How far a file of readers is."""

    LOOKING = "looking"
    LOOKED = "looked"
    BRINGING = "bringing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of readers on the desk; times aware UTC."""

    id: int
    file_name: str
    path: str
    options: Mapping[str, Any]
    state: UploadState
    lines: int
    """The line ends in it: at least as many as it has records."""
    records: int
    """So many have been looked at."""
    found: Mapping[str, Any]
    fingerprint: str
    asked_by: str
    asked_at: datetime
    changed_at: datetime


def begin_upload(
    connection: Connection,
    *,
    file_name: str,
    path: str,
    options: Mapping[str, Any],
    by: str,
    at: datetime,
) -> int:
    """Write that a file is there to be looked at; give its number."""
    values = {
        "file_name": file_name,
        "path": path,
        "options": dict(options),
        "state": UploadState.LOOKING.value,
        "found": {},
        "asked_by": by,
        "asked_at": at,
        "changed_at": at,
    }
    row = sa.insert(reader_upload).values(values).returning(reader_upload.c.id)
    number: int = connection.execute(row).scalar_one()
    return number


def find_upload(connection: Connection, number: int) -> Upload | None:
    """Find a file by its number."""
    query = sa.select(reader_upload).where(reader_upload.c.id == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else _upload(row)


def last_uploads(connection: Connection, *, limit: int) -> list[Upload]:
    """List the files, the newest first."""
    query = sa.select(reader_upload).order_by(reader_upload.c.id.desc()).limit(limit)
    return [_upload(row) for row in connection.execute(query)]


def note_upload(
    connection: Connection,
    number: int,
    *,
    at: datetime,
    state: UploadState | None = None,
    was: UploadState | None = None,
    **facts: Any,
) -> bool:
    """Write how far a file is; with `was`, only if it is there now (False: somebody was first)."""
    mine = sa.update(reader_upload).where(reader_upload.c.id == number)
    if was is not None:
        mine = mine.where(reader_upload.c.state == was.value)
    values = {"changed_at": at, **facts, **({"state": state.value} if state else {})}
    return rows_changed(connection.execute(mine.values(values))) == 1


def old_uploads(connection: Connection, *, before: datetime) -> list[Upload]:
    """List the files that nobody touched since a moment and that still lie on a disk."""
    old = reader_upload.c.changed_at < sa.literal(before, UtcDateTime)
    query = sa.select(reader_upload).where(old, reader_upload.c.path != "")
    return [_upload(row) for row in connection.execute(query)]


def _upload(row: sa.Row[Any]) -> Upload:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it
    return Upload(**{**values, "state": UploadState(row.state)})
