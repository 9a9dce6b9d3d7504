"""What a letter says: order, words, dates, pictures, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from digest.composition.language import ENGLISH, Language
from digest.composition.letter import letter_warnings, write_letter
from digest.composition.model import Letter, LetterSection, Link, Note, Piece, Shot, Site
from digest.editions.model import (
    Candidate,
    Place,
    Section,
    Selection,
    Slot,
    Sponsor,
    Verdict,
    Wording,
)
from digest.sources.model import Article, FoundStory, Picture, Recording, RecordingKind
from tests.unit.composition.letter_builders import (
    CUT_OFF,
    a_newsletter,
    a_selection,
    a_site,
    a_slot,
    a_story,
    an_edition,
    chosen,
    picture_url,
    shots_at,
)


def letter_of(
    *stories: tuple[FoundStory, Place, str | None],
    template: str = "daily",
    language: str = "en",
    next_slot: Slot | None = None,
    shots: dict[tuple[str, str], Shot] | None = None,
) -> Letter:
    selection = Selection(
        tuple(
            chosen(story, place, at=at, section=section)
            for at, (story, place, section) in enumerate(stories, start=1)
        )
    )
    return write_letter(
        an_edition(template),
        a_newsletter(template),
        selection,
        site=a_site(language=language),
        language=Language(language),
        shots=shots or {},
        next_slot=next_slot,
    )


def write(selection: Selection, *, site: Site | None = None) -> Letter:
    return write_letter(
        an_edition(),
        a_newsletter(),
        selection,
        site=site or a_site(),
        language=Language((site or a_site()).language),
        shots={},
        next_slot=None,
    )


def lead_of(story: FoundStory, *, shots: dict[tuple[str, str], Shot] | None = None) -> Piece:
    lead = letter_of((story, Place.LEAD, "town"), shots=shots).lead
    assert lead is not None
    return lead


def the_daily() -> Letter:
    return write_letter(
        an_edition(),
        a_newsletter(),
        a_selection(),
        site=a_site(),
        language=ENGLISH,
        shots=shots_at(),
        next_slot=a_slot(),
    )


def test_the_stories_stand_in_their_places_and_sections_in_the_newsletters_order() -> None:
    letter = the_daily()
    assert letter.lead is not None
    assert letter.lead.headline == "Council backs the new breakwater after a night of argument"
    assert [piece.headline for piece in letter.top] == [
        "Ferry returns to its winter timetable",
        "Two schools share a roof, and save a fortune",
        "Museum finds a letter from the keeper’s daughter",
    ]
    assert [(s.topic, s.title, len(s.pieces)) for s in letter.sections] == [
        ("town", "Town", 2),
        ("sport", "Sport", 1),
        ("culture", "Culture & letters", 1),
    ]
    assert len(letter.brief) == 4
    assert (letter.story_count, letter.common_count) == (12, 8)


def test_the_frame_of_a_daily() -> None:
    letter = the_daily()
    assert (letter.newsletter, letter.slug, letter.template, letter.number) == (
        "The Morning Post",
        "daily",
        "daily",
        1204,
    )
    assert letter.date_line == "Friday 9 January 2026"
    assert letter.week_title == ""
    assert letter.next_line == "The next comes on Monday at 07:00."
    assert letter.read_online_url == "https://letters.harbourpost.example/daily/2026-01-09"
    assert letter.privacy_url == "https://letters.harbourpost.example/privacy"
    assert letter.subject == "Council backs the new breakwater after a night of argument"
    assert letter.preheader == (
        "Ferry returns to its winter timetable; Two schools share a roof, and save a fortune"
    )


def test_a_weekly_names_its_week_and_the_day_of_each_story() -> None:
    selection = a_selection()
    letter = write_letter(
        an_edition("weekly", day=date(2026, 1, 10)),
        a_newsletter("weekly"),
        selection,
        site=a_site(),
        language=ENGLISH,
        shots={},
        next_slot=a_slot(date(2026, 1, 17), hour=8),
    )
    assert letter.week_title == "The week of 3–9 January"
    assert [piece.day for piece in letter.top] == ["Thu", "Thu", "Wed"]
    assert letter.next_line == "The next comes on Saturday 17 January at 08:00."


def test_the_next_line_is_local_to_the_newsletter() -> None:
    summer = Slot(
        date(2026, 7, 6),
        cut_off_at=datetime(2026, 7, 6, 5, 30, tzinfo=UTC),
        send_at=datetime(2026, 7, 6, 6, tzinfo=UTC),
    )
    letter = letter_of((a_story("One"), Place.LEAD, None), next_slot=summer)
    assert letter.next_line == "The next comes on Monday 6 July at 07:00."
    assert letter_of().next_line == ""


def test_headlines_come_from_five_stories_on_and_hold_what_every_reader_has() -> None:
    stories = [(a_story(f"Story {n}"), Place.SECTION, "town") for n in range(9)]
    assert letter_of(*stories).headlines == ()
    common = [(a_story("Lead"), Place.LEAD, None), (a_story("Top"), Place.TOP, None)]
    brief = [(a_story("Brief"), Place.BRIEF, None), (a_story("More"), Place.BRIEF, None)]
    assert letter_of(*common, *stories, *brief).headlines == (
        Link("Lead"),
        Link("Top"),
        Link("Brief"),
    )
    assert letter_of(*common, *brief).headlines == ()
    assert [line.words for line in the_daily().headlines] == [
        "Council backs the new breakwater after a night of argument",
        "Ferry returns to its winter timetable",
        "Two schools share a roof, and save a fortune",
        "Museum finds a letter from the keeper’s daughter",
    ]


def test_at_most_five_headlines() -> None:
    top = [(a_story(f"Top {n}"), Place.TOP, None) for n in range(12)]
    assert letter_of(*top).headlines == tuple(Link(f"Top {n}") for n in range(5))


def test_a_headline_of_another_language_says_so_in_the_list_as_well() -> None:
    arabic = a_story("عودة العبّارة", language="ar")
    top = [(a_story(f"Top {n}"), Place.TOP, None) for n in range(6)]
    assert letter_of((arabic, Place.LEAD, None), *top).headlines[0] == Link(
        "عودة العبّارة", language="ar"
    )


def test_a_letter_in_a_further_language_is_read_online_in_that_one() -> None:
    there = "https://letters.harbourpost.example/daily/2026-01-09"
    letters = {
        tag: write_letter(
            an_edition("daily"),
            a_newsletter("daily"),
            Selection(),
            site=a_site(language="de"),
            language=Language(tag),
            shots={},
            next_slot=None,
        )
        for tag in ("de", "ar", "pt-BR")
    }
    assert {tag: letter.read_online_url for tag, letter in letters.items()} == {
        "de": there,
        "ar": f"{there}?language=ar",
        "pt-BR": f"{there}?language=pt-BR",
    }


def test_a_story_of_no_section_comes_last_and_belongs_to_no_topic() -> None:
    letter = letter_of(
        (a_story("Lost"), Place.SECTION, None),
        (a_story("Gone"), Place.SECTION, "a section that is no more"),
        (a_story("Town"), Place.SECTION, "town"),
    )
    assert letter.sections == (
        LetterSection("town", "Town", (piece("Town"),)),
        LetterSection(None, "More stories", (piece("Lost"), piece("Gone"))),
    )


def piece(headline: str) -> Piece:
    return Piece(headline=headline, url="https://harbourpost.example/a-story")


def test_a_lead_carries_its_section_and_a_long_standfirst_ends_with_a_sentence() -> None:
    lead = lead_of(a_story("The wall", "It begins in April and goes on for a year or two. " * 6))
    assert lead.label == "Town"
    assert lead.standfirst == ("It begins in April and goes on for a year or two. " * 4).strip()


def test_without_a_standfirst_the_first_paragraph_stands_there() -> None:
    assert lead_of(a_story("The wall", body="It begins.\n\nLater.")).standfirst == "It begins."
    assert lead_of(a_story("The wall", "the WALL.", body="It begins.")).standfirst == "It begins."
    assert lead_of(a_story("The wall", "The wall")).standfirst == ""


def test_a_line_in_brief_is_a_headline_and_nothing_else() -> None:
    story = a_story("The cat", "It is grey.", picture=Picture(picture_url("sea")))
    letter = letter_of((story, Place.BRIEF, "town"), shots=shots_at())
    assert letter.brief == (piece("The cat"),)


def test_line_breaks_and_controls_in_every_field_are_survived() -> None:
    story = FoundStory(
        headline="Rye\r\ndoubles\x00",
        url="https://h.example/\x00",
        standfirst="One\nline\x1f",
        body_text="\x00",
        picture=Picture("https://h.example/p\n.jpg", "a\nb", "c\x00d"),
        recording=Recording("https://h.example/\na.mp3", 3),
        language="fr\n",
        published_at=CUT_OFF,
    )
    shots = {("https://h.example/p\n.jpg", "lead"): Shot("https://i.example/1.jpg", 600, 338)}
    assert lead_of(story, shots=shots) == Piece(
        headline="Rye doubles",
        standfirst="One line",
        shot=Shot("https://i.example/1.jpg", 600, 338, "a b", "cd"),
        label="Town",
        language="fr",
    )


@pytest.mark.parametrize(
    ("headline", "url", "expected"),
    [("\x00", "https://h.example/x", "https://h.example/x"), ("\n", None, "Untitled")],
)
def test_a_story_never_goes_without_words(headline: str, url: str | None, expected: str) -> None:
    assert lead_of(a_story(headline, url=url)).headline == expected


def test_an_unsafe_address_leaves_the_headline_as_plain_text() -> None:
    assert lead_of(a_story("The wall", url="javascript:alert(1)")).url is None


@pytest.mark.parametrize(
    ("audio", "url", "label"),
    [
        (Recording("https://h.example/a.mp3", 740), "https://h.example/a.mp3", "Listen · 12 min"),
        (Recording("https://h.example/a.mp3", 20), "https://h.example/a.mp3", "Listen · 1 min"),
        (Recording("https://h.example/a.mp3"), "https://h.example/a.mp3", "Listen"),
        (Recording("https://h.example/a.mp3", -5), "https://h.example/a.mp3", "Listen"),
        (Recording("file:///a.mp3", 740), None, ""),
        (
            Recording("https://h.example/v.mp4", 185, RecordingKind.VIDEO),
            "https://h.example/v.mp4",
            "Watch · 3 min",
        ),
    ],
)
def test_a_recording_is_a_link_with_its_length(
    audio: Recording, url: str | None, label: str
) -> None:
    lead = lead_of(a_story("The wall", recording=audio))
    assert (lead.recording_url, lead.recording_label) == (url, label)


def test_a_persons_words_and_picture_go_before_the_sources() -> None:
    story = a_story("The wall", "It fell.", picture=Picture(picture_url("sea")))
    wordings = (Wording("fr", "Le mur", ""), Wording("", "The old wall", "It fell at noon."))
    one = replace(chosen(story, Place.LEAD, at=1), wording=wordings, picture=Picture(""))
    told = [one.story_in(language) for language in ("en", "fr")]
    assert [(t.headline, t.standfirst, t.picture) for t in told] == [
        ("The old wall", "It fell at noon.", None),
        ("Le mur", "It fell at noon.", None),
    ]
    assert write(Selection((one,))).lead == Piece(
        "The old wall", "https://harbourpost.example/a-story", "It fell at noon."
    )


def test_what_leads_nowhere_is_not_offered_as_related_or_most_read() -> None:
    archive = tuple(
        Article(n, "site", a_story(f"Story {n}", url=url), CUT_OFF)
        for n, url in ((8, None), (9, "https://harbourpost.example/n/9"))
    )
    lead = replace(chosen(a_story("The wall"), Place.LEAD, at=1), related=archive)
    letter = write(Selection((lead,), most_read=archive))
    link = Link("Story 9", "https://harbourpost.example/n/9")
    assert letter.most_read == (link,)
    assert letter.lead is not None
    assert letter.lead.related == (replace(link, note="January 2026"),)


@pytest.mark.parametrize(
    ("sponsor", "expected"),
    [
        (None, None),
        (Sponsor("\x00 "), None),
        (Sponsor("Quay Street Books"), Link("Quay Street Books")),
        (Sponsor("Books", "javascript:1"), Link("Books")),
        (Sponsor("Books", "https://qsb.example/"), Link("Books", "https://qsb.example/")),
    ],
)
def test_a_sponsor_is_a_line_with_a_safe_address(
    sponsor: Sponsor | None, expected: Link | None
) -> None:
    lead = chosen(a_story("The wall"), Place.LEAD, at=1)
    assert write(Selection((lead,), sponsor=sponsor)).sponsor == expected


@pytest.mark.parametrize(
    ("note", "language", "expected"),
    [
        ({}, "en", None),
        ({"": "Good\x00 day"}, "en", Note(("Good day",))),
        ({"": "Good day", "fr": "Salut"}, "fr", Note(("Salut",))),
        ({"fr": "Bonjour"}, "en", None),
        ({"": "One\n\n\x00\n\nTwo"}, "en", Note(("One", "Two"))),
        (
            {"": "Good morning. The wall is built."},
            "en",
            Note(("The wall is built.",), "Good morning."),
        ),
        ({"": "Good morning.\n\nIt rains."}, "en", Note(("It rains.",), "Good morning.")),
        ({"": "Dear readers,\nit rains."}, "en", Note(("it rains.",), "Dear readers,")),
        ({"": "¡Buenos días! Llueve."}, "es", Note(("Llueve.",), "¡Buenos días!")),
        ({"": "Bonjour\u202f! Il pleut."}, "fr", Note(("Il pleut.",), "Bonjour\u202f!")),
        ({"": "صباح الخير. إنها تمطر."}, "ar", Note(("إنها تمطر.",), "صباح الخير.")),
        ({"": "おはよう。雨です。"}, "ja", Note(("雨です。",), "おはよう。")),
        ({"": "Mr. Penn writes today."}, "en", Note(("Mr. Penn writes today.",))),
        ({"": "Good morning."}, "en", Note(("Good morning.",))),
        ({"": "Rain\non the quay"}, "en", Note(("Rain on the quay",))),
        (
            {"": "Good morning to all of you out there. It rains."},
            "en",
            Note(("Good morning to all of you out there. It rains.",)),
        ),
        (
            {"": "It rains.\n\n— Alma Penn, editor"},
            "en",
            Note(("It rains.",), "", "Alma Penn, editor"),
        ),
        ({"": "It rains.\r\n-- Alma"}, "en", Note(("It rains.",), "", "Alma")),
        ({"": "Tonight:\n\n-5 degrees"}, "en", Note(("Tonight:", "-5 degrees"))),
        ({"": "Two things:\n- rain\n- wind"}, "en", Note(("Two things: - rain - wind",))),
        ({"": "— Alma Penn"}, "en", Note(("— Alma Penn",))),
        (
            {"": "Rain\n— " + "and rain" * 10 + " and wind"},
            "en",
            Note(("Rain — " + "and rain" * 10 + " and wind",)),
        ),
    ],
)
def test_the_editors_note_is_in_the_letters_language(
    note: dict[str, str], language: str, expected: Note | None
) -> None:
    lead = chosen(a_story("The wall"), Place.LEAD, at=1)
    assert write(Selection((lead,), note=note), site=a_site(language=language)).note == expected


def test_a_description_that_repeats_the_headline_is_not_said_twice() -> None:
    story = a_story("Low sun over the harbour", picture=Picture(picture_url("sea")))
    assert lead_of(story, shots=shots_at()).shot == Shot(
        "https://letters.harbourpost.example/images/sea-lead.jpg", 600, 338, "", "Harbour Post"
    )


def test_a_picture_that_was_not_made_is_left_out() -> None:
    assert lead_of(a_story("One", picture=Picture("https://h.example/no.jpg"))).shot is None


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (None, None),
        ("en-GB", None),
        ("fr", "fr"),
        ("zh_Hant", "zh-Hant"),
        ('"><b', None),
        ("-", None),
    ],
)
def test_a_storys_language_is_named_when_it_is_another(
    story: str | None, expected: str | None
) -> None:
    assert lead_of(a_story("One", language=story)).language == expected


def test_minutes_add_up_and_every_readers_copy_takes_at_least_one() -> None:
    words = "word " * 34 + "end."
    sections = [(a_story("Head", words), Place.SECTION, "town") for _ in range(21)]
    letter = letter_of((a_story("Lead"), Place.LEAD, None), *sections)
    assert [section.minutes for section in letter.sections] == [3]
    assert (letter.minutes, letter.common_minutes) == (4, 1)
    assert letter_of().minutes == 1


def test_an_empty_selection_still_has_a_subject_and_a_preheader() -> None:
    letter = letter_of()
    assert letter.story_count == 0
    assert letter.subject == "The Morning Post, 9 January"
    assert letter.preheader == "The Morning Post, 9 January"


def test_the_subject_of_an_earlier_edition_is_not_used_again() -> None:
    first = the_daily()
    second = write_letter(
        an_edition(),
        a_newsletter(),
        a_selection(),
        site=a_site(),
        language=ENGLISH,
        shots={},
        next_slot=None,
        earlier_subjects=[first.subject.upper()],
    )
    assert second.subject == "Council backs the new breakwater after a night… · 9 January"


def test_the_same_values_give_the_same_letter() -> None:
    assert the_daily() == the_daily()


def test_dates_are_in_the_sites_language() -> None:
    letter = letter_of((a_story("Eins"), Place.LEAD, None), template="weekly", language="de")
    assert letter.date_line == "Freitag, 9. Januar 2026"
    assert letter.lead is not None
    assert letter.lead.day == "Do."


def test_names_are_cleaned() -> None:
    newsletter = replace(
        a_newsletter(sections=(Section("town", "To\nwn"),)), name="The\nMorning Post\x00"
    )
    letter = write_letter(
        an_edition(),
        newsletter,
        Selection((chosen(a_story("One"), Place.SECTION, at=1, section="town"),)),
        site=a_site(),
        language=ENGLISH,
        shots={},
        next_slot=None,
    )
    assert (letter.newsletter, letter.sections[0].title) == ("The Morning Post", "To wn")


def test_a_long_note_is_told_and_goes_all_the_same() -> None:
    lead = chosen(a_story("The wall"), Place.LEAD, at=1)
    short, long = (write(Selection((lead,), note={"": "word " * words})) for words in (60, 61))
    assert letter_warnings(short) == ()
    assert letter_warnings(long) == (
        "The editor's note has 61 words; the news should follow after 60.",
    )
    assert letter_warnings(letter_of()) == ()


def test_a_review_tells_apart_what_the_other_letter_had() -> None:
    selection = Selection(
        (
            chosen(a_story("Lead"), Place.LEAD, at=1),
            chosen(a_story("Old"), Place.BRIEF, at=2),
            chosen(a_story("New", language="fr"), Place.BRIEF, at=3),
        )
    )

    def review(template: str, carried: set[int]) -> Letter:
        return write_letter(
            an_edition("weekly"),
            a_newsletter(template),
            selection,
            site=a_site(),
            language=ENGLISH,
            shots={},
            next_slot=None,
            carried=carried,
        )

    letter = review("weekly", {1, 2})
    assert [piece.headline for piece in letter.brief] == ["Old"]
    assert letter.missed == (Link("New", "https://harbourpost.example/a-story", language="fr"),)
    for other in (review("weekly", set()), review("weekly", {99}), review("daily", {1, 2})):
        assert [piece.headline for piece in other.brief] == ["Old", "New"]
        assert other.missed == ()


def in_french(
    *candidates: Candidate, messages: Mapping[str, tuple[str, ...]] | None = None
) -> Letter:
    return write_letter(
        an_edition(),
        a_newsletter(),
        Selection(candidates, note={"": "Good day"}),
        site=a_site(),
        language=Language("fr", messages or {}),
        shots={},
        next_slot=None,
    )


def test_a_letter_in_another_language_names_the_language_of_each_story() -> None:
    archive = Article(9, "site", a_story("The mole"), CUT_OFF)
    home = replace(chosen(a_story("The wall", "It fell."), Place.LEAD, at=1), related=(archive,))
    letter = in_french(home, chosen(a_story("Le pain", language="fr-CA"), Place.TOP, at=2))
    assert letter.lead is not None
    assert (letter.lead.headline, letter.lead.language) == ("The wall", "en")
    assert letter.lead.related == (
        Link("The mole", "https://harbourpost.example/a-story", "janvier 2026", "en"),
    )
    assert letter.top[0].language is None
    assert letter.note is None


def test_a_persons_words_are_used_in_their_own_language_only() -> None:
    own = Wording("", "The old wall", "It fell at noon.")
    story = chosen(a_story("The wall", "It fell.", body="It fell at noon."), Place.LEAD, at=1)

    def lead(*wording: Wording) -> tuple[str, str, str | None]:
        piece = in_french(replace(story, wording=wording)).lead
        assert piece is not None
        return piece.headline, piece.standfirst, piece.language

    assert lead(own) == ("The old wall", "It fell at noon.", "en")
    assert lead(own, Wording("fr", "Le vieux mur")) == ("Le vieux mur", "", None)
    assert lead(Wording("fr", "Le mur", "Il est tombé.")) == ("Le mur", "Il est tombé.", None)
    assert lead(own, Wording("fr", "", "Il est tombé.")) == (
        "The old wall",
        "It fell at noon.",
        "en",
    )


def test_a_publishers_names_are_said_in_another_language_if_their_catalog_has_them() -> None:
    messages = {"Town": ("Ville",), "The Morning Post": ("Le Quart du matin",)}
    lead = chosen(a_story("The wall"), Place.LEAD, at=1, section="town")
    letter = in_french(lead, messages=messages)
    assert letter.lead is not None
    assert (letter.newsletter, letter.lead.label) == ("Le Quart du matin", "Ville")
    assert in_french(lead).newsletter == "The Morning Post"


@pytest.mark.parametrize(
    ("headline", "tag", "letter", "expected"),
    [
        ("انتهى الجدل", None, "en", "und-Arab"),
        ("انتهى الجدل", "en", "en", "und-Arab"),
        ("انتهى الجدل", "ar", "en", "ar"),
        ("הגשר נפתח", "de", "en", "und-Hebr"),
        ("The wall", None, "ar", "und-Latn"),
        ("The wall", "ar", "ar", "und-Latn"),
        ("The wall", "ar", "en", None),
        ("The wall", "fr", "ar", "fr"),
        ("123", "ar", "ar", None),
    ],
)
def test_the_script_outweighs_what_a_source_says_of_its_language(
    headline: str, tag: str | None, letter: str, expected: str | None
) -> None:
    written = letter_of((a_story(headline, language=tag), Place.LEAD, None), language=letter)
    assert written.lead is not None
    assert written.lead.language == expected


def test_the_next_one_on_the_same_day_comes_today() -> None:
    assert letter_of(next_slot=a_slot(date(2026, 1, 9), hour=17)).next_line == (
        "The next comes today at 17:00."
    )


def test_a_line_begins_with_a_capital() -> None:
    letter = letter_of((a_story("Uno"), Place.LEAD, None), template="weekly", language="es")
    assert letter.date_line == "Viernes, 9 de enero de 2026"
    assert letter.lead is not None
    assert letter.lead.day == "Jue"


def test_other_tellings_stand_under_the_story_that_stands_for_them() -> None:
    lead = chosen(a_story("The wall"), Place.LEAD, at=1)
    again = replace(
        chosen(a_story("The mole"), Place.BRIEF, at=2), verdict=Verdict.DUPLICATE, duplicate_of=1
    )
    piece = write(Selection((lead, again))).lead
    assert piece is not None
    assert piece.also == (Link("The mole", "https://harbourpost.example/a-story"),)


def test_a_person_s_subject_and_preheader_stand_in_the_letter_of_their_language() -> None:
    said = replace(a_selection(), subject={"": "By hand"}, preheader={"fr": "A la main"})
    ours = write(a_selection())
    assert (write(said).subject, write(said).preheader) == ("By hand", ours.preheader)
    french = write(replace(said, subject={}), site=a_site(language="fr"))
    assert french.preheader == "A la main"
