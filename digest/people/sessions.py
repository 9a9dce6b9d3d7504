"""Begin, find and end the sessions of people at the desk.

The cookie holds a random token; only its SHA-256 is kept here, so that whoever reads the database
cannot be anybody. Each request asks the database: what is ended is over at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from digest.db import Connection, Database
from digest.people import user_store
from digest.people.model import How, Session, SessionRules, SignedIn, User
from digest.people.store import append_audit
from digest.people.tokens import hash_secret

_TOKEN_BYTES, _ID_BYTES = 32, 9


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that has just begun, and what its cookie holds."""

    me: SignedIn
    token: str


def begin(connection: Connection, of: User, *, how: How, device: str, at: datetime) -> Begun:
    """Begin a session; its token is given this once."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session = user_store.begin_session(
        connection,
        of,
        token_hash=hash_secret(token),
        public_id=secrets.token_urlsafe(_ID_BYTES),
        how=how,
        device=device,
        at=at,
    )
    append_audit(
        connection,
        at=at,
        actor=of.actor,
        verb="session.begin",
        subject=of.public_id,
        detail={"how": how.value, "device": device},
    )
    return Begun(SignedIn(of, session), token)


def find(database: Database, token: str, *, now: datetime, rules: SessionRules) -> SignedIn | None:
    """Find who has this token, if their session still works; note once a minute that it does."""
    if not token:
        return None
    with database.read() as connection:
        found = user_store.find_session(connection, hash_secret(token))
    if found is None or not admits(found, now=now, rules=rules):
        return None
    if user_store.is_seldom_seen(found.session, at=now):
        with database.write() as connection:
            user_store.mark_seen(connection, found.session, at=now)
    return found


def admits(found: SignedIn, *, now: datetime, rules: SessionRules) -> bool:
    """Tell whether a session works and its user may still come in."""
    return found.user.revoked_at is None and found.session.works(now, rules)


def end(database: Database, me: SignedIn, session: Session | str, *, at: datetime) -> bool:
    """End one session of mine, by itself or its public id; False when there is none such."""
    public_id = session if isinstance(session, str) else session.public_id
    with database.write() as connection:
        ended = user_store.end_sessions(connection, me.user.id, at=at, only=public_id)
        if ended:
            note_end(connection, me.user, ended, actor=me.actor, at=at)
    return bool(ended)


def end_others(database: Database, me: SignedIn, *, at: datetime) -> int:
    """End all my sessions but this one; give how many."""
    with database.write() as connection:
        ended = user_store.end_sessions(connection, me.user.id, at=at, but=me.session.id)
        if ended:
            note_end(connection, me.user, ended, actor=me.actor, at=at)
    return ended


def note_end(connection: Connection, of: User, count: int, *, actor: str, at: datetime) -> None:
    """Write to the audit that sessions were ended, and by whom."""
    append_audit(
        connection,
        at=at,
        actor=actor,
        verb="session.end",
        subject=of.public_id,
        detail={"sessions": count},
    )
