"""Door to the gallery's folder: every template in every language, as pages without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from digest.composition.catalogs import Languages
from digest.composition.environment import MailTemplates
from digest.composition.images import make_shot
from digest.composition.language import Language
from digest.composition.logo import Logos, MadeLogo
from digest.composition.model import Logo, Rendered, Site
from digest.composition.samples import LANGUAGES
from digest.composition.trials import letters_and_notices, made, samples_of
from digest.demo.pictures import draw
from digest.errors import CompositionError
from digest.web.frames import Scheme, in_new_window, in_scheme

IMAGES = "images"
SCENES = {
    "harbour": "harbour-dawn",
    "ferry": "ferry-slip",
    "roofs": "terraces-morning",
    "lamp": "lighthouse",
    "choir": "theatre-curtain",
}
"""The sample stories' pictures by name, and which of the demo's stands for each."""
_SHAPES = ("lead", "thumb")
_WIDTHS = (600, 375)
_MAY = "allow-same-origin allow-popups"
"""No script ever; without the first, a browser takes no picture from a folder."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What was written: the page to open, how many letters it shows, what could not be shown."""

    page: Path
    count: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One template in one language: its mail, or the sentence why there is none."""

    template: str
    language: str
    mail: Rendered | None
    problem: str = ""

    @property
    def name(self) -> str:
        """Its files' first part."""
        return f"{self.template}-{self.language}"


def write_gallery(
    folder: Path, *, templates: MailTemplates, languages: Languages, site: Site, logos: Logos
) -> Shown:
    """Write the pages, the letters and their pictures; what is in the folder is written over."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_pictures(folder / IMAGES)
    site = replace(site, logo=_logo(folder / IMAGES, logos))
    entries = [
        _entry(template, languages.of(tag), site, templates)
        for template in letters_and_notices(templates)
        for tag in LANGUAGES
    ]
    for entry in entries:
        if entry.mail is not None:
            for scheme in Scheme:
                html = in_new_window(in_scheme(entry.mail.html, scheme))
                (folder / f"{entry.name}-{scheme}.html").write_text(html, "utf-8")
    page = folder / "index.html"
    page.write_text(_page(site.name, entries), "utf-8")
    shown = [entry for entry in entries if entry.mail is not None]
    return Shown(page, len(shown), tuple(entry.problem for entry in entries if entry.problem))


def _entry(template: str, language: Language, site: Site, templates: MailTemplates) -> _Entry:
    own = replace(site, language=language.tag)
    sample = next(samples_of(template, language, site=own, images=IMAGES))
    try:
        mail = made(template, sample, language, site=own, templates=templates)
    except CompositionError as error:
        return _Entry(template, language.tag, None, f"{template} ({language.tag}): {error}")
    return _Entry(template, language.tag, mail)


def _write_pictures(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        for shape in _SHAPES:
            (folder / f"{name}-{shape}.jpg").write_bytes(make_shot(draw(scene), shape).content)


def _logo(folder: Path, logos: Logos) -> Logo | None:
    if logos.light is None:
        return None
    return Logo(
        url=_write_logo(folder, logos.light),
        width=logos.light.width,
        height=logos.light.height,
        dark_url=_write_logo(folder, logos.dark) if logos.dark else "",
    )


def _write_logo(folder: Path, logo: MadeLogo) -> str:
    (folder / logo.image.name).write_bytes(logo.image.content)
    return f"{IMAGES}/{logo.image.name}"


def _page(site_name: str, entries: list[_Entry]) -> str:
    title = f"{escape(site_name)}: mail templates"
    names = dict.fromkeys(entry.template for entry in entries)
    index = "".join(f'<li><a href="#{escape(name)}-en">{escape(name)}</a></li>' for name in names)
    body = "".join(map(_section, entries))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme"'
        f' content="light dark"><title>{title}</title><style>{_CSS}</style></head>'
        f"<body><h1>{title}</h1><nav><ul>{index}</ul></nav>{body}</body></html>\n"
    )


def _section(entry: _Entry) -> str:
    name = escape(entry.name)
    heading = f'<section id="{name}"><h2>{escape(entry.template)} · {escape(entry.language)}</h2>'
    if entry.mail is None:
        return f'{heading}<p class="problem">{escape(entry.problem)}</p></section>\n'
    return (
        f'{heading}<p><b dir="auto">{escape(entry.mail.subject)}</b></p>'
        f'<div class="frames">{"".join(_frames(entry))}</div>'
        f'<h3>Plain text</h3><pre dir="auto">{escape(entry.mail.text)}</pre></section>\n'
    )


def _frames(entry: _Entry) -> Iterator[str]:
    for width in _WIDTHS:
        for scheme in Scheme:
            file = escape(f"{entry.name}-{scheme}.html")
            label = f"{width}, {scheme}"
            yield (
                f'<figure><figcaption><a href="{file}">{label}</a></figcaption>'
                f'<iframe src="{file}" width="{width}" height="720" loading="lazy"'
                f' title="{escape(entry.name)}, {label}" sandbox="{_MAY}"></iframe></figure>'
            )


_CSS = (
    "body{margin:0 24px 48px;background:#F4F4F1;color:#1A1A1A;font:16px/24px -apple-system,"
    "Segoe UI,Helvetica,Arial,sans-serif;border-top:4px solid #0B4F8A}"
    "h1{font:bold 34px/39px Georgia,Times New Roman,serif;margin:24px 0 12px}"
    "h2{font:bold 20px/26px Georgia,Times New Roman,serif;border-top:2px solid #1A1A1A;"
    "margin:36px 0 8px;padding-top:10px}h3{font-size:14px;line-height:20px;margin:16px 0 4px}"
    "nav ul{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;margin:0;padding:0}"
    "a{color:#0B4F8A}.frames{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0}"
    "figcaption{font-size:14px;line-height:20px}iframe{border:1px solid #D9D9D6}"
    "pre{max-width:76ch;max-height:720px;overflow:auto;padding:16px;background:#FFFFFF;"
    "border:1px solid #D9D9D6;font:14px/20px Menlo,Consolas,monospace}.problem{color:#8A1C1C}"
    "@media(prefers-color-scheme:dark){body{background:#111111;color:#EDEDEA;"
    "border-top-color:#8EC1F5}h2{border-top-color:#EDEDEA}a{color:#8EC1F5}pre{background:#1B1B1B;"
    "border-color:#3A3A38}iframe{border-color:#3A3A38}.problem{color:#F0A0A0}}"
)
