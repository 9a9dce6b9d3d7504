"""What a check blocks is held and told, and nobody can approve it until it is mended or let be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.checks.bounds import bounds_of
from digest.checks.model import Facts, Part, Place, Report, Severity
from digest.composition import store as compositions
from digest.composition.pictures import BorrowedShelf
from digest.db import Database
from digest.editions import candidate_store
from digest.editions.cadence import next_slot
from digest.editions.model import Act, NewChoice
from digest.errors import WorkflowError
from digest.sources.article_store import article, article_revision
from digest.workflow.approve import approve
from digest.workflow.checking import check_edition, check_kept, facts_of
from digest.workflow.choose import choose
from digest.workflow.facts import longest_values
from digest.workflow.revise import refreshed
from subscribers import store as readers
from subscribers.address import read_address
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of

FRIDAY = "daily/2026-01-09"
SPOILT = "Ferry [HEADLINE] returns on Monday"
HELD = (
    "A check holds it. C09: The headline of story 1 holds a placeholder: “Ferry [HEADLINE] returns"
    " on Monday”."
)


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


def spoilt(opened: OpenPaper, *, release: str = "auto", **more: object) -> Paper:
    """Open a paper whose next edition has a placeholder in its lead, drafted already."""
    paper = opened(newsletters={"daily": a_newsletter(release=release)}, **more)
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:00")
    publish_spoilt(paper)
    paper.go("2026-01-09 06:30")
    return paper


def publish_spoilt(paper: Paper) -> None:
    paper.publish(SPOILT)
    with paper.app.database.write() as connection:
        connection.execute(
            sa.update(article)
            .where(article.c.headline == SPOILT)
            .values(standfirst="It sails again, with one boat fewer at noon.")
        )


def change_at_source(paper: Paper, was: str, now: str) -> None:
    """Give a story another headline, as the collector writes it down."""
    kept = sa.select(
        article.c.id,
        article.c.revision,
        article.c.first_seen_at,
        article.c.headline,
        article.c.standfirst,
        article.c.url,
        article.c.body_text,
    ).where(article.c.headline == was)
    columns = ["article_id", "n", "seen_at", "headline", "standfirst", "url", "body_text"]
    with paper.app.database.write() as connection:
        connection.execute(sa.insert(article_revision).from_select(columns, kept))
        connection.execute(
            sa.update(article)
            .where(article.c.headline == was)
            .values(headline=now, revision=article.c.revision + 1)
        )


def let(paper: Paper, by: str = "ann") -> str:
    newsroom = paper.app.newsroom
    return approve(
        paper.app.database,
        paper.edition(FRIDAY),
        by=by,
        clock=paper.watch,
        newsletter=newsroom.newsletters[0],
        newsroom=newsroom,
    )


def reword(paper: Paper, words: str) -> None:
    edition, newsroom = paper.edition(FRIDAY), paper.app.newsroom
    with paper.app.database.read() as connection:
        chosen = candidate_store.load_selection(connection, edition.id).chosen
    (story,) = (one.article for one in chosen if one.article.story.headline == SPOILT)
    new = NewChoice(Act.HEADLINE, article_id=story.id, text=words)
    choose(newsroom, newsroom.newsletters[0], edition, new, by="ann")


def report_of(paper: Paper) -> Report:
    newsroom = paper.app.newsroom
    found = check_kept(newsroom, newsroom.newsletters[0], paper.edition(FRIDAY))
    assert found is not None
    return found


def test_what_a_check_blocks_is_held_and_never_goes_by_itself(opened: OpenPaper) -> None:
    paper = spoilt(opened)
    edition = paper.edition(FRIDAY)
    assert (str(edition.state), edition.reason) == ("held", HELD)
    assert paper.go("2026-01-09 07:00") == []
    assert paper.editions() == {FRIDAY: "held"}


def test_the_editors_are_told_what_blocks_it_and_what_warns(opened: OpenPaper) -> None:
    paper = spoilt(opened)
    (told,) = (n.facts for n in paper.notices() if n.facts.get("event") == "draft")
    assert told["reason"] == f"{HELD} Mend it: what you choose is checked at once."
    rows = told["rows"]
    assert isinstance(rows, list)
    warnings = [words for mark, words in rows if mark == "warning"]
    assert warnings[0] == (
        "BLOCKS C09: The headline of story 1 holds a placeholder: “Ferry [HEADLINE] returns on"
        " Monday”. Write what belongs there, or take it out."
    )
    assert warnings[1:] == []


def test_nobody_approves_what_a_check_blocks(opened: OpenPaper) -> None:
    paper = spoilt(opened, release="approve")
    with pytest.raises(WorkflowError) as refused:
        let(paper)
    assert str(refused.value) == (
        f"approve: {FRIDAY}: C09: The headline of story 1 holds a placeholder: “{SPOILT}”"
    )
    assert refused.value.hint == (
        f"Write what belongs there, or take it out. All that was found: digest check {FRIDAY}"
    )
    assert paper.editions() == {FRIDAY: "held"}


def test_it_goes_as_soon_as_it_is_mended(opened: OpenPaper) -> None:
    paper = spoilt(opened)
    reword(paper, "Ferry returns on Monday")
    edition = paper.edition(FRIDAY)
    assert (str(edition.state), edition.reason, report_of(paper).blocks) == ("in review", "", [])
    assert ("approved", FRIDAY) in paper.go("2026-01-09 06:31")


def test_it_is_mended_by_its_source_as_well(opened: OpenPaper) -> None:
    paper = spoilt(opened, release="approve")
    paper.watch.at = moment("2026-01-09 06:40")
    change_at_source(paper, SPOILT, "Ferry returns on Monday")
    newsletter = paper.app.newsroom.newsletters[0]
    edition = refreshed(paper.app.newsroom, paper.edition(FRIDAY), newsletter)
    assert (str(edition.state), edition.reason) == ("in review", "")
    let(paper)
    assert paper.editions() == {FRIDAY: "approved"}


def test_the_settings_let_it_be_with_a_reason_and_the_reason_shows(opened: OpenPaper) -> None:
    paper = spoilt(opened, checks={"ignore": {"C09": "We cover typography."}})
    assert paper.editions() == {FRIDAY: "approved"}
    report = report_of(paper)
    assert report.blocks == []
    assert [(each.code, each.ignored) for each in report.ignored] == [
        ("C09", "We cover typography.")
    ]


def test_one_newsletter_lets_be_what_another_does_not(opened: OpenPaper) -> None:
    daily = a_newsletter(release="auto", checks={"ignore": {"C09": "Here we do."}, "minutes": 3})
    paper = opened(newsletters={"daily": daily, "other": a_newsletter()})
    books = {slug: paper.app.newsroom.rulebook_of(slug) for slug in ("daily", "other")}
    assert dict(books["daily"].ignores) == {"C09": "Here we do."}
    assert (books["daily"].limits.minutes, books["other"].limits.minutes) == (3, 12)
    assert dict(books["other"].ignores) == {}


def test_an_edition_to_come_is_checked_before_it_is_made(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter()})
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    publish_spoilt(paper)
    newsroom, app = paper.app.newsroom, paper.app
    newsletter = newsroom.newsletters[0]
    slot = next_slot(newsletter.spec.cadence, paper.watch.at)
    assert slot is not None
    shelf = BorrowedShelf(app.database)
    report = check_edition(newsroom, app.mailer, newsletter, slot, shelf=shelf)
    (block,) = report.blocks
    assert (block.code, block.severity, block.language) == ("C09", Severity.BLOCK, "")
    assert block.place == Place(Part.HTML, block.place.article_id, block.place.number, quote=SPOILT)
    assert paper.editions() == {}


def facts_of_friday(paper: Paper) -> Facts:
    edition, newsletter = paper.edition(FRIDAY), paper.app.newsroom.newsletters[0]
    with paper.app.database.read() as connection:
        selection = candidate_store.load_selection(connection, edition.id)
        composed = compositions.load_compositions(connection, edition.id)
    return facts_of(
        paper.app.newsroom,
        paper.app.mailer,
        newsletter,
        edition,
        selection=selection,
        composed=composed,
    )


def test_the_checks_know_the_editions_before(opened: OpenPaper) -> None:
    paper = opened("2026-01-07 12:00", newsletters={"daily": a_newsletter(release="auto")})
    paper.reader("ann@reader.example")
    paper.news("2026-01-07", count=5)
    paper.go("2026-01-08 06:30")
    paper.go("2026-01-08 07:00")
    paper.news("2026-01-08")
    paper.reader("bob@reader.example")
    paper.go("2026-01-09 06:30")
    facts = facts_of_friday(paper)
    assert paper.editions() == {"daily/2026-01-08": "sending", FRIDAY: "approved"}
    assert facts.past.story_counts == (len(paper.headlines("daily/2026-01-08")),)
    assert facts.past.readers == 1
    assert facts.past.addresses == ("daily/2026-01-08",)
    assert facts.past.cut_off_at == moment("2026-01-08 06:30")
    assert [len(subjects) for subjects in facts.past.subjects.values()] == [1]
    assert (facts.readers, facts.production, facts.test_only) == (2, True, False)
    assert (facts.changed, facts.sent_before) == ((), {})


def test_the_checks_see_what_a_source_changed_since(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    before = facts_of_friday(paper)
    headline = before.selection.chosen[0].article.story.headline
    change_at_source(paper, headline, headline.replace("2026", "26"))
    found = facts_of_friday(paper)
    assert before.changed == ()
    assert [(each.headline_was, each.headline_is) for each in found.changed] == [
        (headline, headline.replace("2026", "26"))
    ]


def test_no_readers_copy_is_longer_than_the_one_that_was_checked(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    longest_of_all = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example"
    paper.reader(longest_of_all)
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    edition, mailer = paper.edition(FRIDAY), paper.app.mailer
    longest = longest_values(mailer, edition, language="en")
    bounds = bounds_of(longest)
    with paper.app.database.read() as connection:
        reader = readers.find_subscriber(connection, address_key=read_address(longest_of_all).key)
        assert reader is not None
        recipient = readers.recipient(connection, reader.id, edition.newsletter_id, language="en")
    assert recipient is not None
    _, values = mailer.values_for(edition, recipient)
    assert bounds.exceeded_by(values) == ()
    assert bounds.exceeded_by(replace(values, address="é" * 200)) == ("address",)
    made = paper.composition(FRIDAY)
    assert made is not None
    theirs = mailer.sample(edition, made, values=values)
    ours = mailer.sample(edition, made, values=longest)
    assert len(theirs.html.encode()) < len(ours.html.encode())
