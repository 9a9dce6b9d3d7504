from __future__ import annotations

import ipaddress

import pytest

from digest.errors import FetchBlockedError, SourceError
from digest.sources.cleaning import word_set
from digest.sources.fetch import Fetcher, is_file, is_public


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111%eth0"],
)
def test_a_public_address_may_be_dialled(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    sorted(
        word_set("""
    127.0.0.1 127.9.9.9 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1
    192.0.0.170 192.88.99.1 198.18.0.1 192.0.2.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    ::1 :: ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
    64:ff9b:1::1 fe80::1 fe80::1%eth0 fc00::1 fd12::1 fec0::1 ff02::1 ff0e::1 2001:db8::1
    2002:7f00:1:: 2002:808:808:: 2001:0:808:808:: 3fff::1 5f00::1 nonsense 127.1 1
    """)
    ),
)
def test_any_other_address_must_not_be(address: str) -> None:
    assert not is_public(address)


def test_a_network_that_is_allowed_may_be_dialled_in_each_of_its_forms() -> None:
    allow = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
    assert is_public("10.1.2.3", allow=allow)
    assert is_public("::ffff:10.1.2.3", allow=allow)
    assert is_public("fd12::1", allow=allow)
    assert not is_public("192.168.1.1", allow=allow)


@pytest.mark.parametrize(
    "address",
    ["ftp://e.example/", "javascript:x", "https://", "feed.xml", "http://e.example\\@f.example/"],
)
def test_only_whole_web_addresses_are_fetched(address: str) -> None:
    with pytest.raises(FetchBlockedError, match=r"not an http or https address$") as refused:
        Fetcher(user_agent="t").get(address)
    assert str(refused.value).startswith("fetch: ")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(FetchBlockedError) as refused:
        Fetcher().get("https://ann:secret@e.example/feed")
    assert str(refused.value) == ("fetch: https://e.example/feed: not an http or https address")


def test_a_network_that_is_none_is_told() -> None:
    with pytest.raises(SourceError, match=r"allow: '10\.0\.0' does not appear") as refused:
        Fetcher().get("https://e.example/", allow=("10.0.0",))
    assert refused.value.hint == 'Write networks as in allow = ["10.0.0.0/8"].'


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("feeds/site.xml", True),
        ("/srv/feed.xml", True),
        ("file:///srv/feed.xml", True),
        ("FILE:///srv/feed.xml", True),
        ("https://e.example/", False),
        ("ftp://e.example/", False),
    ],
)
def test_a_path_or_a_file_address_names_a_file(address: str, expected: bool) -> None:  # noqa: FBT001 - a column
    assert is_file(address) is expected
