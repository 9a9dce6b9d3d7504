"""Pure. The notices that an edition's steps put into the outbox, in the transaction of the step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from digest.outbox.model import NewNotice, NoticeKind
from digest.sources.health import Health, HealthWord
from digest.sources.model import SourceState

FAILURES_TOLD = 3
"""A site that is away for two polls is everyday life; from the third on somebody must know."""
_TOLD_OF = {
    HealthWord.OVERDUE: "is not asked any more",
    HealthWord.DEAD: "is dead",
    HealthWord.FAILING: "keeps failing",
    HealthWord.TURNED_OVER: "loses stories",
    HealthWord.MOVED: "has moved",
}


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
    daily: bool = True,
) -> list[NewNotice]:
    """Tell each operator of one failure; the same `key` is told once a day (UTC), or only once."""
    told = f"{now:%Y-%m-%d}:{key}" if daily else key
    return [
        NewNotice(
            dedupe_key=f"operators:{told}:{address}",
            kind=NoticeKind.OPERATORS,
            to_address=address,
            facts={"what": what, "detail": detail, "remedy": remedy},
            next_at=now,
        )
        for address in operators
    ]


def source_notices(
    operators: Iterable[str], *, state: SourceState, health: Health, now: datetime
) -> list[NewNotice]:
    """Tell the operators of a source that keeps failing, is dead, has moved, or loses stories.

    A row of failures is told once, and once more when it makes the source dead; a move is told
    once; what a poll may lose again is told once a day.
    """
    is_early = health.word is HealthWord.FAILING and state.failures < FAILURES_TOLD
    if not health.is_trouble or is_early:
        return []
    spell = _spell(state, health.word)
    return operators_notices(
        operators,
        key=":".join(filter(None, ("source", state.name, str(health.word), spell))),
        what=f"the source {state.name} {_TOLD_OF[health.word]}",
        detail=f"{health.sentence[:1].upper()}{health.sentence[1:]}. {state.error or ''}".rstrip(),
        remedy=health.remedy,
        now=now,
        daily=not spell,
    )


def _spell(state: SourceState, word: HealthWord) -> str:
    """Name the spell of trouble that this is; nothing for trouble of a day."""
    if word in {HealthWord.DEAD, HealthWord.FAILING} and state.failing_since:
        return f"{state.failing_since:%Y-%m-%dT%H:%M:%S}"
    if word is HealthWord.MOVED:
        return hashlib.sha256((state.moved_to or "").encode()).hexdigest()[:16]
    return ""
