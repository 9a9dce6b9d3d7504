"""Malformed, huge, slow, looping and hostile sources, all at once, through the whole product."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from digest.app import App, open_app
from digest.composition.model import Composition
from digest.config import load
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.model import Selection, Verdict
from digest.sources import article_store, store
from digest.sources.fetch import Fetcher
from digest.sources.model import Article, Polled, SourceState
from digest.workflow.advance import advance
from tests.acceptance.hostile_newsroom import (
    DATED,
    HEADLINES,
    INSIDE,
    KEY,
    READ,
    REFUSED,
    WELL,
    Hostile,
    Names,
    Paths,
    well,
)
from tests.builders import Watch, a_newsletter, moment, write_settings
from tests.integration.sources_newsroom import HERE, Site, answer, running_site

POLLED, CUT_OFF = moment("2026-01-09 06:25"), moment("2026-01-09 06:30")
FUTURE = "https://post.example/date-0"
EVERY = (*REFUSED, *READ)
SECONDS = 60
"""For all of them at once, however busy the machine; a tenth of it where it is not."""
OWN_MEGABYTES = 150
CHILD_MEGABYTES = 400
_LONGEST_WORDS = 8_000
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
_HARM = re.compile(r"(?i)<script|<iframe|javascript:|file:|<[^>]*\son[a-z]+=|/etc/passwd")


class Peaks:
    """Watches the memory of this process and of those below it, while a block runs."""

    def __init__(self) -> None:
        self.own = 0
        """Megabytes that this process grew by at the most."""
        self.children: dict[int, int] = {}
        """Process → megabytes at the most."""
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now
        self._before = _megabytes("self", "VmRSS")
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._thread.join()
        self.own = _megabytes("self", "VmHWM") - self._before

    def _watch(self) -> None:
        while not self._is_over.wait(0.05):
            for pid in _below():
                self.children[pid] = max(self.children.get(pid, 0), _megabytes(pid, "VmHWM"))


def _megabytes(pid: int | str, name: str) -> int:
    with contextlib.suppress(OSError):
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) // 1024 if found else 0
    return 0


def _below(pid: int | str = "self") -> Iterator[int]:
    """Give the processes below one, at whatever depth; none where the system does not tell."""
    told: list[str] = []
    with contextlib.suppress(OSError):
        told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    for child in " ".join(told).split():
        yield int(child)
        yield from _below(child)


@dataclass
class Newsroom:
    """One installation, what became of each of its sources, and the edition made of them."""

    app: App
    watch: Watch
    site: Site
    names: Names
    polled: dict[str, Polled] = field(default_factory=dict)
    seconds: float = 0.0
    peaks: Peaks = field(default_factory=Peaks)

    def collect(self) -> None:
        began = time.monotonic()
        with self.peaks:
            self.polled = {polled.source: polled for polled in self.app.collect(force=True)}
        self.seconds = time.monotonic() - began

    def state(self, name: str) -> SourceState:
        with self.app.database.read() as connection:
            return next(each for each in store.source_states(connection) if each.name == name)

    def articles(self, source: str | None = None) -> list[Article]:
        with self.app.database.read() as connection:
            found = article_store.articles_seen(
                connection, after=moment("2026-01-01 00:00"), until=moment("2026-02-01 00:00")
            )
        return [article for article in found if source in {None, article.source}]

    def edition(self) -> tuple[Selection, Composition]:
        """Make this morning's edition, as the scheduler's tick does; the collector is still."""
        self.watch.at = CUT_OFF
        steps = advance(self.app.newsroom)
        assert [(step.what, step.problem) for step in steps] == [
            ("prepared", False), ("drafted", False),
        ]  # fmt: skip
        with self.app.database.read() as connection:
            (edition,) = editions.recent_editions(connection, limit=9)
            selection = candidate_store.load_selection(connection, edition.id)
        return selection, self.app.composition(edition)


def _settings(folder: Path, site: Site, database: str) -> Path:
    sources = {each.name: each.table(site, folder) for each in EVERY}
    sources[WELL] = {"feed": site.url("/well/feed", "well.example"), "allow": list(HERE)}
    stories = {"min": 1, "top": 3, "max": 300, "max_age": "48h"}
    daily = a_newsletter(stories=stories, release="approve")
    return write_settings(folder, database=database, sources=sources, newsletters={"daily": daily})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def newsroom(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Newsroom]:
    """An installation with all of them, collected once, on each database."""
    folder = tmp_path_factory.mktemp("hostile")
    with contextlib.ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            postgres = request.getfixturevalue("_postgres")
            name = postgres.create()
            stack.callback(postgres.drop, name)
            url = postgres.url(name)
        site = stack.enter_context(running_site())
        site.pages = Paths({"/well/feed": answer(well())})
        for each in EVERY:
            site.pages.update(each.make(site, f"/{each.name}"))
        watch, names = Watch(moment("2026-01-08 12:00")), Names()
        app = open_app(load(_settings(folder, site, url)), clock=watch)
        stack.callback(app.close)
        watch.at = POLLED
        fetcher = Fetcher(clock=watch, timeout=2.5, deadline=5, resolve=names)
        newsroom = Newsroom(replace(app, fetcher=fetcher), watch, site, names)
        newsroom.collect()
        yield newsroom


@pytest.mark.parametrize("hostile", REFUSED, ids=lambda each: each.name)
def test_what_is_built_to_hurt_is_refused_with_its_reason(
    newsroom: Newsroom, hostile: Hostile
) -> None:
    state = newsroom.state(hostile.name)
    assert state.error is not None
    assert hostile.says in state.error
    cause, _, remedy = state.error.rpartition(hostile.says)
    assert cause.startswith(("fetch: ", "feed: ", "page: ", "wordpress: ", "ghost: "))
    assert len(remedy) > 10, "no remedy"
    assert (state.failures, state.first_ok_at, state.last_tried_at) == (1, None, POLLED)
    assert newsroom.polled[hostile.name].problem == state.error
    assert newsroom.articles(hostile.name) == []


@pytest.mark.parametrize("hostile", READ, ids=lambda each: each.name)
def test_what_is_only_broken_is_read_with_a_warning(newsroom: Newsroom, hostile: Hostile) -> None:
    state = newsroom.state(hostile.name)
    assert (state.error, state.failures, state.last_ok_at) == (None, 0, POLLED)
    assert hostile.says in (state.warning or "")
    assert bool(state.warning) == bool(hostile.says)
    assert len(newsroom.articles(hostile.name)) == hostile.stories


def test_none_of_them_harms_the_source_beside_it(newsroom: Newsroom) -> None:
    state = newsroom.state(WELL)
    assert (state.error, state.warning, state.last_ok_at) == (None, None, POLLED)
    found = {article.story.headline for article in newsroom.articles(WELL)}
    assert found == set(HEADLINES)
    assert newsroom.polled.keys() == {WELL, *(each.name for each in EVERY)}


def test_all_of_them_together_take_bounded_time_and_memory(newsroom: Newsroom) -> None:
    assert newsroom.seconds < SECONDS
    assert newsroom.peaks.own < OWN_MEGABYTES
    assert max(newsroom.peaks.children.values(), default=0) < CHILD_MEGABYTES


def test_none_of_them_leads_inside(newsroom: Newsroom) -> None:
    assert [path for path, _ in newsroom.site.asked if INSIDE in path] == []


def test_what_is_told_of_them_is_one_clean_line_without_secrets(newsroom: Newsroom) -> None:
    for each in EVERY:
        state = newsroom.state(each.name)
        for words in (state.error or "", state.warning or "", state.moved_to or ""):
            assert words.isprintable()
            assert len(words) < _LONGEST_WORDS
            assert KEY not in words
            assert not re.search(r"bytearray|Traceback|Error\b|<class", words), words
        assert all(len(value or "") <= 1_000 for value in (state.etag, state.last_modified))


def test_what_is_stored_is_clean(newsroom: Newsroom) -> None:
    articles = newsroom.articles()
    assert len(articles) == len(HEADLINES) + sum(each.stories or 0 for each in READ)
    for article in articles:
        story = article.story
        for text in _texts(story):
            assert not _NO_TEXT.search(text), (article.source, text[:200])
        assert 0 < len(story.headline) <= 500
        assert len(story.standfirst) <= 2_000
        assert len(story.body_html) <= 4 * 256 * 1024
        assert not _HARM.search(f"{story.body_html} {story.url} {story.picture}")
        for link in (story.url, story.picture.url if story.picture else None):
            assert link is None or _is_web_address(link), (article.source, link)
        for at in (story.published_at, story.updated_at, article.first_seen_at):
            assert at is None or at.utcoffset() == timedelta(0)


def _texts(value: Any) -> Iterator[str]:
    """Give every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif is_dataclass(value):
        for part in fields(value):
            yield from _texts(getattr(value, part.name))


def _is_web_address(link: str) -> bool:
    parts = urlsplit(link)
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and link.isascii()
        and not re.search(r"[\s\"<>]", link)
    )


def test_dates_are_read_in_any_language_and_none_is_made_up(newsroom: Newsroom) -> None:
    found = newsroom.articles("dates")
    dated = {int(each.story.guid.rpartition("-")[2]): each for each in found if each.story.guid}
    told = {n: each.story.published_at for n, each in sorted(dated.items())}
    nine = moment("2026-01-08 09:00")  # six in the evening in Tokyo
    assert told == {
        **dict.fromkeys(range(DATED)),
        0: moment("2099-01-09 06:00"),
        **dict.fromkeys((3, *range(10, 15)), nine),
    }


def test_guids_and_sessions_that_change_make_no_new_story(newsroom: Newsroom) -> None:
    before = newsroom.articles("restless")
    specs = [spec for spec in newsroom.app.sources if spec.name in {"restless", "one-guid", WELL}]
    for polled in newsroom.app.collect(specs, force=True):
        assert (polled.new, polled.withdrawn, polled.problem) == (0, 0, "")
    after = newsroom.articles("restless")
    assert [each.id for each in after] == [each.id for each in before]
    assert {each.story.url for each in after} == {
        f"https://post.example/restless/{n}?utm_source=x" for n in range(10)
    }


def test_an_edition_is_made_of_what_they_left(newsroom: Newsroom) -> None:
    began = time.monotonic()
    selection, composition = newsroom.edition()
    assert time.monotonic() - began < SECONDS
    assert all(each.reason for each in selection.candidates)
    assert set(HEADLINES) <= {each.article.story.headline for each in selection.chosen}
    assert {"titles", "strange-json", "restless"} <= {c.article.source for c in selection.chosen}
    future = [each for each in selection.left_out if each.article.story.url == FUTURE]
    assert [each.verdict for each in future] == [Verdict.NOT_YET_PUBLISHED]
    html = composition.html.replace(composition.nonce, "https:")
    for text in (composition.subject, composition.preheader, html, composition.text):
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", text)
    assert not re.search(r"(?i)<script|javascript:|<[^>]*\sonerror", html)
    assert not re.search(r"(?i)(?:href|src)=[\"'](?!https?:|mailto:|cid:)\S", html)
