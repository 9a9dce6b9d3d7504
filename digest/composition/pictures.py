"""WRITE, a verb: fetch the pictures of an edition, make them ours, and never stop for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from digest.clock import Clock
from digest.composition.images import SHAPES, MadeImage, make_shot
from digest.composition.model import Shot, Site
from digest.composition.store import image_for, save_image, save_image_problem
from digest.db import Database
from digest.editions.model import Candidate, Place, Selection
from digest.errors import CompositionError, SourceError
from digest.sources.model import Picture

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

    def get(self, address: str, *, allow: Sequence[str] = ()) -> Fetched:
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
    for candidate, picture, shape in _wanted(selection):
        if (picture.url, shape) in shots:
            continue
        made = _have(database, picture.url, shape, fetcher=fetcher, clock=clock, allow=allow)
        if made.problem:
            warnings.append(f"picture: {candidate.article.story.headline}: {made.problem}")
        else:
            width, height = SHAPES[shape].shown
            address = f"{site.public_url}/images/{made.hash}.jpg"
            shots[picture.url, shape] = Shot(address, width, height, picture.alt, picture.credit)
    return Pictures(shots, tuple(warnings))


@dataclass(frozen=True, slots=True)
class _Had:
    hash: str = ""
    problem: str = ""


def _wanted(selection: Selection) -> Iterator[tuple[Candidate, Picture, str]]:
    for candidate in selection.chosen:
        shape = _SHAPE_OF.get(candidate.place) if candidate.place else None
        picture = candidate.article.story.picture
        if picture is not None and shape is not None:
            yield candidate, picture, shape


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
        return _Had(hash=known.image_hash)
    if known is not None and clock() - known.fetched_at < TRY_AGAIN_AFTER:
        return _Had(problem=known.problem)
    made = _make(url, shape, fetcher=fetcher, allow=allow)
    with database.write() as connection:
        if isinstance(made, MadeImage):
            save_image(connection, url, shape, made, at=clock())
            return _Had(hash=made.hash)
        save_image_problem(connection, url, shape, made, at=clock())
        return _Had(problem=made)


def _make(url: str, shape: str, *, fetcher: Fetcher, allow: Sequence[str]) -> MadeImage | str:
    try:
        return make_shot(fetcher.get(url, allow=allow).content, shape)
    except (SourceError, CompositionError) as error:
        return str(error)
