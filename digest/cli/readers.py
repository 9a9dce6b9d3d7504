"""The commands about readers: subscribers add, list, show, unsubscribe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import newsletter_named, opened
from digest.cli.output import json_option, mark, pairs, say, show, table
from digest.cli.wording import counted, listed, long_time
from digest.errors import DigestError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from digest.app import App
    from subscribers.model import Act, Consent, Subscriber, Subscription

_newsletters = click.option(
    "--newsletter", "-n", "slugs", multiple=True, help="Which one; may be repeated. [default: all]"
)


@click.group()
def subscribers() -> None:
    """Add, list, show or unsubscribe readers."""


@subscribers.command(short_help="Add readers who have agreed elsewhere.")
@click.argument("addresses", nargs=-1, required=True)
@_newsletters
@click.option("--again", is_flag=True, help="Also those who have left before.")
@click.option("--language", metavar="TAG", help="The language of their letters, as de or pt-BR.")
@click.option(
    "--format", "shape", type=click.Choice(["html", "text"]), help="With HTML, or text alone."
)
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    addresses: tuple[str, ...],
    slugs: tuple[str, ...],
    *,
    again: bool,
    language: str | None,
    shape: str | None,
    as_json: bool,
) -> None:
    """Add readers who have agreed elsewhere; they are confirmed at once, and it is recorded.

    For somebody who is there already, --language and --format change what they get from now on.
    """
    with opened(ctx) as app:
        manner = _Manner(_language(language), None if shape is None else shape == "text")
        ids = _ids(app, slugs)
        facts = [_added(app, address, ids, again=again, manner=manner) for address in addresses]
    show(as_json, facts, lambda: _tell_added(facts))
    if any(one["problem"] for one in facts):
        ctx.exit(1)


@dataclass(frozen=True)
class _Manner:
    """How these readers want their letters; None: as it is."""

    language: str | None
    text_only: bool | None


def _language(tag: str | None) -> str | None:
    from digest.config.model import LANGUAGE_TAG

    if tag is not None and not LANGUAGE_TAG.fullmatch(tag):
        raise UsageError(f"language: {tag!r}: not a language tag", hint="Write it as de or pt-BR.")
    return tag


def _added(
    app: App, address: str, ids: Sequence[int], *, again: bool, manner: _Manner
) -> dict[str, Any]:
    from subscribers.address import read_address
    from subscribers.signup import add as add_one

    try:
        mailed = read_address(address).mailed
        outcome = add_one(
            app.database,
            address,
            ids,
            _act(app),
            keys=app.keys,
            again=again,
            language=manner.language,
            text_only=manner.text_only,
        )
    except DigestError as error:
        return {"address": address, "added": [], "problem": str(error), "hint": error.hint}
    added = [_slug(app, each) for each in outcome.changed]
    return {"address": mailed, "added": added, "problem": "", "hint": ""}


def _tell_added(facts: Sequence[dict[str, Any]]) -> None:
    for one in facts:
        if one["problem"]:
            mark("FAIL", one["problem"])
            mark("", one["hint"])
        else:
            what = f"added to {listed(one['added'])}" if one["added"] else "was there already"
            mark("ok", f"{one['address']} {what}")


@subscribers.command("list")
@_newsletters
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many at most, each newsletter.",
)
@json_option
@click.pass_context
def list_readers(ctx: click.Context, slugs: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the readers of each newsletter with where they stand."""
    from subscribers import store

    with opened(ctx) as app:
        rows: list[dict[str, Any]] = []
        total = 0
        with app.database.read() as connection:
            for each in _ids(app, slugs):
                total += sum(store.count_by_state(connection, each).values())
                found = store.list_subscribers(connection, each, limit=limit)
                rows += [_row(app, each, *one) for one in found]
        show(as_json, rows, lambda: _tell_list(app, rows, total))


def _row(
    app: App, newsletter_id: int, reader: Subscriber, standing: Subscription
) -> dict[str, Any]:
    since = standing.ended_at if standing.ended else standing.confirmed_at
    return {
        "address": reader.address,
        "newsletter": _slug(app, newsletter_id),
        "state": standing.state,
        "since": since or standing.requested_at,
    }


def _tell_list(app: App, rows: Sequence[dict[str, Any]], total: int) -> None:
    if not rows:
        say("No readers yet. Add one: digest subscribers add ADDRESS")
        return
    head = ("ADDRESS", "NEWSLETTER", "STATE", "SINCE")
    lines = [(r["address"], r["newsletter"], r["state"], _time(app, r["since"])) for r in rows]
    table([head, *lines])
    if total > len(rows):
        say(f"{len(rows):,} of {counted(total, 'line', 'lines')}; more with --limit")


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
        facts = {
            "address": reader.address,
            "language": reader.language,
            "format": "text" if reader.text_only else "html",
            "subscriptions": [
                {"newsletter": _slug(app, s.newsletter_id), "state": s.state} for s in standings
            ],
            "consent": [_consent_facts(app, line) for line in log],
        }
        show(as_json, facts, lambda: _tell_reader(app, facts))


def _consent_facts(app: App, line: Consent) -> dict[str, Any]:
    return {
        "at": line.act.at,
        "kind": line.kind,
        "newsletter": _slug(app, line.newsletter_id) if line.newsletter_id else "all",
        "via": line.act.via,
    }


def _tell_reader(app: App, facts: dict[str, Any]) -> None:
    say(facts["address"])
    manner = [("Language", facts["language"])] if facts["language"] else []
    if facts["format"] == "text":
        manner.append(("Format", "text alone"))
    pairs(manner)
    table([(one["newsletter"], one["state"]) for one in facts["subscriptions"]], indent=2)
    say()
    lines = [
        (_time(app, one["at"]), one["kind"], one["newsletter"], one["via"])
        for one in facts["consent"]
    ]
    table([("WHEN", "WHAT", "NEWSLETTER", "HOW"), *lines], indent=2)


@subscribers.command(short_help="Unsubscribe a reader at once.")
@click.argument("address")
@_newsletters
@json_option
@click.pass_context
def unsubscribe(ctx: click.Context, address: str, slugs: tuple[str, ...], as_json: bool) -> None:
    """Unsubscribe a reader at once, also from mail that is already planned."""
    from subscribers.signup import unsubscribe_address

    with opened(ctx) as app:
        ids = _ids(app, slugs) if slugs else None
        outcome = unsubscribe_address(app.database, address, ids, _act(app))
        ended = [_slug(app, each) for each in outcome.changed]

        def tell() -> None:
            if ended:
                say(f"Unsubscribed from {listed(ended)}.")
            else:
                say("They were not subscribed; nothing changed.")

        show(as_json, {"address": address, "unsubscribed": ended}, tell)


def _act(app: App) -> Act:
    from subscribers.model import Act

    return Act(at=app.clock(), via="command")


def _ids(app: App, slugs: tuple[str, ...]) -> list[int]:
    if not app.newsroom.newsletters:
        raise UsageError(
            "subscribers: there is no newsletter", hint="Add [newsletters.daily] to digest.toml."
        )
    if slugs:
        return [newsletter_named(app, slug).id for slug in dict.fromkeys(slugs)]
    return [newsletter.id for newsletter in app.newsroom.newsletters]


def _slug(app: App, newsletter_id: int) -> str:
    """Give the name in commands; a newsletter that left the settings has its number only."""
    found = app.newsroom.newsletter(newsletter_id)
    return found.slug if found else f"no. {newsletter_id}, gone from digest.toml"


def _time(app: App, at: datetime | None) -> str:
    return long_time(at, app.settings.site.timezone) if at else ""
