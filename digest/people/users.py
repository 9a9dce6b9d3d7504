"""Add people to the desk, change what they may do, and let them go; each act is in the audit."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from digest.db import Connection, Database
from digest.errors import ConflictError, NotFoundError, UsageError, WorkflowError
from digest.people import user_store
from digest.people.model import NewUser, Role, SignedIn, User
from digest.people.naming import person_name
from digest.people.passwords import hash_password, matches
from digest.people.sessions import note_end
from digest.people.store import append_audit

_ID_BYTES = 6


def add(
    connection: Connection,
    address: str,
    address_key: str,
    *,
    role: Role,
    name: str = "",
    actor: str,
    at: datetime,
) -> User:
    """Add somebody, or let somebody in again who was revoked.

    `address` as it is mailed, `address_key` with case and IDN folded. Raises UsageError where they
    are here already.
    """
    public_id = secrets.token_hex(_ID_BYTES)
    new = NewUser(public_id, address, address_key, person_name(name, address), role)
    added = user_store.add_user(connection, new, at=at) or _again(connection, new, bool(name))
    _note(connection, added, "user.add", actor=actor, at=at, role=role.value)
    return added


def _again(connection: Connection, new: NewUser, with_name: bool) -> User:  # noqa: FBT001 - private
    found = user_store.find_user(connection, address_key=new.address_key)
    if found is None or found.revoked_at is None:
        raise UsageError(
            "users: this address: somebody has it already", hint="Change their role instead."
        )
    values: dict[str, object] = {"revoked_at": None, "role": new.role.value, "password_hash": ""}
    if with_name:
        values["name"] = new.name
    return _changed(connection, found, found.version, values)


def change_role(
    connection: Connection, who: User, role: Role, *, version: int, actor: str, at: datetime
) -> User:
    """Give somebody another role.

    Raises ConflictError when somebody else changed them since `version`, WorkflowError for the
    last admin.
    """
    if who.role is role:
        return who
    if who.role is Role.ADMIN:
        _keep_an_admin(connection, who, "becomes")
    changed = _changed(connection, who, version, {"role": role.value})
    _note(connection, who, "user.role", actor=actor, at=at, role=role.value, was=who.role.value)
    return changed


def revoke(connection: Connection, who: User, *, version: int, actor: str, at: datetime) -> User:
    """Let somebody in no more: their sessions, links and password end at once.

    Raises as `change_role` does; somebody who is out already stays as they are.
    """
    if who.revoked_at is not None:
        return who
    _keep_an_admin(connection, who, "leaves")
    changed = _changed(connection, who, version, {"revoked_at": at, "password_hash": ""})
    user_store.end_sessions(connection, who.id, at=at)
    user_store.end_tokens(connection, who.id, at=at)
    _note(connection, who, "user.revoke", actor=actor, at=at)
    return changed


def sign_out(connection: Connection, who: User, *, actor: str, at: datetime) -> int:
    """End all sessions and links of somebody at once; give how many sessions."""
    ended = user_store.end_sessions(connection, who.id, at=at)
    user_store.end_tokens(connection, who.id, at=at)
    note_end(connection, who, ended, actor=actor, at=at)
    return ended


def rename(database: Database, me: SignedIn, name: str, *, at: datetime) -> User:
    """Change my own name, which stands beside what I do. Raises UsageError for none."""
    if not name.strip():
        raise UsageError("name: it is empty", hint="Write the name that others know you by.")
    with database.write() as connection:
        values = {"name": person_name(name, me.address)}
        changed = _changed(connection, me.user, me.user.version, values)
        _note(connection, me.user, "user.rename", actor=me.actor, at=at)
    return changed


def set_password(
    database: Database, me: SignedIn, password: str, *, old: str, at: datetime
) -> None:
    """Set my password, and end my other sessions: who had the old one is out.

    `old` is the password until now, where there is one. Raises UsageError for a wrong old one and
    a weak new one.
    """
    if me.user.password_hash and not matches(me.user.password_hash, old):
        raise UsageError(
            "password: that is not the one you had", hint="Forgotten? Sign in by a mailed link."
        )
    _write_password(database, me, hash_password(password, address=me.address), at=at)


def drop_password(database: Database, me: SignedIn, *, at: datetime) -> None:
    """Have no password any more: from now on only a mailed link leads in."""
    _write_password(database, me, "", at=at)


def _write_password(database: Database, me: SignedIn, kept: str, *, at: datetime) -> None:
    with database.write() as connection:
        _changed(connection, me.user, me.user.version, {"password_hash": kept})
        user_store.end_sessions(connection, me.user.id, at=at, but=me.session.id)
        user_store.end_tokens(connection, me.user.id, at=at)
        verb = "user.password" if kept else "user.no-password"
        _note(connection, me.user, verb, actor=me.actor, at=at)


def named(connection: Connection, *, address_key: str) -> User:
    """Find somebody by their address. Raises NotFoundError."""
    found = user_store.find_user(connection, address_key=address_key)
    if found is None:
        raise NotFoundError(
            "users: this address: nobody here has it", hint="Who there is: digest users list"
        )
    return found


def _keep_an_admin(connection: Connection, who: User, does: str) -> None:
    admins = user_store.working_admins(connection)
    if admins == [who.id]:
        raise WorkflowError(
            f"users: {who.name}: the last admin {does}, and nobody could add people any more"
            if does == "leaves"
            else f"users: {who.name}: the last admin, and nobody could add people any more",
            hint="Make somebody else an admin first.",
        )


def _changed(connection: Connection, who: User, version: int, values: Mapping[str, object]) -> User:
    changed = user_store.change_user(connection, who.id, version=version, values=values)
    if changed is None:
        raise ConflictError(
            f"users: {who.name}: somebody else changed them since you looked",
            hint="Look at the page again, then do it once more.",
        )
    return changed


def _note(
    connection: Connection, who: User, verb: str, *, actor: str, at: datetime, **detail: str
) -> None:
    append_audit(connection, at=at, actor=actor, verb=verb, subject=who.public_id, detail=detail)
