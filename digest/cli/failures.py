"""Pure. Any error as one sentence, its remedy and an exit code: nobody but --debug sees a trace."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import click

from digest.cli.wording import plain
from digest.errors import DigestError

_OURS_TO_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class Failure:
    """What is printed of an error, and the code to leave with."""

    sentence: str
    hint: str = ""
    code: int = 1


def failure(error: BaseException) -> Failure:
    """Say what an error means to the person who typed the command."""
    if isinstance(error, DigestError):
        return Failure(str(error), error.hint, error.exit_code)
    if isinstance(error, click.Abort):
        return Failure("stopped", "What was done until now is kept: digest status")
    if isinstance(error, click.ClickException):
        return _wrong_use(error)
    if type(error).__module__.startswith("sqlalchemy."):
        return Failure(
            f"database: {_first_line(getattr(error, 'orig', None) or error)}",
            "Look at [storage] database in digest.toml: it must answer, and be ours to write.",
        )
    if isinstance(error, OSError):
        return _system(error)
    return Failure(
        f"unexpected trouble: {type(error).__name__}: {_first_line(error)}",
        "This is a mistake of ours. Show it to us with: digest --debug …",
    )


def lines(found: Failure) -> list[str]:
    """Give the lines to print: the sentence (a list of problems has several), then the hint."""
    first, *rest = (plain(line) for line in found.sentence.split("\n"))
    return [f"digest: {first}", *rest, *([f"  {plain(found.hint)}"] if found.hint else [])]


def _wrong_use(error: click.ClickException) -> Failure:
    sentence = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    name = context.command_path if context else "digest"
    return Failure(
        sentence[:1].lower() + sentence[1:], f"How it is used: {name} --help", error.exit_code
    )


def _system(error: OSError) -> Failure:
    cause = (error.strerror or _first_line(error)).lower()
    sentence = f"{error.filename}: {cause}" if error.filename else cause
    if error.errno in _OURS_TO_WRITE:
        return Failure(sentence, "The user that runs digest must be allowed to read and write it.")
    if error.errno in _NO_ROOM:
        return Failure(sentence, "Make room on the disk; what was recorded is whole.")
    return Failure(sentence, "Look whether this path is right and what stands there.")


def _first_line(error: object) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
