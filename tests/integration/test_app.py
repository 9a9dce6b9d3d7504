"""Opening an installation: its keys, its settings, its processes."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digest.app import App, open_app
from digest.config import load
from digest.db import Database
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import Sent, SmtpAccount, Tally, Way
from digest.errors import AlreadyRunningError, DigestError, NotFoundError, SettingsError
from digest.sources import article_store
from digest.sources import store as sources
from digest.sources.model import SourceState
from digest.workflow.store import heartbeats
from tests.builders import (
    ADMIN,
    DESK,
    TESTER,
    Watch,
    a_newsletter,
    moment,
    open_paper,
    site_settings,
    url_of,
    write_settings,
)
from tests.integration.newsletters import all_rows

FRIDAY = "daily/2026-01-09"
NOON = Watch(moment("2026-01-08 12:00"))


@contextmanager
def _opened(path: Path) -> Iterator[App]:
    app = open_app(load(path), clock=NOON)
    try:
        yield app
    finally:
        app.close()


def test_the_first_run_makes_database_and_keys_and_brings_the_settings_in(tmp_path: Path) -> None:
    with _opened(write_settings(tmp_path / "site")) as app:
        assert sorted(path.name for path in (tmp_path / "site" / "keys").iterdir()) == [
            "edition.key",
            "link-00001.key",
            "suppression.key",
        ]
        assert [n.slug for n in app.newsroom.newsletters] == ["daily"]
        assert app.way_out == f"maildir {tmp_path / 'site' / 'mailbox'}"
        (way,) = app.ways
        assert isinstance(way.transport, MaildirTransport)


def test_a_second_run_changes_nothing(database: Database, tmp_path: Path) -> None:
    path = write_settings(tmp_path, database=url_of(database))
    with _opened(path) as app:
        secrets = app.keys
        before = all_rows(database)
    with _opened(path) as app:
        assert app.keys == secrets
        assert all_rows(database) == before


def test_changed_settings_are_brought_in(database: Database, tmp_path: Path) -> None:
    url = url_of(database)
    with _opened(write_settings(tmp_path, database=url)) as app:
        old = app.newsroom.newsletters[0]
    daily = a_newsletter(name="The Evening Post", cut_off="16:30", send_at="17:00")
    newsletters = {"weekly": a_newsletter(name="The Week", days=["sat"]), "daily": daily}
    with _opened(write_settings(tmp_path, database=url, newsletters=newsletters)) as app:
        weekly, daily_now = app.newsroom.newsletters
        assert (daily_now.id, daily_now.spec.name) == (old.id, "The Evening Post")
        assert daily_now.next_run_at == moment("2026-01-08 16:30")
        assert weekly.spec.name == "The Week"
        assert app.mailer.names == {old.id: "The Evening Post", weekly.id: "The Week"}


def test_a_source_dropped_from_the_settings_is_known_no_more_until_it_is_put_back(
    database: Database, tmp_path: Path
) -> None:
    paper = open_paper(tmp_path, "2026-01-08 12:00", database=url_of(database))
    paper.publish("Ferry returns")
    with database.write() as connection:
        (state,) = sources.source_states(connection)
        sources.record_poll_failed(connection, state.id, now=NOON.at, error="it is away")
    paper.app.close()
    other = {"other": {"feed": str(paper.feed)}}
    with _opened(write_settings(tmp_path, database=url_of(database), sources=other)) as app:
        assert [one.name for one in _sources(app)] == ["other"]
        with app.database.read() as connection:
            assert article_store.count_articles(connection) == 1
    with _opened(write_settings(tmp_path, database=url_of(database))) as app:
        (back,) = _sources(app)
        assert (back.id, back.name, back.failures) == (state.id, "site", 0)
        assert back.first_ok_at == state.first_ok_at is not None


def _sources(app: App) -> list[SourceState]:
    with app.database.read() as connection:
        return sources.source_states(connection)


def test_the_operators_are_mailed_once_that_a_source_fails_and_once_that_it_is_dead(
    database: Database, tmp_path: Path
) -> None:
    gone = {"gone": {"feed": str(tmp_path / "gone.xml")}}
    paper = open_paper(tmp_path, "2026-01-08 12:00", database=url_of(database), sources=gone)
    began = paper.watch.at
    for hours in (0, 1, 2, 3, 23, 24, 48, 72, 96):
        paper.watch.at = began + timedelta(hours=hours)
        paper.app.collect(force=True)
    notices = paper.notices()
    paper.app.close()
    assert [(one.to_address, one.facts["what"], one.created_at) for one in notices] == [
        (ADMIN, "the source gone keeps failing", began + timedelta(hours=2)),
        (ADMIN, "the source gone is dead", began + timedelta(hours=24)),
    ]
    assert "gone.xml: no such file" in str(notices[0].facts["detail"])


@pytest.mark.parametrize("lost", ["", "suppression.key", "edition.key", "link-00001.key"])
def test_lost_keys_are_never_made_anew_by_themselves(
    database: Database, tmp_path: Path, lost: str
) -> None:
    paper = open_paper(tmp_path, "2026-01-08 12:00", database=url_of(database))
    paper.reader("ann@reader.example")
    paper.app.close()
    keys = tmp_path / "keys"
    if lost:
        (keys / lost).unlink()
    else:
        shutil.rmtree(keys)
    with pytest.raises(DigestError, match=r"keys: .*missing, and this .* 1 readers") as caught:
        open_app(load(tmp_path / "digest.toml"))
    assert caught.value.hint == (
        f"Copy {keys} back from the backup. Lost for good? docs/explanation/leaving.md says"
        " what that costs, and digest keys new --lost makes new ones"
    )
    assert not lost or not (keys / lost).exists()


def test_a_damaged_key_is_told_and_left_alone(tmp_path: Path) -> None:
    path = write_settings(tmp_path)
    with _opened(path):
        pass
    (tmp_path / "keys" / "edition.key").write_text("no hex")
    with pytest.raises(DigestError, match=r"edition\.key: damaged"):
        open_app(load(path))


def test_keys_half_made_by_a_killed_first_run_are_completed(tmp_path: Path) -> None:
    path = write_settings(tmp_path / "one")
    with _opened(path):
        pass
    half = tmp_path / "two" / "keys"
    half.mkdir(parents=True)
    shutil.copy(tmp_path / "one" / "keys" / "suppression.key", half)
    with _opened(write_settings(tmp_path / "two")) as app:
        assert app.keys.suppression == bytes.fromhex((half / "suppression.key").read_text())
        assert len(app.keys.links.keys) == 1


def test_a_relay_is_used_where_one_is_set(tmp_path: Path) -> None:
    mail = {
        "from": "Harbour Post <news@letters.post.example>",
        "smtp": {
            "host": "relay.example",
            "port": 465,
            "tls": "implicit",
            "user": "harbour",
            "password": "secret",
        },
    }
    with _opened(write_settings(tmp_path, mail=mail)) as app:
        assert app.way_out == "relay.example:465"
        account = SmtpAccount(
            "relay.example",
            465,
            "implicit",
            user="harbour",
            password="secret",
            local_hostname="letters.post.example",
        )
        assert app.ways == (Way("smtp", account),)
        assert app.mailer.bounce_address == "news@letters.post.example"


def test_staging_lets_only_people_of_the_settings_be_mailed(tmp_path: Path) -> None:
    with _opened(write_settings(tmp_path, environment="staging")) as app:
        assert app.newsroom.only_readers == frozenset({TESTER})
        assert app.mailer.only == frozenset({TESTER, DESK, ADMIN})


def test_an_impossible_test_reader_is_told_with_its_setting(tmp_path: Path) -> None:
    people = {**site_settings(tmp_path)["people"], "test_readers": ["me@localhost"]}
    path = write_settings(tmp_path, environment="staging", people=people)
    with pytest.raises(SettingsError, match=r"settings: people\.test_readers: .*no dot"):
        open_app(load(path))


def test_pages_and_topless_newsletters_are_understood(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    newsletters = {"breaking": {"name": "Breaking"}}
    sources = {"captures": {"page": str(tmp_path / "pages")}}
    with _opened(write_settings(tmp_path, newsletters=newsletters, sources=sources)) as app:
        (newsletter,) = app.newsroom.newsletters
        assert newsletter.spec.cadence.days == frozenset()
        assert app.last_slot(newsletter) == newsletter.first_slot_after
        assert [str(source.kind) for source in app.sources] == ["page"]


def test_an_edition_is_sent_by_hand_from_this_process(database: Database, tmp_path: Path) -> None:
    daily = a_newsletter(release="auto")
    paper = open_paper(
        tmp_path, "2026-01-08 12:00", database=url_of(database), newsletters={"daily": daily}
    )
    app = paper.app
    paper.reader("ann@reader.example")
    paper.reader("bob@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    edition = paper.edition(FRIDAY)
    assert app.composition(edition) == paper.composition(FRIDAY)
    assert app.audience_size(edition) == 2
    assert app.last_slot(app.newsroom.newsletters[0]) == moment("2026-01-09 06:30")
    app.send_now(edition)
    heard: list[int] = []
    sent = app.deliver(edition, progress=heard.append)
    assert sent == Sent(accepted=2, finished=(edition.id,))
    assert (heard, heard[-1]) == (sorted(heard), 2)
    assert app.tally(edition) == Tally(accepted=2)
    assert paper.editions() == {FRIDAY: "sent"}
    app.close()


def test_an_edition_that_is_not_composed_is_named(tmp_path: Path) -> None:
    paper = open_paper(tmp_path, "2026-01-08 12:00", newsletters={"daily": a_newsletter()})
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    edition = paper.edition(FRIDAY)
    with pytest.raises(NotFoundError, match="it is not composed yet"):
        paper.app.composition(replace(edition, id=99))
    paper.app.close()


@pytest.mark.parametrize(
    ("code", "words"),
    [(1, "left with 1"), (-9, "was killed by SIGKILL"), (-99, "was killed by signal 99")],
)
def test_a_crash_is_told_to_the_operators_once_a_day(tmp_path: Path, code: int, words: str) -> None:
    paper = open_paper(tmp_path, "2026-01-08 12:00")
    for _ in range(2):
        paper.app.tell_crash("worker", code)
    (notice,) = paper.notices()
    assert notice.to_address == ADMIN
    assert notice.facts == {
        "what": "worker ended and was started again",
        "detail": f"It {words}. Its last lines stand in the log.",
        "remedy": "Nothing is lost by it. If it goes on, look at: digest status",
    }
    paper.app.close()


def _beats(app: App) -> list[str]:
    with app.database.read() as connection:
        return [found.process for found in heartbeats(connection)]


def test_a_process_at_work_shows_it_and_leaves_no_trace(database: Database, tmp_path: Path) -> None:
    with _opened(write_settings(tmp_path, database=url_of(database))) as app:
        with app.at_work("sender"):
            assert _beats(app) == ["sender"]
            hasty = replace(app, seat_patience=0)
            with pytest.raises(AlreadyRunningError) as caught, hasty.at_work("sender"):
                pass
            assert caught.value.holder.startswith("process ")
        assert _beats(app) == []


def test_signs_of_life_go_on_and_survive_a_database_that_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _opened(write_settings(tmp_path)) as app, app.at_work("sender", every=0.02):
        first = _last_beat(app)
        _until(lambda: _last_beat(app) > first)
        away = tmp_path / "away"
        app.database.close()
        (tmp_path / "digest.db").rename(away)
        (tmp_path / "digest.db").mkdir()
        _until(lambda: "no sign of life written" in caplog.text)
        (tmp_path / "digest.db").rmdir()
        away.rename(tmp_path / "digest.db")


def _last_beat(app: App) -> datetime:
    with app.database.read() as connection:
        return heartbeats(connection)[0].beat_at


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_seat_that_comes_free_in_a_moment_is_waited_for(tmp_path: Path) -> None:
    with _opened(write_settings(tmp_path)) as app:
        seated = threading.Event()

        def leave_soon() -> None:
            with app.database.hold("sender"):
                seated.set()
                time.sleep(0.3)

        thread = threading.Thread(target=leave_soon)
        thread.start()
        seated.wait()
        with app.at_work("sender"):
            assert _beats(app) == ["sender"]
        thread.join()


def test_an_error_at_opening_leaves_nothing_open(tmp_path: Path) -> None:
    path = write_settings(tmp_path)
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises((DigestError, OSError)):
        open_app(load(path))
