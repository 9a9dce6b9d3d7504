"""Pure. The made-up paper's pictures, drawn when they are first asked for and kept in memory."""

from __future__ import annotations

from functools import cache, partial
from io import BytesIO

from digest.demo import landscapes as land
from digest.demo import light
from digest.demo import seascapes as sea
from digest.demo import townscapes as town
from digest.demo.brushes import Scene, paper
from digest.errors import NotFoundError

_QUALITY = 80

SCENES: dict[str, Scene] = {
    "bay-night": sea.bay,
    "boatyard": partial(town.boatyard, light.DAWN, seed=4, hull=True),
    "cove-morning": sea.cove,
    "ferry-slip": sea.ferry,
    "floodlights": town.pitch,
    "harbour-dawn": partial(sea.harbour, light.DAWN, seed=3),
    "harbour-dusk": partial(sea.harbour, light.DUSK, seed=1),
    "harbour-wall-storm": sea.storm,
    "islands-calm": sea.islands,
    "library-window": town.library,
    "lighthouse": sea.lighthouse,
    "market-evening": partial(town.market, light.NIGHT, seed=8, lanterns=True),
    "market-stalls": partial(town.market, light.DAWN, seed=5, lanterns=False),
    "moor-snow": land.moor,
    "mudflats": sea.mudflats,
    "oak-fog": land.oak,
    "pier-fog": sea.pier,
    "quay-morning": partial(town.quay, light.NOON, seed=13, lit=0.0),
    "quay-windows": partial(town.quay, light.DUSK, seed=11, lit=0.55),
    "regatta-sails": sea.regatta,
    "slipway-crane": partial(town.boatyard, light.SUNRISE, seed=6, hull=False),
    "stone-bridge": land.bridge,
    "terraces-morning": partial(town.terraces, light.DAWN, seed=2, lit=0.08),
    "terraces-night": partial(town.terraces, light.NIGHT, seed=16, lit=0.5),
    "theatre-curtain": town.theatre,
    "trawler-grey": partial(sea.trawler, light.GREY, seed=9, sun=None),
    "trawler-sunrise": partial(sea.trawler, light.SUNRISE, seed=7, sun=1290),
    "winter-fields": land.fields,
}
"""Every picture by name; none holds any text."""


@cache
def draw(name: str) -> bytes:
    """Give a picture as JPEG, 1600 by 900; the same name always gives the same bytes.

    Raises NotFoundError for a name that stands for no picture.
    """
    scene = SCENES.get(name)
    if scene is None:
        raise NotFoundError(
            f"picture: {name!r}: the demo draws none of that name",
            hint=f"There are: {', '.join(sorted(SCENES))}.",
        )
    file = BytesIO()
    paper(scene()).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
