"""The command that brings readers in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.db import Database
from digest.people.store import audit
from subscribers.exported import HEAD, Letter, csv_line, json_line, lines_of
from subscribers.model import Subscriber, Subscription, SubscriptionState
from subscribers.transfer.layout import Given
from subscribers.transfer.tables import items, read_tables
from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.import_child import NOW

DAILY = ("-n", "daily", "--as", "confirmed")
CONSENT = ("--consent", "form until 2025", "--apply")
TEXT = 'E-Mail;Name;Interests\r\nann@reader.example;"Smith; Ann";Old\r\nbad;=1+1;\r\ninfo@gmial.com;M\xfcller;\r\n'  # noqa: E501 - a file in one piece


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site with a file of readers."""
    site = make_site(tmp_path)
    (tmp_path / "readers.csv").write_bytes(TEXT.encode("latin-1"))
    return site


def bring(site: SiteFolder, *words: str) -> SiteFolder:
    site.well("subscribers", "import", "readers.csv", *words)
    return site


def test_a_look_tells_what_would_happen_and_the_command_that_does_it(site: SiteFolder) -> None:
    assert site.well("subscribers", "import", "readers.csv", *DAILY).out == (
        "readers.csv: A table, in Latin-1 (Windows-1252).\n"
        "  Nothing in it says the encoding. If names look wrong: --encoding\n"
        "  Not taken over: Name.\n"
        "\n"
        "3 records read; nothing is written yet.\n"
        "  2  added\n"
        "  1  refused\n"
        "Refused, because:\n"
        "  1  no address that mail can be sent to\n"
        "Lists and groups that are mapped to nothing, kept as tags (see --map):\n"
        "  1  Old\n"
        "Worth a look: 1 role address, 0 likely slips.\n"
        "  info@gmial.com: a role address: many people read it, or nobody\n"
        "Line by line: readers.csv.check.csv\n"
        "To bring them in:\n"
        "  digest subscribers import readers.csv -n daily --as confirmed"
        " --consent 'WHERE THEY AGREED' --apply\n"
    )
    assert site.well("subscribers", "list", "--json").facts == []


def test_applying_brings_them_in_and_is_audited(site: SiteFolder) -> None:
    bring(site, *DAILY, *CONSENT, "--map", "Old=-", "--tag", "Import 2026")
    found = site.well("subscribers", "show", "ann@reader.example").out
    assert "import 2026" in found
    assert "brought in by the publisher" in found
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    with database.read() as connection:
        rows = connection.execute(
            sa.select(audit.c.actor, audit.c.subject, audit.c.detail).where(
                audit.c.verb == "import"
            )
        ).all()
    database.close()
    assert [tuple(row) for row in rows] == [
        (
            "command",
            "run:1",
            {"file": "readers.csv", "records": 3, "added": 2, "refused": 1},
        )
    ]
    ran = site.digest(
        "subscribers",
        "import",
        "readers.csv",
        *DAILY,
        *CONSENT,
        "--map",
        "Old=-",
        "--tag",
        "Import 2026",
    )
    assert ran.code == 1
    assert ran.err.endswith("as import 1\n  To do it again: --again\n")


def test_an_import_is_told_by_the_name_that_the_log_of_consent_has_for_it(
    site: SiteFolder,
) -> None:
    done = site.well("subscribers", "import", "readers.csv", *DAILY, *CONSENT)
    assert "\n3 records read. In the log of consent this is import 1.\n" in done.out
    facts = site.well("subscribers", "show", "ann@reader.example", "--json").facts
    assert [line["source"] for line in facts["consent"]][-1].endswith("(import 1)")


def test_json_is_all_there_is_on_the_output(site: SiteFolder) -> None:
    path = site.folder / "out.ndjson"
    words = ("readers.csv", *DAILY, *CONSENT, "--report", str(path), "--json")
    facts = site.well("subscribers", "import", *words).facts
    assert (facts["applied"], facts["run"], facts["added"], facts["refused"]) == (True, 1, 2, 1)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [(each["line"], each["address"], each["result"]) for each in lines] == [
        (2, "ann@reader.example", "added"),
        (3, "bad", "refused"),
        (4, "info@gmial.com", "added"),
    ]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["nothing.csv"], 2, "invalid value for 'FILE…': Path 'nothing.csv' does not exist"),
        (["readers.csv"], 2, "subscribers import: to which newsletter?"),
        (
            ["readers.csv", "-n", "daily"],
            2,
            "readers.csv: does not say whether its readers agreed",
        ),
        (
            ["readers.csv", *DAILY, "--apply"],
            2,
            "subscribers import: nobody says where these readers agreed",
        ),
        (
            ["readers.csv", *DAILY, "--column", "address"],
            2,
            "--column: 'address': ours and theirs are not told apart",
        ),
        (
            ["readers.csv", *DAILY, "--encoding", "klingon"],
            2,
            "--encoding: 'klingon': no such encoding",
        ),
        (
            ["readers.csv", *DAILY, "--tag", "a,b"],
            2,
            "tag: 'a,b': a comma, a semicolon, a bar or an unseen character is in it",
        ),
        (
            ["readers.csv", *DAILY, "--report", "readers.csv"],
            2,
            "readers.csv: another file stands where the report would",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line_and_a_hint(
    words: list[str], code: int, sentence: str, site: SiteFolder
) -> None:
    ran = site.digest("subscribers", "import", *words)
    assert ran.code == code
    first, hint = ran.err.splitlines()
    assert first == f"digest: {sentence}"
    assert hint.startswith("  ")


def test_a_site_with_one_newsletter_needs_no_name_and_one_with_none_is_told(
    site: SiteFolder,
) -> None:
    text = (site.folder / "digest.toml").read_text("utf-8")
    site.edit(text[text.index("[newsletters.breaking]") :], "")
    bring(site, "--as", "unconfirmed", "--encoding", "cp1252", "--columns", "mail,name,groups")
    text = (site.folder / "digest.toml").read_text("utf-8")
    site.edit(text[text.index("[newsletters.daily]") :], "")
    ran = site.digest("subscribers", "import", "readers.csv")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "digest: subscribers: there is no newsletter")


TAGS = st.lists(
    st.sampled_from(["=cmd", "'=1", "-", "+x", "@y", "gift 2026", '"q"', "ü"]), unique=True
)
LOCALS = st.sampled_from(["+ann", "-ann", "=ann", "'+ann", "'=ann", "ann", "o'hara", "a+b"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    local=LOCALS, tags=TAGS, hour=st.none() | st.integers(0, 1439), mask=st.sampled_from([0, 1, 2])
)
def test_what_was_exported_comes_back_as_it_was(
    local: str, tags: list[str], hour: int | None, mask: int, tmp_path: Path
) -> None:
    address = f"{local}@reader.example"
    manner = {"language": "de", "text_only": True, "zone": "Europe/London", "hour": hour}
    reader = Subscriber(1, "r", address, **manner)  # type: ignore[arg-type]
    standing = Subscription(1, 1, SubscriptionState.CONFIRMED, mask, NOW, NOW)
    letters = {1: Letter("daily", {"town": 0, "sport": 1})}
    lines = list(lines_of(reader, tuple(tags), (standing,), letters=letters, never={}, now=NOW))
    texts = {
        "a.csv": HEAD + "".join(map(csv_line, lines)),
        "a.ndjson": "".join(map(json_line, lines)),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8", newline="")
        tables = read_tables([tmp_path / name], Given())
        (item,) = items(tables, now=NOW)
        entry = item.entry
        assert entry is not None, item
        assert entry.address.mailed == reader.address
        assert entry.tags == tuple(tags)
        assert entry.topics == ((), ("town",), ("sport",))[mask]
        assert (entry.manner.language, entry.manner.text_only) == ("de", True)
        assert (entry.manner.hour, entry.manner.zone) == (hour, "Europe/London")
        assert (entry.asked_at, entry.confirmed_at) == (NOW, NOW)
        assert [(each.name, each.state) for each in entry.lists] == [("daily", "confirmed")]
