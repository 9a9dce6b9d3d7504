"""Bring readers in from files: what somebody asked for, as an errand of the readers' room.

The same for the command and the desk: which tables a file holds, which newsletters are meant, what
is refused before a line is read, and the line in the audit when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from digest.db import Connection, Database
from digest.editions.model import Newsletter
from digest.editions.store import topic_bits
from digest.errors import UnknownNameError, UsageError
from digest.people.store import append_audit
from subscribers.import_errand import Errand, Tally
from subscribers.import_store import Run
from subscribers.tags import read_tag
from subscribers.topics import Topics
from subscribers.transfer.columns import Field, State, fold
from subscribers.transfer.layout import Given, joins_nobody, tells_state
from subscribers.transfer.placing import Placing, Target, read_map
from subscribers.transfer.tables import Table, Tables, read_tables

VERDICTS = ("added", "updated", "unsubscribed", "suppressed", "unchanged", "refused")
"""What becomes of the lines of a file, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class FileAsked:
    """What somebody asked for: which files, for whom, and how they are to be read."""

    files: tuple[Path, ...]
    slugs: tuple[str, ...] = ()
    where_silent: str | None = None
    """`confirmed` or `unconfirmed`: what readers are of whom the file does not say it."""
    columns: str | None = None
    renamed: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    program: str | None = None
    encoding: str | None = None
    consent: str = ""
    """Where and how these readers agreed: kept with each as proof."""

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


class Unsaid(StrEnum):
    """What nobody said, and no file does."""

    NEWSLETTER = "newsletter"
    STATE = "state"


class UnsaidError(UsageError):
    """Something must be said before a file can be read; `what` is it."""

    def __init__(self, message: str, *, what: Unsaid, hint: str) -> None:
        """Keep what is missing, so that a form can point at its field."""
        super().__init__(message, hint=hint)
        self.what = what


def errand_of(
    database: Database,
    newsletters: Sequence[Newsletter],
    asked: FileAsked,
    *,
    keep_ip: timedelta | None,
) -> Errand:
    """Look through the files once, and give what is to be brought in.

    Raises UnsaidError, UsageError and OSError.
    """
    if not newsletters:
        raise UsageError(
            "subscribers: there is no newsletter", hint="Add [newsletters.daily] to digest.toml."
        )
    by_slug = {each.slug: each for each in newsletters}
    chosen = [_known(by_slug, slug).id for slug in dict.fromkeys(asked.slugs)]
    targets = _targets(database, newsletters)
    tables = read_tables(asked.files, _given(asked), codec=asked.encoding or "")
    placing = _placing(asked, targets, chosen, tables)
    state: State | None = State(asked.where_silent) if asked.where_silent else None
    _refuse_silence(tables, state)
    return Errand(tables, placing, state, asked.consent.strip(), asked.options, keep_ip)


def nobody_joins(errand: Errand) -> bool:
    """Tell whether the files hold only who left: then nobody need say where they agreed."""
    return all(joins_nobody(each.layout) for each in errand.tables.tables)


def audit_as(actor: str) -> Callable[[Connection, Run, Tally], None]:
    """Give what notes an import in the audit, in the transaction that ends it."""

    def audited(connection: Connection, run: Run, tally: Tally) -> None:
        detail = {"file": run.file_name, "records": tally.records, **tally.counts}
        append_audit(
            connection,
            at=run.began_at,
            actor=actor,
            verb="import",
            subject=f"run:{run.id}",
            detail=detail,
        )

    return audited


def table_facts(each: Table) -> dict[str, Any]:
    """Say what a table of a file was taken for."""
    return {
        "name": each.name,
        "format": each.layout.name or "a table of your own",
        "encoding": each.surveyed.encoding.spoken,
        "encoding_guessed": each.surveyed.encoding.guessed,
        "not_taken_over": list(each.layout.unused),
    }


def tally_facts(tally: Tally) -> dict[str, Any]:
    """Say what came of the lines; the few that are named are named by their addresses."""
    return {
        "records": tally.records,
        **{each: tally.counts.get(each, 0) for each in VERDICTS},
        "refused_because": dict(tally.reasons.most_common()),
        "warnings": dict(tally.warnings),
        "warned": tally.warned,
        "not_mapped": dict(tally.unplaced.most_common()),
    }


def _known(by_slug: Mapping[str, Newsletter], slug: str) -> Newsletter:
    if slug not in by_slug:
        raise UnknownNameError(
            f"newsletter: {slug!r}: there is no such newsletter",
            hint=f"There are: {', '.join(by_slug)}.",
        )
    return by_slug[slug]


def _targets(database: Database, newsletters: Sequence[Newsletter]) -> list[Target]:
    with database.read() as connection:
        bits = {each.id: topic_bits(connection, each.id) for each in newsletters}
    return [
        Target(
            each.id,
            each.slug,
            each.spec.name,
            Topics(bits[each.id], tuple(section.key for section in each.spec.sections)),
            {fold(section.title): section.key for section in each.spec.sections},
        )
        for each in newsletters
    ]


def _given(asked: FileAsked) -> Given:
    columns = tuple(each.strip() for each in (asked.columns or "").split(",") if each.strip())
    return Given(columns, _pairs(asked.renamed), asked.program or "")


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
    asked: FileAsked, targets: Sequence[Target], chosen: list[int], tables: Tables
) -> Placing:
    words = read_map(asked.words, targets)
    told = any(Field.NEWSLETTERS in each.layout.columns for each in tables.tables)
    if not chosen and not told and not any(words.values()):
        if len(targets) > 1:
            known = ", ".join(each.slug for each in targets)
            raise UnsaidError(
                "subscribers import: to which newsletter?",
                what=Unsaid.NEWSLETTER,
                hint=f"Say -n, one or more of: {known}.",
            )
        chosen = [targets[0].id]
    return Placing(targets, chosen=chosen, words=words, tags=[read_tag(t) for t in asked.tags])


def _refuse_silence(tables: Tables, state: State | None) -> None:
    silent = [each.name for each in tables.tables if not tells_state(each.layout)]
    if silent and state is None:
        raise UnsaidError(
            f"{silent[0]}: does not say whether its readers agreed",
            what=Unsaid.STATE,
            hint="Say what they are: --as confirmed, or --as unconfirmed if you cannot prove it.",
        )
