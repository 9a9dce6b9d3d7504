"""The commands that run the product: serve, web, scheduler, worker."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from digest.cli.opening import config_path, opened
from digest.cli.output import say
from digest.errors import DigestError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORT_PATIENCE = 3.0
CHILDREN = ("web", "scheduler", "worker")

_supervised = click.option("--supervised", is_flag=True, hidden=True)


@click.command()
@click.pass_context
def serve(ctx: click.Context) -> None:
    """Run everything: web pages, collector and scheduler, and the sender, each apart.

    One child's crash is restarted and told; a second serve on the same database names the first
    and leaves with 1.
    """
    from digest.supervisor import stop_signals, supervise

    with opened(ctx, log_level=logging.INFO) as app, app.database.hold("serve"):
        where = app.settings.web
        _try_port(where.host, where.port)  # taken: one line here, not one a restart
        say(f"{app.settings.site.name}: http://{where.listen}/subscribe")
        say(f"Mail goes to {app.way_out}. Ctrl-C stops.")
        # Without -P a folder named `digest` where the command is typed would be run in our place.
        program = [sys.executable, "-P", "-m", "digest", "--config", str(config_path(ctx))]
        with stop_signals() as stop:
            supervise(CHILDREN, command=program, stop=stop, tell=app.tell_crash)
        say("Stopped.")


def _try_port(host: str, port: int) -> None:
    """Make sure the port can be had; the child of a serve that was killed may still be leaving."""
    from digest.web.server import open_socket

    patience_ends = time.monotonic() + _PORT_PATIENCE
    while True:
        try:
            open_socket(host, port).close()
        except DigestError:
            if time.monotonic() >= patience_ends:
                raise
            time.sleep(0.2)
        else:
            return


@contextmanager
def _stopping(*, supervised: bool) -> Iterator[threading.Event]:
    from digest.supervisor import stop_signals, stop_with_parent

    with stop_signals() as stop:
        if supervised:
            stop_with_parent(stop)
        yield stop


@click.command()
@_supervised
@click.pass_context
def web(ctx: click.Context, supervised: bool) -> None:
    """Run the web pages apart: subscribing, leaving, reading online."""
    from digest.web.mount import pages_of
    from digest.web.server import serve_until

    with opened(ctx, log_level=logging.INFO) as app, _stopping(supervised=supervised) as stop:
        where = app.settings.web
        proxies = where.trusted_proxies
        serve_until(stop, pages_of(app), where.host, where.port, trusted_proxies=proxies)


@click.command()
@_supervised
@click.pass_context
def scheduler(ctx: click.Context, supervised: bool) -> None:
    """Run the collector and scheduler apart."""
    from digest.scheduler import run_scheduler

    with opened(ctx, log_level=logging.INFO) as app, _stopping(supervised=supervised) as stop:
        run_scheduler(app, stop=stop)


@click.command()
@_supervised
@click.pass_context
def worker(ctx: click.Context, supervised: bool) -> None:
    """Run the sender apart."""
    from digest.worker import run_worker

    with opened(ctx, log_level=logging.INFO) as app, _stopping(supervised=supervised) as stop:
        run_worker(app, stop=stop)
