"""Subjects and preheaders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.bidi import isolated
from digest.composition.inbox import Occasion, short_headline, write_preheader, write_subject
from digest.composition.language import Language
from digest.composition.text import width

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
        "Ferry returns · 9 January, no. 1,204"
    )


@given(st.lists(st.text(min_size=1), max_size=4), st.lists(st.text(), max_size=4))
def test_a_subject_is_never_empty_nor_long(headlines: list[str], earlier: list[str]) -> None:
    subject = write_subject(headlines, occasion=FRIDAY, earlier=earlier)
    assert 0 < width(subject) <= 60


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
    assert 0 < width(written) <= 90


JOINER = "%(first)s; %(second)s"
FRENCH = Language("fr", {JOINER: ("%(first)s\u202f; %(second)s",)})
ARABIC = Language("ar", {JOINER: ("%(first)s؛ %(second)s",)})


def test_headlines_are_joined_as_the_language_joins_them() -> None:
    heads = ["Le bateau revient", "Le seigle a doublé"]
    assert write_subject(heads, occasion=FRIDAY, language=FRENCH) == (
        "Le bateau revient\u202f; Le seigle a doublé"
    )
    heads = ["Qui paie le seigle\u202f?", "Le bateau revient"]
    assert write_subject(heads, occasion=FRIDAY, language=FRENCH) == (
        "Qui paie le seigle\u202f? Le bateau revient"
    )
    heads = ["من يدفع ثمن الشعير؟", "عادت العبّارة"]
    assert (
        write_subject(heads, occasion=FRIDAY, language=ARABIC) == "من يدفع ثمن الشعير؟ عادت العبّارة"
    )


def test_a_french_clause_ends_before_its_sign_and_the_space_before_that() -> None:
    headline = "Nouvelle digue au port\u00a0: le conseil dit oui après une nuit de débats"
    assert short_headline(headline, 40) == "Nouvelle digue au port"
    headline = "Qui paiera la nouvelle digue\u202f? Le conseil n’en sait encore rien du tout"
    assert short_headline(headline, 40) == "Qui paiera la nouvelle digue\u202f?"


def test_wide_signs_count_double() -> None:
    headline = (
        "港に新しい防波堤、議会が夜通しの議論の末に承認したと発表し工事は四月から始まる見通し"
    )
    subject = write_subject([headline], occasion=FRIDAY)
    assert subject.endswith("…")
    assert 50 <= width(subject) <= 60


def test_a_joined_subject_that_was_used_is_the_lead_alone_before_it_is_dated() -> None:
    heads = ["Ferry returns", "Rye doubles in a week"]
    used = ["Ferry returns; Rye doubles in a week!"]
    assert write_subject(heads, occasion=FRIDAY, earlier=used) == "Ferry returns"
    used.append("Ferry returns")
    assert write_subject(heads, occasion=FRIDAY, earlier=used) == (
        "Ferry returns; Rye doubles in a week · 9 January"
    )


@given(
    st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=3),
    st.lists(st.text(max_size=70), max_size=30),
)
def test_a_subject_is_none_of_the_earlier_ones(headlines: list[str], earlier: list[str]) -> None:
    first = write_subject(headlines, occasion=FRIDAY)
    used = [*earlier, first, write_subject(headlines[:1], occasion=FRIDAY)]
    assert write_subject(headlines, occasion=FRIDAY, earlier=used) not in used


def test_a_story_of_which_the_subject_tells_a_clause_is_not_told_again() -> None:
    heads = [
        "Ferry returns to its timetable",
        "Rye doubles on Weir Lane: bakers object loudly",
        "The lamp on the quay is mended after nine years in the dark",
    ]
    subject = write_subject(heads, occasion=FRIDAY)
    assert subject == "Ferry returns to its timetable; Rye doubles on Weir Lane"
    assert write_preheader(heads, subject=subject, standfirst="", occasion=FRIDAY) == heads[2]


def test_a_preheader_with_nothing_to_name_says_when_the_next_one_comes() -> None:
    occasion = Occasion("The Post", "9 January", 3, "The next comes on Monday at 07:00.")
    assert write_preheader(["Lead"], subject="Lead", standfirst="", occasion=occasion) == (
        "The Post, 9 January; The next comes on Monday at 07:00."
    )


def test_a_foreign_headline_is_held_apart_in_a_preheader_where_it_meets_others() -> None:
    heads = ["انتهى الجدل", "The ferry: back on time!", "القط الرمادي ضاع في الميناء القديم"]
    written = write_preheader(
        heads, subject=heads[0], standfirst="", occasion=FRIDAY, language=ARABIC
    )
    assert written == "\u2068The ferry: back on time!\u2069 القط الرمادي ضاع في الميناء القديم"
    alone = "The ferry is back on its winter timetable"
    heads[1:] = [alone]
    assert alone == write_preheader(
        heads, subject=heads[0], standfirst="", occasion=FRIDAY, language=ARABIC
    )


@given(st.lists(st.text(max_size=80), max_size=4), st.sampled_from((ARABIC, FRENCH)))
def test_every_isolate_is_closed(headlines: list[str], language: Language) -> None:
    heads = ["", *(isolated(head, within="ltr") for head in headlines)]
    clean = [head.replace("\u2068", "").replace("\u2069", "") for head in heads]
    written = write_preheader(clean, subject="x", standfirst="", occasion=FRIDAY, language=language)
    assert written.count("\u2068") == written.count("\u2069")
