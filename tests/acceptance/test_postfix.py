"""A real Postfix takes our letters: a few over one connection, and a whole edition."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from digest.app import App, open_app
from digest.config import load
from digest.delivery.model import (
    Cause,
    DeliveryState,
    Ended,
    Parcel,
    Reply,
    Sent,
    SmtpAccount,
    Tally,
    Way,
)
from digest.delivery.smtp import SmtpLine
from digest.delivery.verp import read_verp
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.sources.collect import collect
from digest.workflow.advance import advance
from subscribers.model import Act
from subscribers.signup import add
from subscribers.store import recipient
from tests.acceptance.postfix_server import DATA, Postfix, find_postfix, running_postfix
from tests.unit.delivery.delivery_builders import Watch, a_message, an_envelope, attempts, rows
from tests.unit.delivery.parcel_queue import ParcelQueue

pytestmark = [
    pytest.mark.postfix,
    pytest.mark.skipif(find_postfix() is None, reason="Postfix is not installed"),
    pytest.mark.skipif(
        getattr(os, "geteuid", lambda: 1)() != 0, reason="Postfix is started by root only"
    ),
]

NOBODY_HERE = "Recipient address rejected: There is no such reader here"
BUSY = "Recipient address rejected: This mailbox is busy"


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    with running_postfix() as postfix:
        yield postfix


@pytest.fixture
def postfix(server: Postfix) -> Postfix:
    server.empty()
    return server


@pytest.fixture
def trust(server: Postfix) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.certificate))


def _account(postfix: Postfix, service: str, **changed: Any) -> SmtpAccount:
    settings: dict[str, Any] = {
        "host": "localhost",
        "tls": "none",
        "timeout_seconds": 10.0,
        "local_hostname": "desk.example",
    }
    return SmtpAccount(port=postfix.ports[service], **{**settings, **changed})


def _to(name: str) -> str:
    return f"{name}@reader.example"


def _letter(name: str, message: bytes = b"", *, at: str = "reader.example") -> Parcel:
    return Parcel(an_envelope(f"{name}@{at}"), message or a_message())


def _hand_over(
    account: SmtpAccount,
    source: ParcelQueue,
    *,
    trust: ssl.SSLContext | None = None,
    lines: int = 1,
) -> list[Ended]:
    """Run one line after the other, at most so many, while anything waits."""

    async def run() -> list[Ended]:
        ended: list[Ended] = []
        while len(ended) < lines and (source.waiting or not ended):
            ended.append(await SmtpLine(Way("relay", account), source, trust=trust).run())
        return ended

    return asyncio.run(run())


def _deliver(account: SmtpAccount, *names: str, trust: ssl.SSLContext | None = None) -> list[Reply]:
    """Hand letters over by one connection, which all of them must survive; give the answers."""
    source = ParcelQueue([_letter(name) for name in names])
    (ended,) = _hand_over(account, source, trust=trust)
    assert (ended.reply, list(source.answers)) == (None, list(names))
    return [reply for name in names for reply in source.answers[name]]


def _turned_away(account: SmtpAccount, *, trust: ssl.SSLContext | None = None) -> str:
    """Try to hand over one letter; make sure that it was not even begun, and give the reason."""
    source = ParcelQueue([_letter("ann")])
    (ended,) = _hand_over(account, source, trust=trust)
    assert ended.reply is not None
    state, cause = ended.reply.state, ended.reply.cause
    assert (state, cause, ended.accepted) == (DeliveryState.DEFERRED, Cause.AWAY, 0)
    assert (len(source.waiting), source.begun, source.answers) == (1, [], {})
    return ended.reply.text


def _split(letter: bytes) -> tuple[bytes, bytes]:
    """Split what lies in the mailbox into what Postfix put before it, and what we sent."""
    lines = letter.split(b"\n")
    received = next(n for n, line in enumerate(lines) if line.startswith(b"Received: "))
    ours = next(
        n for n, line in enumerate(lines) if n > received and not line.startswith((b" ", b"\t"))
    )
    return b"\n".join(lines[:ours]), b"\r\n".join(lines[ours:])


def _trace(letter: bytes) -> str:
    return _split(letter)[0].decode()


# Letters by one connection


@pytest.mark.parametrize("pipelining", [True, False])
def test_each_reader_gets_their_own_answer_over_one_connection(
    postfix: Postfix, *, pipelining: bool
) -> None:
    before = postfix.connections()
    names = ("ann", "refused1", "bob", "later1", "refused2", "cid")
    replies = _deliver(_account(postfix, "plain", pipelining=pipelining), *names)
    assert [(reply.state, reply.code, reply.cause) for reply in replies] == [
        (DeliveryState.ACCEPTED, 250, Cause.ACCEPTED),
        (DeliveryState.FAILED, 550, Cause.UNKNOWN_USER),
        (DeliveryState.ACCEPTED, 250, Cause.ACCEPTED),
        (DeliveryState.DEFERRED, 450, Cause.BUSY),
        (DeliveryState.FAILED, 550, Cause.UNKNOWN_USER),
        (DeliveryState.ACCEPTED, 250, Cause.ACCEPTED),
    ]
    assert replies[1].text == f"5.1.1 <{_to('refused1')}>: {NOBODY_HERE}"
    assert replies[3].text == f"4.2.1 <{_to('later1')}>: {BUSY}"
    assert replies[0].text.startswith("2.0.0 Ok: queued as ")
    assert postfix.connections() == before + 1
    arrived = "".join(_trace(letter) for letter in postfix.arrived(3))
    assert [arrived.count(f"Delivered-To: {_to(name)}\n") for name in names] == [1, 0, 1, 0, 0, 1]
    assert arrived.count("Return-Path: <news@example.org>\n") == 3


@pytest.mark.parametrize(
    "body",
    [
        "Two dots: ..\r\n and one . inside\r\n =2E begins a line",
        "x" * 998 + "\r\n" + "y" * 998,
        "  spaces around  \r\n\t\r\n\r\n\r\ntrailing \t",
        "Zürich, Łódź, 東京",
        "\x01\x7f\x0c controls",
    ],
    ids=["dots", "longest lines", "white space", "eight bits", "controls"],
)
def test_a_message_arrives_byte_for_byte(postfix: Postfix, body: str) -> None:
    message = a_message(body)
    source = ParcelQueue([_letter("ann", message)])
    assert _hand_over(_account(postfix, "plain"), source) == [Ended(None, 1)]
    (letter,) = postfix.arrived(1)
    assert _split(letter)[1] == message


def test_a_letter_refused_by_policy_after_its_last_dot_has_failed_and_the_next_one_is_taken(
    postfix: Postfix,
) -> None:
    before = postfix.connections()
    unwanted = _letter("ann", b"Subject: Cheap pills\r\n\r\nBuy.\r\n")
    source = ParcelQueue([unwanted, _letter("bob")])
    assert _hand_over(_account(postfix, "plain"), source) == [Ended(None, 1)]
    words = "5.7.1 We do not want this letter"
    assert source.answers["ann"] == [Reply(DeliveryState.FAILED, 550, words, Cause.POLICY)]
    assert source.fates["bob"] == (250, Cause.ACCEPTED)
    assert postfix.connections() == before + 1
    assert len(postfix.arrived(1)) == 1


def test_a_letter_too_large_for_the_server_is_not_even_offered(postfix: Postfix) -> None:
    large = _letter("huge", a_message("x" * 900 + "\r\n" + "y\r\n" * 150_000))
    source = ParcelQueue([large, _letter("bob")])
    assert _hand_over(_account(postfix, "plain"), source) == [Ended(None, 1)]
    words = "the message is larger than the 300000 bytes the server takes"
    assert source.answers["huge"] == [Reply(DeliveryState.FAILED, 0, words, Cause.NOT_TAKEN)]
    assert source.begun == ["bob"]
    assert len(postfix.arrived(1)) == 1


def test_a_relay_that_denies_us_is_no_readers_fault_and_sends_nothing_on(postfix: Postfix) -> None:
    source = ParcelQueue([_letter("ann", at="elsewhere.example")])
    assert _hand_over(_account(postfix, "plain"), source) == [Ended(None, 0)]
    (reply,) = source.answers["ann"]
    assert (reply.state, reply.code, reply.cause) == (DeliveryState.DEFERRED, 554, Cause.OURS)
    assert reply.text.endswith("Relay access denied")


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_long_run_of_refused_readers_makes_postfix_hang_up_and_harms_nobody(
    postfix: Postfix, *, pipelining: bool
) -> None:
    """After twenty errors in a row Postfix says 421 of its own accord and closes."""
    names = [*(f"refused{n}" for n in range(45)), "ann"]
    letters = {name: _letter(name) for name in names}
    source = ParcelQueue(list(letters.values()))

    def again(name: str, reply: Reply) -> None:
        if reply.connection_lost:
            source.waiting.insert(0, letters[name])

    source.after = again
    ended = _hand_over(_account(postfix, "stern", pipelining=pipelining), source, lines=20)
    assert 2 < len(ended) < 20
    assert source.waiting == []
    heard = {name: [reply.cause for reply in source.answers[name]] for name in names}
    lost = [cause for causes in heard.values() for cause in causes[:-1]]
    assert set(lost) <= {Cause.AWAY, Cause.CUT}
    assert heard.pop("ann")[-1] is Cause.ACCEPTED
    assert {causes[-1] for causes in heard.values()} == {Cause.UNKNOWN_USER}
    assert len(postfix.arrived(1)) == 1


def test_a_connection_closed_for_idleness_is_no_fault_and_the_next_letter_goes_by_another(
    postfix: Postfix,
) -> None:
    before = postfix.connections()
    account = _account(postfix, "impatient")
    first = ParcelQueue([_letter("ann")], stay=True)
    assert _hand_over(account, first) == [Ended(None, 1)]
    assert "timeout after" in postfix.log
    assert _hand_over(account, ParcelQueue([_letter("bob")])) == [Ended(None, 1)]
    assert postfix.connections() == before + 2
    assert len(postfix.arrived(2)) == 2


def test_a_server_that_is_down_gets_the_letter_when_it_is_up(postfix: Postfix) -> None:
    account = _account(postfix, "plain")
    postfix.stop()
    assert _turned_away(account).endswith(": Connection refused")
    postfix.start()
    (reply,) = _deliver(account, "bob")
    assert reply.state is DeliveryState.ACCEPTED
    assert len(postfix.arrived(1)) == 1


# TLS


@pytest.mark.parametrize(
    ("service", "tls"),
    [("starttls", "required"), ("starttls", "opportunistic"), ("implicit", "implicit")],
)
def test_tls_with_a_certificate_we_trust_is_used(
    postfix: Postfix, trust: ssl.SSLContext, service: str, tls: str
) -> None:
    replies = _deliver(_account(postfix, service, tls=tls), "ann", "refused", "bob", trust=trust)
    assert [reply.code for reply in replies] == [250, 550, 250]
    for letter in postfix.arrived(2):
        assert "using TLSv1.3 with cipher" in _trace(letter)
        assert _split(letter)[1] == a_message()


@pytest.mark.parametrize(("service", "tls"), [("starttls", "required"), ("implicit", "implicit")])
def test_a_certificate_nobody_vouches_for_is_refused_and_no_letter_leaves(
    postfix: Postfix, service: str, tls: str
) -> None:
    assert "certificate verify failed" in _turned_away(_account(postfix, service, tls=tls))
    assert postfix.arrived(0) == []


def test_a_certificate_of_another_name_is_refused(postfix: Postfix, trust: ssl.SSLContext) -> None:
    account = _account(postfix, "starttls", tls="required", host="127.0.0.1")
    assert "IP address mismatch" in _turned_away(account, trust=trust)


def test_opportunistic_tls_is_used_unchecked_where_it_is_offered_and_done_without_elsewhere(
    postfix: Postfix,
) -> None:
    for service in ("starttls", "plain"):
        (reply,) = _deliver(_account(postfix, service, tls="opportunistic"), service)
        assert reply.state is DeliveryState.ACCEPTED
    secured = {
        "Delivered-To: starttls@" in _trace(letter): "using TLSv1.3" in _trace(letter)
        for letter in postfix.arrived(2)
    }
    assert secured == {True: True, False: False}


def test_a_server_without_starttls_gets_nothing_where_tls_is_required(
    postfix: Postfix, trust: ssl.SSLContext
) -> None:
    words = _turned_away(_account(postfix, "plain", tls="required"), trust=trust)
    assert words.endswith("the server offers no STARTTLS, and it is required")
    assert postfix.arrived(0) == []


# A whole edition


READERS = 30
REFUSED, BUSY_ONES = (4, 17), (9, 25)


def _name(number: int) -> str:
    if number in REFUSED:
        return f"refused{number}"
    return f"later{number}" if number in BUSY_ONES else f"reader{number}"


@pytest.fixture
def clock() -> Watch:
    return Watch(datetime(2026, 1, 8, 12, tzinfo=UTC))


@pytest.fixture
def service() -> str:
    """Which of the server's ports the product is told of; a test may name another."""
    return "plain"


@pytest.fixture
def app(postfix: Postfix, service: str, tmp_path: Path, clock: Watch) -> Iterator[App]:
    text = (DATA / "digest.toml").read_text("utf-8")
    port = postfix.ports[service]
    path = tmp_path / "digest.toml"
    path.write_text(text.format(folder=tmp_path, feed=DATA / "feed.xml", port=port), "utf-8")
    opened = open_app(load(path), clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def edition(app: App, clock: Watch) -> Edition:
    """An approved edition at its hour, planned for thirty readers."""
    newsletter = app.newsroom.newsletters[0]
    for number in range(1, READERS + 1):
        add(app.database, _to(_name(number)), [newsletter.id], Act(clock(), "test"), keys=app.keys)
    clock.at = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
    (polled,) = collect(app.database, app.sources, fetcher=app.fetcher, clock=clock, force=True)
    assert (polled.problem, polled.new) == ("", 5)
    advance(app.newsroom)
    clock.at = datetime(2026, 1, 9, 7, tzinfo=UTC)
    advance(app.newsroom)
    with app.database.read() as connection:
        found = editions.find_edition(connection, newsletter)
    assert found is not None
    assert found.state is EditionState.SENDING
    return found


def _send(app: App, edition: Edition) -> Sent:
    return app.deliver(edition, progress=lambda _done: None)


def _parsed(letter: bytes) -> EmailMessage:
    return message_from_bytes(letter, policy=policy.default)


def _read(app: App, sender: str) -> tuple[int, int] | None:
    """Read what an envelope sender of ours says: edition and reader."""
    local, _, domain = sender.strip("<>").rpartition("@")
    assert (local.partition("+")[0], domain) == ("bounces", "letters.sentinel.example")
    return read_verp(local, app.newsroom.secret)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_an_edition_reaches_every_mailbox_that_takes_it_and_the_ledger_is_true(
    postfix: Postfix, app: App, edition: Edition
) -> None:
    before = postfix.connections()
    assert _send(app, edition) == Sent(accepted=26, deferred=2, failed=2)
    assert app.tally(edition) == Tally(accepted=26, deferred=2, failed=2)
    assert before < postfix.connections() <= before + app.settings.mail.connections
    letters = [_parsed(letter) for letter in postfix.arrived(26)]
    expected = sorted(_to(_name(n)) for n in range(1, 31) if n not in REFUSED + BUSY_ONES)
    assert sorted(letter["Delivered-To"] for letter in letters) == expected
    assert sorted(letter["To"] for letter in letters) == expected
    told = {_read(app, letter["Return-Path"]): letter["Delivered-To"] for letter in letters}
    numbers = [n for n in range(1, READERS + 1) if n not in REFUSED + BUSY_ONES]
    assert told == {(edition.id, n): _to(_name(n)) for n in numbers}
    leave = [letter["List-Unsubscribe"] for letter in letters]
    assert len(set(leave)) == 26
    for letter, way_out in zip(letters, leave, strict=True):
        assert way_out.startswith("<https://letters.sentinel.example/u/")
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        for kind in ("plain", "html"):
            words = _part(letter, kind)
            assert way_out.strip("<>") in words
            assert letter["Delivered-To"] in words
        assert letter.defects == []


def test_what_arrives_is_to_the_byte_what_was_approved_and_made(
    postfix: Postfix, app: App, edition: Edition
) -> None:
    _send(app, edition)
    arrived = {_split(letter)[1] for letter in postfix.arrived(26)}
    with app.database.read() as connection:
        readers = [
            found
            for n in range(1, READERS + 1)
            if (found := recipient(connection, n, edition.newsletter_id))
        ]
    wire = app.mailer.wire_for(edition.id)
    made = {wire.message(app.mailer.values_for(edition, reader)[1]) for reader in readers}
    assert len(made) == READERS
    assert len(arrived) == 26
    assert arrived < made


def test_odd_lines_of_stories_come_out_of_the_mailbox_as_they_were_written(
    postfix: Postfix, app: App, edition: Edition
) -> None:
    _send(app, edition)
    letter = _parsed(postfix.arrived(26)[0])
    text = " ".join(_part(letter, "plain").split())
    for words in (
        ".marsh, the village’s own web address, goes on sale",
        "…and so begins the shortest auction in the parish’s history.",
        "From the mill to the market: bread at five in the morning",
        "Zoë Brücke and Łukasz Żak knead “by hand” – 300 loaves a night.",
        "Forty voices = one bus, and the vicar asks for help with the parking.",
        "高潮 warning: spring tide will cover the lower path",
    ):
        assert words.casefold() in text.casefold()


def test_the_servers_words_are_kept_with_the_reader_and_no_address_is_logged(
    app: App, edition: Edition, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    _send(app, edition)
    states = rows(app.database, edition)
    refused = ("failed", 550, "unknown address")
    put_off = ("deferred", 450, "put off by the server")
    assert {n: state for n, state in states.items() if state[0] != "accepted"} == {
        4: refused,
        9: put_off,
        17: refused,
        25: put_off,
    }
    assert attempts(app.database) == [
        (4, 1, "failed", 550, f"5.1.1 <{_to('refused4')}>: {NOBODY_HERE}"),
        (9, 1, "deferred", 450, f"4.2.1 <{_to('later9')}>: {BUSY}"),
        (17, 1, "failed", 550, f"5.1.1 <{_to('refused17')}>: {NOBODY_HERE}"),
        (25, 1, "deferred", 450, f"4.2.1 <{_to('later25')}>: {BUSY}"),
    ]
    logged = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "@reader.example" not in logged


def test_readers_put_off_get_their_one_copy_later_and_only_then_is_it_sent(
    postfix: Postfix, app: App, edition: Edition, clock: Watch
) -> None:
    kept = (DATA / "recipients").read_text("utf-8")
    _send(app, edition)
    assert _send(app, edition) == Sent()
    assert _state(app, edition) is EditionState.SENDING
    postfix.treat("".join(line + "\n" for line in kept.splitlines() if "later" not in line))
    try:
        clock.move(minutes=2)
        assert _send(app, edition) == Sent(accepted=2, finished=(edition.id,))
    finally:
        postfix.treat(kept)
    assert app.tally(edition) == Tally(accepted=28, failed=2)
    assert _state(app, edition) is EditionState.SENT
    clock.move(days=1)
    assert _send(app, edition) == Sent()
    delivered = sorted(_parsed(letter)["Delivered-To"] for letter in postfix.arrived(28))
    assert delivered == sorted(_to(_name(n)) for n in range(1, 31) if n not in REFUSED)


def _state(app: App, edition: Edition) -> EditionState:
    with app.database.read() as connection:
        return editions.edition_by_id(connection, edition.id).state


def test_a_letter_that_comes_back_says_whose_it_was(
    postfix: Postfix, app: App, edition: Edition
) -> None:
    """Postfix takes it, finds nobody, and writes to the envelope sender of its own accord."""
    with app.database.read() as connection:
        reader = recipient(connection, 3, edition.newsletter_id)
    assert reader is not None
    envelope, values = app.mailer.values_for(edition, reader)
    message = app.mailer.wire_for(edition.id).message(values)
    gone = replace(envelope, recipient=_to("gone"))
    source = ParcelQueue([Parcel(gone, message)])
    assert _hand_over(_account(postfix, "plain"), source) == [Ended(None, 1)]
    (bounce,) = map(_parsed, postfix.arrived(1))
    assert (bounce["Return-Path"], bounce.get_content_type()) == ("<>", "multipart/report")
    assert _read(app, bounce["Delivered-To"]) == (edition.id, 3)


@pytest.mark.parametrize("service", ["hurried"])
def test_a_server_that_takes_fifteen_letters_at_a_time_gets_them_all_and_loses_none(
    postfix: Postfix, app: App, edition: Edition, clock: Watch
) -> None:
    first = _send(app, edition)
    assert 0 < first.accepted < 26
    assert any("too much mail" in reply for *_, reply in attempts(app.database))
    patience_ends = time.monotonic() + 60  # ten seconds of them it is left alone
    while app.tally(edition).accepted < 26 and time.monotonic() < patience_ends:
        time.sleep(0.3)
        clock.move(minutes=5)
        _send(app, edition)
    assert app.tally(edition) == Tally(accepted=26, deferred=2, failed=2)
    delivered = [_parsed(letter)["Delivered-To"] for letter in postfix.arrived(26)]
    assert len(set(delivered)) == len(delivered) == 26
