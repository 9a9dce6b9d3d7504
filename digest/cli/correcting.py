"""The command that corrects a letter that readers have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

import click

from digest.cli.editions import account, tell_steps
from digest.cli.opening import edition_named, opened
from digest.cli.output import json_option, say, say_wrapped, show
from digest.cli.sending import begun_last
from digest.cli.wording import counted
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.app import App
    from digest.editions.model import Edition
    from digest.workflow.correct import Corrected


@click.command()
@click.argument("edition")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--mail", is_flag=True, help="Mail it to those who have the letter, once each.")
@click.option("--confirm", type=int, metavar="N", help="The number of readers, instead of asking.")
@click.option("--language", default="", metavar="TAG", help="What it is written in.")
@click.option("--by", default="", help="Who corrects. [default: your account's name]")
@json_option
@click.pass_context
def correct(
    ctx: click.Context,
    edition: str,
    file: TextIO,
    *,
    mail: bool,
    confirm: int | None,
    language: str,
    by: str,
    as_json: bool,
) -> None:
    """Put a dated note on the page of a letter that readers have.

    FILE has the words, as plain text with blank lines between paragraphs; - reads them from the
    pipe. With --mail it is mailed to those who have the letter, and to nobody else.
    """
    from digest.editions.wording import one_line
    from digest.workflow.correct import correct as correct_now
    from digest.workflow.halt import Person

    with opened(ctx) as app:
        found = begun_last(app, edition)
        text = _read(file)
        readers = _ask(app, found, confirm) if mail else 0
        newsletter = app.newsroom.newsletter(found.newsletter_id)
        own = newsletter.spec.language if newsletter else ""
        done = correct_now(
            app.database,
            found,
            text,
            by=Person(one_line(by) or account()),
            language=_tag(language) or own or app.newsroom.site.language,
            mail=mail,
            clock=app.clock,
            editors=app.newsroom.editors,
        )
        sent = _carried(app, done.mail) if done.mail else None
        show(as_json, _facts(done, sent, readers), lambda: _tell(app, done, sent, readers))


def _read(file: TextIO) -> str:
    try:
        return str(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"correct: {file.name}: cannot be read: {type(error).__name__}",
            hint="It is plain text in UTF-8.",
        ) from error


def _tag(language: str) -> str:
    from digest.config.model import LANGUAGE_TAG

    if language and LANGUAGE_TAG.fullmatch(language) is None:
        raise UsageError(
            f"correct: --language {language}: no tag of a language", hint="As in: --language de"
        )
    return language


def _ask(app: App, edition: Edition, confirm: int | None) -> int:
    from digest.workflow.correct import count_readers

    readers = count_readers(app.newsroom, edition)
    people = counted(readers, "reader", "readers")
    if confirm is not None and confirm != readers:
        raise UsageError(
            f"correct: {edition.address}: --confirm {confirm}, but {people}"
            f" {'has' if readers == 1 else 'have'} it",
            hint=f"Look again, then give --confirm {readers}",
        )
    if confirm is None and sys.stdin.isatty():
        question = f"This writes to {people} who have it. Type the number to go on"
        if click.prompt(question, err=True).replace(",", "").strip() != str(readers):
            raise UsageError("correct: that is another number: nothing was done")
    return readers


def _carried(app: App, mail: Edition) -> Edition:
    """Compose the mail and write its ledger here: no clockwork need run for it."""
    from digest.workflow.advance import carry

    carry(app.newsroom, mail)
    return edition_named(app, mail.address)


def _facts(done: Corrected, sent: Edition | None, readers: int) -> dict[str, Any]:
    return {
        "edition": done.edition.address,
        "note": done.note.n,
        "noted_at": done.note.noted_at,
        "already": done.already,
        "mail": sent and sent.address,
        "mail_state": sent and sent.state,
        "readers": readers,
    }


def _tell(app: App, done: Corrected, sent: Edition | None, readers: int) -> None:
    del app
    address, word = done.edition.address, "already " if done.already else ""
    say_wrapped(f"Corrected {word}by note {done.note.n}: it stands on the page of {address}.")
    if sent is None:
        say("  Nobody is mailed. To mail it to those who have the letter, add --mail.")
        return
    people = counted(readers, "reader", "readers")
    say_wrapped(f"Mailed as {sent.address} to {people}: it is {sent.state}.")
    tell_steps(
        [
            (f"digest send {sent.address}", "send it; digest serve does it too"),
            (f"digest status {sent.address}", "how many have it"),
        ]
    )
