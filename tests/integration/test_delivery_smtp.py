from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from digest.delivery.model import DeliveryState, Envelope, Reply, SmtpAccount
from digest.delivery.smtp import SmtpTransport
from digest.errors import SettingsError
from tests.integration.scripted_smtp import free_port, make_certificate, scripted_server
from tests.unit.delivery.delivery_builders import a_message, an_envelope

ANN = an_envelope("ann@example.org")
BOB = an_envelope("bob@example.org")
BIG = a_message("\r\n".join(["x" * 900] * 20_000))
PATIENCE = 0.2


def _account(port: int, **changed: Any) -> SmtpAccount:
    settings: dict[str, Any] = {
        "host": "localhost",
        "tls": "none",
        "timeout_seconds": 5.0,
        "local_hostname": "desk.example",
    }
    return SmtpAccount(port=port, **{**settings, **changed})


def _fate(reply: Reply) -> tuple[DeliveryState, int, bool, bool]:
    return reply.state, reply.code, reply.connection_lost, reply.begun


ACCEPTED = (DeliveryState.ACCEPTED, 250, False, False)
SURELY_NOT_SENT = (DeliveryState.DEFERRED, 0, True, True)
UNREACHABLE = (DeliveryState.DEFERRED, 0, True, False)
NOBODY_KNOWS = (DeliveryState.UNCERTAIN, 0, True, False)


# A real server


@dataclass
class _Mailbox:
    """What aiosmtpd hands over; refuses the recipients it is told to."""

    refuses: dict[str, str] = field(default_factory=dict)
    messages: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    said_of_senders: list[list[str]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: object, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        self.said_of_senders.append(envelope.mail_options)
        self.secured.append(session.ssl is not None)
        return "250 stored"


Start = Callable[..., tuple[_Mailbox, int]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start aiosmtpd with these settings; gives its mailbox and port."""
    running: list[Controller] = []

    def begin(*, refuses: dict[str, str] | None = None, **settings: Any) -> tuple[_Mailbox, int]:
        mailbox = _Mailbox(refuses or {})
        controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **settings)
        controller.start()
        running.append(controller)
        return mailbox, controller.port

    yield begin
    for controller in running:
        controller.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    assert shutil.which("openssl"), "openssl makes the certificate of this test"
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture(scope="module")
def trust(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


def test_a_message_arrives_byte_for_byte_with_its_envelope(start: Start) -> None:
    mailbox, port = start()
    transport = SmtpTransport(_account(port))
    message = a_message("From here on.\r\nTwo dots: ..\r\n" + "x" * 998)
    assert transport.deliver(ANN, message) == Reply(DeliveryState.ACCEPTED, 250, "stored")
    assert transport.deliver(Envelope("", "bob@example.org", "<2@x>"), a_message()).code == 250
    transport.close()
    assert mailbox.messages == [
        ("news@example.org", ["ann@example.org"], message),
        ("<>", ["bob@example.org"], a_message()),
    ]


ZOE = Envelope("news@example.org", "zoë@example.org", "<m2@example.org>", smtputf8=True)
TO_ZOE = "To: zoë@example.org\r\n\r\nGood morning.\r\n".encode()
OUTSIDE_ASCII = "the server does not take addresses outside ASCII (SMTPUTF8)"


def test_an_address_outside_ascii_is_sent_as_it_is_where_the_server_offers_it(
    start: Start,
) -> None:
    mailbox, port = start(enable_SMTPUTF8=True)
    transport = SmtpTransport(_account(port))
    fates = [_fate(transport.deliver(ANN, a_message())), _fate(transport.deliver(ZOE, TO_ZOE))]
    fates.append(_fate(transport.deliver(BOB, a_message())))
    transport.close()
    assert fates == [ACCEPTED] * 3
    assert mailbox.messages == [
        ("news@example.org", ["ann@example.org"], a_message()),
        ("news@example.org", ["zoë@example.org"], TO_ZOE),
        ("news@example.org", ["bob@example.org"], a_message()),
    ]
    plain = f"SIZE={len(a_message())}"
    assert mailbox.said_of_senders == [
        [plain],
        [f"SIZE={len(TO_ZOE)}", "BODY=8BITMIME", "SMTPUTF8"],
        [plain],
    ]


def test_where_the_server_does_not_take_it_that_reader_alone_is_told_so(start: Start) -> None:
    mailbox, port = start(enable_SMTPUTF8=False)
    transport = SmtpTransport(_account(port))
    replies = [transport.deliver(*each) for each in ((ANN, a_message()), (ZOE, TO_ZOE))]
    replies.append(transport.deliver(BOB, a_message()))
    transport.close()
    stored = Reply(DeliveryState.ACCEPTED, 250, "stored")
    failed = Reply(DeliveryState.FAILED, 0, OUTSIDE_ASCII, about_reader=True)
    assert replies == [stored, failed, stored]
    assert [to for _, to, _ in mailbox.messages] == [["ann@example.org"], ["bob@example.org"]]


def test_nothing_is_said_to_a_server_that_does_not_take_the_address() -> None:
    with scripted_server() as server:
        transport = SmtpTransport(_account(server.port))
        assert transport.deliver(ZOE, TO_ZOE).text == OUTSIDE_ASCII
        transport.close()
    assert server.commands == ["ehlo desk.example", "QUIT"]


def test_a_refused_reader_does_not_harm_the_next(start: Start) -> None:
    mailbox, port = start(
        refuses={"ann@example.org": "550 5.1.1 no such user", "cid@example.org": "450 4.2.1 busy"}
    )
    transport = SmtpTransport(_account(port))
    replies = [
        transport.deliver(an_envelope(f"{name}@example.org"), a_message())
        for name in ("ann", "bob", "cid", "dan")
    ]
    transport.close()
    assert replies == [
        Reply(DeliveryState.FAILED, 550, "5.1.1 no such user"),
        Reply(DeliveryState.ACCEPTED, 250, "stored"),
        Reply(DeliveryState.DEFERRED, 450, "4.2.1 busy"),
        Reply(DeliveryState.ACCEPTED, 250, "stored"),
    ]
    assert [to for _, to, _ in mailbox.messages] == [["bob@example.org"], ["dan@example.org"]]


@pytest.mark.parametrize("tls", ["opportunistic", "required"])
def test_starttls_is_used_with_a_certificate_we_trust(
    start: Start, server_tls: ssl.SSLContext, trust: ssl.SSLContext, tls: str
) -> None:
    mailbox, port = start(tls_context=server_tls, require_starttls=True)
    transport = SmtpTransport(_account(port, tls=tls), trust=trust)
    assert _fate(transport.deliver(ANN, a_message())) == ACCEPTED
    transport.close()
    assert mailbox.secured == [True]


def test_a_certificate_nobody_vouches_for_stops_required_tls_but_not_opportunistic(
    start: Start, server_tls: ssl.SSLContext
) -> None:
    mailbox, port = start(tls_context=server_tls)
    reply = SmtpTransport(_account(port, tls="required")).deliver(ANN, a_message())
    assert _fate(reply) == (DeliveryState.DEFERRED, 0, True, False)
    assert "certificate verify failed" in reply.text
    transport = SmtpTransport(_account(port, tls="opportunistic"))
    assert _fate(transport.deliver(ANN, a_message())) == ACCEPTED
    transport.close()
    assert mailbox.secured == [True]


def test_a_certificate_for_another_name_is_refused(start: Start, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "DNS:elsewhere.example")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate, key)
    mailbox, port = start(tls_context=theirs)
    trust = ssl.create_default_context(cafile=str(certificate))
    reply = SmtpTransport(_account(port, tls="required"), trust=trust).deliver(ANN, a_message())
    assert _fate(reply) == UNREACHABLE
    assert "Hostname mismatch" in reply.text
    assert mailbox.messages == []


def test_required_tls_refuses_a_server_without_it(start: Start) -> None:
    mailbox, port = start()
    reply = SmtpTransport(_account(port, tls="required")).deliver(ANN, a_message())
    assert reply == Reply(
        DeliveryState.DEFERRED,
        0,
        f"localhost:{port}: the server offers no STARTTLS, and it is required",
        connection_lost=True,
    )
    assert mailbox.messages == []


def test_opportunistic_tls_goes_on_without_it(start: Start) -> None:
    mailbox, port = start()
    transport = SmtpTransport(_account(port, tls="opportunistic"))
    assert _fate(transport.deliver(ANN, a_message())) == ACCEPTED
    transport.close()
    assert mailbox.secured == [False]


def test_implicit_tls_speaks_tls_from_the_first_byte(
    start: Start, server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    mailbox, port = start(ssl_context=server_tls)
    transport = SmtpTransport(_account(port, tls="implicit"), trust=trust)
    assert _fate(transport.deliver(ANN, a_message())) == ACCEPTED
    transport.close()
    assert len(mailbox.messages) == 1


def _only_harbour(*arguments: Any) -> AuthResult:
    login = arguments[-1]
    assert isinstance(login, LoginPassword)
    known = login == LoginPassword(b"harbour", b"pass word")
    return AuthResult(success=known, handled=known)


def test_a_password_is_accepted_over_tls(
    start: Start, server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    mailbox, port = start(tls_context=server_tls, authenticator=_only_harbour, auth_required=True)
    account = _account(port, tls="required", user="harbour", password="pass word")
    transport = SmtpTransport(account, trust=trust)
    assert _fate(transport.deliver(ANN, a_message())) == ACCEPTED
    transport.close()
    assert len(mailbox.messages) == 1


def test_a_wrong_password_is_never_the_readers_fault(
    start: Start, server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    _, port = start(tls_context=server_tls, authenticator=_only_harbour, auth_required=True)
    wrong = _account(port, tls="required", user="harbour", password="wrong")
    reply = SmtpTransport(wrong, trust=trust).deliver(ANN, a_message())
    assert _fate(reply) == (DeliveryState.DEFERRED, 535, True, False)
    none = SmtpTransport(_account(port, tls="required"), trust=trust)
    reply = none.deliver(ANN, a_message())
    assert _fate(reply) == (DeliveryState.DEFERRED, 530, True, False)


def test_a_password_that_cannot_be_encoded_is_told_without_showing_it(
    start: Start, server_tls: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    _, port = start(tls_context=server_tls, authenticator=_only_harbour, auth_required=True)
    account = _account(port, tls="required", user="harbour", password="schlüssel")
    reply = SmtpTransport(account, trust=trust).deliver(ANN, a_message())
    words = f"localhost:{port}: host, user and password must be plain ASCII"
    assert reply == Reply(DeliveryState.DEFERRED, 0, words, connection_lost=True)


def test_a_password_is_never_sent_in_clear() -> None:
    with pytest.raises(SettingsError, match="would be sent in clear"):
        SmtpTransport(_account(25, user="harbour", password="secret"))
    with scripted_server() as server:
        account = _account(server.port, tls="opportunistic", user="harbour", password="secret")
        reply = SmtpTransport(account).deliver(ANN, a_message())
    assert _fate(reply) == UNREACHABLE
    assert reply.text.endswith("a password is never sent in clear")
    assert server.commands == ["ehlo desk.example"]


def test_a_password_is_not_sent_to_a_server_nobody_vouches_for(
    start: Start, server_tls: ssl.SSLContext
) -> None:
    _, port = start(tls_context=server_tls, authenticator=_only_harbour)
    account = _account(port, tls="opportunistic", user="harbour", password="pass word")
    reply = SmtpTransport(account).deliver(ANN, a_message())
    assert _fate(reply) == UNREACHABLE
    assert "certificate verify failed" in reply.text


# A server that misbehaves


def test_what_cannot_be_sent_as_it_is_fails_before_anything_is_dialled() -> None:
    transport = SmtpTransport(_account(free_port()))
    sly = an_envelope("b@x>\r\nRCPT TO:<c@example.org")
    assert transport.deliver(sly, a_message()) == Reply(
        DeliveryState.FAILED, 0, "the reader's address cannot be written in SMTP"
    )
    assert transport.deliver(ANN, b"a\r\n.\r\nMAIL FROM:<x@y>\r\n") == Reply(
        DeliveryState.FAILED, 0, "the message has a line that begins with a dot"
    )


def test_a_dead_server_does_not_count_as_sent() -> None:
    port = free_port()
    reply = SmtpTransport(_account(port, host="127.0.0.1")).deliver(ANN, a_message())
    words = f"127.0.0.1:{port}: Connection refused"
    assert reply == Reply(DeliveryState.DEFERRED, 0, words, connection_lost=True)


def test_a_name_that_does_not_exist_is_told_in_words() -> None:
    reply = SmtpTransport(_account(25, host="relay.invalid")).deliver(ANN, a_message())
    assert _fate(reply) == UNREACHABLE
    assert reply.text.startswith("relay.invalid:25: ")
    long = SmtpTransport(_account(25, host="x" * 70 + ".example")).deliver(ANN, a_message())
    assert _fate(long) == UNREACHABLE


@pytest.mark.parametrize(
    ("phase", "fate"),
    [
        ("GREETING", UNREACHABLE),
        ("EHLO", UNREACHABLE),
        ("MAIL", SURELY_NOT_SENT),
        ("RCPT", SURELY_NOT_SENT),
        ("DATA", SURELY_NOT_SENT),
        ("CONTENT", SURELY_NOT_SENT),
        ("DOT", NOBODY_KNOWS),
    ],
)
def test_a_server_that_closes_is_told_apart_by_the_dot(
    phase: str, fate: tuple[DeliveryState, int, bool, bool]
) -> None:
    with scripted_server({phase: ["close"]}) as server:
        transport = SmtpTransport(_account(server.port))
        reply = transport.deliver(ANN, BIG)
        again = transport.deliver(BOB, a_message())
        transport.close()
    assert _fate(reply) == fate
    assert _fate(again) == ACCEPTED
    assert server.connections == 2
    assert server.accepted == ["ann@example.org"] * (phase == "DOT") + ["bob@example.org"]


@pytest.mark.parametrize(
    ("phase", "fate"),
    [
        ("GREETING", UNREACHABLE),
        ("EHLO", UNREACHABLE),
        ("MAIL", SURELY_NOT_SENT),
        ("RCPT", SURELY_NOT_SENT),
        ("DATA", SURELY_NOT_SENT),
        ("CONTENT", SURELY_NOT_SENT),
        ("DOT", NOBODY_KNOWS),
    ],
)
def test_a_server_that_hangs_is_left_after_a_while(
    phase: str, fate: tuple[DeliveryState, int, bool, bool]
) -> None:
    with scripted_server({phase: ["hang"]}) as server:
        transport = SmtpTransport(_account(server.port, timeout_seconds=PATIENCE))
        reply = transport.deliver(ANN, BIG)
        transport.close()
    assert _fate(reply) == fate
    assert reply.text == f"localhost:{server.port}: no answer in time"


@pytest.mark.parametrize("phase", ["RCPT", "DOT"])
@pytest.mark.parametrize(
    ("said", "state", "about_us"),
    [
        ("451 4.3.0 later", DeliveryState.DEFERRED, False),
        ("550 5.1.1 unknown", DeliveryState.FAILED, False),
        ("554 never", DeliveryState.FAILED, False),
        ("554 5.7.1 relay access denied", DeliveryState.DEFERRED, True),
    ],
)
def test_a_refusal_of_the_reader_or_of_the_letter_leaves_the_connection_open(
    phase: str, said: str, state: DeliveryState, *, about_us: bool
) -> None:
    with scripted_server({phase: [said]}) as server:
        transport = SmtpTransport(_account(server.port))
        reply = transport.deliver(ANN, a_message())
        again = transport.deliver(BOB, a_message())
        transport.close()
    assert reply == Reply(state, int(said[:3]), said[4:], about_us=about_us)
    assert _fate(again) == ACCEPTED
    assert server.connections == 1
    assert server.commands.count("RSET") == 1
    assert server.accepted == ["bob@example.org"]


@pytest.mark.parametrize("said", ["451 4.7.1 too much mail", "550 5.7.1 sender not permitted"])
@pytest.mark.parametrize(("phase", "begun"), [("MAIL", False), ("DATA", True)])
def test_a_refusal_of_the_sender_is_never_the_readers_fault(
    phase: str, said: str, *, begun: bool
) -> None:
    with scripted_server({phase: [said]}) as server:
        transport = SmtpTransport(_account(server.port))
        reply = transport.deliver(ANN, a_message())
        again = transport.deliver(BOB, a_message())
        transport.close()
    assert _fate(reply) == (DeliveryState.DEFERRED, int(said[:3]), True, begun)
    assert reply.text == f"localhost:{server.port}: {said}"
    assert _fate(again) == ACCEPTED
    assert server.connections == 2


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({"GREETING": ["554 go away"]}, 554),
        ({"EHLO": ["550 who are you"]}, 550),
        ({"EHLO": ["421 too busy"]}, 421),
    ],
)
def test_a_server_that_does_not_let_us_in_is_never_the_readers_fault(
    script: dict[str, list[str]], code: int
) -> None:
    with scripted_server(script) as server:
        reply = SmtpTransport(_account(server.port)).deliver(ANN, a_message())
    assert _fate(reply) == (DeliveryState.DEFERRED, code, True, False)


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_server_that_shuts_down_puts_off_and_is_dialled_again(phase: str) -> None:
    with scripted_server({phase: ["last 421 4.3.2 shutting down"]}) as server:
        transport = SmtpTransport(_account(server.port))
        reply = transport.deliver(ANN, a_message())
        again = transport.deliver(BOB, a_message())
        transport.close()
    assert _fate(reply) == (DeliveryState.DEFERRED, 421, True, phase != "MAIL")
    assert reply.text == f"localhost:{server.port}: 421 4.3.2 shutting down"
    assert _fate(again) == ACCEPTED
    assert server.connections == 2


@pytest.mark.parametrize("action", ["close", "last 421 4.7.0 enough for one connection"])
def test_a_kept_connection_that_was_closed_is_opened_again_unnoticed(action: str) -> None:
    with scripted_server({"MAIL": ["", action]}) as server:
        transport = SmtpTransport(_account(server.port))
        fates = [_fate(transport.deliver(to, a_message())) for to in (ANN, BOB)]
        transport.close()
    assert fates == [ACCEPTED, ACCEPTED]
    assert server.connections == 2
    assert server.accepted == ["ann@example.org", "bob@example.org"]


def test_a_reset_that_fails_costs_a_connection_and_no_message() -> None:
    with scripted_server({"RCPT": ["550 no"], "RSET": ["500 what"]}) as server:
        transport = SmtpTransport(_account(server.port))
        fates = [_fate(transport.deliver(to, a_message()))[0] for to in (ANN, BOB)]
        transport.close()
    assert fates == [DeliveryState.FAILED, DeliveryState.ACCEPTED]
    assert server.connections == 2


def test_an_answer_that_is_no_smtp_is_surely_not_sent_before_the_dot_and_uncertain_after() -> None:
    with scripted_server({"RCPT": ["hello"]}) as server:
        before = SmtpTransport(_account(server.port)).deliver(ANN, a_message())
    with scripted_server({"DOT": ["hello"]}) as server:
        after = SmtpTransport(_account(server.port)).deliver(ANN, a_message())
    with scripted_server({"DOT": ["250 " + "x" * 9000]}) as server:
        endless = SmtpTransport(_account(server.port)).deliver(ANN, a_message())
    assert [_fate(reply) for reply in (before, after, endless)] == [
        SURELY_NOT_SENT,
        NOBODY_KNOWS,
        NOBODY_KNOWS,
    ]


def test_eight_bit_text_is_only_sent_to_a_server_that_takes_it() -> None:
    message = a_message("Zürich")
    with scripted_server() as server:
        transport = SmtpTransport(_account(server.port))
        assert _fate(transport.deliver(ANN, message)) == ACCEPTED
        transport.close()
        assert (
            server.commands[1] == f"MAIL FROM:<news@example.org> SIZE={len(message)} BODY=8BITMIME"
        )
    with scripted_server({"EHLO": ["250 sink.example"]}) as server:
        transport = SmtpTransport(_account(server.port))
        reply = transport.deliver(ANN, message)
        assert reply == Reply(DeliveryState.FAILED, 0, "the server takes no 8-bit message")
        assert _fate(transport.deliver(BOB, a_message())) == ACCEPTED
        transport.close()


def test_leaving_a_server_that_hangs_or_is_gone_raises_nothing() -> None:
    with scripted_server({"QUIT": ["hang"]}) as server:
        transport = SmtpTransport(_account(server.port, timeout_seconds=PATIENCE))
        transport.deliver(ANN, a_message())
        transport.close()
        transport.close()
    assert server.accepted == ["ann@example.org"]
