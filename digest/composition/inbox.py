"""Pure. What a letter shows in the inbox: its subject and its preheader."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from digest.composition.text import shorten

SUBJECT_LIMIT = 60
"""Outlook.com cuts here; Gmail at seventy, an iPhone at forty-one."""

PREHEADER_LEAST = 40
PREHEADER_MOST = 90

_SHORTEST_CLAUSE = 20
_CLAUSE_END = re.compile(r"(?:[:;?!](?= )| [–—](?= ))")
_SECOND_LEAST = 12
_FULL_STOPS = ("?", "!", ".", "…")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What tells this edition from its sisters."""

    newsletter: str
    date_words: str
    """As "9 January"."""
    number: int


def write_subject(
    headlines: Sequence[str], *, occasion: Occasion, earlier: Collection[str] = ()
) -> str:
    """Name the lead and, where there is room, the second story; never empty, never as before.

    Mail programs thread by subject: one that repeats hides the new letter in an old thread.
    """
    subject = _join(headlines) or f"{occasion.newsletter}, {occasion.date_words}"
    taken = {_folded(known) for known in earlier}
    tails = ("", f" · {occasion.date_words}", f" · {occasion.date_words}, no. {occasion.number}")
    written = [shorten(subject, SUBJECT_LIMIT - len(tail)) + tail for tail in tails]
    return next((text for text in written if _folded(text) not in taken), written[-1])


def write_preheader(
    headlines: Sequence[str], *, subject: str, standfirst: str, occasion: Occasion
) -> str:
    """Name the stories that the subject does not, in 40 to 90 signs."""
    text = ""
    for part in _unnamed(headlines[1:], subject):
        joined = _joined(text, part)
        if len(joined) > PREHEADER_MOST and len(text) >= PREHEADER_LEAST:
            break
        text = shorten(joined, PREHEADER_MOST)
    for part in (standfirst, f"{occasion.newsletter}, {occasion.date_words}"):
        if part and len(text) < PREHEADER_LEAST:
            text = shorten(_joined(text, part), PREHEADER_MOST)
    return text


def short_headline(headline: str, limit: int) -> str:
    """Shorten a headline: after a clause if one ends within `limit`, else at a word with "…"."""
    if len(headline) <= limit:
        return headline
    ends = [found for found in _CLAUSE_END.finditer(headline) if found.end() <= limit + 1]
    for found in reversed(ends):
        clause = headline[: found.end()].rstrip(" :;–—")
        if _SHORTEST_CLAUSE <= len(clause) <= limit:
            return clause
    return shorten(headline, limit)


def _join(headlines: Sequence[str]) -> str:
    if not headlines:
        return ""
    lead = short_headline(headlines[0], SUBJECT_LIMIT)
    room = SUBJECT_LIMIT - len(_joined(lead, ""))
    if len(headlines) == 1 or room < _SECOND_LEAST or lead.endswith("…"):
        return lead
    second = short_headline(headlines[1], room)
    return lead if second.endswith("…") else _joined(lead, second)


def _unnamed(headlines: Sequence[str], subject: str) -> list[str]:
    known = _folded(subject)
    return [head for head in headlines if head and _folded(head) not in known]


def _joined(before: str, after: str) -> str:
    if not before:
        return after
    return f"{before} {after}" if before.endswith(_FULL_STOPS) else f"{before}; {after}"


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
