from __future__ import annotations

from datetime import date

from digest.demo.readers import READERS


def test_there_are_twenty_five_whom_no_mail_can_reach() -> None:
    assert len(READERS) == len({reader.address for reader in READERS}) == 25
    assert all(reader.address.endswith("@reader.example") for reader in READERS)
    assert all(reader.address.isascii() for reader in READERS)


def test_some_names_are_not_ascii() -> None:
    assert sum(not reader.name.isascii() for reader in READERS) >= 5


def test_they_stand_in_the_order_in_which_they_asked() -> None:
    since = [reader.since for reader in READERS]
    assert since == sorted(since)
    assert since[-1] < date(2026, 1, 8)
