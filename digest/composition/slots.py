"""Pure. The marks in a composition where readers differ: slots, topics, and what is counted.

A mark is `<nonce><kind><content>E`, ASCII letters and digits throughout, so that no template
engine, MJML, CSS inliner, URL or transfer encoding changes it. The nonce is keyed: no story can
hold one. Kinds: V a value, O and C around a topic, R and S around what only readers see, K a
tally of stories and minutes, N and M the words that tell the sums of the tallies in sight.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from digest.composition.language import Plural
from digest.errors import CompositionError

_NONCE = re.compile(r"Zq[0-9a-f]{8,}x")
_ESCAPE = re.compile(r"X([0-9a-f]{2})")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_PAIR = "Y"
"""Between the contents of a mark; escaped contents are [a-z0-9X] and cannot hold it."""


class Slot(StrEnum):
    """The values that are spliced in for each reader."""

    ADDRESS = "address"
    SINCE = "since"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    TWIN = "twin"
    """Where a reader moves to the sibling newsletter: weekly instead of daily, or back."""


class Unit(StrEnum):
    """What a total is a total of."""

    STORIES = "N"
    MINUTES = "M"


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of stories, and of minutes it takes to read them."""

    stories: int = 0
    minutes: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.stories + other.stories, self.minutes + other.minutes)


@dataclass(frozen=True, slots=True)
class Total:
    """Words for a sum, plain text, in all forms that the letter's language has for numbers."""

    unit: Unit
    plural: Plural

    def words(self, tally: Tally) -> str:
        """Give the words for what was counted."""
        return self.plural.words(tally.stories if self.unit is Unit.STORIES else tally.minutes)


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text, or what a mark stands for, and whom it is shown to."""

    content: str | Slot | Tally | Total
    topics: frozenset[str] = frozenset()
    """Shown to readers who want every one of these; none: to all."""
    readers_only: bool = False
    """Stands in mails and not on the public page."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Makes the marks of one composition; templates print what these methods give."""

    nonce: str

    def __post_init__(self) -> None:
        """Refuse a nonce that could be mistaken for something else."""
        if not _NONCE.fullmatch(self.nonce):
            raise CompositionError(
                f"slot nonce: {self.nonce!r}: not of the form Zq<8 or more hex digits>x",
                hint="Take the nonce from nonce_for().",
            )

    def value(self, name: Slot | str) -> str:
        """Mark the place of a value."""
        return self._mark("V", _slot_named(name).value)

    def topic_open(self, topic: str) -> str:
        """Begin what is shown only to readers who want the topic (a section's key)."""
        return self._mark("O", _topic_content(topic))

    def topic_close(self, topic: str) -> str:
        """End the block of the topic."""
        return self._mark("C", _topic_content(topic))

    def reader_open(self) -> str:
        """Begin what stands in mails and not on the public page."""
        return self._mark("R")

    def reader_close(self) -> str:
        """End what stands in mails only."""
        return self._mark("S")

    def tally(self, stories: int, minutes: int = 0) -> str:
        """Count stories and minutes here, for those readers who see this place."""
        return self._mark("K", f"{stories:d}{_PAIR}{minutes:d}")

    def stories(self, words: Plural) -> str:
        """Tell how many stories this reader's copy has: `plural("# story", "# stories")`."""
        return self._mark(Unit.STORIES, _total(words))

    def minutes(self, words: Plural) -> str:
        """Tell how long this reader's copy takes: `plural("# minute", "# minutes")`."""
        return self._mark(Unit.MINUTES, _total(words))

    def _mark(self, kind: str, content: str = "") -> str:
        return f"{self.nonce}{kind}{content}E"


def nonce_for(secret: bytes, edition_id: int, revision: int, language: str) -> str:
    """Give the nonce of a composition: the same each time, and nobody else can tell it."""
    subject = f"slot nonce\0{edition_id:d}\0{revision:d}\0{language}".encode()
    return f"Zq{hmac.digest(secret, subject, 'sha256')[:8].hex()}x"


def count(source: str, nonce: str) -> Counter[str]:
    """Count each mark by its kind and content; the remains of broken marks stand under "".

    Equal counts before and after a step mean that every mark survived it.
    """
    found = Counter(mark[1] + mark[2] for mark in mark_pattern(nonce).finditer(source))
    return found + Counter({"": source.count(nonce) - found.total()})


def split(source: str, nonce: str) -> tuple[Run, ...]:
    """Cut a source at its marks; blocks become what each run says of its readers.

    Raises:
        CompositionError: for an unknown slot, an unbalanced block, or a broken mark.
    """
    runs: list[Run] = []
    blocks: list[str] = []
    at = 0
    for mark in mark_pattern(nonce).finditer(source):
        runs.append(_run(source[at : mark.start()], blocks))
        kind, content = mark[1], mark[2]
        if kind in "OCRS":
            _turn(kind, content, blocks)
        else:
            runs.append(_run(_content(kind, content), blocks))
        at = mark.end()
    runs.append(_run(source[at:], blocks))
    if blocks:
        raise _unbalanced(blocks[-1], "is opened and never closed")
    for run in runs:
        _refuse_remains(run, nonce)
    return tuple(run for run in runs if run.content != "")


def shown(
    runs: Iterable[Run], topics: frozenset[str] | None, *, online: bool = False
) -> tuple[Run, ...]:
    """Give the runs of the copy for these topics (None: everything), or of the public page."""
    return tuple(
        run
        for run in runs
        if not (online and run.readers_only) and (topics is None or run.topics <= topics)
    )


def counted(runs: Iterable[Run]) -> Tally:
    """Add up the tallies in sight."""
    return sum((run.content for run in runs if isinstance(run.content, Tally)), Tally())


def topics_of(runs: Iterable[Run]) -> frozenset[str]:
    """Give every topic that switches something."""
    return frozenset[str]().union(*(run.topics for run in runs))


def mark_pattern(nonce: str) -> re.Pattern[str]:
    """Match one whole mark: group 1 is its kind, group 2 its content."""
    return re.compile(re.escape(nonce) + r"([VOCRSKNM])([a-z0-9XY]*)E")


def decode(content: str) -> str:
    """Give back the text that a mark's content stands for.

    Raises:
        CompositionError: if it is no UTF-8.
    """
    parts = _ESCAPE.split(content)
    plain, escaped = parts[::2], [*parts[1::2], ""]
    found = b"".join(
        text.encode() + bytes.fromhex(code) for text, code in zip(plain, escaped, strict=True)
    )
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise _broken(content) from error


def _encode(text: str) -> str:
    return "".join(
        chr(byte) if byte in _PLAIN else f"X{byte:02x}"
        for byte in text.encode("utf-8", errors="replace")
    )


def _total(words: Plural) -> str:
    # The forms travel with the letter: a catalog that changes later changes no letter.
    return _PAIR.join(_encode(part) for part in (words.rule, *words.forms))


def _topic_content(topic: str) -> str:
    if not topic:
        raise CompositionError(
            "topic block: without a key: it would be shown to nobody",
            hint="Open no block around what everybody gets.",
        )
    return _encode(topic)


def _slot_named(name: str) -> Slot:
    try:
        return Slot(name)
    except ValueError as error:
        raise CompositionError(
            f"slot: {str(name)!r}: there is no slot of that name",
            hint=f"The slots are {', '.join(Slot)}.",
        ) from error


def _content(kind: str, content: str) -> Slot | Tally | Total:
    if kind == "V":
        return _slot_named(content)
    parts = content.split(_PAIR)
    if kind == "K":
        if [part.isdecimal() for part in parts] != [True, True]:
            raise _broken(content)
        return Tally(int(parts[0]), int(parts[1]))
    rule, *forms = map(decode, parts)
    if not (rule and forms):
        raise _broken(content)
    return Total(Unit(kind), Plural(tuple(forms), rule))


def _run(content: str | Slot | Tally | Total, blocks: list[str]) -> Run:
    topics = frozenset(topic for topic in blocks if topic)
    return Run(content, topics, readers_only="" in blocks)


def _turn(kind: str, content: str, blocks: list[str]) -> None:
    block = decode(content) if kind in "OC" else ""
    if kind in "OR":
        if block in blocks:
            raise _unbalanced(block, "is opened inside itself")
        blocks.append(block)
        return
    if not blocks or blocks[-1] != block:
        raise _unbalanced(block, "is closed where it is not the open one")
    blocks.pop()


def _refuse_remains(run: Run, nonce: str) -> None:
    if isinstance(run.content, str) and nonce in run.content:
        at = run.content.index(nonce) + len(nonce)
        raise _broken(run.content[at : at + 20])


def _unbalanced(block: str, cause: str) -> CompositionError:
    name = f"topic block: {block}" if block else "reader block: reader_open"
    return CompositionError(
        f"{name}: it {cause}",
        hint="Close each block in the template that opens it, innermost first.",
    )


def _broken(content: str) -> CompositionError:
    return CompositionError(
        f"slot mark: {content!r}: something between template and letter changed it",
        hint="Print slots as they are, without filters, and never cut a text that holds one.",
    )
