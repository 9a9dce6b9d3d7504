"""The command demo."""

from __future__ import annotations

from pathlib import Path

import click

from digest.cli.output import say


@click.command()
@click.option("--once", is_flag=True, help="Leave when all is sent.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep everything in this folder, and go on from there next time.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help="Where the pages answer. [default: 8025]",
)
@click.pass_context
def demo(ctx: click.Context, once: bool, keep: Path | None, port: int | None) -> None:
    """A newsroom in a box: a feed, one edition, 25 mailboxes, on this machine alone."""
    import logging

    from digest import log
    from digest.demo.run import run_demo
    from digest.supervisor import stop_signals

    log.set_up(level=logging.WARNING)
    with stop_signals() as stop:
        told = run_demo(keep=keep, once=once, port=port, tell=say, stop=stop)
    if told.tally.accepted != told.tally.total:
        ctx.exit(1)
