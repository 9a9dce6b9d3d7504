"""Make and check passwords: argon2id, as slow for an address that nobody has."""

from __future__ import annotations

import functools
import threading
import unicodedata
from typing import TYPE_CHECKING

from digest.errors import UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, _LONGEST = 12, 200
_FEWEST_LETTERS = 5
_AT_ONCE = threading.BoundedSemaphore(2)  # each takes 19 MB: a flood of tries must not take all


@functools.cache
def _hasher() -> PasswordHasher:
    """Make what hashes, at the costs that OWASP's cheat sheet on password storage names."""
    from argon2 import PasswordHasher  # noqa: PLC0415 - most of our processes see no password

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str, *, address: str) -> str:
    """Give what is kept of a password. Raises UsageError for one that is too easy to guess."""
    _refuse_weak(password, address)
    with _AT_ONCE:
        return _hasher().hash(_one_form(password))


def matches(kept: str, password: str) -> bool:
    """Tell whether this is the password; takes as long where none is kept."""
    from argon2.exceptions import (  # noqa: PLC0415 - as `_hasher` says
        InvalidHashError,
        VerificationError,
    )

    with _AT_ONCE:
        try:
            _hasher().verify(kept or _nobodys(), _one_form(password)[: _LONGEST * 4])
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
    return _hasher().hash("the password of nobody at all")
