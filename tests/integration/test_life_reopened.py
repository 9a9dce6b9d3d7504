"""What an approval covers is opened again by other templates and settings, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from digest.composition import store as compositions
from digest.composition.environment import load_templates
from digest.db import Database
from digest.editions.model import Release, ReleaseMode
from digest.workflow.advance import advance
from digest.workflow.approve import approve
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of

FRIDAY = "daily/2026-01-09"


@pytest.fixture
def opened(tmp_path: Path, database: Database) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    approve(made.app.database, made.edition(FRIDAY), by="ann", clock=made.watch)
    assert made.go("2026-01-09 06:31") == []
    return made


def _steps(paper: Paper, **changes: Any) -> list[tuple[str, str]]:
    """Take a tick in a newsroom that differs in this."""
    room = replace(paper.app.newsroom, **changes)
    return [(step.what, step.edition) for step in advance(room)]


def _spec(paper: Paper, **changes: Any) -> dict[str, Any]:
    (newsletter,) = paper.app.newsroom.newsletters
    return {"newsletters": (replace(newsletter, spec=replace(newsletter.spec, **changes)),)}


def _is_approved(paper: Paper) -> bool:
    with paper.app.database.read() as connection:
        return compositions.approved_hash(connection, paper.edition(FRIDAY).id) is not None


def test_a_setting_that_stands_in_the_letter_opens_an_approved_edition_again(paper: Paper) -> None:
    changed = _spec(paper, name="The Evening Post")
    assert _steps(paper, **changed) == [("reopened", FRIDAY), ("drafted", FRIDAY)]
    assert (paper.editions(), _is_approved(paper)) == ({FRIDAY: "in review"}, False)
    made = paper.composition(FRIDAY)
    assert made is not None
    assert "The Evening Post" in made.html
    last = paper.notices()[-1]
    assert str(last.facts["reason"]).startswith(
        "Its templates or settings were changed since it was composed. Its approval was revoked."
    )
    approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    assert _steps(paper, **changed) == []


def test_the_sites_address_opens_it_again(paper: Paper) -> None:
    site = replace(paper.app.newsroom.site, postal_address="1 New Quay")
    assert _steps(paper, site=site)[0] == ("reopened", FRIDAY)
    assert not _is_approved(paper)


def test_another_template_opens_it_again(paper: Paper, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "daily").mkdir(parents=True)
    house = paper.app.newsroom.environment.source("daily/body.txt")
    (folder / "daily" / "body.txt").write_text(f"Hello!\n{house}", "utf-8")
    with load_templates(folder) as templates:
        steps = _steps(paper, environment=templates)
    assert steps == [("reopened", FRIDAY), ("drafted", FRIDAY)]
    made = paper.composition(FRIDAY)
    assert made is not None
    assert "Hello!" in made.text


def test_a_template_that_is_broken_opens_nothing_and_the_approved_text_goes(
    paper: Paper, tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    (folder / "daily").mkdir(parents=True)
    (folder / "daily" / "body.txt").write_text("{% if %}", "utf-8")
    with load_templates(folder) as templates:
        assert _steps(paper, environment=templates) == []
    assert (paper.editions(), _is_approved(paper)) == ({FRIDAY: "approved"}, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"release": Release(ReleaseMode.AUTO)},
        {"urgent": True},
        {"sponsor_after": "end"},
    ],
)
def test_a_setting_that_no_letter_shows_opens_nothing(
    paper: Paper, changes: dict[str, Any]
) -> None:
    assert _steps(paper, **_spec(paper, **changes)) == []
    assert (paper.editions(), _is_approved(paper)) == ({FRIDAY: "approved"}, True)


def test_what_is_being_sent_is_not_opened(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    paper.go("2026-01-09 07:00")
    assert paper.editions() == {FRIDAY: "sending"}
    assert _steps(paper, **_spec(paper, name="The Evening Post")) == []
    assert _is_approved(paper)
