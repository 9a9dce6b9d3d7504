"""Pure. What an address on the web tells by itself: its host, who can reach it, what it carries."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

SHORTENERS: Final = frozenset(
    {
        *("bit.ly", "bitly.com", "tinyurl.com", "goo.gl", "t.co", "ow.ly", "buff.ly", "is.gd"),
        *("v.gd", "rb.gy", "cutt.ly", "t.ly", "shorturl.at", "lnkd.in", "fb.me", "trib.al"),
        *("dlvr.it", "ift.tt", "tiny.cc", "rebrand.ly", "bl.ink", "soo.gd", "s.id", "adf.ly"),
        *("x.gd", "urlz.fr", "kutt.it", "short.io", "snip.ly", "mcaf.ee", "qr.ae", "db.tt"),
    }
)
_ONLY_HERE = ("localhost", "local", "localdomain", "internal", "lan", "test", "invalid")
_TRIAL = frozenset(
    {
        *("staging", "stage", "stg", "dev", "devel", "test", "testing", "preview"),
        *("preprod", "uat", "qa", "sandbox"),
    }
)
_TRIAL_PART = re.compile(r"(?:^|-)(?:staging|stage|dev|test|preview|preprod|uat)(?:-|$)")
_SIGNED = re.compile(r"(?i)x-amz-signature|x-goog-signature|signature|sig|hmac")
_MEASURED = "utm_"


@dataclass(frozen=True, slots=True)
class Address:
    """An address, taken apart."""

    scheme: str
    host: str
    fields: tuple[tuple[str, str], ...]
    """The names and values behind its question mark."""

    @property
    def is_web(self) -> bool:
        """Whether it leads to a page on the web."""
        return self.scheme in {"http", "https"}

    @property
    def is_measured(self) -> bool:
        """Whether it carries utm_ fields."""
        return any(name.lower().startswith(_MEASURED) for name, _ in self.fields)

    @property
    def is_signed(self) -> bool:
        """Whether it carries a signature, which another field would break."""
        return any(_SIGNED.fullmatch(name) for name, _ in self.fields)


def read_address(text: str) -> Address:
    """Take an address apart; one that is none has no scheme and no host."""
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "").rstrip(".").lower()
        fields = tuple(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return Address("", "", ())
    return Address(parts.scheme.lower(), host, fields)


def is_only_here(host: str) -> bool:
    """Tell whether a host is this machine, or one that only a network of one's own knows."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.rpartition(".")[2] in _ONLY_HERE or host.endswith(".home.arpa")


def is_on_trial(host: str, own: Collection[str]) -> bool:
    """Tell whether a host is the staging site of one of our `own` hosts."""
    labels = host.split(".")
    domain = ".".join(labels[-2:])
    if domain not in {".".join(each.split(".")[-2:]) for each in own} or host in own:
        return False
    return any(label in _TRIAL or _TRIAL_PART.search(label) for label in labels[:-2])


def is_shortened(host: str) -> bool:
    """Tell whether a host only forwards."""
    return host.removeprefix("www.") in SHORTENERS
