"""One story that breaks the letter costs that story, and never the edition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.salvage import cause_of, leave_out, salvage
from digest.editions.model import Candidate, Place, Selection, Verdict
from digest.errors import CompositionError, TemplateLimitError
from tests.unit.composition.letter_builders import a_selection, a_story, chosen


def headlines(selection: Selection) -> list[str]:
    return [one.article.story.headline for one in selection.chosen]


def refusing(*faulty: int) -> Callable[[Selection], list[int]]:
    """Make the ids of a selection, but fail with any of these."""

    def make(selection: Selection) -> list[int]:
        ids = [one.article.id for one in selection.chosen]
        for each in faulty:
            if each in ids:
                raise CompositionError(f"template: a story: no element {each}")
        return ids

    return make


def of(*ids: int, place: Place = Place.TOP) -> Selection:
    return Selection(tuple(chosen(a_story(f"Story {n}"), place, at=n) for n in ids))


def by_id(selection: Selection) -> dict[int, Candidate]:
    return {one.article.id: one for one in selection.candidates}


def test_what_does_not_fail_is_made_once_and_whole() -> None:
    calls: list[Selection] = []

    def make(selection: Selection) -> int:
        calls.append(selection)
        return len(selection.chosen)

    saved = salvage(a_selection(), make)
    assert (saved.made, saved.selection, saved.left_out) == (12, a_selection(), {})
    assert calls == [a_selection()]


def test_a_story_that_fails_is_left_out_with_its_cause_and_the_rest_is_made() -> None:
    saved = salvage(of(1, 2, 3), refusing(2))
    assert saved.made == [1, 3]
    assert saved.left_out == {2: "template: a story: no element 2"}
    lost = by_id(saved.selection)[2]
    assert (lost.verdict, lost.place, lost.position) == (Verdict.UNSHOWABLE, None, None)
    assert lost.reason == "It cannot be shown: template: a story: no element 2."


def test_our_own_mistake_in_one_story_is_a_cause_like_any_other() -> None:
    def make(selection: Selection) -> int:
        return sum(1 // (one.article.id - 2) for one in selection.chosen)

    assert salvage(of(1, 2, 3), make).left_out == {
        2: "ZeroDivisionError: integer division or modulo by zero"
    }


@given(
    ids=st.sets(st.integers(1, 30), min_size=2, max_size=12).flatmap(
        lambda ids: st.tuples(st.just(ids), st.sets(st.sampled_from(sorted(ids))))
    )
)
def test_exactly_the_faulty_stories_are_left_out(ids: tuple[set[int], set[int]]) -> None:
    everybody, faulty = ids
    if faulty == everybody:
        with pytest.raises(CompositionError):
            salvage(of(*everybody), refusing(*faulty))
        return
    saved = salvage(of(*everybody), refusing(*faulty))
    assert set(saved.left_out) == faulty
    assert set(saved.made) == everybody - faulty


def test_of_two_that_fail_only_together_the_second_goes() -> None:
    def make(selection: Selection) -> list[int]:
        ids = [one.article.id for one in selection.chosen]
        if {2, 4} <= set(ids):
            raise CompositionError("template: two of a kind")
        return ids

    saved = salvage(of(1, 2, 3, 4, 5), make)
    assert (saved.made, saved.left_out) == ([1, 2, 3, 5], {4: "template: two of a kind"})


def test_a_template_that_fails_without_any_story_is_no_storys_fault() -> None:
    tried: list[int] = []

    def make(selection: Selection) -> None:
        tried.append(len(selection.chosen))
        raise CompositionError("template: line 3: no 'footer'")

    with pytest.raises(CompositionError, match="no 'footer'"):
        salvage(of(1, 2, 3), make)
    assert tried == [3, 0]


def test_what_fails_in_another_way_each_time_raises_the_first_error() -> None:
    def make(selection: Selection) -> None:
        if len(selection.chosen) > 1:
            raise CompositionError(f"template: {len(selection.chosen)} stories are too many")
        if any(one.article.id == 1 for one in selection.chosen):
            raise CompositionError("template: not this one")

    with pytest.raises(CompositionError, match="3 stories are too many"):
        salvage(of(1, 2, 3), make)


def test_a_template_that_is_never_done_is_not_tried_with_every_story() -> None:
    tried: list[int] = []

    def make(selection: Selection) -> None:
        tried.append(len(selection.chosen))
        if selection.chosen:
            raise TemplateLimitError("template: daily/body.mjml: it took longer than 5 s")

    with pytest.raises(TemplateLimitError):
        salvage(of(*range(1, 30)), make)
    assert tried == [29, 0, 1, 1, 1]


def test_a_stop_by_hand_is_no_storys_fault() -> None:
    def make(_selection: Selection) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        salvage(of(1, 2), make)


def test_another_story_leads_where_the_lead_is_left_out() -> None:
    whole = a_selection()
    rest = leave_out(whole, {1: "no element 1"})
    second = by_id(rest)[2]
    assert second.place is Place.LEAD
    assert second.reason == "Lead: the one before it cannot be shown."
    assert headlines(rest) == headlines(whole)[1:]
    assert [one.place for one in rest.chosen].count(Place.LEAD) == 1


def test_the_new_lead_keeps_the_date_it_went_by() -> None:
    first, second = of(1, 2).candidates
    dated = replace(second, reason="Top story. Published 8 Jan 2026 at 18:00.")
    led = Selection((replace(first, place=Place.LEAD), dated))
    assert by_id(leave_out(led, {1: "x"}))[2].reason == (
        "Lead: the one before it cannot be shown. Published 8 Jan 2026 at 18:00."
    )


def test_lines_in_brief_never_lead() -> None:
    lead = chosen(a_story("Lead"), Place.LEAD, at=1)
    brief = chosen(a_story("Brief"), Place.BRIEF, at=2)
    rest = leave_out(Selection((lead, brief)), {1: "x"})
    assert [one.place for one in rest.chosen] == [Place.BRIEF]


def test_without_causes_nothing_changes() -> None:
    assert leave_out(a_selection(), {}) == a_selection()


def test_a_cause_is_one_line_of_a_bounded_length() -> None:
    assert cause_of(ValueError("two\nlines.")) == "ValueError: two lines"
    assert len(cause_of(CompositionError("x" * 5000))) == 300


def test_stories_that_only_together_take_too_long_are_not_all_tried() -> None:
    tried: list[int] = []

    def make(selection: Selection) -> None:
        tried.append(len(selection.chosen))
        if len(selection.chosen) > 3:
            raise TemplateLimitError("template: daily/body.mjml: it took longer than 5 s")

    with pytest.raises(TemplateLimitError):
        salvage(of(*range(1, 30)), make)
    assert tried == [29, 0, *[1] * 29, 1, 2, 3, 4, 4, 4]
