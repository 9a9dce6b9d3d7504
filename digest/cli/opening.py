"""Door: what a command begins with: the settings, the installation, an edition by its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from digest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from digest.app import App
    from digest.config import Settings
    from digest.editions.model import Edition, Newsletter


def config_path(ctx: click.Context) -> Path:
    """Give the settings file this run was told of."""
    path: Path = ctx.find_root().obj["config"]
    return path


def settings_of(ctx: click.Context) -> Settings:
    """Read the settings. Raises SettingsError."""
    from digest.config import load

    return load(config_path(ctx))


@contextmanager
def opened(ctx: click.Context) -> Iterator[App]:
    """Give the installation: settings read, database migrated, keys loaded; closed at the end."""
    from digest import log
    from digest.app import open_app

    log.set_up()
    app = open_app(settings_of(ctx))
    try:
        yield app
    finally:
        app.close()


def newsletter_named(app: App, slug: str) -> Newsletter:
    """Find a newsletter by its name. Raises NotFoundError, which says what there is."""
    for newsletter in app.newsroom.newsletters:
        if newsletter.slug == slug:
            return newsletter
    from digest.config.values import did_you_mean

    known = [newsletter.slug for newsletter in app.newsroom.newsletters]
    raise NotFoundError(
        f"newsletter: {slug!r}: there is no such newsletter{did_you_mean(slug, known)}",
        hint=f"There are: {', '.join(known) or 'none; add one to digest.toml'}.",
    )


def edition_named(app: App, name: str) -> Edition:
    """Find an edition by `daily`, `daily/1204` or `daily/2026-01-09`.

    Raises UsageError for another form, NotFoundError when there is no such edition.
    """
    from digest.editions import store as editions
    from digest.editions.address import parse_address

    newsletter = newsletter_named(app, name.partition("/")[0])
    asked = parse_address(name, {newsletter.slug})
    if asked is None:
        raise UsageError(
            f"edition: {name!r}: not a name of an edition",
            hint="Write daily, daily/1204 or daily/2026-01-09.",
        )
    with app.database.read() as connection:
        found = editions.find_edition(
            connection,
            newsletter,
            number=asked.number,
            local_date=asked.local_date,
            slot_name=asked.slot_name,
        )
    if found is None:
        raise NotFoundError(
            f"edition: {name}: there is none yet",
            hint=f"Make one with: digest prepare {newsletter.slug}",
        )
    return found


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
