"""How long one edition takes to compose: a lead, six stories and fifty headlines.

Run it with: python bench/bench_compose.py
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

_START = perf_counter()

from digest.composition.compose import compose
from digest.composition.environment import load_templates
from digest.composition.model import (
    Composition,
    Letter,
    LetterSection,
    Piece,
    Shot,
    Site,
)

RUNS = 50
GOAL_MS = 15.0
TRACKED = "?utm_source=morning-post&utm_medium=email&utm_campaign=2026-01-09&utm_content="


def address(name: str) -> str:
    return f"https://harbourpost.example/news/2026/{name}{TRACKED}{name}"


def a_piece(at: int, *, width: int = 160, height: int = 120) -> Piece:
    return Piece(
        headline=f"Story {at}: the ferry, the mill and the price of rye",
        url=address(f"story-{at}"),
        standfirst="The junior eight beat the county side on its own water; " * 2 + "they say.",
        shot=Shot(f"https://letters.example/images/{at:064x}.jpg", width, height, "A wet morning."),
    )


def a_letter() -> Letter:
    stories = tuple(a_piece(at) for at in range(1, 7))
    brief = tuple(
        Piece(f"Headline {at}: high water at eleven, and again after midnight", address(f"b-{at}"))
        for at in range(50)
    )
    site = Site(
        name="Harbour Post",
        url="https://harbourpost.example",
        public_url="https://letters.harbourpost.example",
        language="en",
        zone="Europe/London",
        postal_address="12 Quay Street, Harbour Town HP1 1AA",
        reply_to="editor@harbourpost.example",
    )
    return Letter(
        site=site,
        newsletter="The Morning Post",
        slug="daily",
        template="daily",
        number=1204,
        local_date=date(2026, 1, 9),
        date_line="Friday 9 January 2026",
        week_title="",
        headlines=tuple(piece.headline for piece in stories[:4]),
        lead=a_piece(0, width=600, height=338),
        top=stories[:3],
        sections=(
            LetterSection("town", "Town", stories[3:5]),
            LetterSection("s", "S", stories[5:]),
        ),
        brief=brief,
        note="",
        sponsor=None,
        most_read=(),
        minutes=4,
        next_line="The next comes on Monday at 07:00.",
        subject="The ferry is back; rye doubles",
        preheader="Rowers win by a length, the choir seeks tenors, and a cat is lost.",
        read_online_url="https://letters.harbourpost.example/daily/2026-01-09",
        privacy_url="https://letters.harbourpost.example/privacy",
    )


def main() -> None:
    environment = load_templates()
    letter = a_letter()

    def once(number: int) -> Composition:
        # Another number each time, so that nothing is remembered of the run before.
        changed = replace(letter, subject=f"{letter.subject} {number}")
        return compose(
            changed,
            edition_id=number,
            revision=1,
            language="en",
            secret=b"secret",
            environment=environment,
        )

    first = once(0)
    cold = (perf_counter() - _START) * 1000
    times = []
    for number in range(1, RUNS + 1):
        begun = perf_counter()
        once(number)
        times.append((perf_counter() - begun) * 1000)
    assert first.html.count("<li") == len(letter.brief) + len(letter.headlines) + 2
    warm = statistics.median(times)
    verdict = "within" if warm <= GOAL_MS else "OVER"
    print(f"python bench/bench_compose.py    {datetime.now(UTC):%Y-%m-%d}")
    print(f"stories                {letter.story_count:8}")
    print(f"warm, median of {RUNS}   {warm:8.1f} ms    {verdict} the goal of {GOAL_MS:.0f} ms")
    print(f"warm, best / worst     {min(times):8.1f} / {max(times):.1f} ms")
    print(f"cold, with imports     {cold:8.1f} ms")
    print(f"HTML                   {len(first.html.encode()):8} bytes")
    print(f"text                   {len(first.text.encode()):8} bytes")


if __name__ == "__main__":
    main()
