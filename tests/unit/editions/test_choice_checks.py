"""What may be chosen and what is refused, and in which form it is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.choice_checks import Checked, check
from digest.editions.model import Act, NewChoice
from digest.errors import UsageError
from tests.unit.editions.editions_builders import SPORT, TOWN

FERRY = 17


def new(act: Act, story: int | None = None, **parts: str) -> NewChoice:
    return NewChoice(act, story, **parts)


def checked(what: NewChoice) -> Checked:
    return check(what, sections=(TOWN, SPORT), languages=("en", "fr", "pt_BR"))


def refusal(what: NewChoice) -> str:
    with pytest.raises(UsageError) as refused:
        checked(what)
    return f"{refused.value} | {refused.value.hint}".removesuffix(" | ")


@pytest.mark.parametrize("act", [Act.PIN, Act.DROP, Act.DROP_ALWAYS, Act.LEAD, Act.RESET])
def test_a_choice_keeps_only_what_its_act_has_a_use_for(act: Act) -> None:
    what = NewChoice(act, FERRY, "fr", "text", "https://e.example", "alt", "first")
    assert checked(what) == Checked(NewChoice(act, FERRY))
    assert checked(NewChoice(Act.UNDO, FERRY, text="x")) == Checked(NewChoice(Act.UNDO))


@pytest.mark.parametrize("story", [None, 0, -1])
def test_a_story_is_needed(story: int | None) -> None:
    assert refusal(NewChoice(Act.PIN, story)) == "choose: pin: it needs a story"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ferry\n returns ", "Ferry returns"),
        ("<b>Ferry</b> returns<script>", "Ferry returns"),
        ("Ferry\0 \ud800re\u202eturns\u2066", "Ferry returns"),
        ("Fish & chips < 5 €, “good” 👩\u200d🍳", "Fish & chips < 5 €, “good” 👩\u200d🍳"),
        ("&lt;b&gt;", "&lt;b&gt;"),
        ("", ""),
        ("  ", ""),
        ("x" * 300, "x" * 300),
    ],
)
def test_words_are_cleaned(typed: str, kept: str) -> None:
    what = NewChoice(Act.HEADLINE, FERRY, text=typed)
    assert checked(what) == Checked(NewChoice(Act.HEADLINE, FERRY, text=kept))


def test_a_note_has_paragraphs() -> None:
    what = NewChoice(Act.NOTE, text=" Good\nmorning. \r\n\r\n \n<p>Ann</p>\n\n\n")
    assert checked(what) == Checked(NewChoice(Act.NOTE, text="Good morning.\n\nAnn"))


@pytest.mark.parametrize("dash", ["—", "–", "--", "-"])
def test_the_name_below_a_note_keeps_its_line(dash: str) -> None:
    what = NewChoice(Act.NOTE, text=f"Good\nmorning.\n {dash} Alma Penn")
    assert checked(what).choice.text == f"Good morning.\n\n{dash} Alma Penn"
    in_words = NewChoice(Act.NOTE, text="A well\n-known walk")
    assert checked(in_words).choice.text == "A well -known walk"


@pytest.mark.parametrize("language", ["", "fr", "PT-br"])
@pytest.mark.parametrize("act", [Act.NOTE, Act.HEADLINE, Act.STANDFIRST])
def test_words_that_no_letter_will_show_are_warned_of(act: Act, language: str) -> None:
    story = None if act is Act.NOTE else FERRY
    assert checked(new(act, story, language=language, text="Hi")).warnings == ()
    assert checked(new(act, story, language="de", text="Hallo")).warnings == (
        "No letter of this newsletter is in de; it is made in en, fr, pt_BR.",
    )
    assert checked(new(act, story, language="de")).warnings == ()


def test_a_long_note_is_warned_of() -> None:
    words = " ".join(["word"] * 60)
    assert checked(NewChoice(Act.NOTE, text=words)).warnings == ()
    assert checked(NewChoice(Act.NOTE, text=f"{words} more")).warnings == (
        "The note has 61 words; readers skip more than 60.",
    )


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (
            new(Act.HEADLINE, FERRY, text="x" * 301),
            "choose: the headline: it has 301 characters, at most 300 will do",
        ),
        (
            new(Act.STANDFIRST, FERRY, text="x" * 601),
            "choose: the standfirst: it has 601 characters, at most 600 will do",
        ),
        (new(Act.NOTE, text="x " * 301), "choose: the note: it has 601 characters, at most 600"),
        (
            new(Act.NOTE, text="<b>" * 2_000_000),
            "choose: the note: it has 6,000,000 characters, at most 600 will do",
        ),
        (new(Act.SPONSOR, text="x" * 201), "choose: the sponsor's line: it has 201 characters"),
        (
            new(Act.PICTURE, FERRY, url="https://e.example/a", alt="x" * 301),
            "choose: the picture's description: it has 301 characters",
        ),
        (
            new(Act.HEADLINE, FERRY, text="<b></b>\u202e"),
            (
                "choose: the headline: there is nothing to read in it | "
                'To take back what was said before, write "".'
            ),
        ),
        (
            new(Act.PICTURE, FERRY, url="javascript:alert(1)"),
            (
                "choose: the picture's address: 'javascript:alert(1)': not a web address | "
                "Write it whole, as in https://harbourpost.example/ferry."
            ),
        ),
        (
            new(Act.SPONSOR, text="Bakery", url="quay.example"),
            "choose: the sponsor's address: 'quay.example': not a web address",
        ),
        (
            new(Act.NOTE, text="Hi", language="french!"),
            "choose: language: 'french!': not a language's name | Write its tag: fr, or pt-BR.",
        ),
        (
            new(Act.NOTE, text="Hi", language="fr-" + "abcd-" * 20 + "x1"),
            "choose: language: 'fr-",
        ),
        (
            new(Act.MOVE, FERRY, place="up"),
            "choose: move: 'up': not a place | A story moves first, last, or before another.",
        ),
        (
            new(Act.MOVE, FERRY, place="before 17"),
            "choose: move: a story cannot stand before itself | Name the story",
        ),
        (
            new(Act.SECTION, FERRY, place="tows"),
            (
                "choose: section: 'tows': this newsletter has no such section"
                " (did you mean 'town'?) | There are: town, sport, top, brief."
            ),
        ),
        (new(Act.SECTION, FERRY), "choose: section: '': this newsletter has no such section |"),
    ],
)
def test_what_means_nothing_is_refused_in_words(what: NewChoice, words: str) -> None:
    assert refusal(what).startswith(words)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("fr", "fr"),
        ("FR", "fr"),
        ("pt_br", "pt-BR"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("en", ""),
        ("EN", ""),
        ("en-gb", "en-GB"),
    ],
)
def test_languages_are_written_as_is_usual_and_the_newsletters_own_as_none(
    typed: str, kept: str
) -> None:
    assert checked(NewChoice(Act.NOTE, language=typed, text="Hi")).choice.language == kept


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        (new(Act.MOVE, FERRY, place=" first "), new(Act.MOVE, FERRY, place="first")),
        (new(Act.MOVE, FERRY, place="before 018"), new(Act.MOVE, FERRY, place="before 18")),
        (new(Act.SECTION, FERRY, place="town"), new(Act.SECTION, FERRY, place="town")),
        (new(Act.SECTION, FERRY, place="top"), new(Act.SECTION, FERRY, place="top")),
        (
            new(Act.PICTURE, FERRY, url=" HTTPS://E.example/a b.jpg ", alt="<i>Sea</i>"),
            new(Act.PICTURE, FERRY, url="https://e.example/a%20b.jpg", alt="Sea"),
        ),
        (new(Act.PICTURE, FERRY, alt="Sea"), new(Act.PICTURE, FERRY)),
        (new(Act.SPONSOR, url="https://e.example"), new(Act.SPONSOR)),
        (new(Act.SPONSOR, text="Quay Bakery"), new(Act.SPONSOR, text="Quay Bakery")),
    ],
)
def test_places_and_addresses_are_kept_in_one_form(what: NewChoice, kept: NewChoice) -> None:
    assert checked(what) == Checked(kept)


@given(
    st.builds(
        NewChoice,
        act=st.sampled_from(list(Act)),
        article_id=st.one_of(st.none(), st.integers(1, 4)),
        language=st.text(max_size=8),
        text=st.text(st.characters(), max_size=80),
        url=st.text(st.characters(), max_size=40),
        alt=st.text(max_size=8),
        place=st.text(max_size=8),
    )
)
def test_whatever_is_typed_is_refused_or_can_be_kept(what: NewChoice) -> None:
    try:
        kept = checked(what).choice
    except UsageError as refused:
        str(refused).encode()
        return
    for part in (kept.language, kept.text, kept.url, kept.alt, kept.place):
        assert "\0" not in part
        part.encode()
    assert checked(kept) == Checked(kept)
