"""Door to the database: whether an edition made by hand may go now, by its letter's limits."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from digest.db import Connection
from digest.delivery.hours import closes_at, next_midnight
from digest.editions.model import Edition, Newsletter
from digest.editions.wording import count_of, moment_in_words
from digest.errors import WorkflowError
from digest.workflow import life_store


def objection(
    connection: Connection, newsletter: Newsletter, edition: Edition, *, now: datetime
) -> str:
    """Say why an edition made by hand must not go at `now`; "" when nothing is against it.

    One that comes by itself, a correction, and one that has begun already are not limited.
    """
    limits, cadence = newsletter.spec.limits, newsletter.spec.cadence
    if limits is None or edition.corrects is not None or edition.sending_at is not None:
        return ""
    every = cadence.by_hand_only
    if not (every or life_store.by_hand(connection, edition.id)):
        return ""
    goes_at, zone = max(now, edition.leaves_at), cadence.zone
    if limits.quiet is not None and (ends := closes_at(goes_at, limits.quiet, zone)) is not None:
        return f"these are quiet hours, until {moment_in_words(ends, zone)}"
    if limits.per_day is None:
        return ""
    day = goes_at.astimezone(ZoneInfo(zone)).date()
    gone = life_store.gone_by_hand(
        connection,
        newsletter.id,
        since=datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC),
        until=next_midnight(goes_at, zone),
        every=every,
        besides=edition.id,
    )
    if gone < limits.per_day:
        return ""
    went = count_of(gone, "letter made by hand goes", "letters made by hand go")
    return f"{went} on that day already, and limits.per_day is {limits.per_day}"


def refusal(verb: str, edition: Edition, why: str) -> WorkflowError:
    """Refuse a verb for a limit, and say how to pass over it."""
    address = edition.address
    return WorkflowError(
        f"{verb}: {address}: {why}",
        hint=f'To let it go all the same: digest {verb} {address} --override "why it cannot wait"',
    )
