"""Compose a prepared edition in all its languages, tell its editors, and put it in review."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from digest.composition import store as compositions
from digest.composition.compose import compose
from digest.composition.letter import letter_warnings, write_letter
from digest.composition.model import Composition, Letter
from digest.composition.pictures import Pictures, fetch_pictures
from digest.composition.salvage import salvage
from digest.editions import candidate_store, reasons
from digest.editions import store as editions
from digest.editions.cadence import next_slot
from digest.editions.model import (
    Candidate,
    Edition,
    EditionState,
    Newsletter,
    NewsletterSpec,
    Place,
    Selection,
)
from digest.editions.wording import count_of
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.workflow.model import Newsroom
from digest.workflow.release import what_next
from digest.workflow.telling import editors_notices

Subjects = Mapping[str, Sequence[str]]
"""The subjects of earlier editions, newest first, by language."""
TakePictures = Callable[[Selection], Pictures]


@dataclass(frozen=True, slots=True)
class Drafted:
    """An edition was composed; what its editors should know about it."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """An edition composed in each of its languages, its own first, and nothing recorded."""

    compositions: tuple[Composition, ...]
    letters: tuple[Letter, ...]
    selection: Selection
    """What they were composed of: without the stories that could not be shown."""
    left_out: Mapping[int, str] = field(default_factory=dict)
    """Why stories could not be shown, by article id."""
    warnings: tuple[str, ...] = ()


def draft(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> Drafted | None:
    """Compose the edition and tell the editors, in one transaction with its new state.

    They are told once: an edition that was told of before and is a draft again because somebody
    chose otherwise is composed without another mail, and `auto-after` goes on counting.
    None, and nothing is changed, when another process was quicker, or when the stories are not
    the ones composed any more. Composing again gives the same bytes, so a crash before the
    transaction costs nothing. A story that cannot be shown is left out with its reason, and is
    free for a later edition.
    Raises CompositionError; the edition stays a draft then, and is tried again.
    """
    with newsroom.database.read() as connection:
        # Its version before its stories: whoever changes these in between changes that, too.
        edition = editions.edition_by_id(connection, edition.id)
        selection = candidate_store.load_selection(connection, edition.id)
        subjects = {
            tag: compositions.earlier_subjects(
                connection, newsletter.id, limit=30, before_number=edition.number, language=tag
            )
            for tag in newsroom.languages_of(newsletter.spec)
        }
    if edition.state is not EditionState.DRAFT:
        return None
    written = write(newsroom, edition, newsletter, selection, subjects)
    notices = _notices(newsroom, edition, newsletter.spec, written)
    return Drafted(written.warnings) if _keep(newsroom, edition, written, notices) else None


def _notices(
    newsroom: Newsroom, edition: Edition, spec: NewsletterSpec, written: Written
) -> Sequence[NewNotice]:
    now, zone = newsroom.clock(), spec.cadence.zone
    titles = {section.key: section.title for section in spec.sections}
    return editors_notices(
        newsroom.editors,
        event="draft",
        edition=edition.address,
        headline=written.compositions[0].subject,
        reason=what_next(edition, spec.release, told_at=now, zone=zone),
        now=now,
        rows=[
            *((_mark(one, titles), one.article.story.headline) for one in written.selection.chosen),
            *(("warning", warning) for warning in written.warnings),
        ],
    )


def _mark(one: Candidate, titles: Mapping[str, str]) -> str:
    """Say where a story stands: in which section, where it is in one."""
    place = str(one.place or "")
    return titles.get(one.section or "", place) if one.place is Place.SECTION else place


def _keep(
    newsroom: Newsroom, edition: Edition, written: Written, notices: Sequence[NewNotice]
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
        compositions.save_compositions(connection, written.compositions, at=now)
        if written.left_out:
            candidate_store.keep_only(connection, edition.id, written.selection)
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
    earlier_subjects: Subjects,
    *,
    pictures: TakePictures | None = None,
) -> Written:
    """Compose in every language without recording anything but fetched pictures.

    `pictures` takes those of a selection in another way. A story that fails in one language is
    left out in all. Raises CompositionError for a template that fails whatever the stories.
    """
    take = pictures or partial(_fetch, newsroom)
    taken = take(selection)
    carried = _carried(newsroom, newsletter, selection)

    def made_of(some: Selection) -> tuple[_Pair, ...]:
        return tuple(
            _pair(
                newsroom,
                edition,
                newsletter,
                some,
                earlier_subjects,
                pictures=taken,
                carried=carried,
                tag=tag,
            )
            for tag in newsroom.languages_of(newsletter.spec)
        )

    saved = salvage(selection, made_of)
    made = saved.made
    if saved.left_out:  # another lead wants its picture in another shape
        taken = take(saved.selection)
        made = made_of(saved.selection)
    return Written(
        compositions=tuple(composition for _, composition in made),
        letters=tuple(letter for letter, _ in made),
        selection=saved.selection,
        left_out=saved.left_out,
        warnings=(
            *newsroom.told,
            *_lost(saved.left_out, saved.selection, newsletter),
            *dict.fromkeys(said for letter, _ in made for said in letter_warnings(letter)),
            *taken.warnings,
        ),
    )


_Pair = tuple[Letter, Composition]


def _pair(
    newsroom: Newsroom,
    edition: Edition,
    newsletter: Newsletter,
    selection: Selection,
    earlier_subjects: Subjects,
    *,
    pictures: Pictures,
    carried: Collection[int],
    tag: str,
) -> _Pair:
    language = newsroom.languages.of(tag)
    letter = write_letter(
        edition,
        newsletter.spec,
        selection,
        site=newsroom.site,
        language=language,
        shots=pictures.shots,
        next_slot=next_slot(newsletter.spec.cadence, edition.send_at),
        earlier_subjects=earlier_subjects.get(tag, ()),
        twin=newsroom.twin_of(newsletter.spec),
        carried=carried,
    )
    composition = compose(
        letter,
        edition_id=edition.id,
        revision=edition.revision,
        language=language,
        secret=newsroom.secret,
        environment=newsroom.environment,
    )
    return letter, composition


def _carried(newsroom: Newsroom, newsletter: Newsletter, selection: Selection) -> Collection[int]:
    """Tell which stories of a weekly its dailies had: the others may have been missed."""
    dailies = [n.slug for n in newsroom.newsletters if n.spec.weekly_twin == newsletter.slug]
    if not dailies:
        return ()
    with newsroom.database.read() as connection:
        ids = [one.article.id for one in selection.chosen]
        return frozenset(candidate_store.carried(connection, dailies, ids))


def _fetch(newsroom: Newsroom, selection: Selection) -> Pictures:
    return fetch_pictures(
        newsroom.database,
        selection,
        fetcher=newsroom.fetcher,
        site=newsroom.site,
        clock=newsroom.clock,
        allow=newsroom.picture_networks,
    )


def _lost(
    left_out: Mapping[int, str], selection: Selection, newsletter: Newsletter
) -> Sequence[str]:
    """Say which stories the edition goes without, and whether it is short of stories now."""
    said = [
        f"left out: {reasons.quoted(one.article.story.headline)}: {left_out[one.article.id]}"
        for one in selection.left_out
        if one.article.id in left_out
    ]
    count, least = len(selection.chosen), newsletter.spec.stories.least
    if left_out and count < least:
        said.append(f"It has {count_of(count, 'story', 'stories')} now; {least} are the least")
    return said
