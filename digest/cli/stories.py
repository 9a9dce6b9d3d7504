"""The commands about stories: sources, collect."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli.adding import add_source, tell_found
from digest.cli.opening import config_path, from_here, newsletter_named, opened, typed
from digest.cli.output import json_option, mark, say, say_wrapped, show, table
from digest.cli.wording import counted, short_time
from digest.errors import NotFoundError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from digest.app import App
    from digest.editions.model import Section
    from digest.sources.health import Health
    from digest.sources.model import Polled, SourceSpec, SourceState

_MANY = 5
"""Sources: then a bar tells how far collecting is."""
_RECENT_DAYS = 30
_LINES_TO_PASTE = 5
_MOST_CATEGORIES = 30


@click.group()
def sources() -> None:
    """Add, list, check and remove where stories come from.

    digest.toml names sources, and so may you here; a name means one source in both.
    """


sources.add_command(add_source)


@sources.command("list")
@json_option
@click.pass_context
def list_sources(ctx: click.Context, as_json: bool) -> None:
    """List the sources: how they fare, and what their last polls told."""
    from digest.sources import store
    from digest.sources.health import health_of

    with opened(ctx) as app:
        with app.database.read() as connection:
            known = {state.name: state for state in store.source_states(connection)}
            resting = store.paused_sources(connection)
        specs = _specs(app, None)
        found = [
            (spec, known[spec.name], health_of(spec, known[spec.name], now=app.clock()))
            for spec in specs
        ]
        lines, zone = _file_lines(ctx, specs), app.settings.site.timezone
        facts = [_source_facts(*one, line=lines.get(one[0].name)) for one in found]

        def tell() -> None:
            _tell_sources(found, lines, zone)
            for spec, _, since in resting:
                say(f"{spec.name} rests since {short_time(since, zone)}; the desk takes it up.")

        show(as_json, facts, tell)


def _source_facts(
    spec: SourceSpec, state: SourceState, health: Health, *, line: int | None
) -> dict[str, Any]:
    return {
        "name": spec.name,
        "kind": spec.kind,
        "address": state.address,
        "origin": spec.origin,
        "line": line,
        "every_seconds": spec.every.total_seconds(),
        "health": health.word,
        "told": health.sentence,
        "remedy": health.remedy,
        "last_ok_at": state.last_ok_at,
        "last_tried_at": state.last_tried_at,
        "next_poll_at": state.next_poll_at,
        "failures": state.failures,
        "error": state.error,
        "warning": state.warning,
        "moved_to": state.moved_to,
        "not_before": state.not_before,
        "failing_since": state.failing_since,
        "status": state.status,
    }


def _tell_sources(
    found: Sequence[tuple[SourceSpec, SourceState, Health]], lines: dict[str, int], zone: str
) -> None:
    rows: list[tuple[object, ...]] = [
        ("SOURCE", "KIND", "STATE", "LAST WELL", "FAILED", "FROM", "ADDRESS")
    ]
    for spec, state, health in found:
        last = short_time(state.last_ok_at, zone) if state.last_ok_at else "never"
        line = lines.get(spec.name)
        origin = f"line {line}" if line else spec.origin
        failed = state.failures or "–"
        rows.append((spec.name, spec.kind, health.word, last, failed, origin, _shown(spec, state)))
    table(rows, right=(4,), shrink=6)
    for spec, state, health in found:
        if health.is_trouble:
            sign = "FAIL" if state.failures else "warn"
            mark(sign, f"{health.sentence}. {health.remedy}", name=f"{spec.name}: ")
        if state.error:
            say_wrapped(state.error, first=" " * 8, then=" " * 8)
        elif state.warning:
            mark("warn", state.warning, name=f"{spec.name}: ")


def _shown(spec: SourceSpec, state: SourceState) -> str:
    """Give the address as it may be seen, a path as it is typed here."""
    is_path = "://" not in spec.address and spec.address == state.address
    return str(from_here(Path(spec.address))) if is_path and spec.address else state.address


def _file_lines(ctx: click.Context, specs: Sequence[SourceSpec]) -> dict[str, int]:
    """Find the lines of the settings file on which its sources begin."""
    from digest.config.lines import line_of, lines_of
    from digest.sources.model import Origin

    lines = lines_of(config_path(ctx).read_text("utf-8-sig"))
    named = [spec.name for spec in specs if spec.origin is Origin.FILE]
    found = {name: line_of(lines, ("sources", name)) for name in named}
    return {name: line for name, line in found.items() if line}


# check


@sources.command("check", short_help="Read sources, or any address, without keeping anything.")
@click.argument("name", required=False, metavar="[SOURCE|ADDRESS]")
@click.option("--allow", multiple=True, metavar="NETWORK", help="As 10.0.0.0/8; may be repeated.")
@json_option
@click.pass_context
def check_sources(
    ctx: click.Context, name: str | None, allow: tuple[str, ...], as_json: bool
) -> None:
    """Read each source (or one) without keeping anything; exit 1 if one fails.

    Of any other address it tells what is there, as `sources add` would. With --allow that may lie
    in a network that is not public.
    """
    from digest.sources.collect import read_source

    with opened(ctx) as app:
        if name and name not in {spec.name for spec in app.sources} and _is_address(name):
            _check_address(app, name, allow, as_json=as_json)
            return
        specs = _specs(app, name)
        polled = [read_source(spec, fetcher=app.fetcher, parser=app.parser) for spec in specs]
    facts = [
        {
            "source": one.source,
            "found": one.found,
            "problem": one.problem,
            "warnings": one.warnings,
            "moved_to": one.moved_to,
        }
        for one in polled
    ]
    show(as_json, facts, lambda: _tell_polls(polled, found_only=True))
    _leave(ctx, polled)


def _is_address(name: str) -> bool:
    return "://" in name or "." in name or "/" in name or Path(name).exists()


def _check_address(app: App, address: str, allow: tuple[str, ...], *, as_json: bool) -> None:
    from digest.cli.adding import found_facts
    from digest.sources.add import discover

    found = discover(address, fetcher=app.fetcher, parser=app.parser, allow=allow)
    show(as_json, found_facts(found), lambda: tell_found(found, app.settings.site.timezone))


# remove


@sources.command("remove")
@click.argument("name", metavar="SOURCE")
@json_option
@click.pass_context
def remove_source(ctx: click.Context, name: str, as_json: bool) -> None:
    """Remove a source that was added by command; its stories stay."""
    from digest.sources import store
    from digest.sources.model import Origin

    with opened(ctx) as app:
        (spec,) = _specs(app, name)
        if spec.origin is Origin.FILE:
            line = _file_lines(ctx, [spec]).get(name)
            where = f"{config_path(ctx)}{f', line {line}' if line else ''}"
            raise UsageError(
                f"source: {name}: it is named in {where}",
                hint=f"Take the table [sources.{name}] out of the file.",
            )
        with app.database.write() as connection:
            store.remove_source(connection, name, now=app.clock())
        facts = {"removed": name}
        show(as_json, facts, lambda: _tell_removed(name))


def _tell_removed(name: str) -> None:
    say(f"Removed {name}. Nothing is collected from it any more; its stories stay.")


# unsorted


@sources.command("unsorted", short_help="Count the stories that belong to no section.")
@click.argument("newsletter", required=False)
@json_option
@click.pass_context
def unsorted(ctx: click.Context, newsletter: str | None, as_json: bool) -> None:
    """Count recent stories that belong to no section, by their categories.

    With NEWSLETTER the sections are those it has, without it all that digest.toml names. What was
    sorted at the desk counts as sorted.
    """
    from datetime import timedelta

    from digest.editions.category_store import sorted_categories
    from digest.editions.sections import unsorted_counts, with_sorted
    from digest.sources import article_store

    with opened(ctx) as app:
        with app.database.read() as connection:
            found = sorted_categories(connection)
        sections = with_sorted(_sections(app, newsletter), found)
        now = app.clock()
        with app.database.read() as connection:
            seen = article_store.articles_seen(
                connection, after=now - timedelta(days=_RECENT_DAYS), until=now
            )
        recent = [article for article in seen if article.withdrawn_at is None]
        counts = unsorted_counts(recent, sections)
        facts = {
            "days": _RECENT_DAYS,
            "stories": len(recent),
            "sections": [section.key for section in sections],
            "categories": [{"category": name, "stories": n} for name, n in counts.items()],
            "paste": _to_paste(counts, sections),
        }
        show(as_json, facts, lambda: _tell_unsorted(ctx, facts))


def _sections(app: App, newsletter: str | None) -> tuple[Section, ...]:
    from digest.editions.model import Section

    if newsletter is not None:
        return newsletter_named(app, newsletter).spec.sections
    named = app.settings.sections.items()
    return tuple(Section(key, each.title, each.categories, each.paths) for key, each in named)


def _to_paste(counts: dict[str, int], sections: Sequence[Section]) -> list[str]:
    """Give lines for [sections]: a section of its own for each of the most frequent categories."""
    from digest.config.writing import section_line

    taken = {section.key for section in sections}
    lines: dict[str, str] = {}
    for category in counts:
        key, line = section_line(category)
        if category and key and key not in taken and len(lines) < _LINES_TO_PASTE:
            lines.setdefault(key, line)
    return list(lines.values())


def _tell_unsorted(ctx: click.Context, facts: dict[str, Any]) -> None:
    categories = facts["categories"]
    said = f"{counted(facts['stories'], 'story', 'stories')} of the last {facts['days']} days"
    if not categories:
        say(f"Of {said}, every one belongs to a section.")
        return
    say(f"In no section, of {said}:")
    rows: list[tuple[object, ...]] = [("STORIES", "CATEGORY")]
    shown = categories[:_MOST_CATEGORIES]
    rows += [(one["stories"], one["category"] or "(without any)") for one in shown]
    table(rows, right=(0,), indent=2, shrink=1)
    if len(categories) > len(shown):
        say(f"  and {len(categories) - len(shown):,} more: {typed(ctx)} sources unsorted --json")
    if facts["paste"]:
        say()
        say_wrapped(
            f"Add a category to a section of yours, or paste a section of its own below"
            f" {_sections_place(ctx)}, and name it in the newsletter's sections:"
        )
        for line in facts["paste"]:
            say(f"  {line}")


def _sections_place(ctx: click.Context) -> str:
    from digest.config.lines import lines_of

    line = lines_of(config_path(ctx).read_text("utf-8-sig")).get(("sections",))
    return f"[sections] ({config_path(ctx)}, line {line})" if line else "[sections]"


# collect


@click.command()
@click.argument("source", required=False)
@json_option
@click.pass_context
def collect(ctx: click.Context, source: str | None, as_json: bool) -> None:
    """Poll the sources (or one) now, whatever their `every` says; exit 1 if one fails."""
    with opened(ctx) as app:
        specs = _specs(app, source)
        with _progress(len(specs), silent=as_json) as told:
            polled = app.collect(specs, force=True, on_polled=told)
    facts = [
        {
            "source": one.source,
            "found": one.found,
            "new": one.new,
            "updated": one.updated,
            "withdrawn": one.withdrawn,
            "unchanged": one.unchanged,
            "problem": one.problem,
            "warnings": one.warnings,
            "moved_to": one.moved_to,
            "not_before": one.not_before,
        }
        for one in polled
    ]
    show(as_json, facts, lambda: _tell_polls(polled))
    _leave(ctx, polled)


@contextlib.contextmanager
def _progress(total: int, *, silent: bool) -> Iterator[Callable[[Polled], None]]:
    """Show a bar on a terminal when there are many; beside the output, never in it."""
    if silent or total < _MANY or not sys.stderr.isatty():
        yield lambda _polled: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("  collecting"), BarColumn(bar_width=40), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda _polled: bar.advance(task)


def _specs(app: App, name: str | None) -> tuple[SourceSpec, ...]:
    """Give the sources meant: all, or the one of this name.

    Raises UnknownNameError, and NotFoundError when there are none at all.
    """
    all_specs = app.sources
    specs = tuple(spec for spec in all_specs if name in {None, spec.name})
    if specs:
        return specs
    if not all_specs:
        raise NotFoundError(
            "sources: there are none",
            hint="Add one with: digest sources add https://yoursite.example",
        )
    from digest.config.values import did_you_mean

    known = [spec.name for spec in all_specs]
    raise UnknownNameError(
        f"source: {name!r}: there is no such source{did_you_mean(str(name), known)}",
        hint=f"There are: {', '.join(known)}.",
    )


def _tell_polls(polled: Sequence[Polled], *, found_only: bool = False) -> None:
    if not polled:
        say("Nothing to poll: the stories of these sources are pushed to us.")
        return
    longest = max(len(one.source) for one in polled)
    for one in polled:
        name = f"{one.source:{longest}}  "
        if one.problem:
            mark("FAIL", one.problem, name=name)
            continue
        sign = "ok" if one.found or one.unchanged else "warn"
        mark(sign, _told(one, found_only=found_only), name=name)
        for warning in one.warnings:
            mark("warn", warning, name=name)
        if one.moved_to:
            mark("warn", f"has moved for good to {one.moved_to}: change its address", name=name)


def _told(one: Polled, *, found_only: bool) -> str:
    if one.unchanged:
        return "nothing has changed"
    what = counted(one.found, "story", "stories")
    if found_only:
        return what
    withdrawn = f", {one.withdrawn:,} withdrawn" if one.withdrawn else ""
    return f"{what}, {one.new:,} new, {one.updated:,} updated{withdrawn}"


def _leave(ctx: click.Context, polled: Sequence[Polled]) -> None:
    if any(one.problem for one in polled):
        ctx.exit(1)
