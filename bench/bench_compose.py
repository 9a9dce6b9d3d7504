"""How long one edition takes to compose: a lead, six stories and fifty headlines.

Run it with: python bench/bench_compose.py
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

_START = perf_counter()

from digest.composition.compose import compose
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.language import ENGLISH
from digest.composition.model import (
    Composition,
    Letter,
    LetterSection,
    Link,
    Piece,
    Shot,
    Site,
)

RUNS = 50
GOAL_MS = 15.0
GOAL_BYTES = 60_000
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
        language="en",
        newsletter="The Morning Post",
        slug="daily",
        template="daily",
        number=1204,
        local_date=date(2026, 1, 9),
        date_line="Friday 9 January 2026",
        week_title="",
        headlines=tuple(Link(piece.headline) for piece in stories[:4]),
        lead=a_piece(0, width=600, height=338),
        top=stories[:3],
        sections=(
            LetterSection("town", "Town", stories[3:5]),
            LetterSection("s", "S", stories[5:]),
        ),
        brief=brief,
        note=None,
        sponsor=None,
        most_read=(),
        minutes=4,
        next_line="The next comes on Monday at 07:00.",
        subject="The ferry is back; rye doubles",
        preheader="Rowers win by a length, the choir seeks tenors, and a cat is lost.",
        read_online_url="https://letters.harbourpost.example/daily/2026-01-09",
        privacy_url="https://letters.harbourpost.example/privacy",
    )


def composed(letter: Letter, environment: MailTemplates, number: int) -> Composition:
    # Another number each time, so that nothing is remembered of the run before.
    return compose(
        replace(letter, subject=f"{letter.subject} {number}"),
        edition_id=number,
        revision=1,
        language=ENGLISH,
        secret=b"secret",
        environment=environment,
    )


def timed(letter: Letter, environment: MailTemplates) -> list[float]:
    times = []
    for number in range(1, RUNS + 1):
        begun = perf_counter()
        composed(letter, environment, number)
        times.append((perf_counter() - begun) * 1000)
    return times


def main() -> None:
    letter = a_letter()
    house = load_templates()
    first = composed(letter, house, 0)
    cold = (perf_counter() - _START) * 1000
    times = timed(letter, house)
    with TemporaryDirectory() as folder, load_templates(Path(folder)) as publishers:
        begun = perf_counter()
        apart = composed(letter, publishers, 0)
        started = (perf_counter() - begun) * 1000
        apart_times = timed(letter, publishers)
    assert first == apart
    assert letter.story_count == 57
    size = len(first.html.encode())
    warm = statistics.median(times)
    verdict = "within" if warm <= GOAL_MS else "OVER"
    fits = "within" if size <= GOAL_BYTES else "OVER"
    print(f"python bench/bench_compose.py    {datetime.now(UTC):%Y-%m-%d}")
    print(f"stories                {letter.story_count:8}")
    print(f"warm, median of {RUNS}   {warm:8.1f} ms    {verdict} the goal of {GOAL_MS:.0f} ms")
    print(f"warm, best / worst     {min(times):8.1f} / {max(times):.1f} ms")
    print(f"cold, with imports     {cold:8.1f} ms")
    print(
        f"publisher's own, warm  {statistics.median(apart_times):8.1f} ms    in the sandbox's child"
    )
    print(f"publisher's own, best  {min(apart_times):8.1f} ms")
    print(f"publisher's own, first {started:8.1f} ms    with its process")
    print(f"HTML                   {size:8} bytes {fits} the goal of {GOAL_BYTES} bytes")
    print(f"text                   {len(first.text.encode()):8} bytes")


if __name__ == "__main__":
    main()
