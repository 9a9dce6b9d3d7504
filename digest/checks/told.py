"""Pure. The words of a letter, each with where it stands: what the checks of content read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.checks.model import Facts, Found, LookAtPage, Page, Part, Place, Severity
from digest.composition.language import primary
from digest.composition.model import Letter, Piece

_QUOTED = 60


@dataclass(frozen=True, slots=True)
class Told:
    """A stretch of words that a person or a source wrote."""

    words: str
    what: str
    """As "the headline of story 3"."""
    place: Place
    language: str = ""
    """The primary tag of its language."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A story of the letter and its number in the order it is read, from 1."""

    number: int
    piece: Piece
    shows_standfirst: bool = True
    """Its place in the letter has room for one."""

    @property
    def place(self) -> Place:
        """Say where it is."""
        return Place(
            Part.HTML, self.piece.article_id, self.number, quote=quoted(self.piece.headline)
        )


@lru_cache(maxsize=16)
def _stories(letter: Letter) -> tuple[Numbered, ...]:
    room = letter.template != "headlines"
    full = [*((letter.lead,) if letter.lead else ()), *letter.top]
    full += [piece for section in letter.sections for piece in section.pieces]
    places = [*((piece, room) for piece in full), *((piece, False) for piece in letter.brief)]
    return tuple(Numbered(n, piece, shows) for n, (piece, shows) in enumerate(places, start=1))


def stories(page: Page) -> Sequence[Numbered]:
    """Give the stories of a letter in the order they are read."""
    return _stories(page.letter)


def told(page: Page) -> Sequence[Told]:
    """Give all words of a letter that are not the template's own."""
    return _told(page.letter)


@lru_cache(maxsize=16)
def _told(letter: Letter) -> tuple[Told, ...]:
    tongue = primary(letter.language)
    return (*_around(letter, tongue), *_in_stories(letter, tongue))


def _around(letter: Letter, tongue: str) -> Iterator[Told]:
    yield Told(letter.subject, "the subject", Place(Part.SUBJECT), tongue)
    yield Told(letter.preheader, "the preheader", Place(Part.PREHEADER), tongue)
    if letter.note is not None:
        for words in (letter.note.opening, *letter.note.paragraphs, letter.note.signed):
            yield Told(words, "the editor's note", Place(Part.HTML), tongue)
    if letter.sponsor is not None:
        yield Told(letter.sponsor.words, "the sponsor's line", Place(Part.HTML), tongue)
    for section in letter.sections:
        yield Told(section.title, "a section's title", Place(Part.HTML), tongue)
    for link in (*letter.most_read, *letter.missed):
        yield Told(link.words, "a headline further down", Place(Part.HTML), tongue)


def _in_stories(letter: Letter, tongue: str) -> Iterator[Told]:
    for one in _stories(letter):
        piece = one.piece
        spoken = primary(piece.language) if piece.language else tongue
        yield Told(piece.headline, f"the headline of story {one.number}", one.place, spoken)
        if piece.standfirst:
            what = f"the standfirst of story {one.number}"
            yield Told(piece.standfirst, what, one.place, spoken)
        if piece.shot is not None and (piece.shot.alt or piece.shot.credit):
            what = f"the picture's words of story {one.number}"
            yield Told(f"{piece.shot.alt} {piece.shot.credit}".strip(), what, one.place, spoken)
        for link in (*piece.related, *piece.also):
            what = f"a further headline under story {one.number}"
            yield Told(link.words, what, one.place, spoken)


def quoted(words: str, most: int = _QUOTED) -> str:
    """Cut words for a finding: a few are enough to find them by."""
    words = " ".join(words.split())
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def begun(what: str) -> str:
    """Begin a sentence with what is meant."""
    return what[:1].upper() + what[1:]


def on_words(
    find: Callable[[Told], str | None], says: str, fix: str, severity: Severity | None = None
) -> LookAtPage:
    """Make a rule that reads every stretch of words by itself.

    `find` gives what it found there, as it is to be quoted; `says` is the sentence's end, as
    "holds a placeholder".
    """

    def look(_facts: Facts, page: Page, _limits: object) -> Iterator[Found]:
        found = [(each, quote) for each in told(page) if (quote := find(each)) is not None]
        in_story = any(each.place.article_id for each, _ in found)
        for each, quote in found:
            # Subject and preheader are made of the headlines: with those they are mended.
            if in_story and each.place.part in {Part.SUBJECT, Part.PREHEADER}:
                continue
            where = each.place
            place = Place(where.part, where.article_id, where.number, quote=quoted(quote))
            sentence = f"{begun(each.what)} {says}: “{quoted(quote)}”."
            yield Found(sentence, fix, place, severity)

    return look


def folded(words: str) -> str:
    """Give what two texts have in common when a reader takes one for the other."""
    return "".join(filter(str.isalnum, words.casefold())) or words.strip()
