"""The commands about settings: config check, config export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from digest.cli.opening import config_path, settings_of
from digest.cli.output import json_option, mark, show
from digest.cli.wording import counted
from digest.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from digest.composition.environment import MailTemplates
    from digest.config import Settings

_PARTS = ("subject.txt", "body.mjml", "body.txt")


@click.group()
def config() -> None:
    """Check or show the settings."""


@config.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Find every mistake in digest.toml and the DIGEST_ variables."""
    path = config_path(ctx)
    try:
        settings = settings_of(ctx)
        _require_templates(settings, path)
    except SettingsError as error:
        if not as_json:
            raise
        problems = list(error.problems) or [str(error)]
        show(as_json, {"file": str(path), "problems": problems}, lambda: None)
        ctx.exit(error.exit_code)
    notes = [*settings.not_yet(), *_notes(settings)]
    facts = {
        "file": str(path),
        "problems": [],
        "newsletters": list(settings.newsletters),
        "sources": list(settings.sources),
        "notes": notes,
    }
    show(as_json, facts, lambda: _tell(path, settings, notes))


def _tell(path: Path, settings: Settings, notes: list[str]) -> None:
    newsletters = counted(len(settings.newsletters), "newsletter", "newsletters")
    sources = counted(len(settings.sources), "source", "sources")
    mark("ok", f"{path}: {newsletters}, {sources}, no mistakes")
    for note in notes:
        mark("note", note)


def _notes(settings: Settings) -> list[str]:
    """Name what is no mistake and should still not stay so."""
    notes = []
    if settings.mail.maildir is not None:
        notes.append(f"mail.maildir: mail goes to {settings.mail.maildir}, not to readers")
    if "write your postal address here" in settings.site.postal_address:
        notes.append("site.postal_address: still the one that init wrote; every footer shows it")
    if settings.mail.smtp is not None and not settings.web.public_url.startswith("https://"):
        notes.append("web.public_url: not https; it stands in every link we mail")
    if not settings.people.editors:
        notes.append("people.editors: nobody; no one is told of drafts, holds and skips")
    if not settings.people.operators:
        notes.append("people.operators: nobody; no one is told of failures")
    return notes


def _require_templates(settings: Settings, path: Path) -> None:
    from digest.composition.environment import load_templates

    templates = load_templates()
    problems = [
        f"{_place(path, slug)}: there is no letter of that name{_near(template, templates)}"
        f" (got {template!r})"
        for slug, newsletter in settings.newsletters.items()
        if not _is_letter(template := newsletter.template, templates)
    ]
    if problems:
        count = counted(len(problems), "problem", "problems")
        raise SettingsError(f"{path} has {count}:", problems=tuple(problems))


def _is_letter(name: str, templates: MailTemplates) -> bool:
    """Tell whether a newsletter can use the template; those of notices are no letters."""
    from digest.outbox.model import NoticeKind

    whole = all(templates.has(f"{name}/{part}") for part in _PARTS)
    return whole and name not in set(NoticeKind)


def _near(name: str, templates: MailTemplates) -> str:
    from digest.config.values import did_you_mean
    from digest.resources import data_folder

    folders = sorted(path.name for path in (data_folder("templates") / "mail").iterdir())
    return did_you_mean(name, [folder for folder in folders if _is_letter(folder, templates)])


def _place(path: Path, slug: str) -> str:
    """Say where the template is set: by a variable, or on which line of the file."""
    from digest.config.lines import line_of, lines_of

    variable = f"DIGEST_NEWSLETTERS__{slug}__TEMPLATE".upper()
    if any(name.upper() == variable for name in os.environ):
        return variable
    line = line_of(lines_of(path.read_text("utf-8-sig")), ("newsletters", slug, "template"))
    return f"line {line}: newsletters.{slug}.template"


@config.command(short_help="Show every setting in force, without secrets.")
@json_option
@click.pass_context
def export(ctx: click.Context, as_json: bool) -> None:
    """Show every setting in force, defaults and variables included, without secrets."""
    import tomllib

    from digest.config import load
    from digest.config.writing import export as exported

    text = exported(load(config_path(ctx), resolve=False))
    facts: dict[str, Any] = tomllib.loads(text)
    show(as_json, facts, lambda: click.echo(text, nl=False))
