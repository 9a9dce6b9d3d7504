"""What `digest status` prints of processes, of batches in hand, and of the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.cli.machines import tell_machines
from digest.queue.hints import SENDING
from digest.queue.listen import CARE
from digest.queue.store import JobCount
from digest.workflow.status import LeaseLine, Overview, ProcessLine

SIX = datetime(2026, 1, 9, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _process(name: str, host: str, pid: int, *, alive: bool = True) -> ProcessLine:
    return ProcessLine(name, host, pid, "0.1.0", SIX, SIX + HOUR, alive)


def _view(*, leases: tuple[LeaseLine, ...] = (), queue: tuple[JobCount, ...] = ()) -> Overview:
    running = (
        _process("scheduler", "one", 811),
        _process("sender two 1a2b3c4d", "two", 4711, alive=False),
    )
    return Overview((), (), (), running=running, leases=leases, queue=queue)


def test_each_process_is_told_with_its_machine_and_a_silent_one_with_its_last_sign(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_machines(_view(), "UTC")
    assert capsys.readouterr().out == (
        "RUNNING    MACHINE   PID  VERSION  SINCE\n"
        "scheduler  one       811  0.1.0    Fri 9 Jan 06:00\n"
        "sender     two      4711  0.1.0    silent since Fri 9 Jan 07:00\n"
    )


def test_what_is_in_hand_is_told_to_the_second_and_what_is_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    until = SIX + HOUR + timedelta(seconds=31)
    leases = (
        LeaseLine("daily/2026-01-09", "aaaa", 16, 0, until, is_over=False),
        LeaseLine("daily/2026-01-09", "bbbb", 0, 3, until, is_over=True),
    )
    tell_machines(_view(leases=leases), "UTC")
    assert capsys.readouterr().out.splitlines()[3:] == [
        "IN HAND           BY    BATCHES  RETRIES  UNTIL",
        "daily/2026-01-09  aaaa       16        –  07:00:31",
        "daily/2026-01-09  bbbb        –        3  07:00:31, over",
    ]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"todo": 1}, "Queue: 1 job waits, the oldest since Fri 9 Jan 06:00."),
        (
            {"doing": 2, "todo": 3, "failed": 1},
            "Queue: 3 jobs wait, 2 are at work, 1 failed, the oldest since Fri 9 Jan 06:00.",
        ),
        ({"doing": 1}, "Queue: 1 is at work, the oldest since Fri 9 Jan 06:00."),
    ],
)
def test_the_jobs_of_the_senders_are_counted_and_what_keeps_the_queue_is_left_out(
    counts: dict[str, int], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = [JobCount(SENDING, state, n, SIX) for state, n in counts.items()]
    tell_machines(_view(queue=(*queue, JobCount(CARE, "todo", 1, SIX))), "UTC")
    assert capsys.readouterr().out.splitlines()[3:] == [words]
