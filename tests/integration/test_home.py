"""Nothing goes to readers from where no person has said that this is the home."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.app import open_app
from digest.config import load
from digest.db import Database
from digest.errors import WorkflowError
from digest.outbox.model import NewNotice, NoticeKind
from digest.outbox.store import put
from digest.worker import run_worker
from digest.workflow import home, home_store
from digest.workflow.home import Home
from digest.workflow.status import overview
from tests.builders import ADMIN, OpenPaper, Paper, opening, url_of, write_settings

NOW = datetime(2026, 1, 9, 6, 0, tzinfo=UTC)
READER = "maria@reader.example"
HERE = {"kind": "file", "path": "/srv/digest.db", "machine": "m1", "number": "7:42"}
AT_HOME = Home("production", "https://letters.post.example", (), HERE, "k1")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path)


@pytest.fixture
def opened_on_both(tmp_path: Path, database: Database) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


def _frozen(database: Database, here: Home) -> str:
    with database.read() as connection:
        return home.why_frozen(connection, here)


def _settle(database: Database, here: Home) -> None:
    with database.write() as connection:
        home.settle(connection, here, now=NOW)


def _moved(**changed: str) -> Home:
    return replace(AT_HOME, place={**HERE, **changed})


def test_a_first_start_confirms_itself_and_a_restart_asks_nothing(database: Database) -> None:
    assert _frozen(database, AT_HOME) == ""
    _settle(database, AT_HOME)
    _settle(database, replace(AT_HOME, keys="another"))
    with database.read() as connection:
        kept = home_store.load(connection)
    assert kept == home_store.Kept(
        *("production", "https://letters.post.example", HERE, "k1", NOW, "the first start"),
        *(None, "", ""),
    )
    assert _frozen(database, AT_HOME) == ""


@pytest.mark.parametrize(
    "here",
    [
        _moved(machine=""),
        _moved(machine="another", path="/data/digest.db"),
        _moved(number="8:99"),
        replace(AT_HOME, environment="staging"),
        replace(AT_HOME, public_url="https://new.example", former_urls=(AT_HOME.public_url,)),
    ],
    ids=[
        "a container with the same volume",
        "the same file, mounted elsewhere",
        "a file that was put in the place of the former",
        "a staging site, which mails only test readers",
        "pages that moved, and say from where",
    ],
)
def test_the_same_home_goes_on(here: Home, database: Database) -> None:
    _settle(database, AT_HOME)
    _settle(database, here)
    assert _frozen(database, here) == ""


@pytest.mark.parametrize(
    ("here", "reason"),
    [
        (
            _moved(path="/copy/digest.db", number="7:43"),
            "the database was /srv/digest.db and is /copy/digest.db: moved, or a copy",
        ),
        (
            _moved(machine="m2", number="7:43"),
            "the database /srv/digest.db is another than the one that was confirmed",
        ),
        (
            _moved(machine="", number="7:43"),
            "the database /srv/digest.db is another than the one that was confirmed",
        ),
        (
            replace(AT_HOME, public_url="https://laptop.example"),
            "public_url was https://letters.post.example and is https://laptop.example",
        ),
        (replace(AT_HOME, keys="k2"), "its keys are not the ones it had"),
        (
            replace(AT_HOME, place={"kind": "server", "address": "db:5432/post", "cluster": "1:2"}),
            "the database was /srv/digest.db and is db:5432/post: moved, or a copy",
        ),
    ],
    ids=["folder", "machine", "a copied volume", "public_url", "keys", "another database"],
)
def test_another_home_waits_for_a_person(here: Home, reason: str, database: Database) -> None:
    _settle(database, AT_HOME)
    for _ in range(2):  # starting it again does not make it ours
        _settle(database, here)
        assert _frozen(database, here) == reason
    assert _frozen(database, AT_HOME) == "", "the home itself goes on"
    with database.write() as connection:
        home.confirm(connection, here, by="kim", now=NOW)
    assert _frozen(database, here) == ""


def test_staging_that_becomes_production_waits_for_a_person(database: Database) -> None:
    _settle(database, replace(AT_HOME, environment="staging"))
    _settle(database, AT_HOME)
    assert _frozen(database, AT_HOME) == "it was a staging site until now, and is production"


def test_production_that_was_staging_for_an_hour_waits_for_a_person(database: Database) -> None:
    _settle(database, AT_HOME)
    _settle(database, replace(AT_HOME, environment="staging"))
    _settle(database, AT_HOME)
    assert _frozen(database, AT_HOME) == "it was a staging site until now, and is production"


def test_a_site_that_was_tried_out_on_this_machine_alone_gets_its_address(
    database: Database,
) -> None:
    _settle(database, replace(AT_HOME, public_url="http://127.0.0.1:8025"))
    _settle(database, AT_HOME)
    assert _frozen(database, AT_HOME) == ""
    elsewhere = replace(AT_HOME, public_url="https://other.example")
    assert _frozen(database, elsewhere).startswith("public_url was https://letters.post.example")


def test_whoever_freezes_a_database_says_why_until_a_person_confirms(database: Database) -> None:
    reason = "it was restored from a backup of 2026-01-08"
    with database.write() as connection:
        home.freeze(connection, reason, NOW)
    _settle(database, AT_HOME)
    assert _frozen(database, AT_HOME) == reason
    assert _frozen(database, replace(AT_HOME, environment="staging")) == reason
    with database.write() as connection:
        home.confirm(connection, AT_HOME, by="kim", now=NOW)
    assert _frozen(database, AT_HOME) == ""


def test_a_database_on_a_server_is_named_so_that_no_copy_has_its_name(
    request: pytest.FixtureRequest,
) -> None:
    postgres = request.getfixturevalue("_postgres")
    names = [postgres.create(postgres.template) for _ in range(2)]
    found = []
    for name in (*names, names[0]):
        database = Database(postgres.url(name))
        found.append(home.place_of(database))
        database.close()
        assert found[-1]["address"].endswith(f":{postgres.server.port or 5432}/{name}")
    for name in names:
        postgres.drop(name)
    assert found[0] == found[2]
    assert found[0]["cluster"] != found[1]["cluster"]


def test_a_file_is_the_same_wherever_it_is_moved_to_and_its_copy_is_not(
    sqlite_database: Database, tmp_path: Path
) -> None:
    def named(path: Path) -> dict[str, str]:
        return home.place_of(Database(f"sqlite:///{path}"), machine=lambda: "")

    assert sqlite_database.path is not None
    first = named(sqlite_database.path)
    moved = sqlite_database.path.rename(tmp_path / "moved.db")
    copy = Path(shutil.copy(moved, tmp_path / "copy.db"))
    assert named(moved)["number"] == first["number"]
    assert named(copy)["number"] != first["number"]


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not happen in time")


@contextmanager
def _sending(paper: Paper) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run_worker, args=(paper.app,), kwargs={"stop": stop})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def _mailed(folder: Path) -> set[str]:
    return {each.parent.parent.name for each in (folder / "mailbox").glob("*/new/*")}


def _freeze(paper: Paper) -> None:
    with paper.app.database.write() as connection:
        home.freeze(connection, "it was restored", paper.watch.at)


def _confirm(paper: Paper) -> None:
    assert paper.app.newsroom.home is not None
    with paper.app.database.write() as connection:
        home.confirm(connection, paper.app.newsroom.home, by="kim", now=paper.watch.at)


def _greet(paper: Paper) -> None:
    """Write a notice to a reader, as a sign-up does."""
    facts: dict[str, object] = {"name": "Post", "link": "https://letters.post.example/x"}
    new = NewNotice("greet", NoticeKind.GOODBYE, READER, facts, paper.watch.at)
    with paper.app.database.write() as connection:
        put(connection, new)


def test_from_a_frozen_home_only_operators_hear_and_after_a_word_everyone_does(
    opened_on_both: OpenPaper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    paper = opened_on_both()
    paper.reader(READER)
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 07:00")
    assert set(paper.editions().values()) == {"sending"}
    _freeze(paper)
    with _sending(paper):
        _until(lambda: ADMIN in _mailed(tmp_path))
        assert _mailed(tmp_path) == {ADMIN}
        needs = overview(paper.app.newsroom).needs
        assert needs[0] == (
            "Nothing goes to readers from here: it was restored.  digest home confirm production"
        )
        _confirm(paper)
        _until(lambda: READER in _mailed(tmp_path))
    assert caplog.text.count("nothing goes to readers") == 1
    assert "mail goes to readers again" in caplog.text


def test_what_waits_to_be_told_to_a_reader_waits_on(opened: OpenPaper, tmp_path: Path) -> None:
    paper = opened()
    _freeze(paper)
    _greet(paper)
    with _sending(paper):
        _until(lambda: ADMIN in _mailed(tmp_path))
    (greeting,) = [each for each in paper.notices() if each.kind is NoticeKind.GOODBYE]
    assert greeting.attempts == 0


def test_no_edition_is_begun_from_a_frozen_home_and_none_is_lost(
    opened_on_both: OpenPaper,
) -> None:
    paper = opened_on_both()
    paper.reader(READER)
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    _freeze(paper)
    assert ("failed", "daily/2026-01-09") in paper.go("2026-01-09 07:00")
    assert paper.editions() == {"daily/2026-01-09": "approved"}
    (edition,) = [paper.edition("daily/2026-01-09")]
    with pytest.raises(WorkflowError, match=r"^home: nothing goes to readers .*: it was restored$"):
        paper.app.send_now(edition)
    with pytest.raises(WorkflowError, match=r"^home: nothing goes to readers"):
        paper.app.deliver(edition, progress=lambda _done: None)
    _confirm(paper)
    assert ("sending", "daily/2026-01-09") in paper.go("2026-01-09 07:01")


def _reopened(folder: Path, **more: Any) -> str:
    app = open_app(load(write_settings(folder, **more)))
    try:
        return app.why_frozen()
    finally:
        app.close()


def test_a_copied_folder_is_frozen_and_the_one_it_was_copied_from_is_not(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert _reopened(here) == ""
    shutil.copytree(here, there)
    assert _reopened(there).endswith("moved, or a copy")
    assert _reopened(here) == ""
    assert _reopened(there, environment="staging") == ""
    assert _reopened(there).endswith("moved, or a copy")


def test_a_folder_that_was_moved_on_its_disk_is_the_same_home(tmp_path: Path) -> None:
    assert _reopened(tmp_path / "here") == ""
    os.rename(tmp_path / "here", tmp_path / "there")  # noqa: PTH104 - what a person types
    assert _reopened(tmp_path / "there") == ""
