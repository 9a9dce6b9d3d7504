"""Pure. What letters may use though some mail program lacks it: what becomes of them there.

By the feature's name at caniemail.com. An entry for a layer alone holds within @media only, of
which a program that does not know the feature loses no more than the extra.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Extra:
    """Why a feature may be used; `only_in_layer` says that it may be within @media alone."""

    reason: str
    only_in_layer: bool = False


_LAYER = "a layer: what the letter needs stands in the style attributes of its elements"
_HIDES = "of the preheader, which is hidden by several means at once"
_BREAKS = "breaks a word longer than its line; word-break and overflow-wrap say it in turns"
_UNDERLINE = "the look of an underline; without it the usual one is drawn"

EXTRAS: Final[Mapping[str, Extra]] = MappingProxyType(
    {
        "css-at-media": Extra(_LAYER),
        "css-at-media-prefers-color-scheme": Extra(
            "dark mode as we want it; elsewhere the letter stays light, or is turned dark readably"
        ),
        "css-border-radius": Extra("square corners are no loss"),
        "css-color-scheme": Extra("tells that there is a dark mode; without it the light one is"),
        "css-display-none": Extra(
            "hides the preheader, the other logo, and thumbnails on a phone; shown, they do no harm"
        ),
        "css-filter": Extra("makes photographs a little darker in dark mode", only_in_layer=True),
        "css-height": Extra("of rules and pictures, which have it as an attribute besides"),
        "css-important": Extra("only the layer of phone and dark styles needs it"),
        "css-max-height": Extra(_HIDES),
        "css-opacity": Extra(_HIDES),
        "css-outline": Extra("none, on pictures: the MJML compiler writes it"),
        "css-overflow": Extra(_HIDES),
        "css-overflow-wrap": Extra(_BREAKS),
        "css-pseudo-class-hover": Extra("nothing is told by it", only_in_layer=True),
        "css-selector-chaining": Extra(_LAYER),
        "css-selector-child": Extra(_LAYER),
        "css-selector-class": Extra(_LAYER),
        "css-selector-descendant": Extra(_LAYER),
        "css-selector-grouping": Extra(_LAYER),
        "css-selector-id": Extra("#outlook: a repair for an old program, nothing to the others"),
        "css-selector-type": Extra(_LAYER),
        "css-text-decoration-color": Extra(_UNDERLINE),
        "css-text-decoration-thickness": Extra(_UNDERLINE),
        "css-text-underline-offset": Extra(_UNDERLINE),
        "css-white-space": Extra("keeps a date in one line; without it, it may break"),
        "css-word-break": Extra(_BREAKS),
        "css-word-spacing": Extra("normal: the MJML compiler writes it"),
        "html-aria-label": Extra("names the article; the title and the h1 say the same"),
        "html-body": Extra("becomes a <div>; colour, language and direction stand on the wrapper"),
        "html-meta-color-scheme": Extra(
            "tells that there is a dark mode; without it there is light"
        ),
        "html-role": Extra("for screen readers; without it they read more than they should"),
        "html-style": Extra(_LAYER),
    }
)


def may_stand(slug: str, *, is_layer: bool) -> bool:
    """Tell whether a feature may be used here though a program lacks it."""
    extra = EXTRAS.get(slug)
    return extra is not None and (is_layer or not extra.only_in_layer)
