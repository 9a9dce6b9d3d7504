"""Answers that take the same time, whatever was done: a stopwatch learns nothing from them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from time import monotonic
from typing import TypeVar

_T = TypeVar("_T")


async def evened(work: Awaitable[_T], *, floor: timedelta) -> _T:
    """Give what the work gives, or raise what it raises, a whole number of floors after the start.

    Mostly that is one; no thread waits with it. Beyond the first, the steps tell no more than how
    busy the machine is.
    """
    began, step = monotonic(), floor.total_seconds()
    try:
        return await work
    finally:
        if step:
            await asyncio.sleep(step - (monotonic() - began) % step)
