from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from digest.editions.model import Newsletter, Section
from digest.web.wishes import (
    AS_TYPED,
    TopicGroup,
    Typed,
    asked_for,
    chosen,
    read_typed,
    topic_groups,
    weekly_of,
)
from tests.integration.newsletters import spec

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SEA, TOWN, SPORT = Section("sea", "Sea"), Section("town", "Town"), Section("sport", "Sport")
DAILY = Newsletter(
    1,
    replace(
        spec("daily", "The Daily", frozenset(range(5))),
        sections=(SEA, TOWN, SPORT),
        weekly_twin="weekly",
    ),
    BEGAN,
)
WEEKLY = Newsletter(
    2, replace(spec("weekly", "The Week", frozenset({5})), sections=(SEA, TOWN)), BEGAN
)
EVENING = Newsletter(
    3,
    replace(spec("evening", "The Evening", frozenset({1})), sections=(SEA, TOWN, SPORT)),
    BEGAN,
)
PLAIN = Newsletter(4, spec("plain", "Plain", frozenset({1})), BEGAN)
ALL = (DAILY, WEEKLY, EVENING, PLAIN)


def test_a_form_is_read_whatever_it_holds() -> None:
    fields = {
        "email": ["maria@reader.example\0" + "x" * 400],
        "newsletter": ["daily", "other"],
        "topic": ["sea", "daily:town"],
        "often": ["weekly"],
        "topics": ["asked"],
        "spelling": [AS_TYPED],
    }
    typed = read_typed(fields)
    assert typed == Typed(
        email="maria@reader.example" + "x" * 299,
        newsletters=("daily", "other"),
        topics=("sea", "daily:town"),
        weekly=True,
        spelling=AS_TYPED,
        asks_topics=True,
    )
    assert typed.address == typed.email
    assert read_typed({}) == Typed("")
    assert replace(typed, spelling="maria@gmail.com").address == "maria@gmail.com"


@pytest.mark.parametrize(
    ("email", "meant"),
    [
        ("maria@gmial.com", "maria@gmail.com"),
        ("maria@elsewhere.example", "maria@elsewhere.example"),
        ("maria@gmal.com", "maria@gmail.com"),
        ("", ""),
    ],
)
def test_a_yes_counts_only_for_the_address_it_was_asked_about(email: str, meant: str) -> None:
    """Who types another one and presses Enter presses "Yes" without having read it."""
    assert read_typed({"email": [email], "spelling": ["maria@gmail.com"]}).address == meant


def test_what_is_not_offered_is_not_chosen() -> None:
    assert chosen(("daily", "other", "plain"), ALL) == [DAILY, PLAIN]
    assert chosen((), ALL) == []
    assert chosen((), [PLAIN]) == [PLAIN]
    assert chosen(("other",), [PLAIN]) == []


def test_newsletters_with_the_same_topics_are_asked_about_once() -> None:
    assert topic_groups(ALL) == [
        TopicGroup("daily", ("The Daily", "The Evening"), (SEA, TOWN, SPORT)),
        TopicGroup("weekly", ("The Week",), (SEA, TOWN)),
    ]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (Typed("", ("daily",)), {1: ()}),
        (Typed("", ("daily", "plain"), ("sport", "sea", "other")), {1: ("sea", "sport"), 4: ()}),
        (Typed("", ("evening", "weekly"), ("daily:sea",)), {2: (), 3: ("sea",)}),
        (Typed("", ("evening",), ("evening:town", "weekly:sea")), {3: ("town",)}),
        (Typed("", ("daily",), ("sport", "sea"), weekly=True), {2: ("sea", "sport")}),
        (Typed("", ("daily", "weekly"), ("weekly:town",), weekly=True), {2: ("town",)}),
        (Typed("", ("plain",), weekly=True), {4: ()}),
        (Typed("", ("other",)), {}),
    ],
)
def test_what_is_asked_for_is_the_newsletter_or_its_weekly_with_its_topics(
    typed: Typed, wanted: dict[int, tuple[str, ...]]
) -> None:
    assert asked_for(typed, ALL) == wanted


def test_a_weekly_that_is_not_offered_stands_for_nothing() -> None:
    assert weekly_of(DAILY, ALL) == WEEKLY
    assert weekly_of(DAILY, [DAILY, PLAIN]) is None
    assert weekly_of(PLAIN, ALL) is None
    assert asked_for(Typed("", ("daily",), weekly=True), [DAILY, PLAIN]) == {1: ()}
