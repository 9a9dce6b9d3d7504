"""Bring one story in by its page's address: found again when it is known, read when it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from digest.clock import Clock
from digest.db import Database
from digest.errors import SourceError
from digest.sources import article_store, store
from digest.sources.cleaning import safe_link
from digest.sources.fetch import ACCEPT_PAGE, Fetcher
from digest.sources.model import Article, FoundStory, Origin, SourceKind, SourceSpec
from digest.sources.parsing import Parser
from digest.sources.push import push

BY_HAND = "by-hand"
"""The source under which such stories are kept; nothing is ever polled for it."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What stands at an address; `article` is the story that we know already, if we do."""

    story: FoundStory
    article: Article | None = None


def bring(
    database: Database,
    address: str,
    *,
    fetcher: Fetcher,
    parser: Parser,
    clock: Clock,
    zone: str,
    same_hosts: Sequence[str] = (),
    allow: Sequence[str] = (),
) -> Article:
    """Give the story of a page; one that no feed has brought yet is read from the page itself.

    `zone` is that of dates that name none. When a feed brings it later it is the same article.
    Raises SourceError for what is no address, cannot be fetched, or holds no article.
    """
    found = look(
        database,
        address,
        fetcher=fetcher,
        parser=parser,
        zone=zone,
        same_hosts=same_hosts,
        allow=allow,
    )
    if found.article is not None:
        return found.article
    return keep(database, found.story, clock=clock, zone=zone, same_hosts=same_hosts)


def look(
    database: Database,
    address: str,
    *,
    fetcher: Fetcher,
    parser: Parser,
    zone: str,
    same_hosts: Sequence[str] = (),
    allow: Sequence[str] = (),
) -> Looked:
    """Find the story of a page, as `bring` does, and keep nothing. Raises SourceError."""
    url = safe_link(address)
    if url is None:
        raise SourceError(
            f"story: {address[:200]!r}: not a web address",
            hint="Give the address of the story's page, https:// included.",
        )
    known = _known(database, url, same_hosts)
    if known is not None:
        return Looked(known.story, known)
    fetched = fetcher.get(url, allow=allow, accept=ACCEPT_PAGE)
    reading = parser.read(
        "page",
        fetched.content,
        address=fetched.address,
        content_type=fetched.content_type,
        zone=zone,
    )
    # The page may name no address of its own; the one it was asked for under leads to it.
    story = replace(reading.stories[0], url=reading.stories[0].url or fetched.address)
    return Looked(story, _known(database, story.url or url, same_hosts))


def keep(
    database: Database,
    story: FoundStory,
    *,
    clock: Clock,
    zone: str,
    same_hosts: Sequence[str] = (),
) -> Article:
    """Keep a story that a person brings; the same one again is the same article."""
    spec = SourceSpec(BY_HAND, SourceKind.PUSHED, "", zone=zone, origin=Origin.DESK)
    _make_known(database, spec)
    saved = push(database, spec, [story], clock=clock, same_hosts=same_hosts)
    with database.read() as connection:
        (article,) = article_store.articles_by_id(connection, saved.ids)
    return article


def _make_known(database: Database, spec: SourceSpec) -> None:
    with database.write() as connection:
        if all(known.name != spec.name for known in store.desk_sources(connection)):
            store.add_source(connection, spec)


def _known(database: Database, url: str, same_hosts: Sequence[str]) -> Article | None:
    with database.read() as connection:
        return article_store.find_by_url(connection, url, same_hosts=same_hosts)
