"""Door to what is a reader's own: how their letters come, their address, the one that waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import insert
from subscribers.address import Address
from subscribers.manner import Manner
from subscribers.model import TEXT
from subscribers.store import pending_address, subscriber


@dataclass(frozen=True, slots=True)
class Pending:
    """An address that waits to be confirmed at itself; `asked_at` is aware UTC."""

    address: Address
    asked_at: datetime


def manner_of(connection: Connection, public_id: str) -> Manner:
    """Give how a reader has their letters; the usual way for nobody."""
    row = connection.execute(
        sa.select(
            subscriber.c.language, subscriber.c.format, subscriber.c.zone, subscriber.c.hour
        ).where(subscriber.c.public_id == public_id)
    ).one_or_none()
    if row is None:
        return Manner()
    return Manner(row.language, row.format == TEXT, row.zone, row.hour)


def save_manner(connection: Connection, subscriber_id: int, manner: Manner) -> None:
    """Write how a reader has their letters from now on."""
    values = {
        "language": manner.language,
        "format": TEXT if manner.text_only else None,
        "zone": manner.zone,
        "hour": manner.hour,
    }
    _update(connection, subscriber_id, values)


def pending_of(connection: Connection, subscriber_id: int) -> Pending | None:
    """Find the address that waits to be a reader's."""
    row = connection.execute(
        sa.select(pending_address).where(pending_address.c.subscriber_id == subscriber_id)
    ).one_or_none()
    return None if row is None else Pending(Address(row.address, row.address_key), row.asked_at)


def put_pending(connection: Connection, subscriber_id: int, waiting: Pending) -> None:
    """Write the address that waits, in place of any asked for before."""
    values = {
        "address": waiting.address.mailed,
        "address_key": waiting.address.key,
        "asked_at": waiting.asked_at,
    }
    row = insert(connection, pending_address).values(subscriber_id=subscriber_id, **values)
    kept = row.on_conflict_do_update(index_elements=["subscriber_id"], set_=values)
    connection.execute(kept)


def forget_pending(connection: Connection, subscriber_id: int) -> None:
    """Drop the address that waits."""
    mine = pending_address.c.subscriber_id == subscriber_id
    connection.execute(sa.delete(pending_address).where(mine))


def change_address(
    connection: Connection, subscriber_id: int, address: Address, address_hmac: str
) -> bool:
    """Give a reader another address; False when somebody else has it, and nothing is written."""
    values = {
        "address": address.mailed,
        "address_key": address.key,
        "address_hmac": address_hmac,
    }
    try:
        with connection.begin_nested():
            _update(connection, subscriber_id, values)
    except sa.exc.IntegrityError:
        return False
    return True


def _update(connection: Connection, subscriber_id: int, values: dict[str, Any]) -> None:
    mine = sa.update(subscriber).where(subscriber.c.id == subscriber_id)
    connection.execute(mine.values(values))
