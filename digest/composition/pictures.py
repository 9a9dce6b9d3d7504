"""WRITE, a verb: fetch the pictures of an edition, make them ours, and never stop for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
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
from digest.composition.store import image_for, save_image, save_image_problem
from digest.db import Database
from digest.editions.model import Place, Selection
from digest.errors import CompositionError, SourceError
from digest.sources.fetch import ACCEPT_PICTURE
from digest.sources.model import FoundStory, Picture

TRY_AGAIN_AFTER = timedelta(minutes=30)
"""A picture that failed is tried again, but not at every preview."""

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
    shots: dict[tuple[str, str], Shot] = {}
    warnings: list[str] = []
    without_words: list[str] = []
    for story, picture, shape in _wanted(selection, site.language):
        if (picture.url, shape) in shots:
            continue
        made = _have(database, picture.url, shape, fetcher=fetcher, clock=clock, allow=allow)
        if made.problem:
            warnings.append(f"picture: {story.headline}: {made.problem}")
            continue
        if not picture.alt:
            without_words.append(story.headline)
        width, height = SHAPES[shape].shown
        address = f"{site.public_url}/images/{made.name}"
        shots[picture.url, shape] = Shot(address, width, height, picture.alt, picture.credit)
    return Pictures(shots, (*warnings, *_decorative(without_words)))


def _decorative(headlines: Sequence[str]) -> Iterator[str]:
    """Say in one sentence which pictures nobody described: screen readers pass over them."""
    if headlines:
        yield (
            "picture: no description, so it is mailed as decoration:"
            f" {'; '.join(headlines)}. Add an alt text at the source, or with digest choose"
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
    database: Database,
    url: str,
    shape: str,
    *,
    fetcher: Fetcher,
    clock: Clock,
    allow: Sequence[str],
) -> _Had:
    """Take the picture from our own shelf, or fetch it with no transaction open meanwhile."""
    with database.read() as connection:
        known = image_for(connection, url, shape)
    if known is not None and known.image_hash:
        return _Had(name=served_name(known.image_hash, known.media_type or JPEG))
    if known is not None and clock() - known.fetched_at < TRY_AGAIN_AFTER:
        return _Had(problem=known.problem)
    made = _make(url, shape, fetcher=fetcher, allow=allow)
    with database.write() as connection:
        if isinstance(made, MadeImage):
            save_image(connection, url, shape, made, at=clock())
            return _Had(name=made.name)
        save_image_problem(connection, url, shape, made, at=clock())
        return _Had(problem=made)


def _make(url: str, shape: str, *, fetcher: Fetcher, allow: Sequence[str]) -> MadeImage | str:
    try:
        fetched = fetcher.get(url, allow=allow, accept=ACCEPT_PICTURE, most_bytes=MAX_BYTES)
        return make_shot(fetched.content, shape)
    except (SourceError, CompositionError) as error:
        return str(error)
