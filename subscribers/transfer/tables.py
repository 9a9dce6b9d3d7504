"""Door to the tables in files of readers: each with its layout, and its records one by one."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from subscribers.transfer.columns import fold
from subscribers.transfer.encodings import Encoding
from subscribers.transfer.entries import Entry, EntryReader, Layout, whole_record
from subscribers.transfer.faults import ReadersFileError, Reason, WontFitError
from subscribers.transfer.files import Part, Surveyed, find_parts, opened_text, survey
from subscribers.transfer.layout import Given, delimiter_of, excel_delimiter, layout_of
from subscribers.transfer.records import LONGEST_LINE, Record, read_csv, read_ndjson

_LOOKED_AT = 100
"""So many objects of NDJSON are looked through for the names of columns."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table, and all that is needed to read its records."""

    surveyed: Surveyed
    layout: Layout
    delimiter: str
    """Empty for NDJSON."""
    headed: bool = False
    """Its first record is the heading."""
    excel: bool = False
    """Before that stands Excel's `sep=;`."""

    @property
    def name(self) -> str:
        """How it is called in messages and reports."""
        return self.surveyed.part.name


@dataclass(frozen=True, slots=True)
class Tables:
    """All the tables of an import, in the order they are read."""

    tables: tuple[Table, ...]
    not_read: tuple[str, ...] = ()
    """What lay beside them in an archive."""

    @property
    def lines(self) -> int:
        """At least as many lines as there are records."""
        return sum(each.surveyed.lines for each in self.tables)

    @property
    def name(self) -> str:
        """The names of the files."""
        return ", ".join(dict.fromkeys(each.surveyed.part.path.name for each in self.tables))

    def fingerprint(self, options: Mapping[str, object]) -> str:
        """Hash what is read and how: the same once more is the same import."""
        hashes = sorted(each.surveyed.sha256 for each in self.tables)
        text = json.dumps([hashes, options], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Item(NamedTuple):
    """One record: its number in all the tables (from 1), where it stands, and what it says."""

    number: int
    table: int
    line: int
    entry: Entry | None
    reason: Reason | None = None
    detail: str = ""
    shown: str = ""
    """What stands where an address should."""


def read_tables(paths: Sequence[Path], given: Given, *, codec: str = "") -> Tables:
    """Look through files of readers and find out how they are to be read.

    `codec` overrides the encoding. Raises ReadersFileError, OSError.
    """
    parts: list[Part] = []
    others: list[str] = []
    for path in paths:
        found, beside = find_parts(path)
        parts += found
        others += beside
    return Tables(tuple(_table(part, given, codec) for part in parts), tuple(others))


def items(tables: Tables, *, now: datetime) -> Iterator[Item]:
    """Read every record of every table; what cannot be read comes as an item that says why."""
    number = 0
    for n, table in enumerate(tables.tables):
        reader = EntryReader(table.layout, now=now)
        with contextlib.closing(_records(table)) as records:
            for line, fields, problem in records:
                reason, detail, shown, entry = Reason.BROKEN, problem, "", None
                if not problem:
                    try:
                        entry = reader.read(fields)
                    except WontFitError as error:
                        reason, detail, shown = error.reason, str(error), error.shown
                    else:
                        if entry is None:
                            continue
                number += 1
                if entry is not None:
                    yield Item(number, n, line, entry)
                else:
                    yield Item(number, n, line, None, reason, detail, shown)


def _table(part: Part, given: Given, codec: str) -> Table:
    surveyed = survey(part)
    if codec:
        surveyed = Surveyed(part, surveyed.sha256, _encoding(codec), surveyed.lines)
    with opened_text(part, surveyed.encoding) as readline:
        first = _first_line(readline, part)
    if _is_json(part, first):
        return _json_table(surveyed, given)
    excel = excel_delimiter(first)
    delimiter = excel or delimiter_of(first)
    with opened_text(part, surveyed.encoding) as readline:
        if excel:
            readline(LONGEST_LINE)
        head = next(read_csv(readline, delimiter), Record(1, []))
    layout, named = layout_of(head.fields, given, file_name=part.plain_name)
    return Table(surveyed, layout, delimiter, headed=named, excel=bool(excel))


def _json_table(surveyed: Surveyed, given: Given) -> Table:
    with opened_text(surveyed.part, surveyed.encoding) as readline:
        found = [each for _, each, _ in islice(read_ndjson(readline), _LOOKED_AT)]
    names = list(dict.fromkeys(name for each in found for name in each))
    layout, _ = layout_of(names, given, file_name=surveyed.part.plain_name)
    return Table(surveyed, replace(layout, formula_safe=False), "")


def _records(table: Table) -> Generator[tuple[int, list[str], str]]:
    with opened_text(table.surveyed.part, table.surveyed.encoding) as readline:
        if not table.delimiter:
            names = table.layout.headings
            for line, found, problem in read_ndjson(readline):
                yield line, [] if problem else [_text(found.get(name)) for name in names], problem
            return
        if table.excel:
            readline(LONGEST_LINE)
        records = read_csv(
            readline,
            table.delimiter,
            whole=whole_record(table.layout),
            width=table.layout.width,
        )
        for line, fields, problem in islice(records, int(table.headed), None):
            yield line + table.excel, fields, problem


def _first_line(readline: Callable[[int], str], part: Part) -> str:
    while line := readline(LONGEST_LINE):
        if line.strip("\ufeff \t\r\n"):
            return line.lstrip("\ufeff")
    raise ReadersFileError(f"{part.name}: there is nothing in it")


def _is_json(part: Part, first: str) -> bool:
    begins = first.lstrip()[:1]
    if begins == "[":
        raise ReadersFileError(
            f"{part.name}: one JSON array, where one object a line is needed",
            hint="Make it so: jq -c '.[]' FILE > readers.ndjson",
        )
    return begins == "{"


def _text(value: object) -> str:
    """Give a value of JSON as a cell of a table has it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, dict, bool)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _encoding(codec: str) -> Encoding:
    try:
        b"a".decode(codec)
    except (LookupError, ValueError) as error:
        raise ReadersFileError(
            f"--encoding: {codec!r}: no such encoding", hint="As in utf-8, cp1252, utf-16."
        ) from error
    return Encoding(codec, codec)


def heading_words(tables: Tables) -> list[str]:
    """List the headings of columns that are not taken over, once each."""
    found = {fold(word): word for each in tables.tables for word in each.layout.unused}
    return list(found.values())
