"""The commands about API tokens: add, list, revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import opened
from digest.cli.output import json_option, say, show, table
from digest.cli.reader_words import time_of
from digest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from digest.app import App
    from digest.db import Connection
    from digest.people.model import ApiToken

_SCOPES = (
    *("signup", "readers:read", "readers:write", "suppress"),
    *("articles:write", "newsletters:read"),
    *("editions:read", "editions:choose", "editions:write", "editions:release", "webhooks"),
)


@click.group()
def tokens() -> None:
    """API tokens: what programs of yours show when they call /api/v1."""


@tokens.command(short_help="Make a token, and show it this once.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(_SCOPES),
    help="What it may do; may be repeated.",
)
@click.option("--expires", metavar="365d", help="How long it works. [default: until revoked]")
@json_option
@click.pass_context
def add(
    ctx: click.Context, name: str, scopes: tuple[str, ...], expires: str | None, as_json: bool
) -> None:
    """Make a token, and show it this once: we keep only what recognises it.

    NAME says whose it is, and stands in the log of consent beside what it did.
    """
    from digest.people import store
    from digest.people.model import Scope
    from digest.people.tokens import make_token

    life = None if expires is None else _life(expires)
    with opened(ctx) as app:
        text, new = make_token(name, [Scope(each) for each in scopes], now=app.clock(), life=life)
        with app.database.write() as connection:
            token = store.create_token(connection, new)
            _note(connection, app, token, "token.add")
        facts = {**_facts(token), "token": text}
        show(as_json, facts, lambda: _tell_added(app, token, text))


def _life(text: str) -> timedelta:
    from digest.config.values import duration

    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(
            f"tokens: --expires {text!r}: {error}", hint="Write it as 365d, 12h or 30m."
        ) from error


def _tell_added(app: App, token: ApiToken, text: str) -> None:
    say(text)
    say("Keep it where only the program that needs it can read it: it is not shown again.")
    say(f"It may: {_scopes(token)}. Until: {time_of(app, token.expires_at) or 'revoked'}.")
    say(f"It ends with: digest tokens revoke {token.public_id}")


@tokens.command("list")
@json_option
@click.pass_context
def list_tokens(ctx: click.Context, as_json: bool) -> None:
    """List the tokens, what they may do, and when they were last used."""
    from digest.people import store

    with opened(ctx) as app:
        with app.database.read() as connection:
            found = store.list_tokens(connection)
        show(as_json, [_facts(each) for each in found], lambda: _tell_list(app, found))


def _tell_list(app: App, found: list[ApiToken]) -> None:
    if not found:
        say("No tokens yet. Make one: digest tokens add NAME --scope signup")
        return
    rows = [
        (each.public_id, each.name, _scopes(each), _state(app, each), _used(app, each))
        for each in found
    ]
    table([("ID", "NAME", "MAY", "STATE", "LAST USED"), *rows])


@tokens.command()
@click.argument("token", metavar="ID|NAME")
@json_option
@click.pass_context
def revoke(ctx: click.Context, token: str, as_json: bool) -> None:
    """End a token at once; what it did stays in the log and the audit."""
    from digest.people import store

    with opened(ctx) as app:
        with app.database.write() as connection:
            found = _named(store.list_tokens(connection), token)
            changed = store.revoke_token(connection, found.id, at=app.clock())
            if changed:
                _note(connection, app, found, "token.revoke")
        said = "is revoked" if changed else "was revoked before"
        facts = {"id": found.public_id, "name": found.name, "revoked_now": changed}
        show(as_json, facts, lambda: say(f"{found.public_id} ({found.name}) {said}."))


def _note(connection: Connection, app: App, token: ApiToken, verb: str) -> None:
    from digest.people.store import append_audit

    detail = {"name": token.name, "scopes": _scopes(token).split()}
    append_audit(
        connection,
        at=app.clock(),
        actor="command",
        verb=verb,
        subject=token.public_id,
        detail=detail,
    )


def _named(found: list[ApiToken], name: str) -> ApiToken:
    """Find a token by its id, or by a name that only one token has that still works."""
    exact = [each for each in found if each.public_id == name]
    named = [each for each in found if each.name == name]
    working = [each for each in named if each.revoked_at is None]
    candidates = exact or working or named
    if not candidates:
        hint = "Look for it with: digest tokens list"
        raise NotFoundError(f"tokens: {name!r}: there is no such token", hint=hint)
    if len(candidates) > 1:
        ids = ", ".join(each.public_id for each in candidates)
        raise UsageError(f"tokens: {name!r}: several have this name", hint=f"Name its id: {ids}")
    return candidates[0]


def _facts(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.public_id,
        "name": token.name,
        "scopes": _scopes(token).split(),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }


def _scopes(token: ApiToken) -> str:
    from digest.people.tokens import write_scopes

    return write_scopes(token.scopes)


def _state(app: App, token: ApiToken) -> str:
    if token.revoked_at is not None:
        return f"revoked {time_of(app, token.revoked_at)}"
    if token.works(app.clock()):
        until = time_of(app, token.expires_at)
        return f"until {until}" if until else "works"
    return f"expired {time_of(app, token.expires_at)}"


def _used(app: App, token: ApiToken) -> str:
    return time_of(app, token.last_used_at) or "never"
