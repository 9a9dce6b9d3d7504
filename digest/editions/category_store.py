"""Door to the table of sorted categories: which section a person put a feed's category into."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, insert, metadata, rows_changed
from digest.editions.sections import SortedCategory, plain
from digest.sources.article_store import article

LONGEST_CATEGORY = 200

category_section = sa.Table(
    "category_section",
    metadata,
    sa.Column("category_key", sa.String(LONGEST_CATEGORY), primary_key=True),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("section", sa.String(64), nullable=False),
    sa.Column("sorted_by", sa.Text, nullable=False),
    sa.Column("sorted_at", UtcDateTime, nullable=False),
)
"""Beside what digest.toml says, which goes first. `category_key` is folded: "Local" is "LOCAL"."""


def sorted_categories(connection: Connection) -> tuple[SortedCategory, ...]:
    """Give what people have sorted, by category."""
    table = category_section.c
    query = sa.select(table.category, table.section, table.sorted_by, table.sorted_at)
    rows = connection.execute(query.order_by(table.category_key))
    return tuple(SortedCategory(*row) for row in rows)


def stories_to_sort(
    connection: Connection, *, after: datetime, until: datetime
) -> list[tuple[str | None, list[str]]]:
    """Give address and categories of each story first seen within (after, until].

    Withdrawn ones are left out. Of a hundred thousand the texts would be a burden.
    """
    query = sa.select(article.c.url, article.c.categories).where(
        article.c.first_seen_at > sa.literal(after, UtcDateTime),
        article.c.first_seen_at <= sa.literal(until, UtcDateTime),
        article.c.withdrawn_at.is_(None),
    )
    rows = connection.execute(query.order_by(article.c.first_seen_at, article.c.id))
    return [(row.url, row.categories) for row in rows]


def find_sorted(connection: Connection, category: str) -> SortedCategory | None:
    """Give where a category was put; None when nobody has sorted it."""
    table = category_section.c
    query = sa.select(table.category, table.section, table.sorted_by, table.sorted_at)
    row = connection.execute(query.where(table.category_key == plain(category))).one_or_none()
    return None if row is None else SortedCategory(*row)


def put(connection: Connection, category: str, section: str, *, by: str, at: datetime) -> bool:
    """Put a category into a section; False when somebody sorted it before: then nothing changes."""
    row = insert(connection, category_section).values(
        category_key=plain(category), category=category, section=section, sorted_by=by, sorted_at=at
    )
    row = row.on_conflict_do_nothing(index_elements=["category_key"])
    added = connection.execute(row.returning(category_section.c.category_key))
    return added.first() is not None


def take_back(connection: Connection, category: str, *, section: str) -> bool:
    """Forget that a category is in this section; False when it is not any more."""
    mine = category_section.c.category_key == plain(category)
    here = category_section.c.section == section
    return rows_changed(connection.execute(sa.delete(category_section).where(mine, here))) == 1
