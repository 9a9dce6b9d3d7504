"""Pure. What a form of the edition page asks for: its button and its fields, read as choices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from digest.editions.model import Act, Candidate, NewChoice, Place, Selection, Wording
from digest.errors import UsageError

Fields = Mapping[str, Sequence[str]]
"""The values of each field, in the order sent."""

_ONE_STORY = {
    "pin": Act.PIN,
    "unpin": Act.UNPIN,
    "drop": Act.DROP,
    "drop-always": Act.DROP_ALWAYS,
    "lead": Act.LEAD,
    "reset": Act.RESET,
}
"""Buttons that need nothing but their story: `pin 17`."""
_EDITION = {"undo": Act.UNDO, "redo": Act.REDO}
_STORY = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def field_of(fields: Fields, name: str) -> str:
    """Give a field's first value, or nothing."""
    values = fields.get(name) or [""]
    return values[0]


def choices_of(fields: Fields, selection: Selection) -> list[NewChoice]:
    """Read the button `do` and the fields with it; none when nothing typed differs from what is.

    `selection` is what the form was filled in from. Raises UsageError for a button there is none
    of, and for a story that is not among the candidates where its words are to be changed.
    """
    what, _, rest = field_of(fields, "do").partition(" ")
    if what in _EDITION:
        return [NewChoice(_EDITION[what])]
    if what in _OF_THE_WHOLE:
        return list(_OF_THE_WHOLE[what](fields, selection))
    story, _, place = rest.partition(" ")
    number = int(story) if _STORY.fullmatch(story) else 0
    if number and what in _ONE_STORY:
        return [NewChoice(_ONE_STORY[what], number)]
    if number and what == "move":
        return [NewChoice(Act.MOVE, number, place=place)]
    if not number or what not in _OF_A_STORY:
        raise _unknown(what)
    return list(_OF_A_STORY[what](fields, _candidate(selection, number)))


def _unknown(what: str) -> UsageError:
    return UsageError(
        f"desk: {what[:40]!r}: the page has no such button", hint="Open the page again."
    )


def _candidate(selection: Selection, number: int) -> Candidate:
    found = next((c for c in selection.candidates if c.article.id == number), None)
    if found is None:
        raise UsageError(
            f"desk: story #{number}: it is not among this edition's stories any more",
            hint="Open the page again.",
        )
    return found


def wording_in(candidate: Candidate, language: str) -> Wording:
    """Give a person's words for a story in a language; empty ones where nobody wrote any."""
    found = (said for said in candidate.wording if said.language == language)
    return next(found, Wording(language))


def place_of(candidate: Candidate) -> str:
    """Give where a story stands as the form of its section says it: `lead`, `top`, a section."""
    if candidate.place is Place.SECTION:
        return candidate.section or ""
    return str(candidate.place or "")


def _reworded(fields: Fields, candidate: Candidate) -> Iterator[NewChoice]:
    number, language = candidate.article.id, field_of(fields, "language")
    said, source = wording_in(candidate, language), candidate.article.story
    for act, typed, before, own in (
        (Act.HEADLINE, _typed(fields, "headline"), said.headline, source.headline),
        (Act.STANDFIRST, _typed(fields, "standfirst"), said.standfirst, source.standfirst),
    ):
        shown = before or (own if not language else "")
        if typed is not None and _same(typed) != _same(shown):
            own_words = not language and _same(typed) == _same(own)
            yield NewChoice(act, number, language, text="" if own_words else typed)
    yield from _picture(fields, candidate)
    yield from _section(fields, candidate)


def _picture(fields: Fields, candidate: Candidate) -> Iterator[NewChoice]:
    url, alt = _typed(fields, "picture"), _typed(fields, "alt")
    if url is None or alt is None:
        return
    picture = candidate.story_in().picture
    before = (picture.url, picture.alt) if picture else ("", "")
    after = ("", "") if field_of(fields, "no-picture") or not url.strip() else (url, alt)
    if tuple(map(_same, after)) != tuple(map(_same, before)):
        yield NewChoice(Act.PICTURE, candidate.article.id, url=after[0], alt=after[1])


def _section(fields: Fields, candidate: Candidate) -> Iterator[NewChoice]:
    place = field_of(fields, "section")
    if not place or place == place_of(candidate):
        return
    if place == Place.LEAD:
        yield NewChoice(Act.LEAD, candidate.article.id)
    else:
        yield NewChoice(Act.SECTION, candidate.article.id, place=place)


def _restored(fields: Fields, candidate: Candidate) -> Iterator[NewChoice]:
    """Give a story the words of its source back, in the language of the form."""
    language = field_of(fields, "language")
    said = wording_in(candidate, language)
    if said.headline:
        yield NewChoice(Act.HEADLINE, candidate.article.id, language)
    if said.standfirst:
        yield NewChoice(Act.STANDFIRST, candidate.article.id, language)


def _note(fields: Fields, selection: Selection) -> Iterator[NewChoice]:
    language, typed = field_of(fields, "language"), field_of(fields, "note")
    if _same(typed) != _same(selection.note.get(language, "")):
        yield NewChoice(Act.NOTE, language=language, text=typed)


def _sponsor(fields: Fields, selection: Selection) -> Iterator[NewChoice]:
    text, url = field_of(fields, "sponsor"), field_of(fields, "sponsor-url")
    before = (selection.sponsor.text, selection.sponsor.url) if selection.sponsor else ("", "")
    if (_same(text), _same(url)) != tuple(map(_same, before)):
        yield NewChoice(Act.SPONSOR, text=text, url=url)


def _inbox(fields: Fields, selection: Selection) -> Iterator[NewChoice]:
    """Read subject and preheader; what stands there as we wrote it (`…-was`) is no choice."""
    language = field_of(fields, "language")
    for act, name, said in (
        (Act.SUBJECT, "subject", selection.subject),
        (Act.PREHEADER, "preheader", selection.preheader),
    ):
        typed, shown = _typed(fields, name), field_of(fields, f"{name}-was")
        before = said.get(language, "")
        if typed is None or _same(typed) == _same(before or shown):
            continue
        yield NewChoice(act, language=language, text=typed)


_OF_THE_WHOLE = {"note": _note, "inbox": _inbox, "sponsor": _sponsor}
_OF_A_STORY = {"reword": _reworded, "restore": _restored}


_TEXTS = frozenset({Act.HEADLINE, Act.STANDFIRST, Act.PICTURE})
_SAID = frozenset({Act.NOTE, Act.SUBJECT, Act.PREHEADER, Act.SPONSOR})


def clashes(new: NewChoice, others: Sequence[NewChoice]) -> bool:
    """Tell whether what others chose in between touches what somebody chooses now.

    Words of two stories do not; whatever takes back, or settles what is in and in which order, does
    with all of its kind.
    """
    return any(_clash(new, other) for other in others)


def _clash(new: NewChoice, other: NewChoice) -> bool:
    if {new.act, other.act} & {Act.UNDO, Act.REDO}:
        return True
    if new.act in _SAID or other.act in _SAID:
        return new.act is other.act and new.language == other.language
    if new.act in _TEXTS or other.act in _TEXTS:
        return new.article_id == other.article_id
    return True


def _typed(fields: Fields, name: str) -> str | None:
    return field_of(fields, name) if name in fields else None


def _same(text: str) -> str:
    """Give what two texts have in common that a form sends back as it got them."""
    return text.replace("\r\n", "\n").strip()
