"""Whether the editors have heard of a draft: `auto-after` counts from there, and from nothing else.

They are told when the mail server took the notice to the first of them. While it cannot leave, the
letter waits: it must not go unseen because mail was down for an hour.
"""

from __future__ import annotations

from dataclasses import replace

from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.workflow import life_store
from digest.workflow.model import Newsroom
from digest.workflow.telling import editors_key


def heard(newsroom: Newsroom, edition: Edition) -> tuple[Edition, bool]:
    """Give the edition with the moment its editors were told, and whether nobody ever will be.

    The latter is so when the mail to each of today's editors was refused.
    """
    waits = edition.state is EditionState.IN_REVIEW and edition.told_at is None
    if not waits or not edition.told_as:
        return edition, False
    keys = [editors_key(edition.address, edition.told_as, each) for each in newsroom.editors]
    with newsroom.database.read() as connection:
        telling = life_store.telling_of(connection, keys)
    told_at = telling.sent_at if keys else newsroom.clock()
    if told_at is None:
        return edition, not telling.waiting
    with newsroom.database.write() as connection:
        editions.mark_told(connection, edition.id, told_at)
    return replace(edition, told_at=told_at), False
