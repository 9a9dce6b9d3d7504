from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.model import Cause, DeliveryState, Reply
from digest.delivery.replies import Phase, read_reply, without_addresses

# Written after the shapes real servers use: their codes, our wording. The phase is RCPT unless
# the row names another.
GREETING, EHLO, TLS, AUTH, MAIL, RCPT, DATA, DOT = Phase

SHAPES: dict[tuple[Cause, Phase], list[str]] = {
    (Cause.ACCEPTED, DOT): [
        "250 2.0.0 Ok: queued as 4F2C61A0B",
        "250 2.0.0 OK  1767949200 a640c23a62f3a-b2 - gsmtp",
        "250 OK id=1vabcD-000001-2X",
        "250 ok 1767949200 qp 4711",
        "250 2.6.0 <m1> [InternalId=8] Queued mail for delivery",
        "251 user not local; will forward",
    ],
    (Cause.UNKNOWN_USER, RCPT): [
        "550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown",
        "550-5.1.1 The account you tried to reach does not exist.\n5.1.1 Check for typing errors",
        "550 5.1.6 recipient no longer on server",
        "556 5.1.10 the domain has a null MX",
        "550 5.5.0 Requested action not taken: mailbox unavailable (S2017)",
        "550 Requested action not taken: mailbox unavailable",
        "550 sorry, no mailbox here by that name. (#5.1.1 - chkuser)",
        "550 No such user here",
        "550 no such person at this address",
        "550 Unrouteable address",
        "550 Unknown local-part in our domain",
        "550 #5.1.0 Address rejected: no such recipient",
        "550 Invalid recipient (#5.1.1)",
        "551 user not local",
        "553 5.3.0 Addressee unknown",
        "550 5.1.1 unknown or illegal alias: eve",
        "550 5.1.1 no such user. Blocked lists are not the cause.",
    ],
    (Cause.UNKNOWN_USER, DOT): [
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP lookup",
        "554 delivery error: dd This user doesn't have a ymail.example account [0]",
        "554 5.1.1 mailbox not found",
    ],
    (Cause.TOO_FAST, RCPT): [
        "451 4.7.500 Server busy. Please try again later from [192.0.2.1].",
        "450 4.2.1 The user is receiving mail at a rate that prevents more",
        "452 4.5.3 Too many recipients this hour",
        "421 4.7.0 too many concurrent sessions",
        "451 you are rate limited",
    ],
    (Cause.POLICY, RCPT): [
        "550 5.7.1 our users mark your letters as spam; unknown user rate too high",
        "550 5.7.1 blocked: too often written to unknown users",
        "554 rejected for policy: many of your recipients are unknown users",
        "550 5.1.1 blocked by the recipient's spam list",
        "550 5.7.1 <user.unknown@example.org> not wanted",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list",
        "550 Administrative prohibition - envelope blocked",
        "554 Blocked - see the look-up page",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "450 4.7.1 Client host rejected: cannot find your reverse hostname",
        "550 rejected because 192.0.2.1 is in a black list",
    ],
    (Cause.REFUSED, RCPT): [
        "550 5.4.1 Recipient address rejected: Access denied. AS(2018)",
        "554 never",
        "550 5.2.1 This account is disabled",
        "550 5.1.2 host unknown",
        "501 5.1.3 bad recipient address syntax",
    ],
    (Cause.BUSY, RCPT): [
        "450 4.1.1 <ann@example.org>: Recipient address rejected: User unknown",
        "450 4.2.1 This mailbox is busy",
        "450 4.1.8 Sender address: Domain not found",
        "451 4.4.3 Internal resources are temporarily unavailable",
    ],
    (Cause.MAILBOX_FULL, RCPT): [
        "452 4.2.2 The account you tried to reach is over quota",
        "552 5.2.2 The recipient's inbox is out of storage space",
        "422 user over quota",
        "452 Mailbox full",
        "552 Requested mail action aborted: exceeded storage allocation",
        "552 sorry",
    ],
    (Cause.MAILBOX_FULL, DOT): [
        "550 5.2.2 mailbox is full",
        "554 5.2.2 mailbox full; STOREDRV, quota exceeded",
        "451 mailbox of this user exceeded its quota",
    ],
    (Cause.GREYLISTED, RCPT): [
        "450 4.2.0 <ann@example.org>: Recipient address rejected: Greylisted",
        "451 4.7.1 Greylisting in action, please come back in 00:05:00",
        "450 4.7.1 Graylisted, see postgrey help",
        "451 4.7.1 Please try again later",
    ],
    (Cause.GREYLISTED, DOT): [
        "451 grey-listed, try again",
    ],
    (Cause.GREYLISTED, MAIL): [
        "421 4.7.1 grey listing",
    ],
    (Cause.TOO_FAST, DOT): [
        "421-4.7.28 Unusual amount of mail from your network.\n4.7.28 Slow please",
        "421 4.7.0 unusual rate of unsolicited mail from your address",
        "432 4.3.2 STOREDRV; recipient thread limit exceeded",
        "454 Throttling failure: Maximum sending rate exceeded.",
        "550 5.7.1 message rate limit hit",
    ],
    (Cause.TOO_FAST, MAIL): [
        "451 4.7.650 The mail server [192.0.2.1] has been limited for its reputation",
        "450 4.7.1 Error: too much mail from 192.0.2.1",
    ],
    (Cause.POLICY, DOT): [
        "550-5.7.26 Unauthenticated mail is not accepted: DMARC\n5.7.26 must authenticate by SPF",
        "550 5.7.515 Access denied, the domain does not meet the required level",
        "554 Message looks like spam",
        "554 Email rejected due to security policies",
        "554 5.7.1 [CS01] Message rejected due to local policy.",
        "552 5.7.0 its content presents a security issue",
        "571 5.7.1 refused",
        "550 5.7.25 no PTR record for the sending address",
        "554 5.7.1 relaying denied",
    ],
    (Cause.NOT_TAKEN, MAIL): [
        "552 5.3.4 Message size exceeds fixed limit",
        "555 5.5.4 Unsupported option: SMTPUTF8",
        "501 5.5.4 unsupported option BODY=8BITMIME",
    ],
    (Cause.NOT_TAKEN, DOT): [
        "552 message too large",
        "552 5.2.3 longer than this mailbox takes",
        "554 5.6.1 media type not supported",
        "554 5.6.3 conversion required but not possible",
    ],
    (Cause.NOT_TAKEN, RCPT): [
        "553 5.6.7 the address needs SMTPUTF8",
    ],
    (Cause.OURS, MAIL): [
        "530 5.7.0 Must issue a STARTTLS command first",
        "530 5.7.57 Client not authenticated to send mail",
        "553 5.1.7 bad address syntax",
        "550 5.7.1 sender not permitted",
        "550 no",
    ],
    (Cause.OURS, AUTH): [
        "535 5.7.8 Username and password not accepted",
        "534 5.7.9 a stronger mechanism is needed",
        "538 5.7.11 encryption required",
        "432 4.7.12 a password transition is needed",
        "504 5.5.4 unrecognized mechanism",
    ],
    (Cause.OURS, RCPT): [
        "503 5.5.1 authentication required",
        "554 5.7.1 <ann@example.org>: Relay access denied",
        "454 4.7.1 <ann@example.org>: Relay access denied",
        "550 relay not permitted",
        "550 5.7.54 Unable to relay recipient in non-accepted domain",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user news",
        "503 5.5.1 bad sequence of commands",
    ],
    (Cause.OURS, DOT): [
        "550 5.7.60 Client does not have permissions to send as this sender",
        "554 Message rejected: Email address is not verified. See the console",
        "550 5.1.8 Access denied, bad outbound sender",
        "550 5.4.5 Daily user sending limit exceeded",
    ],
    (Cause.OURS, EHLO): [
        "550 who are you",
    ],
    (Cause.OURS, DATA): [
        "502 5.5.2 command not recognised",
    ],
    (Cause.AWAY, GREETING): [
        "554 5.7.1 no service for you",
        "421 4.3.2 too many connections",
    ],
    (Cause.AWAY, EHLO): [
        "421 too busy",
    ],
    (Cause.AWAY, TLS): [
        "454 4.7.0 TLS not available",
        "502 5.5.1 no TLS here",
    ],
    (Cause.AWAY, AUTH): [
        "454 4.7.0 temporary authentication failure",
    ],
    (Cause.AWAY, MAIL): [
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume",
        "421 4.3.2 shutting down",
        "421 4.7.0 too many messages in this connection",
    ],
    (Cause.CUT, RCPT): [
        "421 4.7.0 Error: too many errors",
    ],
    (Cause.CUT, DOT): [
        "421 4.4.2 time-out",
    ],
    (Cause.BUSY, DOT): [
        "451 4.3.0 local error",
    ],
    (Cause.BUSY, MAIL): [
        "452 4.3.1 Insufficient system storage",
    ],
    (Cause.REFUSED, DOT): [
        "554 5.0.0 transaction failed",
        "500 5.5.2 line too long",
    ],
}


def _read(reply: str, phase: Phase) -> Reply:
    return read_reply(int(reply[:3]), reply[4:], phase)


def _expected_state(code: int, cause: Cause) -> DeliveryState:
    if cause is Cause.ACCEPTED:
        return DeliveryState.ACCEPTED
    nobodys = cause in {Cause.OURS, Cause.AWAY, Cause.CUT}
    return DeliveryState.DEFERRED if nobodys or code < 500 else DeliveryState.FAILED


@pytest.mark.parametrize(
    ("reply", "phase", "cause"),
    [(reply, phase, cause) for (cause, phase), replies in SHAPES.items() for reply in replies],
)
def test_what_servers_say_is_understood(reply: str, phase: Phase, cause: Cause) -> None:
    read = _read(reply, phase)
    code = int(reply[:3])
    assert (read.state, read.code, read.cause) == (_expected_state(code, cause), code, cause)


def test_the_table_has_a_shape_for_every_cause_but_those_no_server_can_say() -> None:
    said = {cause for cause, _ in SHAPES}
    assert set(Cause) - said == {Cause.UNANSWERED}
    assert sum(map(len, SHAPES.values())) > 100


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 Greylisted for 5 minutes", 300),
        ("4.2.0 Greylisted, try again in 300 seconds", 300),
        ("4.7.1 too fast; retry after 60s", 60),
        ("4.7.1 Greylisting in action, please come back in 00:05:10", 310),
        ("please wait 2 hours", 7200),
        ("try again in 1 min", 60),
        ("retry in 90 sec.", 90),
        ("delayed for 0 seconds", 1),
        ("try again in 900 hours", 86400),
        ("try again in 999999999 h", 86400),
        ("try again later", None),
        ("more than 100 messages in 60 seconds", None),
        ("try again, error 77123", None),
        ("try again in 5 moons", None),
        ("4.2.0 later, see the page of 2026", None),
    ],
)
def test_a_server_may_say_how_long_to_wait(text: str, seconds: int | None) -> None:
    wait = None if seconds is None else timedelta(seconds=seconds)
    assert read_reply(450, text, RCPT).wait == wait


def test_what_failed_is_not_waited_for() -> None:
    assert read_reply(550, "5.1.1 no such user, retry after 60s", RCPT).wait is None


def test_the_words_become_one_printable_line_with_the_status_told_once() -> None:
    told = "5.1.1 No such user.\n5.1.1 See\tour\x1b[31m page\u202e.\n5.1.2 end"
    assert read_reply(550, told, RCPT).text == "5.1.1 No such user. See our?[31m page?. 5.1.2 end"


def test_endless_words_are_cut() -> None:
    assert len(read_reply(550, "no " * 9000, RCPT).text) == 500


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("5.1.1.7 is where you come from", Cause.REFUSED),
        ("[4.5.1.1] [5.1.1.1] no", Cause.REFUSED),
        ("v5.1.1 of our server says no", Cause.REFUSED),
        ("4.7.1 of another class", Cause.POLICY),
        ("no (5.1.1)", Cause.UNKNOWN_USER),
        ("no, #5.1.1", Cause.UNKNOWN_USER),
    ],
)
def test_a_status_code_is_told_from_an_address_or_a_version(text: str, cause: Cause) -> None:
    assert read_reply(550, text, RCPT).cause is cause


@pytest.mark.parametrize(
    ("code", "phase", "state", "cause"),
    [
        (354, DOT, DeliveryState.UNCERTAIN, Cause.UNANSWERED),
        (0, DOT, DeliveryState.UNCERTAIN, Cause.UNANSWERED),
        (250, DATA, DeliveryState.DEFERRED, Cause.CUT),
        (354, MAIL, DeliveryState.DEFERRED, Cause.AWAY),
    ],
)
def test_an_answer_to_something_else_leaves_a_doubt_only_after_the_dot(
    code: int, phase: Phase, state: DeliveryState, cause: Cause
) -> None:
    assert read_reply(code, "what", phase) == Reply(state, code, "what", cause)


def test_addresses_are_taken_out_of_what_is_logged() -> None:
    told = "4.7.1 <ann@example.org>: no, zoë@exämple.org, ask post@example.org."
    assert without_addresses(told) == "4.7.1 <address>: no, <address> ask <address>"


PHASES = st.sampled_from(list(Phase))
ANY_TEXT = st.text() | st.lists(
    st.sampled_from(
        [
            "5.1.1",
            "4.7.1",
            "5.7.1",
            "2.0.0",
            "user",
            "unknown",
            "no",
            "such",
            "mailbox",
            "full",
            "spam",
            "blocked",
            "rate",
            "limit",
            "exceeded",
            "too",
            "many",
            "relay",
            "denied",
            "greylisted",
            "try",
            "again",
            "in",
            "300",
            "seconds",
            "ann@example.org",
            "\n",
            "quota",
        ]
    )
).map(" ".join)


@given(st.integers(), ANY_TEXT, PHASES)
def test_any_code_gives_an_answer(code: int, text: str, phase: Phase) -> None:
    reply = read_reply(code, text, phase)
    assert (reply.state is DeliveryState.ACCEPTED) == (phase is DOT and 200 <= code < 300)
    assert (reply.state is DeliveryState.ACCEPTED) == (reply.cause is Cause.ACCEPTED)


@given(st.integers(400, 599), ANY_TEXT, PHASES)
def test_a_refusal_leads_to_one_of_two_states(code: int, text: str, phase: Phase) -> None:
    reply = read_reply(code, text, phase)
    assert reply.state is _expected_state(code, reply.cause)
    assert reply.code == code
    assert len(reply.text) <= 500
    assert reply.text.isprintable()
    if reply.wait is not None:
        assert reply.state is DeliveryState.DEFERRED
        assert timedelta(seconds=1) <= reply.wait <= timedelta(days=1)


@given(st.integers(500, 599), ANY_TEXT)
def test_what_is_refused_before_a_reader_is_named_marks_nobody_but_by_size(
    code: int, text: str
) -> None:
    reply = read_reply(code, text, MAIL)
    assert reply.cause in {Cause.OURS, Cause.NOT_TAKEN}


@given(st.integers(400, 499), ANY_TEXT, PHASES)
def test_nobody_is_taken_for_gone_by_a_temporary_refusal(
    code: int, text: str, phase: Phase
) -> None:
    assert read_reply(code, text, phase).cause is not Cause.UNKNOWN_USER


@given(ANY_TEXT, PHASES)
def test_421_tells_that_the_connection_goes(text: str, phase: Phase) -> None:
    reply = read_reply(421, text, phase)
    assert (reply.state, reply.code) == (DeliveryState.DEFERRED, 421)
    a_better_word = {
        *(Cause.TOO_FAST, Cause.GREYLISTED, Cause.POLICY, Cause.MAILBOX_FULL, Cause.OURS),
    }
    assert reply.connection_lost or reply.cause in a_better_word
