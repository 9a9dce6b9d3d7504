from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import UsageError
from digest.people.model import ApiToken, Scope
from digest.people.tokens import (
    Presented,
    admits,
    hash_secret,
    make_token,
    read_scopes,
    read_token,
    write_scopes,
)

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def made(life: timedelta | None = None) -> tuple[Presented, ApiToken]:
    text, new = make_token("crm", [Scope.READ], now=NOON, life=life)
    presented = read_token(text)
    assert presented is not None
    return presented, ApiToken(id=1, **asdict(new))


def test_a_token_is_admitted_by_its_own_secret() -> None:
    presented, token = made()
    assert admits(token, presented, now=NOON)
    assert presented.public_id == token.public_id


def test_no_two_tokens_are_alike_and_none_is_kept() -> None:
    text, new = make_token("crm", [Scope.READ], now=NOON)
    other, _ = make_token("crm", [Scope.READ], now=NOON)
    assert text != other
    assert re.fullmatch(r"dg_[0-9a-f]{12}_[0-9a-f]{64}", text)
    secret = text.rpartition("_")[2]
    assert secret not in str(asdict(new))
    assert new.secret_hash == hash_secret(secret)
    assert secret not in repr(read_token(text))
    assert new.secret_hash not in repr(new)


def test_a_token_expires_on_the_moment() -> None:
    presented, token = made(life=DAY)
    assert admits(token, presented, now=NOON + DAY - timedelta(microseconds=1))
    assert not admits(token, presented, now=NOON + DAY)


def test_a_revoked_token_is_none() -> None:
    presented, token = made()
    revoked = ApiToken(**{**asdict(token), "revoked_at": NOON})
    assert not admits(revoked, presented, now=NOON)


def test_nobody_is_admitted_by_a_secret_of_nobody() -> None:
    presented, _ = made()
    assert not admits(None, presented, now=NOON)
    assert not admits(None, Presented("0" * 12, ""), now=NOON)


@given(at=st.integers(0, 63), bit=st.integers(0, 3))
def test_one_bit_that_differs_is_a_forgery(at: int, bit: int) -> None:
    presented, token = made()
    digit = f"{int(presented.secret[at], 16) ^ 1 << bit:x}"
    forged = presented.secret[:at] + digit + presented.secret[at + 1 :]
    assert not admits(token, Presented(presented.public_id, forged), now=NOON)


@given(st.text())
def test_any_text_is_read_or_is_none(text: str) -> None:
    assert read_token(text) is None
    assert read_token(f"dg_{text}") is None


def test_what_stands_around_a_token_makes_it_none() -> None:
    text, _ = make_token("crm", [Scope.READ], now=NOON)
    assert read_token(text + "\n") is None
    assert read_token(text.upper()) is None
    assert read_token(text[:-1]) is None


@pytest.mark.parametrize(
    ("name", "scopes", "life", "problem"),
    [
        ("", [Scope.READ], None, "token: '': not a name"),
        ("two\nlines", [Scope.READ], None, "token: 'two\\nlines': not a name"),
        ("x" * 81, [Scope.READ], None, f"token: '{'x' * 80}': not a name"),
        ("crm", [], None, "token: it may do nothing"),
        ("crm", [Scope.READ], timedelta(0), "token: it would have expired already"),
        ("crm", [Scope.READ], timedelta.max, "token: that is longer than calendars go"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(
    name: str, scopes: list[Scope], life: timedelta | None, problem: str
) -> None:
    with pytest.raises(UsageError) as error:
        make_token(name, scopes, now=NOON, life=life)
    assert str(error.value) == problem
    assert error.value.hint


@given(st.sets(st.sampled_from(list(Scope))))
def test_scopes_are_read_as_they_were_written(scopes: set[Scope]) -> None:
    assert read_scopes(write_scopes(scopes)) == scopes


def test_a_scope_of_a_later_version_is_left_out() -> None:
    assert read_scopes("signup editions:approve") == {Scope.SIGNUP}
