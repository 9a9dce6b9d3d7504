"""What an outgoing webhook says, written when it leaves: ids, names, and addresses if asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from digest.db import Connection
from digest.outbox.hooks import Endpoint, HookCall, HookEvent
from subscribers import directory_store

_OUR_NUMBERS = frozenset({"subscriber_id", "newsletter_id"})


def body_of(
    connection: Connection, endpoint: Endpoint, call: HookCall, *, public_url: str
) -> bytes:
    """Write the body of a call as JSON in UTF-8: the same each time it is tried.

    But for an address that changed, or is gone, since the event: it is read when the call leaves.
    """
    if call.event.is_about_reader:
        data = _reader(connection, endpoint, call.facts)
    elif call.event is HookEvent.TEST:
        data = dict(call.facts)
    else:
        data = _edition(call.facts, public_url=public_url)
    said = {
        "id": call.event_id,
        "type": call.event.value,
        "timestamp": _moment(call.happened_at),
        "data": data,
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _edition(facts: Mapping[str, Any], *, public_url: str) -> dict[str, Any]:
    return {**facts, "url": f"{public_url}/{facts['address']}"}


def _reader(connection: Connection, endpoint: Endpoint, facts: Mapping[str, Any]) -> dict[str, Any]:
    number, about = facts["subscriber_id"], facts.get("newsletter_id")
    public_id = directory_store.public_ids(connection, [number]).get(number, "")
    slug = None if about is None else directory_store.slugs(connection).get(about)
    more = {name: value for name, value in facts.items() if name not in _OUR_NUMBERS}
    said: dict[str, Any] = {"subscriber": public_id, "newsletter": slug, **more}
    if endpoint.with_address:
        entry = directory_store.entry_of(connection, public_id=public_id)
        said["address"] = None if entry is None else entry.reader.address
    return said


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
