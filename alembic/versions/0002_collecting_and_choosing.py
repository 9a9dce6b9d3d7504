"""Collecting and choosing.

Revision: 0002, after 0001. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SOURCE = {
    "warning": sa.Text(),
    "next_poll_at": sa.DateTime(timezone=True),
    "body_hash": sa.String(64),
    "moved_to": sa.Text(),
    "not_before": sa.DateTime(timezone=True),
    "failing_since": sa.DateTime(timezone=True),
    "status": sa.Integer(),
    "address_hash": sa.String(64),
    "settings": sa.JSON(),
    "removed_at": sa.DateTime(timezone=True),
}
_RENAMED = {"audio_url": "recording_url", "audio_seconds": "recording_seconds"}


def upgrade() -> None:
    """Widen sources, articles, slots and candidates; make the tables of choices and terms."""
    for name, kind in _SOURCE.items():
        op.add_column("source", sa.Column(name, kind))
    for old, new in _RENAMED.items():
        op.execute(f"ALTER TABLE article RENAME COLUMN {old} TO {new}")
    op.add_column("article", sa.Column("recording_kind", sa.String(8)))
    op.execute("UPDATE article SET recording_kind = 'audio' WHERE recording_url IS NOT NULL")
    op.add_column(
        "article", sa.Column("withdrawn_why", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("article", sa.Column("visited_at", sa.DateTime(timezone=True)))
    op.add_column(
        "article", sa.Column("priority", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("article", sa.Column("reads", sa.Integer()))
    op.create_index("ix_article_published_at", "article", ["published_at"])
    op.create_index("ix_article_source_id", "article", ["source_id"])
    _new_columns_of_editions()
    _new_tables()


def _new_columns_of_editions() -> None:
    op.add_column(
        "slot", sa.Column("by_hand", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE slot SET by_hand = true WHERE name <> 'main'")
    op.add_column("edition", sa.Column("note", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("edition", sa.Column("sponsor", sa.JSON()))
    op.add_column("edition", sa.Column("asked_for", sa.JSON()))
    op.add_column(
        "candidate", sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("candidate", sa.Column("wording", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("candidate", sa.Column("picture", sa.JSON()))


def _new_tables() -> None:
    op.create_table(
        "article_term",
        sa.Column("term", sa.String(64), nullable=False),
        sa.Column(
            "article_id",
            _NUMBER,
            sa.ForeignKey(
                "article.id", ondelete="CASCADE", name="fk_article_term_article_id_article"
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("term", "article_id", name="pk_article_term"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_article_term_article_id", "article_term", ["article_id"])
    op.create_table(
        "further_reading",
        sa.Column("edition_id", _NUMBER, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("article_id", _NUMBER, nullable=False),
        sa.Column("of_article_id", _NUMBER),
        sa.PrimaryKeyConstraint("edition_id", "kind", "position", name="pk_further_reading"),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["edition.id"],
            ondelete="CASCADE",
            name="fk_further_reading_edition_id_edition",
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name="fk_further_reading_article_id_article"
        ),
        sa.ForeignKeyConstraint(
            ["of_article_id"], ["article.id"], name="fk_further_reading_of_article_id_article"
        ),
    )
    op.create_table(
        "choice",
        sa.Column("newsletter_id", _NUMBER, nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("slot_name", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("article_id", _NUMBER),
        sa.Column("language", sa.String(35), nullable=False, server_default=""),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "newsletter_id", "local_date", "slot_name", "seq", name="pk_choice"
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name="fk_choice_newsletter_id_newsletter"
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name="fk_choice_article_id_article"
        ),
    )
    op.create_index("ix_choice_newsletter_id_act", "choice", ["newsletter_id", "act"])


def downgrade() -> None:
    """Undo it: choices, terms and what the new columns hold are lost."""
    for table in ("choice", "further_reading", "article_term"):
        op.drop_table(table)
    with op.batch_alter_table("candidate") as batch:
        for name in ("picture", "wording", "pinned"):
            batch.drop_column(name)
    with op.batch_alter_table("edition") as batch:
        for name in ("asked_for", "sponsor", "note"):
            batch.drop_column(name)
    with op.batch_alter_table("slot") as batch:
        batch.drop_column("by_hand")
    op.drop_index("ix_article_source_id", "article")
    op.drop_index("ix_article_published_at", "article")
    with op.batch_alter_table("article") as batch:
        for name in ("reads", "priority", "visited_at", "withdrawn_why", "recording_kind"):
            batch.drop_column(name)
    for old, new in _RENAMED.items():
        op.execute(f"ALTER TABLE article RENAME COLUMN {new} TO {old}")
    with op.batch_alter_table("source") as batch:
        for name in _SOURCE:
            batch.drop_column(name)
