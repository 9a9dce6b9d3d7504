"""Pure. What becomes of one reader of a file, given how they stand with us.

Leaving always wins, unless the reader themselves confirmed with us later. Nobody who left with us,
or is on the never-mail list for whatever reason, is brought back by a file. What a reader chose
with us stays: a file only fills what is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from subscribers.manner import Manner
from subscribers.model import ConsentKind, Subscription, SubscriptionState
from subscribers.model import SuppressionReason as Never
from subscribers.transfer.columns import JOINING, STRENGTH, SUPPRESSING, State
from subscribers.transfer.entries import USUAL, Entry
from subscribers.transfer.faults import Reason
from subscribers.transfer.placing import Placed, Placing, Wish

ALL = "all"
"""The name in `on_list` of a suppression that covers every newsletter."""


class Verdict(StrEnum):
    """What a line of the file came to."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    REFUSED = "refused"


@dataclass(slots=True)
class Held:
    """How somebody stands with us; kept up to date while their lines are read."""

    id: int
    public_id: str = ""
    standings: dict[int, Subscription] = field(default_factory=dict)
    manner: Manner = USUAL
    tags: set[str] = field(default_factory=set)
    confirmed_at: Mapping[int, datetime] = field(default_factory=dict)
    """When they last confirmed with us by an act of their own, by newsletter."""
    new: bool = False
    """They were not known before this import."""


class Change(NamedTuple):
    """A standing as it is from now on, and what the log of consent calls it."""

    standing: Subscription
    kind: ConsentKind
    ends: bool = False
    """They got the newsletter until now, or were about to."""


class Decision(NamedTuple):
    """What is done for one line, and why it is not more. A tuple, as a million are made."""

    verdict: Verdict
    reason: Reason | None = None
    detail: str = ""
    changes: tuple[Change, ...] = ()
    tags: tuple[str, ...] = ()
    manner: Manner | None = None
    suppress: Never | None = None


_SUPPRESSED_FOR = {
    State.BOUNCED: Never.BOUNCED,
    State.COMPLAINED: Never.COMPLAINED,
    State.BLOCKED: Never.PUBLISHER,
    State.ASKED_NEVER: Never.NEVER_AGAIN,
}
_SIMPLE = frozenset({State.CONFIRMED, State.UNCONFIRMED})
# Looked up once: a member of an enum costs more than what is done with it here.
_IMPORTED, _IS_CONFIRMED = ConsentKind.IMPORTED, SubscriptionState.CONFIRMED
_UNCONFIRMED, _PAUSED = State.UNCONFIRMED, State.PAUSED
_ADDED = Verdict.ADDED
_JOINED = frozenset({SubscriptionState.CONFIRMED, SubscriptionState.PAUSED})


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every line of an import."""

    placing: Placing
    now: datetime
    where_silent: State | None = None
    """What somebody is of whom the file says nothing."""


def decide(
    entry: Entry,
    placed: Placed,
    held: Held | None,
    on_list: Mapping[str | int, Never],
    rules: Rules,
    *,
    new_id: int = 0,
) -> Decision:
    """Decide one line; `on_list` holds the newsletters' ids, or ALL, that may never be sent.

    `new_id` is the number of somebody nobody knows, should they be brought in.
    """
    state = entry.state or rules.where_silent
    if held is None and not on_list and state in _SIMPLE and placed.simple:
        return _new(entry, placed, state, new_id, rules.now)
    never = [each.state for each in placed.wishes.values() if each.state in SUPPRESSING]
    if never and state is not State.NEVER_AGREED:
        state = min(never, key=STRENGTH.__getitem__)
    if state is None and not any(wish.state for wish in placed.wishes.values()):
        return Decision(Verdict.REFUSED, Reason.NO_STATE)
    if state is State.NEVER_AGREED:
        return Decision(Verdict.REFUSED, Reason.NEVER_AGREED)
    if state in SUPPRESSING:
        return _suppress(state, entry, held, on_list, rules)
    wishes = placed.wishes
    if state is State.UNSUBSCRIBED:
        wishes = dict.fromkeys(rules.placing.all, Wish(state=state))
    if not wishes:
        return Decision(Verdict.REFUSED, Reason.NO_LIST)
    deciding = _Deciding(entry, state, held, on_list, rules)
    deciding.subscriber_id = held.id if held is not None else new_id
    return deciding.all(wishes, placed.tags)


def _new(entry: Entry, placed: Placed, state: State, new_id: int, now: datetime) -> Decision:
    """Decide what nearly every line is: somebody new, for newsletters that nothing is known of."""
    changes = tuple(
        [
            Change(
                _joined((new_id, each), entry, state, wish, before=None, now=now),
                _IMPORTED,
            )
            for each, wish in placed.wishes.items()
        ]
    )
    manner = None if entry.manner is USUAL else _filled(USUAL, entry.manner)
    return Decision(_ADDED, None, "", changes, placed.tags, manner)


class _Deciding:
    """The changes of one line while they are gathered, newsletter by newsletter."""

    def __init__(
        self,
        entry: Entry,
        state: State | None,
        held: Held | None,
        on_list: Mapping[str | int, Never],
        rules: Rules,
    ) -> None:
        self.subscriber_id = 0
        self._entry = entry
        self._state = state
        self._held = held
        self._on_list = on_list
        self._rules = rules
        self._changes: list[Change] = []
        self._refused: tuple[Reason, str] | None = None

    def all(self, wishes: Mapping[int, Wish], tags: tuple[str, ...]) -> Decision:
        """Decide every newsletter, then what the line came to as a whole."""
        stays = False
        for newsletter_id, wish in wishes.items():
            before = self._held.standings.get(newsletter_id) if self._held else None
            state = self._state or wish.state
            if state is None:
                continue
            if wish.state is not None:
                state = min(state, wish.state, key=STRENGTH.__getitem__)
            if state is State.UNSUBSCRIBED or state in SUPPRESSING:
                self._leave(newsletter_id, before)
            elif self._join(newsletter_id, wish, state, before):
                stays = True
        if not self._changes and not stays:
            return self._nothing()
        return self._done(tags if stays else ())

    def _join(
        self, newsletter_id: int, wish: Wish, state: State, before: Subscription | None
    ) -> bool:
        """Bring them in, unless they left or are never mailed; tell whether they may be there."""
        never = self._on_list.get(ALL) or self._on_list.get(newsletter_id)
        if never is not None:
            self._refuse(Reason.NEVER, str(never))
            return False
        if before is not None and before.ended_at is not None and before.state not in _JOINED:
            self._refuse(Reason.LEFT, f"{before.ended_at:%Y-%m-%d}")
            return False
        if before is not None and before.ended:
            self._refuse(Reason.LEFT, "")
            return False
        if before is None or (before.state is SubscriptionState.UNCONFIRMED and state in JOINING):
            key = (self.subscriber_id, newsletter_id)
            standing = _joined(key, self._entry, state, wish, before=before, now=self._rules.now)
            self._changes.append(Change(standing, ConsentKind.IMPORTED))
        return True

    def _leave(self, newsletter_id: int, before: Subscription | None) -> None:
        left_at = self._entry.ended_at
        if before is None:
            if not self._on_list.get(ALL) and newsletter_id not in self._on_list:
                ended = _ended(self.subscriber_id, newsletter_id, left_at or self._rules.now)
                self._changes.append(Change(ended, ConsentKind.UNSUBSCRIBED))
            return
        if before.ended:
            return
        confirmed_at = self._held.confirmed_at.get(newsletter_id) if self._held else None
        if confirmed_at is not None and left_at is not None and confirmed_at > left_at:
            self._refuse(Reason.CONFIRMED_SINCE, f"{confirmed_at:%Y-%m-%d}")
            return
        self._changes.append(_ending(before, self._rules.now, ConsentKind.UNSUBSCRIBED))

    def _refuse(self, reason: Reason, detail: str) -> None:
        self._refused = self._refused or (reason, detail)

    def _nothing(self) -> Decision:
        if self._refused is not None:
            return Decision(Verdict.REFUSED, *self._refused)
        if self._on_list.get(ALL) and self._held is None:
            return Decision(Verdict.UNCHANGED, Reason.NEVER, str(self._on_list[ALL]))
        return Decision(Verdict.UNCHANGED)

    def _done(self, tags: tuple[str, ...]) -> Decision:
        held = self._held
        more_tags = tags if held is None else tuple(each for each in tags if each not in held.tags)
        manner = _filled(held.manner if held else USUAL, self._entry.manner)
        reason, detail = self._refused or (None, "")
        return Decision(
            self._verdict(changed=bool(more_tags or manner)),
            reason,
            detail,
            tuple(self._changes),
            more_tags,
            manner,
        )

    def _verdict(self, *, changed: bool) -> Verdict:
        if self._changes and all(each.standing.ended for each in self._changes):
            return Verdict.UNSUBSCRIBED
        if not self._changes and not changed:
            return Verdict.UNCHANGED
        return Verdict.ADDED if self._held is None or not self._held.standings else Verdict.UPDATED


def _joined(
    key: tuple[int, int],
    entry: Entry,
    state: State,
    wish: Wish,
    *,
    before: Subscription | None,
    now: datetime,
) -> Subscription:
    asked_at = entry.asked_at or entry.confirmed_at or now
    if state is _UNCONFIRMED:
        return Subscription(*key, SubscriptionState.UNCONFIRMED, wish.topic_mask, asked_at)
    until = entry.paused_until if state is _PAUSED else None
    paused = state is _PAUSED and (until is None or until > now)
    return Subscription(
        *key,
        SubscriptionState.PAUSED if paused else _IS_CONFIRMED,
        before.topic_mask if before and before.topic_mask else wish.topic_mask,
        before.requested_at if before and before.requested_at else asked_at,
        entry.confirmed_at or asked_at,
        paused_until=until if paused else None,
    )


def _suppress(
    state: State,
    entry: Entry,
    held: Held | None,
    on_list: Mapping[str | int, Never],
    rules: Rules,
) -> Decision:
    """Put them on the never-mail list, and end what they get; a bounce of long ago may be over."""
    if ALL in on_list:
        return Decision(Verdict.UNCHANGED, Reason.NEVER, str(on_list[ALL]))
    last = max(held.confirmed_at.values(), default=None) if held else None
    if last is not None and entry.ended_at is not None and last > entry.ended_at:
        return Decision(Verdict.REFUSED, Reason.CONFIRMED_SINCE, f"{last:%Y-%m-%d}")
    ending = [each for each in held.standings.values() if not each.ended] if held else []
    return Decision(
        Verdict.SUPPRESSED,
        changes=tuple(_ending(each, rules.now, ConsentKind.SUPPRESSED) for each in ending),
        suppress=_SUPPRESSED_FOR[state],
    )


def _ending(before: Subscription, at: datetime, kind: ConsentKind) -> Change:
    ended = replace(before, state=SubscriptionState.UNSUBSCRIBED, ended_at=at, paused_until=None)
    return Change(ended, kind, ends=True)


def _ended(subscriber_id: int, newsletter_id: int, at: datetime) -> Subscription:
    state = SubscriptionState.UNSUBSCRIBED
    return Subscription(subscriber_id, newsletter_id, state, ended_at=at)


def _filled(ours: Manner, theirs: Manner) -> Manner | None:
    """Give the manner with what was empty filled; None when nothing was."""
    if theirs is USUAL:
        return None
    both = Manner(
        ours.language or theirs.language,
        ours.text_only or theirs.text_only,
        ours.zone or theirs.zone,
        theirs.hour if ours.hour is None else ours.hour,
    )
    return both if both != ours else None


def took(held: Held, decision: Decision) -> None:
    """Bring what is held up to date with what was decided, for the next line of this reader."""
    for change in decision.changes:
        held.standings[change.standing.newsletter_id] = change.standing
    held.tags.update(decision.tags)
    held.manner = decision.manner or held.manner
