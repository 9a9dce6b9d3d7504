"""What an edition's checks find, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli_site import HEADLINES, SiteFolder, make_site

SPOILT = "Harbour bridge [HEADLINE] for a week"
READERS = ("ann@reader.example", "bob@reader.example")


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    site = make_site(tmp_path)
    site.edit("[people]", "unsubscribe_address = 'leave@harbourpost.example'\n\n[people]")
    site.write_feed((SPOILT, *HEADLINES[1:]))
    site.well("collect")
    site.well("subscribers", "add", *READERS)
    return site


def test_what_blocks_stands_first_with_its_remedy_and_the_exit_code_says_so(
    site: SiteFolder,
) -> None:
    ran = site.digest("check", "daily")
    assert (ran.code, ran.err) == (1, "")
    assert ran.steady.startswith(
        "The Morning Post, no. 1, daily/DATE: as it would be made now\n"
        "\n"
        "Blocks\n"
        "  FAIL  C09  The headline of story 1 holds a placeholder: “Harbour bridge\n"
        "        [HEADLINE] for a week”.\n"
        "        Write what belongs there, or take it out.\n"
    )
    assert ran.out.rstrip().endswith("1 that block it.")


def test_machines_are_told_the_same(site: SiteFolder) -> None:
    ran = site.digest("check", "daily", "--json")
    assert ran.code == 1
    facts = ran.facts
    (block,) = [each for each in facts["findings"] if each["severity"] == "block"]
    article = block["place"].pop("article_id")
    assert isinstance(article, int)
    assert block == {
        "code": "C09",
        "name": "Placeholder",
        "family": "content",
        "severity": "block",
        "sentence": "The headline of story 1 holds a placeholder: “Harbour bridge [HEADLINE] for a"
        " week”.",
        "fix": "Write what belongs there, or take it out.",
        "language": None,
        "ignored": None,
        "place": {
            "part": "html",
            "story": 1,
            "line": None,
            "quote": "Harbour bridge [HEADLINE] for a week",
        },
    }
    assert (facts["blocked"], facts["newsletter"], facts["state"]) == (True, "daily", None)


def test_a_workflow_of_github_shows_it_at_the_change(site: SiteFolder) -> None:
    ran = site.digest("check", "daily", "--github")
    assert ran.code == 1
    assert ran.out.splitlines()[0] == (
        "::error title=C09 Placeholder::The headline of story 1 holds a placeholder: “Harbour"
        " bridge [HEADLINE] for a week”. Write what belongs there, or take it out."
    )


def test_it_is_held_and_not_approved_until_the_settings_let_it_be_with_a_reason(
    site: SiteFolder,
) -> None:
    address = site.prepared()
    refused = site.digest("approve", "daily")
    assert (refused.code, refused.err) == (
        1,
        (
            f"digest: approve: {address}: C09: The headline of story 1 holds a placeholder:"
            " “Harbour bridge [HEADLINE] for a week”\n"
            "  Write what belongs there, or take it out. All that was found: digest check"
            f" {address}\n"
        ),
    )
    assert site.digest("status", address).out.splitlines()[1].startswith("  A check holds it. C09:")
    site.edit("[people]", "[checks]\nignore = { C09 = 'We cover printers.' }\n\n[people]")
    ran = site.well("check", "daily")
    assert (
        "Let be by the settings\n"
        "  ok    C09  The headline of story 1 holds a placeholder: “Harbour bridge\n"
        "        [HEADLINE] for a week”.\n"
        "        Let be: We cover printers.\n"
    ) in ran.out
    assert ran.out.rstrip().endswith("1 let be.")
    assert site.well("approve", "daily").out.startswith(f"Approved: {address}")


def test_a_check_that_there_is_not_cannot_be_ignored(site: SiteFolder) -> None:
    site.edit("[people]", "[checks]\nheadlin = 9\nignore = { C9 = 'Why' }\n\n[people]")
    site.edit(
        'name     = "Breaking News"', 'name = "Breaking News"\nchecks = { ignore = { Z99 = "?" } }'
    )
    ran = site.digest("check", "daily")
    assert ran.code == 2
    told = ran.err
    assert "checks.headlin: unknown setting (did you mean 'headline'?)" in told
    assert "checks.ignore.C9: no such check (did you mean 'C09'?)" in told
    assert "newsletters.breaking.checks.ignore.Z99: no such check" in told


def test_too_few_stories_are_told_and_there_is_nothing_to_block(site: SiteFolder) -> None:
    site.write_feed(())
    site.edit("min = 3, top = 3, max = 4", "min = 30, top = 3, max = 40")
    ran = site.digest("check", "daily")
    assert "There is none to check. " in ran.out
    assert "  warn  C01  It has 5 stories; 30 are the least.\n" in ran.out
    assert ran.code == 0
