"""Queue: Procrastinate's tables, whose jobs wake the senders of several machines.

They are the package's own, as its installed version has them; `digest.queue.schema` brings them up
to date when a newer one is installed. Only PostgreSQL has them: a SQLite file has one sender.

Revision: 0008, after 0007. Made 2026-11-22.
"""

from __future__ import annotations

from alembic import op

from digest.queue import schema

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the queue on PostgreSQL; nothing on SQLite."""
    schema.keep(op.get_bind())


def downgrade() -> None:
    """Let go of the queue: its jobs are hints, the ledger stays whole."""
    schema.drop(op.get_bind())
