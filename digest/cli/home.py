"""The commands home and home confirm: whether mail goes to readers from here, and that it shall."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from digest.cli.editions import account
from digest.cli.opening import opened
from digest.cli.output import json_option, pairs, say, say_wrapped, show
from digest.cli.wording import counted
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.app import App
    from digest.workflow.home_store import Home


@click.group()
def home() -> None:
    """The one place that writes to your readers: look at it, or say that it is here.

    A database that was copied, restored, or moved from staging to production writes to nobody but
    the operators until a person has confirmed it.
    """


@home.command("show")
@json_option
@click.pass_context
def show_home(ctx: click.Context, as_json: bool) -> None:
    """Where mail may leave from, and whether that is here."""
    with opened(ctx, read_only=True) as app:
        facts = _facts(app)
        show(as_json, facts, lambda: _tell(app, facts))


@home.command("confirm")
@click.argument("environment", required=False, type=click.Choice(["production", "staging"]))
@json_option
@click.pass_context
def confirm_home(ctx: click.Context, environment: str | None, as_json: bool) -> None:
    """Say that this is the home: mail goes to readers from here.

    Name the ENVIRONMENT of digest.toml; at a terminal it is asked for. What waits and is due then
    leaves at once: stop or hold first what must not.
    """
    from digest.workflow.home import confirm
    from digest.workflow.restore_decide import require_decided

    with opened(ctx) as app:
        here, before = _home(app), app.why_frozen()
        if before:
            require_decided(app.database)
            _make_sure(app, here, environment)
            with app.database.write() as connection:
                confirm(connection, here, by=account(), now=app.clock())
        facts = _facts(app)
        show(as_json, facts, lambda: _tell_confirmed(here, before))


def _tell_confirmed(here: Home, before: str) -> None:
    if before:
        say(f"Confirmed: this is {here.environment}, and mail goes to readers from here.")
    else:
        say("It was confirmed before: nothing was done.")


def _make_sure(app: App, here: Home, environment: str | None) -> None:
    """Have the environment named, after what waits was shown. Raises UsageError."""
    if environment is None and sys.stdin.isatty():
        facts = _facts(app)
        say_wrapped(f"Nothing goes to readers from here: {facts['frozen']}.")
        for line in _waiting(app):
            say(f"  {line}")
        environment = click.prompt("Type the environment to let mail leave", err=True)
    if environment is None:
        raise UsageError(
            "home: name the environment that this is",
            hint=f"Is it the one place that writes to them? digest home confirm {here.environment}",
        )
    if environment != here.environment:
        raise UsageError(
            f"home: {environment}: digest.toml says environment = {here.environment!r}",
            hint="Nothing was confirmed.",
        )


def _home(app: App) -> Home:
    here = app.newsroom.home
    if here is None:  # pragma: no cover - every installation that is opened has one
        raise UsageError("home: this newsroom has none")
    return here


def _facts(app: App) -> dict[str, Any]:
    from digest.workflow import home_store

    here = _home(app)
    with app.database.read() as connection:
        kept = home_store.load(connection)
    place = here.place.get("path") or here.place.get("address") or ""
    return {
        "environment": here.environment,
        "public_url": here.public_url,
        "database": place,
        "confirmed_at": kept.confirmed_at if kept else None,
        "confirmed_by": kept.confirmed_by if kept else "",
        "frozen": app.why_frozen(),
    }


def _tell(app: App, facts: dict[str, Any]) -> None:
    at, by = facts["confirmed_at"], facts["confirmed_by"]
    pairs(
        [
            ("Environment", facts["environment"]),
            ("Pages", facts["public_url"]),
            ("Database", facts["database"]),
            ("Confirmed", f"{at:%Y-%m-%d} by {by}" if at else "no"),
        ]
    )
    if facts["frozen"]:
        say()
        say_wrapped(f"Nothing goes to readers from here: {facts['frozen']}.")
        for line in _waiting(app):
            say(f"  {line}")
        say(f"Is this the one place? digest home confirm {facts['environment']}")


def _waiting(app: App) -> list[str]:
    """Say what leaves at once when it is confirmed."""
    from digest.editions.model import EditionState
    from digest.editions.store import editions_in
    from digest.outbox.store import waiting_count

    with app.database.read() as connection:
        sending = editions_in(connection, [EditionState.SENDING])
        notices = waiting_count(connection)
    lines = [
        f"{each.address}: {counted(app.tally(each).open, 'copy waits', 'copies wait')}"
        f"; keep them back with: digest stop {each.address}"
        for each in sending
    ]
    if notices:
        lines.append(f"{counted(notices, 'notice waits', 'notices wait')}")
    return lines
