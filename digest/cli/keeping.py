"""The commands that keep an installation: backup, restore."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import config_path, from_here, opened, settings_of
from digest.cli.output import json_option, mark, pairs, say, say_wrapped, show, table
from digest.cli.wording import counted
from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.app import App
    from digest.config import Settings
    from digest.editions.model import Cadence
    from digest.workflow.backup import BackedUp
    from digest.workflow.restore import Restored
    from digest.workflow.restore_decide import Decided, Decision
    from digest.workflow.restore_store import Perhaps

_file = click.Path(path_type=Path)
_STORAGE = "DIGEST_STORAGE__"
_SIZES = ("bytes", "kB", "MB", "GB", "TB")


@click.command()
@click.argument("file", type=_file, required=False)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep the newest N of the folder, and drop older ones.",
)
@json_option
@click.pass_context
def backup(ctx: click.Context, file: Path | None, *, keep: int | None, as_json: bool) -> None:
    """Back up everything into one file, while it all runs: FILE, or a dated one in that folder.

    In it are the database, the keys, digest.toml, your own templates and the list of who has left.
    Whoever has the file has your readers' addresses: keep it as you keep those.
    """
    from digest.clock import utc_now
    from digest.db import Database
    from digest.workflow.backup import backup as back_up

    target = file or Path.cwd()
    if keep is not None and not target.is_dir():
        raise UsageError(
            f"backup: --keep: {target}: it is not a folder, so there is nothing to drop from",
            hint="Name the folder that the backups are in.",
        )
    settings = settings_of(ctx)
    database = Database(settings.storage.database)
    try:
        config = config_path(ctx)
        done = back_up(database, settings, config, target, clock=utc_now, keep=keep)
    finally:
        database.close()
    facts = {
        "file": done.path,
        "bytes": done.size,
        "dropped": list(done.dropped),
        **asdict(done.manifest),
    }
    show(as_json, facts, lambda: _tell_backup(done))


def _tell_backup(done: BackedUp) -> None:
    manifest = done.manifest
    say_wrapped(f"{from_here(done.path)}: {_size(done.size)}, read again and whole.")
    inside = {part.name.partition("/")[0] for part in manifest.parts}
    keys = sum(part.name.startswith("keys/") for part in manifest.parts)
    rows = [
        (
            "Database",
            f"as of {manifest.snapshot_at:%Y-%m-%d %H:%M} UTC, schema {manifest.revision}",
        ),
        ("Keys", counted(keys, "file", "files")),
        ("Settings", "digest.toml, with any password that stands in it"),
    ]
    rows += [("Templates", "your own")] if "templates" in inside else []
    rows += [("Who left", "up to now")] if "unsubscribes.ndjson" in inside else []
    pairs(rows)
    for each in manifest.not_inside:
        mark("note", f"Not in it: {each}")
    for path in done.dropped:
        say(f"  Dropped {from_here(path)}")


def _size(count: float) -> str:
    for unit in _SIZES:
        if count < 1000 or unit == _SIZES[-1]:  # noqa: PLR2004 - the next unit
            return f"{count:.0f} {unit}" if unit == _SIZES[0] else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


@click.command()
@click.argument("file", type=_file, required=False)
@click.option("--into", type=_file, metavar="DIR", help="An empty folder, or a new one.")
@click.option("--database", default="", metavar="URL", help="For PostgreSQL: an empty database.")
@click.option(
    "--unsubscribes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file of who has left, as it was last: [storage] unsubscribes.",
)
@click.option("--sent", multiple=True, metavar="EDITION", help="This one went out.")
@click.option("--not-sent", multiple=True, metavar="EDITION", help="This one did not: send it.")
@click.option("--leave", multiple=True, metavar="EDITION", help="Nobody knows: leave it as it is.")
@json_option
@click.pass_context
def restore(
    ctx: click.Context,
    file: Path | None,
    *,
    into: Path | None,
    database: str,
    unsubscribes: Path | None,
    sent: tuple[str, ...],
    not_sent: tuple[str, ...],
    leave: tuple[str, ...],
    as_json: bool,
) -> None:
    """Restore a backup into an empty folder; or say what was sent after it was made.

    What is restored is frozen: nothing leaves before `digest home confirm`. Editions that may have
    been sent since the backup are listed; say of each whether it was. Without a FILE and without a
    word on an edition, list those that wait for one.
    """
    decisions = {"sent": sent, "not sent": not_sent, "leave": leave}
    if file is not None:
        if into is None or any(decisions.values()):
            raise UsageError(
                "restore: FILE: name the folder it goes into, and nothing else",
                hint="As in: digest restore FILE --into DIR",
            )
        _restore(file, into, database, unsubscribes, as_json=as_json)
        return
    if into is not None or database or unsubscribes is not None:
        raise UsageError("restore: which backup?", hint="As in: digest restore FILE --into DIR")
    with opened(ctx) as app:
        done = _decide(app, decisions)
        _show_decided(app, done, as_json=as_json)


def _restore(
    file: Path, into: Path, server: str, unsubscribes: Path | None, *, as_json: bool
) -> None:
    from digest.clock import utc_now
    from digest.workflow.restore import Source
    from digest.workflow.restore import restore as restore_now

    source = Source(file, server, unsubscribes)
    done = restore_now(source, into, clock=utc_now, cadences=_cadences)
    facts = {
        "config": done.config,
        "snapshot_at": done.manifest.snapshot_at,
        "departures_from": done.departures_from,
        "departures_applied": done.replayed.applied,
        "stopped_notices": done.stopped_notices,
        "not_inside": list(done.manifest.not_inside),
        "undecided": [_facts(each) for each in done.undecided],
    }
    show(as_json, facts, lambda: _tell_restored(done))


def _cadences(config: Path) -> Mapping[str, Cadence]:
    """Read when each newsletter comes."""
    from digest.site_values import newsletter_spec

    settings = _settings_as_written(config)
    return {slug: newsletter_spec(slug, settings).cadence for slug in settings.newsletters}


def _settings_as_written(config: Path) -> Settings:
    """Read settings whose files of secrets need not be there yet."""
    from digest.config import load

    return load(config, resolve=False)


def _tell_restored(done: Restored) -> None:
    folder, typed = done.config.parent, f"digest -c {shlex.quote(str(from_here(done.config)))}"
    taken = f"{done.manifest.snapshot_at:%Y-%m-%d %H:%M} UTC"
    say_wrapped(f"{from_here(folder)}: restored as of {taken}. It is frozen: nothing leaves.")
    if done.departures_from is None:
        say_wrapped(
            "Who left after the backup is not known: the file that says it was not found,"
            f" {done.manifest.unsubscribes}. Is it anywhere? Then restore again, with"
            " --unsubscribes FILE.",
            first="  warn  ",
            then=" " * 8,
        )
    else:
        applied = counted(done.replayed.applied, "departure", "departures")
        say_wrapped(f"  {applied} after the backup, from {done.departures_from}.", then="  ")
    if done.stopped_notices:
        notices = counted(done.stopped_notices, "other mail", "other mails")
        say_wrapped(f"  {notices} to readers that waited then will not be sent.", then="  ")
    for each in done.manifest.not_inside:
        mark("note", f"Put back yourself: {each}")
    for name in sorted(os.environ):
        if name.upper().startswith(_STORAGE):
            mark("warn", f"{name} is set here and wins over digest.toml: unset it for this folder.")
    _tell_undecided(done.undecided, typed)
    say()
    say(f"{'Then' if done.undecided else 'When all is as it should be'}:")
    environment = _settings_as_written(done.config).environment
    table([(f"{typed} home confirm {environment}", "let mail leave from here")], indent=2)


def _tell_undecided(waiting: Sequence[Perhaps], typed: str) -> None:
    if not waiting:
        return
    say()
    say("These may have been sent after the backup. Say of each which it was:")
    table(
        [
            (each.address, counted(each.copies, "copy", "copies") if each.copies else "")
            for each in waiting
        ],
        indent=2,
    )
    say()
    first = waiting[0].address
    table(
        [
            (f"{typed} restore --sent {first}", "it went out"),
            (f"{typed} restore --not-sent {first}", "it did not: send it"),
            (f"{typed} restore --leave {first}", "nobody knows: leave it"),
        ],
        indent=2,
    )


def _decide(app: App, words: Mapping[str, Sequence[str]]) -> list[Decided]:
    from digest.cli.editions import account
    from digest.workflow.halt import Person
    from digest.workflow.restore_decide import Decision, decide

    by = Person(account())
    asked: list[tuple[str, Decision]] = [
        (address, Decision(word)) for word, addresses in words.items() for address in addresses
    ]
    return [decide(app.database, name, what, by=by, clock=app.clock) for name, what in asked]


def _show_decided(app: App, done: Sequence[Decided], *, as_json: bool) -> None:
    from digest.workflow.restore_decide import undecided

    waiting = undecided(app.database)
    facts = {
        "decided": [
            {**_facts(each.perhaps), "decision": each.decision, "reopened": each.reopened}
            for each in done
        ],
        "undecided": [_facts(each) for each in waiting],
    }

    def tell() -> None:
        for each in done:
            again = counted(each.reopened, "copy is", "copies are")
            due = f"; {again} due" if each.reopened else ""
            say(f"{each.perhaps.address}: {each.decision}{due}")
        _tell_undecided(waiting, "digest")
        if not waiting:
            say("Nothing waits for a decision.")

    show(as_json, facts, tell)


def _facts(each: Perhaps) -> dict[str, Any]:
    return {"edition": each.address, "cut_off_at": each.cut_off_at, "copies": each.copies}
