"""Pure. Who was seen in a file already: eight bytes a reader, however long the file."""

from __future__ import annotations

from array import array

_LEAST = 1 << 10
_ROOM = 1.5


class Seen:
    """A set of names given as keyed hashes, in a table of its own: Python's takes ten times more.

    Two names are taken for one with a chance of one to some billions for a million readers; the
    hash is keyed, so that nobody can make such names.
    """

    def __init__(self, most: int) -> None:
        """Make room for so many names."""
        size = _LEAST
        while size < most * _ROOM:
            size *= 2
        self._mask = size - 1
        self._places = array("Q", bytes(8 * size))

    def add(self, hashed: str) -> bool:
        """Take a name by its hash (hex); False when it was there."""
        value = int(hashed[:16], 16) or 1
        places, mask = self._places, self._mask
        at = value & mask
        while found := places[at]:
            if found == value:
                return False
            at = (at + 1) & mask
        places[at] = value
        return True
