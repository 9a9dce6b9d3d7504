"""The command preview: the edition to come, or one that is there, in a browser or as files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import edition_named, moment, newsletter_named, opened
from digest.cli.output import json_option, mark, say, say_wrapped, show, table
from digest.cli.wording import cut, plain
from digest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.app import App
    from digest.composition.pictures import BorrowedShelf
    from digest.editions.model import Edition, Newsletter, Slot
    from digest.workflow.preview import Copy, Preview

_FEW = 20
_HEADLINE_COLUMNS = 70
_FAR_AHEAD = 30
"""So many slots ahead are looked at for one that is free."""


@click.command()
@click.argument("edition", required=False)
@click.option(
    "--at", "at_text", metavar="TIME", help="As of a cut-off, past or to come: 2026-01-09T06:30."
)
@click.option(
    "--as", "address", metavar="ADDRESS", help="This reader's copy; its links change nothing."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write HTML, text and message to this folder instead.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where it answers. [default: a free one]",
)
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser.")
@json_option
@click.pass_context
def preview(
    ctx: click.Context,
    edition: str | None,
    *,
    at_text: str | None,
    address: str | None,
    out: Path | None,
    port: int,
    in_browser: bool,
    as_json: bool,
) -> None:
    """Look at an edition in the browser, on this machine alone: inbox row, HTML, text, headers.

    It is the newsletter's edition that waits or else the next, as `digest prepare` would make it
    now; without EDITION, of the newsletter that comes first. An edition that was made is shown as
    it is kept: those bytes go out. Nothing is written, nothing is sent.
    """
    with opened(ctx, read_only=True) as app:
        sight = _Sight(app, edition, moment(app, at_text), address)
        seen = sight.look()
        if seen.reason:
            _tell_short(seen, as_json=as_json)
            ctx.exit(1)
        if out is not None:
            files = _write_files(seen, sight.shelf, out, app.newsroom.site.public_url)
            show(as_json, _facts(seen, files), lambda: _tell_files(seen, files))
        elif as_json:
            show(as_json, _facts(seen, {}), lambda: None)
        else:
            _serve(app, sight, seen, port=port, in_browser=in_browser)


class _Sight:
    """What somebody asked to see: found out anew at each look, as editions come and go."""

    def __init__(
        self, app: App, edition: str | None, at: datetime | None, address: str | None
    ) -> None:
        from digest.composition.logo import read_logos
        from digest.composition.pictures import BorrowedShelf

        self.app, self.edition, self.at, self.address = app, edition, at, address
        self.shelf = BorrowedShelf(app.database)
        brand = app.settings.site.brand
        logos = read_logos(brand.logo, brand.logo_dark)
        for name, made in (("logo", logos.light), ("logo_dark", logos.dark)):
            if made is not None:  # it may be newer than the one on our own shelf
                self.shelf.keep(name, "logo", made.image, at=app.clock())

    def look(self) -> Preview:
        """Look at it now. Raises DigestError."""
        from digest.workflow.preview import preview as look_at

        app = self.app
        newsletter, what = _meant(app, self.edition, self.at)
        seen = look_at(
            app.newsroom, app.mailer, newsletter, what, shelf=self.shelf, address=self.address
        )
        told = dict.fromkeys((*seen.warnings, *app.newsroom.told))
        return replace(seen, warnings=tuple(told))


def _meant(app: App, name: str | None, at: datetime | None) -> tuple[Newsletter, Edition | Slot]:
    """Find out which edition, or which slot, is to be seen."""
    if name is None:
        newsletter = _first(app)
    elif "/" in name:
        if at is not None:
            slug = name.partition("/")[0]
            raise UsageError(
                f"preview: {name}: it has its cut-off already",
                hint=f"With --at name the newsletter alone: digest preview {slug} --at …",
            )
        return newsletter_named(app, name.partition("/")[0]), edition_named(app, name)
    else:
        newsletter = newsletter_named(app, name)
    if at is None:
        return newsletter, _next(app, newsletter)
    from digest.cli.slots import slot_as_of

    return newsletter, slot_as_of(newsletter, at, now=app.clock())


def _first(app: App) -> Newsletter:
    """Give the newsletter whose edition waits for somebody, else the one that comes first."""
    from digest.editions import store as editions
    from digest.editions.cadence import next_slot

    newsletters = app.newsroom.newsletters
    if not newsletters:
        raise NotFoundError(
            "newsletter: there is none yet", hint="Add one to digest.toml, then: digest collect"
        )
    with app.database.read() as connection:
        recent = editions.recent_editions(connection, limit=_FAR_AHEAD)
    waiting = (app.newsroom.newsletter(each.newsletter_id) for each in recent if _waits(each))
    if found := next((each for each in waiting if each is not None), None):
        return found
    coming = [(next_slot(each.spec.cadence, app.clock()), each) for each in newsletters]
    by_hour = sorted(((slot.send_at, n) for n, (slot, _) in enumerate(coming) if slot is not None))
    return newsletters[by_hour[0][1]] if by_hour else newsletters[0]


def _waits(edition: Edition) -> bool:
    """Tell whether it was made and is not under way: the one that `digest approve` means."""
    from digest.editions.model import EditionState

    waiting = {
        EditionState.DRAFT,
        EditionState.IN_REVIEW,
        EditionState.HELD,
        EditionState.APPROVED,
    }
    return edition.state in waiting


def _next(app: App, newsletter: Newsletter) -> Edition | Slot:
    """Give the edition that waits, else the slot that `digest prepare` would make now."""
    from digest.cli.slots import slot_meant
    from digest.editions import store as editions
    from digest.editions.cadence import next_slots

    now = app.clock()
    slot = slot_meant(app, newsletter, None, extra=False)
    later = next_slots(newsletter.spec.cadence, max(now, slot.send_at), _FAR_AHEAD)
    with app.database.read() as connection:
        current = editions.find_edition(connection, newsletter)
        if current is not None and _waits(current):
            return current
        for each in (slot, *later):
            taken = editions.slot_row(connection, newsletter.id, each.local_date, each.name)
            if taken is None:
                return replace(each, cut_off_at=min(each.cut_off_at, now))
    return current if current is not None else slot


def _tell_short(seen: Preview, *, as_json: bool) -> None:
    name, day = seen.newsletter.spec.name, seen.edition.local_date
    chosen = seen.selection.chosen

    def tell() -> None:
        say_wrapped(f"{name}: no edition for {day}. {seen.reason.rstrip('.')}.")
        for candidate in chosen[:_FEW]:
            say(f"  in   {cut(plain(candidate.article.story.headline), _HEADLINE_COLUMNS)}")
        if outs := _counts(seen):
            counts = ", ".join(f"{number:,} {why}" for why, number in outs.items())
            say_wrapped(f"Left out: {counts}.", first="  ", then="  ")
        say()
        steps = [("digest collect", "fetch what is new, then look again")]
        if outs:
            steps.append(("digest explain WORDS", "why a story is out, by its headline"))
        table(steps, indent=2)

    show(as_json, _facts(seen, {}), tell)


def _counts(seen: Preview) -> Mapping[str, int]:
    return Counter(str(each.verdict) for each in seen.selection.left_out)


@dataclass(frozen=True)
class _Files:
    """What was written of one copy, and how many bytes: by kind, and the pictures."""

    kinds: dict[str, tuple[Path, int]] = field(default_factory=dict)
    pictures: tuple[Path, ...] = ()


def _write_files(
    seen: Preview, shelf: BorrowedShelf, out: Path, public_url: str
) -> dict[str, _Files]:
    out.mkdir(parents=True, exist_ok=True)
    stem = seen.edition.address.replace("/", "-")
    files = {}
    for n, copy in enumerate(seen.copies):
        language = copy.composition.language
        name = f"{stem}-{language}" if n else stem
        files[language] = _write_copy(copy, shelf, out / name, public_url)
    return files


def _write_copy(copy: Copy, shelf: BorrowedShelf, path: Path, public_url: str) -> _Files:
    """Write a copy; its HTML takes its pictures from beside it, the message is as it goes out."""
    from digest.web.frames import pictures_in, with_pictures_from

    html = copy.html or ""
    contents = {
        **({"html": with_pictures_from(html, public_url, "images/").encode()} if html else {}),
        "txt": copy.text.encode(),
        "eml": copy.message,
    }
    kinds = {}
    for kind, content in contents.items():
        file = path.with_name(f"{path.name}.{kind}")
        file.write_bytes(content)
        kinds[kind] = (file, len(content))
    pictures = []
    for name in pictures_in(html, public_url):
        if (found := shelf.load(name.partition(".")[0])) is not None:
            picture = path.parent / "images" / name
            picture.parent.mkdir(exist_ok=True)
            picture.write_bytes(found[1])
            pictures.append(picture)
    return _Files(kinds, tuple(pictures))


def _tell_files(seen: Preview, files: Mapping[str, _Files]) -> None:
    _tell_head(seen)
    for copy in seen.copies:
        composition = copy.composition
        if len(seen.copies) > 1:
            say(f"  {composition.language}")
        heads = (("Subject", composition.subject), ("Preheader", composition.preheader))
        table(heads, indent=2, shrink=1)
        written = files[composition.language]
        rows: list[tuple[object, ...]] = [
            (kind.upper(), path, f"{max(1, round(size / 1024))} KB")
            for kind, (path, size) in written.kinds.items()
        ]
        if written.pictures:
            rows.append(("IMAGES", written.pictures[0].parent, f"{len(written.pictures)} files"))
        table(rows, indent=2, right=(2,))
    for warning in seen.warnings:
        mark("warn", warning)


def _tell_head(seen: Preview) -> None:
    edition = seen.edition
    state = str(edition.state) if seen.exists else "as it would be made now"
    number = f"no. {edition.number:,}"
    say_wrapped(f"{seen.newsletter.spec.name}, {number}, {edition.address}: {state}", then="  ")


def _facts(seen: Preview, files: Mapping[str, _Files]) -> dict[str, Any]:
    edition = seen.edition
    letters = [_letter_facts(copy, files.get(copy.composition.language)) for copy in seen.copies]
    chosen, out = seen.selection.chosen, seen.selection.left_out
    return {
        "newsletter": seen.newsletter.slug,
        "edition": edition.address if seen.copies else None,
        "number": edition.number if seen.copies else None,
        "state": edition.state if seen.exists else None,
        "reason": seen.reason,
        "stored": seen.stored,
        "approved": seen.approved,
        "cut_off_at": edition.window.until,
        "send_at": edition.send_at,
        "readers": seen.readers,
        "reader": seen.reader or None,
        **(letters[0] if letters else {}),
        "set_hash": seen.set_hash or None,
        "languages": letters,
        "warnings": seen.warnings,
        "stories": [
            {"headline": c.article.story.headline, "place": c.place, "reason": c.reason}
            for c in chosen
        ],
        "left_out": [
            {"headline": c.article.story.headline, "verdict": c.verdict, "reason": c.reason}
            for c in out
        ],
    }


def _letter_facts(copy: Copy, files: _Files | None) -> dict[str, Any]:
    composition = copy.composition
    return {
        "language": composition.language,
        "subject": composition.subject,
        "preheader": composition.preheader,
        "content_hash": composition.content_hash,
        "files": {kind: str(path) for kind, (path, _) in files.kinds.items()} if files else {},
        "pictures": [str(path) for path in files.pictures] if files else [],
    }


def _serve(app: App, sight: _Sight, seen: Preview, *, port: int, in_browser: bool) -> None:
    from digest.supervisor import stop_signals
    from digest.web.preview import make_preview, serve_preview

    def told(address: str) -> None:
        _tell_head(seen)
        for warning in seen.warnings:
            mark("warn", warning)
        say()
        say(f"  {address}/")
        say("  Reload the page to look again. Ctrl-C ends it.")
        if in_browser:
            import webbrowser

            webbrowser.open(f"{address}/")

    pages = make_preview(
        seen, look=sight.look, load_picture=sight.shelf.load, site=app.newsroom.site
    )
    with stop_signals() as stop:
        serve_preview(pages, port=port, stop=stop, told=told)
