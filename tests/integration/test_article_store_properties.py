"""Whatever the order in which stories are seen: each one is one article, and no two are one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.db import Database
from digest.sources import article_store
from digest.sources.article_store import Saved
from digest.sources.model import FoundStory
from tests.integration.article_shelf import HOUR, NOON, source_id

HOSTS = ("e.example", "old.example")
some_time = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Seen:
    """One sighting of story number `n`: which of its names are shown, and how they are spelled."""

    n: int
    guid: bool
    url: bool
    spelling: str

    @property
    def story(self) -> FoundStory:
        return FoundStory(
            headline=f"Story number {self.n}".swapcase() if self.guid else f"Story number {self.n}",
            guid=f"guid {self.n}" if self.guid else None,
            url=self.spelling.format(self.n) if self.url else None,
            standfirst=f"What the {self.n} of them mean for the town and its harbour.",
        )


SPELLINGS = st.sampled_from(
    [
        "https://e.example/news/{}",
        "http://www.e.example/news/{}/",
        "https://old.example/news/{}?utm_source=x",
        "https://e.example/news/{};jsessionid=abc",
        "https://e.example/news/{}/amp?ref=rss",
    ]
)
SIGHTINGS = st.builds(Seen, st.integers(1, 4), st.booleans(), st.booleans(), SPELLINGS)
POLLS = st.lists(st.lists(SIGHTINGS, max_size=5), min_size=1, max_size=5)


@contextmanager
def _nothing_kept(database: Database) -> Iterator[sa.Connection]:
    """A write transaction that is undone: each example begins with an empty table."""
    with database.write() as connection, connection.begin_nested() as example:
        yield connection
        example.rollback()


def _save(connection: sa.Connection, stories: Sequence[FoundStory], turn: int) -> Saved:
    return article_store.save_stories(
        connection,
        source_id(connection),
        "site",
        stories,
        now=NOON + turn * HOUR,
        backlog=False,
        same_hosts=HOSTS,
    )


@some_time
@given(POLLS)
def test_a_story_is_one_article_in_whatever_order_its_names_appear(
    sqlite_database: Database, polls: list[list[Seen]]
) -> None:
    with _nothing_kept(sqlite_database) as connection:
        number_of: dict[int, int] = {}
        for turn, poll in enumerate(polls):
            saved = _save(connection, [seen.story for seen in poll], turn)
            for seen, number in zip(poll, saved.ids, strict=True):
                assert number_of.setdefault(seen.n, number) == number
        assert len(set(number_of.values())) == len(number_of)
        assert article_store.count_articles(connection) == len(number_of)


@some_time
@given(POLLS, st.randoms())
def test_the_order_of_commits_does_not_change_which_articles_there_are(
    sqlite_database: Database, polls: list[list[Seen]], random: Random
) -> None:
    told = []
    for _ in range(2):
        with _nothing_kept(sqlite_database) as connection:
            for turn, poll in enumerate(polls):
                _save(connection, [seen.story for seen in poll], turn)
            columns = article_store.article.c
            told.append(sorted(connection.scalars(sa.select(columns.standfirst))))
        random.shuffle(polls)
    assert told[0] == told[1]


@some_time
@given(POLLS)
def test_the_same_poll_again_writes_nothing(
    sqlite_database: Database, polls: list[list[Seen]]
) -> None:
    with _nothing_kept(sqlite_database) as connection:
        for turn, poll in enumerate(polls):
            stories = [seen.story for seen in poll]
            first = _save(connection, stories, turn)
            before = connection.execute(sa.select(article_store.article)).all()
            names = connection.execute(sa.select(article_store.article_identity)).all()
            assert _save(connection, stories, turn + 9) == Saved(ids=first.ids)
            assert connection.execute(sa.select(article_store.article)).all() == before
            assert connection.execute(sa.select(article_store.article_identity)).all() == names


WORDS = st.text("abcdefghij ", min_size=1, max_size=12)


@some_time
@given(st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=8), st.booleans())
def test_stories_with_other_guids_and_addresses_never_become_one(
    sqlite_database: Database,
    texts: list[tuple[str, str]],
    at_once: bool,  # noqa: FBT001 - one poll or many
) -> None:
    """Not even under one headline, as long as the text is not word for word the same."""
    stories = [
        FoundStory(headline, guid=f"g{n}", url=f"https://e.example/{n}", body_text=f"{text} {n}")
        for n, (headline, text) in enumerate(texts)
    ]
    polls = [stories] if at_once else [[story] for story in stories]
    with _nothing_kept(sqlite_database) as connection:
        for turn, poll in enumerate([*polls, *polls]):
            _save(connection, poll, turn)
        assert article_store.count_articles(connection) == len(stories)


def test_the_examples_leave_nothing_behind(sqlite_database: Database) -> None:
    with _nothing_kept(sqlite_database) as connection:
        _save(connection, [Seen(1, guid=True, url=True, spelling="https://e.example/{}").story], 0)
    with sqlite_database.read() as connection:
        assert article_store.count_articles(connection) == 0
