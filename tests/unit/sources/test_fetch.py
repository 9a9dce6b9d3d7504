from __future__ import annotations

import ipaddress
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import FetchBlockedError, SourceError
from digest.sources.cleaning import word_set
from digest.sources.fetch import (
    Fetcher,
    _is_weaker,
    _Names,
    _not_before,
    is_file,
    is_public,
    without_secrets,
)

NOW = datetime(2026, 1, 9, 6, 0, tzinfo=UTC)


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


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("120", NOW + timedelta(minutes=2)),
        ("0", None),
        ("999999999", NOW + timedelta(hours=24)),
        ("9" * 30, None),
        ("Fri, 09 Jan 2026 07:30:00 GMT", datetime(2026, 1, 9, 7, 30, tzinfo=UTC)),
        ("Friday, 09-Jan-26 07:30:00 GMT", datetime(2026, 1, 9, 7, 30, tzinfo=UTC)),
        ("Fri Jan  9 07:30:00 2026", datetime(2026, 1, 9, 7, 30, tzinfo=UTC)),
        ("Fri, 09 Jan 2026 07:30:00 -0000", datetime(2026, 1, 9, 7, 30, tzinfo=UTC)),
        ("Fri, 09 Jan 2026 09:30:00 +0200", datetime(2026, 1, 9, 7, 30, tzinfo=UTC)),
        ("Sat, 10 Jan 2099 07:30:00 GMT", NOW + timedelta(hours=24)),
        ("Fri, 09 Jan 2026 05:59:59 GMT", None),
        ("Fri, 09 Jan 2026 25:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_a_site_may_ask_us_to_wait_a_day_at_most(
    retry_after: str, expected: datetime | None
) -> None:
    assert _not_before(retry_after, now=NOW) == expected


@given(st.text(max_size=60) | st.datetimes().map(format_datetime))
def test_whatever_a_site_asks_is_understood_or_left(retry_after: str) -> None:
    found = _not_before(retry_after, now=NOW)
    assert found is None or NOW < found <= NOW + timedelta(hours=24)


def test_a_move_from_a_secure_address_to_one_in_the_clear_is_weaker() -> None:
    assert _is_weaker("http://e.example/", "https://e.example/")
    assert not _is_weaker("https://e.example/", "http://e.example/")
    assert not _is_weaker("http://f.example/", "http://e.example/")
    assert not _is_weaker("https://f.example/", "https://e.example/")


def test_an_address_is_shown_without_its_secrets() -> None:
    assert without_secrets("https://ann:pw@e.example/x?a=1&key=22ab&b=2#c") == (
        "https://e.example/x?a=1&key=…&b=2#c"
    )


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1", "169.254.169.254"],
        ["10.0.0.1", "fe80::1%eth0"],
        ["nonsense"],
    ],
)
def test_a_name_that_leads_inside_is_not_dialled(addresses: list[str]) -> None:
    fetcher = Fetcher(resolve=lambda _host, _port: addresses)
    with pytest.raises(FetchBlockedError) as blocked:
        fetcher.get("https://e.example/feed")
    assert str(blocked.value) == (
        f"fetch: https://e.example/feed: e.example is {', '.join(addresses)}: not a public address"
    )


def test_an_address_that_leads_inside_is_named_once() -> None:
    with pytest.raises(FetchBlockedError) as blocked:
        Fetcher().get("http://169.254.169.254/feed")
    assert str(blocked.value) == (
        "fetch: http://169.254.169.254/feed: 169.254.169.254: not a public address"
    )


def test_a_long_question_is_not_told_in_full() -> None:
    fetcher = Fetcher(resolve=lambda _host, _port: ["127.0.0.1"])
    with pytest.raises(FetchBlockedError, match=r"^fetch: https://e\.example/posts\?…: e\.example"):
        fetcher.get(f"https://e.example/posts?{'_embed=author,' * 20}&key=1")
    with pytest.raises(FetchBlockedError, match=r"^fetch: https://e\.example/posts\?feed=1: e\.ex"):
        fetcher.get("https://e.example/posts?feed=1")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError("x"), "the name is not known"),
        (UnicodeError("x"), "the name is not known"),
        (None, "the name has no address"),
    ],
)
def test_a_name_that_nobody_knows_is_told(error: Exception | None, cause: str) -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        if error:
            raise error
        return []

    with pytest.raises(SourceError, match=rf"e\.example: {cause}$"):
        Fetcher(resolve=resolve).get("https://e.example/feed")


def test_a_name_server_that_hangs_is_left_behind_and_soon_not_asked_any_more() -> None:
    until, asked = threading.Event(), []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        until.wait(60)
        return []

    fetcher = Fetcher(deadline=0.02, resolve=resolve)
    for n in range(10):
        with pytest.raises(SourceError, match=r"the name was not looked up in time$"):
            fetcher.get(f"https://{n}.example/")
    assert len(asked) == 8  # the places there are
    until.set()


def test_a_system_without_threads_to_give_is_late_and_keeps_its_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    names = _Names(lambda host, _port: [host], most=1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TimeoutError):
            names.look_up("e.example", 80, seconds=1)
    assert names.look_up("e.example", 80, seconds=5) == ["e.example"]


def test_an_address_needs_no_look_up() -> None:
    names = _Names(lambda _host, _port: [], most=1)
    assert names.look_up("127.0.0.1", 80, seconds=0) == ("127.0.0.1",)
    assert names.look_up("::1", 80, seconds=0) == ("::1",)
