"""The command preview: the edition to come, or one that is there, in a browser or as files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import config_path, moment, opened
from digest.cli.output import json_option, mark, say, say_wrapped, show, table
from digest.cli.wording import cut, plain
from digest.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.cli.sight import Sight
    from digest.composition.pictures import BorrowedShelf
    from digest.web.preview_wish import Seen, Wish
    from digest.workflow.preview import Copy, Preview

_FEW = 20
_HEADLINE_COLUMNS = 70


@click.command()
@click.argument("edition", required=False)
@click.option(
    "--at", "at_text", metavar="TIME", help="As of a cut-off, past or to come: 2026-01-09T06:30."
)
@click.option(
    "--as", "address", metavar="ADDRESS", help="This reader's copy; its links change nothing."
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="KEY",
    help="The copy of a reader of this topic, and of any named beside it.",
)
@click.option("--language", metavar="TAG", help="In this of the newsletter's languages.")
@click.option(
    "--with", "sample", metavar="NAME", help="Sample stories: empty, one, fifty, hostile, …"
)
@click.option("--anew", is_flag=True, help="Compose what is kept once more, as templates are now.")
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
    topics: tuple[str, ...],
    language: str | None,
    sample: str | None,
    anew: bool,
    out: Path | None,
    port: int,
    in_browser: bool,
    as_json: bool,
) -> None:
    """Look at an edition in the browser, on this machine alone.

    Inbox rows, wide and on phones, light, dark, without pictures, as text; headers and source; what
    the checks say. What is saved meanwhile (templates, catalogs, settings) is shown at once.

    It is the newsletter's edition that waits or else the next, as `digest prepare` would make it
    now; without EDITION, of the newsletter that comes first. An edition that was made is shown as
    it is kept: those bytes go out. Nothing is written, nothing is sent.
    """
    with opened(ctx, read_only=True) as app:
        from digest.cli.sight import Sight
        from digest.web.preview_wish import Wish

        moment(app, at_text)
        wish = Wish(
            edition or "", address or "", topics or None, at_text or "", sample or "", anew=anew
        )
        sight = Sight(app, config=config_path(ctx))
        found = sight.look(wish)
        seen = _in_language(found.preview, language)
        if seen.reason:
            _tell_short(seen, as_json=as_json)
            ctx.exit(1)
        if out is not None:
            files = _write_files(seen, sight.shelf, out, found.site.public_url)
            show(as_json, _facts(seen, files), lambda: _tell_files(seen, files))
        elif as_json:
            show(as_json, _facts(seen, {}), lambda: None)
        else:
            asked = _Asked(wish, language or "", port, in_browser=in_browser)
            _serve(sight, found, asked)


def _in_language(seen: Preview, language: str | None) -> Preview:
    """Keep the copy in one language. Raises NotFoundError, which says which there are."""
    if language is None or not seen.copies:
        return seen
    copy = seen.copy_in(language)
    if copy is None:
        known = ", ".join(each.composition.language for each in seen.copies)
        raise NotFoundError(
            f"preview: {language}: it is not made in that language", hint=f"It is in: {known}."
        )
    return replace(seen, copies=(copy,))


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
        "topics": None if seen.topics is None else sorted(seen.topics),
        "sample": seen.sample or None,
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


@dataclass(frozen=True)
class _Asked:
    """What a preview in the browser was asked for."""

    wish: Wish
    language: str
    port: int
    in_browser: bool


def _serve(sight: Sight, found: Seen, asked: _Asked) -> None:
    from digest.supervisor import stop_signals
    from digest.web.preview import make_preview, serve_preview
    from digest.web.preview_live import watching
    from digest.web.preview_looks import Looks

    def told(address: str) -> None:
        _tell_head(found.preview)
        for warning in found.preview.warnings:
            mark("warn", warning)
        say()
        say(f"  {address}/")
        say("  What you save is shown at once. Ctrl-C ends it.")
        if asked.in_browser:
            import webbrowser

            webbrowser.open(f"{address}/")

    looks = Looks(
        found,
        sight.look,
        load_picture=sight.shelf.load,
        read=sight.read,
        asked=asked.wish,
        language=asked.language,
    )

    def saved(paths: frozenset[Path]) -> None:
        sight.saved(paths)
        looks.saved()

    with stop_signals() as stop, watching(sight.folders, sight.files, changed=saved):
        serve_preview(make_preview(looks), port=asked.port, stop=stop, told=told)
    sight.close()
