"""The commands about many readers at once: export, stats, tag; and who a newsletter goes to."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.people.store import audit
from tests.integration.cli_site import SiteFolder, make_site

COLUMNS = [
    *("address", "newsletter", "state", "requested_at", "confirmed_at", "ended_at"),
    *("paused_until", "topics", "language", "zone", "hour", "format", "tags"),
]


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site with three readers, one of whom has left one newsletter."""
    site = make_site(tmp_path)
    add = ("subscribers", "add")
    site.well(*add, "ann@reader.example", "--language", "de", "--zone", "Europe/Vienna")
    site.well(*add, "=1+1@reader.example", "--format", "text", "--tag", "b", "--tag", "a")
    site.well(*add, "info@office.example", "-n", "daily")
    site.well("subscribers", "unsubscribe", "ann@reader.example", "-n", "daily")
    return site


def _rows(site: SiteFolder, query: str) -> list[tuple[Any, ...]]:
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    with database.read() as connection:
        rows = [tuple(row) for row in connection.execute(sa.text(query))]
    database.close()
    return rows


def _run(site: SiteFolder, statement: str) -> None:
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    with database.write() as connection:
        connection.execute(sa.text(statement))
    database.close()


def _audit(site: SiteFolder) -> list[tuple[str, str, str, dict[str, Any]]]:
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    with database.read() as connection:
        rows = connection.execute(
            sa.select(audit.c.actor, audit.c.verb, audit.c.subject, audit.c.detail)
        ).all()
    database.close()
    return [(row.actor, row.verb, row.subject, row.detail) for row in rows]


def test_an_export_has_a_line_for_each_reader_and_newsletter(site: SiteFolder) -> None:
    _run(site, "UPDATE subscriber SET hour = 450 WHERE id = 1")
    text = site.well("subscribers", "export").out
    lines = list(csv.DictReader(text.splitlines()))
    assert list(lines[0]) == COLUMNS
    told = [tuple(line[n] for n in ("address", "newsletter", "state", "tags")) for line in lines]
    assert told == [
        ("ann@reader.example", "daily", "unsubscribed", ""),
        ("ann@reader.example", "breaking", "confirmed", ""),
        ("'=1+1@reader.example", "daily", "confirmed", "a,b"),
        ("'=1+1@reader.example", "breaking", "confirmed", "a,b"),
        ("info@office.example", "daily", "confirmed", ""),
    ]
    first = lines[0]
    assert (first["language"], first["zone"], first["hour"]) == ("de", "Europe/Vienna", "07:30")
    assert first["confirmed_at"].endswith("Z")
    assert first["ended_at"].endswith("Z")
    assert (lines[1]["ended_at"], lines[2]["format"]) == ("", "text")
    everybody = {"segment": "", "count": 3, "lines": 5, "newsletters": ["daily", "breaking"]}
    assert _audit(site) == [("command", "export", "", everybody)]


def test_an_export_can_be_of_a_segment_and_a_newsletter(site: SiteFolder) -> None:
    words = ("--segment", "address:ann@reader.example or format:text", "-n", "daily")
    ran = site.well("subscribers", "export", *words, "--format", "ndjson")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [(line["address"], line["state"], line["tags"]) for line in lines] == [
        ("ann@reader.example", "unsubscribed", []),
        ("=1+1@reader.example", "confirmed", ["a", "b"]),
    ]
    assert list(lines[0]) == COLUMNS
    [(_, _, _, detail)] = _audit(site)
    assert detail["segment"] == "address:… or format:text"


def test_who_is_never_mailed_has_the_reason_for_their_state(site: SiteFolder) -> None:
    _run(
        site,
        "INSERT INTO suppression (address_hmac, scope, reason, norm_version, at)"
        " SELECT address_hmac, CASE id WHEN 1 THEN 'all' WHEN 2 THEN 'daily' ELSE 'all' END,"
        " CASE id WHEN 3 THEN 'erased' ELSE 'complained' END, 1, created_at FROM subscriber",
    )
    ran = site.well("subscribers", "export", "--format", "ndjson")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["state"] for line in lines] == [
        *("complained", "complained", "complained", "confirmed", "confirmed"),
    ]


def test_topics_and_pauses_go_along(site: SiteFolder) -> None:
    site.edit(
        "[newsletters.daily]", '[sections]\nsport = { title = "Sport" }\n\n[newsletters.daily]'
    )
    site.edit('template = "daily"', 'template = "daily"\nsections = ["sport"]')
    site.well("subscribers", "list")
    _run(site, "UPDATE subscription SET topic_mask = 1 WHERE newsletter_id = 1")
    _run(
        site,
        "UPDATE subscription SET state = 'paused', paused_until = '2999-01-01 00:00:00.000000'"
        " WHERE subscriber_id = 3",
    )
    ran = site.well("subscribers", "export", "--segment", "topic:sport", "--format", "ndjson")
    facts = [json.loads(line) for line in ran.out.splitlines()]
    told = [(f["newsletter"], f["topics"], f["state"], f["paused_until"]) for f in facts]
    assert told == [
        ("daily", ["sport"], "confirmed", None),
        ("breaking", [], "confirmed", None),
        ("daily", ["sport"], "paused", "2999-01-01T00:00:00Z"),
    ]


def test_a_file_is_ours_alone_whole_and_never_overwritten_unasked(site: SiteFolder) -> None:
    words = ("subscribers", "export", "--output", "readers.csv")
    ran = site.well(*words, "--json")
    assert ran.facts == {"file": "readers.csv", "readers": 3, "lines": 5}
    path = site.folder / "readers.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert before.startswith(b'"address","newsletter"')
    ran = site.digest(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: export: readers.csv: is there already\n  Overwrite it with --force.\n"
    )
    assert path.read_bytes() == before
    ran = site.well(*words, "--segment", "language:de", "--force")
    assert ran.out == "  ok    readers.csv: 1 reader, 2 lines\n"
    assert path.read_bytes() != before
    assert [each.name for each in site.folder.glob("*readers*")] == ["readers.csv"]


def test_json_about_an_export_needs_a_file(site: SiteFolder) -> None:
    ran = site.digest("subscribers", "export", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "Name a file with --output" in ran.err


def test_figures_are_told_by_newsletter_and_language(site: SiteFolder) -> None:
    facts = site.well("subscribers", "stats", "--json").facts
    none = {"paused": 0, "unconfirmed": 0}
    assert facts == {
        "segment": "",
        "readers": 3,
        "role_addresses": 1,
        "newsletters": [
            {
                "newsletter": "daily",
                "confirmed": 2,
                "unsubscribed": 1,
                "joined_30_days": 3,
                "left_30_days": 1,
                **none,
            },
            {
                "newsletter": "breaking",
                "confirmed": 2,
                "unsubscribed": 0,
                "joined_30_days": 2,
                "left_30_days": 0,
                **none,
            },
        ],
        "languages": {"": 2, "de": 1},
    }
    told = site.well("subscribers", "stats", "--segment", "format:text").steady
    assert told == (
        "  Segment  format:text\n"
        "  Readers  1\n"
        "  Offices  0 addresses such as info@ or office@\n\n"
        "  NEWSLETTER  CONFIRMED  PAUSED  UNCONFIRMED  LEFT  JOINED 30 D  LEFT 30 D\n"
        "  daily  1  0  0  0  1  0\n"
        "  breaking  1  0  0  0  1  0\n\n"
        "  LANGUAGE  READERS\n"
        "  not told  1\n"
    )


def test_an_export_that_cannot_be_written_names_the_file_that_was_asked_for(
    site: SiteFolder,
) -> None:
    ran = site.digest("subscribers", "export", "--output", "nowhere/readers.csv")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("digest: nowhere/readers.csv: no such file or directory\n")


def test_one_address_of_an_office_is_told_as_one(site: SiteFolder) -> None:
    told = site.well("subscribers", "stats").steady
    assert told.startswith("  Readers  3\n  Offices  1 address such as info@ or office@\n")


def test_readers_are_tagged_by_address_or_segment(site: SiteFolder) -> None:
    tag = ("subscribers", "tag", "Gift 2026")
    assert site.well(*tag, "ann@reader.example", "ANN@reader.example").out == (
        "  ok    1 reader got the tag 'gift 2026'\n"
    )
    assert site.well(*tag, "--segment", "newsletter:daily or language:de").out == (
        "  ok    2 readers got the tag 'gift 2026'; 1 had it before\n"
    )
    assert len(_rows(site, "SELECT * FROM subscriber_tag WHERE tag = 'gift 2026'")) == 3
    ran = site.well(*tag, "--remove", "--segment", 'tag:"gift 2026" and language:de', "--json")
    assert ran.facts == {"tag": "gift 2026", "removed": True, "changed": 1, "readers": 1}
    assert site.well(*tag, "--remove", "ann@reader.example").out == (
        "  ok    0 readers lost the tag 'gift 2026'; 1 had it not\n"
    )
    assert [(verb, detail["count"]) for _, verb, _, detail in _audit(site)] == [
        ("tag", 2),
        ("untag", 1),
    ]
    changes = _rows(site, "SELECT what FROM audience_change WHERE newsletter_id IS NULL")
    assert changes[-4:] == [("changed",)] * 4


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["member"], 2, "digest: tag: give addresses or --segment\n"),
        (
            ["member", "a@b.example", "--segment", "tag:b"],
            2,
            "digest: tag: give addresses or --segment, not",
        ),
        (["a,b", "ann@reader.example"], 2, "digest: tag: 'a,b': a comma,"),
        (["member", "nobody@b.example"], 1, "digest: subscribers: nobody@b.example: is not on"),
        (["member", "--segment", "tag:nobody"], 2, "digest: segment: 'nobody': no such tag"),
    ],
)
def test_what_cannot_be_tagged_is_told(
    words: list[str], code: int, sentence: str, site: SiteFolder
) -> None:
    ran = site.digest("subscribers", "tag", *words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(sentence)


def test_an_audience_is_who_gets_it_and_who_is_counted(site: SiteFolder) -> None:
    site.edit('template = "daily"', 'template = "daily"\naudience = "format:text and not tag:x"')
    lines = site.well("status", "--json").facts["newsletters"]
    assert [(line["slug"], line["readers"]) for line in lines] == [("daily", 1), ("breaking", 2)]
    edition = site.prepared()
    site.well("approve", edition)
    ran = site.digest("send", edition, "--confirm", "2")
    assert "but there is 1 reader" in ran.err
    assert site.well("send", edition, "--confirm", "1", "--json").facts["accepted"] == 1


def test_an_audience_that_cannot_be_read_stops_everything_with_its_place(site: SiteFolder) -> None:
    site.edit('template = "daily"', 'template = "daily"\naudience = "topic:sporrt"')
    ran = site.digest("status")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[:4] == [
        "digest: settings: who is to be mailed:",
        "  newsletters.daily.audience: 'sporrt': no such topic",
        "    topic:sporrt",
        "          ^",
    ]
    ran = site.digest("config", "check")
    assert ran.code == 2
    assert ran.err.startswith("digest: digest.toml has 1 problem:\n  line ")
    assert (
        "newsletters.daily.audience: 'sporrt': no such topic\n    topic:sporrt\n          ^\n"
        in ran.err
    )
    (problem,) = site.digest("config", "check", "--json").facts["problems"]
    assert problem.endswith(": 'sporrt': no such topic\n  topic:sporrt\n        ^")
