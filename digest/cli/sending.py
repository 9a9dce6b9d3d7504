"""The commands that let mail leave: send, retry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from digest.cli.editions import (
    account,
    edition_facts,
    steps_after_sending,
    tell_edition,
    tell_steps,
    title,
)
from digest.cli.opening import edition_named, newsletter_named, opened
from digest.cli.output import json_option, mark, say, show
from digest.cli.wording import counted
from digest.errors import AlreadyRunningError, UsageError, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.app import App
    from digest.editions.model import Edition


@click.command()
@click.argument("edition")
@click.option("--confirm", type=int, metavar="N", help="The number of readers, instead of asking.")
@click.option(
    "--override", default="", metavar="WHY", help="Pass over the limits of letters made by hand."
)
@json_option
@click.pass_context
def send(
    ctx: click.Context, edition: str, *, confirm: int | None, override: str, as_json: bool
) -> None:
    """Send an approved edition now. Without a terminal there is no question.

    One that was interrupted goes on where it was. Nobody ever gets it twice.
    """
    from digest.editions.model import EditionState

    with opened(ctx) as app:
        found = edition_named(app, edition)
        if found.state is EditionState.APPROVED:
            _ask(app, found, confirm)
            _let_go(app, found, override)
        elif found.state not in {EditionState.SENDING, EditionState.SENT}:
            raise _not_to_be_sent(found)
        if app.tally(found).planned or found.state is EditionState.APPROVED:
            deliver(ctx, app, found, as_json=as_json)
        else:
            note = f"It is {found.state} already: nothing was done."
            _leave(ctx, app, found, note=note, as_json=as_json)


def _let_go(app: App, edition: Edition, override: str) -> None:
    """Have it leave now, and write its ledger here: no clockwork need run."""
    from digest.workflow.halt import Person
    from digest.workflow.send_now import send_now

    newsletter = app.newsroom.newsletter(edition.newsletter_id)
    go = send_now(
        app.database,
        edition,
        by=Person(account()),
        clock=app.clock,
        newsletter=newsletter,
        override=override,
    )
    app.send_now(go)


def _not_to_be_sent(edition: Edition) -> WorkflowError:
    address = edition.address
    if edition.sending_at is not None:
        return WorkflowError(
            f"send: {address}: it is {edition.state}, and was sent in part",
            hint=f"To go on with it: digest resume {address}",
        )
    return WorkflowError(
        f"send: {address}: it is {edition.state}, not approved",
        hint=f"Approve it first: digest approve {address}",
    )


def _ask(app: App, edition: Edition, confirm: int | None) -> None:
    readers = app.audience_size(edition)
    people = counted(readers, "reader", "readers")
    if confirm is not None and confirm != readers:
        raise UsageError(
            f"send: {edition.address}: --confirm {confirm}, but there "
            f"{'is' if readers == 1 else 'are'} {people}",
            hint=f"Look again, then: digest send {edition.address} --confirm {readers}",
        )
    if confirm is None and sys.stdin.isatty():
        _tell_what_leaves(app, edition, people)
        question = f"This writes to {people}. Type the number to go on"
        if click.prompt(question, err=True).replace(",", "").strip() != str(readers):
            raise UsageError("send: that is another number: nothing was sent")


def _tell_what_leaves(app: App, edition: Edition, people: str) -> None:
    from digest.workflow.approve import require_approved

    composition = app.composition(edition)
    seen = require_approved(app.database, edition)
    click.echo(title(app, edition), err=True)
    rows = (
        ("Subject", composition.subject),
        ("Approved", f"content {seen[:4]} {seen[4:8]}"),
        ("Readers", people),
        ("Goes to", app.way_out),
    )
    for name, value in rows:
        click.echo(f"  {name:<8}  {value}", err=True)


_KEYS = ("s stop it", "Ctrl-C stop after what is in hand; digest serve goes on with it")
_LEFT_OFF = "We left off after what was in hand. digest serve goes on with it, or you do:"


def deliver(ctx: click.Context, app: App, edition: Edition, *, as_json: bool) -> None:
    """Send what is due of an edition from here, and say how it stands then."""
    from digest.cli.watching import Watch
    from digest.supervisor import stop_signals

    watch = Watch(app, edition, keys=_KEYS, on_stop=_stopping(app, edition), silent=as_json)
    try:
        with stop_signals() as stop, watch:
            sent = app.deliver(edition, progress=lambda _done: None, stop=stop.is_set)
    except AlreadyRunningError:
        _leave_to_others(ctx, app, edition, as_json=as_json)
        return
    note = ""
    if app.tally(edition).open and sent == type(sent)():
        note = "Nothing is due yet: the server was away a moment ago."
    if app.tally(edition).planned and stop.is_set():
        note = _LEFT_OFF
    way_out = app.way_out
    _leave(ctx, app, edition, way_out=way_out, problem=sent.problem, note=note, as_json=as_json)


def _stopping(app: App, edition: Edition) -> Callable[[], object]:
    """Give what the key `s` does while an edition is watched."""
    from digest.workflow.halt import Person, stop

    def on_stop() -> None:
        editors = app.newsroom.editors
        stop(app.database, edition, by=Person(account()), clock=app.clock, editors=editors)

    return on_stop


def _leave_to_others(ctx: click.Context, app: App, edition: Edition, *, as_json: bool) -> None:
    """Another process sends: at a terminal it is watched, elsewhere nobody waits for it."""
    from digest.cli.watching import watch_others
    from digest.supervisor import stop_signals

    note, others = "A sender is running: it takes it from here.", True
    if sys.stdout.isatty() and not as_json:
        with stop_signals() as stop:
            others = not watch_others(app, edition, stop=stop, on_stop=_stopping(app, edition))
        note = f"It goes on without us. Watch it: digest status {edition.slug}" if others else ""
    _leave(ctx, app, edition, note=note, others=others, as_json=as_json)


def _leave(
    ctx: click.Context,
    app: App,
    edition: Edition,
    *,
    way_out: str = "",
    note: str = "",
    problem: str = "",
    others: bool = False,
    as_json: bool,
) -> None:
    """Say how the edition stands; leave with 1 when anybody is without it, or may be.

    `others` says that another process goes on with the copies that are open.
    """
    from digest.cli.watching import look

    view = look(app, edition)
    found, tally = view.edition, view.tally

    def tell() -> None:
        tell_edition(app, found, tally, way_out=way_out, view=None if others else view)
        if problem:
            mark("warn", problem)
        if note:
            say(note)
        if not others:
            tell_steps(steps_after_sending(found, tally))

    show(as_json, {**edition_facts(found, tally), "problem": problem, "note": note}, tell)
    if tally.failed or tally.uncertain or (tally.open and not others):
        ctx.exit(1)


@click.command()
@click.argument("edition")
@click.option("--deferred", "which", flag_value="deferred", help="Those to be tried again later.")
@click.option("--failed", "which", flag_value="failed", help="Those that were refused.")
@click.option(
    "--uncertain", "which", flag_value="uncertain", help="Those that may have it already."
)
@click.option("--confirm", type=int, metavar="N", help="The number of readers, instead of asking.")
@json_option
@click.pass_context
def retry(
    ctx: click.Context, edition: str, which: str | None, *, confirm: int | None, as_json: bool
) -> None:
    """Send an edition again to its deferred, failed or uncertain readers.

    The uncertain may have it already: those get it twice. At a terminal it asks for their number
    first; elsewhere give --confirm N.
    """
    from digest.delivery.model import DeliveryState
    from digest.delivery.retry import retry as retry_now
    from digest.editions.model import EditionState

    if which is None:
        raise UsageError("retry: whom?", hint="Say --deferred, --failed or --uncertain.")
    with opened(ctx) as app:
        found = begun_last(app, edition)
        _ask_again(app, found, which, confirm, as_json=as_json)
        number = retry_now(app.database, found, DeliveryState(which), clock=app.clock)
        if number and found.state not in {EditionState.STOPPED, EditionState.HELD}:
            deliver(ctx, app, found, as_json=as_json)
            return
        note = f"No reader of {found.address} is {which}. Nothing was done."
        if number:
            readers = counted(number, "copy is", "copies are")
            note = f"{readers} due when it goes on: digest resume {found.address}"
        facts = {**edition_facts(found, app.tally(found)), "problem": "", "note": note}
        show(as_json, facts, lambda: say(note))


def begun_last(app: App, name: str) -> Edition:
    """Give the edition meant: of a bare `daily` the last that was sent, not the draft after it."""
    from digest.editions.model import EditionState
    from digest.editions.store import latest_editions

    sent = (EditionState.SENDING, EditionState.SENT, EditionState.STOPPED, EditionState.HELD)
    found = []
    if "/" not in name:
        newsletter = newsletter_named(app, name)
        with app.database.read() as connection:
            found = [
                each
                for state in sent
                for each in latest_editions(connection, [newsletter.id], [state])
                if each.sending_at is not None
            ]
    if not found:
        return edition_named(app, name)
    return max(found, key=lambda each: (each.window.until, each.id))


def _ask_again(
    app: App, edition: Edition, which: str, confirm: int | None, *, as_json: bool
) -> None:
    """Have the number of the readers typed before those who may have it get it again."""
    number = getattr(app.tally(edition), which)
    people = counted(number, "reader is", "readers are")
    again = f"digest retry {edition.address} --{which} --confirm {number}"
    if confirm is not None and confirm != number:
        raise UsageError(
            f"retry: {edition.address}: --confirm {confirm}, but {people} {which}",
            hint=f"Look again, then: {again}",
        )
    if which != "uncertain" or not number:
        return
    have = counted(number, "reader may", "readers may")
    asks = confirm is None and sys.stdin.isatty()
    if asks or not as_json:
        told = f"{have} have it already: whoever has it gets it a second time."
        click.echo(told, err=asks)
    if asks:
        typed = click.prompt("Type the number to write to them again", err=True)
        if typed.replace(",", "").strip() != str(number):
            raise UsageError("retry: that is another number: nothing was sent")
