"""Stop, hold and resume, as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.db import Database
from digest.people.audit_store import audit_of
from tests.integration.cli_site import SiteFolder, make_site

READERS = ("ann@reader.example", "bob@reader.example", "cat@reader.example")


def _sending(site: SiteFolder) -> str:
    """Bring an edition under way, as though `digest serve` sent it; give its address."""
    address = site.prepared()
    site.well("subscribers", "add", *READERS)
    site.well("approve", "daily")
    other = Database(f"sqlite:///{site.folder}/var/digest.db")
    with other.hold("sender"):
        site.well("send", "daily")
    other.close()
    return address


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path)


def test_an_edition_is_stopped_and_goes_on_where_it_was(site: SiteFolder) -> None:
    address = _sending(site)
    assert site.well("stop", "daily", "--reason", "Wrong lead.", "--by", "ann").out == (
        f"Stopped: {address}.\n"
        "  0 readers have it, 3 not yet.\n"
        "  What is in the air is still answered. To go on where it was:\n"
        f"  digest resume {address}\n"
        "  To mend it first, for those who have not got it:\n"
        f"  digest choose {address} list\n"
    )
    assert site.well("stop", "daily").out.startswith(f"Stopped already: {address}.\n")
    ran = site.digest("send", "daily")
    assert (ran.code, ran.err) == (
        1,
        (
            f"digest: send: {address}: it is stopped, and was sent in part\n"
            f"  To go on with it: digest resume {address}\n"
        ),
    )
    assert site.well("status", address).steady == (
        "The Morning Post, no. 1, daily/DATE: stopped\n"
        "  Stopped by ann: Wrong lead.\n"
        "  0 of 3\n"
        "  Planned  3\n\n"
        "  digest resume daily/DATE  go on where it was\n"
    )
    assert site.well("resume", "daily").out == (
        f"Resumed: {address}.\n"
        "  0 readers have it, 3 not yet.\n"
        f"  digest serve sends it, or: digest send {address}\n"
    )
    assert site.well("resume", address).out.startswith(f"Resumed already: {address}.\n")
    assert site.well("send", "daily", "--json").facts["accepted"] == 3
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    with database.read() as connection:
        entries = audit_of(connection, [address])
    database.close()
    assert [(each.actor, each.verb.removeprefix("edition.")) for each in entries] == [
        ("command", verb) for verb in ("approve", "send", "stop", "resume")
    ]
    assert entries[2].detail == {"by": "ann", "reason": "Stopped by ann: Wrong lead."}


def test_a_draft_of_today_does_not_hide_the_edition_under_way(site: SiteFolder) -> None:
    address = _sending(site)
    site.write_feed(["Ferry aground", "Bakery saved", "Library opens"])
    site.well("collect")
    extra = site.well("prepare", "daily", "--extra", "--json").facts["edition"]
    assert site.well("stop", "daily", "--json").facts["edition"] == address
    assert site.well("resume", "daily", "--json").facts["edition"] == address
    assert site.well("hold", "daily", "--json").facts["edition"] == address
    assert site.well("hold", extra, "--json").facts["state"] == "held"
    assert site.well("resume", "daily", "--json").facts["edition"] == address


def test_what_has_not_gone_yet_is_held_and_approved_again(site: SiteFolder) -> None:
    address = site.prepared()
    site.well("approve", "daily")
    assert site.well("hold", "daily", "--by", "ann").out == (
        f"Held: {address}.\n  Nothing of it was sent. To let it go:\n  digest approve {address}\n"
    )
    ran = site.digest("resume", "daily")
    assert (ran.code, ran.out, ran.err) == (
        1,
        "",
        (
            f"digest: resume: {address}: it is held, and nothing of it was sent yet\n"
            f"  Look at it, then let it go: digest approve {address}\n"
        ),
    )
    assert site.well("approve", "daily", "--json").facts["state"] == "approved"


def test_what_was_held_while_it_was_sent_is_not_approved_and_not_skipped(site: SiteFolder) -> None:
    address = _sending(site)
    site.well("hold", "daily")
    ran = site.digest("approve", "daily")
    assert (ran.code, ran.err) == (
        1,
        (
            f"digest: approve: {address}: it was approved, and is held while it is sent\n"
            f"  To go on with it: digest resume {address}\n"
        ),
    )
    ran = site.digest("skip", "daily")
    assert (ran.code, ran.err.splitlines()[0]) == (
        1,
        f"digest: {address}: it is held, and cannot be skipped: some readers have it",
    )


def test_all_means_what_is_sent_and_nothing_else(site: SiteFolder) -> None:
    for command in ("stop", "hold"):
        assert site.well(command, "--all").out == "Nothing is being sent.\n"
        assert site.well(command, "--all", "--json").facts == []
    assert site.well("resume", "--all").out == "Nothing is stopped or held that was being sent.\n"
    address = _sending(site)
    site.well("prepare", "breaking")
    facts = site.well("stop", "--all", "--json", "--by", "ann").facts
    assert [(each["edition"], each["state"], each["changed"]) for each in facts] == [
        (address, "stopped", True)
    ]
    assert (facts[0]["reason"], facts[0]["planned"]) == ("Stopped by ann.", 3)
    assert site.well("resume", "--all").out.startswith(f"Resumed: {address}.\n")
    assert site.well("hold", "--all").out.startswith(f"Held: {address}.\n")
    assert [each["edition"] for each in site.well("resume", "--all", "--json").facts] == [address]


@pytest.mark.parametrize("command", ["stop", "hold", "resume"])
def test_an_edition_or_all_and_not_both(site: SiteFolder, command: str) -> None:
    for words, both in (([], ""), (["daily", "--all"], ", not both")):
        ran = site.digest(command, *words)
        assert (ran.code, ran.out, ran.err) == (
            2,
            "",
            (
                f"digest: {command}: name an edition, or --all{both}\n"
                f"  As in: digest {command} daily\n"
            ),
        )


def test_what_is_sent_cannot_be_stopped_any_more(site: SiteFolder) -> None:
    address = _sending(site)
    site.well("send", "daily")
    for command, words in (
        ("stop", "it is sent, nothing of it is being sent"),
        ("hold", "it is sent, there is nothing to hold"),
        ("resume", "it is sent, there is nothing to go on with"),
    ):
        ran = site.digest(command, "daily")
        assert (ran.code, ran.err) == (
            1,
            f"digest: {command}: {address}: {words}\n  What is on now: digest status\n",
        )
