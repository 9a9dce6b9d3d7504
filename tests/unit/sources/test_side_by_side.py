from __future__ import annotations

import contextlib
import threading

import pytest

from digest.sources.side_by_side import side_by_side


def test_every_job_is_done_once_and_given_with_its_result() -> None:
    done = sorted(side_by_side(lambda job: job * job, range(50), workers=4))
    assert done == [(job, job * job) for job in range(50)]
    assert list(side_by_side(str, [], workers=4)) == []


def test_what_is_ready_is_given_before_what_is_slow() -> None:
    may_end = threading.Event()

    def work(job: str) -> str:
        if job == "slow":
            assert may_end.wait(10)
        return job.upper()

    results = []
    for job, _ in side_by_side(work, ["slow", "a", "b"], workers=2):
        results.append(job)
        if len(results) == 2:
            may_end.set()
    assert results == ["a", "b", "slow"]


def test_no_more_is_read_than_can_be_saved() -> None:
    begun: list[int] = []
    all_idle = threading.Event()

    def work(job: int) -> int:
        begun.append(job)
        if len(begun) == 4:
            all_idle.set()
        return job

    with contextlib.closing(side_by_side(work, range(100), workers=2)) as results:
        next(results)
        assert all_idle.wait(10)
        assert len(begun) == 4


def test_it_stops_between_two_jobs_without_waiting_for_a_slow_one() -> None:
    may_end, asked = threading.Event(), threading.Event()

    def work(job: int) -> int:
        asked.set()
        assert may_end.wait(10)
        return job

    results = list(side_by_side(work, range(9), workers=2, stop=asked.is_set))
    assert results == []
    may_end.set()


def test_an_error_that_was_not_foreseen_is_raised_where_the_results_go() -> None:
    def work(job: int) -> float:
        return 1 / job

    with pytest.raises(ZeroDivisionError):
        list(side_by_side(work, [1, 0], workers=1))
