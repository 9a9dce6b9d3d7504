"""Door: what a sender does at the ledger, a few times a second, in a thread of its own."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic

from digest.clock import Clock
from digest.db import Connection, Database, DatabaseTrouble
from digest.delivery import lease_store, store
from digest.delivery.count_store import tally
from digest.delivery.domain_store import domain_ids, save_groups
from digest.delivery.hand import Copy
from digest.delivery.journal import Journal, LeaseFile
from digest.delivery.lease_store import Answers, Lease, Left, Planned, Result
from digest.delivery.limits import Limits
from digest.delivery.model import Cause, DeliveryState, Reply, Settled
from digest.delivery.providers import domain_of, group_of
from digest.delivery.renewal import Renewed, Wishes
from digest.delivery.settle import TOO_LATE, Try, settle
from digest.editions.model import EditionState
from digest.editions.store import change_state, edition_by_id
from digest.log import event
from subscribers import change_store
from subscribers.bouncing import suppress_bounced
from subscribers.change_store import What
from subscribers.mailing_store import Addressee, addressees

_LOG = logging.getLogger(__name__)

_CRASHED = Settled(
    DeliveryState.UNCERTAIN, reason="the sender stopped before the answer was recorded"
)
_OVERLAP = 1000
"""How far back the feed is read again: PostgreSQL gives numbers before it commits."""
_OF_CONCERN = frozenset({What.LEFT, What.SUPPRESSED, What.ERASED, What.PAUSED, What.CHANGED})


@dataclass(frozen=True, slots=True)
class Place:
    """A domain as the counts know it, and the provider behind it."""

    id: int
    group: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A lease as it comes from the ledger: who is to get a copy, and its journal."""

    lease: Lease
    file: LeaseFile
    people: Mapping[int, Addressee]
    places: Mapping[int, Place]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a turn is to bring: so many batches and retries, `begin` copies to begin with."""

    batches: int = 0
    retries: int = 0
    begin: int = 0
    holding: Mapping[int, int] = field(default_factory=dict)
    skip: frozenset[int] = frozenset()

    @property
    def anything(self) -> bool:
        """Whether to ask at all."""
        return self.batches > 0 or self.retries > 0


@dataclass(frozen=True, slots=True)
class News:
    """What the feed and the editions say since we last looked."""

    changed: frozenset[tuple[int, int | None]] = frozenset()
    """Readers who changed something, each with the newsletter; None: all of them."""
    states: Mapping[int, EditionState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What a turn's transaction did: the leases that were lost, and what the limits gave."""

    lost: list[Lease]
    renewed: Renewed
    senders: int


class Ledger:
    """The ledger as one sender sees it. Its methods are called one at a time, but for `look`."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        limits: Limits,
        *,
        clock: Clock,
        repeatable: bool,
        retry_crashed: bool,
        retry_unanswered: bool,
        durable: bool,
    ) -> None:
        """Keep the tools. `repeatable` ways leave one copy however often a message goes."""
        self._database = database
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self._retry_crashed = retry_crashed or repeatable
        self._retry_unanswered = retry_unanswered
        self._durable = durable
        self._places: dict[str, Place] = {}
        self._new_places: set[str] = set()
        self._seen = 0
        self._recent: frozenset[int] = frozenset()
        self._counted, self._counted_at = 1, 0.0

    # What dead senders left

    def recover(self) -> Counter[str]:
        """Settle what dead senders left; give how many copies were found answered and uncertain.

        On SQLite the caller holds the one seat there is, so every lease is a dead sender's.
        """
        found: Counter[str] = Counter()
        with self._database.write() as connection:
            ours = lease_store.left_leases(connection, mine=self._journal.owner)
            for each in ours:
                found += self._settle_left(connection, each)
            for each in lease_store.left_leases(connection, all_dead=self._database.is_sqlite):
                found += self._settle_left(connection, each)
        for each in ours:
            self._journal.forget(each.lease.key)
        if found:
            event(_LOG, "recovered", logging.WARNING, **found)
        return found

    def forget_settled(self) -> None:
        """Remove the journals of leases that are settled, as a sender begins."""
        self._journal.forget_all()

    def take_over(self, in_hand: Collection[tuple[int, int, int]]) -> Counter[str]:
        """Settle leases whose time is over: of others, and of ours what is not in hand.

        Ours is such when the word that we have it was lost on its way from the database.
        """
        with self._database.write() as connection:
            left = lease_store.left_leases(connection)
            dead = [each for each in left if each.lease.key not in in_hand]
            found: Counter[str] = Counter()
            for each in dead:
                found += self._settle_left(connection, each)
        if found:
            event(_LOG, "taken over", logging.WARNING, **found)
        return found

    def _settle_left(self, connection: Connection, left: Left) -> Counter[str]:
        now = self._clock()
        mine = left.owner == self._journal.owner
        known = self._journal.left(left.lease.key) if mine else None
        if known is None:
            begun = [each for each in left.lease.copies if _may_have_left(left.lease, each)]
            results = [] if self._retry_crashed else [_uncertain(each) for each in begun]
            lease_store.settle_left(connection, left, results, now=now)
            return Counter({"uncertain": len(results)} if results else {})
        results, bounced = [], []
        for copy in left.lease.copies:
            if copy.subscriber_id not in known:
                continue
            answer = known[copy.subscriber_id]
            if answer is None and not self._retry_crashed:
                results.append(_uncertain(copy))
            elif answer is not None and answer.state is not DeliveryState.PLANNED:
                reply = Reply(answer.state, answer.code, "", answer.cause)
                settled = self.settled(reply, left.lease.edition_id, copy, expires_at=None, now=now)
                results.append(Result(copy, settled, copy.domain_id))
                if answer.cause is Cause.UNKNOWN_USER:
                    bounced.append(copy.subscriber_id)
        lease_store.settle_left(connection, left, results, now=now)
        self._suppress(connection, left.lease.newsletter_id, bounced, now)
        count = sum(each.settled.state is DeliveryState.UNCERTAIN for each in results)
        found = Counter({"answered": len(results) - count, "uncertain": count})
        return +found

    def _suppress(
        self, connection: Connection, newsletter_id: int, readers: Collection[int], now: datetime
    ) -> None:
        people = addressees(connection, newsletter_id, dict.fromkeys(readers, ""), now=now)
        ids = [each.public_id for each in people.values() if not isinstance(each, str)]
        suppress_bounced(connection, ids, at=now)

    def rest(self) -> None:
        """Let go of what only a run that is under way needs: nothing, here."""

    # What comes of a try

    def settled(
        self,
        reply: Reply,
        edition_id: int,
        planned: Planned,
        *,
        expires_at: datetime | None,
        now: datetime,
    ) -> Settled:
        """Decide what the ledger records of a reply."""
        made = Try(
            number=planned.tries + 1,
            first_at=planned.first_at or now,
            key=f"{edition_id}:{planned.subscriber_id}",
            expires_at=expires_at,
        )
        return settle(reply, made, now=now, retry_unanswered=self._retry_unanswered)

    # A turn

    def flush(self, answers: Sequence[Answers], bounced: Collection[str]) -> list[Lease]:
        """Write results and intents in one transaction; give the leases that were lost.

        `bounced` are the public ids of readers whose servers do not know them.
        """
        wishes = self._limits.wishes(self._clock())
        written = self.write_turn(answers, bounced, wishes)
        self._limits.settle(replace(wishes, senders=written.senders), written.renewed)
        return written.lost

    def write_turn(
        self, answers: Sequence[Answers], bounced: Collection[str], wishes: Wishes
    ) -> Written:
        """Write all that a turn brings in one transaction, and renew the limits as is wished."""
        now = self._clock()
        with self._database.write() as connection:
            lost = lease_store.flush(connection, answers, owner=self._journal.owner, now=now)
            suppress_bounced(connection, bounced, at=now)
            senders = self._senders(connection)
            renewed = self._limits.ask(connection, replace(wishes, senders=senders), now)
        return Written(lost, renewed, senders)

    def _senders(self, connection: Connection) -> int:
        """Count who shares the limits; asked once a second."""
        if self._database.is_sqlite:
            return 1
        now = monotonic()
        if now - self._counted_at >= 1:
            self._counted, self._counted_at = lease_store.senders(connection), now
        return self._counted

    def claim(self, wanted: Wanted) -> list[Loaded]:
        """Lease what is due, with its journals made before anybody may begin. Raises JournalError.

        The readers are looked at in the same transaction: what changes after it is in the feed.
        """
        now = self._clock()
        files: list[LeaseFile] = []
        try:
            with self._database.write() as connection:
                leases = self._claim(connection, wanted, now)
                files.extend(self._journal.lease(each.key, len(each.copies)) for each in leases)
                loaded = [
                    self._load(connection, lease, file, now)
                    for lease, file in zip(leases, files, strict=True)
                ]
            if self._durable and files:
                self._journal.sync_folder()
        except BaseException as error:
            # The claim may stand in PostgreSQL though its answer was lost: then an empty journal
            # tells `recover` that nothing was begun.
            in_doubt = isinstance(error, DatabaseTrouble) and not self._database.is_sqlite
            for file in files:
                (file.close if in_doubt else file.remove)()
            raise
        return loaded

    def _claim(self, connection: Connection, wanted: Wanted, now: datetime) -> list[Lease]:
        owner, skip = self._journal.owner, wanted.skip
        leases = []
        if wanted.retries > 0:
            leases = lease_store.claim_retries(
                connection, owner=owner, now=now, most=wanted.retries, skip=skip
            )
        if wanted.batches > 0:
            leases += lease_store.claim_batches(
                connection,
                owner=owner,
                now=now,
                most=wanted.batches,
                begin=wanted.begin,
                holding=wanted.holding,
                skip=skip,
            )
        return leases

    def _load(self, connection: Connection, lease: Lease, file: LeaseFile, now: datetime) -> Loaded:
        languages = {each.subscriber_id: each.language for each in lease.copies}
        people = addressees(connection, lease.newsletter_id, languages, now=now)
        domains = {
            reader: domain_of(each.address)
            for reader, each in people.items()
            if not isinstance(each, str)
        }
        self._learn(connection, set(domains.values()))
        places = {reader: self._places[name] for reader, name in domains.items()}
        return Loaded(lease, file, people, places)

    def _learn(self, connection: Connection, names: set[str]) -> None:
        new = names - self._places.keys()
        if new:
            found = domain_ids(connection, sorted(new - {""}))
            rules = self._limits.rules
            self._places |= {
                name: Place(each.id, rules.group_of(name, each.mx_group))
                for name, each in found.items()
            }
            self._places[""] = Place(0, "")
            self._new_places |= found.keys()

    def unknown_domains(self, *, most: int) -> list[str]:
        """List domains whose mail provider was not asked for lately."""
        if not self._new_places:
            return []
        now = self._clock()
        with self._database.write() as connection:
            found = domain_ids(connection, sorted(self._new_places)[:most])
        asked = [name for name, each in found.items() if each.wants_look_up(now)]
        self._new_places -= found.keys() - set(asked)
        return asked

    def place(self, hosts: Mapping[str, str]) -> None:
        """Keep which providers stand behind domains, by the hosts that take their mail."""
        groups = {name: group_of(name, host) for name, host in hosts.items()}
        with self._database.write() as connection:
            save_groups(connection, groups, self._clock())
        self.know(groups)

    def know(self, groups: Mapping[str, str]) -> None:
        """Remember which providers stand behind domains, for copies that are claimed from here."""
        rules = self._limits.rules
        for name in groups.keys() & self._places.keys():
            self._places[name] = Place(self._places[name].id, rules.group_of(name, groups[name]))

    def give_back(self, lease: Lease) -> None:
        """Give a lease back of which nothing was begun."""
        with self._database.write() as connection:
            answers = [Answers(lease, ended=True)]
            lease_store.flush(connection, answers, owner=self._journal.owner, now=self._clock())

    def look_again(self, copies: Sequence[Copy]) -> dict[int, Addressee]:
        """Look at readers anew who changed something; by the copy's `id()`."""
        now = self._clock()
        found: dict[int, Addressee] = {}
        with self._database.read() as connection:
            for copy in copies:
                reader, language = copy.reader, copy.planned.language
                newsletter = copy.hand.lease.newsletter_id
                seen = addressees(connection, newsletter, {reader: language}, now=now)
                found[id(copy)] = seen[reader]
        return found

    # What others do meanwhile

    def begin_to_look(self) -> None:
        """Remember where the feed stands: what comes after it concerns what we load from now on."""
        with self._database.read() as connection:
            self._seen = change_store.last_change(connection)

    def look(self, edition_ids: Collection[int]) -> News:
        """Read the feed, and the states of editions in hand; called in another thread."""
        with self._database.read() as connection:
            changes = change_store.changes_after(
                connection, max(0, self._seen - _OVERLAP), limit=_OVERLAP * 10
            )
            states = store.states_of(connection, edition_ids)
        recent = frozenset(change.seq for change in changes)
        fresh = [change for change in changes if change.seq not in self._recent]
        self._recent = recent
        self._seen = max([self._seen, *recent])
        changed = frozenset(
            (change.subscriber_id, change.newsletter_id)
            for change in fresh
            if change.what in _OF_CONCERN
        )
        return News(changed, states)

    # The ends

    def finish(self) -> tuple[list[int], str]:
        """Say "sent" of every edition whose last copy is final; of each exactly once.

        Gives those of which it was said, and what kept another from it.
        """
        finished, problem = [], ""
        with self._database.read() as connection:
            ended = store.ended_editions(connection)
        for edition_id in ended:
            with self._database.write() as connection:
                store.lock_edition(connection, edition_id)  # `retry` may be opening rows again
                if edition_id not in store.ended_editions(connection):
                    continue
                counts = tally(connection, edition_id)
                address = edition_by_id(connection, edition_id).address
                done = not counts.open and change_state(
                    connection,
                    edition_id,
                    expect={EditionState.SENDING, EditionState.HELD},
                    to=EditionState.SENT,
                    at=self._clock(),
                )
            if done:
                finished.append(edition_id)
                event(_LOG, "edition sent", edition=address, accepted=counts.accepted)
            elif counts.open:
                problem = f"{address}: {counts.open} open copies are in no batch"
        return finished, problem

    def give_up_late(self) -> int:
        """Fail what is open of editions whose time is over, a piece at a time; give how many."""
        now, count = self._clock(), 0
        with self._database.read() as connection:
            overdue = store.overdue_editions(connection, now=now)
        for edition_id in overdue:
            some = 1
            while some:
                with self._database.write() as connection:
                    some = lease_store.give_up(connection, edition_id, reason=TOO_LATE, now=now)
                count += some
            event(_LOG, "edition is late", logging.WARNING, edition=edition_id, given_up=count)
        return count

    def mark_unsent(self, copies: Iterable[tuple[int, int, int]]) -> int:
        """Open rows again whose refusals were ours: edition, reader, domain; give how many."""
        now, count = self._clock(), 0
        with self._database.write() as connection:
            for edition_id, reader, domain_id in copies:
                count += lease_store.reopen(
                    connection,
                    edition_id,
                    DeliveryState.FAILED,
                    domains={reader: domain_id},
                    now=now,
                )
        return count


def _may_have_left(lease: Lease, copy: Planned) -> bool:
    return lease.is_retry or copy.subscriber_id <= lease.intent_upto


def _uncertain(copy: Planned) -> Result:
    return Result(copy, _CRASHED, copy.domain_id)
