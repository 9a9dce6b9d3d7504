"""Pure. Names within a sentence of ours: held apart where they run against it, joined as it does.

Source: Unicode Standard Annex 9, the bidirectional algorithm.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from digest.composition.language import Language, primary

_OPEN, _CLOSE = "\u2068", "\u2069"
_CONTROLS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What would turn the words around it: marks that nobody closes."""
_LEFT_TO_RIGHT, _RIGHT_TO_LEFT = frozenset({"L"}), frozenset({"R", "AL"})
_SOUND_I: Final = re.compile(r"[\W_]*(?:ia\b|h?[iíy](?![aeouáéóú]))", re.IGNORECASE)
"""Spanish words that begin with the sound i, and with no diphthong as "hielo" does."""


class Held(str):
    """Words whose parts are held apart already: to be put into a sentence as they are."""

    __slots__ = ()


def apart(words: str, language: Language) -> Held:
    """Hold words apart if any of them runs against the sentence, so that neither turns the other.

    Controls of their own, which would reach beyond them, are taken out.
    """
    if isinstance(words, Held):
        return words
    plain = _CONTROLS.sub("", words)
    other = _LEFT_TO_RIGHT if language.direction == "rtl" else _RIGHT_TO_LEFT
    runs_against = any(unicodedata.bidirectional(sign) in other for sign in plain)
    return Held(f"{_OPEN}{plain}{_CLOSE}" if runs_against else plain)


def joined(names: Sequence[str], language: Language) -> Held:
    """Join names as the language does: `a`, `a and b`, `a, b and c`; "" for none.

    Each is held apart by itself: held as one they would stand in the order of their own script.
    """
    if not names:
        return Held()
    *others, last = (apart(name, language) for name in names)
    if not others:
        return last
    row: str = others[0]
    for each in others[1:]:
        row = language.say("%(names)s, %(next)s", names=row, next=each)
    said = language.say("%(names)s and %(last)s")
    if primary(language.tag) == "es" and _SOUND_I.match(last):
        said = said.replace(" y %(last)s", " e %(last)s")
    return Held(said % {"names": row, "last": last})
