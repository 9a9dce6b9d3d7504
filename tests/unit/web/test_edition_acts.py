"""The buttons and fields of the edition page, read as choices."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.editions.model import (
    Act,
    Candidate,
    NewChoice,
    Place,
    Selection,
    Sponsor,
    Verdict,
    Wording,
)
from digest.errors import UsageError
from digest.sources.model import Article, FoundStory, Picture
from digest.web.desk.edition_acts import choices_of, clashes

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
STORY = FoundStory(
    "Ferry returns", "https://post.example/1", standfirst="At last.", picture=Picture("https://p/1")
)


def a_selection(**more: object) -> Selection:
    article = Article(17, "site", STORY, NOON)
    said = Candidate(
        article,
        Verdict.SELECTED,
        "Top story.",
        section="town",
        place=Place.SECTION,
        position=0,
        **more,  # type: ignore[arg-type]
    )
    return Selection((said,), note={"": "Good morning."}, sponsor=Sponsor("Bakery"))


def form(do: str, **fields: str) -> dict[str, list[str]]:
    return {"do": [do], **{name.replace("_", "-"): [value] for name, value in fields.items()}}


def editor(do: str = "reword 17", **fields: str) -> dict[str, list[str]]:
    """Give the form of a story as its page filled it in, but for these fields."""
    own = {
        "language": "",
        "headline": "Ferry returns",
        "standfirst": "At last.",
        "picture": "https://p/1",
        "alt": "",
        "section": "town",
    }
    return form(do, **{**own, **fields})


@pytest.mark.parametrize(
    ("do", "choice"),
    [
        ("pin 17", NewChoice(Act.PIN, 17)),
        ("unpin 17", NewChoice(Act.UNPIN, 17)),
        ("drop 17", NewChoice(Act.DROP, 17)),
        ("drop-always 17", NewChoice(Act.DROP_ALWAYS, 17)),
        ("lead 17", NewChoice(Act.LEAD, 17)),
        ("reset 99", NewChoice(Act.RESET, 99)),
        ("move 17 before 4", NewChoice(Act.MOVE, 17, place="before 4")),
        ("move 17 last", NewChoice(Act.MOVE, 17, place="last")),
        ("undo", NewChoice(Act.UNDO)),
        ("redo", NewChoice(Act.REDO)),
    ],
)
def test_a_button_says_one_choice(do: str, choice: NewChoice) -> None:
    assert choices_of(form(do), a_selection()) == [choice]


@pytest.mark.parametrize("do", ["", "pin", "pin x", "pin 0", "dance 17", "reword 18", "pin x17"])
def test_a_button_there_is_none_of_is_refused(do: str) -> None:
    with pytest.raises(UsageError):
        choices_of(form(do), a_selection())


def test_a_form_sent_back_as_it_came_changes_nothing() -> None:
    assert choices_of(editor(), a_selection()) == []
    assert choices_of(form("note", language="", note="Good morning.\r\n"), a_selection()) == []
    assert choices_of(form("sponsor", sponsor="Bakery", sponsor_url=""), a_selection()) == []


def test_only_what_differs_is_chosen() -> None:
    typed = editor(headline="Ferry is back", alt="The ferry at the quay", section="top")
    assert choices_of(typed, a_selection()) == [
        NewChoice(Act.HEADLINE, 17, text="Ferry is back"),
        NewChoice(Act.PICTURE, 17, url="https://p/1", alt="The ferry at the quay"),
        NewChoice(Act.SECTION, 17, place="top"),
    ]


def test_the_lead_is_a_place_of_its_own_kind() -> None:
    assert choices_of(editor(section="lead"), a_selection()) == [NewChoice(Act.LEAD, 17)]


def test_an_emptied_picture_means_no_picture() -> None:
    assert choices_of(editor(picture=""), a_selection()) == [NewChoice(Act.PICTURE, 17)]


def test_the_source_s_own_words_typed_again_take_the_rewording_back() -> None:
    reworded = a_selection(wording=(Wording("", "Ferry is back", "Now."),))
    assert choices_of(editor(), reworded) == [
        NewChoice(Act.HEADLINE, 17),
        NewChoice(Act.STANDFIRST, 17),
    ]
    assert choices_of(editor("restore 17"), reworded) == [
        NewChoice(Act.HEADLINE, 17),
        NewChoice(Act.STANDFIRST, 17),
    ]


def test_words_for_one_language_leave_the_others_alone() -> None:
    typed = editor(language="fr", headline="Le bac revient", standfirst="")
    assert choices_of(typed, a_selection()) == [
        NewChoice(Act.HEADLINE, 17, "fr", text="Le bac revient")
    ]


def test_the_subject_we_wrote_ourselves_is_no_choice_until_somebody_changes_it() -> None:
    same = form(
        "inbox",
        language="",
        subject="Ferry returns",
        subject_was="Ferry returns",
        preheader="And more",
        preheader_was="And more",
    )
    assert choices_of(same, a_selection()) == []
    assert choices_of({**same, "subject": ["The ferry!"]}, a_selection()) == [
        NewChoice(Act.SUBJECT, text="The ferry!")
    ]


@pytest.mark.parametrize(
    ("mine", "theirs", "clash"),
    [
        (NewChoice(Act.HEADLINE, 1, text="a"), NewChoice(Act.HEADLINE, 1, text="b"), True),
        (NewChoice(Act.HEADLINE, 1, text="a"), NewChoice(Act.HEADLINE, 2, text="b"), False),
        (NewChoice(Act.HEADLINE, 1, text="a"), NewChoice(Act.PIN, 2), False),
        (NewChoice(Act.HEADLINE, 1, text="a"), NewChoice(Act.DROP, 1), True),
        (NewChoice(Act.NOTE, text="a"), NewChoice(Act.NOTE, text="b"), True),
        (NewChoice(Act.NOTE, text="a"), NewChoice(Act.NOTE, language="fr", text="b"), False),
        (NewChoice(Act.NOTE, text="a"), NewChoice(Act.DROP, 1), False),
        (NewChoice(Act.PIN, 1), NewChoice(Act.NOTE, text="b"), False),
        (NewChoice(Act.MOVE, 1, place="first"), NewChoice(Act.PIN, 2), True),
        (NewChoice(Act.UNDO), NewChoice(Act.NOTE, text="b"), True),
        (NewChoice(Act.NOTE, text="a"), NewChoice(Act.UNDO), True),
    ],
)
def test_others_are_in_the_way_only_where_they_touched_the_same(
    mine: NewChoice, theirs: NewChoice, *, clash: bool
) -> None:
    assert clashes(mine, [theirs]) is clash
