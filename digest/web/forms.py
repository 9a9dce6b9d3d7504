"""Read what a form sent, from whichever site or mail provider, as plain strings, and from where."""

from __future__ import annotations

import ipaddress
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_FIELDS = 1000
_BAD_REQUEST = 400

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]{1,255}")

HONEYPOT = "fax_number"
"""A field no person sees: whoever fills it in is a robot, and is told what everybody is told."""

ACTS = ["GET", "POST"]
"""What a page takes that shows something and has a button."""

Fields = dict[str, list[str]]
"""The values of each field, in the order sent."""


async def read_form(request: Request) -> Fields:
    """Read a urlencoded or multipart body; another kind has no fields.

    Raises HTTPException: 400 for a body that is no form or holds files, 413 for one too long.
    """
    try:
        # Without files every value is text.
        form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    except (ValueError, LookupError) as error:  # a charset that is none, or no text encoding
        raise HTTPException(_BAD_REQUEST) from error
    fields: Fields = {}
    for name, value in form.multi_items():
        fields.setdefault(name, []).append(_clean(str(value)))
    return fields


async def read_any_form(request: Request) -> Fields:
    """Read a form where the act does not depend on it: a damaged body counts as an empty one."""
    try:
        return await read_form(request)
    except HTTPException as error:
        if error.status_code != _BAD_REQUEST:
            raise
        return {}


def first(fields: Fields, name: str) -> str:
    """Give a field's first value, or nothing."""
    return fields.get(name, [""])[0]


def caller(request: Request) -> str | None:
    """Give the caller's address, where it is one: a socket file or a test has none."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    # A socket that listens for both kinds gives IPv4 in the clothes of IPv6.
    return str(getattr(address, "ipv4_mapped", None) or address)


def origin(request: Request) -> str:
    """Give the origin of the page that sent a form; "" where the browser does not say it."""
    said = request.headers.get("origin", "")
    return said.lower() if _ORIGIN.fullmatch(said) else ""


def _clean(value: str) -> str:
    """Replace halves of surrogate pairs, which no page could show."""
    return value.encode("utf-8", "replace").decode("utf-8")
