"""Door to the database: what is on now, what comes next, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from digest.clock import Clock, utc_now
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.db import Connection
from digest.delivery.count_store import tallies, tally
from digest.delivery.limit_rules import LimitRules, rest_words, shut_now, shut_words, used_up_words
from digest.delivery.model import Tally
from digest.delivery.progress import Pace
from digest.editions import store as editions
from digest.editions.abandon import is_unsent
from digest.editions.address import address_of
from digest.editions.cadence import next_slot
from digest.editions.model import Edition, EditionState, Newsletter, ReleaseMode
from digest.editions.wording import count_of
from digest.outbox import store as outbox
from digest.sources import store as source_store
from digest.sources.health import HealthWord, health_of
from digest.sources.model import SourceSpec, SourceState
from digest.workflow import store
from digest.workflow.audience import audience_size
from digest.workflow.model import Newsroom
from digest.workflow.store import STALE_AFTER, EmptySlot, Hands, Heartbeat, WaitingDomain

_LAST = 8
_MINUTE = timedelta(minutes=1)
_UNFINISHED = tuple(state for state in EditionState if state not in editions.FINISHED)
_HALTED = frozenset({EditionState.STOPPED, EditionState.HELD})
_DOMAINS_SHOWN = 5
_WORKERS = ("scheduler", "sender")
"""Without either of these, nothing goes out by itself."""


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
class Overview:
    """The whole of it; `needs` are sentences that end with their remedy."""

    newsletters: tuple[NewsletterLine, ...]
    editions: tuple[EditionLine, ...]
    needs: tuple[str, ...]
    running: tuple[ProcessLine, ...] = ()

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
    stories: Mapping[int, int]
    """How many each edition has that no sender has yet."""


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
        states = source_store.source_states(connection)
        waiting = outbox.waiting_count(connection)
    needs = [need for edition in look.last if (need := _edition_need(newsroom, look, edition))]
    collects = any(line.alive and line.process == "scheduler" for line in running)
    specs = {spec.name: spec for spec in sources}
    needs += [
        need
        for state in states
        if (need := _source_need(specs.get(state.name), state, look.now, collects=collects))
    ]
    needs += _missing_processes(running, waiting)
    return Overview(
        newsletters=tuple(_newsletter_line(n, look) for n in newsroom.newsletters),
        editions=_last_lines(newsroom, look),
        needs=tuple(needs),
        running=tuple(running),
    )


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
        return SendingView(
            edition=edition,
            tally=tally(connection, edition_id),
            deferred=tuple(store.waiting_domains(connection, edition_id, limit=_DOMAINS_SHOWN)),
            next_retry_at=store.next_retry_at(connection, edition_id),
            hands=store.hands_of(connection, edition_id),
            waits=tuple(_waits(connection, edition, rules or LimitRules(), newsroom.clock())),
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
        altered=frozenset(
            e.id for e in last if e.state is EditionState.APPROVED and _is_altered(connection, e)
        ),
        stories=store.story_counts(connection, unsent),
    )


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
        return str(edition.state), f"{pace.percent} %"
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
        number=edition.number,
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


def _edition_need(newsroom: Newsroom, look: _Look, edition: Edition) -> str:
    newsletter = newsroom.newsletter(edition.newsletter_id)
    if not is_unsent(edition):
        return _sent_need(edition, look.tallies[edition.id])
    if newsletter is None:
        return (
            f"{edition.address} is {edition.state}, but its newsletter left digest.toml."
            f"  Put [newsletters.{edition.slug}] back, and it goes on."
        )
    return _unsent_need(newsroom, look, edition, newsletter)


def _unsent_need(newsroom: Newsroom, look: _Look, edition: Edition, newsletter: Newsletter) -> str:
    address = edition.address
    if edition.state is EditionState.DRAFT and look.now - edition.prepared_at > _MINUTE:
        return f"{address} is not composed yet; the log says why.  digest prepare {edition.slug}"
    if edition.state is EditionState.HELD:
        return f"{address} is held: {edition.reason}  digest approve {address}"
    if edition.id in look.altered:
        return (
            f"{address} is not sent: its text is not the one that was approved."
            f"  digest skip {address}"
        )
    by_hand = newsletter.spec.release.mode is ReleaseMode.APPROVE
    if edition.state is EditionState.IN_REVIEW and by_hand:
        hour = edition.send_at.astimezone(ZoneInfo(newsroom.site.zone))
        until = f" until {hour:%H:%M} on {hour.day} {hour:%b}" if edition.send_at > look.now else ""
        return f"{address} waits for your approval{until}.  digest approve {address}"
    return ""


def _sent_need(edition: Edition, counts: Tally) -> str:
    address = edition.address
    if edition.state in _HALTED:
        return f"{address} is {edition.state}: {edition.reason}  digest resume {address}"
    if edition.state is EditionState.SENDING and edition.reason:
        return f"{address} waits: {edition.reason}  digest status {address}"
    if counts.uncertain:
        return (
            f"{address}: {counts.uncertain} may or may not have it."
            f"  digest retry {address} --uncertain"
        )
    if counts.failed:
        return f"{address}: {counts.failed} refused.  digest status {address}"
    return ""


def _source_need(
    spec: SourceSpec | None, state: SourceState, now: datetime, *, collects: bool
) -> str:
    """Say what is wrong with a source; not that nobody asks it, where no scheduler runs."""
    cause = f" {state.error}" if state.error else ""
    if spec is None:
        known = f"The source {state.name} fails, {state.failures} in a row:{cause}"
        return f"{known}  digest sources check" if cause else ""
    health = health_of(spec, state, now=now)
    if not health.is_trouble or (health.word is HealthWord.OVERDUE and not collects):
        return ""
    return f"The source {state.name}: {health.sentence}.{cause}  {health.remedy}"


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


def _missing_processes(running: Sequence[ProcessLine], waiting: int) -> list[str]:
    # There may be several senders, each with its machine behind the word.
    alive = {line.process.partition(" ")[0] for line in running if line.alive}
    missing = [name for name in _WORKERS if name not in alive]
    if not missing:
        return []
    notices = f"{waiting} {'notice waits' if waiting == 1 else 'notices wait'}"
    work = f" {notices}." if waiting else ""
    if len(missing) == len(_WORKERS):
        return [f"Nothing is running.{work}  digest serve"]
    return [f"The {missing[0]} is not running.{work}  digest serve"]
