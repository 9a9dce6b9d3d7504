"""The commands about readers: subscribers add, list, show, unsubscribe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import newsletter_named, opened
from digest.cli.output import json_option, say, show, table
from digest.errors import NotFoundError

if TYPE_CHECKING:
    from digest.app import App

_newsletters = click.option(
    "--newsletter", "-n", "slugs", multiple=True, help="Which one; may be repeated. [default: all]"
)


@click.group()
def subscribers() -> None:
    """Add, list, show or unsubscribe readers."""


@subscribers.command()
@click.argument("addresses", nargs=-1, required=True)
@_newsletters
@click.option("--again", is_flag=True, help="Also those who have left before.")
@click.pass_context
def add(
    ctx: click.Context, addresses: tuple[str, ...], slugs: tuple[str, ...], again: bool
) -> None:
    """Add readers who have agreed elsewhere; they are confirmed at once, and it is recorded."""
    from digest.errors import DigestError
    from subscribers.model import Act
    from subscribers.signup import add as add_one

    refused = 0
    with opened(ctx) as app:
        ids = _ids(app, slugs)
        for address in addresses:
            try:
                add_one(
                    app.database,
                    address,
                    ids,
                    Act(at=app.clock(), via="command"),
                    keys=app.keys,
                    again=again,
                )
            except DigestError as error:
                refused += 1
                say(f"  FAIL  {error}")
                if error.hint:
                    say(f"        {error.hint}")
            else:
                say(f"  ok    {address}")
    if refused:
        ctx.exit(1)


@subscribers.command("list")
@_newsletters
@click.option("--limit", default=50, show_default=True, help="How many at most, each newsletter.")
@json_option
@click.pass_context
def list_readers(ctx: click.Context, slugs: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the readers of each newsletter with where they stand."""
    from subscribers import store

    with opened(ctx) as app:
        rows: list[dict[str, Any]] = []
        with app.database.read() as connection:
            for newsletter_id in _ids(app, slugs):
                rows += [
                    {
                        "address": reader.address,
                        "newsletter": app.mailer.names[newsletter_id],
                        "state": standing.state,
                        "since": standing.confirmed_at or standing.requested_at,
                    }
                    for reader, standing in store.list_subscribers(
                        connection, newsletter_id, limit=limit
                    )
                ]
        head = ("ADDRESS", "NEWSLETTER", "STATE", "SINCE")
        lines = [
            (row["address"], row["newsletter"], row["state"], _day(row["since"])) for row in rows
        ]
        show(as_json, rows, lambda: table([head, *lines]))


@subscribers.command("show")
@click.argument("address")
@json_option
@click.pass_context
def show_reader(ctx: click.Context, address: str, as_json: bool) -> None:
    """Show where one reader stands, and the log of their consent."""
    from subscribers import store
    from subscribers.address import read_address

    with opened(ctx) as app:
        with app.database.read() as connection:
            reader = store.find_subscriber(connection, address_key=read_address(address).key)
            if reader is None:
                raise NotFoundError(
                    f"subscribers: {address}: is not on any list",
                    hint="Look for the spelling with: digest subscribers list",
                )
            standings = store.subscriptions_of(connection, reader.id)
            log = store.consents_of(connection, reader.id)
        names: dict[int | None, str] = {None: "all"} | dict(app.mailer.names)
        lines = [
            (_moment(line.act.at), line.kind, names.get(line.newsletter_id, "?"), line.act.via)
            for line in log
        ]

        def tell() -> None:
            say(reader.address)
            for standing in standings:
                say(f"  {names.get(standing.newsletter_id, '?')}: {standing.state}")
            say()
            table([("WHEN", "WHAT", "NEWSLETTER", "HOW"), *lines], indent=2)

        facts = {
            "address": reader.address,
            "subscriptions": [
                {"newsletter": names.get(s.newsletter_id, "?"), "state": s.state} for s in standings
            ],
            "consent": [
                dict(zip(("at", "kind", "newsletter", "via"), line, strict=True)) for line in lines
            ],
        }
        show(as_json, facts, tell)


@subscribers.command()
@click.argument("address")
@_newsletters
@click.pass_context
def unsubscribe(ctx: click.Context, address: str, slugs: tuple[str, ...]) -> None:
    """Unsubscribe a reader at once, also from mail that is already planned."""
    from subscribers.model import Act
    from subscribers.signup import unsubscribe_address

    with opened(ctx) as app:
        outcome = unsubscribe_address(
            app.database,
            address,
            _ids(app, slugs) if slugs else None,
            Act(at=app.clock(), via="command"),
        )
        say("Unsubscribed." if outcome.changed else "They were not subscribed; nothing changed.")


def _ids(app: App, slugs: tuple[str, ...]) -> list[int]:
    if slugs:
        return [newsletter_named(app, slug).id for slug in slugs]
    return [newsletter.id for newsletter in app.newsroom.newsletters]


def _day(at: Any) -> str:
    return at.strftime("%-d %b %Y") if at else ""


def _moment(at: Any) -> str:
    return str(at.strftime("%-d %b %Y %H:%M UTC"))
