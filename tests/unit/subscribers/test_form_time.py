from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.form_time import LATEST, SOONEST, FormAge, read_form_time, sign_form_time
from subscribers.tokens import Grant, Key, KeyRing, Purpose

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = KeyRing((Key(2, b"n" * 32), Key(1, b"k" * 32)))
_MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("after", "age"),
    [
        (timedelta(0), FormAge.YOUNG),
        (SOONEST - _MOMENT, FormAge.YOUNG),
        (SOONEST, FormAge.RIPE),
        (LATEST, FormAge.RIPE),
        (LATEST + _MOMENT, FormAge.OLD),
        (-timedelta(days=2), FormAge.YOUNG),
    ],
)
def test_a_form_is_ripe_from_two_seconds_to_a_day(after: timedelta, age: FormAge) -> None:
    assert read_form_time(KEYS, sign_form_time(KEYS, NOON), NOON + after) is age


def test_a_form_of_an_earlier_key_is_taken_and_one_of_an_unknown_key_is_not() -> None:
    earlier = sign_form_time(KeyRing(KEYS.keys[1:]), NOON)
    unknown = sign_form_time(KeyRing((Key(3, b"n" * 32),)), NOON)
    later = NOON + timedelta(minutes=1)
    assert read_form_time(KEYS, earlier, later) is FormAge.RIPE
    assert read_form_time(KEYS, unknown, later) is FormAge.FORGED


@given(st.integers(0, 31), st.sampled_from("ABab01-_"))
def test_no_sign_of_it_can_be_changed(at: int, sign: str) -> None:
    written = sign_form_time(KEYS, NOON)
    changed = written[:at] + sign + written[at + 1 :]
    age = read_form_time(KEYS, changed, NOON + timedelta(minutes=1))
    assert age is (FormAge.RIPE if changed == written else FormAge.FORGED)


@given(st.text(max_size=60))
def test_anything_else_is_a_forgery(written: str) -> None:
    assert read_form_time(KEYS, written, NOON) is FormAge.FORGED


def test_no_link_is_a_form_time() -> None:
    link = KEYS.sign(Purpose.UNSUBSCRIBE, Grant("ab" * 12, (1,)))
    assert read_form_time(KEYS, link[:32], NOON) is FormAge.FORGED
