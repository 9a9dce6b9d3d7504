from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from math import inf

import pytest
import sqlalchemy as sa

from digest.clock import utc_now
from digest.db import Database
from digest.delivery import bucket_store
from digest.delivery.bucket_store import Bucket, rate_bucket
from digest.delivery.domain_store import domain_ids
from digest.delivery.domain_store import slowed as resting_domains
from digest.delivery.limits import LimitRules, Limits, holding, rules_of
from digest.delivery.warmup import WarmUp

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANY = 1e6


@dataclass
class _Time:
    """A clock for the wall and one that is monotonic, which both go when they are told to."""

    at: datetime = START
    now: float = 1000.0

    def wall(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.now += seconds


class _Sender:
    """One sender process on a database, with a clock that it shares with the others."""

    def __init__(self, database: Database, rules: LimitRules, clock: _Time) -> None:
        self.limits = Limits(rules, clock=clock.wall, seconds=clock.seconds)
        self.database = database
        self.clock = clock

    def renew(self, *, senders: int = 1) -> None:
        with self.database.write() as connection:
            self.limits.renew(connection, self.clock.at, senders=senders)

    def wait(self, group: str = "a.example", *, way: str = "smtp", notice: bool = False) -> float:
        return self.limits.may_send(way, group, self.clock.now, notice=notice)

    def send(self, group: str = "a.example", *, most: int = 10_000, notice: bool = False) -> int:
        """Send whatever may leave now, and count it."""
        for sent in range(most):
            if self.wait(group, notice=notice):
                return sent
            self.limits.take("smtp", group, self.clock.now)
        return most

    def run(self, seconds: float, group: str = "a.example") -> int:
        """Let time pass and send; give how many left."""
        sent = 0
        for tick in range(round(seconds * 100)):
            if tick % 20 == 0:
                self.renew()
            sent += self.send(group)
            self.clock.go(0.01)
        return sent


def _rows(database: Database) -> Mapping[str, int]:
    with database.read() as connection:
        rows = connection.execute(sa.select(rate_bucket).order_by(rate_bucket.c.key))
        return {row.key: row.used for row in rows}


# Paces


def test_without_limits_nothing_waits_and_no_row_is_made(database: Database) -> None:
    clock = _Time()
    sender = _Sender(database, rules_of(), clock)
    assert not sender.limits.due(clock.now)
    assert sender.send(most=5000) == 5000
    assert sender.limits.wanted() == {}
    sender.renew()
    assert not sender.limits.due(clock.now)
    assert _rows(database) == {}
    assert sender.limits.why("smtp", "a.example") == ""


def test_a_message_keeps_to_the_slowest_of_its_limits(sqlite_database: Database) -> None:
    clock = _Time()
    rules = rules_of(
        max_per_second=100,
        ways={"smtp": 50, "other": None},
        domains={"google": (5, None), "B.example": (20, None)},
    )
    sender = _Sender(sqlite_database, rules, clock)
    assert sender.wait("google") == inf
    assert sorted(sender.limits.wanted()) == ["all", "group:google", "way:smtp"]
    assert sender.run(10, "google") == pytest.approx(50, abs=2)
    assert sender.run(10, "b.example") == pytest.approx(200, abs=4)
    assert sender.run(10, "c.example") == pytest.approx(500, abs=10)
    assert list(_rows(sqlite_database)) == ["all", "group:b.example", "group:google", "way:smtp"]
    assert sender.limits.may_send("other", "c.example", clock.now) == 0.0
    assert sender.limits.why("smtp", "google") == "group:google: 5 a second, as fast as it may"


def _work(database: Database, rules: LimitRules, ends: float, out: list[float]) -> None:
    limits = Limits(rules, clock=utc_now)
    renewed = 0.0
    while (now := time.monotonic()) < ends:
        if now - renewed > 0.2 and limits.due(now):
            with database.write() as connection:
                limits.renew(connection, utc_now())
            renewed = now
        wait = limits.may_send("smtp", "a.example", now)
        if wait:
            time.sleep(min(wait, 0.01))
        else:
            limits.take("smtp", "a.example", now)
            out.append(now)


def test_several_senders_at_once_never_leave_more_than_the_pace_in_any_span(
    database: Database,
) -> None:
    rate, rules = 300, rules_of(max_per_second=300)
    sent: list[list[float]] = [[], [], []]
    databases = [database] * 3 if database.is_sqlite else _three(database)
    ends = time.monotonic() + 3.0
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: _work(databases[n], rules, ends, sent[n]), range(3)))
    left = sorted(at for one in sent for at in one)
    burst = 1 + rate / 10 + rate * 0.02  # two clocks are never read at quite the same instant
    level = 0.0
    for before, at in zip([left[0], *left], left, strict=False):
        level = max(0.0, level - (at - before) * rate) + 1
        assert level <= burst
    assert len(left) > rate  # of three seconds, however busy the machine
    if not database.is_sqlite:
        for each in databases:
            each.close()


def _three(database: Database) -> list[Database]:
    url = database.url.render_as_string(hide_password=False)
    return [Database(url) for _ in range(3)]


def test_what_nobody_wants_any_more_is_given_back(sqlite_database: Database) -> None:
    clock = _Time()
    rules = rules_of(max_per_second=10)
    one, two = (_Sender(sqlite_database, rules, clock) for _ in range(2))
    one.wait()
    one.renew()
    with sqlite_database.write() as connection:
        one.limits.give_back(connection, clock.at)
    two.wait()
    two.renew()
    assert two.wait() == 0.0
    clock.go(1.2)
    assert two.limits.due(clock.now)
    two.renew()
    assert not two.limits.due(clock.now)


def test_a_database_clock_that_was_set_back_stalls_nobody(database: Database) -> None:
    rules = rules_of(max_per_second=50)
    limits = Limits(rules, clock=utc_now)
    with database.write() as connection:
        far = bucket_store.seconds_now(connection, utc_now) + 3600
        bucket_store.lock(connection, ["all"])
        bucket_store.save(connection, [Bucket("all", far)])
    begun = time.monotonic()
    while limits.may_send("smtp", "a.example", time.monotonic()):
        with database.write() as connection:
            limits.renew(connection, utc_now())
        time.sleep(0.05)
        assert time.monotonic() - begun < 30
    assert limits.why("smtp", "a.example") == ""


# Connections


def test_a_group_has_so_many_on_their_way_and_several_senders_share_them(
    sqlite_database: Database,
) -> None:
    sender = _Sender(sqlite_database, rules_of(domains={"google": (None, 4)}), _Time())
    for _ in range(4):
        assert sender.wait("google") == 0.0
        sender.limits.begin("google")
    assert sender.wait("google") == inf
    assert sender.limits.why("smtp", "google") == (
        "google: 4 on their way, as many as it may have at once"
    )
    assert sender.wait("yahoo") == 0.0
    sender.limits.end("google")
    assert (sender.wait("google"), sender.limits.in_air("google")) == (0.0, 3)
    sender.renew(senders=3)
    assert sender.wait("google") == inf
    for _ in range(4):
        sender.limits.end("google")
    assert (sender.wait("google"), sender.limits.in_air("google")) == (0.0, 0)
    assert sender.limits.watches("google")
    assert not sender.limits.watches("yahoo")


# A server said "too fast"


def _slowed(database: Database, at: datetime) -> list[Bucket]:
    del at
    with database.read() as connection:
        return bucket_store.slowed(connection)


def test_a_group_that_complained_rests_at_once_here_and_soon_everywhere(
    sqlite_database: Database,
) -> None:
    clock = _Time()
    rules = rules_of(max_per_second=100)
    one, two = (_Sender(sqlite_database, rules, clock) for _ in range(2))
    with sqlite_database.write() as connection:
        domain_ids(connection, ["gmail.com"])
    one.run(1, "google")
    one.limits.slow_down("google", timedelta(seconds=60))
    assert one.wait("google") == 60.0
    assert one.limits.due(clock.now)
    one.renew()
    two.wait("yahoo")
    two.renew()
    assert [two.wait("google"), one.wait("google")] == pytest.approx([60.0, 60.0])
    assert one.wait("yahoo") == 0.0
    assert two.limits.why("smtp", "google") == (
        "google asked for fewer messages: nothing leaves for it before 2026-11-22 12:01 (UTC)"
    )
    with sqlite_database.read() as connection:
        resting = resting_domains(connection, clock.at)
        told = holding(connection, rules, clock.at, clock.wall)
    assert resting == {"google": clock.at + timedelta(seconds=60)}
    assert told == [one.limits.why("smtp", "google")]


def test_after_its_rest_a_group_goes_on_at_half_of_what_left_and_recovers(
    sqlite_database: Database,
) -> None:
    clock = _Time()
    rules = rules_of(max_per_second=1000, domains={"google": (20, None)})
    sender = _Sender(sqlite_database, rules, clock)
    assert sender.run(10, "google") == pytest.approx(200, abs=4)
    assert sender.limits.wait_for("google", 100) == timedelta(seconds=5)
    sender.limits.slow_down("google")
    assert sender.limits.wait_for("google", 0) == timedelta(seconds=10)
    assert sender.run(10, "google") == 0
    assert sender.run(10, "google") == pytest.approx(100, abs=8)
    with sqlite_database.read() as connection:
        told = holding(connection, rules, clock.at, clock.wall)
    assert told == ["google asked for fewer messages: 10.2 a second for now"]
    clock.go(300)
    assert sender.run(10, "google") == pytest.approx(10 * 10 * 1.1**5.4, rel=0.08)
    clock.go(300)
    assert sender.run(10, "google") == pytest.approx(200, abs=4)
    assert _slowed(sqlite_database, clock.at) == []
    with sqlite_database.read() as connection:
        assert holding(connection, rules, clock.at, clock.wall) == []


def test_what_is_said_during_a_rest_makes_it_longer_and_halves_nothing(
    sqlite_database: Database,
) -> None:
    clock = _Time()
    rules = rules_of(max_per_second=1000, domains={"google": (100, None)})
    one, two = (_Sender(sqlite_database, rules, clock) for _ in range(2))
    one.run(5, "google")
    two.limits.take("smtp", "google", clock.now)
    for _ in range(8):
        one.limits.slow_down("google", timedelta(seconds=20))
    one.limits.slow_down("google", timedelta(seconds=5))
    one.renew()
    two.limits.slow_down("google", timedelta(seconds=30))
    two.renew()
    one.limits.slow_down("google", timedelta(seconds=40))
    one.renew()
    [row] = _slowed(sqlite_database, clock.at)
    until = clock.at.timestamp() + 40
    assert row == replace(row, key="group:google", rested_at=until, next_at=until)
    assert row.slowed == pytest.approx(0.5, rel=0.05)


def test_a_group_without_a_pace_gets_one_when_it_complains_and_loses_it_again(
    sqlite_database: Database,
) -> None:
    clock = _Time()
    rules = rules_of()
    sender = _Sender(sqlite_database, rules, clock)
    for _ in range(500):
        sender.send("google", most=1)
        clock.go(0.01)
    sender.limits.slow_down("google", timedelta(seconds=1))
    assert sender.wait("google") == 1.0
    sender.renew()
    clock.go(1)
    assert sender.run(10, "google") == pytest.approx(50 * 10, rel=0.1)
    assert list(_rows(sqlite_database)) == ["group:google"]
    clock.go(3600)
    sender.send("google", most=1)
    sender.renew()
    assert _rows(sqlite_database) == {}
    assert sender.send("google", most=5000) == 5000


def test_no_server_makes_us_rest_for_longer_than_an_hour(sqlite_database: Database) -> None:
    sender = _Sender(sqlite_database, rules_of(max_per_second=10), _Time())
    sender.limits.slow_down("google", timedelta(days=400))
    assert sender.wait("google") == 3600
    sender.limits.slow_down("yahoo", timedelta(seconds=-5))
    assert sender.wait("yahoo") == inf
    sender.renew()
    assert sender.wait("yahoo") < 2


def test_a_rest_survives_a_restart_and_every_database(database: Database) -> None:
    rules = rules_of(max_per_second=1000)
    one, two = (Limits(rules, clock=utc_now) for _ in range(2))
    one.slow_down("google", timedelta(seconds=600))
    for limits in (one, two):
        limits.may_send("smtp", "yahoo", time.monotonic())
        with database.write() as connection:
            limits.renew(connection, utc_now())
    assert 0 < two.may_send("smtp", "google", time.monotonic()) <= 600
    assert two.may_send("smtp", "yahoo", time.monotonic()) < 2


def test_a_complaint_is_told_again_when_the_database_did_not_take_it(
    sqlite_database: Database,
) -> None:
    clock = _Time()
    sender = _Sender(sqlite_database, rules_of(max_per_second=10), clock)
    sender.limits.slow_down("google", timedelta(seconds=60))
    read_only = Database(f"sqlite:///{sqlite_database.path}", read_only=True)
    with pytest.raises(sa.exc.OperationalError), read_only.read() as connection:
        sender.limits.renew(connection, clock.at)
    read_only.close()
    assert sender.limits.due(clock.now)
    sender.renew()
    assert [row.key for row in _slowed(sqlite_database, clock.at)] == ["group:google"]


# Warming up


def _warming(first_day: int) -> LimitRules:
    plan = WarmUp(date(2026, 11, 22), first_day, 2.0)
    return rules_of(warm_up=plan, zone="America/New_York", sender_domain="Post.example")


def test_a_new_sender_address_sends_what_the_day_allows_over_all_senders(
    database: Database,
) -> None:
    clock = _Time()
    one, two = (_Sender(database, _warming(150), clock) for _ in range(2))
    assert one.limits.closed_for(clock.now) == 0.0  # who never began would never borrow
    sent = 0
    for _ in range(60):
        for sender in (one, two):
            sender.wait()
            sender.renew()
            sent += sender.send(most=7)
        clock.go(0.2)
    assert sent == 150
    assert _rows(database) == {"day:post.example:2026-11-22": 150}
    assert one.wait() == inf
    assert 0 < one.limits.closed_for(clock.now) <= 30
    assert one.limits.why("smtp", "a.example") == (
        "the sender address is warming up: today's 150 messages have left;"
        " the next ones leave after midnight (America/New_York)"
    )
    with database.read() as connection:
        told = holding(connection, _warming(150), clock.at, clock.wall)
    assert told == [one.limits.why("smtp", "a.example")]


def test_notices_leave_on_a_day_that_is_used_up_and_count(sqlite_database: Database) -> None:
    clock = _Time()
    sender = _Sender(sqlite_database, _warming(30), clock)
    sender.run(3)
    assert sender.wait() == inf
    assert sender.wait(notice=True) == 0.0
    assert sender.send(most=3, notice=True) == 3
    sender.renew()
    assert _rows(sqlite_database) == {"day:post.example:2026-11-22": 33}


def test_the_next_local_day_allows_more(sqlite_database: Database) -> None:
    clock = _Time()
    sender = _Sender(sqlite_database, _warming(30), clock)
    assert sender.run(3) == 30
    clock.at = datetime(2026, 11, 23, 4, 59, 58, tzinfo=UTC)
    assert sender.run(1.5) == 0
    assert sender.run(3) == 60
    assert list(_rows(sqlite_database)) == [f"day:post.example:2026-11-{day}" for day in (22, 23)]


def test_what_a_sender_borrowed_of_the_day_comes_back_when_it_idles_or_leaves(
    sqlite_database: Database,
) -> None:
    clock = _Time()
    sender = _Sender(sqlite_database, _warming(1000), clock)
    sender.wait()
    sender.renew()
    assert sender.send(most=1) == 1
    clock.go(5)
    assert sender.limits.due(clock.now)
    sender.renew()
    assert _rows(sqlite_database) == {"day:post.example:2026-11-22": 1}
    sender.wait()
    sender.renew()
    assert sender.limits.wanted() == {}
    sender.send(most=2)
    with sqlite_database.write() as connection:
        sender.limits.give_back(connection, clock.at)
    assert _rows(sqlite_database) == {"day:post.example:2026-11-22": 3}


def test_a_warm_up_that_is_over_costs_nothing(sqlite_database: Database) -> None:
    clock = _Time(at=START + timedelta(days=400))
    sender = _Sender(sqlite_database, _warming(30), clock)
    sender.wait()
    sender.renew()
    assert sender.send(most=500) == 500
    assert _rows(sqlite_database) == {}


# The hours of delivery


def test_outside_the_hours_only_notices_leave(sqlite_database: Database) -> None:
    clock = _Time(at=datetime(2026, 11, 22, 20, 59, 30, tzinfo=UTC))
    rules = rules_of(window=(wall_time(6), wall_time(22)), zone="Europe/Berlin")
    sender = _Sender(sqlite_database, rules, clock)
    assert sender.wait() == 0.0
    clock.go(30)
    assert 0 < sender.wait() <= 60
    assert sender.wait(notice=True) == 0.0
    assert sender.limits.closed_for(clock.now) == pytest.approx(8 * 3600)
    words = "outside the hours of delivery: they begin 2026-11-23 06:00 (Europe/Berlin)"
    assert sender.limits.why("smtp", "a.example") == words
    with sqlite_database.read() as connection:
        assert holding(connection, rules, clock.at, clock.wall) == [words]
    clock.go(8 * 3600 - 0.5)
    assert sender.wait() == pytest.approx(0.5)
    clock.go(0.5)
    assert (sender.wait(), sender.limits.closed_for(clock.now)) == (0.0, 0.0)


# Rules


def test_a_domain_with_limits_of_its_own_is_its_own_group() -> None:
    rules = rules_of(domains={"Bücher.example": (5, None), "b.example": (None, 2)})
    assert rules.group_of("xn--bcher-kva.example", "google") == "xn--bcher-kva.example"
    assert rules.group_of("b.example", "google") == "b.example"
    assert rules.group_of("c.example", "google") == "google"
    assert rules.group_of("gmail.com") == "google"


def test_a_domain_as_long_as_a_domain_may_be_has_its_row(database: Database) -> None:
    group = ".".join(["a" * 49] * 5)
    clock = _Time()
    sender = _Sender(database, rules_of(domains={group: (10, None)}), clock)
    sender.wait(group)
    sender.renew()
    sender.limits.slow_down(group)
    sender.renew()
    assert [len(key) for key in _rows(database)] == [186]


def test_renewing_in_a_thread_while_the_loop_sends_loses_and_doubles_nothing(
    sqlite_database: Database,
) -> None:
    rules = rules_of(max_per_second=MANY, domains={"google": (MANY, 1000)})
    limits = Limits(rules, clock=utc_now)
    stop = threading.Event()

    def renew() -> None:
        while not stop.is_set():
            with sqlite_database.write() as connection:
                limits.renew(connection, utc_now())

    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(renew)
        sent, ends = 0, time.monotonic() + 20
        while sent < 20_000 and time.monotonic() < ends:
            now = time.monotonic()
            if not limits.may_send("smtp", "google", now):
                limits.take("smtp", "google", now)
                sent += 1
        stop.set()
        renewing.result()
    assert sent == 20_000
