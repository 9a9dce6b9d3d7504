"""Count whom an edition would be planned for now: the segment, staging and pauses considered."""

from __future__ import annotations

from digest.db import Connection
from digest.workflow.model import Newsroom
from subscribers import segment_store
from subscribers import store as readers


def audience_size(newsroom: Newsroom, connection: Connection, newsletter_id: int) -> int:
    """Count the readers an edition of a newsletter would be planned for now."""
    now = newsroom.clock()
    audience = newsroom.audiences.get(newsletter_id)
    among = segment_store.condition_of(connection, audience, newsletter_id=newsletter_id, now=now)
    only = newsroom.only_readers
    return readers.audience_size(connection, newsletter_id, now=now, only=only, among=among)
