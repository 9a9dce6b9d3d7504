"""Pure. The codes of all checks, which settings may name; a code is never used for anything else.

They stand here so that settings can be read without loading the checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_COUNTS: Final[Mapping[str, int]] = MappingProxyType(
    {"C": 17, "I": 5, "S": 7, "L": 12, "M": 9, "A": 15, "K": 7, "T": 7, "D": 13}
)
"""How many each family has, by its letter."""

CODES: Final = tuple(
    f"{letter}{n:02}" for letter, most in _COUNTS.items() for n in range(1, most + 1)
)
