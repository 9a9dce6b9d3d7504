from __future__ import annotations

import os
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.errors import FetchBlockedError, SourceError
from digest.sources.fetch import MAX_BYTES, Fetched, Fetcher, read_file
from tests.integration.sources_newsroom import (
    HERE,
    Answer,
    Site,
    answer,
    dated,
    drip,
    packed,
    running_site,
)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def _fetcher(**limits: float) -> Fetcher:
    return Fetcher(user_agent="digest-test\r\nX-Evil: 1", **limits)


def _refused(site: Site, answered: Answer, **limits: float) -> SourceError:
    site.pages["/feed"] = answered
    with pytest.raises(SourceError) as refused:
        _fetcher(**limits).get(site.url("/feed"), allow=HERE)
    assert str(refused.value).startswith(f"fetch: {site.url('/feed')}: ")
    return refused.value


def test_an_answer_comes_with_all_that_is_needed_to_ask_again(site: Site) -> None:
    site.pages["/feed"] = dated(
        b"<rss/>", etag='"1"', last_modified="Fri, 09 Jan 2026 06:00:00 GMT"
    )
    first = _fetcher().get(site.url("/feed#top"), allow=HERE)
    assert first == Fetched(
        status=200,
        address=site.url("/feed"),
        content=b"<rss/>",
        content_type="application/xml",
        etag='"1"',
        last_modified="Fri, 09 Jan 2026 06:00:00 GMT",
    )
    again = _fetcher().get(
        site.url("/feed"), etag=first.etag, last_modified=first.last_modified, allow=HERE
    )
    assert again == Fetched(304, site.url("/feed"), b"", not_modified=True)
    path, headers = site.asked[0]
    assert path == "/feed"
    assert headers["User-Agent"] == "digest-test X-Evil: 1"
    assert headers["Host"] == f"127.0.0.1:{site.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433"])
def test_this_machine_is_not_dialled_unless_allowed(site: Site, host: str) -> None:
    with pytest.raises(FetchBlockedError, match=r"not a public address$") as blocked:
        _fetcher().get(site.url("/feed", host))
    assert blocked.value.hint == (
        "To read a source inside your network, name the network in its `allow`."
    )
    assert site.asked == []


def test_a_redirect_is_followed_and_its_end_is_told(site: Site) -> None:
    site.pages["/feed"] = answer(status=301, Location="/moved?x=1")
    site.pages["/moved?x=1"] = answer(b"<rss/>")
    assert _fetcher().get(site.url("/feed"), allow=HERE).address == site.url("/moved?x=1")


def test_a_redirect_leads_nowhere_that_is_not_allowed(site: Site) -> None:
    site.pages["/feed"] = answer(status=302, Location=site.url("/inside", "127.0.0.2"))
    with pytest.raises(FetchBlockedError, match=r"127\.0\.0\.2: not a public address$"):
        _fetcher().get(site.url("/feed"), allow=("127.0.0.1/32",))
    assert [path for path, _ in site.asked] == ["/feed"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://[::1"])
def test_a_redirect_to_no_web_address_is_not_followed(site: Site, target: str) -> None:
    error = _refused(site, answer(status=302, Location=target))
    assert isinstance(error, FetchBlockedError)
    assert str(error).endswith(f"redirected to {target!r}: not an http or https address")


def test_redirects_have_an_end(site: Site) -> None:
    assert str(_refused(site, answer(status=302, Location="/feed"))).endswith(
        "more than 4 redirects"
    )
    assert len(site.asked) == 5


@pytest.mark.parametrize(
    ("status", "words", "hint"),
    [
        (304, "304 Not Modified", "in trouble"),
        (403, "403 Forbidden", "User-Agent"),
        (404, "404 Not Found", "has moved"),
        (410, "410 Gone", "given this feed up"),
        (500, "500 Internal Server Error", "tried again"),
        (302, "302 Found", "tried again"),
        (599, "599 unknown", "tried again"),
    ],
)
def test_a_refusal_is_told_in_words(site: Site, status: int, words: str, hint: str) -> None:
    error = _refused(site, answer(b"x" if status != 304 else b"", status))
    assert str(error).endswith(f": the site answers {words}")
    assert hint in error.hint


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("120", "The site asks us to wait 120 seconds."),
        (
            "Fri, 09 Jan 2026 06:00:00 GMT",
            "The site asks us to wait until Fri, 09 Jan 2026 06:00:00 GMT.",
        ),
        ("<soon>", "raise `every` for this source."),
    ],
)
def test_how_long_to_wait_is_passed_on(site: Site, value: str, words: str) -> None:
    assert _refused(site, answer(status=429, Retry_After=value)).hint.endswith(words)


def test_packed_answers_are_unpacked(site: Site) -> None:
    site.pages["/gzip"] = packed(b"<rss/>" * 50_000)
    site.pages["/deflate"] = answer(zlib.compress(b"<rss/>"), Content_Encoding="deflate")
    assert _fetcher().get(site.url("/gzip"), allow=HERE).content == b"<rss/>" * 50_000
    assert _fetcher().get(site.url("/deflate"), allow=HERE).content == b"<rss/>"


@pytest.mark.parametrize(
    ("answered", "cause"),
    [
        (answer(b"x" * (MAX_BYTES + 1)), "larger than 5 MB"),
        (packed(bytes(200_000_000)), "larger than 5 MB"),
        (answer(b"no gzip", Content_Encoding="gzip"), "an answer that is not understood"),
        (answer(zlib.compress(b"x" * 99)[:9], Content_Encoding="gzip"), "an answer that is not"),
        (answer(b"x", Content_Encoding="br"), "packed as 'br'"),
    ],
)
def test_an_answer_too_large_or_not_understood_is_refused(
    site: Site, answered: Answer, cause: str
) -> None:
    assert f": {cause}" in str(_refused(site, answered))


@pytest.mark.parametrize(
    "answered",
    [
        drip(b"x", seconds=0.05),
        drip(b"HTTP/1.1 200 OK\r\nX-A: b\r\n", seconds=60, in_headers=True),
        drip(b"\r", seconds=0.05, in_headers=True),
        drip(b"", seconds=60, in_headers=True),
    ],
)
def test_a_server_that_drips_or_hangs_is_left_at_the_deadline(site: Site, answered: Answer) -> None:
    began = time.monotonic()
    error = _refused(site, answered, timeout=0.6, deadline=1)
    assert time.monotonic() - began < 3
    assert (
        str(error)
        .partition(f"{site.port}/feed: ")[2]
        .startswith(("no whole answer in time", "an answer that is not understood"))
    )


def test_a_deadline_that_has_passed_asks_nobody(site: Site) -> None:
    assert str(_refused(site, answer(b"x"), deadline=-1)).endswith("no whole answer in time")
    assert site.asked == []


def test_a_server_that_speaks_something_else_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(SourceError, match="no whole answer in time"):
            _fetcher(timeout=0.2, deadline=0.5).get(address, allow=HERE)


def test_a_refused_connection_and_an_unknown_name_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match=r"refused$") as refused:
        _fetcher().get(f"http://127.0.0.1:{port}/", allow=HERE)
    assert refused.value.hint == "Check the address and that this machine reaches it."
    with pytest.raises(SourceError, match=r"no-such-host\.invalid: the name is not known$"):
        _fetcher().get("http://no-such-host.invalid/")


def test_a_secure_address_that_answers_in_the_clear_is_told(site: Site) -> None:
    with pytest.raises(SourceError, match=r"^fetch: https://127"):
        _fetcher(timeout=2, deadline=3).get(site.url("/").replace("http:", "https:"), allow=HERE)


def test_no_proxy_of_the_environment_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", site.url("/proxy"))
    monkeypatch.setenv("ALL_PROXY", site.url("/proxy"))
    site.pages["/feed"] = answer(b"<rss/>")
    assert _fetcher().get(site.url("/feed"), allow=HERE).content == b"<rss/>"


def test_a_file_is_read_by_path_or_address_and_known_again(tmp_path: Path) -> None:
    path = tmp_path / "a feed.xml"
    path.write_bytes(b"<rss/>")
    first = read_file(str(path))
    assert (first.status, first.address, first.content) == (200, str(path), b"<rss/>")
    assert read_file(path.as_uri()) == first
    assert read_file(str(path), etag=first.etag) == Fetched(
        304, str(path), b"", etag=first.etag, not_modified=True
    )


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (MAX_BYTES + 1))
    os.mkfifo(tmp_path / "pipe")
    causes = {
        "absent": "no such file or directory",
        "": "not a file",
        "pipe": "not a file",
        "large": "larger than 5 MB",
        "nul\0": "no such name",
    }
    told = {}
    for name in causes:
        with pytest.raises(SourceError) as refused:
            read_file(str(tmp_path / name))
        assert refused.value.hint
        told[name] = str(refused.value).rpartition(": ")[2]
    assert told == causes
