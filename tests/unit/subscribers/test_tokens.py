from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import TokenError
from subscribers.tokens import (
    CONFIRM_LIFE,
    DATED,
    LIVES,
    Grant,
    Key,
    KeyRing,
    Keys,
    Purpose,
    StaleTokenError,
    refuse_stale,
)

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
OLD, NEW = Key(1, b"o" * 32), Key(2, b"n" * 32)
RING = KeyRing((NEW, OLD))
READER = "00112233445566778899aabb"
STOP = Grant(READER, (3,))
ASK = Grant(READER, (3, 200, 70_000), NOON)

_ALPHABET = string.ascii_letters + string.digits + "-_"
_GRANTS = st.builds(
    Grant,
    st.binary(min_size=12, max_size=12).map(bytes.hex),
    st.lists(st.integers(1, 2**62), min_size=1, max_size=5).map(tuple),
)


def _refused(token: str, purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
    with pytest.raises(TokenError) as caught:
        RING.read(purpose, token)
    assert type(caught.value) is TokenError
    return f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.PREFERENCES])
@given(_GRANTS)
def test_what_was_signed_is_read_back(purpose: Purpose, grant: Grant) -> None:
    assert RING.read(purpose, RING.sign(purpose, grant)) == grant


@given(_GRANTS, st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - the zone is set below
def test_a_confirmation_keeps_its_time_to_the_second(grant: Grant, at: datetime) -> None:
    at = at.replace(tzinfo=UTC)
    asked = Grant(grant.reader, grant.newsletter_ids, at)
    read = RING.read(Purpose.CONFIRM, RING.sign(Purpose.CONFIRM, asked))
    assert read == Grant(grant.reader, grant.newsletter_ids, at.replace(microsecond=0))


def test_tokens_are_short_and_need_no_escaping() -> None:
    for purpose in Purpose:
        grant = ASK if purpose in DATED else STOP
        token = RING.sign(purpose, grant)
        assert len(token) <= 60
        assert set(token) <= set(_ALPHABET)


def test_the_newest_key_signs_and_earlier_ones_are_accepted() -> None:
    old = KeyRing((OLD,)).sign(Purpose.UNSUBSCRIBE, STOP)
    assert RING.read(Purpose.UNSUBSCRIBE, old) == STOP
    assert RING.sign(Purpose.UNSUBSCRIBE, STOP) == KeyRing((NEW,)).sign(Purpose.UNSUBSCRIBE, STOP)


def test_every_changed_character_is_refused_in_the_same_words() -> None:
    token = RING.sign(Purpose.UNSUBSCRIBE, STOP)
    sentences = {
        _refused(token[:at] + other + token[at + 1 :])
        for at in range(len(token))
        for other in _ALPHABET
        if other != token[at]
    }
    damaged = "link: damaged, or not one of ours"
    assert sentences == {f"{damaged} Copy the whole link from the mail, or write to the publisher."}


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    _refused(text)


@given(st.data())
def test_cut_grown_and_flipped_tokens_are_refused(data: st.DataObject) -> None:
    token = RING.sign(Purpose.CONFIRM, ASK)
    at = data.draw(st.integers(0, len(token) - 1))
    _refused(token[:at], Purpose.CONFIRM)
    _refused(token[at + 1 :], Purpose.CONFIRM)
    added = data.draw(st.text(_ALPHABET + "= \n.~\0é", min_size=1, max_size=5))
    _refused(token[:at] + added + token[at:], Purpose.CONFIRM)
    _refused(token + added, Purpose.CONFIRM)
    _refused(added + token, Purpose.CONFIRM)


@pytest.mark.parametrize("signed", Purpose)
@pytest.mark.parametrize("read", Purpose)
def test_a_token_of_another_purpose_is_refused(signed: Purpose, read: Purpose) -> None:
    if signed is not read:
        _refused(RING.sign(signed, ASK if signed in DATED else STOP), read)


def test_a_token_of_another_key_is_refused() -> None:
    _refused(KeyRing((Key(3, NEW.secret),)).sign(Purpose.UNSUBSCRIBE, STOP))
    _refused(KeyRing((Key(2, OLD.secret),)).sign(Purpose.UNSUBSCRIBE, STOP))


@pytest.mark.parametrize(
    ("purpose", "grant"),
    [
        (Purpose.UNSUBSCRIBE, Grant("short", (1,))),
        (Purpose.UNSUBSCRIBE, Grant(READER, ())),
        (Purpose.UNSUBSCRIBE, ASK),
        (Purpose.PREFERENCES, ASK),
        (Purpose.CONFIRM, STOP),
    ],
)
def test_a_grant_that_cannot_be_written_is_our_own_mistake(purpose: Purpose, grant: Grant) -> None:
    with pytest.raises(ValueError, match=r"^a "):
        RING.sign(purpose, grant)


def test_a_confirmation_lives_thirty_days() -> None:
    refuse_stale(ASK, NOON + CONFIRM_LIFE)
    with pytest.raises(StaleTokenError, match="older than 30 days"):
        refuse_stale(ASK, NOON + CONFIRM_LIFE + timedelta(seconds=1))
    with pytest.raises(StaleTokenError):
        refuse_stale(STOP, NOON)


@pytest.mark.parametrize("purpose", [Purpose.ADDRESS, Purpose.DATA, Purpose.ERASE])
def test_what_gives_away_or_ends_a_readers_data_works_for_a_day_or_two_alone(
    purpose: Purpose,
) -> None:
    whole = Grant(READER, issued_at=NOON)
    assert RING.read(purpose, RING.sign(purpose, whole)) == whole
    refuse_stale(whole, NOON + LIVES[purpose], purpose=purpose)
    assert LIVES[purpose] <= timedelta(days=2)
    with pytest.raises(StaleTokenError):
        refuse_stale(whole, NOON + LIVES[purpose] + timedelta(seconds=1), purpose=purpose)


def test_no_secret_is_ever_printed() -> None:
    shown = repr(Keys(RING, b"never shown"))
    assert "never shown" not in shown
    assert "ooo" not in shown
