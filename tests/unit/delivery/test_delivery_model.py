from __future__ import annotations

from digest.delivery.model import SmtpAccount, Tally, Way
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    CUT,
    DENIED,
    REFUSED,
    UNANSWERED,
    UNREACHABLE,
    ScriptedTransport,
)


def test_sent_is_not_said_while_a_row_is_open() -> None:
    counts = Tally(planned=1, accepted=2, deferred=3, failed=4, skipped=5, uncertain=6)
    assert (counts.total, counts.open) == (21, 4)


def test_a_lost_connection_is_told_from_a_refusal() -> None:
    replies = (ACCEPTED, REFUSED, DENIED, UNREACHABLE, CUT, UNANSWERED)
    assert [r.connection_lost for r in replies] == [False, False, False, True, True, True]


def test_only_what_leaves_one_copy_however_often_it_goes_may_be_repeated() -> None:
    relay = Way("relay", SmtpAccount("relay.example"))
    ways = [Way("x", transport=ScriptedTransport(repeatable=r)) for r in (True, False)]
    assert [way.repeatable for way in (relay, *ways)] == [False, True, False]


def test_an_account_never_shows_its_password() -> None:
    assert "hunter2" not in repr(SmtpAccount("relay.example", user="u", password="hunter2"))
