"""Door to the database: what is on now, what comes next, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from digest.clock import Clock, utc_now
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.db import Connection
from digest.delivery.count_store import tallies, tally
from digest.delivery.hour_store import next_hour
from digest.delivery.limit_rules import LimitRules, rest_words, shut_now, shut_words, used_up_words
from digest.delivery.model import Tally
from digest.delivery.progress import Pace
from digest.delivery.reader_hours import next_hour_words
from digest.editions import store as editions
from digest.editions.abandon import is_unsent
from digest.editions.address import address_of
from digest.editions.cadence import next_slot
from digest.editions.model import Edition, EditionState, Newsletter
from digest.editions.wording import count_of
from digest.outbox import store as outbox
from digest.queue.store import JobCount, job_counts
from digest.sources import store as source_store
from digest.sources.model import SourceSpec
from digest.workflow import life_store, store
from digest.workflow.audience import audience_size
from digest.workflow.home import home_needs
from digest.workflow.lease_store import Holding, holdings
from digest.workflow.model import Newsroom
from digest.workflow.needs import HALTED, Standing, edition_need, process_needs, source_need
from digest.workflow.store import STALE_AFTER, EmptySlot, Hands, Heartbeat, WaitingDomain
from digest.workflow.watch import alarms_now

_LAST = 8
_UNFINISHED = tuple(state for state in EditionState if state not in editions.FINISHED)
_DOMAINS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NewsletterLine:
    """One newsletter: what its current edition does and when the next one comes."""

    slug: str
    name: str
    now: str
    next_at: datetime | None
    readers: int
    detail: str = ""
    """How far the edition is (`43 %`), or what it has (`21 stories`)."""


@dataclass(frozen=True, slots=True)
class EditionLine:
    """One of the last editions with its counts, or a slot without one: then `number` is 0."""

    on: date
    address: str
    name: str
    number: int
    state: str
    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    uncertain: int = 0


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """One of our processes, by its last sign of life (aware UTC, of the machine's clock)."""

    process: str
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    alive: bool


@dataclass(frozen=True, slots=True)
class LeaseLine:
    """What one sender has in hand of one edition, and until when it is its alone (UTC).

    `retries` are copies that were put off before. Leases whose time `is_over` are taken over by
    any other sender.
    """

    edition: str
    holder: str
    batches: int
    retries: int
    until: datetime
    is_over: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole of it; `needs` are sentences that end with their remedy."""

    newsletters: tuple[NewsletterLine, ...]
    editions: tuple[EditionLine, ...]
    needs: tuple[str, ...]
    running: tuple[ProcessLine, ...] = ()
    leases: tuple[LeaseLine, ...] = ()
    queue: tuple[JobCount, ...] = ()
    """The jobs that wait or are at work; none on SQLite, which has no queue."""

    def facts(self) -> dict[str, Any]:
        """Give it as plain tables, for machines."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SendingView:
    """How an edition that has begun to be sent fares at one moment."""

    edition: Edition
    tally: Tally
    deferred: tuple[WaitingDomain, ...]
    """The domains that put off the most copies."""
    next_retry_at: datetime | None
    """When the first copy that was put off is tried again."""
    hands: Hands
    waits: tuple[str, ...]
    """Why copies wait although they are due, one sentence each."""

    @property
    def is_moving(self) -> bool:
        """Whether a pace can be seen: copies of it are in somebody's hands."""
        moving = self.edition.state is EditionState.SENDING and bool(self.tally.planned)
        return moving and self.hands.leased


@dataclass(frozen=True, slots=True)
class _Look:
    """All that one look at the database gave."""

    now: datetime
    last: Sequence[Edition]
    """The newest editions, and whichever older ones are not finished; newest first."""
    empty: Sequence[EmptySlot]
    tallies: Mapping[int, Tally]
    current: Mapping[int, Edition | None]
    audience: Mapping[int, int]
    altered: frozenset[int]
    """The approved editions whose text is not the one that was approved."""
    mended: frozenset[int]
    """The halted editions that were mended and not approved since."""
    stories: Mapping[int, int]
    """How many each edition has that no sender has yet."""
    coming: Mapping[int, str]
    """When the next readers' own hour comes, in words, of the editions that wait for one."""


def overview(
    newsroom: Newsroom, *, sources: Sequence[SourceSpec] = (), wall: Clock = utc_now
) -> Overview:
    """Look at everything once; only reads.

    `sources` are those there are; of one that is not among them only its failures are told. `wall`
    is the machine's clock: processes are alive by that, whatever hour the newsroom's shows.
    """
    with newsroom.database.read() as connection:
        look = _look(newsroom, connection)
        running = [_process_line(beat, wall()) for beat in store.heartbeats(connection)]
        leases = [_lease_line(connection, each) for each in holdings(connection)]
        jobs = job_counts(connection)
        states = source_store.source_states(connection)
        waiting = outbox.waiting_count(connection)
        needs = home_needs(connection, newsroom.home)
        needs += alarms_now(connection, now=look.now)
    needs += [_need(newsroom, look, edition) for edition in look.last]
    alive = [line.process for line in running if line.alive]
    collects = any(process.startswith("scheduler") for process in alive)
    specs = {spec.name: spec for spec in sources}
    needs += [
        source_need(specs.get(state.name), state, look.now, collects=collects) for state in states
    ]
    needs += process_needs(alive, waiting)
    return Overview(
        newsletters=tuple(_newsletter_line(n, look) for n in newsroom.newsletters),
        editions=_last_lines(newsroom, look),
        needs=tuple(filter(None, needs)),
        running=tuple(running),
        leases=tuple(leases),
        queue=tuple(jobs),
    )


def _need(newsroom: Newsroom, look: _Look, edition: Edition) -> str:
    standing = Standing(
        edition,
        newsroom.newsletter(edition.newsletter_id),
        look.tallies[edition.id],
        is_altered=edition.id in look.altered,
        is_mended=edition.id in look.mended,
        has_editors=bool(newsroom.editors),
    )
    return edition_need(standing, now=look.now, zone=newsroom.site.zone)


def state_words(edition: Edition, counts: Tally) -> str:
    """Give `sent`, or `sending, 5 to retry`: sent is said when every row is final."""
    if edition.state is EditionState.SENDING and counts.deferred:
        return f"{edition.state}, {counts.deferred} to retry"
    return str(edition.state)


def sending_view(
    newsroom: Newsroom, edition_id: int, *, rules: LimitRules | None = None
) -> SendingView:
    """Look at an edition on its way; only reads, and from any process.

    `rules` are the limits of the settings: what they hold back is told.
    """
    with newsroom.database.read() as connection:
        edition = editions.edition_by_id(connection, edition_id)
        is_sending = edition.state is EditionState.SENDING  # else nothing is tried by itself
        waits = _waits(connection, edition, rules or LimitRules(), newsroom.clock())
        if coming := _hour_to_come(newsroom, connection, edition):
            waits.append(f"it waits for its readers' own hours: {coming}")
        return SendingView(
            edition=edition,
            tally=tally(connection, edition_id),
            deferred=tuple(store.waiting_domains(connection, edition_id, limit=_DOMAINS_SHOWN)),
            next_retry_at=store.next_retry_at(connection, edition_id) if is_sending else None,
            hands=store.hands_of(connection, edition_id),
            waits=tuple(waits),
        )


def _waits(connection: Connection, edition: Edition, rules: LimitRules, now: datetime) -> list[str]:
    if edition.state is not EditionState.SENDING:
        return []
    if (opens := shut_now(rules, now)) is not None:
        return [shut_words(opens, rules)]
    key, allowed = rules.day(now)
    if allowed is not None and store.used_of(connection, key) >= allowed:
        return [used_up_words(allowed, rules)]
    resting = store.resting_domains(connection, edition.id, now=now)
    return [rest_words(group, until, rules) for group, until in resting.items()]


def _hour_to_come(newsroom: Newsroom, connection: Connection, edition: Edition) -> str:
    """Say when the next readers' own hour comes, while nobody has a copy in hand; else nothing."""
    newsletter = newsroom.newsletter(edition.newsletter_id)
    if newsletter is None or not newsletter.spec.hours or edition.state is not EditionState.SENDING:
        return ""
    found = next_hour(connection, edition.id)
    if found is None or found[0] <= newsroom.clock():
        return ""
    if store.hands_of(connection, edition.id).leased:
        return ""
    return next_hour_words(*found, newsletter.spec.cadence.zone)


def _look(newsroom: Newsroom, connection: Connection) -> _Look:
    now = newsroom.clock()
    found = {e.id: e for e in editions.recent_editions(connection, limit=_LAST)}
    found |= {e.id: e for e in editions.editions_in(connection, _UNFINISHED)}
    last = sorted(found.values(), key=lambda e: (e.window.until, e.id), reverse=True)
    current = {n.id: editions.find_edition(connection, n) for n in newsroom.newsletters}
    seen = {e.id for e in (*last, *current.values()) if e is not None}
    counted = tallies(connection, seen)
    unsent = [e.id for e in current.values() if e is not None and is_unsent(e)]
    return _Look(
        now=now,
        last=last,
        empty=store.empty_slots(connection, limit=_LAST),
        tallies={each: counted.get(each, Tally()) for each in seen},
        current=current,
        audience={n.id: audience_size(newsroom, connection, n.id) for n in newsroom.newsletters},
        mended=frozenset(
            e.id for e in last if e.state in HALTED and life_store.is_mended(connection, e.id)
        ),
        altered=frozenset(
            e.id for e in last if e.state is EditionState.APPROVED and _is_altered(connection, e)
        ),
        stories=store.story_counts(connection, unsent),
        coming=_coming(newsroom, connection, current),
    )


def _coming(
    newsroom: Newsroom, connection: Connection, current: Mapping[int, Edition | None]
) -> dict[int, str]:
    return {
        each.id: words
        for each in current.values()
        if each is not None and (words := _hour_to_come(newsroom, connection, each))
    }


def _is_altered(connection: Connection, edition: Edition) -> bool:
    composed = compositions.load_compositions(connection, edition.id)
    return set_hash(composed) != compositions.approved_hash(connection, edition.id)


def _newsletter_line(newsletter: Newsletter, look: _Look) -> NewsletterLine:
    upcoming = next_slot(newsletter.spec.cadence, look.now)
    now, detail = _now_words(newsletter, look)
    return NewsletterLine(
        slug=newsletter.slug,
        name=newsletter.spec.name,
        now=now,
        detail=detail,
        next_at=upcoming.send_at if upcoming else None,
        readers=look.audience[newsletter.id],
    )


def _now_words(newsletter: Newsletter, look: _Look) -> tuple[str, str]:
    """Say what became of the newest slot, be it an edition or a reason for none; and how far."""
    edition = look.current[newsletter.id]
    empty = next((e for e in look.empty if e.slug == newsletter.slug), None)
    done = edition is None or edition.state in editions.FINISHED
    if empty and done and (edition is None or edition.local_date < empty.local_date):
        return str(empty.state), ""
    if edition is None:
        return "no edition yet", ""
    counts = look.tallies[edition.id]
    if edition.state is EditionState.SENDING and counts.planned:
        pace = Pace(counts.total - counts.planned, counts.total)
        coming = look.coming.get(edition.id)
        return str(edition.state), f"{pace.percent} %{f', {coming}' if coming else ''}"
    stories = look.stories.get(edition.id)
    detail = "" if stories is None else count_of(stories, "story", "stories")
    return state_words(edition, counts), detail


def _last_lines(newsroom: Newsroom, look: _Look) -> tuple[EditionLine, ...]:
    names = {n.id: n.spec.name for n in newsroom.newsletters}
    lines = [(e.window.until, _edition_line(e, look.tallies[e.id], names)) for e in look.last]
    lines += [(e.cut_off_at, _empty_line(e)) for e in look.empty]
    lines.sort(key=lambda line: line[0], reverse=True)
    return tuple(line for _, line in lines[:_LAST])


def _edition_line(edition: Edition, counts: Tally, names: Mapping[int, str]) -> EditionLine:
    return EditionLine(
        on=edition.local_date,
        address=edition.address,
        name=names.get(edition.newsletter_id, edition.slug),
        number=max(edition.number, 0),  # a correction's is none of the letter's
        state=state_words(edition, counts),
        accepted=counts.accepted,
        deferred=counts.deferred,
        failed=counts.failed,
        uncertain=counts.uncertain,
    )


def _empty_line(empty: EmptySlot) -> EditionLine:
    return EditionLine(
        on=empty.local_date,
        address=address_of(empty.slug, empty.local_date, empty.slot_name),
        name=empty.name,
        number=0,
        state=f"{empty.state}: {empty.reason}".rstrip(": ."),
    )


def _process_line(beat: Heartbeat, now: datetime) -> ProcessLine:
    return ProcessLine(
        process=beat.process,
        host=beat.host,
        pid=beat.pid,
        version=beat.version,
        started_at=beat.started_at,
        beat_at=beat.beat_at,
        alive=now - beat.beat_at < STALE_AFTER,
    )


def _lease_line(connection: Connection, held: Holding) -> LeaseLine:
    return LeaseLine(
        edition=editions.edition_by_id(connection, held.edition_id).address,
        holder=held.owner,
        batches=held.batches,
        retries=held.retries,
        until=held.until,
        is_over=held.is_over,
    )
