"""The commands about keys: list, new, rotate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.opening import settings_of
from digest.cli.output import json_option, mark, say, show, table
from digest.cli.wording import counted
from digest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from digest.config import Settings


@click.group()
def keys() -> None:
    """List, make or change the keys that sign our links."""


@keys.command("list", short_help="List the keys; the newest signs, all are accepted.")
@json_option
@click.pass_context
def list_keys(ctx: click.Context, as_json: bool) -> None:
    """List the keys with their files; the newest signs, all are accepted."""
    from subscribers.keys import load_keys, made_at

    folder = settings_of(ctx).storage.keys
    facts = [
        {
            "key": key.kid,
            "file": f"link-{key.kid:05d}.key",
            "made_at": made_at(folder, key.kid),
            "use": "accepted" if n else "signs",
        }
        for n, key in enumerate(load_keys(folder).keys)
    ]
    rows = [
        (one["key"], one["file"], f"{one['made_at']:%Y-%m-%d %H:%M} UTC", one["use"])
        for one in facts
    ]
    show(
        as_json,
        {"folder": str(folder), "keys": facts},
        lambda: table([("KEY", "FILE", "MADE", "USE"), *rows], right=(0,)),
    )


@keys.command(short_help="Make the next key, which signs from now on.")
@json_option
@click.pass_context
def rotate(ctx: click.Context, as_json: bool) -> None:
    """Make the next key, which signs from now on; the earlier ones go on being accepted.

    What runs takes it up within a minute. With several machines, copy the new file to all of them.
    """
    from subscribers.keys import create_key

    folder = settings_of(ctx).storage.keys
    _refuse_missing(folder)
    number = create_key(folder).kid

    def tell() -> None:
        say(f"Key {number} signs from now on; links signed before go on working.")
        say("What runs takes it up within a minute. Back it up with the others.")

    show(as_json, {"folder": str(folder), "key": number}, tell)


@keys.command(short_help="Make the keys of a new installation, or those that are lost.")
@click.option("--lost", is_flag=True, help="Those that are missing are lost for good.")
@json_option
@click.pass_context
def new(ctx: click.Context, lost: bool, as_json: bool) -> None:
    """Make the keys that are missing; none that is there is ever touched.

    Without --lost only for an installation that has no readers yet.
    """
    from subscribers.keys import create_keys, missing_keys

    settings = settings_of(ctx)
    folder = settings.storage.keys
    missing = missing_keys(folder)
    if not missing:
        raise UsageError(
            f"keys: {folder}: none is missing",
            hint="For a new key that signs from now on: digest keys rotate",
        )
    readers, never = _counts(settings)
    if not lost and (readers or never):
        _refuse_missing(folder)
    create_keys(folder)

    def tell() -> None:
        for name in missing:
            loss = _LOSSES[name].format(never=counted(never, "address", "addresses"))
            mark("warn" if lost else "ok", f"{name}: new. {loss if lost else ''}".rstrip())
        say("What runs takes up new keys of links within a minute; start it again for the others.")

    show(as_json, {"folder": str(folder), "made_anew": list(missing)}, tell)


_LOSSES = {
    "suppression.key": (
        "The never-mail list ({never}) is blind: it still keeps out who is a reader of ours, and"
        " does not know anybody who is not. Suppress again whom you remember."
    ),
    "edition.key": "An edition composed before can get another content when composed again.",
    "link-00001.key": "Old links lead to a page that asks for the address.",
}


def _refuse_missing(folder: Path) -> None:
    """Raise NotFoundError when a key file that should be there is not."""
    from subscribers.keys import missing_keys

    if missing := missing_keys(folder):
        raise NotFoundError(
            f"keys: {folder}: missing: {', '.join(missing)}",
            hint="Copy them back from the backup. Lost for good? digest keys new --lost",
        )


def _counts(settings: Settings) -> tuple[int, int]:
    """Count the readers and the never-mail list; none where there is no database yet."""
    from digest.db import Database
    from subscribers.replay_store import how_many

    database = Database(settings.storage.database, read_only=True)
    if database.path is not None and not database.path.exists():
        return 0, 0
    try:
        with database.read() as connection:
            return how_many(connection)
    finally:
        database.close()
