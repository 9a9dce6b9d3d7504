"""Stories that a publisher's own program pushes, and takes back."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request

from digest.errors import SourceError
from digest.people.model import Scope
from digest.sources import article_store, store
from digest.sources.bring import BY_HAND
from digest.sources.model import FoundStory, Gone, SourceKind, SourceSpec
from digest.sources.push import push
from digest.sources.pushed import story_of
from digest.web.api.article_values import (
    ArticleKnown,
    ArticlePushed,
    ArticlesKnown,
    ArticlesPushed,
    ArticlesTakenBack,
    ArticlesWithdrawn,
)
from digest.web.api.problems import Fault, ProblemError, in_field
from digest.web.api.route import ApiRoute, needs
from digest.web.api.tools import ApiTools, tools_of

router = APIRouter(route_class=ApiRoute, tags=["Articles"])


@router.post("/articles", openapi_extra=needs(Scope.ARTICLES_WRITE))
def push_articles(request: Request, body: ArticlesPushed) -> ArticlesKnown:
    """Push stories: known at once, and eligible for the next edition of every newsletter.

    The same `guid` again is the same story: nothing changes, or it says what it says now. All are
    taken, or none. 409: there is no source that stories can be pushed to.
    """
    call, tools = tools_of(request)
    source = _source(tools, body.source)
    _refuse_twice([each.guid for each in body.articles], "/articles/{}/guid")
    stories = _stories(body.articles, source)
    saved = push(
        call.context.database,
        source,
        stories,
        clock=call.context.clock,
        same_hosts=tools.same_hosts,
    )
    call.note("article.push", "", source=source.name, new=saved.new, updated=saved.updated)
    known = zip(body.articles, saved.ids, strict=True)
    return ArticlesKnown(
        source=source.name,
        new=saved.new,
        updated=saved.updated,
        articles=[ArticleKnown(guid=each.guid, story=number) for each, number in known],
    )


@router.post("/articles/withdraw", openapi_extra=needs(Scope.ARTICLES_WRITE))
def withdraw_articles(request: Request, body: ArticlesTakenBack) -> ArticlesWithdrawn:
    """Take stories back: no letter has them from now on, and one in review is composed anew.

    Pushed again they are there again. A letter that has left stays as it is: correct it.
    """
    call, tools = tools_of(request)
    source = _source(tools, body.source)
    gone = [Gone(guid=guid) for guid in body.guids]
    with call.context.database.write() as connection:
        known = {each.name: each.id for each in store.source_states(connection)}
        count = 0
        if source.name in known:
            count = article_store.withdraw_gone(
                connection,
                known[source.name],
                source.name,
                gone,
                now=call.now,
                why=article_store.DELETED,
                same_hosts=tools.same_hosts,
            )
    call.note("article.withdraw", "", source=source.name, withdrawn=count)
    return ArticlesWithdrawn(source=source.name, withdrawn=count)


def _source(tools: ApiTools, name: str | None) -> SourceSpec:
    """Find the source that is meant. Raises ProblemError: 409 when there is none, 422."""
    found = [
        each for each in tools.sources() if each.kind is SourceKind.PUSHED and each.name != BY_HAND
    ]
    if not found:
        raise ProblemError(
            409,
            "There is no source that stories can be pushed to.",
            hint="Add one to digest.toml, as: [sources.newsroom] pushed = true",
        )
    if name is None and len(found) == 1:
        return found[0]
    meant = next((each for each in found if each.name == name), None)
    if meant is None:
        names = ", ".join(each.name for each in found)
        words = "There are several: name one." if name is None else "Nothing is pushed to it."
        raise in_field("/source", words, hint=f"Those with pushed = true: {names}.")
    return meant


def _refuse_twice(values: Sequence[str], pointer: str) -> None:
    seen: dict[str, int] = {}
    for at, value in enumerate(values):
        if value in seen:
            raise in_field(pointer.format(at), f"It is that of number {seen[value]}, too.")
        seen[value] = at


def _stories(articles: Sequence[ArticlePushed], source: SourceSpec) -> list[FoundStory]:
    """Clean the stories. Raises ProblemError: 422 that names every one that cannot be taken."""
    stories, faults = [], []
    for at, each in enumerate(articles):
        given = each.model_dump(exclude_none=True)
        try:
            stories.append(story_of(given, zone=source.zone, language=source.language))
        except SourceError as error:
            cause = str(error).rpartition("': ")[2]
            faults.append(Fault(f"{cause[:1].upper()}{cause[1:]}.", f"/articles/{at}"))
    if faults:
        raise ProblemError(422, faults[0].detail, faults)
    return stories
