"""Run migrations on the connection we are given, or on DIGEST_STORAGE__DATABASE for a developer.

No fileConfig here: it would switch off the loggers of the running program.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from alembic import context

from digest.db import BigId, Database, UtcDateTime, metadata
from digest.migrations import load_tables

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

load_tables()


def plain_type(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our own types as what they are today: a migration must not change with the code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if item is BigId:
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


def is_compared(item: Any, _name: str | None, kind: str, _found: Any, _other: Any) -> bool:
    """Leave out what PostgreSQL does without, and the queue's tables, which are a package's own."""
    if kind == "table" and str(_name).startswith("procrastinate_"):
        return False
    on_server = context.get_context().dialect.name == "postgresql"
    return not (on_server and kind == "foreign_key_constraint" and item.table.name == "delivery")


def run(connection: sa.Connection) -> None:
    """Migrate inside the transaction of our caller, when there is one."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=False,
        include_object=is_compared,
        render_item=plain_type,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = Database(os.environ.get("DIGEST_STORAGE__DATABASE", "sqlite:///var/digest.db"))
    with database.write() as opened:
        run(opened)
