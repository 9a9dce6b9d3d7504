"""Pure. A light letter as a mail program shows it that forces dark mode on what knows none.

Such programs (Outlook, some on Android) leave the design alone and turn its colours: light grounds
become dark and dark words light, in CIE LCH, with the hue kept. `colour` says by how much.
"""

from __future__ import annotations

import re
from functools import lru_cache

from PIL import ImageColor

from digest.composition.colour import forced_ground, forced_words

_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[a-z][a-z0-9]*\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)
_INLINE = re.compile(r"""(\sstyle=)("[^"]*"|'[^']*')""", re.IGNORECASE)
_OLD = re.compile(
    r"""(\s(?P<name>bgcolor|color|text|link)=["']?)(?P<colour>[#a-z0-9]+)""", re.IGNORECASE
)
_RULE = re.compile(
    r"(?<![\w-])(?P<name>background(?:-color)?|color|border(?:-[a-z]+)*|outline(?:-color)?"
    r"|text-decoration(?:-color)?|caret-color)(?P<colon>\s*:)(?P<value>[^;{}]*)",
    re.IGNORECASE,
)
_COLOUR = re.compile(
    r"#[0-9a-f]{3,8}\b|\brgba?\([^)]*\)|(?<![\w#-])[a-z]{3,20}(?![\w(-])", re.IGNORECASE
)
_HEAD = re.compile(r"</head\s*>", re.IGNORECASE)
_OPAQUE = 3
"""Parts of a colour without its alpha."""


def forced_dark(html: str) -> str:
    """Turn the colours of a letter whose light face is settled; words and layout stay as they are.

    What has no ground of its own stands on the dark of the program.
    """
    html = _TAG.sub(lambda found: _in_tag(found[0]), html)
    html = _STYLE.sub(lambda found: found[1] + _in_rules(found[2]) + found[3], html)
    ground, words = forced_ground("#FFFFFF"), forced_words("#000000")
    paper = f"<style>html{{background-color:{ground};color:{words}}}</style>"
    head = _HEAD.search(html)
    return html[: head.start()] + paper + html[head.start() :] if head else paper + html


def _in_tag(tag: str) -> str:
    tag = _INLINE.sub(lambda found: found[1] + _in_rules(found[2]), tag)
    return _OLD.sub(
        lambda found: found[1] + _turned(found["colour"], found["name"].lower() == "bgcolor"), tag
    )


def _in_rules(rules: str) -> str:
    """Turn the colours of a style sheet, or of one attribute with its quotes."""

    def rule(found: re.Match[str]) -> str:
        is_ground = found["name"].lower().startswith("background")
        value = _COLOUR.sub(lambda colour: _turned(colour[0], is_ground), found["value"])
        return found["name"] + found["colon"] + value

    return _RULE.sub(rule, rules)


@lru_cache(maxsize=1024)
def _turned(colour: str, is_ground: bool) -> str:  # noqa: FBT001 - private, and a key of the cache
    """Turn one colour; what is none, as `solid`, stays."""
    try:
        parts = ImageColor.getrgb(colour)
    except ValueError:
        return colour
    plain = "#" + bytes(parts[:_OPAQUE]).hex()
    turned = forced_ground(plain) if is_ground else forced_words(plain)
    if turned.lower() == plain.lower():
        return colour
    if len(parts) == _OPAQUE:
        return turned
    red, green, blue = ImageColor.getrgb(turned)[:_OPAQUE]
    return f"rgba({red},{green},{blue},{parts[_OPAQUE] / 255:g})"
