"""Roles, names and passwords of people at the desk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.errors import UsageError
from digest.people.model import How, Role, Session, SessionRules, SignedIn, User
from digest.people.naming import device_of, person_name
from digest.people.passwords import SHORTEST, hash_password, matches

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
RULES = SessionRules(idle=timedelta(days=3), life=timedelta(days=30))
ALMA = User(1, "a1b2", "alma@post.example", "Alma Penn", Role.EDITOR, NOON, 1)
GOOD = "four words and a boat"


def _session(*, begun: timedelta, seen: timedelta, ended: bool = False) -> Session:
    ended_at = NOON if ended else None
    return Session(1, "s1", 1, How.LINK, "A test", NOON - begun, NOON - seen, ended_at)


def test_each_role_may_do_what_those_before_it_may() -> None:
    may = {role: [other for other in Role if role.may(other)] for role in Role}
    assert may == {
        Role.VIEWER: [Role.VIEWER],
        Role.EDITOR: [Role.VIEWER, Role.EDITOR],
        Role.APPROVER: [Role.VIEWER, Role.EDITOR, Role.APPROVER],
        Role.ADMIN: [Role.VIEWER, Role.EDITOR, Role.APPROVER, Role.ADMIN],
    }


def test_who_is_signed_in_is_named_by_user_and_in_the_audit_by_no_address() -> None:
    me = SignedIn(ALMA, _session(begun=timedelta(0), seen=timedelta(0)))
    assert (me.name, me.actor, me.address, me.role) == (
        "Alma Penn",
        "user:a1b2",
        "alma@post.example",
        Role.EDITOR,
    )
    assert [me.may("viewer"), me.may(Role.EDITOR), me.may("approver")] == [True, True, False]


@pytest.mark.parametrize(
    ("begun", "seen", "works"),
    [
        (timedelta(days=1), timedelta(minutes=1), True),
        (timedelta(days=4), timedelta(days=3) - timedelta(seconds=1), True),
        (timedelta(days=4), timedelta(days=3), False),
        (timedelta(days=30) - timedelta(seconds=1), timedelta(0), True),
        (timedelta(days=30), timedelta(0), False),
    ],
)
def test_a_session_is_over_when_it_is_not_used_or_too_old(
    begun: timedelta, seen: timedelta, *, works: bool
) -> None:
    assert _session(begun=begun, seen=seen).works(NOON, RULES) is works


def test_a_session_that_was_ended_is_over_at_once() -> None:
    ended = _session(begun=timedelta(0), seen=timedelta(0), ended=True)
    assert not ended.works(NOON, RULES)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/140.0.0.0 Mobile Safari/537.36"
            ),
            "Chrome on Android",
        ),
        ("curl/8.5", "A browser"),
        ("", "A browser"),
        ("<script>Firefox/1" + "x" * 9999, "Firefox"),
    ],
)
def test_of_a_browser_its_name_and_system_are_kept(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Alma Penn", "Alma Penn"),
        ("  Alma \n\t Penn ", "Alma Penn"),
        ("Al\x07ma\u202e Penn", "Alma Penn"),
        ("", "Alma Penn"),
        ("\u202e", "Alma Penn"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_name_is_one_line_and_else_made_of_the_address(text: str, name: str) -> None:
    assert person_name(text, "alma.penn@post.example") == name


def test_a_password_is_kept_as_argon2id_and_known_again_however_it_is_typed() -> None:
    kept = hash_password("caf\u00e9 on the quay", address="alma@post.example")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert matches(kept, "cafe\u0301 on the quay"), "the same letter, composed or not"
    assert not matches(kept, "cafe on the quay")


def test_nobodys_password_matches_nothing() -> None:
    assert not matches("", GOOD)
    assert not matches("", "")
    assert not matches("not a hash at all", GOOD)


@pytest.mark.parametrize(
    ("password", "cause"),
    [
        ("x" * (SHORTEST - 1), "too short"),
        ("", "too short"),
        ("x" * 201, "too long"),
        ("aaaaaaaaaaaaaaaa", "too easy"),
        ("ALMA@post.example", "too easy"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str, cause: str) -> None:
    with pytest.raises(UsageError, match=cause) as refused:
        hash_password(password, address="alma@post.example")
    assert password not in f"{refused.value}{refused.value.hint}" or not password
