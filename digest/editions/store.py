"""Door to the tables of newsletters, slots, editions, candidates and uses."""

from __future__ import annotations

import sqlalchemy as sa

from digest.db import BigId, UtcDateTime, metadata

newsletter = sa.Table(
    "newsletter",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("slug", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("epoch_at", UtcDateTime, nullable=False),
    sa.Column("next_run_at", UtcDateTime),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

topic = sa.Table(
    "topic",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("bit", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.UniqueConstraint("newsletter_id", "key"),
)
"""A section's bit in the topic masks; a bit is never given to another section."""

slot = sa.Table(
    "slot",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("local_date", sa.Date, primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("cut_off_at", UtcDateTime, nullable=False),
    sa.Column("send_at", UtcDateTime, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
)
"""The row that decides: whoever inserts it makes the edition, all others find it taken."""

edition = sa.Table(
    "edition",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), nullable=False),
    sa.Column("local_date", sa.Date, nullable=False),
    sa.Column("slot_name", sa.String(64), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("window_after", UtcDateTime, nullable=False),
    sa.Column("cut_off_at", UtcDateTime, nullable=False),
    sa.Column("send_at", UtcDateTime, nullable=False),
    sa.Column("prepared_at", UtcDateTime, nullable=False),
    sa.Column("told_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("newsletter_id", "local_date", "slot_name"),
    sa.UniqueConstraint("newsletter_id", "number"),
)

candidate = sa.Table(
    "candidate",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), primary_key=True),
    sa.Column("article_revision", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("section", sa.String(64)),
    sa.Column("place", sa.String(16)),
    sa.Column("position", sa.Integer),
    sa.Column("late", sa.Boolean, nullable=False, default=False),
    sa.Column("duplicate_of", BigId),
)

article_use = sa.Table(
    "article_use",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), primary_key=True),
    sa.Column(
        "edition_id",
        sa.ForeignKey("edition.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("kind", sa.String(16), nullable=False),
)
"""Promise 1: written in the edition's own transaction, released in the one that abandons it."""
