"""Sign in: by a link that was mailed and works once, or by a password."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from digest.db import Connection, Database
from digest.errors import WorkflowError
from digest.outbox.model import NewNotice, NoticeKind
from digest.outbox.store import put
from digest.people import sessions, user_store
from digest.people.model import How, User
from digest.people.passwords import matches
from digest.people.sessions import Begun
from digest.people.store import append_audit
from digest.people.tokens import hash_secret

LINK_LIFE = timedelta(minutes=15)
_TOKEN_BYTES = 24

Url = Callable[[str], str]
"""Gives the whole address of the page of a token."""


def new_link(connection: Connection, of: User, *, url: Url, now: datetime) -> str:
    """Make a link by which somebody signs in, once, within `LINK_LIFE`; give its address."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    ends = now + LINK_LIFE
    user_store.put_token(connection, hash_secret(token), of.id, expires_at=ends)
    return url(token)


def hand_link(connection: Connection, of: User, *, url: Url, actor: str, now: datetime) -> str:
    """Make a link for somebody who stands beside the machine; give its address.

    Raises WorkflowError for who is let in no more.
    """
    if of.revoked_at is not None:
        raise WorkflowError(
            f"users: {of.name}: let in no more, so no link would work",
            hint="To let them in again, add their address once more: digest users add",
        )
    append_audit(
        connection, at=now, actor=actor, verb="sign-in.link", subject=of.public_id, detail={}
    )
    return new_link(connection, of, url=url, now=now)


def mail_link(connection: Connection, to: User, *, url: Url, actor: str, now: datetime) -> None:
    """Put the mail with a link into the outbox, in the transaction of its cause."""
    link = new_link(connection, to, url=url, now=now)
    notice = NewNotice(
        dedupe_key=f"sign-in:{hash_secret(link)}",
        kind=NoticeKind.SIGN_IN,
        to_address=to.address,
        facts={
            "address": to.address,
            "sign_in_url": link,
            "valid_minutes": int(LINK_LIFE.total_seconds() // 60),
            "language": "en",
        },
        next_at=now,
    )
    put(connection, notice)
    append_audit(
        connection, at=now, actor=actor, verb="sign-in.mail", subject=to.public_id, detail={}
    )


def ask_link(database: Database, address_key: str, *, url: Url, now: datetime) -> None:
    """Mail a link to who has this address and may come in; for anybody else nothing happens."""
    with database.write() as connection:
        found = user_store.find_user(connection, address_key=address_key)
        if found is not None and found.revoked_at is None:
            mail_link(connection, found, url=url, actor="desk", now=now)


def link_owner(database: Database, token: str, *, now: datetime) -> tuple[User, bool] | None:
    """Find whose link this is, and whether it still works; it is not used up by looking."""
    with database.read() as connection:
        return user_store.token_user(connection, hash_secret(token), now=now)


def by_link(database: Database, token: str, *, device: str, now: datetime) -> Begun | None:
    """Sign in by a link, which is used up with all others of the same person; None if too late."""
    kept = hash_secret(token)
    with database.write() as connection:
        found = user_store.token_user(connection, kept, now=now)
        if found is None or not found[1] or not user_store.use_token(connection, kept, now=now):
            return None
        user_store.end_tokens(connection, found[0].id, at=now)
        return sessions.begin(connection, found[0], how=How.LINK, device=device, at=now)


def by_password(
    database: Database, address_key: str, password: str, *, device: str, now: datetime
) -> Begun | None:
    """Sign in by a password; None, after as long, for a wrong one and for nobody's address."""
    with database.read() as connection:
        seen = user_store.find_user(connection, address_key=address_key)
    if not matches(seen.password_hash if seen else "", password) or seen is None:
        return None
    with database.write() as connection:
        found = user_store.find_user(connection, address_key=address_key)
        # Changed or revoked while it was checked: what was checked counts no more.
        if found is None or found.revoked_at or found.password_hash != seen.password_hash:
            return None
        return sessions.begin(connection, found, how=How.PASSWORD, device=device, at=now)
