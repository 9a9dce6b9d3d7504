"""Pure. Signatures under our mail (DKIM: RFC 6376, 8301 and 8463), by an RSA and an Ed25519 key.

Relaxed canonicalisation of header and body; From is signed twice, so that nobody adds another one;
no `l=`, so that nobody adds to the body; no `x=`, as a letter may wait in a queue for days. What
the copies of an edition share is made ready once: of each copy only its own fields and what is its
own of the body are hashed.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from digest.clock import to_utc

RSA_BITS: Final = 2048
"""Of a new key: what RFC 8301 asks for, and as much as one UDP answer of the DNS holds."""

COVERED: Final = (
    b"from",
    b"reply-to",
    b"subject",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"list-id",
    b"list-unsubscribe-post",
    b"list-help",
    b"list-archive",
    b"feedback-id",
    b"precedence",
    b"auto-submitted",
    b"to",
    b"date",
    b"message-id",
    b"list-unsubscribe",
)
"""The fields that are signed where they stand, in the order of `h=`."""

_TWICE = frozenset({b"from"})
_AIM = 78
_FEWEST_BITS, _MOST_BITS = 1024, 4096  # RFC 8301, 3.2
_TXT = 255
_PADDING, _DIGEST = PKCS1v15(), Prehashed(SHA256())
_FIELD_ENDS = re.compile(rb"\r\n(?![ \t])")
_WSP = re.compile(rb"[ \t]+")
_WSP_AT_END = re.compile(rb"[ \t]+(?=\r\n)")


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One private key, and the selector under which the DNS holds its public half."""

    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        """Its name in `a=`."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest; other threads run meanwhile. Ed25519 signs it as RFC 8463 says."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(digest, _PADDING, _DIGEST)
        return self.private.sign(digest)


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A TXT record with a public key."""

    name: str
    """Without the dot at its end, as forms want it."""
    value: str

    @property
    def strings(self) -> tuple[str, ...]:
        """The value in pieces of at most 255 characters, as zone files want it (RFC 6376, 3.6)."""
        return tuple(self.value[at : at + _TXT] for at in range(0, len(self.value), _TXT))


class DkimSigner:
    """Signs whole messages, and the copies of an edition; threads may share it."""

    def __init__(self, domain: str, keys: Sequence[DkimKey]) -> None:
        """Take who signs, in A-labels, and the keys, one signature each."""
        self.domain = domain
        self.keys = tuple(keys)

    def sign(self, message: bytes, at: datetime) -> bytes:
        """Put the signatures in front of a message with CRLF line ends; `at` is aware.

        Raises ValueError when it has no From: nobody would know who signed for whom.
        """
        head, _, body = message.partition(b"\r\n\r\n")
        return self.copies(head).signatures(b"", relaxed_body(body), at) + message

    def copies(
        self, shared: bytes, *, differing: Sequence[str] = (), begins: bytes = b""
    ) -> CopySigner:
        """Make ready what is signed alike in many messages.

        `shared` are the header lines of all of them, `begins` is how all bodies begin, and
        `differing` names the fields each has of its own, in the order `signatures` gets them.
        Raises ValueError when no From is shared.
        """
        return CopySigner(self, list(_fields(shared)), differing, begins)


class CopySigner:
    """Signs messages that have much in common; threads may share it."""

    def __init__(
        self,
        signer: DkimSigner,
        shared: Sequence[tuple[bytes, bytes]],
        differing: Sequence[str],
        begins: bytes,
    ) -> None:
        """Hash what is shared; see `DkimSigner.copies`."""
        # Of fields that stand several times the last is signed first (RFC 6376, 5.4.2).
        signed = [each for name in COVERED for each in reversed(shared) if each[0] == name]
        names = [name for name, _ in signed for _ in range(1 + (name in _TWICE))]
        if b"from" not in names:
            raise ValueError("DKIM: From: a message without it cannot be signed")
        names += [name.lower().encode("ascii") for name in differing]
        self._forms = [_form(key, signer.domain, names) for key in signer.keys]
        self._fields = hashlib.sha256(b"".join(line for _, line in signed))
        self._body = hashlib.sha256(begins)

    def signatures(self, fields: bytes, body: bytes | memoryview, at: datetime) -> bytes:
        """Make the DKIM-Signature fields of one message, each ended by CRLF.

        `fields` are the lines it has of its own, `body` what follows the shared beginning, up to
        its end: it must be its own relaxed form already, as `relaxed_body` makes it. `at` is aware.
        """
        hashed = self._body.copy()
        hashed.update(body)
        body_hash = base64.b64encode(hashed.digest())
        header = self._fields.copy()
        header.update(b"".join(line for _, line in _fields(fields)))
        time = b"%d" % int(to_utc(at).timestamp())
        return b"".join(form.field(header.copy(), time, body_hash) for form in self._forms)


@dataclass(frozen=True, slots=True)
class _Form:
    """A DKIM-Signature of one key, but for its time, its body's hash and the signature itself."""

    key: DkimKey
    before_time: bytes
    before_hash: bytes
    relaxed_before_time: bytes
    relaxed_before_hash: bytes

    def field(self, header: hashlib._Hash, time: bytes, body_hash: bytes) -> bytes:
        """Sign what `header` has hashed so far and this field itself, its `b=` being empty."""
        relaxed = (self.relaxed_before_time, time, self.relaxed_before_hash, body_hash, b"; b=")
        header.update(b"".join(relaxed))
        signature = base64.b64encode(self.key.sign(header.digest()))
        # The first line holds " b=" beside its part.
        room = _AIM - len(" b=")
        lines = [signature[at : at + room] for at in range(0, len(signature), room)]
        written = (self.before_time, time, self.before_hash, body_hash, b";\r\n b=")
        return b"".join((*written, b"\r\n ".join(lines), b"\r\n"))


def read_key(pem: bytes, *, selector: str) -> DkimKey:
    """Read a private key as OpenSSL writes it, without a password.

    Raises ValueError for what is none, for another kind, and for an RSA key of a size that
    receivers need not accept (RFC 8301, 3.2).
    """
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not a private key in PEM without a password") from error
    if isinstance(private, RSAPrivateKey):
        if not _FEWEST_BITS <= private.key_size <= _MOST_BITS:
            raise ValueError(
                f"an RSA key of {private.key_size} bits: receivers take"
                f" {_FEWEST_BITS} to {_MOST_BITS}"
            )
    elif not isinstance(private, Ed25519PrivateKey):
        raise ValueError("neither an RSA nor an Ed25519 key")  # noqa: TRY004 - the file is at fault, no caller
    return DkimKey(selector, private)


def dns_record(key: DkimKey, domain: str) -> DnsRecord:
    """Give the record that lets everybody check what a key signs (RFC 6376, 3.6.1; 8463, 4)."""
    if isinstance(key.private, RSAPrivateKey):
        kind, public = "rsa", key.private.public_key().public_bytes(*_PUBLIC_RSA)
    else:
        kind, public = "ed25519", key.private.public_key().public_bytes_raw()
    value = f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode('ascii')}"
    return DnsRecord(f"{key.selector}._domainkey.{domain}", value)


_PUBLIC_RSA = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def relaxed_body(body: bytes) -> bytes:
    """Give what is hashed of a body (RFC 6376, 3.4.4); our own encoder's stay as they are."""
    if b"\t" in body or b"  " in body or b" \r\n" in body or body.endswith(b" "):
        body = _WSP.sub(b" ", _WSP_AT_END.sub(b"", body + b"\r\n"))
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _fields(lines: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give the fields of a header, each with its name and its relaxed form (RFC 6376, 3.4.2)."""
    for line in _FIELD_ENDS.split(lines):
        if line:
            name, _, value = line.partition(b":")
            name = name.rstrip(b" \t").lower()
            value = _WSP.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
            yield name, b"%b:%b\r\n" % (name, value)


def _form(key: DkimKey, domain: str, names: Sequence[bytes]) -> _Form:
    """Lay out a DKIM-Signature, folded; what the domain makes longer cannot be broken."""
    begin = f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed; t="
    fold = " " if len(f" d={domain}; s={key.selector};") <= _AIM else "\r\n "
    signer = f" d={domain};{fold}s={key.selector};"
    rest = f";\r\n{signer}\r\n h={_folded(names).decode('ascii')};\r\n bh="
    relaxed = rest.replace("\r\n", "")
    return _Form(
        key=key,
        before_time=begin.encode("ascii"),
        before_hash=rest.encode("ascii"),
        relaxed_before_time=begin.replace("DKIM-Signature: ", "dkim-signature:").encode("ascii"),
        relaxed_before_hash=relaxed.encode("ascii"),
    )


def _folded(names: Sequence[bytes]) -> bytes:
    """Join names by colons, with a fold before each that would go over the aim."""
    folded, used = b"", len(" h=")
    for at, name in enumerate(names):
        end = b":" if at + 1 < len(names) else b""
        if used + len(name) + 1 > _AIM:
            folded, used = folded + b"\r\n ", 1
        folded += name + end
        used += len(name) + 1
    return folded
