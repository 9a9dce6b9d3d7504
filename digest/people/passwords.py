"""Make and check passwords: argon2id, as slow for an address that nobody has."""

from __future__ import annotations

import functools
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from digest.errors import UsageError

SHORTEST, _LONGEST = 12, 200
_FEWEST_LETTERS = 5
_AT_ONCE = threading.BoundedSemaphore(2)  # each takes 19 MB: a flood of tries must not take all

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""The costs that OWASP's cheat sheet on password storage names for argon2id."""


def hash_password(password: str, *, address: str) -> str:
    """Give what is kept of a password. Raises UsageError for one that is too easy to guess."""
    _refuse_weak(password, address)
    with _AT_ONCE:
        return _HASHER.hash(_one_form(password))


def matches(kept: str, password: str) -> bool:
    """Tell whether this is the password; takes as long where none is kept."""
    with _AT_ONCE:
        try:
            _HASHER.verify(kept or _nobodys(), _one_form(password)[: _LONGEST * 4])
        except (VerificationError, InvalidHashError):
            return False
    return bool(kept)


def _refuse_weak(password: str, address: str) -> None:
    """Refuse by length and by what is known here: nothing is looked up anywhere."""
    if len(password) < SHORTEST:
        raise UsageError(
            f"password: {len(password)} letters: too short",
            hint=f"At least {SHORTEST}: a few words in a row are easy to keep in mind.",
        )
    if len(password) > _LONGEST:
        raise UsageError(
            f"password: {len(password)} letters: too long", hint=f"At most {_LONGEST}."
        )
    bare = password.casefold()
    if bare == address.casefold() or len(set(bare)) < _FEWEST_LETTERS:
        raise UsageError(
            "password: too easy to guess", hint="Not your address, and not one letter many times."
        )


def _one_form(password: str) -> str:
    """Give the same letters the same form, however a keyboard makes them."""
    return unicodedata.normalize("NFKC", password)


@functools.cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody at all")
