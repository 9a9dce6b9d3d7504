"""The public archive for a program: an edition is taken out of it, and put back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from digest.errors import UsageError, WorkflowError
from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.editions import Name, Slug, edition_of
from digest.web.api.problems import ProblemError, in_field
from digest.web.api.route import ApiRoute, needs
from digest.web.api.values import Given, LineText, Taken
from digest.workflow.halt import Person
from digest.workflow.unpublish import publish, unpublish

router = APIRouter(route_class=ApiRoute, tags=["Archive"])
_ONE = "/editions/{slug}/{edition}"


class UnpublishAsked(Taken):
    """Why an edition is taken out of the archive."""

    reason: Annotated[LineText, Field(description="For the audit; no page shows it.")]


class PublishAsked(Taken):
    """That it is put back."""


class PublishedShown(Given):
    """Whether an edition is in the archive."""

    edition: Annotated[str, Field(examples=["daily/2026-01-09"])]
    published: bool
    changed: Annotated[bool, Field(description="`false`: it was so before.")]


@router.post(f"{_ONE}/unpublish", openapi_extra=needs(Scope.EDITIONS_RELEASE))
def unpublish_edition(
    request: Request, slug: Slug, edition: Name, body: UnpublishAsked
) -> PublishedShown:
    """Take an edition out of the archive's lists and feed; its page says that it is gone (410).

    Whoever has the letter keeps it. 409: nobody has it, so that it has no page.
    """
    call = call_of(request)
    found = edition_of(call, slug, edition)
    context = call.context
    try:
        done = unpublish(
            context.database, found, by=_person(call), reason=body.reason, clock=context.clock
        )
    except UsageError as error:
        raise in_field("/reason", str(error), hint=error.hint) from error
    except WorkflowError as error:
        raise ProblemError(409, str(error), hint=error.hint) from error
    return PublishedShown(edition=found.address, published=False, changed=done)


@router.post(f"{_ONE}/publish", openapi_extra=needs(Scope.EDITIONS_RELEASE))
def publish_edition(
    request: Request, slug: Slug, edition: Name, body: PublishAsked
) -> PublishedShown:
    """Put an edition back that was taken out of the archive."""
    del body
    call = call_of(request)
    found = edition_of(call, slug, edition)
    done = publish(call.context.database, found, by=_person(call), clock=call.context.clock)
    return PublishedShown(edition=found.address, published=True, changed=done)


def _person(call: Call) -> Person:
    return Person(call.token.name, call.token.actor)
