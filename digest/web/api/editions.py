"""Editions for a program: how far each is; approve, skip, send, stop, hold, resume, correct."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Annotated, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from digest.clock import Clock
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.db import Connection, Database
from digest.delivery.count_store import tallies
from digest.delivery.model import Tally
from digest.editions import store
from digest.editions.address import parse_address
from digest.editions.model import Edition, EditionState
from digest.errors import NotFoundError, UsageError, WorkflowError
from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.cursor import read_cursor, write_cursor
from digest.web.api.problems import ProblemError, in_field, in_parameter
from digest.web.api.route import ApiRoute, needs
from digest.web.api.showing import newsletter_of
from digest.web.api.tools import newsroom_of
from digest.web.api.values import (
    MOST_EDITIONS,
    SLUG_PATTERN,
    ApprovalAsked,
    CorrectionAsked,
    CorrectionShown,
    EditionList,
    EditionShown,
    EditionStateText,
    HaltAsked,
    SendAsked,
    SlugText,
    TallyShown,
)
from digest.workflow import halt
from digest.workflow.approve import approve
from digest.workflow.correct import correct
from digest.workflow.halt import Halted, Person
from digest.workflow.send_now import send_now
from digest.workflow.skip import skip

router = APIRouter(route_class=ApiRoute, tags=["Editions"])
_ONE = "/editions/{slug}/{edition}"
Slug = Annotated[str, Path(pattern=SLUG_PATTERN, examples=["daily"])]
Name = Annotated[
    str,
    Path(
        pattern="^([0-9]{1,9}|[0-9]{4}-[0-9]{2}-[0-9]{2})$",
        examples=["1204", "2026-01-09"],
        description="Its number, or the date of a day's regular edition.",
    ),
]


class Filters(BaseModel):
    """Which editions are meant; all that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    newsletter: SlugText | None = None
    state: EditionStateText | None = None
    limit: Annotated[int, Query(ge=1, le=MOST_EDITIONS)] = 20
    cursor: Annotated[str | None, Query(max_length=64)] = None

    @property
    def word(self) -> str:
        """Give what a cursor of theirs is bound to."""
        return f"editions\n{self.newsletter}\n{self.state}"


@router.get("/editions", openapi_extra=needs(Scope.EDITIONS_READ))
def list_editions(
    request: Request, response: Response, filters: Annotated[Filters, Query()]
) -> EditionList:
    """List editions, the newest first, each with its state and how its copies stand.

    Follow the Link header, or give `next` as `cursor`, until it is `null`.
    """
    call = call_of(request)
    secret = call.context.keys.suppression
    with call.context.database.read() as connection:
        found = _page(connection, call, filters)
        shown = found[: filters.limit]
        counts = tallies(connection, [each.id for each in shown])
    following = None
    if len(found) > len(shown):
        following = write_cursor(secret, filters.word, shown[-1].id)
        response.headers["Link"] = _link(request, following)
    return EditionList(editions=[_shown(each, counts) for each in shown], next=following)


@router.get(_ONE, openapi_extra=needs(Scope.EDITIONS_READ))
def show_edition(request: Request, slug: Slug, edition: Name) -> EditionShown:
    """Show one edition: its state, and how many copies stand in which."""
    call = call_of(request)
    return _as_it_is(call, edition_of(call, slug, edition))


@router.post(f"{_ONE}/stop", openapi_extra=needs(Scope.EDITIONS_WRITE))
def stop_edition(request: Request, slug: Slug, edition: Name, body: HaltAsked) -> EditionShown:
    """Stop an edition that is being sent, wherever it is sent; twice is the same as once.

    Nothing more leaves within a second; what is in the air by then is answered and counted. 409:
    it is not being sent.
    """
    return _done(call_of(request), halt.stop, slug, edition, body)


@router.post(f"{_ONE}/hold", openapi_extra=needs(Scope.EDITIONS_WRITE))
def hold_edition(request: Request, slug: Slug, edition: Name, body: HaltAsked) -> EditionShown:
    """Hold an edition, before its hour or while it is sent; twice is the same as once.

    One that has not gone yet wants a new approval then, by a person. 409: it is a draft, or over.
    """
    return _done(call_of(request), halt.hold, slug, edition, body)


@router.post(f"{_ONE}/resume", openapi_extra=needs(Scope.EDITIONS_WRITE))
def resume_edition(request: Request, slug: Slug, edition: Name, body: HaltAsked) -> EditionShown:
    """Go on with an edition that was stopped or held while it was sent.

    Whoever has it does not get it again. 409: nothing of it was sent yet, or all of it was.
    """
    return _done(call_of(request), halt.resume, slug, edition, body)


@router.post(f"{_ONE}/approve", openapi_extra=needs(Scope.EDITIONS_RELEASE))
def approve_edition(
    request: Request, slug: Slug, edition: Name, body: ApprovalAsked
) -> EditionShown:
    """Let an edition go at its hour: the bytes with this hash, and no others.

    One that was stopped half-way and mended goes on at once, to those who have not got it. 409: it
    has changed since, is not in review, or a check or a limit of letters made by hand is against
    it.
    """
    call = call_of(request)
    found = edition_of(call, slug, edition)
    with call.context.database.read() as connection:
        seen = _hash_of(connection, found)
    if seen != body.content_hash:
        raise ProblemError(409, "It is not the text that you have seen.", hint="Get it once more.")

    def act() -> object:
        return approve(
            call.context.database,
            found,
            by=call.token.name,
            clock=call.context.clock,
            newsletter=newsletter_of(call, slug),
            override=body.override,
            actor=call.token.actor,
            newsroom=newsroom_of(request),
        )

    return _after(call, found, act)


@router.post(f"{_ONE}/skip", openapi_extra=needs(Scope.EDITIONS_RELEASE))
def skip_edition(request: Request, slug: Slug, edition: Name, body: HaltAsked) -> EditionShown:
    """Drop an edition that nobody has; its stories return to the pool. 409: somebody has it."""
    call = call_of(request)
    found = edition_of(call, slug, edition)

    def act() -> object:
        return skip(
            call.context.database,
            found,
            by=Person(call.token.name, call.token.actor),
            reason=body.reason,
            clock=call.context.clock,
            editors=call.context.editors,
        )

    return _after(call, found, act)


@router.post(f"{_ONE}/send", openapi_extra=needs(Scope.EDITIONS_RELEASE))
def send_edition(request: Request, slug: Slug, edition: Name, body: SendAsked) -> EditionShown:
    """Have an approved edition leave now, before its hour; the clockwork takes it in seconds.

    409: it is not approved, or a limit of letters made by hand is against it.
    """
    call = call_of(request)
    found = edition_of(call, slug, edition)

    def act() -> object:
        return send_now(
            call.context.database,
            found,
            by=Person(call.token.name, call.token.actor),
            clock=call.context.clock,
            newsletter=newsletter_of(call, slug),
            override=body.override,
        )

    return _after(call, found, act)


@router.post(f"{_ONE}/correct", openapi_extra=needs(Scope.EDITIONS_RELEASE))
def correct_edition(
    request: Request, slug: Slug, edition: Name, body: CorrectionAsked
) -> CorrectionShown:
    """Put a dated note on the page of an edition that readers have; with `mail` they get it, too.

    The same words once more are the same note, mailed once. 409: nobody has it, or it is still
    being sent and should be mailed.
    """
    call = call_of(request)
    found, newsletter = edition_of(call, slug, edition), newsletter_of(call, slug)
    try:
        done = correct(
            call.context.database,
            found,
            body.words,
            by=Person(call.token.name, call.token.actor),
            language=body.language or newsletter.spec.language or call.context.site.language,
            mail=body.mail,
            clock=call.context.clock,
            editors=call.context.editors,
        )
    except UsageError as error:
        raise in_field("/words", str(error), hint=error.hint) from error
    except WorkflowError as error:
        raise ProblemError(409, str(error), hint=error.hint) from error
    return CorrectionShown(
        edition=done.edition.address,
        note=done.note.n,
        noted_at=done.note.noted_at,
        mail=done.mail.address if done.mail else None,
    )


def _after(call: Call, edition: Edition, act: Callable[[], object]) -> EditionShown:
    """Do it under the token's name, and show the edition as it is then."""
    try:
        act()
    except WorkflowError as error:
        raise ProblemError(409, str(error), hint=error.hint) from error
    with call.context.database.read() as connection:
        now = store.edition_by_id(connection, edition.id)
    return _as_it_is(call, now)


class _Verb(Protocol):
    """What `digest.workflow.halt` does to an edition."""

    def __call__(
        self,
        database: Database,
        edition: Edition,
        *,
        by: Person,
        reason: str = "",
        clock: Clock,
        editors: Iterable[str] = (),
    ) -> Halted: ...


def _done(call: Call, verb: _Verb, slug: str, name: str, body: HaltAsked) -> EditionShown:
    """Do it under the token's name: the verb writes the audit in the transaction of its act."""
    found = edition_of(call, slug, name)
    try:
        halted = verb(
            call.context.database,
            found,
            by=Person(call.token.name, call.token.actor),
            reason=body.reason,
            clock=call.context.clock,
            editors=call.context.editors,
        )
    except WorkflowError as error:
        raise ProblemError(409, str(error), hint=error.hint) from error
    return _as_it_is(call, halted.edition)


def edition_of(call: Call, slug: str, name: str) -> Edition:
    """Find the edition that stands in an address. Raises ProblemError: 404."""
    newsletter = newsletter_of(call, slug)
    asked = parse_address(f"{slug}/{name}", {slug})
    if asked is not None:
        with call.context.database.read() as connection:
            found = store.find_edition(
                connection, newsletter, number=asked.number, local_date=asked.local_date
            )
        if found is not None:
            return found
    raise ProblemError(404, "There is no such edition.")


def _page(connection: Connection, call: Call, filters: Filters) -> list[Edition]:
    """Give one more than the page has, which tells whether there is another."""
    newsletters = call.context.newsletters
    if filters.newsletter is not None:
        found = call.context.find(filters.newsletter)
        if found is None:
            raise in_parameter("newsletter", "There is no newsletter of this name.")
        newsletters = [found]
    return store.past_editions(
        connection,
        [each.id for each in newsletters],
        list(EditionState) if filters.state is None else [EditionState(filters.state)],
        limit=filters.limit + 1,
        before=_before(connection, call, filters),
    )


def _before(connection: Connection, call: Call, filters: Filters) -> tuple[date, int] | None:
    if filters.cursor is None:
        return None
    last = read_cursor(call.context.keys.suppression, filters.word, filters.cursor)
    try:
        edition = None if last is None else store.edition_by_id(connection, last)
    except NotFoundError:
        edition = None
    if edition is None:
        raise in_parameter("cursor", "It is not one of ours, or belongs to other filters.")
    return edition.local_date, edition.id


def _link(request: Request, cursor: str) -> str:
    kept = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
    return f'<?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'


def _as_it_is(call: Call, edition: Edition) -> EditionShown:
    with call.context.database.read() as connection:
        counts = tallies(connection, [edition.id])
        return _shown(edition, counts, content_hash=_hash_of(connection, edition))


def _hash_of(connection: Connection, edition: Edition) -> str | None:
    made = compositions.load_compositions(connection, edition.id)
    return set_hash(made) if made else None


def _shown(
    edition: Edition, counts: Mapping[int, Tally], *, content_hash: str | None = None
) -> EditionShown:
    tally = counts.get(edition.id, Tally())
    return EditionShown(
        newsletter=edition.slug,
        number=edition.number,
        address=edition.address,
        date=edition.local_date,
        state=edition.state.value,
        revision=edition.revision,
        content_hash=content_hash,
        reason=edition.reason,
        send_at=edition.send_at,
        sending_at=edition.sending_at,
        expires_at=edition.expires_at,
        copies=TallyShown(
            planned=tally.planned,
            accepted=tally.accepted,
            deferred=tally.deferred,
            failed=tally.failed,
            skipped=tally.skipped,
            uncertain=tally.uncertain,
        ),
    )
