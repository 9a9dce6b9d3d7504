"""The commands about settings: config check, config export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from digest.cli.opening import config_path, settings_of
from digest.cli.output import json_option, mark, show
from digest.cli.wording import counted
from digest.errors import CompositionError, DigestError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from digest.composition.environment import MailTemplates
    from digest.composition.logo import Logos
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
        require_sound(settings, path)
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


def require_sound(settings: Settings, path: Path) -> None:
    """Refuse what is valid and could still not be run with. Raises SettingsError, with the lines.

    `path` is the file that they were read from.
    """
    _require_templates(settings, path)
    _require_audiences(settings, path)
    _require_logos(settings, path)
    _require_mail(settings, path)
    _require_cadences(settings, path)


def _tell(path: Path, settings: Settings, notes: list[str]) -> None:
    newsletters = counted(len(settings.newsletters), "newsletter", "newsletters")
    sources = counted(len(settings.sources), "source", "sources")
    mark("ok", f"{path}: {newsletters}, {sources}, no mistakes")
    for note in notes:
        mark("note", note)


def _notes(settings: Settings) -> list[str]:
    """Name what is no mistake and should still not stay so."""
    from digest.site_values import told_of_colours

    mail, notes = settings.mail, []
    if mail.maildir is not None:
        notes.append(f"mail.maildir: mail goes to {mail.maildir}, not to readers")
    if mail.discard:
        notes.append("mail.discard: it is on: nothing leaves, and all count as written to")
    if "write your postal address here" in settings.site.postal_address:
        notes.append("site.postal_address: still the one that init wrote; every footer shows it")
    leaves = mail.smtp or mail.relays or mail.ses
    if leaves and not settings.web.public_url.startswith("https://"):
        notes.append("web.public_url: not https; it stands in every link we mail")
    notes += [*told_of_colours(settings), *_logos(settings).told, *_silent(settings)]
    if not settings.people.editors:
        notes.append("people.editors: nobody; no one is told of drafts, holds and skips")
    if not settings.people.operators:
        notes.append("people.operators: nobody; no one is told of failures")
    return notes


def _silent(settings: Settings) -> Iterator[str]:
    """Name the languages that letters are to speak and no catalog has."""
    from digest.composition.catalogs import load_languages

    languages = load_languages(settings.site.templates)
    wanted = {"site.language": (settings.site.language,)}
    for slug, newsletter in settings.newsletters.items():
        own = (newsletter.language,) if newsletter.language else ()
        wanted[f"newsletters.{slug}"] = (*own, *newsletter.languages)
    told: set[str] = set()
    for place, tags in wanted.items():
        for tag in tags:
            if tag not in told and not languages.speaks(tag):
                told.add(tag)
                yield (
                    f"{place}: there is no catalog for {tag!r}: our own words will be English"
                    f" (there are: {', '.join(languages.tags)})"
                )


def _logos(settings: Settings) -> Logos:
    from digest.composition.logo import read_logos

    return read_logos(settings.site.brand.logo, settings.site.brand.logo_dark)


def _require_logos(settings: Settings, path: Path) -> None:
    """Refuse a logo that cannot be used: letters would go without it. Raises SettingsError."""
    from digest.composition.logo import make_logo

    brand = settings.site.brand
    problems = []
    hint = ""
    for setting, file in (("logo", brand.logo), ("logo_dark", brand.logo_dark)):
        try:
            if file is not None:
                make_logo(file, setting)
        except CompositionError as error:
            cause = str(error).removeprefix(f"site.brand.{setting}: ")
            problems.append(f"{_place(path, ('site', 'brand', setting))}: {cause}")
            hint = error.hint
    _raise_all(path, problems, hint=hint)


def _require_templates(settings: Settings, path: Path) -> None:
    from digest.composition.environment import load_templates

    with load_templates(settings.site.templates) as templates:
        problems = [
            f"{_place(path, ('newsletters', slug, 'template'))}:"
            f" there is no letter of that name{_near(template, templates)} (got {template!r})"
            for slug, newsletter in settings.newsletters.items()
            if not _is_letter(template := newsletter.template, templates)
        ]
    _raise_all(path, problems)


def _require_audiences(settings: Settings, path: Path) -> None:
    """Refuse a segment that cannot be read, pointing at the place. Raises SettingsError."""
    from digest.site_values import audience_of, audience_problem
    from subscribers.segment_fault import SegmentError

    problems: list[str] = []
    hint = ""
    for slug in settings.newsletters:
        try:
            audience_of(slug, settings)
        except SegmentError as error:
            place = _place(path, ("newsletters", slug, "audience"))
            problems.append(audience_problem(place, error))
            hint = error.hint
    _raise_all(path, problems, hint=hint)


def _require_mail(settings: Settings, path: Path) -> None:
    """Refuse what no mail could leave with: keys that are missing, an address that is too long.

    Raises SettingsError.
    """
    from digest.delivery.dkim_keys import signer_of
    from digest.delivery.verp import verp_of
    from digest.way_values import ways_of

    mail = settings.mail
    problems, hint = [], ""
    for make in (
        lambda: signer_of(mail, settings.storage.keys),
        lambda: verp_of(mail, b""),  # whatever the key, the address is too long or is not
        lambda: ways_of(settings, local_hostname=""),
    ):
        try:
            make()
        except DigestError as error:
            named, _, cause = str(error).removeprefix("settings: ").partition(": ")
            setting = "mail.dkim.selector" if named == "keys" else named
            problems.append(f"{_place(path, tuple(setting.split('.')))}: {cause}")
            hint = error.hint
    _raise_all(path, problems, hint=hint)


def _require_cadences(settings: Settings, path: Path) -> None:
    """Refuse a newsletter with days that would never come. Raises SettingsError."""
    from digest.cadence_check import cadence_faults
    from digest.clock import utc_now

    faults = cadence_faults(settings, utc_now())
    _raise_all(path, [f"{_place(path, place)}: {sentence}" for place, sentence in faults])


def _raise_all(path: Path, problems: list[str], *, hint: str = "") -> None:
    if problems:
        count = counted(len(problems), "problem", "problems")
        raise SettingsError(f"{path} has {count}:", problems=tuple(problems), hint=hint)


def _is_letter(name: str, templates: MailTemplates) -> bool:
    """Tell whether a newsletter can use the template; those of notices are no letters."""
    from digest.outbox.model import NoticeKind

    whole = all(templates.has(f"{name}/{part}") for part in _PARTS)
    return whole and name not in set(NoticeKind)


def _near(name: str, templates: MailTemplates) -> str:
    from digest.config.values import did_you_mean

    folders = {each.partition("/")[0] for each in templates.names}
    letters = [folder for folder in sorted(folders) if _is_letter(folder, templates)]
    return did_you_mean(name, letters)


def _place(path: Path, place: tuple[str, ...]) -> str:
    """Say where a setting is made: by a variable, or on which line of the file."""
    from digest.config.lines import line_of, lines_of

    variable = f"DIGEST_{'__'.join(place)}".upper()
    if any(name.upper() == variable for name in os.environ):
        return variable
    line = line_of(lines_of(path.read_text("utf-8-sig")), place)
    return f"line {line}: {'.'.join(place)}"


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
