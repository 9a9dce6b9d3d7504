from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from digest.web.evened import evened

FLOOR = timedelta(milliseconds=40)


async def _work(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@pytest.mark.parametrize(("takes", "floors"), [(0.0, 1), (0.02, 1), (0.05, 2)])
def test_an_answer_comes_a_whole_number_of_floors_after_the_start(
    takes: float, floors: int
) -> None:
    began = time.monotonic()
    assert asyncio.run(evened(_work(takes), floor=FLOOR)) == "done"
    assert time.monotonic() - began >= floors * FLOOR.total_seconds()


def test_a_failure_takes_as_long() -> None:
    async def fail() -> None:
        raise ValueError("no")

    began = time.monotonic()
    with pytest.raises(ValueError, match="no"):
        asyncio.run(evened(fail(), floor=FLOOR))
    assert time.monotonic() - began >= FLOOR.total_seconds()


def test_without_a_floor_nobody_waits() -> None:
    assert asyncio.run(evened(_work(0), floor=timedelta(0))) == "done"
