"""The page People, and the page of oneself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from digest.db import Database
from digest.people import user_store
from digest.people.audit_store import audit_of
from digest.people.model import Role, User
from tests.builders import Paper, opening
from tests.integration.desk_site import ALMA, AtDesk, at_desk, text_of

BOB = "bob@post.example"
PASSWORD = "four words and a boat"


@pytest.fixture
def paper(sqlite_database: Database, tmp_path: Path) -> Iterator[Paper]:
    opened = opening(tmp_path, f"sqlite:///{sqlite_database.path}")
    yield next(opened)()
    opened.close()  # type: ignore[attr-defined]


@pytest.fixture
def desk(paper: Paper) -> AtDesk:
    """Somebody of the role admin, signed in a moment ago."""
    return at_desk(paper.app)


def _add(desk: AtDesk, address: str = BOB, role: str = "editor", name: str = "") -> None:
    answer = desk.post("people/add", {"address": address, "role": role, "name": name})
    assert answer.status_code == 303, text_of(answer)


def _user(desk: AtDesk, address: str = BOB) -> User:
    with desk.app.database.read() as connection:
        found = user_store.find_user(connection, address_key=address)
    assert found is not None
    return found


def _verbs(desk: AtDesk, address: str = BOB) -> list[tuple[str, str]]:
    with desk.app.database.read() as connection:
        found = audit_of(connection, [_user(desk, address).public_id])
    return [(each.actor, each.verb) for each in found]


def _to(desk: AtDesk, act: str, address: str = BOB, **fields: str) -> tuple[int, str]:
    who = _user(desk, address)
    answer = desk.post(f"people/{who.public_id}/{act}", {"version": str(who.version), **fields})
    said = text_of(desk.get("people")) if answer.status_code == 303 else text_of(answer)
    return answer.status_code, said


def test_somebody_added_is_mailed_a_link_and_stands_on_the_page(paper: Paper, desk: AtDesk) -> None:
    _add(desk, " Bob@POST.example ", "approver", "Bob Quill")
    page = text_of(desk.get("people"))
    assert "Bob Quill is an approver now. A link to sign in is on its way." in page
    assert "Bob@post.example" in page
    (notice,) = paper.notices()
    assert (notice.kind, notice.to_address) == ("sign-in", "Bob@post.example")
    assert desk.me is not None
    assert _verbs(desk) == [(desk.me.actor, "user.add"), (desk.me.actor, "sign-in.mail")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"address": "no address", "role": "editor"}, "no address"),
        ({"address": BOB, "role": "queen"}, "no role was chosen"),
        ({"address": BOB}, "no role was chosen"),
        ({"address": ALMA, "role": "editor"}, "somebody has it already"),
    ],
)
def test_who_cannot_be_added_leaves_the_form_as_it_was_typed(
    desk: AtDesk, fields: dict[str, str], said: str
) -> None:
    answer = desk.post("people/add", {**fields, "name": "Bob & <Co>"})
    assert (answer.status_code, said in text_of(answer)) == (422, True)
    assert 'value="Bob &amp; &lt;Co&gt;"' in answer.text
    assert f'value="{fields["address"]}"' in answer.text


def test_a_role_is_changed_and_counts_at_once(desk: AtDesk) -> None:
    _add(desk)
    bob = at_desk(desk.app, Role.EDITOR, address=BOB)
    assert bob.get("people").status_code == 403
    status, page = _to(desk, "role", role="admin")
    assert (status, "Bob is an admin now." in page) == (303, True)
    assert bob.get("people").status_code == 200


def test_somebody_let_in_no_more_is_out_at_once(desk: AtDesk) -> None:
    _add(desk)
    bob = at_desk(desk.app, Role.EDITOR, address=BOB)
    status, page = _to(desk, "revoke")
    assert (status, "Bob comes in no more, and is signed out everywhere." in page) == (303, True)
    assert bob.get("you").status_code == 303
    assert re.search(r"Let in no more Bob , bob@post\.example since Thu 8 January", page)
    _add(desk, name="Robert")
    assert "Robert" in text_of(desk.get("people"))
    assert bob.get("you").status_code == 303, "a session that was ended does not come back"


def test_somebody_is_signed_out_everywhere(desk: AtDesk) -> None:
    _add(desk)
    bob = at_desk(desk.app, Role.EDITOR, address=BOB)
    at_desk(desk.app, Role.EDITOR, address=BOB)
    assert "2 sessions" in text_of(desk.get("people"))
    status, page = _to(desk, "sign-out")
    assert (status, "Bob is signed out everywhere: 2 sessions ended." in page) == (303, True)
    assert bob.get("you").status_code == 303


def test_two_admins_at_once_learn_of_each_other(desk: AtDesk) -> None:
    _add(desk)
    seen = _user(desk)
    desk.post(f"people/{seen.public_id}/role", {"version": str(seen.version), "role": "viewer"})
    answer = desk.post(
        f"people/{seen.public_id}/role", {"version": str(seen.version), "role": "admin"}
    )
    assert (answer.status_code, "Somebody else was there first" in text_of(answer)) == (409, True)
    assert _user(desk).role is Role.VIEWER


def test_the_last_admin_stays(desk: AtDesk) -> None:
    for act, fields in (("revoke", {}), ("role", {"role": "viewer"})):
        status, page = _to(desk, act, ALMA, **fields)
        assert (status, "the last admin" in page) == (409, True)
    assert desk.get("people").status_code == 200


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "²"])
def test_a_form_without_a_version_of_ours_changes_nothing(desk: AtDesk, version: str) -> None:
    _add(desk)
    answer = desk.post(f"people/{_user(desk).public_id}/revoke", {"version": version})
    assert (answer.status_code, _user(desk).revoked_at) == (409, None)


def test_nobody_is_not_found(desk: AtDesk) -> None:
    assert desk.post("people/none/revoke", {"version": "1"}).status_code == 404


def test_my_name_is_mine_to_change(desk: AtDesk) -> None:
    assert desk.post("you/name", {"name": " Alma\n  Quill "}).status_code == 303
    assert "Your name is changed. Alma Quill" in text_of(desk.get("you"))
    assert desk.post("you/name", {"name": "  "}).status_code == 422
    assert _verbs(desk, ALMA)[-1][1] == "user.rename"


def test_my_sessions_are_listed_and_ended_one_or_all(desk: AtDesk) -> None:
    others = [at_desk(desk.app, Role.ADMIN) for _ in range(3)]
    page = desk.get("you")
    assert text_of(page).count("A test") == 4 + 3, "each, and the name of its button"
    assert others[0].me is not None
    ended = {"session": others[0].me.session.public_id}
    desk.post("you/sessions/end", ended)
    assert "That session is ended." in text_of(desk.get("you"))
    assert [each.get("you").status_code for each in others] == [303, 200, 200]
    desk.post("you/sessions/end", ended)
    assert "That session was over already." in text_of(desk.get("you"))
    desk.post("you/sessions/end-others")
    assert "2 sessions ended" in text_of(desk.get("you"))
    assert [each.get("you").status_code for each in others] == [303, 303, 303]


def test_nobody_ends_the_session_of_another(desk: AtDesk) -> None:
    _add(desk)
    bob = at_desk(desk.app, Role.EDITOR, address=BOB)
    assert desk.me is not None
    bob.post("you/sessions/end", {"session": desk.me.session.public_id})
    assert desk.get("you").status_code == 200


def test_a_password_is_set_changed_and_dropped(desk: AtDesk) -> None:
    other = at_desk(desk.app, Role.ADMIN)
    assert desk.post("you/password", {"password": PASSWORD, "again": PASSWORD}).status_code == 303
    page = text_of(desk.get("you"))
    assert "Your password is set. You are signed out everywhere else." in page
    assert other.get("you").status_code == 303
    wrong = desk.post("you/password", {"old": "wrong", "password": "x" * 20, "again": "x" * 20})
    assert (wrong.status_code, "not the one you had" in text_of(wrong)) == (422, True)
    more = "another one that is long"
    fields = {"old": PASSWORD, "password": more, "again": more}
    assert desk.post("you/password", fields).status_code == 303
    assert desk.post("you/no-password").status_code == 303
    assert "You have none, and need none" in text_of(desk.get("you"))
    verbs = [verb for _, verb in _verbs(desk, ALMA) if verb.startswith("user.")]
    assert verbs == ["user.add", "user.password", "user.password", "user.no-password"]


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("shrimp", "shrimp", "too short"),
        (PASSWORD, PASSWORD + "!", "the two are not the same"),
        (ALMA, ALMA, "too easy to guess"),
    ],
)
def test_a_password_that_will_not_do_is_refused_and_shown_nowhere(
    desk: AtDesk, password: str, again: str, said: str
) -> None:
    answer = desk.post("you/password", {"password": password, "again": again})
    assert (answer.status_code, said in text_of(answer)) == (422, True)
    assert password == ALMA or password not in answer.text


def test_who_stole_a_session_cannot_set_a_first_password_with_it(
    paper: Paper, desk: AtDesk
) -> None:
    paper.watch.at += timedelta(minutes=15)
    page = desk.get("you")
    assert 'name="password"' not in page.text
    answer = desk.post("you/password", {"password": PASSWORD, "again": PASSWORD})
    assert (answer.status_code, "too long ago" in text_of(answer)) == (422, True)


def test_what_people_are_called_is_shown_as_they_wrote_it(desk: AtDesk) -> None:
    desk.post("you/name", {"name": "<script>alert(1)</script>"})
    page = desk.get("people").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
