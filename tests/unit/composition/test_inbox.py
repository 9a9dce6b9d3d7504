"""Subjects and preheaders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.inbox import Occasion, short_headline, write_preheader, write_subject

FRIDAY = Occasion("The Morning Post", "9 January", 1204)


@pytest.mark.parametrize(
    ("headlines", "expected"),
    [
        ([], "The Morning Post, 9 January"),
        (["Ferry returns"], "Ferry returns"),
        (["Ferry returns", "Rye doubles in a week"], "Ferry returns; Rye doubles in a week"),
        (["Who pays for rye?", "The ferry is back"], "Who pays for rye? The ferry is back"),
        (
            ["Ferry returns to its winter timetable", "Rye doubles on Weir Lane: bakers object"],
            "Ferry returns to its winter timetable",
        ),
        (
            ["Ferry returns to its timetable", "Rye doubles on Weir Lane: bakers object loudly"],
            "Ferry returns to its timetable; Rye doubles on Weir Lane",
        ),
        (
            ["Council backs the new breakwater after a long night of bitter argument", "Rye"],
            "Council backs the new breakwater after a long night of…",
        ),
    ],
)
def test_the_subject_names_the_lead_and_the_second_where_it_fits(
    headlines: list[str], expected: str
) -> None:
    assert write_subject(headlines, occasion=FRIDAY) == expected


def test_a_subject_that_was_used_gets_the_date_then_the_number() -> None:
    used = ["FERRY  returns"]
    assert write_subject(["Ferry returns"], occasion=FRIDAY, earlier=used) == (
        "Ferry returns · 9 January"
    )
    used.append("Ferry returns · 9 January")
    assert write_subject(["Ferry returns"], occasion=FRIDAY, earlier=used) == (
        "Ferry returns · 9 January, no. 1204"
    )


@given(st.lists(st.text(min_size=1), max_size=4), st.lists(st.text(), max_size=4))
def test_a_subject_is_never_empty_nor_long(headlines: list[str], earlier: list[str]) -> None:
    subject = write_subject(headlines, occasion=FRIDAY, earlier=earlier)
    assert 0 < len(subject) <= 60


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Rye doubles", "Rye doubles"),
        ("Rye doubles on Weir Lane: the bakers object", "Rye doubles on Weir Lane"),
        ("Exclusive: rye doubles on the whole of Weir Lane", "Exclusive: rye doubles on the…"),
        ("Did nobody see it coming? The bakers did not", "Did nobody see it coming?"),
        ("Rye doubles on Weir Lane – and the bakers object", "Rye doubles on Weir Lane"),
    ],
)
def test_a_headline_is_cut_after_a_clause_before_it_gets_an_ellipsis(
    headline: str, expected: str
) -> None:
    assert short_headline(headline, 30) == expected


@pytest.mark.parametrize(
    ("headlines", "standfirst", "expected"),
    [
        (
            ["Lead", "The ferry is back on its timetable", "Rye doubles", "A cat is lost"],
            "",
            "The ferry is back on its timetable; Rye doubles; A cat is lost",
        ),
        (
            ["Lead"],
            "Work begins in April, and the market moves for a season.",
            "Work begins in April, and the market moves for a season.",
        ),
        (["Lead", "A cat is lost"], "", "A cat is lost; The Morning Post, 9 January"),
        (
            ["Lead", "Named in the subject", "Rye doubles", "The ferry is back on its timetable"],
            "",
            "Rye doubles; The ferry is back on its timetable",
        ),
        (
            [
                "Lead",
                "A very long second headline that nobody would read to its bitter end, honestly",
            ],
            "",
            "A very long second headline that nobody would read to its bitter end, honestly",
        ),
        (
            [
                "Lead",
                "Short",
                "A very long second headline that nobody would ever read to its bitter end",
            ],
            "",
            "Short; A very long second headline that nobody would ever read to its bitter end",
        ),
    ],
)
def test_the_preheader_names_the_stories_that_the_subject_does_not(
    headlines: list[str], standfirst: str, expected: str
) -> None:
    written = write_preheader(
        headlines, subject="Lead; Named in the subject", standfirst=standfirst, occasion=FRIDAY
    )
    assert written == expected


@given(st.lists(st.text(), max_size=5), st.text())
def test_a_preheader_is_never_empty_nor_long(headlines: list[str], standfirst: str) -> None:
    written = write_preheader(headlines, subject="x", standfirst=standfirst, occasion=FRIDAY)
    assert 0 < len(written) <= 90
