"""What `digest status` says of processes, leases and the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from digest.cli.output import say_wrapped, table
from digest.cli.wording import counted, short_time
from digest.queue.hints import SENDING

if TYPE_CHECKING:
    from datetime import datetime

    from digest.workflow.status import LeaseLine, Overview, ProcessLine

_WAITING, _AT_WORK = "todo", "doing"


def tell_machines(view: Overview, zone: str) -> None:
    """Print who runs where, who has which copies in hand, and what waits in the queue."""
    rows: list[tuple[object, ...]] = [("RUNNING", "MACHINE", "PID", "VERSION", "SINCE")]
    rows += [_process(line, zone) for line in view.running]
    table(rows, right=(2,), shrink=1)
    if view.leases:
        held: list[tuple[object, ...]] = [("IN HAND", "BY", "BATCHES", "RETRIES", "UNTIL")]
        held += [_lease(line, zone) for line in view.leases]
        table(held, right=(2, 3), shrink=1)
    if words := _queue_words(view, zone):
        say_wrapped(words)


def _process(line: ProcessLine, zone: str) -> tuple[object, ...]:
    name = line.process.partition(" ")[0]
    since = short_time(line.started_at, zone)
    if not line.alive:
        since = f"silent since {short_time(line.beat_at, zone)}"
    return name, line.host, line.pid, line.version, since


def _lease(line: LeaseLine, zone: str) -> tuple[object, ...]:
    until = second_of(line.until, zone)
    return (
        line.edition,
        line.holder,
        line.batches or "–",
        line.retries or "–",
        (f"{until}, over" if line.is_over else until),
    )


def second_of(at: datetime, zone: str) -> str:
    """Say `07:05:31`, local in the zone: leases last seconds."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M:%S}"


def _queue_words(view: Overview, zone: str) -> str:
    """Say `Queue: 3 jobs wait, 2 are at work, the oldest since Fri 9 Jan 07:00`."""
    jobs = [each for each in view.queue if each.queue == SENDING]
    numbers = {each.state: each.jobs for each in jobs}
    if not numbers:
        return ""
    words = []
    if waiting := numbers.pop(_WAITING, 0):
        words.append(f"{counted(waiting, 'job', 'jobs')} {'waits' if waiting == 1 else 'wait'}")
    if working := numbers.pop(_AT_WORK, 0):
        words.append(f"{working} {'is' if working == 1 else 'are'} at work")
    words += [f"{n} {state}" for state, n in sorted(numbers.items())]
    moments = [each.oldest_at for each in jobs if each.oldest_at is not None]
    since = f", the oldest since {short_time(min(moments), zone)}" if moments else ""
    return f"Queue: {', '.join(words)}{since}."
