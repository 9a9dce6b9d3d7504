from __future__ import annotations

from pathlib import Path

import pytest

from digest.errors import DigestError, NotFoundError
from subscribers.keys import (
    create_key,
    create_keys,
    edition_secret,
    load_keys,
    suppression_secret,
)


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
