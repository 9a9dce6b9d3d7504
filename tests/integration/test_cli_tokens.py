from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.people import store as people
from digest.people.tokens import hash_secret, read_token
from tests.integration.cli_site import SiteFolder, make_site

FORM = ("tokens", "add", "website form", "--scope", "signup")


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path / "site")


def database_of(site: SiteFolder) -> Database:
    return Database(f"sqlite:///{site.folder / 'var' / 'digest.db'}")


def test_a_token_is_shown_once_and_kept_as_a_hash(site: SiteFolder) -> None:
    shown = site.well(*FORM, "--scope", "suppress").out.splitlines()[0]
    presented = read_token(shown)
    assert presented is not None
    database = database_of(site)
    with database.read() as connection:
        (kept,) = people.list_tokens(connection)
    database.close()
    assert (kept.public_id, kept.secret_hash) == (
        presented.public_id,
        hash_secret(presented.secret),
    )
    assert presented.secret not in site.well("tokens", "list").out
    assert presented.secret.encode() not in (site.folder / "var" / "digest.db").read_bytes()


def test_what_is_said_of_a_token(site: SiteFolder) -> None:
    lines = site.well(*FORM, "--scope", "readers:read").out.splitlines()
    token_id = lines[0].split("_")[1]
    assert lines[1:] == [
        "Keep it where only the program that needs it can read it: it is not shown again.",
        "It may: signup readers:read. Until: revoked.",
        f"It ends with: digest tokens revoke {token_id}",
    ]
    listed = site.well("tokens", "list").out.splitlines()
    assert [line.split() for line in listed] == [
        ["ID", "NAME", "MAY", "STATE", "LAST", "USED"],
        [token_id, "website", "form", "signup", "readers:read", "works", "never"],
    ]


def test_a_token_can_expire(site: SiteFolder) -> None:
    facts = site.well(*FORM, "--expires", "365d", "--json").facts
    made, until = (datetime.fromisoformat(facts[each]) for each in ("created_at", "expires_at"))
    assert until - made == timedelta(days=365)
    assert "until " in site.well("tokens", "list").out
    site.well(*FORM, "--expires", "1s")
    database = database_of(site)
    with database.write() as connection:
        old = made - timedelta(days=1)
        connection.execute(sa.update(people.api_token).values(expires_at=old))
    database.close()
    assert "expired " in site.well("tokens", "list").out


def test_no_tokens_lead_to_the_first(site: SiteFolder) -> None:
    said = "No tokens yet. Make one: digest tokens add NAME --scope signup\n"
    assert site.well("tokens", "list").out == said
    assert site.well("tokens", "list", "--json").facts == []


def test_a_revoked_token_stays_in_the_list_and_the_audit(site: SiteFolder) -> None:
    facts = site.well(*FORM, "--json").facts
    token_id = facts["id"]
    revoked = site.well("tokens", "revoke", "website form").out
    assert revoked == f"{token_id} (website form) is revoked.\n"
    again = site.well("tokens", "revoke", token_id, "--json").facts
    assert again == {"id": token_id, "name": "website form", "revoked_now": False}
    assert "was revoked before" in site.well("tokens", "revoke", token_id).out
    assert "revoked " in site.well("tokens", "list").out
    database = database_of(site)
    with database.read() as connection:
        rows = connection.execute(sa.select(people.audit)).all()
    database.close()
    detail = {"name": "website form", "scopes": ["signup"]}
    assert [(row.actor, row.verb, row.subject, row.detail) for row in rows] == [
        ("command", "token.add", token_id, detail),
        ("command", "token.revoke", token_id, detail),
    ]


def test_a_name_of_several_is_asked_again_by_its_id(site: SiteFolder) -> None:
    ids = [site.well(*FORM, "--json").facts["id"] for _ in range(2)]
    ran = site.digest("tokens", "revoke", "website form")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "digest: tokens: 'website form': several have this name",
        f"  Name its id: {ids[0]}, {ids[1]}",
    ]
    site.well("tokens", "revoke", ids[0])
    assert ids[1] in site.well("tokens", "revoke", "website form").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "crm"), 2, "scope"),
        (("add", "crm", "--scope", "everything"), 2, "'everything' is not one of 'signup'"),
        (("add", "", "--scope", "signup"), 2, "token: '': not a name"),
        (("add", "crm", "--scope", "signup", "--expires", "soon"), 2, "--expires 'soon': "),
        (("add", "crm", "--scope", "signup", "--expires", "0d"), 2, "expired already"),
        (("revoke", "nobody"), 1, "tokens: 'nobody': there is no such token"),
    ],
)
def test_a_command_used_wrongly_says_how(
    site: SiteFolder, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = site.digest("tokens", *words)
    assert ran.code == code
    assert said in ran.err
    assert site.well("tokens", "list", "--json").facts == []


def test_only_the_web_process_loads_fastapi() -> None:
    program = (
        "import sys, digest.app, digest.cli.tokens, digest.cli.readers, digest.cli.running\n"
        "print('fastapi' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
