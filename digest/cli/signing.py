"""The commands about keys: list, new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.opening import settings_of
from digest.cli.output import json_option, mark, say, show, table
from digest.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def keys() -> None:
    """List or make the keys that sign our links."""


@keys.command("list")
@json_option
@click.pass_context
def list_keys(ctx: click.Context, as_json: bool) -> None:
    """List the keys; the first signs, all are accepted."""
    from subscribers.keys import load_keys

    folder = settings_of(ctx).storage.keys
    numbers = [key.kid for key in load_keys(folder).keys]
    rows = [(number, "signs" if n == 0 else "accepted") for n, number in enumerate(numbers)]
    show(
        as_json,
        {"folder": str(folder), "keys": numbers},
        lambda: table([("KEY", "USE"), *rows], right=(0,)),
    )


@keys.command(short_help="Make a new key, which signs from now on.")
@click.option("--lost", is_flag=True, help="Also make those that are lost for good.")
@json_option
@click.pass_context
def new(ctx: click.Context, lost: bool, as_json: bool) -> None:
    """Make one new key that signs from now on; the earlier ones go on being accepted."""
    from subscribers.keys import create_key, create_keys

    folder = settings_of(ctx).storage.keys
    missing = _missing(folder)
    if missing and not lost:
        raise NotFoundError(
            f"keys: {folder}: missing: {', '.join(missing)}",
            hint="Copy them back from the backup. Lost for good? digest keys new --lost",
        )
    if missing:
        create_keys(folder)
    number = 1 if _LINKS in missing else create_key(folder).kid

    def tell() -> None:
        for name in missing:
            mark("warn", f"{name}: new. {_LOSSES[name]}")
        before = "" if _LINKS in missing else "; links signed before go on working"
        say(f"Key {number} signs from now on{before}.")
        say("Start digest serve again: what runs does not know the new key yet.")

    show(as_json, {"folder": str(folder), "key": number, "made_anew": missing}, tell)


_LINKS = "link-00001.key"
_LOSSES = {
    "suppression.key": "The never-mail list does not know its addresses any more.",
    "edition.key": "An edition composed before can get another content when composed again.",
    _LINKS: "Old links lead to a page that asks for the address.",
}


def _missing(folder: Path) -> list[str]:
    """Name the key files that should be there and are not."""
    from subscribers.keys import load_keys

    found = [name for name in _LOSSES if name != _LINKS and not (folder / name).exists()]
    try:
        load_keys(folder)
    except NotFoundError:
        found.append(_LINKS)
    return found
