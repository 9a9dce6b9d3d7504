from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.breaker import Breaker, Fault, Health, State
from digest.delivery.model import Cause, DeliveryState, Ended, Reply
from tests.unit.delivery.way_builders import (
    ACCEPTED,
    BLOCKED,
    BUSY,
    CUT,
    DENIED,
    FULL,
    REFUSED,
    UNANSWERED,
    UNKNOWN,
    UNREACHABLE,
    WRONG_LOG_IN,
    an_envelope,
    ended,
    in_words,
    to_reader,
)

WELL = Health()
AWAY_WAITS = [10.0, 30.0, 60.0, 300.0, 300.0]


class Watched:
    """A breaker, and a clock and lines for it."""

    def __init__(self) -> None:
        self.breaker = Breaker("relay")
        self.now = 1000.0
        self.readers = count(1)
        self.lines = count(1)

    @property
    def health(self) -> Health:
        return self.breaker.health(self.now)

    @property
    def sentence(self) -> str:
        return self.breaker.sentence(self.now)

    def answer(self, *replies: Reply) -> list[bool]:
        """Let the server answer so to one reader after another."""
        return [
            self.breaker.answered(to_reader(next(self.readers)), reply, self.now)
            for reply in replies
        ]

    def line(self) -> object:
        line = f"line {next(self.lines)}"
        self.breaker.begun(line, self.now)
        return line

    def end(self, why: Ended | Reply | None = None, line: object = None) -> None:
        """Let a line end, one begun just now unless it is given."""
        reason = why if isinstance(why, Ended) else ended(why)
        self.breaker.ended(line or self.line(), reason, self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def until_it_tries(self) -> None:
        self.now = max(self.now, self.health.until)


@pytest.fixture
def way() -> Watched:
    return Watched()


def test_a_way_begins_well(way: Watched) -> None:
    assert way.health == WELL
    assert way.sentence == ""
    assert way.breaker.may_begin(way.now)


# The server is away


def test_a_server_that_cannot_be_reached_is_looked_for_ever_more_seldom(way: Watched) -> None:
    for seconds in AWAY_WAITS:
        way.end(UNREACHABLE)
        began = way.now
        assert way.health == Health(
            State.OPEN, Fault.AWAY, UNREACHABLE.text, began + seconds, room=0
        )
        assert not way.breaker.may_begin(way.now)
        states = [way.breaker.health(way.now + wait).state for wait in (seconds - 0.01, seconds)]
        assert states == [State.OPEN, State.HALF_OPEN]
        way.until_it_tries()
        assert way.breaker.may_begin(way.now)


@pytest.mark.parametrize(
    "reply",
    [
        UNREACHABLE,
        Reply(DeliveryState.DEFERRED, 554, "no SMTP service here", Cause.AWAY),
        Reply(DeliveryState.DEFERRED, 0, "certificate verify failed", Cause.AWAY),
        Reply(DeliveryState.DEFERRED, 421, "4.7.0 too many connections", Cause.TOO_FAST),
    ],
)
def test_a_line_that_is_not_let_in_opens_a_way_that_takes_nothing(
    way: Watched, reply: Reply
) -> None:
    way.end(reply)
    assert way.health == Health(State.OPEN, Fault.AWAY, reply.text, way.now + 10, room=0)
    assert not way.health.holds


def test_a_line_that_is_shown_out_after_its_work_is_no_fault(way: Watched) -> None:
    way.end(ended(UNREACHABLE, accepted=100))
    way.end(ended(None, accepted=100))
    way.end(None)
    assert way.health == WELL


def test_a_server_that_lets_in_five_gets_five_and_not_none(way: Watched) -> None:
    lines = [way.line() for _ in range(8)]
    way.answer(ACCEPTED)
    for line in lines[5:]:
        way.end(UNREACHABLE, line)
    assert way.health == Health(room=5)
    assert not way.breaker.may_begin(way.now)
    way.end(None, lines[0])
    assert way.breaker.may_begin(way.now)
    way.wait(60)
    assert way.health == WELL


def test_a_server_that_was_there_a_moment_ago_is_away_when_no_line_is_left(way: Watched) -> None:
    lines = [way.line() for _ in range(3)]
    way.answer(ACCEPTED)
    for line in lines:
        way.end(UNREACHABLE, line)
    assert way.health.state is State.OPEN


def test_a_server_that_has_accepted_nothing_lately_is_not_full_but_away(way: Watched) -> None:
    parked = way.line()
    way.answer(ACCEPTED)
    way.wait(11)
    way.end(UNREACHABLE)
    assert way.health.state is State.OPEN
    assert parked


def test_three_connections_cut_with_nothing_accepted_between_are_the_server(way: Watched) -> None:
    way.end(CUT)
    way.answer(BUSY)
    way.end(UNANSWERED)
    assert way.health == WELL
    way.end(CUT)
    assert way.health == Health(State.OPEN, Fault.AWAY, CUT.text, way.now + 10, room=0)


def test_an_acceptance_between_two_cuts_clears_them(way: Watched) -> None:
    for _ in range(20):
        way.end(CUT)
        way.end(UNANSWERED)
        way.answer(ACCEPTED)
    assert way.health == WELL


def test_a_lost_connection_counts_once_however_many_messages_it_had(way: Watched) -> None:
    way.answer(*[CUT] * 10)
    way.end(CUT)
    assert way.health == WELL


def test_lines_that_fail_together_are_one_failure(way: Watched) -> None:
    lines = [way.line() for _ in range(8)]
    for line in lines:
        way.end(UNREACHABLE, line)
    assert way.health.until == way.now + 10
    slow = Watched()
    hanging = [slow.line() for _ in range(8)]
    slow.end(UNREACHABLE)
    slow.wait(60)
    for line in hanging:
        slow.end(UNREACHABLE, line)
    assert slow.health.state is State.HALF_OPEN, "what they tell is older than the opening"


def test_while_it_is_half_open_one_line_tries(way: Watched) -> None:
    way.end(UNREACHABLE)
    way.until_it_tries()
    assert way.health.room == 1
    probe = way.line()
    assert not way.breaker.may_begin(way.now)
    way.end(None, probe)
    assert way.breaker.may_begin(way.now), "it had nothing to hand over"


def test_a_line_begun_although_it_is_open_tells_nothing(way: Watched) -> None:
    way.end(UNREACHABLE)
    early = way.line()
    way.until_it_tries()
    way.end(UNREACHABLE, early)
    assert way.health.state is State.HALF_OPEN


def test_one_cut_of_the_line_that_tries_is_enough(way: Watched) -> None:
    way.end(UNREACHABLE)
    way.until_it_tries()
    way.end(CUT)
    assert way.health == Health(State.OPEN, Fault.AWAY, CUT.text, way.now + 30, room=0)


def test_one_acceptance_makes_all_well_and_forgets_the_waits(way: Watched) -> None:
    for _ in range(3):
        way.end(UNREACHABLE)
        way.until_it_tries()
    way.answer(UNKNOWN, ACCEPTED)
    assert way.health == WELL
    way.wait(60)
    way.end(UNREACHABLE)
    assert way.health.until == way.now + 10


# The fault is ours


def test_a_wrong_log_in_holds_at_once_and_is_tried_seldom(way: Watched) -> None:
    way.end(WRONG_LOG_IN)
    for seconds in (60.0, 300.0, 300.0):
        held = Health(State.OPEN, Fault.OURS, WRONG_LOG_IN.text, way.now + seconds, room=0)
        assert way.health == held
        assert way.health.holds
        way.until_it_tries()
        way.end(WRONG_LOG_IN)


def test_a_log_in_asked_for_in_the_middle_holds_at_once(way: Watched) -> None:
    asked = Reply(DeliveryState.DEFERRED, 530, "5.7.0 authentication required", Cause.OURS)
    assert way.answer(asked) == [True]
    assert way.health.holds


def test_three_different_messages_denied_hold(way: Watched) -> None:
    assert way.answer(DENIED, BUSY, DENIED, UNKNOWN, DENIED) == [True, False, True, False, True]
    assert way.health == Health(
        State.OPEN,
        Fault.OURS,
        "5.7.1 relay access denied",
        way.now + 60,
        room=0,
        suspects=("<m1@example.org>", "<m3@example.org>", "<m5@example.org>"),
    )


def test_one_odd_reader_denied_again_and_again_holds_nothing(way: Watched) -> None:
    for _ in range(20):
        way.breaker.answered(to_reader(7), DENIED, way.now)
    assert way.health == WELL


def test_denials_with_an_acceptance_between_hold_nothing(way: Watched) -> None:
    way.answer(*[DENIED, DENIED, ACCEPTED] * 10)
    assert way.health == WELL


@pytest.mark.parametrize("reply", [REFUSED, BLOCKED])
def test_five_readers_refused_in_the_same_words_hold(way: Watched, reply: Reply) -> None:
    assert way.answer(*[reply] * 6) == [False] * 4 + [True] * 2
    assert way.health == Health(
        State.OPEN,
        Fault.OURS,
        f"5 readers in a row refused in the same words: {reply.text}",
        way.now + 60,
        room=0,
        suspects=tuple(f"<m{n}@example.org>" for n in range(1, 6)),
    )


def test_a_message_that_a_server_does_not_take_counts_as_refused(way: Watched) -> None:
    big = Reply(DeliveryState.FAILED, 0, "the server takes 10240 bytes at most", Cause.NOT_TAKEN)
    way.answer(*[big] * 5)
    assert way.health.holds


def test_the_same_words_are_the_same_with_other_addresses_and_ids(way: Watched) -> None:
    for n in range(5):
        words = f"5.7.1 <reader{n}@example.org>: refused ({n}f3A.{n} - gsmtp) by mx{n}.example"
        way.answer(in_words(BLOCKED, words))
    assert way.health.reason == (
        "5 readers in a row refused in the same words:"
        " 5.7.1 <(address)>: refused (4f3A.4 - gsmtp) by mx4.example"
    )


@pytest.mark.parametrize(
    "between",
    [
        ACCEPTED,
        UNKNOWN,
        FULL,
        BUSY,
        in_words(REFUSED, "5.6.1 we do not like it"),
        in_words(REFUSED, "5.6.0 something else"),
    ],
)
def test_another_word_between_breaks_the_row(way: Watched, between: Reply) -> None:
    way.answer(*[*[REFUSED] * 4, between] * 5)
    assert way.health == WELL


def test_refusals_for_the_mailbox_never_hold(way: Watched) -> None:
    way.answer(*[UNKNOWN] * 50, *[FULL] * 50)
    assert way.health == WELL


def test_addresses_in_another_script_that_no_server_takes_never_hold(way: Watched) -> None:
    words = Reply(DeliveryState.FAILED, 0, "the server takes no SMTPUTF8", Cause.NOT_TAKEN)
    for n in range(20):
        envelope = an_envelope(f"é{n}@example.org", f"<m{n}@x>", smtputf8=True)
        way.breaker.answered(envelope, words, way.now)
    assert way.health == WELL


def test_our_own_objections_say_nothing_of_the_server(way: Watched) -> None:
    ours = Reply(DeliveryState.FAILED, 0, "the reader's address cannot be written", Cause.REFUSED)
    way.answer(*[ours] * 20)
    assert way.health == WELL


def test_one_reader_refused_again_and_again_holds_nothing(way: Watched) -> None:
    for _ in range(20):
        way.breaker.answered(to_reader(7), REFUSED, way.now)
    assert way.health == WELL


def test_what_comes_in_the_same_words_later_is_known_for_ours(way: Watched) -> None:
    way.answer(*[REFUSED] * 5)
    assert way.answer(REFUSED, UNKNOWN, REFUSED) == [True, False, True]
    assert way.health.until == way.now + 60, "what was on its way does not make the wait longer"
    way.until_it_tries()
    assert way.answer(REFUSED) == [True]
    assert way.health.state is State.HALF_OPEN, "no line was begun to try"
    way.line()
    assert way.answer(REFUSED) == [True]
    assert way.health.until == way.now + 300


def test_a_denial_of_the_line_that_tries_holds_again(way: Watched) -> None:
    way.answer(*[DENIED] * 3)
    way.until_it_tries()
    way.line()
    way.answer(DENIED)
    assert way.health.until == way.now + 300


def test_what_is_ours_stays_ours_when_the_server_then_goes_away(way: Watched) -> None:
    way.end(WRONG_LOG_IN)
    way.until_it_tries()
    way.end(UNREACHABLE)
    assert (way.health.fault, way.health.reason) == (Fault.OURS, WRONG_LOG_IN.text)


def test_a_server_that_comes_back_and_knows_us_no_more_holds(way: Watched) -> None:
    line = way.line()
    way.end(UNREACHABLE)
    way.end(WRONG_LOG_IN, line)
    assert way.health == Health(State.OPEN, Fault.OURS, WRONG_LOG_IN.text, way.now + 60, room=0)


# Words


def test_people_are_told_what_is_wrong_without_an_address(way: Watched) -> None:
    words = "554 5.7.1 <ann@example.org>:\r\nrelay denied"
    way.end(Reply(DeliveryState.DEFERRED, 554, words, Cause.OURS))
    told = "relay: it refuses us, not the readers: 554 5.7.1 <(address)>: relay denied"
    assert way.sentence == f"{told}; looking again in 60 s"
    way.until_it_tries()
    assert way.sentence == f"{told}; looking again now"


def test_people_are_told_how_long_a_server_is_waited_for(way: Watched) -> None:
    for wait in ("10 s", "30 s", "60 s", "5 min"):
        way.end(UNREACHABLE)
        told = "relay: it is away: relay.example: Connection refused"
        assert way.sentence == f"{told}; looking again in {wait}"
        way.until_it_tries()


def test_a_server_without_words_has_ours(way: Watched) -> None:
    way.end(in_words(UNREACHABLE, ""))
    assert way.sentence == "relay: it is away: server away; looking again in 10 s"


# Whatever happens

_ANSWERS = st.sampled_from([BUSY, UNKNOWN, FULL, REFUSED, BLOCKED, DENIED, CUT, UNANSWERED])
_ENDS = st.sampled_from([None, CUT, UNANSWERED])
_WAITS = st.sampled_from([0.0, 0.5, 11.0, 61.0, 400.0])


@given(st.lists(st.tuples(st.one_of(_ANSWERS, _ENDS.map(Ended)), _WAITS), max_size=60))
def test_no_mix_opens_a_way_as_long_as_something_is_accepted_between(
    events: list[tuple[Reply | Ended, float]],
) -> None:
    way = Watched()
    for event, seconds in events:
        if isinstance(event, Ended):
            way.end(event)
        else:
            way.answer(event)
        assert way.health.state is State.CLOSED
        way.answer(ACCEPTED)
        assert way.health == WELL
        way.wait(seconds)


@given(
    st.lists(
        st.tuples(
            st.one_of(_ANSWERS, st.sampled_from([*map(Ended, (CUT, UNREACHABLE, WRONG_LOG_IN))])),
            _WAITS,
        ),
        max_size=60,
    )
)
def test_after_any_mix_one_accepted_message_makes_it_well(
    events: list[tuple[Reply | Ended, float]],
) -> None:
    way = Watched()
    for event, seconds in events:
        if isinstance(event, Ended):
            way.end(event)
        else:
            way.answer(event)
        way.wait(seconds)
        assert way.health.until <= way.now + 300
    way.until_it_tries()
    assert way.breaker.may_begin(way.now)
    way.line()
    way.answer(ACCEPTED)
    assert way.health.state is State.CLOSED
    assert way.sentence == ""
    way.wait(60)
    assert way.health == WELL


@given(st.lists(_ANSWERS, max_size=40))
def test_no_reply_to_one_odd_reader_ever_opens_a_way(replies: list[Reply]) -> None:
    way = Watched()
    for reply in replies:
        way.breaker.answered(to_reader(7), reply, way.now)
    assert way.health == WELL
