"""Pure. Made-up editions to try a newsletter's template with: empty, full, long, hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, cycle
from typing import Final

from digest.composition.samples import LETTERS, sample_selection
from digest.composition.trials import AWFUL
from digest.editions.model import Candidate, NewsletterSpec, Place, Selection
from digest.sources.model import Article, FoundStory, Picture

_MANY: Final = 50
_LONG: Final = 169
"""Signs: the longest headline that the feeds we have seen brought."""
_WORDS: Final = "Harbour commissioners publish the tide tables of the coming year, with the hours"
_UNBROKEN: Final = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbaugesellschaft"
_ADDRESS: Final = "https://harbourpost.example/" + "a-path-that-never-ends/" * 8
_RIGHT_TO_LEFT: Final = "ar"

_Change = Callable[[Selection], Selection]


@dataclass(frozen=True, slots=True)
class Fixture:
    """A made-up edition: what it is called, and how it is made of the sample stories."""

    name: str
    """In an address, as `long-words`."""
    words: str
    """For people."""
    change: _Change
    language: str = ""
    """The tag of its one language; empty: those of the newsletter."""


def fixture_selection(
    fixture: Fixture, spec: NewsletterSpec, language: str, *, until: datetime
) -> Selection:
    """Choose the stories of a made-up edition of this newsletter, in its own sections.

    They are as new as an edition of this cut-off wants them. The same values give the same
    selection.
    """
    template = spec.template if spec.template in LETTERS else LETTERS[0]
    usual = sample_selection(template, fixture.language or language, noted=True)
    changed = fixture.change(usual)
    keys = [section.key for section in spec.sections]
    fresh = (_published(one, n, until) for n, one in enumerate(changed.candidates))
    moved = (_in_own_section(one, keys) for one in fresh)
    return replace(changed, candidates=tuple(moved))


def _published(one: Candidate, number: int, until: datetime) -> Candidate:
    at = until - timedelta(minutes=10 * (number + 1))
    story = replace(one.article.story, published_at=at)
    return replace(one, article=replace(one.article, story=story, first_seen_at=at))


def _in_own_section(one: Candidate, keys: Sequence[str]) -> Candidate:
    """Move a story of a sample section to the newsletter's own of that number, if it has any."""
    if one.section is None or not keys:
        return replace(one, section=None)
    if one.section in keys:
        return one
    return replace(one, section=keys[sum(one.section.encode()) % len(keys)])


def _empty(usual: Selection) -> Selection:
    return replace(usual, candidates=(), note={}, sponsor=None, most_read=())


def _one(usual: Selection) -> Selection:
    return replace(_empty(usual), candidates=usual.chosen[:1])


def _fifty(usual: Selection) -> Selection:
    """Repeat the stories behind the first few until there are fifty of them."""
    first, rest = usual.chosen[:4], usual.chosen[4:] or usual.chosen[:1]
    turns = zip(cycle(rest), range(_MANY - len(first)), strict=False)
    more = (_again(one, n) for one, n in turns)
    return replace(usual, candidates=_numbered([*first, *more]))


def _again(one: Candidate, number: int) -> Candidate:
    story = one.article.story
    told = replace(
        story,
        headline=f"{story.headline} ({number + 1})",
        url=f"https://harbourpost.example/n/{number + 9000}",
    )
    article = replace(one.article, id=one.article.id + 100 * (number + 10), story=told)
    place = Place.SECTION if one.section else Place.BRIEF
    return replace(one, article=article, place=place, related=())


def _no_pictures(usual: Selection) -> Selection:
    return _retold(usual, lambda story: replace(story, picture=None, recording=None))


def _long_headline(usual: Selection) -> Selection:
    headline = (f"{_WORDS} " * 4)[: _LONG - 1].rstrip().ljust(_LONG, ".")
    return _retold(usual, lambda story: replace(story, headline=headline))


def _long_words(usual: Selection) -> Selection:
    def long(story: FoundStory) -> FoundStory:
        standfirst = f"{_UNBROKEN} {_UNBROKEN}{_UNBROKEN}"
        return replace(story, headline=_UNBROKEN, standfirst=standfirst, url=_ADDRESS)

    return _retold(usual, long)


def _hostile(usual: Selection) -> Selection:
    words = cycle(AWFUL)

    def spoilt(story: FoundStory) -> FoundStory:
        picture = story.picture
        return replace(
            story,
            headline=next(words),
            standfirst=next(words),
            picture=picture and Picture(picture.url, next(words), next(words)),
        )

    note = {tag: next(words) for tag in usual.note}
    return replace(_retold(usual, spoilt), note=note)


def _retold(usual: Selection, change: Callable[[FoundStory], FoundStory]) -> Selection:
    """Tell every story in another way, those beside the letter's own among them."""

    def article(one: Article) -> Article:
        return replace(one, story=change(one.story))

    return replace(
        usual,
        candidates=tuple(
            replace(one, article=article(one.article), related=tuple(map(article, one.related)))
            for one in usual.candidates
        ),
        most_read=tuple(map(article, usual.most_read)),
    )


def _numbered(chosen: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(replace(one, position=at) for one, at in zip(chosen, count(1), strict=False))


def _listed() -> Iterator[Fixture]:
    yield Fixture("usual", "Sample stories", lambda usual: usual)
    yield Fixture("empty", "Empty", _empty)
    yield Fixture("one", "One story", _one)
    yield Fixture("fifty", "50 stories", _fifty)
    yield Fixture("no-pictures", "No pictures", _no_pictures)
    yield Fixture("long-headline", "A headline of 169 characters", _long_headline)
    yield Fixture("long-words", "Long words", _long_words)
    yield Fixture("rtl", "Right to left (Arabic)", lambda usual: usual, _RIGHT_TO_LEFT)
    yield Fixture("hostile", "Hostile words", _hostile)


FIXTURES: Final[Mapping[str, Fixture]] = {each.name: each for each in _listed()}
"""By their names, in the order in which they are offered."""
