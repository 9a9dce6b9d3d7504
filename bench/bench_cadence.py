"""How many slots a second `digest.editions.cadence` gives, in zones with and without DST.

Run: python bench/bench_cadence.py [SLOTS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from functools import partial

from digest.editions.cadence import next_slots, slots_between
from digest.editions.model import Cadence, MonthDay, SlotHours

START = datetime(2026, 1, 1, tzinfo=UTC)
MORNING = SlotHours(wall_time(7), wall_time(6, 30))
EVENING = SlotHours(wall_time(17), timedelta(minutes=45), "evening")
EVERY_DAY = frozenset(range(7))
CADENCES = {
    "daily, London": Cadence("Europe/London", (MORNING,), EVERY_DAY),
    "weekdays twice a day, New York": Cadence(
        "America/New_York", (MORNING, EVENING), frozenset(range(5))
    ),
    "inside the gap, New York": Cadence(
        "America/New_York", (SlotHours(wall_time(2, 30), wall_time(2, 15)),), EVERY_DAY
    ),
    "no DST, Tortola": Cadence("America/Tortola", (MORNING,), EVERY_DAY),
    "last Friday of the month, London": Cadence(
        "Europe/London", (MORNING,), monthly=(MonthDay(-1, 4),)
    ),
}


def main(arguments: Sequence[str]) -> None:
    count = int(arguments[0]) if arguments else 20_000
    print(f"{'cadence':34}{'between, slots/s':>18}{'one by one, slots/s':>21}")
    for name, cadence in CADENCES.items():
        between, many = timed(partial(span, cadence, count))
        stepped, few = timed(partial(steps, cadence, min(count, 2_000)))
        print(f"{name:34}{many / between:18,.0f}{few / stepped:21,.0f}")


def span(cadence: Cadence, count: int) -> int:
    """Give the slots of as many years as hold `count` daily ones."""
    return len(slots_between(cadence, START, START + timedelta(days=count)))


def steps(cadence: Cadence, count: int) -> int:
    """Ask for the next slot again and again, as the scheduler does."""
    at, given = START, 0
    while given < count:
        [slot] = next_slots(cadence, at, 1)
        at, given = slot.send_at, given + 1
    return given


def timed(work: Callable[[], int]) -> tuple[float, int]:
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


if __name__ == "__main__":
    main(sys.argv[1:])
