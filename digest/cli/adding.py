"""The command sources add: what an address turned out to be, and the source made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import opened, typed
from digest.cli.output import json_option, mark, say, say_wrapped, show, table
from digest.cli.wording import cut, long_time
from digest.errors import DigestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from digest.app import App
    from digest.sources.add import Discovery
    from digest.sources.model import SourceSpec

_KINDS = ("feed", "page", "wordpress", "markdown")
"""Those that need nothing but an address; the others are written into digest.toml."""
_IN_WORDS = {
    "feed": "a feed",
    "page": "the page of a story",
    "wordpress": "a WordPress site, asked for its stories itself",
    "markdown": "stories in Markdown",
}
_SHORTEST_SECONDS = 30
_HEADLINE_COLUMNS = 200


@click.command("add", short_help="Add a source by its address: a feed, a site, a page, a folder.")
@click.argument("address")
@click.option("--name", help="Its name here. [default: from the address]")
@click.option("--every", default="10m", show_default=True, help="How often it is polled.")
@click.option("--kind", type=click.Choice(_KINDS), help="Read it as this; nothing is looked for.")
@click.option(
    "--allow", multiple=True, metavar="NETWORK", help="It lies in this network, as 10.0.0.0/8."
)
@json_option
@click.pass_context
def add_source(
    ctx: click.Context,
    address: str,
    *,
    name: str | None,
    every: str,
    kind: str | None,
    allow: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add a source. ADDRESS is a feed, a site (its feed is found), a story's page, or a folder.

    It is read once to see that stories are there; they are kept from the next `digest collect` on.
    """
    from digest.sources import store
    from digest.sources.add import discover, suggested_name
    from digest.sources.model import Origin, SourceSpec

    interval = _interval(every)
    with opened(ctx) as app:
        known = app.sources
        _refuse_name(name, known)
        if kind:
            found = _as_kind(app, kind, address, allow)
        else:
            found = discover(address, fetcher=app.fetcher, parser=app.parser, allow=allow)
        _refuse_address(found.address, known)
        site = app.settings.site
        spec = SourceSpec(
            name=name or suggested_name(found.address, {each.name for each in known}),
            kind=found.kind,
            address=found.address,
            every=interval,
            allow=allow,
            zone=site.timezone,
            origin=Origin.DESK,
        )
        with app.database.write() as connection:
            store.add_source(connection, spec)
        facts = {"source": spec.name, "every": every, **found_facts(found)}
        show(as_json, facts, lambda: _tell_added(ctx, spec, found, every, site.timezone))


def _interval(every: str) -> timedelta:
    from digest.config.values import duration

    try:
        interval = duration(every)
    except ValueError as error:
        raise UsageError(f"every: {every!r}: {error}", hint="Write it as 10m or 2h.") from error
    if interval.total_seconds() < _SHORTEST_SECONDS:
        raise UsageError(
            f"every: {every!r}: a source is polled every {_SHORTEST_SECONDS}s at most",
            hint="Sites refuse those who ask more often; 10m is enough.",
        )
    return interval


def _refuse_name(name: str | None, known: Sequence[SourceSpec]) -> None:
    from digest.config.model import SLUG
    from digest.sources.add import suggested_name

    if name is None:
        return
    names = {spec.name for spec in known}
    if not SLUG.fullmatch(name):
        raise UsageError(
            f"source: {name!r}: a name is lower-case letters, digits and dashes, at most 40",
            hint=f"For example: {suggested_name(name, names)}",
        )
    if name in names:
        raise DigestError(
            f"source: {name}: there is one of this name already",
            hint=f"Choose another, as --name {suggested_name(name, names)};"
            " or see: digest sources list",
        )


def _refuse_address(address: str, known: Sequence[SourceSpec]) -> None:
    for spec in known:
        if spec.address.rstrip("/") == address.rstrip("/"):
            raise DigestError(
                f"source: {address}: it is read already, as {spec.name}",
                hint=f"Look at it with: digest sources check {spec.name}",
            )


def _as_kind(app: App, kind: str, address: str, allow: tuple[str, ...]) -> Discovery:
    """Read an address as the kind it is said to be. Raises SourceError."""
    from digest.sources.add import Discovery
    from digest.sources.fetch import file_path, is_file
    from digest.sources.model import SourceKind, SourceSpec
    from digest.sources.read import read

    where = str(file_path(address).absolute()) if is_file(address) else address
    spec = SourceSpec("new", SourceKind(kind), where, allow=allow)
    found = read(spec, None, fetcher=app.fetcher, parser=app.parser)
    return Discovery(spec.kind, found.moved_to or where, found.reading)


def found_facts(found: Discovery) -> dict[str, Any]:
    """Give what was found behind an address, for machines."""
    newest = found.newest
    return {
        "kind": found.kind,
        "address": found.address,
        "found": len(found.reading.stories),
        "newest": newest.headline if newest else None,
        "newest_at": newest.published_at if newest else None,
        "title": found.reading.title or found.facts.name,
        "language": found.reading.language or found.facts.language,
        "other_feeds": [
            feed.address for feed in found.facts.feeds if feed.address != found.address
        ],
        "warnings": found.reading.warnings,
    }


def _tell_added(
    ctx: click.Context, spec: SourceSpec, found: Discovery, every: str, zone: str
) -> None:
    say(f"Added {spec.name}, polled every {every}.")
    tell_found(found, zone)
    say()
    say("Next")
    table(
        [
            (f"{typed(ctx)} collect {spec.name}", "fetch its stories"),
            (f"{typed(ctx)} sources list", "see how all sources fare"),
        ],
        indent=2,
    )


def tell_found(found: Discovery, zone: str) -> None:
    """Say what was found behind an address."""
    from digest.sources.fetch import without_secrets

    newest = found.newest
    _row("Found", f"{_IN_WORDS[found.kind]}: {without_secrets(found.address)}")
    if title := found.reading.title or found.facts.name:
        _row("Title", title)
    _row("Stories", f"{len(found.reading.stories):,}")
    if newest is not None:
        dated = newest.published_at
        when = long_time(dated, zone) if dated else "without a date"
        _row("Newest", f"{cut(newest.headline, _HEADLINE_COLUMNS)} ({when})")
    if newest is None:
        mark("warn", "no story is there yet")
    elif found.kind == "page" and found.facts.feeds:
        feed = found.facts.feeds[0].address
        mark("warn", f"this is one story; its site has a feed: {feed}")
    for warning in found.reading.warnings:
        mark("warn", warning)


def _row(label: str, text: str) -> None:
    say_wrapped(text, first=f"  {label:7}  ", then=" " * 11)
