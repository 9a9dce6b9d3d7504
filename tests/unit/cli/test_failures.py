from __future__ import annotations

import errno

import click
import pytest
import sqlalchemy as sa

from digest.cli.failures import Failure, failure, lines
from digest.errors import DigestError, SettingsError, UsageError

LOOK = "Look at [storage] database in digest.toml: it must answer, and be ours to write."
OURS = "The user that runs digest must be allowed to read and write it."


def _with_context(error: type[click.UsageError], sentence: str) -> click.UsageError:
    parent = click.Context(click.Command("digest"), info_name="digest")
    return error(sentence, click.Context(click.Command("prepare"), parent, info_name="prepare"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DigestError("a: b: c", hint="do"), Failure("a: b: c", "do", 1)),
        (UsageError("a: b"), Failure("a: b", "", 2)),
        (
            click.Abort(),
            Failure("stopped", "What was done until now is kept: digest status", 1),
        ),
        (
            _with_context(click.UsageError, "No such option: --wrong."),
            Failure("no such option: --wrong", "How it is used: digest prepare --help", 2),
        ),
        (click.UsageError("Wrong"), Failure("wrong", "How it is used: digest --help", 2)),
        (click.ClickException("Odd"), Failure("odd", "How it is used: digest --help", 1)),
        (
            sa.exc.OperationalError("SELECT 1", {}, Exception("attempt to write\nLINE 1")),
            Failure("database: attempt to write", LOOK),
        ),
        (
            sa.exc.InvalidRequestError("no such thing"),
            Failure("database: no such thing", LOOK),
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "preview"),
            Failure("preview: permission denied", OURS),
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            Failure(
                "no space left on device", "Make room on the disk; what was recorded is whole."
            ),
        ),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"),
            Failure(
                "a/b: not a directory", "Look whether this path is right and what stands there."
            ),
        ),
        (
            OSError("odd"),
            Failure("odd", "Look whether this path is right and what stands there."),
        ),
        (
            ZeroDivisionError(),
            Failure(
                "unexpected trouble: ZeroDivisionError: ZeroDivisionError",
                "This is a mistake of ours. Show it to us with: digest --debug …",
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_is_a_sentence_a_remedy_and_a_code(
    error: BaseException, expected: Failure
) -> None:
    assert failure(error) == expected


def test_an_error_is_one_line_and_its_hint() -> None:
    assert lines(Failure("a: b", "do c")) == ["digest: a: b", "  do c"]
    assert lines(Failure("a: b")) == ["digest: a: b"]


def test_a_list_of_problems_has_a_line_for_each() -> None:
    error = SettingsError("digest.toml has 2 problems:", problems=("one", "two"))
    assert lines(failure(error)) == ["digest: digest.toml has 2 problems:", "  one", "  two"]


def test_an_error_from_outside_cannot_steer_the_terminal() -> None:
    assert lines(Failure("\x1b[2Jgone")) == ["digest: [2Jgone"]
