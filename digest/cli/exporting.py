"""The commands about many readers at once: subscribers export, stats, tag."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from digest.cli.opening import opened
from digest.cli.output import json_option, mark, pairs, say, show, table
from digest.cli.reader_words import act_of, newsletter_ids, newsletters_option, slug_of
from digest.cli.segmenting import condition_for, segment_of, segment_option, text_of
from digest.cli.wording import counted
from digest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.app import App
    from subscribers.segments import Segment

_PAGE = 1000
"""Readers a look at the database: memory stays flat, and no reader of it holds up a writer."""
_DAYS = 30


@click.command()
@segment_option
@newsletters_option
@click.option(
    "--format",
    "shape",
    type=click.Choice(["csv", "ndjson"]),
    default="csv",
    show_default=True,
    help="A line for each reader and newsletter, as CSV or as JSON.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file, not the terminal."
)
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
@json_option
@click.pass_context
def export(
    ctx: click.Context,
    expression: str | None,
    slugs: tuple[str, ...],
    *,
    shape: str,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write readers to a file that `subscribers import` reads back; it is recorded.

    Cells that a spreadsheet would run as a formula have an apostrophe before them.
    """
    if as_json and output is None:
        raise UsageError(
            "export: --json tells what was written, and here the readers are what is written",
            hint="Name a file with --output, or use --format ndjson.",
        )
    with opened(ctx) as app:
        ids = newsletter_ids(app, slugs)
        with app.database.read() as connection:
            segment = segment_of(app, connection, expression)
        job = _Job(app, ids, segment, shape)
        with _audited(job), _target(output, force=force) as file:
            for line in job.lines():
                file.write(line) if file else click.echo(line, nl=False)
    if output is not None:
        facts = {"file": str(output), "readers": job.readers, "lines": job.written}
        readers = counted(job.readers, "reader", "readers")
        lines = counted(job.written, "line", "lines")
        show(as_json, facts, lambda: mark("ok", f"{output}: {readers}, {lines}"))


@dataclass
class _Job:
    """One export: whom, in which shape, and how far it has come."""

    app: App
    ids: Sequence[int]
    segment: Segment | None
    shape: str
    readers: int = 0
    written: int = 0
    _after: int = field(default=0, repr=False)

    def lines(self) -> Iterator[str]:
        """Give the lines, the head first; a page of readers at a time."""
        from subscribers.exported import HEAD, csv_line, json_line

        write = csv_line if self.shape == "csv" else json_line
        if self.shape == "csv":
            yield HEAD
        while page := self._page():
            for lines in page:
                self.readers += bool(lines)
                self.written += len(lines)
                yield from map(write, lines)

    def _page(self) -> list[list[Any]]:
        from digest.editions.store import topic_bits
        from subscribers import crowd_store, directory_store
        from subscribers.exported import Letter, lines_of

        app, one = self.app, self.ids[0] if len(self.ids) == 1 else None
        with app.database.read() as connection:
            letters = {i: Letter(slug_of(app, i), topic_bits(connection, i)) for i in self.ids}
            asked = directory_store.Asked(
                newsletter_id=one,
                condition=condition_for(app, connection, self.segment, one),
            )
            found = directory_store.page_of(connection, asked, after=self._after, limit=_PAGE)
            hashes = {entry.reader.address_hmac for entry in found}
            never = crowd_store.reasons_of(connection, hashes)
        self._after = found[-1].reader.id if found else self._after
        now = app.clock()
        return [
            list(lines_of(e.reader, e.tags, e.standings, letters=letters, never=never, now=now))
            for e in found
        ]


@contextlib.contextmanager
def _audited(job: _Job) -> Iterator[None]:
    """Record who was taken out, also when it was cut off half-way."""
    from digest.people.store import append_audit

    try:
        yield
    finally:
        detail = {"segment": text_of(job.segment), "count": job.readers, "lines": job.written}
        with job.app.database.write() as connection:
            append_audit(
                connection,
                at=job.app.clock(),
                actor="command",
                verb="export",
                subject="",
                detail={**detail, "newsletters": [slug_of(job.app, each) for each in job.ids]},
            )


@contextlib.contextmanager
def _target(output: Path | None, *, force: bool) -> Iterator[IO[str] | None]:
    """Open the file so that it is there whole or not at all, and for our own eyes alone."""
    if output is None:
        yield None
        return
    if output.exists() and not force:
        raise _there(output)
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with os.fdopen(_opened_new(part, output), "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _put(part, output, force=force)
    finally:
        part.unlink(missing_ok=True)


def _opened_new(part: Path, output: Path) -> int:
    """Open our own file beside the one that was asked for; an error names the latter."""
    try:
        return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(output)) from error


def _put(part: Path, output: Path, *, force: bool) -> None:
    if force:
        part.replace(output)
        return
    try:
        output.hardlink_to(part)  # unlike a rename, it never takes the place of a file
    except FileExistsError as error:
        raise _there(output) from error


def _there(output: Path) -> UsageError:
    return UsageError(f"export: {output}: is there already", hint="Overwrite it with --force.")


@click.command()
@segment_option
@json_option
@click.pass_context
def stats(ctx: click.Context, expression: str | None, as_json: bool) -> None:
    """Count readers by newsletter and state, languages, and who came and left of late."""
    with opened(ctx) as app:
        facts = _figures(app, expression)
        show(as_json, facts, lambda: _tell_figures(facts))


def _figures(app: App, expression: str | None) -> dict[str, Any]:
    from subscribers import crowd_store
    from subscribers.address import ROLES
    from subscribers.model import SubscriptionState
    from subscribers.segments import Ago, day_starts

    now = app.clock()
    since, _ = day_starts(Ago(_DAYS - 1), now=now, zone=app.settings.site.timezone)
    with app.database.read() as connection:
        segment = segment_of(app, connection, expression)
        among = condition_for(app, connection, segment)
        states = crowd_store.count_states(connection, among, now=now)
        turnover = crowd_store.count_turnover(connection, among, since=since)
        newsletters = [
            {
                "newsletter": slug_of(app, each),
                **{state.value: states.get(each, {}).get(state, 0) for state in SubscriptionState},
                "joined_30_days": turnover.get(each, crowd_store.Turnover()).joined,
                "left_30_days": turnover.get(each, crowd_store.Turnover()).left,
            }
            for each in dict.fromkeys([*(n.id for n in app.newsroom.newsletters), *sorted(states)])
        ]
        return {
            "segment": segment.text if segment else "",
            "readers": crowd_store.count_readers(connection, among),
            "role_addresses": crowd_store.count_roles(connection, among, ROLES),
            "newsletters": newsletters,
            "languages": crowd_store.count_languages(connection, among),
        }


def _tell_figures(facts: dict[str, Any]) -> None:
    rows = [("Readers", f"{facts['readers']:,}")]
    if facts["segment"]:
        rows.insert(0, ("Segment", facts["segment"]))
    offices = counted(facts["role_addresses"], "address", "addresses")
    pairs([*rows, ("Offices", f"{offices} such as info@ or office@")])
    say()
    head = ("NEWSLETTER", "CONFIRMED", "PAUSED", "UNCONFIRMED", "LEFT", "JOINED 30 D", "LEFT 30 D")
    names = ("confirmed", "paused", "unconfirmed", "unsubscribed", "joined_30_days", "left_30_days")
    lines = [
        (line["newsletter"], *(f"{line[name]:,}" for name in names))
        for line in facts["newsletters"]
    ]
    table([head, *lines], right=range(1, len(head)), indent=2)
    if facts["languages"]:
        say()
        spoken = [(tag or "not told", f"{count:,}") for tag, count in facts["languages"].items()]
        table([("LANGUAGE", "READERS"), *spoken], right=[1], indent=2)


@click.command()
@click.argument("tag")
@click.argument("addresses", nargs=-1)
@segment_option
@click.option("--remove", is_flag=True, help="Take the tag off instead.")
@json_option
@click.pass_context
def tag(
    ctx: click.Context,
    tag: str,
    addresses: tuple[str, ...],
    *,
    expression: str | None,
    remove: bool,
    as_json: bool,
) -> None:
    """Mark readers with a word of your own, for segments; only their own data show it to them."""
    from subscribers.tags import read_tag

    word = read_tag(tag)
    if bool(addresses) == (expression is not None):
        both = ", not both" if addresses else ""
        raise UsageError(
            f"tag: give addresses or --segment{both}",
            hint="As in: digest subscribers tag member reader@example.org",
        )
    with opened(ctx) as app:
        if addresses:
            changed, meant = _tag_addresses(app, word, addresses, remove=remove)
        else:
            changed, meant = _tag_segment(app, word, expression, remove=remove)
    facts = {"tag": word, "removed": remove, "changed": changed, "readers": meant}
    show(as_json, facts, lambda: _tell_tagged(facts))


def _tag_addresses(
    app: App, word: str, addresses: Sequence[str], *, remove: bool
) -> tuple[int, int]:
    from subscribers import store
    from subscribers.address import read_address

    with app.database.read() as connection:
        found = {
            text: store.find_subscriber(connection, address_key=read_address(text).key)
            for text in addresses
        }
    people = {reader.id: reader.public_id for reader in found.values() if reader}
    missing = next((text for text, reader in found.items() if reader is None), None)
    if missing is not None:
        raise NotFoundError(
            f"subscribers: {missing}: is not on any list",
            hint="Nothing was changed. Look for the spelling with: digest subscribers list",
        )
    return _mark(app, word, people, remove=remove), len(people)


def _tag_segment(app: App, word: str, expression: str | None, *, remove: bool) -> tuple[int, int]:
    from digest.people.store import append_audit
    from subscribers import crowd_store

    after = changed = meant = 0
    with app.database.read() as connection:
        segment = segment_of(app, connection, expression)
    while True:
        with app.database.read() as connection:
            among = condition_for(app, connection, segment)
            page = crowd_store.next_readers(connection, among, after=after, limit=_PAGE)
        if not page:
            break
        changed += _mark(app, word, dict(page), remove=remove)
        meant += len(page)
        after = page[-1][0]
    detail = {"tag": word, "segment": text_of(segment), "count": changed}
    with app.database.write() as connection:
        verb = "untag" if remove else "tag"
        act = act_of(app)
        append_audit(connection, at=act.at, actor="command", verb=verb, subject="", detail=detail)
    return changed, meant


def _mark(app: App, word: str, people: dict[int, str], *, remove: bool) -> int:
    """Write one page of marks; followers of the feed hear of those that changed."""
    from subscribers import crowd_store

    change = crowd_store.drop_tag if remove else crowd_store.add_tag
    with app.database.write() as connection:
        changed = change(connection, word, people)
        crowd_store.tell_changed(connection, changed, at=app.clock())
    return len(changed)


def _tell_tagged(facts: dict[str, Any]) -> None:
    what = "lost the tag" if facts["removed"] else "got the tag"
    readers = counted(facts["changed"], "reader", "readers")
    rest = facts["readers"] - facts["changed"]
    before = ("had it not" if facts["removed"] else "had it before") if rest else ""
    mark("ok", f"{readers} {what} {facts['tag']!r}" + (f"; {rest:,} {before}" if rest else ""))
