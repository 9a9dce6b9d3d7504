"""Webhooks by a person's word: add, remove, a new secret, try again, a test; each in the audit."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from digest.db import Connection
from digest.errors import NotFoundError, UsageError
from digest.outbox import hook_store
from digest.outbox.hooks import (
    CHOOSABLE,
    Endpoint,
    HookCall,
    HookEvent,
    NewEndpoint,
    event_id_of,
    write_events,
)
from digest.outbox.signature import secret_of
from digest.people.store import append_audit
from digest.sources.cleaning import safe_link
from digest.workflow.call_out import CallTools, Try, make_call
from digest.workflow.halt import Person

MOST = 50
"""Endpoints of one site."""
BOTH_SIGN = timedelta(days=1)
"""How long the former secret still signs beside a new one."""
_LONGEST_URL = 2000


@dataclass(frozen=True, slots=True)
class Added:
    """An endpoint and its secret, which is told this once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


def add(
    tools: CallTools,
    url: str,
    events: Collection[HookEvent],
    *,
    by: Person,
    with_address: bool = False,
) -> Added:
    """Register an address that is called from now on; what happened before is not told.

    Raises UsageError for an address that cannot be called, no event, or too many endpoints.
    """
    address = _checked(url, tools.allow)
    chosen = frozenset(events) & frozenset(CHOOSABLE)
    if not chosen:
        raise UsageError("webhooks: of what?", hint=f"There are: {write_events(CHOOSABLE)}")
    new = NewEndpoint(
        public_id=secrets.token_hex(6),
        url=address,
        events=chosen,
        with_address=with_address,
        salt=secrets.token_hex(32),
        created_at=tools.clock(),
        created_by=by.actor,
    )
    with tools.database.write() as connection:
        if len(hook_store.list_endpoints(connection)) >= MOST:
            raise UsageError(
                f"webhooks: there are {MOST} already, which is the most",
                hint="Take one away with: digest webhooks remove ID",
            )
        endpoint = hook_store.add_endpoint(connection, new)
        _note(connection, tools, endpoint, "webhook.add", by)
    return Added(endpoint, secret_of(tools.key, new.salt))


def remove(tools: CallTools, endpoint: Endpoint, *, by: Person) -> bool:
    """Call an endpoint no more, and forget its calls; False when it was removed before."""
    with tools.database.write() as connection:
        gone = hook_store.remove_endpoint(connection, endpoint.id)
        if gone:
            _note(connection, tools, endpoint, "webhook.remove", by)
    return gone


def rotate(tools: CallTools, endpoint: Endpoint, *, by: Person) -> str:
    """Give an endpoint a new secret, told this once; for a day the former one signs as well.

    Raises NotFoundError when it was removed, or another was made meanwhile.
    """
    salt, until = secrets.token_hex(32), tools.clock() + BOTH_SIGN
    with tools.database.write() as connection:
        if not hook_store.change_salt(connection, endpoint, salt, former_until=until):
            raise NotFoundError(
                f"webhooks: {endpoint.public_id}: another secret was made this moment",
                hint="Look at: digest webhooks list",
            )
        _note(connection, tools, endpoint, "webhook.rotate", by)
    return secret_of(tools.key, salt)


def retry(tools: CallTools, endpoint: Endpoint, *, by: Person) -> int:
    """Call a paused endpoint again, and all that it has not taken; give how many calls that is."""
    with tools.database.write() as connection:
        hook_store.wake(connection, endpoint.id)
        count = hook_store.try_again(connection, endpoint.id, now=tools.clock())
        _note(connection, tools, endpoint, "webhook.retry", by)
    return count


def try_out(tools: CallTools, endpoint: Endpoint) -> Try:
    """Call an endpoint now with an event that means nothing; nothing is written, whatever comes."""
    now = tools.clock()
    call = HookCall(
        id=0,
        endpoint_id=endpoint.id,
        event_id=event_id_of(HookEvent.TEST, f"{endpoint.public_id}:{now.isoformat()}"),
        event=HookEvent.TEST,
        facts={"endpoint": endpoint.public_id},
        happened_at=now,
        since=now,
    )
    return make_call(tools, endpoint, call)


def named(found: Sequence[Endpoint], name: str) -> Endpoint:
    """Find an endpoint by its id, or by an address that only one has. Raises NotFoundError."""
    meant = [each for each in found if name in {each.public_id, each.url}]
    if len(meant) == 1:
        return meant[0]
    why = "several have this address" if meant else "there is no such webhook"
    raise NotFoundError(f"webhooks: {name[:80]!r}: {why}", hint="Look at: digest webhooks list")


def _checked(url: str, allow: Sequence[str]) -> str:
    """Give the address as it will be called. Raises UsageError."""
    address = safe_link(url)
    if address is None or len(address) > _LONGEST_URL:
        raise UsageError(
            f"webhooks: {url[:80]!r}: not an address that can be called",
            hint="Write it whole: https://crm.yoursite.example/hooks",
        )
    if urlsplit(address).scheme != "https" and not _is_ours(address, allow):
        raise UsageError(
            f"webhooks: {address[:80]!r}: what is told there could be read on the way",
            hint="Use https; http is only for an IP address in a network of webhooks.allow.",
        )
    return address


def _is_ours(address: str, allow: Sequence[str]) -> bool:
    try:
        host = ipaddress.ip_address(urlsplit(address).hostname or "")
        return any(host in ipaddress.ip_network(each, strict=False) for each in allow)
    except ValueError:
        return False


def _note(
    connection: Connection, tools: CallTools, endpoint: Endpoint, verb: str, by: Person
) -> None:
    detail = {"events": write_events(endpoint.events).split(), "addresses": endpoint.with_address}
    append_audit(
        connection,
        at=tools.clock(),
        actor=by.actor,
        verb=verb,
        subject=endpoint.public_id,
        detail={"by": by.name, **detail},
    )
