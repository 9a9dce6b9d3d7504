"""Readers for a CRM: find, add, show, change, erase, and the log of their consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from digest.db import Connection
from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.cursor import read_cursor, write_cursor
from digest.web.api.problems import ROOT, ProblemError, bad_address, in_field, in_parameter
from digest.web.api.route import ApiRoute, needs
from digest.web.api.segmenting import condition_for, segment_of
from digest.web.api.showing import (
    consent_shown,
    names_of,
    newsletters_in,
    reader_of,
    subscriber_shown,
)
from digest.web.api.values import (
    MOST_LISTED,
    PUBLIC_ID,
    AddressText,
    ConsentList,
    SegmentText,
    SlugText,
    StateText,
    SubscriberAdded,
    SubscriberList,
    SubscriberPatch,
    SubscriberShown,
)
from digest.workflow.erase import erase
from subscribers import directory_store, signup, store
from subscribers.address import AddressProblem, AddressRefusedError, read_address
from subscribers.amend import amend
from subscribers.directory_store import Asked
from subscribers.manner import Manner
from subscribers.segments import Field as SegmentField
from subscribers.segments import Has, Rule

router = APIRouter(route_class=ApiRoute, tags=["Readers"])
ReaderId = Annotated[str, Path(pattern=PUBLIC_ID, examples=["5f0c2a9be1d47c3388aa1b02"])]
_STANDS_AGAINST = {AddressProblem.LEFT, AddressProblem.NEVER}


class Filters(BaseModel):
    """Which readers are meant; all that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    newsletter: SlugText | None = None
    state: StateText | None = None
    address: AddressText | None = None
    segment: SegmentText | None = None
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100
    cursor: Annotated[str | None, Query(max_length=64)] = None

    @property
    def word(self) -> str:
        """Give what a cursor of theirs is bound to."""
        return "\n".join(map(str, (self.newsletter, self.state, self.address, self.segment)))


@router.get("/subscribers", openapi_extra=needs(Scope.READ))
def list_subscribers(
    request: Request, response: Response, filters: Annotated[Filters, Query()]
) -> SubscriberList:
    """List readers, a page at a time.

    In the order in which they became known. Follow the Link header, or give `next` as `cursor`,
    until it is `null`; who is added meanwhile comes last. `segment` is an expression as in
    docs/reference/segments.md.
    """
    call = call_of(request)
    secret = call.context.keys.suppression
    after = read_cursor(secret, filters.word, filters.cursor) if filters.cursor else 0
    if after is None:
        raise in_parameter("cursor", "It is not one of ours, or belongs to other filters.")
    with call.context.database.read() as connection:
        asked = _asked(connection, call, filters)
        found = directory_store.page_of(connection, asked, after=after, limit=filters.limit + 1)
        names = names_of(connection, call)
    shown = found[: filters.limit]
    following = None
    if len(found) > len(shown):
        following = write_cursor(secret, filters.word, shown[-1].reader.id)
        response.headers["Link"] = _link(request, following)
    return SubscriberList(
        subscribers=[subscriber_shown(each, names) for each in shown], next=following
    )


@router.post("/subscribers", status_code=201, openapi_extra=needs(Scope.WRITE))
def add_subscriber(request: Request, response: Response, body: SubscriberAdded) -> SubscriberShown:
    """Add a reader who has agreed elsewhere.

    Confirmed at once, by the publisher's own act, and recorded as such with its source. 200
    instead of 201: we knew them. 409: on the never-mail list, or they left (`again` overrides only
    that).
    """
    call = call_of(request)
    newsletters = newsletters_in(call, body.newsletters)
    with call.context.database.read() as connection:
        known = _known(connection, body.address)
    try:
        signup.add(
            call.context.database,
            body.address,
            [each.id for each in newsletters],
            call.act(ip=body.consent.ip, text=body.consent.text, source=body.consent.source),
            keys=call.context.keys,
            again=body.again,
            language=body.language,
            text_only=None if body.format is None else body.format == "text",
        )
    except AddressRefusedError as error:
        raise refusal(error) from error
    shown = _added(call, body)
    response.headers["Location"] = f"{call.context.site.public_url}{ROOT}/subscribers/{shown.id}"
    response.status_code = 200 if known else 201
    call.note("subscriber.add", shown.id, newsletters=body.newsletters, again=body.again)
    return shown


@router.get("/subscribers/{public_id}", openapi_extra=needs(Scope.READ))
def show_subscriber(request: Request, public_id: ReaderId) -> SubscriberShown:
    """Show one reader."""
    return _shown(call_of(request), public_id)


@router.patch("/subscribers/{public_id}", openapi_extra=needs(Scope.WRITE))
def change_subscriber(
    request: Request, public_id: ReaderId, body: SubscriberPatch
) -> SubscriberShown:
    """Change how a reader's letters come, and the publisher's own tags.

    What is left out stays as it is.
    """
    call = call_of(request)
    given = body.model_fields_set
    _check_hour(call, body)
    changes = {
        **({"language": body.language} if "language" in given else {}),
        **({"zone": body.zone} if "zone" in given else {}),
        **({"hour": _minutes(body.hour)} if "hour" in given else {}),
        **({"text_only": body.format == "text"} if "format" in given else {}),
    }

    def changed(before: Manner) -> Manner:
        return replace(before, **changes)  # type: ignore[arg-type]  # by their names, as above

    tags = body.tags if "tags" in given else None
    if not amend(call.context.database, public_id, call.act(), manner=changed, tags=tags):
        raise ProblemError(404, "There is no reader of this id.")
    call.note("subscriber.change", public_id, fields=sorted(given))
    return _shown(call, public_id)


@router.delete(
    "/subscribers/{public_id}",
    status_code=204,
    response_class=Response,
    openapi_extra=needs(Scope.WRITE),
)
def erase_subscriber(
    request: Request,
    public_id: ReaderId,
    never_again: Annotated[
        str, Query(pattern="^(true|false)$", description="Not even they may bring it back.")
    ] = "false",
) -> None:
    """Erase a reader: everything but the proof and a keyed hash. It cannot be undone.

    To end letters, delete the subscription instead; to forbid them, add a suppression.
    """
    call = call_of(request)
    with call.context.database.read() as connection:
        reader = reader_of(connection, public_id).reader
    erased = erase(
        call.context.database,
        subscriber_id=reader.id,
        act=call.act(),
        keys=call.context.keys,
        departures=call.context.departures,
        never_again=never_again == "true",
    )
    if not erased:
        raise ProblemError(404, "There is no reader of this id.")
    call.note("subscriber.erase", public_id)


@router.get("/subscribers/{public_id}/consent", openapi_extra=needs(Scope.READ))
def list_consent(request: Request, public_id: ReaderId) -> ConsentList:
    """Give the whole log of a reader's consent: what, when, how, from where, by which words."""
    call = call_of(request)
    with call.context.database.read() as connection:
        reader = reader_of(connection, public_id).reader
        log = store.consents_of(connection, reader.id)
        slugs = directory_store.slugs(connection)
    return ConsentList(consent=[consent_shown(line, slugs) for line in log])


def refusal(error: AddressRefusedError) -> ProblemError:
    """Tell an address that stands against what there is from one that is none."""
    told = bad_address(error, pointer="/address")
    if error.problem not in _STANDS_AGAINST:
        return told
    left = error.problem is AddressProblem.LEFT
    hint = "If they asked you to, send it with: again = true." if left else error.hint
    return ProblemError(409, told.detail, hint=hint)


def _asked(connection: Connection, call: Call, filters: Filters) -> Asked:
    wanted: list[Rule] = []
    newsletter_id = None
    if filters.newsletter is not None:
        found = call.context.find(filters.newsletter)
        if found is None:
            raise in_parameter("newsletter", "There is no newsletter of this name.")
        newsletter_id = found.id
    if filters.state is not None:
        named = f"{filters.newsletter}/" if filters.newsletter else ""
        wanted.append(Has(SegmentField.STATE, (f"{named}{filters.state}",)))
    if filters.segment is not None:
        wanted.append(segment_of(connection, call, filters.segment, "segment").rule)
    return Asked(newsletter_id, _key(filters.address), condition_for(connection, call, wanted))


def _key(address: str | None) -> str | None:
    if address is None:
        return None
    try:
        return read_address(address).key
    except AddressRefusedError as error:
        raise bad_address(error, parameter="address") from error


def _known(connection: Connection, address: str) -> bool:
    try:
        key = read_address(address).key
    except AddressRefusedError:
        return False
    return store.find_subscriber(connection, address_key=key) is not None


def _added(call: Call, body: SubscriberAdded) -> SubscriberShown:
    database = call.context.database
    with database.read() as connection:
        key = read_address(body.address).key
        reader = store.find_subscriber(connection, address_key=key)
    if reader is None:
        raise ProblemError(409, "This reader was erased at the same moment.")
    if body.tags is not None:
        amend(database, reader.public_id, call.act(), tags=body.tags)
    return _shown(call, reader.public_id)


def _shown(call: Call, public_id: str) -> SubscriberShown:
    with call.context.database.read() as connection:
        return subscriber_shown(reader_of(connection, public_id), names_of(connection, call))


def _check_hour(call: Call, body: SubscriberPatch) -> None:
    offered = {hour for each in call.context.newsletters for hour in each.spec.hours}
    if body.hour is not None and time.fromisoformat(body.hour) not in offered:
        listed = ", ".join(f"{each:%H:%M}" for each in sorted(offered))
        hint = f"There are: {listed}." if offered else ""
        raise in_field("/hour", "No newsletter offers this hour.", hint=hint)


def _minutes(hour: str | None) -> int | None:
    if hour is None:
        return None
    at = time.fromisoformat(hour)
    return at.hour * 60 + at.minute


def _link(request: Request, cursor: str) -> str:
    kept = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
    # Relative to the request: right behind any proxy, whatever it adds to the path.
    return f'<?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
