"""What the commands about many readers share: whom --segment means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import sqlalchemy as sa

    from digest.app import App
    from digest.db import Connection
    from subscribers.segments import Segment

segment_option = click.option(
    "--segment",
    "expression",
    metavar="EXPR",
    help="Only these, as in 'topic:sport and joined<2026-01-01'.",
)


def segment_of(app: App, connection: Connection, expression: str | None) -> Segment | None:
    """Read --segment with the names of this site. Raises SegmentError."""
    if expression is None:
        return None
    from digest.site_values import vocabulary
    from subscribers import directory_store
    from subscribers.segments import parse

    tags = directory_store.known_tags(connection)
    return parse(expression, vocabulary=vocabulary(app.settings, tags=tags))


def condition_for(
    app: App, connection: Connection, segment: Segment | None, newsletter_id: int | None = None
) -> sa.ColumnElement[bool] | None:
    """Give the condition of a segment, about one newsletter if it is named; None for none."""
    from subscribers.segment_store import condition_of
    from subscribers.segments import Audience

    audience = Audience(segment, app.settings.site.timezone) if segment else None
    return condition_of(connection, audience, newsletter_id=newsletter_id, now=app.clock())


def text_of(segment: Segment | None) -> str:
    """Say whom a segment means, without addresses, for the audit and for answers."""
    return segment.public_text if segment else ""
