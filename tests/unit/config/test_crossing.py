"""Names in the settings that point nowhere, or in a ring."""

from __future__ import annotations

from typing import Any

import pytest

from digest.config.crossing import cross_errors


def found(newsletters: dict[str, Any], **tables: Any) -> list[tuple[str, str]]:
    raw = {"newsletters": newsletters, "sections": {"town": {}, "sport": {}}, **tables}
    return [(".".join(place), sentence) for place, sentence in cross_errors(raw)]


@pytest.mark.parametrize("slot", ["end", "after lead", "after top", "after town", None, 7])
def test_a_sponsor_stands_after_a_part_of_the_letter(slot: object) -> None:
    assert found({"daily": {"sections": ["town"], "sponsor_slot": slot}}) == []


def test_a_sponsor_after_a_section_that_the_newsletter_has_not_is_an_error() -> None:
    assert found({"daily": {"sections": ["town"], "sponsor_slot": "after sport"}}) == [
        ("newsletters.daily.sponsor_slot", "this newsletter has no section 'sport'")
    ]
    assert found({"daily": {"sections": ["town"], "sponsor_slot": "after twon"}}) == [
        (
            "newsletters.daily.sponsor_slot",
            "this newsletter has no section 'twon' (did you mean 'town'?)",
        )
    ]
    assert found({"daily": {"sections": 7, "sponsor_slot": "after twon"}}) == []


def test_a_weekly_twin_is_another_newsletter() -> None:
    weekly = {"daily": {"weekly_twin": "weekly"}, "weekly": {}}
    assert found(weekly) == []
    assert found({"daily": {"weekly_twin": "weekyl"}, "weekly": {}}) == [
        ("newsletters.daily.weekly_twin", "no such newsletter: 'weekyl' (did you mean 'weekly'?)")
    ]
    assert found({"daily": {"weekly_twin": "daily"}}) == [
        ("newsletters.daily.weekly_twin", "the weekly twin is this newsletter itself")
    ]


def test_twins_in_a_ring_are_told_once() -> None:
    ring = {"a": {"weekly_twin": "b"}, "b": {"weekly_twin": "c"}, "c": {"weekly_twin": "a"}}
    into = {**ring, "d": {"weekly_twin": "a"}, "x": "no table"}
    assert found(into) == [
        ("newsletters.a.weekly_twin", "the weekly twin leads back: a → b → c → a")
    ]


def test_a_language_is_named_once() -> None:
    tags = {"languages": ["de", "fr", "DE", 7]}
    assert found({"daily": tags}) == [("newsletters.daily.languages", "'de' stands there twice")]
    assert found({"daily": {"languages": "de"}}) == []
