from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from digest.editions.model import Edition, EditionState, Release, ReleaseMode, Window
from digest.workflow.release import Move, is_over, next_move, what_next, why_over

CUT_OFF = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
SEND_AT = datetime(2026, 1, 9, 7, 0, tzinfo=UTC)
NEXT_CUT_OFF = CUT_OFF + timedelta(days=3)
EDITION = Edition(
    id=1,
    newsletter_id=1,
    slug="daily",
    local_date=date(2026, 1, 9),
    slot_name="main",
    number=1,
    state=EditionState.IN_REVIEW,
    window=Window(CUT_OFF - timedelta(days=1), CUT_OFF),
    send_at=SEND_AT,
    prepared_at=CUT_OFF,
    told_at=CUT_OFF + timedelta(minutes=1),
    expires_at=NEXT_CUT_OFF,
)
AUTO = Release(ReleaseMode.AUTO)
BY_HAND = Release(ReleaseMode.APPROVE)
AFTER_20 = Release(ReleaseMode.AUTO_AFTER, timedelta(minutes=20))


@pytest.mark.parametrize(
    ("state", "release", "now", "move"),
    [
        (EditionState.IN_REVIEW, AUTO, CUT_OFF + timedelta(minutes=1), Move.APPROVE),
        (EditionState.IN_REVIEW, AFTER_20, CUT_OFF + timedelta(minutes=20), Move.WAIT),
        (EditionState.IN_REVIEW, AFTER_20, CUT_OFF + timedelta(minutes=21), Move.APPROVE),
        (EditionState.IN_REVIEW, BY_HAND, SEND_AT - timedelta(seconds=1), Move.WAIT),
        (EditionState.IN_REVIEW, BY_HAND, SEND_AT, Move.HOLD),
        (EditionState.APPROVED, AUTO, SEND_AT - timedelta(seconds=1), Move.WAIT),
        (EditionState.APPROVED, BY_HAND, SEND_AT, Move.SEND),
        (EditionState.HELD, BY_HAND, NEXT_CUT_OFF - timedelta(seconds=1), Move.WAIT),
        (EditionState.HELD, BY_HAND, NEXT_CUT_OFF, Move.EXPIRE),
        (EditionState.DRAFT, AUTO, SEND_AT, Move.WAIT),
        (EditionState.DRAFT, AUTO, NEXT_CUT_OFF, Move.EXPIRE),
        (EditionState.IN_REVIEW, BY_HAND, NEXT_CUT_OFF, Move.EXPIRE),
        (EditionState.IN_REVIEW, AFTER_20, NEXT_CUT_OFF, Move.EXPIRE),
        (EditionState.APPROVED, AUTO, NEXT_CUT_OFF - timedelta(seconds=1), Move.SEND),
        (EditionState.APPROVED, AUTO, NEXT_CUT_OFF, Move.EXPIRE),
        (EditionState.SENDING, AUTO, NEXT_CUT_OFF, Move.WAIT),
        (EditionState.SENT, AUTO, NEXT_CUT_OFF, Move.WAIT),
    ],
)
def test_state_release_and_hour_decide(
    state: EditionState, release: Release, now: datetime, move: Move
) -> None:
    assert next_move(replace(EDITION, state=state), release, now) is move


def test_the_editors_time_counts_from_when_they_were_told() -> None:
    late = replace(EDITION, told_at=SEND_AT)
    assert next_move(late, AFTER_20, SEND_AT + timedelta(minutes=19)) is Move.WAIT
    assert next_move(late, AFTER_20, SEND_AT + timedelta(minutes=20)) is Move.APPROVE


def test_while_no_editor_could_be_told_it_waits_whatever_the_hour() -> None:
    unheard = replace(EDITION, told_at=None)
    assert next_move(unheard, AFTER_20, SEND_AT + timedelta(hours=9)) is Move.WAIT
    assert next_move(unheard, AUTO, CUT_OFF) is Move.APPROVE


def test_a_word_to_send_now_counts_before_the_hour() -> None:
    hastened = replace(EDITION, state=EditionState.APPROVED, go_at=CUT_OFF)
    assert next_move(hastened, BY_HAND, CUT_OFF) is Move.SEND


def test_what_was_stopped_half_way_waits_for_a_person_always() -> None:
    for state in (EditionState.HELD, EditionState.STOPPED, EditionState.IN_REVIEW):
        begun = replace(EDITION, state=state, sending_at=SEND_AT)
        assert next_move(begun, AUTO, NEXT_CUT_OFF) is Move.WAIT


def test_an_edition_made_by_hand_waits_for_its_approval_and_is_not_held() -> None:
    by_hand = replace(EDITION, send_at=CUT_OFF)
    assert next_move(by_hand, BY_HAND, SEND_AT) is Move.WAIT


def test_a_held_edition_of_a_letter_made_by_hand_never_expires() -> None:
    held = replace(EDITION, state=EditionState.HELD, expires_at=None)
    assert next_move(held, BY_HAND, NEXT_CUT_OFF + timedelta(days=365)) is Move.WAIT


def test_an_edition_made_by_hand_after_its_own_end_never_expires() -> None:
    belated = replace(EDITION, prepared_at=NEXT_CUT_OFF)
    assert not is_over(belated, NEXT_CUT_OFF + timedelta(days=365))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (EditionState.DRAFT, "It was not composed before the next edition was due."),
        (EditionState.IN_REVIEW, "It was not approved before the next edition was due."),
        (EditionState.HELD, "It was not approved before the next edition was due."),
        (EditionState.APPROVED, "It was not sent before the next edition was due."),
    ],
)
def test_what_expired_says_what_it_was_waiting_for(state: EditionState, words: str) -> None:
    assert why_over(replace(EDITION, state=state)) == words


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (AUTO, "It goes by itself on 9 Jan 2026 at 07:00."),
        (AFTER_20, "It goes by itself on 9 Jan 2026 at 07:00, unless somebody skips it."),
        (
            Release(ReleaseMode.AUTO_AFTER, timedelta(hours=1)),
            "It goes by itself on 9 Jan 2026 at 07:30, unless somebody skips it.",
        ),
        (BY_HAND, "Its hour is 9 Jan 2026 at 07:00; it goes only if somebody approves it."),
    ],
)
def test_the_editors_of_a_draft_hear_what_comes_of_it(release: Release, words: str) -> None:
    assert what_next(EDITION, release, told_at=CUT_OFF, zone="Europe/London") == words


def test_a_letter_made_by_hand_goes_when_it_is_approved() -> None:
    by_hand = replace(EDITION, send_at=CUT_OFF)
    said = what_next(by_hand, BY_HAND, told_at=CUT_OFF, zone="UTC")
    assert said == "It goes when somebody approves it."
