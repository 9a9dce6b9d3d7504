"""What a slot's log of choices comes to, and what undo and redo do to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.choice_words import in_words
from digest.editions.choices import (
    Standing,
    effective,
    lasting,
    may_redo,
    may_undo,
    orders_of,
    stories_of,
    story_before,
    told_of,
)
from digest.editions.model import NO_ORDERS, Act, Choice, NewChoice, Orders, Sponsor, Wording
from digest.sources.model import Picture

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
FERRY, CHOIR = 17, 18
NEWER = cast("Act", "translate")
"""An act that only a newer version knows."""


def new(act: Act, story: int | None = None, **parts: str) -> NewChoice:
    return NewChoice(act, story, **parts)


def log(*made: NewChoice, start: int = 0, by: str = "Ann") -> tuple[Choice, ...]:
    return tuple(
        Choice(n, what, by, NOON + timedelta(minutes=start + n)) for n, what in enumerate(made, 1)
    )


UNDO, REDO = new(Act.UNDO), new(Act.REDO)
PIN, DROP, RESET = (new(act, FERRY) for act in (Act.PIN, Act.DROP, Act.RESET))
FOR_GOOD = new(Act.DROP_ALWAYS, FERRY)


# What it comes to


@pytest.mark.parametrize(
    ("made", "orders"),
    [
        ((), NO_ORDERS),
        ((PIN,), Orders(pinned=frozenset({FERRY}))),
        ((DROP,), Orders(dropped={FERRY: "by Ann"})),
        ((FOR_GOOD,), Orders(dropped_always={FERRY: "by Ann"})),
        ((DROP, PIN), Orders(pinned=frozenset({FERRY}))),
        ((FOR_GOOD, PIN), Orders(pinned=frozenset({FERRY}))),
        ((PIN, DROP), Orders(dropped={FERRY: "by Ann"})),
        ((FOR_GOOD, DROP), Orders(dropped={FERRY: "by Ann"})),
        ((DROP, FOR_GOOD), Orders(dropped_always={FERRY: "by Ann"})),
        ((new(Act.LEAD, FERRY), new(Act.LEAD, CHOIR)), Orders(lead=CHOIR)),
        ((DROP, new(Act.LEAD, FERRY)), Orders(lead=FERRY)),
        ((new(Act.LEAD, FERRY), DROP), Orders(dropped={FERRY: "by Ann"})),
        ((new(Act.LEAD, FERRY), PIN), Orders(lead=FERRY, pinned=frozenset({FERRY}))),
        (
            (new(Act.MOVE, FERRY, place="first"), new(Act.MOVE, CHOIR, place="before 17")),
            Orders(moves=((FERRY, "first"), (CHOIR, "before 17"))),
        ),
        (
            (new(Act.MOVE, CHOIR, place="first"), new(Act.LEAD, FERRY)),
            Orders(lead=FERRY, moves=((CHOIR, "first"), (FERRY, "first"))),
        ),
        (
            (
                new(Act.MOVE, CHOIR, place="first"),
                new(Act.LEAD, FERRY),
                new(Act.LEAD, CHOIR),
            ),
            Orders(lead=CHOIR, moves=((CHOIR, "first"), (CHOIR, "first"))),
        ),
        (
            (new(Act.MOVE, FERRY, place="first"), DROP, PIN),
            Orders(pinned=frozenset({FERRY})),
        ),
        (
            (
                new(Act.LEAD, FERRY),
                new(Act.MOVE, FERRY, place="last"),
                new(Act.SECTION, FERRY, place="brief"),
            ),
            Orders(sections={FERRY: "brief"}),
        ),
        (
            (new(Act.SECTION, FERRY, place="town"), new(Act.SECTION, FERRY, place="brief")),
            Orders(sections={FERRY: "brief"}),
        ),
        (
            (
                new(Act.HEADLINE, FERRY, text="Ferry is back"),
                new(Act.STANDFIRST, FERRY, text="At last."),
                new(Act.HEADLINE, FERRY, text="Le bac revient", language="fr"),
            ),
            Orders(
                wording={
                    FERRY: (
                        Wording("", "Ferry is back", "At last."),
                        Wording("fr", "Le bac revient"),
                    )
                }
            ),
        ),
        ((new(Act.HEADLINE, FERRY, text="Ferry"), new(Act.HEADLINE, FERRY)), NO_ORDERS),
        (
            (new(Act.PICTURE, FERRY, url="https://e.example/a.jpg", alt="A ferry"),),
            Orders(pictures={FERRY: Picture("https://e.example/a.jpg", "A ferry")}),
        ),
        ((new(Act.PICTURE, FERRY),), Orders(pictures={FERRY: Picture("")})),
        (
            (new(Act.NOTE, text="Good morning."), new(Act.NOTE, text="Bonjour.", language="fr")),
            Orders(note={"": "Good morning.", "fr": "Bonjour."}),
        ),
        ((new(Act.NOTE, text="Good morning."), new(Act.NOTE)), NO_ORDERS),
        (
            (new(Act.SPONSOR, text="Quay Bakery", url="https://quay.example"),),
            Orders(sponsor=Sponsor("Quay Bakery", "https://quay.example")),
        ),
        ((new(Act.SPONSOR, text="Quay Bakery"), new(Act.SPONSOR)), NO_ORDERS),
        (
            (new(Act.SUBJECT, text="The ferry"), new(Act.PREHEADER, text="Bac", language="fr")),
            Orders(subject={"": "The ferry"}, preheader={"fr": "Bac"}),
        ),
        ((new(Act.SUBJECT, text="The ferry"), new(Act.SUBJECT)), NO_ORDERS),
        ((new(Act.PIN, FERRY), new(Act.UNPIN, FERRY)), NO_ORDERS),
        ((new(Act.UNPIN, FERRY),), NO_ORDERS),
    ],
)
def test_a_log_comes_to_its_orders(made: Sequence[NewChoice], orders: Orders) -> None:
    assert orders_of(log(*made)) == orders


def test_undo_takes_back_the_last_act_still_in_force_and_redo_brings_it_back() -> None:
    made = log(PIN, new(Act.NOTE, text="Hello"), UNDO, UNDO, REDO)
    assert effective(made) == made[:1]
    assert (may_undo(made), may_redo(made)) == (made[0], made[1])
    assert effective(log(PIN, new(Act.NOTE, text="Hello"), UNDO, UNDO, REDO, REDO)) == made[:2]


def test_after_another_act_there_is_nothing_to_bring_back() -> None:
    made = log(PIN, UNDO, new(Act.NOTE, text="Hello"), REDO)
    assert effective(made) == (made[2],)
    assert may_redo(made) is None


def test_undo_and_redo_of_nothing_do_nothing() -> None:
    made = log(UNDO, REDO, PIN)
    assert effective(made) == made[2:]
    assert (may_undo(log(UNDO)), may_redo(log(REDO))) == (None, None)


def test_a_story_given_back_is_as_if_nothing_was_chosen_for_it_and_that_too_can_be_undone() -> None:
    before = (PIN, new(Act.HEADLINE, FERRY, text="Ferry"), new(Act.PIN, CHOIR))
    reset = log(*before, RESET)
    assert orders_of(reset) == Orders(pinned=frozenset({CHOIR}))
    assert effective(reset) == reset[2:]
    assert orders_of(log(*before, RESET, UNDO)) == orders_of(log(*before))
    assert orders_of(log(*before, RESET, DROP)).dropped == {FERRY: "by Ann"}


def test_each_row_is_told_with_what_became_of_it() -> None:
    made = log(PIN, new(Act.NOTE, text="Hello"), UNDO, UNDO, REDO, RESET, UNDO, REDO, UNDO, UNDO)
    assert [(row.standing, row.of) for row in told_of(made[:5])] == [
        (Standing.IN_FORCE, None),
        (Standing.UNDONE, None),
        (Standing.DONE, 2),
        (Standing.DONE, 1),
        (Standing.DONE, 1),
    ]
    assert [row.standing for row in told_of(made[:6])][:1] == [Standing.GIVEN_BACK]
    assert [(row.standing, row.of) for row in told_of(made)][5:] == [
        (Standing.UNDONE, None),
        (Standing.DONE, 6),
        (Standing.DONE, 6),
        (Standing.DONE, 6),
        (Standing.DONE, 1),
    ]
    assert told_of(log(UNDO))[0].of is None


# For good


def test_a_drop_for_good_in_another_slot_holds_here() -> None:
    always = lasting(log(FOR_GOOD, by="Bob"))
    assert orders_of((), always) == Orders(dropped_always={FERRY: "by Bob"})


def test_of_two_slots_the_later_word_counts() -> None:
    earlier, later = lasting(log(FOR_GOOD)), lasting(log(FOR_GOOD, start=60))
    for word in (PIN, RESET, DROP, new(Act.LEAD, FERRY)):
        assert orders_of(log(word, start=30), earlier).dropped_always == {}, word
        assert orders_of(log(word, start=30), later) == Orders(dropped_always={FERRY: "by Ann"}), (
            word
        )


def test_giving_a_story_back_later_lifts_a_drop_for_good_everywhere() -> None:
    always = (*lasting(log(FOR_GOOD)), *lasting(log(RESET, start=30)))
    assert orders_of((), always) == NO_ORDERS
    assert orders_of(log(PIN), always) == Orders(pinned=frozenset({FERRY})), "but no pin of here"


@pytest.mark.parametrize("changed", [(PIN,), (DROP,), (UNDO,), (RESET, UNDO, UNDO)])
def test_only_a_last_word_lasts(changed: Sequence[NewChoice]) -> None:
    assert lasting(log(FOR_GOOD, *changed)) == ()


def test_what_lasts_is_a_drop_for_good_and_a_reset() -> None:
    made = log(FOR_GOOD, new(Act.RESET, CHOIR), new(Act.PIN, 19))
    assert lasting(made) == made[:2]


# Any log at all

_STORIES = st.one_of(st.none(), st.integers(1, 4))
_PLACES = st.sampled_from(["", "first", "last", "before 2", "before x", "town", "top", "\0"])
_NEW = st.builds(
    NewChoice,
    act=st.sampled_from([*Act, NEWER]),
    article_id=_STORIES,
    language=st.sampled_from(["", "fr"]),
    text=st.sampled_from(["", "Words", "{braces}"]),
    url=st.sampled_from(["", "https://e.example/"]),
    place=_PLACES,
)
_LOGS = st.lists(_NEW, max_size=12).map(lambda made: log(*made))
_ACTS = _NEW.filter(lambda what: what.act not in {Act.UNDO, Act.REDO})


@given(_LOGS, _ACTS)
def test_undoing_a_choice_leaves_what_would_be_without_it(
    made: tuple[Choice, ...], what: NewChoice
) -> None:
    so_far = [choice.what for choice in made]
    assert orders_of(log(*so_far, what, UNDO)) == orders_of(made)
    assert orders_of(log(*so_far, what, UNDO, REDO)) == orders_of(log(*so_far, what))


@given(_LOGS)
def test_redo_mends_every_undo(made: tuple[Choice, ...]) -> None:
    so_far = [choice.what for choice in made]
    if may_undo(made):
        assert effective(log(*so_far, UNDO, REDO)) == effective(made)


@given(_LOGS)
def test_whatever_was_done_can_be_undone_to_nothing(made: tuple[Choice, ...]) -> None:
    back = log(*(choice.what for choice in made), *([UNDO] * len(made)))
    assert (orders_of(back), effective(back)) == (NO_ORDERS, ())


@given(_LOGS, _LOGS)
def test_no_log_breaks_anything_and_no_story_is_both_in_and_out(
    made: tuple[Choice, ...], elsewhere: tuple[Choice, ...]
) -> None:
    orders = orders_of(made, lasting(elsewhere))
    wanted = orders.pinned | ({orders.lead} if orders.lead else set())
    dropped, for_good = orders.dropped.keys(), orders.dropped_always.keys()
    assert not wanted & dropped
    assert not wanted & for_good
    assert not dropped & for_good
    assert len(told_of(made)) == len(made)
    for choice in made:
        assert in_words(choice.what, headlines={1: "A {story} “quoted”"})


def test_the_act_of_a_newer_version_is_left_out_and_is_what_undo_takes_back() -> None:
    made = log(PIN, NewChoice(NEWER, FERRY, text="x"))
    assert orders_of(made) == Orders(pinned=frozenset({FERRY}))
    assert orders_of(log(PIN, NewChoice(NEWER, FERRY), UNDO)) == orders_of(made)


def test_the_stories_of_a_choice_are_its_own_and_the_one_it_goes_before() -> None:
    assert stories_of(new(Act.MOVE, FERRY, place="before 18")) == (FERRY, 18)
    assert stories_of(UNDO) == ()
    places: dict[str, Any] = {"first": None, "before 18": 18, "before ١٨": None}
    assert {place: story_before(place) for place in places} == places
