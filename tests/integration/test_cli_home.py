"""The commands home show and home confirm, as a person types them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.app import open_app
from digest.config import load
from digest.editions.store import recent_editions
from digest.workflow.home import freeze
from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.test_cli_running import _Terminal


@pytest.fixture
def copied(tmp_path: Path) -> SiteFolder:
    """A site whose folder was copied, as to try something out."""
    (tmp_path / "home").mkdir()
    site = make_site(tmp_path / "home")
    site.well("collect")
    shutil.copytree(site.folder, tmp_path / "copy")
    text = (tmp_path / "copy/digest.toml").read_text("utf-8")
    here = text.replace(str(site.folder), str(tmp_path / "copy"))
    (tmp_path / "copy/digest.toml").write_text(here, "utf-8")
    return SiteFolder(tmp_path / "copy")


def _reason(site: SiteFolder) -> str:
    folder = site.folder.parent
    was, now = (folder / each / "var/digest.db" for each in ("home", "copy"))
    return f"the database was {was} and is {now}: moved, or a copy"


def test_a_home_that_was_never_moved_says_so(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.well("collect")
    facts = site.digest("home", "show", "--json").facts
    assert facts["frozen"] == ""
    assert facts["confirmed_by"] == "the first start"
    assert "Nothing goes" not in site.well("home", "show").out
    again = site.well("home", "confirm", "production")
    assert again.out == "It was confirmed before: nothing was done.\n"


def test_a_copy_says_why_nothing_goes_to_readers_and_what_to_type(copied: SiteFolder) -> None:
    shown = copied.well("home", "show").out
    assert f"Nothing goes to readers from here: {_reason(copied)}." in " ".join(shown.split())
    assert shown.endswith("Is this the one place? digest home confirm production\n")
    assert copied.digest("home", "show", "--json").facts["frozen"] == _reason(copied)
    status = " ".join(copied.well("status").out.split())
    assert f"from here: {_reason(copied)}. digest home confirm production" in status


def test_a_copy_sends_nothing_by_hand_either(copied: SiteFolder) -> None:
    copied.well("subscribers", "add", "maria@reader.example")
    copied.prepared()
    copied.well("approve", "daily")
    sent = copied.digest("send", "daily")
    assert (sent.code, sent.out) == (1, "")
    assert sent.err.startswith("digest: home: nothing goes to readers from here: the database was")
    assert "digest home confirm production" in sent.err
    copied.well("home", "confirm", "production")
    assert "Accepted  1" in copied.well("send", "daily").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "digest: home: name the environment that this is\n"),
        (["staging"], "digest: home: staging: digest.toml says environment = 'production'\n"),
    ],
)
def test_the_environment_has_to_be_named(
    words: list[str], sentence: str, copied: SiteFolder
) -> None:
    ran = copied.digest("home", "confirm", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(sentence)
    assert copied.digest("home", "show", "--json").facts["frozen"] == _reason(copied)


def test_at_a_terminal_it_is_asked_for(copied: SiteFolder) -> None:
    terminal = _Terminal(copied.folder, ["home", "confirm"])
    terminal.wait_for("Type the environment to let mail leave: ")
    terminal.type("production\n")
    assert terminal.end() == 0
    assert "Confirmed: this is production, and mail goes to readers from here." in terminal.shown


def test_what_would_leave_at_once_is_shown(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.well("subscribers", "add", "maria@reader.example", "omar@reader.example")
    site.prepared()
    site.well("approve", "daily")
    app = open_app(load(site.folder / "digest.toml"))
    with app.database.read() as connection:
        (edition,) = recent_editions(connection, limit=9)
    app.send_now(edition)
    with app.database.write() as connection:
        freeze(connection, "it was restored from a backup", datetime.now(UTC))
    app.close()
    shown = " ".join(site.well("home", "show").out.split())
    assert "Nothing goes to readers from here: it was restored from a backup." in shown
    stop = f"keep them back with: digest stop {edition.address}"
    assert f"{edition.address}: 2 copies wait; {stop}" in shown


def test_a_restored_site_wants_to_know_first_what_was_sent_after_its_backup(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path)
    site.well("subscribers", "add", "maria@reader.example")
    site.prepared()
    site.well("approve", "daily")
    app = open_app(load(site.folder / "digest.toml"))
    with app.database.read() as connection:
        (edition,) = recent_editions(connection, limit=9)
    app.send_now(edition)
    app.close()
    file, folder = tmp_path / "backup.tar.gz", tmp_path / "new"
    site.well("backup", str(file))
    site.well("restore", str(file), "--into", str(folder))
    new = SiteFolder(folder)
    refused = new.digest("home", "confirm", "production")
    assert refused.code == 1
    assert refused.err.startswith(
        f"digest: restore: {edition.address}: nobody has said yet whether"
    )
    new.well("restore", "--leave", edition.address)
    confirmed = new.well("home", "confirm", "production").out
    assert confirmed.startswith("Confirmed: this is production")
