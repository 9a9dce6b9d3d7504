"""Pure. The notices that an edition's steps put into the outbox, in the transaction of the step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from digest.outbox.model import NewNotice, NoticeKind


def editors_notices(
    editors: Iterable[str],
    *,
    event: str,
    edition: str,
    headline: str,
    now: datetime,
    reason: str = "",
    rows: Sequence[tuple[str, str]] = (),
) -> list[NewNotice]:
    """Tell each editor of one event of one edition, once."""
    return [
        NewNotice(
            dedupe_key=f"editors:{edition}:{event}:{address}",
            kind=NoticeKind.EDITORS,
            to_address=address,
            facts={
                "event": event,
                "edition": edition,
                "headline": headline,
                "reason": reason,
                "rows": [list(row) for row in rows],
            },
            next_at=now,
        )
        for address in editors
    ]


def operators_notices(
    operators: Iterable[str],
    *,
    key: str,
    what: str,
    detail: str,
    remedy: str,
    now: datetime,
) -> list[NewNotice]:
    """Tell each operator of one failure; the same `key` is told once a day (UTC)."""
    return [
        NewNotice(
            dedupe_key=f"operators:{now:%Y-%m-%d}:{key}:{address}",
            kind=NoticeKind.OPERATORS,
            to_address=address,
            facts={"what": what, "detail": detail, "remedy": remedy},
            next_at=now,
        )
        for address in operators
    ]
