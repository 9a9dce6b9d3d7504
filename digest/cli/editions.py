"""The commands about editions: status, prepare; and what others say about one."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import edition_named, moment, newsletter_named, opened
from digest.cli.output import json_option, mark, pairs, say, say_wrapped, show, table
from digest.cli.wording import aligned, counted, long_time, short_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.app import App
    from digest.cli.slots import Shortage
    from digest.delivery.model import Tally
    from digest.delivery.progress import Pace
    from digest.editions.model import Edition, Newsletter, Prepared, Slot
    from digest.workflow.life_store import ChangedStory
    from digest.workflow.status import Overview, SendingView

_COUNTS = ("accepted", "deferred", "failed", "skipped", "uncertain", "planned")


@click.command()
@click.argument("edition", required=False)
@json_option
@click.pass_context
def status(ctx: click.Context, edition: str | None, as_json: bool) -> None:
    """Tell what is on now, what comes next, and what needs you."""
    from digest.workflow.status import overview

    with opened(ctx) as app:
        if edition is not None:
            _status_of(app, edition_named(app, edition), as_json=as_json)
            return
        view = overview(app.newsroom, sources=app.sources)
        show(as_json, view.facts(), lambda: _tell_overview(app, view))


def _status_of(app: App, edition: Edition, *, as_json: bool) -> None:
    if edition.sending_at is None:
        tally = app.tally(edition)
        facts = {**edition_facts(edition, tally), "changed": _changed_facts(app, edition)}
        show(as_json, facts, lambda: _tell_unsent(app, edition, tally))
        return
    from digest.cli.watching import sampled

    view, pace = sampled(app, edition)

    def tell() -> None:
        tell_edition(app, view.edition, view.tally, view=view, pace=pace)
        tell_steps(steps_after_sending(view.edition, view.tally, in_hand=view.hands.leased))

    facts = {**sending_facts(view, pace), "changed": _changed_facts(app, view.edition)}
    show(as_json, facts, tell)


def _changed_facts(app: App, edition: Edition) -> list[dict[str, Any]]:
    return [
        {"headline": each.headline, "withdrawn": each.withdrawn}
        for each in changed_since(app, edition)
    ]


def _tell_unsent(app: App, edition: Edition, tally: Tally) -> None:
    tell_edition(app, edition, tally)
    unsent = is_open(edition)
    tell_steps(_next_steps(edition) if unsent else steps_after_sending(edition, tally))


def sending_facts(view: SendingView, pace: Pace) -> dict[str, Any]:
    """Give how an edition on its way fares, for machines; `waits` are sentences."""
    return {
        **edition_facts(view.edition, view.tally),
        "per_second": pace.per_second,
        "seconds_left": pace.seconds_left,
        "next_retry_at": view.next_retry_at,
        "deferred_by_domain": [asdict(each) for each in view.deferred],
        "waits": list(view.waits),
    }


def _tell_overview(app: App, view: Overview) -> None:
    zone = app.settings.site.timezone
    place = zone.rpartition("/")[2].replace("_", " ")
    utc = "" if place == "UTC" else f" ({app.clock():%H:%M} UTC)"
    day, _, hour = long_time(app.clock(), zone).rpartition(" ")
    say(f"{day}, {hour} in {place}{utc}")
    if view.newsletters:
        say()
        table(_newsletter_rows(view, zone), right=(3,), shrink=0)
    if view.editions:
        say()
        _tell_last(view)
    if view.running:
        from digest.cli.machines import tell_machines

        say()
        tell_machines(view, zone)
    say()
    for need in view.needs:
        what, _, remedy = need.rpartition("  ")
        say_wrapped(what or remedy)
        if what:
            say_wrapped(remedy, first="  ", then="  ")
    if not view.needs:
        say("Nothing needs you.")


def _newsletter_rows(view: Overview, zone: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [("NEWSLETTER", "NOW", "NEXT RUN", "READERS")]
    for line in view.newsletters:
        next_run = short_time(line.next_at, zone) if line.next_at else "by hand"
        now = f"{line.now:<8} {line.detail}" if line.detail else line.now
        rows.append((line.name, now, next_run, f"{line.readers:,}"))
    return rows


def _tell_last(view: Overview) -> None:
    """Print the last editions; the uncertain have a column only where there are any."""
    counts = ["accepted", "deferred", "failed"]
    if any(line.uncertain for line in view.editions):
        counts.append("uncertain")
    rows: list[tuple[object, ...]] = [
        ("DATE", "EDITION", "NO.", "STATE", *(name.upper() for name in counts))
    ]
    for line in view.editions:
        day = f"{line.on:%a} {line.on.day:>2} {line.on:%b}"
        state = line.state.partition(": ")[0]
        numbers = (_dash(getattr(line, name)) for name in counts)
        rows.append((day, line.name, _dash(line.number), state, *numbers))
    head, *lines = aligned(rows, right=(2, 4, 5, 6, 7), shrink=1)
    say(head)
    for text, line in zip(lines, view.editions, strict=True):
        say(text)
        if why := line.state.partition(": ")[2]:
            say_wrapped(f"{why}.", first=" " * 12, then=" " * 12)


def _dash(number: int) -> str:
    return f"{number:,}" if number else "–"


def tell_edition(
    app: App,
    edition: Edition,
    tally: Tally,
    *,
    way_out: str = "",
    view: SendingView | None = None,
    pace: Pace | None = None,
) -> None:
    """Say where an edition is, and how its copies stand; `way_out` where they went.

    `view` and `pace` tell of one on its way how fast it leaves, and what keeps it.
    """
    waiting = f", {tally.deferred:,} to retry" if tally.deferred else ""
    say_wrapped(f"{title(app, edition)}: {edition.state}{waiting}", then="  ")
    is_sending = view is not None and str(edition.state) == "sending"
    if edition.reason and not is_sending:
        say_wrapped(edition.reason, first="  ", then="  ")
    if view is not None:
        _tell_pace(app, view, pace)
    counts = [(n.capitalize(), count) for n in _COUNTS if (count := getattr(tally, n))]
    longest = max((len(f"{count:,}") for _, count in counts), default=0)
    put_off = _put_off(app, view)
    rows: list[tuple[str, object]] = [
        (name, f"{n:>{longest},}{put_off if name == 'Deferred' else ''}") for name, n in counts
    ]
    if is_open(edition):
        rows.append(("Goes at", hour_of(app, edition)))
    if edition.revision > 1:
        rows.append(("Revision", edition.revision))
    if way_out:
        rows.append(("Goes to", way_out))
    pairs(rows)
    _tell_changed(app, edition)
    for state, code, why, number in app.reasons(edition):
        said = f"{code} {why}" if code else why
        say_wrapped(f"{number:,} {state}: {said}", first="    ", then="      ")


def _tell_changed(app: App, edition: Edition) -> None:
    """Tell which stories their sources have changed since the letter was composed."""
    for each in changed_since(app, edition):
        done = "withdrawn" if each.withdrawn else "changed"
        mark("warn", f"“{each.headline}” was {done} at its source since it was composed.")


def changed_since(app: App, edition: Edition) -> list[ChangedStory]:
    """Give the stories of an edition that their sources have changed since it was composed."""
    from digest.workflow.life_store import changed_stories

    with app.database.read() as connection:
        return changed_stories(connection, edition.id)


def _tell_pace(app: App, view: SendingView, pace: Pace | None) -> None:
    from digest.cli.watching import pace_line, waiting_words

    if pace is not None and view.tally.planned:
        say(f"  {pace_line(view, pace, app)}")
    for words in waiting_words(view, app):
        mark("warn", f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}")


def _put_off(app: App, view: SendingView | None) -> str:
    from digest.cli.watching import deferred_words

    words = "" if view is None else deferred_words(view, app.settings.site.timezone)
    return f"  {words}" if words else ""


def tell_steps(steps: Sequence[tuple[str, str]]) -> None:
    """Print commands to type next, with what each does."""
    if steps:
        say()
        table(steps, indent=2)


def steps_after_sending(
    edition: Edition, tally: Tally, *, in_hand: bool = False
) -> list[tuple[str, str]]:
    """Give the commands that do something about copies that are not out.

    `in_hand`: somebody is sending them this moment.
    """
    from digest.editions.model import EditionState

    address = edition.address
    steps = []
    if edition.state in {EditionState.STOPPED, EditionState.HELD}:
        steps = [(f"digest resume {address}", "go on where it was")]
    elif tally.planned and in_hand:
        steps = [(f"digest stop {address}", "stop it; it can go on later")]
    elif tally.planned:
        steps = [(f"digest send {address}", "go on; digest serve does it too")]
    for state in ("deferred", "failed", "uncertain"):
        if number := getattr(tally, state):
            readers = counted(number, "reader", "readers")
            steps.append((f"digest retry {address} --{state}", f"write to {readers} again"))
    return steps


def title(app: App, edition: Edition) -> str:
    """Give `The Morning Post, no. 1,204, daily/2026-01-09`."""
    name = app.mailer.names.get(edition.newsletter_id, edition.slug)
    number = f", no. {edition.number:,}" if edition.number > 0 else ", a correction"
    return f"{name}{number}, {edition.address}"


def hour_of(app: App, edition: Edition) -> str:
    """Say when an edition leaves: one whose hour is over leaves when it is approved."""
    from digest.editions.model import EditionState

    if edition.leaves_at > app.clock():
        return short_time(edition.leaves_at, app.settings.site.timezone)
    return "once" if edition.state is EditionState.APPROVED else "when it is approved"


def edition_facts(edition: Edition, tally: Tally) -> dict[str, Any]:
    """Give an edition's state and counts, for machines."""
    return {
        "edition": edition.address,
        "number": edition.number,
        "revision": edition.revision,
        "state": edition.state,
        "reason": edition.reason,
        "send_at": edition.send_at,
        "sending_at": edition.sending_at,
        **{name: getattr(tally, name) for name in _COUNTS},
    }


@click.command()
@click.argument("newsletter")
@click.option("--at", "at_text", metavar="TIME", help="A cut-off in the past: 2026-01-09T06:30.")
@click.option("--extra", is_flag=True, help="One more, beside the edition of the day.")
@click.option(
    "--story",
    "addresses",
    multiple=True,
    metavar="URL",
    help="Of this story alone, beside the edition of the day; may be given again.",
)
@json_option
@click.pass_context
def prepare(
    ctx: click.Context,
    newsletter: str,
    *,
    at_text: str | None,
    extra: bool,
    addresses: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the newsletter's next edition from the stories there are, and compose it.

    Stories that come after it wait for the edition after. Nothing is sent. A story that no source
    has brought yet is read from its page.
    """
    from digest.cli.slots import shortage, slot_meant
    from digest.editions.foresee import is_extra
    from digest.editions.prepare import prepare as prepare_now

    with opened(ctx) as app:
        found = newsletter_named(app, newsletter)
        only = {app.bring(address).id for address in addresses} or None
        slot = slot_meant(app, found, moment(app, at_text), extra=extra, only=only)
        if short := shortage(app, found, slot, only=only):
            _tell_short(found, slot, short, as_json=as_json)
            ctx.exit(1)
        name = slot.name if is_extra(found, slot) else None
        prepared = prepare_now(app.database, found, slot, clock=app.clock, extra=name, only=only)
        if prepared.edition is None:
            _tell_passed_over(found, slot, prepared.reason.rstrip("."), as_json=as_json)
            ctx.exit(1)
        warnings = _drafted(app, found, prepared.edition)
        edition = edition_named(app, prepared.edition.address)
        _tell_prepared(app, edition, prepared, warnings, as_json=as_json)


def _drafted(app: App, newsletter: Newsletter, edition: Edition) -> tuple[str, ...]:
    """Compose a draft, but take it no further; give what is to be known about it."""
    from digest.editions.model import EditionState
    from digest.workflow.draft import draft

    made = None
    if edition.state is EditionState.DRAFT:
        made = draft(app.newsroom, edition, newsletter)
    return made.warnings if made else ()


def _tell_short(newsletter: Newsletter, slot: Slot, short: Shortage, *, as_json: bool) -> None:
    def tell() -> None:
        say_wrapped(f"{newsletter.spec.name}: no edition for {slot.local_date}. {short.reason}.")
        steps = [("digest collect", "fetch what is new, then try again")]
        if short.left_out:
            counts = ", ".join(f"{number:,} {why}" for why, number in short.left_out.items())
            say_wrapped(f"Left out: {counts}.", first="  ", then="  ")
            steps.append(("digest explain WORDS", "why a story is out, by its headline"))
        tell_steps(steps)

    facts = {"edition": None, "reason": short.reason, "recorded": False}
    show(as_json, {**facts, "left_out": short.left_out}, tell)


def _tell_passed_over(newsletter: Newsletter, slot: Slot, reason: str, *, as_json: bool) -> None:
    def tell() -> None:
        say_wrapped(f"{newsletter.spec.name}: no edition for {slot.local_date}. {reason}.")
        tell_steps([(f"digest prepare {newsletter.slug} --extra", "one more, beside it")])

    show(as_json, {"edition": None, "reason": reason, "recorded": True}, tell)


def _tell_prepared(
    app: App, edition: Edition, prepared: Prepared, warnings: Sequence[str], *, as_json: bool
) -> None:
    composition = app.composition(edition)
    stories = len(prepared.selection.chosen)

    def tell() -> None:
        there = " (it was there already)" if prepared.already else ""
        say_wrapped(title(app, edition) + there, then="  ")
        say_wrapped(composition.subject, first="  ", then="  ")
        say()
        pairs(
            [
                ("Stories", stories),
                ("HTML", f"{_kilobytes(composition.html.encode())} KB"),
                ("State", edition.state),
                *([("Goes at", hour_of(app, edition))] if is_open(edition) else []),
            ]
        )
        for warning in warnings:
            mark("warn", warning)
        tell_steps(_next_steps(edition))

    facts = {
        "edition": edition.address,
        "number": edition.number,
        "state": edition.state,
        "warnings": warnings,
        "already": prepared.already,
        "subject": composition.subject,
        "stories": stories,
        "send_at": edition.send_at,
    }
    show(as_json, facts, tell)


def is_open(edition: Edition) -> bool:
    """Tell whether it is made and not being sent yet."""
    from digest.editions.model import EditionState

    ours = {EditionState.IN_REVIEW, EditionState.HELD, EditionState.APPROVED}
    return edition.state in ours and edition.sending_at is None


def _next_steps(edition: Edition) -> list[tuple[str, str]]:
    from digest.editions.model import EditionState

    address = edition.address
    look = [
        (f"digest preview {address}", "look at it"),
        (f"digest explain {address}", "why each story is in or out"),
    ]
    if edition.state is EditionState.APPROVED:
        return [*look, (f"digest send {address}", "send it now")]
    if is_open(edition):
        return [*look, (f"digest approve {address}", "let it go")]
    return [*look, (f"digest prepare {edition.slug} --extra", "one more, beside it")]


def _kilobytes(content: bytes) -> int:
    return max(1, round(len(content) / 1024))


def account() -> str:
    """Name the person at the keyboard, for the log of who did what."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"user {os.getuid()}"
