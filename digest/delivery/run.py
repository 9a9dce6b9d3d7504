"""Door: what one run of the sender shares: its tools, its counts, whether the server is there."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from digest.clock import Clock
from digest.db import Connection, Database
from digest.delivery.model import (
    DeliveryState,
    Outbound,
    Reply,
    Sent,
    Settled,
    Transport,
    Wire,
)
from digest.delivery.ratelimit import RateLimit
from digest.delivery.settle import is_about_reader, without_addresses
from digest.editions.model import Edition
from digest.editions.store import edition_by_id
from digest.errors import DigestError, FewStoriesError
from subscribers.model import Recipient
from subscribers.store import may_mail, recipient

_NAP_SECONDS = 0.1  # how long a stop may go unnoticed while we wait for the pace
_LOSSES_IN_A_ROW = 3  # connections lost at three messages running: it is the server
_REFUSALS_IN_A_ROW = 5  # in the same words, none naming a mailbox: it is us


@dataclass(frozen=True, slots=True)
class Letter:
    """An edition being sent, and what makes its messages."""

    edition: Edition
    wire: Wire


class Run:
    """One run of the sender."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        outbound: Outbound,
        *,
        clock: Clock,
        stop: Callable[[], bool],
        on_progress: Callable[[Sent], None],
        limit: RateLimit,
    ) -> None:
        """Keep the tools; nothing is counted yet."""
        self.database = database
        self.transport = transport
        self.clock = clock
        self.limit = limit
        self.owner = f"process {os.getpid()} on {platform.node()}"
        self.sent = Sent()
        self.away = False
        """The server is gone, or another sender is at work: leave everything as it is."""
        self._outbound = outbound
        self._stop = stop
        self._on_progress = on_progress
        self._letters: dict[int, Letter] = {}
        self._lost_in_a_row = 0
        self._refusals: list[str] = []

    def halted(self) -> bool:
        """Tell whether to leave off before the next message."""
        return self.away or self._stop()

    def give_up(self, problem: str) -> None:
        """End this run after what is in hand, and say why."""
        self.away = True
        self.tell(problem)

    def tell(self, problem: str) -> None:
        """Keep the last thing that went wrong and was no reader's fault."""
        self.sent = replace(self.sent, problem=without_addresses(problem))

    def count(self, *settled: Settled) -> None:
        """Add results to the counts, and let whoever watches know."""
        for one in settled:
            name = one.state.value
            self.sent = replace(self.sent, **{name: getattr(self.sent, name) + 1})
        if settled:
            self._on_progress(self.sent)

    def keep_pace(self) -> None:
        """Wait until the next message may leave; a stop ends the waiting."""
        while (seconds := self.limit.wait(time.monotonic())) > 0 and not self.halted():
            time.sleep(min(seconds, _NAP_SECONDS))

    def letter(self, connection: Connection, edition_id: int) -> Letter:
        """Load an edition and its composition, once a run. Raises DigestError without one."""
        if edition_id not in self._letters:
            edition = edition_by_id(connection, edition_id)
            self._letters[edition_id] = Letter(edition, self._outbound.wire_for(edition_id))
        return self._letters[edition_id]

    def hand_over(self, letter: Letter, reader: Recipient) -> Reply:
        """Build one reader's message and let it go; what cannot be built fails this reader only."""
        self.limit.take(time.monotonic())
        try:
            envelope, values = self._outbound.values_for(letter.edition, reader)
            message = letter.wire.message(values, reader.language)
        except FewStoriesError as error:
            return Reply(DeliveryState.SKIPPED, 0, str(error))
        except (DigestError, ValueError) as error:
            return Reply(DeliveryState.FAILED, 0, f"it cannot be composed: {error}")
        reply = self.transport.deliver(envelope, message)
        self._watch(reply)
        return reply

    def _watch(self, reply: Reply) -> None:
        """Notice a server that is gone: it cannot be reached, or was lost three times running."""
        self._lost_in_a_row = self._lost_in_a_row + 1 if reply.connection_lost else 0
        unreachable = reply.server_away and not reply.begun
        if unreachable or self._lost_in_a_row >= _LOSSES_IN_A_ROW:
            self.give_up(reply.text)
        elif reply.connection_lost:
            self.tell(reply.text)
        self._watch_refusals(reply)

    def _watch_refusals(self, reply: Reply) -> None:
        """Notice a server that refuses everybody alike: a wrong log-in, or a blocked sender."""
        refused = reply.about_us or reply.state is DeliveryState.FAILED
        words = without_addresses(reply.text)
        if not refused or is_about_reader(reply):
            self._refusals.clear()
            return
        if self._refusals and self._refusals[-1] != words:
            self._refusals.clear()
        self._refusals.append(words)
        if len(self._refusals) >= _REFUSALS_IN_A_ROW:
            self.give_up(
                f"{len(self._refusals)} readers in a row refused in the same words: {words}"
            )


def look_up(
    connection: Connection,
    subscriber_id: int,
    newsletter_id: int,
    *,
    language: str,
    now: datetime,
) -> Recipient | Settled:
    """Give the reader as they are this moment, or the result when they may not be mailed.

    The language is the one planned for them: what was planned is what is sent.
    """
    allowed, reason = may_mail(connection, subscriber_id, newsletter_id, now=now)
    if not allowed:
        return Settled(DeliveryState.SKIPPED, reason=reason)
    found = recipient(connection, subscriber_id, newsletter_id, language=language)
    return found or Settled(DeliveryState.SKIPPED, reason="erased")
