"""The commands about people of the desk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from digest.app import App, open_app
from digest.config import load
from digest.people.audit_store import audit_of
from digest.web.mount import pages_of
from tests.builders import write_settings
from tests.integration.cli_site import Ran, run

ALMA = "alma.penn@post.example"
ORIGIN = "https://letters.post.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_settings(tmp_path)
    return tmp_path


def _users(folder: Path, *words: str) -> Ran:
    return run("users", *words, folder=folder)


def _link(said: str) -> str:
    (url,) = re.findall(rf"{re.escape(ORIGIN)}/desk/sign-in/\S+", said)
    return str(url)


def _open(folder: Path) -> App:
    return open_app(load(folder / "digest.toml"))


def _enter(app: App, url: str) -> TestClient:
    client = TestClient(pages_of(app), base_url=ORIGIN)
    client.post(url, headers={"Origin": ORIGIN}, follow_redirects=False)
    return client


def _is_in(client: TestClient) -> bool:
    return client.get("/desk/you", follow_redirects=False).status_code == 200


def test_the_first_admin_comes_in_by_the_link_that_is_printed(folder: Path) -> None:
    added = _users(folder, "add", ALMA, "--role", "admin")
    assert added.code == 0
    assert added.out.startswith("Alma Penn is an admin now.\nhttps://")
    assert "once, within 15 minutes" in added.out
    app = _open(folder)
    client = _enter(app, _link(added.out))
    page = client.get("/desk/people")
    assert (page.status_code, ALMA in page.text) == (200, True)
    assert not _is_in(_enter(app, _link(added.out))), "once"
    app.close()


def test_another_link_is_had_when_mail_does_not_come(folder: Path) -> None:
    _users(folder, "add", ALMA, "--role", "viewer", "--name", "Alma P.")
    another = _users(folder, "link", ALMA)
    assert another.out.startswith("For Alma P.:\n")
    app = _open(folder)
    assert _is_in(_enter(app, _link(another.out)))
    app.close()


def test_people_are_listed(folder: Path) -> None:
    nobody = _users(folder, "list")
    assert nobody.out == "Nobody yet. Add the first: digest users add ADDRESS --role admin\n"
    _users(folder, "add", ALMA, "--role", "admin")
    _users(folder, "add", "bob@post.example")
    listed = _users(folder, "list").out.splitlines()
    assert [line.split() for line in listed] == [
        ["NAME", "ADDRESS", "ROLE", "LAST", "HERE", "SESSIONS"],
        ["Alma", "Penn", ALMA, "admin", "never", "yet", "0"],
        ["Bob", "bob@post.example", "editor", "never", "yet", "0"],
    ]
    facts = _users(folder, "list", "--json").facts
    assert [(each["address"], each["role"], each["sessions"]) for each in facts] == [
        (ALMA, "admin", 0),
        ("bob@post.example", "editor", 0),
    ]
    assert set(facts[0]) == {
        *("id", "address", "name", "role", "has_password", "created_at", "seen_at"),
        *("revoked_at", "sessions"),
    }


def test_a_role_is_changed_and_somebody_let_in_no_more(folder: Path) -> None:
    _users(folder, "add", ALMA, "--role", "admin")
    added = _users(folder, "add", "bob@post.example", "--json").facts
    app = _open(folder)
    bob = _enter(app, added["sign_in_url"])
    assert _users(folder, "role", "bob@post.example", "approver").out == "Bob is an approver now.\n"
    assert _is_in(bob)
    out = _users(folder, "sign-out", "bob@post.example")
    assert out.out == "Bob is signed out everywhere: 1 session ended.\n"
    assert not _is_in(bob)
    assert _users(folder, "revoke", "Bob@POST.example").out == "Bob comes in no more.\n"
    assert _users(folder, "revoke", "bob@post.example").out == "Bob was let in no more before.\n"
    refused = _users(folder, "link", "bob@post.example")
    assert (refused.code, "let in no more" in refused.err) == (1, True)
    again = _users(folder, "add", "bob@post.example", "--role", "viewer")
    assert again.out.startswith("Bob is a viewer now.")
    with app.database.read() as connection:
        done = audit_of(connection, [added["id"]])
    assert {(each.actor) for each in done} == {"command", f"user:{added['id']}"}
    assert [each.verb for each in done] == [
        *("user.add", "sign-in.link", "session.begin", "user.role", "session.end", "user.revoke"),
        *("user.add", "sign-in.link"),
    ]
    assert "post.example" not in str([each.detail for each in done])
    app.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "no address"), 1, "no address"),
        (("add", "bob@post.example", "--role", "queen"), 2, "queen"),
        (("add", ALMA), 2, "somebody has it already"),
        (("role", "nobody@post.example", "admin"), 1, "nobody here has it"),
        (("revoke", ALMA), 1, "the last admin"),
        (("role", ALMA, "viewer"), 1, "the last admin"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    _users(folder, "add", ALMA, "--role", "admin")
    ran = _users(folder, *words)
    assert (ran.code, said in ran.err) == (code, True), ran.err
