"""The commands about readers: subscribers add, list, show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from digest.cli.lazy import lazy
from digest.cli.opening import opened
from digest.cli.output import json_option, mark, say, show, table
from digest.cli.reader_words import act_of, newsletter_ids, newsletters_option, slug_of, time_of
from digest.cli.segmenting import condition_for, segment_of, segment_option
from digest.cli.wording import counted, listed
from digest.errors import DigestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.app import App
    from subscribers.directory_store import Entry
    from subscribers.manner import Manner
    from subscribers.model import Subscriber, Subscription
    from subscribers.segments import Segment

READERS: dict[str, tuple[str, str]] = {
    "add": ("readers", "Add readers who have agreed elsewhere."),
    "list": ("readers", "List readers with where they stand."),
    "show": ("rights", "Show one reader and the log of their consent, or export it all."),
    "tag": ("exporting", "Mark readers with a word of your own, for segments."),
    "export": ("exporting", "Write readers to a file that import reads back."),
    "stats": ("exporting", "Count readers by newsletter, state and language."),
    "unsubscribe": ("leaving", "End what a reader gets, at once; they may come back."),
    "suppress": ("rights", "Never mail an address, whoever asks for it; their data stay."),
    "erase": ("rights", "Take a reader's data away; only a keyed hash stays."),
    "import": ("importing", "Bring readers in from another program's files; first only a look."),
    "replay": ("leaving", "Bring in from the file who left and is still in the database."),
}
"""Command → (module of this package, one-line help)."""


@click.group(
    cls=lazy(READERS, list="list_readers", show="show_reader", **{"import": "import_readers"})
)
def subscribers() -> None:
    """Readers: add and list them, bring them in and out, let them go."""


@click.command()
@click.argument("addresses", nargs=-1, required=True)
@newsletters_option
@click.option("--again", is_flag=True, help="Also those who have left before.")
@click.option("--language", metavar="TAG", help="The language of their letters, as de or pt-BR.")
@click.option(
    "--format", "shape", type=click.Choice(["html", "text"]), help="With HTML, or text alone."
)
@click.option("--zone", metavar="ZONE", help="Their time zone, as Europe/London.")
@click.option("--tag", "tags", multiple=True, help="A mark of your own; may be repeated.")
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    addresses: tuple[str, ...],
    slugs: tuple[str, ...],
    *,
    again: bool,
    language: str | None,
    shape: str | None,
    zone: str | None,
    tags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add readers who have agreed elsewhere; they are confirmed at once, and it is recorded.

    For somebody who is there already, the options change what they get from now on; --tag adds.
    """
    from subscribers.tags import read_tag

    with opened(ctx) as app:
        text_only = None if shape is None else shape == "text"
        words = frozenset(map(read_tag, tags))
        wishes = _Wishes(_language(language), text_only, _zone(zone), words)
        ids = newsletter_ids(app, slugs)
        other = _other_language(app, wishes.language, ids)
        facts = [
            {**_added(app, address, ids, again=again, wishes=wishes), "warning": other}
            for address in addresses
        ]
    show(as_json, facts, lambda: _tell_added(facts, other))
    if any(one["problem"] for one in facts):
        ctx.exit(1)


@dataclass(frozen=True)
class _Wishes:
    """How these readers want their letters (None: as it is), and the marks they get."""

    language: str | None
    text_only: bool | None
    zone: str | None
    tags: frozenset[str]

    def of(self, manner: Manner) -> Manner:
        """Give a reader's manner as it is from now on."""
        given = {"language": self.language, "text_only": self.text_only, "zone": self.zone}
        told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return replace(manner, **told)


def _language(tag: str | None) -> str | None:
    from digest.config.model import LANGUAGE_TAG

    if tag is not None and not LANGUAGE_TAG.fullmatch(tag):
        raise UsageError(f"language: {tag!r}: not a language tag", hint="Write it as de or pt-BR.")
    return tag


def _other_language(app: App, tag: str | None, ids: Sequence[int]) -> str:
    """Say in what language letters come that are not made in the one asked for."""
    from digest.composition.language import nearest

    if tag is None:
        return ""
    come: dict[str, list[str]] = {}
    for newsletter in app.newsroom.newsletters:
        offered = app.newsroom.languages_of(newsletter.spec)
        if newsletter.id in ids and nearest(tag, offered) is None:
            come.setdefault(offered[0], []).append(newsletter.slug)
    told = [
        f"{listed(slugs)} {'are' if slugs[1:] else 'is'} not made in it:"
        f" {'they come' if slugs[1:] else 'it comes'} in {own}"
        for own, slugs in come.items()
    ]
    return f"language {tag}: {'; '.join(told)}" if told else ""


def _zone(zone: str | None) -> str | None:
    from zoneinfo import available_timezones

    from digest.config.values import did_you_mean

    if zone is not None and zone not in available_timezones():
        near = did_you_mean(zone, available_timezones())
        hint = "Write it as Europe/London."
        raise UsageError(f"zone: {zone!r}: no such time zone{near}", hint=hint)
    return zone


def _added(
    app: App, address: str, ids: Sequence[int], *, again: bool, wishes: _Wishes
) -> dict[str, Any]:
    from subscribers.address import read_address
    from subscribers.amend import amend
    from subscribers.signup import add as add_one

    act = act_of(app)
    try:
        read = read_address(address)
        before = _entry(app, read.key)
        outcome = add_one(app.database, address, ids, act, keys=app.keys, again=again)
    except DigestError as error:
        problem = {"problem": str(error), "hint": error.hint}
        return {"address": address, "added": [], "changed": [], **problem}
    after = _entry(app, read.key)
    if after is not None:
        tags = wishes.tags | set(after.tags)
        amend(app.database, after.reader.public_id, act, manner=wishes.of, tags=tags)
    added = [slug_of(app, each) for each in outcome.changed]
    changed = _differences(before, _entry(app, read.key))
    told = {"added": added, "changed": changed, "problem": "", "hint": ""}
    return {"address": read.mailed, **told}


def _entry(app: App, address_key: str) -> Entry | None:
    from subscribers import directory_store
    from subscribers.directory_store import Asked

    with app.database.read() as connection:
        asked = Asked(address_key=address_key)
        return next(iter(directory_store.page_of(connection, asked, after=0, limit=1)), None)


def _differences(before: Entry | None, after: Entry | None) -> list[str]:
    """Say what is otherwise now with somebody who was there before."""
    if before is None or after is None:
        return []
    old, new = before.reader, after.reader
    found = []
    if old.language != new.language:
        found.append(f"language {new.language}")
    if old.text_only != new.text_only:
        found.append("text alone" if new.text_only else "with HTML")
    if old.zone != new.zone:
        found.append(f"zone {new.zone}")
    return found + [f"tag {tag}" for tag in after.tags if tag not in before.tags]


def _tell_added(facts: Sequence[dict[str, Any]], warning: str) -> None:
    for one in facts:
        if one["problem"]:
            mark("FAIL", one["problem"])
            mark("", one["hint"])
            continue
        what = f"added to {listed(one['added'])}" if one["added"] else "was there already"
        changed = f"; changed: {listed(one['changed'])}" if one["changed"] else ""
        mark("ok", f"{one['address']} {what}{changed}")
    if warning and not all(one["problem"] for one in facts):
        mark("warn", warning)
        mark("", 'To make one in more languages: languages = ["de"] in digest.toml.')


@click.command("list")
@newsletters_option
@segment_option
@click.option(
    "--state",
    type=click.Choice(["confirmed", "paused", "unconfirmed", "unsubscribed"]),
    help="Only who stands like this.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many at most, each newsletter.",
)
@json_option
@click.pass_context
def list_readers(
    ctx: click.Context,
    slugs: tuple[str, ...],
    *,
    expression: str | None,
    state: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the readers of each newsletter with where they stand."""
    from subscribers import store

    with opened(ctx) as app:
        rows: list[dict[str, Any]] = []
        total = 0
        with app.database.read() as connection:
            segment = _with_state(segment_of(app, connection, expression), state)
            for each in newsletter_ids(app, slugs):
                among = condition_for(app, connection, segment, each)
                total += store.count_listed(connection, each, among=among)
                found = store.list_subscribers(connection, each, among=among, limit=limit)
                rows += [_row(app, each, *one) for one in found]
        nobody = segment is not None
        show(as_json, rows, lambda: _tell_list(app, rows, total, asked=nobody))


def _with_state(segment: Segment | None, state: str | None) -> Segment | None:
    """Ask for a state too: in a list it is that of the newsletter listed."""
    from subscribers.segments import Every, Field, Has, Segment

    if state is None:
        return segment
    stands = Has(Field.STATE, (state,))
    return Segment(stands if segment is None else Every((segment.rule, stands)))


def _row(
    app: App, newsletter_id: int, reader: Subscriber, standing: Subscription
) -> dict[str, Any]:
    from subscribers.segments import state_at

    since = standing.ended_at if standing.ended else standing.confirmed_at
    return {
        "address": reader.address,
        "newsletter": slug_of(app, newsletter_id),
        "state": state_at(standing, app.clock()),
        "since": since or standing.requested_at,
    }


def _tell_list(app: App, rows: Sequence[dict[str, Any]], total: int, *, asked: bool) -> None:
    if not rows:
        nobody = "Nobody stands like that."
        say(nobody if asked else "No readers yet. Add one: digest subscribers add ADDRESS")
        return
    head = ("ADDRESS", "NEWSLETTER", "STATE", "SINCE")
    lines = [(r["address"], r["newsletter"], r["state"], time_of(app, r["since"])) for r in rows]
    table([head, *lines])
    if total > len(rows):
        say(f"{len(rows):,} of {counted(total, 'line', 'lines')}; more with --limit")
