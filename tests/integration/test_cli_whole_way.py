"""The whole way by hand, command by command, on both databases; each command says what it did."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digest.db import Database
from digest.delivery.count_store import add_counts
from digest.editions import store as editions
from digest.editions.model import Slot, SlotState
from tests.integration.cli_site import (
    HEADLINES,
    Mailbox,
    SiteFolder,
    mail_server,
    make_site,
    zone_at_noon,
)

READERS = ("ann@reader.example", "bob@reader.example", "cat@reader.example")


def test_from_the_feed_to_the_mailboxes(database: Database, tmp_path: Path) -> None:
    url = database.url.render_as_string(hide_password=False)
    site = make_site(tmp_path / "site", database=url)
    assert site.well("sources", "check").out == "  ok    site  5 stories\n"
    assert site.well("collect").out == "  ok    site  5 stories, 5 new, 0 updated\n"
    assert site.well("collect").out == "  ok    site  nothing has changed\n"
    assert site.well("prepare", "daily").steady == (
        "The Morning Post, no. 1, daily/DATE\n"
        "  Harbour bridge closes for a week\n\n"
        "  Stories  4\n"
        "  HTML  N KB\n"
        "  State  in review\n"
        "  Goes at  DAY HH:MM\n"
        "  warn  D07: It would go to nobody. Add readers: digest subscribers import, or\n"
        "        look at the newsletter's audience.\n\n"
        "  digest preview daily/DATE  look at it\n"
        "  digest explain daily/DATE  why each story is in or out\n"
        "  digest approve daily/DATE  let it go\n"
    )
    assert site.well("subscribers", "add", *READERS).out == "".join(
        f"  ok    {reader} added to daily and breaking\n" for reader in READERS
    )
    assert site.well("approve", "daily").steady == (
        "Approved: daily/DATE, content HASH.\n"
        "It goes at DAY HH:MM, when digest serve runs. To send it now:\n"
        "  digest send daily/DATE\n"
    )
    assert site.well("send", "daily", "--confirm", "3").out.splitlines()[1:] == [
        "  Accepted  3",
        f"  Goes to   maildir {tmp_path}/site/var/mailbox",
    ]
    assert len(list((tmp_path / "site/var/mailbox").rglob("new/*"))) == 3
    assert site.well("send", "daily").steady == (
        "The Morning Post, no. 1, daily/DATE: sent\n"
        "  Accepted  3\n"
        "It is sent already: nothing was done.\n"
    )
    assert len(list((tmp_path / "site/var/mailbox").rglob("new/*"))) == 3
    assert site.well("retry", "daily", "--failed").steady == (
        "No reader of daily/DATE is failed. Nothing was done.\n"
    )
    assert site.well("status").steady == (
        "DAY, HH:MM in ZONE\n\n"
        "NEWSLETTER  NOW  NEXT RUN  READERS\n"
        "The Morning Post  sent  DAY HH:MM  3\n"
        "Breaking News  no edition yet  by hand  3\n\n"
        "DATE  EDITION  NO.  STATE  ACCEPTED  DEFERRED  FAILED\n"
        "DAY  The Morning Post  1  sent  3  –  –\n\n"
        "Nothing is running. 1 notice waits.\n"
        "  digest serve\n"
    )


REFUSALS = {
    "bob@reader.example": "450 4.2.1 try later",
    "cat@reader.example": "550 5.5.0 not this one",
}


def test_readers_that_the_server_refuses_are_told_with_their_remedies(tmp_path: Path) -> None:
    mailbox = Mailbox(refuses=REFUSALS)
    with mail_server(mailbox) as smtp:
        site = make_site(tmp_path, mail=smtp)
        address = _approved(site)
        ran = site.digest("send", "daily")
        assert (ran.code, ran.err) == (1, "")
        assert ran.steady.replace(smtp.split("port = ")[1][:5].rstrip(","), "PORT") == (
            "The Morning Post, no. 1, daily/DATE: sending, 1 to retry\n"
            "  Accepted  1\n"
            "  Deferred  1  reader.example 1; again at HH:MM\n"
            "  Failed  1\n"
            "  Goes to  127.0.0.1:PORT\n"
            "    1 deferred: 450 put off by the server\n"
            "    1 failed: 550 refused by the server\n\n"
            "  digest retry daily/DATE --deferred  write to 1 reader again\n"
            "  digest retry daily/DATE --failed  write to 1 reader again\n"
        )
        again = site.digest("send", "daily")
        assert again.code == 1
        assert "It is sending already: nothing was done.\n" in again.out
        assert site.well("status", "daily").steady.endswith(
            "  digest retry daily/DATE --failed  write to 1 reader again\n"
        )
        mailbox.refuses = {}
        facts = site.digest("retry", "daily", "--deferred", "--json").facts
        assert (facts["state"], facts["accepted"], facts["failed"]) == ("sent", 2, 1)
        facts = site.well("retry", address, "--failed", "--json").facts
        assert (facts["state"], facts["accepted"], facts["failed"]) == ("sent", 3, 0)
    assert sorted(mailbox.recipients) == sorted(READERS)


def test_a_server_that_is_away_leaves_everybody_planned_and_says_so(tmp_path: Path) -> None:
    with mail_server(Mailbox()) as smtp:
        pass
    site = make_site(tmp_path, mail=smtp)
    _approved(site)
    ran = site.digest("send", "daily")
    assert ran.code == 1
    assert "  Planned  3\n" in ran.out
    assert "  warn  smtp: it is away: 127.0.0.1:" in ran.out
    assert ran.steady.endswith("\n  digest send daily/DATE  go on; digest serve does it too\n")
    again = site.digest("send", "daily", "--json")
    assert again.code == 1
    assert again.facts["problem"].startswith("smtp: it is away: 127.0.0.1:")
    assert (again.facts["planned"], again.facts["note"]) == (3, "")


def test_a_sender_that_runs_takes_the_edition_over(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    _approved(site)
    other = Database(f"sqlite:///{tmp_path}/var/digest.db")
    with other.hold("sender"):
        ran = site.well("send", "daily")
    other.close()
    assert ran.steady == (
        "The Morning Post, no. 1, daily/DATE: sending\n"
        "  Planned  3\n"
        "A sender is running: it takes it from here.\n"
    )
    assert site.well("send", "daily", "--json").facts["accepted"] == 3


def _approved(site: SiteFolder) -> str:
    address = site.prepared()
    site.well("subscribers", "add", *READERS)
    site.well("approve", "daily")
    return address


# The number of readers


def test_another_number_of_readers_sends_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = _approved(site)
    ran = site.digest("send", "daily", "--confirm", "4")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"digest: send: {address}: --confirm 4, but there are 3 readers\n"
        f"  Look again, then: digest send {address} --confirm 3\n"
    )
    assert site.well("status", "daily", "--json").facts["state"] == "approved"


def test_one_reader_is_singular(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    site.well("subscribers", "add", READERS[0])
    site.well("approve", "daily")
    assert site.digest("send", "daily", "--confirm", "9").err == (
        f"digest: send: {address}: --confirm 9, but there is 1 reader\n"
        f"  Look again, then: digest send {address} --confirm 1\n"
    )


def test_an_edition_without_readers_is_sent_to_nobody(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.prepared()
    site.well("approve", "daily")
    assert site.well("send", "daily").steady.startswith(
        "The Morning Post, no. 1, daily/DATE: sent\n  no readers\n"
    )


# Editions


def test_what_is_not_approved_is_not_sent(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    ran = site.digest("send", "daily")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"digest: send: {address}: it is in review, not approved\n"
        f"  Approve it first: digest approve {address}\n"
    )


def test_what_was_never_sent_is_not_sent_again(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    ran = site.digest("retry", "daily")
    assert (ran.code, ran.err) == (
        2,
        "digest: retry: whom?\n  Say --deferred, --failed or --uncertain.\n",
    )
    ran = site.digest("retry", "daily", "--failed")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"digest: edition: {address}: it is in review")


def test_approving_twice_is_the_same_as_once(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    first = site.well("approve", "daily", "--by", "  the desk\n", "--json").facts
    assert (first["edition"], first["state"], first["already"]) == (address, "approved", False)
    second = site.well("approve", "daily", "--json").facts
    assert second == {**first, "already": True}
    assert site.well("approve", "daily").out.startswith(f"Approved already: {address}, content ")


def test_an_account_without_a_name_can_approve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path)
    site.prepared()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 987654)
    site.well("approve", "daily")
    database = Database(f"sqlite:///{tmp_path}/var/digest.db")
    with database.read() as connection:
        (by,) = connection.exec_driver_sql("SELECT approved_by FROM approval").one()
    database.close()
    assert by == "user 987654"


def test_uncertain_copies_have_a_column_and_a_remedy(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    _approved(site)
    site.well("send", "daily")
    database = Database(f"sqlite:///{tmp_path}/var/digest.db")
    with database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE delivery SET state = 'uncertain' WHERE subscriber_id = 1"
        )
        moved = {(1, 0, "accepted"): -1, (1, 0, "uncertain"): 1}
        add_counts(connection, moved, at=datetime.now(UTC))
    database.close()
    out = site.well("status").steady
    assert "  STATE  ACCEPTED  DEFERRED  FAILED  UNCERTAIN\n" in out
    assert "DAY  The Morning Post  1  sent  2  –  –  1\n" in out
    ran = site.digest("send", "daily")
    assert ran.code == 1
    assert ran.steady.endswith(
        "It is sent already: nothing was done.\n\n"
        "  digest retry daily/DATE --uncertain  write to 1 reader again\n"
    )
    assert site.well("retry", "daily", "--uncertain", "--json").facts["accepted"] == 3


def test_an_approved_edition_says_when_it_goes_and_how_to_send_it(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.prepared()
    site.well("approve", "daily")
    assert site.well("status", "daily").steady == (
        "The Morning Post, no. 1, daily/DATE: approved\n"
        "  Goes at  DAY HH:MM\n\n"
        "  digest preview daily/DATE  look at it\n"
        "  digest explain daily/DATE  why each story is in or out\n"
        "  digest send daily/DATE  send it now\n"
    )


def test_skipping_says_that_the_stories_are_free_again(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    assert site.well("skip", "daily", "--reason", "Too thin.").steady == (
        "Skipped: daily/DATE. Its stories are free for the next edition.\n"
    )
    ran = site.digest("skip", address)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"digest: {address}: it is skipped, and cannot be skipped\n")
    assert site.well("status", "daily").out.splitlines()[1:] == ["  Too thin."]
    ran = site.digest("approve", address)
    assert (ran.code, ran.out) == (1, "")


def test_skip_answers_in_json(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    assert site.well("skip", "daily", "--json").facts == {
        "edition": address,
        "state": "skipped",
        "reason": "Skipped by hand.",
    }


# prepare


def test_preparing_again_gives_what_is_there(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.prepared()
    ran = site.well("prepare", "daily")
    assert ran.steady.startswith("The Morning Post, no. 1, daily/DATE (it was there already)\n")
    assert site.well("prepare", "daily", "--json").facts["already"] is True


def test_too_few_stories_take_no_slot(tmp_path: Path) -> None:
    """A command typed the evening before must not cost the morning its letter."""
    site = make_site(tmp_path)
    site.write_feed(HEADLINES[:1])
    site.well("collect")
    ran = site.digest("prepare", "daily")
    assert (ran.code, ran.err) == (1, "")
    assert ran.steady == (
        "The Morning Post: no edition for DATE. 1 new story, 3 needed.\n\n"
        "  digest collect  fetch what is new, then try again\n"
    )
    assert site.digest("prepare", "daily", "--json").facts == {
        "edition": None,
        "reason": "1 new story, 3 needed",
        "recorded": False,
        "left_out": {},
    }
    site.write_feed(HEADLINES)
    assert site.prepared().startswith("daily/")


def test_a_day_whose_edition_is_over_can_have_one_more(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    site.well("skip", "daily")
    ran = site.well("prepare", "daily")
    assert ran.steady.endswith("\n  digest prepare daily --extra  one more, beside it\n")
    assert "  State    skipped\n" in ran.out
    assert site.well("prepare", "daily", "--extra", "--json").facts["edition"] == f"{address}/extra"
    facts = site.well("prepare", "daily", "--extra", "--json").facts
    assert (facts["edition"], facts["already"]) == (f"{address}/extra", True)
    site.well("approve", f"{address}/extra")
    facts = site.well("prepare", "daily", "--extra", "--json").facts
    assert (facts["edition"], facts["stories"]) == (f"{address}/extra-2", 1)
    site.well("approve", "daily")
    ran = site.digest("prepare", "daily", "--extra")
    assert ran.code == 1
    assert ran.steady == (
        "The Morning Post: no edition for DATE. 0 new stories, 1 needed.\n"
        "  Left out: 5 already sent.\n\n"
        "  digest collect  fetch what is new, then try again\n"
        "  digest explain WORDS  why a story is out, by its headline\n"
    )


def test_a_slot_that_was_passed_over_says_why_and_offers_one_more(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.well("collect")
    site.well("status")
    newsletter = site.well("status", "--json").facts["newsletters"][0]
    next_at = datetime.fromisoformat(newsletter["next_at"])
    day = next_at.astimezone(ZoneInfo(zone_at_noon())).date()  # the day begins at the site
    _record_skip(tmp_path, day, "0 new stories, 3 needed")
    ran = site.digest("prepare", "daily")
    assert (ran.code, ran.err) == (1, "")
    assert ran.steady == (
        "The Morning Post: no edition for DATE. 0 new stories, 3 needed.\n\n"
        "  digest prepare daily --extra  one more, beside it\n"
    )
    facts = site.digest("prepare", "daily", "--json").facts
    assert facts == {"edition": None, "reason": "0 new stories, 3 needed", "recorded": True}
    ran = site.well("explain", f"daily/{day}")
    assert ran.out == "The Morning Post: no edition. 0 new stories, 3 needed.\n"
    assert site.well("status").steady.count("\n            0 new stories, 3 needed.\n") == 1
    assert site.well("prepare", "daily", "--extra", "--json").facts["stories"] == 4


def _record_skip(folder: Path, day: date, reason: str) -> None:
    database = Database(f"sqlite:///{folder}/var/digest.db")
    with database.write() as connection:
        at = datetime.combine(day, time(), ZoneInfo(zone_at_noon())).astimezone(UTC)
        editions.take_slot(connection, 1, Slot(day, at, at), SlotState.DUE)
        editions.set_slot(connection, 1, Slot(day, at, at), SlotState.SKIPPED, reason)
    database.close()


def test_a_newsletter_made_by_hand_goes_when_it_is_approved(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.well("collect")
    assert site.well("prepare", "breaking").steady == (
        "Breaking News, no. 1, breaking/DATE\n"
        "  Harbour bridge closes for a week\n\n"
        "  Stories  1\n"
        "  HTML  N KB\n"
        "  State  in review\n"
        "  Goes at  when it is approved\n"
        "  warn  D07: It would go to nobody. Add readers: digest subscribers import, or\n"
        "        look at the newsletter's audience.\n\n"
        "  digest preview breaking/DATE  look at it\n"
        "  digest explain breaking/DATE  why each story is in or out\n"
        "  digest approve breaking/DATE  let it go\n"
    )
    site.well("subscribers", "add", READERS[0])
    assert site.well("approve", "breaking").steady == (
        "Approved: breaking/DATE, content HASH.\n"
        "It goes at once, when digest serve runs. To send it now:\n"
        "  digest send breaking/DATE\n"
    )
    assert site.well("send", "breaking", "--json").facts["accepted"] == 1
    second = site.well("prepare", "breaking", "--json").facts
    assert second["edition"].endswith("/extra")
    assert second["subject"].startswith("Council agrees")


def test_a_cut_off_to_come_is_refused(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    ran = site.digest("prepare", "daily", "--at", "2999-01-09T06:30")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: prepare: --at 2999-01-09T06:30: that is still to come\n"
        "  Leave --at out to cut off now; digest serve makes it at its hour.\n"
    )


def test_a_cut_off_that_is_over_sees_the_stories_of_then(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.well("collect")
    ran = site.digest("prepare", "daily", "--at", "2026-01-09T11:30+00:00")  # the 9th in every zone
    assert ran.code == 1
    assert ran.out.startswith("The Morning Post: no edition for 2026-01-09. 0 new stories,")
    ran = site.digest("prepare", "daily", "--at", "yesterday")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: time: 'yesterday': not a date and time\n  Write it as 2026-01-09T07:00.\n"
    )


def test_a_newsletter_on_holiday_for_ever_can_still_be_made(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.well("status")  # the newsletter begins
    site.edit('cut_off  = "18:00"', 'cut_off  = "18:00"\nnot_on = ["2000-01-01..2999-01-01"]')
    site.well("collect")
    ran = site.well("prepare", "daily")
    assert "  Goes at  when it is approved\n" in ran.out


def test_a_template_that_breaks_leaves_a_draft_that_can_be_mended(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.well("collect")
    site.edit('template = "daily"', 'template = "dayly"')
    ran = site.digest("prepare", "daily")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("digest: template: dayly/")
    ran = site.digest("preview", "daily")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("digest: template: dayly/")
    site.edit('template = "dayly"', 'template = "daily"')
    assert site.well("prepare", "daily", "--json").facts["state"] == "in review"


# Names of editions


MISSING = {
    "daily": (1, "edition: daily: there is none yet", "Make one with: digest prepare daily"),
    "daily/99": (
        *(1, "edition: daily/99: there is none"),
        "Look for it with: digest status, or the current one: daily",
    ),
    "daily/2026-13-45": (
        *(2, "edition: 'daily/2026-13-45': not a name of an edition"),
        "Write daily, daily/1204 or daily/2026-01-09.",
    ),
    "dayly": (
        *(2, "newsletter: 'dayly': there is no such newsletter (did you mean 'daily'?)"),
        "There are: daily, breaking.",
    ),
}


@pytest.mark.parametrize("command", ["approve", "skip", "send", "status"])
def test_an_edition_that_is_not_there_is_told_with_a_remedy(command: str, tmp_path: Path) -> None:
    site = make_site(tmp_path)
    for name, (code, sentence, hint) in MISSING.items():
        ran = site.digest(command, name)
        assert (ran.code, ran.out, ran.err) == (code, "", f"digest: {sentence}\n  {hint}\n")


def test_status_answers_in_json(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    address = site.prepared()
    overview = site.well("status", "--json").facts
    assert [line["slug"] for line in overview["newsletters"]] == ["daily", "breaking"]
    assert [line["address"] for line in overview["editions"]] == [address]
    one = site.well("status", address, "--json").facts
    assert (one["edition"], one["number"], one["state"]) == (address, 1, "in review")
