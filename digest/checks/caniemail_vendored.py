"""Pure but for `main`. The data of caniemail.com, made small: what `dev.py caniemail` vendors.

Given is the site's own `data.json`, as its API or a package of it has it. Kept is, for each
feature, by what a page shows that it uses it, and a letter for each mail program: its newest
version's.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from digest.checks.caniemail import DATA

LICENCE: Final = (
    "MIT License. Copyright (c) 2019 HTeuMeuLeu. Permission is hereby granted, free of charge, to"
    " any person obtaining a copy of this software and associated documentation files (the"
    ' "Software"), to deal in the Software without restriction, including without limitation the'
    " rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of"
    " the Software, and to permit persons to whom the Software is furnished to do so, subject to"
    " the following conditions: The above copyright notice and this permission notice shall be"
    " included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED"
    ' "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE'
    " WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO"
    " EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER"
    " LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN"
    " CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."
)

_Use = tuple[str, tuple[str, ...]]
_SEMANTIC = (
    *("article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark"),
    *("nav", "section", "summary", "time"),
)
_SAID: Final[Mapping[str, _Use]] = MappingProxyType(
    {
        "css-at-media-device-pixel-ratio": ("media", ("-webkit-device-pixel-ratio",)),
        "css-at-media-hover": ("media", ("hover", "any-hover")),
        "css-at-media-orientation": ("media", ("orientation",)),
        "css-at-media-prefers-color-scheme": ("media", ("prefers-color-scheme",)),
        "css-at-media-prefers-reduced-motion": ("media", ("prefers-reduced-motion",)),
        "css-background": ("property", ("background",)),
        "css-block-inline-size": ("property", ("block-size", "inline-size")),
        "css-border-inline-block": ("property", ("border-inline", "border-block")),
        "css-border-inline-block-individual": (
            "property",
            (
                *("border-block-end", "border-block-start"),
                *("border-inline-end", "border-inline-start"),
            ),
        ),
        "css-border-inline-block-longhand": (
            "property",
            (
                *("border-block-color", "border-block-style", "border-block-width"),
                *("border-inline-color", "border-inline-style", "border-inline-width"),
            ),
        ),
        "css-border-radius-logical": (
            "property",
            (
                *("border-end-end-radius", "border-end-start-radius"),
                *("border-start-end-radius", "border-start-start-radius"),
            ),
        ),
        "css-color-scheme": ("property", ("color-scheme", "supported-color-schemes")),
        "css-column-layout-properties": (
            "property",
            (
                *("column-fill", "column-rule", "column-rule-color", "column-rule-style"),
                *("column-rule-width", "column-span", "column-width", "columns"),
            ),
        ),
        "css-comments": ("css", ("comment",)),
        "css-display-flex": ("pair", ("display:flex", "display:inline-flex")),
        "css-display-grid": ("pair", ("display:grid", "display:inline-grid")),
        "css-display-none": ("pair", ("display:none",)),
        "css-flex-direction": ("property", ("flex-direction",)),
        "css-flex-wrap": ("property", ("flex-wrap",)),
        "css-gap": ("property", ("gap", "column-gap", "row-gap")),
        "css-grid-template": (
            "property",
            (
                *("grid-template", "grid-template-areas"),
                *("grid-template-columns", "grid-template-rows"),
            ),
        ),
        "css-important": ("css", ("important",)),
        "css-inert-attribute": ("attribute", ("inert",)),
        "css-intrinsic-size": ("word", ("fit-content", "min-content", "max-content")),
        "css-left-right-top-bottom": ("property", ("left", "right", "top", "bottom")),
        "css-margin-block-start-end": ("property", ("margin-block-start", "margin-block-end")),
        "css-margin-inline-block": ("property", ("margin-inline", "margin-block")),
        "css-margin-inline-start-end": ("property", ("margin-inline-start", "margin-inline-end")),
        "css-modern-color": ("function", ("lch", "oklch", "lab", "oklab")),
        "css-nesting": ("css", ("nesting",)),
        "css-padding-block-start-end": ("property", ("padding-block-start", "padding-block-end")),
        "css-padding-inline-block": ("property", ("padding-inline", "padding-block")),
        "css-padding-inline-start-end": (
            "property",
            ("padding-inline-start", "padding-inline-end"),
        ),
        "css-pseudo-class-lang": ("pseudo", (":lang",)),
        "css-selector-universal": ("selector", ("universal",)),
        "css-sytem-ui": (
            "word",
            ("system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"),
        ),
        "css-unit-calc": ("function", ("calc",)),
        "css-unit-initial": ("word", ("initial",)),
        "css-variables": ("function", ("var",)),
        "html-address": ("element", ("address",)),
        "html-anchor-links": ("link", ("#",)),
        "html-comments": ("html", ("comment",)),
        "html-doctype": ("html", ("doctype",)),
        "html-h1-h6": ("element", ("h1", "h2", "h3", "h4", "h5", "h6")),
        "html-image-maps": ("element", ("map",)),
        "html-lists": ("element", ("ul", "ol", "dl")),
        "html-mailto-links": ("link", ("mailto",)),
        "html-meta-color-scheme": ("meta", ("color-scheme", "supported-color-schemes")),
        "html-semantics": ("element", _SEMANTIC),
        "html-srcset": ("attribute", ("srcset", "sizes")),
        "html-svg": ("element", ("svg",)),
        "image-apng": ("picture", ("apng",)),
        "image-base64": ("picture", ("data:",)),
        "image-hdr": ("picture", ("hdr",)),
        "image-heif": ("picture", ("heif", "heic")),
        "image-jpg": ("picture", ("jpg", "jpeg")),
        "image-mp4": ("picture", ("mp4", "webm", "mov")),
        "image-svg": ("picture", ("svg",)),
        "image-tiff": ("picture", ("tif", "tiff")),
    }
)
"""Where a title does not tell by itself."""
_LEFT_OUT = frozenset({"amp", "bimi"})
"""No part of a page's HTML."""


def compact(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Make the data small: see the module. Raises KeyError for data of another form."""
    names = raw["nicenames"]
    features = [each for each in raw["data"] if each["slug"] not in _LEFT_OUT]
    clients = sorted(
        {
            f"{family}.{platform}"
            for each in features
            for family, platforms in each["stats"].items()
            for platform in platforms
        }
    )
    return {
        "source": "https://www.caniemail.com",
        "licence": LICENCE,
        "tested_on": raw["last_update_date"][:10],
        "families": names["family"],
        "platforms": names["platform"],
        "clients": clients,
        "features": [_feature(each, clients) for each in features],
    }


def unread(raw: Mapping[str, Any]) -> list[str]:
    """Name the features of which nothing says how a page shows its use: new kinds of titles."""
    return [
        each["slug"]
        for each in raw["data"]
        if each["slug"] not in _LEFT_OUT and not _use(each["slug"], each["title"])[1]
    ]


def written(data: Mapping[str, Any]) -> str:
    """Write the data as JSON, one feature a line, so that an update can be read as a diff."""
    rows = ",\n".join(json.dumps(each, ensure_ascii=False) for each in data["features"])
    head = {name: value for name, value in data.items() if name != "features"}
    return f'{json.dumps(head, ensure_ascii=False, indent=0)[:-2]},\n"features": [\n{rows}\n]\n}}\n'


def main(arguments: Sequence[str]) -> int:
    """Read the data.json named first, and write ours, or to where the second says; see dev.py."""
    source, target = (*map(Path, arguments), DATA)[:2]
    raw = json.loads(source.read_text("utf-8"))
    data = compact(raw)
    target.write_text(written(data), "utf-8")
    for slug in unread(raw):
        sys.stderr.write(f"caniemail: {slug}: add to _SAID how a page shows that it uses it\n")
    sys.stderr.write(
        f"caniemail: {len(data['features'])} features, tested until {data['tested_on']}\n"
    )
    return 0


def _feature(each: Mapping[str, Any], clients: Sequence[str]) -> list[Any]:
    slug, title = each["slug"], " ".join(each["title"].split())
    kind, names = _use(slug, title)
    return [slug, title, kind, list(names), "".join(_letters(each["stats"], clients))]


def _letters(stats: Mapping[str, Any], clients: Sequence[str]) -> Iterator[str]:
    for client in clients:
        family, _, platform = client.partition(".")
        versions = stats.get(family, {}).get(platform, {})
        yield next(reversed(versions.values()), "u")[:1] if versions else "u"


def _use(slug: str, title: str) -> _Use:
    if slug in _SAID:
        return _SAID[slug]
    title = title.strip()
    family, _, rest = slug.partition("-")
    if family == "image":
        return "picture", (rest,)
    if family == "html":
        return _html_use(title)
    return _css_use(slug, title)


def _html_use(title: str) -> _Use:
    if found := re.fullmatch(r"<(\w+) (\w+)=\"(\w+)\"> element", title):
        return "element", (f"{found[1]}[{found[2]}={found[3]}]",)
    if found := re.fullmatch(r"<(\w+)>(?: element)?", title):
        return "element", (found[1],)
    if title.endswith(" attribute"):
        return "attribute", (title.removesuffix(" attribute"),)
    return "", ()


def _css_use(slug: str, title: str) -> _Use:
    if slug.startswith("css-at-"):
        return "at-rule", (title,)
    if slug.startswith("css-selector-"):
        return "selector", (slug.removeprefix("css-selector-"),)
    if slug.startswith("css-pseudo-"):
        return "pseudo", (title.removesuffix("()"),)
    if slug.startswith("css-unit-"):
        return "unit", (title.removesuffix(" unit"),)
    if found := re.fullmatch(r"([a-z-]+)\(\)", title):
        return "function", (found[1],)
    bare = title.removesuffix(" shorthand").removesuffix(" property")
    return ("property", (bare,)) if re.fullmatch(r"[a-z-]+", bare) else ("", ())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
