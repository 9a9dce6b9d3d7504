"""The command send-test: an edition to a few people who test it, and to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.editions import account
from digest.cli.opening import opened
from digest.cli.output import json_option, mark, say_wrapped, show
from digest.cli.sight import meant
from digest.cli.wording import counted, plain

if TYPE_CHECKING:
    from digest.workflow.send_test import SentTest


@click.command("send-test")
@click.argument("edition")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--language", default="", metavar="TAG", help="In this language alone.")
@click.option("--confirm", is_flag=True, help="To these addresses, although no setting names them.")
@click.option("--by", default="", help="Who tests. [default: your account's name]")
@json_option
@click.pass_context
def send_test(
    ctx: click.Context,
    edition: str,
    addresses: tuple[str, ...],
    *,
    language: str,
    confirm: bool,
    by: str,
    as_json: bool,
) -> None:
    """Mail an edition to the test readers, or to ADDRESS: "[Test]" before its subject.

    Its links do nothing, and no reader's record changes. Without ADDRESS it goes to those whom
    people.test_readers names; to anybody else only with --confirm.
    """
    from digest.editions.wording import one_line
    from digest.workflow.halt import Person
    from digest.workflow.send_test import send_test as send_now

    with opened(ctx) as app:
        newsletter, what = meant(app, edition, None)
        tested = send_now(
            app.newsroom,
            app.mailer,
            app.ways,
            newsletter,
            what,
            addresses=addresses,
            test_readers=app.settings.people.test_readers,
            by=Person(one_line(by) or account()),
            language=language,
            confirmed=confirm,
        )
        show(as_json, _facts(tested), lambda: _tell(tested, app.way_out))
    if not all(each.accepted for each in tested.copies):
        ctx.exit(1)


def _facts(tested: SentTest) -> dict[str, Any]:
    seen = tested.seen
    return {
        "edition": seen.edition.address,
        "set_hash": seen.set_hash,
        "copies": [
            {
                "address": each.address,
                "language": each.language,
                "state": each.reply.state,
                "code": each.reply.code,
                "reply": each.reply.text,
            }
            for each in tested.copies
        ],
        "warnings": seen.warnings,
    }


def _tell(tested: SentTest, way_out: str) -> None:
    seen = tested.seen
    accepted = sum(each.accepted for each in tested.copies)
    copies = counted(accepted, "test copy", "test copies")
    say_wrapped(f"{seen.edition.address}: {copies} accepted by {way_out}", then="  ")
    for each in tested.copies:
        name = f"{each.address} ({each.language})"
        said = plain(f"{each.reply.code} {each.reply.text}" if each.reply.code else each.reply.text)
        mark("ok" if each.accepted else "FAIL", name if each.accepted else f"{name}: {said}")
    for warning in seen.warnings:
        mark("warn", warning)
