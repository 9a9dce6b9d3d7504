"""The sample letters and notices are whole, in every language."""

from __future__ import annotations

import pytest

from digest.composition.bidi import direction_of
from digest.composition.language import Language
from digest.composition.letter import letter_warnings
from digest.composition.model import Letter, Piece, Twin
from digest.composition.notices import facts_for
from digest.composition.samples import (
    LANGUAGES,
    LETTERS,
    NOTICES,
    sample_facts,
    sample_letter,
    sample_site,
)
from digest.composition.text import clean, width
from digest.outbox.model import NoticeKind


def pieces(letter: Letter) -> list[Piece]:
    lead = [letter.lead] if letter.lead else []
    grouped = (piece for section in letter.sections for piece in section.pieces)
    return [*lead, *letter.top, *grouped, *letter.brief]


def test_there_is_a_sample_of_every_notice_and_in_five_languages() -> None:
    assert set(NOTICES) == {kind.value for kind in NoticeKind}
    assert LANGUAGES == ("en", "es", "fr", "de", "ar")
    assert LETTERS == ("daily", "weekly", "single", "headlines")


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_daily_has_everything_a_letter_can_have(tag: str) -> None:
    letter = sample_letter("daily", Language(tag))
    assert letter.lead is not None
    assert letter.note is not None
    assert letter.note.opening
    assert letter.note.signed
    assert letter.headlines == ()
    assert letter_warnings(letter) == ()
    assert [section.topic for section in letter.sections] == ["town", "sport", "culture"]
    assert (len(letter.top), len(letter.brief), letter.story_count) == (3, 4, 13)
    assert (len(letter.lead.related), len(letter.lead.also)) == (2, 2)
    assert all(link.note for link in letter.lead.related)
    assert letter.sponsor is not None
    assert [bool(piece.recording_url) for piece in letter.top] == [True, False, True]
    assert letter.lead.shot is not None
    assert letter.lead.shot.url.endswith("/images/harbour-lead.jpg")
    assert letter.twin is Twin.WEEKLY
    assert letter.next_line
    assert letter.date_line


@pytest.mark.parametrize("tag", LANGUAGES)
def test_one_story_is_in_a_language_that_runs_the_other_way(tag: str) -> None:
    letter = sample_letter("daily", Language(tag))
    foreign = [piece for piece in pieces(letter) if piece.language]
    assert [piece.language for piece in foreign] == ["en" if tag == "ar" else "ar"]
    assert direction_of(foreign[0].headline) != Language(tag).direction


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_weekly_has_its_week_the_most_read_and_what_was_missed(tag: str) -> None:
    letter = sample_letter("weekly", Language(tag))
    assert letter.week_title
    assert all(piece.day for piece in pieces(letter))
    assert (len(letter.most_read), len(letter.missed), len(letter.headlines)) == (5, 3, 4)
    assert letter.note is None
    assert letter.twin is Twin.DAILY


def test_a_note_may_be_asked_for_or_left_out() -> None:
    assert sample_letter("daily", Language("en"), noted=False).headlines
    assert sample_letter("weekly", Language("en"), noted=True).note is not None


def test_a_single_tells_one_story_and_says_of_no_next_one() -> None:
    letter = sample_letter("single", Language("en"))
    assert (letter.story_count, letter.next_line) == (1, "")
    assert (letter.sponsor, letter.twin) == (None, None)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("template", LETTERS)
def test_every_sample_fits_the_inbox_and_is_clean(tag: str, template: str) -> None:
    letter = sample_letter(template, Language(tag), images="http://127.0.0.1:1/i")
    assert 0 < width(letter.subject) <= 60
    assert 40 <= width(letter.preheader) <= 90
    words = [text for piece in pieces(letter) for text in (piece.headline, piece.standfirst)]
    assert all(text == clean(text) for text in words)
    shots = [piece.shot for piece in pieces(letter) if piece.shot]
    assert all(shot.url.startswith("http://127.0.0.1:1/i/") and shot.alt for shot in shots)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("kind", NOTICES)
def test_the_facts_of_every_notice_are_what_it_wants(tag: str, kind: str) -> None:
    assert facts_for(kind, sample_facts(kind, Language(tag)), language=Language(tag))


def test_a_site_may_be_changed_and_an_unknown_language_is_told_in_english() -> None:
    assert sample_site("de", accent="#123456").accent == "#123456"
    assert (sample_site("de").name, sample_site("fi").name) == ("Hafenbote", "Harbour Post")
    assert sample_site("fi").language == "fi"
