"""Door to the web and to files: what a source names, fetched within limits of bytes and time.

The address of every connection is checked after the name was resolved, and that very address is
dialled: neither a redirect nor a name that resolves differently the second time leads inside.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import ssl
import stat
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpcore2
import httpx2

from digest.errors import FetchBlockedError, SourceError
from digest.sources.cleaning import one_line, safe_link, word_set

MAX_BYTES = 5_000_000
MAX_REDIRECTS = 4
USER_AGENT = "digest-mailer (feed reader)"
_CHUNK = 64 * 1024
_MAX_ADDRESSES = 4
_ANY_ENCODING = 32 + zlib.MAX_WBITS
"""zlib's word for: gzip or zlib, as the first bytes tell."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HINTS: Mapping[int, str] = MappingProxyType(
    {
        401: "The site asks for a name and a password; use a public feed.",
        403: "The site refuses this program; ask its operator to let our User-Agent in.",
        404: "The feed has moved; look up its address on the site and change it in digest.toml.",
        410: "The site has given this feed up; remove it from digest.toml or name the new one.",
        429: "We ask too often; raise `every` for this source.",
    }
)

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
class Fetched:
    """One answer. `address` is where it came from at last, after redirects."""

    status: int
    address: str
    content: bytes
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    not_modified: bool = False


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
    """Fetches one address at a time; keeps nothing between two, so that threads may share it."""

    def __init__(
        self, *, user_agent: str = USER_AGENT, timeout: float = 10, deadline: float = 20
    ) -> None:
        """Take how we present ourselves, the seconds for one step, and for an answer in all."""
        self.user_agent = one_line(user_agent)
        self.timeout = timeout
        self.deadline = deadline
        self._tls: ssl.SSLContext | None = None

    def get(
        self,
        address: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        allow: Sequence[str] = (),
    ) -> Fetched:
        """Fetch an http or https address, following up to four redirects.

        With `etag` or `last_modified` the answer may be `not_modified`, without content. `allow`
        names networks (CIDR) that may be dialled although they are not public.
        Raises FetchBlockedError for an address that must not be dialled, SourceError for others.
        """
        call = _Call(address, _networks(address, allow), time.monotonic() + self.deadline)
        headers = self._headers(etag, last_modified)
        url = _checked_url(call, address)
        for _ in range(MAX_REDIRECTS + 1):
            with call.errors(), self._pool(call) as pool:
                answer = self._hop(call, pool, url, headers)
            if isinstance(answer, Fetched):
                return answer
            url = _checked_url(call, answer, base=url)
        raise call.error(f"more than {MAX_REDIRECTS} redirects", "Name the last address instead.")

    def _headers(self, etag: str | None, last_modified: str | None) -> dict[str, str]:
        headers = {
            "User-Agent": self.user_agent,
            "Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5",
            "Accept-Encoding": "gzip",
            "Connection": "close",
        }
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        return headers

    def _pool(self, call: _Call) -> httpcore2.ConnectionPool:
        # A pool for each hop: it reads no proxy from the environment, which would dial for us
        # and so past the check, and a source is asked too rarely for connections to be kept.
        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
        return httpcore2.ConnectionPool(
            ssl_context=self._tls, network_backend=_CheckedBackend(call), retries=0
        )

    def _hop(
        self, call: _Call, pool: httpcore2.ConnectionPool, url: str, headers: Mapping[str, str]
    ) -> Fetched | str:
        """Give the answer, or the address to go on to."""
        steps = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        sent = [*headers.items(), ("Host", urlsplit(url).netloc)]
        with pool.stream("GET", url, headers=sent, extensions={"timeout": steps}) as response:
            told = _told(response)
            if response.status in _REDIRECTS and "location" in told:
                return told["location"]
            return _answer(call, url, response, told, is_conditional=_is_conditional(headers))


class _Call:
    """One `get`: what was asked for, what may be dialled, and until when."""

    def __init__(self, address: str, allow: tuple[Network, ...], until: float) -> None:
        self.address = _without_password(address)
        self.allow = allow
        self.until = until

    def left(self, timeout: float | None) -> float:
        """Give the seconds for the next step; none are left when the deadline has passed."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("deadline")
        return left if timeout is None else min(timeout, left)

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
                hint="To read a source inside your network, name the network in its `allow`.",
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
        if isinstance(error, httpcore2.ProtocolError | httpcore2.UnsupportedProtocol | zlib.error):
            raise self._call.error(
                f"an answer that is not understood ({one_line(str(error))[:200]})",
                "Open the address in a browser.",
            ) from error


class _BlockedError(httpcore2.ConnectError):
    pass


class _CheckedBackend(httpcore2.NetworkBackend):
    """Resolves a name, checks every address, and dials the very address it checked."""

    def __init__(self, call: _Call) -> None:
        self._call = call
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
        for address in self._checked(host, port)[:_MAX_ADDRESSES]:
            try:
                stream = self._inner.connect_tcp(
                    address, port, self._call.left(timeout), local_address, socket_options or ()
                )
                return _TimedStream(stream, self._call)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"{host}: no address")

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host}: the name is not known") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        good = [address for address in addresses if is_public(address, allow=self._call.allow)]
        if not good:
            raise _BlockedError(f"{host} is {', '.join(addresses)}: not a public address")
        return good


class _TimedStream(httpcore2.NetworkStream):
    """A connection whose every step ends by the call's deadline, however slowly bytes drip."""

    def __init__(self, stream: httpcore2.NetworkStream, call: _Call) -> None:
        self._stream = stream
        self._call = call

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._call.left(timeout))

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
    *,
    is_conditional: bool,
) -> Fetched:
    if response.status == HTTPStatus.NOT_MODIFIED and is_conditional:
        return Fetched(response.status, url, b"", not_modified=True)
    if not HTTPStatus(200) <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refused(call, response.status, told)
    content = _body(call, response, told.get("content-encoding", ""))
    return Fetched(
        response.status,
        url,
        content,
        content_type=told.get("content-type", ""),
        etag=told.get("etag") or None,
        last_modified=told.get("last-modified") or None,
    )


def _refused(call: _Call, status: int, told: Mapping[str, str]) -> SourceError:
    words = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "unknown"
    hint = _HINTS.get(status, "The site is in trouble; tried again at the next poll.")
    if wait := _waiting(told.get("retry-after", "")):
        hint = f"{hint} The site asks us to wait {wait}."
    return call.error(f"the site answers {status} {words}", hint)


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
        if len(content) > MAX_BYTES:
            raise call.error(f"larger than {MAX_BYTES // 1_000_000} MB", "Ask for fewer stories.")
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
            f"fetch: {_without_password(address)}: allow: {error}",
            hint='Write networks as in allow = ["10.0.0.0/8"].',
        ) from error


def _checked_url(call: _Call, address: str, *, base: str = "") -> str:
    url = safe_link(address, base=base)
    if url is None:
        where = "" if not base else f"redirected to {_without_password(address)[:200]!r}: "
        raise FetchBlockedError(
            f"fetch: {call.address}: {where}not an http or https address",
            hint="Write the whole address, https:// included and without a password.",
        )
    return url.partition("#")[0]


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", one_line(address))


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
