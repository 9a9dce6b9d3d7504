"""Pure. A line over time as the numbers of an SVG picture, drawn on the server: no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from digest.editions.wording import date_in_words

WIDTH, HEIGHT = 400, 172
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 348, 12, 146
_LEAST_POINTS = 3
_MOST_LINES = 4
_STEPS = (1, 2, 2.5, 5, 10)
_MOST_DATES = 4
_NEAR = 28
"""Pixels between two dates below which the second is left out."""
_THOUSAND = 1000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS_SAID_FROM_DAYS = 120


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the grid, or a date below: where, and what is written there."""

    at: float
    words: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """A line with its grid; `says` tells in words what it shows."""

    points: str
    levels: tuple[Mark, ...]
    dates: tuple[Mark, ...]
    end: tuple[float, float]
    end_words: str
    says: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    bottom: int = _BOTTOM


def chart_of(values: Sequence[tuple[date, int]], *, what: str) -> Chart | None:
    """Draw counts over time, oldest first; None where there are too few to see anything.

    `what` begins the sentence for who does not see it, as in `Readers of The Morning Post`.
    """
    if len(values) < _LEAST_POINTS or values[0][0] == values[-1][0]:
        return None
    low, high, step = _range([count for _, count in values])
    first, last = values[0][0], values[-1][0]
    days = (last - first).days

    def x(day: date) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (day - first).days / days, 1)

    def y(count: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (count - low) / (high - low), 1)

    steps = [low + step * n for n in range(round((high - low) / step) + 1)]
    spots = [(x(day), y(count)) for day, count in values]
    return Chart(
        points=" ".join(f"{across},{down}" for across, down in spots),
        levels=tuple(Mark(y(level), f"{level:,.0f}") for level in steps),
        dates=_dates([(x(day), day) for day, _ in values], months=days > _MONTHS_SAID_FROM_DAYS),
        end=spots[-1],
        end_words=f"{values[-1][1]:,}",
        says=_says(what, values),
    )


def _range(counts: Sequence[int]) -> tuple[float, float, float]:
    """Give the lowest and the highest level and the step between two, all round numbers."""
    least, most = min(counts), max(counts)
    span = max(most - least, 1)
    raw = span / (_MOST_LINES - 1)
    unit = 10 ** math.floor(math.log10(raw))
    step = max(1, next(unit * each for each in _STEPS if unit * each >= raw))
    low = math.floor(least / step) * step
    high = math.ceil(most / step) * step
    return low, high if high > low else low + step, step


def _dates(spots: Sequence[tuple[float, date]], *, months: bool) -> tuple[Mark, ...]:
    """Choose a few dates that stand apart, the first and the last among them."""
    wanted = [round(n * (len(spots) - 1) / (_MOST_DATES - 1)) for n in range(_MOST_DATES)]
    marks: list[Mark] = []
    for n in dict.fromkeys(wanted):
        at, day = spots[n]
        words = _MONTHS[day.month - 1] if months else f"{day.day} {_MONTHS[day.month - 1]}"
        anchor = "start" if n == 0 else "end" if n == len(spots) - 1 else "middle"
        if marks and (at - marks[-1].at < 2 * _NEAR or words == marks[-1].words):
            if anchor == "end" and len(marks) > 1:
                marks.pop()
            elif anchor != "end" or words == marks[-1].words:
                continue
        marks.append(Mark(at, words, anchor))
    return tuple(marks)


def _says(what: str, values: Sequence[tuple[date, int]]) -> str:
    (first, before), (last, after) = values[0], values[-1]
    done = "rose" if after > before else "fell" if after < before else "stayed"
    if done == "stayed":
        return f"{what} stayed at {after:,} from {date_in_words(first)} to {date_in_words(last)}."
    return (
        f"{what} {done} from {before:,} on {date_in_words(first)} to {after:,} on"
        f" {date_in_words(last)}."
    )
