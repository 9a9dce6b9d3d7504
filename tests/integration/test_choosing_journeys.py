"""What editors and sceptics type one after the other, and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli_site import HEADLINES, SiteFolder, make_site

BRIDGE, FERRY, LIFEBOAT, CHOIR, MARKET = HEADLINES
"""The first three are the top stories, CHOIR stands in brief, MARKET is over the limit of four."""


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site whose edition is in review: there is room for three on top and a fourth below."""
    site = make_site(tmp_path)
    site.edit("top = 3, max = 4", "top = 2, max = 4")
    site.prepared()
    return site


def test_what_was_taken_back_is_brought_back_with_redo_not_with_another_undo(
    site: SiteFolder,
) -> None:
    site.well("choose", "daily", "note", "Good morning.")
    site.well("choose", "daily", "sponsor", "Quay Bakery")
    undone = site.well("choose", "daily", "undo").steady
    assert undone.endswith("  digest choose daily/DATE redo  bring it back\n")
    brought_back = site.well("choose", "daily", "redo").steady
    assert brought_back.endswith("  digest choose daily/DATE undo  take it back\n")


def test_who_took_a_pin_back_is_not_told_to_pin(site: SiteFolder) -> None:
    site.well("choose", "daily", "pin", "market")
    undone = site.well("choose", "daily", "undo").out
    assert "Number 5 by date" in undone
    assert "have it in all the same" not in undone


def test_a_dropped_story_that_is_placed_is_told_with_the_way_to_have_it_in(
    site: SiteFolder,
) -> None:
    dropped = site.well("choose", "daily", "drop", "ferry", "--by", "Ann").out
    assert "have it in all the same" not in dropped, "that is what was wanted"
    led = site.well("choose", "daily", "lead", "ferry").out
    assert "  lead    Council agrees a ferry timetable" in led, "the last word counts"
    site.well("choose", "daily", "drop", "ferry", "--by", "Ann")
    moved = site.well("choose", "daily", "move", "ferry", "--first").out
    assert "Dropped by Ann." in moved
    assert "pin 2  have it in all the same" in moved


@pytest.mark.parametrize("edition", ["daily", "weekly"])
def test_a_move_before_a_story_that_is_out_says_that_it_changes_nothing(
    site: SiteFolder, edition: str
) -> None:
    with (site.folder / "digest.toml").open("a", encoding="utf-8") as file:
        file.write(
            "[newsletters.weekly]\nname = 'The Week'\ndays = ['fri']\n"
            "cut_off = '15:00'\nsend_at = '16:00'\nstories = { max_age = '8d' }\n"
        )
    site.well("choose", edition, "drop", "bridge")
    moved = site.well("choose", edition, "move", "choir", "--before", "bridge")
    assert f"“{BRIDGE}” is out: the move changes" in moved.out
    in_time = site.well("choose", edition, "move", "choir", "--before", "ferry")
    assert "changes" not in in_time.out
    back = site.well("choose", edition, "reset", "bridge")
    assert "changes" not in back.out


def test_a_picture_that_cannot_be_had_is_told_at_once(site: SiteFolder) -> None:
    away = "http://127.0.0.1:1/quay.jpg"
    warning = f"picture: {BRIDGE}: fetch: {away}: 127.0.0.1"
    facts = site.well("choose", "daily", "picture", "bridge", away, "--json").facts
    assert [each[: len(warning)] for each in facts["warnings"]] == [warning]
    site.well("approve", "daily")
    assert site.well("choose", "daily", "note", "Hello.", "--json").facts["warnings"] == []
    assert (
        site.well("choose", "daily", "picture", "bridge", "none", "--json").facts["warnings"] == []
    )


def test_a_story_is_found_by_the_words_that_stand_in_the_letter(site: SiteFolder) -> None:
    site.well("choose", "daily", "headline", "ferry", "Crossing hours agreed")
    moved = site.well("choose", "daily", "move", "crossing hours", "--last", "--json").facts
    assert moved["story"]["headline"] == FERRY
    found_as_before = site.well("choose", "daily", "lead", "ferry timetable", "--json").facts
    assert found_as_before["story"]["headline"] == FERRY


def test_a_whole_word_goes_before_its_letters_in_another_word(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.write_feed(["Police find the boat", "Ice on the slipway", "Price of fish", "Rain at noon"])
    site.prepared()
    assert site.well("choose", "daily", "drop", "ice", "--json").facts["story"]["number"] == 2
    assert site.well("choose", "daily", "drop", "poli", "--json").facts["story"]["number"] == 1


def test_the_remedy_can_be_pasted_whatever_the_headline(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.write_feed(["Mayor's $(ferry) `fare` & fee", *HEADLINES])
    site.prepared()
    site.well("approve", "daily")
    site.well("send", "daily", "--confirm", "0")
    refused = site.digest("choose", "daily", "pin", "mayor")
    assert refused.code == 1
    assert refused.err.endswith("digest explain 'Mayor’s $(ferry) `fare` & fee'\n")


def test_where_nothing_can_be_undone_the_edition_is_named(site: SiteFolder) -> None:
    refused = site.digest("choose", "daily", "undo")
    assert "choose EDITION" not in refused.err
    assert site.well("choose", "daily", "list").out.partition(":")[0] + " list" in refused.err


def test_who_came_too_late_is_told_which_list_to_look_at(site: SiteFolder) -> None:
    site.well("choose", "daily", "note", "Good morning.")
    address = site.well("choose", "daily", "list").out.partition(":")[0]
    refused = site.digest("choose", "daily", "drop", "choir", "--after", "0")
    assert refused.err.endswith(f"choose again: digest choose {address} list\n")


def test_words_pasted_by_mistake_are_told_by_their_beginning(site: SiteFolder) -> None:
    for asked in (("explain", "q" * 20_000), ("choose", "daily", "pin", "q" * 20_000)):
        refused = site.digest(*asked)
        assert (refused.code, refused.out) == (1, "")
        assert "qqq…'" in refused.err
        assert len(refused.err) < 250
