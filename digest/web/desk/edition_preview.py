"""Pure. The letter as the desk shows it beside its stories: its views, and its row in the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from digest.composition.text import clusters
from digest.web.desk import times
from digest.web.desk.edition_rows import Asked
from digest.workflow.edition_look import EditionLook

VIEWS = {
    "desktop": "Desktop 600",
    "phone": "Phone 375",
    "dark": "Dark",
    "text": "Plain text",
    "inbox": "Inbox row",
}
"""The views by their name in the address, in the order of their tabs."""

INBOXES = (
    ("Gmail on a wide screen, subject cut at 70", "wide", 70, 90),
    ("Outlook on the web, subject cut at 60", "wide", 60, 80),
    ("iPhone, subject cut at 41", "small", 41, 80),
)
"""Whose row it is, how wide it is drawn, and where subject and preheader are cut, in signs."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """A letter's row in one mail program."""

    name: str
    kind: str
    subject: str
    preheader: str


@dataclass(frozen=True, slots=True)
class Pane:
    """What the middle of the page shows."""

    view: str
    views: tuple[tuple[str, str], ...]
    sender: str
    hour: str
    tag: str
    """The language of the copy that is shown."""
    scheme: str
    mark: str
    """Changes with the letter."""
    inboxes: tuple[Inbox, ...]
    empty: str
    """Why there is no letter to be seen; else empty."""


def pane_of(look: EditionLook, asked: Asked, tags: Sequence[str], *, sender: str) -> Pane:
    """Say what the middle of the page shows."""
    tag = asked.language or tags[0]
    row = next((each for each in look.rows if each.language == tag), None)
    zone = ZoneInfo(look.newsletter.spec.cadence.zone)
    inboxes = (
        tuple(
            Inbox(name, kind, cut(row.subject, most), cut(row.preheader, rest))
            for name, kind, most, rest in INBOXES
        )
        if row
        else ()
    )
    return Pane(
        view=asked.view,
        views=tuple(VIEWS.items()),
        sender=sender,
        hour=times.hour(look.edition.leaves_at, zone),
        tag=tag,
        scheme="dark" if asked.view == "dark" else "light",
        mark=look.mark,
        inboxes=inboxes,
        empty=_why_empty(look),
    )


def cut(text: str, most: int) -> str:
    """Keep so many signs, as readers count them; what is cut ends with an ellipsis."""
    signs = list(clusters(text))
    return text if len(signs) <= most else "".join(signs[: most - 1]).rstrip() + "…"


def _why_empty(look: EditionLook) -> str:
    if look.exists and not look.rows:
        return "It is not composed yet."
    if not look.selection.chosen:
        return "There is no story in it yet."
    return look.reason if not look.exists else ""
