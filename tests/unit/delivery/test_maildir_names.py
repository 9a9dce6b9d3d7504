from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.delivery.maildir import folder_name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("Ann.B+news@Example.ORG", "ann.b+news@example.org"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        (".", "%2E"),
        ("a%b@x", "a%25b@x"),
        ("a\0b\n@x", "a%00b%0A@x"),
        ("bärbel@x", "b%C3%A4rbel@x"),
    ],
)
def test_a_folder_is_named_after_its_address(address: str, name: str) -> None:
    assert folder_name(address) == name


@given(st.text(min_size=1))
@example("a" * 5000)
def test_no_address_leaves_the_root(address: str) -> None:
    name = folder_name(address)
    assert set(name) <= set(string.ascii_letters + string.digits + ".@_+-%")
    assert not name.startswith(".")
    assert 0 < len(name) <= 200


@given(st.text(max_size=300), st.text(max_size=300))
def test_two_addresses_never_share_a_folder(one: str, other: str) -> None:
    same = one.lower() == other.lower()
    assert (folder_name(one) == folder_name(other)) is same
