from __future__ import annotations

import csv
import gzip
import multiprocessing
import os
import random
import sqlite3
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.db import Connection, Database
from subscribers import store
from subscribers.bring_in import Pace, bring_in, look
from subscribers.change_store import What, changes_after
from subscribers.departures import Departures
from subscribers.import_store import Rows, held_readers, import_run, in_chunk, write_rows
from subscribers.leaving import suppress, unsubscribe_address
from subscribers.model import Act, Consent, ConsentKind, SubscriptionState, SuppressionReason
from subscribers.signup import add
from subscribers.store import consent, subscriber, subscription
from subscribers.transfer.faults import BroughtInError, ReadersFileError
from subscribers.transfer.report import Report
from subscribers.transfer.tables import items
from tests.integration.import_child import KEYS, NOW, bring, errand_of, import_until_killed
from tests.integration.newsletters import DAILY, WEEKLY, make_newsletters

SOAK = "TEST_SOAK" in os.environ
MAILCHIMP = "Email Address,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LAST_CHANGED"
TIMES = "2021-02-03 04:05:06,192.0.2.1,2021-02-04 04:05:06,192.0.2.2,2022-01-01 00:00:00"
LEFT_AT = "2025-01-01 00:00:00"
ASKED, CONFIRMED_AT = (
    datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC),
    datetime(2021, 2, 4, 4, 5, 6, tzinfo=UTC),
)
KILLS = 8
FRESH = count()


def write(folder: Path, text: str | bytes, name: str = "readers.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table_of(path: Path) -> list[tuple[str, ...]]:
    """Read a report: line, address, result, reason."""
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row[1:5]) for row in csv.reader(file)][1:]


def standing_of(database: Database, address: str) -> list[tuple[int, str]]:
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=address)
        if reader is None:
            return []
        found = store.subscriptions_of(connection, reader.id)
    return [(each.newsletter_id, each.state.value) for each in found]


def log_of(database: Database, address: str) -> list[Consent]:
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=address)
        assert reader is not None
        return store.consents_of(connection, reader.id)


def everything(database: Database) -> dict[str, object]:
    """Give all that an import wrote, but for what is drawn at random."""
    with database.read() as connection:
        people = connection.execute(
            sa.select(
                subscriber.c.address, subscriber.c.address_hmac, subscriber.c.language
            ).order_by(subscriber.c.address)
        ).all()
        standings = connection.execute(
            sa.select(subscriber.c.address, subscription.c.newsletter_id, subscription.c.state)
            .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
            .order_by(subscriber.c.address, subscription.c.newsletter_id)
        ).all()
        log = connection.execute(
            sa.select(subscriber.c.address, consent.c.kind, consent.c.at)
            .join(subscriber, subscriber.c.id == consent.c.subscriber_id)
            .order_by(subscriber.c.address, consent.c.at, consent.c.kind)
        ).all()
        never = connection.execute(
            sa.select(store.suppression.c.address_hmac).order_by(store.suppression.c.address_hmac)
        ).all()
    return {"people": people, "standings": standings, "log": log, "never": never}


@pytest.fixture
def newsroom(database: Database) -> Database:
    make_newsletters(database)
    return database


def test_a_table_is_brought_in_with_its_proof(newsroom: Database, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f'{MAILCHIMP},LEID,EUID,TAGS\nAnn@Reader.example,{TIMES},1,2,"""VIP"",""gift 2026"""\n'
        f"bad,{TIMES},1,2,\nann@reader.example,{TIMES},1,2,\nbob@reader.example,,,,,,1,2,\n",
    )
    brought = bring(newsroom, errand_of(path), tmp_path / "report.csv")
    assert brought.tally.counts == Counter(added=2, refused=2)
    assert table_of(tmp_path / "report.csv") == [
        ("2", "Ann@reader.example", "added", ""),
        ("3", "bad", "refused", "no address that mail can be sent to: there is no @ in it"),
        ("4", "ann@reader.example", "refused", "a second time in the file"),
        ("5", "bob@reader.example", "added", ""),
    ]
    assert standing_of(newsroom, "ann@reader.example") == [(DAILY, "confirmed")]
    source = "the old form (import 1)"
    assert log_of(newsroom, "ann@reader.example") == [
        Consent(kind, DAILY, Act(at, "import", ip, source=source))
        for kind, at, ip in (
            (ConsentKind.ASKED, ASKED, "192.0.2.1"),
            (ConsentKind.CONFIRMED, CONFIRMED_AT, "192.0.2.2"),
            (ConsentKind.IMPORTED, NOW, None),
        )
    ]
    assert [each.kind for each in log_of(newsroom, "bob@reader.example")] == [ConsentKind.IMPORTED]
    with newsroom.read() as connection:
        assert changes_after(connection, 0) == []
        reader = store.find_subscriber(connection, address_key="ann@reader.example")
        assert reader is not None
        tags = connection.execute(sa.select(store.subscriber_tag.c.tag)).scalars().all()
        assert sorted(tags) == ["gift 2026", "vip"]
        assert store.audience_size(connection, DAILY, now=NOW) == 2
        assert connection.execute(sa.select(import_run.c.state, import_run.c.upto)).all() == [
            ("done", 4)
        ]


def test_an_ip_that_would_be_emptied_at_once_does_not_come_in(
    newsroom: Database, tmp_path: Path
) -> None:
    lately = TIMES.replace("2021-02-04 04:05:06", "2026-01-08 04:05:06")
    path = write(tmp_path, f"{MAILCHIMP},LEID,EUID\nann@reader.example,{lately},1,2\n")
    errand = replace(errand_of(path), keep_ip=timedelta(days=90))
    bring(newsroom, errand, tmp_path / "report.csv")
    assert [(each.kind, each.act.ip) for each in log_of(newsroom, "ann@reader.example")] == [
        (ConsentKind.ASKED, None),
        (ConsentKind.CONFIRMED, "192.0.2.2"),
        (ConsentKind.IMPORTED, None),
    ]


def test_a_look_writes_nothing_and_says_the_same(newsroom: Database, tmp_path: Path) -> None:
    path = write(tmp_path, "email,status\nann@reader.example,confirmed\nx,confirmed\n")
    before = everything(newsroom)
    with Report(tmp_path / "look.csv") as report:
        seen = look(newsroom, errand_of(path), keys=KEYS, clock=lambda: NOW, report=report)
    assert everything(newsroom) == before
    brought = bring(newsroom, errand_of(path), tmp_path / "report.csv")
    assert seen.tally.counts == brought.tally.counts
    assert table_of(tmp_path / "look.csv") == table_of(tmp_path / "report.csv")


def test_nobody_who_left_or_is_never_mailed_comes_back(newsroom: Database, tmp_path: Path) -> None:
    act = Act(NOW - timedelta(days=9), "link")
    add(newsroom, "left@reader.example", [DAILY], act, keys=KEYS)
    unsubscribe_address(newsroom, "left@reader.example", None, act)
    for reason in SuppressionReason:
        name = f"{reason.name.lower()}@reader.example"
        suppress(newsroom, name, act, keys=KEYS, reason=reason)
    names = ["left", *(each.name.lower() for each in SuppressionReason)]
    path = write(tmp_path, "email\n" + "".join(f"{each}@reader.example\n" for each in names))
    before = everything(newsroom)
    brought = bring(newsroom, errand_of(path), tmp_path / "report.csv")
    assert brought.tally.counts == Counter(refused=len(names))
    assert everything(newsroom) == before
    assert [row[3] for row in table_of(tmp_path / "report.csv")] == [
        "left with us: 2025-12-31",
        *(f"on the never-mail list: {each.value}" for each in SuppressionReason),
    ]


def test_the_three_files_of_mailchimp_come_in_as_one_archive(
    newsroom: Database, tmp_path: Path
) -> None:
    act = Act(NOW - timedelta(days=9), "command")
    for name in ("leaver", "cleaned"):
        add(newsroom, f"{name}@reader.example", [DAILY, WEEKLY], act, keys=KEYS)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr(
            "a/subscribed_1.csv", f"{MAILCHIMP},LEID,EUID\nann@reader.example,{TIMES},1,2\n"
        )
        archive.writestr(
            "a/unsubscribed_1.csv",
            f"{MAILCHIMP},UNSUB_TIME,LEID,EUID\nleaver@reader.example,{TIMES},{LEFT_AT},1,2\n"
            f"other@reader.example,{TIMES},{LEFT_AT},1,2\n",
        )
        archive.writestr(
            "a/cleaned_1.csv",
            f"{MAILCHIMP},CLEAN_TIME,LEID,EUID\ncleaned@reader.example,{TIMES},{LEFT_AT},1,2\n",
        )
        archive.writestr("a/picture.png", b"x")
    departures = Departures(tmp_path / "departures.ndjson")
    errand = errand_of(tmp_path / "export.zip")
    assert errand.tables.not_read == ("picture.png",)
    brought = bring(newsroom, errand, tmp_path / "r.csv", departures=departures)
    assert brought.tally.counts == Counter(added=1, unsubscribed=2, suppressed=1)
    assert standing_of(newsroom, "leaver@reader.example") == [
        (DAILY, "unsubscribed"),
        (WEEKLY, "confirmed"),
    ]
    assert standing_of(newsroom, "other@reader.example") == [(DAILY, "unsubscribed")]
    assert standing_of(newsroom, "cleaned@reader.example") == [
        (DAILY, "unsubscribed"),
        (WEEKLY, "unsubscribed"),
    ]
    with newsroom.read() as connection:
        told = [(each.newsletter_id, each.what) for each in changes_after(connection, 0)][4:]
    assert told == [
        (DAILY, What.LEFT),
        (DAILY, What.SUPPRESSED),
        (WEEKLY, What.SUPPRESSED),
    ]
    assert len((tmp_path / "departures.ndjson").read_text().splitlines()) == 3


def test_own_later_confirmation_stands_against_an_old_leaving(
    newsroom: Database, tmp_path: Path
) -> None:
    add(newsroom, "ann@reader.example", [DAILY], Act(NOW, "command"), keys=KEYS)
    with newsroom.write() as connection:
        reader = store.find_subscriber(connection, address_key="ann@reader.example")
        assert reader is not None
        line = Consent(ConsentKind.CONFIRMED, DAILY, Act(NOW - timedelta(days=5), "link"))
        store.append_consent(connection, reader.id, line)
    path = write(tmp_path, "email,status,unsubscribed at\nann@reader.example,left,2025-01-01\n")
    bring(newsroom, errand_of(path), tmp_path / "r.csv")
    assert table_of(tmp_path / "r.csv") == [
        ("2", "ann@reader.example", "refused", "confirmed with us since: 2026-01-04")
    ]
    path = write(tmp_path, "email,status,unsubscribed at\nann@reader.example,left,2026-01-08\n")
    bring(newsroom, errand_of(path), tmp_path / "r.csv")
    assert standing_of(newsroom, "ann@reader.example") == [(DAILY, "unsubscribed")]


def test_known_readers_are_updated_and_unconfirmed_ones_confirmed(
    newsroom: Database, tmp_path: Path
) -> None:
    first = write(tmp_path, "email,status,language\nann@reader.example,pending,\n", "a.csv")
    bring(newsroom, errand_of(first), tmp_path / "a.report.csv")
    assert standing_of(newsroom, "ann@reader.example") == [(DAILY, "unconfirmed")]
    text = "email,status,language,format,tags\nann@reader.example,active,de,text,new\n"
    bring(newsroom, errand_of(write(tmp_path, text, "b.csv")), tmp_path / "b.report.csv")
    assert standing_of(newsroom, "ann@reader.example") == [(DAILY, "confirmed")]
    with newsroom.read() as connection:
        reader = store.find_subscriber(connection, address_key="ann@reader.example")
        assert reader is not None
        assert (reader.language, reader.text_only) == ("de", True)
        assert [each.what for each in changes_after(connection, 0)] == [What.JOINED]


def test_a_reader_in_several_lines_of_an_export_by_list_is_one(
    newsroom: Database, tmp_path: Path
) -> None:
    text = (
        "address,newsletter,state,tags\n"
        "ann@reader.example,daily,confirmed,vip\n"
        "ann@reader.example,weekly,unsubscribed,vip\n"
        "ann@reader.example,daily,confirmed,\n"
        "bob@reader.example,weekly,paused,\n"
    )
    errand = errand_of(write(tmp_path, text))
    errand = replace(errand, placing=type(errand.placing)([*errand.placing.targets.values()]))
    brought = bring(newsroom, errand, tmp_path / "r.csv")
    assert brought.tally.counts == Counter(added=2, unsubscribed=1, unchanged=1)
    assert standing_of(newsroom, "ann@reader.example") == [
        (DAILY, "confirmed"),
        (WEEKLY, "unsubscribed"),
    ]
    assert standing_of(newsroom, "bob@reader.example") == [(WEEKLY, "paused")]


def test_many_readers_are_written_in_the_order_of_their_addresses_and_the_first_line_counts(
    newsroom: Database, tmp_path: Path
) -> None:
    names = ["c", "a", "C", "b", "bad", "A"]
    text = "".join(f"{each}@reader.example,{n}\n" for n, each in enumerate(names))
    errand = errand_of(write(tmp_path, f"email,tags\n{text.replace('bad@', '')}"))
    whole = bring(newsroom, errand, tmp_path / "r.csv", rows=2, window=3)
    assert whole.tally.counts == Counter(added=3, refused=3)
    assert [(row[0], row[1], row[2]) for row in table_of(tmp_path / "r.csv")] == [
        ("3", "a@reader.example", "added"),
        ("2", "c@reader.example", "added"),
        ("4", "C@reader.example", "refused"),
        ("6", "reader.example", "refused"),
        ("7", "A@reader.example", "refused"),
        ("5", "b@reader.example", "added"),
    ]


def test_the_same_file_is_brought_in_once_unless_asked_again(
    newsroom: Database, tmp_path: Path
) -> None:
    errand = errand_of(write(tmp_path, "email\nann@reader.example\n"))
    bring(newsroom, errand, tmp_path / "r.csv")
    with pytest.raises(BroughtInError, match="was brought in on 2026-01-09 06:30 UTC, as import 1"):
        bring(newsroom, errand, tmp_path / "r.csv")
    brought = bring(newsroom, errand, tmp_path / "r.csv", again=True)
    assert brought.tally.counts == Counter(unchanged=1)
    assert brought.run is not None
    assert brought.run.id == 2


NO_TEXT = "there are bytes in it that are no text in this encoding"
BAD_LINE = 7001
LINES = 10_000


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b'bad@reader.example,"never closed', "a quotation mark is opened and never closed"),
        (b"bad@reader.example,\xff\xfe\x81", NO_TEXT),
    ],
    ids=["quote", "bytes"],
)  # fmt: skip
def test_one_broken_line_of_many_costs_that_line(
    broken: bytes, why: str, sqlite_database: Database, tmp_path: Path
) -> None:
    make_newsletters(sqlite_database)
    lines = [b"email,name", *(b'r%d@reader.example,"R %d"' % (n, n) for n in range(2, LINES + 1))]
    lines[BAD_LINE - 1] = broken
    path = write(tmp_path, b"\r\n".join(lines) + b"\r\n")
    brought = bring(sqlite_database, errand_of(path), tmp_path / "r.csv", rows=4000)
    assert brought.tally.counts == Counter(added=LINES - 2, refused=1)
    (refused,) = (row for row in table_of(tmp_path / "r.csv") if row[2] == "refused")
    assert refused == (str(BAD_LINE), "", "refused", f"the line cannot be read: {why}")


class _StoppedError(Exception):
    pass


HOSTILE = (
    "email,status,tags,unsubscribed at\nann@reader.example,confirmed,a,\nx,,,\nb@reader.example,"
    "bounced,,\nANN@reader.example,confirmed,b,\nc@reader.example,left,,2025-01-01\n"
    'd@reader.example,confirmed,"open\ne@reader.example,pending,,\nd@reader.example,active,=1,\n'
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.integers(1, 4), max_size=6), rows=st.integers(1, 3))
def test_a_run_stopped_after_any_chunks_comes_to_the_same_end(
    stops: Sequence[int], rows: int, sqlite_database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / str(next(FRESH))
    folder.mkdir()
    errand = errand_of(write(folder, HOSTILE))
    whole, stopped = _copied(sqlite_database, folder, "a"), _copied(sqlite_database, folder, "b")
    bring(whole, errand, folder / "whole.csv", rows=100)
    for stop in stops:
        _stop_after(stopped, errand, folder / "stopped.csv", chunks=stop, rows=rows)
    with stopped.read() as connection:
        done = connection.execute(sa.select(import_run.c.done_at)).scalars().all()
    if done[:1] != [NOW]:
        bring(stopped, errand, folder / "stopped.csv", rows=rows)
    assert everything(stopped) == everything(whole)
    assert table_of(folder / "stopped.csv") == table_of(folder / "whole.csv")
    whole.close()
    stopped.close()


def _copied(database: Database, folder: Path, name: str) -> Database:
    database.copy_to(folder / f"{name}.db")
    copy = Database(f"sqlite:///{folder / name}.db")
    make_newsletters(copy)
    return copy


def _stop_after(
    database: Database, errand: object, report: Path, *, chunks: int, rows: int
) -> None:
    left = iter(range(chunks))

    def progress(_: int) -> None:
        if next(left, None) is None:
            raise _StoppedError

    try:
        bring_in(
            database, errand, keys=KEYS, clock=lambda: NOW,  # type: ignore[arg-type]
            report=lambda _: Report(report), progress=progress, pace=Pace(rows),
        )  # fmt: skip
    except (_StoppedError, BroughtInError):
        return


def test_an_import_killed_at_any_instant_goes_on_and_nothing_is_twice_or_lost(
    newsroom: Database, tmp_path: Path
) -> None:
    readers = 3000
    path = write(tmp_path, "email\n" + "".join(f"r{n}@reader.example\n" for n in range(readers)))
    report = tmp_path / "report.csv"
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.integration.import_child"])
    url = newsroom.url.render_as_string(hide_password=False)
    chance, hits = random.Random(20260109), 0  # noqa: S311 - moments, no secrets
    for _ in range(KILLS):
        child = forks.Process(target=import_until_killed, args=(url, str(path), str(report)))
        child.start()
        time.sleep(chance.uniform(0.03, 0.2))
        hits += child.is_alive()
        child.kill()
        child.join()
        child.close()
    last = _at_last(newsroom, path, report)
    assert hits > KILLS // 2, "it was over before the kills could hurt"
    assert last == readers
    rows = table_of(report)
    assert Counter(row[2] for row in rows) == {"added": readers}
    assert [row[1] for row in rows] == [f"r{n}@reader.example" for n in range(readers)]
    with newsroom.read() as connection:
        kinds = connection.execute(sa.select(consent.c.subscriber_id)).scalars().all()
        assert len(kinds) == len(set(kinds)) == readers
        assert store.count_by_state(connection, DAILY)[SubscriptionState.CONFIRMED] == readers


def _at_last(database: Database, path: Path, report: Path) -> int:
    deadline = time.monotonic() + 60
    while True:
        try:
            return bring(database, errand_of(path), report).tally.records
        except BroughtInError:
            return len(table_of(report))
        except Exception as error:  # PostgreSQL needs a moment to notice that its client died
            if "already running" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize(
    "data",
    [
        '\ufeffE-Mail;Name\r\nann@reader.example;"Smith; Ann"\r\n'.encode(),
        "sep=;\r\nE-Mail;Name\r\nann@reader.example;Ann\r\n".encode("utf-16"),
        "\r\nName\tE-Mail\rAnn\tann@reader.example\r".encode("utf-16-be"),
        "Name,E-Mail\nMüller,ann@reader.example".encode("cp1252"),
        b'"E-Mail\nAddress",Name\nann@reader.example,Ann\n,\n\n',
        b'{"email": "ann@reader.example", "name": null, "n": 1}\n{"n": true}\n',
        gzip.compress(b"email\nann@reader.example\n"),
    ],
    ids=["excel", "utf-16", "tabs", "latin-1", "two-line heading", "ndjson", "gzip"],
)  # fmt: skip
def test_files_are_read_as_spreadsheets_write_them(data: bytes, tmp_path: Path) -> None:
    tables = errand_of(write(tmp_path, data)).tables
    found = [item.entry.address.mailed for item in items(tables, now=NOW) if item.entry]
    assert found == ["ann@reader.example"]


def _zip(path: Path, members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_archives_that_were_made_to_do_harm_are_refused(tmp_path: Path) -> None:
    good = b"email\nann@reader.example\n"
    bomb = b"email\n" + b"a@reader.example\n" * 2_500_000
    damaged = gzip.compress(good)[:-9]
    cases = {
        "it was made to do harm": [
            _zip(tmp_path / "slip.zip", {"../../readers.csv": good}),
            _zip(tmp_path / "root.zip", {"/etc/readers.csv": good}),
            _zip(tmp_path / "back.zip", {"a\\..\\readers.csv": good}),
            _zip(tmp_path / "drive.zip", {"C:readers.csv": good}),
        ],
        "unpacks to more than 32 MB": [
            _zip(tmp_path / "bomb.zip", {"readers.csv": bomb}),
            write(tmp_path, gzip.compress(bomb), "bomb.csv.gz"),
        ],
        "the archive is damaged": [
            write(tmp_path, damaged, "cut.csv.gz"),
            write(tmp_path, b"PK\x03\x04 and nothing more", "cut.zip"),
        ],
        "there is no table in this archive": [_zip(tmp_path / "none.zip", {"a.zip": good})],
        "are too many": [_zip(tmp_path / "many.zip", {f"{n}.csv": good for n in range(101)})],
        "a workbook, not a table": [_zip(tmp_path / "w.xlsx", {"[Content_Types].xml": good})],
        "a folder": [tmp_path],
        "there is nothing in it": [write(tmp_path, b"\n \n", "empty.csv")],
        "one JSON array": [write(tmp_path, b"[{}]", "array.json")],
    }  # fmt: skip
    before = sorted(tmp_path.parent.rglob("*"))
    for sentence, paths in cases.items():
        for path in paths:
            with pytest.raises(ReadersFileError, match=sentence) as caught:
                errand_of(path)
            assert len(str(caught.value)) < 400
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_a_report_never_takes_another_files_place(tmp_path: Path) -> None:
    mine = write(tmp_path, "email\nann@reader.example\n")
    with pytest.raises(ReadersFileError, match="another file stands where the report would"):
        Report(mine)
    with pytest.raises(ReadersFileError, match="a folder"):
        Report(tmp_path)


def test_a_report_that_was_lost_says_so(newsroom: Database, tmp_path: Path) -> None:
    errand = errand_of(write(tmp_path, "email\na@reader.example\nb@reader.example\n"))
    _stop_after(newsroom, errand, tmp_path / "r.ndjson", chunks=0, rows=1)
    (tmp_path / "r.ndjson").unlink()
    bring(newsroom, errand, tmp_path / "r.ndjson", rows=1)
    lost, line = (tmp_path / "r.ndjson").read_text("utf-8").splitlines()
    assert '"result": "lost"' in lost
    assert '"address": "b@reader.example", "result": "added"' in line


def test_a_reader_who_signs_up_in_that_moment_is_found_by_another_try(
    newsroom: Database,
) -> None:
    if newsroom.is_sqlite:
        return  # there is one writer at a time, so that nobody comes between
    row = (1001, "r1", "ann@reader.example", "ann@reader.example", "h", NOW, None, None, None, None)
    tries: list[bool] = []

    def work(connection: Connection) -> bool:
        known = bool(held_readers(connection, ["ann@reader.example"]))
        tries.append(known)
        if not known:
            add(newsroom, "ann@reader.example", [DAILY], Act(NOW, "form"), keys=KEYS)
            write_rows(connection, Rows(readers=[row]))
        return known

    assert in_chunk(newsroom, work)
    assert tries == [False, True]

    def fail(connection: Connection) -> None:
        write_rows(connection, Rows(tags=[(77, "nobody's")]))

    with pytest.raises(sa.exc.IntegrityError):
        in_chunk(newsroom, fail)

    def copy_nonsense(connection: Connection) -> None:
        write_rows(connection, Rows(readers=[("x", *row[1:])]))

    with pytest.raises(Exception, match="invalid input syntax"):
        in_chunk(newsroom, copy_nonsense)


@pytest.mark.long
@pytest.mark.parametrize("broken", [b'bad@reader.example,"open', b"bad@reader.example,\xff\x81"])
def test_a_million_lines_are_read_around_line_700001(broken: bytes, tmp_path: Path) -> None:
    lines, bad = (1_000_000, 700_001) if SOAK else (30_000, 21_001)
    path = tmp_path / "million.csv"
    with path.open("wb") as file:
        file.write(b"email,name\n")
        for n in range(2, lines + 1):
            file.write(b'r%d@reader.example,"R %d"\n' % (n, n) if n != bad else broken + b"\n")
    tables = errand_of(path).tables
    refused, good = [], 0
    for item in items(tables, now=NOW):
        good += item.entry is not None
        if item.entry is None:
            refused.append(item.line)
    assert (good, refused) == (lines - 2, [bad])


def test_others_write_while_a_chunk_goes_from_the_log_into_the_file(
    sqlite_database: Database,
) -> None:
    make_newsletters(sqlite_database)
    sqlite_database.engine.dispose()
    url = sqlite_database.url.render_as_string(hide_password=False)
    wrote: list[int] = []

    def note(statement: str) -> None:
        if "wal_checkpoint" in statement:
            other = Database(url, patience=0.0)
            with other.write() as connection:
                wrote.append(
                    connection.exec_driver_sql("UPDATE newsletter SET version = 9").rowcount
                )
            other.close()

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(note)

    sa.event.listen(sqlite_database.engine, "connect", watch)
    in_chunk(
        sqlite_database, lambda each: each.exec_driver_sql("UPDATE newsletter SET version = 8")
    )
    assert wrote == [2]
