"""The ledger in a process of its own: nothing that is true of the sender changes by it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.clock import fixed, utc_now
from digest.db import Database
from digest.delivery.apart import can_be_apart
from digest.delivery.journal import LeaseFile
from digest.delivery.lease_store import Answers, Lease, Planned, Result
from digest.delivery.ledger import Loaded, Place
from digest.delivery.ledger_words import (
    answer_words,
    answers_of,
    heard,
    loaded_of,
    loaded_words,
    said,
)
from digest.delivery.model import DeliveryState, Sent, Settled, SmtpAccount, Tally, Way
from digest.delivery.plan import plan
from digest.delivery.send import SendRules, send_due
from digest.delivery.settle import ACCEPTED
from digest.editions.model import Edition, EditionState
from subscribers.model import Recipient
from tests.integration.smtp_sink import SmtpSink, smtp_sink
from tests.unit.delivery.delivery_builders import (
    NOON,
    PlainOutbound,
    address_of,
    an_edition,
    attempts,
    leave,
    rows,
    some_readers,
    state_of,
    tally,
)

READERS = 600
APART = SendRules(apart_after=0)


def in_the_post(database: Database, readers: int = READERS) -> Edition:
    edition = an_edition(database)
    some_readers(database, edition, range(1, readers + 1))
    plan(database, edition, languages=["en"], only=None, clock=fixed(NOON))
    return edition


def send(database: Database, sink: SmtpSink, journal: Path, *, connections: int = 4) -> Sent:
    account = SmtpAccount("127.0.0.1", sink.port, "none", local_hostname="apart.example")
    way = Way("sink", account, connections=connections)
    return send_due(database, [way], PlainOutbound(), rules=APART, journal=journal)


def ledger_processes() -> list[int]:
    """Find the processes next door that are children of this one."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "ledger_process"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(each) for each in found.stdout.split()]


def test_an_edition_written_next_door_goes_to_everybody_once(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database)
    with smtp_sink() as sink:
        sent = send(database, sink, tmp_path / "journal")
    assert sent == Sent(accepted=READERS, finished=(edition.id,))
    assert Counter(sink.accepted) == {address_of(n): 1 for n in range(1, READERS + 1)}
    assert tally(database, edition) == Tally(accepted=READERS)
    assert state_of(database, edition) is EditionState.SENT
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["owner"]


def test_the_process_next_door_ends_with_the_run(database: Database, tmp_path: Path) -> None:
    in_the_post(database, 10)
    with smtp_sink() as sink:
        send(database, sink, tmp_path / "journal")
    assert ledger_processes() == []


def test_what_servers_put_off_and_refuse_is_written_next_door_as_it_is_here(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database, 40)
    by_address = {
        address_of(3): {"RCPT": ["450 4.2.1 try later"]},
        address_of(4): {"RCPT": ["550 5.1.1 no such user"]},
    }
    with smtp_sink(by_address=by_address) as sink:
        sent = send(database, sink, tmp_path / "journal")
    assert (sent.accepted, sent.deferred, sent.failed) == (38, 1, 1)
    found = rows(database, edition)
    assert {n: row[:2] for n, row in found.items() if row[0] != "accepted"} == {
        3: ("deferred", 450),
        4: ("failed", 550),
    }
    assert attempts(database) == [
        (3, 1, "deferred", 450, "4.2.1 try later"),
        (4, 1, "failed", 550, "5.1.1 no such user"),
    ]
    assert state_of(database, edition) is EditionState.SENDING


def test_whoever_leaves_before_the_run_gets_none_also_next_door(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database, 20)
    leave(database, 7)
    with smtp_sink() as sink:
        sent = send(database, sink, tmp_path / "journal")
    assert (sent.accepted, sent.skipped) == (19, 1)
    assert rows(database, edition)[7][0] == "skipped"
    assert address_of(7) not in sink.accepted


@pytest.mark.parametrize(
    "end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped and killed"]
)
def test_when_the_process_next_door_is_killed_the_run_goes_on_here_and_nobody_gets_two(
    database: Database, tmp_path: Path, end: signal.Signals
) -> None:
    edition = in_the_post(database, 1500)
    done = threading.Event()

    def strike(sink: SmtpSink) -> None:
        while len(sink.taken) < 200 and not done.is_set():
            time.sleep(0.001)
        for pid in ledger_processes():
            os.kill(pid, end)
            if end is signal.SIGSTOP:
                time.sleep(0.1)
                os.kill(pid, signal.SIGKILL)

    with smtp_sink(accept_seconds=0.001) as sink:
        hand = threading.Thread(target=strike, args=(sink,))
        hand.start()
        sent = send(database, sink, tmp_path / "journal", connections=8)
        done.set()
        hand.join()
        while state_of(database, edition) is EditionState.SENDING:
            sent = send(database, sink, tmp_path / "journal", connections=8)
    assert sent.problem == ""
    assert Counter(sink.accepted) == {address_of(n): 1 for n in range(1, 1501)}
    assert tally(database, edition) == Tally(accepted=1500)


def test_it_is_done_here_where_the_other_process_would_read_another_clock(
    database: Database,
) -> None:
    assert not can_be_apart(database, fixed(NOON))
    assert can_be_apart(database, utc_now) is (len(os.sched_getaffinity(0)) > 1)


# What they say to each other


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LeaseFile]:
    made = LeaseFile(tmp_path / "1-2-3.lease", 3)
    yield made
    made.remove()


def a_lease(*copies: Planned, n: int = 2) -> Lease:
    return Lease(1, 9, n, 3, 10, copies, intent_upto=5)


def test_a_claim_comes_through_the_socket_as_it_was(file: LeaseFile) -> None:
    since = datetime(2025, 11, 3, 8, 30, tzinfo=UTC)
    lease = a_lease(Planned(5, "en"), Planned(6, "ar"), Planned(7, "en"))
    people: dict[int, Recipient | str] = {
        5: Recipient(5, "a@example.org", "pa", since, None, 3, text_only=True, language="en"),
        6: "unsubscribed",
        7: Recipient(7, "c@example.org", "pc", None, None, 0, language="en"),
    }
    places = {5: Place(1, "gmail"), 7: Place(2, "")}
    came = loaded_of(heard(said(loaded_words(Loaded(lease, file, people, places)))))
    assert (came.lease, came.people, came.places) == (lease, people, places)
    assert came.file.begun(5) == file.begun(5)
    came.file.close()


def test_a_claim_of_retries_keeps_what_was_tried(file: LeaseFile) -> None:
    first = datetime(2026, 1, 9, 7, tzinfo=UTC)
    copy = Planned(5, "en", DeliveryState.DEFERRED, 4, 2, first)
    lease = a_lease(copy, n=0)
    came = loaded_of(heard(said(loaded_words(Loaded(lease, file, {5: "erased"}, {})))))
    assert (came.lease, came.people) == (lease, {5: "erased"})
    came.file.close()


def test_results_come_through_the_socket_as_they_were() -> None:
    lease = a_lease(Planned(5, ""), Planned(8, ""))
    later = datetime(2026, 1, 9, 7, tzinfo=UTC)
    deferred = Settled(DeliveryState.DEFERRED, 450, "put off by the server", "4.2.1", later)
    results = [
        Result(Planned(5, ""), ACCEPTED, 4),
        Result(Planned(6, "en"), deferred, 4),
        Result(Planned(7, "en", DeliveryState.DEFERRED, 4, 1, later), ACCEPTED, 4),
        Result(Planned(8, "en"), deferred, 2, counts_as_try=False),
    ]
    came = answers_of(heard(said(answer_words(Answers(lease, results, 6, ended=True)))))
    assert (came.lease, came.intent_upto, came.ended) == (lease, 6, True)
    assert sorted(came.results) == sorted(results)


def test_a_lease_without_copies_comes_through_the_socket() -> None:
    came = answers_of(heard(said(answer_words(Answers(a_lease(), ended=True)))))
    assert came == Answers(a_lease(), [], ended=True)
