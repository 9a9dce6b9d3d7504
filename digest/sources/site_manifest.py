"""Pure. What a site's web app manifest tells of it: its name, language, colour and icons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from digest.sources.cleaning import plain_line, safe_link

_MOST_BYTES = 256 * 1024
_MOST_ICONS = 50
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says (W3C Web Application Manifest); what it does not say is empty."""

    name: str = ""
    language: str = ""
    colour: str = ""
    icons: tuple[str, ...] = ()
    """Addresses of pictures, the largest first; drawings (SVG) and masks are left out."""


def read_manifest(content: bytes, *, address: str) -> Manifest:
    """Read a manifest; what is none, or too large, tells nothing."""
    found = _parsed(content)
    return Manifest(
        name=_line(found, "name") or _line(found, "short_name"),
        language=_line(found, "lang"),
        colour=_line(found, "theme_color"),
        icons=tuple(dict.fromkeys(url for _, url in _icons(found, address))),
    )


def _parsed(content: bytes) -> dict[str, Any]:
    if len(content) > _MOST_BYTES:
        return {}
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return plain_line(value)[:_LONGEST] if isinstance(value, str) else ""


def _icons(found: dict[str, Any], address: str) -> list[tuple[int, str]]:
    icons = found.get("icons")
    if not isinstance(icons, list):
        return []
    sized = list(_sized(icons[:_MOST_ICONS], address))
    return sorted(sized, key=lambda icon: -icon[0])


def _sized(icons: list[Any], address: str) -> Iterator[tuple[int, str]]:
    for icon in icons:
        if not isinstance(icon, dict) or not isinstance(icon.get("src"), str):
            continue
        purpose, kind = str(icon.get("purpose", "")), str(icon.get("type", ""))
        url = safe_link(urljoin(address, icon["src"]))
        if url is None or "svg" in kind or url.endswith(".svg") or purpose == "monochrome":
            continue
        first = str(icon.get("sizes", "")).partition("x")[0].strip()
        yield int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 0, url  # noqa: PLR2004 - pixels
