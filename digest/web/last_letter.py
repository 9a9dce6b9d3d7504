"""What the latest letter had in it, for a page that invites to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from threading import Lock

from digest.composition import store as compositions
from digest.composition.online import read_contents
from digest.db import Connection
from digest.editions.archive_store import latest_shown
from digest.editions.model import Edition
from digest.web.archive import PUBLIC
from digest.web.context import WebContext
from digest.web.lead_picture import lead_picture

_MOST_HEADLINES = 5


@dataclass(frozen=True, slots=True)
class Latest:
    """An edition that was sent: where it can be read, and what it began with."""

    name: str
    """The newsletter's."""
    address: str
    """The path below our own pages."""
    local_date: date
    language: str
    headlines: tuple[str, ...]
    image: str = ""
    """The name of the lead's picture among ours; "" without one."""


class LatestLetter:
    """The newest public letter of what is offered; one is remembered, as it never changes."""

    def __init__(self, context: WebContext) -> None:
        """Take the database and the newsletters."""
        self.context = context
        self._lock = Lock()
        self._known: tuple[tuple[int, int], Latest] | None = None

    def find(self) -> Latest | None:
        """Give what it began with; None as long as none was sent."""
        offered = {each.id: each for each in self.context.offered}
        with self.context.database.read() as connection:
            newest = next(iter(latest_shown(connection, offered, PUBLIC)), None)
            if newest is None:
                return None
            key = (newest.id, newest.revision)
            with self._lock:
                if self._known is not None and self._known[0] == key:
                    return self._known[1]
            found = _read(connection, newest, self.context)
        if found is not None:
            with self._lock:
                self._known = key, found
        return found


def _read(connection: Connection, newest: Edition, context: WebContext) -> Latest | None:
    """Take it from the letter that was approved: a story may say something else since."""
    made = compositions.load_composition(connection, newest.id)
    if made is None:
        return None
    held = read_contents(made)
    return Latest(
        name=context.names[newest.newsletter_id],
        address=newest.address,
        local_date=newest.local_date,
        language=made.language,
        headlines=tuple(each.words for each in (held.title, *held.also))[:_MOST_HEADLINES],
        image=lead_picture(made, context.site),
    )
