from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.model import DeliveryState, Reply, Settled
from digest.delivery.settle import clean, is_about_reader, settle, without_addresses
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    NOON,
    PUT_OFF,
    REFUSED,
    UNANSWERED,
)


def _settled(reply: Reply, hours: float = 0) -> Settled:
    now = NOON + timedelta(hours=hours)
    return settle(reply, tries=1, first_at=NOON, now=now, key="1:1")


def test_every_answer_leads_to_its_state() -> None:
    assert _settled(ACCEPTED) == Settled(DeliveryState.ACCEPTED, 250, "", "ok")
    assert _settled(REFUSED) == Settled(
        DeliveryState.FAILED, 550, "refused by the server", "no such user"
    )
    assert _settled(UNANSWERED) == Settled(
        DeliveryState.UNCERTAIN,
        0,
        "the connection was lost before the server's answer",
        "closed after the dot",
    )


def test_a_failure_of_our_own_is_its_own_reason() -> None:
    ours = Reply(DeliveryState.FAILED, 0, "the message has a NUL byte")
    assert _settled(ours) == Settled(DeliveryState.FAILED, 0, "the message has a NUL byte")


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


def test_a_copy_put_off_for_a_day_has_failed() -> None:
    assert _settled(PUT_OFF, hours=24) == Settled(
        DeliveryState.FAILED, 450, "put off for 24 hours", "mailbox busy"
    )


@pytest.mark.parametrize(
    ("reply", "about"),
    [
        (Reply(DeliveryState.FAILED, 550, "5.1.1 no such user"), True),
        (Reply(DeliveryState.DEFERRED, 452, "4.2.2 mailbox full"), True),
        (Reply(DeliveryState.FAILED, 553, "5.6.7 no address outside ASCII"), True),
        (Reply(DeliveryState.FAILED, 0, "not with this server", about_reader=True), True),
        (Reply(DeliveryState.FAILED, 550, "5.6.1 media not supported"), False),
        (Reply(DeliveryState.FAILED, 554, "5.7.1 relay denied"), False),
        (Reply(DeliveryState.FAILED, 550, "no"), False),
    ],
)
def test_a_refusal_that_names_the_address_says_nothing_of_the_next_reader(
    reply: Reply, *, about: bool
) -> None:
    assert is_about_reader(reply) is about


@given(st.text())
def test_kept_replies_are_one_short_line_that_any_database_can_hold(text: str) -> None:
    kept = clean(text)
    assert len(kept) <= 500
    assert len(kept.splitlines()) <= 1
    assert "\0" not in kept
    kept.encode()
