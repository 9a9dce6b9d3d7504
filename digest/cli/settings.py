"""The commands about settings: init, config, keys."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from digest.cli.opening import config_path, settings_of
from digest.cli.output import counted, json_option, pairs, say, show, table
from digest.errors import DigestError, UsageError


@click.command()
@click.option("--site", metavar="URL", help="The site's address; its feed is guessed from it.")
@click.option("--name", help="The site's name. [default: from the address]")
@click.option("--timezone", default=None, help="As Europe/London. [default: this machine's]")
@click.pass_context
def init(ctx: click.Context, site: str | None, name: str | None, timezone: str | None) -> None:
    """Write digest.toml and keys for a new site; nothing is ever overwritten."""
    from digest.config import load
    from digest.config.writing import first_settings
    from subscribers.keys import create_keys

    path = config_path(ctx)
    if path.exists():
        raise DigestError(
            f"init: {path}: is there already, and was left as it is",
            hint="Check it with: digest config check",
        )
    url = (site or "https://yoursite.example").rstrip("/")
    host = urlsplit(url).hostname
    if not host or urlsplit(url).scheme not in {"http", "https"}:
        raise UsageError(
            f"init: {site!r}: not a web address", hint="Write https://yoursite.example"
        )
    text = first_settings(
        name=name or host.removeprefix("www.").partition(".")[0].replace("-", " ").title(),
        url=url,
        feed=f"{url}/feed/",
        timezone=timezone or _local_zone(),
        host=host.removeprefix("www."),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    settings = load(path)
    create_keys(settings.storage.keys)
    pairs(
        [
            ("Settings", path),
            ("Keys", f"{settings.storage.keys}   keep them with your backups"),
            ("Feed", f"{settings.sources['site'].feed}   a guess: check it"),
        ],
        indent=2,
    )
    say()
    say("Next")
    say("  digest sources check     is the feed the right one?")
    say("  digest collect           fetch its stories")
    say("  digest prepare daily     make the first edition")


def _local_zone() -> str:
    from zoneinfo import available_timezones

    link = Path("/etc/localtime")
    name = str(link.resolve()).partition("zoneinfo/")[2] if link.exists() else ""
    return name if name in available_timezones() and "/" in name else "Europe/London"


@click.group()
def config() -> None:
    """Check or show the settings."""


@config.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Find every mistake in digest.toml and the DIGEST_ variables."""
    from digest.composition.environment import load_templates

    path = config_path(ctx)
    settings = settings_of(ctx)
    load_templates()
    notes = settings.not_yet()
    facts = {
        "file": str(path),
        "newsletters": list(settings.newsletters),
        "sources": list(settings.sources),
        "no_effect_yet": notes,
        "mail_stays_here": settings.mail.maildir is not None,
    }

    def tell() -> None:
        say(
            f"  ok    {path}   {counted(len(settings.newsletters), 'newsletter', 'newsletters')},"
            f" {counted(len(settings.sources), 'source', 'sources')}, no unknown keys"
        )
        for note in notes:
            say(f"  note  {note}")
        if settings.mail.maildir is not None:
            say(f"  note  mail.maildir: mail goes to {settings.mail.maildir}, not to readers")

    show(as_json, facts, tell)


@config.command()
@click.pass_context
def export(ctx: click.Context) -> None:
    """Show every setting in force, defaults and variables included, without secrets."""
    from digest.config import load
    from digest.config.writing import export as exported

    click.echo(exported(load(config_path(ctx), resolve=False)), nl=False)


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


@keys.command()
@click.pass_context
def new(ctx: click.Context) -> None:
    """Make the keys that are missing, and one new key that signs from now on."""
    from subscribers.keys import create_key, create_keys

    folder = settings_of(ctx).storage.keys
    fresh = not folder.is_dir()
    create_keys(folder)
    number = 1 if fresh else create_key(folder).kid
    say(f"Key {number} signs from now on; links signed before go on working.")
