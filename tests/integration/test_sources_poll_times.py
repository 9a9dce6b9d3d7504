"""When sources are asked, over hours that pass on a clock of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.sources import store
from digest.sources.collect import collect
from digest.sources.fetch import Fetcher
from digest.sources.health import HealthWord, health_of
from digest.sources.model import Origin, Polled, SourceKind, SourceSpec, SourceState
from tests.integration.sources_newsroom import HERE, Site, answer, running_site

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
FEED = (
    b"<rss version='2.0'><channel><title>T</title>"
    b"<item><title>Story</title><guid>1</guid></item></channel></rss>"
)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        site.pages["/feed"] = answer(FEED)
        yield site


def _spec(site: Site, name: str = "site", *, path: str = "/feed", minutes: int = 10) -> SourceSpec:
    every = timedelta(minutes=minutes)
    return SourceSpec(name, SourceKind.FEED, site.url(path), every=every, allow=HERE)


def _poll(
    database: Database,
    *specs: SourceSpec,
    minutes: float,
    force: bool = False,
    chance: float = 0.5,
) -> list[Polled]:
    clock = fixed(NOON + timedelta(minutes=minutes))
    fetcher = Fetcher(user_agent="digest-test", timeout=5, deadline=5, clock=clock)
    return collect(
        database, specs, fetcher=fetcher, clock=clock, force=force, chance=lambda: chance
    )


def _names(polled: list[Polled]) -> list[str]:
    return [one.source for one in polled]


def _state(database: Database) -> SourceState:
    with database.read() as connection:
        (state,) = store.source_states(connection)
    return state


def _next_in_minutes(database: Database) -> float:
    next_poll_at = _state(database).next_poll_at
    assert next_poll_at is not None
    return (next_poll_at - NOON) / timedelta(minutes=1)


def test_only_sources_that_are_due_are_polled_unless_forced(database: Database, site: Site) -> None:
    specs = (_spec(site), _spec(site, "seldom", minutes=60))
    assert _names(_poll(database, *specs, minutes=0)) == ["site", "seldom"]
    assert _names(_poll(database, *specs, minutes=9.9)) == []
    assert _names(_poll(database, *specs, minutes=10)) == ["site"]
    assert _names(_poll(database, *specs, minutes=60)) == ["site", "seldom"]
    assert _names(_poll(database, *specs, minutes=61, force=True)) == ["site", "seldom"]
    assert _names(_poll(database, *specs, minutes=30)) == ["site", "seldom"]  # clock set back


@pytest.mark.parametrize(("chance", "minutes"), [(0.0, 9.0), (0.5, 10.0), (0.75, 10.5)])
def test_polls_are_scattered_so_that_sources_are_not_asked_together_for_ever(
    sqlite_database: Database, site: Site, chance: float, minutes: float
) -> None:
    _poll(sqlite_database, _spec(site), minutes=0, chance=chance)
    assert _next_in_minutes(sqlite_database) == minutes


def test_nothing_is_written_when_nothing_is_due(sqlite_database: Database, site: Site) -> None:
    _poll(sqlite_database, _spec(site), minutes=0)
    with sqlite_database.write():  # the one write lock is ours: writing would wait half a minute
        other = Database(sqlite_database.url.render_as_string(hide_password=False))
        assert _poll(other, _spec(site), minutes=5) == []
        other.close()


def test_a_source_that_fails_is_asked_more_and_more_seldom(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(status=500)
    waits = []
    minutes = 0.0
    for _ in range(8):
        assert _poll(database, _spec(site), minutes=minutes, chance=0.0)[0].problem
        waits.append(_next_in_minutes(database) - minutes)
        minutes = _next_in_minutes(database)
    assert waits == [10, 20, 40, 80, 160, 320, 360, 360]
    site.pages["/feed"] = answer(FEED)
    _poll(database, _spec(site), minutes=minutes)
    assert _next_in_minutes(database) - minutes == 10
    assert _state(database).failures == 0


def test_a_feed_that_is_gone_for_good_is_asked_once_a_day(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(status=410)
    (told,) = _poll(database, _spec(site), minutes=0)
    assert "410 Gone" in told.problem
    assert _next_in_minutes(database) == 24 * 60
    assert health_of(_spec(site), _state(database), now=NOON).word is HealthWord.DEAD


@pytest.mark.parametrize("status", [429, 503])
def test_a_site_that_says_wait_is_left_alone_also_when_forced(
    database: Database, site: Site, status: int
) -> None:
    site.pages["/feed"] = answer(status=status, Retry_After="7200")
    (told,) = _poll(database, _spec(site), minutes=0)
    until = NOON + timedelta(hours=2)
    assert told.not_before == until
    assert told.problem.endswith("(not asked before 2026-01-09 14:00:00 UTC)")
    asked = len(site.asked)
    site.pages["/feed"] = answer(FEED)
    assert _poll(database, _spec(site), minutes=119.9) == []
    assert _poll(database, _spec(site), minutes=119.9, force=True) == [
        Polled(
            "site",
            problem=(
                "source: site: the site asks for a pause: not asked before 2026-01-09 14:00:00"
                " UTC. It is asked again then by itself."
            ),
            not_before=until,
        )
    ]
    assert len(site.asked) == asked
    assert _state(database).failures == 1
    assert _poll(database, _spec(site), minutes=120)[0].new == 1


def test_a_pause_asked_for_in_a_good_answer_is_kept_and_then_forgotten(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(FEED, Retry_After="3600")
    (told,) = _poll(database, _spec(site), minutes=0)
    assert (told.new, told.not_before) == (1, NOON + timedelta(hours=1))
    assert _poll(database, _spec(site), minutes=59) == []
    assert _poll(database, _spec(site), minutes=59, force=True)[0].problem
    site.pages["/feed"] = answer(FEED)
    state = _state(database)
    assert (state.warning, state.not_before) == (None, NOON + timedelta(hours=1))
    assert _poll(database, _spec(site), minutes=60) == [Polled("site", unchanged=True)]
    assert _state(database).not_before is None


def test_a_pause_shorter_than_the_wait_after_many_failures_may_be_cut_off_there_by_force(
    sqlite_database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(status=503, Retry_After="300")
    for minutes in (0, 10, 30):
        (told,) = _poll(sqlite_database, _spec(site), minutes=minutes, chance=0.0)
    assert told.problem.endswith("(not asked before 2026-01-09 12:35:00 UTC)")
    assert _next_in_minutes(sqlite_database) == 30 + 40
    site.pages["/feed"] = answer(FEED)
    assert _poll(sqlite_database, _spec(site), minutes=34, force=True)[0].problem
    assert _poll(sqlite_database, _spec(site), minutes=35) == []
    assert _poll(sqlite_database, _spec(site), minutes=35, force=True)[0].new == 1


def test_a_source_that_fails_without_asking_for_a_pause_may_be_forced(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(status=500)
    _poll(database, _spec(site), minutes=0)
    site.pages["/feed"] = answer(FEED)
    assert _poll(database, _spec(site), minutes=1) == []
    assert _poll(database, _spec(site), minutes=1, force=True)[0].new == 1


def test_an_interval_shortened_in_the_settings_counts_at_once(
    database: Database, site: Site
) -> None:
    _poll(database, _spec(site, minutes=1440), minutes=0)
    assert _poll(database, _spec(site, minutes=1440), minutes=11) == []
    assert _names(_poll(database, _spec(site, minutes=10), minutes=11)) == ["site"]


def test_pushed_stories_are_never_polled(database: Database, site: Site) -> None:
    pushed = SourceSpec("pushed", SourceKind.PUSHED, "")
    polled = _poll(database, pushed, _spec(site), minutes=0, force=True)
    assert _names(polled) == ["site"]


def test_a_source_removed_meanwhile_is_not_polled(database: Database, site: Site) -> None:
    desk = replace(_spec(site), origin=Origin.DESK)
    assert _poll(database, desk, minutes=0) == []
    with database.write() as connection:
        store.add_source(connection, desk)
    assert _names(_poll(database, desk, minutes=0)) == ["site"]
