"""Home: where this database lives, who confirmed it, and why nothing leaves from it.

Revision: 0007, after 0006. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table; its one row is written by the first program that opens the database."""
    op.create_table(
        "home",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("environment", sa.String(16), nullable=False),
        sa.Column("public_url", sa.Text(), nullable=False),
        sa.Column("place", sa.JSON(), nullable=False),
        sa.Column("keys", sa.String(64), nullable=False),
        sa.Column("confirmed_at", _MOMENT, nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=False, server_default=""),
        sa.Column("frozen_at", _MOMENT, nullable=True),
        sa.Column("frozen_reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("settings_refused", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home")),
    )


def downgrade() -> None:
    """Forget where it lives."""
    op.drop_table("home")
