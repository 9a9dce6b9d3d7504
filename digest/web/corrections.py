"""Door to the notes that correct an edition, as its page shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from digest.composition.dates import date_words, local_date
from digest.composition.language import Language
from digest.db import Connection
from digest.editions.correction_store import corrections_of
from digest.editions.model import Edition
from digest.web.words import opening

_LOOK = (
    "max-width:600px;margin:16px auto;padding:8px 16px;"
    "background:#fff;color:#000;border:2px solid #000"
)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Note:
    """One note: its local date, as machines and as people read it, and its words."""

    at: date
    day: str
    label: str
    """As "Correction"."""
    language: str
    paragraphs: Sequence[str]


def notes_of(
    connection: Connection, edition: Edition, language: Language, *, zone: str
) -> list[Note]:
    """Give the notes to an edition, oldest first; dates are those of `zone`."""
    days = [
        (local_date(each.noted_at, zone), each) for each in corrections_of(connection, edition.id)
    ]
    return [
        Note(
            day,
            opening(date_words(day, language.tag)),
            language.say("Correction"),
            each.language,
            each.paragraphs,
        )
        for day, each in days
    ]


def insert_notes(html: str, notes: Sequence[Note]) -> str:
    """Put the notes on top of a letter that is shown as it was mailed; all words are escaped."""
    found = _BODY.search(html)
    if not notes or found is None:
        return html
    written = "".join(_written(note) for note in notes)
    return f"{html[: found.end()]}{written}{html[found.end() :]}"


def _written(note: Note) -> str:
    words = "".join(
        f'<p lang="{escape(note.language)}" dir="auto">{escape(each)}</p>'
        for each in note.paragraphs
    )
    head = f"<p><b>{escape(note.label)}</b> · {escape(note.day)}</p>"
    return f'<div style="{_LOOK}">{head}{words}</div>'
