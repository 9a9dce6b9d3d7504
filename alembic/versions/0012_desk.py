"""What the desk keeps: sorted categories, sources that rest, settings and files of readers.

Revision: 0012, after 0011. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and give each source a moment since which it rests."""
    op.create_table(
        "category_section",
        sa.Column("category_key", sa.String(200), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("section", sa.String(64), nullable=False),
        sa.Column("sorted_by", sa.Text(), nullable=False),
        sa.Column("sorted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("category_key", name=op.f("pk_category_section")),
    )
    op.add_column("source", sa.Column("paused_at", sa.DateTime(timezone=True)))
    op.create_table(
        "desk_setting",
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_desk_setting")),
    )
    op.create_table(
        "reader_upload",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("records", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False, server_default=""),
        sa.Column("asked_by", sa.String(120), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_upload")),
    )


def downgrade() -> None:
    """Let go of all of it."""
    op.drop_table("reader_upload")
    op.drop_table("desk_setting")
    with op.batch_alter_table("source") as batch:
        batch.drop_column("paused_at")
    op.drop_table("category_section")
