"""Look at the pages of recent stories: whether they are gone, and what their feed lacked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

from digest.clock import Clock
from digest.db import Database
from digest.errors import HttpStatusError
from digest.sources import article_store, store
from digest.sources.fetch import ACCEPT_PAGE, Fetcher
from digest.sources.identity import canonical_url
from digest.sources.model import Article, DateOrigin, FoundStory, SourceSpec
from digest.sources.parsing import Parser
from digest.sources.read import host_of, page_kind, read_here
from digest.sources.side_by_side import never, side_by_side

RECENT = timedelta(hours=72)
"""Since it was first seen or published: later no edition takes a story, as a rule."""
BACKLOG_RECENT = timedelta(hours=48)
"""The same for a first import, which brings much that no edition will take."""
AGAIN_AFTER = timedelta(hours=6)
SECOND_LOOK = timedelta(minutes=10)
"""A page that answers 404 is looked at again after this: a site being updated has none either."""
AT_A_TIME = 40
_SPARE = 10
WORKERS = 8
GUARDED = 4
"""Of so many pages of a host looked at together, more than half gone means that the site is ill."""
_SURE = frozenset({DateOrigin.EDITOR, DateOrigin.FEED, DateOrigin.JSON_LD, DateOrigin.META})


@dataclass(frozen=True, slots=True)
class Visited:
    """What a round of looks came to; withdrawn and restored are ids of articles."""

    looked: int = 0
    filled: int = 0
    """Stories that got from their page what their feed lacked."""
    withdrawn: tuple[int, ...] = ()
    restored: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


class Doubts:
    """Which pages answered 404 when, kept in memory: after a restart one is asked once more."""

    def __init__(self) -> None:
        """Doubt nothing."""
        self._since: dict[int, datetime] = {}

    def due(self, *, now: datetime) -> list[int]:
        """Give the articles whose page is to be looked at a second time."""
        # None older than the next usual look, nor of a clock that was set back.
        self._since = {
            key: at for key, at in self._since.items() if timedelta() <= now - at <= AGAIN_AFTER
        }
        return [key for key, at in self._since.items() if now - at >= SECOND_LOOK]

    def confirms(self, article_id: int, *, now: datetime) -> bool:
        """Note a 404; tell whether it is the second, long enough after the first."""
        since = self._since.setdefault(article_id, now)
        return now - since >= SECOND_LOOK

    def forget(self, article_id: int) -> None:
        """Doubt an article no longer."""
        self._since.pop(article_id, None)


def visit_pages(
    database: Database,
    specs: Sequence[SourceSpec],
    *,
    fetcher: Fetcher,
    parser: Parser | None,
    clock: Clock,
    doubts: Doubts | None = None,
    limit: int = AT_A_TIME,
    workers: int = WORKERS,
    stop: Callable[[], bool] = never,
) -> Visited:
    """Look at the pages that are due, and keep what they tell; each look is recorded.

    410 withdraws a story, and so does a second 404 (`doubts` remembers the first); a page that is
    back restores what was withdrawn for its page. When more than half of a host's pages are gone
    at once nothing is withdrawn, and that is a warning. A page in HTML fills what the feed lacked.
    Any other answer changes nothing. Nothing is fetched inside a transaction.
    """
    round_ = _Round(database, fetcher, parser, clock, doubts or Doubts(), workers, stop)
    return round_.go(specs, limit)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one page answered; no status when the answer tells nothing."""

    article: Article
    status: int | None = None
    story: FoundStory | None = None

    @property
    def is_gone(self) -> bool:
        return self.status in {HTTPStatus.GONE, HTTPStatus.NOT_FOUND}

    @property
    def is_news(self) -> bool:
        """Whether the page of a story that stands is gone."""
        return self.is_gone and self.article.withdrawn_at is None

    @property
    def host(self) -> str:
        return host_of(self.article.story.url or "")


@dataclass(slots=True)
class _Round:
    """One round of looks, with what it has come to so far."""

    database: Database
    fetcher: Fetcher
    parser: Parser | None
    clock: Clock
    doubts: Doubts
    workers: int
    stop: Callable[[], bool]
    specs: dict[str, SourceSpec] = field(default_factory=dict)
    source_ids: list[int] = field(default_factory=list)
    looks: dict[int, _Look] = field(default_factory=dict)
    filled: int = 0
    withdrawn: list[int] = field(default_factory=list)
    restored: list[int] = field(default_factory=list)

    def go(self, specs: Sequence[SourceSpec], limit: int) -> Visited:
        self._know(specs)
        if not self.source_ids:
            return Visited()
        self._look_at(self._due(limit))
        self._look_at(self._neighbours())
        warnings = self._judge()
        return Visited(
            looked=len(self.looks),
            filled=self.filled,
            withdrawn=tuple(sorted(self.withdrawn)),
            restored=tuple(sorted(self.restored)),
            warnings=warnings,
        )

    # Which pages

    def _know(self, specs: Sequence[SourceSpec]) -> None:
        self.specs = {spec.name: spec for spec in specs if spec.visit and _is_web(spec.address)}
        with self.database.read() as connection:
            states = store.source_states(connection)
        self.source_ids = [state.id for state in states if state.name in self.specs]

    def _due(self, limit: int) -> list[Article]:
        now = self.clock()
        doubted = self.doubts.due(now=now)
        with self.database.read() as connection:
            again = article_store.articles_by_id(connection, doubted)
            due = article_store.due_for_visit(
                connection,
                source_ids=self.source_ids,
                seen_after=now - RECENT,
                visited_before=now - AGAIN_AFTER,
                backlog_after=now - BACKLOG_RECENT,
                limit=limit,
            )
        return self._visitable({one.id: one for one in (*again, *due)}.values())[:limit]

    def _neighbours(self) -> list[Article]:
        """Give further pages of the hosts where one is gone: do they answer?"""
        hosts = {look.host for look in self.looks.values() if look.is_news}
        if not hosts:
            return []
        now = self.clock()
        with self.database.read() as connection:
            recent = article_store.due_for_visit(
                connection,
                source_ids=self.source_ids,
                seen_after=now - RECENT,
                visited_before=now,
                backlog_after=now - BACKLOG_RECENT,
                limit=_SPARE * AT_A_TIME,
            )
        others = [one for one in self._visitable(recent) if one.id not in self.looks]
        standing = [one for one in others if one.withdrawn_at is None]
        by_host = (
            [one for one in standing if host_of(one.story.url or "") == host][:GUARDED]
            for host in sorted(hosts)
        )
        return [one for some in by_host for one in some]

    def _visitable(self, articles: Iterable[Article]) -> list[Article]:
        oldest = self.clock() - BACKLOG_RECENT
        return [
            one
            for one in articles
            if one.source in self.specs
            and _is_web(one.story.url or "")
            and not (one.backlog and one.dated_at < oldest)
        ]

    # What they answer

    def _look_at(self, articles: Sequence[Article]) -> None:
        looks = side_by_side(self._look, articles, workers=self.workers, stop=self.stop)
        with contextlib.closing(looks):
            for article, look in looks:
                self.looks[article.id] = look
                if not look.is_news:
                    self._keep(look)

    def _look(self, article: Article) -> _Look:
        spec, url = self.specs[article.source], article.story.url or ""
        try:
            fetched = self.fetcher.get(url, allow=spec.allow, accept=ACCEPT_PAGE)
        except HttpStatusError as error:
            return _Look(article, error.status)
        except Exception:  # noqa: BLE001 - a page that does not answer says nothing of its story
            return _Look(article)
        if canonical_url(url) and not canonical_url(fetched.address):
            return _Look(article)  # led to the front page: neither the story nor a clear refusal
        if page_kind(fetched) != "page" or not _lacks_something(article.story):
            return _Look(article, HTTPStatus.OK)
        read = self.parser.read if self.parser is not None else read_here
        try:
            reading = read(
                "page",
                fetched.content,
                address=fetched.address,
                content_type=fetched.content_type,
                zone=spec.zone,
                language=article.story.language or spec.language,
            )
        except Exception:  # noqa: BLE001 - it is there; what it says is only an addition
            return _Look(article, HTTPStatus.OK)
        return _Look(article, HTTPStatus.OK, next(iter(reading.stories), None))

    # What becomes of their stories

    def _keep(self, look: _Look) -> None:
        article, now = look.article, self.clock()
        is_back = look.status == HTTPStatus.OK
        self.doubts.forget(article.id)  # also when it says nothing: not to ask again and again
        with self.database.write() as connection:
            if article_store.save_visit(connection, article.id, now=now, found=look.story):
                self.filled += 1
            was_for_page = article.withdrawn_why.startswith(article_store.PAGE_ANSWERS)
            if is_back and was_for_page and article_store.restore(connection, article.id):
                self.restored.append(article.id)

    def _judge(self) -> tuple[str, ...]:
        warnings = []
        for host in sorted({look.host for look in self.looks.values() if look.is_news}):
            looked = [
                look
                for look in self.looks.values()
                if look.host == host and look.article.withdrawn_at is None
            ]
            gone = [look for look in looked if look.is_gone]
            is_ill = len(looked) >= GUARDED and 2 * len(gone) > len(looked)
            if is_ill:
                warnings.append(
                    f"{host}: {len(gone)} of {len(looked)} pages looked at are gone all at once;"
                    " no story was withdrawn"
                )
            for look in gone:
                self._keep_gone(look, is_ill=is_ill)
        return tuple(warnings)

    def _keep_gone(self, look: _Look, *, is_ill: bool) -> None:
        article_id, now = look.article.id, self.clock()
        if is_ill:
            self.doubts.forget(article_id)
        elif look.status == HTTPStatus.GONE or self.doubts.confirms(article_id, now=now):
            self.doubts.forget(article_id)
            why = f"{article_store.PAGE_ANSWERS}{look.status:d}"
            with self.database.write() as connection:
                article_store.save_visit(connection, article_id, now=now, found=None)
                if article_store.withdraw(connection, article_id, now=now, why=why):
                    self.withdrawn.append(article_id)
            return
        with self.database.write() as connection:
            article_store.save_visit(connection, article_id, now=now, found=None)


def _is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _lacks_something(story: FoundStory) -> bool:
    has_all = story.picture and story.standfirst and story.body_text and story.published_at
    return not has_all or story.published_from not in _SURE
