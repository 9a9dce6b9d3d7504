"""The command init: the settings and keys of a new site."""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import click

from digest.cli.opening import config_path, from_here, typed
from digest.cli.output import json_option, mark, pairs, say, show, table
from digest.cli.wording import counted
from digest.errors import DigestError, SettingsError, UsageError

if TYPE_CHECKING:
    from digest.config import Settings
    from digest.sources.propose import Proposal

_BARE_HOST = re.compile(r"[^\s/:@]+\.[^\s/:@]+(?::\d{1,5})?(?:/\S*)?")
_DEFAULT_SITE = "https://yoursite.example"
_MADE_UP = frozenset({"example", "invalid", "test"})
"""Hosts of examples (RFC 2606), which nobody answers for."""
_OUR_ACCENT = "#0B4F8A"


@click.command()
@click.option("--site", metavar="URL", help="The site's address; its feed is looked for there.")
@click.option("--name", help="The site's name. [default: as the site calls itself]")
@click.option("--feed", help="Its feed. [default: the one that the site names]")
@click.option("--language", metavar="TAG", help="As en or de. [default: the site's]")
@click.option("--accent", metavar="COLOUR", help="As #0B4F8A. [default: the site's]")
@click.option("--timezone", default=None, help="As Europe/London. [default: this machine's]")
@click.option("--offline", is_flag=True, help="Do not look at the site; guess its feed.")
@click.option("--allow", multiple=True, metavar="NETWORK", help="It lies there, as 10.0.0.0/8.")
@click.option("--yes", is_flag=True, help="Ask nothing: take each guess as it is.")
@json_option
@click.pass_context
def init(
    ctx: click.Context,
    *,
    site: str | None,
    name: str | None,
    feed: str | None,
    language: str | None,
    accent: str | None,
    timezone: str | None,
    offline: bool,
    allow: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Write digest.toml and keys for a new site; nothing is ever overwritten.

    The site is looked at for its feed, name, language, logo, colour and how often it publishes.
    Where it does not answer, the feed is guessed, and that is said. At a terminal each guess is
    shown and can be changed on the spot.
    """
    from subscribers.keys import create_keys

    path = config_path(ctx)
    if path.exists():
        _refuse_existing(path)
    asks = sys.stdin.isatty() and not yes and not as_json
    if asks and site is None:
        site = click.prompt("Your site's address", err=True)
    zone = timezone or _local_zone()
    start = _start(site, zone, allow, offline=offline)
    start = replace(
        start,
        name=name or start.name,
        feed=feed or start.feed,
        language=language or start.language,
        accent=accent or start.accent,
    )
    if asks:
        start, zone = _changed_on_the_spot(start, zone)
    logo = _logo_beside(path, start)
    text = _first_text(start, zone, allow, logo_file=logo.name if logo else "")
    with _draft(path, text) as draft, _picture(logo, start):
        settings = _loaded(draft)
        create_keys(settings.storage.keys)
        try:
            path.hardlink_to(draft)  # fails where somebody was quicker: never overwrites
        except FileExistsError:
            _refuse_existing(path)
    facts = _facts(path, settings, start)
    show(as_json, facts, lambda: _tell(path, settings, start, command=typed(ctx), told=site))


def _start(site: str | None, zone: str, allow: tuple[str, ...], *, offline: bool) -> Proposal:
    from digest.sources.propose import guess, host_of

    start = guess(_address(site))
    if site is None or offline or host_of(start.url).rpartition(".")[2] in _MADE_UP:
        return start
    return _looked_at(site.strip(), start, zone, allow)


def _facts(path: Path, settings: Settings, start: Proposal) -> dict[str, Any]:
    return {
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
        "logo_file": str(settings.site.brand.logo) if settings.site.brand.logo else None,
        "daily": list(start.rhythm.daily.days),
        "weekly": list(start.rhythm.weekly.days),
        "problem": start.problem,
    }


def _changed_on_the_spot(start: Proposal, zone: str) -> tuple[Proposal, str]:
    """Show each guess at the terminal; Enter takes it."""
    say("Enter takes what is in brackets.")

    def ask(words: str, known: str) -> str:
        return str(click.prompt(words, default=known, err=True))

    zone = ask("Time zone", zone)
    return replace(
        start,
        name=ask("Name", start.name),
        feed=ask("Feed", start.feed),
        language=ask("Language", start.language),
        accent=ask("Accent colour", start.accent or _OUR_ACCENT),
    ), zone


def _tell(
    path: Path, settings: Settings, start: Proposal, *, command: str, told: str | None
) -> None:
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
        kept = settings.site.brand.logo
        rows.append(("Logo", f"{start.logo}   {from_here(kept)}" if kept else start.logo))
    rows.append(("WordPress" if start.kind == "wordpress" else "Feed", f"{start.feed}   {found}"))
    if not is_guess:
        rows += [(slug.title(), _issue(settings, slug)) for slug in settings.newsletters]
    pairs(rows)
    if start.problem:
        mark("warn", f"the site told nothing of itself, so all this is a guess: {start.problem}")
    elif not is_guess:
        mark("", f"{start.rhythm.words}; each of these can be changed in {path}")
    say()
    say("Next")
    if told is None:
        say(f"  write your site's address and feed into {path}")
    table(
        [
            (f"{command} sources check", "is the feed the right one?"),
            (f"{command} collect", "fetch its stories"),
            (f"{command} preview daily", "look at the next edition"),
        ],
        indent=2,
    )


def _issue(settings: Settings, slug: str) -> str:
    """Say a proposed newsletter: its name, when it comes, and from how many stories on."""
    newsletter = settings.newsletters[slug]
    at = f" at {newsletter.send_at:%H:%M}" if newsletter.send_at else ""
    least = counted(newsletter.stories.min, "new story", "new stories")
    return f"{newsletter.name}   {', '.join(newsletter.days)}{at}, from {least} on"


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


def _looked_at(typed_site: str, given: Proposal, zone: str, allow: tuple[str, ...]) -> Proposal:
    """Ask the site; when that leads to nothing the guess stays, with the reason."""
    from digest.clock import utc_now
    from digest.composition.logo_trial import is_logo
    from digest.sources.fetch import Fetcher
    from digest.sources.parsing import Parser
    from digest.sources.propose import propose

    with Parser() as parser:
        return propose(
            typed_site,
            given,
            fetcher=Fetcher(),
            parser=parser,
            allow=allow,
            now=utc_now(),
            zone=zone if _is_zone(zone) else "UTC",
            is_logo=is_logo,
        )


def _is_zone(name: str) -> bool:
    from zoneinfo import available_timezones

    return name in available_timezones()


def _logo_beside(path: Path, start: Proposal) -> Path | None:
    """Give where the logo goes: beside the settings, and never over another file."""
    if not start.logo_content:
        return None
    ending = "png" if start.logo_content.startswith(b"\x89PNG") else "jpg"
    logo = path.with_name(f"logo.{ending}")
    return None if logo.exists() else logo


@contextlib.contextmanager
def _picture(logo: Path | None, start: Proposal) -> Iterator[None]:
    """Write the logo; it goes again when the settings cannot be."""
    if logo is None:
        yield
        return
    with logo.open("xb") as file:
        file.write(start.logo_content)
    try:
        yield
    except BaseException:
        logo.unlink(missing_ok=True)
        raise


def _first_text(start: Proposal, timezone: str, allow: tuple[str, ...], *, logo_file: str) -> str:
    from digest.config.writing import first_settings
    from digest.sources.propose import host_of

    given = {"accent": start.accent} if start.accent else {}
    daily, weekly = start.rhythm.daily, start.rhythm.weekly
    return first_settings(
        name=start.name,
        url=start.url,
        feed=start.feed,
        timezone=timezone,
        host=host_of(start.url),
        language=start.language,
        kind=start.kind,
        logo=start.logo,
        logo_file=logo_file,
        allow=allow,
        daily_days=daily.days,
        daily_min=daily.least,
        daily_max_age=daily.max_age,
        weekly_min=weekly.least,
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
