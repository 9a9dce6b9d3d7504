"""Door to the terminal: short, aligned, 80 columns; JSON for machines, plain lines for pipes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Self

import click

from digest.cli.wording import aligned, plain, wrapped

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")

_SOME_LINES = 10
_FEWEST = 500
"""A line in the log for so many readers at least, however short the list."""


def say(line: str = "") -> None:
    """Print one line."""
    click.echo(plain(line))


def say_wrapped(text: str, *, first: str = "", then: str = "") -> None:
    """Print a sentence over as many lines of 80 columns as it takes."""
    for line in wrapped(plain(text), first=first, then=then):
        say(line)


def mark(word: str, text: str, *, name: str = "") -> None:
    """Print `  ok    text`, `  FAIL  name  text`; what does not fit stands under the name."""
    say_wrapped(text, first=f"  {word:4}  {name}", then=" " * 8)


def show(as_json: bool, facts: Any, tell: Callable[[], None]) -> None:
    """Print the facts as JSON, or let `tell` say them."""
    if as_json:
        text = json.dumps(facts, ensure_ascii=not _speaks_unicode(), indent=2, default=_plain)
        click.echo(text)
    else:
        tell()


def table(
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[int] = (),
    indent: int = 0,
    shrink: int | None = None,
) -> None:
    """Print rows with their columns aligned; see `wording.aligned`."""
    for line in aligned(rows, right=right, indent=indent, shrink=shrink):
        say(line)


def pairs(rows: Sequence[tuple[str, object]]) -> None:
    """Print names with their values beside them."""
    table(rows, indent=2)


class Progress:
    """A bar on a terminal, a plain line now and then in a pipe, nothing beside JSON."""

    def __init__(self, total: int, *, label: str, silent: bool = False) -> None:
        """Begin with nothing done of `total`."""
        self.total = total
        self.label = label
        self.silent = silent
        self._bar: Any = None
        self._task: Any = None
        self._told = 0

    def __enter__(self) -> Self:
        if sys.stdout.isatty() and not self.silent:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("  {task.description}"),
                BarColumn(bar_width=40),
                MofNCompleteColumn(),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self.label, total=self.total)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, done: int) -> None:
        """Tell how many are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        elif not self.silent and done - self._told >= max(self.total // _SOME_LINES, _FEWEST):
            self._told = done
            say(f"{self.label}  {done:,} of {self.total:,}")


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _plain(value: object) -> object:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)
