"""Pure. Right typography for headlines and standfirsts: quotes, apostrophes, dashes, spaces.

Only what cannot be meant otherwise is changed, and never a letter or a digit: a sign we are not
sure of (5'10", a name of a file, an odd quotation mark) stays as its writer left it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from digest.sources.cleaning import word_set
from digest.sources.identity import folded_headline

NO_BREAK = "\u00a0"
NARROW = "\u202f"
MAX_CHARACTERS = 5_000
"""A longer text is no headline and no standfirst, and is left as it is."""

_MOST_ROUNDS = 4
_LAST_MONTH = 12
_LONGEST_ERA = 500

# Addresses, options of commands and what stands between backticks are nobody's prose.
_KEPT = re.compile(
    r"`[^`]*`|(?:https?://|www\.)[^\s<>]+|(?<![\w.+'-])[\w.+'-]+@[\w-]+\.[\w.-]+|(?<![\w-])--?[a-z]\S*",
    re.IGNORECASE,
)
_LETTER = r"[^\W\d_]"


@dataclass(frozen=True, slots=True)
class _Quotes:
    """How a language quotes, and how inside a quotation."""

    outer: tuple[str, str]
    inner: tuple[str, str]


_CURLED = _Quotes(("“", "”"), ("‘", "’"))
_SWISS = _Quotes(("«", "»"), ("\u2039", "\u203a"))
_QUOTES = {
    "en": _CURLED,
    "es": _CURLED,
    "nl": _CURLED,
    "pt": _CURLED,
    "de": _Quotes(("„", "“"), ("\u201a", "‘")),
    "de-ch": _SWISS,
    "de-li": _SWISS,
    "fr": _Quotes((f"«{NARROW}", f"{NARROW}»"), ("“", "”")),
}
_SIGNS_OF_THEIR_OWN = word_set("ar fa he ja ko th ur yi zh")
"""Languages of which only the spaces are put right."""

_SET_QUOTES = frozenset("“”„«»\u2039\u203a")
_BEFORE_OPENING = frozenset(" \u00a0\u202f([{¿¡—–-/“‘„\u201a«\u2039\"'")
_AFTER_CLOSING = frozenset(" \u00a0\u202f.,;:!?…)]}—–-/”’“‘»\u203a\"'")
_APOSTROPHES = (
    (re.compile(rf"(?<={_LETTER})'(?=\w)"), "’"),
    (re.compile(r"(?<= )'([nN])'(?= )"), r"’\1’"),
    (re.compile(r"(?<![\w'])'(?=(?:[0-9]0s|em|tis|twas)\b)", re.IGNORECASE), "’"),
)

_UNITS = (
    r"(?:\s?[%€$£°]|\s(?:per\s?cent|prozent|years?|hours?|days?|minutes?|people|km|kg|mph"
    r"|jahren?|stunden?|tagen?|minuten|uhr|ans|heures|jours|años|horas|días)\b)"
)
_NOT_WITHIN = r"(?<![\w.,:/–-])"
_RANGE = re.compile(rf"{_NOT_WITHIN}([0-9]{{1,3}})-([0-9]{{1,3}})(?={_UNITS})", re.IGNORECASE)
_YEARS = re.compile(
    rf"{_NOT_WITHIN}((?:1[89]|20)[0-9]{{2}})-([0-9]{{4}}|[0-9]{{2}})(?![\w/–-]|[.,][0-9])"
)
_DOTS = ((re.compile(r"(?<!\.)\.{3}(?!\.)"), "…"),)
_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_TIGHT = ((re.compile(r"(?<=\w)[ \u00a0\u202f]+(?=[.,;:!?](?:\s|$))"), ""),)
_BEFORE_DASH = r"(?<=[\w%€$£)”’»\"'!?.]) "
_AFTER_DASH = r" (?=[\w£€$(“‘«„\"'])"
_DOUBLE_HYPHEN = ((re.compile(rf"{_BEFORE_DASH}--{_AFTER_DASH}"), " – "),)
_JOINING_HYPHENS = ((re.compile(rf"(?<={_LETTER})--(?={_LETTER})"), "—"),)
_HYPHEN = re.compile(rf"{_BEFORE_DASH}-{_AFTER_DASH}")
_FRENCH = (
    (re.compile(r"(?<=[\w)»”’%])[ \u00a0](?=[;!?]+(?:\s|$))"), NARROW),
    (re.compile(r"(?<=[\w)»”’%]) (?=:(?:\s|$))"), NO_BREAK),
    (re.compile(r"(?<=«)[ \u00a0]?(?=[^\s«»])"), NARROW),
    (re.compile(r"(?<=[^\s«»])[ \u00a0]?(?=»)"), NARROW),
    (re.compile(r"(?<=[0-9]) (?=[%€$£](?!\w))"), NARROW),
)
_GERMAN = ((re.compile(r"(?<=[0-9]) (?=[%€$£](?!\w))"), NO_BREAK),)

_HAS_SIGNS = re.compile(
    r"['\"«»%€$£]|^\s|\s$|\s\s|[\t\r\n\f\v]|--| - |\.\.\.|\s[.,;:!?]|[0-9]-[0-9]"
)
"""Whatever any rule begins with: most headlines have nothing of it."""

_Rule = Callable[[str], str]
_Signs = Sequence[tuple[re.Pattern[str], str]]


def typeset(text: str, *, language: str | None) -> str:
    """Set a line with the right signs of its language (a BCP 47 tag); twice is the same as once.

    The text folded to its words is the same before and after, and so the story's identity is.
    Without a language only what is the same in most of them is put right.
    """
    if len(text) > MAX_CHARACTERS or not _HAS_SIGNS.search(text):
        return text
    rules = _rules(language)
    done = text
    for _ in range(_MOST_ROUNDS):
        before = done
        for rule in rules:
            done = rule(done)
        if done == before:
            return done if _says_the_same(text, done) else text
    return text


def _says_the_same(text: str, other: str) -> bool:
    if text == other:
        return True
    return _letters(text) == _letters(other) and folded_headline(text) == folded_headline(other)


def _letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum())


def _rules(language: str | None) -> list[_Rule]:
    tag = (language or "").lower().replace("_", "-")
    main = tag.partition("-")[0]
    if main in _SIGNS_OF_THEIR_OWN:
        return [_spaces]
    quotes = _QUOTES.get(tag) or _QUOTES.get(main)
    signs: list[tuple[re.Pattern[str], str]] = [*_DOTS, *_DOUBLE_HYPHEN, *_APOSTROPHES]
    if main == "en":
        signs += _JOINING_HYPHENS
    if main == "de":
        signs += _GERMAN
    signs += _FRENCH if main == "fr" else _TIGHT if quotes else ()
    rules: list[_Rule] = [_spaces, partial(_signs, signs=signs), _dashes, _ranges]
    if quotes:
        rules += [partial(_double_quotes, marks=quotes.outer)]
        rules += [partial(_single_quotes, marks=quotes.inner)]
    return rules


def _spaces(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" ")


def _signs(text: str, *, signs: _Signs) -> str:
    for rule, put in signs:
        text = _replaced(rule, partial(_expanded, put=put), text)
    return text


def _expanded(found: re.Match[str], *, put: str) -> str:
    return found.expand(put)


def _replaced(rule: re.Pattern[str], put: Callable[[re.Match[str]], str], text: str) -> str:
    if rule.search(text) is None:
        return text
    kept = _kept(text)
    return rule.sub(lambda found: found[0] if found.start() in kept else put(found), text)


@lru_cache(maxsize=32)
def _kept(text: str) -> frozenset[int]:
    return frozenset(place for found in _KEPT.finditer(text) for place in range(*found.span()))


def _dashes(text: str) -> str:
    return _replaced(_HYPHEN, _dash, text)


def _dash(found: re.Match[str]) -> str:
    around = found.string[found.start() - 1], found.string[found.end()]
    # Between two numbers it may be a minus.
    return found[0] if all(sign.isdigit() for sign in around) else " – "


def _ranges(text: str) -> str:
    return _replaced(_YEARS, _years, _replaced(_RANGE, _range, text))


def _range(found: re.Match[str]) -> str:
    return f"{found[1]}–{found[2]}" if int(found[1]) < int(found[2]) else found[0]


def _years(found: re.Match[str]) -> str:
    first, last = int(found[1]), int(found[2])
    # 2019-20 is a season; 2011-12 may be a December.
    is_season = last == first % 100 + 1 and last > _LAST_MONTH
    is_era = first < last < first + _LONGEST_ERA
    return f"{found[1]}–{found[2]}" if is_season or is_era else found[0]


def _double_quotes(text: str, *, marks: tuple[str, str]) -> str:
    """Set straight quotation marks when all of them pair; those that measure inches never do."""
    kept = _kept(text)
    places = [n for n, sign in enumerate(text) if sign == '"' and n not in kept]
    if len(places) % 2 or _SET_QUOTES & set(text):
        return text
    pairs = list(zip(places[::2], places[1::2], strict=True))
    if not all(_opens(text, first) and _closes(text, last) for first, last in pairs):
        return text
    return _with_marks(text, pairs, marks)


def _single_quotes(text: str, *, marks: tuple[str, str]) -> str:
    """Set single quotation marks that pair, and the apostrophes that words end in."""
    kept = _kept(text)
    places = [n for n, sign in enumerate(text) if sign == "'" and n not in kept]
    opening = [n for n in places if _opens(text, n) and not _closes(text, n)]
    closing = [n for n in places if _closes(text, n) and not _opens(text, n)]
    if len(opening) + len(closing) != len(places):
        return text
    pairs, ends = _paired(opening, closing)
    is_sure = len(pairs) == len(opening) and all(text[n - 1] in "sSxXzZ" for n in ends)
    # Which closes and which is the apostrophe matters only where they do not look the same.
    if not is_sure or (pairs and ends and marks[1] != "’"):
        return text
    return _with_marks(
        text, [*pairs, *((n, n) for n in ends)], (marks[0], "’" if ends else marks[1])
    )


def _paired(
    opening: Sequence[int], closing: Sequence[int]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Pair each opening mark with the last closing one before the next; give the others, too."""
    lasts: dict[int, int] = {}
    here: int | None = None
    opens = frozenset(opening)
    for place in sorted((*opening, *closing)):
        if place in opens:
            here = place
        elif here is not None:
            lasts[here] = place
    taken = frozenset(lasts.values())
    return list(lasts.items()), [place for place in closing if place not in taken]


def _opens(text: str, place: int) -> bool:
    before, after = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    return (not before or before in _BEFORE_OPENING) and bool(after) and not after.isspace()


def _closes(text: str, place: int) -> bool:
    before, after = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    return bool(before) and not before.isspace() and (not after or after in _AFTER_CLOSING)


def _with_marks(text: str, pairs: Sequence[tuple[int, int]], marks: tuple[str, str]) -> str:
    put = {first: marks[0] for first, _ in pairs} | {last: marks[1] for _, last in pairs}
    return "".join(put.get(n, sign) for n, sign in enumerate(text))
