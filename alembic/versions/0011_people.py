"""People: who may work at the desk, the sessions they work in, and their links to sign in.

Revision: 0011, after 0010. Made 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the three tables, empty: `digest users add` names the first."""
    op.create_table(
        "user",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("public_id", sa.String(16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=True),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("public_id", name=op.f("uq_user_public_id")),
        sa.UniqueConstraint("address_key", name=op.f("uq_user_address_key")),
    )
    _make_sessions()
    _make_tokens()


def _make_sessions() -> None:
    op.create_table(
        "session",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("public_id", sa.String(32), nullable=False),
        sa.Column("user_id", _NUMBER, nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_session_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
        sa.UniqueConstraint("public_id", name=op.f("uq_session_public_id")),
    )
    op.create_index(op.f("ix_session_user_id"), "session", ["user_id"])
    op.create_index(op.f("ix_session_seen_at"), "session", ["seen_at"])


def _make_tokens() -> None:
    op.create_table(
        "sign_in_token",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_id", _NUMBER, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_sign_in_token_user_id_user")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_token")),
    )
    op.create_index(op.f("ix_sign_in_token_user_id"), "sign_in_token", ["user_id"])
    op.create_index(op.f("ix_sign_in_token_expires_at"), "sign_in_token", ["expires_at"])


def downgrade() -> None:
    """Forget who may work here."""
    op.drop_table("sign_in_token")
    op.drop_table("session")
    op.drop_table("user")
