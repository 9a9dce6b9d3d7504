from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.sources import article_store
from digest.sources.article_store import Saved, article_identity, article_revision, article_term
from digest.sources.identity import IdentityKind
from digest.sources.merging import index_terms
from digest.sources.model import DateOrigin, FoundStory, Picture, Recording
from tests.integration.article_shelf import (
    DAY,
    HOUR,
    NOON,
    articles,
    headlines,
    rows,
    save,
    source_id,
    statements,
)
from tests.unit.sources.source_builders import a_story

HOSTS = ("new.example", "www.old.example")


def _number(n: int, **fields: Any) -> FoundStory:
    words = {
        "headline": f"Story {n}",
        "guid": f"g{n}",
        "url": f"https://e.example/{n}",
        "standfirst": f"What {n} means.",
    }
    return FoundStory(**{**words, **fields})


def _terms(database: Database, article_id: int) -> list[str]:
    return [term for term, owner in rows(database, article_term) if owner == article_id]


def test_each_story_is_told_its_article_in_the_order_given(database: Database) -> None:
    first = save(database, _number(2), _number(1))
    assert first == Saved(2, 0, first.ids)
    assert headlines(articles(database)) == ["Story 2", "Story 1"]
    two, one = first.ids
    changed = _number(2, standfirst="It means more.")
    again = save(database, _number(1), _number(3), changed, _number(3), now=NOON + HOUR)
    three = again.ids[1]
    assert again == Saved(1, 1, (one, three, two, three))
    assert save(database) == Saved()


def test_a_poll_is_saved_with_few_statements_and_an_unchanged_one_writes_nothing(
    database: Database,
) -> None:
    many = [_number(n) for n in range(150)]
    with database.write() as connection:
        source_id(connection)
    first = statements(database, lambda: save(database, *many))
    # SQLite gives back the ids of rows in their order only row by row; it is no journey there.
    others = [line for line in first if not (database.is_sqlite and line == "INSERT INTO article")]
    assert len(others) < 16
    before = articles(database)
    again = statements(database, lambda: save(database, *many, now=NOON + HOUR))
    # Beginning to write is said aloud: to SQLite by BEGIN, to PostgreSQL by how long it may idle.
    begun = "BEGIN" if database.is_sqlite else "SET"
    assert {line.split()[0] for line in again} == {"SELECT", begun}
    assert len(again) < 9
    assert articles(database) == before


def test_a_long_poll_is_saved_in_parts_as_if_it_were_one(database: Database) -> None:
    many = [_number(n) for n in range(450)]
    first = save(database, *many, _number(0), _number(449))
    assert (first.new, len(set(first.ids))) == (450, 450)
    assert first.ids[-2:] == (first.ids[0], first.ids[449])
    twice = [_number(0), *many[1:], _number(0, standfirst="The other version.")]
    assert save(database, *twice) == Saved(0, 0, (*first.ids[:450], first.ids[0]))


def test_a_story_that_stands_twice_in_one_poll_in_two_versions_comes_to_rest(
    database: Database,
) -> None:
    poll = (_number(1), _number(1, standfirst="Older words.", language="en"))
    assert save(database, *poll).new == 1
    (article,) = articles(database)
    assert article.story == _number(1, language="en")
    for n in range(3):
        assert save(database, *poll, now=NOON + n * HOUR).updated == 0
    assert articles(database) == [article]
    assert rows(database, article_revision) == []


def test_a_headline_of_a_river_does_not_stand_before_its_story(database: Database) -> None:
    assert save(database, a_story("STORY 1"), _number(1)).new == 1
    (article,) = articles(database)
    assert article.story == _number(1)


def test_words_are_indexed_with_the_article_and_anew_when_they_change(database: Database) -> None:
    (number,) = save(database, _number(1)).ids
    assert _terms(database, number) == sorted(index_terms(_number(1)))
    changed = _number(1, headline="Storm of the century", language="en")
    save(database, changed)
    assert _terms(database, number) == sorted(index_terms(changed))
    save(database, replace(changed, guid="another", categories=("Town",)))
    assert _terms(database, number) == sorted(index_terms(changed))


def test_a_site_that_moves_finds_its_stories_and_finds_them_again_when_it_moves_back(
    database: Database,
) -> None:
    old = _number(1, guid="http://old.example/?p=1", url="https://www.old.example/a")
    new = _number(1, guid="https://new.example/?p=1", url="https://new.example/a")
    other_words: dict[str, Any] = {"headline": "Another headline", "standfirst": "And other words."}
    # The setting comes with the move: the story was stored without it.
    assert save(database, old).new == 1
    assert save(database, replace(new, **other_words), same_hosts=HOSTS).new == 0
    assert save(database, replace(new, guid=None, headline="A third", standfirst="x")).new == 0
    # The way back, and after the setting is gone again.
    only_address = replace(old, guid=None, headline="A fourth", standfirst="y")
    assert save(database, only_address).new == 0
    assert save(database, replace(only_address, url="https://x.example/a")).new == 0  # its headline
    assert len(articles(database)) == 1


def test_the_same_path_at_a_host_that_was_never_the_sites_is_another_story(
    database: Database,
) -> None:
    save(database, _number(1, url="https://new.example/a"), same_hosts=HOSTS)
    other = a_story("Something else", guid="x", url="https://x.example/a")
    assert save(database, other, same_hosts=HOSTS).new == 1


def test_sessions_in_links_and_guids_make_no_story_no_write_and_no_link(
    database: Database,
) -> None:
    def poll(n: int) -> FoundStory:
        session = f"{n:032x}a1"
        return _number(
            1,
            guid=f"https://e.example/view.php?id=1&PHPSESSID={session}",
            url=f"https://www.e.example/view.php?id=1&PHPSESSID={session}",
        )

    assert save(database, poll(1)).new == 1
    (before,) = articles(database)
    assert before.story.url == "https://www.e.example/view.php?id=1"
    names = rows(database, article_identity)
    said = statements(database, lambda: save(database, poll(2), now=NOON + HOUR))
    assert not [line for line in said if line.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert articles(database) == [before]
    assert rows(database, article_identity) == names


def test_guids_made_up_anew_at_every_poll_do_not_fill_the_table(database: Database) -> None:
    for n in range(70):
        assert save(database, _number(1, guid=f"made up {n}")).ids == (articles(database)[0].id,)
    kinds = [row[0] for row in rows(database, article_identity)]
    assert len(kinds) == 64
    assert kinds.count(IdentityKind.URL.value) == 1


def test_guids_that_number_the_stories_from_the_top_mix_none_up(database: Database) -> None:
    """A feed of three, whose first is always number 1."""
    river = [_number(n) for n in range(8)]
    expected: dict[int, int] = {}
    for poll in range(6):
        shown = river[poll : poll + 3][::-1]
        stories = [replace(story, guid=str(place)) for place, story in enumerate(shown)]
        saved = save(database, *stories, now=NOON + poll * HOUR)
        for story, number in zip(shown, saved.ids, strict=True):
            assert expected.setdefault(int(story.headline.split()[1]), number) == number
        assert saved.updated == 0
    assert len(set(expected.values())) == 8 == len(articles(database))


def test_a_guid_given_to_quite_another_story_names_that_one_from_then_on(
    database: Database,
) -> None:
    old = a_story(
        "Ferry late after engine fault",
        guid="lead",
        url="https://e.example/ferry",
        standfirst="The morning crossing to the island was cancelled and forty people waited.",
    )
    new = a_story(
        "Council votes for lower rates",
        guid="lead",
        url="https://e.example/budget",
        standfirst="Shopkeepers in the old town welcome the cut, libraries fear for their hours.",
    )
    first, second = save(database, old), save(database, new, now=NOON + 90 * DAY)
    assert (first.new, second.new) == (1, 1)
    moved = replace(new, url="https://e.example/budget-vote", headline="Rates go down")
    assert save(database, moved).ids == second.ids
    assert save(database, replace(old, guid=None)).ids == first.ids
    assert articles(database)[0].story == old


def test_a_story_that_develops_under_its_guid_stays_one(database: Database) -> None:
    first = a_story("Ferry late", guid="7", url="https://e.example/ferry-late")
    later = a_story("Forty rescued from sinking ship", guid="7", url="https://e.example/rescued")
    assert save(database, first).ids == save(database, later, now=NOON + HOUR).ids


def test_a_redated_story_keeps_its_day(database: Database) -> None:
    story = _number(1, published_at=NOON - 40 * DAY, published_from=DateOrigin.FEED)
    save(database, story)
    again = replace(story, published_at=NOON + DAY)
    assert save(database, again, now=NOON + DAY).updated == 0
    (article,) = articles(database)
    assert article.story == replace(story, updated_at=NOON + DAY)
    assert article.dated_at == NOON - 40 * DAY


def test_a_postponed_story_follows_its_plan(database: Database) -> None:
    story = _number(1, published_at=NOON + DAY, published_from=DateOrigin.FEED)
    save(database, story)
    save(database, replace(story, published_at=NOON + 3 * DAY), now=NOON + HOUR)
    (article,) = articles(database)
    assert article.dated_at == NOON + 3 * DAY


def test_a_changed_address_asks_for_a_new_look_and_a_respelled_one_does_not(
    database: Database,
) -> None:
    (number,) = save(database, _number(1)).ids
    with database.write() as connection:
        article_store.save_visit(connection, number, now=NOON, found=None)
    save(database, _number(1, standfirst="Other words.", url="https://www.e.example/1/amp"))
    assert articles(database)[0].visited_at == NOON
    save(database, _number(1, url="https://e.example/moved"))
    assert articles(database)[0].visited_at is None


BAD = "\ud800\x00é" * 4_000
WORST = FoundStory(
    headline=BAD,
    url=f"https://e.example/{'a' * 1_900}\x00",
    guid=BAD,
    standfirst=BAD,
    body_html=BAD,
    body_text=BAD,
    authors=(BAD,) * 300,
    categories=(BAD,) * 300,
    picture=Picture("https://e.example/\x00a.jpg", BAD, BAD),
    recording=Recording("https://e.example/\ud800a.mp3", 2**80),
    published_at=NOON,
    published_from=DateOrigin.FEED,
    language=BAD,
    priority=2**80,
    reads=-1,
)


def test_the_worst_story_is_kept_clean_and_found_again(database: Database) -> None:
    first = save(database, WORST, replace(WORST, headline="\x00", guid=None, url="\ud800"))
    assert first.new == 2
    worst, bare = articles(database)
    assert worst.story.headline == "é" * 4_000
    assert worst.story.authors == ("é" * 500,) * 100
    assert bare.story.headline == "(no headline)"
    assert save(database, WORST).ids == first.ids[:1]
    assert save(database, a_story("\ud800\x00")).ids == first.ids[1:]
    with database.write() as connection:
        assert article_store.withdraw(connection, worst.id, now=NOON, why="\x00gone\ud800")
        assert article_store.find_by_url(connection, BAD) is None
        assert article_store.find_by_url(connection, WORST.url or "", same_hosts=(BAD,)) is not None
        assert article_store.search_articles(connection, BAD[:6], limit=9)
    assert articles(database)[0].withdrawn_why == "gone"


def test_many_who_save_overlapping_polls_at_once_make_each_story_once(database: Database) -> None:
    with database.write() as connection:
        ids = [source_id(connection, f"s{n}") for n in range(6)]
    stories = [_number(n) for n in range(12)]
    start = threading.Barrier(len(ids))
    saved: dict[int, list[Saved]] = {number: [] for number in ids}

    def poll(number: int, mine: Sequence[FoundStory]) -> None:
        start.wait()
        for turn in range(4):
            changed = [replace(story, standfirst=f"In turn {turn}.") for story in mine]
            with database.write() as connection:
                saved[number].append(
                    article_store.save_stories(
                        connection, number, f"s{number}", changed, now=NOON, backlog=False
                    )
                )

    threads = [
        threading.Thread(target=poll, args=(number, stories[2 * n :] + stories[: 2 * n]))
        for n, number in enumerate(ids)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.new for polls in saved.values() for one in polls) == 12
    kept = articles(database)
    assert sorted(headlines(kept)) == sorted(story.headline for story in stories)
    revisions = {row[0]: 0 for row in rows(database, article_revision)}
    for row in rows(database, article_revision):
        revisions[row[0]] += 1
    assert {
        article.id: article.revision - 1 for article in kept if article.revision > 1
    } == revisions


def test_what_is_withdrawn_while_a_poll_is_saved_stays_withdrawn(database: Database) -> None:
    (number,) = save(database, _number(1)).ids
    start = threading.Barrier(2)

    def withdraw() -> None:
        start.wait()
        with database.write() as connection:
            article_store.withdraw(connection, number, now=NOON, why="its page answers 410")

    def poll() -> None:
        start.wait()
        for n in range(10):
            save(database, _number(1, standfirst=f"Words {n}."))

    threads = [threading.Thread(target=act) for act in (withdraw, poll)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (article,) = articles(database)
    assert (article.withdrawn_at, article.revision) == (NOON, 11)


def test_a_poll_that_fails_leaves_nothing(database: Database) -> None:
    with database.write() as connection:
        number = source_id(connection)

    def fail() -> None:
        with database.write() as connection:
            article_store.save_stories(
                connection, number, "site", [_number(1)], now=NOON, backlog=False
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    for table in (article_store.article, article_identity, article_term):
        with database.read() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
