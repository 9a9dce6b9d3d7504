"""People, their sessions and their links, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from digest.db import Database
from digest.errors import ConflictError, NotFoundError, UsageError, WorkflowError
from digest.outbox.model import NoticeKind
from digest.outbox.store import due
from digest.people import sessions, sign_in, user_store, users
from digest.people.audit_store import audit_of
from digest.people.model import How, Role, SessionRules, SignedIn, User
from digest.people.sessions import Begun
from digest.people.tokens import hash_secret
from digest.workflow.retention import Keep, retain

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
RULES = SessionRules(idle=timedelta(days=3), life=timedelta(days=30))
ALMA, BOB = "alma.penn@post.example", "bob@post.example"
PASSWORD = "four words and a boat"
_DAY = timedelta(days=1)


def _add(database: Database, address: str = ALMA, role: Role = Role.ADMIN) -> User:
    with database.write() as connection:
        return users.add(connection, address, address, role=role, actor="test", at=NOON)


def _begin(database: Database, of: User, at: datetime = NOON) -> Begun:
    with database.write() as connection:
        return sessions.begin(connection, of, how=How.LINK, device="A test", at=at)


def _find(database: Database, token: str, at: datetime = NOON) -> SignedIn | None:
    return sessions.find(database, token, now=at, rules=RULES)


def _link(database: Database, of: User, at: datetime = NOON) -> str:
    with database.write() as connection:
        return sign_in.new_link(connection, of, url=lambda token: token, now=at)


def _use(database: Database, token: str, at: datetime = NOON) -> Begun | None:
    return sign_in.by_link(database, token, device="A test", now=at)


def _verbs(database: Database, of: User) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(each.actor, each.verb) for each in audit_of(connection, [of.public_id])]


def _now(database: Database, of: User) -> User:
    with database.read() as connection:
        found = user_store.user_by_public_id(connection, of.public_id)
    assert found is not None
    return found


def test_somebody_added_is_kept_as_they_were_named(database: Database) -> None:
    added = _add(database)
    assert (added.address, added.name, added.role) == (ALMA, "Alma Penn", Role.ADMIN)
    with database.read() as connection:
        assert user_store.list_users(connection) == [added]
        assert user_store.find_user(connection, address_key=ALMA) == added
        assert users.named(connection, address_key=ALMA) == added
    assert _verbs(database, added) == [("test", "user.add")]


def test_nobody_is_added_twice(database: Database) -> None:
    _add(database)
    with pytest.raises(UsageError, match="somebody has it already"):
        _add(database, role=Role.VIEWER)


def test_who_is_not_here_is_told_so_without_their_address(database: Database) -> None:
    with database.read() as connection, pytest.raises(NotFoundError) as refused:
        users.named(connection, address_key=BOB)
    assert BOB not in str(refused.value)


def test_a_session_is_found_by_its_token_alone_and_its_token_is_kept_nowhere(
    database: Database,
) -> None:
    alma = _add(database)
    begun = _begin(database, alma)
    found = _find(database, begun.token)
    assert found is not None
    assert (found.user.address, found.session.public_id) == (ALMA, begun.me.session.public_id)
    assert _find(database, begun.me.session.public_id) is None
    assert _find(database, hash_secret(begun.token)) is None, "what is kept opens nothing"
    assert _find(database, "") is None
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM session").all()
    assert begun.token not in str(rows)


def test_a_session_in_use_goes_on_and_is_noted_once_a_minute(database: Database) -> None:
    begun = _begin(database, _add(database))
    for hours in range(0, 29 * 24, 71):
        assert _find(database, begun.token, NOON + timedelta(hours=hours)) is not None
    assert _find(database, begun.token, NOON + 30 * _DAY) is None, "and yet it ends"
    seen = NOON + timedelta(hours=639)
    assert _now(database, begun.me.user).seen_at == seen


def test_a_session_left_alone_is_over(database: Database) -> None:
    begun = _begin(database, _add(database))
    assert _find(database, begun.token, NOON + 3 * _DAY) is None


def test_a_session_is_ended_by_its_owner_and_by_nobody_else(database: Database) -> None:
    alma, bob = _add(database), _add(database, BOB)
    here, there = _begin(database, alma), _begin(database, alma)
    bobs = _begin(database, bob)
    assert not sessions.end(database, bobs.me, there.me.session, at=NOON)
    assert sessions.end(database, here.me, there.me.session.public_id, at=NOON)
    assert not sessions.end(database, here.me, there.me.session.public_id, at=NOON), "once"
    assert _find(database, there.token) is None
    assert _find(database, here.token) is not None
    more = _begin(database, alma)
    assert sessions.end_others(database, here.me, at=NOON) == 1
    assert _find(database, more.token) is None
    assert _find(database, here.token) is not None
    with database.read() as connection:
        mine = user_store.sessions_of(connection, alma.id, now=NOON, rules=RULES)
        counts = user_store.count_sessions(connection, now=NOON, rules=RULES)
    assert [each.public_id for each in mine] == [here.me.session.public_id]
    assert counts == {alma.id: 1, bob.id: 1}


def test_a_link_signs_in_once_and_ends_the_others(database: Database) -> None:
    alma = _add(database)
    first, second = _link(database, alma), _link(database, alma)
    begun = _use(database, second)
    assert begun is not None
    assert begun.me.user.address == ALMA
    assert begun.me.session.how is How.LINK
    assert [_use(database, second), _use(database, first)] == [None, None]


def test_a_link_ends_after_a_quarter_of_an_hour(database: Database) -> None:
    alma = _add(database)
    link = _link(database, alma)
    late = NOON + timedelta(minutes=15)
    found = sign_in.link_owner(database, link, now=late)
    assert found is not None
    assert (found[0].address, found[1]) == (ALMA, False)
    assert _use(database, link, late) is None
    assert _use(database, link, late - timedelta(seconds=1)) is not None


def test_a_link_is_used_by_one_of_many_who_press_at_once(database: Database) -> None:
    link = _link(database, _add(database))
    came: list[Begun | None] = []
    threads = [threading.Thread(target=lambda: came.append(_use(database, link))) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(each is not None for each in came) == 1


def test_looking_at_a_link_does_not_use_it(database: Database) -> None:
    alma = _add(database)
    link = _link(database, alma)
    for _ in range(3):
        found = sign_in.link_owner(database, link, now=NOON)
        assert found is not None
        assert found[1]
    assert sign_in.link_owner(database, "made-up", now=NOON) is None
    assert _use(database, "made-up") is None
    assert _use(database, link) is not None


def test_a_link_is_mailed_to_who_may_come_in_and_to_nobody_else(database: Database) -> None:
    alma, bob = _add(database), _add(database, BOB, Role.EDITOR)
    with database.write() as connection:
        users.revoke(connection, bob, version=bob.version, actor="test", at=NOON)
    for address in (ALMA, BOB, "nobody@post.example"):
        sign_in.ask_link(
            database, address, url=lambda token: f"https://d.example/{token}", now=NOON
        )
    with database.read() as connection:
        notices = due(connection, now=NOON, limit=9)
    assert [(each.kind, each.to_address) for each in notices] == [(NoticeKind.SIGN_IN, ALMA)]
    url = str(notices[0].facts["sign_in_url"])
    assert _use(database, url.removeprefix("https://d.example/")) is not None
    assert _verbs(database, alma)[1:] == [("desk", "sign-in.mail"), (alma.actor, "session.begin")]


def test_a_password_signs_in_who_set_it(database: Database) -> None:
    alma = _add(database)
    me, other = _begin(database, alma), _begin(database, alma)
    link = _link(database, alma)
    users.set_password(database, me.me, PASSWORD, old="", at=NOON)
    assert _find(database, other.token) is None, "whoever was there before is out"
    assert _use(database, link) is None
    assert _find(database, me.token) is not None

    def enter(address: str, password: str) -> Begun | None:
        return sign_in.by_password(database, address, password, device="A test", now=NOON)

    begun = enter(ALMA, PASSWORD)
    assert begun is not None
    assert begun.me.session.how is How.PASSWORD
    assert [enter(ALMA, PASSWORD.upper()), enter(BOB, PASSWORD), enter(ALMA, "")] == [None] * 3
    with pytest.raises(UsageError, match="not the one you had"):
        users.set_password(database, begun.me, "another long password", old="wrong", at=NOON)
    users.set_password(database, begun.me, "another long password", old=PASSWORD, at=NOON)
    assert enter(ALMA, PASSWORD) is None
    again = enter(ALMA, "another long password")
    assert again is not None
    users.drop_password(database, again.me, at=NOON)
    assert enter(ALMA, "another long password") is None


def test_another_role_counts_from_the_next_request_on(database: Database) -> None:
    _add(database)
    bob = _add(database, BOB, Role.EDITOR)
    begun = _begin(database, bob)
    with database.write() as connection:
        users.change_role(connection, bob, Role.VIEWER, version=1, actor="user:x", at=NOON)
    found = _find(database, begun.token)
    assert found is not None
    assert found.role is Role.VIEWER
    assert ("user:x", "user.role") in _verbs(database, bob)
    with database.write() as connection:
        same = users.change_role(
            connection, found.user, Role.VIEWER, version=0, actor="user:x", at=NOON
        )
    assert same == found.user, "what is so already is no change, whoever asks"


def test_two_admins_at_once_do_not_overwrite_each_other(database: Database) -> None:
    _add(database)
    bob = _add(database, BOB, Role.EDITOR)
    with database.write() as connection:
        users.change_role(connection, bob, Role.VIEWER, version=bob.version, actor="a", at=NOON)
    with pytest.raises(ConflictError, match="somebody else"), database.write() as connection:
        users.change_role(connection, bob, Role.ADMIN, version=bob.version, actor="b", at=NOON)
    assert _now(database, bob).role is Role.VIEWER


def test_who_is_revoked_is_out_at_once_and_comes_in_by_nothing(database: Database) -> None:
    _add(database)
    bob = _add(database, BOB, Role.EDITOR)
    me = _begin(database, bob)
    users.set_password(database, me.me, PASSWORD, old="", at=NOON)
    link = _link(database, bob)
    with database.write() as connection:
        users.revoke(connection, _now(database, bob), version=2, actor="user:x", at=NOON)
    assert _find(database, me.token) is None
    assert _use(database, link) is None
    assert sign_in.by_password(database, BOB, PASSWORD, device="", now=NOON) is None
    assert ("user:x", "user.revoke") in _verbs(database, bob)


def test_who_was_revoked_comes_back_without_the_old_password(database: Database) -> None:
    _add(database)
    bob = _add(database, BOB, Role.APPROVER)
    users.set_password(database, _begin(database, bob).me, PASSWORD, old="", at=NOON)
    with database.write() as connection:
        users.revoke(connection, _now(database, bob), version=2, actor="test", at=NOON)
        again = users.add(connection, BOB, BOB, role=Role.VIEWER, actor="test", at=NOON)
    assert (again.public_id, again.role, again.revoked_at) == (bob.public_id, Role.VIEWER, None)
    assert sign_in.by_password(database, BOB, PASSWORD, device="", now=NOON) is None


def test_the_last_admin_stays(database: Database) -> None:
    alma = _add(database)
    _add(database, BOB, Role.APPROVER)
    with database.write() as connection:
        with pytest.raises(WorkflowError, match="the last admin"):
            users.revoke(connection, alma, version=1, actor="test", at=NOON)
        with pytest.raises(WorkflowError, match="the last admin"):
            users.change_role(connection, alma, Role.EDITOR, version=1, actor="test", at=NOON)
        other = users.add(
            connection, "c@x.example", "c@x.example", role=Role.ADMIN, actor="t", at=NOON
        )
        users.change_role(connection, alma, Role.EDITOR, version=1, actor="test", at=NOON)
        with pytest.raises(WorkflowError, match="the last admin"):
            users.revoke(connection, other, version=1, actor="test", at=NOON)


def test_signing_somebody_out_ends_sessions_and_links(database: Database) -> None:
    alma = _add(database)
    tokens = [_begin(database, alma).token for _ in range(3)]
    link = _link(database, alma)
    with database.write() as connection:
        assert users.sign_out(connection, alma, actor="test", at=NOON) == 3
    assert [_find(database, each) for each in tokens] == [None] * 3
    assert _use(database, link) is None
    assert _use(database, _link(database, alma)) is not None, "they may come in again"


def test_what_is_over_is_let_go_and_what_works_stays(database: Database) -> None:
    alma = _add(database)
    over, idle = _begin(database, alma), _begin(database, alma)
    sessions.end(database, over.me, over.me.session, at=NOON)
    _link(database, alma)
    works = _begin(database, alma, NOON + 7 * _DAY)

    def gone(at: datetime) -> tuple[int, int]:
        let_go = retain(database, Keep(), at, rules=RULES)
        return let_go.sessions, let_go.sign_in_links

    assert gone(NOON + _DAY) == (0, 0), "a form that was opened in it is still known by it"
    assert gone(NOON + 8 * _DAY) == (1, 1)
    assert gone(NOON + 10 * _DAY + timedelta(seconds=1)) == (1, 0)
    assert _find(database, works.token, NOON + 9 * _DAY) is not None
    assert _find(database, idle.token, NOON) is None
