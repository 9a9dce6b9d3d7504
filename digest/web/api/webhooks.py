"""Outgoing webhooks: register an address, look at its calls, a new secret, a test, try again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from digest.errors import UsageError
from digest.outbox import hook_store
from digest.outbox.hooks import CallState, Endpoint, HookCall, HookEvent, write_events
from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.problems import ProblemError, in_field
from digest.web.api.route import ApiRoute, needs
from digest.web.api.tools import tools_of
from digest.web.api.webhook_values import (
    HOOK_ID,
    MOST_CALLS,
    CallList,
    CallShown,
    NothingAsked,
    WebhookAdded,
    WebhookList,
    WebhookMade,
    WebhookRetried,
    WebhookShown,
    WebhookTried,
)
from digest.workflow import webhooks
from digest.workflow.call_out import CallTools
from digest.workflow.halt import Person

router = APIRouter(route_class=ApiRoute, tags=["Webhooks"])
_ONE = "/webhooks/{hook_id}"
HookId = Annotated[str, Path(pattern=HOOK_ID, examples=["2bfade54bfb5"])]
_LARGEST = 2**63 - 1
Counts = Mapping[tuple[int, CallState], int]


@router.get("/webhooks", openapi_extra=needs(Scope.WEBHOOKS))
def list_webhooks(request: Request) -> WebhookList:
    """List the addresses that are called, and how each does."""
    call = call_of(request)
    with call.context.database.read() as connection:
        found = hook_store.list_endpoints(connection)
        counts = hook_store.counts_of(connection)
    return WebhookList(webhooks=[WebhookShown(**_facts(each, counts)) for each in found])


@router.post("/webhooks", status_code=201, openapi_extra=needs(Scope.WEBHOOKS))
def add_webhook(request: Request, body: WebhookAdded) -> WebhookMade:
    """Register an address; its secret is shown this once. It hears what happens from now on."""
    call, calling = _calling(request)
    try:
        added = webhooks.add(
            calling,
            body.url,
            [HookEvent(each) for each in body.events],
            by=_person(call),
            with_address=body.addresses,
        )
    except UsageError as error:
        raise in_field("/url", str(error), hint=error.hint) from error
    call.secret = added.secret
    return WebhookMade(**_facts(added.endpoint, {}), secret=added.secret)


@router.get(_ONE, openapi_extra=needs(Scope.WEBHOOKS))
def show_webhook(request: Request, hook_id: HookId) -> WebhookShown:
    """Show one address that is called."""
    call = call_of(request)
    return _as_it_is(call, _endpoint(call, hook_id))


@router.delete(_ONE, status_code=204, response_class=Response, openapi_extra=needs(Scope.WEBHOOKS))
def remove_webhook(request: Request, hook_id: HookId) -> None:
    """Call an address no more, and forget its calls."""
    call, calling = _calling(request)
    webhooks.remove(calling, _endpoint(call, hook_id), by=_person(call))


@router.get(f"{_ONE}/calls", openapi_extra=needs(Scope.WEBHOOKS))
def list_calls(
    request: Request,
    hook_id: HookId,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_CALLS)] = 50,
) -> CallList:
    """List what an address was called about in the last 30 days, the newest first."""
    call = call_of(request)
    endpoint = _endpoint(call, hook_id)
    with call.context.database.read() as connection:
        found = hook_store.calls_of(connection, endpoint.id, limit=limit + 1, before=before)
    shown = found[:limit]
    following = shown[-1].id if len(found) > limit else None
    return CallList(calls=[_call(each) for each in shown], next=following)


@router.post(f"{_ONE}/rotate", openapi_extra=needs(Scope.WEBHOOKS))
def rotate_secret(request: Request, hook_id: HookId, body: NothingAsked) -> WebhookMade:
    """Give an address a new secret, shown this once; for a day the former one signs as well."""
    del body
    call, calling = _calling(request)
    endpoint = _endpoint(call, hook_id)
    call.secret = webhooks.rotate(calling, endpoint, by=_person(call))
    return WebhookMade(**_as_it_is(call, endpoint).model_dump(), secret=call.secret)


@router.post(f"{_ONE}/retry", openapi_extra=needs(Scope.WEBHOOKS))
def retry_webhook(request: Request, hook_id: HookId, body: NothingAsked) -> WebhookRetried:
    """Call a paused address again, with all that it has not taken."""
    del body
    call, calling = _calling(request)
    count = webhooks.retry(calling, _endpoint(call, hook_id), by=_person(call))
    return WebhookRetried(calls=count)


@router.post(f"{_ONE}/test", openapi_extra=needs(Scope.WEBHOOKS))
def try_webhook(request: Request, hook_id: HookId, body: NothingAsked) -> WebhookTried:
    """Call an address now with `webhook.test`, and say what came of it."""
    del body
    call, calling = _calling(request)
    came = webhooks.try_out(calling, _endpoint(call, hook_id))
    return WebhookTried(taken=came.is_taken, status=came.status, words=came.words)


def _calling(request: Request) -> tuple[Call, CallTools]:
    call, tools = tools_of(request)
    return call, tools.calling(call)


def _person(call: Call) -> Person:
    return Person(call.token.name, call.token.actor)


def _endpoint(call: Call, hook_id: str) -> Endpoint:
    with call.context.database.read() as connection:
        found = hook_store.find_endpoint(connection, hook_id)
    if found is None:
        raise ProblemError(404, "There is no webhook of this id.")
    return found


def _as_it_is(call: Call, endpoint: Endpoint) -> WebhookShown:
    with call.context.database.read() as connection:
        counts = hook_store.counts_of(connection)
    return WebhookShown(**_facts(endpoint, counts))


def _facts(endpoint: Endpoint, counts: Counts) -> dict[str, Any]:
    return {
        "id": endpoint.public_id,
        "url": endpoint.url,
        "events": write_events(endpoint.events).split(),
        "addresses": endpoint.with_address,
        "state": endpoint.state.value,
        "reason": endpoint.paused_why,
        "created_at": endpoint.created_at,
        "last_ok_at": endpoint.last_ok_at,
        "failing_since": endpoint.failing_since,
        "waiting": counts.get((endpoint.id, CallState.WAITING), 0),
        "failed": counts.get((endpoint.id, CallState.FAILED), 0),
    }


def _call(call: HookCall) -> CallShown:
    return CallShown(
        id=call.event_id,
        number=call.id,
        event=call.event.value,
        happened_at=call.happened_at,
        state=call.state.value,
        attempts=call.attempts,
        next_at=call.next_at,
        done_at=call.done_at,
        status=call.status,
        reply=call.reply,
    )
