"""Totals: how many copies of an edition stand in each state, beside the counts by domain and hour.

Revision: 0010, after 0009. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, and sum up what was counted."""
    op.create_table(
        "delivery_total",
        sa.Column("edition_id", _NUMBER, nullable=False, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edition_id", "state", name=op.f("pk_delivery_total")),
    )
    op.execute(
        "INSERT INTO delivery_total (edition_id, state, n)"
        " SELECT edition_id, state, SUM(n) FROM delivery_count GROUP BY edition_id, state"
    )


def downgrade() -> None:
    """Let go of the sums; the counts have them."""
    op.drop_table("delivery_total")
