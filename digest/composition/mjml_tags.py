"""Pure. The part of MJML that our templates may use: MRML prints anything else unread."""

from __future__ import annotations

from typing import Final

VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source"}
    | {"track", "wbr"}
)
"""HTML elements without an end tag."""

_BLOCKS = {"mj-text", "mj-image", "mj-button", "mj-divider", "mj-spacer", "mj-table", "mj-raw"}
_BODY = {"mj-section", "mj-wrapper", "mj-raw"}

CHILDREN: Final[dict[str, frozenset[str]]] = {
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": frozenset({"mj-title", "mj-style", "mj-attributes", "mj-breakpoint", "mj-raw"}),
    "mj-attributes": frozenset(
        _BLOCKS
        | {"mj-all", "mj-class", "mj-body", "mj-section", "mj-wrapper", "mj-group"}
        | {"mj-column"}
    ),
    "mj-body": frozenset(_BODY),
    "mj-wrapper": frozenset({"mj-section", "mj-raw"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": frozenset(_BLOCKS),
}
"""What may stand in what; text may stand in none of these."""

_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_ANY = "css-class mj-class"
_TYPE = (
    "align color container-background-color font-family font-size font-style font-weight height"
    " letter-spacing line-height text-decoration text-transform vertical-align"
)
_BACKGROUND = (
    "background-color background-url background-repeat background-size background-position"
    " full-width direction text-align"
)
_LINK = "href rel target title name"

ATTRIBUTES: Final[dict[str, frozenset[str]]] = {
    name: frozenset(words.split())
    for name, words in {
        "mjml": "lang dir",
        "mj-head": "",
        "mj-title": "",
        "mj-style": "inline",
        "mj-attributes": "",
        "mj-breakpoint": "width",
        "mj-all": "",
        "mj-class": "",
        "mj-raw": "position",
        "mj-body": f"{_ANY} background-color width",
        "mj-wrapper": f"{_ANY} {_PADDING} {_BORDER} {_BACKGROUND} gap",
        "mj-section": f"{_ANY} {_PADDING} {_BORDER} {_BACKGROUND}",
        "mj-group": f"{_ANY} background-color direction vertical-align width",
        "mj-column": f"{_ANY} {_PADDING} {_BORDER} background-color inner-background-color"
        " inner-border direction vertical-align width",
        "mj-text": f"{_ANY} {_PADDING} {_TYPE}",
        "mj-table": f"{_ANY} {_PADDING} {_TYPE} border cellpadding cellspacing role table-layout"
        " width",
        "mj-button": f"{_ANY} {_PADDING} {_BORDER} {_TYPE} {_LINK} background-color inner-padding"
        " text-align width",
        "mj-image": f"{_ANY} {_PADDING} {_BORDER} {_LINK} align alt container-background-color"
        " fluid-on-mobile font-size height src srcset sizes usemap width",
        "mj-divider": f"{_ANY} {_PADDING} align border-color border-style border-width"
        " container-background-color width",
        "mj-spacer": f"{_ANY} {_PADDING} container-background-color height",
    }.items()
}
"""Which attributes each element has; MRML drops any other without a word."""
