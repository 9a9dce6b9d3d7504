"""Pure. Moments as the desk says them: in the site's zone, with UTC beside where it matters."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Say a moment in a zone, as in `Fri 9 January, 07:00`; with the year where it is another."""
    local = at.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%B}{year}, {local:%H:%M}"


def day(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Say the day of a moment in a zone, as in `Friday 9 January`."""
    local = at.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local:%A} {local.day} {local:%B}{year}"


def hour(at: datetime, zone: ZoneInfo) -> str:
    """Say the hour of a moment in a zone, as in `07:00`."""
    return f"{at.astimezone(zone):%H:%M}"


def utc(at: datetime) -> str:
    """Say the hour of a moment in UTC, as in `11:00 UTC`."""
    return f"{at.astimezone(UTC):%H:%M} UTC"


def place(zone: ZoneInfo) -> str:
    """Give the city of a zone, as in `Tortola` of America/Tortola."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago a moment was, roughly: `2 min ago`, `3 h ago`, `5 days ago`."""
    minutes = int((now - at).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes} min ago"
    hours = minutes // 60
    if hours < 48:  # noqa: PLR2004 - until the second day hours say more
        return f"{hours} h ago"
    return f"{hours // 24} days ago"
