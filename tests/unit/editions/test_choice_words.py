"""How a choice is told, as a person would say it."""

from __future__ import annotations

from typing import cast

import pytest

from digest.editions.choice_words import in_words
from digest.editions.model import Act, NewChoice

FERRY = 17


def new(act: Act, story: int | None = None, **parts: str) -> NewChoice:
    return NewChoice(act, story, **parts)


PIN, DROP, RESET = (new(act, FERRY) for act in (Act.PIN, Act.DROP, Act.RESET))
FOR_GOOD = new(Act.DROP_ALWAYS, FERRY)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (PIN, "pinned “Ferry returns”"),
        (DROP, "dropped “Ferry returns” from this edition"),
        (FOR_GOOD, "dropped “Ferry returns” for good"),
        (new(Act.LEAD, FERRY), "made “Ferry returns” the lead"),
        (RESET, "gave “Ferry returns” back to the rules"),
        (new(Act.MOVE, FERRY, place="first"), "moved “Ferry returns” to the first place"),
        (new(Act.MOVE, FERRY, place="last"), "moved “Ferry returns” to the last place"),
        (new(Act.MOVE, FERRY, place="before 18"), "moved “Ferry returns” before story #18"),
        (new(Act.MOVE, 18, place="before 17"), "moved story #18 before “Ferry returns”"),
        (new(Act.SECTION, FERRY, place="town"), "put “Ferry returns” into the section town"),
        (new(Act.SECTION, FERRY, place="top"), "put “Ferry returns” into the top stories"),
        (new(Act.SECTION, FERRY, place="brief"), "put “Ferry returns” into In brief"),
        (
            new(Act.HEADLINE, FERRY, text="Le bac", language="fr"),
            "reworded the headline of “Ferry returns” (fr): “Le bac”",
        ),
        (new(Act.HEADLINE, FERRY), "gave “Ferry returns” its own headline back"),
        (
            new(Act.STANDFIRST, FERRY, text="At last."),
            "reworded the standfirst of “Ferry returns”: “At last.”",
        ),
        (new(Act.STANDFIRST, FERRY), "gave “Ferry returns” its own standfirst back"),
        (
            new(Act.PICTURE, FERRY, url="https://e.example/a"),
            "gave “Ferry returns” the picture https://e.example/a",
        ),
        (new(Act.PICTURE, FERRY), "took the picture of “Ferry returns” out"),
        (new(Act.NOTE, text="Good morning."), "wrote the note: “Good morning.”"),
        (new(Act.NOTE, language="fr"), "took the note (fr) out"),
        (new(Act.SPONSOR, text="Quay Bakery"), "booked the sponsor's line “Quay Bakery”"),
        (new(Act.SPONSOR), "took the sponsor's line out"),
    ],
)
def test_a_choice_is_said_as_a_person_would(what: NewChoice, words: str) -> None:
    assert in_words(what, headlines={FERRY: "Ferry returns"}) == words


def test_an_undo_says_what_it_was_about() -> None:
    undo, redo = new(Act.UNDO), new(Act.REDO)
    assert in_words(undo, of=3) == "took back no. 3"
    assert in_words(redo, of=3) == "brought back no. 3"
    assert in_words(undo) == "took back nothing"


def test_the_act_of_a_newer_version_is_told_as_such() -> None:
    what = NewChoice(cast("Act", "translate"), FERRY, text="x")
    assert in_words(what) == "chose “translate”, which only a newer version understands"
