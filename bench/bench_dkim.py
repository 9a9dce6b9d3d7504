"""How many messages of 75 KB one core makes and signs, by each key and both, against dkimpy.

Run it with: python bench/bench_dkim.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import dkim
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.bench_splice import PERSONAL, ordinary_readers
from digest.composition.model import ReaderValues
from digest.composition.wire import EditionWire
from digest.delivery.dkim import COVERED, DkimSigner
from tests.unit.composition.wire_builders import HEADERS, a_composition
from tests.unit.delivery.dkim_builders import DOMAIN, keys, verdicts

GOAL_PER_SECOND = 1_200
READERS, ROUNDS, PEER_READERS = 400, 7, 20
STORIES = 19


def cpu_per_message(sign: Callable[[ReaderValues], bytes], readers: list[ReaderValues]) -> float:
    """Give microseconds of processor time: other programs on the machine count for less."""
    start = process_time()
    for reader in readers:
        sign(reader)
    return (process_time() - start) / len(readers) * 1e6


def by_dkimpy(plain: EditionWire) -> Callable[[ReaderValues], bytes]:
    """Sign as dkimpy does, by the RSA key; what it is given is made by the same splice."""
    rsa = keys()[0]
    pem = rsa.private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    def sign(reader: ReaderValues) -> bytes:
        message = plain.message(reader)
        names = [name for name in COVERED if b"\r\n%b: " % name in message.lower()]
        field = dkim.sign(
            message,
            rsa.selector.encode(),
            DOMAIN.encode(),
            pem,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[b"from", b"from", *names],
        )
        return bytes(field) + message

    return sign


def in_threads(wire: EditionWire, readers: list[ReaderValues], number: int) -> float:
    """Give messages a second of several threads that share one wire."""
    threads = [
        Thread(target=lambda at=at: [wire.message(r) for r in readers[at::number]])
        for at in range(number)
    ]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(readers) / (perf_counter() - start)


def main() -> int:
    composition = a_composition(stories=STORIES, personal=PERSONAL)
    rsa, ed25519 = keys()
    signers = {"rsa": [rsa], "ed25519": [ed25519], "both": [rsa, ed25519]}
    plain = EditionWire(composition, HEADERS)
    wires = {
        name: EditionWire(composition, HEADERS, signer=DkimSigner(DOMAIN, each))
        for name, each in signers.items()
    }
    readers = [replace(reader, topics=None) for reader in ordinary_readers(READERS)]
    size = len(plain.message(readers[0]))
    for name, wire in wires.items():
        signer = DkimSigner(DOMAIN, signers[name])
        assert all(verdicts(wire.message(readers[0]), signer)), name
    peer = by_dkimpy(plain)
    assert verdicts(peer(readers[0]), DkimSigner(DOMAIN, [rsa])) == [True]
    # In turns, so that whatever else the machine does slows all alike.
    rounds = [
        {
            "plain": cpu_per_message(plain.message, readers),
            **{name: cpu_per_message(wire.message, readers) for name, wire in wires.items()},
            "dkimpy": cpu_per_message(peer, readers[:PEER_READERS]),
        }
        for _ in range(ROUNDS)
    ]
    cost = {name: median(each[name] for each in rounds) for name in rounds[0]}
    print(f"message: {size:,} bytes; {READERS} readers, {ROUNDS} rounds in turns")
    print(f"spliced, not signed:  {cost['plain']:7.1f} us of processor a message")
    for name in wires:
        rate = 1e6 / cost[name]
        goal = f" (goal {GOAL_PER_SECOND:,})" if name == "rsa" else ""
        ratio = cost["dkimpy"] / cost[name]
        print(
            f"spliced and signed, {name}: {cost[name]:7.1f} us, {rate:,.0f} messages/s on one core"
            f"{goal}; {ratio:.1f} x dkimpy's RSA"
        )
    print(
        f"dkimpy, RSA, on the same message: {cost['dkimpy']:,.1f} us, {1e6 / cost['dkimpy']:,.0f}/s"
    )
    one, two = (median(in_threads(wires["both"], readers, n) for _ in range(3)) for n in (1, 2))
    print(
        f"both, one thread {one:,.0f}/s, two threads {two:,.0f}/s of wall time: {two / one:.2f} x"
    )
    return 0 if 1e6 / cost["rsa"] >= GOAL_PER_SECOND else 1


if __name__ == "__main__":
    sys.exit(main())
