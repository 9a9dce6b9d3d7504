"""Pure. Who works here: people at the desk and their sessions, and programs with a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Scope(StrEnum):
    """One thing a token may do."""

    SIGNUP = "signup"
    READ = "readers:read"
    WRITE = "readers:write"
    SUPPRESS = "suppress"
    ARTICLES_WRITE = "articles:write"
    NEWSLETTERS_READ = "newsletters:read"
    EDITIONS_READ = "editions:read"
    EDITIONS_CHOOSE = "editions:choose"
    EDITIONS_WRITE = "editions:write"
    EDITIONS_RELEASE = "editions:release"
    WEBHOOKS = "webhooks"


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


class Role(StrEnum):
    """What somebody may do; each may also do what those before it may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Tell whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class How(StrEnum):
    """How a session was begun."""

    LINK = "link"
    PASSWORD = "password"  # noqa: S105 - the word for it, and none itself


@dataclass(frozen=True, slots=True)
class User:
    """A person of the desk. Times are aware UTC; `version` grows with every change."""

    id: int
    public_id: str
    address: str
    name: str
    role: Role
    created_at: datetime
    version: int
    seen_at: datetime | None = None
    revoked_at: datetime | None = None
    password_hash: str = field(default="", repr=False)
    """Of argon2id, with its salt and costs; "" where none is set."""

    @property
    def actor(self) -> str:
        """Give who this is in the audit."""
        return f"user:{self.public_id}"


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person about to be added; `address_key` is the address with case and IDN folded."""

    public_id: str
    address: str
    address_key: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long somebody stays signed in."""

    idle: timedelta = timedelta(days=3)
    """After this without a request it is over: from Friday evening to Monday morning it holds."""
    life: timedelta = timedelta(days=30)
    """And after this in any case."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept: all but its token. Times are aware UTC."""

    id: int
    public_id: str
    user_id: int
    how: How
    device: str
    created_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None

    def works(self, now: datetime, rules: SessionRules) -> bool:
        """Tell whether it is neither ended nor too old."""
        young = now < self.created_at + rules.life and now < self.seen_at + rules.idle
        return self.ended_at is None and young


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody at the desk, and the session they are there in."""

    user: User
    session: Session

    @property
    def name(self) -> str:
        """Give their name, for people to read."""
        return self.user.name

    @property
    def actor(self) -> str:
        """Give who they are in the audit."""
        return self.user.actor

    @property
    def address(self) -> str:
        """Give the address they are mailed at."""
        return self.user.address

    @property
    def role(self) -> Role:
        """Give what they may do."""
        return self.user.role

    def may(self, needed: Role | str) -> bool:
        """Tell whether they may do what a role may."""
        return self.role.may(Role(needed))
