from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.transfer import records
from subscribers.transfer.records import (
    LONGEST_FIELD,
    LONGEST_LINE,
    MOST_LINES,
    Record,
    read_csv,
    read_ndjson,
)

NEVER_CLOSED = "a quotation mark is opened and never closed"


def lines_of(text: str) -> Callable[[int], str]:
    return io.StringIO(text, newline="").readline


def read(text: str, **more: int) -> list[Record]:
    return list(read_csv(lines_of(text), ",", whole=_whole, **more))


def _whole(fields: list[str]) -> bool:
    return len(fields) == 2 and "@" in fields[0]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
ENDS = st.sampled_from(["\r\n", "\n", "\r"])
QUOTES = st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
FIELD_TOO_LONG = f"a field in it is longer than {LONGEST_FIELD:,} characters"


@given(st.lists(st.lists(CELLS, min_size=1)), st.sampled_from(",;\t|"), ENDS, QUOTES)
def test_well_formed_text_is_read_as_pythons_own_reader_does(
    rows: list[list[str]], delimiter: str, end: str, quoting: Literal[0, 1]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    text = out.getvalue()
    expected = [
        row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row
    ]
    found = list(read_csv(lines_of(text), delimiter))
    assert [each.fields for each in found] == expected
    assert not any(each.problem for each in found)


def test_lines_are_numbered_as_an_editor_does() -> None:
    text = 'a@x,1\r\n\r\nb@x,"two\r\nlines"\r\nc@x,3'
    assert read(text) == [
        Record(1, ["a@x", "1"]),
        Record(3, ["b@x", "two\r\nlines"]),
        Record(5, ["c@x", "3"]),
    ]


@pytest.mark.parametrize("broken", ['b@x,"never closed', '"b@x,2'], ids=["last", "first"])
@pytest.mark.parametrize(
    "after", ["", "c@x,3\nd@x,4\n", 'c@x,"3"\nd@x,""\n', "only words\nc@x,3\n"]
)
def test_an_open_mark_costs_its_own_line_and_no_other(broken: str, after: str) -> None:
    found = read(f"a@x,1\n{broken}\n{after}")
    assert found[:2] == [Record(1, ["a@x", "1"]), Record(2, [], NEVER_CLOSED)]
    assert [each.fields for each in found[2:]] == list(csv.reader(after.splitlines()))


def test_a_mark_that_is_closed_too_late_ends_where_a_record_may_not_go_on() -> None:
    found = list(read_csv(lines_of('a,"x\n' + "words\n" * MOST_LINES + 'b,"y"\n'), ","))
    assert found[0] == Record(1, [], NEVER_CLOSED)
    assert found[1] == Record(2, ["words"])
    assert found[-1] == Record(MOST_LINES + 2, ["b", "y"])


def test_marks_that_stand_as_they_cannot_are_taken_when_the_columns_are_right() -> None:
    assert read('"Bob" Smith,b@x\n"Bob" Smith,b@x,3\n', width=2) == [
        Record(1, ["Bob Smith", "b@x"]),
        Record(2, [], "its quotation marks stand where they cannot"),
    ]


def test_a_mark_inside_a_cell_is_a_letter() -> None:
    assert read('a@x,5" pipe\n') == [Record(1, ["a@x", '5" pipe'])]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("b@x,\udcff", "there are bytes in it that are no text in this encoding"),
        ('b@x,"\udcff"', "there are bytes in it that are no text in this encoding"),
        ("b@x," + "y" * (LONGEST_LINE + 9), f"it is longer than {LONGEST_LINE:,} characters"),
        ("b@x," + "y" * (LONGEST_FIELD + 1), FIELD_TOO_LONG),
        ('b@x,"' + "y" * (LONGEST_FIELD + 1) + '"', FIELD_TOO_LONG),
        ("b@x," + "y" * (11 * LONGEST_LINE), f"it is longer than {LONGEST_LINE:,} characters"),
    ],
    ids=["bytes", "quoted bytes", "line", "field", "quoted field", "10 MB"],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_refused_with_its_number(line: str, problem: str) -> None:
    assert read(f"a@x,1\n{line}\nc@x,3\n") == [
        Record(1, ["a@x", "1"]),
        Record(2, [], problem),
        Record(3, ["c@x", "3"]),
    ]


def test_broken_bytes_end_a_quoted_cell_that_they_stand_in() -> None:
    found = read('a@x,"1\n\udcff\nc@x,3\n')
    assert [(each.line, each.problem) for each in found] == [
        (1, NEVER_CLOSED),
        (2, "there are bytes in it that are no text in this encoding"),
        (3, ""),
    ]


def test_ndjson_is_one_object_a_line_and_the_broken_ones_are_told() -> None:
    text = '{"a": 1}\n\n[1]\n{"a": }\n{"a": "\udcff"}\n' + "[" * 100_000 + '\n{"b": null}'
    assert list(read_ndjson(lines_of(text))) == [
        (1, {"a": 1}, ""),
        (3, {}, "it is not a JSON object"),
        (4, {}, "it is not JSON, at character 7"),
        (5, {}, "there are bytes in it that are no text in this encoding"),
        (6, {}, "it is not JSON"),
        (7, {"b": None}, ""),
    ]
    long = '{"a": "' + "y" * LONGEST_LINE + '"}\n{"b": 1}\n'
    assert [each[2] for each in read_ndjson(lines_of(long))] == [records._TOO_LONG, ""]
