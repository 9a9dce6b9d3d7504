"""The command explain: why a story is in or out, and why an edition is as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import address_of, opened
from digest.cli.output import json_option, say, say_wrapped, show
from digest.cli.wording import cut, long_time, plain
from digest.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from digest.app import App
    from digest.editions.model import (
        Candidate,
        EditionExplanation,
        Explanation,
        Selection,
        StoryExplanation,
    )
    from digest.sources.model import Article

_HEADLINE_COLUMNS = 70
_QUERY_COLUMNS = 40
"""What somebody pasted by mistake is told by its beginning."""
_FEW = 20
"""So many of the stories left out are shown unless all are asked for."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WORDS|EDITION")
@click.option("--all", "everything", is_flag=True, help="Every story that was left out.")
@json_option
@click.pass_context
def explain(ctx: click.Context, words: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Why a story is in or out; or for an edition, why each story is, or why it was skipped."""
    with opened(ctx) as app:
        answer = _answer(app, " ".join(words))
        if answer.edition is not None:
            told = answer.edition
            show(as_json, _edition_facts(told), lambda: _tell_edition(told, everything=everything))
            return
        facts = [_story_facts(story) for story in answer.stories]
        show(as_json, facts, lambda: _tell_stories(answer.stories, app.settings.site.timezone))


def _answer(app: App, query: str) -> Explanation:
    """Ask for an edition or for words; neither of them found raises NotFoundError."""
    from digest.editions.explain import explain as explained

    newsletters = {newsletter.slug: newsletter for newsletter in app.newsroom.newsletters}
    named = newsletters.get(query.strip().partition("/")[0])
    if named is not None:
        address_of(named, query.strip())  # `daily/2026-13-45` is no headline: say what it is
    try:
        answer = explained(app.database, app.newsroom.newsletters, query, clock=app.clock)
    except NotFoundError as error:
        slug = named.slug if named else "NEWSLETTER"
        raise NotFoundError(
            str(error), hint=f"Look with: digest status; make one with: digest prepare {slug}"
        ) from error
    if answer.edition is None and not answer.stories:
        raise NotFoundError(
            f"explain: {cut(query, _QUERY_COLUMNS)!r}: no headline has these words",
            hint=f"Try fewer words, or an edition: {', '.join(newsletters)}.",
        )
    return answer


def _tell_edition(told: EditionExplanation, *, everything: bool) -> None:
    name = told.newsletter.spec.name
    if told.edition is None:
        say_wrapped(f"{name}: no edition. {told.reason.rstrip('.')}.")
        return
    chosen, out = told.selection.chosen, told.selection.left_out
    edition = told.edition
    say_wrapped(f"{name}, no. {edition.number:,}, {edition.address}: {edition.state}", then="  ")
    if told.reason:
        say_wrapped(told.reason, first="  ", then="  ")
    for line in _beside(told.selection):
        say_wrapped(line, first="  ", then="    ")
    headlines = _headlines(told.selection)
    say()
    say(f"In: {len(chosen):,}")
    for candidate in chosen:
        _tell_candidate(candidate, candidate.place or "")
        for line in _effects(candidate, headlines):
            say_wrapped(line, first=" " * 4, then=" " * 6)
    if not out:
        return
    say()
    say(f"Left out: {len(out):,}")
    for candidate in out if everything else out[:_FEW]:
        _tell_candidate(candidate, "out")
    if len(out) > _FEW and not everything:
        say()
        say(f"{len(out) - _FEW:,} more: digest explain {edition.address} --all")


def _tell_candidate(candidate: Candidate, mark: str) -> None:
    say(f"  {mark:8}{cut(plain(candidate.article.story.headline), _HEADLINE_COLUMNS)}")
    say_wrapped(candidate.reason, first=" " * 4, then=" " * 4)


def _beside(selection: Selection) -> Iterator[str]:
    """Say what stands in an edition beside its stories."""
    for language, note in selection.note.items():
        yield f"Note{f' ({language})' if language else ''}: {plain(note)}"
    if selection.sponsor is not None:
        sponsor = selection.sponsor
        yield f"Sponsor: {plain(sponsor.text)}{f' ({plain(sponsor.url)})' if sponsor.url else ''}"
    if selection.most_read:
        yield f"Most read: {_quoted(selection.most_read)}"


def _effects(candidate: Candidate, headlines: Mapping[int, str]) -> Iterator[str]:
    """Say what a person changed about a story that is in, what it repeats, what stands with it."""
    from digest.editions import reasons

    for words in candidate.wording:
        where = f" ({words.language})" if words.language else ""
        if words.headline:
            yield f"Headline by hand{where}: {plain(words.headline)}"
        if words.standfirst:
            yield f"Standfirst by hand{where}: {plain(words.standfirst)}"
    if candidate.picture is not None:
        yield f"Picture by hand: {plain(candidate.picture.url) or 'none'}"
    repeated = headlines.get(candidate.duplicate_of or 0)
    if repeated is not None:
        yield reasons.REPEATS.format(headline=plain(reasons.quoted(repeated)))
    if candidate.related:
        yield f"Related: {_quoted(candidate.related)}"


def _headlines(selection: Selection) -> dict[int, str]:
    return {c.article.id: c.article.story.headline for c in selection.candidates}


def _quoted(articles: Sequence[Article]) -> str:
    from digest.editions.reasons import quoted

    return ", ".join(f"“{plain(quoted(article.story.headline))}”" for article in articles)


def _tell_stories(stories: Sequence[StoryExplanation], zone: str) -> None:
    for n, story in enumerate(stories):
        if n:
            say()
        _tell_story(story, zone)


def _tell_story(told: StoryExplanation, zone: str) -> None:
    story = told.article.story
    say_wrapped(story.headline)
    date = long_time(story.published_at, zone) if story.published_at else "with no date of its own"
    where = f" ({story.published_from})" if story.published_from else ""
    say(f"  published {date}{where}")
    say(f"  first seen {long_time(told.article.first_seen_at, zone)} in {told.article.source}")
    for fate in told.fates:
        lines = [(w.edition.address, w.candidate.reason) for w in fate.weighings]
        for name, reason in lines or [(f"{fate.newsletter.slug}, next", fate.forecast.reason)]:
            say_wrapped(f"{name}: {reason}", first="  ", then="    ")


def _candidate_facts(candidate: Candidate) -> dict[str, Any]:
    picture = candidate.picture
    return {
        "id": candidate.article.id,
        "headline": candidate.article.story.headline,
        "url": candidate.article.story.url,
        "verdict": candidate.verdict,
        "reason": candidate.reason,
        "place": candidate.place,
        "position": candidate.position,
        "section": candidate.section,
        "late": candidate.late,
        "duplicate_of": candidate.duplicate_of,
        "pinned": candidate.pinned,
        "wording": [
            {"language": w.language, "headline": w.headline, "standfirst": w.standfirst}
            for w in candidate.wording
        ],
        "picture": {"url": picture.url, "alt": picture.alt} if picture else None,
        "related": [_article_facts(article) for article in candidate.related],
    }


def _article_facts(article: Article) -> dict[str, Any]:
    story = article.story
    return {"id": article.id, "headline": story.headline, "url": story.url, "reads": story.reads}


def _edition_facts(told: EditionExplanation) -> dict[str, Any]:
    selection = told.selection
    sponsor = selection.sponsor
    return {
        "newsletter": told.newsletter.slug,
        "edition": told.edition.address if told.edition else None,
        "state": told.edition.state if told.edition else None,
        "reason": told.reason,
        "note": dict(selection.note),
        "sponsor": {"text": sponsor.text, "url": sponsor.url} if sponsor else None,
        "chosen": [_candidate_facts(c) for c in selection.chosen],
        "left_out": [_candidate_facts(c) for c in selection.left_out],
        "most_read": [_article_facts(article) for article in selection.most_read],
    }


def _story_facts(told: StoryExplanation) -> dict[str, Any]:
    return {
        "id": told.article.id,
        "headline": told.article.story.headline,
        "url": told.article.story.url,
        "source": told.article.source,
        "published_at": told.article.story.published_at,
        "published_from": told.article.story.published_from,
        "seen_on": told.article.story.seen_on,
        "first_seen_at": told.article.first_seen_at,
        "withdrawn_at": told.article.withdrawn_at,
        "newsletters": [
            {
                "newsletter": fate.newsletter.slug,
                "editions": [
                    {"edition": w.edition.address, **_candidate_facts(w.candidate)}
                    for w in fate.weighings
                ],
                "cut_off_at": fate.cut_off_at,
                "next": _candidate_facts(fate.forecast),
            }
            for fate in told.fates
        ],
    }
