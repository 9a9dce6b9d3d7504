"""Pure. An API token: whose it is, what it may do, and until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """One thing a token may do."""

    SIGNUP = "signup"
    READ = "readers:read"
    WRITE = "readers:write"
    SUPPRESS = "suppress"
    EDITIONS_READ = "editions:read"
    EDITIONS_WRITE = "editions:write"
    EDITIONS_RELEASE = "editions:release"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as we keep it: everything but its secret. Times are aware UTC."""

    id: int
    public_id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    secret_hash: str = field(default="", repr=False, compare=False)

    @property
    def actor(self) -> str:
        """Give its name in the audit."""
        return f"token:{self.public_id}"

    def works(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token about to be written."""

    public_id: str
    secret_hash: str = field(repr=False)
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request that carried a key, to be given again."""

    status: int
    body: str
    subject: str = ""
    """The public id of the reader it is about."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of a key: the request it stood on, and the answer once there is one."""

    request_hash: str
    answer: Answer | None
