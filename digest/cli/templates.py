"""The commands about mail templates: templates new, templates check, templates gallery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli.opening import config_path, from_here, settings_of, typed
from digest.cli.output import json_option, mark, say, say_wrapped, show
from digest.cli.wording import counted
from digest.errors import CompositionError, NotFoundError, UsageError

if TYPE_CHECKING:
    from digest.composition.catalogs import Languages
    from digest.composition.environment import MailTemplates
    from digest.composition.model import Site
    from digest.config import Settings

_FOLDER = "templates"
"""Where a publisher's templates go when the settings name no folder."""


@click.group()
def templates() -> None:
    """Change how your mail looks: a template of your own, or one block of ours."""


@templates.command(short_help="Begin a template of your own.")
@click.argument("name")
@click.option("--block", help="Only this block of it; the rest stays ours.")
@json_option
@click.pass_context
def new(ctx: click.Context, name: str, block: str | None, as_json: bool) -> None:
    """Begin a template of your own with a copy of ours, or with one block of it.

    NAME is a letter or notice as "daily", or one of its files as "daily/body.mjml". Nothing that
    is there already is overwritten.
    """
    from digest.composition.environment import load_templates

    settings = settings_of(ctx)
    folder = settings.site.templates or config_path(ctx).resolve().parent / _FOLDER
    with load_templates() as house:
        names = _wanted(house, name, block)
        texts = {each: _text(house, each, block) for each in names}
    written = _write_all(folder, texts)
    facts = {
        "folder": str(folder),
        "written": [str(path) for path in written],
        "block": block,
        "is_set": settings.site.templates is not None,
    }
    show(as_json, facts, lambda: _tell_new(ctx, settings, folder, written, block))


def _wanted(house: MailTemplates, name: str, block: str | None) -> list[str]:
    """Find which files are meant. Raises NotFoundError, which says what there is."""
    name = name.strip("/")
    if name in house.house:
        return [name]
    whole = [each for each in house.house if each.partition("/")[0] == name]
    if whole and block:
        return [f"{name}/body.mjml"]
    if whole:
        return whole
    from digest.config.values import did_you_mean

    folders = list(dict.fromkeys(each.partition("/")[0] for each in house.house))
    near = did_you_mean(name, [*house.house, *folders])
    raise NotFoundError(
        f"template: {name!r}: we have none of that name{near}",
        hint=f"There are: {', '.join(folders)}. For a letter of your own copy one of these, and"
        " rename its folder.",
    )


def _text(house: MailTemplates, name: str, block: str | None) -> str:
    if block is None:
        return house.source(name)
    from digest.composition.own_templates import blocks_of, one_block
    from digest.config.values import did_you_mean

    blocks = blocks_of(name, house.source)
    if block not in blocks:
        known = ", ".join(blocks) or "none"
        raise NotFoundError(
            f"template: {name}: it has no block {block!r}{did_you_mean(block, blocks)}",
            hint=f"Its blocks: {known}.",
        )
    return one_block(name, block, blocks[block])


def _write_all(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Write new files, or none at all. Raises UsageError when one is there."""
    paths = {folder / name: text for name, text in texts.items()}
    there = [str(from_here(path)) for path in paths if path.exists() or path.is_symlink()]
    if there:
        raise UsageError(
            f"template: {', '.join(there)}: already there; nothing was written",
            hint="Change it where it is, or move it away first.",
        )
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return list(paths)


def _tell_new(
    ctx: click.Context, settings: Settings, folder: Path, written: list[Path], block: str | None
) -> None:
    for path in written:
        mark("ok", str(from_here(path)))
    say()
    say("Next")
    if settings.site.templates is None:
        say(f'  In {config_path(ctx)}, below [site]: templates = "{folder.name}"')
    if block:
        say("  Edit the block; {{ super() }} in it stands for ours as it is.")
    say(f"  {typed(ctx)} templates check    try it with every language and awful words")
    say(f"  {typed(ctx)} templates gallery  look at it")


@dataclass(frozen=True, slots=True)
class _Tried:
    """How a template did: in how many ways it was composed, and its first fault."""

    template: str
    tried: int
    language: str = ""
    sample: str = ""
    error: CompositionError | None = None


@templates.command(short_help="Try every template in every language.")
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Try every template in every language, with sample letters and with awful words.

    Yours come before ours, as when mail is made. A template's first fault is told with its line
    and what is known there.
    """
    from digest.composition.catalogs import load_languages
    from digest.composition.environment import load_templates
    from digest.composition.trials import letters_and_notices, strays, unseen
    from digest.site_values import site_of

    settings = settings_of(ctx)
    languages = load_languages(settings.site.templates)
    with load_templates(settings.site.templates) as environment:
        site = site_of(settings)
        tried = [
            _try(name, environment, languages, site) for name in letters_and_notices(environment)
        ]
        lost, blocks = strays(environment), unseen(environment)
    facts = {
        "folder": settings.site.templates,
        "templates": [_facts(each) for each in tried],
        "unused": list(lost),
        "unseen": list(blocks),
    }
    show(as_json, facts, lambda: _tell_check(settings, tried, lost, blocks))
    if any(each.error for each in tried):
        ctx.exit(1)


def _try(template: str, environment: MailTemplates, languages: Languages, site: Site) -> _Tried:
    from dataclasses import replace

    from digest.composition.samples import LANGUAGES
    from digest.composition.trials import made, samples_of

    count = 0
    for tag in LANGUAGES:
        language = languages.of(tag)
        own = replace(site, language=tag)
        for sample in samples_of(template, language, site=own):
            try:
                made(template, sample, language, site=own, templates=environment)
            except CompositionError as error:
                return _Tried(template, count + 1, tag, sample.name, error)
            count += 1
    return _Tried(template, count)


def _facts(tried: _Tried) -> dict[str, object]:
    facts: dict[str, object] = {
        "template": tried.template,
        "ok": tried.error is None,
        "tried": tried.tried,
    }
    if tried.error is not None:
        facts |= {
            "problem": str(tried.error),
            "hint": tried.error.hint,
            "file": tried.error.template,
            "line": tried.error.line,
            "column": tried.error.column,
            "language": tried.language,
            "sample": tried.sample,
        }
    return facts


def _tell_check(
    settings: Settings, tried: list[_Tried], lost: tuple[str, ...], blocks: tuple[str, ...]
) -> None:
    own = settings.site.templates
    say(f"Your folder: {from_here(own)}" if own else "No folder of your own: these are ours.")
    for each in tried:
        if each.error is None:
            ways = counted(each.tried, "letter made", "letters made")
            mark("ok", ways, name=f"{each.template:12} ")
        else:
            mark("FAIL", f"{each.template} ({each.language}, {each.sample}): {each.error}")
            say_wrapped(each.error.hint, first=" " * 8, then=" " * 8)
    for name in lost:
        mark("note", f"{name}: it takes the place of nothing, and no template of yours names it")
    for said in blocks:
        mark("warn", said)


@templates.command(short_help="See every template in every language, side by side.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/gallery"),
    show_default=True,
    help="The folder to write to.",
)
@json_option
@click.pass_context
def gallery(ctx: click.Context, out: Path, as_json: bool) -> None:
    """Write pages that show every template in every language.

    Light and dark stand side by side, wide and as on a phone, the plain text below them. The
    letters are made of sample stories, in your colours.
    """
    from digest.cli.gallery import write_gallery
    from digest.composition.catalogs import load_languages
    from digest.composition.environment import load_templates
    from digest.composition.logo import read_logos
    from digest.site_values import site_of

    settings = settings_of(ctx)
    brand = settings.site.brand
    with load_templates(settings.site.templates) as environment:
        shown = write_gallery(
            out,
            templates=environment,
            languages=load_languages(settings.site.templates),
            site=site_of(settings),
            logos=read_logos(brand.logo, brand.logo_dark),
        )
    facts = {
        "page": str(shown.page.resolve()),
        "letters": shown.count,
        "problems": list(shown.problems),
    }
    show(as_json, facts, lambda: _tell_gallery(shown.page, shown.count, shown.problems))
    if shown.problems:
        ctx.exit(1)


def _tell_gallery(page: Path, count: int, problems: tuple[str, ...]) -> None:
    for problem in problems:
        mark("FAIL", problem)
    say(f"{counted(count, 'letter', 'letters')}: open {page} in a browser")
