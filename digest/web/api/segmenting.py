"""Segments in the API: an expression becomes a condition, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from digest.db import Connection
from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.problems import ProblemError, in_parameter
from digest.web.api.route import ApiRoute, needs
from digest.web.api.values import SegmentCount, SegmentText
from subscribers import directory_store
from subscribers.directory_store import Asked
from subscribers.segment_fault import SegmentError
from subscribers.segment_store import condition_of
from subscribers.segments import Audience, Every, Rule, Segment, Vocabulary, parse

router = APIRouter(route_class=ApiRoute, tags=["Readers"])


@router.get("/segments/count", openapi_extra=needs(Scope.READ))
def count_segment(request: Request, expression: Annotated[SegmentText, Query()]) -> SegmentCount:
    """Count the readers an expression means; a slip in it is told with its place."""
    call = call_of(request)
    with call.context.database.read() as connection:
        segment = segment_of(connection, call, expression, "expression")
        condition = condition_for(connection, call, [segment.rule])
        count = directory_store.count_of(connection, Asked(condition=condition))
    return SegmentCount(expression=segment.text, count=count)


def segment_of(connection: Connection, call: Call, text: str, parameter: str) -> Segment:
    """Read an expression with the names this site knows. Raises ProblemError: 422."""
    newsletters = call.context.newsletters
    topics = {each.slug: [part.key for part in each.spec.sections] for each in newsletters}
    vocabulary = Vocabulary(topics, directory_store.known_tags(connection))
    try:
        return parse(text, vocabulary=vocabulary)
    except SegmentError as error:
        raise _told(error, parameter) from error


def condition_for(connection: Connection, call: Call, rules: Sequence[Rule]) -> Any:
    """Give the condition of a query that all these rules hold; None for none."""
    if not rules:
        return None
    audience = Audience(Segment(Every(tuple(rules))), call.context.site.zone)
    return condition_of(connection, audience, now=call.now)


def _told(error: SegmentError, parameter: str) -> ProblemError:
    detail = f"Character {error.at + 1}: {error.cause}."
    return in_parameter(parameter, detail, hint=error.hint)
