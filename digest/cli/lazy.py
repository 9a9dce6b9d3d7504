"""A group of commands whose modules are loaded only when one of theirs is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """A group that knows its commands' names and helps without importing them.

    `table` maps each to its module in this package and its one-line help, in the order shown; the
    module holds the command under the name that `attribute` gives.
    """

    table: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name them in the table's order."""
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load one."""
        del ctx
        if name not in self.table:
            return None
        module = import_module(f"digest.cli.{self.table[name][0]}")
        command: click.Command = getattr(module, self.attribute(name))
        return command

    def attribute(self, name: str) -> str:
        """Give what a command is called in its module."""
        return name

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line; a slip is answered with the name it is nearest to."""
        if args and args[0] not in self.table and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.table, 1)
            meant = f" Did you mean: {ctx.command_path} {near[0]}?" if near else ""
            ctx.fail(f"there is no command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the names with their one-line helps."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.table.items()])


def lazy(table: Mapping[str, tuple[str, str]], **attributes: str) -> type[LazyGroup]:
    """Make the class of one group; `attributes` name commands that Python's names cannot."""

    class Group(LazyGroup):
        def attribute(self, name: str) -> str:
            return attributes.get(name, name)

    Group.table = table
    return Group
