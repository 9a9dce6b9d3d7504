"""Sort a feed's category into a section of the site, or take that back: both stand in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from digest.editions import category_store
from digest.editions.category_store import LONGEST_CATEGORY
from digest.editions.model import Section
from digest.editions.sections import SortedCategory, count_unsorted, with_sorted
from digest.errors import ConflictError, UsageError
from digest.people.store import append_audit
from digest.sources.cleaning import one_line
from digest.workflow.halt import Person
from digest.workflow.model import Newsroom

RECENT = timedelta(days=30)
_LONGEST_SUBJECT = 120


@dataclass(frozen=True, slots=True)
class Unsorted:
    """How the stories of the last days stand: `counts` of those in no section, by category."""

    stories: int
    counts: dict[str, int]
    sorted: tuple[SortedCategory, ...]


def unsorted(newsroom: Newsroom, sections: Sequence[Section]) -> Unsorted:
    """Count the stories of the last thirty days that belong to none of these sections."""
    now = newsroom.clock()
    with newsroom.database.read() as connection:
        recent = category_store.stories_to_sort(connection, after=now - RECENT, until=now)
        found = category_store.sorted_categories(connection)
    return Unsorted(len(recent), count_unsorted(recent, with_sorted(sections, found)), found)


def sort_category(
    newsroom: Newsroom, sections: Sequence[Section], category: str, section: str, *, by: Person
) -> SortedCategory:
    """Put a category into a section: it counts wherever stories are weighed from now on.

    Twice is the same as once. Raises UsageError for what is no category or section of ours, and
    ConflictError when somebody has put it into another in between.
    """
    name, now = one_line(category), newsroom.clock()
    if not name or len(name) > LONGEST_CATEGORY:
        raise UsageError(f"category: {name[:80]!r}: not a category", hint="Choose one of the list.")
    if section not in {one.key for one in sections}:
        known = ", ".join(one.key for one in sections) or "none"
        raise UsageError(
            f"section: {one_line(section)[:40]!r}: there is no such section",
            hint=f"There are: {known}.",
        )
    with newsroom.database.write() as connection:
        if category_store.put(connection, name, section, by=by.name, at=now):
            append_audit(
                connection,
                at=now,
                actor=by.actor,
                verb="category.sort",
                subject=name[:_LONGEST_SUBJECT],
                detail={"by": by.name, "section": section},
            )
        there = category_store.find_sorted(connection, name)
    if there is None or there.section != section:
        raise _sorted_already(name, there)
    return there


def unsort_category(newsroom: Newsroom, category: str, section: str, *, by: Person) -> bool:
    """Take a category out of a section again; False when it is not there any more."""
    name, now = one_line(category), newsroom.clock()
    with newsroom.database.write() as connection:
        done = category_store.take_back(connection, name, section=section)
        if done:
            append_audit(
                connection,
                at=now,
                actor=by.actor,
                verb="category.unsort",
                subject=name[:_LONGEST_SUBJECT],
                detail={"by": by.name, "section": section},
            )
    return done


def _sorted_already(name: str, there: SortedCategory | None) -> ConflictError:
    if there is None:  # taken back this very moment
        return ConflictError(f"category: {name}: somebody took it back", hint="Sort it again.")
    return ConflictError(
        f"category: {name}: {there.by} put it into {there.section} in the meantime",
        hint="Take it back there first, to put it elsewhere.",
    )
