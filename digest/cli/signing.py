"""The commands about keys: list, new, rotate, dns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.opening import settings_of
from digest.cli.output import json_option, mark, say, show, table
from digest.cli.wording import counted
from digest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from digest.config import Settings
    from digest.delivery.dkim import DnsRecord


@click.group()
def keys() -> None:
    """List, make or change the keys that sign our links and our mail."""


@keys.command("list", short_help="List the keys; the newest signs, all are accepted.")
@json_option
@click.pass_context
def list_keys(ctx: click.Context, as_json: bool) -> None:
    """List the keys with their files; of those for links the newest signs, all are accepted."""
    from subscribers.keys import load_keys, made_at

    settings = settings_of(ctx)
    folder = settings.storage.keys
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
    mail = _mail_keys(settings)

    def tell() -> None:
        table([("KEY", "FILE", "MADE", "USE"), *rows], right=(0,))
        if mail:
            say()
            names = ("selector", "file", "made_at", "use")
            cells = ([one[name] for name in names] for one in mail)
            ours = [(a, b, f"{made:%Y-%m-%d %H:%M} UTC", use) for a, b, made, use in cells]
            table([("SELECTOR", "FILE", "MADE", "USE"), *ours])

    show(as_json, {"folder": str(folder), "keys": facts, "dkim": mail}, tell)


def _mail_keys(settings: Settings) -> list[dict[str, Any]]:
    """Give the keys that sign mail, and what each is good for by the settings."""
    from digest.delivery.dkim_keys import dkim_files

    dkim = settings.mail.dkim
    return [
        {
            "selector": one.selector,
            "file": one.path.name,
            "made_at": one.made_at,
            "use": "signs mail" if dkim and dkim.selector == one.selector else "not used",
        }
        for one in dkim_files(settings.storage.keys)
    ]


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
@click.option("--dkim", is_flag=True, help="Make the two that sign mail instead.")
@click.option("--selector", help="Their name in the DNS; else that of the settings, or digest1.")
@json_option
@click.pass_context
def new(ctx: click.Context, lost: bool, dkim: bool, selector: str | None, as_json: bool) -> None:
    """Make the keys that are missing; none that is there is ever touched.

    Without --lost only for an installation that has no readers yet. With --dkim those that sign
    our mail, and print what belongs into the DNS.
    """
    settings = settings_of(ctx)
    if dkim and lost:
        raise UsageError("keys: --lost is for the other keys", hint="Leave it out beside --dkim.")
    if dkim:
        _new_mail_keys(settings, selector, as_json)
    elif selector is not None:
        raise UsageError("keys: --selector is for the keys of mail", hint="Add --dkim.")
    else:
        _new_keys(settings, lost, as_json)


def _new_keys(settings: Settings, lost: bool, as_json: bool) -> None:
    from subscribers.keys import create_keys, missing_keys

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


def _new_mail_keys(settings: Settings, named: str | None, as_json: bool) -> None:
    from digest.delivery.dkim_keys import create_dkim_keys

    folder, selector = settings.storage.keys, _selector(settings, named)
    made = create_dkim_keys(folder, selector)
    if not made:
        raise UsageError(
            f"keys: {folder}: those of selector {selector} are there",
            hint=f"For what belongs into the DNS: digest keys dns --selector {selector}",
        )
    records = _records(settings, selector)

    def tell() -> None:
        for name in made:
            mark("ok", f"{name}: new. Back it up with the others.")
        say()
        _tell_records(records)
        if settings.mail.dkim is None:
            say("When they can be looked up, write into digest.toml, below [mail]:")
            say()
            say(f'  dkim = {{ selector = "{selector}" }}')

    facts = {"folder": str(folder), "made_anew": list(made), "records": _as_facts(records)}
    show(as_json, facts, tell)


@keys.command(short_help="Print the DNS records of the keys that sign mail.")
@click.option("--selector", help="Of these keys only; else all there are.")
@json_option
@click.pass_context
def dns(ctx: click.Context, selector: str | None, as_json: bool) -> None:
    """Print the DNS records of the keys that sign mail, ready to paste."""
    from digest.delivery.dkim_keys import dkim_files

    settings = settings_of(ctx)
    there = [key.selector for key in dkim_files(settings.storage.keys)]
    wanted = [_selector(settings, selector)] if selector else list(dict.fromkeys(there))
    if not wanted:
        raise NotFoundError(
            f"keys: {settings.storage.keys}: none that signs mail",
            hint="Make them with: digest keys new --dkim",
        )
    records = [record for each in wanted for record in _records(settings, each)]
    show(as_json, {"records": _as_facts(records)}, lambda: _tell_records(records))


_FIRST_SELECTOR = "digest1"


def _selector(settings: Settings, named: str | None) -> str:
    """Give the selector meant. Raises UsageError for one that the settings would refuse."""
    from digest.config.model import SLUG

    if named is None:
        return settings.mail.dkim.selector if settings.mail.dkim else _FIRST_SELECTOR
    if not SLUG.fullmatch(named):
        raise UsageError(
            f"keys: {named!r}: this is no selector",
            hint="Take a-z, 0-9 and dashes within, at most 40, as: news2026",
        )
    return named


def _records(settings: Settings, selector: str) -> list[DnsRecord]:
    from digest.delivery.dkim import dns_record
    from digest.delivery.dkim_keys import load_dkim_keys, signing_domain

    domain = signing_domain(settings.mail)
    return [dns_record(key, domain) for key in load_dkim_keys(settings.storage.keys, selector)]


def _as_facts(records: Sequence[DnsRecord]) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "type": "TXT", "value": each.value, "strings": list(each.strings)}
        for each in records
    ]


def _tell_records(records: Sequence[DnsRecord]) -> None:
    """Print records as a zone file has them, then as a form on a web page asks for them."""
    say("For a zone file:")
    say()
    for record in records:
        say(f"{record.name}. IN TXT (")
        for string in record.strings:
            say(f'  "{string}"')
        say(")")
    say()
    say("The same for a form that asks for name and value, type TXT:")
    say()
    for record in records:
        say(record.name)
        say(record.value)
        say()


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
