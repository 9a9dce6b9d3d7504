from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.mailto import Wanted, Wish, mailto, read_wish
from subscribers.tokens import Grant, Key, KeyRing, Purpose

RING = KeyRing((Key(1, b"k" * 32),))
TOKEN = RING.sign(Purpose.UNSUBSCRIBE, Grant("ab" * 12, (1,)))
OTHER = RING.sign(Purpose.UNSUBSCRIBE, Grant("cd" * 12, (1, 300)))
MARIA = "maria@reader.example.org"


def a_mail(subject: str | None = f"unsubscribe {TOKEN}", *more: str, body: str = "") -> bytes:
    fields = [f"From: Maria <{MARIA}>", "To: leave@letters.post.example", *more]
    if subject is not None:
        fields.append(f"Subject: {subject}")
    return "\r\n".join([*fields, "", body]).encode("utf-8", "surrogateescape")


def encoded(text: str, charset: str = "utf-8", kind: str = "b") -> str:
    octets = text.encode(charset)
    if kind == "b":
        return f"=?{charset}?b?{base64.b64encode(octets).decode()}?="
    return f"=?{charset}?q?" + "".join(f"={octet:02X}" for octet in octets) + "?="


def leaves(message: bytes, *tokens: str) -> None:
    assert read_wish(message) == Wanted(Wish.LEAVE, tokens or (TOKEN,), MARIA)


def test_the_link_in_the_header_is_read_back() -> None:
    link = mailto("leave+out@letters.post.example", TOKEN)
    assert link == f"mailto:leave%2Bout@letters.post.example?subject=unsubscribe%20{TOKEN}"
    leaves(a_mail(link.partition("subject=")[2]))


@pytest.mark.parametrize(
    "subject",
    [
        f"unsubscribe {TOKEN}",
        f"Re: unsubscribe {TOKEN}",
        f"AW: Re: Fwd:  UNSUBSCRIBE\t {TOKEN}  ",
        f"unsubscribe%20{TOKEN}",
        f"unsubscribe: <{TOKEN}>.",
        f"désabonner {TOKEN}",
        f"إلغاء الاشتراك {TOKEN}",
        TOKEN,
        f"unsubscribe\r\n {TOKEN}",
        f"[EXTERNAL] Re:\r\n\tunsubscribe\r\n {TOKEN}\r\n (sent from my phone)",
        encoded(f"unsubscribe {TOKEN}"),
        encoded(f"unsubscribe {TOKEN}", kind="q"),
        encoded(f"Désabonner {TOKEN}", "iso-8859-1", "q"),
        f"{encoded('unsubscribe ' + TOKEN[:20])}\r\n {encoded(TOKEN[20:])}",
        f"=?utf-8?q?unsubscribe_?= {TOKEN}",
    ],
)
def test_a_token_in_the_subject_is_found_however_it_is_written(subject: str) -> None:
    leaves(a_mail(subject))


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_mail_with_other_line_ends_is_read(end: str) -> None:
    leaves(a_mail().replace(b"\r\n", end.encode()))


def test_a_mail_out_of_an_mbox_file_is_read() -> None:
    leaves(b"From maria@reader.example.org Fri Jan  9 12:00:00 2026\n" + a_mail())


def test_several_tokens_count_each_once_and_no_more_than_five() -> None:
    leaves(a_mail(f"unsubscribe {TOKEN} {OTHER} {TOKEN}"), TOKEN, OTHER)
    many = " ".join(f"{n}{TOKEN[1:]}" for n in range(9))
    assert len(read_wish(a_mail(many)).tokens) == 5


def test_a_letter_that_is_quoted_or_forwarded_gives_away_no_link_of_its_reader() -> None:
    body = f"> https://letters.post.example/u/{OTHER}\r\nSubject: unsubscribe {OTHER}\r\n"
    assert read_wish(a_mail("Please stop", body=body)) == Wanted(Wish.ASK, sender=MARIA)
    leaves(a_mail(body=body))


@pytest.mark.parametrize("subject", [None, "", "unsubscribe", "unsubscribe me!", "x" * 5000])
def test_without_a_token_the_owner_of_the_address_is_asked(subject: str | None) -> None:
    assert read_wish(a_mail(subject)) == Wanted(Wish.ASK, sender=MARIA)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("Return-Path: <>", "a bounce"),
        ("Content-Type: multipart/report; report-type=delivery-status", "a report"),
        ("Auto-Submitted: auto-replied", "an automatic reply"),
        ("auto-submitted:  Auto-Replied (vacation); owner=x", "an automatic reply"),
        ("Auto-Submitted: auto-notified", "an automatic reply"),
        ("X-Autoreply: yes", "an automatic reply"),
        ("Precedence: bulk", "from a list"),
        ("Precedence: AUTO_REPLY", "from a list"),
        ("List-Id: <talk.reader.example>", "from a list"),
    ],
)
def test_what_answers_by_itself_ends_nothing_even_with_a_token(field: str, reason: str) -> None:
    expected = Wanted(Wish.NONE, reason=reason)
    assert read_wish(a_mail(f"unsubscribe {TOKEN}", field)) == expected
    assert read_wish(a_mail("unsubscribe", field)) == expected


@pytest.mark.parametrize("field", ["Auto-Submitted: auto-generated", "Auto-Submitted: odd"])
def test_a_mail_program_may_press_the_link_but_is_never_answered(field: str) -> None:
    pressed = read_wish(a_mail(f"unsubscribe {TOKEN}", field))
    assert pressed == Wanted(Wish.LEAVE, (TOKEN,))
    assert read_wish(a_mail("unsubscribe", field)) == Wanted(
        Wish.NONE, reason="written by a machine"
    )
    assert read_wish(a_mail("unsubscribe", "Auto-Submitted: no")).wish is Wish.ASK


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "From: \r\n",
        "From: maria\r\n",
        "From: <maria@reader.example.org>, <bob@reader.example.org>\r\n",
        "From: maria@reader.example.org)bob@reader.example.org\r\n",
        "From: maria@reader.example.org\r\nFrom: bob@reader.example.org\r\n",
        "From: MAILER-DAEMON@reader.example.org\r\n",
        "From: No-Reply@reader.example.org\r\n",
        "From: <maria@reader.example.org\x00>\r\n",
        "From: =?utf-8?q?maria=40reader.example.org=0D=0ABcc=3A_evil=40x.example?=\r\n",
    ],
)
def test_nobody_is_answered_but_one_plain_sender(sender: str) -> None:
    found = read_wish(f"{sender}Subject: unsubscribe\r\n\r\n".encode())
    assert (found.wish, found.sender) == (Wish.NONE, "")


def test_a_wrong_encoding_is_left_as_it_is() -> None:
    for subject in ("=?x-unknown?b?YWJj?=", "=?utf-8?b?!!!?=", "=?rot13?q?abc?=", "=?utf-8?q??="):
        assert read_wish(a_mail(subject)) == Wanted(Wish.ASK, sender=MARIA)
    leaves(a_mail(f"=?x-unknown?b?YWJj?= {TOKEN}"))


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\r\n\r\n",
        b"A" * 10_000_000,
        b"Subject:" + b" =?utf-8?q?" * 900_000,
        b"Subject: " + b"=?" * 5_000_000,
        b"Subject: x\r\n" + b" folded\r\n" * 1_000_000,
        b"".join(b"X-%d: y\r\n" % n for n in range(700_000)),
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n" * 2_000_000,
        b"Subject: " + b"\xff\x00\r\n \x1b" * 1_000_000,
        b"From: " + b"<" * 10_000_000,
        b"From: " + b"(" * 60_000 + b"\r\n\r\n",
    ],
)
def test_a_hostile_mail_of_ten_megabytes_is_over_at_once_and_wants_nothing(mail: bytes) -> None:
    begun = time.perf_counter()
    assert read_wish(mail).wish is Wish.NONE
    assert time.perf_counter() - begun < 1.0


@given(st.binary(max_size=300))
def test_any_bytes_are_read(mail: bytes) -> None:
    assert read_wish(mail + b"\r\n\r\n").tokens == ()


@given(st.text(max_size=60))
def test_any_subject_is_read_and_ends_nothing(subject: str) -> None:
    mail = a_mail(subject.encode("utf-8", "replace").decode().replace("\r", "").replace("\n", ""))
    assert read_wish(mail).wish in {Wish.ASK, Wish.LEAVE}
