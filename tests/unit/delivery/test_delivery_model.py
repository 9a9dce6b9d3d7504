from __future__ import annotations

from digest.delivery.model import SmtpAccount, Tally
from tests.unit.delivery.delivery_builders import ACCEPTED, CUT, UNANSWERED, UNREACHABLE


def test_sent_is_not_said_while_a_row_is_open() -> None:
    counts = Tally(planned=1, accepted=2, deferred=3, failed=4, skipped=5, uncertain=6)
    assert (counts.total, counts.open) == (21, 4)


def test_only_a_copy_that_surely_was_not_sent_leaves_its_row_alone() -> None:
    assert [r.server_away for r in (ACCEPTED, UNREACHABLE, CUT, UNANSWERED)] == [
        False,
        True,
        True,
        False,
    ]


def test_an_account_never_shows_its_password() -> None:
    assert "hunter2" not in repr(SmtpAccount("relay.example", user="u", password="hunter2"))
