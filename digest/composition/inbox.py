"""Pure. What a letter shows in the inbox: its subject and its preheader."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from digest.composition.bidi import isolated
from digest.composition.dates import number_words
from digest.composition.language import ENGLISH, Language
from digest.composition.text import reach, shorten, width

SUBJECT_LIMIT = 60
"""Columns. Outlook.com cuts here; Gmail at seventy, an iPhone at forty-one."""

PREHEADER_LEAST = 40
PREHEADER_MOST = 90

_SHORTEST_CLAUSE = 20
_CLAUSE_END = re.compile(
    r"[:;?!\u061b\u061f](?= )| [–—](?= )|[\u00a0\u202f][:;?!](?= )|[\uff1a\uff1b\uff1f\uff01]"
)
_CLAUSE_TAIL = " \u00a0\u202f:;–—\u061b\uff1a\uff1b"
_SECOND_LEAST = 12
_FULL_STOPS = ("?", "!", ".", "…", "\u061f", "\u06d4", "\u0964", "\u3002", "\uff1f", "\uff01")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What tells this edition from its sisters."""

    newsletter: str
    date_words: str
    """As "9 January"."""
    number: int
    next_line: str = ""
    """When the next one comes."""


def write_subject(
    headlines: Sequence[str],
    *,
    occasion: Occasion,
    earlier: Collection[str] = (),
    language: Language = ENGLISH,
) -> str:
    """Name the lead and, where there is room, the second story; never empty, never as before.

    Mail programs thread by subject: one that repeats hides the new letter in an old thread.
    """
    joined = _join(headlines, language) or _dated(occasion, language)
    lead = short_headline(headlines[0], SUBJECT_LIMIT) if headlines else joined
    number = number_words(occasion.number, language.tag)
    numbered = language.say("%(day)s, no. %(number)s", day=occasion.date_words, number=number)
    tails = (f" · {occasion.date_words}", f" · {numbered}")
    dated = [shorten(joined, SUBJECT_LIMIT - width(tail)) + tail for tail in tails]
    written = [shorten(text, SUBJECT_LIMIT) for text in (joined, lead)] + dated
    taken = {_folded(known) for known in earlier}
    return next((text for text in written if _folded(text) not in taken), written[-1])


def write_preheader(
    headlines: Sequence[str],
    *,
    subject: str,
    standfirst: str,
    occasion: Occasion,
    language: Language = ENGLISH,
) -> str:
    """Name the stories that the subject does not, in 40 to 90 columns."""
    parts: list[str] = []
    for part in _unnamed(headlines[1:], subject):
        long = width(_sentence([*parts, part], language)) > PREHEADER_MOST
        if long and width(_sentence(parts, language)) >= PREHEADER_LEAST:
            break
        parts.append(part)
    for part in (standfirst, _dated(occasion, language), occasion.next_line):
        if part and width(_sentence(parts, language)) < PREHEADER_LEAST:
            parts.append(part)
    return _fitted(parts, language)


def short_headline(headline: str, limit: int) -> str:
    """Shorten a headline: after a clause if one ends within `limit`, else at a word with "…"."""
    if reach(headline, limit) == len(headline):
        return headline
    clauses = (clause for clause in _clauses(headline) if width(clause) <= limit)
    return max(clauses, key=len, default="") or shorten(headline, limit)


def _clauses(headline: str) -> Iterator[str]:
    """Give the beginnings of a headline that can stand alone."""
    for found in _CLAUSE_END.finditer(headline):
        clause = headline[: found.end()].rstrip(_CLAUSE_TAIL)
        if width(clause) >= _SHORTEST_CLAUSE:
            yield clause


def _join(headlines: Sequence[str], language: Language) -> str:
    if not headlines:
        return ""
    lead = short_headline(headlines[0], SUBJECT_LIMIT)
    room = SUBJECT_LIMIT - width(_joined(lead, "", language))
    if len(headlines) == 1 or room < _SECOND_LEAST or lead.endswith("…"):
        return lead
    second = short_headline(headlines[1], room)
    return lead if second.endswith("…") else _joined(lead, second, language)


def _unnamed(headlines: Sequence[str], subject: str) -> list[str]:
    """Give the headlines of which the subject holds neither the whole nor a clause."""
    known = _folded(subject)
    return [
        head
        for head in headlines
        if head and not any(_folded(told) in known for told in (head, *_clauses(head)))
    ]


def _fitted(parts: Sequence[str], language: Language) -> str:
    """Join what fits, the last part cut; what runs the other way is held apart from the rest."""
    *whole, last = parts
    room = PREHEADER_MOST - width(_sentence([*whole, ""], language))
    parts = [*whole, shorten(last, room)]
    if len(parts) > 1:
        parts = [isolated(part, within=language.direction) for part in parts]
    return _sentence(parts, language)


def _sentence(parts: Sequence[str], language: Language) -> str:
    text = ""
    for part in parts:
        text = _joined(text, part, language)
    return text


def _joined(before: str, after: str, language: Language) -> str:
    if not before:
        return after
    if before.rstrip("\u2069").endswith(_FULL_STOPS):
        return f"{before} {after}"
    return language.say("%(first)s; %(second)s", first=before, second=after)


def _dated(occasion: Occasion, language: Language) -> str:
    return language.say(
        "%(newsletter)s, %(day)s", newsletter=occasion.newsletter, day=occasion.date_words
    )


def _folded(text: str) -> str:
    """Give what two subjects have in common when a mail program, or a reader, confuses them."""
    return "".join(filter(str.isalnum, text.casefold())) or text
