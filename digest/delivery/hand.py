"""Pure but for its journal. The copies of one lease while they are in hand."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from digest.delivery.journal import LeaseFile
from digest.delivery.lease_store import Answers, Lease, Planned, Result
from digest.delivery.model import Cause, DeliveryState, Reply, Settled, Wire
from digest.editions.model import Edition
from subscribers.model import Recipient


@dataclass(frozen=True, slots=True)
class Letter:
    """An edition being sent, and what makes its messages."""

    edition: Edition
    wire: Wire


@dataclass(slots=True, eq=False)
class Copy:
    """One reader's copy in hand.

    `group` is the mail provider it goes to. `dirty` tells that its reader changed something since
    we looked: it must not leave before we have looked again. `mark` is where the journal speaks
    of it, 0 before it is begun.
    """

    hand: Hand
    planned: Planned
    recipient: Recipient
    domain_id: int
    group: str
    message_id: str = ""
    way: str = ""
    """The way out by which it went last."""
    dirty: bool = False
    mark: int = 0

    @property
    def reader(self) -> int:
        """The reader's id."""
        return self.planned.subscriber_id


@dataclass(slots=True, eq=False)
class Hand:
    """A lease in hand: what may go, what is on its way, what came of it.

    `until` is a moment of the monotonic clock: after it the lease may be another's.
    """

    lease: Lease
    letter: Letter
    file: LeaseFile
    until: float
    waiting: deque[Copy] = field(default_factory=deque)
    """Looked up, and not allowed yet: its intent is not written."""
    copies: dict[int, Copy] = field(default_factory=dict)
    """Those without a result, by reader."""
    open: int = 0
    """Copies without a result."""
    in_air: int = 0
    """Of those, how many a line has."""
    results: list[Result] = field(default_factory=list)
    intent_upto: int = 0
    halted: bool = False
    """Nothing more of it may begin: its edition was stopped, or it is no longer ours."""
    lost: bool = False
    """Another has it: whatever comes of it is theirs to say."""

    def allow(self, count: int) -> list[Copy]:
        """Give the next copies to be begun with, in order; their intent must be written first."""
        allowed = [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]
        if allowed:
            self.intent_upto = max(self.intent_upto, allowed[-1].reader)
        return allowed

    def may_begin(self, now: float) -> bool:
        """Tell whether its copies may leave at this moment."""
        return not self.halted and not self.lost and now < self.until

    def settle(self, copy: Copy, settled: Settled, *, counts_as_try: bool = True) -> None:
        """Keep a result for the next flush."""
        self.open -= 1
        self.copies.pop(copy.reader, None)
        self.results.append(Result(copy.planned, settled, copy.domain_id, counts_as_try))

    def note(self, copy: Copy, state: DeliveryState, reply: Reply) -> None:
        """Write the answer into the journal; PLANNED: it never left."""
        if copy.mark:
            self.file.answered(copy.reader, state, reply.cause, reply.code)

    def skip(self, planned: Planned, reason: str) -> None:
        """Keep that a reader gets none."""
        self.open -= 1
        self.results.append(Result(planned, Settled(DeliveryState.SKIPPED, reason=reason)))

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it: all answered, or halted and all lines done."""
        return self.in_air == 0 and (self.open == 0 or self.halted)

    def answers(self) -> Answers:
        """Take what is to be written now."""
        results, self.results = self.results, []
        return Answers(self.lease, results, self.intent_upto, ended=self.is_over)


NEVER_LEFT = Reply(DeliveryState.DEFERRED, 0, "", Cause.AWAY)
"""What the journal is told of a copy that was begun and surely not sent."""
