"""Approve, mend and correct, as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.db import Database
from tests.integration.cli_site import SiteFolder, make_site

READERS = ("ann@reader.example", "bob@reader.example")


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path)


def _sent(site: SiteFolder) -> str:
    """Send an edition to both readers; give its address."""
    address = site.prepared()
    site.well("subscribers", "add", *READERS)
    site.well("approve", "daily")
    assert site.well("send", "daily", "--json").facts["accepted"] == 2
    return address


def _stopped(site: SiteFolder) -> str:
    """Stop an edition before anybody has it; give its address."""
    address = site.prepared()
    site.well("subscribers", "add", *READERS)
    site.well("approve", "daily")
    other = Database(f"sqlite:///{site.folder}/var/digest.db")
    with other.hold("sender"):
        site.well("send", "daily")
    other.close()
    site.well("stop", "daily")
    return address


def _write(site: SiteFolder, words: str = "The ferry leaves at 09:15.") -> str:
    path = site.folder / "note.txt"
    path.write_text(words, "utf-8")
    return str(path)


def test_a_note_is_put_on_the_page_and_nobody_is_mailed(site: SiteFolder) -> None:
    address = _sent(site)
    assert site.well("correct", "daily", _write(site)).out == (
        f"Corrected by note 1: it stands on the page of {address}.\n"
        "  Nobody is mailed. To mail it to those who have the letter, add --mail.\n"
    )
    assert site.well("correct", "daily", _write(site)).out.startswith(
        "Corrected already by note 1:"
    )


def test_a_note_is_mailed_to_those_who_have_the_letter_once(site: SiteFolder) -> None:
    address = _sent(site)
    facts = site.well("correct", address, _write(site), "--mail", "--confirm", "2", "--json").facts
    mail = f"{address}/correction"
    assert (facts["mail"], facts["mail_state"], facts["readers"]) == (mail, "sending", 2)
    assert site.well("send", mail, "--json").facts["accepted"] == 2
    site.well("correct", address, _write(site), "--mail")
    again = site.well("send", mail, "--json").facts
    assert (again["accepted"], again["note"]) == (2, "It is sent already: nothing was done.")
    assert "a correction" in site.well("status", mail).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mail", "--confirm", "3"), "--confirm 3, but 2 readers have it"),
        (("--language", "not a tag"), "--language not a tag: no tag of a language"),
    ],
)
def test_what_is_typed_wrongly_corrects_nothing(
    site: SiteFolder, words: tuple[str, ...], said: str
) -> None:
    address = _sent(site)
    ran = site.digest("correct", address, _write(site), *words)
    assert ran.code == 2
    assert said in ran.err
    assert site.well("correct", address, _write(site)).out.startswith("Corrected by note 1:")


def test_a_file_that_is_no_text_is_refused(site: SiteFolder) -> None:
    address = _sent(site)
    path = site.folder / "note.txt"
    path.write_bytes(b"\xff\xfe\x00")
    ran = site.digest("correct", address, str(path))
    assert (ran.code, "cannot be read" in ran.err) == (2, True)


def test_a_letter_is_stopped_mended_and_goes_on(site: SiteFolder) -> None:
    address = _stopped(site)
    story = site.well("explain", address, "--json").facts
    assert story
    site.well("choose", address, "note", "We had the date wrong.")
    ran = site.digest("resume", address)
    assert ran.code == 1
    assert ran.err == (
        f"digest: resume: {address}: it was mended, and revision 2 waits for its approval\n"
        f"  Look at it, then let it go on: digest approve {address}\n"
    )
    assert "Revision  2" in site.well("status", address).out
    assert site.well("approve", address).steady == (
        "Approved: daily/DATE, content HASH.\n"
        "Revision 2 goes on, to those who have not got it:\n"
        "  digest send daily/DATE\n"
    )
    assert site.well("send", address, "--json").facts["accepted"] == 2


def test_what_a_source_changed_is_composed_again_before_it_is_approved(site: SiteFolder) -> None:
    address = site.prepared()
    path = site.folder / "feed.xml"
    feed = path.read_text("utf-8")
    path.write_text(feed.replace("Harbour bridge closes for a week", "Harbour bridge closes"))
    site.well("collect")
    ran = site.digest("approve", address)
    assert ran.code == 1
    assert ran.err == (
        f"digest: approve: {address}: its sources have changed stories of it, and it was composed"
        " again\n"
        f"  Look at it once more, then approve it: digest preview {address}\n"
    )
    site.well("approve", address)
    path.write_text(feed.replace("Harbour bridge closes for a week", "Harbour bridge is open"))
    site.well("collect")
    told = " ".join(site.well("status", address).out.split())
    assert "“Harbour bridge is open” was changed at its source since it was composed." in told
    assert site.well("status", address, "--json").facts["changed"] == [
        {"headline": "Harbour bridge is open", "withdrawn": False}
    ]
