"""What the desk keeps beside the file: where the file speaks it wins, and both are read as one."""

from __future__ import annotations

from typing import Any

import pytest

from digest.config.kept import (
    NEWSLETTER_FIELDS,
    SITE_FIELDS,
    Field,
    KeptError,
    Kind,
    Place,
    Values,
    fields_of,
    given_in,
    read_values,
    typed_text,
    value_at,
    with_kept,
    written_at,
)
from digest.config.model import NewsletterSettings, Settings, SiteSettings

DAILY: Place = ("newsletters", "daily")
Kept = dict[Place, Values]


def _settings(**daily: Any) -> Settings:
    return Settings.model_validate(
        {
            "site": {
                "name": "Harbour Post",
                "url": "https://post.example",
                "timezone": "Europe/London",
                "postal_address": "12 Quay Street",
            },
            "web": {"public_url": "https://letters.post.example"},
            "mail": {"from": "news@post.example", "discard": True},
            "newsletters": {"daily": {"name": "Post", **daily}},
        }
    )


def test_what_is_written_is_known_down_to_the_single_setting() -> None:
    given = given_in(_settings(stories={"min": 2}, limits={}))

    assert {place for place in given if place[0] == "newsletters"} == {
        (*DAILY, "name"),
        (*DAILY, "stories", "min"),
    }
    assert ("mail", "from") in given
    assert written_at(given, (*DAILY, "stories", "min")) == (*DAILY, "stories", "min")
    assert written_at(given, (*DAILY, "stories", "max")) is None
    assert written_at(given, (*DAILY, "stories")) == (*DAILY, "stories", "min")


def test_kept_values_stand_beside_those_of_the_file_which_win() -> None:
    base = _settings(stories={"min": 2})
    kept: Kept = {DAILY: {"stories.min": 9, "stories.max": 20, "spread": "30m", "offered": False}}

    found = with_kept(base, given_in(base), kept).newsletters["daily"]

    assert (found.stories.min, found.stories.max, found.offered) == (2, 20, False)
    assert found.spread.total_seconds() == 1800
    assert found.name == "Post"


def test_a_newsletter_may_be_kept_whole_and_one_that_was_emptied_is_gone() -> None:
    base = _settings()
    week: Kept = {("newsletters", "week"): {"name": "The Week"}, ("newsletters", "old"): {}}

    assert list(with_kept(base, given_in(base), week).newsletters) == ["daily", "week"]


@pytest.mark.parametrize(
    ("values", "place", "said"),
    [
        ({"stories.min": "many"}, (*DAILY, "stories", "min"), "should be a valid integer"),
        ({"weekly_twin": "weekley"}, (*DAILY, "weekly_twin"), "no such newsletter: 'weekley'"),
        ({"days": ["mon"]}, DAILY, "a newsletter with days needs cut_off and send_at, or slots"),
    ],
)
def test_a_fault_is_told_with_its_place(
    values: dict[str, Any], place: tuple[str, ...], said: str
) -> None:
    base = _settings()

    with pytest.raises(KeptError) as told:
        with_kept(base, given_in(base), {DAILY: values})

    (found,) = [said for at, said in told.value.faults.items() if at == place]
    assert found.startswith(said)


def test_what_no_desk_may_change_is_let_be() -> None:
    base = _settings()
    kept: Kept = {
        ("mail",): {"from": "thief@evil.example"},
        ("site",): {"url": "https://evil.example"},
    }

    assert with_kept(base, given_in(base), kept) == base
    assert fields_of(("mail",)) == ()


def test_every_field_is_a_setting_and_its_usual_value_that_of_the_settings() -> None:
    daily = NewsletterSettings(name="Post").model_dump(mode="json", by_alias=True)
    daily |= {"limits": {"per_day": None, "quiet": None}}
    site = {"language": "en", "brand": SiteSettings.model_fields["brand"].default.model_dump()}
    for fields, table in ((NEWSLETTER_FIELDS, daily), (SITE_FIELDS, site)):
        for field in fields:
            head, _, last = field.name.rpartition(".")
            assert last in (value_at(table, head) if head else table), field.name
            if field.kind is Kind.YES:
                assert table[field.name] is field.default
            if field.kind is Kind.CHOICE and field.usual:
                assert value_at(table, field.name) == field.usual


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        (Field("a", "A", "G"), [" 07:00 "], "07:00"),
        (Field("a", "A", "G"), ["  "], None),
        (Field("a", "A", "G", Kind.NUMBER), ["12"], 12),
        (Field("a", "A", "G", Kind.NUMBER), ["a dozen"], "a dozen"),
        (Field("a", "A", "G", Kind.LIST), ["1, last\nfirst mon"], ["1", "last", "first mon"]),
        (Field("a", "A", "G", Kind.DAYS), ["mon", "thu"], ["mon", "thu"]),
        (Field("a", "A", "G", Kind.YES), ["yes"], True),
        (Field("a", "A", "G", Kind.YES), [], None),
        (Field("a", "A", "G", Kind.YES, default=True), [], False),
        (Field("a", "A", "G", Kind.CHOICE, usual="daily"), ["daily"], None),
        (
            Field("a", "A", "G", Kind.SLOTS),
            ["noon 11:30 12:00\n\nnight 30m 20:00"],
            {
                "noon": {"cut_off": "11:30", "send_at": "12:00"},
                "night": {"cut_off": "30m", "send_at": "20:00"},
            },
        ),
    ],
)
def test_what_is_typed_becomes_what_toml_would_hold(
    field: Field, typed: list[str], value: object
) -> None:
    found = read_values([field], {"a": typed}, frozenset())

    assert found == ({} if value is None else {"a": value})
    if isinstance(value, dict):
        assert typed_text(field, value) == "noon 11:30 12:00\nnight 30m 20:00"


def test_what_the_file_settles_is_not_read_from_a_form() -> None:
    field = Field("a", "A", "G")

    assert read_values([field], {"a": ["x"]}, frozenset({"a"})) == {}
