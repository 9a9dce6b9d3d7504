"""Made-up editions to try templates with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.composition.fixtures import FIXTURES, fixture_selection
from digest.editions.model import Section, Selection
from tests.unit.editions.editions_builders import spec

UNTIL = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)


def made(name: str, template: str = "daily", sections: tuple[Section, ...] = ()) -> Selection:
    newsletter = replace(spec(), template=template, sections=sections)
    return fixture_selection(FIXTURES[name], newsletter, "en", until=UNTIL)


def test_each_fixture_has_as_many_stories_as_it_says() -> None:
    counts = {name: len(made(name).chosen) for name in FIXTURES}
    assert counts == {
        "usual": 13,
        "empty": 0,
        "one": 1,
        "fifty": 50,
        "no-pictures": 13,
        "long-headline": 13,
        "long-words": 13,
        "rtl": 13,
        "hostile": 13,
    }


@pytest.mark.parametrize("template", ["daily", "weekly", "single", "headlines", "one-of-our-own"])
def test_fifty_are_fifty_different_stories_whatever_the_template(template: str) -> None:
    chosen = made("fifty", template).chosen
    assert len({one.article.id for one in chosen}) == 50
    assert [one.position for one in chosen] == list(range(1, 51))


def test_headlines_are_as_long_or_as_awful_as_they_say() -> None:
    assert {len(one.article.story.headline) for one in made("long-headline").chosen} == {169}
    assert all(" " not in one.article.story.headline for one in made("long-words").chosen)
    assert all(one.article.story.picture is None for one in made("no-pictures").chosen)
    assert any("</mj-text>" in one.article.story.headline for one in made("hostile").chosen)
    assert made("rtl").chosen[0].article.story.headline[0] > "\u0600"


def test_stories_stand_in_the_newsletters_own_sections() -> None:
    own = (Section("news", "News"), Section("arts", "Arts"))
    assert {one.section for one in made("usual", sections=own).chosen} <= {"news", "arts", None}
    assert {one.section for one in made("usual").chosen} == {None}
    town = (Section("town", "Town"), Section("zoo", "Zoo"))
    assert "town" in {one.section for one in made("usual", sections=town).chosen}


def test_stories_are_as_new_as_the_edition_and_the_same_each_time() -> None:
    ages = {UNTIL - one.article.first_seen_at for one in made("fifty").chosen}
    assert min(ages) > timedelta(0)
    assert max(ages) < timedelta(days=1)
    assert made("hostile") == made("hostile")
