"""Readers: tags, wordings, changes of address, limits, imports, API tokens, the audit.

Revision: 0004, after 0003. Made 2026-11-22.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and give every wording that was kept with a consent its number."""
    op.add_column("subscriber", sa.Column("active_at", sa.DateTime(timezone=True), nullable=True))
    _make_reader_tables()
    _make_running_tables()
    _make_people_tables()
    _free_ledger()
    op.create_index(op.f("ix_notice_to_address"), "notice", ["to_address"])
    _number_wordings()
    op.create_index(op.f("ix_notice_done_at"), "notice", ["done_at"])
    with_ip = sa.text("ip IS NOT NULL")
    op.create_index(
        op.f("ix_consent_at"), "consent", ["at"], sqlite_where=with_ip, postgresql_where=with_ip
    )


def downgrade() -> None:
    """Put the words back beside each consent, and forget the rest."""
    op.drop_index(op.f("ix_consent_at"), table_name="consent")
    op.drop_index(op.f("ix_notice_done_at"), table_name="notice")
    with op.batch_alter_table("consent") as batch:
        batch.add_column(sa.Column("text", sa.Text(), nullable=False, server_default=""))
    op.execute(
        "UPDATE consent SET text = (SELECT w.text FROM wording w WHERE w.id = consent.wording_id)"
        " WHERE wording_id IS NOT NULL"
    )
    with op.batch_alter_table("consent") as batch:
        batch.drop_constraint(op.f("fk_consent_wording_id_wording"), type_="foreignkey")
        batch.drop_column("wording_id")
        batch.drop_column("source")
    op.drop_index(op.f("ix_notice_to_address"), table_name="notice")
    for table in (
        *("audit", "idempotency", "api_token", "replayed_file", "import_run", "limit_window"),
        *("audience_change", "wording", "pending_address", "subscriber_tag"),
    ):
        op.drop_table(table)
    with op.batch_alter_table("subscriber") as batch:
        batch.drop_column("active_at")
    if op.get_bind().dialect.name == "postgresql":
        for name, (column, table) in _LEDGER_KEYS.items():
            op.create_foreign_key(op.f(name), "delivery", table, [column], ["id"])


_LEDGER_KEYS = {
    "fk_delivery_edition_id_edition": ("edition_id", "edition"),
    "fk_delivery_subscriber_id_subscriber": ("subscriber_id", "subscriber"),
}


def _free_ledger() -> None:
    """Drop the ledger's foreign keys where each row they check costs two triggers and a lock."""
    if op.get_bind().dialect.name == "postgresql":
        for name in _LEDGER_KEYS:
            op.drop_constraint(op.f(name), "delivery", type_="foreignkey")


def _make_reader_tables() -> None:
    op.create_table(
        "subscriber_tag",
        sa.Column("subscriber_id", _NUMBER, nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_subscriber_tag_subscriber_id_subscriber"),
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "tag", name=op.f("pk_subscriber_tag")),
    )
    op.create_index(
        op.f("ix_subscriber_tag_tag_subscriber_id"), "subscriber_tag", ["tag", "subscriber_id"]
    )
    op.create_table(
        "pending_address",
        sa.Column("subscriber_id", _NUMBER, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.String(400), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_pending_address_subscriber_id_subscriber"),
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_pending_address")),
    )
    op.create_table(
        "wording",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wording")),
        sa.UniqueConstraint("sha256", name=op.f("uq_wording_sha256")),
    )
    op.create_table(
        "audience_change",
        sa.Column("seq", _NUMBER, nullable=False),
        sa.Column("subscriber_id", _NUMBER, nullable=False),
        sa.Column("newsletter_id", _NUMBER, nullable=True),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_audience_change_subscriber_id_subscriber"),
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_audience_change_newsletter_id_newsletter"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audience_change")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audience_change_at"), "audience_change", ["at"])


def _make_running_tables() -> None:
    op.create_table(
        "limit_window",
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_limit_window")),
    )
    op.create_index(op.f("ix_limit_window_began_at"), "limit_window", ["began_at"])
    op.create_table(
        "import_run",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False, server_default=""),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_index(op.f("ix_import_run_fingerprint"), "import_run", ["fingerprint"])
    op.create_table(
        "replayed_file",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_replayed_file")),
    )


def _make_people_tables() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("public_id", sa.String(16), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_token_public_id")),
    )
    op.create_table(
        "idempotency",
        sa.Column("token_id", _NUMBER, nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False, server_default=""),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name=op.f("fk_idempotency_token_id_api_token")
        ),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_at"), "idempotency", ["at"])
    op.create_index(op.f("ix_idempotency_subject"), "idempotency", ["subject"])
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("verb", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False, server_default=""),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"])


def _number_wordings() -> None:
    with op.batch_alter_table("consent") as batch:
        batch.add_column(sa.Column("source", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("wording_id", _NUMBER, nullable=True))
        batch.create_foreign_key(
            op.f("fk_consent_wording_id_wording"), "wording", ["wording_id"], ["id"]
        )
    connection = op.get_bind()
    found = connection.execute(
        sa.text("SELECT text, min(at) FROM consent WHERE text <> '' GROUP BY text")
    ).all()
    for text, first_at in found:
        values = {"s": hashlib.sha256(text.encode()).hexdigest(), "t": text, "a": first_at}
        connection.execute(
            sa.text("INSERT INTO wording (sha256, text, first_at) VALUES (:s, :t, :a)"), values
        )
    op.execute(
        "UPDATE consent SET wording_id = (SELECT w.id FROM wording w WHERE w.text = consent.text)"
        " WHERE text <> ''"
    )
    with op.batch_alter_table("consent") as batch:
        batch.drop_column("text")
