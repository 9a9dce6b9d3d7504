"""The commands that run the product: serve, web, scheduler, worker."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli.opening import config_path, opened, settings_of
from digest.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.notify_systemd import ToldStop


_supervised = click.option("--supervised", is_flag=True, hidden=True)
_pulse = click.option(
    "--pulse",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Touch this file while the work goes on, for a health check.",
)


@click.command()
@click.pass_context
def serve(ctx: click.Context) -> None:
    """Run everything: web pages, collector and scheduler, and the sender, each apart.

    One child's crash is restarted and told; a second serve on the same database names the first
    and leaves with 1.
    """
    from digest import log
    from digest.db import Database
    from digest.notify_systemd import ToldStop, family, watch_of
    from digest.supervisor import stop_signals

    settings, watch = settings_of(ctx), watch_of(os.environ)
    log.set_up(as_json=settings.log.format == "json", process="serve")
    with contextlib.closing(Database(settings.storage.database)) as seats, seats.hold("serve"):
        with contextlib.ExitStack() as stack:
            with _uncollected():
                from digest.cli.serving import CHILDREN, opened_serving

                heard = stack.enter_context(family(watch, CHILDREN))
                opening = opened_serving(config_path(ctx), settings, heard)
                serving = stack.enter_context(opening)
            say(f"{settings.site.name}: http://{settings.web.listen}/subscribe")
            say(f"Mail goes to {serving.app.way_out}. Ctrl-C stops.")
            serving.run(stack.enter_context(stop_signals(ToldStop(watch))))
        say("Stopped.")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage while everything is loaded: it all stays for good."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _stopping(name: str, *, supervised: bool, pulse: Path | None) -> Iterator[ToldStop]:
    from digest.notify_systemd import stop_for, watch_of
    from digest.supervisor import stop_signals, stop_with_parent

    stop = stop_for(name, watch_of(os.environ, pulse=pulse))
    with stop_signals(stop):
        if supervised:
            stop_with_parent(stop)
        yield stop


@click.command()
@_supervised
@_pulse
@click.pass_context
def web(ctx: click.Context, supervised: bool, pulse: Path | None) -> None:
    """Run the web pages apart: subscribing, leaving, reading online."""
    from digest.notify_systemd import while_answering
    from digest.web.mount import pages_of
    from digest.web.server import serve_until

    with (
        opened(ctx, log_level=logging.INFO) as app,
        _stopping("web", supervised=supervised, pulse=pulse) as stop,
    ):
        where = app.settings.web
        proxies = where.trusted_proxies
        with while_answering(stop.watch, where.host, where.port):
            serve_until(stop, pages_of(app), where.host, where.port, trusted_proxies=proxies)


@click.command()
@_supervised
@_pulse
@click.pass_context
def scheduler(ctx: click.Context, supervised: bool, pulse: Path | None) -> None:
    """Run the collector and scheduler apart."""
    from digest.scheduler import run_scheduler

    with (
        opened(ctx, log_level=logging.INFO) as app,
        _stopping("scheduler", supervised=supervised, pulse=pulse) as stop,
    ):
        run_scheduler(app, stop=stop)


@click.command()
@_supervised
@_pulse
@click.pass_context
def worker(ctx: click.Context, supervised: bool, pulse: Path | None) -> None:
    """Run the sender apart."""
    from digest.worker import run_worker

    with (
        opened(ctx, log_level=logging.INFO) as app,
        _stopping("worker", supervised=supervised, pulse=pulse) as stop,
    ):
        run_worker(app, stop=stop)
