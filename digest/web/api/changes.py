"""The feed of changes, for a CRM that follows what readers do."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from digest.people.model import Scope
from digest.web.api.call import call_of
from digest.web.api.route import ApiRoute, needs
from digest.web.api.values import MOST_CHANGES, ChangeList, ChangeShown
from subscribers import directory_store
from subscribers.change_store import changes_after

router = APIRouter(route_class=ApiRoute, tags=["Readers"])
_LARGEST = 2**63 - 1


@router.get("/changes", openapi_extra=needs(Scope.READ))
def list_changes(
    request: Request,
    response: Response,
    after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_CHANGES)] = 100,
) -> ChangeList:
    """Give what changed after a number, oldest first.

    Read it overlapping: PostgreSQL gives numbers before it commits, so that a lower one can appear
    after a higher one. Ask each time from 1,000 below the highest you have seen, pass over what
    you know, and fetch the reader of each change. It goes back as far as the settings keep it.
    """
    call = call_of(request)
    with call.context.database.read() as connection:
        found = changes_after(connection, after, limit=limit)
        readers = directory_store.public_ids(connection, [each.subscriber_id for each in found])
        slugs = directory_store.slugs(connection)
    last = found[-1].seq if found else after
    if len(found) == limit:
        response.headers["Link"] = f'<?{urlencode({"after": last, "limit": limit})}>; rel="next"'
    changes = [
        ChangeShown(
            seq=each.seq,
            id=readers[each.subscriber_id],
            newsletter=None if each.newsletter_id is None else slugs[each.newsletter_id],
            what=each.what.value,
            at=each.at,
        )
        for each in found
    ]
    return ChangeList(changes=changes, last=last)
