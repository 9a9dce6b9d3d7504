from __future__ import annotations

from datetime import UTC, datetime

from digest.outbox.model import NewNotice, NoticeKind
from digest.workflow.telling import editors_notices, operators_notices

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)


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
