"""The pictures of an edition: fetched once, made ours, and never in the way."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from PIL import Image

from digest.clock import fixed
from digest.composition.images import MadeImage, make_shot
from digest.composition.model import Shot
from digest.composition.pictures import (
    TRY_AGAIN_AFTER,
    BorrowedShelf,
    Pictures,
    fetch_pictures,
    pictures_on,
    pictures_there,
)
from digest.composition.store import load_image
from digest.db import Database
from digest.editions.model import Candidate, Place, Selection, Verdict
from digest.errors import SourceError
from digest.sources.model import Article, Picture
from tests.unit.composition.letter_builders import a_site, a_story, chosen

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
SEA, FERRY = "https://h.example/sea.jpg", "https://h.example/ferry.jpg"


@dataclass(frozen=True)
class Body:
    content: bytes


@dataclass
class Shelf:
    """A fetcher with its files at hand, which notes what it was asked for."""

    files: dict[str, bytes]
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def get(
        self, address: str, *, allow: Sequence[str] = (), accept: str = "", most_bytes: int = 0
    ) -> Body:
        assert accept.startswith("image/jpeg")
        assert most_bytes == 20 * 1024 * 1024
        self.asked.append((address, tuple(allow)))
        if address not in self.files:
            raise SourceError(f"fetch: {address}: 404 Not Found")
        return Body(self.files[address])


def a_photograph(colour: str = "navy") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1600, 1200), colour).save(file, "JPEG")
    return file.getvalue()


def with_picture(url: str, place: Place | None, at: int) -> Candidate:
    story = a_story(f"Story {at}", picture=Picture(url, f"Words {at}", "A credit"))
    return chosen(story, place or Place.BRIEF, at=at)


def fetched(
    database: Database, shelf: Shelf, *candidates: Candidate, at: datetime = NOW
) -> Pictures:
    return fetch_pictures(
        database,
        Selection(candidates),
        fetcher=shelf,
        site=a_site(),
        clock=fixed(at),
        allow=("10.0.0.0/8",),
    )


def test_the_lead_is_made_wide_and_the_others_small(database: Database) -> None:
    shelf = Shelf({SEA: a_photograph(), FERRY: a_photograph("teal")})
    lead, top = with_picture(SEA, Place.LEAD, 1), with_picture(FERRY, Place.TOP, 2)
    made = fetched(database, shelf, lead, top)
    assert made.warnings == ()
    assert set(made.shots) == {(SEA, "lead"), (FERRY, "thumb")}
    wide = made.shots[SEA, "lead"]
    assert wide == Shot(wide.url, 600, 338, "Words 1", "A credit")
    assert made.shots[FERRY, "thumb"].width == 160
    base = "https://letters.harbourpost.example/images/"
    assert wide.url.startswith(base)
    with database.read() as connection:
        kept = load_image(connection, wide.url.removeprefix(base).removesuffix(".jpg"))
    assert kept is not None
    assert kept[0] == "image/jpeg"
    assert shelf.asked == [(SEA, ("10.0.0.0/8",)), (FERRY, ("10.0.0.0/8",))]


def test_a_picture_is_fetched_once_in_its_life(sqlite_database: Database) -> None:
    shelf = Shelf({SEA: a_photograph()})
    top, section = with_picture(SEA, Place.TOP, 1), with_picture(SEA, Place.SECTION, 2)
    first = fetched(sqlite_database, shelf, top, section)
    assert fetched(sqlite_database, shelf, top, at=NOW + timedelta(days=9)).shots == first.shots
    assert len(shelf.asked) == 1


def test_stories_in_brief_or_left_out_need_none(sqlite_database: Database) -> None:
    shelf = Shelf({})
    left_out = Candidate(
        Article(3, "site", a_story("Out", picture=Picture(SEA)), first_seen_at=NOW),
        Verdict.TOO_OLD,
        "Too old.",
    )
    without = chosen(a_story("Without"), Place.LEAD, at=4)
    made = fetched(sqlite_database, shelf, with_picture(SEA, Place.BRIEF, 1), left_out, without)
    assert (made, shelf.asked) == (Pictures({}), [])


def test_a_failing_picture_is_told_and_stops_nothing(sqlite_database: Database) -> None:
    shelf = Shelf({SEA: a_photograph(), "https://h.example/x.svg": b"<svg/>"})
    made = fetched(
        sqlite_database,
        shelf,
        with_picture(FERRY, Place.LEAD, 1),
        with_picture("https://h.example/x.svg", Place.TOP, 2),
        with_picture(SEA, Place.TOP, 3),
    )
    assert set(made.shots) == {(SEA, "thumb")}
    assert made.warnings == (
        f"picture: Story 1: fetch: {FERRY}: 404 Not Found",
        "picture: Story 2: picture: cannot be used: it is SVG, which mail programs do not show",
    )


def test_a_failed_picture_is_tried_again_after_a_while(sqlite_database: Database) -> None:
    shelf = Shelf({})
    lead = with_picture(SEA, Place.LEAD, 1)
    first = fetched(sqlite_database, shelf, lead)
    assert fetched(sqlite_database, shelf, lead, at=NOW + timedelta(minutes=1)) == first
    assert len(shelf.asked) == 1
    shelf.files[SEA] = a_photograph()
    again = fetched(sqlite_database, shelf, lead, at=NOW + TRY_AGAIN_AFTER)
    assert (set(again.shots), again.warnings) == ({(SEA, "lead")}, ())


def test_pictures_that_nobody_described_are_told_in_one_sentence(sqlite_database: Database) -> None:
    shelf = Shelf({SEA: a_photograph(), FERRY: a_photograph("teal")})
    stories = [
        chosen(a_story(f"Story {n}", picture=Picture(url)), Place.TOP, at=n)
        for n, url in enumerate((SEA, FERRY), 1)
    ]
    made = fetched(sqlite_database, shelf, *stories)
    assert made.warnings == (
        (
            "picture: no description, so it is mailed as decoration: Story 1; Story 2."
            " Add an alt text at the source, or with digest choose"
        ),
    )
    assert len(made.shots) == 2


def test_of_many_pictures_that_nobody_described_a_few_are_named(sqlite_database: Database) -> None:
    shelf = Shelf({f"{SEA}{n}": a_photograph() for n in range(5)})
    stories = [
        chosen(a_story(f"Story {n} of a long day", picture=Picture(f"{SEA}{n}")), Place.TOP, at=n)
        for n in range(4)
    ]
    long = a_story("One " + "more long day " * 9, picture=Picture(f"{SEA}4"))
    made = fetched(sqlite_database, shelf, chosen(long, Place.LEAD, at=0), *stories)
    assert made.warnings == (
        (
            "picture: no description, so it is mailed as decoration:"
            " One more long day more long day more long day more long day…;"
            " Story 0 of a long day; Story 1 of a long day; and 2 more."
            " Add an alt text at the source, or with digest choose"
        ),
    )


def test_the_picture_that_a_person_chose_is_the_one_that_is_fetched(
    sqlite_database: Database,
) -> None:
    shelf = Shelf({FERRY: a_photograph("teal")})
    swapped = replace(with_picture(SEA, Place.TOP, 1), picture=Picture(FERRY, "The ferry"))
    without = replace(with_picture(SEA, Place.TOP, 2), picture=Picture(""))
    made = fetched(sqlite_database, shelf, swapped, without)
    assert list(made.shots) == [(FERRY, "thumb")]
    assert made.warnings == ()


def test_a_drawing_is_served_under_the_name_of_what_it_became(sqlite_database: Database) -> None:
    file = io.BytesIO()
    Image.new("RGB", (800, 600), "gold").save(file, "PNG")
    shelf = Shelf({SEA: file.getvalue()})
    names = [
        fetched(sqlite_database, shelf, with_picture(SEA, Place.TOP, 1)).shots[SEA, "thumb"].url
        for _ in range(2)
    ]
    assert names[0] == names[1]
    assert names[0].endswith(".png")


# For whoever only looks


def looked(
    shelf: BorrowedShelf, fetcher: Shelf, *candidates: Candidate, at: datetime = NOW
) -> Pictures:
    return pictures_on(
        shelf, Selection(candidates), fetcher=fetcher, site=a_site(), clock=fixed(at)
    )


def test_a_look_fetches_the_very_pictures_and_keeps_them_in_memory_alone(
    database: Database,
) -> None:
    fetcher = Shelf({SEA: a_photograph()})
    lead = with_picture(SEA, Place.LEAD, 1)
    borrowed = BorrowedShelf(database)
    seen = looked(borrowed, fetcher, lead)
    assert looked(borrowed, fetcher, lead) == seen
    assert len(fetcher.asked) == 1
    name = seen.shots[SEA, "lead"].url.rpartition("/")[2].removesuffix(".jpg")
    with database.read() as connection:
        assert load_image(connection, name) is None
    shown = borrowed.load(name)
    assert fetched(database, fetcher, lead).shots == seen.shots
    with database.read() as connection:
        assert load_image(connection, name) == shown
    assert BorrowedShelf(database).load(name) == shown
    assert borrowed.load("0" * 64) is None


def test_a_look_takes_what_is_there_and_tells_what_is_not(sqlite_database: Database) -> None:
    fetcher = Shelf({SEA: a_photograph()})
    stories = [with_picture(SEA, Place.LEAD, 1), with_picture(FERRY, Place.TOP, 2)]
    made = fetched(sqlite_database, fetcher, *stories)
    borrowed = BorrowedShelf(sqlite_database)
    assert looked(borrowed, fetcher, *stories) == made
    later = NOW + TRY_AGAIN_AFTER
    assert looked(borrowed, fetcher, *stories, at=later) == made
    assert looked(borrowed, fetcher, *stories, at=later) == made
    assert len(fetcher.asked) == 3, "the one that fails is tried again, once"


def test_of_a_composed_edition_pictures_are_told_and_never_fetched(
    sqlite_database: Database,
) -> None:
    fetcher = Shelf({SEA: a_photograph()})
    stories = [with_picture(SEA, Place.LEAD, 1), with_picture(FERRY, Place.TOP, 2)]
    made = fetched(sqlite_database, fetcher, *stories)
    never = with_picture("https://h.example/new.jpg", Place.TOP, 3)
    there = pictures_there(
        BorrowedShelf(sqlite_database), Selection((*stories, never)), site=a_site()
    )
    assert there == Pictures(made.shots, (*made.warnings, "picture: Story 3: it was never fetched"))


def test_memory_is_bounded_the_oldest_go_first(sqlite_database: Database) -> None:
    borrowed = BorrowedShelf(sqlite_database, most=2)
    made = make_shot(a_photograph(), "thumb")
    for n in range(3):
        image = MadeImage(f"{n}", made.width, made.height, made.media_type, b"")
        borrowed.keep(f"https://h.example/{n}.jpg", "thumb", image, at=NOW)
    assert [borrowed.load(f"{n}") for n in range(3)] == [
        None,
        ("image/jpeg", b""),
        ("image/jpeg", b""),
    ]
