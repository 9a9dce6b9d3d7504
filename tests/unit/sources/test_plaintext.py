from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.model import FoundStory, Reading
from digest.sources.plaintext import (
    MAX_CHARACTERS,
    CapturedPage,
    read_capture,
    read_date_line,
    read_page,
)
from tests.unit.sources.source_builders import page

SEEN = date(2026, 1, 9)
TAIL = ("Newsletter", "", "Related Articles", "", "Quayside Gazette", "0:00", "0:00", "Close")
WHOLE = (
    "Quayside Gazette",
    "",
    "Friday, Jan 09, 2026",
    "",
    "Ferry “back” in service",
    "",
    'Ferry "back" in service',
    "",
    "Nine weeks in dry dock are over.",
    "The first boat left at six.",
    "",
    "Its master said he was glad.",
    *TAIL,
    "Council buys a crane",
    "Harbour’s oldest crane sold",
    "×",
)


def _read(*lines: str) -> CapturedPage:
    return read_capture(page(*lines), address="page.txt")


def _article(*paragraphs: str, headline: str, standfirst: str = "") -> FoundStory:
    return FoundStory(
        headline=headline,
        standfirst=standfirst,
        body_html="".join(f"<p>{text}</p>" for text in paragraphs),
        body_text="\n\n".join(paragraphs),
        seen_on=SEEN,
    )


def _headlines(*headlines: str) -> tuple[FoundStory, ...]:
    return tuple(FoundStory(headline=headline, seen_on=SEEN) for headline in headlines)


FERRY = _article(
    "The first boat left at six.",
    "Its master said he was glad.",
    headline="Ferry “back” in service",
    standfirst="Nine weeks in dry dock are over.",
)
EXPECTED = CapturedPage(
    site_name="Quayside Gazette",
    seen_on=SEEN,
    article=FERRY,
    river=_headlines("Council buys a crane", "Harbour’s oldest crane sold"),
)


def test_a_page_is_its_article_and_the_river_below_and_nothing_is_dated() -> None:
    read = _read(*WHOLE)
    assert read == EXPECTED
    assert read.stories == (FERRY, *EXPECTED.river)
    assert all(story.published_at is None for story in read.stories)


def test_a_captured_page_is_read_from_its_bytes_like_any_source() -> None:
    stories = (FERRY, *EXPECTED.river)
    for content, content_type in (
        (page(*WHOLE).encode(), ""),
        (page(*WHOLE).encode("utf-16"), "text/plain"),
        (page(*WHOLE).encode("windows-1252"), "text/plain; charset=iso-8859-1"),
    ):
        read = read_page(content, address="page.txt", content_type=content_type, language="en")
        assert read == Reading(
            stories=tuple(replace(story, language="en") for story in stories),
            title="Quayside Gazette",
            language="en",
        )


@pytest.mark.parametrize(
    "text",
    [
        page(*WHOLE).replace("\n", "\r\n"),
        "\ufeff" + page(*WHOLE),
        page(*WHOLE).replace("boat", "bo\x00at").replace("Council", "\x07Council"),
        page(*WHOLE).replace("sold\n×", "sold×"),
        page(*WHOLE).replace("Close\nC", "Close×\n× C"),
        page(*WHOLE).replace("0:00\n0:00\nClose", "0:000:00Close"),
        page(*WHOLE).replace("0:00\n0:00\nClose", "0:00 / 12:34"),
        page(*WHOLE).replace(
            "\nNewsletter\n\nRelated Articles", "\nRelated Articles\n\nNewsletter"
        ),
        page(*WHOLE).replace("Newsletter", "Boletín").replace("Close", "Cerrar"),
        page(*WHOLE).replace("Related Articles", "Verwandte Artikel").replace("Close", "Schließen"),
        page(*WHOLE, "", "Quayside Gazette", "×"),
        page(*WHOLE).replace("over.\nThe", "over.\nNine weeks in dry dock are over.\nThe"),
    ],
)
def test_the_same_page_in_another_dress_reads_the_same(text: str) -> None:
    assert read_capture(text, address="page.txt") == EXPECTED


def test_a_player_above_the_body_does_not_hide_it() -> None:
    read = _read(
        "Quayside Gazette", "Friday, Jan 09, 2026", "Ferry back", "0:00", "0:00", "Close",
        "Nine weeks are over.", "", "The boat left.", "", "All were glad.",
        *TAIL, "Crane sold", "×",
    )  # fmt: skip
    assert read.article == _article(
        "The boat left.",
        "All were glad.",
        headline="Ferry back",
        standfirst="Nine weeks are over.",
    )
    assert read.river == _headlines("Crane sold")


def test_the_name_above_the_player_is_the_sites_when_the_masthead_is_missing() -> None:
    read = _read("Ferry back", "It sails.", "All are glad.", *TAIL, "Crane sold")
    assert read.site_name == "Quayside Gazette"
    assert [story.headline for story in read.stories] == ["Ferry back", "Crane sold"]


def test_related_headlines_are_headlines_too_and_none_comes_twice() -> None:
    read = _read(
        *WHOLE[:-11], "Newsletter", "Related Articles", "Crane sold", "Ferry back in service",
        "Quayside Gazette", "0:00", "Crane sold!", "Tide high", "×",
    )  # fmt: skip
    assert read.article == FERRY
    assert read.river == _headlines("Crane sold", "Tide high")


def test_a_paragraph_that_only_resembles_the_standfirst_stays() -> None:
    read = _read(
        "Quayside Gazette", "Friday, Jan 09, 2026", "Ferry", "Nine weeks are over.", "It sails.",
        "", "Nine weeks are over.", "", "Nine weeks are over. Really.",
    )  # fmt: skip
    assert read.article == _article(
        "It sails.",
        "Nine weeks are over.",
        "Nine weeks are over. Really.",
        headline="Ferry",
        standfirst="Nine weeks are over.",
    )


def test_a_long_first_paragraph_with_space_below_it_is_no_standfirst() -> None:
    first = "word " * 70 + "end."
    read = _read("Quayside Gazette", "Friday, Jan 09, 2026", "Ferry", "", first, "", "Second.")
    assert read.article == _article(first, "Second.", headline="Ferry")


def test_a_single_paragraph_is_the_body() -> None:
    read = _read("Quayside Gazette", "Friday, Jan 09, 2026", "Ferry", "", "It sails.")
    assert read.article == _article("It sails.", headline="Ferry")


def test_signs_of_the_text_are_escaped_in_its_html_and_ten_times_stays_ten_times() -> None:
    read = _read("Quayside Gazette", "Friday, Jan 09, 2026", "Fares rise 10×", "a < b & c.", "Why?")
    assert read.article is not None
    assert (read.article.headline, read.article.body_html) == ("Fares rise 10×", "<p>Why?</p>")
    assert read.article.standfirst == "a < b & c."


def test_a_page_without_a_masthead_begins_with_its_headline() -> None:
    read = _read("Ferry back", "Ferry back", "It sails.", "All are glad.")
    assert read == CapturedPage(
        article=FoundStory(
            headline="Ferry back",
            standfirst="It sails.",
            body_html="<p>All are glad.</p>",
            body_text="All are glad.",
        ),
        warnings=("no date line on the page",),
    )


def test_a_headline_above_the_date_line_is_not_taken_for_the_site() -> None:
    read = _read("Ferry back", "Friday, Jan 09, 2026", "Ferry back", "It sails.", "All are glad.")
    assert (read.site_name, read.seen_on) == ("", SEEN)
    assert read.article == _article("All are glad.", headline="Ferry back", standfirst="It sails.")


def test_a_site_name_is_known_by_its_second_place_when_the_date_is_missing() -> None:
    read = _read(
        "Quayside Gazette", "Ferry back", "It sails.", "All are glad.", *TAIL, "Crane sold"
    )
    assert (read.site_name, read.seen_on) == ("Quayside Gazette", None)
    assert read.article is not None
    assert [story.headline for story in read.stories] == ["Ferry back", "Crane sold"]


@pytest.mark.parametrize(
    "lines", [TAIL, ("Newsletter", "0:00", "Close", "×"), ("Gazette", "9 January 2026")]
)
def test_a_page_of_furniture_has_no_article_and_says_so(lines: tuple[str, ...]) -> None:
    read = _read(*lines)
    assert (read.article, read.river) == (None, ())
    assert "no article on the page" in read.warnings


@pytest.mark.parametrize("text", ["", " \n\r\n\t", "\x00\x00", "\ufeff", "\u200b", "×\n"])
def test_an_empty_page_is_refused_in_words(text: str) -> None:
    with pytest.raises(SourceError, match=r"^page: page.txt: the page is empty$") as refused:
        read_capture(text, address="page.txt")
    assert refused.value.hint == "Capture it again, or remove the file."


def test_a_page_that_is_far_too_long_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^page: page.txt: longer than 2000000 characters$"):
        read_capture("x" * (MAX_CHARACTERS + 1), address="page.txt")


def test_a_line_of_markup_alone_is_no_headline() -> None:
    read = _read("<b></b>", "Ferry <i>back</i>", "It sails.")
    assert [story.headline for story in read.stories] == ["Ferry back"]


def test_an_endless_headline_is_cut() -> None:
    read = _read("Quayside Gazette", "Friday, Jan 09, 2026", "word " * 200)
    assert read.article is not None
    assert len(read.article.headline) <= 500


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Friday, Jan 09, 2026", SEEN),
        ("9 January 2026", SEEN),
        ("Fri 9th Jan 2026", SEEN),
        ("2026-01-09", SEEN),
        ("Freitag, 9. Januar 2026", SEEN),
        ("vendredi 9 janvier 2026", SEEN),
        ("viernes, 9 de enero de 2026", SEEN),
        ("31 February 2026", None),
        ("2026-02-31", None),
        ("May 2026", None),
        ("March on 9 May 2026", None),
        ("Elected on 9 January 2026", None),
        ("9/1/2026", None),
        ("9 January 2026 " * 4, None),
        ("", None),
    ],
)
def test_a_date_line_is_a_date_and_nothing_else(line: str, day: date | None) -> None:
    assert read_date_line(line) == day


LINES = st.sampled_from([*WHOLE, "<b>x</b>", "&lt;", "<", "\x00", "\u202e", "10×", "Close ×"])


@settings(deadline=None)
@given(st.lists(LINES | st.text(max_size=12), max_size=20).map("\n".join))
def test_any_page_ends_in_stories_or_in_one_kind_of_error(text: str) -> None:
    try:
        read = read_capture(text, address="p")
    except SourceError:
        return
    for story in read.stories:
        assert story.headline
        assert not [c for c in story.headline if unicodedata.category(c) in {"Cc", "Cs"}]
        assert "<b>" not in story.headline
        assert (story.published_at, story.url, story.guid) == (None, None, None)
