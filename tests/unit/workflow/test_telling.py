from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.outbox.model import NewNotice, NoticeKind
from digest.sources.health import TURNED_OVER, health_of
from digest.sources.model import SourceKind, SourceSpec, SourceState
from digest.workflow.telling import editors_notices, operators_notices, source_notices

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
SITE = SourceState(
    id=1,
    name="wire",
    kind=SourceKind.FEED,
    address="https://post.example/feed",
    etag=None,
    last_modified=None,
    first_ok_at=NOW,
    last_ok_at=NOW,
    last_tried_at=NOW,
    failures=0,
    error=None,
)
SPEC = SourceSpec("wire", SourceKind.FEED, SITE.address)
FAILING = replace(SITE, failures=3, failing_since=NOW, error="fetch: it is away.")


def test_each_editor_is_told_of_an_event_once() -> None:
    notices = editors_notices(
        ["a@x.example", "b@x.example"],
        event="draft",
        edition="daily/2026-01-09",
        headline="Ferry returns",
        now=NOW,
        rows=[("lead", "Ferry returns")],
    )
    assert [notice.dedupe_key for notice in notices] == [
        "editors:daily/2026-01-09:draft:a@x.example",
        "editors:daily/2026-01-09:draft:b@x.example",
    ]
    assert notices[0] == NewNotice(
        dedupe_key="editors:daily/2026-01-09:draft:a@x.example",
        kind=NoticeKind.EDITORS,
        to_address="a@x.example",
        facts={
            "event": "draft",
            "edition": "daily/2026-01-09",
            "headline": "Ferry returns",
            "reason": "",
            "rows": [["lead", "Ferry returns"]],
        },
        next_at=NOW,
    )


def test_a_failure_is_told_once_a_day() -> None:
    def key(now: datetime) -> str:
        (notice,) = operators_notices(
            ["o@x.example"], key="crash:web", what="w", detail="d", remedy="r", now=now
        )
        return notice.dedupe_key

    assert key(NOW) == key(NOW.replace(hour=23))
    assert key(NOW) != key(NOW.replace(day=10))


def test_a_long_subject_still_tells_everybody() -> None:
    notices = operators_notices(
        ["a@x.example", "b@x.example"], key="k" * 300, what="w", detail="d", remedy="r", now=NOW
    )
    assert len({notice.dedupe_key for notice in notices}) == 2


def _told(state: SourceState, now: datetime = NOW) -> list[NewNotice]:
    state = replace(state, last_tried_at=now)
    health = health_of(SPEC, state, now=now)
    return source_notices(["o@x.example"], state=state, health=health, now=now)


def test_the_operators_are_told_what_is_wrong_with_a_source_and_why() -> None:
    assert _told(FAILING) == [
        NewNotice(
            dedupe_key="operators:source:wire:failing:2026-01-09T06:30:00:o@x.example",
            kind=NoticeKind.OPERATORS,
            to_address="o@x.example",
            facts={
                "what": "the source wire keeps failing",
                "detail": (
                    "It failed 3 times in a row; it was last read 0 seconds ago. fetch: it is away."
                ),
                "remedy": (
                    "It is asked again by itself; try it now with: digest sources check wire"
                ),
            },
            next_at=NOW,
            a_day=20,
            instead=NewNotice(
                dedupe_key="operators:2026-01-09:and-more:o@x.example",
                kind=NoticeKind.OPERATORS,
                to_address="o@x.example",
                facts={
                    "what": "more is wrong than is mailed in a day",
                    "detail": ("You had 20 mails today (UTC): alarms.daily_limit lets no more go."),
                    "remedy": "All that is wrong now: digest status",
                },
                next_at=NOW,
            ),
        )
    ]


@pytest.mark.parametrize(
    ("state", "what"),
    [
        (replace(FAILING, failing_since=NOW - timedelta(days=3)), "is dead"),
        (replace(FAILING, failures=1, status=410), "is dead"),
        (replace(SITE, moved_to="https://new.example/feed"), "has moved"),
        (replace(SITE, warning=TURNED_OVER), "loses stories"),
    ],
)
def test_each_trouble_of_a_source_has_words_of_its_own(state: SourceState, what: str) -> None:
    (notice,) = _told(state)
    assert notice.facts["what"] == f"the source wire {what}"
    assert notice.facts["detail"]
    assert notice.facts["remedy"]


def test_a_source_nobody_asks_is_told_too() -> None:
    health = health_of(SPEC, SITE, now=NOW + timedelta(hours=1))
    (notice,) = source_notices(["o@x.example"], state=SITE, health=health, now=NOW)
    assert notice.facts["what"] == "the source wire is not asked any more"


@pytest.mark.parametrize("state", [SITE, replace(FAILING, failures=2)])
def test_a_source_that_is_well_or_failed_twice_is_not_told(state: SourceState) -> None:
    assert _told(state) == []


def test_a_row_of_failures_is_told_once_and_once_more_when_the_source_is_dead() -> None:
    def key(state: SourceState, now: datetime) -> str:
        (notice,) = _told(state, now)
        return notice.dedupe_key

    first, later = NOW, NOW + timedelta(days=1)
    assert key(FAILING, first) == key(replace(FAILING, failures=9), later)
    assert key(FAILING, first) != key(replace(FAILING, failing_since=later), later)
    dead = [key(FAILING, NOW + timedelta(days=days)) for days in (3, 4)]
    assert dead[0] == dead[1] != key(FAILING, first)


def test_a_move_is_told_once_for_each_place_and_lost_stories_once_a_day() -> None:
    def key(state: SourceState, days: int) -> str:
        (notice,) = _told(state, NOW + timedelta(days=days))
        return notice.dedupe_key

    moved = replace(SITE, moved_to="https://new.example/feed")
    assert key(moved, 0) == key(moved, 1)
    assert key(moved, 0) != key(replace(SITE, moved_to="https://newer.example/feed"), 0)
    lossy = replace(SITE, warning=TURNED_OVER)
    assert key(lossy, 0) != key(lossy, 1)
