"""The command init: the settings and keys of a new site."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import click

from digest.cli.opening import config_path, from_here, typed
from digest.cli.output import json_option, pairs, say, show, table
from digest.errors import DigestError, SettingsError, UsageError

if TYPE_CHECKING:
    from digest.config import Settings

_BARE_HOST = re.compile(r"[^\s/:@]+\.[^\s/:@]+(?:/\S*)?")
_DEFAULT_SITE = "https://yoursite.example"


@click.command()
@click.option("--site", metavar="URL", help="The site's address; its feed is guessed from it.")
@click.option("--name", help="The site's name. [default: from the address]")
@click.option("--timezone", default=None, help="As Europe/London. [default: this machine's]")
@json_option
@click.pass_context
def init(
    ctx: click.Context, site: str | None, name: str | None, timezone: str | None, as_json: bool
) -> None:
    """Write digest.toml and keys for a new site; nothing is ever overwritten."""
    from subscribers.keys import create_keys

    path = config_path(ctx)
    if path.exists():
        _refuse_existing(path)
    text = _first_text(_address(site), name, timezone)
    with _draft(path, text) as draft:
        settings = _loaded(draft)
        create_keys(settings.storage.keys)
        try:
            path.hardlink_to(draft)  # fails where somebody was quicker: never overwrites
        except FileExistsError:
            _refuse_existing(path)
    facts = {
        "settings": str(path),
        "keys": str(settings.storage.keys),
        "feed": settings.sources["site"].feed,
    }
    show(as_json, facts, lambda: _tell(path, settings, command=typed(ctx), guessed=site is None))


def _tell(path: Path, settings: Settings, *, command: str, guessed: bool) -> None:
    feed = settings.sources["site"].feed
    pairs(
        [
            ("Settings", path),
            ("Keys", f"{from_here(settings.storage.keys)}   keep them with your backups"),
            ("Feed", f"{feed}   a guess: check it"),
        ]
    )
    say()
    say("Next")
    if guessed:
        say(f"  write your site's address and feed into {path}")
    table(
        [
            (f"{command} sources check", "is the feed the right one?"),
            (f"{command} collect", "fetch its stories"),
            (f"{command} prepare daily", "make the first edition"),
        ],
        indent=2,
    )


def _refuse_existing(path: Path) -> NoReturn:
    raise DigestError(
        f"init: {path}: is there already, and was left as it is",
        hint="Check it with: digest config check",
    )


def _address(site: str | None) -> str:
    """Read the site's address; `harbourpost.example` means https. Raises UsageError."""
    text = (site or _DEFAULT_SITE).strip().rstrip("/")
    if _BARE_HOST.fullmatch(text):
        text = f"https://{text}"
    with contextlib.suppress(ValueError):
        if urlsplit(text).scheme in {"http", "https"} and urlsplit(text).hostname:
            return text
    raise UsageError(f"init: {site!r}: not a web address", hint=f"Write {_DEFAULT_SITE}")


def _first_text(url: str, name: str | None, timezone: str | None) -> str:
    from digest.config.writing import first_settings

    host = str(urlsplit(url).hostname).removeprefix("www.")
    return first_settings(
        name=name or host.partition(".")[0].replace("-", " ").title(),
        url=url,
        feed=f"{url}/feed/",
        timezone=timezone or _local_zone(),
        host=host,
    )


@contextlib.contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """Write the text beside the file it becomes: a mistake found in it must leave nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8")
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _loaded(draft: Path) -> Settings:
    """Read what was written; a mistake is one of the options or of the variables."""
    from digest.config import load

    try:
        return load(draft)
    except SettingsError as error:
        problems = tuple(re.sub(r"^line \d+: ", "", problem) for problem in error.problems)
        raise SettingsError(
            "init: nothing was written, as these are wrong:",
            problems=problems,
            hint="Mend the options --site, --name, --timezone, or the DIGEST_ variables.",
        ) from error


def _local_zone() -> str:
    from zoneinfo import available_timezones

    link = Path("/etc/localtime")
    name = str(link.resolve()).partition("zoneinfo/")[2] if link.exists() else ""
    return name if name in available_timezones() and "/" in name else "Europe/London"
