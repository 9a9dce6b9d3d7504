"""The commands about stories: sources, collect, explain; and what comes in with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli_site import SiteFolder, make_site


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site with a feed of five stories."""
    return make_site(tmp_path)


def test_sources_are_listed_with_what_their_last_polls_told(site: SiteFolder) -> None:
    assert site.well("sources", "list").out == (
        "SOURCE  KIND  LAST WELL  FAILED  ADDRESS\nsite    feed  never           –  feed.xml\n"
    )
    (site.folder / "feed.xml").unlink()
    assert site.digest("collect").code == 1
    ran = site.well("sources", "list")
    assert "\n  FAIL  site: " in ran.out
    assert site.well("sources", "list", "--json").facts[0]["failures"] == 1
    site.write_feed()
    site.well("collect")
    assert site.well("sources", "list").steady == (
        "SOURCE  KIND  LAST WELL  FAILED  ADDRESS\nsite  feed  DAY HH:MM  –  feed.xml\n"
    )


def test_a_long_address_is_cut_and_whole_in_json(site: SiteFolder) -> None:
    address = "https://harbourpost.example/" + "a" * 80
    site.edit("feed.xml", address)
    out = site.well("sources", "list").out
    assert [len(line) for line in out.splitlines()] == [40, 80]
    assert out.endswith("aaa…\n")
    assert site.well("sources", "list", "--json").facts[0]["address"] == address


def test_checking_keeps_nothing(site: SiteFolder) -> None:
    assert site.well("sources", "check", "site", "--json").facts == [
        {"source": "site", "found": 5, "problem": "", "warnings": []}
    ]
    assert site.well("collect", "site", "--json").facts == [
        {
            "source": "site",
            "found": 5,
            "new": 5,
            "updated": 0,
            "unchanged": False,
            "problem": "",
            "warnings": [],
        }
    ]


def test_a_source_that_fails_harms_no_other_and_is_told_in_80_columns(site: SiteFolder) -> None:
    page = site.folder / "pages"
    page.mkdir()
    site.edit(
        "[sources.site]",
        '[sources.a-second-one]\npage = "pages"\n[sources.odd]\nfeed = "odd.xml"\n[sources.site]',
    )
    (site.folder / "odd.xml").write_text("<rss><channel></channel></rss>", "utf-8")
    ran = site.digest("sources", "check")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("  FAIL  a-second-one  ")
    assert "\n  ok    site          5 stories\n" in ran.out
    assert [line for line in ran.out.splitlines() if len(line) > 80 and " " in line[8:]] == []
    ran = site.digest("collect", "--json")
    assert ran.code == 1
    assert [one["source"] for one in ran.facts if one["problem"]] == ["a-second-one"]


def test_an_empty_feed_is_a_warning(site: SiteFolder) -> None:
    site.write_feed([])
    ran = site.well("sources", "check")
    assert ran.out.startswith("  warn  site  0 stories\n")


def test_a_feed_that_turned_over_between_two_polls_is_a_warning(site: SiteFolder) -> None:
    site.well("collect")
    site.write_feed([f"Quite another story {n}" for n in range(5)])
    ran = site.well("collect")
    assert ran.out == (
        "  ok    site  5 stories, 5 new, 0 updated\n"
        "  warn  site  turned over completely between two polls; stories may have been\n"
        "        missed\n"
    )


@pytest.mark.parametrize("words", [["collect"], ["sources", "check"]])
def test_a_source_that_is_not_there_is_told(words: list[str], site: SiteFolder) -> None:
    ran = site.digest(*words, "sites")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "digest: source: 'sites': there is no such source (did you mean 'site'?)\n"
        "  There are: site.\n"
    )
    site.edit('[sources.site]\nfeed = "feed.xml"\n', "")
    ran = site.digest(*words)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == ("digest: sources: there are none\n  Add [sources.site] to digest.toml.\n")


# explain


def test_an_edition_is_explained_story_by_story(site: SiteFolder) -> None:
    site.prepared()
    ran = site.well("explain", "daily")
    lines = ran.steady.splitlines()
    assert lines[:4] == [
        "The Morning Post, no. 1, daily/DATE: in review",
        "",
        "In: 4",
        "  lead  Harbour bridge closes for a week",
    ]
    assert lines[-4:] == [
        "",
        "Left out: 1",
        "  out  Market moves to the quay",
        "    Number 5 by date; an edition has at most 4.",
    ]
    facts = site.well("explain", "daily", "--json").facts
    assert [len(facts["chosen"]), len(facts["left_out"])] == [4, 1]
    assert facts["left_out"][0]["reason"] == "Number 5 by date; an edition has at most 4."
    site.well("skip", "daily", "--reason", "Too thin.")
    assert site.well("explain", "daily").steady.splitlines()[:2] == [
        "The Morning Post, no. 1, daily/DATE: skipped",
        "  Too thin.",
    ]


def test_of_many_stories_left_out_the_first_are_shown(site: SiteFolder) -> None:
    site.write_feed([f"Story number {n} of the day" for n in range(30)])
    address = site.prepared()
    ran = site.well("explain", "daily")
    assert ran.out.count("\n  out     ") == 20
    assert ran.out.endswith(f"\n\n6 more: digest explain {address} --all\n")
    ran = site.well("explain", "daily", "--all")
    assert ran.out.count("\n  out     ") == 26


def test_an_edition_with_all_its_stories_in_has_none_left_out(site: SiteFolder) -> None:
    site.write_feed([f"Story number {n} of the day" for n in range(3)])
    site.prepared()
    assert "Left out" not in site.well("explain", "daily").out


def test_a_story_is_explained_for_every_newsletter(site: SiteFolder) -> None:
    site.prepared()
    ran = site.well("explain", "market quay")
    assert ran.steady == (
        "Market moves to the quay\n"
        "  published DAY HH:MM (feed)\n"
        "  first seen DAY HH:MM in site\n"
        "  daily/DATE: Number 5 by date; an edition has at most 4.\n"
        "  breaking, next: Number 5 by date; an edition has at most 1.\n"
    )
    facts = site.well("explain", "market", "quay", "--json").facts
    assert [fate["newsletter"] for fate in facts[0]["newsletters"]] == ["daily", "breaking"]
    assert site.well("explain", "the").out.count("\n  first seen ") == 1


def test_stories_stand_apart_and_say_when_they_have_no_date(site: SiteFolder) -> None:
    (site.folder / "feed.xml").write_text(
        "<rss version='2.0'><channel><title>x</title>"
        "<item><title>Ferry one</title><guid>1</guid></item>"
        "<item><title>Ferry two</title><guid>2</guid></item></channel></rss>",
        "utf-8",
    )
    site.well("collect")
    ran = site.well("explain", "ferry")
    assert "\n\nFerry " in ran.out
    assert ran.out.count("  published with no date of its own\n") == 2


@pytest.mark.parametrize(
    ("words", "code", "sentence", "hint"),
    [
        (
            ["zzz"],
            1,
            "explain: 'zzz': no headline has these words",
            "Try fewer words, or an edition: daily, breaking.",
        ),
        (
            [""],
            1,
            "explain: '': no headline has these words",
            "Try fewer words, or an edition: daily, breaking.",
        ),
        (
            ["daily"],
            1,
            "edition: daily: there is none",
            "Look with: digest status; make one with: digest prepare daily",
        ),
        (
            ["daily/2026-13-45"],
            2,
            "edition: 'daily/2026-13-45': not a name of an edition",
            "Write daily, daily/1204 or daily/2026-01-09.",
        ),
    ],
)
def test_what_cannot_be_explained_is_one_line_and_a_hint(
    words: list[str], code: int, sentence: str, hint: str, site: SiteFolder
) -> None:
    ran = site.digest("explain", *words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err == f"digest: {sentence}\n  {hint}\n"


# What is not to be trusted


def test_headlines_cannot_steer_the_terminal_nor_break_its_lines(site: SiteFolder) -> None:
    hostile = "Gate \x9b2J \u202e\u2028 open\u0085now " + "very " * 40 + "long"
    site.write_feed([hostile, "港" * 60, "Third of them"])
    site.prepared()
    for words in (["prepare", "daily"], ["explain", "daily"], ["explain", "gate"], ["status"]):
        out = site.well(*words).out
        assert not set(out) & set("\x9b\u202e\u2028\u0085\x1b")
        assert [line for line in out.split("\n") if len(line) > 80] == []
    site.well("preview")


def test_a_captured_page_is_a_source_like_any_other(site: SiteFolder) -> None:
    site.edit('feed = "feed.xml"', 'page = "pages"')
    (site.folder / "pages").mkdir()
    (site.folder / "pages/one.txt").write_bytes(b"\0\xff\x1b[31m\nA headline that is long enough\n")
    ran = site.digest("sources", "check")
    assert ran.code in {0, 1}
    assert "\x1b" not in ran.out
    assert ran.err == ""
