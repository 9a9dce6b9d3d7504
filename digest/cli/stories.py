"""The commands about stories: sources, collect, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from digest.cli.opening import opened
from digest.cli.output import counted, json_option, say, show, table
from digest.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from digest.app import App
    from digest.editions.model import Candidate, EditionExplanation, StoryExplanation
    from digest.sources.model import Polled, SourceSpec


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
            states = store.source_states(connection)
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

        def tell() -> None:
            rows: list[tuple[object, ...]] = [("SOURCE", "KIND", "LAST WELL", "FAILED", "ADDRESS")]
            rows += [
                (s.name, s.kind, _at(app, s.last_ok_at), s.failures or "–", s.address)
                for s in states
            ]
            table(rows, right=(3,))
            for state in states:
                if state.error:
                    say(f"            {state.name}: {state.error}")

        show(as_json, facts, tell)


@sources.command("check")
@click.argument("name", required=False)
@json_option
@click.pass_context
def check_sources(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Read each source (or one) without keeping anything; exit 1 if one fails."""
    from digest.sources.collect import read_source

    with opened(ctx) as app:
        polled = [read_source(spec, fetcher=app.fetcher) for spec in _specs(app, name)]
    _tell_polls(polled, as_json=as_json, found_only=True)
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
    _tell_polls(polled, as_json=as_json)
    _leave(ctx, polled)


def _specs(app: App, name: str | None) -> tuple[SourceSpec, ...]:
    specs = tuple(spec for spec in app.sources if name in {None, spec.name})
    if not specs:
        known = ", ".join(spec.name for spec in app.sources)
        raise NotFoundError(
            f"source: {name!r}: there is no such source" if name else "sources: there are none",
            hint=f"There are: {known}." if known else "Add [sources.site] to digest.toml.",
        )
    return specs


def _tell_polls(polled: Sequence[Polled], *, as_json: bool, found_only: bool = False) -> None:
    facts = [
        {
            "source": one.source,
            "found": one.found,
            "new": one.new,
            "updated": one.updated,
            "problem": one.problem,
            "warnings": one.warnings,
        }
        for one in polled
    ]

    def tell() -> None:
        for one in polled:
            if one.problem:
                say(f"  FAIL  {one.source}   {one.problem}")
                continue
            what = counted(one.found, "story", "stories")
            if one.unchanged:
                what = "nothing has changed"
            elif not found_only:
                what += f", {one.new} new, {one.updated} updated"
            say(f"  ok    {one.source}   {what}")
            for warning in one.warnings:
                say(f"  warn  {one.source}   {warning}")

    show(as_json, facts, tell)


def _leave(ctx: click.Context, polled: Sequence[Polled]) -> None:
    if any(one.problem for one in polled):
        ctx.exit(1)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WORDS|EDITION")
@json_option
@click.pass_context
def explain(ctx: click.Context, words: tuple[str, ...], as_json: bool) -> None:
    """Why a story is in or out; or for an edition, why each story is, or why it was skipped."""
    from digest.editions.explain import explain as explained

    with opened(ctx) as app:
        answer = explained(app.database, app.newsroom.newsletters, " ".join(words), clock=app.clock)
        if answer.edition is not None:
            edition = answer.edition
            show(as_json, _edition_facts(edition), lambda: _tell_edition(edition))
            return
        if not answer.stories:
            raise NotFoundError(
                f"explain: {answer.query!r}: no headline has these words",
                hint="Try fewer words, or an edition: digest explain daily",
            )
        stories = answer.stories

        def tell() -> None:
            for story in stories:
                _tell_story(app, story)

        show(as_json, [_story_facts(story) for story in stories], tell)


def _candidate_facts(candidate: Candidate) -> dict[str, Any]:
    return {
        "headline": candidate.article.story.headline,
        "verdict": candidate.verdict,
        "reason": candidate.reason,
        "place": candidate.place,
        "section": candidate.section,
        "late": candidate.late,
        "duplicate_of": candidate.duplicate_of,
    }


def _edition_facts(told: EditionExplanation) -> dict[str, Any]:
    return {
        "newsletter": told.newsletter.slug,
        "edition": told.edition.address if told.edition else None,
        "state": told.edition.state if told.edition else None,
        "reason": told.reason,
        "chosen": [_candidate_facts(c) for c in told.selection.chosen],
        "left_out": [_candidate_facts(c) for c in told.selection.left_out],
    }


def _tell_edition(told: EditionExplanation) -> None:
    name = told.newsletter.spec.name
    if told.edition is None:
        say(f"{name}: no edition. {told.reason}")
        return
    chosen, out = told.selection.chosen, told.selection.left_out
    say(f"{name}, no. {told.edition.number:,}, {told.edition.address}: {told.edition.state}")
    if told.reason:
        say(f"  {told.reason}")
    say()
    say(f"In: {len(chosen)}")
    for candidate in chosen:
        _tell_candidate(candidate, mark=candidate.place or "")
    if out:
        say()
        say(f"Left out: {len(out)}")
    for candidate in out:
        _tell_candidate(candidate, mark="out")


def _tell_candidate(candidate: Candidate, *, mark: str) -> None:
    say(f"  {mark:8}{_cut(candidate.article.story.headline, 68)}")
    say(f"          {candidate.reason}")


def _story_facts(told: StoryExplanation) -> dict[str, Any]:
    return {
        "headline": told.article.story.headline,
        "url": told.article.story.url,
        "source": told.article.source,
        "published_at": told.article.story.published_at,
        "published_from": told.article.story.published_from,
        "seen_on": told.article.story.seen_on,
        "first_seen_at": told.article.first_seen_at,
        "newsletters": [
            {
                "newsletter": fate.newsletter.slug,
                "editions": [
                    {"edition": w.edition.address, **_candidate_facts(w.candidate)}
                    for w in fate.weighings
                ],
                "next": _candidate_facts(fate.forecast),
            }
            for fate in told.fates
        ],
    }


def _tell_story(app: App, told: StoryExplanation) -> None:
    story = told.article.story
    say(story.headline)
    date = _at(app, story.published_at) if story.published_at else "no date of its own"
    where = f" ({story.published_from})" if story.published_from else ""
    say(f"  published {date}{where}; first seen {_at(app, told.article.first_seen_at)}")
    for fate in told.fates:
        for weighing in fate.weighings:
            say(f"  {weighing.edition.address}: {weighing.candidate.reason}")
        if not fate.weighings:
            say(f"  {fate.newsletter.slug}, next: {fate.forecast.reason}")
    say()


def _at(app: App, at: datetime | None) -> str:
    if at is None:
        return "never"
    return at.astimezone(ZoneInfo(app.settings.site.timezone)).strftime("%a %-d %b %Y %H:%M")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
