"""Scheduler and sender side by side, in threads, over a real database and a real relay."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from digest.app import App
from digest.composition.store import composition
from digest.db import Database
from digest.delivery.model import Tally
from digest.errors import AlreadyRunningError, DigestError
from digest.log import _Plain
from digest.outbox.store import notice
from digest.scheduler import _Collector, _end, _Round, run_scheduler
from digest.sources import article_store
from digest.sources.model import Origin, Polled, SourceKind, SourceSpec
from digest.sources.store import add_source, source_states
from digest.sources.visit import Visited
from digest.worker import run_once, run_worker
from digest.workflow.store import heartbeats
from tests.builders import (
    ADMIN,
    DESK,
    OpenPaper,
    Paper,
    a_newsletter,
    moment,
    opening,
    site_settings,
    url_of,
    write_feed,
)
from tests.integration.sources_newsroom import HERE, answer, running_site

FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"
READERS = [f"reader{n}@reader.example" for n in range(1, 6)]
REFUSED = "nobody@reader.example"
NEWS = {
    "2026-01-08": ("Ferry returns", "Mill turns again", "Choir seeks tenors", "Rye doubles"),
    "2026-01-11": ("Crane sold", "Lamp lit at dusk", "Pier closed", "Rowers win by a length"),
}
TICK = timedelta(seconds=0.05)
NEVER = threading.Event()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on SQLite; all are closed at the end."""
    yield from opening(tmp_path)


@pytest.fixture
def opened_on_both(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on each kind of database."""
    yield from opening(tmp_path, url_of(database))


class _Relay:
    """Takes what it is given, and refuses one address in words that hold it."""

    def __init__(self) -> None:
        self.envelopes: list[tuple[str, bytes]] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address == REFUSED:
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.envelopes += [(address, envelope.content) for address in envelope.rcpt_tos]
        return "250 stored"


@pytest.fixture
def relay() -> Iterator[Controller]:
    """A real SMTP server on a loopback port."""
    controller = Controller(_Relay(), hostname="127.0.0.1", port=_free_port())
    controller.start()
    yield controller
    controller.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def _at_work(app: App) -> Iterator[None]:
    """Run scheduler and sender in threads while the block runs; both must end in peace."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def run(work: Callable[..., None], **more: object) -> None:
        try:
            work(app, stop=stop, **more)
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            failed.append(error)

    threads = [
        threading.Thread(target=run, args=(run_scheduler,), kwargs={"tick": TICK}),
        threading.Thread(target=run, args=(run_worker,), kwargs={"pause": 0.02}),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)


def _articles(paper: Paper) -> int:
    with paper.app.database.read() as connection:
        return article_store.count_articles(connection)


def _collected(paper: Paper, count: int) -> bool:
    """Look, and let some seconds go by: at one moment a feed is polled once only."""
    paper.watch.at += timedelta(seconds=5)
    return _articles(paper) == count


def test_left_alone_over_two_slots_it_sends_two_editions_to_each_reader_once(
    opened_on_both: OpenPaper, relay: Controller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mail = {
        "from": "Harbour Post <news@letters.post.example>",
        "smtp": {"host": "127.0.0.1", "port": relay.port, "tls": "none"},
        "max_per_second": 1000,
    }
    newsletters = {"daily": a_newsletter(release="auto")}
    paper = opened_on_both(mail=mail, newsletters=newsletters)
    for address in (*READERS, REFUSED):
        paper.reader(address)
    with _at_work(paper.app):
        for eve, day, address in (
            ("2026-01-08", "2026-01-09", FRIDAY),
            ("2026-01-11", "2026-01-12", MONDAY),
        ):
            known = _articles(paper)
            evening = moment(f"{eve} 18:00")
            paper.stories += [(headline, evening) for headline in NEWS[eve]]
            write_feed(paper.feed, paper.stories)
            paper.watch.at = evening
            _until(lambda known=known: _collected(paper, known + 4))  # type: ignore[misc]
            paper.watch.at = moment(f"{day} 06:30")
            _until(lambda address=address: paper.editions().get(address) == "approved")  # type: ignore[misc]
            paper.watch.at = moment(f"{day} 07:00")
            _until(lambda address=address: paper.editions()[address] == "sent")  # type: ignore[misc]
        with paper.app.database.read() as connection:
            working = [beat.process for beat in heartbeats(connection)]
            assert working == [paper.app.scheduler_seats[0], paper.app.sender_seat]
    assert paper.editions() == {FRIDAY: "sent", MONDAY: "sent"}
    envelopes = relay.handler.envelopes
    letters = Counter(
        address for address, message in envelopes if b"\nList-Unsubscribe:" in message
    )
    assert letters == dict.fromkeys(READERS, 2)
    notices = [address for address, message in envelopes if b"\nList-Unsubscribe:" not in message]
    assert notices == [DESK, DESK]
    assert paper.tally(FRIDAY) == Tally(accepted=5, failed=1)
    assert paper.tally(MONDAY) == Tally(accepted=5), "whom no server knows is not written to again"
    assert not paper.headlines(FRIDAY) & paper.headlines(MONDAY)
    _assert_discreet(caplog)


def _assert_discreet(caplog: pytest.LogCaptureFixture) -> None:
    ours = [record for record in caplog.records if record.name.startswith("digest")]
    lines = [_Plain().format(record) for record in ours]
    assert any("sender running" in line for line in lines)
    assert [line for line in lines if re.search(r"@|/u/|/confirm/", line)] == []
    loud = [record for record in caplog.records if record.name.startswith("apscheduler")]
    assert [record.getMessage() for record in loud if record.levelno >= logging.WARNING] == []


def test_a_second_scheduler_or_sender_is_refused_by_the_name_of_the_first(
    opened_on_both: OpenPaper,
) -> None:
    paper = opened_on_both()
    other = replace(opened_on_both().app, seat_patience=0)
    with _at_work(paper.app):
        _until(lambda: len(_beating(paper.app)) == 2)
        for run in (run_scheduler, run_worker):
            with pytest.raises(AlreadyRunningError, match=r": process \d+ on "):
                run(other, stop=NEVER)
    assert _beating(paper.app) == []


def _beating(app: App) -> list[str]:
    with app.database.read() as connection:
        return [beat.process for beat in heartbeats(connection)]


def test_a_slow_poll_does_not_keep_the_scheduler_from_leaving(opened: OpenPaper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        slow = {"feed": f"http://127.0.0.1:{port}/feed", "every": "30s", "allow": ["127.0.0.0/8"]}
        paper = opened(sources={"slow": slow})
        stop = threading.Event()
        thread = threading.Thread(
            target=run_scheduler, args=(paper.app,), kwargs={"stop": stop, "tick": TICK}
        )
        thread.start()
        asked, _ = silent.accept()
        stop.set()
        thread.join(5)
        assert not thread.is_alive()
        assert not [t for t in threading.enumerate() if t.name == "collect"]
        asked.close()
    _until(lambda: not [t for t in threading.enumerate() if t.name == "reading"])
    with paper.app.database.read() as connection:
        [state] = source_states(connection)
    assert state.last_tried_at is None  # neither read nor failed: it is asked again at the start


def test_a_round_that_does_not_end_in_time_is_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert may_end.wait(10)

    one = _Round("collect", work, threading.Event())
    one.start()
    assert begun.wait(5)
    _end([one], grace_seconds=0.01)
    assert "collect did not end in time: left behind" in caplog.text
    may_end.set()
    _until(lambda: not [t for t in threading.enumerate() if t.name == "collect"])


def test_what_was_not_foreseen_ends_the_scheduler(opened: OpenPaper) -> None:
    paper = opened()
    broken = replace(paper.app, file_sources=(None,))  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        run_scheduler(broken, stop=NEVER, tick=TICK)
    assert _beating(paper.app) == []


def test_what_goes_on_failing_is_logged_once(
    opened: OpenPaper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = a_newsletter(template="no-such-template")
    gone = {"feed": str(tmp_path / "no-feed-here"), "every": "30s"}
    paper = opened(
        newsletters={"daily": bad},
        sources={**site_settings(tmp_path)["sources"], "gone": gone},
    )
    paper.stories = [(f"Story {n}", paper.watch.at) for n in range(4)]
    write_feed(paper.feed, paper.stories)
    with _at_work(paper.app):
        _until(lambda: _articles(paper) == 4)
        paper.watch.at = moment("2026-01-09 06:30")
        _until(lambda: "daily/2026-01-09 failed" in caplog.text)
        time.sleep(5 * TICK.total_seconds())
    failures = [r for r in caplog.records if r.getMessage() == "daily/2026-01-09 failed"]
    assert len(failures) == 1
    assert [r.getMessage() for r in caplog.records if r.getMessage() == "gone failed"]


def test_a_round_that_fails_says_so_once_and_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    times: list[int] = []

    def work() -> None:
        times.append(len(times))
        if times[-1] < 3:
            raise DigestError("the relay of ann@reader.example is away")

    one = _Round("advance", work, threading.Event())
    one.start()
    for wanted in range(2, 6):
        one.wake()
        _until(lambda wanted=wanted: len(times) >= wanted)  # type: ignore[misc]
    one.ask_to_leave()
    one.join(5)
    (record,) = caplog.records
    assert record.facts["error"] == "the relay of (address) is away"  # type: ignore[attr-defined]


def test_a_pause_in_sending_is_logged_told_once_and_ends_by_itself(
    opened: OpenPaper, caplog: pytest.LogCaptureFixture
) -> None:
    port = _free_port()
    mail = {
        "from": "Harbour Post <news@letters.post.example>",
        "smtp": {"host": "127.0.0.1", "port": port, "tls": "none"},
    }
    newsletters = {"daily": a_newsletter(release="auto")}
    people = {"operators": [ADMIN]}
    paper = opened(mail=mail, newsletters=newsletters, people=people)
    paper.reader(READERS[0])
    paper.news("2026-01-08")
    for hour in ("06:30", "07:00", "07:01"):
        paper.go(f"2026-01-09 {hour}")
        _run_once(paper.app)
    assert "sending paused" in caplog.text
    (told,) = paper.notices()
    assert (told.to_address, told.facts["what"]) == (ADMIN, "sending is paused")
    controller = Controller(_Relay(), hostname="127.0.0.1", port=port)
    controller.start()
    paper.watch.at = moment("2026-01-09 07:30")
    _run_once(paper.app)
    controller.stop()
    assert [address for address, _ in controller.handler.envelopes] == [ADMIN, READERS[0]]
    _run_once(paper.app)
    assert paper.editions() == {FRIDAY: "sent"}


def _run_once(app: App) -> None:
    """Send what is due by a sender that was just started."""
    with app.sender(notices=True) as sender:
        run_once(app, sender, stop=NEVER)


def test_a_text_that_changed_while_being_sent_is_told_to_the_operators(opened: OpenPaper) -> None:
    newsletters = {"daily": a_newsletter(release="auto")}
    paper = opened(newsletters=newsletters)
    paper.reader(READERS[0])
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 07:00")
    with paper.app.database.write() as connection:
        connection.execute(sa.update(composition).values(text="Buy this"))
    _run_once(paper.app)
    (told,) = [n for n in paper.notices() if n.to_address == ADMIN]
    assert told.facts["detail"] == f"send: {FRIDAY}: its text is not the one that was approved"


def test_a_sender_with_nothing_to_send_leaves_the_database_to_others(opened: OpenPaper) -> None:
    paper = opened()
    database = Database(url_of(paper.app.database))
    app = replace(paper.app, database=database)
    with app.sender(notices=True) as sender:
        run_once(app, sender, stop=NEVER)  # looks first what a dead sender may have left
        with paper.app.database.write():  # the one write lock is ours: writing would wait for long
            begun = time.monotonic()
            run_once(app, sender, stop=NEVER)
            assert time.monotonic() - begun < 5
    database.close()


def test_a_sender_in_trouble_says_so_once_and_goes_on(
    opened: OpenPaper, caplog: pytest.LogCaptureFixture
) -> None:
    paper = opened()
    with paper.app.database.write() as connection:
        connection.execute(
            sa.insert(notice).values(
                dedupe_key="x",
                kind="confirm",
                to_address=READERS[0],
                facts={},
                state="waiting",
                created_at=paper.watch.at,
                next_at=paper.watch.at,
            )
        )
    with _at_work(paper.app):
        _until(lambda: "notice not accepted" in caplog.text)
    assert paper.notices() == []


def test_a_sender_waits_for_a_database_that_is_away(
    opened: OpenPaper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paper = opened()
    away = tmp_path / "away"
    with _at_work(paper.app):
        _until(lambda: len(_beating(paper.app)) == 2)
        (tmp_path / "digest.db").rename(away)
        (tmp_path / "digest.db").mkdir()
        paper.app.database.engine.dispose()  # what is open already would read the moved file
        _until(lambda: "sending failed" in caplog.text and "failed" in caplog.text)
        (tmp_path / "digest.db").rmdir()
        away.rename(tmp_path / "digest.db")
    failures = [r for r in caplog.records if r.getMessage() == "sending failed"]
    assert len(failures) == 1


def test_a_warning_of_a_source_is_logged(
    opened: OpenPaper, caplog: pytest.LogCaptureFixture
) -> None:
    paper = opened()
    paper.publish("One story", "Another story")
    paper.stories = [("A third story", paper.watch.at), ("A fourth story", paper.watch.at)]
    write_feed(paper.feed, paper.stories)
    paper.watch.at += timedelta(minutes=1)
    with _at_work(paper.app):
        _until(lambda: "site warning" in caplog.text)


def _texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [_Plain().format(record).partition(" ")[2] for record in caplog.records]


def test_what_a_poll_brought_is_logged_and_a_move_only_once(
    opened: OpenPaper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "digest.scheduler")
    collector = _Collector(opened().app, stop=NEVER.is_set)
    moved = "https://new.example/feed"
    for told in (
        Polled("site", found=9, new=2, withdrawn=1, warnings=("ann@post.example is odd",)),
        Polled("site", unchanged=True, moved_to=moved),
        Polled("site", unchanged=True, moved_to=moved),
        Polled("site", unchanged=True),
        Polled("site", unchanged=True, moved_to=moved),
        Polled("site", problem="it is away"),
    ):
        collector._log_poll(told)
    assert _texts(caplog) == [
        "site collected  new=2  withdrawn=1",
        "warning: site warning  warning=(address) is odd",
        f"warning: site moved for good  to={moved}",
        f"warning: site moved for good  to={moved}",
        "warning: site failed  problem=it is away",
    ]


def test_what_looking_at_pages_brought_is_logged(
    opened: OpenPaper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "digest.scheduler")
    collector = _Collector(opened().app, stop=NEVER.is_set)
    collector._log_visit(Visited(looked=9))
    collector._log_visit(Visited(looked=9, filled=1, withdrawn=(7,), warnings=("a site is ill",)))
    assert _texts(caplog) == [
        "pages visited  looked=9  filled=1  withdrawn=[7]  restored=[]",
        "warning: pages warning  warning=a site is ill",
    ]


def test_the_collector_takes_the_sources_there_are_now_and_looks_at_their_pages(
    opened: OpenPaper,
) -> None:
    paper = opened(sources={})
    with running_site() as site:
        item = f"<item><title>Ferry</title><link>{site.url('/ferry')}</link></item>"
        feed = f"<rss version='2.0'><channel><title>T</title>{item}</channel></rss>"
        site.pages |= {"/feed": answer(feed.encode()), "/ferry": answer(status=410)}
        with _at_work(paper.app):
            added = SourceSpec(
                "added", SourceKind.FEED, site.url("/feed"), allow=HERE, origin=Origin.DESK
            )
            with paper.app.database.write() as connection:
                add_source(connection, added)
            _until(lambda: _articles(paper) == 1)

            def withdrawn() -> str:
                paper.watch.at += timedelta(seconds=5)
                with paper.app.database.read() as connection:
                    return article_store.articles_by_id(connection, [1])[0].withdrawn_why

            _until(lambda: withdrawn() == "its page answers 410")
