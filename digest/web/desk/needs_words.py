"""Pure. What needs a person, as the desk says it: a command's remedy becomes a way to a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from digest.web.desk.home_words import edition_path

_OF_AN_EDITION = re.compile(
    r"digest (approve|resume|status|skip|retry|preview) ([a-z0-9-]+/[a-z0-9/-]+?)(?: --[a-z]+)?"
)
_WORDS = {"approve": "Look at it", "resume": "Look at it"}
_OF_A_SOURCE = re.compile(r"digest (?:sources|collect)\b.*")


@dataclass(frozen=True, slots=True)
class Need:
    """One sentence, and where to do something about it; `command` where a page does not do it."""

    says: str
    path: str = ""
    action: str = ""
    command: str = ""


def needs_of(sentences: Iterable[str]) -> list[Need]:
    """Read what `workflow.status` says: sentences with their remedy behind two spaces."""
    return [_need(sentence) for sentence in sentences]


def _need(sentence: str) -> Need:
    what, _, remedy = sentence.rpartition("  ")
    if not what:
        return Need(remedy)
    if found := _OF_AN_EDITION.fullmatch(remedy):
        return Need(what, edition_path(found[2]), _WORDS.get(found[1], "Open it"))
    if what.startswith(("The source ", "The sources ")) or _OF_A_SOURCE.fullmatch(remedy):
        return Need(f"{what} {_own_words(remedy)}".rstrip(), "sources", "See the sources")
    if remedy.startswith("digest "):
        return Need(what, command=remedy)
    return Need(f"{what} {remedy}")


def _own_words(remedy: str) -> str:
    """Leave out what is to be typed: the page has a button for it."""
    return "" if remedy.startswith("digest ") else remedy.partition("; try it now with:")[0]
