from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.composition.language import ENGLISH, Language
from digest.web.zones import is_zone, regions, spelt, zone_names, zone_words

WINTER = datetime(2026, 1, 9, 12, 34, tzinfo=UTC)
SUMMER = datetime(2026, 7, 9, 12, 34, tzinfo=UTC)
MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("name", "at", "words"),
    [
        ("America/Tortola", WINTER, f"Tortola (\u2066UTC{MINUS}4\u2069)"),
        ("Europe/London", WINTER, "London (\u2066UTC+0\u2069)"),
        ("Europe/London", SUMMER, "London (\u2066UTC+1\u2069)"),
        ("Asia/Kathmandu", WINTER, "Kathmandu (\u2066UTC+5:45\u2069)"),
        ("America/St_Johns", WINTER, f"St. John’s (\u2066UTC{MINUS}3:30\u2069)"),
        ("UTC", WINTER, "UTC"),
    ],
)
def test_a_zone_is_said_with_how_far_it_is_from_utc_now(
    name: str, at: datetime, words: str
) -> None:
    assert zone_words(name, ENGLISH, at) == words


def test_cities_are_named_in_the_language_of_the_page_as_far_as_it_is_known() -> None:
    assert zone_words("Europe/Rome", Language("de"), WINTER).startswith("Rom (")
    assert zone_words("America/New_York", Language("xx-klingon"), WINTER).startswith("New York (")


def test_every_zone_stands_in_one_region_and_utc_alone() -> None:
    found = regions(ENGLISH, WINTER)
    names = [zone.name for region in found for zone in region.zones]
    assert sorted(names) == sorted(zone_names())
    assert [region.words for region in found] == [
        *("", "Africa", "America", "Antarctica", "Asia", "Atlantic Ocean"),
        *("Australia", "Europe", "Indian Ocean", "Pacific Ocean"),
    ]
    assert [zone.name for zone in found[0].zones] == ["UTC"]
    words = [zone.words for zone in found[2].zones]
    assert words == sorted(words)
    assert all(is_zone(name) for name in names)


@pytest.mark.parametrize(
    ("name", "under"),
    [
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("US/Eastern", "America/New_York"),
        ("Europe/Berlin", "Europe/Berlin"),
        (None, None),
    ],
)
def test_a_zone_has_one_name_among_its_names(name: str | None, under: str | None) -> None:
    assert spelt(name) == under


@pytest.mark.parametrize("name", ["", "Atlantis/Capital", "../etc/passwd", "/etc/passwd", "\0"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert not is_zone(name)
