from __future__ import annotations

import json
from dataclasses import replace

import pytest

from digest.cli.explaining import _edition_facts, _tell_edition
from digest.cli.output import show
from digest.editions.model import (
    Candidate,
    Edition,
    EditionExplanation,
    EditionState,
    Place,
    Selection,
    Sponsor,
    Verdict,
    Wording,
)
from digest.sources.model import Picture
from tests.unit.editions.editions_builders import (
    CUT_OFF,
    FRIDAY,
    WINDOW,
    article,
    newsletter,
)

EDITION = Edition(
    id=1,
    newsletter_id=1,
    slug="daily",
    local_date=FRIDAY,
    slot_name="main",
    number=7,
    state=EditionState.DRAFT,
    window=WINDOW,
    send_at=CUT_OFF,
    prepared_at=CUT_OFF,
)
WALL = article(1, headline="Council approves harbour wall")
OLD = article(9, headline="Wall is crumbling")
LEAD = Candidate(
    WALL,
    Verdict.SELECTED,
    "Pinned. Lead: chosen by hand.",
    place=Place.LEAD,
    position=0,
    duplicate_of=2,
    pinned=True,
    wording=(Wording("", "A wall!", ""), Wording("es", "", "Por fin.")),
    picture=Picture(""),
    related=(OLD,),
)
SENT = Candidate(
    article(2, headline="Harbour wall approved"),
    Verdict.ALREADY_USED,
    "Sent in daily/2026-01-08, folded under “Wall”.",
)
SELECTION = Selection(
    (LEAD, SENT),
    note={"": "Good morning.", "es": "Buenos días."},
    sponsor=Sponsor("Holm’s rye", "https://bakery.example"),
    most_read=(OLD,),
)
TOLD = EditionExplanation(newsletter(), EDITION, None, SELECTION)


def test_an_edition_shows_what_people_chose_and_what_stands_beside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _tell_edition(TOLD, everything=False)
    assert capsys.readouterr().out == (
        "The daily, no. 7, daily/2026-01-09: draft\n"
        "  Note: Good morning.\n"
        "  Note (es): Buenos días.\n"
        "  Sponsor: Holm’s rye (https://bakery.example)\n"
        "  Most read: “Wall is crumbling”\n"
        "\n"
        "In: 1\n"
        "  lead    Council approves harbour wall\n"
        "    Pinned. Lead: chosen by hand.\n"
        "    Headline by hand: A wall!\n"
        "    Standfirst by hand (es): Por fin.\n"
        "    Picture by hand: none\n"
        "    It repeats “Harbour wall approved”.\n"
        "    Related: “Wall is crumbling”\n"
        "\n"
        "Left out: 1\n"
        "  out     Harbour wall approved\n"
        "    Sent in daily/2026-01-08, folded under “Wall”.\n"
    )


def test_all_of_it_is_in_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    show(True, _edition_facts(TOLD), lambda: None)  # noqa: FBT003 - as the option hands it over
    facts = json.loads(capsys.readouterr().out)
    assert facts == {
        "newsletter": "daily",
        "edition": "daily/2026-01-09",
        "state": "draft",
        "reason": "",
        "note": {"": "Good morning.", "es": "Buenos días."},
        "sponsor": {"text": "Holm’s rye", "url": "https://bakery.example"},
        "chosen": [
            {
                "id": 1,
                "headline": "Council approves harbour wall",
                "url": "https://post.example/1",
                "verdict": "selected",
                "reason": "Pinned. Lead: chosen by hand.",
                "place": "lead",
                "position": 0,
                "section": None,
                "late": False,
                "duplicate_of": 2,
                "pinned": True,
                "wording": [
                    {"language": "", "headline": "A wall!", "standfirst": ""},
                    {"language": "es", "headline": "", "standfirst": "Por fin."},
                ],
                "picture": {"url": "", "alt": ""},
                "related": [
                    {
                        "id": 9,
                        "headline": "Wall is crumbling",
                        "url": "https://post.example/9",
                        "reads": None,
                    }
                ],
            }
        ],
        "left_out": [facts["left_out"][0]],
        "most_read": [facts["chosen"][0]["related"][0]],
    }
    assert facts["left_out"][0]["reason"] == SENT.reason


def test_a_sponsor_without_link_and_a_picture_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    pictured = replace(LEAD, picture=Picture("https://post.example/p.jpg"), duplicate_of=None)
    selection = Selection((pictured,), sponsor=Sponsor("Holm’s rye"))
    _tell_edition(replace(TOLD, selection=selection), everything=False)
    out = capsys.readouterr().out
    assert "\n  Sponsor: Holm’s rye\n" in out
    assert "\n    Picture by hand: https://post.example/p.jpg\n" in out
    assert "repeats" not in out
