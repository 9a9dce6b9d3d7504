"""When a reader's copy is due, if they may choose the hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from digest.delivery.reader_hours import (
    Hour,
    OwnHours,
    Timetable,
    Wish,
    begins_at,
    due_at,
    next_hour_words,
    own_hours,
    timetable,
)
from digest.editions.model import (
    Cadence,
    Edition,
    EditionState,
    NewsletterSpec,
    Release,
    ReleaseMode,
    SlotHours,
    StoryPolicy,
    Window,
)

SEVEN, SIX_PM = 7 * 60, 18 * 60
HOURS = OwnHours((time(7), time(18)), "Europe/London", time(7))
NOBODY: Wish = (None, None)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def an_edition(
    day: str = "2026-01-09",
    *,
    send_at: str = "07:00",
    expires_at: str | None = "2026-01-10 06:30",
    slot_name: str = "main",
) -> Edition:
    """Give an edition of a London daily in winter, whose end is the next cut-off."""
    sends = at(f"{day} {send_at}")
    return Edition(
        id=1,
        newsletter_id=1,
        slug="daily",
        local_date=date.fromisoformat(day),
        slot_name=slot_name,
        number=1204,
        state=EditionState.APPROVED,
        window=Window(sends - timedelta(days=1), sends - timedelta(minutes=30)),
        send_at=sends,
        prepared_at=sends - timedelta(minutes=30),
        expires_at=None if expires_at is None else at(expires_at),
    )


def due(wish: Wish, edition: Edition, *, ready: str, hours: OwnHours = HOURS) -> str:
    return f"{due_at(wish, hours, edition, ready_at=at(ready)):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (NOBODY, "2026-01-09 07:00"),
        (("Europe/London", SEVEN), "2026-01-09 07:00"),
        ((None, SIX_PM), "2026-01-09 18:00"),
        (("America/New_York", None), "2026-01-09 12:00"),
        (("America/New_York", SIX_PM), "2026-01-09 23:00"),
        (("Asia/Kolkata", SEVEN), "2026-01-10 01:30"),
        (("Pacific/Auckland", SEVEN), "2026-01-09 18:00"),
        (("Pacific/Auckland", SIX_PM), "2026-01-10 05:00"),
        (("Pacific/Kiritimati", SEVEN), "2026-01-09 17:00"),
        (("Pacific/Pago_Pago", SEVEN), "2026-01-09 18:00"),
        (("Europe/Berlin", SEVEN), "2026-01-10 06:00"),
    ],
)
def test_a_copy_is_due_at_the_first_such_hour_of_the_reader_once_it_is_ready(
    wish: Wish, expected: str
) -> None:
    assert due(wish, an_edition(), ready="2026-01-09 06:50") == expected


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (NOBODY, "2026-01-09 07:00"),
        (("Asia/Tokyo", None), "2026-01-08 22:00"),
        (("Europe/Berlin", SEVEN), "2026-01-09 06:00"),
        (("America/Los_Angeles", None), "2026-01-09 15:00"),
    ],
)
def test_made_the_evening_before_it_meets_each_morning_on_the_way_round_the_world(
    wish: Wish, expected: str
) -> None:
    evening = an_edition(expires_at="2026-01-09 18:00")
    assert due(wish, evening, ready="2026-01-08 18:20") == expected


def test_a_letter_of_saturday_never_comes_on_friday() -> None:
    saturday = an_edition("2026-01-10", expires_at="2026-01-16 12:00")
    assert due((None, SIX_PM), saturday, ready="2026-01-09 12:00") == "2026-01-10 18:00"
    assert due(("America/New_York", SIX_PM), saturday, ready="2026-01-09 12:00") == (
        "2026-01-10 23:00"
    )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/Athens", "Asia/Dubai"])
def test_who_would_have_it_only_after_its_end_has_it_as_soon_as_it_is_ready(zone: str) -> None:
    evening = an_edition(expires_at="2026-01-09 18:00")
    assert due((zone, SEVEN), evening, ready="2026-01-09 09:40") == "2026-01-09 09:40"
    assert due((zone, SEVEN), evening, ready="2026-01-08 18:20") < "2026-01-09 07:00"


def test_an_hour_right_at_the_end_is_too_late() -> None:
    wish = ("Europe/Berlin", SEVEN)
    early = an_edition(expires_at="2026-01-10 06:00")
    assert due(wish, early, ready="2026-01-09 06:50") == "2026-01-09 07:00"
    assert due(wish, an_edition(expires_at=None), ready="2026-01-09 06:50") == "2026-01-10 06:00"


def test_nobody_waits_a_day_for_the_minutes_that_an_editor_was_late() -> None:
    weekly = an_edition(expires_at="2026-01-16 06:30")
    wish = ("Europe/Paris", SIX_PM)
    assert due(wish, weekly, ready="2026-01-09 17:15") == "2026-01-09 17:00"
    assert due(wish, weekly, ready="2026-01-09 17:16") == "2026-01-10 17:00"


@pytest.mark.parametrize("wish", [NOBODY, ("Europe/London", None), (None, SEVEN)])
def test_who_has_it_at_its_own_hour_has_it_at_once_when_that_is_late(wish: Wish) -> None:
    weekly = an_edition(expires_at="2026-01-16 06:30")
    assert due(wish, weekly, ready="2026-01-09 09:40") == "2026-01-09 09:40"


@pytest.mark.parametrize(
    "wish", [("Mars/Olympus", None), ("Europe", SEVEN), ("../etc/passwd", None), ("", 9 * 60)]
)
def test_a_zone_that_is_none_and_an_hour_that_is_not_offered_count_as_unsaid(wish: Wish) -> None:
    assert due(wish, an_edition(), ready="2026-01-09 06:50") == "2026-01-09 07:00"


def test_an_hour_that_the_clock_leaves_out_is_the_first_minute_after_the_gap() -> None:
    night = OwnHours((time(2, 30),), "Europe/London", time(2, 30))
    sunday = an_edition("2026-03-29", send_at="01:30", expires_at="2026-03-30 01:00")
    wish = ("Europe/Berlin", 150)  # 02:00 is 03:00 there, which is 01:00 UTC
    assert due(wish, sunday, ready="2026-03-28 20:00", hours=night) == "2026-03-29 01:00"


def test_of_an_hour_that_comes_twice_the_first_counts() -> None:
    night = OwnHours((time(2, 30),), "Europe/London", time(7))
    sunday = an_edition("2026-10-25", expires_at="2026-10-26 06:30")
    wish = ("Europe/Berlin", 150)
    assert due(wish, sunday, ready="2026-10-24 20:00", hours=night) == "2026-10-25 00:30"


def test_a_date_that_a_zone_left_out_is_passed_over() -> None:
    friday = an_edition("2011-12-30", expires_at=None)
    wish = ("Pacific/Apia", SEVEN)  # the 29th was followed by the 31st
    assert due(wish, friday, ready="2011-12-30 06:50") == "2011-12-30 17:00"  # the 31st there


def test_what_is_made_by_hand_waits_only_for_hours_that_were_chosen() -> None:
    by_hand = OwnHours((time(7),), "Europe/London", usual=None)
    edition = an_edition(send_at="14:23", slot_name="extra")
    ready = "2026-01-09 14:23"
    assert due(("Asia/Tokyo", None), edition, ready=ready, hours=by_hand) == ready
    assert due(("Asia/Tokyo", SEVEN), edition, ready=ready, hours=by_hand) == "2026-01-09 22:00"


def test_it_is_planned_from_when_the_first_morning_can_have_come() -> None:
    assert begins_at(HOURS, an_edition()) == at("2026-01-08 17:00")
    evenings = OwnHours((time(18),), "Pacific/Auckland", time(18))
    edition = an_edition("2026-01-09", send_at="05:00")
    assert begins_at(evenings, edition) == at("2026-01-09 04:00")
    by_hand = OwnHours((time(18),), "Pacific/Auckland", usual=None)
    assert begins_at(by_hand, an_edition(send_at="01:00")) == at("2026-01-09 01:00")


def test_the_hours_are_those_of_the_slot_and_of_the_settings() -> None:
    slots = (SlotHours(time(7), time(6, 30), "morning"), SlotHours(time(18), time(17), "evening"))
    cadence = Cadence("Europe/London", slots, frozenset(range(7)))
    plain = NewsletterSpec(
        "daily", "Daily", "daily", cadence, StoryPolicy(), Release(ReleaseMode.AUTO)
    )
    assert own_hours(plain, an_edition(slot_name="evening")) is None
    spec = NewsletterSpec(
        "daily",
        "Daily",
        "daily",
        cadence,
        StoryPolicy(),
        Release(ReleaseMode.AUTO),
        hours=(time(7), time(9)),
    )
    offered = (time(7), time(9))
    assert own_hours(spec, an_edition(slot_name="evening")) == OwnHours(
        offered, "Europe/London", time(18)
    )
    assert own_hours(spec, an_edition(slot_name="extra")) == OwnHours(offered, "Europe/London")


def test_readers_who_are_due_at_one_moment_are_of_one_hour() -> None:
    wishes: dict[Wish, int] = {
        NOBODY: 3_000,
        ("Europe/London", SEVEN): 1_000,
        ("America/New_York", SEVEN): 500,
        ("America/Toronto", SEVEN): 250,
        (None, SIX_PM): 40_000,
    }
    found = timetable(
        wishes,
        HOURS,
        an_edition(),
        ready_at=at("2026-01-09 06:50"),
        spread=timedelta(0),
    )
    assert found == Timetable(
        hours=(
            Hour(at("2026-01-09 07:00"), timedelta(minutes=4)),
            Hour(at("2026-01-09 12:00"), timedelta(seconds=45)),
            Hour(at("2026-01-09 18:00"), timedelta(minutes=10)),
        ),
        readers=dict(zip(wishes, (0, 0, 1, 1, 2), strict=True)),
        usual=0,
    )


def test_the_spread_of_the_settings_is_each_hours_own_and_ends_before_the_edition() -> None:
    wishes: dict[Wish, int] = {("America/New_York", SEVEN): 1, ("Europe/Berlin", SEVEN): 1}
    found = timetable(
        wishes,
        HOURS,
        an_edition(),
        ready_at=at("2026-01-09 06:50"),
        spread=timedelta(minutes=30),
    )
    assert found.hours == (
        Hour(at("2026-01-09 07:00"), timedelta(minutes=30)),
        Hour(at("2026-01-09 12:00"), timedelta(minutes=30)),
        Hour(at("2026-01-10 06:00"), timedelta(minutes=15)),
    )
    assert found.usual == 0


def test_the_next_hour_is_told_as_its_readers_see_it() -> None:
    noon = at("2026-01-09 12:00")
    assert next_hour_words(noon, ["America/New_York"], "Europe/London") == (
        "next at 07:00 in New York"
    )
    zones = ["America/New_York", None, "Europe/London", "Mars/Olympus", "America/Toronto"]
    assert next_hour_words(noon, zones, "Europe/London") == (
        "next at 07:00 in New York and 2 other zones"
    )
    assert next_hour_words(noon, [None], "Europe/London") == "next at 12:00 in London"
    assert next_hour_words(noon, ["Asia/Tokyo", None], "Europe/London") == (
        "next at 21:00 in Tokyo and 1 other zone"
    )
