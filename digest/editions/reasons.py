"""Pure. Every sentence that says why a story is in an edition or out of it.

The rules fill these templates and nothing else, so that the manual can quote what `digest explain`
prints. What stands in braces is said by `wording`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from digest.editions.model import Place, Verdict

SENT = "Sent in {edition}."
FOLDED_UNDER = "{edition}, folded under “{headline}”"
"""In place of an edition: the story itself was not in it, another that tells the same was."""
SENT_FOLDED = SENT.format(edition=FOLDED_UNDER)
WITHDRAWN = "Withdrawn {moment}."
WITHDRAWN_BECAUSE = "Withdrawn {moment}: {why}."
DROPPED = "Dropped {by}."
DROPPED_FOR_GOOD = "Dropped for good {by}."
SEEN_AFTER_CUT_OFF = "First seen {moment}, after the cut-off {cut_off}."
NOT_YET_PUBLISHED = "Dated {moment}, after the cut-off {cut_off}."
UNDATED_BACKLOG = "It has no date and came with the source's first import, {moment}."
PUBLISHED_TOO_LONG_AGO = "Published {day}, older than {age}."
SEEN_TOO_LONG_AGO = "First seen {day}, older than {age}."
PUBLISHED_BEFORE_EPOCH = "Published {moment}; the newsletter began {epoch}."
SEEN_BEFORE_EPOCH = "First seen {moment}; the newsletter began {epoch}."
CANNOT_BE_SHOWN = "It cannot be shown: {cause}."
NOT_ASKED_FOR = "Not asked for: this edition was made by hand for other stories."
OVER_LIMIT = "Number {n} by date; an edition has at most {most}."
OVER_LIMIT_BY_PRIORITY = "Number {n} by priority and date; an edition has at most {most}."
SAME_NEWER = "The same story as “{headline}”, which is newer."
SAME_PINNED = "The same story as “{headline}”, which is pinned."
SAME_CHOSEN = "The same story as “{headline}”, which was chosen by hand."
SAME_WITH_PAGE = "The same story as “{headline}”, which has more than a headline."
SAME_FIRST = "The same story as “{headline}”, which we knew first."

PINNED_BUT = "Pinned, but {against}"
ASKED_FOR_BUT = "Asked for, but {against}"
"""Before a sentence that speaks even against what a person wants; it goes on in lower case."""

PINNED = "Pinned."
ASKED_FOR = "Asked for by name."
"""Before the place of a story that is in because a person wants it."""

LEAD_NEWEST = "Lead: the newest {what}."
LEAD_BY_PRIORITY = "Lead: the first by priority {what}."
LEAD_BY_HAND = "Lead: chosen by hand."
LEAD_MOVED = "Lead: moved by hand."
LEAD_AFTER_MOVES = "Lead: the first after a move by hand."
LEAD_STANDS_IN = "Lead: the one before it cannot be shown."
TOP = "Top story."
TOP_BY_HAND = "Top story: chosen by hand."
TOP_MOVED = "Top story: moved by hand."
TOP_AFTER_MOVES = "Top story: another was moved before it."
SECTION = "{section}."
SECTION_BY_HAND = "{section}: chosen by hand."
SECTION_MOVED = "{section}: moved by hand."
BRIEF_NO_SECTION = "In brief: in no section of this newsletter."
BRIEF_SECTION_FULL = "In brief: {section} is full."
BRIEF_HEADLINE = "In brief: a headline without link or text."
BRIEF_CARRIED = "In brief: sent in {edition}."
BRIEF_BY_HAND = "In brief: chosen by hand."
BRIEF_MOVED = "In brief: moved by hand."

PUBLISHED = "Published {moment}."
SEEN = "First seen {moment}."
LATE = "Late: dated before the last cut-off."
"""After the place: which date its age counts from."""

REPEATS = "It repeats “{headline}”."
"""A warning beside a story that is in: by its headline the other one, sent or pinned, was first."""

REASONS: Mapping[Verdict, tuple[str, ...]] = MappingProxyType(
    {
        Verdict.ALREADY_USED: (SENT, SENT_FOLDED),
        Verdict.WITHDRAWN: (WITHDRAWN, WITHDRAWN_BECAUSE),
        Verdict.DROPPED: (DROPPED, DROPPED_FOR_GOOD),
        Verdict.AFTER_CUT_OFF: (SEEN_AFTER_CUT_OFF,),
        Verdict.NOT_YET_PUBLISHED: (NOT_YET_PUBLISHED,),
        Verdict.UNDATED_BACKLOG: (UNDATED_BACKLOG,),
        Verdict.TOO_OLD: (PUBLISHED_TOO_LONG_AGO, SEEN_TOO_LONG_AGO),
        Verdict.BEFORE_EPOCH: (PUBLISHED_BEFORE_EPOCH, SEEN_BEFORE_EPOCH),
        Verdict.NOT_ASKED_FOR: (NOT_ASKED_FOR,),
        Verdict.UNSHOWABLE: (CANNOT_BE_SHOWN,),
        Verdict.DUPLICATE: (SAME_NEWER, SAME_PINNED, SAME_CHOSEN, SAME_WITH_PAGE, SAME_FIRST),
        Verdict.OVER_LIMIT: (OVER_LIMIT, OVER_LIMIT_BY_PRIORITY),
        Verdict.SELECTED: (PUBLISHED, SEEN),
    }
)
"""Why a story is out, in the order the rules ask; of those that are in, the date they go by."""

PLACES: Mapping[Place, tuple[str, ...]] = MappingProxyType(
    {
        Place.LEAD: (
            LEAD_NEWEST,
            LEAD_BY_PRIORITY,
            LEAD_BY_HAND,
            LEAD_MOVED,
            LEAD_AFTER_MOVES,
            LEAD_STANDS_IN,
        ),
        Place.TOP: (TOP, TOP_BY_HAND, TOP_MOVED, TOP_AFTER_MOVES),
        Place.SECTION: (SECTION, SECTION_BY_HAND, SECTION_MOVED),
        Place.BRIEF: (
            BRIEF_NO_SECTION,
            BRIEF_SECTION_FULL,
            BRIEF_HEADLINE,
            BRIEF_CARRIED,
            BRIEF_BY_HAND,
            BRIEF_MOVED,
        ),
    }
)
"""Why a story that is in stands where it does; before its date."""

SENTENCES: tuple[str, ...] = (
    *(template for templates in REASONS.values() for template in templates),
    *(template for templates in PLACES.values() for template in templates),
    *(PINNED, ASKED_FOR, LATE, PINNED_BUT, ASKED_FOR_BUT, REPEATS),
)
"""All of them, for the manual."""

_LONGEST_HEADLINE = 120


def quoted(headline: str) -> str:
    """Give a headline to stand in a sentence: on one line, cut at a word when it is very long."""
    whole = " ".join(headline.split())
    if len(whole) <= _LONGEST_HEADLINE:
        return whole
    return f"{whole[:_LONGEST_HEADLINE].rsplit(' ', 1)[0]} …"


def against_a_wish(template: str, reason: str) -> str:
    """Say why what a person wants is not in: "Pinned, but withdrawn 9 Jan 2026 at 06:30."."""
    return template.format(against=reason[:1].lower() + reason[1:])
