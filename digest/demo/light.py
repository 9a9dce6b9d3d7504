"""Pure. The light of the hours in which the demo's pictures are set."""

from __future__ import annotations

from dataclasses import dataclass, replace

from digest.demo.brushes import Colour, Stops


@dataclass(frozen=True, slots=True)
class Light:
    """The light of an hour: sky from top to horizon, sea from horizon to shore, near and far."""

    sky: Stops
    sea: Stops
    cloud: Colour
    sun: Colour
    far: Colour
    near: Colour
    lamp: Colour


DUSK = Light(
    sky=[(0, (38, 52, 84)), (0.45, (98, 98, 128)), (0.8, (214, 160, 138)), (1, (240, 196, 150))],
    sea=[(0, (190, 150, 140)), (0.3, (108, 106, 132)), (1, (30, 40, 66))],
    cloud=(236, 188, 168), sun=(255, 214, 160), far=(96, 92, 118), near=(32, 36, 54),
    lamp=(255, 210, 132),
)  # fmt: skip
DAWN = Light(
    sky=[(0, (112, 148, 176)), (0.5, (172, 192, 200)), (0.85, (238, 214, 190)),
         (1, (248, 226, 196))],
    sea=[(0, (224, 208, 190)), (0.35, (150, 172, 182)), (1, (66, 96, 118))],
    cloud=(250, 236, 222), sun=(255, 236, 200), far=(134, 152, 168), near=(52, 68, 84),
    lamp=(255, 226, 164),
)  # fmt: skip
GREY = Light(
    sky=[(0, (116, 128, 138)), (0.6, (164, 172, 176)), (1, (200, 204, 202))],
    sea=[(0, (168, 178, 180)), (0.35, (118, 134, 140)), (1, (62, 80, 90))],
    cloud=(216, 220, 220), sun=(236, 236, 226), far=(132, 144, 150), near=(54, 64, 72),
    lamp=(250, 224, 168),
)  # fmt: skip
BRIGHT = Light(
    sky=[(0, (74, 130, 186)), (0.6, (146, 190, 220)), (1, (222, 236, 238))],
    sea=[(0, (92, 160, 186)), (0.35, (44, 118, 156)), (1, (26, 84, 120))],
    cloud=(250, 252, 252), sun=(255, 252, 236), far=(110, 142, 160), near=(52, 88, 84),
    lamp=(255, 240, 200),
)  # fmt: skip
NIGHT = Light(
    sky=[(0, (12, 20, 40)), (0.6, (28, 44, 72)), (1, (58, 78, 104))],
    sea=[(0, (48, 66, 92)), (0.4, (24, 38, 62)), (1, (10, 18, 34))],
    cloud=(120, 136, 160), sun=(232, 236, 226), far=(30, 44, 66), near=(14, 22, 38),
    lamp=(255, 206, 128),
)  # fmt: skip
SUNRISE = Light(
    sky=[(0, (62, 74, 108)), (0.4, (146, 116, 126)), (0.75, (232, 156, 104)), (1, (252, 206, 136))],
    sea=[(0, (226, 168, 120)), (0.3, (130, 106, 112)), (1, (36, 42, 62))],
    cloud=(250, 190, 146), sun=(255, 226, 160), far=(112, 88, 100), near=(38, 36, 50),
    lamp=(255, 226, 160),
)  # fmt: skip
NOON = replace(BRIGHT, far=(168, 176, 184), near=(74, 82, 98))
