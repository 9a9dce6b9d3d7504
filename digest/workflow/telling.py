"""Pure. The notices that an edition's steps put into the outbox, in the transaction of the step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from digest.outbox.model import NewNotice, NoticeKind
from digest.sources.health import Health, HealthWord
from digest.sources.model import SourceState

MAILS_A_DAY = 20
"""To one operator, whatever is wrong: who gets two hundred reads none."""
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
    told_as: str = "",
    url: str = "",
) -> list[NewNotice]:
    """Tell each editor of one event of one edition, once.

    `told_as` names one that can come again in its keys; `url` is where the edition is looked at.
    """
    return [
        NewNotice(
            dedupe_key=editors_key(edition, told_as or event, address),
            kind=NoticeKind.EDITORS,
            to_address=address,
            facts={
                "event": event,
                "edition": edition,
                "headline": headline,
                "reason": reason,
                "rows": [list(row) for row in rows],
                **({"url": url} if url else {}),
            },
            next_at=now,
        )
        for address in editors
    ]


def editors_key(edition: str, told_as: str, address: str) -> str:
    """Name the one notice to an editor of one event of an edition."""
    return f"editors:{edition}:{told_as}:{address}"


def operators_notices(
    operators: Iterable[str],
    *,
    key: str,
    what: str,
    detail: str,
    remedy: str,
    now: datetime,
    daily: bool = True,
    a_day: int = MAILS_A_DAY,
) -> list[NewNotice]:
    """Tell each operator of one failure; the same `key` is told once a day (UTC), or only once.

    After `a_day` mails of a day there comes one last, that there is more.
    """
    told = f"{now:%Y-%m-%d}:{key}" if daily else key
    return [
        NewNotice(
            dedupe_key=f"operators:{told}:{address}",
            kind=NoticeKind.OPERATORS,
            to_address=address,
            facts={"what": what, "detail": detail, "remedy": remedy},
            next_at=now,
            a_day=a_day,
            instead=_and_more(address, a_day, now),
        )
        for address in operators
    ]


def _and_more(address: str, a_day: int, now: datetime) -> NewNotice:
    return NewNotice(
        dedupe_key=f"operators:{now:%Y-%m-%d}:and-more:{address}",
        kind=NoticeKind.OPERATORS,
        to_address=address,
        facts={
            "what": "more is wrong than is mailed in a day",
            "detail": f"You had {a_day} mails today (UTC): alarms.daily_limit lets no more go.",
            "remedy": "All that is wrong now: digest status",
        },
        next_at=now,
    )


def source_notices(
    operators: Iterable[str],
    *,
    state: SourceState,
    health: Health,
    now: datetime,
    a_day: int = MAILS_A_DAY,
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
        a_day=a_day,
    )


def _spell(state: SourceState, word: HealthWord) -> str:
    """Name the spell of trouble that this is; nothing for trouble of a day."""
    if word in {HealthWord.DEAD, HealthWord.FAILING} and state.failing_since:
        return f"{state.failing_since:%Y-%m-%dT%H:%M:%S}"
    if word is HealthWord.MOVED:
        return hashlib.sha256((state.moved_to or "").encode()).hexdigest()[:16]
    return ""
