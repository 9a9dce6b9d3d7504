"""Pure. What people and their browsers are called, from what is known of them."""

from __future__ import annotations

import re

_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"))
_LATER = (("Chrome/", "Chrome"), ("CriOS/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)
_SPACES = re.compile(r"\s+")
_LONGEST_NAME = 80


def device_of(user_agent: str) -> str:
    """Say which browser on what, as in `Firefox on Linux`: no more is kept of its long name."""
    browser = _first(user_agent, _BROWSERS + _LATER) or "A browser"
    system = _first(user_agent, _SYSTEMS)
    return f"{browser} on {system}" if system else browser


def person_name(text: str, address: str) -> str:
    """Give somebody's name on one line, or one made of their address: `alma.penn@…` → Alma Penn."""
    printable = "".join(letter for letter in text if letter.isprintable() or letter.isspace())
    name = _SPACES.sub(" ", printable).strip()[:_LONGEST_NAME].rstrip()
    if name:
        return name
    words = [word for word in re.split(r"[._+-]+", address.partition("@")[0]) if word]
    return " ".join(word[:1].upper() + word[1:] for word in words)[:_LONGEST_NAME] or address


def _first(text: str, marks: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in marks if mark in text), "")
