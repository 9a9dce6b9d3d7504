from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.limits import abuse_name, network_name, network_of

SECRET = b"s" * 32


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
    ],
)
def test_what_one_host_can_change_at_will_is_one_network(ip: str, network: str) -> None:
    assert network_of(ip) == network
    assert network_name(SECRET, ip) == network_name(SECRET, network.partition("/")[0])
    assert network_name(SECRET, ip) != network_name(b"t" * 32, ip)


@pytest.mark.parametrize(
    "spelling",
    ["maria@x.example", "m.aria@x.example", "maria+1@x.example", "m.a.ria+a+b@x.example"],
)
def test_every_spelling_of_one_mailbox_has_one_name(spelling: str) -> None:
    assert abuse_name(SECRET, spelling) == abuse_name(SECRET, "maria@x.example")


@pytest.mark.parametrize("other", ["mario@x.example", "maria@y.example", "+@x.example"])
def test_other_mailboxes_have_other_names(other: str) -> None:
    assert abuse_name(SECRET, other) != abuse_name(SECRET, "maria@x.example")
    assert abuse_name(b"t" * 32, other) != abuse_name(SECRET, other)


@given(st.emails())
def test_a_name_tells_nothing_of_its_address(address: str) -> None:
    name = abuse_name(SECRET, address)
    assert len(name) == 32
    assert set(name) <= set("0123456789abcdef")
