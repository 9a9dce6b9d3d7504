"""Compose a prepared edition, tell its editors, and put it in review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digest.composition import store as compositions
from digest.composition.compose import compose
from digest.composition.letter import write_letter
from digest.composition.model import Composition
from digest.composition.pictures import fetch_pictures
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.cadence import next_slot
from digest.editions.model import Edition, EditionState, Newsletter, Selection
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.workflow.model import Newsroom
from digest.workflow.telling import editors_notices


@dataclass(frozen=True, slots=True)
class Drafted:
    """An edition was composed; what its editors should know about it."""

    warnings: tuple[str, ...] = ()


def draft(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> Drafted | None:
    """Compose the edition and tell the editors, in one transaction with its new state.

    They are told once: an edition that was told of before and is a draft again because somebody
    chose otherwise is composed without another mail, and `auto-after` goes on counting.
    None, and nothing is changed, when another process was quicker, or when the stories are not
    the ones composed any more. Composing again gives the same bytes, so a crash before the
    transaction costs nothing.
    Raises CompositionError; the edition stays a draft then, and is tried again.
    """
    with newsroom.database.read() as connection:
        # Its version before its stories: whoever changes these in between changes that, too.
        edition = editions.edition_by_id(connection, edition.id)
        selection = candidate_store.load_selection(connection, edition.id)
        subjects = compositions.earlier_subjects(
            connection, newsletter.id, limit=30, before_number=edition.number
        )
    if edition.state is not EditionState.DRAFT:
        return None
    composition, warnings = write(newsroom, edition, newsletter, selection, subjects)
    notices = editors_notices(
        newsroom.editors,
        event="draft",
        edition=edition.address,
        headline=composition.subject,
        now=newsroom.clock(),
        rows=[
            *((str(c.place or ""), c.article.story.headline) for c in selection.chosen),
            *(("warning", warning) for warning in warnings),
        ],
    )
    return Drafted(warnings) if _keep(newsroom, edition, composition, notices) else None


def _keep(
    newsroom: Newsroom,
    edition: Edition,
    composition: Composition,
    notices: Sequence[NewNotice],
) -> bool:
    now = newsroom.clock()
    with newsroom.database.write() as connection:
        # First, as it decides: what another process composed must stay as its editors were told.
        if not editions.change_state(
            connection,
            edition.id,
            expect={EditionState.DRAFT},
            expect_version=edition.version,
            to=EditionState.IN_REVIEW,
            reason=edition.reason,
            at=now,
        ):
            return False
        compositions.save_composition(connection, composition, at=now)
        if edition.told_at is None:
            editions.mark_told(connection, edition.id, now)
            for notice in notices:
                outbox.put(connection, notice)
    return True


def write(
    newsroom: Newsroom,
    edition: Edition,
    newsletter: Newsletter,
    selection: Selection,
    earlier_subjects: Sequence[str],
) -> tuple[Composition, tuple[str, ...]]:
    """Compose without recording anything but fetched pictures; give the warnings beside it."""
    pictures = fetch_pictures(
        newsroom.database,
        selection,
        fetcher=newsroom.fetcher,
        site=newsroom.site,
        clock=newsroom.clock,
        allow=newsroom.picture_networks,
    )
    language = newsroom.languages.of(newsletter.spec.language or newsroom.site.language)
    letter = write_letter(
        edition,
        newsletter.spec,
        selection,
        site=newsroom.site,
        language=language,
        shots=pictures.shots,
        next_slot=next_slot(newsletter.spec.cadence, edition.send_at),
        earlier_subjects=earlier_subjects,
        twin=newsroom.twin_of(newsletter.spec),
    )
    composition = compose(
        letter,
        edition_id=edition.id,
        revision=edition.revision,
        language=language,
        secret=newsroom.secret,
        environment=newsroom.environment,
    )
    return composition, tuple(pictures.warnings)
