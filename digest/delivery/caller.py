"""Door to threads: one caller of a transport that takes a whole message and answers when it can."""

from __future__ import annotations

import asyncio
import logging
import traceback
from concurrent.futures import Executor, Future
from pathlib import PurePath
from typing import Literal

from digest.delivery.model import Cause, DeliveryState, Ended, Parcel, Reply, Source, Transport, Way
from digest.delivery.settle import without_addresses
from digest.log import event

_log = logging.getLogger(__name__)

_HELD_BACK = Reply(DeliveryState.DEFERRED, 0, "held back before it left", Cause.AWAY)
_NOT_BEGUN = Reply(DeliveryState.DEFERRED, 0, "cut off before it left", Cause.AWAY)
_CUT_OFF = Reply(DeliveryState.UNCERTAIN, 0, "cut off before the answer came", Cause.UNANSWERED)


class TransportLine:
    """A line over a transport: one message at a time, each in a thread of the executor.

    Several lines share one transport. The executor should have a thread for each of them.
    """

    def __init__(self, way: Way, source: Source, executor: Executor) -> None:
        """Keep the tools; nothing runs yet. Raises ValueError for a way without a transport."""
        if way.transport is None:
            raise ValueError(f"way {way.name}: it has no transport to call")
        self.way = way
        self._transport: Transport = way.transport
        self._source = source
        self._executor = executor
        self._awake = asyncio.Event()
        self._cut = asyncio.Event()
        self._leaving = False
        self._accepted = 0

    async def run(self) -> Ended:
        """Hand over until told to leave, or until the other side is gone; never raises for it.

        What the transport raises, as it should not, ends the line as "no answer": the message may
        have left.
        """
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            while not self._leaving:
                self._awake.clear()
                parcel = self._source.take(self)
                if parcel is None:
                    await self._awake.wait()
                elif (lost := await self._one(parcel, cut)) is not None:
                    return Ended(lost, self._accepted)
        finally:
            cut.cancel()
        return Ended(None, self._accepted)

    def wake(self) -> None:
        """Look once more whether there is something to take."""
        self._awake.set()

    def leave(self) -> None:
        """Take nothing more; what is with the transport is waited for."""
        self._leaving = True
        self._awake.set()

    def abort(self) -> None:
        """Wait for nothing any more: a message with the transport counts as unanswered.

        Its thread goes on until the transport's own time-out, and nobody hears what it says.
        """
        self._cut.set()
        self.leave()

    async def _one(self, parcel: Parcel, cut: asyncio.Future[Literal[True]]) -> Reply | None:
        """See one parcel through; give the reply that ends the line, if it does."""
        if not self._source.begin(parcel):
            self._source.answered(parcel, _HELD_BACK)
            await asyncio.sleep(0)  # whoever holds all back must not hold the loop as well
            return None
        reply = _CUT_OFF
        try:
            reply = await self._deliver(parcel, cut)
        finally:  # also when our own task is cancelled: it is answered exactly once
            self._source.answered(parcel, reply)
        self._accepted += reply.state is DeliveryState.ACCEPTED
        return reply if reply.connection_lost else None

    async def _deliver(self, parcel: Parcel, cut: asyncio.Future[Literal[True]]) -> Reply:
        try:
            call = self._executor.submit(self._transport.deliver, parcel.envelope, parcel.message)
        except RuntimeError as error:  # the executor was shut down before its lines
            self._tell(error)
            return _NOT_BEGUN
        answer = asyncio.wrap_future(call)
        try:
            await asyncio.wait((answer, cut), return_when=asyncio.FIRST_COMPLETED)
            return self._outcome(call, answer)
        finally:
            answer.cancel()

    def _outcome(self, call: Future[Reply], answer: asyncio.Future[Reply]) -> Reply:
        if not answer.done():
            return _NOT_BEGUN if call.cancel() else _CUT_OFF
        error = answer.exception()
        if error is None:
            return answer.result()
        self._tell(error)
        words = f"{self.way.name}: it broke down: {type(error).__name__}"
        return Reply(DeliveryState.UNCERTAIN, 0, words, Cause.UNANSWERED)

    def _tell(self, error: BaseException) -> None:
        """Log what no transport should raise: where it was, and its words without addresses."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        event(
            _log,
            "transport broke down",
            logging.ERROR,
            way=self.way.name,
            error=f"{type(error).__name__}: {without_addresses(str(error))}",
            at=f"{PurePath(frame.filename).name}:{frame.lineno}",
        )
