"""Where one reader stands with one newsletter: begin it, choose in it, pause it, end it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from digest.editions.model import Newsletter
from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.problems import ProblemError, in_field
from digest.web.api.readers import ReaderId, refusal
from digest.web.api.route import ApiRoute, needs
from digest.web.api.showing import (
    check_topics,
    names_of,
    newsletter_of,
    reader_of,
    subscription_shown,
    topics_of,
)
from digest.web.api.values import SLUG_PATTERN, SubscriptionPut, SubscriptionShown
from subscribers import leaving, preferences, signup
from subscribers.address import AddressRefusedError
from subscribers.directory_store import Entry
from subscribers.model import Subscription
from subscribers.record import JOINED
from subscribers.tokens import Grant, Purpose
from subscribers.wishes import Way, Wish, Wishes, pause_days

router = APIRouter(route_class=ApiRoute, tags=["Subscriptions"])
_PATH = "/subscribers/{public_id}/subscriptions/{slug}"
Slug = Annotated[str, Path(pattern=SLUG_PATTERN, examples=["daily"])]


@router.put(_PATH, openapi_extra=needs(Scope.WRITE))
def put_subscription(
    request: Request, response: Response, public_id: ReaderId, slug: Slug, body: SubscriptionPut
) -> SubscriptionShown:
    """Make a subscription what the body says: its topics and its pause.

    201 when it begins with this: then `consent` is needed, and it is recorded as the publisher's
    own act. 409: on the never-mail list, or they left it (`again` overrides only that).
    """
    call = call_of(request)
    newsletter = newsletter_of(call, slug)
    with call.context.database.read() as connection:
        entry = reader_of(connection, public_id)
        topics = topics_of(connection, newsletter)
    check_topics(body.topics or [], topics, "/topics")
    until = _until(call, newsletter, body)
    if _joined(entry, newsletter) is None:
        _begin(call, entry, newsletter, body)
        response.status_code = 201
    wish = _wish(newsletter, body, until)
    wishes = Wishes((wish,), topics={newsletter.id: topics})
    _choose(call, public_id, newsletter, wishes)
    call.note("subscription.put", public_id, newsletter=slug, began=response.status_code == 201)  # noqa: PLR2004 - Created
    return _shown(call, public_id, newsletter)


@router.delete(_PATH, status_code=204, response_class=Response, openapi_extra=needs(Scope.WRITE))
def end_subscription(request: Request, public_id: ReaderId, slug: Slug) -> None:
    """Unsubscribe a reader at once, also from mail that is planned; twice is the same as once."""
    call = call_of(request)
    newsletter = newsletter_of(call, slug)
    with call.context.database.read() as connection:
        entry = reader_of(connection, public_id)
    if _standing(entry, newsletter) is None:
        raise ProblemError(404, "They never had this newsletter.")
    keys = call.context.keys
    token = keys.links.sign(Purpose.UNSUBSCRIBE, Grant(public_id, (newsletter.id,)))
    leaving.unsubscribe(
        call.context.database, token, call.act(), keys=keys, departures=call.context.departures
    )
    call.note("subscription.end", public_id, newsletter=slug)


def _standing(entry: Entry, newsletter: Newsletter) -> Subscription | None:
    found = entry.standings
    return next((each for each in found if each.newsletter_id == newsletter.id), None)


def _joined(entry: Entry, newsletter: Newsletter) -> Subscription | None:
    found = _standing(entry, newsletter)
    return found if found is not None and found.state in JOINED else None


def _until(call: Call, newsletter: Newsletter, body: SubscriptionPut) -> date | None:
    """Read the day on which a pause ends. Raises ProblemError: 422."""
    if body.paused_until is None:
        return None
    day = date.fromisoformat(body.paused_until)
    first, last = pause_days(call.now, newsletter.spec.cadence.zone)
    if not first <= day <= last:
        raise in_field("/paused_until", f"It must be a day from {first} to {last}.")
    return day


def _begin(call: Call, entry: Entry, newsletter: Newsletter, body: SubscriptionPut) -> None:
    if body.consent is None:
        raise in_field("/consent", "They do not get it yet: say where they agreed.")
    consent = body.consent
    try:
        signup.add(
            call.context.database,
            entry.reader.address,
            [newsletter.id],
            call.act(ip=consent.ip, text=consent.text, source=consent.source),
            keys=call.context.keys,
            again=body.again,
        )
    except AddressRefusedError as error:
        raise refusal(error) from error


def _wish(newsletter: Newsletter, body: SubscriptionPut, until: date | None) -> Wish:
    return Wish(
        newsletter.id,
        Way.PAUSED if until else Way.PUBLISHED,
        topics=body.topics or (),
        until=until,
        zone=newsletter.spec.cadence.zone,
    )


def _choose(call: Call, public_id: str, newsletter: Newsletter, wishes: Wishes) -> None:
    keys = call.context.keys
    token = keys.links.sign(Purpose.PREFERENCES, Grant(public_id, (newsletter.id,)))
    preferences.save(call.context.database, token, call.act(), keys=keys, wishes=wishes)


def _shown(call: Call, public_id: str, newsletter: Newsletter) -> SubscriptionShown:
    with call.context.database.read() as connection:
        found = _standing(reader_of(connection, public_id), newsletter)
        if found is None:
            raise ProblemError(404, "They never had this newsletter.")
        return subscription_shown(found, names_of(connection, call))
