"""Door to what an edition's text was made with: how templates and settings stood at that time."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import insert, metadata

made_with = sa.Table(
    "made_with",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("set_hash", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
)
"""One row for each edition: of which text, over all languages, this is known."""


def made_with_of(connection: Connection, edition_id: int, set_hash: str) -> str | None:
    """Give with what this text of an edition was made; None when that was never looked at."""
    mine = (made_with.c.edition_id == edition_id) & (made_with.c.set_hash == set_hash)
    return connection.scalar(sa.select(made_with.c.fingerprint).where(mine))


def note_made_with(
    connection: Connection, edition_id: int, *, set_hash: str, fingerprint: str
) -> None:
    """Write with what the text of an edition was made."""
    values = {"set_hash": set_hash, "fingerprint": fingerprint}
    row = insert(connection, made_with).values(edition_id=edition_id, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["edition_id"], set_=values))
