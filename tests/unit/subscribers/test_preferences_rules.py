from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from subscribers.model import Standing, Subscription, SubscriptionState
from subscribers.preferences import Preferences
from subscribers.wishes import pause_days, paused

S = SubscriptionState
NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
SOON = NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("at", "zone", "first", "last"),
    [
        (NOON, "UTC", date(2026, 1, 10), date(2027, 1, 9)),
        (NOON.replace(hour=3), "America/Tortola", date(2026, 1, 9), date(2027, 1, 8)),
        (NOON, "Pacific/Auckland", date(2026, 1, 11), date(2027, 1, 10)),
    ],
)
def test_a_pause_ends_tomorrow_at_the_earliest_and_within_a_year(
    at: datetime, zone: str, first: date, last: date
) -> None:
    assert pause_days(at, zone) == (first, last)


@pytest.mark.parametrize(
    ("state", "until", "in_force"),
    [
        (S.PAUSED, SOON, True),
        (S.CONFIRMED, SOON, True),
        (S.PAUSED, NOON, False),
        (S.PAUSED, None, True),
        (S.CONFIRMED, None, False),
        (S.UNSUBSCRIBED, SOON, False),
        (S.UNCONFIRMED, None, False),
    ],
)
def test_a_pause_is_in_force_until_its_moment(
    *, state: SubscriptionState, until: datetime | None, in_force: bool
) -> None:
    assert paused(Subscription(1, 1, state, paused_until=until), NOON) is in_force


@pytest.mark.parametrize("state", S)
def test_who_is_confirmed_or_paused_gets_a_newsletter(state: SubscriptionState) -> None:
    one = Subscription(1, 7, state)
    found = Preferences("00" * 12, 7, Standing("maria@reader.example", (one,)))
    assert found.of(7) == one
    assert found.gets(7) == (one if state in {S.CONFIRMED, S.PAUSED} else None)
    assert (found.of(8), found.gets(8)) == (None, None)
