"""The commands about editions: status, prepare, preview, approve, skip, send, retry."""

from __future__ import annotations

import getpass
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from digest.cli.opening import edition_named, moment, newsletter_named, opened
from digest.cli.output import Progress, counted, json_option, pairs, say, show, table
from digest.errors import AlreadyRunningError, UsageError, WorkflowError

if TYPE_CHECKING:
    from datetime import datetime

    from digest.app import App
    from digest.delivery.model import Tally
    from digest.editions.model import Edition, Newsletter, Slot


@click.command()
@click.argument("edition", required=False)
@json_option
@click.pass_context
def status(ctx: click.Context, edition: str | None, as_json: bool) -> None:
    """Tell what is on now, what comes next, and what needs you."""
    from digest.workflow.status import overview

    with opened(ctx) as app:
        if edition is not None:
            found = edition_named(app, edition)
            tally = app.tally(found)
            show(as_json, _edition_facts(found, tally), lambda: _tell_edition(app, found, tally))
            return
        view = overview(app.newsroom)
        show(as_json, view.facts(), lambda: _tell_overview(app, view))


def _tell_overview(app: App, view: Any) -> None:
    now = app.clock().astimezone(ZoneInfo(app.settings.site.timezone))
    place = app.settings.site.timezone.rpartition("/")[2].replace("_", " ")
    utc = app.clock().strftime("%H:%M")
    say(f"{now:%a %-d %b %Y, %H:%M} in {place} ({utc} UTC)")
    say()
    rows: list[tuple[object, ...]] = [("NEWSLETTER", "NOW", "NEXT RUN", "READERS")]
    rows += [
        (
            line.name,
            line.now,
            _short(app, line.next_at) if line.next_at else "by hand",
            line.readers,
        )
        for line in view.newsletters
    ]
    table(rows, right=(3,))
    if view.editions:
        say()
        rows = [("LAST EDITIONS", "", "STATE", "ACCEPTED", "DEFERRED", "FAILED", "UNCERTAIN")]
        rows += [
            (
                f"{line.on:%a %-d %b}",
                f"{line.name} {line.number}" if line.number else line.name,
                line.state,
                *(_dash(n) for n in (line.accepted, line.deferred, line.failed, line.uncertain)),
            )
            for line in view.editions
        ]
        table(rows, right=(3, 4, 5, 6))
    say()
    for need in view.needs or ["Nothing needs you."]:
        say(need)


def _dash(number: int | None) -> str:
    return f"{number:,}" if number else "–"


def _tell_edition(app: App, edition: Edition, tally: Tally) -> None:
    say(f"{edition.address}, no. {edition.number:,}: {_state(edition, tally)}")
    if edition.reason:
        say(f"  {edition.reason}")
    pairs([("send at", _short(app, edition.send_at)), *_tally_rows(tally)])


def _state(edition: Edition, tally: Tally) -> str:
    waiting = f", {tally.deferred} to retry" if tally.deferred else ""
    return f"{edition.state}{waiting if edition.state == 'sending' else ''}"


def _tally_rows(tally: Tally) -> list[tuple[str, object]]:
    names = ("accepted", "deferred", "failed", "skipped", "uncertain", "planned")
    return [(name, f"{getattr(tally, name):>7,}") for name in names if getattr(tally, name)]


def _edition_facts(edition: Edition, tally: Tally) -> dict[str, Any]:
    return {
        "edition": edition.address,
        "number": edition.number,
        "state": edition.state,
        "reason": edition.reason,
        "send_at": edition.send_at,
        "accepted": tally.accepted,
        "deferred": tally.deferred,
        "failed": tally.failed,
        "skipped": tally.skipped,
        "uncertain": tally.uncertain,
        "planned": tally.planned,
    }


@click.command()
@click.argument("newsletter")
@click.option("--at", "at_text", metavar="TIME", help="The cut-off, as 2026-01-09T06:30.")
@json_option
@click.pass_context
def prepare(ctx: click.Context, newsletter: str, at_text: str | None, as_json: bool) -> None:
    """Make the newsletter's next edition from the stories there are, and compose it.

    Stories that come after it wait for the edition after. Nothing is sent.
    """
    from digest.workflow.advance import carry, take

    with opened(ctx) as app:
        found = newsletter_named(app, newsletter)
        slot = _slot(app, found, moment(app, at_text))
        step = take(app.newsroom, found, slot)
        address = step.edition
        if step.what in {"skipped", "holiday"}:
            reason = step.facts["reason"]
            show(
                as_json,
                {"edition": None, "reason": reason},
                lambda: say(f"{found.spec.name}: no edition for {slot.local_date}. {reason}."),
            )
            ctx.exit(1)
        edition = edition_named(app, address)
        steps = carry(app.newsroom, edition)
        edition = edition_named(app, address)
        composition = app.composition(edition)

        def tell() -> None:
            word = " (it was there already)" if step.what.startswith("already") else ""
            say(f"{found.spec.name}, no. {edition.number:,}, {address}{word}")
            say(f"  {composition.subject}")
            say()
            pairs(
                [
                    ("Stories", step.facts["stories"]),
                    ("HTML", f"{len(composition.html.encode()) // 1024} KB"),
                    ("State", edition.state),
                    ("Goes at", _short(app, edition.send_at)),
                ]
            )
            say()
            say(f"  digest preview {address}   look at it")
            say(f"  digest explain {address}   why each story is in or out")
            say(f"  digest approve {address}   let it go at its hour")

        facts = {
            "edition": address,
            "number": edition.number,
            "state": edition.state,
            "subject": composition.subject,
            "stories": step.facts["stories"],
            "steps": [one.what for one in steps],
        }
        show(as_json, facts, tell)


def _slot(app: App, newsletter: Newsletter, at: datetime | None) -> Slot:
    """Choose the slot that `prepare` means: the one that is due, else the next, cut off now."""
    from digest.clock import to_utc
    from digest.editions.cadence import next_slot, slots_between
    from digest.editions.model import Slot

    now = app.clock()
    cadence = newsletter.spec.cadence
    if at is None:
        due = [s for s in slots_between(cadence, app.last_slot(newsletter), now) if not s.holiday]
        chosen = due[-1] if due else next_slot(cadence, now)
        if chosen is not None:
            return replace(chosen, cut_off_at=min(chosen.cut_off_at, now))
    cut_off = to_utc(at) if at is not None else now
    local = cut_off.astimezone(ZoneInfo(cadence.zone)).date()
    return Slot(local_date=local, cut_off_at=cut_off, send_at=cut_off)


@click.command()
@click.argument("edition")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("preview"),
    show_default=True,
    help="The folder to write to.",
)
@json_option
@click.pass_context
def preview(ctx: click.Context, edition: str, out: Path, as_json: bool) -> None:
    """Write the edition's HTML, text and a sample message to a folder: the bytes that go out."""
    with opened(ctx) as app:
        found = edition_named(app, edition)
        composition = app.composition(found)
        sample = app.mailer.sample(found, composition)
        out.mkdir(parents=True, exist_ok=True)
        stem = found.address.replace("/", "-")
        files = {
            "html": (out / f"{stem}.html", sample.html.encode()),
            "txt": (out / f"{stem}.txt", sample.text.encode()),
            "eml": (out / f"{stem}.eml", sample.message),
        }
        for path, content in files.values():
            path.write_bytes(content)

    def tell() -> None:
        say(f"{found.address}, no. {found.number:,}: {found.state}")
        pairs([("Subject", composition.subject), ("Preheader", composition.preheader)])
        pairs([(name.upper(), f"{p}   {len(c) // 1024 + 1} KB") for name, (p, c) in files.items()])

    facts = {
        "edition": found.address,
        "subject": composition.subject,
        "preheader": composition.preheader,
        "content_hash": composition.content_hash,
        "files": {name: str(path) for name, (path, _) in files.items()},
    }
    show(as_json, facts, tell)


@click.command()
@click.argument("edition")
@click.option("--by", default=None, help="Who approves. [default: your account's name]")
@click.pass_context
def approve(ctx: click.Context, edition: str, by: str | None) -> None:
    """Let an edition go at its hour: these bytes and no others."""
    from digest.workflow.approve import approve as approve_now

    with opened(ctx) as app:
        found = edition_named(app, edition)
        seen = approve_now(app.database, found, by=by or getpass.getuser(), clock=app.clock)
        say(f"Approved: {found.address}, content {seen[:4]} {seen[4:8]}.")
        say(f"It goes at {_short(app, found.send_at)}; sooner with: digest send {found.address}")


@click.command()
@click.argument("edition")
@click.option("--reason", default="Skipped by hand.", show_default=True)
@click.pass_context
def skip(ctx: click.Context, edition: str, reason: str) -> None:
    """Drop an edition that is not being sent yet; its stories return to the pool."""
    from digest.editions.model import EditionState
    from digest.workflow.skip import drop

    with opened(ctx) as app:
        found = edition_named(app, edition)
        drop(app.newsroom, found, to=EditionState.SKIPPED, reason=reason)
        say(f"Skipped: {found.address}. Its stories are free for the next edition.")


@click.command()
@click.argument("edition")
@click.option("--confirm", type=int, metavar="N", help="The number of readers, instead of asking.")
@json_option
@click.pass_context
def send(ctx: click.Context, edition: str, confirm: int | None, as_json: bool) -> None:
    """Send an approved edition now. Without a terminal there is no question."""
    from digest.editions.model import EditionState

    with opened(ctx) as app:
        found = edition_named(app, edition)
        if found.state in {EditionState.SENDING, EditionState.SENT}:
            _already(app, found)
            ctx.exit(1 if found.state is EditionState.SENT else 0)
        if found.state is not EditionState.APPROVED:
            raise WorkflowError(
                f"send: {found.address}: it is {found.state}, not approved",
                hint=f"Approve it first: digest approve {found.address}",
            )
        _ask(app, found, confirm)
        app.send_now(found)
        _deliver(ctx, app, found, as_json=as_json)


def _already(app: App, edition: Edition) -> None:
    tally = app.tally(edition)
    say(f"Already {_state(edition, tally)}: {edition.address}. Nothing was done.")
    for state in ("deferred", "failed", "uncertain"):
        if number := getattr(tally, state):
            readers = counted(number, "reader", "readers")
            say(f"To write to the {readers} {state}: digest retry {edition.address} --{state}")


def _ask(app: App, edition: Edition, confirm: int | None) -> None:
    readers = app.audience_size(edition)
    if confirm is not None and confirm != readers:
        raise UsageError(
            f"send: {edition.address}: --confirm {confirm}, but there are {readers} readers",
            hint=f"Look again, then: digest send {edition.address} --confirm {readers}",
        )
    if confirm is None and sys.stdin.isatty() and sys.stdout.isatty():
        question = (
            f"This writes to {counted(readers, 'person', 'people')}. Type the number to go on"
        )
        if click.prompt(question) != str(readers):
            raise UsageError("send: the number does not match: nothing was sent")


def _deliver(ctx: click.Context, app: App, edition: Edition, *, as_json: bool) -> None:
    tally = app.tally(edition)
    try:
        with Progress(tally.total, label="sending") as bar:
            app.deliver(edition, progress=bar.at)
    except AlreadyRunningError:
        say("The running sender takes it from here. Watch: digest status")
        return
    tally = app.tally(edition)
    found = edition_named(app, edition.address)
    show(as_json, _edition_facts(found, tally), lambda: _tell_edition(app, found, tally))
    if tally.open or tally.failed or tally.uncertain:
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
        say(f"{counted(number, 'reader', 'readers')} {which}: due again now.")
        if number:
            _deliver(ctx, app, found, as_json=as_json)


def _short(app: App, at: datetime) -> str:
    return at.astimezone(ZoneInfo(app.settings.site.timezone)).strftime("%a %-d %b %H:%M")
