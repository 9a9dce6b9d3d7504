"""The command line: names and one-line helps here, each command's module loaded when it is used."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("beginning", "Write digest.toml and keys for a new site."),
    "demo": ("demonstration", "A newsroom in a box: the whole way, on this machine alone."),
    "config": ("settings", "Check or show the settings."),
    "status": ("editions", "What is on now, what comes next, what needs you."),
    "sources": ("stories", "Add, list, check and remove where stories come from."),
    "collect": ("stories", "Poll the sources now."),
    "prepare": ("editions", "Choose the stories of a newsletter's next edition."),
    "explain": ("explaining", "Why a story is in or out, or an edition skipped."),
    "choose": ("choosing", "Pin, drop, move or reword the stories of an edition to come."),
    "preview": ("previewing", "Look at the next edition, or any other, in the browser."),
    "check": ("checking", "What is wrong with an edition, before anybody gets it."),
    "send-test": ("send_testing", "Mail an edition to the test readers, links that do nothing."),
    "approve": ("releasing", "Let an edition go at its hour."),
    "skip": ("releasing", "Drop an edition; its stories return to the pool."),
    "send": ("sending", "Send an approved edition now."),
    "stop": ("halting", "Stop an edition that is being sent."),
    "hold": ("halting", "Hold an edition, before its hour or while it is sent."),
    "resume": ("halting", "Go on with an edition that was stopped or held."),
    "retry": ("sending", "Send again to the deferred, failed or uncertain readers."),
    "correct": ("correcting", "Put a dated note on a letter that readers have."),
    "archive": ("archiving", "Take an edition out of the public archive, or put it back."),
    "subscribers": ("readers", "Add, list, show or unsubscribe readers."),
    "users": ("users", "Who may come to the desk, and what each may do."),
    "tokens": ("tokens", "Add, list and revoke the tokens of the API."),
    "webhooks": ("webhooks", "Programs of yours that are called when something happens here."),
    "templates": ("templates", "New, check and gallery: your own mail templates."),
    "keys": ("signing", "List, make or change the keys that sign our links and mail."),
    "home": ("home", "Where mail may leave from, and to say that it is here."),
    "backup": ("keeping", "Back up everything into one file, while it runs."),
    "restore": ("keeping", "Restore a backup, and say what was sent after it."),
    "serve": ("running", "Run everything: web, scheduler and sender."),
    "web": ("running", "Run the web pages apart."),
    "scheduler": ("running", "Run the collector and scheduler apart."),
    "worker": ("running", "Run the sender apart."),
}
"""Command → (module of this package, one-line help), in the order a newcomer meets them."""


def _show_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        from digest import __version__

        click.echo(f"digest {__version__}")
        ctx.exit()


@click.group(
    cls=lazy(COMMANDS, **{"send-test": "send_test"}),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.option(
    "--config",
    "-c",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("digest.toml"),
    envvar="DIGEST_CONFIG",
    show_default=True,
    help="The settings file.",
)
@click.option("--debug", is_flag=True, help="Show the whole trace of an error.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
@click.pass_context
def digest(ctx: click.Context, config: Path, debug: bool) -> None:
    """The newsletter and digest mailer: every story once, every reader once.

    EDITION is a newsletter's name (its current edition), or name/number, or name/date:
    daily, daily/1204, daily/2026-01-09. Commands that report take --json. Exit codes: 0 well,
    1 something is wrong, 2 used wrongly.
    """
    ctx.obj = {"config": config, "debug": debug}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave; an error is one line and a hint, a trace only with --debug."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    _survive_any_terminal()
    try:
        _refuse_broken_letters(words)
        in_front = ["--debug"] if debug else []  # it may stand anywhere; click wants it first
        words = [*in_front, *(word for word in words if word != "--debug")]
        code = digest.main(words, prog_name="digest", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        code = 1
    except Exception as error:
        if debug and not isinstance(error, (click.ClickException, click.Abort)):
            raise
        code = 1
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C twice
            code = _tell(error)
    sys.exit(code or 0)


def _tell(error: Exception) -> int:
    from digest.cli.failures import failure, lines

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    found = failure(error)
    for line in lines(found):
        click.echo(line, err=True)
    return found.code


def _refuse_broken_letters(words: Sequence[str]) -> None:
    """Refuse what no database could keep: bytes that are not UTF-8 reach us as half letters."""
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise click.UsageError(f"{word!r}: this is not text in UTF-8")


def _survive_any_terminal() -> None:
    """Print a question mark for a letter that the terminal does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _forget_output() -> None:
    """Let Python's last flush go nowhere: the reader of the pipe has left."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
