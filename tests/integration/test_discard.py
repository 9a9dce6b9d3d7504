from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from digest.delivery.discard import OTHERS, Discarded, DiscardTransport
from digest.delivery.model import Cause, DeliveryState, Reply
from tests.unit.delivery.way_builders import a_message, an_envelope


def test_every_message_is_accepted_counted_and_not_kept() -> None:
    transport = DiscardTransport()
    accepted = Reply(DeliveryState.ACCEPTED, 250, "discarded", Cause.ACCEPTED)
    for address in ("ann@Example.org", "bob@example.org", "zoe@other.example"):
        assert transport.deliver(an_envelope(address), a_message()) == accepted
    counted = Discarded(3, 3 * len(a_message()), {"example.org": 2, "other.example": 1})
    assert transport.counted() == counted


def test_what_is_refused_is_not_counted() -> None:
    transport = DiscardTransport()
    transport.deliver(an_envelope("nobody"), a_message())
    transport.deliver(an_envelope(), b"bare\n")
    assert transport.counted() == Discarded()


def test_no_count_is_lost_between_threads() -> None:
    transport = DiscardTransport()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _n: transport.deliver(an_envelope(), a_message()), range(2000)))
    size = 2000 * len(a_message())
    assert transport.counted() == Discarded(2000, size, {"example.org": 2000})


def test_more_domains_than_anybody_reads_share_one_count() -> None:
    transport = DiscardTransport()
    for n in range(10_002):
        transport.deliver(an_envelope(f"ann@d{n}.example"), b"\r\n")
    transport.deliver(an_envelope("bob@d7.example"), b"\r\n")
    counted = transport.counted()
    assert counted.messages == 10_003
    assert len(counted.by_domain) == 10_001
    assert (counted.by_domain[OTHERS], counted.by_domain["d7.example"]) == (2, 2)


def test_the_log_says_once_that_nothing_leaves_and_at_the_end_what_did_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    transport = DiscardTransport()
    transport.deliver(an_envelope(), a_message())
    transport.deliver(an_envelope(), a_message())
    transport.close()
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [
        ("WARNING", "mail is discarded: nothing leaves this machine"),
        ("INFO", "mail was discarded"),
    ]
    facts = getattr(caplog.records[-1], "facts", {})
    assert facts == {"messages": 2, "bytes": 2 * len(a_message())}
