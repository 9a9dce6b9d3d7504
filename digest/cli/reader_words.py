"""What the commands about readers share: which newsletters, in whose name, and how it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.opening import newsletter_named
from digest.cli.wording import long_time
from digest.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from digest.app import App
    from subscribers.model import Act

newsletters_option = click.option(
    "--newsletter", "-n", "slugs", multiple=True, help="Which one; may be repeated. [default: all]"
)


def act_of(app: App) -> Act:
    """Give the circumstances of a command, for the log of consent."""
    from subscribers.model import Act

    return Act(at=app.clock(), via="command")


def newsletter_ids(app: App, slugs: tuple[str, ...]) -> list[int]:
    """Give the newsletters of these names, or all there are."""
    if not app.newsroom.newsletters:
        raise UsageError(
            "subscribers: there is no newsletter", hint="Add [newsletters.daily] to digest.toml."
        )
    if slugs:
        return [newsletter_named(app, slug).id for slug in dict.fromkeys(slugs)]
    return [newsletter.id for newsletter in app.newsroom.newsletters]


def slug_of(app: App, newsletter_id: int) -> str:
    """Give the name in commands; a newsletter that left the settings has its number only."""
    found = app.newsroom.newsletter(newsletter_id)
    return found.slug if found else f"no. {newsletter_id}, gone from digest.toml"


def time_of(app: App, at: datetime | None) -> str:
    """Say a moment in the site's own zone; nothing for none."""
    return long_time(at, app.settings.site.timezone) if at else ""
