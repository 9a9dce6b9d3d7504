"""The command preview, as it is typed."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from digest.db import Database
from tests.integration.cli_site import HEADLINES, SiteFolder, make_site
from tests.integration.test_composition_pictures import a_photograph
from tests.integration.test_preview_workflow import everything

_WEEKLY = """
[newsletters.weekly]
name     = "The Week"
template = "weekly"
languages = ["es"]
days     = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
cut_off  = "06:30"
send_at  = "07:00"
release  = "approve"
stories  = { min = 3, top = 3, max = 4, max_age = "8d" }
"""


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site whose stories were collected."""
    site = make_site(tmp_path / "site")
    site.well("collect")
    return site


def rows(site: SiteFolder) -> object:
    database = Database(f"sqlite:///{site.folder / 'var/digest.db'}")
    try:
        return everything(database)
    finally:
        database.close()


@contextlib.contextmanager
def a_picture_server() -> Iterator[tuple[str, list[str]]]:
    """Serve one photograph at any address but those with "gone" in them."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = "gone" not in self.path
            body = a_photograph() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_pictures(site: SiteFolder, base: str) -> None:
    """Give the first story a picture, and the second one that is gone."""
    feed = site.folder / "feed.xml"
    first, second, *rest = feed.read_text("utf-8").split("<description>")
    feed.write_text(
        "<description>".join(
            [
                f'{first}<enclosure url="{base}/sea.jpg" type="image/jpeg" length="1"/>',
                f'{second}<enclosure url="{base}/gone.jpg" type="image/jpeg" length="1"/>',
                *rest,
            ]
        ),
        "utf-8",
    )
    site.edit('feed = "feed.xml"', 'feed = "feed.xml"\nallow = ["127.0.0.0/8"]')


# As files


def test_the_next_edition_is_written_to_files_and_nothing_else_is(site: SiteFolder) -> None:
    before = rows(site)
    ran = site.well("preview", "--out", "look")
    assert re.sub(r"  Preheader  .*", "  Preheader  …", ran.steady) == (
        "The Morning Post, no. 1, daily/DATE: as it would be made now\n"
        "  Subject  Harbour bridge closes for a week\n"
        "  Preheader  …\n"
        "  HTML  look/daily-DATE.html  N KB\n"
        "  TXT  look/daily-DATE.txt  N KB\n"
        "  EML  look/daily-DATE.eml  N KB\n"
    )
    assert rows(site) == before
    (text,) = (site.folder / "look").glob("*.txt")
    assert HEADLINES[1] in text.read_text("utf-8")


def test_it_is_the_edition_that_prepare_makes(site: SiteFolder) -> None:
    seen = site.well("preview", "--json").facts
    address = site.well("prepare", "daily", "--json").facts["edition"]
    kept = site.well("preview", "daily", "--out", "there/in", "--json").facts
    stem = address.replace("/", "-")
    assert (seen["edition"], seen["number"]) == (address, 1)
    assert (seen["subject"], seen["preheader"]) == (kept["subject"], kept["preheader"])
    assert (seen["state"], seen["stored"]) == (None, False)
    assert (kept["state"], kept["stored"], kept["approved"]) == ("in review", True, False)
    assert kept["files"] == {kind: f"there/in/{stem}.{kind}" for kind in ("html", "txt", "eml")}
    message = message_from_bytes(
        (site.folder / kept["files"]["eml"]).read_bytes(), policy=policy.default
    )
    assert message["Subject"] == kept["subject"]
    approved = site.well("approve", address, "--json").facts
    again = site.well("preview", address, "--json").facts
    assert (again["set_hash"], again["approved"]) == (approved["content_hash"], True)


def test_after_an_edition_is_over_the_next_one_is_shown(site: SiteFolder) -> None:
    address = site.well("prepare", "daily", "--json").facts["edition"]
    site.well("skip", address)
    after = site.well("preview", "daily", "--json").facts
    assert after["edition"] > address
    assert (after["number"], after["state"]) == (2, None)


def test_pictures_that_are_not_ours_yet_are_written_beside_and_kept_nowhere_else(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path / "site")
    with a_picture_server() as (base, asked):
        with_pictures(site, base)
        site.well("collect")
        before = rows(site)
        ran = site.well("preview", "--out", "look")
        facts = site.well("preview", "--out", "look", "--json").facts
    assert asked.count("/sea.jpg") == 2, "once in each process"
    assert rows(site) == before
    assert "  IMAGES  look/images  1 files\n" in ran.steady
    assert "404" in ran.out
    (picture,) = facts["pictures"]
    page = (site.folder / facts["files"]["html"]).read_text("utf-8")
    assert f'src="{picture.removeprefix("look/")}"' in page
    message = message_from_bytes((site.folder / facts["files"]["eml"]).read_bytes())
    assert "letters.harbourpost.example/images/" in message.as_string()


def test_each_language_has_files_of_its_own(site: SiteFolder) -> None:
    path = site.folder / "digest.toml"
    path.write_text(path.read_text("utf-8") + _WEEKLY, "utf-8")
    site.well("collect")
    ran = site.well("preview", "weekly", "--out", "look")
    names = sorted(path.name for path in (site.folder / "look").iterdir())
    stem = names[0].removesuffix("-es.eml")
    endings = ("-es.eml", "-es.html", "-es.txt", ".eml", ".html", ".txt")
    assert names == [stem + ending for ending in endings]
    assert "\n  en\n" in ran.out
    assert "\n  es\n" in ran.out
    tags = [
        each["language"] for each in site.well("preview", "weekly", "--json").facts["languages"]
    ]
    assert tags == ["en", "es"]


def test_where_nothing_can_be_written_it_is_one_line(site: SiteFolder) -> None:
    ran = site.digest("preview", "--out", "digest.toml/preview")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("digest: digest.toml")
    assert len(ran.err.splitlines()) == 2
    ran = site.digest("preview", "--out", "digest.toml")
    assert (ran.code, ran.out) == (2, "")


def test_one_readers_copy(site: SiteFolder) -> None:
    site.well("subscribers", "add", "ann@reader.example")
    facts = site.well("preview", "--as", "ann@reader.example", "--out", "look", "--json").facts
    assert (facts["reader"], facts["readers"]) == ("ann@reader.example", 1)
    message = message_from_bytes((site.folder / facts["files"]["eml"]).read_bytes())
    assert message["To"] == "ann@reader.example"
    assert message["List-Unsubscribe"] == "<https://letters.harbourpost.example/u/sample>"
    ran = site.digest("preview", "--as", "nobody@reader.example", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "digest: preview: nobody@reader.example: is not on any list\n"
        "  Look for the spelling with: digest subscribers list\n"
    )


def test_the_copy_of_a_reader_of_some_topics_in_one_language(site: SiteFolder) -> None:
    path = site.folder / "digest.toml"
    path.write_text(path.read_text("utf-8") + _WEEKLY, "utf-8")
    site.well("collect")
    facts = site.well("preview", "weekly", "--topic", "sport", "--language", "es", "--json").facts
    assert facts["topics"] == ["sport"]
    assert [each["language"] for each in facts["languages"]] == ["es"]
    ran = site.digest("preview", "weekly", "--language", "fr", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "digest: preview: fr: it is not made in that language\n  It is in: en, es.\n"
    )


def test_sample_stories_take_the_place_of_the_real_ones(site: SiteFolder) -> None:
    before = rows(site)
    facts = site.well("preview", "daily", "--with", "fifty", "--out", "look", "--json").facts
    assert (facts["sample"], len(facts["stories"])) == ("fifty", 50)
    assert facts["pictures"]
    assert rows(site) == before
    ran = site.digest("preview", "daily", "--with", "sixty", "--json")
    assert ran.code == 1
    assert ran.err == (
        "digest: preview: sixty: there are no such sample stories\n"
        "  There are: usual, empty, one, fifty, no-pictures, long-headline, long-words, rtl,"
        " hostile.\n"
    )


def test_a_kept_edition_is_composed_anew_only_when_that_is_asked_for(site: SiteFolder) -> None:
    address = site.prepared()
    site.edit('name           = "Harbour Post"', 'name           = "Quay Times"')
    kept = site.well("preview", address, "--json").facts
    anew = site.well("preview", address, "--anew", "--json").facts
    assert (kept["stored"], anew["stored"]) == (True, False)
    assert kept["set_hash"] != anew["set_hash"]
    assert site.well("preview", address, "--json").facts["set_hash"] == kept["set_hash"]


# As of another time


def test_as_of_a_time_to_come_and_one_that_is_over(site: SiteFolder) -> None:
    now = site.well("preview", "--json").facts
    day = now["edition"].removeprefix("daily/")
    later = site.well("preview", "daily", "--at", f"{day}T18:30", "--json").facts
    assert later["edition"] == now["edition"]
    assert later["cut_off_at"] > now["cut_off_at"]
    assert later["send_at"] == now["send_at"]
    early = site.digest("preview", "daily", "--at", f"{day}T00:30", "--json")
    assert (early.code, early.facts["reason"]) == (1, "0 new stories, 3 needed")
    assert {each["verdict"] for each in early.facts["left_out"]} == {"after the cut-off"}
    far = site.digest("preview", "daily", "--at", "2999-01-01T07:00", "--json").facts
    assert far["send_at"][:10] in {"2999-01-01", "2999-01-02"}  # in UTC: 18:30 at the site
    with_hand = site.well("preview", "breaking", "--at", f"{day}T23:00", "--json").facts
    assert with_hand["edition"] == f"breaking/{day}"


def test_a_cut_off_for_an_edition_that_has_one_is_refused(site: SiteFolder) -> None:
    address = site.well("prepare", "daily", "--json").facts["edition"]
    ran = site.digest("preview", address, "--at", "2026-01-09T07:00")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"digest: preview: {address}: it has its cut-off already\n"
        "  With --at name the newsletter alone: digest preview daily --at …\n"
    )
    assert site.digest("preview", "daily", "--at", "soon").code == 2


# What is not there


def test_too_few_stories_are_told_with_why_and_what_there_is(site: SiteFolder) -> None:
    site.edit("min = 3", "min = 5")
    site.edit("max = 4", "max = 9")
    site.write_feed(HEADLINES[:2])
    address = site.well("prepare", "daily", "--json").facts["edition"]
    site.well("approve", address)
    site.well("send", address, "--confirm", "0")
    site.write_feed([*HEADLINES, "A sixth story of the day"])
    site.well("collect")
    ran = site.digest("preview", "daily")
    assert (ran.code, ran.err) == (1, "")
    assert ran.steady == (
        "The Morning Post: no edition for DATE. 1 new story, 5 needed.\n"
        "  in  A sixth story of the day\n"
        "  Left out: 5 already sent.\n\n"
        "  digest collect  fetch what is new, then look again\n"
        "  digest explain WORDS  why a story is out, by its headline\n"
    )
    facts = json.loads(site.digest("preview", "daily", "--json").out)
    assert (facts["edition"], facts["reason"]) == (None, "1 new story, 5 needed")


@pytest.mark.parametrize(
    ("name", "code", "sentence", "hint"),
    [
        (
            *("daily/99", 1, "edition: daily/99: there is none"),
            "Look for it with: digest status, or the current one: daily",
        ),
        (
            *("daily/2026-13-45", 2, "edition: 'daily/2026-13-45': not a name of an edition"),
            "Write daily, daily/1204 or daily/2026-01-09.",
        ),
        (
            "dayly",
            *(2, "newsletter: 'dayly': there is no such newsletter (did you mean 'daily'?)"),
            "There are: daily, breaking.",
        ),
    ],
)
def test_an_edition_that_is_not_there_is_told_with_a_remedy(
    site: SiteFolder, name: str, code: int, sentence: str, hint: str
) -> None:
    ran = site.digest("preview", name)
    assert (ran.code, ran.out, ran.err) == (code, "", f"digest: {sentence}\n  {hint}\n")


def test_before_the_first_run_it_says_how_to_begin_and_makes_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    ran = site.digest("preview")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("there is none yet\n  Begin with: digest collect\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digest.toml", "feed.xml"]


def test_a_site_without_newsletters_says_so(site: SiteFolder) -> None:
    path = site.folder / "digest.toml"
    path.write_text(path.read_text("utf-8").partition("[newsletters.daily]")[0], "utf-8")
    ran = site.digest("preview")
    assert ran.code in {1, 2}
    assert "newsletter" in ran.err


# Which one, when none is named


def test_the_edition_that_waits_goes_before_the_one_that_comes_first(site: SiteFolder) -> None:
    assert site.well("preview", "--json").facts["newsletter"] == "daily"
    site.well("prepare", "breaking")
    assert site.well("preview", "--json").facts["newsletter"] == "breaking"


def test_of_newsletters_made_by_hand_the_first_is_shown(site: SiteFolder) -> None:
    days = 'days     = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
    site.edit(days, "days     = []")
    facts = site.well("preview", "--json").facts
    assert (facts["newsletter"], facts["number"]) == ("daily", 1)


# In a browser


def test_it_answers_on_this_machine_until_ctrl_c_and_writes_nothing(site: SiteFolder) -> None:
    before = rows(site)
    file = site.folder / "var/digest.db"
    content = file.read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", "preview", "--port", "0"],
        cwd=site.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(4)]
        assert first[0].endswith(": as it would be made now\n")
        address = first[2].strip()
        assert address.startswith("http://127.0.0.1:")
        assert first[3] == "  What you save is shown at once. Ctrl-C ends it.\n"
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - loopback
            assert HEADLINES[0].encode() in answer.read()
        for path in ("en/inbox?with=fifty", "en/checks", "en/letter?as=&topic=x&at=&anew=1"):
            with urllib.request.urlopen(address + path, timeout=30) as answer:  # noqa: S310 - the same
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert (process.returncode, rest) == (0, "")
    assert file.read_bytes() == content
    assert rows(site) == before


def test_a_port_that_is_taken_is_told(site: SiteFolder) -> None:
    with a_picture_server() as (base, _):
        ran = site.digest("preview", "--port", base.rpartition(":")[2])
    assert (ran.code, ran.out) == (1, "")
    assert "Stop the program that listens there" in ran.err


def test_a_newsletter_that_was_just_written_into_the_settings_is_called_new(
    site: SiteFolder,
) -> None:
    with (site.folder / "digest.toml").open("a", encoding="utf-8") as file:
        file.write(_WEEKLY.replace("weekly]", "evening]"))
    before = rows(site)
    ran = site.digest("preview", "evening")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "digest: newsletter: 'evening': it is new in the settings, and looking changes nothing\n"
        "  Begin it with any other command, as: digest collect\n"
    )
    assert rows(site) == before
    site.well("collect")
    site.well("preview", "evening", "--json")
