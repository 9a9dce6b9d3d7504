"""The commands about a reader's rights: show, suppress, erase."""

from __future__ import annotations

import io
import json
import re
import stat
import sys
from pathlib import Path

import pytest

from digest.cli import main
from digest.db import Database
from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.whole_database import columns_holding

ANN = "ann@reader.example"


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site with one reader."""
    made = make_site(tmp_path / "site")
    made.well("subscribers", "add", ANN)
    return made


class _Terminal(io.StringIO):
    """Somebody at a keyboard who types these lines."""

    def isatty(self) -> bool:
        return True


def _subscribed_by_form(site: SiteFolder) -> None:
    """Let the log hold what a form writes: an address of a network, words, and where it stood."""
    with _database(site) as database, database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO wording (sha256, text, first_at) VALUES ('x', 'We will send one e-mail"
            " to ask you to confirm. Until you do, you get nothing more from us.',"
            " '2026-01-09 07:00:00.000000')"
        )
        connection.exec_driver_sql(
            "UPDATE consent SET ip = '192.0.2.7', wording_id = 1,"
            " source = 'https://post.example' WHERE newsletter_id = 1"
        )


class _database:  # noqa: N801 - used as a function
    def __init__(self, site: SiteFolder) -> None:
        self._database = Database(f"sqlite:///{site.folder}/var/digest.db")

    def __enter__(self) -> Database:
        return self._database

    def __exit__(self, *_error: object) -> None:
        self._database.close()


def test_show_tells_the_words_that_were_seen_and_since_when(site: SiteFolder) -> None:
    _subscribed_by_form(site)
    shown = site.well("subscribers", "show", ANN)
    assert shown.steady == (
        "ann@reader.example\n"
        "  daily  confirmed\n"
        "  breaking  confirmed\n\n"
        "  WHEN  WHAT  NEWSLETTER  HOW  WORDS\n"
        "  DAY HH:MM  added by the publisher  daily  command  1\n"
        "  DAY HH:MM  added by the publisher  breaking  command\n\n"
        "  Words 1, in use since DAY HH:MM\n"
        "    We will send one e-mail to ask you to confirm. Until you do, you get nothing\n"
        "    more from us.\n"
    )
    facts = site.well("subscribers", "show", ANN, "--json").facts
    assert facts["consent"][0]["wording"] == facts["wordings"][0]["version"] == 1
    assert facts["consent"][0]["ip"] == "192.0.2.7"
    assert facts["wordings"][0]["text"].startswith("We will send one e-mail")


def _departed(site: SiteFolder) -> list[str]:
    return (site.folder / "var/unsubscribes.ndjson").read_text("utf-8").splitlines()


def test_show_tells_all_that_a_reader_chose(site: SiteFolder) -> None:
    site.edit(
        "[newsletters.daily]\n",
        '[sections]\nsea = { title = "Sea" }\ntown = { title = "Town" }\n\n'
        '[newsletters.daily]\nsections = ["sea", "town"]\n',
    )
    site.well("status")
    with _database(site) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE subscriber SET zone = 'Europe/Berlin', hour = 425")
        connection.exec_driver_sql(
            "UPDATE subscription SET topic_mask = 1 << (SELECT bit FROM topic WHERE key = 'sea'"
            " AND newsletter_id = 1) WHERE newsletter_id = 1"
        )
        connection.exec_driver_sql(
            "UPDATE subscription SET state = 'paused', paused_until = '2099-12-24 00:00:00.000000'"
            " WHERE newsletter_id = 2"
        )
    shown = site.well("subscribers", "show", ANN).steady
    assert shown.startswith(
        "ann@reader.example\n"
        "  Zone  Europe/Berlin\n"
        "  Hour  HH:MM\n"
        "  daily  confirmed  sea\n"
        "  breaking  paused  until DAY HH:MM\n\n"
    )
    facts = site.well("subscribers", "show", ANN, "--json").facts
    assert (facts["zone"], facts["hour"]) == ("Europe/Berlin", "07:05")
    assert facts["subscriptions"] == [
        {"newsletter": "daily", "state": "confirmed", "topics": ["sea"], "paused_until": None},
        {
            "newsletter": "breaking",
            "state": "paused",
            "topics": "everything",
            "paused_until": "2099-12-24T00:00:00+00:00",
        },
    ]


def test_the_whole_document_goes_into_a_file_for_its_owner_alone(site: SiteFolder) -> None:
    target = site.folder / "ann.json"
    ran = site.well("subscribers", "show", ANN, "--export", "ann.json")
    assert ran.out == "Written: ann.json\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    document = json.loads(target.read_text("utf-8"))
    assert document["reader"]["address"] == ANN
    again = site.digest("subscribers", "show", ANN, "--export", "ann.json")
    assert (again.code, again.err) == (
        2,
        "digest: export: ann.json: is there already\n  Name another file, or remove that one.\n",
    )
    assert json.loads(target.read_text("utf-8")) == document
    printed = site.well("subscribers", "show", ANN, "--export", "-").facts
    assert {**printed, "made_at": ""} == {**document, "made_at": ""}
    told = site.well("subscribers", "show", ANN, "--export", "b.json", "--json").facts
    assert told == {"address": ANN, "written": "b.json"}


def test_a_suppressed_address_is_never_mailed_and_its_data_stay(site: SiteFolder) -> None:
    ran = site.digest(
        "subscribers", "suppress", ANN, "new@reader.example", "bad", "--reason", "a phone call"
    )
    assert (ran.code, ran.err) == (1, "")
    assert ran.out == (
        "  ok    ann@reader.example is never mailed from now on, whoever asks; their data\n"
        "        stay (daily and breaking ended)\n"
        "  ok    new@reader.example is never mailed from now on, whoever asks; their data\n"
        "        stay\n"
        "  FAIL  e-mail address: 'bad': there is no @ in it\n"
        "        Write one address, as in name@example.org.\n"
    )
    refused = site.digest("subscribers", "add", ANN, "--again")
    assert "(by the publisher)" in refused.out.replace("\n        ", " ")
    shown = site.well("subscribers", "show", ANN).steady
    assert "  Never mailed  by the publisher, since DAY HH:MM\n" in shown
    document = site.well("subscribers", "show", ANN, "--export", "-").facts
    assert [(each["what"], each["detail"]) for each in document["audit"]] == [
        ("subscriber.suppress", {"scope": "all", "reason": "a phone call"})
    ]
    listed = site.well("subscribers", "suppress", "--list").out
    assert "ann@reader.example" in listed
    assert "(hash " in listed
    assert site.well("subscribers", "suppress", "--list", "--limit", "1").out.endswith(
        "1 of 2 lines; more with --limit\n"
    )
    rows = site.well("subscribers", "suppress", "--list", "--json").facts
    assert {(row["address"], row["newsletter"], row["reason"]) for row in rows} == {
        (ANN, "all", "by the publisher"),
        (None, "all", "by the publisher"),
    }
    unknown = site.digest("subscribers", "show", "new@reader.example")
    assert "It is on the never-mail list: by the publisher, since" in unknown.err


def test_one_newsletter_alone_can_be_forbidden(site: SiteFolder) -> None:
    ran = site.well("subscribers", "suppress", ANN, "-n", "daily", "--json")
    assert ran.facts == [
        {
            "address": ANN,
            "problem": "",
            "hint": "",
            "done": "is never mailed by daily from now on, whoever asks; their data stay"
            " (daily ended)",
            "ended": ["daily"],
        }
    ]
    site.well("subscribers", "suppress", ANN)
    shown = site.well("subscribers", "show", ANN).steady
    assert "daily: by the publisher, since DAY HH:MM; by the publisher, since DAY" in shown
    part = site.well("subscribers", "suppress", ANN, "-n", "daily", "--lift", "--reason", "asked")
    assert "Still on it: by the publisher" in part.out
    assert "nothing to lift" in (
        site.digest(
            "subscribers", "suppress", ANN, "-n", "daily", "--lift", "--reason", "asked"
        ).out
    )


def test_what_the_publisher_forbade_can_be_lifted_with_a_reason(site: SiteFolder) -> None:
    assert site.well("subscribers", "suppress", "--list").out == (
        "Nobody is on the never-mail list.\n"
    )
    site.well("subscribers", "suppress", ANN, "new@reader.example")
    without = site.digest("subscribers", "suppress", ANN, "--lift")
    assert (without.code, without.err.splitlines()[0]) == (
        2,
        "digest: suppress: --lift needs --reason",
    )
    words = ("--lift", "--reason", "they wrote")
    lifted = site.well("subscribers", "suppress", ANN, "new@reader.example", *words)
    assert lifted.out == (
        "  ok    ann@reader.example is off the never-mail list; nobody is subscribed by\n"
        "        that\n"
        "  ok    new@reader.example is off the never-mail list; nobody is subscribed by\n"
        "        that\n"
    )
    again = site.digest("subscribers", "suppress", ANN, *words)
    assert again.code == 1
    assert again.out.startswith(
        "  FAIL  never-mail list: ann@reader.example: nothing to lift: it is not on it\n"
    )
    facts = site.well("subscribers", "show", ANN, "--json").facts
    assert {each["state"] for each in facts["subscriptions"]} == {"unsubscribed"}
    assert facts["consent"][-1]["kind"] == "taken off the never-mail list"
    assert site.well("subscribers", "add", ANN, "--again").out.endswith("daily and breaking\n")
    lines = (site.folder / "var/unsubscribes.ndjson").read_text("utf-8").splitlines()
    kinds = [json.loads(line)["kind"] for line in lines if "kind" in json.loads(line)]
    assert kinds.count("taken off the never-mail list") == 2


def test_a_wish_of_the_reader_is_not_the_publishers_to_lift(site: SiteFolder) -> None:
    site.well("subscribers", "erase", ANN, "--yes", "--never-again")
    ran = site.digest("subscribers", "suppress", ANN, "--lift", "--reason", "please")
    assert ran.code == 1
    assert "another reason (asked never to be mailed, since" in ran.out.replace("\n        ", " ")


def test_erasing_leaves_a_hash_and_says_so(site: SiteFolder) -> None:
    number = site.well("subscribers", "show", ANN, "--json").facts["id"]
    ran = site.digest("subscribers", "erase", ANN, "new@reader.example", "--yes")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out == (
        "  ok    ann@reader.example is erased: only a keyed hash stays; they alone may\n"
        "        come back, by confirming\n"
        "  FAIL  subscribers: new@reader.example: is not on any list: there is nothing to\n"
        "        erase\n"
        "        Never to mail it all the same: add --never-again.\n"
    )
    with _database(site) as database:
        assert columns_holding(database, "ann@", "reader.example") == []
    gone = site.digest("subscribers", "show", ANN)
    assert gone.err.splitlines()[0] == f"digest: subscribers: {ANN}: is not on any list"
    assert "  It is on the never-mail list: erased, since" in gone.err
    departed = [json.loads(line) for line in _departed(site)[1:]]
    begins = re.search(r" \(hash ([0-9a-f]{12})\)\.$", gone.err.rstrip("\n"))
    assert begins is not None
    ids = {each["reader"] for each in departed if each["address_hmac"].startswith(begins[1])}
    assert len(ids) == 1, "the hash leads to the id, and the id to the log"
    assert "added by the publisher" in site.well("subscribers", "show", ids.pop()).out
    left = site.well("subscribers", "show", number).steady
    assert left.startswith(f"{number}, erased DAY HH:MM\n")
    assert "erased  all  command" in left
    document = site.well("subscribers", "show", number, "--export", "-").facts
    assert (document["reader"]["address"], document["notices"]) == (None, [])
    assert [each["what"] for each in document["audit"]] == ["subscriber.erase"]
    assert site.digest("subscribers", "show", "0" * 24).code == 1


def test_who_is_on_no_list_can_still_ask_never_to_be_mailed(site: SiteFolder) -> None:
    new = "new@reader.example"
    ran = site.well("subscribers", "erase", new, "--yes", "--never-again", "--json")
    assert [(each["erased"], each["done"]) for each in ran.facts] == [
        (False, "was not on any list; it is never mailed from now on")
    ]
    refused = site.digest("subscribers", "add", new)
    assert "(asked never to be mailed)" in refused.out.replace("\n        ", " ")


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (f"{ANN}\n", 0, "is erased"),
        ("bob@reader.example\n", 2, "that is another address: nobody was erased"),
        ("", 1, "stopped"),
    ],
)
def test_at_a_terminal_the_address_is_typed_once_more(
    typed: str,
    code: int,
    said: str,
    site: SiteFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(typed))
    ran = site.digest("subscribers", "erase", ANN)
    assert ran.code == code
    assert said in ran.out + ran.err
    assert site.digest("subscribers", "show", ANN).code == (1 if code == 0 else 0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["erase", ANN], "erase: there is no terminal to ask at"),
        (["suppress"], "suppress: give addresses or --list"),
        (["suppress", ANN, "--list"], "suppress: give addresses or --list, not both"),
        (["erase"], "missing argument 'ADDRESS...'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_used_wrongly_changes_nothing(
    words: list[str], sentence: str, site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    ran = site.digest("subscribers", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0] == f"digest: {sentence}"
    assert site.digest("subscribers", "show", ANN).code == 0


@pytest.mark.parametrize("command", ["unsubscribe", "suppress", "erase"])
def test_three_ways_of_ending_name_each_other(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["subscribers", command, "--help"])
    told = capsys.readouterr().out
    assert {word for word in ("unsubscribe", "suppress", "erase") if word in told} == {
        "unsubscribe",
        "suppress",
        "erase",
    }


@pytest.mark.parametrize(
    "address",
    ["a\r\nBcc: b@x.example", "a@x.example\u2028", "\0@x.example", "=?utf-8?q?a?=@x..example"],
)
def test_no_address_can_hold_a_line_of_its_own(address: str, site: SiteFolder) -> None:
    for words in (("suppress", address), ("erase", address, "--yes", "--never-again")):
        ran = site.digest("subscribers", *words)
        assert (ran.code, ran.err) == (1, "")
        assert ran.out.startswith("  FAIL  e-mail address:")
    assert site.well("subscribers", "suppress", "--list", "--json").facts == []
