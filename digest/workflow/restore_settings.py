"""Pure. The digest.toml of a restored installation: every path of ours inside the one folder."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import tomli_w

from digest.config.lines import lines_of

_DATABASE, _KEYS = "sqlite:///var/digest.db", "var/keys"
_UNSUBSCRIBES, _JOURNAL = "var/unsubscribes.ndjson", "var/journal"
_SQLITE = "sqlite:///"
_Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a backup go, below the folder it is restored into."""

    database: str
    """The file of a SQLite database; "" for a database on a server."""
    keys: str
    unsubscribes: str
    templates: str
    brand: Mapping[str, str]
    """By the part's name, as `brand/logo.png`."""


def moved(text: str, *, server: str = "", parts: Collection[str]) -> tuple[str, Layout]:
    """Give the settings for their new folder, and the layout they name.

    A relative path stays as it is; one that leads out of the folder is replaced, so that nothing
    of the old installation is touched. `server` is the address of a database elsewhere. Comments
    stay, except where a changed setting stands in an inline table.
    """
    raw = tomllib.loads(text)
    storage, site = raw.get("storage", {}), raw.get("site", {})
    changes: dict[_Place, str | None] = {}

    def inside(place: _Place, table: Mapping[str, Any], default: str) -> str:
        given = table.get(place[-1])
        value = given if isinstance(given, str) and _is_inside(given) else default
        if value != given:
            changes[place] = value
        return value

    if server:
        changes["storage", "database"] = server
    elif not _is_inside_database(given := storage.get("database", _DATABASE)):
        changes["storage", "database"] = given = _DATABASE
    if "database_file" in storage:
        changes["storage", "database_file"] = None
        changes["storage", "database"] = server or _DATABASE
    database = "" if server else changes.get(("storage", "database")) or given
    keys = inside(("storage", "keys"), storage, _KEYS)
    unsubscribes = inside(("storage", "unsubscribes"), storage, _UNSUBSCRIBES)
    inside(("storage", "journal"), storage, _JOURNAL)
    own = any(name.startswith("templates/") for name in parts)
    templates = inside(("site", "templates"), site, "templates") if own else ""
    brand = {}
    for name in parts:
        if name.startswith("brand/"):
            which = PurePosixPath(name).stem
            brand[name] = inside(("site", "brand", which), site.get("brand", {}), name)
    layout = Layout(
        database=str(database).removeprefix(_SQLITE),
        keys=keys,
        unsubscribes=unsubscribes,
        templates=templates,
        brand=brand,
    )
    return _changed(text, raw, changes), layout


def _is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts


def _is_inside_database(url: object) -> bool:
    return (
        isinstance(url, str)
        and url.startswith(_SQLITE)
        and "?" not in url
        and _is_inside(url.removeprefix(_SQLITE))
    )


def _changed(text: str, raw: Mapping[str, Any], changes: Mapping[_Place, str | None]) -> str:
    wanted = _with(raw, changes)
    if wanted == raw:
        return text
    edited = _edited(text, changes)
    try:
        if tomllib.loads(edited) == wanted:
            return edited
    except tomllib.TOMLDecodeError:
        pass
    return tomli_w.dumps(wanted)


def _with(raw: Mapping[str, Any], changes: Mapping[_Place, str | None]) -> dict[str, Any]:
    wanted: dict[str, Any] = copy.deepcopy(dict(raw))
    for (*tables, name), value in changes.items():
        table = wanted
        for each in tables:
            table = table.setdefault(each, {})
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    return wanted


def _edited(text: str, changes: Mapping[_Place, str | None]) -> str:
    """Change lines where each setting has one of its own; what comes of it is read again."""
    lines = text.splitlines()
    known = lines_of(text)
    behind: dict[int, list[str]] = {}
    for place, value in changes.items():
        said = "" if value is None else f"{place[-1]} = {json.dumps(value, ensure_ascii=False)}"
        if place in known:
            lines[known[place] - 1] = said
        elif said and place[:-1] in known:
            behind.setdefault(known[place[:-1]], []).append(said)
        elif said:
            behind.setdefault(len(lines), []).extend(["", f"[{'.'.join(place[:-1])}]", said])
    out: list[str] = []
    for number, line in enumerate(lines, 1):
        out += [line, *behind.get(number, ())]
    return "\n".join(out) + "\n"
