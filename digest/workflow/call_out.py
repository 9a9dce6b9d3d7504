"""Make the webhook calls that are due: each endpoint in turn with its own, several side by side.

A try is counted before it is made, so two machines never make one at once; one that was cut off is
made again, which its id tells. An endpoint that is away is left alone as a whole and asked again
later; one that refuses a single call is still told the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from digest.clock import Clock
from digest.db import Connection, Database
from digest.delivery.settle import without_addresses
from digest.errors import SourceError
from digest.log import event
from digest.outbox import hook_store
from digest.outbox import store as outbox
from digest.outbox.hooks import PATIENCE, CallState, Endpoint, HookCall, next_call, wait_after
from digest.outbox.model import NewNotice
from digest.outbox.signature import secret_of, signed_headers
from digest.sources.fetch import Fetcher, Posted, told_address
from digest.sources.side_by_side import side_by_side
from digest.workflow.home import why_frozen
from digest.workflow.hook_body import body_of
from digest.workflow.model import Newsroom
from digest.workflow.telling import operators_notices

_LOG = logging.getLogger(__name__)

KEPT = timedelta(days=30)
"""How long calls are kept, for the log and for a person who wants them made again."""
_LEASE = timedelta(minutes=2)
"""Longer than any call takes."""
_A_ROUND = 50
_AT_ONCE = 8
_SUCCESS = range(200, 300)
_GONE = 410
_AWAY = frozenset({429, 502, 503, 504})
"""Answers that are about the endpoint and not about the call."""


@dataclass(frozen=True, slots=True)
class CallTools:
    """What calls are made with."""

    newsroom: Newsroom
    key: bytes
    """The installation's own, of which the secrets are made."""
    allow: tuple[str, ...] = ()
    """Networks that may be called although they are not public."""

    @property
    def database(self) -> Database:
        """The site's."""
        return self.newsroom.database

    @property
    def clock(self) -> Clock:
        """The site's."""
        return self.newsroom.clock

    @property
    def fetcher(self) -> Fetcher:
        """Checks every address where it is dialled."""
        return self.newsroom.fetcher


@dataclass(frozen=True, slots=True)
class Called:
    """What one round did."""

    sent: int = 0
    put_off: int = 0
    failed: int = 0
    paused: tuple[str, ...] = ()
    """The endpoints that are called no more, by their ids."""


@dataclass(frozen=True, slots=True)
class Try:
    """What came of one try: HTTP's word if there was one, and what to say of it."""

    status: int | None
    words: str
    not_before: datetime | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the endpoint has it."""
        return self.status in _SUCCESS

    @property
    def is_away(self) -> bool:
        """Whether the endpoint would take no other call now either."""
        return self.status is None or self.status in _AWAY


def call_out(tools: CallTools, *, stop: Callable[[], bool] = lambda: False) -> Called:
    """Make the calls that are due now; from a copy or a rehearsal of the site none are made."""
    if _keeps_silent(tools):
        return Called()
    now = tools.clock()
    with tools.database.read() as connection:
        endpoints = hook_store.waiting_endpoints(connection, now=now)
    if not endpoints:
        return Called()
    work = partial(_go_round, tools, stop=stop)
    found = side_by_side(work, endpoints, workers=_AT_ONCE, stop=stop)
    rounds = [done for _, done in found]
    return Called(
        sent=sum(each.sent for each in rounds),
        put_off=sum(each.put_off for each in rounds),
        failed=sum(each.failed for each in rounds),
        paused=tuple(one for each in rounds for one in each.paused),
    )


def forget_calls(tools: CallTools, *, kept: timedelta = KEPT, most: int = 1000) -> int:
    """Drop what happened longer ago than `kept`, a portion at a time; give how many."""
    with tools.database.write() as connection:
        return hook_store.drop_old(connection, before=tools.clock() - kept, most=most)


def _keeps_silent(tools: CallTools) -> bool:
    """Tell whether this is no place to call from: staging, or a database that was copied."""
    newsroom = tools.newsroom
    if newsroom.only_readers is not None:
        return True
    if newsroom.home is None:
        return False
    with tools.database.read() as connection:
        return bool(why_frozen(connection, newsroom.home))


def _go_round(tools: CallTools, endpoint: Endpoint, *, stop: Callable[[], bool]) -> Called:
    """Make one endpoint's due calls, until it is away."""
    done = Called()
    with tools.database.read() as connection:
        due = hook_store.due_calls(connection, endpoint.id, now=tools.clock(), limit=_A_ROUND)
    for call in due:
        if stop():
            break
        tried = _take(tools, call)
        if tried is None:
            continue
        came = make_call(tools, endpoint, tried)
        done = _written(tools, endpoint, tried, came, done)
        if done.paused or came.is_away:
            break
    return done


def _take(tools: CallTools, call: HookCall) -> HookCall | None:
    with tools.database.write() as connection:
        until = tools.clock() + _LEASE
        ours = hook_store.mark_tried(connection, call, next_at=until)
    return replace(call, attempts=call.attempts + 1) if ours else None


def make_call(tools: CallTools, endpoint: Endpoint, call: HookCall) -> Try:
    """Make one try and say what came of it; nothing is written."""
    with tools.database.read() as connection:
        public_url = tools.newsroom.site.public_url
        body = body_of(connection, endpoint, call, public_url=public_url)
    now = tools.clock()
    secrets = [secret_of(tools.key, salt) for salt in endpoint.salts(now)]
    headers = {
        "Content-Type": "application/json",
        **signed_headers(call.event_id, body, secrets, at=now),
    }
    try:
        came = tools.fetcher.post(endpoint.url, body, headers=headers, allow=tools.allow)
    except SourceError as error:
        return Try(None, without_addresses(str(error).removeprefix("fetch: ")))
    return Try(came.status, _said(came), came.not_before)


def _said(came: Posted) -> str:
    if came.status in _SUCCESS:
        return f"taken, {came.status}"
    return f"refused, {came.status}"


def _written(
    tools: CallTools, endpoint: Endpoint, call: HookCall, came: Try, done: Called
) -> Called:
    """Write what came of a try, and what it means for its endpoint; give the count with it."""
    now = tools.clock()
    if came.is_taken:
        with tools.database.write() as connection:
            sent, words = CallState.SENT, came.words
            hook_store.settle(connection, call.id, sent, status=came.status, reply=words, at=now)
            hook_store.note_well(connection, endpoint.id, at=now)
        return replace(done, sent=done.sent + 1)
    again = _put_off(tools, endpoint, call, came, now)
    if again is None:
        done = replace(done, failed=done.failed + 1)
    else:
        done = replace(done, put_off=done.put_off + 1)
    facts = {"endpoint": endpoint.public_id, "call": call.event_id, "status": came.status}
    event(_LOG, "webhook not taken", logging.WARNING, again=again, **facts)
    why = _why_paused(endpoint, came, now)
    return replace(done, paused=(endpoint.public_id,)) if _pause(tools, endpoint, why) else done


def _put_off(
    tools: CallTools, endpoint: Endpoint, call: HookCall, came: Try, now: datetime
) -> datetime | None:
    """Write that a call was not taken; give when it is made again, None when it is given up."""
    again = next_call(call.attempts, call.since, now, call.event_id)
    if again is not None and came.not_before is not None:
        again = max(again, came.not_before)
    with tools.database.write() as connection:
        hook_store.settle(
            connection,
            call.id,
            CallState.FAILED if again is None else CallState.WAITING,
            status=came.status,
            reply=came.words,
            next_at=again,
            at=now if again is None else None,
        )
        until = _away_until(endpoint, came, now)
        hook_store.note_trouble(connection, endpoint.id, at=now, not_before=until)
    return again


def _away_until(endpoint: Endpoint, came: Try, now: datetime) -> datetime | None:
    """Say until when an endpoint is left alone; None when only this call was refused."""
    if not came.is_away:
        return None
    until = now + wait_after(endpoint.failures + 1, endpoint.public_id)
    return until if came.not_before is None else max(until, came.not_before)


def _why_paused(endpoint: Endpoint, came: Try, now: datetime) -> str:
    if came.status == _GONE:
        return "It answers that it is gone for good (410)."
    since = endpoint.failing_since
    if since is None or now - since < PATIENCE:
        return ""
    return f"It has taken nothing for a day. The last time: {came.words}."


def _pause(tools: CallTools, endpoint: Endpoint, why: str) -> bool:
    """Call an endpoint no more, and tell the operators in the same transaction."""
    if not why:
        return False
    newsroom, now = tools.newsroom, tools.clock()
    notices = operators_notices(
        newsroom.operators,
        key=f"webhook:{endpoint.public_id}:{endpoint.failing_since or now}",
        what=f"the webhook {told_address(endpoint.url)} is paused",
        detail=f"{why} What happens meanwhile is kept for 30 days.",
        remedy=f"Mend it, then: digest webhooks retry {endpoint.public_id}",
        now=now,
        daily=False,
        a_day=newsroom.mails_a_day,
    )
    with tools.database.write() as connection:
        paused = hook_store.pause(connection, endpoint.id, why=why)
        if paused:
            _put(connection, notices)
    return paused


def _put(connection: Connection, notices: Sequence[NewNotice]) -> None:
    for notice in notices:
        outbox.put(connection, notice)
