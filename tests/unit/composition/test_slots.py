from __future__ import annotations

import re
from collections import Counter
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.language import Plural
from digest.composition.slots import (
    Run,
    Slot,
    Slots,
    Tally,
    Total,
    Unit,
    count,
    counted,
    nonce_for,
    shown,
    split,
    topics_of,
)
from digest.errors import CompositionError
from tests.unit.composition.wire_builders import NONCE, SECRET, a_composition

SLOTS = Slots(NONCE)
STORIES, MINUTES = Plural(("1 story", "# stories")), Plural(("1 min", "# min"))


def test_a_nonce_is_the_same_each_time_and_differs_in_everything_it_is_made_of() -> None:
    first = nonce_for(SECRET, edition_id=7, revision=1, language="en")
    assert first == NONCE
    assert re.fullmatch(r"Zq[0-9a-f]{16}x", first)
    others = {
        nonce_for(b"another", 7, 1, "en"),
        nonce_for(SECRET, 8, 1, "en"),
        nonce_for(SECRET, 7, 2, "en"),
        nonce_for(SECRET, 7, 1, "de"),
        first,
    }
    assert len(others) == 5


@pytest.mark.parametrize("nonce", ["", "Zq123x", "ZqGHIJKLMNx", "Zq0011223344", "zq00112233x"])
def test_a_nonce_of_another_form_is_refused(nonce: str) -> None:
    with pytest.raises(CompositionError, match="slot nonce"):
        Slots(nonce)


@given(topic=st.text(min_size=1), one=st.text(), many=st.text())
def test_marks_are_letters_and_digits_whatever_they_hold(topic: str, one: str, many: str) -> None:
    marks = (
        SLOTS.topic_open(topic),
        SLOTS.topic_close(topic),
        SLOTS.stories(Plural((one, many))),
        SLOTS.minutes(Plural((one, many))),
        SLOTS.tally(3, 4),
        SLOTS.reader_open(),
        SLOTS.value(Slot.SINCE),
    )
    assert all(mark.isascii() and mark.isalnum() for mark in marks)
    assert all(escape(mark) == mark for mark in marks)


@given(topic=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_topic_of_any_spelling_comes_back(topic: str) -> None:
    source = f"{SLOTS.topic_open(topic)}in{SLOTS.topic_close(topic)}out"
    assert split(source, NONCE) == (Run("in", frozenset({topic})), Run("out"))


def test_keys_that_differ_only_in_dashes_and_digits_stay_apart() -> None:
    keys = ("a-b", "ab", "a2db", "ax2db", "a-2d-b")
    assert len({SLOTS.topic_open(key) for key in keys}) == len(keys)


def test_a_source_is_cut_into_runs_that_know_their_readers() -> None:
    source = (
        f"a{SLOTS.value(Slot.ADDRESS)}{SLOTS.topic_open('town')}b{SLOTS.tally(2, 5)}"
        f"{SLOTS.topic_open('sport')}c{SLOTS.topic_close('sport')}{SLOTS.topic_close('town')}"
        f"{SLOTS.reader_open()}{SLOTS.value('since')}{SLOTS.reader_close()}"
        f"{SLOTS.stories(STORIES)}{SLOTS.minutes(MINUTES)}"
    )
    town, both = frozenset({"town"}), frozenset({"town", "sport"})
    runs = split(source, NONCE)
    assert runs == (
        Run("a"),
        Run(Slot.ADDRESS),
        Run("b", town),
        Run(Tally(2, 5), town),
        Run("c", both),
        Run(Slot.SINCE, readers_only=True),
        Run(Total(Unit.STORIES, Plural(("1 story", "# stories")))),
        Run(Total(Unit.MINUTES, Plural(("1 min", "# min")))),
    )
    assert topics_of(runs) == both
    assert [run.content for run in shown(runs, town)][:3] == ["a", Slot.ADDRESS, "b"]
    assert Run("c", both) not in shown(runs, town)
    assert Run("c", both) in shown(runs, None)
    assert Run(Slot.SINCE, readers_only=True) not in shown(runs, None, online=True)


def test_what_is_counted_is_what_is_in_sight() -> None:
    runs = (Run(Tally(1, 2)), Run(Tally(3, 4), frozenset({"town"})), Run("text"))
    assert counted(shown(runs, frozenset())) == Tally(1, 2)
    assert counted(shown(runs, None)) == Tally(4, 6)
    assert counted(()) == Tally()


@pytest.mark.parametrize(
    ("tally", "stories", "minutes"),
    [
        (Tally(0, 9), "0 of 0 stories", "9 min"),
        (Tally(1, 1), "one story", "a minute"),
        (Tally(12, 6), "12 of 12 stories", "6 min"),
    ],
)
def test_a_total_has_words_for_one_and_for_many(tally: Tally, stories: str, minutes: str) -> None:
    assert Total(Unit.STORIES, Plural(("one story", "# of # stories"))).words(tally) == stories
    assert Total(Unit.MINUTES, Plural(("a minute", "# min"))).words(tally) == minutes


def test_an_empty_source_has_no_runs() -> None:
    assert split("", NONCE) == ()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SLOTS.topic_open("town"), "topic block: town: it is opened and never closed"),
        (SLOTS.topic_close("town"), "town: it is closed where it is not the open one"),
        (SLOTS.topic_open("town") * 2, "town: it is opened inside itself"),
        (
            SLOTS.topic_open("a")
            + SLOTS.topic_open("b")
            + SLOTS.topic_close("a")
            + SLOTS.topic_close("b"),
            "topic block: a: it is closed where",
        ),
        (SLOTS.reader_open(), "reader block: reader_open: it is opened and never closed"),
        (SLOTS.reader_close(), "reader block"),
        (f"{NONCE}VnobodyE", "there is no slot of that name"),
        (f"a {NONCE} b", "something between template and letter changed it"),
        (f"{NONCE}Vaddress", "slot mark: 'Vaddress'"),
        (f"{NONCE}VADDRESSE", "slot mark: 'VADDRESSE'"),
        (f"{NONCE}K1E", "slot mark"),
        (f"{NONCE}KaY2E", "slot mark"),
        (f"{NONCE}K1Y2Y3E", "slot mark"),
        (f"{NONCE}NaE", "slot mark"),
        (f"{NONCE}OXffE", "slot mark"),
    ],
)
def test_a_source_with_broken_marks_is_refused_and_told(source: str, message: str) -> None:
    with pytest.raises(CompositionError, match=re.escape(message)) as caught:
        split(source, NONCE)
    assert caught.value.hint


def test_an_unknown_slot_and_a_topic_without_a_key_are_refused() -> None:
    with pytest.raises(CompositionError, match="'nickname': there is no slot of that name") as none:
        SLOTS.value("nickname")
    assert none.value.hint == "The slots are address, since, unsubscribe, preferences, twin."
    with pytest.raises(CompositionError, match="without a key"):
        SLOTS.topic_open("")


def test_marks_of_another_edition_are_ordinary_text() -> None:
    foreign = Slots("Zq0011223344556677x").value(Slot.ADDRESS)
    assert split(foreign, NONCE) == (Run(foreign),)


def test_marks_are_counted_whole_and_broken() -> None:
    way_out = SLOTS.value(Slot.UNSUBSCRIBE)
    source = f"{way_out} {way_out} {SLOTS.topic_open('what-s-on')} {NONCE}?"
    assert count(source, NONCE) == Counter(
        {"Vunsubscribe": 2, "OwhatX2dsX2don": 1, "": 1},
    )
    assert count("nothing here", NONCE) == Counter()


@given(cut=st.integers(0, 5000))
def test_no_lost_stretch_goes_unnoticed_by_the_count(cut: int) -> None:
    source = a_composition().html
    lost = source[: cut % len(source)] + source[cut % len(source) + 40 :]
    if NONCE in source[cut % len(source) : cut % len(source) + 40]:
        assert count(lost, NONCE) != count(source, NONCE)
