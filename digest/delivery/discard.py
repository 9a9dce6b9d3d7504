"""Door to nowhere: every message is accepted and counted, and none is kept."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from digest.delivery.model import Cause, DeliveryState, Envelope, Reply
from digest.delivery.sendable import objection
from digest.log import event

_log = logging.getLogger(__name__)

_MOST_DOMAINS = 10_000  # that many names are kept; the rest share one
OTHERS = "(others)"
"""Stands for all domains beyond the first ten thousand."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """What would have left: how many messages, how many bytes of them, and to which domains."""

    messages: int = 0
    bytes: int = 0
    by_domain: Mapping[str, int] = field(default_factory=dict)
    """Messages by domain, in lower case."""


class DiscardTransport:
    """Accepts what a real way out would be given, and keeps only the counts."""

    repeatable = True

    def __init__(self) -> None:
        """Begin at nothing, and say once in the log that nothing leaves."""
        self._lock = threading.Lock()
        self._messages = 0
        self._bytes = 0
        self._by_domain: Counter[str] = Counter()
        event(_log, "mail is discarded: nothing leaves this machine", logging.WARNING)

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        """Count one message; what could not be sent as it is, is refused here as well."""
        if problem := objection(envelope, message):
            return Reply(DeliveryState.FAILED, 0, problem, Cause.REFUSED)
        domain = envelope.recipient.rpartition("@")[2].lower()
        with self._lock:
            known = domain in self._by_domain or len(self._by_domain) < _MOST_DOMAINS
            self._by_domain[domain if known else OTHERS] += 1
            self._messages += 1
            self._bytes += len(message)
        return Reply(DeliveryState.ACCEPTED, 250, "discarded", Cause.ACCEPTED)

    def counted(self) -> Discarded:
        """Tell what was accepted so far."""
        with self._lock:
            return Discarded(self._messages, self._bytes, dict(self._by_domain))

    def close(self) -> None:
        """Log what was accepted."""
        counted = self.counted()
        event(_log, "mail was discarded", messages=counted.messages, bytes=counted.bytes)
