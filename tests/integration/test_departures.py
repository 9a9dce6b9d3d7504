from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscribers.departures import Departure, Departures

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
GONE = Departure("unsubscribed", NOON, "ab" * 12, "cd" * 32, ("daily",))


def read(kept: Departures, start: int = 0) -> list[Departure | None]:
    return [line.departure for line in kept.after(start)]


def test_what_was_written_is_read_back_under_the_files_own_name(tmp_path: Path) -> None:
    kept = Departures(tmp_path / "var" / "unsubscribes.ndjson")
    assert (kept.size(), kept.path.exists()) == (0, False)
    kept.append([])
    assert kept.size() == 0
    never = Departure("suppressed", NOON, "", "ef" * 32, None, "by the publisher")
    kept.append([GONE, never])
    kept.append([GONE])
    assert read(kept) == [GONE, never, GONE]
    assert len(kept.name()) == 16
    assert kept.path.stat().st_mode & 0o777 == 0o600
    first, *_, last = kept.after(0)
    assert read(kept, first.end) == [never, GONE]
    assert last.end == kept.size()


def test_a_half_written_line_waits_and_the_next_departure_ends_it(tmp_path: Path) -> None:
    kept = Departures(tmp_path / "file")
    kept.append([GONE])
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole + whole[-30:-1])
    assert read(kept) == [GONE]
    kept.append([GONE])
    assert read(kept) == [GONE, None, GONE]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe\x00",
        b'"' + b"x" * 200_000 + b'"',
        b"[" * 60_000,
        b"1" * 5_000,
        json.dumps({"at": NOON.isoformat(), "kind": "unsubscribed"}).encode(),
        *(
            json.dumps(
                {
                    "at": NOON.isoformat(),
                    "kind": "unsubscribed",
                    "reader": "ab" * 12,
                    "address_hmac": "",
                    "newsletters": ["daily"],
                    **wrong,
                }
            ).encode()
            for wrong in (
                {"at": "2026-01-09T12:00:00"},
                {"at": "yesterday"},
                {"at": 7},
                {"kind": None},
                {"kind": "UNSUBSCRIBED\x00"},
                {"reader": ""},
                {"reader": "'; DROP TABLE subscriber; --"},
                {"reader": {"a": 1}},
                {"address_hmac": "ü"},
                {"newsletters": 7},
                {"newsletters": ["a\x00b"]},
                {"newsletters": [["daily"]]},
                {"newsletters": "daily!"},
                {"reason": ["x"]},
            )
        ),
    ],
)
def test_a_damaged_line_is_told_and_hides_none_of_the_others(tmp_path: Path, line: bytes) -> None:
    kept = Departures(tmp_path / "file")
    kept.append([GONE])
    with kept.path.open("ab") as file:
        file.write(line + b"\n")
    kept.append([GONE])
    assert read(kept) == [GONE, None, GONE]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_bytes_between_two_lines_lose_neither(tmp_path: Path, junk: bytes) -> None:
    kept = Departures(tmp_path / "file")
    kept.path.unlink(missing_ok=True)
    kept.append([GONE])
    with kept.path.open("ab") as file:
        file.write(junk)
    kept.append([GONE])
    found = read(kept)
    assert (found[0], found[-1]) == (GONE, GONE)
    assert set(found) <= {GONE, None}


def test_a_file_without_its_name_is_read_all_the_same(tmp_path: Path) -> None:
    kept = Departures(tmp_path / "file")
    kept.append([GONE])
    kept.path.write_bytes(kept.path.read_bytes().partition(b"\n")[2])
    assert (kept.name(), read(kept)) == ("", [GONE])
    kept.path.write_bytes(b'{"file": 7}\n{"file": "a b"}\n')
    assert (kept.name(), read(kept)) == ("", [])


def test_many_threads_and_files_of_it_lose_no_line(tmp_path: Path) -> None:
    same = [Departures(tmp_path / "file") for _ in range(2)]

    def leave(n: int) -> None:
        for at in range(20):
            same[n % 2].append([Departure("unsubscribed", NOON, f"{n * 100 + at:024x}", "", None)])

    threads = [threading.Thread(target=leave, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [each.public_id for each in read(same[0]) if each is not None]
    assert sorted(found) == [f"{n * 100 + at:024x}" for n in range(8) for at in range(20)]


def test_a_file_that_cannot_be_written_is_an_error_for_each_who_waits(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    kept = Departures(tmp_path / "file")
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            kept.append([GONE])


def test_a_moment_keeps_its_offset(tmp_path: Path) -> None:
    kept = Departures(tmp_path / "file")
    later = Departure("erased", NOON + timedelta(microseconds=1), "", "cd" * 32, None, "erased")
    kept.append([later])
    assert read(kept) == [later]
