"""Pure. What may be chosen: each choice cleaned, bounded and checked before it is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from digest.config.values import did_you_mean
from digest.editions.choices import is_move, story_before
from digest.editions.model import Act, NewChoice, Place, Section
from digest.editions.placing import BEFORE
from digest.errors import UsageError
from digest.sources.cleaning import plain_line, safe_link

STORY_ACTS = frozenset(Act) - {
    Act.SUBJECT,
    Act.PREHEADER,
    Act.NOTE,
    Act.SPONSOR,
    Act.UNDO,
    Act.REDO,
}
"""What is chosen for one story; the others are for the whole edition."""

MOST_HEADLINE = 300
MOST_STANDFIRST = 600
MOST_SUBJECT = 150
MOST_PREHEADER = 200
MOST_NOTE = 600
MOST_NOTE_WORDS = 60
MOST_SPONSOR = 200
MOST_ALT = 300
MOST_LANGUAGE = 35
_MOST = {Act.HEADLINE: MOST_HEADLINE, Act.SUBJECT: MOST_SUBJECT, Act.PREHEADER: MOST_PREHEADER}
_MOST_TYPED = 20_000
"""Longer than this is no text at all, however much of it is markup."""

_PARAGRAPHS = re.compile(r"\n\s*\n|\n(?=[ \t]*(?:[\u2012-\u2015]|--?[ \t]))")
"""A blank line parts them, and a line that begins with a dash is one: the name below a note."""
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", re.ASCII)
_SCRIPT, _REGION = 4, 2
"""Letters of the parts of a language tag that are written otherwise than in small letters."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A choice as it can be kept, and what its author should know about it."""

    choice: NewChoice
    warnings: tuple[str, ...] = ()


def check(new: NewChoice, *, sections: Sequence[Section], languages: Sequence[str]) -> Checked:
    """Give the choice as it is kept: cleaned, with the parts its act has a use for and no others.

    `languages` are those the newsletter is made in, its own first, which is written as "".
    Raises UsageError.
    """
    if new.act in STORY_ACTS and (new.article_id is None or new.article_id < 1):
        raise UsageError(f"choose: {new.act}: it needs a story")
    story = new.article_id if new.act in STORY_ACTS else None
    match new.act:
        case Act.MOVE:
            return Checked(NewChoice(new.act, story, place=_move(new)))
        case Act.SECTION:
            return Checked(NewChoice(new.act, story, place=_section(new.place, sections)))
        case Act.HEADLINE | Act.STANDFIRST | Act.SUBJECT | Act.PREHEADER | Act.NOTE:
            return _checked_words(new, story, languages)
        case Act.PICTURE:
            alt = _line(new.alt, "the picture's description", MOST_ALT) if new.url else ""
            url = _address(new.url, "the picture's address")
            return Checked(NewChoice(new.act, story, url=url, alt=alt))
        case Act.SPONSOR:
            text = _line(new.text, "the sponsor's line", MOST_SPONSOR)
            url = _address(new.url, "the sponsor's address") if text else ""
            return Checked(NewChoice(new.act, text=text, url=url))
        case _:
            return Checked(NewChoice(new.act, story))


def _checked_words(new: NewChoice, story: int | None, languages: Sequence[str]) -> Checked:
    language = _language(new.language, own=languages[0])
    unseen = _unseen(language, languages) if new.text.strip() else ()
    if new.act is Act.NOTE:
        text = _paragraphs(new.text, "the note", MOST_NOTE)
        count = len(text.split())
        long = (
            (f"The note has {count} words; readers skip more than {MOST_NOTE_WORDS}.",)
            if count > MOST_NOTE_WORDS
            else ()
        )
        return Checked(NewChoice(new.act, language=language, text=text), (*long, *unseen))
    most = _MOST.get(new.act, MOST_STANDFIRST)
    text = _line(new.text, f"the {new.act}", most)
    return Checked(NewChoice(new.act, story, language=language, text=text), unseen)


def _unseen(language: str, languages: Sequence[str]) -> tuple[str, ...]:
    """Warn of words in a language that no letter of this newsletter is made in."""
    known = {each.replace("_", "-").casefold() for each in languages}
    if not language or language.casefold() in known:
        return ()
    return (
        f"No letter of this newsletter is in {language}; it is made in {', '.join(languages)}.",
    )


def _line(text: str, name: str, most: int) -> str:
    return _bounded(text, plain_line(text[:_MOST_TYPED], escaped=False), name, most)


def _paragraphs(text: str, name: str, most: int) -> str:
    typed = text[:_MOST_TYPED].replace("\r\n", "\n")
    lines = (plain_line(part, escaped=False) for part in _PARAGRAPHS.split(typed))
    return _bounded(text, "\n\n".join(line for line in lines if line), name, most)


def _bounded(typed: str, clean: str, name: str, most: int) -> str:
    """Give the clean text, if it is one: an empty one takes back what was said before."""
    if len(typed) > _MOST_TYPED or len(clean) > most:
        count = len(typed) if len(typed) > _MOST_TYPED else len(clean)
        raise UsageError(
            f"choose: {name}: it has {count:,} characters, at most {most} will do",
            hint="Say it in fewer words.",
        )
    if typed.strip() and not clean:
        raise UsageError(
            f"choose: {name}: there is nothing to read in it",
            hint='To take back what was said before, write "".',
        )
    return clean


def _address(text: str, name: str) -> str:
    if not text.strip():
        return ""
    url = safe_link(text)
    if url is None:
        raise UsageError(
            f"choose: {name}: {plain_line(text[:100], escaped=False)!r}: not a web address",
            hint="Write it whole, as in https://harbourpost.example/ferry.",
        )
    return url


def _language(text: str, *, own: str) -> str:
    """Write a language tag as is usual: `fr`, `pt-BR`, `zh-Hant`; the newsletter's own is ""."""
    if not text.strip():
        return ""
    tag = text.strip().replace("_", "-")
    if len(tag) > MOST_LANGUAGE or not _TAG.fullmatch(tag):
        raise UsageError(
            f"choose: language: {plain_line(text[:40], escaped=False)!r}: not a language's name",
            hint="Write its tag: fr, or pt-BR.",
        )
    first, *rest = tag.lower().split("-")
    usual = {_SCRIPT: str.title, _REGION: str.upper}
    tag = "-".join((first, *(usual.get(len(part), str)(part) for part in rest)))
    return "" if tag.casefold() == own.replace("_", "-").casefold() else tag


def _move(new: NewChoice) -> str:
    place = new.place.strip()
    if not is_move(place):
        raise UsageError(
            f"choose: move: {plain_line(place[:40], escaped=False)!r}: not a place",
            hint="A story moves first, last, or before another.",
        )
    before = story_before(place)
    if before == new.article_id:
        raise UsageError(
            "choose: move: a story cannot stand before itself",
            hint="Name the story that it is to stand before.",
        )
    return place if before is None else f"{BEFORE}{before}"


def _section(place: str, sections: Sequence[Section]) -> str:
    known = [*(section.key for section in sections), Place.TOP, Place.BRIEF]
    if place not in known:
        named = plain_line(place[:40], escaped=False)
        raise UsageError(
            f"choose: section: {named!r}: this newsletter has no such section"
            f"{did_you_mean(named, known)}",
            hint=f"There are: {', '.join(known)}.",
        )
    return place
