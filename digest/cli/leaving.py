"""The commands by which a reader leaves: subscribers unsubscribe, and the file of who has left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from digest.cli.opening import opened
from digest.cli.output import json_option, mark, say, show
from digest.cli.reader_words import act_of, newsletter_ids, newsletters_option, slug_of
from digest.cli.wording import counted, listed
from digest.errors import DatabaseError, NotFoundError, UsageError

if TYPE_CHECKING:
    from digest.app import App
    from subscribers.leaving import Goodbye, LeftByMail

_TRY_AGAIN_LATER = 75
"""EX_TEMPFAIL of sysexits.h: a mail server that pipes into us keeps the mail and comes again."""


@click.command()
@click.argument("address", required=False)
@newsletters_option
@click.option(
    "--mail",
    type=click.File("rb"),
    metavar="FILE",
    help="Read a mail to the unsubscribe address instead; - is standard input.",
)
@json_option
@click.pass_context
def unsubscribe(
    ctx: click.Context,
    address: str | None,
    slugs: tuple[str, ...],
    *,
    mail: BinaryIO | None,
    as_json: bool,
) -> None:
    """End what a reader gets, at once, also mail that is already planned.

    They stay in the log of consent and may come back by themselves. Who must never be mailed again
    is for `suppress`; whose data must go is for `erase`.

    With --mail, a mail as it came in: the signed link in its subject says who leaves. A mail server
    can pipe into it: it leaves with 75 when the mail is to be kept and brought again.
    """
    if (address is None) == (mail is None):
        both = ", not both" if mail else ""
        raise UsageError(
            f"unsubscribe: give an address or --mail{both}",
            hint="As in: digest subscribers unsubscribe reader@example.org",
        )
    if mail is not None:
        _by_mail(ctx, mail.read(_LONGEST_MAIL), as_json=as_json)
    else:
        _by_address(ctx, address or "", slugs, as_json=as_json)


def _by_address(ctx: click.Context, address: str, slugs: tuple[str, ...], *, as_json: bool) -> None:
    from subscribers.leaving import unsubscribe_address

    with opened(ctx) as app:
        ids = newsletter_ids(app, slugs) if slugs else None
        act = act_of(app)
        outcome = unsubscribe_address(app.database, address, ids, act, departures=app.departures)
        ended = [slug_of(app, each) for each in outcome.changed]

    def tell() -> None:
        if ended:
            say(f"Unsubscribed from {listed(ended)}.")
        else:
            say("They were not subscribed; nothing changed.")

    show(as_json, {"address": address, "unsubscribed": ended}, tell)


_LONGEST_MAIL = 1 << 20
"""More than what is looked at; the rest of a larger mail stays unread."""


def _by_mail(ctx: click.Context, message: bytes, *, as_json: bool) -> None:
    from dataclasses import replace

    from subscribers.leaving import leave_by_mail

    try:
        with opened(ctx) as app:
            act = replace(act_of(app), via="mail")
            left = leave_by_mail(
                app.database,
                message,
                act,
                keys=app.keys,
                departures=app.departures,
                goodbye=_goodbye(app),
            )
            asked = bool(left.ask) and _asked(app, left)
            ended = [slug_of(app, each) for one in left.outcomes for each in one.changed]
    except DatabaseError as error:
        click.echo(f"digest: {error}", err=True)
        ctx.exit(_TRY_AGAIN_LATER)
    facts = {"wish": left.wish, "unsubscribed": ended, "asked": asked, "reason": left.reason}
    show(as_json, facts, lambda: _tell_mail(left, ended, asked=asked))


def _tell_mail(left: LeftByMail, ended: list[str], *, asked: bool) -> None:
    if ended:
        say(f"Unsubscribed from {listed(ended)}.")
    elif left.outcomes:
        say("They had left before; nothing changed.")
    elif asked:
        say(
            "No link of ours in its subject: whoever has its address is sent a fresh one,"
            " at most once an hour."
        )
    else:
        say(f"Nothing done: {left.reason or 'too many such mails just now'}.")


def _asked(app: App, left: LeftByMail) -> bool:
    """Write a fresh link to who wrote, when they are a reader; False when there were too many."""
    from dataclasses import replace

    from digest.site_values import signup_policy
    from subscribers.limits import LimitError
    from subscribers.own_link import ask_for_link

    site = app.newsroom.site
    try:
        ask_for_link(
            app.database,
            left.ask,
            replace(act_of(app), via="mail"),
            keys=app.keys,
            link=lambda token: f"{site.public_url}/p/{token}",
            policy=signup_policy(app.settings),
            language=site.language,
        )
    except LimitError:
        return False
    return True


def _goodbye(app: App) -> Goodbye | None:
    """Give what the last mail says, when the publisher wants one."""
    from subscribers.leaving import Goodbye

    if not app.settings.readers.goodbye:
        return None
    site = app.newsroom.site
    names = {each.id: each.spec.name for each in app.newsroom.newsletters}
    return Goodbye(names, f"{site.public_url}/subscribe", site.language)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@json_option
@click.pass_context
def replay(ctx: click.Context, file: Path | None, as_json: bool) -> None:
    """Read the file of who has left again, whole, and end what the database has missed.

    This is done by itself at every start, from where it was read to. By hand it is for the file of
    another machine, or one that you have mended. Who has come back since stays. With damaged lines
    it leaves with 1; the others are read all the same.
    """
    from digest.workflow.replay import replay_departures
    from subscribers.departures import Departures

    with opened(ctx) as app:
        kept = Departures(file) if file else app.departures
        if not kept.size():
            raise NotFoundError(
                f"file of who has left: {kept.path}: there is none, or nobody has left yet",
                hint="[storage] unsubscribes in digest.toml names it.",
            )
        done = replay_departures(app.database, kept, keys=app.keys, now=app.clock(), whole=True)

    def tell() -> None:
        say(f"{counted(done.lines, 'line', 'lines')} read.")
        if done.damaged:
            mark("warn", f"{counted(done.damaged, 'line is', 'lines are')} damaged: passed over.")
        was = counted(done.applied, "line was", "lines were")
        say(f"{was} news to the database, which knows them now." if done.applied else "No news.")

    facts = {"lines": done.lines, "applied": done.applied, "damaged": done.damaged}
    show(as_json, {"file": str(kept.path), **facts}, tell)
    if done.damaged:
        ctx.exit(1)
