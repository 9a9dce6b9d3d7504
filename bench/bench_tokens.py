"""How many links a second one core signs and reads, beside PyJWT's HS256 where it is installed.

Without it the peer is the least that does the same with the standard library: JSON, HMAC-SHA256,
base64. Run it with: python bench/bench_tokens.py
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from subscribers.keys import create_key, create_keys, live_ring
from subscribers.tokens import Grant, KeyRing, Purpose

GOAL_PER_SECOND = 50_000
READERS = 20_000
ROUNDS = 7
SECRET = bytes(range(32))

Sign = Callable[[str], Any]
Read = Callable[[Any], Any]


def ours(ring: KeyRing) -> tuple[str, Sign, Read]:
    """Our tokens, by the ring that the letters are signed with."""
    purpose = Purpose.UNSUBSCRIBE
    return (
        "ours (keyed blake2b)",
        lambda reader: ring.sign(purpose, Grant(reader, (1,))),
        lambda token: ring.read(purpose, token),
    )


def peer() -> tuple[str, Sign, Read]:
    """The first of the usual libraries that is there."""
    for name, make in (("itsdangerous", by_itsdangerous), ("jwt", by_jwt)):
        try:
            return make(importlib.import_module(name))
        except ImportError:
            continue
    return "JSON and HMAC-SHA256 (stdlib)", by_hand, read_by_hand


def by_itsdangerous(library: Any) -> tuple[str, Sign, Read]:
    signer = library.URLSafeSerializer(SECRET, salt="unsubscribe")
    return (
        f"itsdangerous {library.__version__}",
        lambda reader: signer.dumps({"r": reader, "n": [1]}),
        signer.loads,
    )


def by_jwt(library: Any) -> tuple[str, Sign, Read]:
    return (
        f"PyJWT {library.__version__} (HS256)",
        lambda reader: library.encode({"r": reader, "n": [1]}, SECRET, algorithm="HS256"),
        lambda token: library.decode(token, SECRET, algorithms=["HS256"]),
    )


def by_hand(reader: str) -> bytes:
    body = base64.urlsafe_b64encode(json.dumps({"r": reader, "n": [1]}).encode())
    mac = hmac.new(SECRET, body, hashlib.sha256).digest()
    return body + b"." + base64.urlsafe_b64encode(mac)


def read_by_hand(token: bytes) -> Any:
    body, _, mac = token.partition(b".")
    found = hmac.new(SECRET, body, hashlib.sha256).digest()
    if not hmac.compare_digest(base64.urlsafe_b64decode(mac), found):
        raise ValueError
    return json.loads(base64.urlsafe_b64decode(body))


def per_second(work: Callable[[Any], Any], items: Sequence[Any]) -> float:
    begun = perf_counter()
    for item in items:
        work(item)
    return len(items) / (perf_counter() - begun)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        create_keys(Path(folder))
        create_key(Path(folder))  # two keys, as after a rotation
        measure(live_ring(Path(folder)))


def measure(ring: KeyRing) -> None:
    readers = [f"{n:024x}" for n in range(READERS)]
    rates: dict[str, tuple[list[float], list[float]]] = {}
    sizes = {}
    for _ in range(ROUNDS):  # in turns, so that a busy moment hits both
        for name, sign, read in (ours(ring), peer()):
            tokens = [sign(reader) for reader in readers]
            signed, was_read = rates.setdefault(name, ([], []))
            signed.append(per_second(sign, readers))
            was_read.append(per_second(read, tokens))
            sizes[name] = len(tokens[-1])
    print(f"{'':32}{'sign/s':>10}{'read/s':>10}{'characters':>12}")
    for name, (signed, was_read) in rates.items():
        print(f"{name:32}{median(signed):10,.0f}{median(was_read):10,.0f}{sizes[name]:12}")
    (ours_signed, ours_read), (peer_signed, peer_read) = rates.values()
    ratios = median(ours_signed) / median(peer_signed), median(ours_read) / median(peer_read)
    print(f"ratio of the medians            sign {ratios[0]:.1f}, read {ratios[1]:.1f}")
    least = min(max(ours_signed), max(ours_read))
    met = "met" if least >= GOAL_PER_SECOND else "MISSED"
    print(f"goal                            at least {GOAL_PER_SECOND:,} a second of each: {met}")


if __name__ == "__main__":
    main()
