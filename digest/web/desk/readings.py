"""Door to the pages of stories: read one at somebody's word, a few at once, and not twice.

It is done in the thread of the request, never in the server's loop, within the limits of the
collector: 20 s to fetch, 10 s to read, in a child of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import BoundedSemaphore

from digest.app import App
from digest.errors import SourceError
from digest.sources.bring import Looked, look

_AT_ONCE = 3
"""More would leave few threads to those who only look at a page of the desk."""
_REMEMBERED = timedelta(minutes=30)
_MOST_REMEMBERED = 20
_LONGEST_ADDRESS = 2_000


class Readings:
    """The stories that people looked at last."""

    def __init__(self, app: App) -> None:
        """Begin with none."""
        self.places = BoundedSemaphore(_AT_ONCE)
        self._app = app
        self._kept: OrderedDict[str, tuple[datetime, Looked]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, url: str) -> Looked:
        """Read a page, unless that was done just now. Raises SourceError."""
        if len(url) > _LONGEST_ADDRESS:
            raise SourceError("story: the address is too long", hint="Paste it once more.")
        if (known := self._recall(url)) is not None:
            return known
        if not self.places.acquire(blocking=False):
            raise SourceError(
                "story: other pages are being read just now",
                hint="Try it again in a moment, or type the story in below.",
            )
        try:
            found = self._look(url)
        finally:
            self.places.release()
        with self._lock:
            self._kept[url] = (self._app.clock(), found)
            while len(self._kept) > _MOST_REMEMBERED:
                self._kept.popitem(last=False)
        return found

    def _recall(self, url: str) -> Looked | None:
        """Give what was found at an address in the last half hour."""
        with self._lock:
            known = self._kept.get(url)
        if known is None or self._app.clock() - known[0] > _REMEMBERED:
            return None
        return known[1]

    def _look(self, url: str) -> Looked:
        app = self._app
        return look(
            app.database,
            url,
            fetcher=app.fetcher,
            parser=app.parser,
            zone=app.settings.site.timezone,
            same_hosts=app.same_hosts,
            allow=app.newsroom.picture_networks,
        )
