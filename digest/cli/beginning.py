"""The command init: the settings and keys of a new site."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import click

from digest.cli.opening import config_path, from_here, typed
from digest.cli.output import json_option, mark, pairs, say, show, table
from digest.cli.wording import counted, cut, plain
from digest.errors import DigestError, SettingsError, UsageError

if TYPE_CHECKING:
    from digest.config import Settings

_BARE_HOST = re.compile(r"[^\s/:@]+\.[^\s/:@]+(?::\d{1,5})?(?:/\S*)?")
_DEFAULT_SITE = "https://yoursite.example"
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_MADE_UP = frozenset({"example", "invalid", "test"})
_MOST_NAME_COLUMNS = 80


@dataclass(frozen=True, slots=True)
class _Start:
    """What the first settings are made of, and how we came to it."""

    url: str
    name: str
    feed: str
    kind: str = "feed"
    language: str = "en"
    accent: str = ""
    logo: str = ""
    stories: int | None = None
    """None when the feed's address is a guess."""
    problem: str = ""
    """Why the site told nothing, when it was asked."""


@click.command()
@click.option("--site", metavar="URL", help="The site's address; its feed is looked for there.")
@click.option("--name", help="The site's name. [default: as the site calls itself]")
@click.option("--timezone", default=None, help="As Europe/London. [default: this machine's]")
@click.option("--offline", is_flag=True, help="Do not look at the site; guess its feed.")
@click.option("--allow", multiple=True, metavar="NETWORK", help="It lies there, as 10.0.0.0/8.")
@json_option
@click.pass_context
def init(
    ctx: click.Context,
    *,
    site: str | None,
    name: str | None,
    timezone: str | None,
    offline: bool,
    allow: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write digest.toml and keys for a new site; nothing is ever overwritten.

    The site is looked at for its feed, name, language, logo and colour. Where it does not answer,
    the feed is guessed, and that is said.
    """
    from subscribers.keys import create_keys

    path = config_path(ctx)
    if path.exists():
        _refuse_existing(path)
    start = _guess(_address(site))
    if site is not None and not offline and not _is_made_up(start.url):
        start = _looked_at(site.strip(), start, allow)
    start = replace(start, name=name or start.name)
    text = _first_text(start, timezone or _local_zone(), allow)
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
        "feed": start.feed,
        "kind": start.kind,
        "stories": start.stories,
        "name": settings.site.name,
        "url": settings.site.url,
        "language": settings.site.language,
        "accent": settings.site.brand.accent,
        "logo": start.logo or None,
        "problem": start.problem,
    }
    show(as_json, facts, lambda: _tell(path, settings, start, command=typed(ctx), told=site))


def _tell(path: Path, settings: Settings, start: _Start, *, command: str, told: str | None) -> None:
    is_guess = start.stories is None
    found = "a guess: check it" if is_guess else counted(start.stories or 0, "story", "stories")
    rows: list[tuple[str, object]] = [
        ("Settings", path),
        ("Keys", f"{from_here(settings.storage.keys)}   keep them with your backups"),
    ]
    if not is_guess:
        rows += [("Name", settings.site.name), ("Language", settings.site.language)]
        rows.append(("Accent", f"{settings.site.brand.accent}{'' if start.accent else '   ours'}"))
    if start.logo:
        rows.append(("Logo", start.logo))
    rows.append(("WordPress" if start.kind == "wordpress" else "Feed", f"{start.feed}   {found}"))
    pairs(rows)
    if start.problem:
        mark("warn", f"the site told nothing of itself, so all this is a guess: {start.problem}")
    say()
    say("Next")
    if told is None:
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


def _guess(url: str) -> _Start:
    host = _host(url)
    return _Start(url, host.partition(".")[0].replace("-", " ").title(), f"{url}/feed/")


def _host(url: str) -> str:
    return str(urlsplit(url).hostname).removeprefix("www.")


def _is_made_up(url: str) -> bool:
    """Tell a host of examples (RFC 2606), which nobody answers for."""
    return _host(url).rpartition(".")[2] in _MADE_UP


def _looked_at(typed_site: str, guess: _Start, allow: tuple[str, ...]) -> _Start:
    """Ask the site; when that leads to nothing the guess stays, with the reason."""
    from digest.sources.add import discover
    from digest.sources.fetch import Fetcher
    from digest.sources.parsing import Parser

    try:
        with Parser() as parser:
            found = discover(typed_site, fetcher=Fetcher(), parser=parser, allow=allow)
    except DigestError as error:
        return replace(guess, problem=str(error))
    if found.kind not in {"feed", "wordpress"}:
        return replace(guess, problem=f"{typed_site}: no feed was found there")
    facts = found.facts
    language = facts.language or found.reading.language or ""
    return _Start(
        url=_site_url(guess.url, facts.address or found.address),
        name=_name(facts.name or found.reading.title) or guess.name,
        feed=found.address,
        kind=found.kind,
        language=language if _LANGUAGE.fullmatch(language) else "en",
        accent=facts.accent or "",
        logo=facts.logo or "",
        stories=len(found.reading.stories),
    )


def _site_url(given: str, front: str) -> str:
    """Give the site's address as it answers: http or https, with its www or without."""
    parts, answered = urlsplit(given), urlsplit(front)
    if _host(given) != _host(front) or parts.path.strip("/") or parts.query:
        return given.split("?", maxsplit=1)[0].rstrip("/")
    return f"{answered.scheme}://{answered.netloc}"


def _name(text: str) -> str:
    """Give a name that fits a masthead."""
    return cut(" ".join(plain(text).split()), _MOST_NAME_COLUMNS)


def _first_text(start: _Start, timezone: str, allow: tuple[str, ...]) -> str:
    from digest.config.writing import first_settings

    given = {"accent": start.accent} if start.accent else {}
    return first_settings(
        name=start.name,
        url=start.url,
        feed=start.feed,
        timezone=timezone,
        host=_host(start.url),
        language=start.language,
        kind=start.kind,
        logo=start.logo,
        allow=allow,
        **given,
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
