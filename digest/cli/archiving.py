"""The commands about the public archive: take an edition out of it, and put it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.editions import account
from digest.cli.opening import edition_named, opened
from digest.cli.output import json_option, say_wrapped, show

if TYPE_CHECKING:
    from digest.workflow.halt import Person


@click.group()
def archive() -> None:
    """The public pages of past editions: take one out, or put it back."""


@archive.command("unpublish", short_help="Take an edition out of lists and feed.")
@click.argument("edition")
@click.option("--reason", required=True, help="For the audit; no page shows it.")
@click.option("--by", default="", help="Who does it. [default: your account's name]")
@json_option
@click.pass_context
def take_out(ctx: click.Context, edition: str, reason: str, by: str, as_json: bool) -> None:
    """Take an edition out of the archive's lists and feed; its page says that it is gone.

    Whoever has the letter keeps it.
    """
    from digest.workflow.unpublish import unpublish

    with opened(ctx) as app:
        found = edition_named(app, edition)
        done = unpublish(app.database, found, by=_person(by), reason=reason, clock=app.clock)
        facts = {"edition": found.address, "published": False, "changed": done}
        words = "is out of the archive" if done else "was out of the archive before"
        show(
            as_json,
            facts,
            lambda: say_wrapped(
                f"{found.address} {words}. Back again: digest archive publish {found.address}"
            ),
        )


@archive.command("publish")
@click.argument("edition")
@click.option("--by", default="", help="Who does it. [default: your account's name]")
@json_option
@click.pass_context
def put_back(ctx: click.Context, edition: str, by: str, as_json: bool) -> None:
    """Put an edition back that was taken out of the archive."""
    from digest.workflow.unpublish import publish

    with opened(ctx) as app:
        found = edition_named(app, edition)
        done = publish(app.database, found, by=_person(by), clock=app.clock)
        facts = {"edition": found.address, "published": True, "changed": done}
        words = "is in the archive again" if done else "was in the archive"
        show(as_json, facts, lambda: say_wrapped(f"{found.address} {words}."))


def _person(by: str) -> Person:
    from digest.workflow.halt import Person

    return Person(by.strip() or account())
