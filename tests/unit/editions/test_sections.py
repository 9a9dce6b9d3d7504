from __future__ import annotations

from dataclasses import replace

import pytest

from digest.editions.model import Section
from digest.editions.sections import SortedCategory, section_of, unsorted_counts, with_sorted
from tests.unit.editions.editions_builders import CUT_OFF, SPORT, TOWN, article

HARBOUR = Section("harbour", "Harbour", paths=("/town/harbour",))
SECTIONS = (TOWN, HARBOUR, SPORT)


def _key(url: str | None = "https://post.example/x", *categories: str) -> str | None:
    section = section_of(article(url=url, categories=categories), SECTIONS)
    return section.key if section else None


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://post.example/town/wall", "town"),
        ("https://post.example/town", "town"),
        ("https://post.example/TOWN/wall", "town"),
        ("https://post.example/town/harbour/wall", "harbour"),
        ("https://post.example/town/h%61rbour/wall", "harbour"),
        ("https://post.example/townhall", None),
        ("https://post.example/", None),
        ("https://[half/town/", None),
        ("/town/relative", None),
        (None, None),
    ],
)
def test_the_address_decides_by_its_longest_path(url: str | None, key: str | None) -> None:
    assert _key(url) == key


def test_a_category_is_found_whatever_its_case_and_spaces() -> None:
    assert _key(None, "  SAILING ") == "sport"


def test_the_first_category_that_a_section_names_decides() -> None:
    assert _key(None, "News", "Sport", "Council") == "sport"


def test_the_address_goes_before_the_categories() -> None:
    assert _key("https://post.example/town/race", "Sport") == "town"


def test_the_root_path_takes_what_no_other_path_takes() -> None:
    rest = Section("rest", "The rest", paths=("/",))
    assert section_of(article(), (rest, TOWN)) == rest
    assert section_of(article(url="https://post.example/town/1"), (rest, TOWN)) == TOWN


def test_of_two_sections_with_the_same_claim_the_first_wins() -> None:
    other = Section("other", "Other", categories=("sport",), paths=("/town/",))
    assert section_of(article(url="https://post.example/town/1"), (TOWN, other)) == TOWN
    assert section_of(article(categories=["Sport"]), (SPORT, other)) == SPORT


def test_unsorted_stories_are_counted_by_category_most_frequent_first() -> None:
    stories = [
        article(1, categories=["Weather"]),
        article(2, categories=["weather ", "Tides", "WEATHER"]),
        article(3, categories=["Sport", "Tides"]),
        article(4),
        article(5, categories=["  "]),
        article(6),
    ]
    counts = unsorted_counts(stories, SECTIONS)
    assert list(counts.items()) == [("", 3), ("Weather", 2), ("Tides", 1)]


def by_ann(category: str, section: str) -> SortedCategory:
    return SortedCategory(category, section, "ann", CUT_OFF)


def test_what_people_sorted_is_added_behind_what_the_settings_name() -> None:
    found = [by_ann("Harbour", "town"), by_ann("LOCAL", "sport"), by_ann("Choir", "culture")]
    assert with_sorted([TOWN, SPORT], found) == (
        replace(TOWN, categories=("Local", "Council", "Harbour")),
        SPORT,
    )
    assert with_sorted([TOWN, SPORT], []) == (TOWN, SPORT)
