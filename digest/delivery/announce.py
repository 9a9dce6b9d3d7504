"""Send notices of some kinds and nothing else: where no letter may leave, people hear why."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from digest.clock import Clock
from digest.db import Database
from digest.delivery.caller import TransportLine
from digest.delivery.model import DeliveryState, Line, Parcel, Reply, Way
from digest.delivery.notify import Render, record_notice, take_notices, untake_notices
from digest.outbox.model import Notice, NoticeKind

_AGAIN_AFTER = timedelta(minutes=1)
"""When no way out would have them."""


def announce(
    database: Database,
    ways: Sequence[Way],
    *,
    render: Render,
    kinds: Collection[NoticeKind],
    clock: Clock,
) -> int:
    """Send the notices of these kinds that are due, and give how many; the others wait.

    One connection at a time: they are few, and nobody waits for them by the second.
    """
    parcels = take_notices(database, render=render, clock=clock, kinds=kinds)
    if not parcels:
        return 0
    pile = _Pile(database, parcels, clock)
    try:
        asyncio.run(_hand_over(pile, ways))
    finally:
        untake_notices(database, pile.waiting, now=clock() + _AGAIN_AFTER)
    return pile.accepted


async def _hand_over(pile: _Pile, ways: Sequence[Way]) -> None:
    with ThreadPoolExecutor(1, "announce") as caller:
        for way in ways:
            if pile.waiting:
                await _line(way, pile, caller).run()


def _line(way: Way, pile: _Pile, caller: ThreadPoolExecutor) -> Line:
    if way.transport is not None:
        return TransportLine(way, pile, caller)
    from digest.delivery.smtp import SmtpLine  # noqa: PLC0415 - aiosmtplib costs a moment

    return SmtpLine(way, pile)


class _Pile:
    """What a line draws from: notices, until there are no more; each answer is written at once."""

    def __init__(self, database: Database, parcels: Sequence[Parcel], clock: Clock) -> None:
        self.waiting = deque(parcels)
        self.accepted = 0
        self._database = database
        self._clock = clock

    def take(self, line: Line) -> Parcel | None:
        if self.waiting:
            return self.waiting.popleft()
        line.leave()
        return None

    def begin(self, _parcel: Parcel) -> bool:
        return True

    def answered(self, parcel: Parcel, reply: Reply) -> None:
        if isinstance(parcel.ref, Notice):
            record_notice(self._database, parcel.ref, reply, now=self._clock())
        self.accepted += reply.state is DeliveryState.ACCEPTED
