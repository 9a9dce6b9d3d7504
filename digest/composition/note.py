"""Pure. The editor's own words on top of a letter: a greeting, paragraphs, a name below them."""

from __future__ import annotations

import re

from digest.composition.model import Note
from digest.composition.text import clean, width
from digest.editions.choice_checks import MOST_NOTE_WORDS
from digest.sources.reading_time import count_words

_OPENING_LIMIT = 24
_SIGNATURE_LIMIT = 80
_OPENING = re.compile(r"(.*?\w{4}.*?[.!]+)\s+(?=\S)|(.*?[\u3002\uff01]+)\s*(?=\S)")
"""A first sentence; of fewer than four letters together it may be an abbreviation."""
_SIGNED = re.compile(r"\s*(?:[—–\u2012\u2015]\s*|--?\s+)(?=\S)")


def read_note(text: str) -> Note | None:
    """Read a note: paragraphs apart by a blank line, a greeting first, a name after a dash last."""
    text, signed = _signature(text.replace("\r\n", "\n").strip())
    opening, text = _opening(text)
    paragraphs = tuple(words for part in text.split("\n\n") if (words := clean(part)))
    return Note(paragraphs, opening, signed) if paragraphs else None


def note_warnings(note: Note) -> tuple[str, ...]:
    """Say what an editor should know of a note before it goes; it goes all the same."""
    words = count_words(" ".join(note.paragraphs))
    if words <= MOST_NOTE_WORDS:
        return ()
    said = f"The editor's note has {words} words; the news should follow after {MOST_NOTE_WORDS}."
    return (said,)


def _signature(text: str) -> tuple[str, str]:
    """Take the name off the end of a note: its last line, if it alone begins with a dash."""
    rest, _, last = text.rpartition("\n")
    found = _SIGNED.match(last)
    above = rest.rstrip().rpartition("\n")[2]
    # Two lines with dashes are a list.
    if found is None or not clean(rest) or _SIGNED.match(above):
        return text, ""
    signed = clean(last[found.end() :])
    return (rest, signed) if signed and width(signed) <= _SIGNATURE_LIMIT else (text, "")


def _opening(text: str) -> tuple[str, str]:
    """Take a greeting off the beginning of a note: a short line, or a short first sentence."""
    line, _, rest = text.partition("\n")
    if found := _OPENING.match(line, 0, _OPENING_LIMIT * 4):
        line, rest = found[found.lastindex or 0], text[found.end() :]
    greeting = clean(line)
    # A short line that ends with neither stop nor comma is a title or a verse.
    ends = greeting.endswith((".", "!", ",", "\u060c", "\u3002", "\uff01", "\uff0c"))
    short = ends and width(greeting) <= _OPENING_LIMIT
    return (greeting, rest) if short and clean(rest) else ("", text)
