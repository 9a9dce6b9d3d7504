"""Door to the tables of who works at the desk: people, their sessions, their links to sign in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.db import BigId, Connection, UtcDateTime, insert, metadata, rows_changed
from digest.people.model import How, NewUser, Role, Session, SessionRules, SignedIn, User

_TOLD_APART = timedelta(minutes=1)

user = sa.Table(
    "user",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("public_id", sa.String(16), nullable=False, unique=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("address_key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False, server_default=""),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)
"""`password_hash` is of argon2id, "" where none is set."""

session = sa.Table(
    "session",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("public_id", sa.String(32), nullable=False, unique=True),
    sa.Column("user_id", sa.ForeignKey("user.id"), nullable=False, index=True),
    sa.Column("how", sa.String(16), nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False, index=True),
    sa.Column("ended_at", UtcDateTime),
)
"""`token_hash` is SHA-256 of what the cookie holds. One that is over is kept for a while: a form
that was opened in it is known by it to be its user's."""

sign_in_token = sa.Table(
    "sign_in_token",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("user.id"), nullable=False, index=True),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Column("used_at", UtcDateTime),
)
"""A link to sign in: it works once, and until `expires_at`."""


def end_everything(connection: Connection, *, at: datetime) -> None:
    """End every session and every link to sign in: who was let in may be so no more."""
    over = sa.update(session).where(session.c.ended_at.is_(None))
    connection.execute(over.values(ended_at=at))
    used = sa.update(sign_in_token).where(sign_in_token.c.used_at.is_(None))
    connection.execute(used.values(used_at=at))


def add_user(connection: Connection, new: NewUser, *, at: datetime) -> User | None:
    """Write a person; None where somebody has this address already, revoked or not."""
    values = {**asdict(new), "role": new.role.value, "created_at": at}
    written = insert(connection, user).values(values).on_conflict_do_nothing()
    row = connection.execute(written.returning(*user.c)).one_or_none()
    return None if row is None else _user(row)


def list_users(connection: Connection) -> list[User]:
    """List everybody there is and was, by name."""
    rows = connection.execute(sa.select(user).order_by(sa.func.lower(user.c.name), user.c.id))
    return [_user(row) for row in rows]


def find_user(connection: Connection, *, address_key: str) -> User | None:
    """Find a person by their address."""
    return _one_user(connection, user.c.address_key == address_key)


def user_by_public_id(connection: Connection, public_id: str) -> User | None:
    """Find a person by the id that forms name them by."""
    return _one_user(connection, user.c.public_id == public_id)


def working_admins(connection: Connection) -> list[int]:
    """Give the ids of the admins who may sign in, locked until the transaction ends."""
    mine = (user.c.role == Role.ADMIN.value) & user.c.revoked_at.is_(None)
    query = sa.select(user.c.id).where(mine).order_by(user.c.id).with_for_update()
    return list(connection.scalars(query))


def change_user(
    connection: Connection, user_id: int, *, version: int, values: Mapping[str, object]
) -> User | None:
    """Change a person as they were at `version`; None when somebody else changed them since."""
    seen = sa.update(user).where(user.c.id == user_id, user.c.version == version)
    changed = seen.values(**values, version=version + 1).returning(*user.c)
    row = connection.execute(changed).one_or_none()
    return None if row is None else _user(row)


def begin_session(
    connection: Connection,
    of: User,
    *,
    token_hash: str,
    public_id: str,
    how: How,
    device: str,
    at: datetime,
) -> Session:
    """Write a session that begins now."""
    values = {
        "token_hash": token_hash,
        "public_id": public_id,
        "user_id": of.id,
        "how": how.value,
        "device": device,
        "created_at": at,
        "seen_at": at,
    }
    row = connection.execute(sa.insert(session).values(values).returning(*session.c)).one()
    connection.execute(sa.update(user).where(user.c.id == of.id).values(seen_at=at))
    return _session(row)


def find_session(connection: Connection, token_hash: str) -> SignedIn | None:
    """Find a session and whose it is, whether it works or not."""
    return _one_session(connection, session.c.token_hash == token_hash)


def session_by_public_id(connection: Connection, public_id: str) -> SignedIn | None:
    """Find the same by the session's public id."""
    return _one_session(connection, session.c.public_id == public_id)


def is_seldom_seen(of: Session, *, at: datetime) -> bool:
    """Tell whether it is time to write that a session is in use: once a minute is enough."""
    return abs(at - of.seen_at) >= _TOLD_APART


def mark_seen(connection: Connection, of: Session, *, at: datetime) -> None:
    """Write that a session is in use."""
    connection.execute(sa.update(session).where(session.c.id == of.id).values(seen_at=at))
    connection.execute(sa.update(user).where(user.c.id == of.user_id).values(seen_at=at))


def sessions_of(
    connection: Connection, user_id: int, *, now: datetime, rules: SessionRules
) -> list[Session]:
    """List the sessions of a person that work, the one seen last first."""
    mine = sa.select(session).where(session.c.user_id == user_id, _works(now, rules))
    rows = connection.execute(mine.order_by(session.c.seen_at.desc(), session.c.id.desc()))
    return [_session(row) for row in rows]


def count_sessions(connection: Connection, *, now: datetime, rules: SessionRules) -> dict[int, int]:
    """Count the sessions that work, by the id of whose they are."""
    query = sa.select(session.c.user_id, sa.func.count()).where(_works(now, rules))
    return {row[0]: row[1] for row in connection.execute(query.group_by(session.c.user_id))}


def end_sessions(
    connection: Connection,
    user_id: int,
    *,
    at: datetime,
    only: str | None = None,
    but: int | None = None,
) -> int:
    """End a person's sessions at once; give how many.

    `only` is the public id of the one to end, `but` the id of one that goes on.
    """
    mine = sa.update(session).where(session.c.user_id == user_id, session.c.ended_at.is_(None))
    if only is not None:
        mine = mine.where(session.c.public_id == only)
    if but is not None:
        mine = mine.where(session.c.id != but)
    return rows_changed(connection.execute(mine.values(ended_at=at)))


def put_token(
    connection: Connection, token_hash: str, user_id: int, *, expires_at: datetime
) -> None:
    """Write a link to sign in."""
    values = {"token_hash": token_hash, "user_id": user_id, "expires_at": expires_at}
    connection.execute(sa.insert(sign_in_token).values(values))


def token_user(
    connection: Connection, token_hash: str, *, now: datetime
) -> tuple[User, bool] | None:
    """Find whose link this is, and whether it still works; None for one we do not know."""
    on = sa.join(sign_in_token, user, sign_in_token.c.user_id == user.c.id)
    query = sa.select(*user.c, _unused(now).label("works")).select_from(on)
    row = connection.execute(query.where(sign_in_token.c.token_hash == token_hash)).one_or_none()
    if row is None:
        return None
    found = _user(row)
    return found, bool(row.works) and found.revoked_at is None


def use_token(connection: Connection, token_hash: str, *, now: datetime) -> bool:
    """Use a link up; False when it was used before or is too old. The row decides who was first."""
    mine = sa.update(sign_in_token).where(sign_in_token.c.token_hash == token_hash, _unused(now))
    return rows_changed(connection.execute(mine.values(used_at=now))) == 1


def end_tokens(connection: Connection, user_id: int, *, at: datetime) -> None:
    """Let no link of a person work any more."""
    mine = sa.update(sign_in_token).where(
        sign_in_token.c.user_id == user_id, sign_in_token.c.used_at.is_(None)
    )
    connection.execute(mine.values(used_at=at))


def old_sessions(
    connection: Connection, *, before: datetime, rules: SessionRules, most: int
) -> Sequence[int]:
    """Find the sessions that were over before a moment."""
    old = sa.select(session.c.id).where(_was_over(before, rules)).order_by(session.c.id)
    return list(connection.scalars(old.limit(most)))


def drop_sessions(connection: Connection, ids: Sequence[int]) -> int:
    """Drop these; give how many. What is over stays so."""
    gone = sa.delete(session).where(session.c.id.in_(list(ids)))
    return rows_changed(connection.execute(gone))


def old_tokens(connection: Connection, *, before: datetime, most: int) -> Sequence[str]:
    """Find the links that ran out before a moment."""
    old = sa.select(sign_in_token.c.token_hash).where(
        sign_in_token.c.expires_at < sa.literal(before, UtcDateTime)
    )
    return list(connection.scalars(old.order_by(sign_in_token.c.expires_at).limit(most)))


def drop_tokens(connection: Connection, hashes: Sequence[str]) -> int:
    """Drop these; give how many."""
    mine = sign_in_token.c.token_hash.in_(list(hashes))
    return rows_changed(connection.execute(sa.delete(sign_in_token).where(mine)))


def _was_over(at: datetime, rules: SessionRules) -> sa.ColumnElement[bool]:
    return sa.or_(
        session.c.ended_at < sa.literal(at, UtcDateTime),
        session.c.created_at < sa.literal(at - rules.life, UtcDateTime),
        session.c.seen_at < sa.literal(at - rules.idle, UtcDateTime),
    )


def _works(now: datetime, rules: SessionRules) -> sa.ColumnElement[bool]:
    return sa.and_(
        session.c.ended_at.is_(None),
        session.c.created_at > sa.literal(now - rules.life, UtcDateTime),
        session.c.seen_at > sa.literal(now - rules.idle, UtcDateTime),
    )


def _unused(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        sign_in_token.c.used_at.is_(None),
        sign_in_token.c.expires_at > sa.literal(now, UtcDateTime),
    )


def _one_user(connection: Connection, mine: sa.ColumnElement[bool]) -> User | None:
    row = connection.execute(sa.select(user).where(mine)).one_or_none()
    return None if row is None else _user(row)


def _one_session(connection: Connection, mine: sa.ColumnElement[bool]) -> SignedIn | None:
    theirs = [column.label(f"whose_{column.name}") for column in user.c]
    on = sa.join(session, user, session.c.user_id == user.c.id)
    query = sa.select(*session.c, *theirs).select_from(on).where(mine)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    whose = _user_of({column.name: row[f"whose_{column.name}"] for column in user.c})
    return SignedIn(whose, _session_of(row))


def _user(row: Any) -> User:
    return _user_of(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _user_of(row: Mapping[str, Any] | sa.RowMapping) -> User:
    return User(
        id=row["id"],
        public_id=row["public_id"],
        address=row["address"],
        name=row["name"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        version=row["version"],
        seen_at=row["seen_at"],
        revoked_at=row["revoked_at"],
        password_hash=row["password_hash"],
    )


def _session(row: Any) -> Session:
    return _session_of(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _session_of(row: Mapping[str, Any] | sa.RowMapping) -> Session:
    return Session(
        id=row["id"],
        public_id=row["public_id"],
        user_id=row["user_id"],
        how=How(row["how"]),
        device=row["device"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        ended_at=row["ended_at"],
    )
