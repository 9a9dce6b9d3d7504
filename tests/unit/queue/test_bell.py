"""Who rings is answered when a whole round was made since, or when there will be none."""

from __future__ import annotations

import threading
import time

from digest.queue.bell import Bell, Work

NEVER = threading.Event()


def test_a_round_answers_those_who_rang_before_it_began_and_nobody_else() -> None:
    bell, early, late = Bell(), list[Work](), list[Work]()
    bell.ring(early.append)
    heard = bell.heard()
    bell.ring(late.append)
    bell.answer(heard)
    assert (early, late) == ([Work.DONE], [])
    bell.answer(bell.heard())
    assert (early, late) == ([Work.DONE], [Work.DONE])


def test_whom_a_round_that_failed_was_made_for_is_heard_again() -> None:
    bell, told = Bell(), list[Work]()
    bell.ring(told.append)
    bell.heard()  # the round failed: nobody is answered
    assert told == []
    bell.answer(bell.heard())
    assert told == [Work.DONE]


def test_a_bell_that_is_closed_sends_everybody_elsewhere() -> None:
    bell, waiting, late = Bell(), list[Work](), list[Work]()
    bell.ring(waiting.append)
    bell.close()
    bell.ring(late.append)
    assert (waiting, late) == ([Work.LEFT], [Work.LEFT])


def test_waiting_ends_with_the_ring_with_the_wish_to_stop_and_with_its_time() -> None:
    began = time.monotonic()
    bell, stop = Bell(), threading.Event()
    bell.wait(0.01, NEVER)
    bell.ring(lambda _work: None)
    bell.wait(60, NEVER)
    bell.heard()
    stop.set()
    bell.wait(60, stop)
    Bell(is_hung=False).wait(60, stop)
    assert time.monotonic() - began < 30


def test_a_ring_from_another_thread_wakes_who_waits() -> None:
    bell, woken = Bell(), threading.Event()

    def wait() -> None:
        bell.wait(60, NEVER)
        woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    bell.ring(lambda _work: None)
    assert woken.wait(30)
    thread.join()
