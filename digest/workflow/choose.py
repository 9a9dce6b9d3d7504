"""Choose for an edition: write what a person wants, weigh its stories again, compose it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from digest.composition import store as compositions
from digest.composition.pictures import undescribed
from digest.db import Connection
from digest.editions import candidate_store, choice_store
from digest.editions import store as editions
from digest.editions.abandon import UNSENT, is_unsent, may_be_mended
from digest.editions.address import address_of
from digest.editions.cadence import next_cut_off, next_slots, slots_between, slots_on
from digest.editions.choice_checks import check
from digest.editions.choice_words import in_words
from digest.editions.choices import may_redo, may_undo, stories_of, story_before
from digest.editions.model import (
    MAIN_SLOT,
    Act,
    Candidate,
    Choice,
    Edition,
    EditionAddress,
    EditionState,
    NewChoice,
    Newsletter,
    Place,
    Selection,
    Slot,
)
from digest.editions.reasons import quoted
from digest.editions.remake import mend, remake
from digest.editions.weigh import weigh
from digest.editions.wording import count_of, date_in_words
from digest.errors import DigestError, NotFoundError, UsageError, WorkflowError
from digest.sources import article_store
from digest.sources.cleaning import one_line
from digest.workflow import life_store
from digest.workflow.draft import TELL_AGAIN, draft
from digest.workflow.model import Newsroom
from digest.workflow.store import last_taken

Target = Edition | Slot
"""What can be chosen for: an edition that is not on its way, or a slot that has none yet."""

_LONGEST_NAME = 200
_SLOTS_AHEAD = 20
"""More than anybody prepares before their hour."""
_CLEARING = frozenset({Act.UNPIN, Act.DROP, Act.DROP_ALWAYS, Act.RESET})
"""What may be said of a withdrawn story, too: it takes nothing in."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a choice did."""

    choice: Choice
    words: str
    """What was done, to stand after the actor's name."""
    address: str
    edition: Edition | None
    """As it is now; None for a slot that has no edition yet."""
    about: Choice
    """The choice itself; for an undo or redo the one it was about."""
    stands: Candidate | None = None
    """Where its story stands now and why; in a slot to come, by what is known now."""
    revoked: bool = False
    """The edition had been approved, and has to be approved again."""
    warnings: tuple[str, ...] = ()
    problem: str = ""
    """Why the edition could not be composed again: it is tried again, the choice is kept."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What the transaction of a choice wrote."""

    choice: Choice
    about: Choice
    words: str
    edition: Edition | None
    selection: Selection
    revoked: bool = False
    warnings: tuple[str, ...] = ()


def choose(
    newsroom: Newsroom,
    newsletter: Newsletter,
    target: Target,
    new: NewChoice,
    *,
    by: str,
    expect_seq: int | None = None,
) -> Chosen:
    """Write a choice for an edition or a slot to come, and let its edition follow at once.

    The row, the stories weighed again and the way back to a draft are one transaction; an approval
    is revoked in it. The edition is composed after it: after a crash in between it is a draft, and
    the scheduler composes it. `expect_seq` is the last choice that `by` has seen, 0 for none.
    Raises UsageError for a choice that means nothing here, NotFoundError for a story that is not
    known, ConflictError when others chose in between, WorkflowError for an edition that is on its
    way or given up and a story that cannot come. Nothing is written then.
    """
    languages = newsroom.languages_of(newsletter.spec)
    checked = check(new, sections=newsletter.spec.sections, languages=languages)
    name = one_line(by)[:_LONGEST_NAME] or "somebody"
    with newsroom.database.write() as connection:
        task = _Task(connection, newsletter, target, newsroom.clock())
        written = task.write(checked.choice, by=name, expect_seq=expect_seq)
    edition, problem, about_pictures = written.edition, "", tuple[str, ...]()
    if edition is not None:
        about_pictures, problem = _compose(newsroom, newsletter, edition, written)
        with newsroom.database.read() as connection:
            edition = editions.edition_by_id(connection, edition.id)
    return Chosen(
        choice=written.choice,
        words=written.words,
        address=task.address,
        edition=edition,
        about=written.about,
        stands=_standing(written),
        revoked=written.revoked,
        warnings=(
            *checked.warnings,
            *written.warnings,
            *_too_few(newsletter, written),
            *about_pictures,
        ),
        problem=problem,
    )


def target_of(newsroom: Newsroom, newsletter: Newsletter, asked: EditionAddress) -> Target:
    """Give what a person means: the current open edition, else the next slot; or that of a date.

    Raises NotFoundError, or UsageError for a date on which the newsletter does not come.
    """
    with newsroom.database.read() as connection:
        edition = editions.find_edition(
            connection,
            newsletter,
            number=asked.number,
            local_date=asked.local_date,
            slot_name=asked.slot_name,
        )
        named = asked.number is not None or asked.local_date is not None
        now = newsroom.clock()
        if edition is not None and (named or is_unsent(edition) or may_be_mended(edition, now)):
            return edition
        if asked.number is not None:
            raise NotFoundError(
                f"edition: {asked}: there is none", hint="Look for it with: digest status"
            )
        slot = (
            _slot_on(newsletter, asked)
            if asked.local_date is not None
            else _next_free(connection, newsletter, now=now)
        )
    if slot is None:
        raise NotFoundError(
            f"edition: {asked}: there is none, and none will come by itself",
            hint=f"Make one with: digest prepare {newsletter.slug}",
        )
    return slot


def slot_key(target: Target) -> tuple[date, str]:
    """Give the local date and the name of a target's slot: where its choices are kept."""
    name = target.slot_name if isinstance(target, Edition) else target.name
    return target.local_date, name


def _slot_on(newsletter: Newsletter, asked: EditionAddress) -> Slot:
    day, cadence = asked.local_date, newsletter.spec.cadence
    slots = [] if day is None else slots_on(cadence, day)
    wanted = asked.slot_name or (slots[0].name if len(slots) == 1 else MAIN_SLOT)
    found = next((slot for slot in slots if slot.name == wanted), None)
    if found is not None:
        return found
    names = " or ".join(address_of(newsletter.slug, s.local_date, s.name) for s in slots)
    if names:
        raise UsageError(f"edition: {asked}: no slot of that name", hint=f"Write {names}.")
    raise UsageError(
        f"edition: {asked}: {newsletter.spec.name} does not come on that day",
        hint=f"The next one: digest choose {newsletter.slug} list",
    )


def _next_free(connection: Connection, newsletter: Newsletter, *, now: datetime) -> Slot | None:
    """Give the slot whose hour has come and that nobody took yet, else the next that is free."""
    cadence = newsletter.spec.cadence
    last = last_taken(connection, newsletter.id, now=now) or newsletter.first_slot_after
    due = [slot for slot in slots_between(cadence, last, now) if not slot.holiday]
    for slot in (*due[-1:], *next_slots(cadence, now, _SLOTS_AHEAD)):
        if editions.slot_row(connection, newsletter.id, slot.local_date, slot.name) is None:
            return slot
    return None


class _Task:
    """One choice in its write transaction."""

    def __init__(
        self, connection: Connection, newsletter: Newsletter, target: Target, now: datetime
    ) -> None:
        self.connection = connection
        self.newsletter = newsletter
        self.target = target
        self.now = now
        self.key = (newsletter.id, *slot_key(target))
        self.address = address_of(newsletter.slug, *slot_key(target))

    def write(self, new: NewChoice, *, by: str, expect_seq: int | None) -> _Written:
        """Write the row and what follows from it. Nothing else chooses or prepares meanwhile."""
        editions.lock_newsletter(self.connection, self.newsletter.id)
        edition = self._open_edition()
        self._require_stories(new, edition)
        log = choice_store.load_log(self.connection, *self.key)
        choice = choice_store.append(
            self.connection, *self.key, new, by=by, at=self.now, expect_seq=expect_seq
        )
        about = _about(choice, log, address=self.address)
        if edition is not None:
            self._require_since_sent(edition, about)
        headlines = choice_store.headlines_of(self.connection, [about.what])
        of = None if about is choice else about.seq
        words = in_words(choice.what, headlines=headlines, of=of)
        if of is not None:
            words += f" ({in_words(about.what, headlines=headlines)})"
        if edition is None:
            written = _Written(choice, about, words, None, self._forecast(about))
        else:
            written = self._reopen(edition, choice, about, words)
        return replace(written, warnings=_goes_nowhere(written, headlines))

    def _open_edition(self) -> Edition | None:
        """Give the slot's edition, locked; None when it is still to come.

        Raises WorkflowError when nothing can be chosen for it any more.
        """
        _, day, name = self.key
        edition = editions.find_edition(
            self.connection, self.newsletter, local_date=day, slot_name=name
        )
        if edition is None:
            self._require_to_come()
            return None
        candidate_store.lock_edition(self.connection, edition.id)
        edition = editions.edition_by_id(self.connection, edition.id)
        if not is_unsent(edition) and not may_be_mended(edition, self.now):
            begun = " and partly sent" if edition.state in UNSENT else ""
            raise WorkflowError(
                f"choose: {self.address}: it is {edition.state}{begun},"
                " nothing can be chosen for it any more",
                hint=f"What is to come: digest choose {self.newsletter.slug} list",
            )
        return edition

    def _require_to_come(self) -> None:
        if not isinstance(self.target, Slot):
            raise NotFoundError(f"edition: {self.address}: it is not there any more")
        taken = editions.slot_row(self.connection, *self.key)
        end = next_cut_off(self.newsletter.spec.cadence, self.target.cut_off_at)
        why = ""
        if taken is not None:
            why = f"it is {taken.state}: {taken.reason}".rstrip(": .")
        elif self.target.holiday:
            why = f"{date_in_words(self.target.local_date)} is a holiday"
        elif end is not None and end <= self.now:
            why = "its hour is over"
        if why:
            raise WorkflowError(
                f"choose: {self.address}: {why}",
                hint=f"What is to come: digest choose {self.newsletter.slug} list",
            )

    def _require_stories(self, what: NewChoice, edition: Edition | None) -> None:
        """Refuse stories that are not known, and one that cannot come whatever a person wants."""
        found = {a.id: a for a in article_store.articles_by_id(self.connection, stories_of(what))}
        for number in stories_of(what):
            if number not in found:
                raise NotFoundError(
                    f"choose: story #{number}: there is none",
                    hint="Find it with: digest explain WORDS",
                )
        if what.article_id is None or what.act is Act.RESET:
            return
        story = found[what.article_id]
        used = candidate_store.uses(
            self.connection,
            self.newsletter.id,
            [story.id],
            except_in=edition.id if edition else None,
        )
        against = ""
        if story.id in used:
            against = f"it was in {used[story.id]} already"
        elif story.withdrawn_at is not None and what.act not in _CLEARING:
            against = f"it is withdrawn: {story.withdrawn_why}".rstrip(": .")
        elif edition is not None and edition.sending_at is not None:
            against = self._against_mending(edition, story.id)
        if against:
            raise WorkflowError(
                f"choose: “{quoted(story.story.headline)}”: {against}",
                hint=f"All about it: digest explain {shlex.quote(quoted(story.story.headline))}",
            )

    def _against_mending(self, edition: Edition, story_id: int) -> str:
        """Say why a story cannot come into a letter that some readers have."""
        if story_id in candidate_store.used_in(self.connection, edition.id):
            return ""
        return "some readers have the letter without it, and would never get it"

    def _forecast(self, about: Choice) -> Selection:
        """Weigh what is known now for the slot's own cut-off; nothing is written."""
        if not isinstance(self.target, Slot) or about.what.article_id is None:
            return Selection()
        _, selection = weigh(
            self.connection,
            self.newsletter,
            self.target.cut_off_at,
            now=self.now,
            also=article_store.articles_by_id(self.connection, stories_of(about.what)),
            slot=self.target,
        )
        return selection

    def _require_since_sent(self, edition: Edition, about: Choice) -> None:
        """Refuse to undo what some readers have already: it could bring stories in, or back."""
        if edition.sending_at is None or about.made_at >= edition.sending_at:
            return
        raise WorkflowError(
            f"choose: {self.address}: what was chosen before it was sent cannot be undone",
            hint=f"Say what is to be instead: digest choose {self.address} list",
        )

    def _reopen(self, edition: Edition, choice: Choice, about: Choice, words: str) -> _Written:
        if edition.sending_at is not None:
            return self._mend(edition, choice, about, words)
        selection = remake(self.connection, self.newsletter, edition, now=self.now) or Selection()
        if not selection.chosen:
            raise WorkflowError(
                f"choose: {self.address}: it would have no story left",
                hint=f"To drop the whole edition: digest skip {self.address}",
            )
        revoked = compositions.revoke_approvals(self.connection, edition.id, at=self.now)
        editions.change_state(
            self.connection,
            edition.id,
            expect=UNSENT,
            to=EditionState.DRAFT,
            reason=_reason(edition, choice, words, revoked=revoked),
            at=self.now,
        )
        now = editions.edition_by_id(self.connection, edition.id)
        return _Written(choice, about, words, now, selection, revoked)

    def _mend(self, edition: Edition, choice: Choice, about: Choice, words: str) -> _Written:
        """Begin the edition's next revision, or go on with it; it stays stopped meanwhile."""
        selection = mend(self.connection, self.newsletter, edition, now=self.now) or Selection()
        if not selection.chosen:
            raise WorkflowError(
                f"choose: {self.address}: it would have no story left",
                hint="Whoever has it keeps it; the others get none while it stays stopped.",
            )
        if life_store.is_mended(self.connection, edition.id):
            compositions.drop_revision(self.connection, edition.id, edition.revision)
        else:
            editions.raise_revision(self.connection, edition.id)
            editions.mark_telling(self.connection, edition.id, TELL_AGAIN)
        compositions.revoke_approvals(self.connection, edition.id, at=self.now)
        editions.change_state(
            self.connection,
            edition.id,
            expect={edition.state},
            to=edition.state,
            reason=f"It is being mended: {choice.actor} {words}.",
            at=self.now,
        )
        now = editions.edition_by_id(self.connection, edition.id)
        return _Written(choice, about, words, now, selection, revoked=True)


def _about(choice: Choice, log: tuple[Choice, ...], *, address: str) -> Choice:
    """Give what an undo or redo is about, else the choice. Raises WorkflowError if nothing is."""
    if choice.what.act not in {Act.UNDO, Act.REDO}:
        return choice
    found = may_undo(log) if choice.what.act is Act.UNDO else may_redo(log)
    if found is None:
        done = "chosen" if choice.what.act is Act.UNDO else "undone since the last choice"
        raise WorkflowError(
            f"choose: {choice.what.act}: nothing was {done}",
            hint=f"What was chosen: digest choose {address} list",
        )
    return found


def _reason(edition: Edition, choice: Choice, words: str, *, revoked: bool) -> str:
    """Say why an edition waits to be approved again, until somebody does."""
    if revoked:
        return f"Its approval was revoked: {choice.actor} {words}."
    return "" if edition.state is EditionState.HELD else edition.reason


def _compose(
    newsroom: Newsroom, newsletter: Newsletter, edition: Edition, written: _Written
) -> tuple[tuple[str, ...], str]:
    """Compose the edition; give what is said of a picture that was chosen for it.

    Second, why it could not be composed, which leaves it to the scheduler.
    """
    try:
        drafted = draft(newsroom, edition, newsletter)
    except DigestError as error:
        return (), str(error)
    stands = _standing(written)
    if drafted is None or stands is None or written.about.what.act is not Act.PICTURE:
        return (), ""
    story = stands.story_in(newsroom.site.language)
    told = tuple(
        said for said in drafted.warnings if said.startswith(f"picture: {story.headline}: ")
    )
    if told or story.picture is None or story.picture.alt or stands.place is Place.BRIEF:
        return told, ""
    return tuple(undescribed([story.headline])), ""


def _standing(written: _Written) -> Candidate | None:
    story = written.about.what.article_id
    found = (c for c in written.selection.candidates if c.article.id == story)
    return next(found, None)


def _goes_nowhere(written: _Written, headlines: Mapping[int, str]) -> tuple[str, ...]:
    """Warn of a move before a story that is out: it waits for that one to come in."""
    what = written.about.what
    before = story_before(what.place) if what.act is Act.MOVE else None
    if before is None or written.choice.what.act is Act.UNDO:
        return ()
    if any(candidate.article.id == before for candidate in written.selection.chosen):
        return ()
    named = quoted(headlines.get(before, f"story #{before}"))
    return (f"“{named}” is out: the move changes nothing as long as it is.",)


def _too_few(newsletter: Newsletter, written: _Written) -> tuple[str, ...]:
    """Warn of what a choice that took something out has left."""
    least, count = newsletter.spec.stories.least, len(written.selection.chosen)
    regular = {MAIN_SLOT, *(hours.name for hours in newsletter.spec.cadence.slots)}
    edition = written.edition
    if edition is None or edition.slot_name not in regular or count >= least:
        return ()
    if written.choice.what.act not in {*_CLEARING, Act.UNDO, Act.REDO}:
        return ()
    return (f"It has {count_of(count, 'story', 'stories')} now; {least} are the least it should.",)
