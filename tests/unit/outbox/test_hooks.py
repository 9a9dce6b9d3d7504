from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.outbox.hooks import (
    CHOOSABLE,
    PATIENCE,
    HookEvent,
    event_id_of,
    next_call,
    read_events,
    wait_after,
    write_events,
)
from digest.outbox.signature import is_genuine, secret_of, signed_headers

NOW = datetime(2026, 1, 9, 7, tzinfo=UTC)
KEY = b"k" * 32
BODY = b'{"type":"edition.sent"}'
SECRET = secret_of(KEY, "salt")


def _signed(*secrets: str, at: datetime = NOW) -> dict[str, str]:
    return signed_headers("evt_1", BODY, secrets or (SECRET,), at=at)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The sample of the specification, by which its libraries are tested."""
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        at=at,
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_call_is_told_from_others_by_its_secret() -> None:
    assert is_genuine(_signed(), BODY, SECRET, now=NOW)
    assert not is_genuine(_signed(), BODY + b" ", SECRET, now=NOW)
    assert not is_genuine(_signed(), BODY, secret_of(KEY, "other"), now=NOW)
    assert not is_genuine(_signed(), BODY, secret_of(b"x" * 32, "salt"), now=NOW)
    assert not is_genuine({**_signed(), "webhook-id": "evt_2"}, BODY, SECRET, now=NOW)


@pytest.mark.parametrize(("seconds", "taken"), [(0, True), (300, True), (-300, True), (301, False)])
def test_a_recorded_call_is_good_for_five_minutes(seconds: int, *, taken: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    assert is_genuine(_signed(), BODY, SECRET, now=now) is taken


def test_another_time_than_the_signed_one_is_refused() -> None:
    later = str(int(NOW.timestamp()) + 60)
    assert not is_genuine({**_signed(), "webhook-timestamp": later}, BODY, SECRET, now=NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "evt_1"},
        {**_signed(), "webhook-timestamp": "soon"},
        {**_signed(), "webhook-timestamp": "٣"},
        {**_signed(), "webhook-signature": ""},
        {**_signed(), "webhook-signature": "v1,é \ud800"},
    ],
)
def test_headers_that_are_none_are_refused(headers: dict[str, str]) -> None:
    assert not is_genuine(headers, BODY, SECRET, now=NOW)


def test_while_a_secret_changes_either_is_right() -> None:
    new = secret_of(KEY, "new")
    both = _signed(new, SECRET)
    assert [is_genuine(both, BODY, each, now=NOW) for each in (SECRET, new)] == [True, True]


def test_a_secret_is_32_bytes_that_the_key_and_the_salt_make() -> None:
    made = hmac.new(KEY, b"webhook:salt", hashlib.sha256).digest()
    assert secret_of(KEY, "salt") == f"whsec_{base64.b64encode(made).decode()}"


def test_one_cause_is_one_event() -> None:
    first = event_id_of(HookEvent.EDITION_SENT, "edition:1")
    assert first == event_id_of(HookEvent.EDITION_SENT, "edition:1")
    others = {
        event_id_of(HookEvent.EDITION_HELD, "edition:1"),
        event_id_of(HookEvent.EDITION_SENT, "edition:2"),
    }
    assert len({first, *others}) == 3


def test_waits_grow_to_two_hours() -> None:
    waits = [wait_after(tries, "evt_1").total_seconds() for tries in range(1, 10)]
    floor = [5, 30, 120, 600, 1800, 3600, 7200, 7200, 7200]
    assert all(least <= wait <= least * 1.1 for least, wait in zip(floor, waits, strict=True)), (
        waits
    )


@given(tries=st.integers(1, 60), gone=st.timedeltas(timedelta(0), timedelta(days=2)))
def test_a_call_is_tried_until_the_day_is_over_and_no_longer(tries: int, gone: timedelta) -> None:
    again = next_call(tries, NOW, NOW + gone, "evt_1")
    if gone >= PATIENCE:
        assert again is None
    else:
        assert again is not None
        assert NOW + gone < again <= NOW + PATIENCE


def test_events_are_kept_in_words_and_unknown_ones_passed_over() -> None:
    assert write_events({HookEvent.SUBSCRIBER_LEFT, HookEvent.EDITION_SENT}) == (
        "edition.sent subscriber.left"
    )
    assert read_events("edition.sent something.new") == {HookEvent.EDITION_SENT}
    assert HookEvent.TEST not in CHOOSABLE
