"""Looking at an edition: it is the one that `prepare` makes, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa

from digest.app import App, open_app
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.model import Composition
from digest.composition.pictures import BorrowedShelf
from digest.config import load
from digest.db import Database
from digest.editions.cadence import next_slot
from digest.editions.model import Edition, EditionState, Newsletter, Prepared, Slot
from digest.editions.prepare import prepare
from digest.errors import AddressError, NotFoundError
from digest.workflow.approve import approve
from digest.workflow.draft import draft
from digest.workflow.preview import Preview, preview
from subscribers import store as readers
from subscribers.address import read_address
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of

THURSDAY, FRIDAY = "daily/2026-01-08", "daily/2026-01-09"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily with four stories of the evening before, at seven minutes past its cut-off."""
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    return paper


def newsletter_of(paper: Paper) -> Newsletter:
    return paper.app.newsroom.newsletters[0]


def slot_of(paper: Paper) -> Slot:
    """Give the slot that is due at the watch's hour."""
    slot = next_slot(newsletter_of(paper).spec.cadence, paper.watch.at)
    assert slot is not None
    return slot


def look(paper: Paper, what: Edition | Slot | None = None, **more: Any) -> Preview:
    """Look through a database that cannot be written."""
    app = looking(paper)
    try:
        return preview(
            app.newsroom,
            app.mailer,
            newsletter_of(paper),
            what or slot_of(paper),
            shelf=BorrowedShelf(app.database),
            **more,
        )
    finally:
        app.close()


def looking(paper: Paper) -> App:
    """Open the same installation for looking only."""
    return open_app(load(paper.feed.parent / "digest.toml"), clock=paper.watch, read_only=True)


def everything(database: Database) -> dict[str, list[Any]]:
    """Give all rows of all tables."""
    with database.read() as connection:
        found = sa.MetaData()
        found.reflect(connection)
        return {
            name: sorted(map(repr, connection.execute(sa.select(table))))
            for name, table in found.tables.items()
        }


def kept(paper: Paper, edition: Edition) -> tuple[Composition, ...]:
    with paper.app.database.read() as connection:
        return compositions.load_compositions(connection, edition.id)


def drafted(paper: Paper) -> Edition:
    """Prepare and compose the slot that is due, as `digest prepare` does."""
    newsletter = newsletter_of(paper)
    made = prepare(paper.app.database, newsletter, slot_of(paper), clock=paper.watch)
    assert made.edition is not None
    draft(paper.app.newsroom, made.edition, newsletter)
    return paper.edition(made.edition.address)


def _no_room(_prepared: Prepared) -> NoReturn:
    raise RuntimeError("no room")


def test_it_is_byte_for_byte_what_prepare_makes_at_that_moment(paper: Paper) -> None:
    seen = look(paper)
    edition = drafted(paper)
    assert tuple(copy.composition for copy in seen.copies) == kept(paper, edition)
    assert (
        replace(seen.edition, state=edition.state, told_at=edition.told_at, told_as=edition.told_as)
        == edition
    )
    assert (seen.edition.state, seen.exists, seen.stored) == (EditionState.DRAFT, False, False)


def test_it_knows_the_number_and_the_id_that_come_next(paper: Paper) -> None:
    drafted(paper)
    paper.news("2026-01-11", 6)
    paper.watch.at = moment("2026-01-12 06:30")
    with pytest.raises(RuntimeError, match="no room"):
        prepare(
            paper.app.database,
            newsletter_of(paper),
            slot_of(paper),
            clock=paper.watch,
            notices=_no_room,  # undone; but a sequence does not count back
        )
    seen = look(paper)
    assert (seen.edition.number, seen.edition.address) == (2, "daily/2026-01-12")
    edition = drafted(paper)
    assert tuple(copy.composition for copy in seen.copies) == kept(paper, edition)


def test_a_look_writes_nothing(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    before = everything(paper.app.database)
    look(paper)
    look(paper, address="ann@reader.example")
    edition = drafted(paper)
    after = everything(paper.app.database)
    assert before != after
    look(paper, edition)
    assert everything(paper.app.database) == after


def test_an_edition_that_is_there_is_shown_as_it_is_kept(paper: Paper) -> None:
    edition = drafted(paper)
    paper.publish("One more after the cut-off")
    seen = look(paper, edition)
    assert tuple(copy.composition for copy in seen.copies) == kept(paper, edition)
    assert (seen.exists, seen.stored, seen.approved) == (True, True, False)
    approve(paper.app.database, edition, by="Ann", clock=paper.watch)
    seen = look(paper, edition)
    assert (seen.edition.state, seen.approved) == (EditionState.APPROVED, True)
    assert seen.set_hash == set_hash(kept(paper, edition))
    assert seen.warnings == ()


def test_bytes_that_nobody_approved_are_told(paper: Paper) -> None:
    edition = drafted(paper)
    approve(paper.app.database, edition, by="Ann", clock=paper.watch)
    with paper.app.database.write() as connection:
        changed = sa.update(compositions.composition).values(subject="Another one")
        connection.execute(changed)
    seen = look(paper, edition)
    assert not seen.approved
    assert seen.warnings == (
        "approval: this is not the text that was approved, and nobody is sent it",
    )


def test_a_draft_that_is_not_composed_yet_is_composed_for_the_look(paper: Paper) -> None:
    made = prepare(paper.app.database, newsletter_of(paper), slot_of(paper), clock=paper.watch)
    assert made.edition is not None
    seen = look(paper, made.edition)
    assert (seen.exists, seen.stored) == (True, False)
    assert kept(paper, made.edition) == ()
    draft(paper.app.newsroom, made.edition, newsletter_of(paper))
    assert tuple(copy.composition for copy in seen.copies) == kept(paper, made.edition)


def test_an_edition_that_was_never_composed_is_told(paper: Paper) -> None:
    edition = drafted(paper)
    with paper.app.database.write() as connection:
        connection.execute(sa.delete(compositions.composition))
    with pytest.raises(NotFoundError, match="it is in review and was never composed"):
        look(paper, edition)


def test_of_too_few_stories_there_is_no_letter_but_why_and_what_there_is(
    opened: OpenPaper,
) -> None:
    paper = opened()
    paper.news("2026-01-08", 2)
    paper.watch.at = moment("2026-01-09 06:30")
    seen = look(paper)
    assert (seen.copies, seen.reason) == ((), "2 new stories, 3 needed")
    assert len(seen.selection.chosen) == 2


def test_as_of_an_earlier_cut_off_an_edition_is_weighed_once_more(paper: Paper) -> None:
    edition = drafted(paper)
    slot = replace(slot_of(paper), cut_off_at=moment("2026-01-09 06:00"))
    seen = look(paper, slot)
    assert seen.edition.number == edition.number
    assert {c.article.story.headline for c in seen.selection.chosen} == paper.headlines(FRIDAY)
    assert (seen.exists, seen.stored) == (False, False)


def test_as_of_a_cut_off_to_come_what_is_known_now_is_weighed(paper: Paper) -> None:
    monday = next_slot(newsletter_of(paper).spec.cadence, moment("2026-01-11 12:00"))
    assert monday is not None
    seen = look(paper, monday)
    assert seen.reason == "0 new stories, 3 needed", "they are too old by then"


# As one reader


def test_a_readers_copy_has_their_since_and_links_that_change_nothing(paper: Paper) -> None:
    paper.watch.at = moment("2025-11-03 09:00")
    paper.reader("ann@reader.example")
    paper.watch.at = moment("2026-01-09 06:30")
    seen = look(paper, address=" Ann@Reader.example ")
    (copy,) = seen.copies
    assert seen.reader == "ann@reader.example"
    assert copy.html is not None
    message = message_from_bytes(copy.message, policy=policy.default)
    assert message["To"] == "ann@reader.example"
    assert message["List-Unsubscribe"] == "<https://letters.post.example/u/sample>"
    text = message.get_body(("plain",))
    assert text is not None
    for part in (copy.html, copy.text, text.get_content()):
        assert "3 November" in part
        assert "https://letters.post.example/u/sample" in part
        links = part.split("https://letters.post.example/")[1:]
        assert {link[:8] for link in links if link[:2] in {"u/", "p/"}} <= {"u/sample", "p/sample"}


def test_topics_that_a_reader_switched_off_are_not_in_their_copy(opened: OpenPaper) -> None:
    town = {"title": "Town", "categories": ["Nothing"], "paths": ["/"]}
    daily = a_newsletter(sections=["town"], stories={"min": 3, "top": 1, "max": 6})
    paper = opened(newsletters={"daily": daily}, sections={"town": town})
    paper.reader("ann@reader.example")
    with paper.app.database.write() as connection:
        ann = readers.find_subscriber(connection, address_key="ann@reader.example")
        assert ann is not None
        standing = readers.find_subscription(connection, ann.id, newsletter_of(paper).id)
        assert standing is not None
        readers.save_subscription(connection, replace(standing, topic_mask=1 << 40))
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    whole, hers = look(paper), look(paper, address="ann@reader.example")
    sections = {c.section for c in whole.selection.chosen if c.place == "section"}
    assert sections == {"town"}
    assert len(hers.copies[0].text) < len(whole.copies[0].text)
    assert hers.copies[0].composition == whole.copies[0].composition


def test_a_reader_who_would_not_be_mailed_is_told_so(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    newsletter = newsletter_of(paper)
    with paper.app.database.write() as connection:
        ann = readers.find_subscriber(connection, address_key="ann@reader.example")
        assert ann is not None
        standing = readers.find_subscription(connection, ann.id, newsletter.id)
        assert standing is not None
        readers.save_subscription(connection, replace(standing, state="unsubscribed"))  # type: ignore[arg-type]
    assert look(paper, address="ann@reader.example").warnings[0] == (
        "reader: they would not be mailed: unsubscribed"
    )


def test_somebody_who_is_no_reader_is_told_with_a_remedy(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(), "weekly": a_newsletter(name="W")})
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    paper.reader("bea@reader.example", "weekly")
    with pytest.raises(NotFoundError, match=r"nobody@reader\.example: is not on any list"):
        look(paper, address="nobody@reader.example")
    with pytest.raises(NotFoundError, match=r"bea@reader\.example: never asked for daily"):
        look(paper, address="bea@reader.example")
    with pytest.raises(AddressError):
        look(paper, address="not an address")


def test_on_staging_any_readers_copy_can_be_looked_at(opened: OpenPaper) -> None:
    paper = opened(environment="staging")
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    assert look(paper).copies[0].html is not None
    assert look(paper, address="ann@reader.example").reader == "ann@reader.example"


# Several languages


def test_each_language_has_its_copy_the_newsletters_own_first(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(languages=["es", "ar"])})
    paper.news("2026-01-08")
    paper.reader("ann@reader.example")
    paper.watch.at = moment("2026-01-09 06:30")
    seen = look(paper)
    assert [copy.composition.language for copy in seen.copies] == ["en", "es", "ar"]
    assert seen.copy_in("ar") == seen.copies[2]
    assert seen.copy_in("fr") is None
    assert set_hash(copy.composition for copy in seen.copies) == seen.set_hash
    with paper.app.database.write() as connection:
        key = read_address("ann@reader.example").key
        row = readers.subscriber.c.address_key == key
        connection.execute(sa.update(readers.subscriber).where(row).values(language="es-MX"))
    hers = look(paper, address="ann@reader.example")
    assert [copy.composition.language for copy in hers.copies] == ["es"]
    edition = drafted(paper)
    assert tuple(copy.composition for copy in seen.copies) == kept(paper, edition)
