"""Who holds a link, for the page it opens: the standing of the reader and their language."""

from __future__ import annotations

from dataclasses import dataclass

from digest.db import Database
from subscribers import store
from subscribers.model import Standing
from subscribers.tokens import Grant


@dataclass(frozen=True, slots=True)
class Holder:
    """A reader as their link knows them; an empty standing when they are gone."""

    standing: Standing
    language: str | None


def holder_of(database: Database, grant: Grant) -> Holder:
    """Find who a signed link belongs to, changing nothing."""
    with database.read() as connection:
        standing = store.standing_of(connection, grant.reader) or Standing(None)
        reader = store.find_subscriber(connection, public_id=grant.reader)
    return Holder(standing, reader.language if reader else None)
