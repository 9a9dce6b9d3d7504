"""What every endpoint goes through: token, limit, query, body, key; then the act and its audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from digest.people.model import Scope
from digest.web.api.call import Call, let_in
from digest.web.api.remembering import begin, fingerprint, finish, key_of
from digest.web.api.strict import read_body, refuse_query

SCHEME = "token"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Handler = Callable[[Request], Awaitable[Response]]


def needs(scope: Scope | None) -> dict[str, Any]:
    """Say in an operation's description which scope it needs; None: any token will do."""
    return {"security": [{SCHEME: [] if scope is None else [scope.value]}]}


class ApiRoute(APIRoute):
    """An endpoint behind its token. A refusal anywhere on the way changes nothing."""

    def get_route_handler(self) -> Any:
        """Wrap the library's handler of this endpoint."""
        handle: Handler = super().get_route_handler()
        scope = _scope(self)
        queries = _query_names(self)
        has_body = self.body_field is not None

        async def answer(request: Request) -> Response:
            desk = request.app.state.context
            sent = request.headers.get("authorization", "")
            call = await run_in_threadpool(let_in, desk, sent, scope)
            request.state.call = call
            refuse_query(request, queries)
            body = await read_body(request) if has_body else b""
            if request.method not in WRITES:
                return await handle(request)
            return await _acted(request, call, body, handle)

        return answer


async def _acted(request: Request, call: Call, body: bytes, handle: Handler) -> Response:
    key = key_of(request)
    if key is not None:
        asked = fingerprint(call, request, body)
        before = await run_in_threadpool(begin, call, key, asked)
        if before is not None:
            return before
    try:
        response = await handle(request)
    except Exception:
        await run_in_threadpool(finish, call, key, None)
        raise
    await run_in_threadpool(finish, call, key, response)
    return response


def _scope(route: APIRoute) -> Scope | None:
    named: list[str] = (route.openapi_extra or needs(None))["security"][0][SCHEME]
    return Scope(named[0]) if named else None


def _query_names(route: APIRoute) -> frozenset[str]:
    """Name the parameters of a query, also those that one model holds together."""
    names: list[str] = []
    for each in route.dependant.query_params:
        held = getattr(each.field_info.annotation, "model_fields", None)
        names += [each.alias] if held is None else list(held)
    return frozenset(names)
