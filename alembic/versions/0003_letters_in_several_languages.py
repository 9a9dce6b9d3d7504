"""Letters in several languages: which of a revision's compositions is the newsletter's own.

Revision: 0003, after 0002. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Order the languages of a composition; what there is has one, which is the first."""
    op.add_column(
        "composition", sa.Column("place", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Forget the order, and every composition that is not in its newsletter's own language."""
    op.execute("DELETE FROM composition WHERE place > 0")
    with op.batch_alter_table("composition") as batch:
        batch.drop_column("place")
