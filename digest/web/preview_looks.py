"""What a preview's pages have seen: each wish looked for once, and the last good look kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from digest.web.preview_live import Changes
from digest.web.preview_problem import ReadText, problem_of
from digest.web.preview_wish import Problem, Seen, Wish

LookFor = Callable[[Wish], Seen]
"""Looks at an edition once more. Raises DigestError."""
LoadPicture = Callable[[str], tuple[str, bytes] | None]
"""Gives media type and content of one of our pictures by its hash."""

_MOST_KEPT = 24
_NOTHING = Wish()


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands for a wish: the edition, or why not; with both, it is the last good one."""

    seen: Seen | None
    problem: Problem | None
    count: int
    """As of how many changes."""


class Looks:
    """Looks for whoever asks, one at a time; threads share it."""

    def __init__(
        self,
        first: Seen,
        look: LookFor,
        *,
        load_picture: LoadPicture,
        read: ReadText = lambda _name: None,
        asked: Wish = _NOTHING,
        language: str = "",
    ) -> None:
        """Begin with what was seen `first`: it is what was `asked` for, in a `language` if one was.

        `read` gives the text of a template or of the settings, to show where the fault is.
        """
        self.changes = Changes()
        self.load_picture = load_picture
        self.site = first.site
        """The publisher, as it was last seen."""
        self.asked, self.language = asked, language
        self._look = look
        self._read = read
        self._known = {asked: Shown(first, None, 0)}
        self._one_look = threading.Lock()
        self._last = asked

    def shown(self, wish: Wish, *, again: bool = False) -> Shown:
        """Give what stands for a wish; it is looked for when files have changed, or `again`."""
        self._last = wish
        with self._one_look:
            known = self._known.get(wish)
            if known is not None and known.count == self.changes.count and not again:
                return known
            made = self._made(wish, known.seen if known else None)
            self._known.pop(wish, None)
            while len(self._known) >= _MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[wish] = made
            return made

    def saved(self) -> None:
        """Say that files were saved; while the pages hear of it, look at what was seen last."""
        self.changes.tell()
        if self.changes.is_heard:
            self.shown(self._last)

    def _made(self, wish: Wish, last: Seen | None) -> Shown:
        count = self.changes.count  # before the look: what is saved meanwhile is looked for again
        try:
            seen = self._look(wish)
        except Exception as error:  # noqa: BLE001 - the database may be moved, or migrated
            good_at = last.preview.made_at if last else None
            return Shown(last, problem_of(error, read=self._read, good_at=good_at), count)
        self.site = seen.site
        return Shown(seen, None, count)
