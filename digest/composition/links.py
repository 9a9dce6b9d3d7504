"""Pure. Which addresses may stand in a letter: absolute http, https or mailto, in ASCII."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\\\\\u2028\u2029\ud800-\udfff]")
_KEPT = "%!$&'()*+,;=:@/?~-._"
_MAILBOX = re.compile(r"[^\s@<>\"(),:;\[\]\\/?&]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+")


def safe_link(address: str | None) -> str | None:
    """Give the address as it may stand in an href and between angle brackets, or None.

    Other schemes (javascript, data, file), relative addresses, user names before the host and
    control signs give None: the words then stand as plain text. IRIs become ASCII.
    """
    if not address or _UNSAFE.search(address.strip(" \t\r\n")):
        return None
    address = address.strip(" \t\r\n")
    scheme = address.partition(":")[0].lower()
    if scheme == "mailto":
        return _mailto(address[len("mailto:") :])
    return _web(address) if scheme in {"http", "https"} else None


def mailto(mailbox: str) -> str | None:
    """Give a mailto link to one mailbox, or None when it is not one."""
    return _mailto(mailbox)


def _mailto(rest: str) -> str | None:
    mailbox, _, query = rest.partition("?")
    if not _MAILBOX.fullmatch(mailbox):
        return None
    tail = f"?{quote(query, safe=_KEPT)}" if query else ""
    return f"mailto:{quote(mailbox, safe=_KEPT)}{tail}"


def _web(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        if not host or parts.username is not None or parts.password is not None:
            return None
        ascii_host = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
    except ValueError:  # a port that is no number, a broken IPv6 host, a name IDNA refuses
        return None
    if not re.fullmatch(r"[a-z0-9._:\[\]-]+", ascii_host):
        return None
    place = ascii_host if port is None else f"{ascii_host}:{port}"
    path, query, fragment = (
        quote(part, safe=_KEPT) for part in (parts.path, parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme, place, path, query, fragment))
