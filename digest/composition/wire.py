"""Pure. An edition's messages: the static is encoded once, each reader's values spliced in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from html import escape

from digest.composition.headers import (
    ONE_CLICK,
    ascii_address,
    date,
    feedback_id,
    header_lines,
    list_id,
    list_unsubscribe,
    message_id_field,
    one_mailbox,
    unstructured,
)
from digest.composition.language import Plural
from digest.composition.message import MIME_VERSION, frame
from digest.composition.model import Composition, ListHeaders, ReaderValues
from digest.composition.quoted_printable import SOFT_BREAK, encode_static, encode_value
from digest.composition.slots import (
    Run,
    Slot,
    Tally,
    Total,
    Unit,
    counted,
    decode,
    mark_pattern,
    shown,
    split,
    topics_of,
)

_MOST_PLANS = 256
_ONLINE = {Slot.ADDRESS: "you", Slot.SINCE: ""}
"""What the public page shows where a reader's own value would stand; a link leads nowhere."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_Escape = Callable[[str], str]
_Place = tuple[str, Slot]
"""Which part, "text" or "html", and which value goes there."""
_Plan = tuple[tuple[bytes, ...], tuple[tuple[int, _Place], ...]]
"""The pieces of a body for one set of topics, and which of them are filled per reader."""


class EditionWire:
    """Makes the bytes of each reader's copy of one composition; threads may share it."""

    def __init__(self, composition: Composition, headers: ListHeaders) -> None:
        """Encode once all that readers share.

        Raises:
            CompositionError: for a broken mark, or a shared header that cannot be written.
        """
        around = frame(composition.content_hash)
        self._text = _Part(composition.text, composition.nonce, str)
        self._html = _Part(composition.html, composition.nonce, escape)
        self._topics = self._text.topics | self._html.topics
        self._head = header_lines(_shared_fields(composition, headers))
        self._tail = header_lines([MIME_VERSION, around.content_type]) + b"\r\n"
        self._frame = around
        self._plan = lru_cache(maxsize=_MOST_PLANS)(self._new_plan)

    def message(self, values: ReaderValues) -> bytes:
        """Make one reader's whole message.

        Raises:
            CompositionError: if the reader's address or a link cannot stand in a header.
        """
        topics = self._topics if values.topics is None else values.topics & self._topics
        pieces, places = self._plan(topics)
        filled = _encoded_values(values)
        body = list(pieces)
        body[0] = self._head
        body[1] = _reader_lines(values)
        for at, place in places:
            body[at] = filled[place]
        return b"".join(body)

    def _new_plan(self, topics: frozenset[str]) -> _Plan:
        pieces: list[bytes | _Place] = [b"", b"", self._tail + self._frame.before_text]
        pieces += (_place("text", piece) for piece in self._text.pieces(topics))
        pieces.append(self._frame.before_html)
        pieces += (_place("html", piece) for piece in self._html.pieces(topics))
        pieces.append(self._frame.after)
        places = tuple((at, p) for at, p in enumerate(pieces) if isinstance(p, tuple))
        return tuple(p if isinstance(p, bytes) else b"" for p in pieces), places


class _Part:
    """One part of the letter, cut at its marks, each stretch of text encoded once."""

    def __init__(self, source: str, nonce: str, escaped: _Escape) -> None:
        self.runs = split(source, nonce)
        self.topics = topics_of(self.runs)
        self._escaped = escaped
        self._encoded: Mapping[Run, bytes] = {
            run: encode_static(run.content.encode("utf-8", errors="replace"))
            for run in self.runs
            if isinstance(run.content, str) and not isinstance(run.content, Slot)
        }

    def pieces(self, topics: frozenset[str]) -> Iterator[bytes | Slot]:
        """Give the copy for these topics: bytes with a soft break at each seam, and slots."""
        runs = shown(self.runs, topics)
        tally = counted(runs)
        gathered: list[bytes] = []
        for run in runs:
            match run.content:
                case Slot() as slot:
                    yield SOFT_BREAK.join([*gathered, b""]) if gathered else b""
                    yield slot
                    gathered = [b""]
                case Tally():
                    pass
                case Total() as total:
                    gathered.append(encode_value(self._escaped(total.words(tally))))
                case _:
                    gathered.append(self._encoded[run])
        yield SOFT_BREAK.join(gathered)


def read_online(composition: Composition) -> str:
    """Give the HTML of the public page: everything, for nobody in particular."""
    runs = shown(split(composition.html, composition.nonce), None, online=True)
    tally = counted(runs)
    return "".join(_online(run, tally) for run in runs)


def full_render(composition: Composition, values: ReaderValues) -> tuple[str, str]:
    """Render HTML and text for one reader the slow way, without `split`: what tests compare to."""
    return (
        _rendered(composition.html, composition.nonce, values, escape),
        _rendered(composition.text, composition.nonce, values, str),
    )


def _shared_fields(composition: Composition, headers: ListHeaders) -> list[tuple[str, str]]:
    fields = [
        ("From", one_mailbox(headers.sender, field="From")),
        ("Subject", unstructured(composition.subject)),
        ("List-Id", list_id(headers.list_name, headers.list_id)),
        ("List-Unsubscribe-Post", ONE_CLICK),
        ("Precedence", "bulk"),
    ]
    if headers.reply_to:
        fields.append(("Reply-To", one_mailbox(headers.reply_to, field="Reply-To")))
    if headers.feedback_id:
        fields.append(("Feedback-ID", feedback_id(headers.feedback_id)))
    return fields


def _reader_lines(values: ReaderValues) -> bytes:
    """Serialise the fields that differ; every value is checked or made by its maker."""
    to = ascii_address(values.address)
    unsubscribe = list_unsubscribe(values.unsubscribe_url, values.unsubscribe_mailto)
    return (
        f"To: {to}\r\n"
        f"Date: {date(values.sent_at)}\r\n"
        f"Message-ID: {message_id_field(values.message_id)}\r\n"
        f"List-Unsubscribe: {unsubscribe}\r\n"
    ).encode("ascii")


def _place(part: str, piece: bytes | Slot) -> bytes | _Place:
    return (part, piece) if isinstance(piece, Slot) else piece


def _reader_text(values: ReaderValues) -> dict[Slot, str]:
    return {
        Slot.ADDRESS: _CONTROL.sub(" ", values.address),
        Slot.SINCE: _CONTROL.sub(" ", values.since),
        Slot.UNSUBSCRIBE: _CONTROL.sub(" ", values.unsubscribe_url),
        Slot.PREFERENCES: _CONTROL.sub(" ", values.preferences_url),
        Slot.TWIN: _CONTROL.sub(" ", values.twin_url),
    }


def _encoded_values(values: ReaderValues) -> dict[_Place, bytes]:
    encoded: dict[_Place, bytes] = {}
    for slot, value in _reader_text(values).items():
        plain = encoded["text", slot] = encode_value(value)
        safe = escape(value)
        encoded["html", slot] = plain if safe == value else encode_value(safe)
    return encoded


def _online(run: Run, tally: Tally) -> str:
    match run.content:
        case Slot() as slot:
            return _ONLINE.get(slot, "#")
        case Tally():
            return ""
        case Total() as total:
            return escape(total.words(tally))
        case text:
            return text


def _rendered(source: str, nonce: str, values: ReaderValues, escaped: _Escape) -> str:
    n = re.escape(nonce)
    block = re.compile(rf"{n}O([a-z0-9X]+)E((?:(?!{n}[OC]).)*){n}C\1E", re.DOTALL)

    def kept(found: re.Match[str]) -> str:
        wanted = values.topics is None or decode(found[1]) in values.topics
        return found[2] if wanted else ""

    while block.search(source):
        source = block.sub(kept, source)
    texts = _reader_text(values)
    stories, minutes = 0, 0
    for found in re.finditer(rf"{n}K(\d+)Y(\d+)E", source):
        stories, minutes = stories + int(found[1]), minutes + int(found[2])

    def filled(found: re.Match[str]) -> str:
        kind, content = found[1], found[2]
        if kind == "V":
            return escaped(texts[Slot(content)])
        if kind not in tuple(Unit):
            return ""
        rule, *forms = map(decode, content.split("Y"))
        number = stories if kind == Unit.STORIES else minutes
        return escaped(Plural(tuple(forms), rule).words(number))

    return mark_pattern(nonce).sub(filled, source)
