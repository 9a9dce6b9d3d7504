from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.pace import (
    AHEAD,
    SLOWEST,
    Pace,
    Reservation,
    Share,
    even,
    given_back,
    halved,
    recovered,
    reserve,
)
from digest.delivery.tally import Tally


@dataclass
class _Row:
    """What the database holds, and its clock."""

    next_at: float = 0.0
    ahead_of_ours: float = 1_700_000_000.0


@dataclass
class _Sender:
    """One that sends whatever it may, and renews from time to time."""

    share: Share
    row: _Row
    per_second: float = 1e9
    late: float = 0.0
    left: list[float] = field(default_factory=list)
    waiting: float = 0.0

    def renew(self, now: float) -> None:
        share, at = self.share, now + self.row.ahead_of_ours
        if share.asks(now):
            alone = self.row.next_at == share.until
            given = reserve(share.pace, self.row.next_at, at, want=share.want(), alone=alone)
            self.row.next_at = given.next_at
            share.grant(given, -self.row.ahead_of_ours)
        elif share.is_idle(now):
            until, unused = share.give_back()
            self.row.next_at = given_back(self.row.next_at, ours_end=until, unused_from=unused)
        share.begin_again()

    def send(self, now: float, passed: float) -> None:
        self.waiting = min(50.0, self.waiting + self.per_second * passed)
        while self.waiting >= 1:
            wait = self.share.wait(now)
            self.share.wanted_until = now + 1 + (wait if wait < 1e9 else 0)
            if wait:
                break
            self.share.take(now)
            self.left.append(now)
            self.waiting -= 1


def _run(senders: list[_Sender], periods: list[float], seconds: float, step: float) -> None:
    """Let time pass, with each sender renewing at its own intervals."""
    next_renewal = [0.1 * n for n in range(len(senders))]
    for tick in count():
        now = tick * step
        if now > seconds:
            return
        for n, sender in enumerate(senders):
            if now >= next_renewal[n]:
                sender.renew(now)
                next_renewal[n] += periods[n]
            sender.send(now, step)


def _most_too_many(left: list[float], pace: Pace) -> float:
    """Give by how many messages the worst span of time is over `per_second * time + burst`."""
    worst = -1e9
    # What counts before each message, by Lindley's recursion, so that it is no square.
    level = 0.0
    for before, at in zip([left[0], *left], left, strict=False):
        level = max(0.0, level - (at - before) * pace.per_second) + 1
        worst = max(worst, level - pace.burst)
    return worst


def test_one_sender_alone_keeps_to_its_pace_and_reaches_it() -> None:
    for per_second in (0.5, 3.0, 40.0, 900.0):
        pace, row = even("all", per_second), _Row()
        sender = _Sender(Share(pace), row)
        _run([sender], [0.3], 30, 0.003)
        assert _most_too_many(sender.left, pace) <= 1e-6
        assert len(sender.left) >= 0.95 * per_second * 29


@given(
    st.sampled_from([0.4, 5.0, 60.0, 400.0]),
    st.lists(st.sampled_from([0.1, 0.2, 0.37, 0.5, 0.8]), min_size=2, max_size=4),
    st.floats(1.0, 30.0),
)
def test_several_senders_together_never_leave_more_than_the_pace_and_its_burst(
    per_second: float, periods: list[float], burst: float
) -> None:
    pace, row = Pace("all", per_second, burst), _Row()
    senders = [_Sender(Share(pace), row) for _ in periods]
    _run(senders, periods, 8, 0.01)
    left = sorted(at for sender in senders for at in sender.left)
    assert _most_too_many(left, pace) <= 1e-6


def test_two_senders_share_and_none_starves() -> None:
    for per_second, period in ((1.0, 0.2), (1.0, 0.5), (4.0, 0.2), (20.0, 0.5), (500.0, 0.3)):
        pace, row = even("all", per_second), _Row()
        senders = [_Sender(Share(pace), row) for _ in range(2)]
        _run(senders, [period, period], 60, 0.005)
        shares = [len(sender.left) / (60 * per_second) for sender in senders]
        assert min(shares) >= 0.2
        assert 0.95 <= sum(shares) <= 1.05


def test_who_needs_little_leaves_the_rest_to_the_others() -> None:
    pace, row = even("all", 100), _Row()
    held_back, eager = _Sender(Share(pace), row, per_second=5), _Sender(Share(pace), row)
    _run([held_back, eager], [0.2, 0.2], 30, 0.005)
    assert len(held_back.left) >= 0.9 * 5 * 30
    assert len(eager.left) >= 0.7 * 100 * 30


def test_slots_that_nobody_used_are_lost_and_never_pile_up() -> None:
    pace = even("all", 50)
    share = Share(pace)
    share.grant(reserve(pace, 0.0, 10.0, want=1000, alone=True), 0.0)
    taken = 0
    while share.wait(10.7) == 0:
        share.take(10.7)
        taken += 1
    assert taken == 5  # those of the last 80 ms, and the one that is due
    assert 10.8 + share.wait(10.8) < 10.9
    assert share.wait(20.0) == float("inf")


def test_a_message_without_a_burst_leaves_no_slot_behind() -> None:
    pace = Pace("all", 10)
    share = Share(pace)
    share.grant(Reservation(0.0, 5, 0.5), 0.0)
    assert share.wait(0.05) == 0.0  # the stretch moves on, and its last slot is lost
    share.take(0.05)
    assert share.wait(0.05) == pytest.approx(0.1)
    assert share.held() == 3


def test_a_sender_alone_has_one_stretch_however_often_it_renews() -> None:
    pace = even("all", 100)
    share, row = Share(pace), 0.0
    share.wanted_until = 100.0
    for renewal in range(20):
        now = 5 + renewal * 0.25
        given = reserve(pace, row, now, want=share.want(), alone=row == share.until)
        row = given.next_at
        share.grant(given, 0.0)
        while share.wait(now) == 0:
            share.take(now)
    assert share.held() == pytest.approx(75, abs=1)
    assert len(share._queue) == 0


def test_who_comes_while_others_draw_takes_half_of_what_is_free() -> None:
    pace = Pace("all", 10)
    half = reserve(pace, 100.2, 100.0, want=99, alone=False)
    assert (half.first, half.count) == (100.2, 4)
    assert half.next_at == pytest.approx(100.6)
    assert reserve(pace, 100.2, 100.0, want=1, alone=False).count == 1
    assert reserve(pace, 101.0, 100.0, want=99, alone=False) == Reservation(101.0, 0, 101.0)


def test_who_is_alone_takes_what_is_free_but_for_a_rest_by_which_a_second_comes_in() -> None:
    pace = Pace("all", 10)
    assert reserve(pace, 100.2, 100.0, want=0, alone=True).count == 6
    assert reserve(pace, 100.75, 100.0, want=99, alone=True).count == 0
    assert reserve(pace, 100.75, 100.0, want=99, alone=False).count == 2


def test_a_clock_set_back_an_hour_stalls_nobody_longer_than_what_was_given_away() -> None:
    pace, row = even("all", 20), _Row()
    sender = _Sender(Share(pace), row)
    _run([sender], [0.2], 5, 0.005)
    row.ahead_of_ours -= 3600
    before = len(sender.left)
    for tick in range(1000, 2001):
        now = tick * 0.005
        if tick % 40 == 0:
            sender.renew(now)
        sender.send(now, 0.005)
    assert len(sender.left) - before >= 0.75 * 20 * 5
    gaps = [after - at for at, after in zip(sender.left, sender.left[1:], strict=False)]
    assert max(gaps) <= AHEAD + 0.2
    assert _most_too_many(sender.left, pace) <= 1e-6


def test_a_clock_set_forward_lets_nobody_leave_faster() -> None:
    pace, row = even("all", 20), _Row()
    sender = _Sender(Share(pace), row)
    _run([sender], [0.2], 5, 0.005)
    row.ahead_of_ours += 3600
    for tick in range(1000, 2001):
        now = tick * 0.005
        if tick % 40 == 0:
            sender.renew(now)
        sender.send(now, 0.005)
    assert _most_too_many(sender.left, pace) <= 1e-6


def test_a_rest_that_was_asked_for_lasts_though_it_is_longer_than_any_slot_is_ahead() -> None:
    pace = Pace("group:google", 10)
    resting = reserve(pace, 160.0, 100.0, want=5, alone=False, rests_until=160.0)
    assert resting == Reservation(160.0, 0, 160.0)
    assert reserve(pace, 160.0, 100.0, want=5, alone=False).next_at == 101.0


def test_what_others_reserved_behind_ours_is_not_given_back() -> None:
    pace = Pace("all", 10)
    share = Share(pace)
    share.grant(Reservation(50.0, 5, 50.5), -50.0)
    share.take(0.0)
    until, unused = share.give_back()
    assert until == 50.5
    assert unused == pytest.approx(50.1)
    assert given_back(50.5, ours_end=until, unused_from=unused) == unused
    assert given_back(50.9, ours_end=until, unused_from=unused) == 50.9
    assert share.wait(0.0) == float("inf")


def test_a_share_without_slots_has_nothing_to_give_back() -> None:
    share = Share(Pace("all", 10))
    until, unused = share.give_back()
    assert given_back(7.0, ours_end=until, unused_from=unused) == 7.0


def test_a_pace_is_slowed_with_its_burst_so_that_lateness_stays_the_same() -> None:
    pace = even("group:google", 40)
    slower = pace.slowed(0.25)
    assert (slower.per_second, slower.burst) == (10, 2)
    assert slower.late == pytest.approx(pace.late)
    assert pace.slowed(1.0) == pace


def test_a_complaint_halves_what_really_left_and_stops_at_the_slowest_pace() -> None:
    assert halved(1.0, base=100, seen=1000) == 0.5
    assert halved(1.0, base=100, seen=20) == 0.1
    assert halved(0.0011, base=100, seen=20) * 100 == pytest.approx(SLOWEST)
    assert halved(1.0, base=0.05, seen=2) == 1.0


def test_a_slowed_pace_grows_by_a_tenth_each_minute_once_its_rest_is_over() -> None:
    assert recovered(0.5, 1000.0, 990.0) == 0.5
    assert recovered(0.5, 1000.0, 1060.0) == pytest.approx(0.55)
    assert recovered(0.5, 1000.0, 1600.0) == 1.0
    assert recovered(1e-9, 0.0, 1e12) == 1.0


def test_a_tally_knows_the_last_seconds_only() -> None:
    tally = Tally()
    assert tally.rate("google", 0.0) == 2.0
    assert tally.is_idle(0.0, 60)
    for n in range(100):
        tally.add((10 + n / 20, "google" if n % 2 else "yahoo"))
    assert tally.rate("google", 15.0) == pytest.approx(10, abs=0.5)
    assert not tally.is_idle(15.0, 60)
    assert tally.rate("google", 30.0) == 2.0
    assert tally.is_idle(80.0, 60)
