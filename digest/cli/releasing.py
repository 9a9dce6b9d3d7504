"""The commands that decide about an edition before it goes: approve, skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.editions import account, hour_of
from digest.cli.opening import edition_named, opened
from digest.cli.output import json_option, say, show

if TYPE_CHECKING:
    from digest.app import App
    from digest.editions.model import Edition, Newsletter


@click.command()
@click.argument("edition")
@click.option("--by", default="", help="Who approves. [default: your account's name]")
@click.option(
    "--override", default="", metavar="WHY", help="Pass over the limits of letters made by hand."
)
@json_option
@click.pass_context
def approve(ctx: click.Context, edition: str, *, by: str, override: str, as_json: bool) -> None:
    """Let an edition go at its hour: these bytes and no others.

    One that was stopped half-way and mended goes on, to those who have not got it.
    """
    from digest.editions.model import EditionState
    from digest.editions.wording import one_line
    from digest.workflow.approve import approve as approve_now
    from digest.workflow.approve import require_approved

    with opened(ctx) as app:
        found = edition_named(app, edition)
        already = found.state is EditionState.APPROVED
        if already:
            seen = require_approved(app.database, found)
        else:
            name = one_line(by) or account()
            newsletter = app.newsroom.newsletter(found.newsletter_id)
            seen = approve_now(
                app.database,
                _as_its_stories_are(app, found, newsletter),
                by=name,
                clock=app.clock,
                newsletter=newsletter,
                override=override,
                newsroom=app.newsroom,
            )
        found = edition_named(app, found.address)

        def tell() -> None:
            word = "Approved already" if already else "Approved"
            say(f"{word}: {found.address}, content {seen[:4]} {seen[4:8]}.")
            if found.state is EditionState.SENDING:
                say(f"Revision {found.revision} goes on, to those who have not got it:")
            else:
                say(f"It goes at {hour_of(app, found)}, when digest serve runs. To send it now:")
            say(f"  digest send {found.address}")

        facts = {
            "edition": found.address,
            "state": found.state,
            "already": already,
            "content_hash": seen,
            "send_at": found.send_at,
        }
        show(as_json, facts, tell)


def _as_its_stories_are(app: App, seen: Edition, newsletter: Newsletter | None) -> Edition:
    """Read an edition's stories once more, before they are locked.

    Raises ConflictError when that made another letter than the one that its approver saw.
    """
    from digest.composition import store as compositions
    from digest.composition.compose import set_hash
    from digest.errors import ConflictError
    from digest.workflow.revise import refreshed

    def text() -> str:
        with app.database.read() as connection:
            return set_hash(compositions.load_compositions(connection, seen.id))

    if newsletter is None:
        return seen
    before = text()
    now = refreshed(app.newsroom, seen, newsletter)
    if now.version != seen.version and text() != before:
        raise ConflictError(
            f"approve: {seen.address}: its sources have changed stories of it, and it was composed"
            " again",
            hint=f"Look at it once more, then approve it: digest preview {seen.address}",
        )
    return now


@click.command()
@click.argument("edition")
@click.option("--reason", default="Skipped by hand.", show_default=True)
@json_option
@click.pass_context
def skip(ctx: click.Context, edition: str, reason: str, as_json: bool) -> None:
    """Drop an edition that is not being sent yet; its stories return to the pool."""
    from digest.editions.model import EditionState
    from digest.workflow.halt import Person
    from digest.workflow.skip import skip as skip_now

    with opened(ctx) as app:
        found = edition_named(app, edition)
        skip_now(
            app.database,
            found,
            by=Person(account()),
            reason=reason,
            clock=app.clock,
            editors=app.newsroom.editors,
        )
        facts = {"edition": found.address, "state": EditionState.SKIPPED, "reason": reason}

        def tell() -> None:
            say(f"Skipped: {found.address}. Its stories are free for the next edition.")

        show(as_json, facts, tell)
