"""Webhooks out; editions taken out of the archive; what an edition was made with.

Revision: 0013, after 0012. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("public_id", sa.String(16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("with_address", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("former_salt", sa.String(64), nullable=False, server_default=""),
        sa.Column("former_until", _MOMENT),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("paused_why", sa.Text(), nullable=False, server_default=""),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failing_since", _MOMENT),
        sa.Column("not_before", _MOMENT),
        sa.Column("last_ok_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhook_endpoint_public_id")),
    )
    _make_calls()
    op.create_table(
        "unpublished",
        sa.Column("edition_id", _NUMBER, nullable=False, autoincrement=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["edition.id"],
            name=op.f("fk_unpublished_edition_id_edition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("edition_id", name=op.f("pk_unpublished")),
    )
    _make_made_with()


def _make_made_with() -> None:
    op.create_table(
        "made_with",
        sa.Column("edition_id", _NUMBER, nullable=False, autoincrement=False),
        sa.Column("set_hash", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["edition.id"],
            name=op.f("fk_made_with_edition_id_edition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("edition_id", name=op.f("pk_made_with")),
    )


def _make_calls() -> None:
    op.create_table(
        "webhook_call",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("endpoint_id", _NUMBER, nullable=False),
        sa.Column("event_id", sa.String(40), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("happened_at", _MOMENT, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("next_at", _MOMENT),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("status", sa.Integer()),
        sa.Column("reply", sa.Text(), nullable=False, server_default=""),
        sa.Column("done_at", _MOMENT),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoint.id"],
            name=op.f("fk_webhook_call_endpoint_id_webhook_endpoint"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_call")),
        sa.UniqueConstraint("endpoint_id", "event_id", name="uq_webhook_call_endpoint_id_event_id"),
    )
    op.create_index(
        "ix_webhook_call_endpoint_id_next_at", "webhook_call", ["endpoint_id", "next_at"]
    )
    op.create_index(op.f("ix_webhook_call_done_at"), "webhook_call", ["done_at"])


def downgrade() -> None:
    """Let go of the tables; whoever was to be called is not called."""
    op.drop_table("made_with")
    op.drop_table("unpublished")
    op.drop_table("webhook_call")
    op.drop_table("webhook_endpoint")
