"""Door to the tables of API tokens, remembered answers, and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.db import BigId, Connection, UtcDateTime, insert, metadata, rows_changed
from digest.people.model import Answer, ApiToken, NewToken, Remembered
from digest.people.tokens import read_scopes, write_scopes

_TOLD_APART = timedelta(minutes=1)
_UNDER_WAY = 0
"""The status of a request that has no answer yet."""

api_token = sa.Table(
    "api_token",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("public_id", sa.String(16), nullable=False, unique=True),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)
"""`secret_hash` is SHA-256 of the secret, which is shown once and kept nowhere."""

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("token_id", sa.ForeignKey("api_token.id"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("subject", sa.String(32), nullable=False, server_default="", index=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
)
"""The answer to a request that carried a key, given again for a day; `subject` is the reader's
public id, so that erasing them finds it."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("actor", sa.String(120), nullable=False),
    sa.Column("verb", sa.String(48), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False, server_default="", index=True),
    sa.Column("detail", sa.JSON, nullable=False),
)
"""Append-only: who did what to whom. A reader is named by their public id, never by an address;
erasing them empties `detail`."""


def create_token(connection: Connection, new: NewToken) -> ApiToken:
    """Write a token; give it as it is kept."""
    row = {**asdict(new), "scopes": write_scopes(new.scopes)}
    written = sa.insert(api_token).values(row).returning(*api_token.c)
    return _token(connection.execute(written).one())


def find_token(connection: Connection, public_id: str) -> ApiToken | None:
    """Find a token by the id in its text."""
    query = sa.select(api_token).where(api_token.c.public_id == public_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _token(row)


def list_tokens(connection: Connection) -> list[ApiToken]:
    """List the tokens there are and were, oldest first."""
    return [_token(row) for row in connection.execute(sa.select(api_token).order_by("id"))]


def revoke_token(connection: Connection, token_id: int, *, at: datetime) -> bool:
    """End a token at once; False when it was revoked before."""
    mine = sa.update(api_token).where(api_token.c.id == token_id, api_token.c.revoked_at.is_(None))
    return rows_changed(connection.execute(mine.values(revoked_at=at))) == 1


def mark_used(connection: Connection, token: ApiToken, *, at: datetime) -> None:
    """Write that a token is in use, at most once a minute."""
    if token.last_used_at is None or at - token.last_used_at >= _TOLD_APART:
        mine = sa.update(api_token).where(api_token.c.id == token.id)
        connection.execute(mine.values(last_used_at=at))


def begin_answer(
    connection: Connection,
    token_id: int,
    key: str,
    request_hash: str,
    *,
    at: datetime,
    given_up_before: datetime,
) -> Remembered | None:
    """Take a key for one request; None when it is ours now, else what stands under it.

    The row decides between processes. One that died at its work, and so never answered, has its
    key taken over when that is longer ago than `given_up_before`.
    """
    row = {
        "token_id": token_id,
        "key": key,
        "request_hash": request_hash,
        "status": _UNDER_WAY,
        "body": "",
        "at": at,
    }
    mine = insert(connection, idempotency).values(row)
    dead = (idempotency.c.status == _UNDER_WAY) & (
        idempotency.c.at < sa.literal(given_up_before, UtcDateTime)
    )
    taken = mine.on_conflict_do_update(
        index_elements=["token_id", "key"],
        set_={"at": at, "request_hash": request_hash},
        where=dead,
    ).returning(idempotency.c.key)
    if connection.execute(taken).one_or_none() is not None:
        return None
    under = sa.select(idempotency).where(_under(token_id, key))
    found = connection.execute(under).one_or_none()
    if found is None:  # dropped this very moment, by the request that was refused
        return Remembered(request_hash, None)
    done = found.status != _UNDER_WAY
    answer = Answer(found.status, found.body, found.subject) if done else None
    return Remembered(found.request_hash, answer)


def keep_answer(connection: Connection, token_id: int, key: str, answer: Answer) -> None:
    """Write what was answered under a key that `begin_answer` took."""
    values = {"status": answer.status, "body": answer.body, "subject": answer.subject}
    connection.execute(sa.update(idempotency).where(_under(token_id, key)).values(values))


def drop_answer(connection: Connection, token_id: int, key: str) -> None:
    """Give a key free whose request was refused: nothing was done, so it may be tried again."""
    connection.execute(sa.delete(idempotency).where(_under(token_id, key)))


def forget_answers(connection: Connection, *, before: datetime) -> int:
    """Drop the answers from before a moment; give how many went."""
    old = sa.delete(idempotency).where(idempotency.c.at < sa.literal(before, UtcDateTime))
    return rows_changed(connection.execute(old))


def append_audit(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    verb: str,
    subject: str,
    detail: Mapping[str, Any],
) -> None:
    """Note who did what to whom, in the transaction that does it.

    `actor` as in `token:3` or `command`; `subject` is a public id or a slug, never an address.
    """
    row = {"at": at, "actor": actor, "verb": verb, "subject": subject, "detail": dict(detail)}
    connection.execute(sa.insert(audit).values(**row))


def scrub_reader(connection: Connection, public_id: str) -> None:
    """Empty what the audit and the remembered answers say about a reader; that it was done stays.

    A remembered answer goes altogether: giving it again would give back what was erased.
    """
    about = audit.c.subject == public_id
    connection.execute(sa.update(audit).where(about).values(detail={}))
    connection.execute(sa.delete(idempotency).where(idempotency.c.subject == public_id))


def _under(token_id: int, key: str) -> sa.ColumnElement[bool]:
    return (idempotency.c.token_id == token_id) & (idempotency.c.key == key)


def _token(row: sa.Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        public_id=row.public_id,
        name=row.name,
        scopes=read_scopes(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        secret_hash=row.secret_hash,
    )
