"""Door: what a command begins with: the settings, the installation, an edition by its name."""

from __future__ import annotations

import contextlib
import logging
import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource

from digest.errors import NotFoundError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from digest.app import App
    from digest.config import Settings
    from digest.editions.model import Edition, EditionAddress, Newsletter


def config_path(ctx: click.Context) -> Path:
    """Give the settings file this run was told of."""
    path: Path = ctx.find_root().obj["config"]
    return path


def typed(ctx: click.Context) -> str:
    """Give how `digest` must be typed to mean this installation again."""
    root = ctx.find_root()
    named = root.get_parameter_source("config") is ParameterSource.COMMANDLINE
    return f"digest -c {shlex.quote(str(config_path(ctx)))}" if named else "digest"


def from_here(path: Path) -> Path:
    """Give a path as it is typed in the current folder, if it lies below."""
    with contextlib.suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path


def settings_of(ctx: click.Context) -> Settings:
    """Read the settings. Raises SettingsError."""
    from digest.config import load

    return load(config_path(ctx))


@contextlib.contextmanager
def opened(
    ctx: click.Context, *, log_level: int = logging.WARNING, read_only: bool = False
) -> Iterator[App]:
    """Give the installation: settings read, database migrated, keys loaded; closed at the end.

    With `read_only` it is taken as it is, and nothing can be written. A command tells what it does
    by itself; only those that go on running log every event.
    """
    from digest import log
    from digest.app import open_app

    settings = settings_of(ctx)
    as_json = settings.log.format == "json" and log_level <= logging.INFO
    log.set_up(as_json=as_json, level=log_level, process=ctx.info_name or "")
    app = open_app(settings, read_only=read_only)
    try:
        yield app
    finally:
        app.close()


def newsletter_named(app: App, slug: str) -> Newsletter:
    """Find a newsletter by its name. Raises UnknownNameError, which says what there is."""
    for newsletter in app.newsroom.newsletters:
        if newsletter.slug == slug:
            return newsletter
    from digest.config.values import did_you_mean

    known = [newsletter.slug for newsletter in app.newsroom.newsletters]
    if slug in app.settings.newsletters:
        raise NotFoundError(
            f"newsletter: {slug!r}: it is new in the settings, and looking changes nothing",
            hint="Begin it with any other command, as: digest collect",
        )
    raise UnknownNameError(
        f"newsletter: {slug!r}: there is no such newsletter{did_you_mean(slug, known)}",
        hint=f"There are: {', '.join(known) or 'none; add one to digest.toml'}.",
    )


def edition_named(app: App, name: str) -> Edition:
    """Find an edition by `daily`, `daily/1204` or `daily/2026-01-09`.

    Raises UsageError for another form, NotFoundError when there is no such edition,
    UnknownNameError when there is no such newsletter.
    """
    from digest.editions import store as editions

    newsletter = newsletter_named(app, name.partition("/")[0])
    asked = address_of(newsletter, name)
    with app.database.read() as connection:
        found = editions.find_edition(
            connection,
            newsletter,
            number=asked.number,
            local_date=asked.local_date,
            slot_name=asked.slot_name,
        )
    if found is None:
        current = asked == type(asked)(newsletter.slug)
        raise NotFoundError(
            f"edition: {name}: there is none{' yet' if current else ''}",
            hint=f"Make one with: digest prepare {newsletter.slug}"
            if current
            else f"Look for it with: digest status, or the current one: {newsletter.slug}",
        )
    return found


def address_of(newsletter: Newsletter, name: str) -> EditionAddress:
    """Read the address of an edition of this newsletter. Raises UsageError."""
    from digest.editions.address import parse_address

    asked = parse_address(name, {newsletter.slug})
    if asked is None:
        raise UsageError(
            f"edition: {name!r}: not a name of an edition",
            hint=f"Write {newsletter.slug}, {newsletter.slug}/1204"
            f" or {newsletter.slug}/2026-01-09.",
        )
    return asked


def moment(app: App, text: str | None) -> datetime | None:
    """Read `--at 2026-01-09T07:00` as local time of the site, or with its own offset.

    Raises UsageError.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"time: {text!r}: not a date and time", hint="Write it as 2026-01-09T07:00."
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(app.settings.site.timezone))
