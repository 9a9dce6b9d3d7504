"""Door to the web and to files: what a source names, fetched within limits of bytes and time.

The address of every connection is checked after the name was resolved, and that very address is
dialled: neither a redirect nor a name that resolves differently the second time leads inside.

What was decided about redirects: four at most, a circle is told as one, cookies are never kept, and
a secure address may lead to one in the clear, as it does in every browser and at many a site that
still publishes; such a move is not believed to be for good, though (`Fetched.moved_to`).
"""

from __future__ import annotations

import hashlib
import ipaddress
import queue
import re
import socket
import ssl
import stat
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpcore2
import httpx2

from digest.clock import Clock, utc_now
from digest.errors import FetchBlockedError, HttpStatusError, SourceError
from digest.sources.cleaning import one_line, safe_link, word_set
from digest.sources.politeness import NoTurnError, Politeness

MAX_BYTES = 5_000_000
MAX_PICTURE_BYTES = 20_000_000
MAX_REDIRECTS = 4
MAX_PROBED_REDIRECTS = 10
LONGEST_WAIT = timedelta(hours=24)
"""A site that asks for more is asked again the next day."""
USER_AGENT = "digest-mailer (feed reader)"
ACCEPT_FEED = (
    "application/rss+xml, application/atom+xml, application/feed+json;q=0.9,"
    " application/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
ACCEPT_PAGE = "text/html, application/xhtml+xml, text/plain;q=0.8, */*;q=0.5"
ACCEPT_JSON = "application/json, */*;q=0.5"
ACCEPT_PICTURE = "image/jpeg, image/png, image/webp, image/avif;q=0.9, image/*;q=0.8"
_CHUNK = 64 * 1024
_MAX_ADDRESSES = 4
_MAX_LOOKUPS = 8
_MAX_TOLD_CHARACTERS = 1_000
_MAX_TOLD_QUESTION = 100
_WIRE_ROOM = 1_000_000
"""Bytes that an answer may take beside its body: headers, trailers, the marks of its chunks."""
_ANY_ENCODING = 32 + zlib.MAX_WBITS
"""zlib's word for: gzip or zlib, as the first bytes tell."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_HINTS: Mapping[int, str] = MappingProxyType(
    {
        401: "The site asks for a name and a password; use a public feed.",
        403: "The site refuses this program; ask its operator to let our User-Agent in.",
        404: "The feed has moved; look up its address on the site and change it in digest.toml.",
        410: "The site has given this feed up; remove it from digest.toml or name the new one.",
        429: "We ask too often; raise `every` for this source.",
    }
)

Resolve = Callable[[str, int], Sequence[str]]
"""From a host's name and a port to its addresses; raises OSError for a name nobody knows."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
# What the standard library's `is_global` lets through, in some or all of its versions.
_NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(block)
    for block in sorted(
        word_set(
            "0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 240.0.0.0/4 ::/8"
            " 64:ff9b:1::/48 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fec0::/10"
        )
    )
)


@dataclass(frozen=True, slots=True)
class Probed:
    """How an address answers, without what it answers; `address` is the last one asked."""

    status: int
    address: str
    content_type: str = ""
    redirects: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer. `address` is where it came from at last, after redirects."""

    status: int
    address: str
    content: bytes
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    not_modified: bool = False
    moved_to: str | None = None
    """The same as `address` when every redirect on the way there was said to be for good."""
    not_before: datetime | None = None
    """When the site asks to be asked again, though it answered (Retry-After, aware UTC)."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What was said to a body that was handed over."""

    status: int
    not_before: datetime | None = None
    """When it asks to be asked again (Retry-After, aware UTC)."""


def is_public(address: str, *, allow: Sequence[Network] = ()) -> bool:
    """Tell whether an IP address may be dialled: public, or inside a network of `allow`.

    An IPv4 address packed into IPv6 (mapped, NAT64) is judged as itself; 6to4 and Teredo never
    pass.
    """
    try:
        given = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    real = _unpacked(given)
    if any(_is_in(given, network) or _is_in(real, network) for network in allow):
        return True
    return real.is_global and not real.is_multicast and not any(_is_in(real, n) for n in _NEVER)


def _unpacked(address: IpAddress) -> IpAddress:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_in(address: IpAddress, network: Network) -> bool:
    return address.version == network.version and address in network


class Fetcher:
    """Fetches one address at a time; keeps no answer between two, so that threads may share it."""

    def __init__(
        self,
        *,
        user_agent: str = USER_AGENT,
        timeout: float = 10,
        deadline: float = 20,
        clock: Clock = utc_now,
        resolve: Resolve | None = None,
        politeness: Politeness | None = None,
    ) -> None:
        """Take how we present ourselves, the seconds for one step, and for an answer in all.

        `clock` is what Retry-After counts from, `resolve` looks names up, and `politeness` tells
        whose turn it is; all threads of one program should share it.
        """
        self.user_agent = one_line(user_agent)
        self.timeout = timeout
        self.deadline = deadline
        self.clock = clock
        self._names = _Names(resolve or _system_names)
        self._politeness = politeness or Politeness()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx2.create_ssl_context(trust_env=False)

    def get(
        self,
        address: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        allow: Sequence[str] = (),
        accept: str = ACCEPT_FEED,
        most_bytes: int = MAX_BYTES,
    ) -> Fetched:
        """Fetch an http or https address, following up to four redirects.

        With `etag` or `last_modified` the answer may be `not_modified`, without content. `allow`
        names networks (CIDR) that may be dialled although they are not public. Two requests at
        once go to one host; waiting for a turn does not count against the deadline.
        Raises FetchBlockedError for an address that must not be dialled, HttpStatusError for a
        refusal, SourceError for the rest.
        """
        call = _Call(address, _networks(address, allow), most_bytes=most_bytes)
        answer, redirects, for_good = self._follow(
            call, address, self._headers(accept, etag, last_modified)
        )
        moved = for_good and redirects > 0
        return replace(answer, moved_to=answer.address if moved else None)

    def probe(
        self,
        address: str,
        *,
        method: str = "HEAD",
        allow: Sequence[str] = (),
        most_redirects: int = MAX_PROBED_REDIRECTS,
    ) -> Probed:
        """Ask how an http or https address answers to HEAD or GET, without reading a body.

        Raises as `get` does; HttpStatusError for every status from 400 on.
        """
        call = _Call(address, _networks(address, allow), most_bytes=0, method=method)
        call.most_redirects = most_redirects
        answer, redirects, _ = self._follow(call, address, self._headers("*/*", None, None))
        return Probed(answer.status, answer.address, answer.content_type, redirects)

    def _follow(
        self, call: _Call, address: str, headers: Mapping[str, str]
    ) -> tuple[Fetched, int, bool]:
        """Give the last answer, how many redirects led to it, and whether all were for good."""
        way = [_checked_url(call, address)]
        tls = self._tls  # made once, and before the time runs
        call.until = time.monotonic() + self.deadline
        for_good = True
        while len(way) <= call.most_redirects + 1:
            answer = self._hop(call, tls, way[-1], headers)
            if isinstance(answer, Fetched):
                return answer, len(way) - 1, for_good
            url = _checked_url(call, answer.location, base=way[-1])
            if url in way:
                raise call.error(
                    "redirected in a circle", "Open it in a browser: a site may insist on cookies."
                )
            for_good = for_good and answer.for_good and not _is_weaker(url, way[-1])
            way.append(url)
            call.is_redirected = True
        raise call.error(
            f"more than {call.most_redirects} redirects", "Name the last address instead."
        )

    def post(
        self, address: str, content: bytes, *, headers: Mapping[str, str], allow: Sequence[str] = ()
    ) -> Posted:
        """Hand a body to an http or https address; the answer's own body is not read.

        No redirect is followed: what was signed for one address is nobody else's. `allow` as in
        `get`. Raises FetchBlockedError for an address that must not be dialled, SourceError when
        nothing answers.
        """
        call = _Call(address, _networks(address, allow), most_bytes=0)
        url, tls = _checked_url(call, address), self._tls
        sent = {"User-Agent": self.user_agent, "Connection": "close", **headers}
        named = [
            *sent.items(),
            ("Host", urlsplit(url).netloc),
            ("Content-Length", str(len(content))),
        ]
        steps = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        call.until = time.monotonic() + self.deadline
        with (
            call.errors(),
            self._pool(call, tls) as pool,
            pool.stream(
                "POST", url, headers=named, content=content, extensions={"timeout": steps}
            ) as response,
        ):
            told = _told(response)
            not_before = _not_before(told.get("retry-after", ""), now=self.clock())
            return Posted(response.status, not_before)

    def _headers(self, accept: str, etag: str | None, last_modified: str | None) -> dict[str, str]:
        headers = {
            "User-Agent": self.user_agent,
            "Accept": accept,
            "Accept-Encoding": "gzip",
            "Connection": "close",
        }
        if etag and _is_plain(etag):
            headers["If-None-Match"] = etag
        if last_modified and _is_plain(last_modified):
            headers["If-Modified-Since"] = last_modified
        return headers

    def _hop(
        self, call: _Call, tls: ssl.SSLContext, url: str, headers: Mapping[str, str]
    ) -> Fetched | _Onward:
        """Ask one address when its host's turn has come."""
        host = urlsplit(url).hostname or ""
        # Who names a source's network owns the host, and may be asked without a breath.
        turn = self._politeness.turn(host, at_once=bool(call.allow))
        try:
            with turn as waited, call.errors(), self._pool(call, tls) as pool:
                call.until += waited
                return self._ask(call, pool, url, headers)
        except NoTurnError as error:
            raise call.error(
                f"no turn at {host} within {self._politeness.patience:g} s",
                "Others were still being fetched from there; tried again at the next poll.",
            ) from error

    def _pool(self, call: _Call, tls: ssl.SSLContext) -> httpcore2.ConnectionPool:
        # A pool for each hop: it reads no proxy from the environment, which would dial for us
        # and so past the check, and a source is asked too rarely for connections to be kept.
        return httpcore2.ConnectionPool(
            ssl_context=tls, network_backend=_CheckedBackend(call, self._names), retries=0
        )

    def _ask(
        self, call: _Call, pool: httpcore2.ConnectionPool, url: str, headers: Mapping[str, str]
    ) -> Fetched | _Onward:
        """Give the answer, or where to go on."""
        steps = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        sent = [*headers.items(), ("Host", urlsplit(url).netloc)]
        with pool.stream(call.method, url, headers=sent, extensions={"timeout": steps}) as response:
            told = _told(response)
            not_before = _not_before(told.get("retry-after", ""), now=self.clock())
            goes_on = response.status in _REDIRECTS and "location" in told
            if goes_on and not_before is None:
                return _Onward(told["location"], for_good=response.status in _PERMANENT)
            if response.status == HTTPStatus.NOT_MODIFIED and _is_conditional(headers):
                return Fetched(response.status, url, b"", not_modified=True, not_before=not_before)
            if not HTTPStatus(200) <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                raise _refused(call, response.status, told, not_before)
            return _answer(call, url, response, told, not_before)


@dataclass(frozen=True, slots=True)
class _Onward:
    location: str
    for_good: bool


class _Call:
    """One `get`: what was asked for, what may be dialled, until when, and how much is taken."""

    def __init__(
        self, address: str, allow: tuple[Network, ...], *, most_bytes: int, method: str = "GET"
    ) -> None:
        self.address = told_address(address)
        self.allow = allow
        self.method = method
        self.most_redirects = MAX_REDIRECTS
        self.is_redirected = False
        self.until = 0.0
        self.most_bytes = most_bytes
        self.wire_left = most_bytes + most_bytes // 4 + _WIRE_ROOM

    def left(self, timeout: float | None) -> float:
        """Give the seconds for the next step; none are left when the deadline has passed."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("deadline")
        return left if timeout is None else min(timeout, left)

    def took(self, count: int) -> None:
        """Count bytes off the wire: what stands between the pieces of a body has an end, too."""
        self.wire_left -= count
        if self.wire_left < 0:
            raise self.too_large()

    def too_large(self) -> SourceError:
        return self.error(
            f"larger than {self.most_bytes // 1_000_000} MB",
            "Look at what the address answers; a feed may show fewer stories.",
        )

    def error(self, cause: str, hint: str) -> SourceError:
        return SourceError(f"fetch: {self.address}: {cause}", hint=hint)

    def errors(self) -> _Errors:
        return _Errors(self)


class _Errors:
    """Turns the library's errors into ours."""

    def __init__(self, call: _Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, _BlockedError):
            raise FetchBlockedError(
                f"fetch: {self._call.address}: {error}",
                hint="Redirects lead nowhere inside, unless the network stands in the source's"
                " `allow`."
                if self._call.is_redirected
                else "To read a source inside your network, name the network in its `allow`.",
            ) from error
        if isinstance(error, httpcore2.TimeoutException):
            raise self._call.error(
                "no whole answer in time", "Tried again at the next poll; is the site slow?"
            ) from error
        if isinstance(error, httpcore2.NetworkError | ssl.SSLError):
            raise self._call.error(
                one_line(str(error)) or "the connection broke",
                "Check the address and that this machine reaches it.",
            ) from error
        if isinstance(error, zlib.error):
            raise self._call.error(
                "said to be packed, but cannot be unpacked",
                "Its server's compression is broken; ask its operator.",
            ) from error
        if isinstance(error, httpcore2.ProtocolError | httpcore2.UnsupportedProtocol):
            cause = one_line(str(error)).partition(": bytearray")[0].rstrip(".")[:200]
            raise self._call.error(
                f"an answer that is not understood ({cause})", "Open the address in a browser."
            ) from error


class _BlockedError(httpcore2.ConnectError):
    pass


class _CheckedBackend(httpcore2.NetworkBackend):
    """Resolves a name, checks every address, and dials the very address it checked."""

    def __init__(self, call: _Call, names: _Names) -> None:
        self._call = call
        self._names = names
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first checked address that answers."""
        failure: httpcore2.NetworkError | httpcore2.TimeoutException | None = None
        for address in self._checked(host, port, timeout)[:_MAX_ADDRESSES]:
            try:
                stream = self._inner.connect_tcp(
                    address, port, self._call.left(timeout), local_address, socket_options or ()
                )
                return _TimedStream(stream, self._call)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"{host}: no address")

    def _checked(self, host: str, port: int, timeout: float | None) -> list[str]:
        try:
            found = self._names.look_up(host, port, seconds=self._call.left(timeout))
        except TimeoutError as error:
            raise httpcore2.ConnectError(f"{host}: the name was not looked up in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host}: the name is not known") from error
        addresses = list(dict.fromkeys(found))
        if not addresses:
            raise httpcore2.ConnectError(f"{host}: the name has no address")
        good = [address for address in addresses if is_public(address, allow=self._call.allow)]
        if not good:
            raise _BlockedError(self._way_to(host, addresses) + ": not a public address")
        return good

    def _way_to(self, host: str, addresses: Sequence[str]) -> str:
        if self._call.is_redirected:
            named = "" if _is_address(host) else f", which is {', '.join(addresses)}"
            return f"redirected to {host}{named}"
        return host if _is_address(host) else f"{host} is {', '.join(addresses)}"


class _Names:
    """Looks names up within a time: the system's own way takes as long as it likes.

    Each look-up is a thread that is left behind when it is late; it ends by itself, and until then
    keeps one of the few places, so that a dead name server never fills the program with threads.
    """

    def __init__(self, resolve: Resolve, *, most: int = _MAX_LOOKUPS) -> None:
        self._resolve = resolve
        self._places = threading.BoundedSemaphore(most)

    def look_up(self, host: str, port: int, *, seconds: float) -> Sequence[str]:
        """Give a host's addresses. Raises TimeoutError, and OSError for an unknown name."""
        if _is_address(host):
            return (host,)
        until = time.monotonic() + seconds
        if not self._places.acquire(timeout=seconds):
            raise TimeoutError(host)
        answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()
        work = threading.Thread(
            target=self._work, args=(host, port, answers), name=f"look-up-{host}", daemon=True
        )
        try:
            work.start()
        except RuntimeError as error:  # the system has no thread to give now
            self._places.release()
            raise TimeoutError(host) from error
        try:
            answer = answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise TimeoutError(host) from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _work(
        self, host: str, port: int, answers: queue.SimpleQueue[Sequence[str] | Exception]
    ) -> None:
        try:
            answers.put(self._resolve(host, port))
        except Exception as error:  # noqa: BLE001 - told in the thread that asked
            answers.put(error)
        finally:
            self._places.release()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _system_names(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class _TimedStream(httpcore2.NetworkStream):
    """A connection whose every step ends by the call's deadline, however slowly bytes drip."""

    def __init__(self, stream: httpcore2.NetworkStream, call: _Call) -> None:
        self._stream = stream
        self._call = call

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        content = self._stream.read(max_bytes, self._call.left(timeout))
        self._call.took(len(content))
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._call.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._call.left(timeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._call)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _is_conditional(headers: Mapping[str, str]) -> bool:
    return not {"If-None-Match", "If-Modified-Since"}.isdisjoint(headers)


def _is_weaker(url: str, than: str) -> bool:
    return than.startswith("https:") and not url.startswith("https:")


def _is_plain(value: str) -> bool:
    """Tell whether a header's value can be sent back as it came."""
    return len(value) <= _MAX_TOLD_CHARACTERS and value.isascii() and value.isprintable()


def _told(response: httpcore2.Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): one_line(value.decode("latin-1"))
        for name, value in response.headers
    }


def _answer(
    call: _Call,
    url: str,
    response: httpcore2.Response,
    told: Mapping[str, str],
    not_before: datetime | None,
) -> Fetched:
    content = b""
    if call.most_bytes:
        content = _body(call, response, told.get("content-encoding", ""))
    etag, last_modified = told.get("etag", ""), told.get("last-modified", "")
    return Fetched(
        response.status,
        url,
        content,
        content_type=told.get("content-type", "")[:_MAX_TOLD_CHARACTERS],
        # One cut short or mended would never match again.
        etag=etag if etag and _is_plain(etag) else None,
        last_modified=last_modified if last_modified and _is_plain(last_modified) else None,
        not_before=not_before,
    )


def _refused(
    call: _Call, status: int, told: Mapping[str, str], not_before: datetime | None
) -> HttpStatusError:
    words = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "unknown"
    hint = _HINTS.get(status, "The site is in trouble; tried again at the next poll.")
    if wait := _waiting(told.get("retry-after", "")):
        hint = f"{hint} The site asks us to wait {wait}."
    return HttpStatusError(
        f"fetch: {call.address}: the site answers {status} {words}",
        status=status,
        not_before=not_before,
        hint=hint,
    )


def _not_before(retry_after: str, *, now: datetime) -> datetime | None:
    """Read Retry-After, in seconds or as a date (RFC 9110, 10.2.3); None when it is over."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        at = now + min(timedelta(seconds=int(retry_after)), LONGEST_WAIT)
        return at if at > now else None
    try:
        at = parsedate_to_datetime(retry_after)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return min(at, now + LONGEST_WAIT) if at > now else None


def _waiting(retry_after: str) -> str:
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return f"{int(retry_after)} seconds"
    return f"until {retry_after}" if re.fullmatch(r"[A-Za-z0-9 ,:+-]{10,40}", retry_after) else ""


def _body(call: _Call, response: httpcore2.Response, encoding: str) -> bytes:
    chunks = (chunk for chunk in response.iter_stream())
    if encoding.lower() in {"", "identity"}:
        pieces: Iterator[bytes] = chunks
    elif encoding.lower() in {"gzip", "x-gzip", "deflate"}:
        pieces = _unpack(chunks)
    else:
        raise call.error(f"packed as {encoding[:40]!r}", "The server must send gzip or nothing.")
    content = bytearray()
    for piece in pieces:
        call.left(None)
        content += piece
        if len(content) > call.most_bytes:
            raise call.too_large()
    return bytes(content)


def _unpack(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack in small pieces: a kilobyte of gzip may hold a megabyte of nothing."""
    unpacker = zlib.decompressobj(_ANY_ENCODING)
    for chunk in chunks:
        packed = chunk
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, _CHUNK)
            packed = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise zlib.error("cut short")


def _networks(address: str, allow: Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(network, strict=False) for network in allow)
    except ValueError as error:
        raise SourceError(
            f"fetch: {without_secrets(address)}: allow: {error}",
            hint='Write networks as in allow = ["10.0.0.0/8"].',
        ) from error


def _checked_url(call: _Call, address: str, *, base: str = "") -> str:
    url = safe_link(address, base=base)
    if url is None:
        where = "" if not base else f"redirected to {without_secrets(address)[:200]!r}: "
        raise FetchBlockedError(
            f"fetch: {call.address}: {where}not an http or https address",
            hint="Write the whole address, https:// included and without a password.",
        )
    return url.partition("#")[0]


def without_secrets(address: str) -> str:
    """Give an address as it may be shown: without a password in it, nor a Ghost site's key."""
    named = re.sub(r"//[^/@\s]*@", "//", one_line(address))
    return re.sub(r"([?&]key=)[^&#]+", r"\1…", named)


def told_address(address: str) -> str:
    """Give the same for a sentence, in which a question of many words would hide the cause."""
    shown = without_secrets(address)
    at, _, question = shown.partition("?")
    return f"{at}?…" if len(question) > _MAX_TOLD_QUESTION else shown


def read_file(address: str, *, etag: str | None = None) -> Fetched:
    """Read a file named by its path or a file:// URL; its etag is the hash of what it holds.

    Raises SourceError for what is absent, no plain file, unreadable, or larger than 5 MB.
    """
    path = file_path(address)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"file: {path}: not a file", hint="Name a file.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else "no such name"
        raise SourceError(
            f"file: {path}: {cause.lower()}",
            hint="Check the path; one that does not begin with / counts from where digest starts.",
        ) from error
    if len(content) > MAX_BYTES:
        raise SourceError(
            f"file: {path}: larger than {MAX_BYTES // 1_000_000} MB", hint="Keep fewer stories."
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest == etag:
        return Fetched(HTTPStatus.NOT_MODIFIED, str(path), b"", etag=etag, not_modified=True)
    return Fetched(HTTPStatus.OK, str(path), content, etag=digest)


def is_file(address: str) -> bool:
    """Tell whether an address names a file or folder, not a place on the web."""
    return _scheme(address) in {"", "file"}


def _scheme(address: str) -> str:
    scheme, mark, _ = address.partition("://")
    return scheme.lower() if mark else ""


def file_path(address: str) -> Path:
    """Give the path that a path or a file:// URL names."""
    if _scheme(address) == "file":
        return Path(url2pathname(address[len("file://") :].removeprefix("localhost")))
    return Path(address)
