"""How many readers' messages one core makes of a composed edition, against the standard library.

Run it with: python bench/bench_splice.py
"""

from __future__ import annotations

import sys
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from digest.composition.model import Composition, ReaderValues
from digest.composition.slots import Slot, split
from digest.composition.wire import EditionWire, full_render
from tests.unit.composition.wire_builders import (
    HEADERS,
    TOPICS,
    a_composition,
    hostile_readers,
    values,
)

GOAL_PER_SECOND = 20_000
PERSONAL = 34
"""Slots in the stories; with those around them, 40 in the text and 41 in the HTML."""
READERS = 4_000
ROUNDS = 5
PEER_READERS = 40
HOSTILE = 600


def places(source: str, nonce: str) -> int:
    """Count the places where a reader's value goes."""
    return sum(isinstance(run.content, Slot) for run in split(source, nonce))


def ordinary_readers(number: int) -> list[ReaderValues]:
    """Invent readers as most are: every other one wants some of the topics only."""
    return [
        values(
            address=f"reader.{at}@example.org",
            message_id=f"<e7.s{at}.{at:016x}@letters.harbourpost.example>",
            unsubscribe_url=f"https://letters.harbourpost.example/u/{at:043x}",
            unsubscribe_mailto=f"mailto:out@letters.harbourpost.example?subject=out%20{at:043x}",
            preferences_url=f"https://letters.harbourpost.example/p/{at:043x}",
            twin_url=f"https://letters.harbourpost.example/p/{at:043x}/twin",
            topics=frozenset(t for bit, t in enumerate(TOPICS) if at & 1 << bit)
            if at % 2
            else None,
        )
        for at in range(number)
    ]


def per_second(wire: EditionWire, readers: list[ReaderValues]) -> float:
    start = perf_counter()
    for reader in readers:
        wire.message(reader)
    return len(readers) / (perf_counter() - start)


def mismatches(composition: Composition, wire: EditionWire) -> int:
    parser = BytesParser(policy=policy.default)
    wrong = 0
    for reader in hostile_readers(HOSTILE):
        message = parser.parsebytes(wire.message(reader))
        found = [
            bytes(part.get_payload(decode=True)).decode().replace("\r\n", "\n")
            for part in message.walk()
            if not part.is_multipart()
        ]
        html, text = full_render(composition, reader)
        wrong += found != ([text.rstrip("\n") + "\n"] if reader.text_only else [text, html])
    return wrong


def by_the_standard_library(
    composition: Composition, reader: ReaderValues, html: str, text: str
) -> bytes:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = HEADERS.sender
    message["To"] = reader.address
    message["Subject"] = composition.subject
    message["Message-ID"] = reader.message_id
    message["Date"] = reader.sent_at
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def peer_per_second(composition: Composition, readers: list[ReaderValues]) -> float:
    """Time the standard library's encoding alone: the parts are rendered beforehand."""
    rendered = [(reader, *full_render(composition, reader)) for reader in readers]
    start = perf_counter()
    for reader, html, text in rendered:
        by_the_standard_library(composition, reader, html, text)
    return len(readers) / (perf_counter() - start)


def main() -> int:
    composition = a_composition(stories=20, personal=PERSONAL)
    start = perf_counter()
    wire = EditionWire(composition, HEADERS)
    ready_ms = (perf_counter() - start) * 1000
    readers = ordinary_readers(READERS)
    sizes = [len(wire.message(reader)) for reader in readers]
    whole = [reader for reader in readers if reader.topics is None]
    # In turns, so that whatever else the machine does slows all three alike.
    rounds = [
        (
            per_second(wire, readers),
            per_second(wire, whole),
            peer_per_second(composition, readers[:PEER_READERS]),
        )
        for _ in range(ROUNDS)
    ]
    ours, ours_whole, peer = (median(figures) for figures in zip(*rounds, strict=True))
    wrong = mismatches(composition, wire)
    html, text = (len(part.encode()) / 1000 for part in (composition.html, composition.text))
    slots = [places(part, composition.nonce) for part in (composition.html, composition.text)]
    print(f"composition: {html:.1f} kB HTML, {text:.1f} kB text, ready in {ready_ms:.1f} ms")
    print(f"slots: {slots[0]} in the HTML, {slots[1]} in the text; {len(TOPICS)} topics")
    print(f"splice: {ours:,.0f} messages/s on one core (goal {GOAL_PER_SECOND:,})")
    print(f"splice, for readers of every topic: {ours_whole:,.0f} messages/s")
    print(f"bytes per message: {sum(sizes) / len(sizes):,.0f} on average, {max(sizes):,} at most")
    print(
        f"standard library, quoted-printable: {peer:,.0f} messages/s; ours is {ours / peer:,.0f} x"
    )
    print(f"mismatches with the full render: {wrong} of {HOSTILE} hostile readers (goal 0)")
    return 0 if wrong == 0 and ours >= GOAL_PER_SECOND else 1


if __name__ == "__main__":
    sys.exit(main())
