"""Pure. What our sign-up form may cause: how many mails, for whom, from where, and how fast."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from digest.errors import DigestError

MAIL_APART = timedelta(hours=1)
"""Whatever is done to our form, an address gets no two mails from it closer together."""

MAILS_A_DAY = 4
"""And in a day no more than these; what is asked for beyond them is not mailed."""


class Disposable(StrEnum):
    """What becomes of an address at a service for throw-away mail."""

    ALLOW = "allow"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class SignupPolicy:
    """How readers join, and how much of it we take."""

    double_opt_in: bool = True
    disposable: Disposable = Disposable.REFUSE
    per_network: int = 30
    """Sign-ups an hour from one network: an IPv4 address, or an IPv6 /64."""
    in_all: int = 2000
    """Sign-ups an hour from everybody together."""


class LimitError(DigestError):
    """Too many at once; `wait` is how long until the next is taken."""

    def __init__(self, message: str, *, wait: timedelta, hint: str = "") -> None:
        """Keep the time for Retry-After."""
        super().__init__(message, hint=hint)
        self.wait = wait


def network_of(ip: str) -> str:
    """Give what one caller can change at will as one name: an IPv6 host owns its whole /64."""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def network_name(secret: bytes, ip: str) -> str:
    """Give the keyed hash under which what a network does is counted: no address is kept."""
    return hmac.new(secret, f"net:{network_of(ip)}".encode(), hashlib.sha256).hexdigest()[:32]


def abuse_name(secret: bytes, address_key: str) -> str:
    """Give the keyed hash under which mails to an address are counted.

    Here alone dots and what follows a plus are taken away: many spellings fill one mailbox.
    """
    local, _, domain = address_key.rpartition("@")
    bare = local.partition("+")[0].replace(".", "") or local
    name = f"{bare}@{domain}"
    return hmac.new(secret, f"form:{name}".encode(), hashlib.sha256).hexdigest()[:32]
