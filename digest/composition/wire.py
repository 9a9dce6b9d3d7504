"""Pure. An edition's messages: the static is encoded once, each reader's values spliced in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from operator import attrgetter, itemgetter

from digest.composition.headers import (
    ONE_CLICK,
    date,
    feedback_id,
    header_lines,
    list_archive,
    list_help,
    list_id,
    list_unsubscribe,
    message_id_field,
    one_mailbox,
    reader_address,
    unstructured,
)
from digest.composition.language import Plural, nearest
from digest.composition.message import MIME_VERSION, PLAIN_TEXT, frame
from digest.composition.model import Composition, CopySigner, ListHeaders, ReaderValues, Signer
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
from digest.errors import FewStoriesError

_MOST_PLANS = 256
_OWN_FIELDS = ("To", "Date", "Message-ID", "List-Unsubscribe")
"""What each copy has of its own in its header, in this order."""
_ONLINE = {Slot.ADDRESS: "you", Slot.SINCE: ""}
"""What the public page shows where a reader's own value would stand; a link leads nowhere."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_Escape = Callable[[str], str]
_Place = tuple[str, Slot]
"""Which part, "text" or "html", and which value goes there."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a copy for one set of topics is made of: shared bytes and a reader's, in turns."""

    shared: tuple[bytes, ...]
    """Every other piece; between them the reader's go."""
    slots: tuple[Slot, ...]
    """The values wanted: once for the text, once for the HTML."""
    order: Callable[[Sequence[bytes]], tuple[bytes, ...]]
    """Puts the reader's lines of the header, then those values, in the order they stand in."""
    signer: CopySigner | None = None
    begun: int = 0
    """How many bytes of a copy, beside the reader's lines, the signer knows: up to the first of
    the reader's values."""


class EditionWire:
    """Makes the bytes of each reader's copy of one composition; threads may share it."""

    def __init__(
        self,
        composition: Composition,
        headers: ListHeaders,
        *,
        least: int = 0,
        signer: Signer | None = None,
    ) -> None:
        """Encode once all that readers share; `least` and `signer` as `EditionWires` takes them.

        Raises:
            CompositionError: for a broken mark, or a shared header that cannot be written.
        """
        around = frame(composition.content_hash)
        self._text = _Part(composition.text, composition.nonce, str)
        self._html = _Part(composition.html, composition.nonce, escape)
        self._topics = self._text.topics | self._html.topics
        self._head = header_lines(_shared_fields(composition, headers))
        self._both = header_lines([MIME_VERSION, around.content_type])
        self._alone = header_lines([MIME_VERSION, *PLAIN_TEXT])
        self._frame = around
        self._signer = signer
        self._least = min(least, counted(self._text.runs).stories)
        self._plan = lru_cache(maxsize=_MOST_PLANS)(self._new_plan)

    def message(self, values: ReaderValues) -> bytes:
        """Make one reader's whole message: both parts, or the text alone.

        Raises:
            CompositionError: if the reader's address or a link cannot stand in a header.
            FewStoriesError: if the reader's topics leave too few stories.
        """
        topics = self._topics if values.topics is None else values.topics & self._topics
        plan = self._plan(topics, text_only=values.text_only)
        lines = _reader_lines(values)
        pieces = list(plan.shared)
        pieces[1::2] = plan.order([lines, *_encoded_values(values, plan.slots)])
        message = b"".join(pieces)
        if plan.signer is None:
            return message
        own = memoryview(message)[len(lines) + plan.begun :]
        return plan.signer.signatures(lines, own, values.sent_at) + message

    def _new_plan(self, topics: frozenset[str], *, text_only: bool) -> _Plan:
        self._refuse_few(topics)
        text = [_place("text", piece) for piece in self._text.pieces(topics, alone=text_only)]
        if text_only:
            return self._lay_out(self._alone, text)
        html = [_place("html", piece) for piece in self._html.pieces(topics)]
        begin, between, after = (
            self._frame.before_text,
            self._frame.before_html,
            self._frame.after,
        )
        return self._lay_out(self._both, [begin, *text, between, *html, after])

    def _lay_out(self, mime: bytes, body: Iterable[bytes | _Place]) -> _Plan:
        """Lay a copy out, and let the signer make ready what is the same in all of this plan."""
        plan = _lay_out(self._head, [mime + b"\r\n", *body])
        if self._signer is None:
            return plan
        head, _, rest, *_ = plan.shared
        begins = rest[len(mime) + len(b"\r\n") :]
        signer = self._signer.copies(self._head + mime, differing=_OWN_FIELDS, begins=begins)
        return replace(plan, signer=signer, begun=len(head) + len(rest))

    def _refuse_few(self, topics: frozenset[str]) -> None:
        left = counted(shown(self._text.runs, topics)).stories
        if left < self._least:
            stories = "1 story" if left == 1 else f"{left} stories"
            raise FewStoriesError(f"their topics leave {stories}, {self._least} needed")


class EditionWires:
    """Makes the bytes of each reader's copy in the language that was planned for them."""

    def __init__(
        self,
        compositions: Sequence[Composition],
        headers: ListHeaders,
        *,
        least: int = 0,
        signer: Signer | None = None,
    ) -> None:
        """Encode all languages of an edition, its own first and at least that.

        Readers whose topics leave fewer than `least` stories get none, unless the whole edition
        has no more. Without a `signer` copies are not signed.

        Raises:
            CompositionError: as `EditionWire` does.
        """
        self._wires = {
            made.language: EditionWire(made, headers, least=least, signer=signer)
            for made in compositions
        }
        self._tags = tuple(self._wires)

    def message(self, values: ReaderValues, language: str = "") -> bytes:
        """Make one reader's whole message in a language, or in the edition's own.

        Raises:
            CompositionError: as `EditionWire` does, FewStoriesError among them.
        """
        wire = (
            self._wires.get(language) or self._wires[nearest(language, self._tags) or self._tags[0]]
        )
        return wire.message(values)


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

    def pieces(self, topics: frozenset[str], *, alone: bool = False) -> Iterator[bytes | Slot]:
        """Give the copy for these topics: bytes with a soft break at each seam, and slots.

        A part that is `alone` ends its message, as no boundary follows it.
        """
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
        end = SOFT_BREAK.join(gathered)
        yield _closed(end) if alone else end


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
    if headers.help_url:
        fields.append(("List-Help", list_help(headers.help_url, headers.help_mailto)))
    if headers.archive_url:
        fields.append(("List-Archive", list_archive(headers.archive_url)))
    return fields


def _reader_lines(values: ReaderValues) -> bytes:
    """Serialise `_OWN_FIELDS`; every value is checked or made by its maker."""
    to = reader_address(values.address)
    unsubscribe = list_unsubscribe(values.unsubscribe_url, values.unsubscribe_mailto)
    return (
        f"To: {to}\r\n"
        f"Date: {date(values.sent_at)}\r\n"
        f"Message-ID: {message_id_field(values.message_id)}\r\n"
        f"List-Unsubscribe: {unsubscribe}\r\n"
    ).encode()


def _lay_out(head: bytes, pieces: Iterable[bytes | _Place]) -> _Plan:
    """Lay the pieces of a copy out behind its header, so that splicing needs no loop."""
    shared, places = [head, b""], list[_Place]()
    for piece in pieces:
        if isinstance(piece, bytes):
            shared[-1] += piece
        else:
            places.append(piece)
            shared.append(b"")
    slots = tuple(dict.fromkeys(slot for _, slot in places))
    wanted = [(part, slot) for slot in slots for part in ("text", "html")]
    # A getter of one thing gives no tuple: the header's lines are asked for twice, and then cut.
    order = itemgetter(0, *(1 + wanted.index(place) for place in places), 0)
    alternating = [piece for each in shared for piece in (each, b"")][:-1]
    return _Plan(tuple(alternating), slots, lambda given: order(given)[:-1])


def _place(part: str, piece: bytes | Slot) -> bytes | _Place:
    return (part, piece) if isinstance(piece, Slot) else piece


def _closed(end: bytes) -> bytes:
    """End a message that is text alone with one line break: DKIM counts no empty lines there."""
    while end.endswith(b"\r\n"):
        end = end.removesuffix(b"\r\n").removesuffix(b"=")
    return end + b"\r\n"


_VALUE_OF: Mapping[Slot, Callable[[ReaderValues], str]] = {
    Slot.ADDRESS: attrgetter("address"),
    Slot.SINCE: attrgetter("since"),
    Slot.UNSUBSCRIBE: attrgetter("unsubscribe_url"),
    Slot.PREFERENCES: attrgetter("preferences_url"),
    Slot.TWIN: attrgetter("twin_url"),
}


def _said(values: ReaderValues, slot: Slot) -> str:
    return _CONTROL.sub(" ", _VALUE_OF[slot](values))


def _encoded_values(values: ReaderValues, slots: Iterable[Slot]) -> Iterator[bytes]:
    for slot in slots:
        value = _said(values, slot)
        plain = encode_value(value)
        safe = escape(value)
        yield plain
        yield plain if safe == value else encode_value(safe)


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
    stories, minutes = 0, 0
    for found in re.finditer(rf"{n}K(\d+)Y(\d+)E", source):
        stories, minutes = stories + int(found[1]), minutes + int(found[2])

    def filled(found: re.Match[str]) -> str:
        kind, content = found[1], found[2]
        if kind == "V":
            return escaped(_said(values, Slot(content)))
        if kind not in tuple(Unit):
            return ""
        rule, *forms = map(decode, content.split("Y"))
        number = stories if kind == Unit.STORIES else minutes
        return escaped(Plural(tuple(forms), rule).words(number))

    return mark_pattern(nonce).sub(filled, source)
