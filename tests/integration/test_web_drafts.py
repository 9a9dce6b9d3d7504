"""The link in the editors' mail shows one edition before it is out, to whoever has that link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from digest.db import Database
from digest.editions.model import EditionState
from digest.web.corrections import Note, insert_notes
from digest.web.mount import pages_of
from digest.workflow.approve import approve
from digest.workflow.skip import drop
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.archive_room import FRIDAY as DAY
from tests.integration.life_room import FRIDAY


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily in review."""
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    made.reader("ann@reader.example")
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    return made


@pytest.fixture
def client(paper: Paper) -> Iterator[TestClient]:
    with TestClient(pages_of(paper.app), base_url="https://letters.post.example") as client:
        yield client


def _path(paper: Paper) -> str:
    (notice,) = (each for each in paper.notices() if each.facts["event"] == "draft")
    url = str(notice.facts["url"])
    assert url.startswith("https://letters.post.example/e/")
    return url.removeprefix("https://letters.post.example")


def test_the_draft_is_shown_as_it_would_be_mailed_and_kept_by_nobody(
    paper: Paper, client: TestClient
) -> None:
    answer = client.get(_path(paper))
    assert answer.status_code == 200
    assert "Ferry returns to the harbour 2026-01-08" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert client.get(f"/{FRIDAY}").status_code == 404, "its own page is still shut"


def test_once_it_is_out_the_link_leads_to_its_page(paper: Paper, client: TestClient) -> None:
    path = _path(paper)
    approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    paper.go("2026-01-09 07:00")
    answer = client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/{FRIDAY}")


def test_what_was_dropped_is_shown_to_nobody(paper: Paper, client: TestClient) -> None:
    path = _path(paper)
    drop(paper.app.newsroom, paper.edition(FRIDAY), to=EditionState.SKIPPED, reason="Enough.")
    assert client.get(path).status_code == 404


def test_no_link_is_guessed(paper: Paper, client: TestClient) -> None:
    path = _path(paper)
    number, _, mac = path.removeprefix("/e/").partition("-")
    wrong = (
        *(f"{number}-{'0' * len(mac)}", number, f"{number}-", f"{int(number) + 1}-{mac}"),
        *("x", "-", "٣-" + mac, "9" * 30 + "-" + mac),
    )
    assert {client.get(f"/e/{each}").status_code for each in wrong} == {404}


def test_a_note_stands_on_a_letter_of_another_design_as_words() -> None:
    note = Note(DAY, "Friday", "Correction", "en", ["<b>Not</b> at nine."])
    html = insert_notes("<html><body class='x'><p>Letter</p></body></html>", [note])
    head, _, rest = html.partition("<p>Letter</p>")
    assert head.startswith("<html><body class='x'><div style=")
    assert "&lt;b&gt;Not&lt;/b&gt; at nine." in head
    assert rest == "</body></html>"
    assert insert_notes("<p>no body</p>", [note]) == "<p>no body</p>"
