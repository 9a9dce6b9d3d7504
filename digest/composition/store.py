"""Door to the tables of compositions, approvals and pictures."""

from __future__ import annotations

import sqlalchemy as sa

from digest.db import UtcDateTime, metadata

composition = sa.Table(
    "composition",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("language", sa.String(35), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("preheader", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("nonce", sa.String(32), nullable=False),
    sa.Column("composed_at", UtcDateTime, nullable=False),
)

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("set_hash", sa.String(64), nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("approved_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
)

image = sa.Table(
    "image",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("media_type", sa.String(32), nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
)

image_source = sa.Table(
    "image_source",
    metadata,
    sa.Column("url_hash", sa.String(64), primary_key=True),
    sa.Column("shape", sa.String(16), primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("image_hash", sa.ForeignKey("image.hash")),
    sa.Column("problem", sa.Text, nullable=False, server_default=""),
    sa.Column("fetched_at", UtcDateTime, nullable=False),
)
"""Which of our images a source's picture became, in the shape `lead` or `thumb`."""
