"""Categories that belong to no section: put into one at the desk, and at once in every letter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.db import Database
from digest.editions import candidate_store
from digest.editions.model import Section
from digest.errors import ConflictError
from digest.people.audit_store import audit_of
from digest.people.model import Role
from digest.workflow.categories import sort_category, unsort_category
from digest.workflow.halt import Person
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.desk_site import AtDesk, at_desk, text_of

SECTIONS = {
    "town": {"title": "Town", "categories": ["Council"]},
    "sport": {"title": "Sport & Sailing", "categories": ["Sport"]},
}


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily with two sections, and four stories of the category Local, which is in neither."""
    daily = a_newsletter(release="approve", sections=["town", "sport"])
    made = opened(sections=SECTIONS, newsletters={"daily": daily})
    made.news("2026-01-08")
    return made


def put(desk: AtDesk, category: str = "Local", section: str = "town") -> int:
    fields: dict[str, str | list[str]] = {"category": category, "section": section}
    return desk.post("sections/sort", fields).status_code


def sections_of(paper: Paper, address: str) -> set[str | None]:
    with paper.app.database.read() as connection:
        selection = candidate_store.load_selection(connection, paper.edition(address).id)
    return {candidate.section for candidate in selection.chosen}


def test_the_unsorted_are_counted_and_each_section_is_a_button(paper: Paper) -> None:
    page = at_desk(paper.app, Role.EDITOR).get("sections")
    words = text_of(page)
    assert "Unsorted 4 stories of the last 30 days" in words
    assert "4 Local Town : Local Sport & Sailing : Local" in words
    assert '<button class="btn small" name="section" value="sport">' in page.text


def test_one_click_sorts_a_category_and_the_next_letter_has_it(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    assert put(desk) == 303
    words = text_of(desk.get("sections"))
    assert "“Local” is in Town from now on." in words
    assert "Every story belongs to a section." in words
    assert "Local Town Alma Penn, Thu 8 January, 18:00" in words
    paper.go("2026-01-09 06:30")
    assert sections_of(paper, "daily/2026-01-09") == {"town"}
    with paper.app.database.read() as connection:
        (entry,) = audit_of(connection, ["Local"])
    assert (entry.verb, entry.detail["section"]) == ("category.sort", "town")


def test_a_process_that_runs_already_takes_it_up(paper: Paper) -> None:
    """It is read whenever stories are weighed: the newsroom here was made before."""
    newsroom = paper.app.newsroom
    put(at_desk(paper.app, Role.EDITOR), section="sport")
    assert newsroom is paper.app.newsroom
    paper.go("2026-01-09 06:30")
    assert sections_of(paper, "daily/2026-01-09") == {"sport"}


def test_taken_back_it_is_unsorted_again(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    put(desk)
    back: dict[str, str | list[str]] = {"category": "LOCAL", "section": "town"}
    assert desk.post("sections/unsort", back).status_code == 303
    assert "4 Local Town" in text_of(desk.get("sections"))
    desk.post("sections/unsort", back)
    assert "was taken out by somebody else already" in text_of(desk.get("sections"))


def test_two_who_sort_the_same_category_do_not_overwrite_each_other(paper: Paper) -> None:
    put(at_desk(paper.app, Role.EDITOR))
    other = at_desk(paper.app, Role.EDITOR, address="edi.tor@post.example", name="Edi Tor")
    assert put(other, section="town") == 303
    fields: dict[str, str | list[str]] = {"category": "local", "section": "sport"}
    refused = other.post("sections/sort", fields)
    assert refused.status_code == 409
    assert "Alma Penn put it into town in the meantime" in text_of(refused)


def test_what_digest_toml_says_goes_first(paper: Paper) -> None:
    newsroom, ann = paper.app.newsroom, Person("ann")
    known = (Section("town", "Town", ("Council",)), Section("sport", "Sport"))
    sort_category(newsroom, known, "Council", "sport", by=ann)
    paper.go("2026-01-09 06:30")
    assert sections_of(paper, "daily/2026-01-09") <= {None}
    with pytest.raises(ConflictError, match="ann put it into sport"):
        sort_category(newsroom, known, "Council", "town", by=ann)
    assert unsort_category(newsroom, "council", "sport", by=ann)
    assert not unsort_category(newsroom, "council", "sport", by=ann)


@pytest.mark.parametrize(
    ("category", "section"),
    [("", "town"), ("x" * 300, "town"), ("Local", "culture"), ("Local", "")],
)
def test_what_is_no_category_or_section_is_refused(
    paper: Paper, category: str, section: str
) -> None:
    assert put(at_desk(paper.app, Role.EDITOR), category, section) == 422


def test_a_viewer_sorts_nothing(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.VIEWER)
    assert "<form" not in desk.get("sections").text
    assert put(desk) == 403


def test_scripts_in_a_category_are_words(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    assert put(desk, '"><script>alert(1)</script>') == 303
    assert "<script>alert" not in desk.get("sections").text


def test_without_sections_the_page_says_where_they_are_written(opened: OpenPaper) -> None:
    paper = opened(sections={}, newsletters={"daily": a_newsletter(sections=[])})
    words = text_of(at_desk(paper.app).get("sections"))
    assert "digest.toml names no section. Write them into its table [sections]." in words
    assert "There are no stories yet." in words
