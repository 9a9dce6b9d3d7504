"""Keys that sign, and a verifier that shares no code with what signs: dkimpy."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from dkim.util import parse_tag_value

from digest.delivery.dkim import DkimKey, DkimSigner, dns_record

DOMAIN = "letters.harbourpost.example"


@cache
def keys() -> tuple[DkimKey, DkimKey]:
    """Make an RSA and an Ed25519 key, once in a process."""
    return (
        DkimKey("news", generate_private_key(65537, 2048)),
        DkimKey("newse", Ed25519PrivateKey.from_private_bytes(b"k" * 32)),
    )


def a_signer(domain: str = DOMAIN) -> DkimSigner:
    return DkimSigner(domain, keys())


def verdicts(message: bytes, signer: DkimSigner) -> list[bool]:
    """Say of each signature, from the top, whether it holds."""
    zone = {f"{r.name}.": r.value for r in (dns_record(k, signer.domain) for k in signer.keys)}
    count = message.partition(b"\r\n\r\n")[0].count(b"DKIM-Signature:")
    return [_holds(message, at, zone) for at in range(count)]


def _holds(message: bytes, at: int, zone: dict[str, str]) -> bool:
    def txt(name: bytes, timeout: int = 5) -> bytes:
        assert timeout
        return zone[name.decode()].encode()

    try:
        return bool(_Verifier(message).verify(at, txt))
    except dkim.DKIMException:
        return False


class _Public:
    """An Ed25519 key as dkimpy asks it, which keeps the answer: dkimpy catches PyNaCl's errors."""

    def __init__(self, octets: bytes) -> None:
        self.key = Ed25519PublicKey.from_public_bytes(octets)
        self.good = False

    def verify(self, digest: bytes, signature: bytes) -> None:
        try:
            self.key.verify(signature, digest)
        except InvalidSignature:
            return
        self.good = True


class _Verifier(dkim.DKIM):  # type: ignore[misc]  # it ships no types
    """All of dkimpy, but for the one step that wants another library for Ed25519."""

    def verify_sig(self, sig: dict[bytes, bytes], *given: Any) -> bool:
        if sig[b"a"] != b"ed25519-sha256":
            return bool(super().verify_sig(sig, *given))
        include_headers, sig_header, dnsfunc = given
        record = parse_tag_value(dnsfunc(sig[b"s"] + b"._domainkey." + sig[b"d"] + b"."))
        assert record[b"k"] == b"ed25519"
        self.pk = _Public(base64.b64decode(record[b"p"]))
        self.keysize, self.ktag, self.seqtlsrpt = 256, b"ed25519", False
        self.verify_sig_process(sig, include_headers, sig_header, dnsfunc)
        return self.pk.good
