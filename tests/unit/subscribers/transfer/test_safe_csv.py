from __future__ import annotations

import csv

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers.transfer.safe_csv import plain_cell, safe_cell, safe_line

FORMULAS = (
    *("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\ufeff=1"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\u22121"),
)


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe_and_loses_it_again(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["", "ann@reader.example", "O'Hara", "'quoted'", "1-2", "ünï"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == plain_cell(text) == text


@given(st.text())
@example("'=1")
@example("''=1")
def test_every_value_comes_back(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_line_is_read_by_any_reader_of_csv_and_begins_no_formula(values: list[str]) -> None:
    line = safe_line(values)
    (cells,) = csv.reader([line], strict=True)
    assert [plain_cell(each) for each in cells] == values
    assert not any(cell[:1] in set("=+-@\t\r") for cell in cells if cell)
