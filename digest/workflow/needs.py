"""Pure. What needs a person: sentences that end with their remedy, two spaces before it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from digest.delivery.model import Tally
from digest.editions.abandon import is_unsent
from digest.editions.model import Edition, EditionState, Newsletter, ReleaseMode
from digest.sources.health import HealthWord, health_of
from digest.sources.model import SourceSpec, SourceState

BEGINNING = "Restored: "
"""What the reason of everything begins with that a restored backup leaves undecided."""
HALTED = frozenset({EditionState.STOPPED, EditionState.HELD})
_MINUTE = timedelta(minutes=1)
_WORKERS = ("scheduler", "sender")
"""Without either of these, nothing goes out by itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an edition stands; `newsletter` is None when it left the settings."""

    edition: Edition
    newsletter: Newsletter | None
    counts: Tally
    is_altered: bool = False
    """Approved, and its text is not the one that was approved."""
    is_mended: bool = False
    """Halted, mended, and not approved since."""
    has_editors: bool = True


def edition_need(standing: Standing, *, now: datetime, zone: str) -> str:
    """Say what an edition needs of a person, hours in `zone`; nothing when it needs nobody."""
    edition = standing.edition
    if not is_unsent(edition):
        return _sent_need(standing)
    if standing.newsletter is None:
        return (
            f"{edition.address} is {edition.state}, but its newsletter left digest.toml."
            f"  Put [newsletters.{edition.slug}] back, and it goes on."
        )
    return _unsent_need(standing, standing.newsletter, now=now, zone=zone)


def _unsent_need(standing: Standing, newsletter: Newsletter, *, now: datetime, zone: str) -> str:
    edition = standing.edition
    address = edition.address
    if edition.state is EditionState.DRAFT and now - edition.prepared_at > _MINUTE:
        return f"{address} is not composed yet; the log says why.  digest prepare {edition.slug}"
    if edition.state is EditionState.HELD:
        return f"{address} is held: {edition.reason}  digest approve {address}"
    if standing.is_altered:
        return (
            f"{address} is not sent: its text is not the one that was approved."
            f"  digest skip {address}"
        )
    if edition.state is EditionState.IN_REVIEW:
        return _review_need(standing, newsletter, now=now, zone=zone)
    return ""


def _review_need(standing: Standing, newsletter: Newsletter, *, now: datetime, zone: str) -> str:
    edition, address = standing.edition, standing.edition.address
    if newsletter.spec.release.mode is ReleaseMode.APPROVE:
        hour = edition.send_at.astimezone(ZoneInfo(zone))
        until = f" until {hour:%H:%M} on {hour.day} {hour:%b}" if edition.send_at > now else ""
        return f"{address} waits for your approval{until}.  digest approve {address}"
    if now >= edition.send_at and standing.has_editors and edition.told_at is None:
        return f"{address} waits: no editor could be told of it yet.  digest approve {address}"
    return ""


def _sent_need(standing: Standing) -> str:
    edition, counts = standing.edition, standing.counts
    address = edition.address
    if edition.state in HALTED:
        return _halted_need(edition, is_mended=standing.is_mended)
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


def _halted_need(edition: Edition, *, is_mended: bool) -> str:
    address = edition.address
    if edition.reason.startswith(BEGINNING):
        return f"{address}: {edition.reason.partition(' Say which:')[0]}  digest restore"
    if is_mended:
        return f"{address} was mended, and waits for approval.  digest approve {address}"
    return f"{address} is {edition.state}: {edition.reason}  digest resume {address}"


def source_need(
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


def process_needs(alive: Collection[str], notices: int) -> list[str]:
    """Say which process is missing; there may be several senders, each with its machine's name."""
    names = {process.partition(" ")[0] for process in alive}
    missing = [name for name in _WORKERS if name not in names]
    if not missing:
        return []
    work = f" {notices} {'notice waits' if notices == 1 else 'notices wait'}." if notices else ""
    if len(missing) == len(_WORKERS):
        return [f"Nothing is running.{work}  digest serve"]
    return [f"The {missing[0]} is not running.{work}  digest serve"]
