"""Door to the tables of sources and articles: rows in, values out."""

from __future__ import annotations

import sqlalchemy as sa

from digest.db import BigId, UtcDateTime, metadata

source = sa.Table(
    "source",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("first_ok_at", UtcDateTime),
    sa.Column("last_ok_at", UtcDateTime),
    sa.Column("last_tried_at", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

article = sa.Table(
    "article",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("source_id", sa.ForeignKey("source.id"), nullable=False),
    sa.Column("headline", sa.Text, nullable=False),
    sa.Column("standfirst", sa.Text, nullable=False, server_default=""),
    sa.Column("url", sa.Text),
    sa.Column("guid", sa.Text),
    sa.Column("body_html", sa.Text, nullable=False, server_default=""),
    sa.Column("body_text", sa.Text, nullable=False, server_default=""),
    sa.Column("authors", sa.JSON, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.Column("picture_url", sa.Text),
    sa.Column("picture_alt", sa.Text),
    sa.Column("picture_credit", sa.Text),
    sa.Column("audio_url", sa.Text),
    sa.Column("audio_seconds", sa.Integer),
    sa.Column("language", sa.String(35)),
    sa.Column("published_at", UtcDateTime),
    sa.Column("published_from", sa.String(16)),
    sa.Column("updated_at", UtcDateTime),
    sa.Column("seen_on", sa.Date),
    sa.Column("first_seen_at", UtcDateTime, nullable=False, index=True),
    sa.Column("withdrawn_at", UtcDateTime),
    sa.Column("backlog", sa.Boolean, nullable=False, default=False),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    sa.Column("content_hash", sa.String(64), nullable=False),
)

article_identity = sa.Table(
    "article_identity",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("scope", sa.String(64), primary_key=True),
    sa.Column("value_hash", sa.String(64), primary_key=True),
    sa.Column(
        "article_id",
        sa.ForeignKey("article.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
)
"""The aliases a story is found by. `scope` is the source's name for guid and headline, else ""."""

article_revision = sa.Table(
    "article_revision",
    metadata,
    sa.Column("article_id", sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("headline", sa.Text, nullable=False),
    sa.Column("standfirst", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("body_text", sa.Text, nullable=False),
)
