"""Door to the terminal: short, aligned, 80 columns; JSON for machines, plain lines for pipes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Self

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def say(line: str = "") -> None:
    """Print one line."""
    click.echo(line)


def show(as_json: bool, facts: Any, tell: Callable[[], None]) -> None:
    """Print the facts as JSON, or let `tell` say them."""
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2, default=_plain))
    else:
        tell()


def table(rows: Sequence[Sequence[object]], *, right: Sequence[int] = (), indent: int = 0) -> None:
    """Print rows with their columns aligned; the columns in `right` are flush right."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not texts:
        return
    columns = max(map(len, texts))
    widths = [
        max((len(row[n]) for row in texts if n < len(row)), default=0) for n in range(columns)
    ]
    for row in texts:
        cells = [
            cell.rjust(widths[n]) if n in right else cell.ljust(widths[n])
            for n, cell in enumerate(row)
        ]
        say(" " * indent + "  ".join(cells).rstrip())


def pairs(rows: Sequence[tuple[str, object]], *, indent: int = 2) -> None:
    """Print names with their values beside them."""
    table([(name, value) for name, value in rows], indent=indent)


def counted(number: int, one: str, many: str) -> str:
    """Give `1 story`, `2 stories`, `1,204 stories`."""
    return f"{number:,} {one if number == 1 else many}"


class Progress:
    """A bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, total: int, *, label: str) -> None:
        """Begin with nothing done of `total`."""
        self.total = total
        self.label = label
        self.terminal = sys.stdout.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._told = 0

    def __enter__(self) -> Self:
        if self.terminal:
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
        elif done - self._told >= max(self.total // 10, 500):
            self._told = done
            say(f"{self.label}  {done:,} of {self.total:,}")


def _plain(value: object) -> object:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)
