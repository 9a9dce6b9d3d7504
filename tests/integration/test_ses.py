"""Amazon SES, played by a server on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from digest.delivery.model import Cause, DeliveryState, Reply
from digest.delivery.ses import SesTransport
from digest.errors import SettingsError
from tests.integration.fake_ses import (
    Answer,
    Behaviour,
    CloseAfterReading,
    FakeSes,
    NeverAnswer,
    fake_ses,
    is_signed,
)
from tests.unit.delivery.way_builders import a_message, an_envelope, to_reader

ACCEPTED = DeliveryState.ACCEPTED
DEFERRED = DeliveryState.DEFERRED
FAILED = DeliveryState.FAILED
UNCERTAIN = DeliveryState.UNCERTAIN


@pytest.fixture
def ses() -> Iterator[FakeSes]:
    with fake_ses() as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have the account of a test and nobody else's."""
    import os  # noqa: PLC0415 - only to look

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    account = tmp_path / "credentials"
    account.write_text(
        "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = geheim\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(account))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return account


@pytest.fixture
def transport(ses: FakeSes) -> Iterator[SesTransport]:
    made = SesTransport("eu-west-1", endpoint=ses.url, timeout_seconds=5)
    yield made
    made.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_message_goes_as_it_is_to_the_one_recipient(
    ses: FakeSes, transport: SesTransport
) -> None:
    message = a_message("Grüße.\r\nTwo dots .., a \x7f and = signs" + "é" * 300)
    reply = transport.deliver(an_envelope(sender="b-abc@letters.example.org"), message)
    assert reply == Reply(ACCEPTED, 250, "Ok id-1", Cause.ACCEPTED)
    (asked,) = ses.asked
    assert asked.path == "/v2/email/outbound-emails"
    assert is_signed(asked)
    assert asked.raw == message
    assert {name: part for name, part in asked.body.items() if name != "Content"} == {
        "FromEmailAddress": "b-abc@letters.example.org",
        "Destination": {"ToAddresses": ["ann@example.org"]},
    }


def test_a_configuration_set_is_named_and_an_empty_sender_is_not(ses: FakeSes) -> None:
    transport = SesTransport("eu-west-1", endpoint=ses.url, configuration_set="letters")
    try:
        assert transport.deliver(an_envelope(sender=""), a_message()).state is ACCEPTED
    finally:
        transport.close()
    (asked,) = ses.asked
    assert asked.body["ConfigurationSetName"] == "letters"
    assert "FromEmailAddress" not in asked.body


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (
            Answer(429, "TooManyRequestsException", "slower", {"Retry-After": "7"}),
            Reply(
                *(DEFERRED, 454, "TooManyRequests: slower", Cause.TOO_FAST),
                timedelta(seconds=7),
            ),
        ),
        (
            Answer(400, "ThrottlingException", "Maximum sending rate exceeded."),
            Reply(
                *(DEFERRED, 454, "Throttling: Maximum sending rate exceeded."),
                Cause.TOO_FAST,
            ),
        ),
        (
            Answer(400, "LimitExceededException", "quota"),
            Reply(DEFERRED, 454, "LimitExceeded: quota", Cause.TOO_FAST),
        ),
        (
            Answer(429, "", "", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"<html>"),
            Reply(DEFERRED, 454, "429: <html>", Cause.TOO_FAST),
        ),
        (
            Answer(400, "MailFromDomainNotVerifiedException", "no"),
            Reply(DEFERRED, 554, "MailFromDomainNotVerified: no", Cause.OURS),
        ),
        (
            Answer(400, "AccountSuspendedException", "no"),
            Reply(DEFERRED, 554, "AccountSuspended: no", Cause.OURS),
        ),
        (
            Answer(400, "SendingPausedException", "no"),
            Reply(DEFERRED, 554, "SendingPaused: no", Cause.OURS),
        ),
        (
            Answer(404, "NotFoundException", "Configuration set <x> does not exist."),
            Reply(
                *(DEFERRED, 554, "NotFound: Configuration set <x> does not exist."),
                Cause.OURS,
            ),
        ),
        (
            Answer(400, "MessageRejected", "Email address is not verified. The following"),
            Reply(
                *(DEFERRED, 554, "MessageRejected: Email address is not verified. The following"),
                Cause.OURS,
            ),
        ),
        (
            Answer(403, "SignatureDoesNotMatch", "no"),
            Reply(DEFERRED, 535, "SignatureDoesNotMatch: no", Cause.OURS),
        ),
        (
            Answer(403, "UnrecognizedClientException", "no"),
            Reply(DEFERRED, 535, "UnrecognizedClient: no", Cause.OURS),
        ),
        (
            Answer(400, "ExpiredTokenException", "no"),
            Reply(DEFERRED, 535, "ExpiredToken: no", Cause.OURS),
        ),
        (
            Answer(403, "AccessDeniedException", "not authorized to perform ses:SendEmail"),
            Reply(
                *(DEFERRED, 535, "AccessDenied: not authorized to perform ses:SendEmail"),
                Cause.OURS,
            ),
        ),
        (
            Answer(403, body=b"<html>go away"),
            Reply(DEFERRED, 535, "403: <html>go away", Cause.OURS),
        ),
        (
            Answer(400, "MessageRejected", "Message content contains a virus"),
            Reply(FAILED, 554, "MessageRejected: Message content contains a virus", Cause.POLICY),
        ),
        (
            Answer(400, "MessageRejected", "Address blacklisted."),
            Reply(FAILED, 554, "MessageRejected: Address blacklisted.", Cause.REFUSED),
        ),
        (
            Answer(400, "BadRequestException", "Missing final '@domain'"),
            Reply(FAILED, 554, "BadRequest: Missing final '@domain'", Cause.REFUSED),
        ),
        (
            Answer(400, "BadRequestException", "Message length is more than 10485760 bytes long"),
            Reply(
                *(FAILED, 552),
                "BadRequest: Message length is more than 10485760 bytes long",
                Cause.NOT_TAKEN,
            ),
        ),
        (
            Answer(500, "InternalServiceErrorException", "oops"),
            Reply(DEFERRED, 451, "InternalServiceError: oops", Cause.BUSY),
        ),
        (
            Answer(503, "", "", {"Retry-After": "999999"}, b""),
            Reply(DEFERRED, 451, "503: Service Unavailable", Cause.BUSY, timedelta(hours=1)),
        ),
        (
            Answer(504, body=b"<html>gateway time-out"),
            Reply(UNCERTAIN, 0, "504: Gateway Timeout", Cause.UNANSWERED),
        ),
        (
            Answer(200, body=b"not JSON at all"),
            Reply(
                *(UNCERTAIN, 0, "Amazon SES: HTTP 200 without an id"),
                Cause.UNANSWERED,
            ),
        ),
        (
            Answer(200, body=b'{"MessageId": 7}'),
            Reply(UNCERTAIN, 0, "Amazon SES: HTTP 200 without an id", Cause.UNANSWERED),
        ),
        (
            Answer(429, "", "", {"Retry-After": "soon"}, b""),
            Reply(DEFERRED, 454, "429", Cause.TOO_FAST),
        ),
        (Answer(418, "Teapot", ""), Reply(FAILED, 554, "Teapot", Cause.REFUSED)),
        (
            CloseAfterReading(),
            Reply(
                *(UNCERTAIN, 0, "Amazon SES: the connection was lost: ConnectionClosedError"),
                Cause.UNANSWERED,
            ),
        ),
    ],
)
def test_each_answer_has_its_cause_and_is_asked_for_once(
    ses: FakeSes, transport: SesTransport, answer: Behaviour, reply: Reply
) -> None:
    ses.to["ann@example.org"] = answer
    assert transport.deliver(an_envelope(), a_message()) == reply
    assert len(ses.asked) == 1


def test_silence_after_the_message_is_no_answer(ses: FakeSes) -> None:
    ses.to["ann@example.org"] = NeverAnswer()
    transport = SesTransport("eu-west-1", endpoint=ses.url, timeout_seconds=0.3)
    try:
        reply = transport.deliver(an_envelope(), a_message())
    finally:
        transport.close()
    words = "Amazon SES: no answer in time: ReadTimeoutError"
    assert reply == Reply(UNCERTAIN, 0, words, Cause.UNANSWERED)
    assert len(ses.asked) == 1


def test_a_server_that_cannot_be_reached_got_nothing() -> None:
    transport = SesTransport("eu-west-1", endpoint=f"http://127.0.0.1:{_free_port()}")
    try:
        reply = transport.deliver(an_envelope(), a_message())
    finally:
        transport.close()
    words = "Amazon SES: it cannot be reached: EndpointConnectionError"
    assert reply == Reply(DEFERRED, 0, words, Cause.AWAY)


def test_a_server_that_speaks_no_tls_got_nothing(ses: FakeSes) -> None:
    transport = SesTransport(
        "eu-west-1", endpoint=ses.url.replace("http:", "https:"), timeout_seconds=5
    )
    try:
        reply = transport.deliver(an_envelope(), a_message())
    finally:
        transport.close()
    words = "Amazon SES: it cannot be reached: SSLError"
    assert reply == Reply(DEFERRED, 0, words, Cause.AWAY)
    assert ses.asked == []


def test_without_credentials_nothing_leaves_and_the_fault_is_ours(
    ses: FakeSes, transport: SesTransport, credentials: Path
) -> None:
    credentials.unlink()
    reply = transport.deliver(an_envelope(), a_message())
    words = "Amazon SES: the request cannot be signed: Unable to locate credentials"
    assert reply == Reply(DEFERRED, 535, words, Cause.OURS)
    assert ses.asked == []


def test_credentials_that_come_later_are_found(
    ses: FakeSes, transport: SesTransport, credentials: Path
) -> None:
    written = credentials.read_text()
    credentials.unlink()
    transport.deliver(an_envelope(), a_message())
    transport.close()
    credentials.write_text(written)
    assert transport.deliver(an_envelope(), a_message()).state is ACCEPTED
    assert len(ses.asked) == 1


def test_an_endpoint_that_is_none_is_our_fault() -> None:
    transport = SesTransport("eu-west-1", endpoint="no address")
    reply = transport.deliver(an_envelope(), a_message())
    words = "Amazon SES: the request cannot be signed: Invalid endpoint: no address"
    assert reply == Reply(DEFERRED, 535, words, Cause.OURS)


def test_an_address_outside_ascii_is_not_taken(ses: FakeSes, transport: SesTransport) -> None:
    envelope = an_envelope("é@example.org", smtputf8=True)
    words = "Amazon SES does not take addresses outside ASCII (SMTPUTF8)"
    reply = transport.deliver(envelope, a_message())
    assert reply == Reply(FAILED, 0, words, Cause.NOT_TAKEN)
    assert ses.asked == []


def test_many_threads_share_one_client(ses: FakeSes, transport: SesTransport) -> None:
    with ThreadPoolExecutor(8) as threads:
        replies = list(
            threads.map(lambda n: transport.deliver(to_reader(n), a_message(str(n))), range(40))
        )
    assert sorted(reply.text for reply in replies) == sorted(f"Ok id-{n}" for n in range(1, 41))
    got = {asked.body["Destination"]["ToAddresses"][0]: asked.raw for asked in ses.asked}
    assert got == {f"reader{n}@example.org": a_message(str(n)) for n in range(40)}


def test_botocore_is_imported_with_the_first_message_and_not_before() -> None:
    program = (
        "import sys\n"
        "from digest.delivery.ses import SesTransport\n"
        "SesTransport('eu-west-1').close()\n"
        "print('botocore' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_where_botocore_is_missing_the_settings_say_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(SettingsError, match=r"^mail\.ses: botocore is not installed$") as caught:
        SesTransport("eu-west-1")
    assert caught.value.hint == "Install it with: pip install 'digest-mailer[ses]'"
