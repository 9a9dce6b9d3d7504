"""Sending watched: at a terminal, in a log, and from another process; and sending again."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.app import App, open_app
from digest.cli.opening import edition_named
from digest.cli.watching import Watch, drawing, look, waiting_words
from digest.config import load
from digest.db import Database
from digest.delivery.count_store import add_counts
from digest.delivery.progress import Pace
from digest.editions.store import note_reason
from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.test_cli_running import _Terminal

READERS = ("ann@reader.example", "bob@reader.example", "cat@reader.example")
PATIENCE = 20.0


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site whose edition is approved, for three readers."""
    made = make_site(tmp_path)
    made.prepared()
    made.well("subscribers", "add", *READERS)
    made.well("approve", "daily")
    return made


@contextlib.contextmanager
def _database(site: SiteFolder) -> Iterator[Database]:
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    yield database
    database.close()


@contextlib.contextmanager
def _sender_elsewhere(site: SiteFolder) -> Iterator[None]:
    """Hold the sender's seat, as `digest serve` does, and send nothing."""
    with _database(site) as database, database.hold("sender"):
        yield


def _send_elsewhere(site: SiteFolder) -> None:
    with _sender_elsewhere(site):
        site.well("send", "daily")


@contextlib.contextmanager
def _opened(site: SiteFolder) -> Iterator[App]:
    with contextlib.chdir(site.folder):
        app = open_app(load(Path("digest.toml")))
    yield app
    app.close()


# At a terminal


def _watched(site: SiteFolder) -> _Terminal:
    terminal = _Terminal(site.folder, ["send", "daily"])
    terminal.wait_for("Type the number to go on: ")
    terminal.type("3\n")
    terminal.wait_for("0 of 3")
    return terminal


def test_ctrl_c_leaves_a_sender_running_that_is_not_ours(site: SiteFolder) -> None:
    with _sender_elsewhere(site):
        terminal = _watched(site)
        terminal.wait_for("Ctrl-C leave it running, watch: digest status daily")
        terminal.interrupt()
        assert terminal.end() == 0
    assert "It goes on without us. Watch it: digest status daily\r\n" in terminal.shown
    assert site.well("status", "daily", "--json").facts["state"] == "sending"


def test_the_key_s_stops_an_edition_whoever_sends_it(site: SiteFolder) -> None:
    with _sender_elsewhere(site):
        terminal = _watched(site)
        terminal.type("s")
        assert terminal.end() == 1
    assert "go on where it was" in terminal.shown
    facts = site.well("status", "daily", "--json").facts
    assert (facts["state"], facts["planned"]) == ("stopped", 3)
    assert facts["reason"].startswith("Stopped by ")


def test_ctrl_c_stops_our_own_sending_after_what_is_in_hand(site: SiteFolder) -> None:
    site.edit("max_per_second = 1000", "max_per_second = 0.05")
    terminal = _Terminal(site.folder, ["send", "daily"])
    terminal.wait_for("Type the number to go on: ")
    terminal.type("3\n")
    terminal.wait_for("1 of 3")
    terminal.wait_for("Ctrl-C stop after what is in hand")
    terminal.interrupt()
    assert terminal.end() == 1
    assert "We left off after what was in hand." in terminal.shown
    facts = site.well("status", "daily", "--json").facts
    assert (facts["state"], facts["accepted"], facts["planned"]) == ("sending", 1, 2)
    site.edit("max_per_second = 0.05", "max_per_second = 1000")


# In a log


def test_where_there_is_no_terminal_lines_are_printed_now_and_then(site: SiteFolder) -> None:
    _send_elsewhere(site)
    out = io.StringIO()
    with _opened(site) as app, contextlib.redirect_stdout(out):
        edition = edition_named(app, "daily")
        with Watch(app, edition, line_seconds=0.01):
            _wait_for(out, "progress")
            with app.database.write() as connection:
                changes = {(edition.id, 0, "planned"): -3, (edition.id, 0, "accepted"): 3}
                add_counts(connection, changes, at=app.clock())
            _wait_for(out, "first-pass")
    lines = {re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in out.getvalue().splitlines()}
    assert lines >= {
        "daily 1 progress     accepted=0  deferred=0  failed=0",
        "daily 1 first-pass   accepted=3  deferred=0  failed=0",
    }
    assert out.getvalue().count("first-pass") == 1


def _wait_for(out: io.StringIO, word: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while word not in out.getvalue():
        assert time.monotonic() < deadline, out.getvalue()
        time.sleep(0.01)


def test_beside_json_nothing_is_printed(site: SiteFolder) -> None:
    assert site.well("send", "daily", "--json").facts["accepted"] == 3


# From another process


def test_status_tells_how_fast_it_leaves_and_what_keeps_it(site: SiteFolder) -> None:
    _send_elsewhere(site)
    facts = site.well("status", "daily", "--json").facts
    assert {name: facts[name] for name in ("per_second", "seconds_left", "waits")} == {
        "per_second": None,
        "seconds_left": None,
        "waits": [],
    }
    assert site.well("status", "daily").steady == (
        "The Morning Post, no. 1, daily/DATE: sending\n"
        "  0 of 3\n"
        "  warn  Nobody sends it just now.\n"
        "  Planned  3\n\n"
        "  digest send daily/DATE  go on; digest serve does it too\n"
    )
    with _database(site) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE delivery_batch SET owner = 'another'")
    facts = site.well("status", "daily", "--json").facts
    assert (facts["per_second"], facts["seconds_left"]) == (0.0, None)
    assert site.well("status", "daily").steady == (
        "The Morning Post, no. 1, daily/DATE: sending\n"
        "  0 of 3\n"
        "  Planned  3\n\n"
        "  digest stop daily/DATE  stop it; it can go on later\n"
    )


def test_an_edition_is_drawn_with_all_there_is_to_know(site: SiteFolder) -> None:
    _send_elsewhere(site)
    with _opened(site) as app:
        edition = edition_named(app, "daily")
        with app.database.write() as connection:
            counts = {"accepted": 2061, "deferred": 6, "failed": 2}
            changes = {(edition.id, 0, state): n for state, n in counts.items()}
            add_counts(connection, changes, at=app.clock())
            note_reason(connection, [edition.id], "smtp: it is away")
        lines = drawing(look(app, edition), Pace(2069, 4812, 7.2, 382), app, ["s stop it"])
    assert lines[0] == f"  {'█' * 23}{'░' * 31}   42 %"
    assert re.sub(r"\d\d:\d\d", "HH:MM", lines[1]) == (
        "  2,069 of 4,812     7.2 a second     6 min 22 s left     done about HH:MM"
    )
    assert lines[2:] == [
        "",
        "  accepted   2,061",
        "  deferred       6",
        "  failed         2",
        "",
        "  smtp: it is away",
        "",
        "  s stop it",
    ]


def test_what_is_due_later_says_when(site: SiteFolder) -> None:
    _send_elsewhere(site)
    with _opened(site) as app:
        edition = edition_named(app, "daily")
        with app.database.write() as connection:
            connection.exec_driver_sql(
                "UPDATE delivery_batch SET due_at = '2999-01-09 07:00:00.000000'"
            )
        (words,) = waiting_words(look(app, edition), app)
    assert re.fullmatch(r"the next copies leave at \w{3} \d+ Jan \d\d:00", words)


# Again


def _make_uncertain(site: SiteFolder, readers: int) -> None:
    site.well("send", "daily")
    with _database(site) as database, database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE delivery SET state = 'uncertain' WHERE subscriber_id <= ?", (readers,)
        )
        changes = {(1, 0, "accepted"): -readers, (1, 0, "uncertain"): readers}
        add_counts(connection, changes, at=datetime.now(UTC))


def test_who_may_have_it_already_is_said_plainly(site: SiteFolder) -> None:
    _make_uncertain(site, 2)
    out = site.well("retry", "daily", "--uncertain").out
    assert out.startswith("2 readers may have it already: whoever has it gets it a second time.\n")
    assert site.well("status", "daily", "--json").facts["uncertain"] == 0


def test_the_number_of_the_uncertain_is_asked_at_a_terminal(site: SiteFolder) -> None:
    _make_uncertain(site, 1)
    terminal = _Terminal(site.folder, ["retry", "daily", "--uncertain"])
    terminal.wait_for("1 reader may have it already: whoever has it gets it a second time.")
    terminal.wait_for("Type the number to write to them again: ")
    terminal.type("2\n")
    assert terminal.end() == 2
    assert "retry: that is another number: nothing was sent" in terminal.shown
    assert site.well("status", "daily", "--json").facts["uncertain"] == 1


def test_another_number_than_there_are_sends_nothing_again(site: SiteFolder) -> None:
    _make_uncertain(site, 2)
    ran = site.digest("retry", "daily", "--uncertain", "--confirm", "3")
    address = site.well("status", "daily", "--json").facts["edition"]
    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        (
            f"digest: retry: {address}: --confirm 3, but 2 readers are uncertain\n"
            f"  Look again, then: digest retry {address} --uncertain --confirm 2\n"
        ),
    )
    assert (
        site.well("retry", address, "--uncertain", "--confirm", "2", "--json").facts["accepted"]
        == 3
    )


def test_retry_means_the_last_edition_that_was_sent(site: SiteFolder) -> None:
    _make_uncertain(site, 1)
    site.write_feed(["Ferry aground", "Bakery saved", "Library opens"])
    site.well("collect")
    site.well("prepare", "daily", "--extra")
    assert site.well("retry", "daily", "--uncertain", "--json").facts["accepted"] == 3


def test_what_is_stopped_is_made_due_for_when_it_goes_on(site: SiteFolder) -> None:
    _make_uncertain(site, 1)
    with _database(site) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE edition SET state = 'stopped'")
    facts = site.well("retry", "daily", "--uncertain", "--json").facts
    assert facts["note"] == f"1 copy is due when it goes on: digest resume {facts['edition']}"
    assert (facts["state"], facts["deferred"]) == ("stopped", 1)
