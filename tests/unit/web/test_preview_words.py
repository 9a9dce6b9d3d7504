"""What the preview's page says, in words and figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.composition.model import Composition
from digest.editions.model import Edition, EditionState, Newsletter, Selection, Window
from digest.web import preview_words as words
from digest.workflow.preview import Copy, Preview
from tests.unit.editions.editions_builders import cadence, spec

SIX, SEVEN = datetime(2026, 1, 9, 6, 30, tzinfo=UTC), datetime(2026, 1, 9, 7, tzinfo=UTC)
EDITION = Edition(
    id=1,
    newsletter_id=1,
    slug="daily",
    local_date=SEVEN.date(),
    slot_name="main",
    number=1204,
    state=EditionState.IN_REVIEW,
    window=Window(SIX - timedelta(days=1), SIX),
    send_at=SEVEN,
    prepared_at=SIX,
)
COPY = Copy(
    Composition(1, "en", 1, "Subject", "Preheader", "<p>", "text", "Zq00000000x", "c" * 64),
    "<p>",
    "text",
    b"From: x\r\n\r\ntext",
)


def a_preview(**more: object) -> Preview:
    given = {
        "newsletter": Newsletter(1, spec(), epoch_at=SIX),
        "edition": EDITION,
        "selection": Selection(),
        "copies": (COPY,),
        "made_at": SIX,
        "readers": 4812,
        "exists": True,
        "stored": True,
        **more,
    }
    return Preview(**given)  # type: ignore[arg-type]


def test_a_moment_is_told_where_it_is_and_in_utc() -> None:
    assert words.both_times(SEVEN, "Europe/London") == "Fri 9 Jan 07:00 in London, 07:00 UTC"
    assert words.both_times(SEVEN, "America/Port_of_Spain") == (
        "Fri 9 Jan 03:00 in Port of Spain, 07:00 UTC"
    )
    assert words.both_times(SEVEN, "Pacific/Auckland") == ("Fri 9 Jan 20:00 in Auckland, 07:00 UTC")
    late = SEVEN + timedelta(hours=8)
    assert words.both_times(late, "Pacific/Auckland") == (
        "Sat 10 Jan 04:00 in Auckland, Fri 9 Jan 15:00 UTC"
    )
    assert words.both_times(SEVEN, "UTC") == "Fri 9 Jan 07:00 UTC"


def test_it_says_which_bytes_these_are() -> None:
    zone = "Europe/London"
    assert words.how_made(a_preview(approved=True), zone) == (
        "These are the bytes that were approved."
    )
    assert words.how_made(a_preview(), zone).startswith("These are the bytes that are kept")
    assert words.how_made(a_preview(stored=False), zone) == (
        "Composed for this look, Fri 9 Jan 06:30 in London, 06:30 UTC: not kept yet."
    )
    assert words.how_made(a_preview(stored=False, exists=False), zone) == (
        "As digest prepare would make it, Fri 9 Jan 06:30 in London, 06:30 UTC. Nothing is kept."
    )


def test_it_says_when_it_goes_and_to_how_many() -> None:
    zone = "Europe/London"
    assert words.sends(a_preview(), zone) == (
        "It goes Fri 9 Jan 07:00 in London, 07:00 UTC, to 4812 readers."
    )
    assert words.sends(a_preview(made_at=SEVEN, readers=1), zone) == (
        "It goes as soon as it is approved, to 1 reader."
    )
    sent = replace(EDITION, state=EditionState.SENT)
    assert words.sends(a_preview(edition=sent), zone) == ""


def test_an_edition_that_nobody_made_is_to_come() -> None:
    assert words.state(a_preview()) == "in review"
    assert words.state(a_preview(exists=False)) == "to come"
    assert words.title(a_preview()) == "The daily, Friday 9 January 2026"


def test_the_facts_name_the_reader_and_the_reason() -> None:
    held = replace(EDITION, state=EditionState.HELD, reason="Nobody approved it.")
    facts = dict(words.facts(a_preview(edition=held, reader="ann@reader.example"), COPY))
    assert facts["Why"] == "Nobody approved it."
    assert facts["This copy"] == "for ann@reader.example; its links change nothing"
    assert facts["Number"] == "1,204"
    facts = dict(words.facts(a_preview(topics=frozenset({"town", "sport"})), None))
    assert facts["This copy"] == "for a reader of sport, town; its links change nothing"
    assert {"Why", "Text"}.isdisjoint(facts)
    assert list(words.hashes(a_preview(), None)) == []


def test_the_next_five_runs_are_told_in_their_own_time_and_in_utc() -> None:
    runs = words.next_runs(a_preview(newsletter=Newsletter(1, spec(), epoch_at=SIX)))
    assert len(runs) == 5
    assert all(run.endswith(" UTC") and " in " in run for run in runs)
    by_hand = spec(when=cadence(days=frozenset()))
    assert words.next_runs(a_preview(newsletter=Newsletter(1, by_hand, epoch_at=SIX))) == []


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(hours=2, minutes=10), "2 h 10 min"),
        (timedelta(days=1, hours=1), "1 d 1 h"),
        (timedelta(minutes=30), "30 min"),
        (timedelta(0), ""),
        (-timedelta(days=1), ""),
    ],
)
def test_how_long_it_is_until_it_goes_is_told(before: timedelta, said: str) -> None:
    assert words.until(a_preview(made_at=SEVEN - before)) == said


def test_an_inbox_cuts_subject_and_preview_and_says_what_is_lost() -> None:
    subject, preheader = "S" * 65, "p" * 100
    cuts = {each.client.key: each for each in words.cuts(subject, preheader)}
    assert list(cuts) == ["gmail", "gmail-phone", "apple-mac", "apple", "outlook"]
    assert (cuts["gmail"].subject, cuts["gmail"].subject_lost) == (subject, "")
    assert cuts["gmail"].preview == "p" * 44 + "…", "one line has both"
    assert cuts["apple"].subject == "S" * 40 + "…"
    assert cuts["apple"].subject_lost == "S" * 25
    assert cuts["apple"].preview_lost == "p" * 11
    assert words.cut("ab", 0) == ("…", "ab")


@pytest.mark.parametrize(
    ("subject", "most", "shown"),
    [
        ("Ferry late", 10, "Ferry late"),
        ("Ferry late again", 10, "Ferry lat…"),
        ("Ferry late again", 7, "Ferry…"),
        ("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2, "👩‍👩‍👧…"),
        ("नमस्ते नमस्ते", 3, "नम…"),
    ],
)
def test_a_subject_is_cut_by_signs_as_readers_count_them(
    subject: str, most: int, shown: str
) -> None:
    assert words.cut(subject, most)[0] == shown
    assert words.count(shown) <= most


def test_the_size_is_measured_against_what_gmail_shows() -> None:
    assert words.size_of("x" * 51 * 1024) == words.Size(
        51, 50.0, ((75, 7500 / 102), (90, 9000 / 102), (100, 10000 / 102))
    )
    assert words.size_of("x" * 400 * 1024).per_cent == 100.0


def test_headers_are_shown_as_they_go_out() -> None:
    message = (
        b"From: =?utf-8?q?Caf=C3=A9?= <news@x.example>\r\nContent-Type: multipart/alternative;\r\n"
        b' boundary="=_a"\r\n\r\nBody: none\r\n'
    )
    assert words.fields(message) == [
        ("From", "=?utf-8?q?Caf=C3=A9?= <news@x.example>"),
        ("Content-Type", 'multipart/alternative;\n boundary="=_a"'),
    ]
    assert words.sender(message) == ("Café", "Café <news@x.example>")
    assert words.sender(b"From: news@x.example\r\n\r\n")[0] == "news@x.example"


def test_a_language_is_named_as_its_readers_do() -> None:
    names = {"es": "Español", "ar": "العربية", "en-GB": "English (United Kingdom)"}
    assert {tag: words.language_name(tag) for tag in names} == names
    assert words.language_name("no such") == "no such"
