"""Door to Amazon SES v2: whole messages by its API. Needs the extra `ses` (botocore)."""

from __future__ import annotations

import importlib.util
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from digest.delivery.model import Cause, DeliveryState, Envelope, Reply
from digest.delivery.sendable import objection
from digest.errors import SettingsError

_NAME = "Amazon SES"
_LONGEST_WAIT = 3600
_LONGEST = 500  # of its words: what stands between may answer with a whole page
_GATEWAY = frozenset({408, 502, 504})  # from what stands between: SES may have taken it
_FORBIDDEN = frozenset({401, 403})
_TOO_MANY = 429
_SERVER_ERROR = 500

# Names of the API's errors without "Exception" at their end. The codes are those of SES's own SMTP
# interface, or the nearest: the ledger knows one kind of codes.
_LOG_IN = frozenset(
    {
        *("AccessDenied", "ExpiredToken", "IncompleteSignature", "InvalidAccessKeyId"),
        *("InvalidClientTokenId", "InvalidSignature", "MissingAuthenticationToken"),
        *("NotAuthorized", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch"),
        "UnrecognizedClient",
    }
)
_TOO_FAST = frozenset(
    {"LimitExceeded", "RequestLimitExceeded", "Throttled", "Throttling", "TooManyRequests"}
)
_OURS = frozenset({"AccountSuspended", "MailFromDomainNotVerified", "NotFound", "SendingPaused"})
_NOT_VERIFIED = re.compile(r"not verified", re.IGNORECASE)
_TOO_LONG = re.compile(r"message (?:length|size)|too (?:large|long)", re.IGNORECASE)
_OF_ADDRESS = re.compile(r"\baddress|\bdomain|\brecipient|@", re.IGNORECASE)

# Names of botocore's own errors.
_NEVER_LEFT = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"})
_HANDSHAKE = re.compile(r"SSL: \w*(?:CERTIFICATE|HANDSHAKE|HTTP_REQUEST|PROTOCOL|VERSION)")
_IN_TIME = frozenset({"ConnectTimeoutError", "ReadTimeoutError"})


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What SES said in place of taking a message."""

    name: str
    words: str
    status: int
    wait: timedelta | None


class SesTransport:
    """Hands each message to SendEmail as it is, for the one recipient of its envelope.

    SES writes a Message-ID of its own over ours; the one it answers is kept in the reply's text.
    """

    repeatable = False

    def __init__(
        self,
        region: str,
        *,
        endpoint: str = "",
        configuration_set: str = "",
        connections: int = 8,
        timeout_seconds: float = 60.0,
    ) -> None:
        """Keep the settings; nothing is opened, and botocore is not imported yet.

        `endpoint` replaces the region's web address. Raises SettingsError when botocore is missing.
        """
        if importlib.util.find_spec("botocore") is None:
            raise SettingsError(
                "mail.ses: botocore is not installed",
                hint="Install it with: pip install 'digest-mailer[ses]'",
            )
        self._region = region
        self._endpoint = endpoint
        self._configuration_set = configuration_set
        self._connections = connections
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: Any = None
        self._call = threading.local()

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        """Send one message once, and tell what SES answered; trying again is its owner's."""
        if problem := objection(envelope, message):
            return Reply(DeliveryState.FAILED, 0, problem, Cause.REFUSED)
        if envelope.smtputf8:
            words = f"{_NAME} does not take addresses outside ASCII (SMTPUTF8)"
            return Reply(DeliveryState.FAILED, 0, words, Cause.NOT_TAKEN)
        self._call.is_signed = False
        try:
            answer = self._ready().send_email(**self._request(envelope, message))
        except Exception as error:  # noqa: BLE001 - each is told apart, and none may be lost
            return self._problem(error)
        return _taken(answer.get("MessageId"))

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _request(self, envelope: Envelope, message: bytes) -> dict[str, Any]:
        request: dict[str, Any] = {
            "Destination": {"ToAddresses": [envelope.recipient]},
            "Content": {"Raw": {"Data": message}},
        }
        if envelope.sender:
            request["FromEmailAddress"] = envelope.sender
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        return request

    def _ready(self) -> Any:
        """Make the one client of all threads, and find the credentials, at the first message."""
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def _make_client(self) -> Any:
        # An optional extra, and slow to import.
        import botocore.config  # noqa: PLC0415 - see above
        import botocore.session  # noqa: PLC0415 - see above

        settings = botocore.config.Config(
            connect_timeout=self._timeout_seconds,
            read_timeout=self._timeout_seconds,
            max_pool_connections=self._connections,
            retries={"total_max_attempts": 1},
        )
        client: Any = botocore.session.Session().create_client(
            "sesv2",
            region_name=self._region,
            endpoint_url=self._endpoint or None,
            config=settings,
        )
        client.meta.events.register("before-send.sesv2.SendEmail", self._is_leaving)
        return client

    def _is_leaving(self, **_facts: object) -> None:
        """Note that the request is signed and goes to the network now: called in our thread."""
        self._call.is_signed = True

    def _problem(self, error: Exception) -> Reply:
        response = getattr(error, "response", None)
        if isinstance(response, Mapping):
            return _read(_refusal(response))
        kind = type(error).__name__
        if kind in _NEVER_LEFT or (kind == "SSLError" and _HANDSHAKE.search(str(error))):
            why = "no answer in time" if kind in _IN_TIME else "it cannot be reached"
            return Reply(DeliveryState.DEFERRED, 0, f"{_NAME}: {why}: {kind}", Cause.AWAY)
        if self._call.is_signed:
            why = "no answer in time" if kind in _IN_TIME else "the connection was lost"
            return Reply(DeliveryState.UNCERTAIN, 0, f"{_NAME}: {why}: {kind}", Cause.UNANSWERED)
        words = f"{_NAME}: the request cannot be signed: {error}"
        return Reply(DeliveryState.DEFERRED, 535, words, Cause.OURS)


def _taken(message_id: object) -> Reply:
    """Believe an acceptance that has an id: what stands between may answer 200 to anything."""
    if isinstance(message_id, str) and message_id:
        return Reply(DeliveryState.ACCEPTED, 250, f"Ok {message_id[:_LONGEST]}", Cause.ACCEPTED)
    words = f"{_NAME}: HTTP 200 without an id"
    return Reply(DeliveryState.UNCERTAIN, 0, words, Cause.UNANSWERED)


def _refusal(response: Mapping[str, Any]) -> _Refusal:
    """Take an answer of the API apart; nothing in it is sure to be there, or of its kind."""
    said = response.get("Error") or {}
    answer = response.get("ResponseMetadata") or {}
    status = answer.get("HTTPStatusCode")
    asked = str((answer.get("HTTPHeaders") or {}).get("retry-after", ""))
    wait = int(asked) if re.fullmatch(r"[0-9]{1,6}", asked) else 0
    return _Refusal(
        name=str(said.get("Code") or "").removesuffix("Exception"),
        words=str(said.get("Message") or "")[:_LONGEST],
        status=status if isinstance(status, int) else 0,
        wait=timedelta(seconds=min(wait, _LONGEST_WAIT)) if wait else None,
    )


def _read(said: _Refusal) -> Reply:
    """Say what a refusal means, with the code that SES answers by SMTP in its place."""
    words = f"{said.name}: {said.words}".strip(": ") or f"HTTP {said.status}"
    if said.name in _TOO_FAST or said.status == _TOO_MANY:
        return Reply(DeliveryState.DEFERRED, 454, words, Cause.TOO_FAST, said.wait)
    if said.name in _LOG_IN or said.status in _FORBIDDEN:
        return Reply(DeliveryState.DEFERRED, 535, words, Cause.OURS)
    if said.name in _OURS or _NOT_VERIFIED.search(said.words):
        return Reply(DeliveryState.DEFERRED, 554, words, Cause.OURS)
    if said.status in _GATEWAY:
        return Reply(DeliveryState.UNCERTAIN, 0, words, Cause.UNANSWERED)
    if said.status >= _SERVER_ERROR:
        return Reply(DeliveryState.DEFERRED, 451, words, Cause.BUSY, said.wait)
    return _read_rejection(said, words)


def _read_rejection(said: _Refusal, words: str) -> Reply:
    """Tell what a refusal of this one message is about: its length, the address, what it says."""
    if _TOO_LONG.search(said.words):
        return Reply(DeliveryState.FAILED, 552, words, Cause.NOT_TAKEN)
    if said.name == "MessageRejected" and not _OF_ADDRESS.search(said.words):
        return Reply(DeliveryState.FAILED, 554, words, Cause.POLICY)
    return Reply(DeliveryState.FAILED, 554, words, Cause.REFUSED)
