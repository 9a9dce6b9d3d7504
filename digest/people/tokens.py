"""Pure. The text of an API token: `dg_<id>_<secret>`, made once and never kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.errors import UsageError
from digest.people.model import ApiToken, NewToken, Scope

_ID_BYTES, _SECRET_BYTES = 6, 32
_FORM = re.compile(r"dg_([0-9a-f]{12})_([0-9a-f]{64})")
_LONGEST_NAME = 80
_NOBODY = "0" * 64


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as somebody shows it: which one it says it is, and its secret."""

    public_id: str
    secret: str = field(repr=False)


def make_token(
    name: str, scopes: Collection[Scope], *, now: datetime, life: timedelta | None = None
) -> tuple[str, NewToken]:
    """Draw a token; give its text, which is shown once, and what is kept of it.

    Raises UsageError for a name that is empty, long or no single line, and for no scope at all.
    """
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"token: {name[:_LONGEST_NAME]!r}: not a name",
            hint=f"One line of at most {_LONGEST_NAME} letters, as in: website form",
        )
    if not scopes:
        raise UsageError("token: it may do nothing", hint="Name a scope, as: --scope signup")
    if life is not None and life <= timedelta(0):
        raise UsageError("token: it would have expired already", hint="Write --expires 365d.")
    public_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
    kept = NewToken(
        public_id=public_id,
        secret_hash=hash_secret(secret),
        name=name.strip(),
        scopes=frozenset(scopes),
        created_at=now,
        expires_at=_end(now, life),
    )
    return f"dg_{public_id}_{secret}", kept


def _end(now: datetime, life: timedelta | None) -> datetime | None:
    try:
        return None if life is None else now + life
    except OverflowError as error:
        raise UsageError(
            "token: that is longer than calendars go", hint="Leave it out: until revoked."
        ) from error


def read_token(text: str) -> Presented | None:
    """Take a token's text apart; None for what is none."""
    found = _FORM.fullmatch(text)
    return None if found is None else Presented(found[1], found[2])


def hash_secret(secret: str) -> str:
    """Give what is kept of a secret: SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def admits(token: ApiToken | None, presented: Presented, *, now: datetime) -> bool:
    """Tell whether what was shown is this token, and it works; as long for one that is not ours."""
    kept = _NOBODY if token is None else token.secret_hash
    same = hmac.compare_digest(kept, hash_secret(presented.secret))
    return same and token is not None and token.works(now)


def read_scopes(text: str) -> frozenset[Scope]:
    """Read the scopes of a token as they are kept, leaving out what this version does not know."""
    known = {scope.value: scope for scope in Scope}
    return frozenset(known[word] for word in text.split() if word in known)


def write_scopes(scopes: Collection[Scope]) -> str:
    """Write scopes as they are kept and shown: in the order of their list."""
    return " ".join(scope.value for scope in Scope if scope in scopes)
