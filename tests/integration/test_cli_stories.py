"""The commands about stories: sources, collect, explain; and what comes in with them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.cli.wording import long_time
from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.sources_newsroom import Site, answer, running_site
from tests.unit.sources.page_builders import an_article, ld, page


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site with a feed of five stories."""
    return make_site(tmp_path)


def test_sources_are_listed_with_how_they_fare_and_the_line_that_names_them(
    site: SiteFolder,
) -> None:
    head = "SOURCE  KIND  STATE  LAST WELL  FAILED  FROM  ADDRESS\n"
    assert site.well("sources", "list").steady == (
        f"{head}site  feed  new  never  –  line 22  feed.xml\n"
    )
    (site.folder / "feed.xml").unlink()
    assert site.digest("collect").code == 1
    ran = site.well("sources", "list")
    assert "\n  FAIL  site: it failed 1 time; it was never read. It is asked again " in ran.out
    assert "\n        file:" in ran.out  # a long path goes on in the next line
    (facts,) = site.well("sources", "list", "--json").facts
    assert (facts["health"], facts["failures"], facts["line"]) == ("failing", 1, 22)
    assert "no such file" in facts["error"]
    site.write_feed()
    site.well("collect")
    assert site.well("sources", "list").steady == (
        f"{head}site  feed  well  DAY HH:MM  –  line 22  feed.xml\n"
    )


def test_a_long_address_is_cut_and_whole_in_json(site: SiteFolder) -> None:
    address = "https://harbourpost.example/" + "a" * 80
    site.edit("feed.xml", address)
    out = site.well("sources", "list").out
    assert [len(line) for line in out.splitlines()] == [56, 80]
    assert out.endswith("aa…\n")
    assert site.well("sources", "list", "--json").facts[0]["address"] == address


def test_a_password_in_an_address_is_not_shown(site: SiteFolder) -> None:
    site.edit("feed.xml", "https://ann:hush@harbourpost.example/feed")
    for words in (["sources", "list"], ["sources", "list", "--json"]):
        out = site.well(*words).out
        assert "https://harbourpost.example/f" in out
        assert "hush" not in out


def test_the_warning_of_the_last_poll_is_listed(site: SiteFolder) -> None:
    (site.folder / "feed.xml").write_text(
        "<rss version='2.0'><channel><title>x</title><item><title>A</title></item>"
        "<item><link>https://x.example/b</link></item></channel></rss>",
        "utf-8",
    )
    site.well("collect")
    assert "\n  warn  site: story 2 has no headline and no text; left out\n" in (
        site.well("sources", "list").out
    )


def test_checking_keeps_nothing(site: SiteFolder) -> None:
    assert site.well("sources", "check", "site", "--json").facts == [
        {"source": "site", "found": 5, "problem": "", "warnings": [], "moved_to": None}
    ]
    assert site.well("collect", "site", "--json").facts == [
        {
            "source": "site",
            "found": 5,
            "new": 5,
            "updated": 0,
            "withdrawn": 0,
            "unchanged": False,
            "problem": "",
            "warnings": [],
            "moved_to": None,
            "not_before": None,
        }
    ]
    assert site.well("collect").out == "  ok    site  nothing has changed\n"


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
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: source: 'sites': there is no such source (did you mean 'site'?)\n"
        "  There are: site.\n"
    )
    site.edit('[sources.site]\nfeed = "feed.xml"\n', "")
    ran = site.digest(*words)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "digest: sources: there are none\n"
        "  Add one with: digest sources add https://yoursite.example\n"
    )


def test_what_was_taken_back_and_what_moved_is_told(site: SiteFolder) -> None:
    stories = site.folder / "stories"
    stories.mkdir()
    for name in ("a", "b", "c"):
        (stories / f"{name}.md").write_text(f"---\ntitle: Story {name}\n---\nText.\n", "utf-8")
    site.edit('feed = "feed.xml"', 'markdown = "stories"')
    site.well("collect")
    (stories / "b.md").unlink()
    assert site.well("collect").out == "  ok    site  2 stories, 0 new, 0 updated, 1 withdrawn\n"


def test_a_source_that_moved_for_good_is_told(site: SiteFolder) -> None:
    with running_site() as web:
        web.pages["/old"] = answer(status=301, Location="/new")
        web.pages["/new"] = answer((site.folder / "feed.xml").read_bytes())
        site.edit('"feed.xml"', f'"{web.url("/old")}"\nallow = ["127.0.0.0/8"]')
        ran = site.well("collect")
        assert f"site  has moved for good to {web.url('/new')}:" in ran.out
        assert site.well("collect", "--json").facts[0]["moved_to"] == web.url("/new")
        assert site.well("sources", "list", "--json").facts[0]["health"] == "moved"


def test_of_pushed_sources_there_is_nothing_to_poll(site: SiteFolder) -> None:
    site.edit('feed = "feed.xml"', "pushed = true")
    assert site.well("collect").out.startswith("Nothing to poll: ")
    assert site.well("sources", "list").steady.splitlines()[1].startswith("site  pushed  well")


def test_many_sources_have_a_bar_on_a_terminal_and_the_output_none_of_it(site: SiteFolder) -> None:
    tables = "".join(f'[sources.s{n}]\nfeed = "feed.xml"\n' for n in range(5))
    site.edit("[sources.site]", f"{tables}[sources.site]")
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "digest", "collect"],
            cwd=site.folder,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
            check=False,
        )
        os.set_blocking(ours, False)
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
    assert "collecting" in shown
    assert "/6" in shown
    assert done.stdout.decode().count("  ok  ") == 6
    assert b"collecting" not in done.stdout


# sources add, check ADDRESS, remove


@pytest.fixture
def web() -> Iterator[Site]:
    """Another paper's site on this machine."""
    with running_site() as found:
        feed = (
            "<rss version='2.0'><channel><title>Quay Gazette</title>"
            "<item><title>Tide is high</title><link>https://quay.example/tide</link>"
            "<pubDate>Fri, 09 Jan 2026 06:15:00 GMT</pubDate></item></channel></rss>"
        )
        link = '<link rel="alternate" type="application/rss+xml" href="/feed">'
        found.pages["/"] = answer(page(link, lang="en").encode(), content_type="text/html")
        found.pages["/feed"] = answer(feed.encode())
        found.pages["/tide"] = answer(
            page(ld(an_article()) + link).encode(), content_type="text/html"
        )
        yield found


ALLOW = ("--allow", "127.0.0.0/8")


def test_a_source_is_added_by_its_sites_address_listed_collected_and_removed(
    site: SiteFolder, web: Site
) -> None:
    ran = site.well("sources", "add", web.url("/"), "--name", "quay", *ALLOW, "--every", "30m")
    assert ran.out == (
        "Added quay, polled every 30m.\n"
        f"  Found    a feed: {web.url('/feed')}\n"
        "  Title    Quay Gazette\n"
        "  Stories  1\n"
        f"  Newest   Tide is high ({_local(site, '2026-01-09T06:15')})\n"
        "\n"
        "Next\n"
        "  digest collect quay  fetch its stories\n"
        "  digest sources list  see how all sources fare\n"
    )
    listed = site.well("sources", "list").steady
    assert listed.endswith(f"quay  feed  new  never  –  desk  {web.url('/feed')}\n")
    assert site.well("sources", "list", "--json").facts[1]["every_seconds"] == 1800
    assert site.well("collect", "quay").out == "  ok    quay  1 story, 1 new, 0 updated\n"
    assert site.well("sources", "check", "quay").out == "  ok    quay  1 story\n"
    assert site.well("sources", "remove", "quay").out == (
        "Removed quay. Nothing is collected from it any more; its stories stay.\n"
    )
    assert "quay" not in site.well("sources", "list").out
    assert "Tide is high" in site.well("explain", "tide").out
    assert site.digest("sources", "remove", "quay").code == 2
    site.well("sources", "add", web.url("/feed"), "--name", "quay", *ALLOW)
    assert site.well("sources", "remove", "quay", "--json").facts == {"removed": "quay"}


def _local(site: SiteFolder, text: str) -> str:
    zone = site.well("config", "export", "--json").facts["site"]["timezone"]
    return long_time(datetime.fromisoformat(text).replace(tzinfo=UTC), zone)


def test_an_added_source_is_told_in_json(site: SiteFolder, web: Site) -> None:
    assert site.well("sources", "add", web.url("/"), *ALLOW, "--json").facts == {
        "source": "site-2",
        "every": "10m",
        "kind": "feed",
        "address": web.url("/feed"),
        "found": 1,
        "newest": "Tide is high",
        "newest_at": "2026-01-09T06:15:00+00:00",
        "title": "Quay Gazette",
        "language": "en",
        "other_feeds": [],
        "warnings": [],
    }


def test_the_page_of_a_story_is_a_source_and_its_sites_feed_is_named(
    site: SiteFolder, web: Site
) -> None:
    out = site.well("sources", "check", web.url("/tide"), *ALLOW).out
    assert out.startswith(f"  Found    the page of a story: {web.url('/tide')}\n")
    assert "  Newest   Ferry sails again (without a date)\n" in out
    assert "this is one story; its site has a feed:" in out
    assert site.well("sources", "check", web.url("/tide"), *ALLOW, "--json").facts["kind"] == "page"
    assert len(site.well("sources", "list", "--json").facts) == 1


def test_folders_and_files_are_sources_too(site: SiteFolder) -> None:
    stories = site.folder / "stories"
    stories.mkdir()
    (stories / "a.md").write_text("---\ntitle: A tale\n---\nText.\n", "utf-8")
    assert "stories in Markdown" in site.well("sources", "add", "stories").out
    facts = site.well("sources", "list", "--json").facts[1]
    assert (facts["name"], facts["kind"]) == ("stories", "markdown")
    assert facts["address"] == str(stories)
    assert "stories\n" in site.well("sources", "list").out
    ran = site.digest("sources", "add", "stories")
    assert (ran.code, ran.out) == (1, "")
    assert "it is read already, as stories\n" in ran.err
    (site.folder / "other.xml").write_bytes((site.folder / "feed.xml").read_bytes())
    site.well("sources", "add", "other.xml", "--kind", "feed")
    assert site.well("collect", "other").out.startswith("  ok    other  5 stories")


def test_a_source_without_stories_yet_is_added_and_that_is_told(
    site: SiteFolder, web: Site
) -> None:
    web.pages["/empty"] = answer(b"<rss version='2.0'><channel><title>x</title></channel></rss>")
    assert "no story is there yet" in site.well("sources", "add", web.url("/empty"), *ALLOW).out


def test_what_a_reading_warns_of_is_told_when_a_source_is_added(
    site: SiteFolder, web: Site
) -> None:
    web.pages["/odd"] = answer(
        b"<rss version='2.0'><channel><title>x</title><item><title>A</title></item><item/>"
        b"</channel></rss>"
    )
    out = site.well("sources", "add", web.url("/odd"), *ALLOW).out
    assert "  warn  story 2 has no headline and no text; left out\n" in out


@pytest.mark.parametrize(
    ("words", "code", "sentence", "hint"),
    [
        (
            ["https://x.example", "--name", "site"],
            1,
            "source: site: there is one of this name already",
            "Choose another, as --name site-2; or see: digest sources list",
        ),
        (
            ["https://x.example", "--name", "My Site"],
            2,
            "source: 'My Site': a name is lower-case letters, digits and dashes, at most 40",
            "For example: my-site",
        ),
        (
            ["https://x.example", "--every", "often"],
            2,
            "every: 'often': a length of time is a number and s, m, h or d, as in '48h'",
            "Write it as 10m or 2h.",
        ),
        (
            ["https://x.example", "--every", "5s"],
            2,
            "every: '5s': a source is polled every 30s at most",
            "Sites refuse those who ask more often; 10m is enough.",
        ),
        (
            ["no-such-thing"],
            1,
            "source: 'no-such-thing': neither a web address nor a file that is there",
            "Write it as https://harbourpost.example, or name a file or folder.",
        ),
        (
            ["feed.xml"],
            1,
            "source: {folder}/feed.xml: it is read already, as site",
            "Look at it with: digest sources check site",
        ),
    ],
)
def test_what_cannot_be_added_is_one_line_and_a_hint(
    words: list[str], code: int, sentence: str, hint: str, site: SiteFolder
) -> None:
    ran = site.digest("sources", "add", *words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err == f"digest: {sentence.format(folder=site.folder)}\n  {hint}\n"


def test_a_source_of_the_settings_is_removed_there(site: SiteFolder) -> None:
    ran = site.digest("sources", "remove", "site")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: source: site: it is named in digest.toml, line 22\n"
        "  Take the table [sources.site] out of the file.\n"
    )


# sources unsorted


def test_categories_in_no_section_are_counted_with_lines_to_paste(site: SiteFolder) -> None:
    site.edit(
        "[newsletters.daily]",
        '[sections]\ntown = { title = "Town", categories = ["Local"] }\n[newsletters.daily]',
    )
    site.edit('template = "daily"', 'template = "daily"\nsections = ["town"]')
    (site.folder / "feed.xml").write_text(
        "<rss version='2.0'><channel><title>x</title>"
        + "".join(
            f"<item><title>Story {n}</title><guid>{n}</guid>{category}</item>"
            for n, category in enumerate(
                [
                    "<category>Local</category>",
                    "<category>Café &amp; Bar</category>",
                    "<category>CAFÉ &amp; BAR</category><category>Sport</category>",
                    "<category>Town</category>",
                    "<category>港</category>",
                    "",
                ]
            )
        )
        + "</channel></rss>",
        "utf-8",
    )
    site.well("collect")
    assert site.well("sources", "unsorted").out == (
        "In no section, of 6 stories of the last 30 days:\n"
        "  STORIES  CATEGORY\n"
        "        2  Café & Bar\n"
        "        1  (without any)\n"
        "        1  Sport\n"
        "        1  Town\n"
        "        1  港\n"
        "\n"
        "Add a category to a section of yours, or paste a section of its own below\n"
        "[sections] (digest.toml, line 25), and name it in the newsletter's sections:\n"
        '  cafe-bar = { title = "Café & Bar", categories = ["Café & Bar"] }\n'
        '  sport = { title = "Sport", categories = ["Sport"] }\n'
    )
    facts = site.well("sources", "unsorted", "breaking", "--json").facts
    assert (facts["stories"], facts["sections"]) == (6, [])
    assert {"category": "Local", "stories": 1} in facts["categories"]
    for line in facts["paste"]:
        site.edit(
            "[newsletters.daily]", f"{line}\n[newsletters.daily]"
        ) if "town" not in line else 0
    site.well("config", "check")
    ran = site.digest("sources", "unsorted", "dayly")
    assert (ran.code, "did you mean 'daily'?" in ran.err) == (2, True)


def test_where_every_story_is_sorted_that_is_told(site: SiteFolder) -> None:
    site.edit(
        "[newsletters.daily]",
        '[sections.town]\ntitle = "T"\npaths = ["/town/"]\n[newsletters.daily]',
    )
    site.well("collect")
    assert site.well("sources", "unsorted").out == (
        "Of 5 stories of the last 30 days, every one belongs to a section.\n"
    )


def test_of_very_many_categories_the_most_frequent_are_shown(site: SiteFolder) -> None:
    items = "".join(
        f"<item><title>S{n}</title><guid>{n}</guid><category>Tag {n}</category></item>"
        for n in range(40)
    )
    (site.folder / "feed.xml").write_text(
        f"<rss version='2.0'><channel><title>x</title>{items}</channel></rss>", "utf-8"
    )
    site.well("collect")
    out = site.well("sources", "unsorted").out
    assert "  and 10 more: digest sources unsorted --json\n" in out
    assert "below [sections], and" in " ".join(out.split())


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
    site.well("preview", "--out", "look")


def test_a_captured_page_is_a_source_like_any_other(site: SiteFolder) -> None:
    site.edit('feed = "feed.xml"', 'page = "pages"')
    (site.folder / "pages").mkdir()
    (site.folder / "pages/one.txt").write_bytes(b"\0\xff\x1b[31m\nA headline that is long enough\n")
    ran = site.digest("sources", "check")
    assert ran.code in {0, 1}
    assert "\x1b" not in ran.out
    assert ran.err == ""
