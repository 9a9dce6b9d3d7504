"""A backup is one file, whole, private and taken while it all runs."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from digest import __version__
from digest.clock import fixed
from digest.config import load
from digest.db import Database
from digest.errors import DatabaseError, DigestError, NotFoundError
from digest.workflow.backup import BackedUp, backup
from digest.workflow.backup_file import read_manifest, unpack
from subscribers import leaving
from subscribers.change_store import What, tell_change
from subscribers.model import Act
from tests.builders import Paper, moment, open_paper, url_of
from tests.integration.pg_bin import server_programs

ANN, BOB = "ann@reader.example", "bob@reader.example"
_NOW = moment("2026-01-08 02:00")


@pytest.fixture
def paper(database: Database, server_programs: None, tmp_path: Path) -> Iterator[Paper]:
    """A small paper in a folder of its own, on each kind of database."""
    assert server_programs is None
    opened = open_paper(tmp_path / "site", "2026-01-08 01:00", database=url_of(database))
    for each in (ANN, BOB):
        opened.reader(each)
    _leave(opened, BOB)
    yield opened
    opened.app.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Paper]:
    """The same on SQLite, where the kind does not matter."""
    opened = open_paper(tmp_path / "site", "2026-01-08 01:00")
    yield opened
    opened.app.close()


def _leave(paper: Paper, address: str) -> None:
    act = Act(paper.watch.at, "command")
    departures = paper.app.departures
    leaving.unsubscribe_address(paper.app.database, address, None, act, departures=departures)


def _back_up(paper: Paper, target: Path, *, keep: int | None = None) -> BackedUp:
    app = paper.app
    config = paper.feed.with_name("digest.toml")
    return backup(app.database, app.settings, config, target, clock=paper.watch, keep=keep)


def _unpacked(file: Path, folder: Path) -> Path:
    unpack(file, read_manifest(file), lambda name: folder / name)
    return folder


def test_database_keys_settings_and_who_left_are_in_one_private_file(
    paper: Paper, tmp_path: Path
) -> None:
    paper.watch.at = _NOW
    done = _back_up(paper, tmp_path / "site.tar.gz")
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    manifest = read_manifest(done.path)
    kind = "sqlite" if paper.app.database.is_sqlite else "postgresql"
    assert (manifest.version, manifest.database, manifest.snapshot_at) == (__version__, kind, _NOW)
    folder = _unpacked(done.path, tmp_path / "out")
    inside = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    keys = {f"keys/{path.name}" for path in paper.app.settings.storage.keys.iterdir()}
    database = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}[kind]
    assert inside == {database, "digest.toml", "unsubscribes.ndjson", *keys}
    left = paper.app.settings.storage.unsubscribes
    assert (folder / "unsubscribes.ndjson").read_bytes() == left.read_bytes()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.glob("*.*"))
    assert list(tmp_path.glob(".*")) == []


def test_the_copy_of_a_file_that_is_written_to_is_one_moments(site: Paper, tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            with site.app.database.write() as connection:
                tell_change(connection, 1, [1], What.CHANGED, at=_NOW)
                tell_change(connection, 1, [1], What.CHANGED, at=_NOW)

    site.reader(ANN)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        path = _back_up(site, tmp_path / "site.tar.gz").path
    finally:
        done.set()
        writer.join()
    copy = sqlite3.connect(_unpacked(path, tmp_path / "out") / "database.sqlite")
    query = "SELECT count(*) FROM audience_change WHERE what = 'changed'"
    (changes,) = copy.execute(query).fetchone()
    assert changes % 2 == 0
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert copy.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    copy.close()


def test_who_leaves_while_the_database_is_copied_is_in_the_file_of_departures(
    site: Paper, tmp_path: Path
) -> None:
    site.reader(ANN)
    names: list[str] = []
    done = _back_up(site, tmp_path / "site.tar.gz")
    with tarfile.open(done.path) as tar:
        names = tar.getnames()
    assert names[0] == "manifest.json"
    assert names[1] == "database.sqlite"
    _leave(site, ANN)
    names = [part.name for part in _back_up(site, tmp_path / "site.tar.gz").manifest.parts]
    assert names[-1] == "unsubscribes.ndjson"


def test_own_templates_and_logo_come_along_and_files_of_passwords_are_named(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "site"
    for name in ("templates/mail/own/body.txt", "templates/.draft", "logo.svg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("<svg/>", "utf-8")
    paper = open_paper(folder, "2026-01-08 01:00")
    config = folder / "digest.toml"
    text = config.read_text("utf-8").replace(
        "[site]\n", '[site]\ntemplates = "templates"\nbrand = { logo = "logo.svg" }\n'
    )
    text = re.sub(r"maildir = .*", "", text)
    text += '\n[mail.smtp]\nhost = "relay.example"\nuser = "post"\npassword_file = "secret"\n'
    config.write_text(text, "utf-8")
    (folder / "secret").write_text("hunter2", "utf-8")
    settings = load(config)
    done = backup(paper.app.database, settings, config, tmp_path / "b", clock=fixed(_NOW))
    paper.app.close()
    assert {part.name for part in done.manifest.parts} >= {
        "templates/mail/own/body.txt",
        "brand/logo.svg",
    }
    assert "templates/.draft" not in {part.name for part in done.manifest.parts}
    assert done.manifest.not_inside == ("mail.smtp.password_file: secret",)
    assert b"hunter2" not in _plain(done.path)


def _plain(file: Path) -> bytes:
    with tarfile.open(file) as tar:
        contents = [tar.extractfile(member) for member in tar]
        return b"".join(content.read() for content in contents if content is not None)


def test_a_folder_gets_a_dated_file_and_only_the_newest_are_kept(
    site: Paper, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    other = folder / "notes.tar.gz"
    other.write_bytes(b"mine")
    dropped: list[Path] = []
    for day in range(4):
        site.watch.at = _NOW + timedelta(days=day)
        dropped += _back_up(site, folder, keep=2).dropped
    assert sorted(path.name for path in folder.iterdir()) == [
        "digest-backup-20260110T020000Z.tar.gz",
        "digest-backup-20260111T020000Z.tar.gz",
        "notes.tar.gz",
    ]
    assert [path.name for path in dropped] == [
        "digest-backup-20260108T020000Z.tar.gz",
        "digest-backup-20260109T020000Z.tar.gz",
    ]


def test_one_that_is_there_is_replaced_only_by_a_whole_one(site: Paper, tmp_path: Path) -> None:
    target = tmp_path / "site.tar.gz"
    _back_up(site, target)
    before = target.read_bytes()
    (site.app.settings.storage.keys / "edition.key").rename(tmp_path / "edition.key")
    with pytest.raises(NotFoundError, match=r"missing: edition\.key"):
        _back_up(site, target)
    assert target.read_bytes() == before


def test_where_nothing_can_be_written_it_says_so(site: Paper, tmp_path: Path) -> None:
    file = tmp_path / "no-folder"
    file.touch()
    with pytest.raises(DigestError, match=r"backup: .*no-folder"):
        _back_up(site, file / "site.tar.gz")
    with pytest.raises(DatabaseError, match="there is none yet"):
        backup(
            Database(f"sqlite:///{tmp_path}/none.db"),
            site.app.settings,
            site.feed.with_name("digest.toml"),
            tmp_path / "b",
            clock=fixed(_NOW),
        )
    empty = Database(f"sqlite:///{tmp_path}/empty.db")
    with empty.write() as connection:
        connection.exec_driver_sql("CREATE TABLE other (id INTEGER)")
    config = site.feed.with_name("digest.toml")
    with pytest.raises(DatabaseError, match="nothing of ours"):
        backup(empty, site.app.settings, config, tmp_path / "b", clock=fixed(_NOW))
    empty.close()


# What is read again


def _rewrite(file: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> None:
    """Write a tar anew, each member as `change` gives it."""
    with tarfile.open(file) as tar:
        members = [(m.name, (tar.extractfile(m) or io.BytesIO()).read()) for m in tar]
    with tarfile.open(file, "w:gz") as tar:
        for changed in (change(*each) for each in members):
            if changed is not None:
                info = tarfile.TarInfo(changed[0])
                info.size = len(changed[1])
                tar.addfile(info, io.BytesIO(changed[1]))


def _one_byte(name: str, content: bytes) -> tuple[str, bytes]:
    return name, content[:-1] + b"!" if name == "digest.toml" else content


def _without_keys(name: str, content: bytes) -> tuple[str, bytes] | None:
    return None if name.startswith("keys/") else (name, content)


def _elsewhere(name: str, content: bytes) -> tuple[str, bytes]:
    return ("../../etc/passwd" if name == "digest.toml" else name), content


def _escaping(name: str, content: bytes) -> tuple[str, bytes]:
    if name == "manifest.json":
        facts = json.loads(content)
        facts["parts"][1]["name"] = "../../digest.toml"
        content = json.dumps(facts).encode()
    return name, content


def _of_tomorrow(name: str, content: bytes) -> tuple[str, bytes]:
    return name, content.replace(b'"format": 1', b'"format": 2') if name[0] == "m" else content


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_one_byte, "digest.toml is not what was written"),
        (_without_keys, "keys/edition.key, .*is missing"),
        (_elsewhere, "'../../etc/passwd' does not belong in it"),
        (_escaping, "its manifest cannot be read"),
        (_of_tomorrow, "its manifest cannot be read"),
    ],
)
def test_a_backup_that_was_changed_is_refused(
    change: Callable[[str, bytes], tuple[str, bytes] | None],
    why: str,
    site: Paper,
    tmp_path: Path,
) -> None:
    path = _back_up(site, tmp_path / "site.tar.gz").path
    _rewrite(path, change)
    with pytest.raises(DigestError, match=why):
        unpack(path, read_manifest(path), lambda _name: None)


def test_one_that_ends_too_soon_is_refused(site: Paper, tmp_path: Path) -> None:
    path = _back_up(site, tmp_path / "site.tar.gz").path
    os.truncate(path, path.stat().st_size - 1000)
    with pytest.raises(DigestError, match="ends too soon"):
        unpack(path, read_manifest(path), lambda _name: None)
    path.write_bytes(b"nothing")
    with pytest.raises(DigestError, match=r"site\.tar\.gz"):
        read_manifest(path)
    with pytest.raises(DigestError, match="there is no such file"):
        read_manifest(tmp_path / "none")
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("photo.jpg"))
    with pytest.raises(DigestError, match="it is no backup of ours"):
        read_manifest(path)


# PostgreSQL's own programs


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'pg_dump (PostgreSQL) 9.6.1'", r"pg_dump: version \d+ is older than the server"),
        (
            '[ "$1" = --version ] && echo "x (PostgreSQL) 99.1" && exit; echo bad >&2; exit 3',
            "^pg_dump: bad$",
        ),
    ],
)
def test_a_program_that_is_too_old_or_fails_is_told_and_leaves_nothing(
    script: str, why: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = open_paper(tmp_path / "site", "2026-01-08 01:00", database=url_of(database))
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}")
    with pytest.raises(DatabaseError, match=why):
        _back_up(paper, tmp_path / "b.tar.gz")
    paper.app.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "site"]


__all__ = ["server_programs"]
