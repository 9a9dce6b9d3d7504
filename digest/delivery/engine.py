"""Door: the sender at work: lines that draw from the desk, and turns at the ledger behind them.

The loop never waits for the database: a thread writes results a few times a second and brings the
next copies, another reads what readers and editors change meanwhile. See
docs/explanation/delivery.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar

from digest.clock import Clock
from digest.db import Database, DatabaseTrouble
from digest.delivery.breaker import Breaker, State
from digest.delivery.caller import TransportLine
from digest.delivery.desk import Desk
from digest.delivery.hand import Copy, Hand, Letter
from digest.delivery.journal import JournalError
from digest.delivery.lease_store import LEASE, Answers
from digest.delivery.ledger import Ledger, Loaded, News, Wanted
from digest.delivery.limits import Limits
from digest.delivery.model import (
    Cause,
    DeliveryState,
    Line,
    Outbound,
    Reply,
    Sent,
    Settled,
    Source,
    Way,
)
from digest.delivery.mx import look_up
from digest.delivery.notify import Render, record_notice, take_notices, untake_notices
from digest.delivery.settle import without_addresses
from digest.delivery.ways import wanted_lines
from digest.editions.model import EditionState
from digest.editions.store import edition_by_id
from digest.errors import DigestError
from digest.log import event

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_TURN_SECONDS = 0.2
_SHORTEST_TURN = 0.02
_LOOK_SECONDS = 0.05
_LINES_SECONDS = 0.1
_SECONDS_IN_HAND = 0.2
"""How long the copies last that may be begun with before the next turn: what a lost machine may
leave uncertain."""
_SECONDS_LOOKED_UP = 1.0
_MOST_IN_HAND = 6000
_MOST_BATCHES = 24
_MARGIN = timedelta(seconds=5)
_HOUSEKEEPING_SECONDS = 1.0
_TAKEOVER_SECONDS = 10.0
_UNAVAILABLE_SECONDS = 5.0
_MOST_ASKED = 64
_COUNTED = ("accepted", "deferred", "failed", "skipped", "uncertain")
_PATIENT_SECONDS = 2.0
"""A copy whose provider's pace keeps it longer waits in the ledger, not in hand."""


@dataclass(frozen=True, slots=True)
class SendRules:
    """How a sender behaves; see the settings of [mail]."""

    retry_crashed: bool = False
    retry_unanswered: bool = True
    durable: bool = False
    mx_lookup: bool = False
    apart_after: int | None = 4_000
    """From how many copies of a run on the ledger is written by a process of its own; None: by a
    thread of this one."""
    begin_seconds: float = (LEASE - _MARGIN).total_seconds()
    """How long after its last word with the ledger a sender may begin with what it has leased."""
    drain_seconds: float = 8.0
    """How long what is on the wire is waited for when we are asked to leave."""


@dataclass(slots=True)
class Tools:
    """What an engine works with."""

    database: Database
    ledger: Ledger
    limits: Limits
    outbound: Outbound
    ways: Sequence[Way]
    breakers: Mapping[str, Breaker]
    clock: Clock
    stop: Callable[[], bool]
    rules: SendRules
    render: Render | None = None
    """Makes the notices' messages; None leaves notices to others."""
    on_progress: Callable[[Sent], None] = lambda _sent: None
    on_fault: Callable[[Collection[int], str], object] | None = None
    """Holds editions, and tells people why, when every way out refuses us."""
    make_line: Callable[[Way, Source], Line] | None = None


@contextmanager
def _callers(most: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads for what may take its time; whoever hangs in one is not waited for."""
    threads = ThreadPoolExecutor(most, "callers")
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


class Engine:
    """One run of a sender: from what is due to nothing due, or until it is stopped."""

    def __init__(self, tools: Tools) -> None:
        """Keep the tools; `run` does the rest, once."""
        self._tools = tools
        self._hands: list[Hand] = []
        self._letters: dict[int, Letter] = {}
        self._skip: dict[int, float] = {}
        self._running: dict[Line, asyncio.Task[None]] = {}
        self._error: BaseException | None = None
        self._finished: list[int] = []
        self._rate = 0.0
        self._turned_at = 0.0
        self._kept_house_at = 0.0
        self._took_over_at = -_TAKEOVER_SECONDS  # a run that finds nothing else looks once
        self._nothing_due = False
        self._trouble = ""
        self._held = False
        self._told: set[tuple[str, str]] = set()
        """By way and words: why connections ended that was logged already."""
        self._in_doubt = False
        """A claim failed; it may stand in the ledger all the same."""
        self._meanwhile: frozenset[tuple[int, int | None]] = frozenset()
        """Who changed something since the claim under way began: it may not have seen that."""
        self._connections = sum(way.connections for way in tools.ways)

    async def run(self) -> Sent:
        """Send what is due; give what was done. Raises what we did not foresee."""
        tools = self._tools
        with (
            ThreadPoolExecutor(1, "ledger") as self._ledger_thread,
            ThreadPoolExecutor(1, "feed") as self._look_thread,
            _callers(max(2, self._connections)) as self._callers,
        ):
            self._desk = Desk(
                tools.limits,
                tools.outbound,
                tools.breakers,
                clock=tools.clock,
                settled=self._settled,
                helpers=self._callers if tools.outbound.is_slow else None,
                durable=tools.rules.durable,
            )
            await self._at_ledger(tools.ledger.begin_to_look)
            jobs = (self._look_on(), self._keep_lines(), self._ask_for_providers())
            helpers = [asyncio.create_task(each) for each in jobs]
            try:
                await self._work()
            finally:
                await self._leave()
                for each in helpers:
                    each.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)
                await self._end_lines()
                await self._last_turn()
        if (error := self._error or self._desk.fault) is not None:
            raise error
        return self._sent()

    @property
    def is_clean(self) -> bool:
        """Whether nothing that it took is left to be recovered."""
        return not self._hands and not self._in_doubt

    def _sent(self) -> Sent:
        counts = {state: self._desk.counts[state] for state in _COUNTED}
        problem = without_addresses(self._desk.problem)
        finished = tuple(self._finished)
        return Sent(**counts, finished=finished, problem=problem, held=self._held)

    def _at_ledger(self, work: Callable[..., _Result], *given: object) -> Awaitable[_Result]:
        return asyncio.get_running_loop().run_in_executor(self._ledger_thread, work, *given)

    # The turns

    async def _work(self) -> None:
        """Go round until nothing is due, somebody says stop, or nothing may leave."""
        while not self._is_over():
            try:
                await self._turn()
            except (DigestError, DatabaseTrouble) as error:
                await self._bear(error)
            if self._is_away() or (self._is_idle() and not await self._more_to_do()):
                return
            if not self._nothing_due or self._hands:
                await self._rest()

    def _is_over(self) -> bool:
        return self._desk.leaving or self._tools.stop() or self._error is not None

    async def _rest(self) -> None:
        """Wait until a turn brings something: at the latest when results are old enough."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._desk.hungry.wait(), _TURN_SECONDS)
        early = self._turned_at + _SHORTEST_TURN - monotonic()
        if early > 0:
            await asyncio.sleep(early)

    async def _turn(self) -> None:
        self._desk.hungry.clear()
        trouble, self._trouble = self._trouble, ""
        self._measure()
        if not await self._flush():
            return
        self._desk.wake_lines()  # what the limits have given is lost when it is not used at once
        await self._do_notices()
        await self._look_again()
        self._put_off_slow()
        await self._judge_suspects()
        await self._claim()
        await self._keep_house()
        if trouble and not self._trouble:
            event(_LOG, "the ledger can be written again")
            self._desk.problem = "" if self._desk.problem == trouble else self._desk.problem
        self._desk.wake_lines()
        self._tools.on_progress(self._sent())

    def _measure(self) -> None:
        now = monotonic()
        seconds = max(now - self._turned_at, 1e-3)
        if self._turned_at:
            rate = self._desk.answered_count / seconds
            part = min(1.0, seconds / _TURN_SECONDS) * 0.5
            grown = rate > self._rate
            self._rate = rate if grown else self._rate + (rate - self._rate) * part
        self._desk.answered_count = 0
        self._turned_at = now
        self._desk.low_water = self._in_hand() // 2

    def _in_hand(self) -> int:
        """Say how many copies may be allowed and not answered."""
        wanted = max(2 * self._connections, int(self._rate * _SECONDS_IN_HAND))
        return min(wanted, _MOST_IN_HAND)

    async def _flush(self) -> bool:
        """Write what came of the copies in hand, and what may be begun next; False if not done."""
        asked_at = monotonic()
        allowed = self._allow()
        answers = [hand.answers() for hand in self._hands]
        bounced, self._desk.kept.bounced = self._desk.kept.bounced, set()
        try:
            lost = await self._at_ledger(self._tools.ledger.flush, answers, bounced)
        except BaseException as error:
            # Whatever it was: results that were forgotten here would be sent a second time.
            self._take_back(answers, allowed)
            self._desk.kept.bounced |= bounced
            if not isinstance(error, (DigestError, DatabaseTrouble)):
                raise
            await self._bear(error)
            return False
        self._kept(answers, {lease.key for lease in lost}, asked_at)
        for copy in allowed:
            if not copy.hand.lost:
                self._desk.dispatch.put(copy)
        return True

    def _allow(self) -> list[Copy]:
        """Choose the copies whose intent is written next: as many as are answered till then."""
        room = self._in_hand() - len(self._desk.dispatch)
        allowed: list[Copy] = []
        for hand in sorted(self._hands, key=lambda each: -each.lease.priority):
            if not hand.halted:
                allowed += hand.allow(max(0, room - len(allowed)))
        return allowed

    def _take_back(self, answers: Sequence[Answers], allowed: Sequence[Copy]) -> None:
        """Undo what a flush would have written: nothing of it stands in the ledger."""
        for hand, each in zip(self._hands, answers, strict=True):
            hand.results[:0] = each.results
        for copy in reversed(allowed):
            copy.hand.waiting.appendleft(copy)

    async def _bear(self, error: BaseException) -> None:
        """Wait for a database that is away: what is on the wire goes on, nothing new begins."""
        words = without_addresses(str(error).splitlines()[0])
        if words != self._desk.problem:
            event(_LOG, "the ledger cannot be written", logging.ERROR, error=words)
        self._desk.problem = self._trouble = words
        if not any(hand.may_begin(monotonic()) for hand in self._hands):
            self._desk.leaving = True
        await asyncio.sleep(_TURN_SECONDS)

    def _kept(
        self, answers: Sequence[Answers], lost: Collection[tuple[int, int, int]], asked_at: float
    ) -> None:
        """Take note of which leases are ours for longer, over, or another's."""
        until = asked_at + self._tools.rules.begin_seconds
        kept = []
        for hand, each in zip(self._hands, answers, strict=True):
            if hand.lease.key in lost:
                self._desk.halt(hand)
                hand.lost = True
                hand.file.remove()
                event(
                    _LOG, "a lease was taken over", logging.WARNING, edition=each.lease.edition_id
                )
            elif each.ended:
                hand.file.remove()
            else:
                hand.until = until
                kept.append(hand)
        self._hands = kept

    async def _do_notices(self) -> None:
        """Record what became of notices, and take the next when their time has come."""
        tools = self._tools
        answered = self._desk.kept.notices
        was_answered = bool(answered)
        while answered:
            notice, reply = answered[0]
            await self._at_ledger(
                lambda notice=notice, reply=reply: record_notice(
                    tools.database, notice, reply, now=tools.clock()
                )
            )
            answered.pop(0)  # only now: a database that is away must not make us forget it
        due = monotonic() - self._kept_house_at >= _HOUSEKEEPING_SECONDS or was_answered
        if tools.render is None or self._desk.notices or not due or self._desk.leaving:
            return
        render = tools.render
        self._desk.notices.extend(
            await self._at_ledger(
                lambda: take_notices(tools.database, render=render, clock=tools.clock)
            )
        )

    async def _look_again(self) -> None:
        """Look at readers anew who changed something, and skip who may not be mailed any more."""
        dirty, self._desk.kept.dirty = self._desk.kept.dirty, []
        if not dirty:
            return
        for copy in dirty:
            copy.dirty = False  # what changes from here on makes it dirty again
        try:
            found = await self._at_ledger(self._tools.ledger.look_again, dirty)
        except BaseException:
            for copy in dirty:
                copy.dirty = True
            self._desk.kept.dirty += [copy for copy in dirty if not copy.hand.halted]
            raise
        for copy in dirty:
            seen = found[id(copy)]
            if copy.hand.halted or copy.hand.lost:
                continue
            if isinstance(seen, str):
                self._desk.skip(copy, seen)
            else:
                copy.recipient = seen
                self._desk.dispatch.put(copy, first=True)

    def _put_off_slow(self) -> None:
        """Leave to the ledger what its provider's pace keeps for long: others need the room."""
        moment = self._tools.clock()
        slow = self._desk.dispatch.slow_ones(over=timedelta(seconds=_PATIENT_SECONDS))
        for group, wait, copy in list(slow):
            words = f"waits for the pace of {group}"
            settled = Settled(copy.planned.state, reason=words, next_at=moment + wait)
            self._desk.put_off(copy, settled, counts_as_try=False)

    # Whose fault it is

    async def _judge_suspects(self) -> None:
        """Hold the editions when every way refuses us; else the refusals were the readers' own."""
        unmark, self._desk.kept.unmark = self._desk.kept.unmark, []
        if unmark:
            rows = [(each.edition_id, each.reader, each.domain_id) for each in unmark]
            if not await self._flush():  # what is not written as failed cannot be opened again
                self._desk.kept.unmark += unmark
                return
            try:
                await self._at_ledger(self._tools.ledger.mark_unsent, rows)
            except BaseException:
                self._desk.kept.unmark += unmark
                raise
        now = monotonic()
        health = [breaker.health(now) for breaker in self._tools.breakers.values()]
        if any(each.holds for each in health) and all(each.state is State.OPEN for each in health):
            await self._hold(now)
        elif self._desk.suspects and self._only_suspects():
            self._defer_suspects()

    def _only_suspects(self) -> bool:
        """Tell whether nothing else is left that could show whose fault it is."""
        others = any(hand.in_air or hand.waiting for hand in self._hands)
        return not others and not len(self._desk.dispatch)

    async def _hold(self, now: float) -> None:
        """Stop all editions in hand for our own fault; nobody is marked for it."""
        # The reasons alone: when it is looked at again is no news of a letter that is held.
        faults = ((name, each.health(now)) for name, each in self._tools.breakers.items())
        problem = "; ".join(f"{name}: {health.reason}" for name, health in faults)
        editions = sorted({hand.lease.edition_id for hand in self._hands})
        for hand in self._hands:
            self._desk.halt(hand)
        self._desk.give_up(problem)
        self._held = bool(editions)
        if editions and self._tools.on_fault is not None:
            await self._at_ledger(self._tools.on_fault, editions, without_addresses(problem))

    def _defer_suspects(self) -> None:
        suspects, self._desk.suspects = self._desk.suspects, []
        reply = Reply(DeliveryState.DEFERRED, 0, "", Cause.OURS)
        for copy in suspects:
            settled = self._settled(reply, copy, self._tools.clock())
            self._desk.put_off(copy, settled, counts_as_try=True)

    def _settled(self, reply: Reply, copy: Copy, now: datetime) -> Settled:
        edition = copy.hand.letter.edition
        return self._tools.ledger.settled(
            reply, edition.id, copy.planned, expires_at=edition.expires_at, now=now
        )

    # What comes next

    async def _claim(self) -> None:
        """Lease the next batches and retries, if there is room for them."""
        self._meanwhile = frozenset()
        if self._desk.leaving or self._tools.stop() or not self._may_send() or self._is_shut():
            return
        wanted = self._wanted()
        self._nothing_due = False
        if not wanted.anything:
            return
        try:
            loaded = await self._at_ledger(self._tools.ledger.claim, wanted)
        except JournalError as error:
            self._desk.give_up(str(error))
            return
        except (DigestError, DatabaseTrouble) as error:
            self._in_doubt = True
            await self._bear(error)
            return
        self._nothing_due = not loaded
        asked_at = monotonic()
        found = {each.lease.edition_id for each in loaded}
        letters = {edition_id: await self._letter(edition_id) for edition_id in found}
        for each in loaded:
            await self._take_up(each, letters[each.lease.edition_id], asked_at)

    def _is_shut(self) -> bool:
        """Give back what is in hand when nothing may leave for a while: it is not our hour."""
        if self._tools.limits.closed_for(monotonic()) <= _PATIENT_SECONDS:
            return False
        for hand in self._hands:
            if not hand.halted:
                self._desk.halt(hand)
        self._nothing_due = True
        return True

    def _may_send(self) -> bool:
        now = monotonic()
        health = (breaker.health(now) for breaker in self._tools.breakers.values())
        return any(each.state is not State.OPEN for each in health)

    def _wanted(self) -> Wanted:
        now = monotonic()
        self._skip = {edition: until for edition, until in self._skip.items() if until > now}
        in_hand = sum(len(hand.waiting) for hand in self._hands) + len(self._desk.dispatch)
        enough = max(self._in_hand(), min(_MOST_IN_HAND, int(self._rate * _SECONDS_LOOKED_UP)))
        holding = Counter(hand.lease.edition_id for hand in self._hands)
        room = _MOST_BATCHES - len(self._hands)
        short = max(0, enough - in_hand)
        batches = min(room, -(-short // 200)) if short else 0
        return Wanted(
            batches=max(0, batches),
            retries=min(short, self._in_hand()),
            begin=max(0, self._in_hand() - in_hand),  # who was looked up before goes before
            holding=holding,
            skip=frozenset(self._skip),
        )

    async def _take_up(self, loaded: Loaded, letter: Letter | None, asked_at: float) -> None:
        """Begin with a lease: skip who may not be mailed, let go whom its intent allows."""
        lease = loaded.lease
        if letter is None:
            await self._at_ledger(self._tools.ledger.give_back, lease)
            loaded.file.remove()
            return
        hand = Hand(
            lease,
            letter,
            loaded.file,
            until=asked_at + self._tools.rules.begin_seconds,
            open=len(lease.copies),
            intent_upto=lease.intent_upto,
        )
        self._hands.append(hand)
        self._hand_out(hand, loaded)
        self._heed(News(self._meanwhile))

    def _hand_out(self, hand: Hand, loaded: Loaded) -> None:
        for planned in loaded.lease.copies:
            person = loaded.people[planned.subscriber_id]
            if isinstance(person, str):
                hand.skip(planned, person)
                self._desk.counts[DeliveryState.SKIPPED.value] += 1
                continue
            place = loaded.places[planned.subscriber_id]
            copy = Copy(hand, planned, person, place.id, place.group)
            hand.copies[planned.subscriber_id] = copy
            if planned.subscriber_id <= loaded.lease.intent_upto:
                self._desk.dispatch.put(copy)
            else:
                hand.waiting.append(copy)

    async def _letter(self, edition_id: int) -> Letter | None:
        """Give an edition and its composition; None when it has none to be sent.

        They are loaded once a run, and anew when its text was mended and approved meanwhile.
        """
        known = self._letters.get(edition_id)
        try:
            if known is not None:
                newest = await self._at_ledger(self._revision_of, edition_id)
                if newest == known.edition.revision:
                    return known
            letter = await self._at_ledger(self._load_letter, edition_id)
        except DigestError as error:
            self._desk.problem = str(error)
            self._skip[edition_id] = monotonic() + _UNAVAILABLE_SECONDS
            return None
        self._letters[edition_id] = letter
        return letter

    def _revision_of(self, edition_id: int) -> int:
        with self._tools.database.read() as connection:
            return edition_by_id(connection, edition_id).revision

    def _load_letter(self, edition_id: int) -> Letter:
        with self._tools.database.read() as connection:
            edition = edition_by_id(connection, edition_id)
        return Letter(edition, self._tools.outbound.wire_for(edition_id))

    # The house

    async def _keep_house(self, *, now: bool = False) -> None:
        """End editions, give up what is late, take over from the dead: seldom, and when idle."""
        moment = monotonic()
        if not now and moment - self._kept_house_at < _HOUSEKEEPING_SECONDS:
            return
        self._kept_house_at = moment
        ledger = self._tools.ledger
        try:
            await self._at_ledger(ledger.give_up_late)
            finished, problem = await self._at_ledger(ledger.finish)
            self._finished += finished
            self._desk.problem = problem or self._desk.problem
            if moment - self._took_over_at >= _TAKEOVER_SECONDS:
                self._took_over_at = moment
                found = await self._at_ledger(
                    ledger.take_over, {hand.lease.key for hand in self._hands}
                )
                self._desk.counts["uncertain"] += found["uncertain"]
        except (DigestError, DatabaseTrouble) as error:
            await self._bear(error)

    def _is_idle(self) -> bool:
        desk = self._desk
        return not (self._hands or desk.waiting or desk.kept.notices or desk.notices_out)

    def _is_away(self) -> bool:
        """Tell whether every way out is left alone for now: what is in hand is given back."""
        if self._may_send() or self._running:
            return False
        now = monotonic()
        sentences = (each.sentence(now) for each in self._tools.breakers.values())
        self._desk.problem = "; ".join(filter(None, sentences))
        return True

    async def _more_to_do(self) -> bool:
        """Look once more, when nothing is in hand, whether anything is due."""
        await self._keep_house(now=True)
        if not self._nothing_due:
            return True
        self._kept_house_at = 0.0
        await self._do_notices()
        return bool(self._desk.notices)

    # What others do meanwhile

    async def _look_on(self) -> None:
        """Read the feed and the states of editions in hand, twenty times a second."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            editions = {hand.lease.edition_id for hand in self._hands}
            if not editions:
                continue
            try:
                news = await loop.run_in_executor(
                    self._look_thread, self._tools.ledger.look, editions
                )
            except (DigestError, DatabaseTrouble):
                continue  # the turns find out, and say so
            self._heed(news)

    def _heed(self, news: News) -> None:
        self._meanwhile |= news.changed
        for hand in self._hands:
            state = news.states.get(hand.lease.edition_id, EditionState.SENDING)
            if state is not EditionState.SENDING and not hand.halted:
                self._desk.halt(hand)
        for reader, newsletter in news.changed:
            for hand in self._hands:
                concerned = newsletter in {None, hand.lease.newsletter_id}
                if concerned and (copy := hand.copies.get(reader)) is not None:
                    copy.dirty = True

    async def _ask_for_providers(self) -> None:
        """Ask the DNS who stands behind new domains; without an answer each is its own."""
        if not self._tools.rules.mx_lookup:
            return
        ledger, asked = self._tools.ledger, set[str]()
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            with suppress(DigestError, DatabaseTrouble):
                unknown = await self._at_ledger(lambda: ledger.unknown_domains(most=_MOST_ASKED))
                new = [each for each in unknown if each not in asked]
                asked |= set(new)
                hosts = await look_up(new) if new else {}
                if hosts:
                    await self._at_ledger(ledger.place, hosts)

    # The lines

    async def _keep_lines(self) -> None:
        """Have as many lines by each way as there is work for, and as its health allows."""
        while True:
            if not self._desk.leaving:
                self._begin_lines()
            await asyncio.sleep(_LINES_SECONDS)

    def _begin_lines(self) -> None:
        tools, now = self._tools, monotonic()
        busy = len(self._running)
        demand = self._desk.waiting + sum(hand.in_air for hand in self._hands)
        demand = min(self._connections, max(demand, 0))
        health = {name: breaker.health(now) for name, breaker in tools.breakers.items()}
        wanted = wanted_lines(tools.ways, health, most=demand)
        for way in tools.ways:
            have = sum(line.way is way for line in self._running)
            breaker = tools.breakers[way.name]
            for _ in range(wanted[way.name] - have):
                if breaker.may_begin(now) and busy < self._connections:
                    self._begin_line(way, breaker, now)
                    busy += 1

    def _begin_line(self, way: Way, breaker: Breaker, now: float) -> None:
        make = self._tools.make_line or self._make_line
        line = make(way, self._desk)
        breaker.begun(line, now)
        self._desk.lines.add(line)
        self._running[line] = asyncio.create_task(self._run_line(line, breaker))

    def _make_line(self, way: Way, source: Source) -> Line:
        if way.transport is not None:
            return TransportLine(way, source, self._callers)
        from digest.delivery.smtp import SmtpLine  # noqa: PLC0415 - aiosmtplib costs a moment

        return SmtpLine(way, source)

    async def _run_line(self, line: Line, breaker: Breaker) -> None:
        try:
            ended = await line.run()
        except Exception as error:  # noqa: BLE001 - raised again where the run ends
            self._error = self._error or error
            self._desk.give_up(f"{type(error).__name__} in a line")
            return
        finally:
            self._running.pop(line, None)
            self._desk.gone(line)
            self._desk.hungry.set()
        breaker.ended(line, ended, monotonic())
        if ended.reply is not None:
            self._tell_ended(line, ended.reply)
        if not self._desk.leaving:
            self._begin_lines()

    def _tell_ended(self, line: Line, reply: Reply) -> None:
        """Log why a connection ended: once for all that ended alike."""
        words = without_addresses(reply.text)
        if (line.way.name, words) not in self._told:
            self._told.add((line.way.name, words))
            event(
                _LOG, "a connection ended", way=line.way.name, cause=reply.cause.value, words=words
            )

    # The end

    async def _leave(self) -> None:
        """Take nothing more, and wait for what is on the wire, within reason."""
        self._desk.leaving = True
        for line in list(self._running):
            line.leave()
        ends = monotonic() + self._tools.rules.drain_seconds
        while self._running and monotonic() < ends:
            await asyncio.wait(self._running.values(), timeout=_TURN_SECONDS)
            with suppress(Exception):
                await self._flush()

    async def _end_lines(self) -> None:
        """Cut what did not end by itself: what its server has not answered stays uncertain."""
        self._desk.cut_off = True
        running = dict(self._running)
        for line in running:
            line.abort()
        if running:
            await asyncio.wait(running.values(), timeout=_TURN_SECONDS * 10)

    async def _last_turn(self) -> None:
        """Write the last results, and give back what was not sent."""
        for hand in self._hands:
            self._desk.halt(hand)
            hand.in_air = 0
        for _ in range(10):
            if await self._flush():
                break
        for hand in self._hands:
            hand.file.close()  # the next start reads it
        with suppress(DigestError, DatabaseTrouble):
            await self._do_notices()
            await self._give_notices_back()
            await self._keep_house(now=True)

    async def _give_notices_back(self) -> None:
        """Let the next run have what we took and did not offer to a server: nobody tried it."""
        tools, left = self._tools, list(self._desk.notices)
        self._desk.notices.clear()
        if left:
            await self._at_ledger(lambda: untake_notices(tools.database, left, now=tools.clock()))
