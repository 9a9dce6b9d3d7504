"""The commands about stories: sources, collect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli.opening import from_here, opened
from digest.cli.output import json_option, mark, show, table
from digest.cli.wording import counted, long_time
from digest.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.app import App
    from digest.sources.model import Polled, SourceSpec, SourceState


@click.group()
def sources() -> None:
    """List and check where stories come from; digest.toml names them."""


@sources.command("list")
@json_option
@click.pass_context
def list_sources(ctx: click.Context, as_json: bool) -> None:
    """List the sources with what their last polls told."""
    from digest.sources import store

    with opened(ctx) as app:
        with app.database.read() as connection:
            known = {state.name: state for state in store.source_states(connection)}
        states = [known[spec.name] for spec in _specs(app, None)]
        facts = [
            {
                "name": state.name,
                "kind": state.kind,
                "address": state.address,
                "last_ok_at": state.last_ok_at,
                "failures": state.failures,
                "error": state.error,
            }
            for state in states
        ]
        show(as_json, facts, lambda: _tell_sources(states, app.settings.site.timezone))


def _tell_sources(states: Sequence[SourceState], zone: str) -> None:
    rows: list[tuple[object, ...]] = [("SOURCE", "KIND", "LAST WELL", "FAILED", "ADDRESS")]
    rows += [
        (s.name, s.kind, long_time(s.last_ok_at, zone), s.failures or "–", _shown(s.address))
        for s in states
    ]
    table(rows, right=(3,), shrink=4)
    for state in states:
        if state.error:
            mark("FAIL", f"{state.name}: {state.error}")


def _shown(address: str) -> str:
    return address if "://" in address else str(from_here(Path(address)))


@sources.command("check", short_help="Read the sources without keeping anything.")
@click.argument("name", required=False)
@json_option
@click.pass_context
def check_sources(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Read each source (or one) without keeping anything; exit 1 if one fails."""
    from digest.sources.collect import read_source

    with opened(ctx) as app:
        polled = [read_source(spec, fetcher=app.fetcher) for spec in _specs(app, name)]
    facts = [
        {"source": o.source, "found": o.found, "problem": o.problem, "warnings": o.warnings}
        for o in polled
    ]
    show(as_json, facts, lambda: _tell_polls(polled, found_only=True))
    _leave(ctx, polled)


@click.command()
@click.argument("source", required=False)
@json_option
@click.pass_context
def collect(ctx: click.Context, source: str | None, as_json: bool) -> None:
    """Poll the sources (or one) now, whatever their `every` says."""
    from digest.sources.collect import collect as collect_now

    with opened(ctx) as app:
        polled = collect_now(
            app.database, _specs(app, source), fetcher=app.fetcher, clock=app.clock, force=True
        )
    facts = [
        {
            "source": one.source,
            "found": one.found,
            "new": one.new,
            "updated": one.updated,
            "unchanged": one.unchanged,
            "problem": one.problem,
            "warnings": one.warnings,
        }
        for one in polled
    ]
    show(as_json, facts, lambda: _tell_polls(polled))
    _leave(ctx, polled)


def _specs(app: App, name: str | None) -> tuple[SourceSpec, ...]:
    """Give the sources meant: all, or the one of this name. Raises NotFoundError."""
    specs = tuple(spec for spec in app.sources if name in {None, spec.name})
    if specs:
        return specs
    if not app.sources:
        raise NotFoundError("sources: there are none", hint="Add [sources.site] to digest.toml.")
    from digest.config.values import did_you_mean

    known = [spec.name for spec in app.sources]
    raise NotFoundError(
        f"source: {name!r}: there is no such source{did_you_mean(str(name), known)}",
        hint=f"There are: {', '.join(known)}.",
    )


def _tell_polls(polled: Sequence[Polled], *, found_only: bool = False) -> None:
    longest = max(len(one.source) for one in polled)
    for one in polled:
        name = f"{one.source:{longest}}  "
        if one.problem:
            mark("FAIL", one.problem, name=name)
            continue
        what = counted(one.found, "story", "stories")
        if one.unchanged:
            what = "nothing has changed"
        elif not found_only:
            what += f", {one.new:,} new, {one.updated:,} updated"
        mark("ok" if one.found or one.unchanged else "warn", what, name=name)
        for warning in one.warnings:
            mark("warn", warning, name=name)


def _leave(ctx: click.Context, polled: Sequence[Polled]) -> None:
    if any(one.problem for one in polled):
        ctx.exit(1)
