"""Make a letter of one story by hand, and let go exactly what a person has seen of it."""

from __future__ import annotations

from dataclasses import dataclass

from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.editions import store as editions
from digest.editions.address import slot_address
from digest.editions.foresee import is_extra
from digest.editions.model import (
    Act,
    Edition,
    EditionState,
    NewChoice,
    Newsletter,
    Slot,
)
from digest.editions.prepare import prepare
from digest.errors import ConflictError, WorkflowError
from digest.people.store import append_audit
from digest.sources.model import Article
from digest.workflow.approve import approve
from digest.workflow.choose import Target, choose
from digest.workflow.draft import draft
from digest.workflow.halt import Person
from digest.workflow.model import Newsroom
from digest.workflow.revise import refreshed
from digest.workflow.slots import shortage, slot_meant

_LONGEST_SUBJECT = 120


@dataclass(frozen=True, slots=True)
class Words:
    """What a person says in place of the story's own headline and standfirst; "": as it is."""

    headline: str = ""
    standfirst: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """The letter that was made; `already`: it was there before."""

    edition: Edition
    already: bool = False


def make_letter(
    newsroom: Newsroom, newsletter: Newsletter, article: Article, *, by: Person, words: Words
) -> Made:
    """Make an edition of one story beside those of the day, composed and in review.

    The same story again gives the same edition as long as it waits. Nothing is sent by this, but
    where the letter's release is `auto` it goes by itself. Raises WorkflowError when the letter
    cannot carry the story, which says why; then no slot is taken.
    """
    only = frozenset({article.id})
    slot = slot_meant(newsroom, newsletter, None, extra=False, only=only)
    if short := shortage(newsroom, newsletter, slot, only=only):
        raise WorkflowError(
            f"{newsletter.spec.name}: no letter of this story: {short.reason}",
            hint="Choose another letter, or another story.",
        )
    if new := _new_words(article, words):
        _reword(newsroom, newsletter, _target(newsroom, newsletter, slot), new, by=by)
    name = slot.name if is_extra(newsletter, slot) else None
    prepared = prepare(
        newsroom.database, newsletter, slot, clock=newsroom.clock, extra=name, only=only
    )
    if prepared.edition is None:
        raise WorkflowError(
            f"{slot_address(newsletter.slug, slot)}: {prepared.reason}", hint="Try it once more."
        )
    if not prepared.already:
        _audit(newsroom, prepared.edition, article, by)
    return _drafted(newsroom, newsletter, prepared.edition, already=prepared.already)


def approve_seen(
    newsroom: Newsroom,
    newsletter: Newsletter,
    edition: Edition,
    *,
    seen: str,
    by: Person,
    override: str = "",
) -> str:
    """Approve an edition whose text is the one that was looked at: `seen` is its hash.

    Its stories are read once more before. Raises ConflictError when that, or somebody, has made
    another text of it, and what `approve` raises.
    """
    now = refreshed(newsroom, edition, newsletter)
    if seen != text_hash(newsroom, now):
        raise ConflictError(
            f"approve: {edition.address}: it has changed since you looked",
            hint="Look at it as it is now, then approve it.",
        )
    return approve(
        newsroom.database,
        now,
        by=by.name,
        clock=newsroom.clock,
        newsletter=newsletter,
        override=override,
        actor=by.actor,
        newsroom=newsroom,
    )


def text_hash(newsroom: Newsroom, edition: Edition) -> str:
    """Give the hash over an edition's newest text in all its languages; "" when it has none."""
    with newsroom.database.read() as connection:
        composed = compositions.load_compositions(connection, edition.id)
    return set_hash(composed) if composed else ""


def _reword(
    newsroom: Newsroom, newsletter: Newsletter, target: Target, new: list[NewChoice], *, by: Person
) -> None:
    """Write a person's words before the letter is made: so it is composed once."""
    for each in new:
        choose(newsroom, newsletter, target, each, by=by.name)


def _new_words(article: Article, words: Words) -> list[NewChoice]:
    story = article.story
    said = (
        (Act.HEADLINE, words.headline, story.headline),
        (Act.STANDFIRST, words.standfirst, story.standfirst),
    )
    return [
        NewChoice(act, article.id, text=text)
        for act, text, before in said
        if text and text != before
    ]


def _target(newsroom: Newsroom, newsletter: Newsletter, slot: Slot) -> Target:
    """Give the edition that was made of the slot before, else the slot."""
    with newsroom.database.read() as connection:
        there = editions.find_edition(
            connection, newsletter, local_date=slot.local_date, slot_name=slot.name
        )
    return there or slot


def _drafted(
    newsroom: Newsroom, newsletter: Newsletter, edition: Edition, *, already: bool
) -> Made:
    if edition.state is EditionState.DRAFT:
        draft(newsroom, edition, newsletter)
    with newsroom.database.read() as connection:
        edition = editions.edition_by_id(connection, edition.id)
    return Made(edition, already)


def _audit(newsroom: Newsroom, edition: Edition, article: Article, by: Person) -> None:
    with newsroom.database.write() as connection:
        append_audit(
            connection,
            at=newsroom.clock(),
            actor=by.actor,
            verb="edition.prepare",
            subject=edition.address[:_LONGEST_SUBJECT],
            detail={"by": by.name, "story": article.story.headline},
        )
