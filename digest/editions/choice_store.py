"""Door to the table of choices: what people chose for a slot, as an append-only log."""

from __future__ import annotations

import sqlalchemy as sa

from digest.db import UtcDateTime, metadata

choice = sa.Table(
    "choice",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("local_date", sa.Date, primary_key=True),
    sa.Column("slot_name", sa.String(64), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("act", sa.String(16), nullable=False),
    sa.Column("article_id", sa.ForeignKey("article.id")),
    sa.Column("language", sa.String(35), nullable=False, server_default=""),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Index("ix_choice_newsletter_id_act", "newsletter_id", "act"),
)
"""Kept by slot and not by edition: what is chosen on the evening before survives the morning's
collecting and preparing, and an edition made again."""
