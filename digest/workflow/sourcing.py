"""What people do about sources at the desk: add one by its address, let it rest, ask it now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from digest.config.model import SLUG
from digest.db import Connection
from digest.errors import ConflictError, NotFoundError, UsageError
from digest.people.store import append_audit
from digest.sources import store
from digest.sources.add import Discovery, discover, suggested_name
from digest.sources.cleaning import one_line
from digest.sources.fetch import Fetcher, without_secrets
from digest.sources.model import Origin, SourceKind, SourceSpec, SourceState
from digest.sources.parsing import Parser
from digest.workflow.halt import Person
from digest.workflow.model import Newsroom

DESK_KINDS = (SourceKind.FEED, SourceKind.PAGE, SourceKind.WORDPRESS)
"""Those that a web address alone is enough for; files and databases are named in digest.toml."""
_SHORTEST = timedelta(seconds=30)
_LONGEST = timedelta(days=7)
_LONGEST_ADDRESS = 2_000


@dataclass(frozen=True, slots=True)
class Offer:
    """What stands at an address, and the name that its source would get."""

    found: Discovery
    name: str


def look(
    address: str,
    taken: Collection[str],
    *,
    fetcher: Fetcher,
    parser: Parser,
    allow: Sequence[str] = (),
) -> Offer:
    """Find out what a web address is, without keeping anything; `taken` are names in use.

    Never a file of this machine, whatever is typed. Raises SourceError, or UsageError for what is
    no web address.
    """
    found = discover(_web_address(address), fetcher=fetcher, parser=parser, allow=allow)
    if found.kind not in DESK_KINDS:
        raise UsageError(
            f"source: {found.kind}: not a kind that is added here", hint="Name it in digest.toml."
        )
    return Offer(found, suggested_name(found.address, taken))


def add(newsroom: Newsroom, spec: SourceSpec, known: Sequence[SourceSpec], *, by: Person) -> None:
    """Add a source, which the collector reads in its next round.

    Raises UsageError for a name, kind, address or interval that will not do, ConflictError for an
    address that is read already, and SourceError when the name is taken.
    """
    _check(spec)
    for other in known:
        if other.address.rstrip("/") == spec.address.rstrip("/"):
            raise ConflictError(
                f"source: {without_secrets(spec.address)[:200]}: it is read already, as"
                f" {other.name}",
                hint="Look at it in the list of sources.",
            )
    with newsroom.database.write() as connection:
        store.add_source(connection, spec)
        detail = {"kind": str(spec.kind), "address": without_secrets(spec.address)}
        _audit(newsroom, connection, "source.add", spec.name, by, **detail)


def remove(newsroom: Newsroom, name: str, *, by: Person) -> None:
    """Remove a source that a person added; its stories stay. Raises NotFoundError."""
    with newsroom.database.write() as connection:
        if not store.remove_source(connection, name, now=newsroom.clock()):
            raise _none(name)
        _audit(newsroom, connection, "source.remove", name, by)


def pause(newsroom: Newsroom, name: str, *, by: Person) -> None:
    """Let a source rest that a person added: it is not asked until it is taken up again.

    Raises NotFoundError when there is none, or it rests already.
    """
    with newsroom.database.write() as connection:
        if not store.pause_source(connection, name, at=newsroom.clock()):
            raise _none(name)
        _audit(newsroom, connection, "source.pause", name, by)


def resume(newsroom: Newsroom, name: str, *, by: Person) -> None:
    """Take up a source that rests; it is read in the next round. Raises NotFoundError."""
    with newsroom.database.write() as connection:
        if not store.pause_source(connection, name, at=None):
            raise _none(name)
        _audit(newsroom, connection, "source.resume", name, by)


def refresh(newsroom: Newsroom, name: str, *, by: Person) -> SourceState:
    """Have the collector ask a source at once, in its own process; give how it stands before.

    Raises NotFoundError when there is none to be asked.
    """
    with newsroom.database.write() as connection:
        states = [each for each in store.source_states(connection) if each.name == name]
        if not states or not store.ask_again(connection, name, now=newsroom.clock()):
            raise _none(name)
        _audit(newsroom, connection, "source.refresh", name, by)
    return states[0]


def _check(spec: SourceSpec) -> None:
    if not SLUG.fullmatch(spec.name):
        raise UsageError(
            f"source: {one_line(spec.name)[:60]!r}: a name is lower-case letters, digits and"
            " dashes, at most 40",
            hint="As in: town-hall",
        )
    if spec.kind not in DESK_KINDS or spec.origin is not Origin.DESK or spec.allow:
        raise UsageError(
            f"source: {spec.name}: not a source that is added here", hint="Name it in digest.toml."
        )
    _web_address(spec.address)
    if not _SHORTEST <= spec.every <= _LONGEST:
        raise UsageError(
            f"source: {spec.name}: it is asked every 30 seconds at most, and every 7 days at least",
            hint="10m is enough for nearly all.",
        )


def _web_address(typed: str) -> str:
    """Give the address of a site; a path would be looked for on this machine."""
    address = one_line(typed)
    whole = address if "://" in address else f"https://{address}"
    try:
        parts = urlsplit(whole)
        fits = parts.scheme.lower() in {"http", "https"} and "." in (parts.hostname or "")
    except ValueError:  # "http://[half"
        fits = False
    if not fits or len(address) > _LONGEST_ADDRESS or address.startswith(("/", ".", "~")):
        raise UsageError(
            f"source: {without_secrets(address)[:120]!r}: not a web address",
            hint="Write it as https://harbourpost.example",
        )
    return whole


def _none(name: str) -> NotFoundError:
    return NotFoundError(
        f"source: {one_line(name)[:60]}: there is none of this name that this can be done to",
        hint="Somebody may have been quicker; look at the list again.",
    )


def _audit(
    newsroom: Newsroom, connection: Connection, verb: str, name: str, by: Person, **detail: str
) -> None:
    append_audit(
        connection,
        at=newsroom.clock(),
        actor=by.actor,
        verb=verb,
        subject=name,
        detail={"by": by.name, **detail},
    )
