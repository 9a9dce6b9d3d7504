from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from digest.sources.politeness import NoTurnError, Politeness


def test_two_at_once_go_to_one_host_and_any_number_to_others() -> None:
    politeness = Politeness(breath=0)
    lock, now, most = threading.Lock(), {"a": 0, "b": 0}, {"a": 0, "b": 0}
    together = threading.Barrier(4)

    def ask(host: str) -> None:
        with politeness.turn(host):
            with lock:
                now[host] += 1
                most[host] = max(most[host], now[host])
            together.wait(10)  # two at each of the hosts meet here
            with lock:
                now[host] -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, ["a", "b"] * 8))
    assert most == {"a": 2, "b": 2}


def test_a_turn_that_does_not_come_is_told_and_given_up() -> None:
    politeness = Politeness(at_once=1, patience=0.01)
    with politeness.turn("a") as waited:
        assert waited < 1
        with pytest.raises(NoTurnError), politeness.turn("a"):
            raise AssertionError
    with politeness.turn("a"):
        pass


def test_a_turn_is_given_back_whatever_happens_in_it() -> None:
    politeness = Politeness(at_once=1, patience=0.01, breath=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), politeness.turn("a"):
            raise ValueError("x")


def test_the_time_a_turn_is_waited_for_is_told() -> None:
    politeness = Politeness(at_once=1)
    inside, seen = threading.Event(), []

    def wait() -> None:
        with politeness.turn("a", at_once=True) as waited:
            seen.append(waited)

    with politeness.turn("a"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        inside.wait(0.05)
    waiting.join()
    assert 0.04 < seen[0] < 5


def test_a_host_asked_a_moment_ago_is_given_a_breath() -> None:
    slept: list[float] = []
    politeness = Politeness(breath=0.2, sleep=slept.append, chance=lambda: 0.5)
    for host in ("a", "b", "a", "a"):
        with politeness.turn(host):
            pass
    assert slept == [0.1, 0.1]
    with politeness.turn("a", at_once=True):
        pass
    assert slept == [0.1, 0.1]


def test_a_host_that_nobody_asks_is_forgotten() -> None:
    politeness = Politeness(breath=0)
    for n in range(50):
        with politeness.turn(str(n)):
            pass
    for seat in politeness._hosts.values():
        seat.asked_at = time.monotonic() - 2
    with politeness.turn("busy"), politeness.turn("new"):
        assert set(politeness._hosts) == {"busy", "new"}
