"""Pure. Newsletters of the settings that are written well and could still never come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from digest.config import Settings
from digest.editions.cadence import impossible
from digest.site_values import newsletter_spec

Fault = tuple[tuple[str, ...], str]
"""The place of a setting, and the sentence that is said of it."""


def cadence_faults(settings: Settings, now: datetime) -> Iterator[Fault]:
    """Give each setting that keeps a newsletter with days from ever coming (`now`: aware UTC)."""
    for slug in settings.newsletters:
        for key, sentence in impossible(newsletter_spec(slug, settings), now).items():
            yield ("newsletters", slug, key), sentence
