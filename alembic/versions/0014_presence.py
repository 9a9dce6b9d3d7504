"""Who is here, and the words of a person for a letter's row in the inbox.

Revision: 0014, after 0013. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of who looks at which edition, and the column of subject and preheader."""
    op.create_table(
        "presence",
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("doing", sa.Text(), nullable=False, server_default=""),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place", "who", name=op.f("pk_presence")),
    )
    op.add_column("edition", sa.Column("inbox", sa.JSON()))


def downgrade() -> None:
    """Let go of both: subjects and preheaders are what the rules write again."""
    op.drop_column("edition", "inbox")
    op.drop_table("presence")
