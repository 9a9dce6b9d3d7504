from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from digest.delivery.model import Cause, DeliveryState, Ended, Reply, SmtpAccount, Way
from digest.delivery.smtp import SmtpLine
from digest.errors import SettingsError
from tests.integration.scripted_smtp import make_certificate
from tests.integration.smtp_sink import EXTENSIONS, PLAIN, SmtpSink, smtp_sink
from tests.unit.delivery.parcel_queue import ParcelQueue, a_parcel, some_parcels

LOGIN = ("harbour", "pass word")
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    assert shutil.which("openssl"), "openssl makes the certificate of this test"
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return _serving(*certificate)


@pytest.fixture(scope="module")
def trust(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


def _serving(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _expired(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that ended yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "old.pem", folder / "old-key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret


def _run(
    sink: SmtpSink,
    source: ParcelQueue,
    *,
    trust: ssl.SSLContext | None = None,
    loop: Loop = asyncio.new_event_loop,
    **changed: Any,
) -> Ended:
    account: dict[str, Any] = {
        "host": "localhost",
        "tls": "required",
        "timeout_seconds": 5.0,
        "local_hostname": "desk.example",
    }
    way = Way("relay", SmtpAccount(port=sink.port, **{**account, **changed}))
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(SmtpLine(way, source, trust=trust).run())


def _away(sink: SmtpSink, words: str, cause: Cause = Cause.AWAY) -> Ended:
    text = f"localhost:{sink.port}: {words}"
    return Ended(Reply(DeliveryState.DEFERRED, 0, text, cause), 0)


# Coming in


@LOOPS
@pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN])
@pytest.mark.parametrize("tls", ["opportunistic", "required", "implicit"])
def test_letters_go_over_tls_with_a_certificate_we_trust(
    server_tls: ssl.SSLContext,
    trust: ssl.SSLContext,
    tls: str,
    extensions: tuple[str, ...],
    loop: Loop,
) -> None:
    parcels = some_parcels(*(f"r{n}" for n in range(20)), text="x" * 70 + "\r\n" + "y" * 900)
    huge = a_parcel("huge", ("z" * 900 + "\r\n") * 2000)
    source = ParcelQueue([*parcels, huge])
    implicit = tls == "implicit"
    with smtp_sink(tls=server_tls, implicit=implicit, extensions=extensions) as sink:
        assert _run(sink, source, trust=trust, loop=loop, tls=tls) == Ended(None, 21)
    assert {each.secured for each in sink.taken} == {True}
    assert sink.taken[-1].body == huge.message
    assert (sink.violations, sink.connections) == ([], 1)
    assert sink.commands[:3] == (
        ["EHLO desk.example", sink.commands[1], "RCPT TO:<r0@example.org>"]
        if implicit
        else ["EHLO desk.example", "STARTTLS", "EHLO desk.example"]
    )


def test_a_certificate_nobody_vouches_for_stops_required_tls_but_not_opportunistic(
    server_tls: ssl.SSLContext,
) -> None:
    for implicit in (False, True):
        with smtp_sink(tls=server_tls, implicit=implicit) as sink:
            source = ParcelQueue(some_parcels("ann"))
            ended = _run(sink, source, tls="implicit" if implicit else "required")
            assert ended == _away(sink, "certificate verify failed: self-signed certificate")
            assert sink.taken == []
    with smtp_sink(tls=server_tls) as sink:
        assert _run(sink, source, tls="opportunistic") == Ended(None, 1)
    assert [each.secured for each in sink.taken] == [True]


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "DNS:elsewhere.example")
    trust = ssl.create_default_context(cafile=str(certificate))
    for implicit in (False, True):
        with smtp_sink(tls=_serving(certificate, key), implicit=implicit) as sink:
            tls = "implicit" if implicit else "required"
            ended = _run(sink, ParcelQueue(some_parcels("ann")), trust=trust, tls=tls)
            words = "certificate verify failed: Hostname mismatch, "
            assert ended.reply is not None
            assert ended.reply.text.startswith(f"localhost:{sink.port}: {words}")
        assert sink.taken == []


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    certificate, key = _expired(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate))
    with smtp_sink(tls=_serving(certificate, key)) as sink:
        ended = _run(sink, ParcelQueue(some_parcels("ann")), trust=trust)
        assert ended == _away(sink, "certificate verify failed: certificate has expired")


def test_required_tls_refuses_a_server_without_it() -> None:
    with smtp_sink() as sink:
        ended = _run(sink, ParcelQueue(some_parcels("ann")))
        assert ended == _away(sink, "the server offers no STARTTLS, and it is required")
    assert sink.commands == ["EHLO desk.example"]


def test_opportunistic_tls_goes_on_without_it() -> None:
    with smtp_sink() as sink:
        ended = _run(sink, ParcelQueue(some_parcels("ann")), tls="opportunistic")
    assert ended == Ended(None, 1)
    assert [each.secured for each in sink.taken] == [False]


@LOOPS
@pytest.mark.parametrize("tls", ["opportunistic", "required"])
@pytest.mark.parametrize(
    "said",
    [
        "raw 220 go\r\n250 injected\r\n",
        "raw 220-go\r\n220 on\r\n250-x\r\n",
        "raw 220 go\r\n2",
        "raw 220 go\r\n\x16\x03\x01",
    ],
)
def test_words_glued_to_the_answer_to_starttls_end_it(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext, said: str, tls: str, loop: Loop
) -> None:
    with smtp_sink({"STARTTLS": [said]}, tls=server_tls, login=LOGIN) as sink:
        source = ParcelQueue(some_parcels("ann"))
        secret = {"user": LOGIN[0], "password": LOGIN[1]}
        ended = _run(sink, source, trust=trust, tls=tls, loop=loop, **secret)
        assert ended == _away(sink, "the server speaks out of turn before TLS")
    assert (sink.commands, sink.violations) == (["EHLO desk.example", "STARTTLS"], [])


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("454 4.7.0 TLS not available", 454, "454 4.7.0 TLS not available"),
        ("502 5.5.1 no", 502, "502 5.5.1 no"),
        ("close", 0, "the server closed the connection"),
        ("hang", 0, "no answer in time"),
        ("raw 220 2.0.0 Ready\r\n", 0, "no answer in time"),
    ],
)
def test_a_server_whose_tls_fails_is_away(
    server_tls: ssl.SSLContext, said: str, code: int, words: str
) -> None:
    with smtp_sink({"STARTTLS": [said]}, tls=server_tls) as sink:
        if said.startswith("raw"):
            sink.tls = None  # it says it is ready, and is not
            sink.extensions = (*EXTENSIONS, "STARTTLS")
            sink.script["STARTTLS"] = [said, "hang"]
        ended = _run(sink, ParcelQueue(some_parcels("ann")), timeout_seconds=0.3)
        assert ended.reply is not None
        assert (ended.reply.code, ended.reply.cause) == (code, Cause.AWAY)
        assert ended.reply.text.startswith(f"localhost:{sink.port}: {words}")


def test_a_server_that_speaks_no_tls_where_tls_is_expected_is_away() -> None:
    with smtp_sink() as sink:
        ended = _run(sink, ParcelQueue(some_parcels("ann")), tls="implicit", timeout_seconds=1.0)
    assert ended.reply is not None
    assert ended.reply.cause is Cause.AWAY
    assert "TLS failed: " in ended.reply.text


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("implicit", [False, True])
@LOOPS
def test_a_large_letter_cut_in_its_content_was_surely_not_accepted(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext, how: str, loop: Loop, *, implicit: bool
) -> None:
    source = ParcelQueue([a_parcel("ann", ("x" * 900 + "\r\n") * 20_000)])
    script = {"CONTENT": [f"after 5000 {how}"]}
    with smtp_sink(script, tls=server_tls, implicit=implicit) as sink:
        tls = "implicit" if implicit else "required"
        _run(sink, source, trust=trust, tls=tls, loop=loop)
    assert source.fates == {"ann": (0, Cause.CUT)}
    assert sink.accepted == []


def test_a_server_that_leaves_after_the_dot_leaves_a_doubt(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    for how in ("close", "reset", "half 250 2.0.0 Ok"):
        source = ParcelQueue(some_parcels("ann"))
        with smtp_sink({"DOT": [how]}, tls=server_tls) as sink:
            _run(sink, source, trust=trust)
        assert source.fates == {"ann": (0, Cause.UNANSWERED)}


# The log-in


@LOOPS
@pytest.mark.parametrize("script", [{}, {"AUTH": ["504 5.5.4 that one not"]}])
def test_a_password_is_accepted_over_tls(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext, script: dict[str, list[str]], loop: Loop
) -> None:
    source = ParcelQueue(some_parcels("ann"))
    secret = {"user": LOGIN[0], "password": LOGIN[1]}
    with smtp_sink(script, tls=server_tls, login=LOGIN) as sink:
        assert _run(sink, source, trust=trust, loop=loop, **secret) == Ended(None, 1)
    assert sink.violations == []


def test_a_password_outside_ascii_is_sent_as_utf8(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    with smtp_sink(tls=server_tls, login=("harbour", "schlüssel")) as sink:
        source = ParcelQueue(some_parcels("ann"))
        ended = _run(sink, source, trust=trust, user="harbour", password="schlüssel")
    assert ended == Ended(None, 1)


@pytest.mark.parametrize(("said", "cause"), [("", Cause.OURS), ("454 4.7.0 later", Cause.AWAY)])
def test_a_wrong_password_is_never_the_readers_fault(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext, said: str, cause: Cause
) -> None:
    source = ParcelQueue(some_parcels("ann"))
    script = {"AUTH": [said] if said else []}
    with smtp_sink(script, tls=server_tls, login=LOGIN) as sink:
        ended = _run(sink, source, trust=trust, user="harbour", password="wrong")
    words = said or "535 5.7.8 Error: authentication failed"
    text = f"localhost:{sink.port}: {words}"
    assert ended == Ended(Reply(DeliveryState.DEFERRED, int(words[:3]), text, cause), 0)
    assert source.answers == {}
    assert len([command for command in sink.commands if command.startswith("AUTH")]) == 1


def test_a_server_that_offers_no_log_in_is_our_fault(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    for extensions in (EXTENSIONS, (*EXTENSIONS, "AUTH GSSAPI")):
        with smtp_sink(tls=server_tls, extensions=extensions) as sink:
            ended = _run(sink, ParcelQueue([]), trust=trust, user="harbour", password="x")
            words = "the server offers no way to log in that we know"
            assert ended == _away(sink, words, Cause.OURS)


def test_a_password_that_would_go_in_clear_is_refused_before_anything_is_dialled() -> None:
    account = SmtpAccount("relay.example", tls="none", user="harbour", password="secret")
    with pytest.raises(SettingsError, match=r"relay\.example: a password would be sent in clear"):
        SmtpLine(Way("relay", account), ParcelQueue([]))


def test_a_password_is_never_sent_where_starttls_was_stripped() -> None:
    for tls in ("opportunistic", "required"):
        with smtp_sink(login=LOGIN) as sink:
            source = ParcelQueue(some_parcels("ann"))
            ended = _run(sink, source, tls=tls, user=LOGIN[0], password=LOGIN[1])
        assert ended.reply is not None
        assert ended.reply.cause is Cause.AWAY
        assert (sink.commands, sink.violations) == (["EHLO desk.example"], [])
    optional = "the server offers no STARTTLS, and a password is never sent in clear"
    with smtp_sink(login=LOGIN) as sink:
        ended = _run(sink, source, tls="opportunistic", user=LOGIN[0], password=LOGIN[1])
        assert ended == _away(sink, optional)


def test_a_password_is_not_sent_to_a_server_nobody_vouches_for(server_tls: ssl.SSLContext) -> None:
    with smtp_sink(tls=server_tls, login=LOGIN) as sink:
        source = ParcelQueue(some_parcels("ann"))
        ended = _run(sink, source, tls="opportunistic", user=LOGIN[0], password=LOGIN[1])
        assert ended == _away(sink, "certificate verify failed: self-signed certificate")
    assert sink.commands == ["EHLO desk.example", "STARTTLS"]


def test_a_server_that_repeats_the_log_in_does_not_get_it_into_our_words(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    user, password = "harbour@example.org", "pass-word-17"
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    spelt = [
        *(
            plain,
            plain.upper(),
            plain[:12],
            plain[4:],
            base64.b64encode(password.encode()).decode(),
        ),
        *(password, password.upper(), user, f'"{password}"'),
    ]
    for secret in spelt:
        said = f"500 5.5.2 unknown command: AUTH PLAIN {secret} (of 1)"
        with smtp_sink({"AUTH": [said, said]}, tls=server_tls, login=LOGIN) as sink:
            ended = _run(sink, ParcelQueue([]), trust=trust, user=user, password=password)
        assert ended.reply is not None
        words = ended.reply.text.removeprefix(f"localhost:{sink.port}: ").replace('"', "")
        assert words == "500 5.5.2 unknown command: AUTH PLAIN … (of 1)"


def test_a_log_in_that_cannot_be_encoded_is_told_without_showing_it(
    server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    with smtp_sink(tls=server_tls, login=LOGIN) as sink:
        ended = _run(sink, ParcelQueue([]), trust=trust, user="harbour", password="a\ud800b")
        words = "its name, our own or the log-in has signs that cannot be sent"
        assert ended == _away(sink, words, Cause.OURS)


def test_no_log_in_stands_in_what_a_line_is_printed_as(trust: ssl.SSLContext) -> None:
    account = SmtpAccount("relay.example", user="harbour", password="pass word")
    line = SmtpLine(Way("relay", account), ParcelQueue([]), trust=trust)
    assert "pass word" not in f"{line!r}{account!r}{line.way!r}"
