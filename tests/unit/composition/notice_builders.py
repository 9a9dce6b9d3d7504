"""Facts of every notice, as the outbox holds them: with all that is optional, and without."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PUBLIC = "https://letters.harbourpost.example"
EDITION = "daily/2026-01-09"
HEADLINE = "Council backs the new breakwater after a night of argument"

FULL: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "confirm": {
            "newsletter": ["The Morning Post", "The Week"],
            "address": "maria@reader.example",
            "confirm_url": f"{PUBLIC}/confirm/AAGnQ7fTz0bXhVw1kz9eAGlg3HABl4fYx2c8dG5tYzRyq1YQ",
            "valid_days": 30,
        },
        "welcome": {
            "newsletter": ["The Morning Post", "The Week", "Breaking from Harbour Post"],
            "address": "maria@reader.example",
            "letters": [
                ["The Morning Post", "2026-01-12T07:00:00+00:00", "Europe/London"],
                ["The Week", "2026-01-10T08:00:00+00:00", "Europe/London"],
                ["Breaking from Harbour Post", "", ""],
            ],
            "latest_url": f"{PUBLIC}/{EDITION}",
            "unsubscribe_url": f"{PUBLIC}/u/AAGnQ7fTz0bXhVw1kz9eAYfYx2c8dG5tYzRyq1YQ",
            "preferences_url": f"{PUBLIC}/p/AAGnQ7fTz0bXhVw1kz9eAYfYx2c8dG5tYzRyq1YQ",
        },
        "goodbye": {
            "newsletter": "The Morning Post",
            "address": "maria@reader.example",
            "back_url": f"{PUBLIC}/subscribe",
        },
        "address": {
            "newsletter": ["The Morning Post", "The Week"],
            "address": "maria.new@reader.example",
            "confirm_url": f"{PUBLIC}/address/AAGnQ7fTz0bXhVw1kz9eAGlg3HABl4fYx2c8dG5tYzRyq1Y",
            "valid_days": 1,
        },
        "link": {
            "what": "data",
            "address": "maria@reader.example",
            "link_url": f"{PUBLIC}/d/AAGnQ7fTz0bXhVw1kz9eAGlg3HABl4fYx2c8dG5tYzRyq1Y",
            "valid_days": 1,
        },
        "sign-in": {
            "address": "desk@harbourpost.example",
            "sign_in_url": f"{PUBLIC}/desk/in/AAGnQ7fTz0bXhVw1kz9eAGlg3HABl4fYx2c8dG5tYzRyq",
            "valid_minutes": 15,
        },
        "editors": {
            "headline": HEADLINE,
            "edition": EDITION,
            "event": "draft",
            "reason": "It goes out at 07:00 unless somebody holds it.",
            "rows": [
                ["lead", HEADLINE],
                ["top", "Ferry returns to its winter timetable"],
                ["section", "Bakers fall out over the price of rye"],
                ["brief", "Library opens on Sundays from March"],
                ["", "High water at 11:42, and again just after midnight"],
                ["warning", "The picture of “Ferry returns” could not be fetched: it timed out."],
            ],
            "url": f"{PUBLIC}/desk/{EDITION}",
        },
        "operators": {
            "what": "the relay refuses our mail",
            "detail": "smtp: mail.harbourpost.example:587: 535 5.7.8 authentication failed",
            "remedy": "Renew the password, and it goes on by itself: nothing was lost.",
        },
    }
)
"""Every fact there is."""

LEAST: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "confirm": {
            name: FULL["confirm"][name] for name in ("newsletter", "address", "confirm_url")
        },
        "welcome": {
            name: FULL["welcome"][name] for name in ("newsletter", "address", "unsubscribe_url")
        },
        "goodbye": FULL["goodbye"],
        "address": {
            name: FULL["address"][name] for name in ("newsletter", "address", "confirm_url")
        },
        "link": {"what": "changed", "address": FULL["link"]["address"]},
        "sign-in": FULL["sign-in"],
        "editors": {"headline": HEADLINE},
        "operators": {"what": "the relay refuses our mail"},
    }
)
"""Only those that a notice cannot do without."""

ONE_LETTER: Mapping[str, object] = MappingProxyType(
    {
        **FULL["welcome"],
        "newsletter": "The Morning Post",
        "letters": [["The Morning Post", "2026-01-12T07:00:00+00:00", "Europe/London"]],
    }
)
"""The welcome of somebody who asked for one newsletter."""

EVENTS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "draft by command": {**FULL["editors"], "url": "", "reason": ""},
        "held": {
            "headline": f"{EDITION} is held",
            "edition": EDITION,
            "event": "held",
            "reason": f"Nobody had approved it in time. Send it: digest approve {EDITION}",
            "rows": [],
        },
        "skipped": {
            "headline": f"{EDITION} is skipped",
            "edition": EDITION,
            "event": "skipped",
            "reason": "Two stories; three are the least. They wait for the next edition.",
            "rows": [],
        },
        "missed": {
            "headline": "2 editions were missed",
            "edition": EDITION,
            "event": "missed",
            "reason": "Nothing was running at their hours; a later edition takes their stories.",
            "rows": [["missed", "daily/2026-01-08"], ["missed", EDITION]],
        },
    }
)
"""What else the editors are told."""

LINKS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {what: {**FULL["link"], "what": what} for what in ("preferences", "erase", "changed")}
)
"""The other mails with one link."""
