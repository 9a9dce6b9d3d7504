"""WRITE, a verb: fetch the pictures of an edition, make them ours, and never stop for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from digest.clock import Clock
from digest.composition.images import (
    JPEG,
    MAX_BYTES,
    SHAPES,
    MadeImage,
    make_shot,
    served_name,
)
from digest.composition.model import Shot, Site
from digest.composition.store import (
    SourcePicture,
    image_for,
    load_image,
    save_image,
    save_image_problem,
)
from digest.composition.text import shorten
from digest.db import Database
from digest.editions.model import Place, Selection
from digest.errors import CompositionError, SourceError
from digest.sources.fetch import ACCEPT_PICTURE
from digest.sources.model import FoundStory, Picture

TRY_AGAIN_AFTER = timedelta(minutes=30)
"""A picture that failed is tried again, but not at every preview."""

_NAMED, _LONGEST_NAMED = 3, 60
"""Many feeds describe no picture at all: whom a draft is mailed to must not wade through it."""

_SHAPE_OF = {Place.LEAD: "lead", Place.TOP: "thumb", Place.SECTION: "thumb"}


class Fetched(Protocol):
    """What a fetcher gives."""

    @property
    def content(self) -> bytes:
        """The body."""
        ...


class Fetcher(Protocol):
    """Something that fetches; it checks addresses and caps bytes, and raises SourceError."""

    def get(
        self, address: str, *, allow: Sequence[str] = (), accept: str = "", most_bytes: int = 0
    ) -> Fetched:
        """Fetch an address; `allow` names networks that may be dialled although not public."""
        ...


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures a letter may show, and one sentence for each that it must do without."""

    shots: Mapping[tuple[str, str], Shot]
    warnings: tuple[str, ...] = ()


class Shelf(Protocol):
    """Where pictures that are ours already stand, and where those made now are put."""

    def find(self, url: str, shape: str) -> SourcePicture | None:
        """Tell what a source's picture became in a shape; None if it was never fetched."""
        ...

    def keep(self, url: str, shape: str, made: MadeImage | str, *, at: datetime) -> None:
        """Put a picture there, or the reason why it cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class OwnShelf:
    """The one in the database, from which the pictures of letters are served."""

    database: Database

    def find(self, url: str, shape: str) -> SourcePicture | None:
        """Look into the database."""
        with self.database.read() as connection:
            return image_for(connection, url, shape)

    def keep(self, url: str, shape: str, made: MadeImage | str, *, at: datetime) -> None:
        """Write it down."""
        with self.database.write() as connection:
            if isinstance(made, MadeImage):
                save_image(connection, url, shape, made, at=at)
            else:
                save_image_problem(connection, url, shape, made, at=at)


@dataclass(slots=True)
class BorrowedShelf:
    """The same for whoever only looks: what is not there is fetched, and kept in memory alone."""

    database: Database
    most: int = 200
    """As many pictures are kept; the oldest go first."""
    _made: dict[tuple[str, str], tuple[MadeImage | str, datetime]] = field(default_factory=dict)

    def find(self, url: str, shape: str) -> SourcePicture | None:
        """Look into the database first, and then at what was fetched beside it."""
        with self.database.read() as connection:
            known = image_for(connection, url, shape)
        if (known is not None and known.image_hash) or (url, shape) not in self._made:
            return known
        made, at = self._made[url, shape]
        if isinstance(made, str):
            return SourcePicture(None, None, made, at)
        return SourcePicture(made.hash, made.media_type, "", at)

    def keep(self, url: str, shape: str, made: MadeImage | str, *, at: datetime) -> None:
        """Remember it."""
        self._made.pop((url, shape), None)
        while len(self._made) >= self.most:
            del self._made[next(iter(self._made))]
        self._made[url, shape] = made, at

    def load(self, hash_: str) -> tuple[str, bytes] | None:
        """Give media type and content of a picture, wherever it stands."""
        with self.database.read() as connection:
            kept = load_image(connection, hash_)
        made = (each for each, _ in list(self._made.values()) if isinstance(each, MadeImage))
        found = next((each for each in made if each.hash == hash_), None)
        return kept or (None if found is None else (found.media_type, found.content))


def fetch_pictures(
    database: Database,
    selection: Selection,
    *,
    fetcher: Fetcher,
    site: Site,
    clock: Clock,
    allow: Sequence[str] = (),
) -> Pictures:
    """Fetch what is not there yet; the lead's in the shape `lead`, other stories' as `thumb`."""
    shelf = OwnShelf(database)
    return pictures_on(shelf, selection, fetcher=fetcher, site=site, clock=clock, allow=allow)


def pictures_on(
    shelf: Shelf,
    selection: Selection,
    *,
    fetcher: Fetcher,
    site: Site,
    clock: Clock,
    allow: Sequence[str] = (),
) -> Pictures:
    """Do the same on another shelf than the one in the database."""
    have = partial(_have, shelf, fetcher=fetcher, clock=clock, allow=allow)
    return _gathered(selection, site, have)


def pictures_there(shelf: Shelf, selection: Selection, *, site: Site) -> Pictures:
    """Give those that a composed edition can have, and what it does without; fetch nothing."""
    return _gathered(selection, site, partial(_seen, shelf))


def _gathered(selection: Selection, site: Site, have: Callable[[str, str], _Had]) -> Pictures:
    shots: dict[tuple[str, str], Shot] = {}
    warnings: list[str] = []
    without_words: list[str] = []
    for story, picture, shape in _wanted(selection, site.language):
        if (picture.url, shape) in shots:
            continue
        made = have(picture.url, shape)
        if made.problem:
            warnings.append(f"picture: {story.headline}: {made.problem}")
            continue
        if not picture.alt:
            without_words.append(story.headline)
        width, height = SHAPES[shape].shown
        address = f"{site.public_url}/images/{made.name}"
        shots[picture.url, shape] = Shot(address, width, height, picture.alt, picture.credit)
    return Pictures(shots, (*warnings, *undescribed(without_words)))


def undescribed(headlines: Sequence[str]) -> Iterator[str]:
    """Say in one sentence which pictures nobody described: screen readers pass over them."""
    if headlines:
        named = [shorten(each, _LONGEST_NAMED) for each in headlines[:_NAMED]]
        more = len(headlines) - len(named)
        yield (
            "picture: no description, so it is mailed as decoration:"
            f" {'; '.join(named)}{f'; and {more} more' if more else ''}."
            " Add an alt text at the source, or with digest choose"
        )


@dataclass(frozen=True, slots=True)
class _Had:
    name: str = ""
    problem: str = ""


def _wanted(selection: Selection, language: str) -> Iterator[tuple[FoundStory, Picture, str]]:
    for candidate in selection.chosen:
        shape = _SHAPE_OF.get(candidate.place) if candidate.place else None
        story = candidate.story_in(language)
        if story.picture is not None and shape is not None:
            yield story, story.picture, shape


def _have(
    shelf: Shelf, url: str, shape: str, *, fetcher: Fetcher, clock: Clock, allow: Sequence[str]
) -> _Had:
    """Take the picture from the shelf, or fetch it with no transaction open meanwhile."""
    known = shelf.find(url, shape)
    if known is not None and known.image_hash:
        return _Had(name=served_name(known.image_hash, known.media_type or JPEG))
    if known is not None and clock() - known.fetched_at < TRY_AGAIN_AFTER:
        return _Had(problem=known.problem)
    made = _make(url, shape, fetcher=fetcher, allow=allow)
    shelf.keep(url, shape, made, at=clock())
    return _Had(name=made.name) if isinstance(made, MadeImage) else _Had(problem=made)


def _seen(shelf: Shelf, url: str, shape: str) -> _Had:
    known = shelf.find(url, shape)
    if known is not None and known.image_hash:
        return _Had(name=served_name(known.image_hash, known.media_type or JPEG))
    return _Had(problem=known.problem if known else "it was never fetched")


def _make(url: str, shape: str, *, fetcher: Fetcher, allow: Sequence[str]) -> MadeImage | str:
    try:
        fetched = fetcher.get(url, allow=allow, accept=ACCEPT_PICTURE, most_bytes=MAX_BYTES)
        return make_shot(fetched.content, shape)
    except (SourceError, CompositionError) as error:
        return str(error)
