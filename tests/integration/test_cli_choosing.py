"""The command choose, typed as an editor would, and what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.db import Database
from tests.integration.cli_site import HEADLINES, SiteFolder, make_site

BRIDGE, FERRY, LIFEBOAT, CHOIR, MARKET = HEADLINES


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site whose five stories are collected and whose edition is not made yet."""
    site = make_site(tmp_path)
    site.well("collect")
    return site


@pytest.fixture
def edition(site: SiteFolder) -> str:
    """The address of its edition, in review."""
    return site.prepared()


def test_from_the_evening_before_to_the_letter(database: Database, tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", database=database.url.render_as_string(hide_password=False))
    site.well("collect")
    assert site.well("choose", "daily", "list").steady == (
        "daily/DATE: nothing is chosen, the rules decide.\n"
    )
    assert site.well("choose", "daily", "drop", "lifeboat", "--by", "Ann").steady == (
        "daily/DATE, choice 1: dropped “Lifeboat crew rescue three” from this\n"
        "  edition.\n"
        "  out  Lifeboat crew rescue three\n"
        "    Dropped by Ann.\n"
        "It is kept for that edition, which is made at DAY HH:MM.\n\n"
        "  digest choose daily/DATE undo  take it back\n"
    )
    site.well("choose", "daily", "pin", "market", "moves", "--by", "Ann")
    site.prepared()
    explained = site.well("explain", "daily", "--json").facts
    assert explained["chosen"][0]["headline"] == BRIDGE
    assert {c["headline"] for c in explained["chosen"]} == {BRIDGE, FERRY, CHOIR, MARKET}
    site.well("approve", "daily")
    ran = site.well("choose", "daily", "headline", "ferry", "Ferry <b>times</b> agreed")
    assert ran.steady == (
        "daily/DATE, choice 3: reworded the headline of “Council agrees a ferry\n"
        "  timetable”: “Ferry times agreed”.\n"
        "  top  Ferry times agreed\n"
        "    Top story. Published DAY at HH:MM.\n"
        "It had been approved: that is revoked, and has to be done again.\n\n"
        "  digest preview daily/DATE  look at it\n"
        "  digest approve daily/DATE  let it go\n"
        "  digest choose daily/DATE undo  take it back\n"
    )
    assert "Its approval was revoked: " in site.well("status", "daily").out
    assert "Its approval was revoked: " in site.well("explain", "daily").out
    site.well("preview", "daily", "--out", "look")
    (page,) = (tmp_path / "site/look").glob("*.html")
    assert "Ferry times agreed" in page.read_text("utf-8")
    refused = site.digest("send", "daily", "--confirm", "0")
    assert refused.code == 1, "nobody approved these words"
    site.well("choose", "daily", "undo", "--by", "Bob")
    assert site.well("choose", "daily", "list").steady == (
        "daily/DATE: 4 choices\n"
        "   1  DAY HH:MM  Ann: in force\n"
        "      dropped “Lifeboat crew rescue three” from this edition\n"
        "   2  DAY HH:MM  Ann: in force\n"
        "      pinned “Market moves to the quay”\n"
        f"   3  DAY HH:MM  {_me(site)}: undone\n"
        "      reworded the headline of “Council agrees a ferry timetable”: “Ferry times\n"
        "      agreed”\n"
        "   4  DAY HH:MM  Bob: done\n"
        "      took back no. 3\n"
    )
    site.well("approve", "daily")
    site.well("send", "daily", "--confirm", "0")
    gone = site.digest("choose", site.well("explain", "daily", "--json").facts["edition"], "undo")
    assert gone.code == 1
    assert "it is sent, nothing can be chosen for it any more" in gone.err


def _me(site: SiteFolder) -> str:
    name: str = site.well("choose", "daily", "list", "--json").facts["choices"][2]["by"]
    return name


def test_every_act_is_typed_and_told(site: SiteFolder, edition: str) -> None:
    site.edit("[sources.site]", '[sections.town]\ntitle = "Town"\n[sources.site]')
    site.edit('template = "daily"', 'template = "daily"\nsections = ["town"]')
    acts: dict[tuple[str, ...], str] = {
        ("pin", "bridge"): f"pinned “{BRIDGE}”",
        ("drop", "bridge"): f"dropped “{BRIDGE}” from this edition",
        ("drop", "bridge", "--always"): f"dropped “{BRIDGE}” for good",
        ("reset", "bridge"): f"gave “{BRIDGE}” back to the rules",
        ("move", "choir", "--first"): f"moved “{CHOIR}” to the first place",
        ("move", "choir", "--last"): f"moved “{CHOIR}” to the last place",
        ("move", "choir", "--before", "ferry"): f"moved “{CHOIR}” before “{FERRY}”",
        ("lead", "school choir"): f"made “{CHOIR}” the lead",
        ("section", "ferry", "town"): f"put “{FERRY}” into the section town",
        ("section", "ferry", "brief"): f"put “{FERRY}” into In brief",
        ("headline", "ferry", "Bac", "--language", "FR"): (
            f"reworded the headline of “{FERRY}” (fr): “Bac”"
        ),
        ("headline", "ferry", "", "--language", "fr"): (
            f"gave “{FERRY}” its own headline back (fr)"
        ),
        ("standfirst", "ferry", "From May."): (
            f"reworded the standfirst of “{FERRY}”: “From May.”"
        ),
        ("picture", "ferry", "none"): f"took the picture of “{FERRY}” out",
        ("note", "Good morning."): "wrote the note: “Good morning.”",
        ("sponsor", "Quay Bakery", "--url", "https://quay.example"): (
            "booked the sponsor's line “Quay Bakery”"
        ),
        ("undo",): "took back no. 16 (booked the sponsor's line “Quay Bakery”)",
        ("redo",): "brought back no. 16 (booked the sponsor's line “Quay Bakery”)",
    }
    for n, (words, told) in enumerate(acts.items(), 1):
        facts = site.well("choose", "daily", *words, "--by", "Ann", "--json").facts
        assert (facts["number"], facts["by"], facts["words"]) == (n, "Ann", told)
        assert (facts["edition"], facts["state"], facts["problem"]) == (edition, "in review", "")
    listed = site.well("choose", edition, "list", "--json").facts
    assert (listed["edition"], listed["last"]) == (edition, 18)
    assert listed["choices"][6] == {
        **listed["choices"][6],
        "number": 7,
        "act": "move",
        "standing": "in force",
        "of": None,
        "place": f"before {listed['choices'][8]['story']}",
    }
    assert [c["standing"] for c in listed["choices"]].count("given back") == 3


def test_a_picture_is_named_with_what_is_to_be_seen_on_it(site: SiteFolder, edition: str) -> None:
    ran = site.well(
        "choose", edition, "picture", "ferry", "https://127.0.0.1/a.jpg", "--alt", "The ferry"
    )
    assert "gave “Council agrees a ferry timetable” the picture https://127.0.0.1/a.jpg" in (
        " ".join(ran.out.split())
    )


def test_a_story_is_named_by_its_words_its_address_or_its_number(
    site: SiteFolder, edition: str
) -> None:
    number = site.well("choose", edition, "pin", BRIDGE.upper(), "--json").facts["story"]["number"]
    address = f"https://harbourpost.example/town/0-{len(BRIDGE)}"
    for named in (str(number), f"#{number}", address, f"{address}?utm_source=x"):
        facts = site.well("choose", edition, "pin", named, "--json").facts
        assert facts["story"]["headline"] == BRIDGE


def test_a_headline_that_is_another_ones_beginning_is_meant_itself(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.write_feed([*HEADLINES[:3], "Ferry", "Ferry timetable agreed at last"])
    site.well("collect")
    facts = site.well("choose", "daily", "pin", "ferry", "--json").facts
    assert facts["story"]["headline"] == "Ferry"


def test_words_of_several_headlines_are_answered_with_their_numbers(
    site: SiteFolder, edition: str
) -> None:
    ran = site.digest("choose", edition, "drop", "c")
    assert (ran.code, ran.out) == (2, "")
    head, *lines, hint = ran.err.splitlines()
    assert head == "digest: choose: 'c': several stories are meant"
    assert len(lines) > 1
    assert hint == "  Write more of its words, or its number."
    number, _, headline = lines[0].strip().partition("  ")
    facts = site.well("choose", edition, "drop", number, "--json").facts
    assert facts["story"]["headline"] == headline


def test_many_headlines_are_cut_short(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.write_feed([f"Ferry number {n} comes with {'very ' * 20}late" for n in range(30)])
    site.well("collect")
    lines = site.digest("choose", "daily", "pin", "ferry").err.splitlines()
    assert len(lines) == 1 + 20 + 1 + 1
    assert lines[-2] == "  and 10 more"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("daily", "pin", "zebra"), 1, "choose: 'zebra': no story has these words"),
        (("daily", "pin", "!"), 1, "choose: '!': no story has these words"),
        (("daily", "pin", "#999"), 1, "choose: story #999: there is none"),
        (("daily", "pin", "9" * 30), 1, "no story has these words"),
        (("daily", "move", "choir"), 2, "choose: move: where to?"),
        (("daily", "move", "choir", "--first", "--last"), 2, "choose: move: where to?"),
        (("daily", "section", "choir", "sport"), 2, "this newsletter has no such section"),
        (("daily", "note", "x" * 601), 2, "the note: it has 601 characters, at most 600"),
        (("daily", "redo"), 1, "nothing was undone since the last choice"),
        (("daily", "undo", "--after", "7"), 1, "there is no choice number 7 yet"),
        (("daily/1204", "undo"), 1, "edition: daily/1204: there is none"),
        (("daily/2026-02-30", "undo"), 2, "not a name of an edition"),
        (("breaking", "undo"), 1, "there is none, and none will come by itself"),
        (("dayly", "undo"), 2, "did you mean 'daily'?"),
        (("daily", "pinn", "choir"), 2, "no such command 'pinn'"),
    ],
)
def test_what_cannot_be_chosen_is_told_in_one_line_and_a_hint(
    site: SiteFolder, words: tuple[str, ...], code: int, told: str
) -> None:
    ran = site.digest("choose", *words)
    assert (ran.code, ran.out) == (code, "")
    sentence, hint = ran.err.splitlines()
    assert told in sentence
    assert hint.startswith("  ")
    assert site.well("choose", "daily", "list", "--json").facts["choices"] == []


def test_who_has_not_seen_the_last_choice_is_told_of_it(site: SiteFolder, edition: str) -> None:
    site.well("choose", edition, "drop", "choir", "--by", "Bob", "--after", "0")
    ran = site.digest("choose", edition, "pin", "choir", "--after", "0")
    assert ran.code == 1
    assert f"in the meantime Bob dropped “{CHOIR}” from this edition" in ran.err


def test_a_story_that_is_not_in_is_told_with_the_way_to_have_it_in(
    site: SiteFolder, edition: str
) -> None:
    site.well("choose", edition, "section", "market", "brief")
    ran = site.well("choose", edition, "headline", "lifeboat", "Three saved")
    out = next(c for c in site.well("explain", edition, "--json").facts["left_out"])
    ran = site.well("choose", edition, "headline", out["headline"], "Saved")
    assert "\n  out     Saved\n" in ran.out
    assert "have it in all the same" in ran.out
    (step,) = [line for line in ran.out.splitlines() if "have it in" in line]
    words = step.split("  ")[1].split()[1:]
    assert site.well(*words, "--json").facts["story"]["verdict"] == "selected"


def test_an_edition_with_few_stories_left_is_warned_of(site: SiteFolder, edition: str) -> None:
    site.edit("min = 3", "min = 4")
    assert "warn" not in site.well("choose", edition, "drop", "bridge").out
    ran = site.well("choose", edition, "drop", "choir")
    assert "  warn  It has 3 stories now; 4 are the least it should.\n" in ran.out


def test_the_acts_are_shown_in_the_order_of_their_use(site: SiteFolder) -> None:
    lines = site.well("choose", "--help").out.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0] for line in lines]
    assert (names[:3], names[-1], len(names)) == (["pin", "unpin", "drop"], "list", 17)
    assert not [line for line in lines if line.endswith("...")]
