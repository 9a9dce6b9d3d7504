"""Pure. What somebody wants to see of an edition, as the address of a preview's page says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from digest.checks.model import Report
from digest.composition.forced_dark import forced_dark
from digest.composition.model import Site
from digest.web.frames import (
    Scheme,
    in_new_window,
    in_scheme,
    with_pictures_from,
    without_pictures,
    without_sheet,
    without_styles,
)
from digest.workflow.preview import Preview

VIEWS: Final = {
    "letter": "Letter",
    "inbox": "Inbox row",
    "text": "Plain text",
    "headers": "Headers",
    "raw": "Raw message",
    "source": "Source",
}
"""The views of an edition by their address, in the order of their tabs."""

WIDTHS: Final = {600: "Desktop 600", 375: "Phone 375", 320: "Phone 320"}
"""How wide a letter is shown, in pixels."""

MODES: Final = {
    "light": "Light",
    "dark": "Dark",
    "forced": "Forced dark",
    "no-pictures": "Images off",
    "no-sheet": "No style sheet",
    "no-styles": "No styles",
}
"""What a mail program may make of a letter."""

_LONGEST = 320
"""Characters of anything that is asked for: an address has no more."""
_ONE = ("edition", "as", "at", "with")


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose copy of which edition; all empty: what the command was asked for."""

    edition: str = ""
    """As it is typed for the command: `daily`, `daily/1204`."""
    reader: str = ""
    topics: tuple[str, ...] | None = None
    at: str = ""
    """A cut-off, as `--at` takes it."""
    sample: str = ""
    """The name of a fixture, in place of real stories."""
    anew: bool = False
    """Composed by the templates as they are now, although it is kept."""

    @property
    def leads_elsewhere(self) -> bool:
        """Whether it may be of another language: a reader has one, and so has another letter."""
        return bool(self.edition or self.reader or self.sample)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Give it as parameters of an address."""
        values = (self.edition, self.reader, self.at, self.sample)
        named = [(name, value) for name, value in zip(_ONE, values, strict=True) if value]
        topics = [("topic", key) for key in self.topics or ()]
        return [*named, *topics, *([("anew", "1")] if self.anew else [])]


@dataclass(frozen=True, slots=True)
class Look:
    """How it is shown: these go along from view to view, with the wish."""

    wish: Wish = Wish()
    width: int = 600
    mode: str = "light"

    def query(self, **changes: object) -> str:
        """Give `?…` of it with some changes, or nothing where all is as usual."""
        look = replace(self, **changes)  # type: ignore[arg-type]  # the templates name fields of ours
        shown = [
            *([("width", str(look.width))] if look.width != Look().width else []),
            *([("mode", look.mode)] if look.mode != Look().mode else []),
        ]
        pairs = [*look.wish.pairs, *shown]
        return f"?{urlencode(pairs)}" if pairs else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """An edition as it was found, and who publishes it."""

    preview: Preview
    site: Site
    newsletters: Mapping[str, str]
    """The names of all newsletters by their slugs."""
    check: Callable[[], Report] | None = None
    """Runs the checks on it; None where there is no letter to check."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an edition cannot be shown as its files are now."""

    sentence: str
    hint: str = ""
    file: str = ""
    line: int | None = None
    excerpt: tuple[tuple[int, str], ...] = ()
    """The lines around the fault, with their numbers."""
    good_at: datetime | None = None
    """Of when the last good one is, that is shown instead."""


def read_look(params: QueryParams) -> Look:
    """Read the parameters of an address; what is not understood is as if it were not there."""
    width, mode = params.get("width", ""), params.get("mode", "")
    topics = tuple(key[:_LONGEST] for key in params.getlist("topic") if key)
    edition, reader, at, sample = (params.get(name, "")[:_LONGEST].strip() for name in _ONE)
    wish = Wish(edition, reader, topics or None, at, sample, anew=bool(params.get("anew", "")))
    return Look(
        wish=wish,
        width=int(width) if width in map(str, WIDTHS) else Look().width,
        mode=mode if mode in MODES else Look().mode,
    )


def in_mode(html: str, mode: str, *, public_url: str) -> str:
    """Give a letter as a frame of ours shows it: nothing of the letter's own is asked elsewhere."""
    html = with_pictures_from(html, public_url, "/images/")
    html = in_scheme(html, Scheme.DARK if mode == "dark" else Scheme.LIGHT)
    made = _MAKE.get(mode)
    return in_new_window(made(html) if made else html)


_MAKE: Final[Mapping[str, Callable[[str], str]]] = {
    "forced": forced_dark,
    "no-pictures": without_pictures,
    "no-sheet": without_sheet,
    "no-styles": without_styles,
}
