"""The life of an edition: corrections, when its editors were told, limits that were passed over.

Revision: 0006, after 0005. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the columns; drafts whose editors were told before stay told.

    The columns are added and not rebuilt: SQLite would copy every edition, PostgreSQL lock them.
    """
    op.add_column("edition", sa.Column("go_at", _MOMENT, nullable=True))
    op.add_column("edition", sa.Column("corrects", _NUMBER, nullable=True))
    op.add_column("edition", sa.Column("told_as", sa.String(40), nullable=False, server_default=""))
    op.execute("UPDATE edition SET told_as = 'draft' WHERE told_at IS NOT NULL")
    op.add_column("approval", sa.Column("override", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "correction",
        sa.Column("edition_id", _NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("noted_at", _MOMENT, nullable=False),
        sa.Column("mailed_as", _NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("edition_id", "n", name=op.f("pk_correction")),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["edition.id"],
            name=op.f("fk_correction_edition_id_edition"),
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Forget the corrections. Their mails stay in the ledger, as editions beside the others."""
    op.drop_table("correction")
    with op.batch_alter_table("approval") as batch:
        batch.drop_column("override")
    with op.batch_alter_table("edition") as batch:
        for column in ("told_as", "corrects", "go_at"):
            batch.drop_column(column)
