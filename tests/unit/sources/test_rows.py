from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Gone,
    Picture,
    Reading,
    SourceKind,
    SourceSpec,
)
from digest.sources.rows import PARTS, check_columns, read_rows


def a_spec(**more: Any) -> SourceSpec:
    return SourceSpec(
        "archive",
        SourceKind.SQL,
        "sqlite:///x.db",
        **{"zone": "Europe/Berlin", "columns": {part: part for part in PARTS}, **more},
    )


def read(*rows: dict[str, Any], **more: Any) -> Reading:
    given_rows = [tuple(row.get(part) for part in PARTS) for row in rows]
    return read_rows(given_rows, PARTS, spec=a_spec(**more))


def read_one(**row: Any) -> FoundStory:
    (story,) = read({"headline": "Ferry", **row}).stories
    return story


def test_a_story_takes_every_column_it_is_given() -> None:
    row = {
        "headline": "Ferry <i>sails</i> again",
        "url": "https://post.example/ferry",
        "guid": 17,
        "standfirst": "Nine weeks are over.",
        "body": '<p>It left at <a href="/six">six</a>.</p>',
        "authors": "Ann Teller, Bob Roe",
        "categories": ["Local", "Harbour"],
        "picture": "/f.jpg",
        "picture_alt": "The ferry",
        "published_at": datetime(2026, 1, 9, 6, 15),  # noqa: DTZ001 - as a driver gives it
        "updated_at": "2026-01-09 07:00:00+00",
        "language": "en",
        "priority": Decimal(5),
        "reads": 12,
        "deleted": None,
    }
    assert read(row) == Reading(
        (
            FoundStory(
                headline="Ferry sails again",
                url="https://post.example/ferry",
                guid="17",
                standfirst="Nine weeks are over.",
                body_html='<p>It left at <a href="https://post.example/six"'
                ' rel="noopener noreferrer">six</a>.</p>',
                body_text="It left at six.",
                authors=("Ann Teller", "Bob Roe"),
                categories=("Local", "Harbour"),
                picture=Picture("https://post.example/f.jpg", "The ferry"),
                published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                updated_at=datetime(2026, 1, 9, 7, 0, tzinfo=UTC),
                language="en",
                priority=5,
                reads=12,
            ),
        )
    )


@pytest.mark.parametrize(
    "value",
    [
        1767935700,
        1767935700.0,
        "1767935700",
        1767935700000,
        "2026-01-09 06:15",
        "2026-01-09T05:15:00Z",
        datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
    ],
)
def test_a_date_may_be_a_time_a_text_or_seconds(value: Any) -> None:
    assert read_one(published_at=value).published_at == datetime(2026, 1, 9, 5, 15, tzinfo=UTC)


def test_a_day_begins_in_the_sources_zone() -> None:
    story = read_one(published_at=date(2026, 1, 9))
    assert story.published_at == datetime(2026, 1, 8, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize("value", ["infinity", "soon", -1, date(1, 1, 1), date.max])
def test_a_date_that_cannot_be_true_is_told_and_dropped(value: Any) -> None:
    reading = read({"headline": "Ferry", "published_at": value})
    assert reading.stories == (FoundStory("Ferry"),)
    assert reading.warnings[0].startswith("row 1 has a date that cannot be read (published_at: ")


@pytest.mark.parametrize(
    "value",
    ["Ann; Bob", '["Ann", "Bob"]', ("Ann", "Bob"), "[Ann, Bob]", b"Ann,Bob", "Ann,,Bob,Ann"],
)
def test_names_may_be_a_text_json_or_an_array(value: Any) -> None:
    assert read_one(authors=value).authors == ("Ann", "Bob")


def test_a_plain_body_keeps_its_paragraphs_and_a_mails_by_line_its_name() -> None:
    story = read_one(body="Tom & Ann.\r\n\r\nTwo\nlines.", authors="Ann Teller <ann@post.example>")
    assert (story.body_html, story.body_text, story.authors) == (
        "<p>Tom &amp; Ann.</p><p>Two lines.</p>",
        "Tom & Ann.\n\nTwo lines.",
        ("Ann Teller",),
    )


@pytest.mark.parametrize("value", [True, 1, "t", "yes", "2026-01-09", date(2026, 1, 9), "0.5"])
def test_a_deleted_row_says_that_its_story_is_gone(value: Any) -> None:
    row = {"headline": "Ferry", "guid": "f-1", "url": "https://a.example/x", "deleted": value}
    assert read(row) == Reading(gone=(Gone("f-1", "https://a.example/x"),))


@pytest.mark.parametrize("value", [None, False, 0, "0", "f", "FALSE", "no", "", Decimal(0), b"n"])
def test_a_row_that_is_not_deleted_is_a_story(value: Any) -> None:
    assert read_one(deleted=value) == FoundStory("Ferry")


def test_zeros_of_mysql_are_no_date_of_deletion() -> None:
    assert read_one(deleted="0000-00-00 00:00:00") == FoundStory("Ferry")


def test_rows_that_cannot_be_used_are_told_by_their_number() -> None:
    reading = read(
        {"deleted": 1, "headline": "Ferry"},
        {"headline": "Ferry", "url": "/ferry"},
        {"headline": " "},
        {"headline": "", "body": "word " * 60_000},
    )
    assert [story.headline for story in reading.stories] == ["Ferry", "word " * 11 + "word…"]
    assert reading.warnings == (
        "row 1 is deleted, but has no guid and no url to tell which story",
        "row 2 has a url that is no web address ('/ferry')",
        "row 3 has no headline and no text; left out",
        "row 4 is longer than 256 KB; cut",
    )


def test_a_source_lends_its_language_and_bounds_hold_numbers() -> None:
    (story,) = read({"headline": "T", "priority": -999, "reads": 2**40}, language="fr").stories
    assert (story.language, story.priority, story.reads) == ("fr", -100, 2_147_483_647)


def test_a_picture_of_the_body_stands_in() -> None:
    story = read_one(body='<p>x</p><img src="https://a.example/b.jpg" alt="Boat">')
    assert story.picture == Picture("https://a.example/b.jpg", "Boat")


def test_names_of_columns_are_found_whatever_their_case_and_the_first_of_equals_wins() -> None:
    spec = a_spec(columns={"headline": "Title", "guid": "id"})
    assert read_rows([("Ferry", 1, 2)], ["TITLE", "id", "id"], spec=spec).stories == (
        FoundStory("Ferry", guid="1"),
    )


def test_a_column_the_query_does_not_give_is_refused_with_those_it_gives() -> None:
    spec = a_spec(columns={"headline": "titel", "url": "address"})
    with pytest.raises(SourceError) as error:
        read_rows([], ["id", "title"], spec=spec)
    assert str(error.value) == (
        "sql: archive: the query gives no column 'titel' (for headline) (did you mean 'title'?),"
        " 'address' (for url)"
    )
    assert error.value.hint == "It gives: id, title."


def test_a_map_with_names_that_are_not_ours_is_refused_with_ours() -> None:
    with pytest.raises(SourceError) as error:
        check_columns(a_spec(columns={"headline": "t", "head_line": "t", "zz": "t"}))
    assert str(error.value) == (
        "sql: archive: columns: not a part of a story: 'head_line' (did you mean 'headline'?), 'zz'"
    )
    assert error.value.hint.startswith("Its parts are: headline, url, guid, ")


def test_a_map_without_a_headline_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^sql: archive: columns: headline is missing$"):
        check_columns(a_spec(columns={"url": "u"}))
    check_columns(a_spec())


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=12)
    | st.binary(max_size=12)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.lists(st.text(max_size=3) | st.none(), max_size=3)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
    | st.sampled_from(["[[[", '{"a": 1}', "[" * 3_000, "https://a.example/x", "<p>x"])
)


@settings(deadline=None)
@given(st.lists(st.lists(VALUES, min_size=len(PARTS), max_size=len(PARTS)), max_size=3))
def test_any_rows_end_in_stories_and_warnings(rows: list[list[Any]]) -> None:
    reading = read_rows(rows, PARTS, spec=a_spec())
    assert len(reading.stories) + len(reading.gone) <= len(rows)
    for story in reading.stories:
        assert story.headline
        (story.headline + story.body_html + (story.guid or "")).encode()
