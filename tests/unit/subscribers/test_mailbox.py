from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from subscribers.mailbox import mailbox_number
from subscribers.tokens import Grant, Key, KeyRing, Purpose

RING = KeyRing((Key(1, b"k" * 32),))
AT = datetime(2026, 1, 9, tzinfo=UTC)


@given(st.binary(min_size=1, max_size=32), st.text(max_size=40))
def test_a_number_stands_in_a_link_and_comes_back(secret: bytes, key: str) -> None:
    number = mailbox_number(secret, key)
    assert 0 < number < 2**48
    grant = Grant("ab" * 12, (number,), issued_at=AT)
    assert RING.read(Purpose.DATA, RING.sign(Purpose.DATA, grant)) == grant


def test_another_mailbox_or_another_secret_has_another_number() -> None:
    mine = mailbox_number(b"s", "maria@reader.example")
    assert mine != mailbox_number(b"s", "maria.new@reader.example")
    assert mine != mailbox_number(b"t", "maria@reader.example")
