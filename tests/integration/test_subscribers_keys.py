from __future__ import annotations

import base64
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import DigestError, NotFoundError, TokenError
from subscribers.keys import (
    create_key,
    create_keys,
    edition_secret,
    live_ring,
    load_keys,
    made_at,
    missing_keys,
    suppression_secret,
)
from subscribers.tokens import Grant, Purpose

STOP = Grant("ab" * 12, (1,))


def test_a_new_folder_gets_every_key_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "keys"
    create_keys(folder)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["edition.key", "link-00001.key", "suppression.key"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    secrets = {suppression_secret(folder), edition_secret(folder), load_keys(folder).keys[0].secret}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 3


def test_making_keys_again_overwrites_none(tmp_path: Path) -> None:
    create_keys(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    create_keys(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_lost_secret_alone_is_made_again(tmp_path: Path) -> None:
    create_keys(tmp_path)
    ring = load_keys(tmp_path)
    (tmp_path / "edition.key").unlink()
    create_keys(tmp_path)
    assert len(edition_secret(tmp_path)) == 32
    assert load_keys(tmp_path) == ring


def test_a_further_key_becomes_the_newest_and_the_earlier_stay(tmp_path: Path) -> None:
    first = create_key(tmp_path)
    second = create_key(tmp_path)
    assert (first.kid, second.kid) == (1, 2)
    assert load_keys(tmp_path).keys == (second, first)


def test_missing_keys_are_told_with_their_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"link-00001\.key: missing") as caught:
        load_keys(tmp_path / "absent")
    assert caught.value.hint == (
        "Copy the keys back from the backup; for a new installation run: digest init"
    )
    for read in (suppression_secret, edition_secret):
        with pytest.raises(NotFoundError, match="missing"):
            read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"zz", b"00ff\n", b"\xff\xfe"])
def test_a_damaged_key_is_told_and_never_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "suppression.key").write_bytes(content)
    with pytest.raises(DigestError, match=r"suppression\.key: damaged"):
        suppression_secret(tmp_path)


def test_a_key_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "link-00001.key").mkdir()
    with pytest.raises(DigestError, match=r"link-00001\.key: Is a directory"):
        load_keys(tmp_path)


def test_there_is_an_end_to_the_numbers(tmp_path: Path) -> None:
    (tmp_path / "link-65535.key").write_text("00" * 32)
    with pytest.raises(DigestError, match="no number after 65535"):
        create_key(tmp_path)


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _kid(token: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(token[:4])[:2], "big")


def test_a_key_made_while_we_run_is_known_as_soon_as_a_token_names_it(tmp_path: Path) -> None:
    create_keys(tmp_path)
    seconds = Seconds()
    ring = live_ring(tmp_path, seconds=seconds)
    create_key(tmp_path)
    token = load_keys(tmp_path).sign(Purpose.UNSUBSCRIBE, STOP)
    with pytest.raises(TokenError):  # somebody looked within this second
        ring.read(Purpose.UNSUBSCRIBE, token)
    seconds.now += 1
    assert ring.read(Purpose.UNSUBSCRIBE, token) == STOP


def test_the_newest_key_signs_within_a_minute(tmp_path: Path) -> None:
    create_keys(tmp_path)
    seconds = Seconds()
    ring = live_ring(tmp_path, seconds=seconds)
    create_key(tmp_path)
    assert _kid(ring.sign(Purpose.UNSUBSCRIBE, STOP)) == 1
    seconds.now += 60
    assert _kid(ring.sign(Purpose.UNSUBSCRIBE, STOP)) == 2
    assert [key.kid for key in ring.keys] == [2, 1]
    assert (len(ring.keys), ring.keys[:1]) == (2, load_keys(tmp_path).keys[:1])
    assert ring == live_ring(tmp_path)
    assert hash(ring) == hash(live_ring(tmp_path))


def test_forged_tokens_make_us_look_at_the_folder_once_a_second_at_most(tmp_path: Path) -> None:
    create_keys(tmp_path)
    seconds = Seconds()
    ring = live_ring(tmp_path, seconds=seconds)
    forged = "__" + load_keys(tmp_path).sign(Purpose.UNSUBSCRIBE, STOP)[2:]
    seconds.now += 1
    for _ in range(3):
        with pytest.raises(TokenError):
            ring.read(Purpose.UNSUBSCRIBE, forged)
        create_key(tmp_path)
    assert len(ring.keys) == 1


def test_a_key_that_is_taken_away_is_no_longer_accepted(tmp_path: Path) -> None:
    create_keys(tmp_path)
    old = load_keys(tmp_path).sign(Purpose.UNSUBSCRIBE, STOP)
    create_key(tmp_path)
    seconds = Seconds()
    ring = live_ring(tmp_path, seconds=seconds)
    assert ring.read(Purpose.UNSUBSCRIBE, old) == STOP
    (tmp_path / "link-00001.key").unlink()
    seconds.now += 60
    ring.sign(Purpose.UNSUBSCRIBE, STOP)
    with pytest.raises(TokenError):
        ring.read(Purpose.UNSUBSCRIBE, old)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("half")])
def test_keys_that_cannot_be_read_just_now_go_on_working_as_they_were(
    tmp_path: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    create_keys(tmp_path)
    seconds = Seconds()
    ring = live_ring(tmp_path, seconds=seconds)
    token = ring.sign(Purpose.UNSUBSCRIBE, STOP)
    spoil(tmp_path / "link-00001.key")
    seconds.now += 60
    assert ring.sign(Purpose.UNSUBSCRIBE, STOP) == token
    assert ring.read(Purpose.UNSUBSCRIBE, token) == STOP
    assert [each.message for each in caplog.records] == ["keys not read again"]


def test_missing_keys_are_named_and_a_key_has_its_date(tmp_path: Path) -> None:
    every = ("suppression.key", "edition.key", "link-00001.key")
    assert missing_keys(tmp_path / "absent") == every
    create_keys(tmp_path)
    assert missing_keys(tmp_path) == ()
    create_key(tmp_path)
    (tmp_path / "link-00001.key").unlink()
    assert missing_keys(tmp_path) == ()
    at = datetime(2026, 1, 9, 12, tzinfo=UTC)
    os.utime(tmp_path / "link-00002.key", (at.timestamp(), at.timestamp()))
    assert made_at(tmp_path, 2) == at
