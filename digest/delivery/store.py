"""Door to the ledger: planned rows, leased batches, retries and attempts."""

from __future__ import annotations

import sqlalchemy as sa

from digest.db import BigId, UtcDateTime, metadata

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("batch_n", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("code", sa.Integer, nullable=False, server_default="0"),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("topic_mask", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("done_at", UtcDateTime),
    sqlite_with_rowid=False,
)
"""One row a reader, written before the first byte leaves. No index names `state`: on PostgreSQL
any such index makes every update rewrite the row."""

delivery_batch = sa.Table(
    "delivery_batch",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("due_at", UtcDateTime, nullable=False, index=True),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("intent_upto", BigId, nullable=False, server_default="0"),
    sa.Column("done_at", UtcDateTime),
)

delivery_retry = sa.Table(
    "delivery_retry",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("next_at", UtcDateTime, nullable=False, index=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("intent_at", UtcDateTime),
)
"""`intent_at` is set before the bytes of a retry leave, and goes with the row when answered."""

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("reply", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Only what was not accepted at once."""

heartbeat = sa.Table(
    "heartbeat",
    metadata,
    sa.Column("process", sa.String(32), primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("beat_at", UtcDateTime, nullable=False),
)
