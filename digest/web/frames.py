"""Pure. A letter as a frame of ours shows it: light or dark whatever the browser prefers."""

from __future__ import annotations

import re
from enum import StrEnum


class Scheme(StrEnum):
    """Which of its two faces a letter shows."""

    LIGHT = "light"
    DARK = "dark"


_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_MEDIA = re.compile(r"""(\bmedia=["'])([^"']*)(["'])""", re.IGNORECASE)
_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_DECLARED = re.compile(r"(\bcolor-schemes?\s*:)[^;}]*", re.IGNORECASE)
_META = re.compile(
    r"""(<meta\b[^>]*\bname=["'](?:supported-)?color-schemes?["'][^>]*\bcontent=["'])[^"']*""",
    re.IGNORECASE,
)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[a-z][a-z0-9]*\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)
_OWN_STYLE = re.compile(r"""\sstyle=("[^"]*"|'[^']*')""", re.IGNORECASE)
_SOURCE = re.compile(r"""(\s)(?:src|srcset|background|poster)=("[^"]*"|'[^']*')""", re.IGNORECASE)
_FETCHED = re.compile(r"\burl\([^)]*\)", re.IGNORECASE)
_NEW_WINDOW = '<base target="_blank">'
_ALWAYS, _NEVER = "(min-width:0)", "(max-width:0)"


def in_scheme(html: str, scheme: Scheme) -> str:
    """Settle the rules for light and dark, as a reader's own machine would; words stay alone."""

    def settled(found: re.Match[str]) -> str:
        rules = _PREFERS.sub(lambda asked: _answer(asked[1], scheme), found[2])
        return found[1] + _DECLARED.sub(rf"\g<1> {scheme}", rules) + found[3]

    html = _STYLE.sub(settled, html)
    html = _MEDIA.sub(
        lambda found: (
            found[1] + _PREFERS.sub(lambda asked: _answer(asked[1], scheme), found[2]) + found[3]
        ),
        html,
    )
    return _META.sub(rf"\g<1>{scheme}", html)


def in_new_window(html: str) -> str:
    """Make its links leave the frame: one line put in, which the wire does not have."""
    found = _HEAD.search(html)
    if found is None:
        return _NEW_WINDOW + html
    return html[: found.end()] + _NEW_WINDOW + html[found.end() :]


def without_pictures(html: str) -> str:
    """Show it as a mail program does that fetches no picture: the words in their place alone."""
    html = _TAG.sub(lambda tag: _FETCHED.sub("none", _SOURCE.sub("", tag[0])), html)
    return _STYLE.sub(lambda found: found[1] + _FETCHED.sub("none", found[2]) + found[3], html)


def without_sheet(html: str) -> str:
    """Take its style sheets out, as Gmail does when they are too long; what is inline stays."""
    return _STYLE.sub("", html)


def without_styles(html: str) -> str:
    """Take every style out: what is left is the order in which it is read aloud."""
    return _TAG.sub(lambda tag: _OWN_STYLE.sub("", tag[0]), without_sheet(html))


def with_pictures_from(html: str, public_url: str, folder: str) -> str:
    """Take our own pictures from `folder` ("/images/") instead of the public pages."""
    return _ours(public_url).sub(lambda found: folder + found[1], html)


def pictures_in(html: str, public_url: str) -> tuple[str, ...]:
    """Give the names of our own pictures that a letter shows, each once."""
    return tuple(dict.fromkeys(_ours(public_url).findall(html)))


def _ours(public_url: str) -> re.Pattern[str]:
    return re.compile(re.escape(public_url) + r"/images/([0-9a-f]{64}\.(?:jpg|png))")


def _answer(asked: str, scheme: Scheme) -> str:
    return _ALWAYS if asked.lower() == scheme else _NEVER
