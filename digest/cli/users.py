"""The commands about people of the desk: add, list, role, link, sign-out, revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import opened, typed
from digest.cli.output import json_option, say, show, table
from digest.cli.reader_words import time_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.app import App
    from digest.db import Connection
    from digest.people.model import User

_ROLES = ("viewer", "editor", "approver", "admin")
_COMMAND = "command"
"""Who acts here, as the audit writes it."""

_address = click.argument("address")


@click.group()
def users() -> None:
    """People of the desk: who may come in, and what each may do.

    A viewer looks; an editor chooses and words the stories; an approver lets editions go; an admin
    changes settings and people.
    """


@users.command(short_help="Add somebody, and print a link that signs them in once.")
@_address
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default="editor",
    show_default=True,
    help="What they may do.",
)
@click.option("--name", default="", help="Their name. [default: made of the address]")
@json_option
@click.pass_context
def add(ctx: click.Context, address: str, role: str, name: str, as_json: bool) -> None:
    """Add somebody, and print a link that signs them in once, within 15 minutes.

    No mail is needed for it: so the first admin comes in. Who was let in no more comes back by it.
    """
    from digest.people import users as people
    from digest.people.model import Role
    from subscribers.address import read_address

    read = read_address(address)
    with opened(ctx) as app:
        now = app.clock()
        with app.database.write() as connection:
            added = people.add(
                connection,
                read.mailed,
                read.key,
                role=Role(role),
                name=name,
                actor=_COMMAND,
                at=now,
            )
            url = _link(connection, app, added)
        _tell_link(ctx, added, url, as_json=as_json, said=f"{added.name} is {_a(role)} now.")


@users.command(short_help="Print a link that signs somebody in once.")
@_address
@json_option
@click.pass_context
def link(ctx: click.Context, address: str, as_json: bool) -> None:
    """Print a link that signs somebody in once, within 15 minutes: for when mail does not come."""
    with opened(ctx) as app:

        def work(connection: Connection, who: User) -> str:
            return _link(connection, app, who)

        who, url = _done(app, address, work)
        _tell_link(ctx, who, url, as_json=as_json, said=f"For {who.name}:")


@users.command("list", short_help="List people, what each may do, and when last seen.")
@json_option
@click.pass_context
def list_users(ctx: click.Context, as_json: bool) -> None:
    """List people, what they may do, and when they were last at the desk."""
    from digest.people import user_store
    from digest.site_values import session_rules

    with opened(ctx) as app:
        rules, now = session_rules(app.settings), app.clock()
        with app.database.read() as connection:
            found = user_store.list_users(connection)
            counts = user_store.count_sessions(connection, now=now, rules=rules)
        facts = [{**_facts(each), "sessions": counts.get(each.id, 0)} for each in found]
        show(as_json, facts, lambda: _tell_list(ctx, app, found, counts))


def _tell_list(ctx: click.Context, app: App, found: list[User], counts: dict[int, int]) -> None:
    if not found:
        say(f"Nobody yet. Add the first: {typed(ctx)} users add ADDRESS --role admin")
        return
    rows = [
        (each.name, each.address, each.role, _state(app, each), counts.get(each.id, 0))
        for each in found
    ]
    table([("NAME", "ADDRESS", "ROLE", "LAST HERE", "SESSIONS"), *rows], right=(4,))


@users.command()
@_address
@click.argument("role", type=click.Choice(_ROLES))
@json_option
@click.pass_context
def role(ctx: click.Context, address: str, role: str, as_json: bool) -> None:
    """Give somebody another role; it counts from their next click on."""
    from digest.people import users as people
    from digest.people.model import Role

    with opened(ctx) as app:
        now = app.clock()

        def work(connection: Connection, who: User) -> User:
            return people.change_role(
                connection, who, Role(role), version=who.version, actor=_COMMAND, at=now
            )

        _, changed = _done(app, address, work)
        show(as_json, _facts(changed), lambda: say(f"{changed.name} is {_a(role)} now."))


@users.command(short_help="Let somebody in no more, from this moment.")
@_address
@json_option
@click.pass_context
def revoke(ctx: click.Context, address: str, as_json: bool) -> None:
    """Let somebody in no more: sessions, links and password end at once; what they did stays."""
    from digest.people import users as people

    with opened(ctx) as app:
        now = app.clock()

        def work(connection: Connection, who: User) -> User:
            return people.revoke(connection, who, version=who.version, actor=_COMMAND, at=now)

        before, changed = _done(app, address, work)
        done = before.revoked_at is None
        said = "comes in no more" if done else "was let in no more before"
        facts = {**_facts(changed), "revoked_now": done}
        show(as_json, facts, lambda: say(f"{changed.name} {said}."))


@users.command("sign-out", short_help="End all sessions of somebody, from this moment.")
@_address
@json_option
@click.pass_context
def sign_out(ctx: click.Context, address: str, as_json: bool) -> None:
    """End all sessions and links of somebody at once; they may sign in again."""
    from digest.people import users as people

    with opened(ctx) as app:
        now = app.clock()

        def work(connection: Connection, who: User) -> int:
            return people.sign_out(connection, who, actor=_COMMAND, at=now)

        who, ended = _done(app, address, work)
        count = f"{ended} session{'' if ended == 1 else 's'}"
        said = f"{who.name} is signed out everywhere: {count} ended."
        show(as_json, {**_facts(who), "sessions_ended": ended}, lambda: say(said))


def _done(app: App, address: str, work: Callable[[Connection, User], Any]) -> tuple[User, Any]:
    """Do something to somebody in one transaction; give them as they were, and what it gave.

    Raises NotFoundError.
    """
    from digest.people.users import named
    from subscribers.address import read_address

    key = read_address(address).key
    with app.database.write() as connection:
        who = named(connection, address_key=key)
        return who, work(connection, who)


def _link(connection: Connection, app: App, of: User) -> str:
    from digest.people.sign_in import hand_link

    public_url = app.newsroom.site.public_url
    return hand_link(
        connection,
        of,
        url=lambda token: f"{public_url}/desk/sign-in/{token}",
        actor=_COMMAND,
        now=app.clock(),
    )


def _tell_link(ctx: click.Context, who: User, url: str, *, as_json: bool, said: str) -> None:
    from digest.people.sign_in import LINK_LIFE

    minutes = int(LINK_LIFE.total_seconds() // 60)

    def tell() -> None:
        say(said)
        say(url)
        say(f"It signs in as {who.address}, once, within {minutes} minutes. Pass it on to nobody")
        say(f"else. Another: {typed(ctx)} users link {who.address}")

    show(as_json, {**_facts(who), "sign_in_url": url, "valid_minutes": minutes}, tell)


def _facts(who: User) -> dict[str, Any]:
    return {
        "id": who.public_id,
        "address": who.address,
        "name": who.name,
        "role": who.role.value,
        "has_password": bool(who.password_hash),
        "created_at": who.created_at,
        "seen_at": who.seen_at,
        "revoked_at": who.revoked_at,
    }


def _state(app: App, who: User) -> str:
    if who.revoked_at is not None:
        return f"let in no more since {time_of(app, who.revoked_at)}"
    return time_of(app, who.seen_at) or "never yet"


def _a(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
