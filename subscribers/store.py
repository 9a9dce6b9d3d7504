"""Door to the tables of readers, subscriptions, consent and suppression."""

from __future__ import annotations

import sqlalchemy as sa

from digest.db import BigId, UtcDateTime, metadata

subscriber = sa.Table(
    "subscriber",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("public_id", sa.String(32), nullable=False, unique=True),
    sa.Column("address", sa.Text),
    sa.Column("address_key", sa.String(400), nullable=False, unique=True),
    sa.Column("language", sa.String(35)),
    sa.Column("zone", sa.String(64)),
    sa.Column("hour", sa.Integer),
    sa.Column("format", sa.String(8)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("erased_at", UtcDateTime),
)
"""`address_key` folds case and IDN only: no dots, no plus tags."""

subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("paused_until", UtcDateTime),
    sa.Column("topic_mask", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("requested_at", UtcDateTime),
    sa.Column("confirmed_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Index(None, "newsletter_id", "state", "subscriber_id"),
)

consent = sa.Table(
    "consent",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), nullable=False, index=True),
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id")),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("via", sa.String(32), nullable=False),
    sa.Column("ip", sa.String(45)),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
)
"""Append-only: nothing here is ever updated but the IP, which retention nulls."""

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("address_hmac", sa.String(64), primary_key=True),
    sa.Column("scope", sa.String(64), primary_key=True),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("norm_version", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Who is never mailed; `scope` is a newsletter's slug or "all". Its key never rotates."""
