"""Door to the settings file, the environment and the files of secrets."""

from __future__ import annotations

import json
import os
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource

from digest.config.crossing import cross_errors
from digest.config.lines import line_of, lines_of
from digest.config.model import Settings
from digest.config.values import did_you_mean
from digest.errors import SettingsError

PREFIX = "DIGEST_"
OTHER_VARIABLES = frozenset({"DIGEST_CONFIG"})
"""Variables of ours that are no settings."""

_FILES = (("mail", "smtp", "password"), ("storage", "database"))
"""Settings that may be read from a file named by `<setting>_file`."""

_PATHS = (
    ("storage", "keys"),
    ("storage", "unsubscribes"),
    ("storage", "journal"),
    ("mail", "maildir"),
    ("site", "brand", "logo"),
    ("site", "brand", "logo_dark"),
    ("site", "templates"),
)


def load(path: Path, *, resolve: bool = True) -> Settings:
    """Read digest.toml and the DIGEST_ variables, which win.

    With `resolve`, files of secrets are read and relative paths start at the file's folder;
    without it, the settings are as they were written. Raises SettingsError with every problem at
    once, each with its line or variable, what is wrong, and what was probably meant.
    """
    text = _read(path)
    raw = _parse(text, path)
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(PREFIX) and name.upper() not in OTHER_VARIABLES
    }
    problems = _variable_problems(variables)
    if not problems:
        raw = _merge(raw, _from_environment())
    report = _Report(path, text, variables)
    settings = _validate(raw, report, problems)
    settings = _finish(settings, path.resolve().parent) if resolve else settings
    return settings.read_from(path)


class _Report:
    """Turns a place in the settings into words: the line in the file, or the variable."""

    def __init__(self, path: Path, text: str, variables: Mapping[str, str]) -> None:
        self.path = path
        self.lines = lines_of(text)
        self.variables = {name.upper(): name for name in variables}

    def __call__(self, place: tuple[str, ...], sentence: str) -> tuple[int, str]:
        dotted = ".".join(place)
        name = PREFIX + "__".join(place).upper()
        if name in self.variables:
            return 0, f"{self.variables[name]}: {sentence}"
        line = line_of(self.lines, place)
        return line or 0, f"line {line}: {dotted}: {sentence}" if line else f"{dotted}: {sentence}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SettingsError(
            f"settings: {path}: there is no such file",
            hint="Make one with: digest init   (or name it with --config FILE)",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings: {path}: cannot be read: {error}") from error


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f"line {match[1]}, column {match[2]}" if match else "at its end"
        what = str(error).partition(" (at ")[0]
        raise SettingsError(
            f"settings: {path} is not valid TOML:",
            problems=(f"{where}: {what}",),
            hint='Text stands in quotes: name = "Harbour Post".',
        ) from error


def _validate(raw: dict[str, Any], report: _Report, problems: list[str]) -> Settings:
    found = [(0, sentence) for sentence in problems]
    found += [report(place, sentence) for place, sentence in cross_errors(raw)]
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        found += [report(_place(item["loc"]), _sentence(dict(item))) for item in error.errors()]
    else:
        if not found:
            return settings
    sentences = tuple(dict.fromkeys(sentence for _, sentence in sorted(found)))
    count = "1 problem" if len(sentences) == 1 else f"{len(sentences)} problems"
    raise SettingsError(f"{report.path} has {count}:", problems=sentences)


def _place(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    return tuple(str(part) for part in loc if part != "[key]")


def _sentence(error: dict[str, Any]) -> str:
    kind, value = error["type"], error["input"]
    place = _place(error["loc"])
    if kind == "extra_forbidden":
        return f"unknown setting{did_you_mean(place[-1], _siblings(place))}"
    if kind == "missing":
        return "is missing"
    if kind == "string_pattern_mismatch" and "[key]" in error["loc"]:
        return "a name here is lower-case letters, digits and dashes, at most 40"
    sentence = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if "password" in place or isinstance(value, (dict, BaseModel, SecretStr)):
        return sentence
    return f"{sentence} (got {_shown(value)})"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004 - a line of the terminal


def _siblings(place: tuple[str, ...]) -> list[str]:
    parent = _type_at(place[:-1])
    return _names(parent) if _is_model(parent) else []


def _names(model: Any) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _plain(kind: Any) -> Any:
    """Take away `| None` and `Annotated`."""
    if typing.get_origin(kind) is typing.Annotated:
        return _plain(typing.get_args(kind)[0])
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        rest = [part for part in typing.get_args(kind) if part is not type(None)]
        return _plain(rest[0])
    return kind


def _type_at(place: tuple[str, ...]) -> Any:
    """Find what kind of setting stands at a place; None where there is no such setting."""
    kind: Any = Settings
    for part in place:
        if _is_model(kind):
            by_name = dict(zip(_names(kind), kind.model_fields.values(), strict=True))
            field = by_name.get(part)
            kind = _plain(field.annotation) if field is not None else None
        elif typing.get_origin(kind) is dict:
            kind = _plain(typing.get_args(kind)[1])
        else:
            return None
    return kind


def _variable_problems(variables: Mapping[str, str]) -> list[str]:
    """Check the names ourselves: the library ignores a mistyped variable silently."""
    problems = []
    for name, value in sorted(variables.items()):
        place = tuple(name[len(PREFIX) :].lower().split("__"))
        kind = _type_at(place)
        if kind is None or _is_model(kind) or typing.get_origin(kind) is dict:
            problems.append(f"{name}: unknown setting{_near_variable(name, place)}")
        elif _is_list_of_many(kind) and not _is_json_list(value):
            problems.append(f'{name}: a list is written as \'["one", "two"]\'')
    return problems


def _near_variable(name: str, place: tuple[str, ...]) -> str:
    """Look beside it first: in a table with a name of its own, as one of several relays."""
    siblings = _siblings(place)
    near = did_you_mean(place[-1], siblings) if len(place) > 1 else ""
    known = [(*place[:-1], sibling) for sibling in siblings] if near else _all_places(Settings, ())
    return did_you_mean(name.upper(), [PREFIX + "__".join(each).upper() for each in known])


def _is_list_of_many(kind: Any) -> bool:
    """Tell a list from a pair, as that of two hours, which is written as one text."""
    return typing.get_origin(kind) is tuple and Ellipsis in typing.get_args(kind)


def _all_places(kind: Any, place: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not _is_model(kind):
        return [place]
    found = []
    for name, field in zip(_names(kind), kind.model_fields.values(), strict=True):
        found += _all_places(_plain(field.annotation), (*place, name))
    return found


def _is_json_list(value: str) -> bool:
    try:
        return isinstance(json.loads(value), list)
    except ValueError:
        return False


def _from_environment() -> dict[str, Any]:
    source: Any = EnvSettingsSource
    values: dict[str, Any] = source(
        Settings, env_prefix=PREFIX, env_nested_delimiter="__", case_sensitive=False
    )()
    return values


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[name] = _merge(under, value) if both else value  # type: ignore[arg-type]
    return merged


def _finish(settings: Settings, folder: Path) -> Settings:
    """Read the files of secrets and make relative paths start at the folder of digest.toml."""
    raw = settings.model_dump(by_alias=True)
    for place in _FILES:
        _read_secret(raw, place, folder)
    for name in raw["mail"]["relays"]:
        _read_secret(raw, ("mail", "relays", name, "password"), folder)
    for place in _PATHS:
        _resolve(raw, place, folder)
    for name, source in raw["sources"].items():
        for secret in ("key", "sql"):
            _read_secret(raw, ("sources", name, secret), folder)
        for kind in ("feed", "page", "markdown"):
            if source[kind] and "://" not in source[kind]:
                source[kind] = str(folder / source[kind])
        if source["sql"]:
            source["sql"] = _resolve_database(source["sql"], folder)
    raw["storage"]["database"] = _resolve_database(raw["storage"]["database"], folder)
    return Settings.model_validate(raw)


def _table(raw: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any] | None:
    table: dict[str, Any] | None = raw
    for part in place:
        table = table.get(part) if table else None
    return table


def _read_secret(raw: dict[str, Any], place: tuple[str, ...], folder: Path) -> None:
    table = _table(raw, place[:-1])
    name = f"{place[-1]}_file"
    if not table or not table.get(name):
        return
    path = folder / table[name]
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"settings: {'.'.join((*place[:-1], name))}: {path}: cannot be read: {error}",
            hint="The file holds the secret alone; the user that runs digest must be able to read.",
        ) from error
    if not secret:
        raise SettingsError(f"settings: {'.'.join((*place[:-1], name))}: {path}: is empty")
    table[place[-1]] = secret
    table[name] = None


def _resolve(raw: dict[str, Any], place: tuple[str, ...], folder: Path) -> None:
    table = _table(raw, place[:-1])
    if table and table.get(place[-1]):
        table[place[-1]] = folder / table[place[-1]]


def _resolve_database(url: str, folder: Path) -> str:
    scheme, slashes, name = url.partition(":///")
    if scheme.startswith("sqlite") and slashes and name and not name.startswith((":memory:", "/")):
        return f"{scheme}:///{folder / name}"
    return url
