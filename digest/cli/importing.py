"""The command that brings readers in from other programs' files: subscribers import."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import from_here, newsletter_named, opened, typed
from digest.cli.output import Progress, json_option, say, say_wrapped, show, table
from digest.cli.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.app import App
    from subscribers.bring_in import Brought
    from subscribers.import_errand import Errand, Tally
    from subscribers.import_store import Run
    from subscribers.transfer.report import Report
    from subscribers.transfer.tables import Tables

_SHOWN = 8


@dataclass(frozen=True)
class _Asked:
    """What was typed."""

    files: tuple[Path, ...]
    slugs: tuple[str, ...] = ()
    where_silent: str | None = None
    columns: str | None = None
    renamed: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    program: str | None = None
    encoding: str | None = None
    consent: str = ""
    report: Path | None = None
    apply: bool = False
    again: bool = False

    def typed(self, program: str, *, needs_consent: bool) -> str:
        """Give the command that does what was only looked at."""
        pairs = [
            *(("-n", each) for each in self.slugs),
            ("--as", self.where_silent),
            ("--columns", self.columns),
            *(("--column", each) for each in self.renamed),
            *(("--map", each) for each in self.words),
            *(("--tag", each) for each in self.tags),
            ("--format", self.program),
            ("--encoding", self.encoding),
            ("--consent", self.consent or ("WHERE THEY AGREED" if needs_consent else None)),
        ]
        words = [word for pair in pairs if pair[1] for word in pair if word]
        return f"{program} subscribers import {shlex.join([*map(str, self.files), *words])} --apply"


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE…"
)
@click.option(
    "--newsletter", "-n", "slugs", multiple=True, help="To which newsletter; may be repeated."
)
@click.option(
    "--as",
    "where_silent",
    type=click.Choice(["confirmed", "unconfirmed"]),
    help="What readers are of whom the file does not say it.",
)
@click.option("--columns", metavar="A,B,C", help="The columns of a table without a heading.")
@click.option(
    "--column",
    "renamed",
    multiple=True,
    metavar="OURS=THEIRS",
    help='What a column holds, as address="Contact mail"; state=- leaves one out.',
)
@click.option(
    "--map",
    "words",
    multiple=True,
    metavar="THEIRS=OURS",
    help="What a list, group or label stands for: Sport=daily:sport, Old=-.",
)
@click.option("--tag", "tags", multiple=True, help="A tag for everybody in it.")
@click.option("--format", "program", metavar="PROGRAM", help="Whose export it is; else found out.")
@click.option("--encoding", help="As cp1252; else found out.")
@click.option("--consent", default="", help="Where and how they agreed; kept as proof.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Where it goes.")
@click.option("--apply", "--yes", "apply", is_flag=True, help="Do it; without, only look.")
@click.option("--again", is_flag=True, help="Also what was brought in before.")
@json_option
@click.pass_context
def import_readers(ctx: click.Context, /, *, as_json: bool, **asked: Any) -> None:
    """Bring readers in: first a look that writes nothing, then the same with --apply.

    Takes CSV, NDJSON, both also packed, and the exports of Mailchimp, listmonk, Ghost, Substack
    and MailPoet, which it knows by their columns. A report says of every line what came of it.
    """
    wanted = _Asked(**asked)
    from digest.workflow.bring_readers import nobody_joins

    with opened(ctx) as app:
        errand = _errand(app, wanted)
        if not as_json:
            _tell_tables(errand.tables)
        progress = Progress(
            errand.tables.lines,
            label="Reading" if not wanted.apply else "Bringing in",
            silent=as_json,
        )
        with progress:
            done = _do(app, wanted, errand, progress)
        facts = _facts(wanted, errand, done)
        command = wanted.typed(typed(ctx), needs_consent=not nobody_joins(errand))
        show(as_json, facts, lambda: _tell(wanted, done, facts, command))


def _do(app: App, wanted: _Asked, errand: Errand, progress: Progress) -> Brought:
    from digest.workflow.bring_readers import audit_as, nobody_joins
    from subscribers.bring_in import bring_in, look
    from subscribers.import_errand import require_consent
    from subscribers.transfer.report import Report, report_path

    path = wanted.report or report_path(wanted.files[0], dry=not wanted.apply)
    if not wanted.apply:
        with Report(path) as report:
            return look(
                app.database,
                errand,
                keys=app.keys,
                clock=app.clock,
                report=report,
                progress=progress.at,
            )
    require_consent(errand, joins_nobody=nobody_joins(errand))

    def opened_report(run: Run | None) -> Report:
        return Report(Path(run.report) if run and not wanted.report else path)

    return bring_in(
        app.database,
        errand,
        keys=app.keys,
        clock=app.clock,
        report=opened_report,
        progress=progress.at,
        departures=app.departures,
        audit=audit_as("command"),
        again=wanted.again,
    )


def _errand(app: App, wanted: _Asked) -> Errand:
    from digest.workflow.bring_readers import FileAsked, errand_of

    for slug in wanted.slugs:
        newsletter_named(app, slug)
    asked = FileAsked(
        files=wanted.files,
        slugs=wanted.slugs,
        where_silent=wanted.where_silent,
        columns=wanted.columns,
        renamed=wanted.renamed,
        words=wanted.words,
        tags=wanted.tags,
        program=wanted.program,
        encoding=wanted.encoding,
        consent=wanted.consent,
    )
    keep_ip = app.settings.readers.keep.ip
    return errand_of(app.database, app.newsroom.newsletters, asked, keep_ip=keep_ip)


def _facts(wanted: _Asked, errand: Errand, done: Brought) -> dict[str, Any]:
    from digest.workflow.bring_readers import table_facts, tally_facts
    from subscribers.transfer.report import report_path

    tally, run = done.tally, done.run
    report = wanted.report or report_path(wanted.files[0], dry=not wanted.apply)
    if run is not None and not wanted.report:
        report = Path(run.report)
    return {
        "applied": wanted.apply,
        "run": run.id if run else None,
        "resumed_at": done.resumed_at,
        "tables": [table_facts(each) for each in errand.tables.tables],
        "not_read": list(errand.tables.not_read),
        **tally_facts(tally),
        "report": str(report),
    }


def _tell_tables(tables: Tables) -> None:
    for each in tables.tables:
        encoding = each.surveyed.encoding
        what = f"This is an export of {each.layout.name}" if each.layout.name else "A table"
        say_wrapped(f"{each.name}: {what}, in {encoding.spoken}.")
        if encoding.guessed:
            say_wrapped(
                "Nothing in it says the encoding. If names look wrong: --encoding", first="  "
            )
        if each.layout.unused:
            unused = ", ".join(each.layout.unused)
            say_wrapped(f"Not taken over: {unused}.", first="  ", then="  ")
    for name in tables.not_read:
        say(f"{name}: not a table; it is left out.")


def _tell(wanted: _Asked, done: Brought, facts: Mapping[str, Any], command: str) -> None:
    from digest.workflow.bring_readers import VERDICTS

    tally = done.tally
    say()
    if done.resumed_at:
        say(f"Went on after record {done.resumed_at:,}, where the last run was stopped.")
    read = counted(tally.records, "record", "records")
    if done.run:
        say(f"{read} read. In the log of consent this is import {done.run.id}.")
    else:
        say(f"{read} read; nothing is written yet.")
    rows: list[Sequence[object]] = [
        (f"{tally.counts[each]:,}", each) for each in VERDICTS if tally.counts[each]
    ]
    table(rows, right=[0], indent=2)
    if tally.reasons:
        say("Refused, because:")
        table([(f"{n:,}", why) for why, n in tally.reasons.most_common()], right=[0], indent=2)
    _tell_notes(tally)
    say(f"Line by line: {from_here(Path(facts['report']))}")
    if not wanted.apply:
        say("To bring them in:")
        say(f"  {command}")


def _tell_notes(tally: Tally) -> None:
    if tally.unplaced:
        say_wrapped("Lists and groups that are mapped to nothing, kept as tags (see --map):")
        found = tally.unplaced.most_common(_SHOWN)
        table([(f"{n:,}", word) for word, n in found], right=[0], indent=2)
    if tally.warnings:
        roles, typos = tally.warnings["role"], tally.warnings["typo"]
        role = counted(roles, "role address", "role addresses")
        say(f"Worth a look: {role}, {counted(typos, 'likely slip', 'likely slips')}.")
        for each in tally.warned[:_SHOWN]:
            say(f"  {each}")
