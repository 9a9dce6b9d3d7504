"""Pure. What a new reader is told: by mail, and on the page that says they are subscribed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digest.editions.model import Edition
from digest.web.context import WebContext
from digest.web.words import first_slot
from subscribers.signup import Welcome


def welcome_of(context: WebContext, latest: Sequence[Edition], now: datetime) -> Welcome:
    """Tell what the mail to a new reader says; `latest` are public, the newest first."""
    site, newsletters = context.site, context.newsletters
    return Welcome(
        newsletter_names=context.names,
        unsubscribe_link=lambda token: f"{site.public_url}/u/{token}",
        preferences_link=lambda token: f"{site.public_url}/p/{token}",
        first_letters={
            each.id: (slot.send_at, each.spec.cadence.zone)
            for each in newsletters
            if (slot := first_slot(each.spec.cadence, now)) is not None
        },
        latest={each.newsletter_id: f"{site.public_url}/{each.address}" for each in latest},
        language=site.language,
    )
