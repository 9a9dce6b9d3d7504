"""The never-mail list: put an address on it, and ask how one stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.problems import bad_address, in_field
from digest.web.api.route import ApiRoute, needs
from digest.web.api.values import (
    AddressText,
    SuppressionAdded,
    SuppressionList,
    SuppressionShown,
)
from subscribers import directory_store, leaving
from subscribers.address import AddressRefusedError, read_address
from subscribers.directory_store import NeverMailed
from subscribers.model import EVERYTHING, SuppressionReason
from subscribers.suppression import address_hash

router = APIRouter(route_class=ApiRoute, tags=["Suppressions"])


@router.get("/suppressions", openapi_extra=needs(Scope.SUPPRESS))
def list_suppressions(
    request: Request, address: Annotated[AddressText, Query()]
) -> SuppressionList:
    """Tell how one address stands on the never-mail list. The list itself holds no addresses."""
    call = call_of(request)
    try:
        return _shown(call, address)
    except AddressRefusedError as error:
        raise bad_address(error, parameter="address") from error


@router.post("/suppressions", openapi_extra=needs(Scope.SUPPRESS))
def add_suppression(request: Request, body: SuppressionAdded) -> SuppressionList:
    """Never mail an address again, known or not, and end what it gets at once.

    Nothing in this API takes it off the list again.
    """
    call = call_of(request)
    slug = body.newsletter
    if slug is not None and call.context.find(slug) is None:
        raise in_field("/newsletter", "There is no newsletter of this name.")
    try:
        outcome = leaving.suppress(
            call.context.database,
            body.address,
            call.act(),
            keys=call.context.keys,
            reason=SuppressionReason.PUBLISHER,
            scope=slug or EVERYTHING,
            departures=call.context.departures,
        )
        call.note("suppression.add", _public_id(call, outcome.subscriber_id), newsletter=slug)
        return _shown(call, body.address)
    except AddressRefusedError as error:
        raise bad_address(error, pointer="/address") from error


def _shown(call: Call, address: str) -> SuppressionList:
    hashed = address_hash(call.context.keys.suppression, read_address(address).key)
    with call.context.database.read() as connection:
        lines = directory_store.never_mailed(connection, hashed)
    return SuppressionList(suppressions=[_line(each) for each in lines])


def _line(line: NeverMailed) -> SuppressionShown:
    scope = None if line.scope == EVERYTHING else line.scope
    return SuppressionShown(newsletter=scope, reason=line.reason.value, at=line.at)


def _public_id(call: Call, subscriber_id: int | None) -> str:
    if subscriber_id is None:
        return ""
    with call.context.database.read() as connection:
        return directory_store.public_ids(connection, [subscriber_id])[subscriber_id]
