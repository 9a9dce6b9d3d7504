"""What is chosen for an edition or a slot to come, and why its stories are in or out.

The verbs are those of the desk and the command, and so are the words.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request

from digest.db import Connection
from digest.editions import candidate_store, choice_store
from digest.editions.address import address_of, parse_address
from digest.editions.choice_store import HistoryLine
from digest.editions.model import (
    Act,
    Candidate,
    Edition,
    EditionAddress,
    NewChoice,
    Newsletter,
    Selection,
)
from digest.editions.weigh import weigh
from digest.errors import NotFoundError, UsageError, WorkflowError
from digest.people.model import Scope
from digest.web.api.choice_values import (
    CandidateList,
    CandidateShown,
    ChoiceAsked,
    ChoiceList,
    ChoiceMade,
    ChoiceShown,
    StepAsked,
)
from digest.web.api.problems import ProblemError
from digest.web.api.route import ApiRoute, needs
from digest.web.api.showing import newsletter_of
from digest.web.api.tools import tools_of
from digest.web.api.values import SLUG_PATTERN
from digest.workflow.choose import Chosen, Target, choose, slot_key, target_of

router = APIRouter(route_class=ApiRoute, tags=["Choices"])
_ONE = "/editions/{slug}/{edition}"
_NEXT = "next"
Slug = Annotated[str, Path(pattern=SLUG_PATTERN, examples=["daily"])]
Name = Annotated[
    str,
    Path(
        pattern=f"^([0-9]{{1,9}}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{_NEXT})$",
        examples=["2026-01-09"],
        description="Its number, its date, or `next`: the open one, else the one to come.",
    ),
]
SlotName = Annotated[
    str | None,
    Query(pattern=SLUG_PATTERN, description="Which of a day with several, or an extra's name."),
]


@router.get(f"{_ONE}/candidates", openapi_extra=needs(Scope.EDITIONS_READ))
def list_candidates(
    request: Request, slug: Slug, edition: Name, slot: SlotName = None
) -> CandidateList:
    """List the stories of an edition, in and out, each with the reason.

    Of one that is to come: as it would be by what is known now.
    """
    call, _ = tools_of(request)
    newsletter, target = _meant(request, slug, edition, slot)
    with call.context.database.read() as connection:
        selection = _selection(connection, newsletter, target, request)
    return CandidateList(
        edition=address_of(newsletter.slug, *slot_key(target)),
        exists=isinstance(target, Edition),
        chosen=[_candidate(each, newsletter) for each in selection.chosen],
        left_out=[_candidate(each, newsletter) for each in selection.left_out],
    )


@router.get(f"{_ONE}/choices", openapi_extra=needs(Scope.EDITIONS_READ))
def list_choices(request: Request, slug: Slug, edition: Name, slot: SlotName = None) -> ChoiceList:
    """List what was chosen, by whom, and what of it is in force, oldest first."""
    call, _ = tools_of(request)
    newsletter, target = _meant(request, slug, edition, slot)
    day, name = slot_key(target)
    with call.context.database.read() as connection:
        lines = choice_store.history(connection, newsletter.id, day, name)
    return ChoiceList(
        edition=address_of(newsletter.slug, day, name),
        date=day,
        last=lines[-1].told.choice.seq if lines else 0,
        choices=[_line(each) for each in lines],
    )


@router.post(f"{_ONE}/choices", openapi_extra=needs(Scope.EDITIONS_CHOOSE))
def add_choice(
    request: Request, slug: Slug, edition: Name, body: ChoiceAsked, slot: SlotName = None
) -> ChoiceMade:
    """Choose: pin, drop, move, reword. An approval is revoked by it.

    409: it is on its way, the story cannot come, or others chose since `expect_seq`.
    """
    new = NewChoice(
        Act(body.act),
        body.story,
        language=body.language,
        text=body.text,
        url=body.url,
        alt=body.alt,
        place=body.place,
    )
    return _choose(request, _meant(request, slug, edition, slot), new, body.expect_seq)


@router.post(f"{_ONE}/choices/undo", openapi_extra=needs(Scope.EDITIONS_CHOOSE))
def undo_choice(
    request: Request, slug: Slug, edition: Name, body: StepAsked, slot: SlotName = None
) -> ChoiceMade:
    """Take the last choice back, whoever made it. 409: there is none, or others chose since."""
    meant = _meant(request, slug, edition, slot)
    return _choose(request, meant, NewChoice(Act.UNDO), body.expect_seq)


@router.post(f"{_ONE}/choices/redo", openapi_extra=needs(Scope.EDITIONS_CHOOSE))
def redo_choice(
    request: Request, slug: Slug, edition: Name, body: StepAsked, slot: SlotName = None
) -> ChoiceMade:
    """Bring back what was undone last. 409: something was chosen since, or nothing was undone."""
    meant = _meant(request, slug, edition, slot)
    return _choose(request, meant, NewChoice(Act.REDO), body.expect_seq)


def _choose(
    request: Request, meant: tuple[Newsletter, Target], new: NewChoice, expect_seq: int | None
) -> ChoiceMade:
    call, tools = tools_of(request)
    newsletter, target = meant
    try:
        done = choose(
            tools.newsroom, newsletter, target, new, by=call.token.name, expect_seq=expect_seq
        )
    except WorkflowError as error:
        raise ProblemError(409, str(error), hint=error.hint) from error
    except (UsageError, NotFoundError) as error:
        raise ProblemError(422, str(error), hint=error.hint) from error
    call.note("edition.choose", "", edition=done.address, act=str(new.act), seq=done.choice.seq)
    return _made(done, newsletter)


def _meant(request: Request, slug: str, name: str, slot: str | None) -> tuple[Newsletter, Target]:
    """Find the edition, or the slot to come. Raises ProblemError: 404."""
    call, tools = tools_of(request)
    newsletter = newsletter_of(call, slug)
    asked: EditionAddress | None = EditionAddress(slug)
    if name != _NEXT:
        asked = parse_address("/".join(filter(None, (slug, name, slot))), {slug})
    if asked is None:
        raise ProblemError(404, "There is no such edition.")
    try:
        return newsletter, target_of(tools.newsroom, newsletter, asked)
    except (NotFoundError, UsageError) as error:
        raise ProblemError(404, str(error), hint=error.hint) from error


def _selection(
    connection: Connection, newsletter: Newsletter, target: Target, request: Request
) -> Selection:
    if isinstance(target, Edition):
        return candidate_store.load_selection(connection, target.id)
    now = tools_of(request)[1].newsroom.clock()
    return weigh(connection, newsletter, target.cut_off_at, now=now, slot=target)[1]


def _candidate(found: Candidate, newsletter: Newsletter) -> CandidateShown:
    story = found.story_in(newsletter.spec.language)
    return CandidateShown(
        story=found.article.id,
        headline=story.headline,
        url=story.url,
        source=found.article.source,
        verdict=found.verdict.value,
        reason=found.reason,
        place=None if found.place is None else found.place.value,
        position=found.position,
        section=found.section,
        published_at=story.published_at,
        first_seen_at=found.article.first_seen_at,
        late=found.late,
        pinned=found.pinned,
        duplicate_of=found.duplicate_of,
    )


def _line(line: HistoryLine) -> ChoiceShown:
    choice, what = line.told.choice, line.told.choice.what
    return ChoiceShown(
        seq=choice.seq,
        act=str(what.act),
        standing=line.told.standing.value,
        of=line.told.of,
        by=choice.actor,
        at=choice.made_at,
        words=line.words,
        story=what.article_id,
        language=what.language,
        text=what.text,
        url=what.url,
        alt=what.alt,
        place=what.place,
    )


def _made(done: Chosen, newsletter: Newsletter) -> ChoiceMade:
    return ChoiceMade(
        edition=done.address,
        seq=done.choice.seq,
        words=done.words,
        state=None if done.edition is None else done.edition.state.value,
        stands=None if done.stands is None else _candidate(done.stands, newsletter),
        approval_revoked=done.revoked,
        warnings=list(done.warnings),
        problem=done.problem,
    )
