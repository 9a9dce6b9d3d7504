from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.breaker import Fault, Health, State
from digest.delivery.model import Way
from digest.delivery.ways import wanted_lines

AWAY = Health(State.OPEN, Fault.AWAY, "connection refused", 10.0, room=0)
TRYING = Health(State.HALF_OPEN, Fault.AWAY, "connection refused", 10.0, room=1)
HELD = Health(State.OPEN, Fault.OURS, "535 wrong log-in", 60.0, room=0)

A = Way("a")
B = Way("b")
HEAVY = Way("heavy", weight=3)
SPARE = Way("spare", weight=0)


def test_one_way_has_all_its_connections_and_no_more_than_there_is_work_for() -> None:
    assert wanted_lines([A], {}, most=100) == {"a": 8}
    assert wanted_lines([A], {"a": Health()}, most=5) == {"a": 5}
    assert wanted_lines([A], {}, most=0) == {"a": 0}
    assert wanted_lines([], {}, most=5) == {}


def test_ways_of_equal_weight_share_alike_and_have_each_its_own_most() -> None:
    narrow = Way("narrow", connections=2)
    assert wanted_lines([A, B], {}, most=100) == {"a": 8, "b": 8}
    assert wanted_lines([A, B], {}, most=6) == {"a": 3, "b": 3}
    assert wanted_lines([A, narrow], {}, most=100) == {"a": 8, "narrow": 2}
    assert wanted_lines([A, narrow], {}, most=9) == {"a": 7, "narrow": 2}


def test_weights_are_shares_also_when_there_is_work_for_all() -> None:
    assert wanted_lines([HEAVY, A], {}, most=100) == {"heavy": 8, "a": 3}
    assert wanted_lines([HEAVY, A], {}, most=8) == {"heavy": 6, "a": 2}
    assert wanted_lines([HEAVY, A], {}, most=1) == {"heavy": 1, "a": 0}


def test_a_light_way_has_one_line_at_the_least() -> None:
    assert wanted_lines([Way("main", weight=1000), A], {}, most=100) == {"main": 8, "a": 1}


@pytest.mark.parametrize("health", [AWAY, HELD])
def test_what_one_way_cannot_take_the_others_do(health: Health) -> None:
    assert wanted_lines([HEAVY, A], {"heavy": health}, most=100) == {"heavy": 0, "a": 8}
    assert wanted_lines([HEAVY, A], {"heavy": health, "a": AWAY}, most=9) == {"heavy": 0, "a": 0}


def test_a_spare_way_is_used_only_while_no_other_is_well() -> None:
    assert wanted_lines([A, B, SPARE], {}, most=100) == {"a": 8, "b": 8, "spare": 0}
    assert wanted_lines([A, B, SPARE], {"a": AWAY}, most=100) == {"a": 0, "b": 8, "spare": 0}
    both = {"a": AWAY, "b": HELD}
    assert wanted_lines([A, B, SPARE], both, most=100) == {"a": 0, "b": 0, "spare": 8}


def test_a_way_that_may_be_well_again_gets_one_line_beside_the_spare_one() -> None:
    wanted = wanted_lines([A, SPARE], {"a": TRYING}, most=1)
    assert wanted == {"a": 1, "spare": 1}
    assert wanted_lines([A, SPARE], {"a": TRYING}, most=0) == {"a": 0, "spare": 0}
    assert wanted_lines([A], {"a": TRYING}, most=100) == {"a": 1}


def test_a_server_that_lets_in_three_has_three() -> None:
    assert wanted_lines([A, B], {"a": Health(room=3)}, most=100) == {"a": 3, "b": 8}
    assert wanted_lines([A, B], {"a": Health(room=0)}, most=100) == {"a": 0, "b": 8}


_WAYS = st.lists(
    st.builds(
        Way,
        name=st.sampled_from("abcdef"),
        weight=st.integers(0, 5),
        connections=st.integers(1, 20),
    ),
    unique_by=lambda way: way.name,
    max_size=6,
)
_HEALTH = st.dictionaries(
    st.sampled_from("abcdef"), st.sampled_from([Health(), Health(room=2), AWAY, TRYING, HELD])
)


@given(_WAYS, _HEALTH, st.integers(0, 200))
def test_no_way_has_more_than_it_may_and_none_is_idle_that_could_work(
    ways: list[Way], health: dict[str, Health], most: int
) -> None:
    wanted = wanted_lines(ways, health, most=most)
    states = {way.name: health.get(way.name, Health()) for way in ways}
    assert list(wanted) == [way.name for way in ways]
    for way in ways:
        room = states[way.name].room
        assert 0 <= wanted[way.name] <= way.connections
        assert room is None or wanted[way.name] <= room
    well = [way for way in ways if states[way.name].state is State.CLOSED]
    assert sum(wanted[way.name] for way in well) <= most
    assert not (well and most) or any(wanted[way.name] for way in well)
    assert not any(way.weight for way in well) or not any(
        wanted[way.name] for way in well if not way.weight
    )


@given(_WAYS, _HEALTH, st.integers(0, 100))
def test_more_work_takes_no_line_from_any_way(
    ways: list[Way], health: dict[str, Health], most: int
) -> None:
    before, after = (wanted_lines(ways, health, most=n) for n in (most, most + 1))
    assert all(before[name] <= after[name] for name in before)
