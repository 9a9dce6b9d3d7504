from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.model import Cause, DeliveryState, Reply, Settled
from digest.delivery.settle import Try, clean, settle, without_addresses
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    CUT,
    DENIED,
    NOON,
    PUT_OFF,
    REFUSED,
    UNANSWERED,
    UNKNOWN,
)

LOST = "the connection was lost before the server's answer"


def _settled(
    reply: Reply,
    *,
    hours: float = 0,
    number: int = 1,
    expires_at: datetime | None = None,
    retry_unanswered: bool = True,
) -> Settled:
    made = Try(number, NOON, "1:1", expires_at)
    return settle(reply, made, now=NOON + timedelta(hours=hours), retry_unanswered=retry_unanswered)


def test_every_answer_leads_to_its_state() -> None:
    assert _settled(ACCEPTED) == Settled(DeliveryState.ACCEPTED, 250)
    assert _settled(REFUSED) == Settled(
        DeliveryState.FAILED, 550, "refused by the server", "this one not"
    )
    assert _settled(UNKNOWN) == Settled(
        DeliveryState.FAILED, 550, "unknown address", "5.1.1 no such user"
    )
    assert _settled(UNANSWERED, retry_unanswered=False) == Settled(
        DeliveryState.UNCERTAIN, 0, LOST, "closed after the dot"
    )


def test_what_is_our_own_fault_or_broke_off_before_the_dot_is_tried_again() -> None:
    soon = NOON + timedelta(minutes=1)
    assert _settled(DENIED) == Settled(
        DeliveryState.DEFERRED, 554, "the server refused us, not the reader", DENIED.text, soon
    )
    assert _settled(CUT) == Settled(
        DeliveryState.DEFERRED,
        0,
        "the connection was lost before all was sent",
        "closed in DATA",
        soon,
    )


def test_a_failure_of_our_own_is_its_own_reason() -> None:
    words = "the message has a NUL byte"
    ours = Reply(DeliveryState.FAILED, 0, words, Cause.REFUSED)
    assert _settled(ours) == Settled(DeliveryState.FAILED, 0, words, words)


def test_a_copy_whose_answer_was_lost_goes_once_more_and_no_second_time() -> None:
    again = Settled(
        DeliveryState.DEFERRED, 0, LOST, "closed after the dot", NOON + timedelta(minutes=1)
    )
    assert _settled(UNANSWERED) == again
    left = Settled(DeliveryState.UNCERTAIN, 0, LOST, "closed after the dot")
    assert _settled(UNANSWERED, number=2) == left


def test_a_copy_whose_answer_was_lost_too_late_for_another_try_has_not_failed_for_sure() -> None:
    end = NOON + timedelta(seconds=30)
    left = Settled(DeliveryState.UNCERTAIN, 0, LOST, "closed after the dot")
    assert _settled(UNANSWERED, expires_at=end) == left


def test_a_problem_that_is_logged_names_nobody() -> None:
    said = "relay.example:25: 421 4.7.28 <ann@example.org>: too much mail for\r\nbob@example.org"
    told = "relay.example:25: 421 4.7.28 <(address)>: too much mail for (address)"
    assert without_addresses(said) == told


def test_one_4xx_does_not_drop_the_reader() -> None:
    assert _settled(PUT_OFF) == Settled(
        DeliveryState.DEFERRED,
        450,
        "put off by the server",
        "mailbox busy",
        NOON + timedelta(minutes=1),
    )


@pytest.mark.parametrize(("wait", "minutes"), [(20, 1), (600, 10), (3600, 60)])
def test_who_asks_for_a_longer_wait_gets_it(wait: int, minutes: int) -> None:
    asked = timedelta(seconds=wait)
    reply = Reply(DeliveryState.DEFERRED, 450, "come back", Cause.GREYLISTED, asked)
    assert _settled(reply) == Settled(
        DeliveryState.DEFERRED,
        450,
        "the server asks strangers to come again",
        "come back",
        NOON + timedelta(minutes=minutes),
    )


def test_a_copy_put_off_for_a_day_has_failed() -> None:
    assert _settled(PUT_OFF, hours=24) == Settled(
        DeliveryState.FAILED, 450, "not delivered in time: put off by the server", "mailbox busy"
    )


@pytest.mark.parametrize("seconds", [1, 59, 60])
def test_a_copy_that_would_go_again_after_its_edition_is_old_has_failed(seconds: int) -> None:
    end = NOON + timedelta(seconds=seconds)
    assert _settled(PUT_OFF, expires_at=end) == Settled(
        DeliveryState.FAILED, 450, "not delivered in time: put off by the server", "mailbox busy"
    )
    in_time = _settled(PUT_OFF, expires_at=NOON + timedelta(seconds=61))
    assert in_time.state is DeliveryState.DEFERRED


def test_a_weekly_letter_is_tried_until_the_next_one_and_no_longer_than_five_days() -> None:
    next_week = NOON + timedelta(days=7)
    assert _settled(PUT_OFF, hours=48, expires_at=next_week).state is DeliveryState.DEFERRED
    late = _settled(PUT_OFF, hours=5 * 24, expires_at=next_week)
    assert late.reason == "not delivered in time: put off by the server"


@given(st.sampled_from(Cause), st.sampled_from(DeliveryState), st.integers(0, 599))
def test_whatever_is_answered_a_copy_waits_just_when_it_is_deferred(
    cause: Cause, state: DeliveryState, code: int
) -> None:
    settled = _settled(Reply(state, code, "words", cause))
    assert (settled.next_at is not None) is (settled.state is DeliveryState.DEFERRED)


@given(st.text())
def test_kept_replies_are_one_short_line_that_any_database_can_hold(text: str) -> None:
    kept = clean(text)
    assert len(kept) <= 500
    assert len(kept.splitlines()) <= 1
    assert "\0" not in kept
    kept.encode()
