"""Written lists of what a checker may find: each entry with its reason, and none without a use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Allowances:
    """Patterns of what is allowed; `*` stands for anything."""

    patterns: tuple[str, ...]

    def judge(self, found: Iterable[str]) -> Verdict:
        """Compare what was found with what is allowed."""
        told = sorted(set(found))
        used = {p for p in self.patterns for words in told if fnmatchcase(words, p)}
        return Verdict(
            strangers=[w for w in told if not any(fnmatchcase(w, p) for p in self.patterns)],
            unused=[pattern for pattern in self.patterns if pattern not in used],
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What nothing allows, and which entries allow nothing any more."""

    strangers: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def read_allowances(name: str, folder: Path = DATA) -> Allowances:
    """Read a list of lines `WHAT | WHY`, or `WHAT | LEVEL ONE OTHER ... | LEVEL ... | WHY`.

    The longer form stands for the patterns `WHAT: LEVEL ONE`, `WHAT: LEVEL OTHER` and so on.
    Raises ValueError for a line without a reason.
    """
    lines = (folder / name).read_text("utf-8").splitlines()
    entries = [line for line in lines if line.strip() and not line.startswith("#")]
    patterns: list[str] = []
    for line in entries:
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) < len(("what", "why")) or not all(parts):
            raise ValueError(f"{name}: no reason: {line}")
        what, *groups, _why = parts
        if not groups:
            patterns.append(what)
        for level, *each in map(str.split, groups):
            patterns += (f"{what}: {level} {one}" for one in each)
    return Allowances(tuple(pattern.replace("[", "[[]") for pattern in patterns))
