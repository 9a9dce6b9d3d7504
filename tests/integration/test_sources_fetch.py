from __future__ import annotations

import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from digest.clock import fixed
from digest.errors import FetchBlockedError, HttpStatusError, SourceError
from digest.sources.fetch import (
    ACCEPT_PICTURE,
    MAX_BYTES,
    MAX_PICTURE_BYTES,
    Fetched,
    Fetcher,
    read_file,
)
from digest.sources.politeness import Politeness
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


NOW = datetime(2026, 1, 9, 6, 0, tzinfo=UTC)


def _fetcher(*, timeout: float = 10, deadline: float = 20) -> Fetcher:
    return Fetcher(
        user_agent="digest-test\r\nX-Evil: 1", clock=fixed(NOW), timeout=timeout, deadline=deadline
    )


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
    words = r"/feed: redirected to 127\.0\.0\.2: not a public address$"
    with pytest.raises(FetchBlockedError, match=words) as blocked:
        _fetcher().get(site.url("/feed"), allow=("127.0.0.1/32",))
    assert blocked.value.hint == (
        "Redirects lead nowhere inside, unless the network stands in the source's `allow`."
    )
    assert [path for path, _ in site.asked] == ["/feed"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://[::1"])
def test_a_redirect_to_no_web_address_is_not_followed(site: Site, target: str) -> None:
    error = _refused(site, answer(status=302, Location=target))
    assert isinstance(error, FetchBlockedError)
    assert str(error).endswith(f"redirected to {target!r}: not an http or https address")


def test_redirects_have_an_end(site: Site) -> None:
    for n in range(9):
        site.pages[f"/{n}"] = answer(status=302, Location=f"/{n + 1}")
    assert str(_refused(site, answer(status=302, Location="/0"))).endswith("more than 4 redirects")
    assert len(site.asked) == 5


def test_redirects_in_a_circle_are_told_as_one(site: Site) -> None:
    site.pages["/other"] = answer(status=302, Location="/feed#again")
    error = _refused(site, answer(status=302, Location="/other", Set_Cookie="seen=1"))
    assert str(error).endswith("redirected in a circle")
    assert "cookies" in error.hint
    assert [path for path, _ in site.asked] == ["/feed", "/other"]
    assert "Cookie" not in site.asked[1][1]


@pytest.mark.parametrize(
    ("statuses", "is_for_good"),
    [((301,), True), ((308, 301), True), ((302,), False), ((301, 307), False), ((303, 301), False)],
)
def test_a_move_for_good_is_told_as_one(
    site: Site,
    statuses: tuple[int, ...],
    is_for_good: bool,  # noqa: FBT001 - a column
) -> None:
    for n, status in enumerate(statuses):
        site.pages[f"/{n}"] = answer(status=status, Location=f"/{n + 1}#top")
    site.pages[f"/{len(statuses)}"] = dated(b"<rss/>", etag='"1"', last_modified="x")
    end = site.url(f"/{len(statuses)}")
    found = _fetcher().get(site.url("/0"), allow=HERE)
    assert (found.address, found.moved_to) == (end, end if is_for_good else None)
    again = _fetcher().get(site.url("/0"), etag='"1"', last_modified="x", allow=HERE)
    assert again == Fetched(304, end, b"", not_modified=True, moved_to=found.moved_to)


@pytest.mark.parametrize(
    "inside",
    [
        "http://127.0.0.2:{port}/inside",
        "http://169.254.169.254/latest/meta-data/",
        "http://[64:ff9b::7f00:2]:{port}/",
        "http://[::ffff:127.0.0.2]:{port}/",
        "http://[::1]:{port}/",
        "http://[fe80::1]/",
        "http://2130706434:{port}/",
        "http://0x7f000002:{port}/",
        "http://0177.0.0.2:{port}/",
        "http://127.2:{port}/",
        "http://0:{port}/",
        "//10.0.0.1/",
    ],
)
def test_a_redirect_never_leads_inside_however_it_is_written(site: Site, inside: str) -> None:
    site.pages["/feed"] = answer(status=301, Location=inside.format(port=site.port))
    with pytest.raises(FetchBlockedError, match=r"not a public address$"):
        _fetcher().get(site.url("/feed"), allow=("127.0.0.1/32",))
    assert [path for path, _ in site.asked] == ["/feed"]


def test_a_name_that_resolves_differently_the_second_time_leads_nowhere(site: Site) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"]]
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return answers[len(asked) - 1]

    fetcher = Fetcher(resolve=resolve)
    site.pages["/feed"] = answer(status=302, Location="/again")
    with pytest.raises(
        FetchBlockedError, match=r"redirected to e\.example, which is 127\.0\.0\.2: not"
    ):
        fetcher.get(site.url("/feed", "e.example"), allow=("127.0.0.1/32",))
    assert asked == [("e.example", site.port)] * 2  # once for each connection, and never after
    assert [headers["Host"] for _, headers in site.asked] == [f"e.example:{site.port}"]


def test_of_several_addresses_only_the_allowed_ones_are_dialled(site: Site) -> None:
    site.pages["/feed"] = answer(b"<rss/>")
    fetcher = Fetcher(resolve=lambda _host, _port: ["10.0.0.1", "127.0.0.1", "127.0.0.1"])
    found = fetcher.get(site.url("/feed", "e.example"), allow=("127.0.0.1/32",))
    assert found.content == b"<rss/>"


def test_a_slow_name_server_takes_no_more_than_the_deadline(site: Site) -> None:
    late = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        late.wait(60)
        return ["127.0.0.1"]

    with pytest.raises(SourceError, match=r"e\.example: the name was not looked up in time$"):
        Fetcher(deadline=0.1, resolve=resolve).get(site.url("/", "e.example"), allow=HERE)
    late.set()


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
    assert isinstance(error, HttpStatusError)
    assert (error.status, error.not_before) == (status, None)
    assert str(error).endswith(f": the site answers {words}")
    assert hint in error.hint


@pytest.mark.parametrize(
    ("value", "words", "not_before"),
    [
        ("120", "The site asks us to wait 120 seconds.", NOW + timedelta(seconds=120)),
        (
            "Fri, 09 Jan 2026 06:30:00 GMT",
            "The site asks us to wait until Fri, 09 Jan 2026 06:30:00 GMT.",
            NOW + timedelta(minutes=30),
        ),
        ("<soon>", "raise `every` for this source.", None),
        ("900000", "The site asks us to wait 900000 seconds.", NOW + timedelta(days=1)),
    ],
)
def test_how_long_to_wait_is_passed_on(
    site: Site, value: str, words: str, not_before: datetime | None
) -> None:
    error = _refused(site, answer(status=429, Retry_After=value))
    assert isinstance(error, HttpStatusError)
    assert error.hint.endswith(words)
    assert (error.status, error.not_before) == (429, not_before)


def test_a_redirect_that_asks_to_wait_is_not_followed_now(site: Site) -> None:
    site.pages["/there"] = answer(b"<rss/>")
    error = _refused(site, answer(status=301, Location="/there", Retry_After="60"))
    assert isinstance(error, HttpStatusError)
    assert (error.status, error.not_before) == (301, NOW + timedelta(minutes=1))
    assert [path for path, _ in site.asked] == ["/feed"]
    site.pages["/feed"] = answer(status=301, Location="/there", Retry_After="0")
    assert _fetcher().get(site.url("/feed"), allow=HERE).content == b"<rss/>"


def test_an_answer_that_asks_to_wait_is_taken_and_says_so(site: Site) -> None:
    site.pages["/feed"] = answer(b"<rss/>", Retry_After="3600")
    found = _fetcher().get(site.url("/feed"), allow=HERE)
    assert (found.content, found.not_before) == (b"<rss/>", NOW + timedelta(hours=1))


@pytest.mark.parametrize("etag", ['"caf\xe9"', '"' + "x" * 2_000 + '"'])
def test_a_mark_that_cannot_be_sent_back_is_not_kept(site: Site, etag: str) -> None:
    site.pages["/feed"] = answer(b"<rss/>", ETag=etag, Last_Modified="\xe9")
    found = _fetcher().get(site.url("/feed"), etag=etag, last_modified="\xe9", allow=HERE)
    assert (found.etag, found.last_modified) == (None, None)
    assert not {"If-None-Match", "If-Modified-Since"} & set(site.asked[0][1])


def test_what_is_wanted_and_how_much_of_it_are_arguments(site: Site) -> None:
    site.pages["/picture"] = answer(b"x" * (MAX_BYTES + 1), content_type="image/jpeg")
    found = _fetcher().get(
        site.url("/picture"), allow=HERE, accept=ACCEPT_PICTURE, most_bytes=MAX_PICTURE_BYTES
    )
    assert (len(found.content), found.content_type) == (MAX_BYTES + 1, "image/jpeg")
    assert site.asked[0][1]["Accept"] == ACCEPT_PICTURE
    with pytest.raises(SourceError, match=r"larger than 3 MB$"):
        _fetcher().get(site.url("/picture"), allow=HERE, most_bytes=3_000_000)


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
        (answer(b"no gzip", Content_Encoding="gzip"), "said to be packed, but cannot be unpacked"),
        (answer(zlib.compress(b"x" * 99)[:9], Content_Encoding="gzip"), "said to be packed, but"),
        (answer(b"x", Content_Encoding="br"), "packed as 'br'"),
    ],
)
def test_an_answer_too_large_or_not_understood_is_refused(
    site: Site, answered: Answer, cause: str
) -> None:
    assert f": {cause}" in str(_refused(site, answered))


def _gibibyte_of_nothing() -> bytes:
    """Pack 1 GiB of zeros by packing one MiB of it: after a full flush a block stands alone."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(7) + block * 1024 + packer.flush()


def test_a_gibibyte_of_gzip_is_left_after_five_megabytes(site: Site) -> None:
    bomb = _gibibyte_of_nothing()
    assert len(bomb) < 2_000_000
    began = time.monotonic()
    error = _refused(site, answer(bomb, Content_Encoding="gzip"))
    assert time.monotonic() - began < 2
    assert str(error).endswith("larger than 5 MB")


def _endless(begin: bytes, piece: bytes) -> Answer:
    """Send as fast as it is taken, for ever."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(begin)
        while True:
            handler.wfile.write(piece)

    return send


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answered", "cause"),
    [
        (_endless(CHUNKED + b"0\r\n", b"X-A: b\r\n" * 999), "an answer that is not understood"),
        (_endless(CHUNKED + b"1;", b"a" * 999), "an answer that is not understood"),
        (_endless(CHUNKED, b"1;aaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 99), "larger than 1 MB"),
        (_endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 999), "an answer that is not"),
        (_endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 999), "an answer that is not understood"),
        (_endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 99), "larger than 1 MB"),
        (_endless(b"", b"SSH-2.0-nothing" * 99), "an answer that is not understood"),
        (_endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 9_999), "larger than 1 MB"),
    ],
    ids=["trailers", "mark", "marks", "headers", "header", "hints", "nonsense", "body"],
)
def test_an_answer_without_end_is_left_long_before(
    site: Site, answered: Answer, cause: str
) -> None:
    site.pages["/feed"] = answered
    began = time.monotonic()
    with pytest.raises(SourceError, match=f": {cause}"):
        _fetcher(deadline=60).get(site.url("/feed"), allow=HERE, most_bytes=1_000_000)
    assert time.monotonic() - began < 10


def test_two_threads_at_once_ask_one_host_and_the_others_wait(site: Site) -> None:
    lock, now, most = threading.Lock(), [0], [0]
    met = threading.Barrier(2)

    def send(handler: BaseHTTPRequestHandler) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        met.wait(10)
        with lock:
            now[0] -= 1
        answer(b"<rss/>")(handler)

    site.pages["/feed"] = send
    fetcher = _fetcher(deadline=5)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda _: fetcher.get(site.url("/feed"), allow=HERE), range(16))
        assert [each.content for each in found] == [b"<rss/>"] * 16
    assert most == [2]


def test_waiting_for_a_turn_has_a_limit_of_its_own(site: Site) -> None:
    site.pages["/slow"] = drip(b"x", seconds=0.02)
    site.pages["/feed"] = answer(b"<rss/>")
    fetcher = Fetcher(deadline=0.5, politeness=Politeness(at_once=1, patience=0.05))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(fetcher.get, site.url("/slow"), allow=HERE)
        while not site.asked:
            time.sleep(0.01)
        with pytest.raises(SourceError, match=r"no turn at 127\.0\.0\.1 within 0\.05 s$"):
            fetcher.get(site.url("/feed"), allow=HERE)
        assert isinstance(slow.exception(), SourceError)
    patient = Fetcher(deadline=0.5, politeness=Politeness(at_once=1))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(patient.get, site.url("/slow"), allow=HERE)
        while len(site.asked) < 2:
            time.sleep(0.01)
        assert patient.get(site.url("/feed"), allow=HERE).content == b"<rss/>"
        assert isinstance(slow.exception(), SourceError)


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
