"""Pure. How many lines each way out gets: shares by weight among those that are well, failover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digest.delivery.breaker import Health, State
from digest.delivery.model import Way

_WELL = Health()


def wanted_lines(ways: Sequence[Way], health: Mapping[str, Health], *, most: int) -> dict[str, int]:
    """Say how many lines each way is to have now, by its name: to open, to keep, or to let go.

    `most` is how many there is work for; a way without an entry in `health` is well. The heaviest
    way that is well may have all its `connections`, the others as much less of theirs as they weigh
    less, at least one. Where there is work for fewer, they share it by weight. Ways of weight 0 get
    lines only while no other is well. A way that is half open gets one to try, beyond `most`; one
    that is away gets none, and neither does any while there is no work.
    """
    wanted = {way.name: 0 for way in ways}
    if most <= 0:
        return wanted
    states = {way.name: health.get(way.name, _WELL) for way in ways}
    well = [way for way in ways if states[way.name].state is State.CLOSED]
    working = [way for way in well if way.weight] or well
    wanted |= _shares(working, {way.name: _room(way, states[way.name]) for way in well}, most)
    trying = [way.name for way in ways if states[way.name].state is State.HALF_OPEN]
    return wanted | dict.fromkeys(trying, 1)


def _room(way: Way, health: Health) -> int:
    return way.connections if health.room is None else min(way.connections, health.room)


def _shares(ways: Sequence[Way], room: Mapping[str, int], most: int) -> dict[str, int]:
    """Deal lines out one by one (Sainte-Laguë), so that one more takes none from another way."""
    weights = {way.name: way.weight or 1 for way in ways}
    heaviest = max(weights.values(), default=1)
    caps = {
        name: min(room[name], max(1, round(room[name] * weight / heaviest)))
        for name, weight in weights.items()
    }
    lines = dict.fromkeys(weights, 0)
    for _ in range(min(most, sum(caps.values()))):
        free = [name for name in lines if lines[name] < caps[name]]
        lines[max(free, key=lambda name: weights[name] / (2 * lines[name] + 1))] += 1
    return lines
