"""Backup and restore, as they are typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.db import Database
from tests.integration.cli_site import SiteFolder, make_site, run

READERS = ("ann@reader.example", "bob@reader.example", "cat@reader.example")


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    made = make_site(tmp_path / "site")
    made.well("subscribers", "add", *READERS)
    return made


def _steady(text: str) -> str:
    """Take away what differs from one run to the next."""
    text = re.sub(r"\d{8}T\d{6}Z", "STAMP", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "MOMENT", text)
    text = re.sub(r"schema \d+", "schema N", text)
    return re.sub(r"[\d.]+ [kM]B", "SIZE", text)


def _narrow(text: str) -> str:
    """Make columns two spaces apart."""
    return re.sub(r"(?<=\S)  +", "  ", text)


def _sending(site: SiteFolder) -> str:
    """Bring an edition under way, as though `digest serve` sent it; give its address."""
    address = site.prepared()
    site.well("approve", "daily")
    other = Database(f"sqlite:///{site.folder}/var/digest.db")
    with other.hold("sender"):
        site.well("send", "daily")
    other.close()
    return address


def test_a_backup_says_what_is_in_it_and_where_it_is(site: SiteFolder) -> None:
    site.well("subscribers", "unsubscribe", READERS[0])
    (site.folder / "backups").mkdir()
    ran = site.well("backup", "backups")
    assert _steady(ran.out) == (
        "backups/digest-backup-STAMP.tar.gz: SIZE, read again and whole.\n"
        "  Database  as of MOMENT, schema N\n"
        "  Keys      3 files\n"
        "  Settings  digest.toml, with any password that stands in it\n"
        "  Who left  up to now\n"
    )
    facts = site.well("backup", "one.tar.gz", "--json").facts
    assert (facts["file"], facts["database"], facts["dropped"]) == ("one.tar.gz", "sqlite", [])
    assert facts["bytes"] == (site.folder / "one.tar.gz").stat().st_size


def test_older_backups_of_a_folder_are_dropped_and_named(site: SiteFolder) -> None:
    folder = site.folder / "backups"
    folder.mkdir()
    for day in (1, 2):
        (folder / f"digest-backup-2020010{day}T000000Z.tar.gz").touch()
    ran = site.well("backup", "backups", "--keep", "2")
    assert ran.out.endswith("  Dropped backups/digest-backup-20200101T000000Z.tar.gz\n")
    assert len(list(folder.iterdir())) == 2
    ran = site.digest("backup", "one.tar.gz", "--keep", "2")
    assert (ran.code, ran.err.splitlines()[0]) == (
        2,
        "digest: backup: --keep: one.tar.gz: it is not a folder, so there is nothing to drop from",
    )


def test_what_may_have_been_sent_is_listed_and_decided_on_before_anything_leaves(
    site: SiteFolder, tmp_path: Path
) -> None:
    address = _sending(site)
    site.well("backup", "../site.tar.gz")
    site.well("send", "daily")
    site.well("subscribers", "unsubscribe", READERS[0])
    mail = site.folder / "var" / "mailbox"
    assert len(list(mail.rglob("new/*"))) == 3
    ran = run("restore", "site.tar.gz", "--into", "new", folder=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    head, _, rest = _steady(ran.out).replace(address, "EDITION").partition("\n\n")
    file = site.folder / "var" / "unsubscribes.ndjson"
    assert " ".join(head.split()) == (
        "new: restored as of MOMENT. It is frozen: nothing leaves."
        f" 1 departure after the backup, from {file}."
    )
    assert _narrow(rest) == (
        "These may have been sent after the backup. Say of each which it was:\n"
        "  EDITION  3 copies\n\n"
        "  digest -c new/digest.toml restore --sent EDITION  it went out\n"
        "  digest -c new/digest.toml restore --not-sent EDITION  it did not: send it\n"
        "  digest -c new/digest.toml restore --leave EDITION  nobody knows: leave it\n\n"
        "Then:\n"
        "  digest -c new/digest.toml home confirm production  let mail leave from here\n"
    )
    new = SiteFolder(tmp_path / "new")
    (tmp_path / "new" / "feed.xml").write_bytes((site.folder / "feed.xml").read_bytes())
    assert [each["edition"] for each in new.well("restore", "--json").facts["undecided"]] == [
        address
    ]
    assert f"digest restore --sent {address}" in new.digest("status", address).out.replace(
        "\n  ", " "
    )
    ran = new.well("restore", "--sent", address)
    assert ran.out == f"{address}: sent\nNothing waits for a decision.\n"
    facts = new.well("status", address, "--json").facts
    assert (facts["state"], facts["accepted"], facts["uncertain"]) == ("sent", 3, 0)
    assert new.digest("restore", "--sent", address).code == 1
    assert new.well("subscribers", "list", "--json").facts
    assert not list((tmp_path / "new").rglob("mailbox/**/new/*"))


def test_a_variable_that_would_lead_back_to_the_old_database_is_told(
    site: SiteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.well("backup", "../site.tar.gz")
    monkeypatch.setenv("DIGEST_STORAGE__DATABASE", f"sqlite:///{site.folder}/var/digest.db")
    ran = run("restore", "site.tar.gz", "--into", "new", folder=tmp_path)
    assert "DIGEST_STORAGE__DATABASE is set here and wins" in ran.out
    assert (tmp_path / "new" / "var" / "digest.db").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("restore", "x.tar.gz"), "restore: FILE: name the folder it goes into"),
        (("restore", "--into", "new"), "restore: which backup?"),
        (("restore", "x.tar.gz", "--into", "new", "--sent", "daily"), "restore: FILE: name the"),
    ],
)
def test_half_a_command_is_refused(words: tuple[str, ...], why: str, site: SiteFolder) -> None:
    ran = site.digest(*words)
    assert ran.code == 2
    assert why in ran.err


def test_what_is_no_backup_is_refused(site: SiteFolder) -> None:
    (site.folder / "x.tar.gz").write_bytes(b"x")
    ran = site.digest("restore", "x.tar.gz", "--into", "new")
    assert (ran.code, ran.err.startswith("digest: backup: x.tar.gz: ")) == (1, True)
    ran = site.digest("restore", "--leave", "daily/2020-01-01")
    assert (ran.code, ran.err) == (
        1,
        (
            "digest: restore: daily/2020-01-01: there is nothing to decide on it\n"
            "  What waits for a decision: none\n"
        ),
    )
