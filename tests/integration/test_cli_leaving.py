"""The commands by which readers leave, and the file of who has left."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from digest.db import Database
from subscribers import store
from subscribers.keys import load_keys
from subscribers.tokens import Grant, Purpose
from tests.integration.cli_site import SiteFolder, make_site

ANN = "ann@reader.example.org"


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site with one reader."""
    made = make_site(tmp_path)
    made.well("subscribers", "add", ANN, "-n", "daily")
    return made


def ann_token(site: SiteFolder) -> str:
    database = Database(f"sqlite:///{site.folder / 'var/digest.db'}")
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=ANN)
    database.close()
    assert reader is not None
    ring = load_keys(site.folder / "var/keys")
    return ring.sign(Purpose.UNSUBSCRIBE, Grant(reader.public_id, (1,)))


def a_mail(site: SiteFolder, subject: str, *more: str) -> str:
    fields = [f"From: {ANN}", f"Subject: {subject}", *more]
    (site.folder / "mail.eml").write_text("\r\n".join(fields) + "\r\n\r\nBye.\r\n", "utf-8")
    return "mail.eml"


def file_of(site: SiteFolder) -> list[str]:
    path = site.folder / "var/unsubscribes.ndjson"
    return path.read_text("utf-8").splitlines() if path.exists() else []


def test_the_help_says_how_leaving_differs_from_the_two_others(site: SiteFolder) -> None:
    words = " ".join(site.well("subscribers", "unsubscribe", "--help").out.split())
    assert "Who must never be mailed again is for `suppress`" in words
    assert "whose data must go is for `erase`" in words


def test_who_is_unsubscribed_by_command_stands_in_the_file(site: SiteFolder) -> None:
    site.well("subscribers", "unsubscribe", ANN)
    assert len(file_of(site)) == 2
    site.well("subscribers", "unsubscribe", ANN)
    assert len(file_of(site)) == 2


def test_a_mail_is_piped_in_and_its_token_says_who_leaves(
    site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ann_token(site)
    name = a_mail(site, f"Re: unsubscribe {token}")
    assert site.well("subscribers", "unsubscribe", "--mail", name).out == (
        "Unsubscribed from daily.\n"
    )
    content = (site.folder / name).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    again = site.well("subscribers", "unsubscribe", "--mail", "-").out
    assert again == "They had left before; nothing changed.\n"
    assert len(file_of(site)) == 2
    facts = site.well("subscribers", "unsubscribe", "--mail", name, "--json").facts
    assert facts == {"wish": "leave", "unsubscribed": [], "asked": False, "reason": ""}


def test_a_mail_without_a_token_asks_whoever_has_the_address(site: SiteFolder) -> None:
    name = a_mail(site, "please stop")
    assert site.well("subscribers", "unsubscribe", "--mail", name).out == (
        "No link of ours in its subject: whoever has its address is sent a fresh one,"
        " at most once an hour.\n"
    )
    database = Database(f"sqlite:///{site.folder / 'var/digest.db'}")
    with database.read() as connection:
        kinds = connection.exec_driver_sql("SELECT kind, to_address FROM notice").all()
    database.close()
    assert [tuple(each) for each in kinds] == [("link", ANN)]


def test_what_a_machine_sends_of_itself_does_nothing(site: SiteFolder) -> None:
    name = a_mail(site, f"unsubscribe {ann_token(site)}", "Auto-Submitted: auto-replied")
    assert site.well("subscribers", "unsubscribe", "--mail", name).out == (
        "Nothing done: an automatic reply.\n"
    )
    assert file_of(site) == []


def test_more_mails_than_our_forms_take_are_not_answered(site: SiteFolder) -> None:
    site.edit("[site]", "[readers.limits]\nin_all = 1\n\n[site]")
    name = a_mail(site, "please stop")
    site.well("subscribers", "unsubscribe", "--mail", name)
    assert site.well("subscribers", "unsubscribe", "--mail", name).out == (
        "Nothing done: too many such mails just now.\n"
    )


def test_a_mail_server_keeps_the_mail_while_the_database_is_away(site: SiteFolder) -> None:
    name = a_mail(site, f"unsubscribe {ann_token(site)}")
    (site.folder / "var/digest.db").unlink()
    (site.folder / "var/digest.db").mkdir()
    ran = site.digest("subscribers", "unsubscribe", "--mail", name)
    assert (ran.code, ran.out) == (75, "")
    assert ran.err.startswith("digest: database: ")


def test_the_last_mail_goes_to_who_leaves_by_mail_when_the_publisher_wants_it(
    site: SiteFolder,
) -> None:
    site.edit("[site]", "[readers]\ngoodbye = true\n\n[site]")
    site.well("subscribers", "unsubscribe", "--mail", a_mail(site, ann_token(site)))
    database = Database(f"sqlite:///{site.folder / 'var/digest.db'}")
    with database.read() as connection:
        kinds = connection.exec_driver_sql("SELECT kind FROM notice").scalars().all()
    database.close()
    assert kinds == ["goodbye"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "digest: unsubscribe: give an address or --mail\n"),
        ((ANN, "--mail", "mail.eml"), "digest: unsubscribe: give an address or --mail, not both\n"),
    ],
)
def test_an_address_or_a_mail_must_be_given_and_not_both(
    site: SiteFolder, words: tuple[str, ...], said: str
) -> None:
    a_mail(site, "unsubscribe")
    ran = site.digest("subscribers", "unsubscribe", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(said)


def test_the_file_of_another_machine_is_read_by_hand(site: SiteFolder) -> None:
    ran = site.digest("subscribers", "replay")
    assert (ran.code, ran.out) == (1, "")
    assert "there is none, or nobody has left yet" in ran.err
    site.well("subscribers", "unsubscribe", ANN)
    content = (site.folder / "var/unsubscribes.ndjson").read_text("utf-8")
    site.well("subscribers", "add", "bob@reader.example.org", "-n", "daily")
    _, end, lines = content.partition("\n")
    theirs = f'{{"file": "other"}}{end}half a line{end}{lines}'
    (site.folder / "other").write_text(theirs, "utf-8")
    assert site.well("subscribers", "replay").out == "1 line read.\nNo news.\n"
    ran = site.digest("subscribers", "replay", "other")
    assert (ran.code, ran.out) == (
        1,
        "2 lines read.\n  warn  1 line is damaged: passed over.\nNo news.\n",
    )
    database = Database(f"sqlite:///{site.folder / 'var/digest.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE subscription SET state = 'confirmed'")
    database.close()
    facts = site.digest("subscribers", "replay", "other", "--json").facts
    assert facts == {"file": "other", "lines": 2, "applied": 1, "damaged": 1}
