"""Compose a prepared edition in all its languages, tell its editors, and put it in review."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from digest.checks.model import Report
from digest.composition import store as compositions
from digest.composition.compose import compose
from digest.composition.letter import letter_warnings
from digest.composition.model import Composition, Letter
from digest.composition.pictures import Pictures, fetch_pictures
from digest.composition.salvage import salvage
from digest.db import Connection
from digest.editions import candidate_store, reasons
from digest.editions import store as editions
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
from digest.workflow import findings
from digest.workflow.facts import facts_of
from digest.workflow.lettering import carried_by_dailies, letter_in
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
    blocks: tuple[str, ...] = ()
    """Why it must not go unless a person says so."""
    report: Report | None = None
    """What the checks found; None: it was not checked."""

    @property
    def objection(self) -> str:
        """Say which checks hold it: no person may approve it over these."""
        return findings.objection(self.report.blocks) if self.report else ""


def draft(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> Drafted | None:
    """Compose the edition and tell the editors, in one transaction with its new state.

    They are told once: an edition that was told of before and is a draft again because somebody
    chose otherwise is composed without another mail, and `auto-after` goes on counting. One that
    was opened again for a story that was withdrawn, or mended, is told once more. What a check
    blocks is held and not put in review until it is mended; what a person held or stopped stays
    so.
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
    if edition.state not in _COMPOSED:
        return None
    written = write(newsroom, edition, newsletter, selection, subjects)
    written = _checked(newsroom, edition, newsletter, written)
    notices = _notices(newsroom, edition, newsletter.spec, written)
    return Drafted(written.warnings) if _keep(newsroom, edition, written, notices) else None


def _checked(
    newsroom: Newsroom, edition: Edition, newsletter: Newsletter, written: Written
) -> Written:
    """Ask the checks about what was written; a correction is a person's own words, and is not."""
    if newsroom.mailer is None or edition.corrects is not None:
        return written
    facts = facts_of(
        newsroom,
        newsroom.mailer,
        newsletter,
        edition,
        selection=written.selection,
        composed=written.compositions,
        letters=written.letters,
    )
    report = findings.check_facts(newsroom, facts)
    return replace(written, report=report, warnings=(*written.warnings, *findings.rows(report)))


_COMPOSED = frozenset({EditionState.DRAFT, EditionState.HELD, EditionState.STOPPED})
TELL_AGAIN = "again"
"""Stands in `told_as` of an edition whose editors must be told of its draft once more."""
_FIRST = "draft"


def telling_name(edition: Edition) -> str:
    """Give the name under which the editors are told of this draft."""
    if edition.told_as == TELL_AGAIN:
        return f"{_FIRST}:{edition.version}"
    return edition.told_as or _FIRST


def _notices(
    newsroom: Newsroom, edition: Edition, spec: NewsletterSpec, written: Written
) -> Sequence[NewNotice]:
    """Tell the editors what is in an edition, what is amiss, and what comes of it."""
    now, zone = newsroom.clock(), spec.cadence.zone
    titles = {section.key: section.title for section in spec.sections}
    return editors_notices(
        newsroom.editors,
        event="draft",
        edition=edition.address,
        headline=written.compositions[0].subject,
        reason=" ".join(
            filter(
                None,
                (
                    edition.reason if edition.told_as == TELL_AGAIN else "",
                    _comes_of_it(edition, spec, written, now, zone),
                ),
            )
        ),
        told_as=telling_name(edition),
        url=newsroom.draft_url(edition.id),
        now=now,
        rows=[
            *((_mark(one, titles), one.article.story.headline) for one in written.selection.chosen),
            *(("warning", warning) for warning in written.warnings),
        ],
    )


def _comes_of_it(
    edition: Edition, spec: NewsletterSpec, written: Written, now: datetime, zone: str
) -> str:
    if edition.sending_at is not None:
        return (
            f"Revision {edition.revision} goes only to those who have not got the letter, when"
            " somebody approves it."
        )
    if written.objection:
        return f"{written.objection} Mend it: what you choose is checked at once."
    if written.blocks:
        return f"{_held(written)} It goes only if somebody approves it."
    return what_next(edition, spec.release, told_at=now, zone=zone)


def _held(written: Written) -> str:
    return written.objection or " ".join(f"{each.rstrip('.')}." for each in written.blocks)


def _reason_after(edition: Edition, written: Written) -> str:
    """Give why it is as it is; what only a check held and nothing holds any more has no reason."""
    was = "" if _held_by_checks(edition) else edition.reason
    return _held(written) or was


def _held_by_checks(edition: Edition) -> bool:
    held = edition.state is EditionState.HELD and edition.sending_at is None
    return held and edition.reason.startswith(findings.HELD_BY_CHECKS)


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
            expect={edition.state},
            expect_version=edition.version,
            to=_state_after(edition, written),
            reason=_reason_after(edition, written),
            at=now,
        ):
            return False
        compositions.save_compositions(connection, written.compositions, at=now)
        if written.left_out and edition.sending_at is None:
            candidate_store.keep_only(connection, edition.id, written.selection)
        elif written.left_out:  # some readers have them: their uses stay
            candidate_store.save_selection(connection, edition.id, written.selection)
        candidate_store.note_composed(connection, edition.id, written.selection)
        tell(connection, edition, notices, at=now)
    return True


def _state_after(edition: Edition, written: Written) -> EditionState:
    if edition.state is not EditionState.DRAFT and not _held_by_checks(edition):
        return edition.state
    return EditionState.HELD if written.blocks or written.objection else EditionState.IN_REVIEW


def tell(
    connection: Connection, edition: Edition, notices: Sequence[NewNotice], *, at: datetime
) -> None:
    """Put the mail about a draft into the outbox; one that waits there tells the newest of it.

    Where nobody is to be told, they count as told.
    """
    told_as = telling_name(edition)
    if edition.told_as == told_as and edition.told_at is not None:
        return
    if edition.told_as != told_as:
        editions.mark_telling(connection, edition.id, told_as)
        if not notices:
            editions.mark_told(connection, edition.id, at)
    for notice in notices:
        outbox.put_latest(connection, notice)


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
    carried = carried_by_dailies(newsroom, newsletter, selection)

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
    few = _too_few(edition, saved.selection, newsletter)
    return Written(
        compositions=tuple(composition for _, composition in made),
        letters=tuple(letter for letter, _ in made),
        selection=saved.selection,
        left_out=saved.left_out,
        blocks=few if saved.left_out or edition.told_as == TELL_AGAIN else (),
        warnings=(
            *newsroom.told,
            *_lost(saved.left_out, saved.selection),
            *(few if saved.left_out or edition.told_as == TELL_AGAIN else ()),
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
    letter = letter_in(
        newsroom,
        edition,
        newsletter,
        selection,
        earlier_subjects=earlier_subjects.get(tag, ()),
        shots=pictures.shots,
        carried=carried,
        tag=tag,
    )
    composition = compose(
        letter,
        edition_id=edition.id,
        revision=edition.revision,
        language=newsroom.languages.of(tag),
        secret=newsroom.secret,
        environment=newsroom.environment,
    )
    return letter, composition


def _fetch(newsroom: Newsroom, selection: Selection) -> Pictures:
    return fetch_pictures(
        newsroom.database,
        selection,
        fetcher=newsroom.fetcher,
        site=newsroom.site,
        clock=newsroom.clock,
        allow=newsroom.picture_networks,
    )


def _lost(left_out: Mapping[int, str], selection: Selection) -> Sequence[str]:
    """Say which stories the edition goes without."""
    return [
        f"left out: {reasons.quoted(one.article.story.headline)}: {left_out[one.article.id]}"
        for one in selection.left_out
        if one.article.id in left_out
    ]


def _too_few(edition: Edition, selection: Selection, newsletter: Newsletter) -> tuple[str, ...]:
    """Say whether an edition is short of stories; one made for some by name never is."""
    count, least = len(selection.chosen), newsletter.spec.stories.least
    if count >= least or edition.asked_for is not None:
        return ()
    return (f"It has {count_of(count, 'story', 'stories')} now; {least} are the least",)
