"""Pure. How a form is known to be ours: where it came from, and the mark of its session in it.

The mark names a session and is keyed by our secret, so it says whose the form was even after that
session is over: what somebody typed can be taken when the same person has signed in again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_MARK = re.compile(r"([A-Za-z0-9_-]{8,32})\.([0-9a-f]{32})")
_OURS = {"same-origin", "none"}
_PATH = re.compile(r"/[A-Za-z0-9/_.~%?=&+,:@-]*")
_LONGEST_PATH = 500


def mark_of(secret: bytes, session_id: str) -> str:
    """Give what the forms of a session carry, by the session's public id."""
    return f"{session_id}.{_mac(secret, session_id)}"


def session_of_mark(secret: bytes, mark: str) -> str | None:
    """Give the public id of the session that a form was made in; None for no mark of ours."""
    found = _MARK.fullmatch(mark)
    if found is None or not hmac.compare_digest(found[2], _mac(secret, found[1])):
        return None
    return found[1]


def comes_from_us(headers: Headers, our_urls: Iterable[str]) -> bool | None:
    """Tell whether a page of ours sent this; None where the browser does not say.

    A browser that says nothing is old, or none. Behind a proxy the host of the request may be
    another than the one people see, so the addresses we know as ours count too.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OURS
    said = headers.get("origin")
    if said is None:
        return None
    ours = {urlsplit(url).netloc.lower() for url in our_urls} | {headers.get("host", "").lower()}
    return bool(urlsplit(said).netloc) and urlsplit(said).netloc.lower() in ours


def way_back(path: str, *, base: str) -> str:
    """Give where somebody wanted to go, if it is a page of the desk; "" for anything else."""
    desk = f"{base}/desk"
    within = path == desk or path.startswith((f"{desk}/", f"{desk}?"))
    plain = _PATH.fullmatch(path) and len(path) <= _LONGEST_PATH and "//" not in path
    return path if within and plain and ".." not in path else ""


def _mac(secret: bytes, session_id: str) -> str:
    words = f"desk form:{session_id}".encode()
    return hmac.new(secret, words, hashlib.sha256).hexdigest()[:32]
