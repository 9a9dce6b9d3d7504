"""The commands that let mail leave: send, retry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from digest.cli.editions import edition_facts, steps_after_sending, tell_edition, tell_steps, title
from digest.cli.opening import edition_named, opened
from digest.cli.output import Progress, json_option, mark, say, show
from digest.cli.wording import counted
from digest.errors import AlreadyRunningError, UsageError, WorkflowError

if TYPE_CHECKING:
    from digest.app import App
    from digest.editions.model import Edition


@click.command()
@click.argument("edition")
@click.option("--confirm", type=int, metavar="N", help="The number of readers, instead of asking.")
@json_option
@click.pass_context
def send(ctx: click.Context, edition: str, confirm: int | None, as_json: bool) -> None:
    """Send an approved edition now. Without a terminal there is no question.

    One that was interrupted goes on where it was. Nobody ever gets it twice.
    """
    from digest.editions.model import EditionState

    with opened(ctx) as app:
        found = edition_named(app, edition)
        if found.state is EditionState.APPROVED:
            _ask(app, found, confirm)
            app.send_now(found)
        elif found.state not in {EditionState.SENDING, EditionState.SENT}:
            raise WorkflowError(
                f"send: {found.address}: it is {found.state}, not approved",
                hint=f"Approve it first: digest approve {found.address}",
            )
        if app.tally(found).planned or found.state is EditionState.APPROVED:
            _deliver(ctx, app, found, as_json=as_json)
        else:
            note = f"It is {found.state} already: nothing was done."
            _leave(ctx, app, found, note=note, as_json=as_json)


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


def _deliver(ctx: click.Context, app: App, edition: Edition, *, as_json: bool) -> None:
    from digest.supervisor import stop_signals

    try:
        with (
            stop_signals() as stop,
            Progress(app.tally(edition).total, label="sending", silent=as_json) as bar,
        ):
            sent = app.deliver(edition, progress=bar.at, stop=stop.is_set)
    except AlreadyRunningError:
        note = "A sender is running: it takes it from here."
        _leave(ctx, app, edition, note=note, others=True, as_json=as_json)
        return
    idle = sent == type(sent)() and app.tally(edition).open
    note = "Nothing is due yet: the server was away a moment ago." if idle else ""
    way_out = app.way_out
    _leave(ctx, app, edition, way_out=way_out, problem=sent.problem, note=note, as_json=as_json)


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
    tally = app.tally(edition)
    found = edition_named(app, edition.address)

    def tell() -> None:
        tell_edition(app, found, tally, way_out=way_out)
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
@json_option
@click.pass_context
def retry(ctx: click.Context, edition: str, which: str | None, as_json: bool) -> None:
    """Send an edition again to its deferred, failed or uncertain readers."""
    from digest.delivery.model import DeliveryState
    from digest.delivery.retry import retry as retry_now

    if which is None:
        raise UsageError("retry: whom?", hint="Say --deferred, --failed or --uncertain.")
    with opened(ctx) as app:
        found = edition_named(app, edition)
        number = retry_now(app.database, found, DeliveryState(which), clock=app.clock)
        if number:
            _deliver(ctx, app, found, as_json=as_json)
            return
        nobody = f"No reader of {found.address} is {which}. Nothing was done."
        facts = {**edition_facts(found, app.tally(found)), "problem": "", "note": nobody}
        show(as_json, facts, lambda: say(nobody))
