"""Pure. What a reader asks of their own page: values, what is wrong with one, and the pauses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from digest.clock import to_utc
from digest.errors import UsageError
from subscribers.manner import Manner
from subscribers.model import ConsentKind, Subscription, SubscriptionState
from subscribers.topics import Topics

PAUSE_WEEKS = (1, 2, 4)
"""The pauses that need no calendar."""
_LONGEST_PAUSE = timedelta(days=365)


class Way(StrEnum):
    """How a reader wants a newsletter that they get."""

    PUBLISHED = "published"
    TWIN = "twin"
    PAUSED = "paused"


class Problem(StrEnum):
    """Why a wish cannot be met, for pages that say it in the reader's language."""

    TOPIC = "topic"
    DAY = "day"
    SWAP = "swap"
    NEVER = "never"


class PreferenceError(UsageError):
    """A wish that cannot be met; `problem` is the kind of reason, `newsletter_id` whose it is."""

    def __init__(self, problem: Problem, newsletter_id: int) -> None:
        """Say the reason in English; pages have their own words for it."""
        super().__init__(_SENTENCES[problem])
        self.problem = problem
        self.newsletter_id = newsletter_id


_SENTENCES = {
    Problem.TOPIC: "Choose among the topics that are offered.",
    Problem.DAY: "Choose a day from tomorrow on, at most a year from today.",
    Problem.SWAP: "Two newsletters cannot take each other's place.",
    Problem.NEVER: "This address is on the never-mail list.",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """How a reader wants one newsletter that they get."""

    newsletter_id: int
    way: Way | None = None
    """None leaves it as it is."""
    topics: Collection[str] | None = None
    """Keys; none of them means everything, and None leaves them as they are."""
    until: date | None = None
    """The day on which a pause ends; None keeps a pause as long as it is."""
    zone: str = "UTC"
    """Whose midnight begins that day (IANA name)."""
    twin_id: int | None = None
    """The newsletter to get in its place."""
    said: Mapping[ConsentKind, str] = field(default_factory=dict)
    """The words that each change was asked for with, for the log."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that one press of Save asks for."""

    letters: tuple[Wish, ...] = ()
    more: Mapping[int, str] = field(default_factory=dict)
    """Newsletters to begin, each with the words it was asked for with."""
    topics: Mapping[int, Topics] = field(default_factory=dict)
    """What the newsletters offer; a move needs those of both."""
    manner: Callable[[Manner], Manner] | None = None
    """How letters come from now on, given how they came."""
    manner_said: str = ""


def pause_days(at: datetime, zone: str) -> tuple[date, date]:
    """Give the first and the last day until which a reader may pause: tomorrow, and in a year."""
    today = at.astimezone(ZoneInfo(zone)).date()
    return today + timedelta(days=1), today + _LONGEST_PAUSE


def pause_end(wish: Wish) -> datetime | None:
    """Give the moment (UTC) at which the day begins that a pause ends on."""
    if wish.until is None:
        return None
    try:
        return to_utc(datetime.combine(wish.until, time(), tzinfo=ZoneInfo(wish.zone)))
    except OverflowError as error:  # the first or the last of all days
        raise PreferenceError(Problem.DAY, wish.newsletter_id) from error


def paused(standing: Subscription, at: datetime) -> bool:
    """Tell whether a pause is in force; one without an end lasts until the reader ends it."""
    if standing.paused_until is None:
        return standing.state is SubscriptionState.PAUSED
    lasting = {SubscriptionState.CONFIRMED, SubscriptionState.PAUSED}
    return standing.state in lasting and standing.paused_until > at
