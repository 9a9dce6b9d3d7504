"""Door to the settings file of a program that runs: is what stands there now to be taken?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from digest.config.lines import line_of, lines_of
from digest.config.model import Settings
from digest.config.reading import load
from digest.errors import SettingsError

Require = Callable[[Settings], None]
"""Raises SettingsError for settings that are valid and still of no use."""

_CANNOT_CHANGE = "cannot change while it runs: stop digest serve, and start it again"


def read_again(path: Path, running: Settings, *, require: Require) -> Settings | None:
    """Read digest.toml and the variables as at a start; None when they say what they said.

    Comments, order and another way to write the same value are no change. What is given is valid,
    passed `require`, and can be taken by restarting what was started with `running`. Raises
    SettingsError, which names each mistake with its line: what runs goes on with what it has.
    """
    there = load(path)
    if there == running:
        return None
    _require_same_storage(path, running, there)
    require(there)
    return there


def _require_same_storage(path: Path, running: Settings, there: Settings) -> None:
    # Whoever supervises has opened and holds these: a child with others would be alone with them.
    lines = lines_of(path.read_text("utf-8-sig"))
    problems = []
    for name in type(there.storage).model_fields:
        if getattr(running.storage, name) != getattr(there.storage, name):
            line = line_of(lines, ("storage", name))
            where = f"line {line}: " if line else ""
            problems.append(f"{where}storage.{name}: {_CANNOT_CHANGE}")
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise SettingsError(f"{path} has {count}:", problems=tuple(problems))
