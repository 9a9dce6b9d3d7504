"""A file of readers brought to the desk: looked at, then brought in, and cleared away."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.people.model import Role
from digest.people.store import audit
from digest.web.desk.asking import LARGEST_FORM
from digest.workflow import upload_store
from digest.workflow.upload_store import Upload, UploadState, last_uploads
from subscribers import store
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.desk_site import ORIGIN, AtDesk, at_desk, text_of

CSV = "email,status\nmaria@reader.example,subscribed\nnot an address,subscribed\n"
WEEKLY = a_newsletter(name="The Week", template="weekly", days=["sat"])


@pytest.fixture
def open_paper(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


def _send(desk: AtDesk, content: str, name: str = "readers.csv", **fields: str) -> str:
    """Send a file as the form does; give the path of its page."""
    answer = desk.client.post(
        "/desk/readers/import",
        data={"csrf": desk.csrf, **fields},
        files={"file": (name, content.encode(), "text/csv")},
        headers={"Origin": ORIGIN},
        follow_redirects=False,
    )
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["location"])


def _wait(desk: AtDesk, page: str) -> str:
    """Wait until nothing is under way; give what the page says then."""
    patience_ends = time.monotonic() + 60
    while "so far" in (said := text_of(desk.get(page))):
        assert time.monotonic() < patience_ends, said
        time.sleep(0.02)
    return said


def _upload(paper: Paper) -> Upload:
    with paper.app.database.read() as connection:
        return last_uploads(connection, limit=1)[0]


def _count(paper: Paper) -> int:
    with paper.app.database.read() as connection:
        return store.count_subscribers(connection)


def test_a_file_is_looked_at_first_and_brought_in_by_a_step_of_its_own(
    open_paper: OpenPaper,
) -> None:
    paper = open_paper()
    desk = at_desk(paper.app)

    page = _send(desk, CSV)
    looked = _wait(desk, page)

    assert "2 records read. Nothing is written yet." in looked
    assert "added 1" in looked
    assert "refused 1" in looked
    assert "Bring in 1 reader" in looked
    assert _count(paper) == 0
    report = desk.get(f"{page}/report").text
    assert "maria@reader.example" in report

    desk.post(f"{page}/bring", {"consent": "The form on our old site"})
    done = _wait(desk, page)

    assert "2 records were read and brought in, as import 1." in done
    assert _count(paper) == 1
    with paper.app.database.read() as connection:
        rows = connection.execute(sa.select(audit).where(audit.c.verb == "import")).all()
    assert desk.me is not None
    assert [(row.actor, row.subject) for row in rows] == [(desk.me.actor, "run:1")]


def test_nobody_is_brought_in_without_a_word_on_where_they_agreed(
    open_paper: OpenPaper,
) -> None:
    paper = open_paper()
    desk = at_desk(paper.app)
    page = _send(desk, CSV)
    _wait(desk, page)

    refused = desk.post(f"{page}/bring", {"consent": " "})

    assert refused.status_code == 422
    assert "Say where and how these readers agreed" in refused.text
    assert _count(paper) == 0


@pytest.mark.parametrize(
    ("content", "asked", "more"),
    [
        ("email\nmaria@reader.example\n", "Say below what they are.", {"as": "confirmed"}),
        (CSV, "Choose the newsletters below.", {}),
    ],
)
def test_what_a_file_does_not_say_is_asked_for_and_said_without_sending_it_again(
    open_paper: OpenPaper, content: str, asked: str, more: dict[str, str]
) -> None:
    paper = open_paper(newsletters={"daily": a_newsletter(), "weekly": WEEKLY})
    desk = at_desk(paper.app)
    silent = "as" in more
    page = _send(desk, content, **({"to": "weekly"} if silent else {}))

    assert asked in _wait(desk, page)

    desk.post(f"{page}/look", {"to": "weekly", **more})
    assert "added 1" in _wait(desk, page)


def test_the_same_file_is_brought_in_twice_only_when_somebody_says_so(
    open_paper: OpenPaper,
) -> None:
    paper = open_paper()
    desk = at_desk(paper.app)
    for _ in range(2):
        page = _send(desk, CSV)
        _wait(desk, page)
        desk.post(f"{page}/bring", {"consent": "The form on our old site"})
        said = _wait(desk, page)

    assert re.search(r"Readers\.csv: was brought in on .* as import 1", said)

    desk.post(f"{page}/bring", {"again": "yes"})
    assert "as import 2." in _wait(desk, page)


def test_only_an_admin_may_send_a_file_and_of_anybody_else_nothing_is_kept(
    open_paper: OpenPaper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "kept"))
    (tmp_path / "kept").mkdir()
    paper = open_paper()
    editor = at_desk(paper.app, Role.EDITOR)
    files = {"file": ("readers.csv", CSV.encode(), "text/csv")}
    headers = {"Origin": ORIGIN}

    refused = editor.client.post(
        "/desk/readers/import", data={"csrf": editor.csrf}, files=files, headers=headers
    )
    admin = at_desk(paper.app, Role.ADMIN, address="admin@post.example")
    forged = admin.client.post(
        "/desk/readers/import", data={"csrf": "no"}, files=files, headers=headers
    )

    assert (refused.status_code, forged.status_code) == (403, 403)
    assert list((tmp_path / "kept").iterdir()) == []
    with paper.app.database.read() as connection:
        assert last_uploads(connection, limit=1) == []


def test_a_file_larger_than_any_form_is_taken(open_paper: OpenPaper) -> None:
    desk = at_desk(open_paper().app)
    lines = "".join(f"reader-{n}@large.example,subscribed\n" for n in range(9_000))

    page = _send(desk, f"email,status\n{lines}")

    assert len(lines) > LARGEST_FORM
    assert "added 9,000" in _wait(desk, page)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(open_paper: OpenPaper) -> None:
    desk = at_desk(open_paper().app)

    refused = desk.client.post(
        "/desk/readers/import",
        content=b"--x--",
        headers={
            "Origin": ORIGIN,
            "Content-Type": "multipart/form-data; boundary=x",
            "Content-Length": str(1 << 40),
        },
    )

    assert refused.status_code == 413
    assert "That was too long" in text_of(refused)


def test_a_form_without_a_file_says_so_and_keeps_what_was_typed(open_paper: OpenPaper) -> None:
    desk = at_desk(open_paper().app)

    page = desk.post("readers/import", {"tags": "fair", "as": "confirmed"})

    assert page.status_code == 422
    assert "Choose a file." in page.text
    assert 'value="fair"' in page.text


def test_a_file_lies_on_the_disk_for_us_alone_and_goes_when_it_is_dropped(
    open_paper: OpenPaper,
) -> None:
    paper = open_paper()
    desk = at_desk(paper.app)
    page = _send(desk, CSV, name="../../etc/our readers.csv")
    _wait(desk, page)
    path = Path(_upload(paper).path)
    assert path.name == "our readers.csv"
    assert (path.stat().st_mode & 0o077, path.parent.stat().st_mode & 0o077) == (0, 0)

    desk.post(f"{page}/drop")

    assert not path.parent.exists()
    assert _upload(paper).path == ""
    assert "Bring them in" not in text_of(desk.get(page))


def test_a_file_that_is_no_table_is_refused_with_the_reason_and_without_our_folders(
    open_paper: OpenPaper,
) -> None:
    desk = at_desk(open_paper().app)

    page = _send(desk, "just some words\nand more\n", name="notes.txt")
    said = _wait(desk, page)

    assert "Not read. Notes.txt:" in said
    assert "digest-readers" not in said


def test_a_run_that_a_crash_ended_is_gone_on_with_by_a_button(
    open_paper: OpenPaper,
) -> None:
    paper = open_paper()
    desk = at_desk(paper.app)
    page = _send(desk, CSV)
    _wait(desk, page)
    with paper.app.database.write() as connection:
        upload_store.note_upload(
            connection,
            _upload(paper).id,
            at=paper.app.clock(),
            state=UploadState.BRINGING,
            options={"consent": "The form"},
        )
    assert "so far" in text_of(desk.get(page))
    paper.watch.at = paper.watch.at.replace(minute=paper.watch.at.minute + 5)

    left = text_of(desk.get(page))
    assert "It was stopped after" in left
    desk.post(f"{page}/bring")
    assert "as import 1." in _wait(desk, page)
