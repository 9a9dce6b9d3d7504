"""Compositions, approvals and pictures in real databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.composition.images import MadeImage
from digest.composition.model import Composition
from digest.composition.store import (
    SourcePicture,
    approved_hash,
    earlier_subjects,
    image_for,
    load_composition,
    load_compositions,
    load_image,
    revoke_approvals,
    save_approval,
    save_composition,
    save_image,
    save_image_problem,
)
from digest.db import Database
from digest.editions.store import edition, newsletter
from digest.errors import WorkflowError

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
URL = "https://harbourpost.example/i/sea.jpg"
MADE = MadeImage("ab" * 32, 1200, 675, "image/jpeg", b"\xff\xd8 a picture \x00")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        for id_ in (1, 2):
            connection.execute(
                sa.insert(newsletter).values(
                    id=id_,
                    slug=f"n{id_}",
                    name="N",
                    zone="UTC",
                    epoch_at=NOW,
                    created_at=NOW,
                    origin="file",
                )
            )
        yield connection


def with_edition(connection: Connection, number: int, *, newsletter_id: int = 1) -> int:
    id_ = newsletter_id * 100 + number
    connection.execute(
        sa.insert(edition).values(
            id=id_,
            newsletter_id=newsletter_id,
            local_date=date(2026, 1, 1) + timedelta(days=number),
            slot_name="main",
            number=number,
            state="draft",
            window_after=NOW,
            cut_off_at=NOW,
            send_at=NOW,
            prepared_at=NOW,
        )
    )
    return id_


def a_composition(edition_id: int, **changes: object) -> Composition:
    made = Composition(
        edition_id=edition_id,
        language="en",
        revision=1,
        subject="Rye doubles",
        preheader="And a cat is lost.",
        html="<html>\U0001f408 \u202e</html>",
        text="A cat\n",
        nonce="Zq0123456789abcdefx",
        content_hash="a" * 64,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_composition_comes_back_as_it_was(connection: Connection) -> None:
    made = a_composition(with_edition(connection, 1))
    assert load_composition(connection, made.edition_id) is None
    save_composition(connection, made, at=NOW)
    save_composition(connection, made, at=NOW)
    assert load_composition(connection, made.edition_id) == made


def test_composing_a_draft_again_replaces_it(connection: Connection) -> None:
    first = a_composition(with_edition(connection, 1))
    again = replace(first, subject="Rye halves", content_hash="b" * 64)
    save_composition(connection, first, at=NOW)
    save_composition(connection, again, at=NOW)
    assert load_composition(connection, first.edition_id) == again


def test_the_newest_revision_and_the_first_language_are_given(connection: Connection) -> None:
    id_ = with_edition(connection, 1)
    old = a_composition(id_)
    english = a_composition(id_, revision=2, content_hash="b" * 64)
    german = a_composition(id_, revision=2, language="de", content_hash="c" * 64)
    for made in (old, english, german):
        save_composition(connection, made, at=NOW)
    assert load_composition(connection, id_) == german
    assert load_composition(connection, id_, language="en") == english
    assert load_composition(connection, id_, revision=1) == old
    assert load_composition(connection, id_, revision=3) is None
    assert load_compositions(connection, id_, revision=2) == (german, english)


def test_what_is_approved_is_not_replaced(connection: Connection) -> None:
    made = a_composition(with_edition(connection, 1))
    save_composition(connection, made, at=NOW)
    save_approval(connection, made.edition_id, revision=1, set_hash="5" * 64, by="ed", at=NOW)
    save_composition(connection, made, at=NOW)
    other = replace(made, content_hash="b" * 64)
    with pytest.raises(WorkflowError, match="revision 1: it is approved"):
        save_composition(connection, other, at=NOW)
    save_composition(connection, replace(other, revision=2), at=NOW)
    revoke_approvals(connection, made.edition_id, at=NOW)
    save_composition(connection, other, at=NOW)
    assert load_composition(connection, made.edition_id, revision=1) == other


def test_the_last_approval_stands_until_it_is_revoked(connection: Connection) -> None:
    id_ = with_edition(connection, 1)
    other = with_edition(connection, 2)
    assert approved_hash(connection, id_) is None
    assert not revoke_approvals(connection, id_, at=NOW)
    save_approval(connection, id_, revision=1, set_hash="1" * 64, by="ed", at=NOW)
    save_approval(connection, id_, revision=2, set_hash="2" * 64, by="ed", at=NOW)
    save_approval(connection, other, revision=1, set_hash="3" * 64, by="ed", at=NOW)
    assert approved_hash(connection, id_) == "2" * 64
    assert revoke_approvals(connection, id_, at=NOW)
    assert approved_hash(connection, id_) is None
    assert approved_hash(connection, other) == "3" * 64


def test_earlier_subjects_are_those_of_the_last_revisions_newest_first(
    connection: Connection,
) -> None:
    for number in (1, 2, 3):
        id_ = with_edition(connection, number)
        save_composition(connection, a_composition(id_, subject=f"Old {number}"), at=NOW)
        new = a_composition(id_, revision=2, subject=f"New {number}", content_hash="b" * 64)
        save_composition(connection, new, at=NOW)
    stranger = with_edition(connection, 1, newsletter_id=2)
    save_composition(connection, a_composition(stranger, subject="Another letter"), at=NOW)
    assert earlier_subjects(connection, 1, limit=10) == ("New 3", "New 2", "New 1")
    assert earlier_subjects(connection, 1, limit=1) == ("New 3",)
    assert earlier_subjects(connection, 1, limit=10, before_number=3) == ("New 2", "New 1")


def test_a_picture_is_kept_once_and_found_by_its_source(connection: Connection) -> None:
    assert image_for(connection, URL, "lead") is None
    save_image(connection, URL, "lead", MADE, at=NOW)
    save_image(connection, URL + "?2", "lead", MADE, at=NOW)
    assert image_for(connection, URL, "lead") == SourcePicture(MADE.hash, "image/jpeg", "", NOW)
    assert image_for(connection, URL, "thumb") is None
    assert load_image(connection, MADE.hash) == ("image/jpeg", MADE.content)
    assert load_image(connection, "no such picture") is None


def test_a_problem_is_kept_and_gives_way_to_a_picture(connection: Connection) -> None:
    save_image_problem(connection, URL, "lead", "picture: it moves", at=NOW)
    assert image_for(connection, URL, "lead") == SourcePicture(None, None, "picture: it moves", NOW)
    later = NOW + timedelta(hours=1)
    save_image(connection, URL, "lead", MADE, at=later)
    assert image_for(connection, URL, "lead") == SourcePicture(MADE.hash, "image/jpeg", "", later)
