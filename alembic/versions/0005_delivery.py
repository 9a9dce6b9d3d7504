"""Delivery: counts by hour and domain, domains and their pace, leased retries.

Revision: 0005, after 0004. Made 2026-11-22.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_OPEN: Any = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("done_at IS NULL"))


def upgrade() -> None:
    """Make the tables, count what the ledger holds, and let go of an index.

    The hash of an address is random: on a million readers its index cost more than all else that
    an import writes, and only the replay of departures ever asked for it.
    """
    op.drop_index(op.f("ix_subscriber_address_hmac"), table_name="subscriber")
    op.add_column("edition", sa.Column("sending_at", _MOMENT, nullable=True))
    op.execute(
        "UPDATE edition SET sending_at = send_at WHERE EXISTS"
        " (SELECT 1 FROM delivery_batch b WHERE b.edition_id = edition.id)"
    )
    with op.batch_alter_table("heartbeat") as batch:
        batch.alter_column("process", type_=sa.String(80), existing_type=sa.String(32))
    op.drop_index(op.f("ix_delivery_batch_due_at"), table_name="delivery_batch")
    with op.batch_alter_table("delivery_batch") as batch:
        batch.drop_column("losses")
        batch.drop_column("lost_at")
    op.create_index(
        op.f("ix_delivery_batch_edition_id_due_at_n"),
        "delivery_batch",
        ["edition_id", "due_at", "n"],
        **_OPEN,
    )
    with op.batch_alter_table("delivery_retry") as batch:
        batch.drop_column("intent_at")
        batch.add_column(sa.Column("domain_id", _NUMBER, nullable=False, server_default="0"))
        batch.add_column(sa.Column("owner", sa.Text()))
        batch.add_column(sa.Column("fence", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("lease_until", _MOMENT))
    _make_tables()
    op.execute(
        "INSERT INTO delivery_count (edition_id, domain_id, state, hour, n)"
        " SELECT d.edition_id, 0, d.state, MIN(e.send_at), COUNT(*)"
        " FROM delivery d JOIN edition e ON e.id = d.edition_id GROUP BY d.edition_id, d.state"
    )


def downgrade() -> None:
    """Forget the counts and the domains; what is leased is due again."""
    for table in ("rate_bucket", "delivery_count", "domain"):
        op.drop_table(table)
    with op.batch_alter_table("delivery_retry") as batch:
        for column in ("lease_until", "fence", "owner", "domain_id"):
            batch.drop_column(column)
        batch.add_column(sa.Column("intent_at", _MOMENT))
    op.drop_index(op.f("ix_delivery_batch_edition_id_due_at_n"), table_name="delivery_batch")
    op.create_index(op.f("ix_delivery_batch_due_at"), "delivery_batch", ["due_at"], **_OPEN)
    with op.batch_alter_table("delivery_batch") as batch:
        batch.add_column(sa.Column("losses", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("lost_at", _NUMBER))
    op.execute("DELETE FROM heartbeat WHERE length(process) > 32")  # a sender's beat comes again
    with op.batch_alter_table("heartbeat") as batch:
        batch.alter_column("process", type_=sa.String(32), existing_type=sa.String(80))
    with op.batch_alter_table("edition") as batch:
        batch.drop_column("sending_at")
    op.create_index(op.f("ix_subscriber_address_hmac"), "subscriber", ["address_hmac"])


def _make_tables() -> None:
    op.create_table(
        "domain",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("mx_group", sa.String(255), nullable=False),
        sa.Column("looked_at", _MOMENT),
        sa.Column("slow_until", _MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain")),
        sa.UniqueConstraint("name", name=op.f("uq_domain_name")),
    )
    op.create_index(op.f("ix_domain_mx_group"), "domain", ["mx_group"])
    op.create_table(
        "delivery_count",
        sa.Column("edition_id", _NUMBER, nullable=False),
        sa.Column("domain_id", _NUMBER, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("hour", _MOMENT, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("edition_id", "domain_id", "state", "hour"), name=op.f("pk_delivery_count")
        ),
    )
    op.create_table(
        "rate_bucket",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False, server_default="0"),
        sa.Column("used", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("slowed", sa.Double(), nullable=False, server_default="1"),
        sa.Column("updated_at", _MOMENT),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_bucket")),
    )
