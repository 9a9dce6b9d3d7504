"""Pure. One language of a letter: its words, its plural forms, the way it is written."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from digest.composition.dates import direction, number_words

ENGLISH_RULE: Final = "n != 1"
"""The plural rule of the words that stand in code and templates, as gettext writes rules."""

NUMBER: Final = "#"
"""Stands for the number in the words of a plural."""


@dataclass(frozen=True, slots=True)
class Plural:
    """Words for a number: one form for each class of numbers the language tells apart.

    `rule` gives the index of the form for `n`, in gettext's C notation; `#` is the number.
    """

    forms: tuple[str, ...]
    rule: str = ENGLISH_RULE

    def words(self, number: int, *, written: str = "") -> str:
        """Give the words for a number, the number written in: as `written`, else in digits."""
        at = min(_rule(self.rule)(number), len(self.forms) - 1)
        return self.forms[at].replace(NUMBER, written or str(number))


@dataclass(frozen=True, slots=True)
class Language:
    """A language and its catalog; what the catalog lacks is said in English.

    `messages` maps the English words to their translation, or to all plural forms of it.
    """

    tag: str
    """BCP 47, as "de" or "pt-BR"."""
    messages: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False, hash=False)
    rule: str = ENGLISH_RULE

    def say(self, words: str, /, **values: object) -> str:
        """Translate words of ours; `%(name)s` in them stands for a value."""
        said = self.messages.get(words, (words,))[0]
        return said % values if values else said

    def plural(self, one: str, many: str, /) -> Plural:
        """Translate words that depend on a number: `plural("# story", "# stories")`."""
        forms = self.messages.get(one, ())
        return Plural(forms, self.rule) if len(forms) > 1 else Plural((one, many))

    def count(self, one: str, many: str, /, number: int) -> str:
        """Say the words for a number, its thousands set apart as the language does."""
        written = number_words(number, self.tag)
        return self.plural(one, many).words(number, written=written)

    @property
    def direction(self) -> str:
        """Which way it is written: `ltr` or `rtl`."""
        return direction(self.tag)


ENGLISH: Final = Language("en")


def primary(tag: str) -> str:
    """Give the language of a tag without region and script, in lower case: "de" of "de-AT"."""
    return tag.replace("_", "-").partition("-")[0].lower()


def nearest(tag: str | None, offered: tuple[str, ...]) -> str | None:
    """Give the offered tag that serves a reader of `tag`: the same, else the same language."""
    wanted = (tag or "").replace("_", "-").lower()
    exact = (each for each in offered if each.replace("_", "-").lower() == wanted)
    akin = (each for each in offered if wanted and primary(each) == primary(wanted))
    return next(iter((*exact, *akin)), None)


@lru_cache(maxsize=64)
def _rule(expression: str) -> Callable[[int], int]:
    # The standard library's own reader of these rules: a small grammar, never Python's eval of
    # what a translator wrote.
    return gettext.c2py(expression)
