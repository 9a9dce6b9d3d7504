"""The commands that keep mail from leaving, or let it go on: stop, hold, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import click

from digest.cli.editions import account, edition_facts
from digest.cli.opening import edition_named, newsletter_named, opened
from digest.cli.output import json_option, mark, say, say_wrapped, show
from digest.cli.wording import counted
from digest.errors import UsageError, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from digest.app import App
    from digest.clock import Clock
    from digest.db import Database
    from digest.delivery.model import Tally
    from digest.editions.model import Edition, EditionState
    from digest.workflow.halt import Halted, Person

_all = click.option("--all", "every", is_flag=True, help="All of them, whatever newsletter.")
_by = click.option("--by", default="", help="Who asks. [default: your account's name]")
_reason = click.option("--reason", default="", metavar="TEXT", help="Why, for those who are told.")


class _Verb(Protocol):
    """What `digest.workflow.halt` does to one edition."""

    def __call__(
        self,
        database: Database,
        edition: Edition,
        *,
        by: Person,
        reason: str = "",
        clock: Clock,
        editors: Iterable[str] = (),
    ) -> Halted: ...


@click.command()
@click.argument("edition", required=False)
@_all
@_reason
@_by
@json_option
@click.pass_context
def stop(
    ctx: click.Context, edition: str | None, *, every: bool, reason: str, by: str, as_json: bool
) -> None:
    """Stop an edition that is being sent, from wherever it is sent.

    Nothing more leaves within a second; what is in the air by then is answered and counted. Nobody
    is lost: `digest resume` goes on where it was.
    """
    from digest.editions.model import EditionState
    from digest.workflow.halt import stop as stop_now

    with opened(ctx) as app:
        task = _Task(ctx, app, reason, by, as_json=as_json)
        task.run(stop_now, edition, every=every, which={EditionState.SENDING}, none=_NOTHING)


@click.command()
@click.argument("edition", required=False)
@_all
@_reason
@_by
@json_option
@click.pass_context
def hold(
    ctx: click.Context, edition: str | None, *, every: bool, reason: str, by: str, as_json: bool
) -> None:
    """Hold an edition: one that waits for its hour, or one that is being sent.

    One that has not gone yet has to be approved (again) then; one that is being sent goes on with
    `digest resume`. With --all, those that are being sent.
    """
    from digest.editions.model import EditionState
    from digest.workflow.halt import hold as hold_now

    with opened(ctx) as app:
        task = _Task(ctx, app, reason, by, as_json=as_json)
        task.run(hold_now, edition, every=every, which={EditionState.SENDING}, none=_NOTHING)


@click.command()
@click.argument("edition", required=False)
@_all
@_reason
@_by
@json_option
@click.pass_context
def resume(
    ctx: click.Context, edition: str | None, *, every: bool, reason: str, by: str, as_json: bool
) -> None:
    """Let an edition go on that was stopped or held while it was sent.

    Whoever has it does not get it again. With --all, every one of them.
    """
    from digest.editions.model import EditionState
    from digest.workflow.halt import resume as resume_now

    halted = {EditionState.STOPPED, EditionState.HELD}
    with opened(ctx) as app:
        task = _Task(ctx, app, reason, by, as_json=as_json)
        none = "Nothing is stopped or held that was being sent."
        task.run(resume_now, edition, every=every, which=halted, none=none)


_NOTHING = "Nothing is being sent."


class _Task:
    """One command: on one edition, or on all there are."""

    def __init__(
        self, ctx: click.Context, app: App, reason: str, by: str, *, as_json: bool
    ) -> None:
        from digest.editions.wording import one_line
        from digest.workflow.halt import Person

        self.ctx, self.app, self.reason, self.as_json = ctx, app, reason, as_json
        self.by = Person(one_line(by) or account())

    def run(
        self,
        verb: _Verb,
        name: str | None,
        *,
        every: bool,
        which: Collection[EditionState],
        none: str,
    ) -> None:
        """Do it, and say what became of each. Raises UsageError without a name and without all."""
        if every == (name is not None):
            command = self.ctx.info_name
            raise UsageError(
                f"{command}: name an edition, or --all{', not both' if every else ''}",
                hint=f"As in: digest {command} daily",
            )
        if name is not None:
            halted = self._do(verb, meant(self.app, name, which))
            self._show([halted], lambda done: done[0])
            return
        done, troubles = self._do_all(verb, which)
        self._show(done, lambda found: found, none=none)
        for trouble in troubles:
            click.echo(f"digest: {trouble}", err=True)
        if troubles:
            self.ctx.exit(1)

    def _do(self, verb: _Verb, edition: Edition) -> Halted:
        return verb(
            self.app.database,
            edition,
            by=self.by,
            reason=self.reason,
            clock=self.app.clock,
            editors=self.app.newsroom.editors,
        )

    def _do_all(
        self, verb: _Verb, which: Collection[EditionState]
    ) -> tuple[list[Halted], list[str]]:
        done, troubles = [], []
        for edition in begun(self.app, which):
            try:
                done.append(self._do(verb, edition))
            except WorkflowError as error:  # its last copy went a moment ago: the others wait
                troubles.append(str(error))
        return done, troubles

    def _show(
        self,
        done: list[Halted],
        shape: Callable[[list[dict[str, Any]]], Any],
        *,
        none: str = "",
    ) -> None:
        tallies = [self.app.tally(each.edition) for each in done]
        facts = [
            {**edition_facts(each.edition, tally), "changed": each.changed}
            for each, tally in zip(done, tallies, strict=True)
        ]

        def tell() -> None:
            for each, tally in zip(done, tallies, strict=True):
                _tell(self.app, each, tally)
            if not done:
                say(none)

        show(self.as_json, shape(facts), tell)


def begun(app: App, which: Collection[EditionState]) -> list[Edition]:
    """Give the editions in these states that have begun to be sent, newest first."""
    from digest.editions import store as editions

    with app.database.read() as connection:
        found = editions.editions_in(connection, which)
    return [each for each in reversed(found) if each.sending_at is not None]


def meant(app: App, name: str, which: Collection[EditionState]) -> Edition:
    """Give the edition a person means: `daily` is the one under way, if there is one.

    Today's draft may be made while yesterday's edition still has readers to reach.
    Raises UsageError and NotFoundError as `edition_named` does.
    """
    if "/" not in name:
        newsletter = newsletter_named(app, name)
        for each in begun(app, which):
            if each.newsletter_id == newsletter.id:
                return each
    return edition_named(app, name)


def _tell(app: App, halted: Halted, tally: Tally) -> None:
    from digest.editions.model import EditionState

    edition, address = halted.edition, halted.edition.address
    word = "resumed" if edition.state is EditionState.SENDING else str(edition.state)
    say(f"{word.capitalize()}{'' if halted.changed else ' already'}: {address}.")
    if edition.sending_at is None:
        say_wrapped("Nothing of it was sent. To let it go:", first="  ", then="  ")
        say(f"  digest approve {address}")
        return
    have = counted(tally.accepted, "reader has", "readers have")
    say_wrapped(f"{have} it, {tally.open:,} not yet.", first="  ", then="  ")
    if edition.state is not EditionState.SENDING:
        say_wrapped(
            "What is in the air is still answered. To go on where it was:", first="  ", then="  "
        )
        say(f"  digest resume {address}")
        say_wrapped("To mend it first, for those who have not got it:", first="  ", then="  ")
        say(f"  digest choose {address} list")
    elif edition.expires_at is not None and edition.expires_at <= app.clock():
        mark("warn", "Its time is over: what is open is given up, not sent.")
    else:
        say("  digest serve sends it, or: digest send " + address)
