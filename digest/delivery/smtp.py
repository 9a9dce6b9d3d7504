"""Door to an SMTP server: one message at a time, each step of it told apart."""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl

from digest.delivery.model import DeliveryState, Envelope, Reply, SmtpAccount
from digest.delivery.sendable import objection
from digest.errors import SettingsError

_DOT_PATIENCE = 10  # RFC 5321 4.5.3.2.6: after the dot the server may take minutes to be sure
_QUIT_SECONDS = 5.0
_SHUTTING_DOWN = 421
_GO_AHEAD = 354
_ABOUT_US = frozenset({530, 534, 535, 538})  # RFC 4954: authentication; never the reader's fault
_POLICY = re.compile(r"5\.7\.\d")  # RFC 3463 3.8: security or policy, as "relay access denied"
_TROUBLE = (OSError, smtplib.SMTPException, ValueError)


class SmtpTransport:
    """Hands messages to one server over one connection, opened when needed and kept.

    Before the final dot a lost connection means: surely not sent. After it: nobody knows.
    """

    repeatable = False

    def __init__(self, settings: SmtpAccount, *, trust: ssl.SSLContext | None = None) -> None:
        """Keep the account; nothing is opened yet. `trust` replaces the usual certificate store.

        Raises SettingsError for a user name without TLS: a password is never sent in clear.
        """
        if settings.user and settings.tls == "none":
            raise SettingsError(
                f"mail.smtp: {settings.host}: a password would be sent in clear",
                hint='Set tls = "required" (or "implicit"), or remove user and password.',
            )
        self._account = settings
        self._trust = trust
        self._smtp: smtplib.SMTP | None = None
        self._unfinished = False

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        """Hand over one message and tell what became of it; never raises for its fate.

        A kept connection that turns out to be closed is opened again, once: servers close idle
        ones, and some after so many messages.
        """
        if problem := objection(envelope, message):
            return Reply(DeliveryState.FAILED, 0, problem)
        kept = self._smtp is not None
        reply, timed_out = self._try(envelope, message)
        if kept and reply.server_away and not timed_out:
            reply, _ = self._try(envelope, message)
        return reply

    def close(self) -> None:
        """Say QUIT and leave; never raises."""
        if self._smtp is not None and self._smtp.sock is not None:
            with contextlib.suppress(*_TROUBLE):
                self._smtp.sock.settimeout(min(_QUIT_SECONDS, self._account.timeout_seconds))
                self._smtp.docmd("QUIT")
        self._drop()

    def _try(self, envelope: Envelope, message: bytes) -> tuple[Reply, bool]:
        try:
            smtp = self._connection()
        except _TROUBLE as error:
            return self._away(error, begun=False), _is_timeout(error)
        try:
            refusal = self._hand_over(smtp, envelope, message)
        except _TROUBLE as error:
            return self._away(error, begun=True), _is_timeout(error)
        return refusal or self._verdict(smtp), False

    def _connection(self) -> smtplib.SMTP:
        """Give the kept connection, cleared of a refused transaction, or a new one."""
        if self._smtp is None:
            self._smtp = self._open()
        elif self._unfinished:
            code, text = self._smtp.docmd("RSET")
            if code != 250:  # noqa: PLR2004 - RFC 5321 4.1.1.5: the one good answer
                raise smtplib.SMTPResponseException(code, text)
        self._unfinished = False
        return self._smtp

    def _open(self) -> smtplib.SMTP:
        smtp = self._dial()
        try:
            if smtp.sock is not None:
                # The dot is a small write of its own: Nagle would hold it for a delayed ACK.
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._greet(smtp)
            if self._account.tls in {"opportunistic", "required"}:
                self._start_tls(smtp)
            if self._account.user:
                self._log_in(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _dial(self) -> smtplib.SMTP:
        account = self._account
        name = account.local_hostname or None
        if account.tls == "implicit":
            return smtplib.SMTP_SSL(
                account.host,
                account.port,
                local_hostname=name,
                timeout=account.timeout_seconds,
                context=self._checking(),
            )
        return smtplib.SMTP(
            account.host, account.port, local_hostname=name, timeout=account.timeout_seconds
        )

    def _greet(self, smtp: smtplib.SMTP) -> None:
        code, text = smtp.ehlo()
        if code != 250:  # noqa: PLR2004 - RFC 5321 4.1.1.1: the one good answer
            raise smtplib.SMTPHeloError(code, text)

    def _start_tls(self, smtp: smtplib.SMTP) -> None:
        if smtp.has_extn("starttls"):
            smtp.starttls(context=self._context())
            self._greet(smtp)
        elif self._account.tls == "required":
            raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS, and it is required")

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        if not isinstance(smtp.sock, ssl.SSLSocket):
            raise smtplib.SMTPNotSupportedError(
                "the server offers no STARTTLS, and a password is never sent in clear"
            )
        smtp.login(self._account.user, self._account.password)

    def _context(self) -> ssl.SSLContext:
        """Check the certificate unless TLS is merely better than none and no password is at stake.

        Whoever may read a letter without TLS may as well read it with a certificate we do not
        know; a password goes only to the server it is meant for.
        """
        if self._account.tls == "opportunistic" and not self._account.user:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        return self._checking()

    def _checking(self) -> ssl.SSLContext:
        return self._trust or ssl.create_default_context()

    def _hand_over(self, smtp: smtplib.SMTP, envelope: Envelope, message: bytes) -> Reply | None:
        """Send everything up to the final dot; give the refusal, or None when the dot is out.

        Whatever raises in here was surely not sent: without its last byte the dot is none.
        """
        if refusal := _beyond(smtp, envelope, message):
            return refusal
        self._unfinished = True
        smtp.command_encoding = "utf-8" if envelope.smtputf8 else "ascii"
        for verb, argument, good in (
            ("MAIL", f"FROM:<{envelope.sender}>{_parameters(smtp, envelope, message)}", 2),
            ("RCPT", f"TO:<{envelope.recipient}>", 2),
            ("DATA", "", 3),
        ):
            code, text = smtp.docmd(verb, argument)
            if code // 100 != good:
                if verb == "RCPT":
                    return self._refusal(code, text)
                return self._not_now(code, text, begun=verb == "DATA")
        smtp.send(message)
        smtp.send(b".\r\n")
        return None

    def _not_now(self, code: int, text: bytes, *, begun: bool) -> Reply:
        """Take a refusal of MAIL or DATA: it is about us or the server, never about the reader."""
        self._drop()
        words = self._place(f"{code} {_plain(text)}")
        return Reply(DeliveryState.DEFERRED, max(code, 0), words, connection_lost=True, begun=begun)

    def _verdict(self, smtp: smtplib.SMTP) -> Reply:
        """Wait for the answer to the final dot: the only place where a copy may be uncertain."""
        try:
            code, text = self._last_reply(smtp)
        except _TROUBLE as error:
            self._drop()
            return Reply(DeliveryState.UNCERTAIN, 0, self._words(error), connection_lost=True)
        if code // 100 == 2:  # noqa: PLR2004 - RFC 5321 4.2.1: the positive completion replies
            self._unfinished = False
            return Reply(DeliveryState.ACCEPTED, code, _plain(text))
        if code // 100 in {4, 5}:
            return self._refusal(code, text)
        self._drop()
        return Reply(DeliveryState.UNCERTAIN, 0, _plain(text), connection_lost=True)

    def _last_reply(self, smtp: smtplib.SMTP) -> tuple[int, bytes]:
        if smtp.sock is None:
            return smtp.getreply()
        smtp.sock.settimeout(self._account.timeout_seconds * _DOT_PATIENCE)
        answer = smtp.getreply()
        smtp.sock.settimeout(self._account.timeout_seconds)
        return answer

    def _refusal(self, code: int, text: bytes) -> Reply:
        words = _plain(text)
        if code == _SHUTTING_DOWN or code in _ABOUT_US or code // 100 not in {4, 5}:
            self._drop()
            return Reply(
                DeliveryState.DEFERRED,
                max(code, 0),
                self._place(f"{code} {words}"),
                connection_lost=True,
                begun=True,
            )
        if code // 100 == 4:  # noqa: PLR2004 - RFC 5321 4.2.1: transient
            return Reply(DeliveryState.DEFERRED, code, words)
        if _POLICY.match(words):
            return Reply(DeliveryState.DEFERRED, code, words, about_us=True)
        return Reply(DeliveryState.FAILED, code, words)

    def _away(self, error: Exception, *, begun: bool) -> Reply:
        self._drop()
        code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0
        return Reply(
            DeliveryState.DEFERRED,
            max(code, 0),
            self._words(error),
            connection_lost=True,
            begun=begun,
        )

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None

    def _words(self, error: Exception) -> str:
        if _is_timeout(error):
            return self._place("no answer in time")
        if isinstance(error, smtplib.SMTPResponseException):
            return self._place(f"{error.smtp_code} {_plain(error.smtp_error)}")
        if isinstance(error, OSError) and error.strerror:
            return self._place(error.strerror)
        if isinstance(error, UnicodeError):  # its own words would quote what it could not encode
            return self._place("host, user and password must be plain ASCII")
        return self._place(str(error) or type(error).__name__)

    def _place(self, words: str) -> str:
        return f"{self._account.host}:{self._account.port}: {words}"


def _beyond(smtp: smtplib.SMTP, envelope: Envelope, message: bytes) -> Reply | None:
    """Give the failure of what this server has not offered to take; nothing is said to it."""
    words = ""
    if envelope.smtputf8 and not smtp.has_extn("smtputf8"):
        words = "the server does not take addresses outside ASCII (SMTPUTF8)"
    elif not message.isascii() and not smtp.has_extn("8bitmime"):
        words = "the server takes no 8-bit message"
    if not words:
        return None
    return Reply(DeliveryState.FAILED, 0, words, about_reader=envelope.smtputf8)


def _parameters(smtp: smtplib.SMTP, envelope: Envelope, message: bytes) -> str:
    return (
        (f" SIZE={len(message)}" if smtp.has_extn("size") else "")
        + ("" if message.isascii() else " BODY=8BITMIME")
        + (" SMTPUTF8" if envelope.smtputf8 else "")
    )


def _plain(text: bytes | str) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _is_timeout(error: BaseException | None) -> bool:
    """Look behind smtplib's own exception: it hides the time-out it was raised from."""
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__ or error.__context__
    return False
