"""Pure. How a table is laid out: what parts its cells, and which column holds what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from subscribers.transfer.columns import HEADINGS, MANY, NOT_USED, Field, State, field_named, fold
from subscribers.transfer.entries import Layout
from subscribers.transfer.faults import ReadersFileError
from subscribers.transfer.known_exports import EXPORTS, Export, export_named, known_export

DELIMITERS = (",", ";", "\t", "|")
_EXCEL = re.compile(r'"?sep=(?P<delimiter>.)"?\r?\n?', re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Given:
    """What the person who brings a file in says of it; what is empty is found out."""

    columns: tuple[str, ...] = ()
    """The headings of a table that has none."""
    renamed: Mapping[str, str] | None = None
    """Ours to theirs: what a column is, whatever its heading."""
    program: str = ""
    """Whose export it is, as `mailchimp` or `mailchimp: cleaned members`."""


def excel_delimiter(line: str) -> str:
    """Give what Excel's first line `sep=;` names; nothing for any other line."""
    found = _EXCEL.fullmatch(line)
    return found["delimiter"] if found else ""


def delimiter_of(line: str) -> str:
    """Tell by its first line what parts the cells of a table."""
    return max(DELIMITERS, key=lambda each: (_known(line, each), line.count(each)))


def layout_of(first: Sequence[str], given: Given, *, file_name: str) -> tuple[Layout, bool]:
    """Find the layout by the first record, and whether that is a heading.

    Raises ReadersFileError, which says what is missing and how to name it.
    """
    cells = [each.strip().lstrip("\ufeff") for each in first]
    if given.columns:
        headings = list(given.columns)
        named = [fold(each) for each in cells] == [fold(each) for each in headings]
    elif any(_ADDRESS.fullmatch(each) for each in cells):
        raise ReadersFileError(
            f"{file_name}: the first line is a reader already: there is no heading",
            hint="Name its columns in their order: --columns address,name,city",
        )
    else:
        headings, named = cells, True
    return _layout(headings, given, file_name=file_name), named


def _layout(headings: list[str], given: Given, *, file_name: str) -> Layout:
    export = _export(headings, given, file_name=file_name)
    columns = _columns(headings, export.columns if export else HEADINGS)
    _rename(columns, headings, given.renamed or {}, file_name=file_name)
    if Field.ADDRESS not in columns:
        shown = ", ".join(repr(each) for each in headings[:_SHOWN] if each) or "nothing"
        raise ReadersFileError(
            f"{file_name}: there is no column of addresses; there are: {shown}",
            hint='Name it: --column address="Their heading". No heading at all: --columns …',
        )
    layout = Layout(tuple(headings), columns)
    return layout if export is None else _known_layout(layout, export)


def _known_layout(layout: Layout, export: Export) -> Layout:
    folded = [fold(each) for each in layout.headings]
    return Layout(
        layout.headings,
        layout.columns,
        name=export.name,
        state=export.state,
        states=export.states,
        tag_if=tuple((folded.index(h), tag) for h, tag in export.tag_if.items() if h in folded),
        apart=export.apart,
        formula_safe=export.formula_safe,
        plain_lists=export.plain_lists,
    )


def _export(headings: list[str], given: Given, *, file_name: str) -> Export | None:
    found = known_export(headings, file_name)
    if not given.program or fold(given.program) == "table":
        return None if given.program else found
    named = export_named(given.program)
    if named is None:
        known = ", ".join(dict.fromkeys(each.program.lower() for each in EXPORTS))
        raise ReadersFileError(
            f"--format: {given.program!r}: no such program", hint=f"There are: {known}, table."
        )
    return found if found is not None and found.program == named.program else named


def _columns(headings: list[str], known: Mapping[str, Field]) -> dict[Field, tuple[int, ...]]:
    columns: dict[Field, tuple[int, ...]] = {}
    for n, heading in enumerate(headings):
        field = known.get(fold(heading))
        if field is not None and (field in MANY or field not in columns):
            columns[field] = (*columns.get(field, ()), n)
    return columns


def _rename(
    columns: dict[Field, tuple[int, ...]],
    headings: list[str],
    renamed: Mapping[str, str],
    *,
    file_name: str,
) -> None:
    folded = [fold(each) for each in headings]
    taken: set[Field] = set()
    for ours, theirs in renamed.items():
        field = field_named(ours)
        if field is None:
            names = ", ".join(Field)
            raise ReadersFileError(
                f"--column: {ours!r}: no such thing", hint=f"There are: {names}."
            )
        if theirs == NOT_USED:
            columns.pop(field, None)
            continue
        if fold(theirs) not in folded:
            raise ReadersFileError(
                f"{file_name}: there is no column {theirs!r}",
                hint=f"There are: {', '.join(each for each in headings if each)}.",
            )
        at = folded.index(fold(theirs))
        for other in [each for each, found in columns.items() if at in found]:
            columns[other] = tuple(each for each in columns[other] if each != at)
            if not columns[other]:
                del columns[other]
        columns[field] = (*(columns.get(field, ()) if field in taken and field in MANY else ()), at)
        taken.add(field)


def tells_state(layout: Layout) -> bool:
    """Tell whether the file says of its readers whether they agreed."""
    said = {Field.STATE, Field.LIST_STATE} & layout.columns.keys()
    return layout.state is not None or bool(said)


def joins_nobody(layout: Layout) -> bool:
    """Tell whether everybody in the file has left, or never agreed."""
    return layout.state not in {None, State.CONFIRMED, State.PAUSED, State.UNCONFIRMED}


def _known(line: str, delimiter: str) -> int:
    cells = (fold(each.strip('"')) for each in line.rstrip("\r\n").split(delimiter))
    return sum(each in _EVERY_HEADING for each in cells)


_EVERY_HEADING = HEADINGS.keys() | {
    heading for export in EXPORTS for heading in (*export.needs, *export.columns)
}
