from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from digest.sources import article_store, store
from digest.sources.collect import collect, read_source
from digest.sources.fetch import Fetched, Fetcher
from digest.sources.health import Health, HealthWord
from digest.sources.model import Article, Polled, Reading, SourceKind, SourceSpec, SourceState
from digest.sources.parsing import Parser
from tests.integration.sources_newsroom import HERE, Site, answer, dated, running_site

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
FETCHER = Fetcher(user_agent="digest-test", timeout=5, deadline=5)
TURNED_OVER = "turned over completely between two polls; stories may have been missed"


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def _feed(*names: str) -> bytes:
    items = "".join(f"<item><title>Story {n}</title><guid>g{n}</guid></item>" for n in names)
    return f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode()


def _page(headline: str, *river: str) -> str:
    lines = ("Gazette", "Friday, Jan 09, 2026", headline, "Short.", "Long.", "Gazette", "0:00")
    return "\n".join((*lines, *river, "×"))


def _spec(site: Site, path: str = "/feed", name: str = "site") -> SourceSpec:
    return SourceSpec(name, SourceKind.FEED, site.url(path), allow=HERE)


def _collect(
    database: Database,
    *specs: SourceSpec,
    minutes: float = 0,
    force: bool = True,
    **tools: Any,
) -> list[Polled]:
    clock = fixed(NOON + timedelta(minutes=minutes))
    return collect(
        database,
        specs,
        fetcher=FETCHER,
        clock=clock,
        force=force,
        **{"chance": lambda: 0.5, **tools},
    )


def _states(database: Database) -> dict[str, SourceState]:
    with database.read() as connection:
        return {state.name: state for state in store.source_states(connection)}


def _articles(database: Database) -> list[Article]:
    with database.read() as connection:
        return article_store.articles_seen(
            connection, after=NOON - timedelta(days=1), until=NOON + timedelta(days=1)
        )


def test_a_feeds_first_import_is_backlog_and_later_stories_are_new(
    database: Database, site: Site
) -> None:
    spec = _spec(site)
    site.pages["/feed"] = answer(_feed("1", "2"))
    assert _collect(database, spec) == [Polled("site", found=2, new=2)]
    site.pages["/feed"] = answer(_feed("2", "3").replace(b"Story 2", b"Story two"))
    assert _collect(database, spec, minutes=10) == [Polled("site", found=2, new=1, updated=1)]
    assert [
        (article.story.headline, article.backlog, article.first_seen_at)
        for article in _articles(database)
    ] == [
        ("Story 1", True, NOON),
        ("Story two", True, NOON),
        ("Story 3", False, NOON + timedelta(minutes=10)),
    ]


def test_a_first_import_that_failed_leaves_the_next_one_the_first(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(status=500)
    assert _collect(database, _spec(site))[0].problem
    site.pages["/feed"] = answer(_feed("1"))
    _collect(database, _spec(site), minutes=10)
    assert [article.backlog for article in _articles(database)] == [True]


def test_a_feed_that_has_not_changed_is_not_read_again(database: Database, site: Site) -> None:
    site.pages["/feed"] = dated(_feed("1"), etag='"1"', last_modified="yesterday")
    _collect(database, _spec(site))
    assert _collect(database, _spec(site), minutes=10) == [Polled("site", unchanged=True)]
    state = _states(database)["site"]
    assert (state.etag, state.last_modified) == ('"1"', "yesterday")
    assert state.last_ok_at == NOON + timedelta(minutes=10)


def test_a_feed_that_turned_over_completely_is_a_warning(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed())
    assert _collect(database, _spec(site)) == [Polled("site")]
    for names, warnings in (("12", ()), ("34", (TURNED_OVER,)), ("45", ()), ("", ())):
        site.pages["/feed"] = answer(_feed(*names))
        assert _collect(database, _spec(site))[0].warnings == warnings


def test_a_source_that_fails_is_told_in_words_and_harms_no_other(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(_feed("1"))
    site.pages["/page"] = answer(b"<!doctype html>", content_type="text/html")
    gone, page = _spec(site, "/gone", "gone"), _spec(site, "/page", "page")
    odd = replace(_spec(site, name="odd"), address="nul\0.xml")
    for failures in (1, 2):
        told = _collect(database, gone, page, odd, _spec(site))
        assert [bool(one.problem) for one in told] == [True, True, True, False]
        assert told[0].problem == (
            f"fetch: {site.url('/gone')}: the site answers 404 Not Found. The feed has moved; look"
            " up its address on the site and change it in digest.toml."
        )
        state = _states(database)["gone"]
        assert (state.failures, state.error) == (failures, told[0].problem)
        assert state.first_ok_at is None
    site.pages["/gone"] = answer(_feed("7"))
    _collect(database, gone)
    state = _states(database)["gone"]
    assert (state.failures, state.error) == (0, None)


class _Broken(Fetcher):
    def get(self, *_args: object, **_kwargs: object) -> Fetched:
        raise RuntimeError("out of cheese")


def test_unforeseen_trouble_is_told_and_harms_no_other(database: Database, site: Site) -> None:
    told = collect(database, [_spec(site)], fetcher=_Broken(), clock=fixed(NOON), force=True)
    trouble = "source: site: unexpected trouble (RuntimeError: out of cheese)"
    assert told == [Polled("site", problem=trouble)]
    assert read_source(_spec(site), fetcher=_Broken()) == Polled("site", problem=trouble)
    assert _states(database)["site"].error == trouble


def test_a_feed_whose_guids_are_all_the_same_loses_no_story(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed("1", "2").replace(b"g1", b"g").replace(b"g2", b"g"))
    assert _collect(database, _spec(site)) == [
        Polled(
            "site",
            found=2,
            new=2,
            warnings=("several stories have the same guid; it was ignored",),
        )
    ]


def test_a_feed_may_be_a_file(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(_feed("1"))
    spec = SourceSpec("site", SourceKind.FEED, path.as_uri())
    assert _collect(database, spec) == [Polled("site", found=1, new=1)]
    assert _collect(database, spec) == [Polled("site", unchanged=True)]
    path.write_bytes(_feed("1", "2"))
    assert _collect(database, spec) == [Polled("site", found=2, new=1)]


def test_pages_may_be_a_file_a_folder_or_an_address(
    database: Database, site: Site, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(_page("Ferry back", "Tide high", "Crane sold"))
    (tmp_path / "b.txt").write_text(_page("Crane sold", "Tide high"))
    (tmp_path / "c.txt").write_text("")
    (tmp_path / "readme.md").write_text("no page")
    site.pages["/page"] = answer(_page("Pier").encode(), content_type="text/plain; charset=utf-8")
    folder = SourceSpec("folder", SourceKind.PAGE, str(tmp_path))
    file = SourceSpec("file", SourceKind.PAGE, str(tmp_path / "a.txt"))
    web = SourceSpec("web", SourceKind.PAGE, site.url("/page"), allow=HERE)
    empty = f"page: {tmp_path / 'c.txt'}: the page is empty"
    assert _collect(database, folder, file, web) == [
        Polled("folder", found=5, new=3, warnings=(empty,)),
        Polled("file", found=3, new=3),
        Polled("web", found=1, new=1),
    ]
    assert _collect(database, folder) == [Polled("folder", unchanged=True)]
    (tmp_path / "d.txt").write_text(_page("Lamp lit"))
    assert _collect(database, folder)[0].new == 1
    assert {article.backlog for article in _articles(database)} == {False}


def test_pages_that_are_none_are_told(database: Database, site: Site, tmp_path: Path) -> None:
    site.pages["/page"] = answer(b"", content_type="text/plain; charset=utf-8")
    folder = SourceSpec("folder", SourceKind.PAGE, str(tmp_path))
    web = SourceSpec("web", SourceKind.PAGE, site.url("/page"), allow=HERE)
    absent = SourceSpec("absent", SourceKind.PAGE, str(tmp_path / "absent.txt"))
    odd = SourceSpec("odd", SourceKind.PAGE, "a\0b")
    problems = [
        one.problem.partition(": ")[2] for one in _collect(database, folder, web, absent, odd)
    ]
    path_hint = "Check the path; one that does not begin with / counts from where digest starts."
    folder_hint = "Put pages there: saved from the web (.html), or captured as text (.txt)."
    assert problems == [
        f"{tmp_path}: no file in it to read. {folder_hint}",
        f"{site.url('/page')}: the page is empty. Capture it again, or remove the file.",
        f"{tmp_path / 'absent.txt'}: no such file or directory. {path_hint}",
        f"ab: no such name. {path_hint}",
    ]
    (tmp_path / "a.txt").write_text("")
    (told,) = _collect(database, folder)
    assert told.problem.startswith(f"folder: {tmp_path}: page: {tmp_path / 'a.txt'}: the page is")


def test_a_source_is_checked_without_keeping_anything(site: Site, tmp_path: Path) -> None:
    site.pages["/feed"] = answer(_feed("1") + b"&")
    told = read_source(_spec(site), fetcher=FETCHER)
    assert (told.found, told.new, told.problem, len(told.warnings)) == (1, 0, "", 1)
    absent = SourceSpec("absent", SourceKind.FEED, str(tmp_path / "absent.xml"))
    assert "no such file" in read_source(absent, fetcher=FETCHER).problem
    (tmp_path / "a.txt").write_text(_page("Ferry back"))
    folder = SourceSpec("folder", SourceKind.PAGE, str(tmp_path))
    assert read_source(folder, fetcher=FETCHER) == Polled("folder", found=1)


def test_the_same_bytes_again_are_not_read_again(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed("1"), ETag='"1"')
    _collect(database, _spec(site))
    site.pages["/feed"] = answer(_feed("1"), ETag='"2"')
    with _Unread() as parser:
        told = _collect(database, _spec(site), minutes=10, parser=parser)
    assert told == [Polled("site", unchanged=True)]
    assert _states(database)["site"].etag == '"2"'


class _Unread(Parser):
    def read(self, *_args: Any, **_kwargs: Any) -> Reading:
        raise AssertionError("it was read again")


def test_what_was_fetched_is_read_in_a_process_that_can_be_killed(
    database: Database, site: Site
) -> None:
    site.pages |= {"/feed": answer(_feed("1", "2")), "/other": answer(_feed("3", "4"))}
    with Parser() as parser:
        told = _collect(database, _spec(site), _spec(site, "/other", "other"), parser=parser)
        assert read_source(_spec(site), fetcher=FETCHER, parser=parser).found == 2
    assert told == [Polled("site", found=2, new=2), Polled("other", found=2, new=2)]


def test_a_slow_source_does_not_delay_the_saving_of_others(database: Database, site: Site) -> None:
    may_end = threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        assert may_end.wait(10)
        answer(_feed("9"))(handler)

    site.pages |= {"/slow": slow, "/feed": answer(_feed("1"))}
    heard: list[tuple[str, int, bool]] = []

    def on_polled(told: Polled) -> None:
        here = threading.current_thread() is threading.main_thread()
        heard.append((told.source, len(_articles(database)), here))
        may_end.set()

    told = _collect(database, _spec(site, "/slow", "slow"), _spec(site), on_polled=on_polled)
    assert heard == [("site", 1, True), ("slow", 2, True)]
    assert [one.source for one in told] == ["slow", "site"]  # as the settings name them


def test_a_slow_host_with_many_sources_lets_others_go_first(
    sqlite_database: Database, site: Site
) -> None:
    site.pages |= {f"/{n}": answer(_feed(str(n))) for n in range(9)}
    slow = [_spec(site, f"/{n}", f"slow{n}") for n in range(8)]
    other = replace(_spec(site), address=site.url("/8", "localhost"))
    heard: list[str] = []
    _collect(
        sqlite_database, *slow, other, workers=1, on_polled=lambda told: heard.append(told.source)
    )
    assert heard == ["slow0", "site", *(f"slow{n}" for n in range(1, 8))]


def test_a_source_of_a_strange_address_has_its_turn(sqlite_database: Database) -> None:
    odd = SourceSpec("odd", SourceKind.FEED, "http://[::1/feed")
    assert "not an http or https address" in _collect(sqlite_database, odd)[0].problem


def test_when_it_is_to_stop_nothing_more_is_saved(sqlite_database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed("1"))
    assert _collect(sqlite_database, _spec(site), stop=lambda: True) == []
    assert _states(sqlite_database)["site"].last_tried_at is None


def test_what_the_settings_say_of_a_source_is_said_of_its_stories(
    database: Database, site: Site
) -> None:
    site.pages |= {"/feed": answer(_feed("1")), "/other": answer(_feed("2"))}
    spec = replace(_spec(site), language="fr", priority=3)
    other = replace(_spec(site, "/other", "other"), priority=-5_000)
    _collect(database, spec, other)
    said = {a.source: (a.story.language, a.story.priority) for a in _articles(database)}
    assert said == {"site": ("fr", 3), "other": (None, -1_000)}


def test_headlines_are_set_with_the_right_signs(sqlite_database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed("1").replace(b"Story 1", b'The mayor: "It sails"'))
    _collect(sqlite_database, replace(_spec(site), language="en"))
    [article] = _articles(sqlite_database)
    assert article.story.headline == "The mayor: “It sails”"


def test_a_story_of_the_sites_former_host_is_the_same_story(database: Database, site: Site) -> None:
    item = "<item><title>Ferry {n}</title><link>https://{host}/ferry</link></item>"

    def feed(n: int, host: str) -> bytes:
        inside = item.format(n=n, host=host)
        return f"<rss version='2.0'><channel>{inside}</channel></rss>".encode()

    hosts = ("new.example", "old.example")
    site.pages["/feed"] = answer(feed(1, "old.example"))
    _collect(database, _spec(site), same_hosts=hosts)
    site.pages["/feed"] = answer(feed(2, "new.example"))
    assert _collect(database, _spec(site), same_hosts=hosts)[0].updated == 1
    assert len(_articles(database)) == 1


# Told to people


def _told_of(
    heard: list[tuple[str, int, str, HealthWord]],
) -> Callable[[SourceSpec, SourceState, Polled, Health], list[NewNotice]]:
    def notices(
        spec: SourceSpec, state: SourceState, told: Polled, health: Health
    ) -> list[NewNotice]:
        heard.append((spec.name, state.failures, told.problem[:5], health.word))
        return [
            NewNotice(
                dedupe_key=f"{spec.name}:{health.word}",
                kind=NoticeKind.OPERATORS,
                to_address="admin@post.example",
                facts={"what": health.sentence},
                next_at=NOON,
            )
        ]

    return notices


def _waiting(database: Database) -> list[str]:
    with database.read() as connection:
        due = outbox.due(connection, now=NOON, limit=99)
    return [notice.dedupe_key for notice in due]


def test_notices_hear_how_a_source_stands_and_fares_after_its_poll(
    database: Database, site: Site
) -> None:
    heard: list[tuple[str, int, str, HealthWord]] = []
    for status in (500, 500, 200):
        site.pages["/feed"] = answer(_feed("1"), status=status)
        _collect(database, _spec(site), notices=_told_of(heard))
    assert heard == [
        ("site", 1, "fetch", HealthWord.FAILING),
        ("site", 2, "fetch", HealthWord.FAILING),
        ("site", 0, "", HealthWord.WELL),
    ]
    assert _waiting(database) == ["site:failing", "site:well"]


def test_a_notice_is_written_with_the_record_of_its_poll_or_not_at_all(
    database: Database, site: Site
) -> None:
    written = _told_of([])

    def notices(
        spec: SourceSpec, state: SourceState, told: Polled, health: Health
    ) -> Iterator[NewNotice]:
        yield from written(spec, state, told, health)
        if not told.problem:
            raise RuntimeError("out of cheese")

    site.pages["/feed"] = answer(_feed("1"))
    (told,) = _collect(database, _spec(site), notices=notices)
    assert told.problem == "source: site: unexpected trouble (RuntimeError: out of cheese)"
    assert _articles(database) == []
    assert _waiting(database) == ["site:failing"]
    assert _states(database)["site"].failures == 1


def test_a_password_in_an_address_is_never_told(sqlite_database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(status=500)
    address = site.url("/feed").replace("//", "//reader:hunter22@")
    (told,) = _collect(sqlite_database, replace(_spec(site), address=address))
    assert told.problem
    assert "hunter22" not in told.problem
    assert "hunter22" not in str(_states(sqlite_database))


def test_what_failed_is_kept_with_its_status_and_since_when(database: Database, site: Site) -> None:
    def kept() -> tuple[int, int | None, datetime | None]:
        state = _states(database)["site"]
        return state.failures, state.status, state.failing_since

    site.pages["/feed"] = answer(status=500)
    for minutes in (0, 10):
        _collect(database, _spec(site), minutes=minutes)
    assert kept() == (2, 500, NOON)
    site.pages["/feed"] = answer(b"no feed")
    _collect(database, _spec(site), minutes=20)
    assert kept() == (3, None, NOON)
    site.pages["/feed"] = answer(_feed("1"))
    _collect(database, _spec(site), minutes=30)
    assert kept() == (0, None, None)
    site.pages["/feed"] = answer(status=410)
    _collect(database, _spec(site), minutes=40)
    assert kept() == (1, 410, NOON + timedelta(minutes=40))


def test_a_source_whose_password_was_changed_is_brought_in_anew(
    database: Database, site: Site
) -> None:
    def spec(password: str) -> SourceSpec:
        address = site.url("/feed").replace("//", f"//reader:{password}@")
        return replace(_spec(site), address=address)

    for password, failures in (("hunter22", 1), ("hunter22", 2), ("hunter33", 1)):
        _collect(database, spec(password))
        state = _states(database)["site"]
        assert (state.address, state.failures) == (site.url("/feed"), failures)
