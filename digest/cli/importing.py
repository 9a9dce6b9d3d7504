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
from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.app import App
    from digest.db import Connection
    from subscribers.bring_in import Brought
    from subscribers.import_errand import Errand, Tally
    from subscribers.import_store import Run
    from subscribers.transfer.columns import State
    from subscribers.transfer.layout import Given
    from subscribers.transfer.placing import Placing, Target
    from subscribers.transfer.report import Report
    from subscribers.transfer.tables import Table, Tables

_VERDICTS = ("added", "updated", "unsubscribed", "suppressed", "unchanged", "refused")
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

    @property
    def options(self) -> dict[str, object]:
        """How the files are read: with their content, the name of an import."""
        return {
            "newsletters": list(self.slugs),
            "as": self.where_silent,
            "columns": self.columns,
            "column": list(self.renamed),
            "map": list(self.words),
            "tags": list(self.tags),
            "format": self.program,
            "encoding": self.encoding,
        }

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
        command = wanted.typed(typed(ctx), needs_consent=not _joins_nobody(errand))
        show(as_json, facts, lambda: _tell(wanted, done, facts, command))


def _do(app: App, wanted: _Asked, errand: Errand, progress: Progress) -> Brought:
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
    require_consent(errand, joins_nobody=_joins_nobody(errand))

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
        audit=_audited,
        again=wanted.again,
    )


def _audited(connection: Connection, run: Run, tally: Tally) -> None:
    from digest.people.store import append_audit

    detail = {"file": run.file_name, "records": tally.records, **tally.counts}
    at = run.began_at
    append_audit(
        connection, at=at, actor="command", verb="import", subject=f"run:{run.id}", detail=detail
    )


def _errand(app: App, wanted: _Asked) -> Errand:
    from subscribers.import_errand import Errand
    from subscribers.transfer.columns import State
    from subscribers.transfer.tables import read_tables

    if not app.newsroom.newsletters:
        raise UsageError(
            "subscribers: there is no newsletter", hint="Add [newsletters.daily] to digest.toml."
        )
    chosen = [newsletter_named(app, slug).id for slug in dict.fromkeys(wanted.slugs)]
    targets = _targets(app)
    given = _given(wanted)
    tables = read_tables(wanted.files, given, codec=wanted.encoding or "")
    placing = _placing(wanted, targets, chosen, tables)
    state: State | None = State(wanted.where_silent) if wanted.where_silent else None
    _refuse_silence(tables, state)
    keep_ip = app.settings.readers.keep.ip
    return Errand(tables, placing, state, wanted.consent.strip(), wanted.options, keep_ip)


def _targets(app: App) -> list[Target]:
    from digest.editions.store import topic_bits
    from subscribers.topics import Topics
    from subscribers.transfer.columns import fold
    from subscribers.transfer.placing import Target

    with app.database.read() as connection:
        bits = {each.id: topic_bits(connection, each.id) for each in app.newsroom.newsletters}
    return [
        Target(
            each.id,
            each.slug,
            each.spec.name,
            Topics(bits[each.id], tuple(section.key for section in each.spec.sections)),
            {fold(section.title): section.key for section in each.spec.sections},
        )
        for each in app.newsroom.newsletters
    ]


def _given(wanted: _Asked) -> Given:
    from subscribers.transfer.layout import Given

    columns = tuple(each.strip() for each in (wanted.columns or "").split(",") if each.strip())
    return Given(columns, _pairs(wanted.renamed), wanted.program or "")


def _pairs(renamed: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for each in renamed:
        ours, equals, theirs = each.partition("=")
        if not equals or not theirs.strip():
            raise UsageError(
                f"--column: {each!r}: ours and theirs are not told apart",
                hint='Write it as --column address="Contact mail".',
            )
        pairs[ours.strip()] = theirs.strip()
    return pairs


def _placing(
    wanted: _Asked, targets: Sequence[Target], chosen: list[int], tables: Tables
) -> Placing:
    from subscribers.tags import read_tag
    from subscribers.transfer.columns import Field
    from subscribers.transfer.placing import Placing, read_map

    words = read_map(wanted.words, targets)
    told = any(Field.NEWSLETTERS in each.layout.columns for each in tables.tables)
    if not chosen and not told and not any(words.values()):
        if len(targets) > 1:
            known = ", ".join(each.slug for each in targets)
            raise UsageError(
                "subscribers import: to which newsletter?", hint=f"Say -n, one or more of: {known}."
            )
        chosen = [targets[0].id]
    return Placing(targets, chosen=chosen, words=words, tags=[read_tag(t) for t in wanted.tags])


def _refuse_silence(tables: Tables, state: State | None) -> None:
    from subscribers.transfer.layout import tells_state

    silent = [each.name for each in tables.tables if not tells_state(each.layout)]
    if silent and state is None:
        raise UsageError(
            f"{silent[0]}: does not say whether its readers agreed",
            hint="Say what they are: --as confirmed, or --as unconfirmed if you cannot prove it.",
        )


def _joins_nobody(errand: Errand) -> bool:
    from subscribers.transfer.layout import joins_nobody

    return all(joins_nobody(each.layout) for each in errand.tables.tables)


def _facts(wanted: _Asked, errand: Errand, done: Brought) -> dict[str, Any]:
    from subscribers.transfer.report import report_path

    tally, run = done.tally, done.run
    report = wanted.report or report_path(wanted.files[0], dry=not wanted.apply)
    if run is not None and not wanted.report:
        report = Path(run.report)
    return {
        "applied": wanted.apply,
        "run": run.id if run else None,
        "resumed_at": done.resumed_at,
        "tables": [_table_facts(each) for each in errand.tables.tables],
        "not_read": list(errand.tables.not_read),
        "records": tally.records,
        **{each: tally.counts.get(each, 0) for each in _VERDICTS},
        "refused_because": dict(tally.reasons.most_common()),
        "warnings": dict(tally.warnings),
        "warned": tally.warned,
        "not_mapped": dict(tally.unplaced.most_common()),
        "report": str(report),
    }


def _table_facts(each: Table) -> dict[str, Any]:
    return {
        "name": each.name,
        "format": each.layout.name or "a table of your own",
        "encoding": each.surveyed.encoding.spoken,
        "encoding_guessed": each.surveyed.encoding.guessed,
        "not_taken_over": list(each.layout.unused),
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
        (f"{tally.counts[each]:,}", each) for each in _VERDICTS if tally.counts[each]
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
