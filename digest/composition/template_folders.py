"""Door to jinja2's loaders: a publisher's own folder first, then ours, and nothing outside them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateNotFound
from jinja2.loaders import split_template_path

from digest.errors import CompositionError

HOUSE = "house/"
"""Before the name of a template of ours: what a publisher's own of that name extends."""

MARK = "template:"
"""Begins the file name in a template's trace, so that its frames are told from Python's."""

_MAX_BYTES = 1_000_000


class Folders(BaseLoader):
    """Finds a template in the first folder that has it; under `house/` in the last one alone."""

    def __init__(self, ours: Path, publisher: Path | None = None) -> None:
        """Take our folder, and the publisher's, which goes first."""
        self._ours = ours
        self._publisher = publisher

    @property
    def has_publisher(self) -> bool:
        """Whether there is anything here that is not ours."""
        return self._publisher is not None

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Give a template's text, its name in a trace, and how to tell that it is still the same.

        Raises TemplateNotFound, and CompositionError for a file that cannot be used.
        """
        del environment
        path, shown, before = self._found(template)
        stamp = _stamp(path)
        text = _text(path, shown)
        return text, MARK + shown, lambda: _stamp(path) == stamp and _stamp(before) is None

    def list_templates(self) -> list[str]:
        """Name every template there is, each once, without the prefix of ours."""
        return sorted({*self.own(), *self.house()})

    def own(self) -> list[str]:
        """Name the templates in the publisher's folder."""
        return [] if self._publisher is None else _names(self._publisher)

    def house(self) -> list[str]:
        """Name ours."""
        return _names(self._ours)

    def _found(self, template: str) -> tuple[Path, str, Path | None]:
        """Find the file, the name it is told by, and the file that would go before it.

        Beside a publisher's folder ours are told with their prefix.
        """
        pieces = split_template_path(template.removeprefix(HOUSE))  # refuses .. and absolute ones
        shown = "/".join(pieces)
        before = None
        if self._publisher is not None:
            if not template.startswith(HOUSE):
                before = self._publisher.joinpath(*pieces)
                if _is_inside(self._publisher, before, shown):
                    return before, shown, None
            shown = HOUSE + shown
        path = self._ours.joinpath(*pieces)
        if not _is_inside(self._ours, path, shown):
            raise TemplateNotFound(template)
        return path, shown, before


def _is_inside(folder: Path, path: Path, shown: str) -> bool:
    """Tell whether there is such a file. Raises CompositionError when a link leads out."""
    if not path.is_file():
        if os.path.lexists(path) or not folder.is_dir():  # else ours would go in its place, unseen
            cause = "it is no file" if folder.is_dir() else f"the folder {folder.name} is gone"
            raise CompositionError(
                f"template: {shown}: {cause}",
                template=shown,
                hint="Put a text in UTF-8 in its place, or take it out: ours is used then.",
            )
        return False
    if not path.resolve().is_relative_to(folder.resolve()):
        raise CompositionError(
            f"template: {shown}: it leads out of the folder {folder.name}",
            template=shown,
            hint="Put a copy in its place: a link may not lead out of the folder of templates.",
        )
    return True


def _text(path: Path, shown: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise CompositionError(
                f"template: {shown}: it has more than {_MAX_BYTES // 1_000_000} MB", template=shown
            )
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CompositionError(
            f"template: {shown}: it cannot be read: {error}",
            template=shown,
            hint="A template is a text in UTF-8 that the user who runs digest may read.",
        ) from error


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Give what changes with a file; asked for each template of each letter, so it is cheap."""
    try:
        found = os.stat(path) if path else None  # noqa: PTH116 - a third of what a Path takes
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def _names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.glob("*/*")
        if path.suffix in {".mjml", ".txt", ".css"}
    )
