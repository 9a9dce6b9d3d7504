"""What the desk says of a source."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from digest.sources.health import HealthWord
from digest.sources.model import Origin, SourceKind, SourceSpec, SourceState
from digest.web.desk.sources_words import Shown, health_summary, shown_of
from tests.unit.editions.editions_builders import utc

NOW = utc("2026-01-09 07:05")
SITE = SourceSpec("site", SourceKind.FEED, "https://post.example/feed")
WELL = SourceState(
    id=1,
    name="site",
    kind=SourceKind.FEED,
    address="https://post.example/feed",
    etag=None,
    last_modified=None,
    first_ok_at=NOW - timedelta(days=9),
    last_ok_at=NOW - timedelta(minutes=4),
    last_tried_at=NOW - timedelta(minutes=4),
    failures=0,
    error=None,
    next_poll_at=NOW + timedelta(minutes=6),
)
FAILING = replace(
    WELL,
    failures=3,
    error="feed: https://post.example/feed: no route",
    failing_since=NOW - timedelta(minutes=30),
)


def shown(state: SourceState = WELL, spec: SourceSpec = SITE, **more: object) -> Shown:
    given = {"now": NOW, "file": "digest.toml", "line": 33, **more}
    return shown_of(spec, state, **given)  # type: ignore[arg-type]


def test_a_source_of_the_file_names_its_line_and_cannot_be_removed_here() -> None:
    one = shown()
    assert (one.word, one.mark, one.says) == ("Well", "sent", "It was last read 4 minutes ago.")
    assert (one.where, one.is_ours, one.may_be_asked) == ("digest.toml, line 33", False, True)
    assert shown(line=None).where == "digest.toml"


def test_a_source_that_fails_says_what_the_page_has_no_button_for() -> None:
    one = shown(FAILING)
    assert (one.word, one.mark) == ("Failing", "trouble")
    assert one.says == "It failed 3 times in a row; it was last read 4 minutes ago."
    assert one.remedy == "It is asked again by itself."
    assert one.error == "feed: https://post.example/feed: no route"


def test_one_that_was_added_here_is_told_without_its_command() -> None:
    ours = replace(SITE, origin=Origin.DESK)
    gone = replace(FAILING, failing_since=NOW - timedelta(days=9))
    one = shown(gone, ours, line=None)
    assert (one.word, one.where, one.is_ours) == ("Dead", "Added here", True)
    assert one.remedy == "Correct its address, or remove it."


def test_one_that_rests_is_neither_well_nor_in_trouble() -> None:
    one = shown(FAILING, replace(SITE, origin=Origin.DESK), paused_at=NOW)
    assert (one.word, one.mark, one.says, one.remedy) == ("Rests", "skipped", "", "")
    assert (one.may_be_asked, one.next_at) == (False, None)


def test_what_is_pushed_is_not_asked() -> None:
    pushed = replace(SITE, name="by-hand", kind=SourceKind.PUSHED, origin=Origin.DESK)
    one = shown(spec=pushed)
    assert (one.where, one.is_ours, one.may_be_asked) == ("Stories brought by hand", False, False)


def test_the_summary_counts_the_well_and_names_the_others() -> None:
    other = replace(SITE, name="other")
    found = health_summary(
        [SITE, other, replace(SITE, name="not there yet")],
        [WELL, replace(FAILING, name="other")],
        now=NOW,
    )
    assert (found.count, found.well) == (2, 1)
    assert [(name, health.word) for name, health in found.troubled] == [
        ("other", HealthWord.FAILING)
    ]
