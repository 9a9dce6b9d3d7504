"""A line over time, as numbers of an SVG picture."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.web.desk.chart import HEIGHT, WIDTH, Mark, chart_of

FIRST = date(2025, 2, 1)


def months(*counts: int) -> list[tuple[date, int]]:
    return [(FIRST + timedelta(days=30 * n), count) for n, count in enumerate(counts)]


def test_a_year_is_drawn_between_round_levels_with_months_below() -> None:
    drawn = chart_of(months(3160, 3290, 3390, 3470, 3600, 3980, 4250, 4420, 4812), what="Readers")
    assert drawn is not None
    assert [mark.words for mark in drawn.levels] == ["3,000", "4,000", "5,000"]
    assert [(mark.words, mark.anchor) for mark in drawn.dates] == [
        ("Feb", "start"),
        ("May", "middle"),
        ("Jul", "middle"),
        ("Sep", "end"),
    ]
    assert drawn.end_words == "4,812"
    assert drawn.says == "Readers rose from 3,160 on 1 Feb 2025 to 4,812 on 29 Sep 2025."


def test_too_few_letters_or_all_of_one_day_show_nothing() -> None:
    assert chart_of(months(3, 4), what="Readers") is None
    assert chart_of([(FIRST, n) for n in range(5)], what="Readers") is None
    assert chart_of([], what="Readers") is None


def test_a_number_that_stays_is_a_line_that_can_be_seen() -> None:
    drawn = chart_of(months(7, 7, 7), what="Readers")
    assert drawn is not None
    assert drawn.says == "Readers stayed at 7 from 1 Feb 2025 to 2 Apr 2025."
    assert [mark.words for mark in drawn.levels] == ["7", "8"]


def test_a_short_span_names_days() -> None:
    drawn = chart_of([(FIRST + timedelta(days=n), n) for n in range(4)], what="Readers")
    assert drawn is not None
    assert drawn.dates[0] == Mark(52.0, "1 Feb", "start")
    assert drawn.dates[-1].words == "4 Feb"


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 50_000_000)), min_size=3, max_size=60
    ).filter(lambda seen: len({day for day, _ in seen}) > 1)
)
def test_whatever_the_counts_the_line_stays_in_its_picture(seen: list[tuple[int, int]]) -> None:
    values = [(FIRST + timedelta(days=day), count) for day, count in sorted(seen)]
    drawn = chart_of(values, what="Readers")
    if values[0][0] == values[-1][0]:
        assert drawn is None
        return
    assert drawn is not None
    assert 2 <= len(drawn.levels) <= 6
    assert len({mark.words for mark in drawn.levels}) == len(drawn.levels)
    for spot in drawn.points.split():
        across, down = map(float, spot.split(","))
        assert 0 <= across <= WIDTH
        assert 0 <= down <= HEIGHT
