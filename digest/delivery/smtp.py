"""Door to an SMTP server: opens a connection, secures it, signs in, and gives it to a pipeline."""

from __future__ import annotations

import asyncio
import base64
import functools
import os
import re
import ssl
from typing import cast

import aiosmtplib

from digest.delivery.model import Cause, DeliveryState, Ended, Reply, SmtpAccount, Source, Way
from digest.delivery.pipeline import Offer, Pipeline, Terms
from digest.delivery.replies import Phase, read_reply, without_addresses
from digest.errors import SettingsError

_ERRNO = re.compile(r"\[Errno (\d+)\]")
_SECRET_PIECE = 6  # so many signs of a password in a row are told to nobody
_LARGEST = re.compile(r"[0-9]{1,15}")
_WORD = re.compile(r"[^\s<>()\[\]\"',;:]+")
_TROUBLE = (aiosmtplib.SMTPException, OSError, ValueError)
_NOT_KNOWN = range(500, 505)  # RFC 5321 4.2.2: the server does not know what it offered itself
_INJECTED = "the server speaks out of turn before TLS"


class SmtpLine:
    """One connection to the relay of a way: dials, hands over what the source gives, and leaves.

    A password is only ever sent over TLS whose certificate was checked; without one,
    `opportunistic` takes any certificate: whoever may read a letter without TLS may as well read
    it with a certificate we do not know.
    """

    def __init__(
        self,
        way: Way,
        source: Source,
        *,
        trust: ssl.SSLContext | None = None,
        idle_seconds: float = 10.0,
    ) -> None:
        """Keep the account; nothing is opened yet. `trust` replaces the usual certificate store.

        `idle_seconds` is how long the connection waits for something to take. Raises SettingsError
        for a way without an account, or with a password that would be sent in clear.
        """
        if way.account is None:
            raise SettingsError(f"mail: {way.name}: it is no SMTP relay")
        if way.account.user and way.account.tls == "none":
            raise SettingsError(
                f"mail.smtp: {way.account.host}: a password would be sent in clear",
                hint='Set tls = "required" (or "implicit"), or remove user and password.',
            )
        self.way = way
        self._account = way.account
        self._source = source
        self._trust = trust
        self._idle_seconds = idle_seconds
        self._phase = Phase.GREETING
        self._smtp: aiosmtplib.SMTP | None = None
        self._opening: asyncio.Task[Pipeline] | None = None
        self._pipeline: Pipeline | None = None
        self._gone = False

    async def run(self) -> Ended:
        """Connect and hand over until told to leave or cut off.

        What goes wrong before the first MAIL is an Ended with its Reply (AWAY or OURS). Raises
        only what the source raised.
        """
        if self._gone:
            return Ended()
        self._opening = asyncio.ensure_future(self._open())
        try:
            await asyncio.wait({self._opening})
        except asyncio.CancelledError:
            self.abort()  # it may have been opened in this very moment
            raise
        if self._opening.cancelled():
            return Ended()
        if (error := self._opening.exception()) is not None:
            if not isinstance(error, _TROUBLE):
                raise error
            return Ended(self._told(error))
        return await self._work(self._opening.result())

    def wake(self) -> None:
        """Say that there may be something to take again."""
        if self._pipeline is not None:
            self._pipeline.wake()

    def leave(self) -> None:
        """Take nothing more; go when what is on the wire is answered."""
        self._gone = True
        if self._pipeline is not None:
            self._pipeline.leave()
        elif self._opening is not None:
            self._opening.cancel()

    def abort(self) -> None:
        """Cut the connection now."""
        self._gone = True
        if self._pipeline is not None:
            self._pipeline.abort()
        elif self._opening is not None:
            self._opening.cancel()

    async def _work(self, pipeline: Pipeline) -> Ended:
        try:
            return await asyncio.shield(pipeline.done)
        except asyncio.CancelledError:
            pipeline.abort()  # so that each parcel is answered
            raise

    # Opening

    async def _open(self) -> Pipeline:
        account = self._account
        implicit = account.tls == "implicit"
        self._smtp = smtp = aiosmtplib.SMTP(
            hostname=account.host,
            port=account.port,
            local_hostname=account.local_hostname or None,
            timeout=account.timeout_seconds,
            use_tls=implicit,
            start_tls=False,
            tls_context=self._context() if implicit else None,
        )
        try:
            await smtp.connect()
            await self._greet(smtp)
            if account.tls in {"opportunistic", "required"}:
                await self._start_tls(smtp)
            if account.user:
                await self._log_in(smtp)
            return self._adopted(smtp)
        except BaseException:
            _cut(smtp)
            raise

    async def _greet(self, smtp: aiosmtplib.SMTP) -> None:
        self._phase = Phase.EHLO
        await smtp.ehlo()

    async def _start_tls(self, smtp: aiosmtplib.SMTP) -> None:
        if smtp.supports_extension("starttls"):
            self._phase = Phase.TLS
            watch = _Watch(smtp)
            try:
                await smtp.starttls(tls_context=self._context())
            except _TROUBLE as error:
                if watch.glued:
                    raise aiosmtplib.SMTPException(_INJECTED) from error
                raise
            await self._greet(smtp)
        elif self._account.tls == "required":
            raise aiosmtplib.SMTPNotSupported("the server offers no STARTTLS, and it is required")

    async def _log_in(self, smtp: aiosmtplib.SMTP) -> None:
        if smtp.get_transport_info("sslcontext") is None:
            raise aiosmtplib.SMTPNotSupported(
                "the server offers no STARTTLS, and a password is never sent in clear"
            )
        self._phase = Phase.AUTH
        known = {"plain": smtp.auth_plain, "login": smtp.auth_login, "cram-md5": smtp.auth_crammd5}
        offered = [way for name, way in known.items() if name in smtp.server_auth_methods]
        if not offered:
            raise aiosmtplib.SMTPNotSupported("the server offers no way to log in that we know")
        for way in offered:
            try:
                await way(self._account.user, self._account.password)
            except aiosmtplib.SMTPAuthenticationError as error:
                # A wrong password is said once: servers bar whoever tries again and again.
                if error.code not in _NOT_KNOWN or way is offered[-1]:
                    raise
            else:
                return

    def _adopted(self, smtp: aiosmtplib.SMTP) -> Pipeline:
        """Hand the transport over. There is no await between the last reply and this."""
        transport = smtp.transport
        if transport is None or transport.is_closing():
            raise aiosmtplib.SMTPServerDisconnected("the server closed the connection")
        terms = Terms(
            place=f"{self._account.host}:{self._account.port}",
            timeout_seconds=self._account.timeout_seconds,
            idle_seconds=self._idle_seconds,
            messages=self._account.messages_per_connection,
        )
        offer = _offer(smtp, pipelining=self._account.pipelining)
        self._pipeline = pipeline = Pipeline(self, self._source, offer, terms)
        pipeline.adopt(cast("asyncio.Transport", transport))
        return pipeline

    def _context(self) -> ssl.SSLContext:
        if self._account.tls == "opportunistic" and not self._account.user:
            return _unchecked()
        return self._trust or _checking()

    # What is told of a failure

    def _told(self, error: BaseException) -> Reply:
        place = f"{self._account.host}:{self._account.port}"
        if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
            reply = read_reply(error.code, self._discreet(error.message), self._phase)
            words = f"{place}: {error.code} {without_addresses(reply.text)}"
            return Reply(DeliveryState.DEFERRED, reply.code, words, reply.cause, reply.wait)
        in_settings = isinstance(error, ValueError) and not isinstance(error, OSError)
        no_way_in = self._phase is Phase.AUTH and isinstance(error, aiosmtplib.SMTPNotSupported)
        cause = Cause.OURS if in_settings or no_way_in else Cause.AWAY
        return Reply(DeliveryState.DEFERRED, 0, f"{place}: {_words(error)}", cause)

    def _discreet(self, text: str) -> str:
        """Leave out what repeats our log-in: some servers quote a command they do not know."""
        if self._phase is not Phase.AUTH:
            return text
        secrets = _spellings(self._account)
        text = _WORD.sub(lambda word: "…" if _is_piece(word[0], secrets) else word[0], text)
        for secret in secrets:
            text = re.sub(re.escape(secret), "…", text, flags=re.IGNORECASE)
        return text


class _Watch(asyncio.Protocol):
    """Listens in on the answer to STARTTLS, behind which nothing may come before TLS does.

    aiosmtplib would drop it; but who puts words into the server's mouth (CVE-2011-0411) is not to
    be talked to at all.
    """

    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        """Stand between the transport and aiosmtplib until its TLS takes the place."""
        self.glued = False
        self._behind = cast("asyncio.Protocol", smtp.protocol)
        self._transport = cast("asyncio.Transport", smtp.transport)
        self._line = b""
        self._answered = False
        self._transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Pass the answer on, while nothing has come behind its last line."""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self.glued = self.glued or self._answered
            self._answered = line[3:4] != b"-"
        if self.glued or (self._answered and self._line):
            self.glued = True
            self._transport.abort()
        else:
            self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._behind.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._behind.connection_lost(exc)


def _cut(smtp: aiosmtplib.SMTP) -> None:
    if smtp.transport is not None:
        cast("asyncio.Transport", smtp.transport).abort()
    smtp.close()


def _offer(smtp: aiosmtplib.SMTP, *, pipelining: bool) -> Offer:
    largest = smtp.esmtp_extensions.get("size", "").strip()
    return Offer(
        pipelining=pipelining and smtp.supports_extension("pipelining"),
        size=smtp.supports_extension("size"),
        largest=int(largest) if _LARGEST.fullmatch(largest) else 0,
        eight_bit=smtp.supports_extension("8bitmime"),
        smtputf8=smtp.supports_extension("smtputf8"),
    )


@functools.cache
def _checking() -> ssl.SSLContext:
    """Read the machine's certificates: once, as it takes longer than a message."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@functools.cache
def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _spellings(account: SmtpAccount) -> list[str]:
    """Give user and password in every form that goes over the wire, the longest first."""
    plain = [account.user, account.password, f"\0{account.user}\0{account.password}"]
    raw = [text.encode("utf-8", "surrogatepass") for text in plain if text.strip("\0")]
    spelt = [text for text in plain[:2] if text]
    spelt += [base64.b64encode(each).decode("ascii") for each in raw]
    return sorted(spelt, key=len, reverse=True)


def _is_piece(word: str, secrets: list[str]) -> bool:
    word = word.lower()
    return len(word) >= _SECRET_PIECE and any(word in secret.lower() for secret in secrets)


def _words(error: BaseException) -> str:
    """Say in plain words why the connection did not come about; nothing of the log-in is in it."""
    chain = _chain(error)
    if any(isinstance(each, TimeoutError) for each in chain):
        return "no answer in time"
    system = (_system_words(each) for each in chain if isinstance(each, OSError))
    return next((words for words in system if words), "") or _own_words(error)


def _own_words(error: BaseException) -> str:
    if isinstance(error, UnicodeError):  # its own would quote what it could not encode
        return "its name, our own or the log-in has signs that cannot be sent"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return "an answer that is no SMTP reply"
    if isinstance(error, ConnectionError):
        return "the server closed the connection"
    return without_addresses(str(error)) or type(error).__name__


def _system_words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'no reason given').replace('_', ' ').lower()}"
    found = _ERRNO.search(str(error))  # of a host with several addresses, the first one's
    if found is not None:
        return os.strerror(int(found[1]))
    return error.strerror or ""


def _chain(error: BaseException | None) -> list[BaseException]:
    """Give an error and all behind it: aiosmtplib hides the one that it was raised from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
