"""The strict reader finds each fault it names: one bad message for every rule."""

from __future__ import annotations

import pytest

from digest.composition.message import build_notice
from digest.composition.wire import EditionWire
from tests.mail_strictness import faults_of
from tests.unit.composition.wire_builders import HEADERS, SENT_AT, a_composition, values

LETTER = EditionWire(
    a_composition(html="<p>Zoë, good morning.</p>\n", text="Good morning.\n", content_hash="0"),
    HEADERS,
).message(values())
TEXT_LETTER = EditionWire(
    a_composition(text="Good morning,\nZoë.\n", content_hash="0"), HEADERS
).message(values(text_only=True))
NOTICE = build_notice(
    sender="Harbour Post <news@letters.harbourpost.example>",
    to="maria@example.org",
    reply_to="",
    subject="Please confirm",
    text="Follow the link.\n",
    html="",
    message_id="<e0.s1.0011223344556677@letters.harbourpost.example>",
    sent_at=SENT_AT,
)
BOUNDARY = LETTER.partition(b'boundary="')[2].partition(b'"')[0]


def changed(old: bytes, new: bytes, message: bytes = LETTER) -> list[str]:
    assert old in message
    return faults_of(message.replace(old, new, 1))


def with_field(line: bytes, message: bytes = LETTER) -> list[str]:
    return faults_of(line + b"\r\n" + message)


def with_subject(value: bytes) -> list[str]:
    return changed(b"Subject: The ferry sails again", b"Subject: " + value)


def with_from(value: bytes) -> list[str]:
    return changed(b"From: Harbour Post <news@letters.harbourpost.example>", b"From: " + value)


@pytest.mark.parametrize("message", [LETTER, TEXT_LETTER, NOTICE])
def test_what_we_send_has_no_fault(message: bytes) -> None:
    assert faults_of(message) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"Good morning.", b"Good\nmorning.", "a bare LF"),
        (b"Good morning.", b"Good\rmorning.", "a bare CR"),
        (b"Good morning.", b"Good\0morning.", "a NUL"),
        (b"Good morning.", b"Good morning." + b"x" * 990, "a line over 998 octets"),
        (b"\r\nTo: ", b"\r\nTo\r\n: ", "a header line that is no field: 'To'"),
        (b"To: maria@example.org\r\n", b"", "To: is missing"),
        (b"Date: Fri, 09 Jan", b"X-Date: Fri, 09 Jan", "Date: is missing"),
        (b"To: maria", b"To: m\xc3\x80ria", ""),
        (b"To: maria", b"To: m\xc3ria", "the header is no UTF-8"),
        (b"List-Id: The", b"List-Id: Th\xc3\xa9", "List-Id: 8-bit where none is declared"),
        (b"The Morning Post <", b"The Morning Post \r\n <", "List-Id: white space at a line's end"),
        (b"Precedence: bulk", b"Precedence:\r\n \r\n bulk", "Precedence: folded to an empty line"),
        (b"The Morning Post", b"The\tMorning Post", "List-Id: a control character"),
        (b"Subject: The ferry sails again", b"Subject:", "Subject: empty"),
        (b"09 Jan 2026 07", b"9 January 2026 07", "Date: not of its form"),
        (b"07:00:00 +0000", b"07:00:00 GMT", "Date: not of its form"),
        (b"<e7.s1", b"<e7 s1", "Message-ID: not of its form"),
        (b"<e7.s1", b"<<e7.s1", "Message-ID: not of its form"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1", "MIME-Version: not of its form"),
        (b"Reply-To: ", b"Reply-To: a@b.example, ", "Reply-To: not of its form"),
        (b"To: maria@", b"To: a@b.example)maria@", "To: not of its form"),
        (b"<daily.", b"<daily", ""),
        (b"<daily.", b"<daily ", "List-Id: not of its form"),
        (b"<https://letters", b"<https://let ters", "List-Unsubscribe: not of its form"),
        (b"<https://letters", b"< https://letters", "List-Unsubscribe: not of its form"),
        (b"<https://letters", b"<http://letters", "List-Unsubscribe: not of its form"),
        (b"<mailto:", b"<https:", "List-Unsubscribe: not of its form"),
        (b"=One-Click", b"=Two-Clicks", "List-Unsubscribe-Post: not of its form"),
        (b"Precedence: bulk", b"Precedence: first-class", "Precedence: not of its form"),
        (b"Precedence: bulk\r\n", b"", "Precedence: is missing"),
        (b"List-Unsubscribe: ", b"X-Out: ", "List-Unsubscribe: is missing"),
        (b"List-Unsubscribe-Post: ", b"X-Post: ", "List-Unsubscribe-Post: is missing"),
    ],
)
def test_a_fault_of_lines_and_fields_is_named(old: bytes, new: bytes, fault: str) -> None:
    found = changed(old, new)
    assert fault in found if fault else found == []


def test_a_message_that_breaks_off_is_told() -> None:
    assert faults_of(LETTER[:-2]) == ["the last line has no end", "body: words after the last part"]
    assert faults_of(b"Subject: x\r\n") == ["there is no blank line after the header"]


@pytest.mark.parametrize(
    "name",
    ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Unsubscribe", "Reply-To"],
)
def test_a_field_that_may_stand_once_stands_once(name: str) -> None:
    line = next(line for line in LETTER.split(b"\r\n") if line.startswith(name.encode() + b":"))
    assert f"{name.lower()}: stands 2 times" in with_field(line)


def test_nobody_is_copied_unseen() -> None:
    assert with_field(b"Bcc: a@b.example") == ["bcc: every reader sees it"]


def test_a_notice_says_that_it_is_automatic() -> None:
    words = "neither a letter to many nor one that says it is automatic"
    assert changed(b"Auto-Submitted: auto-generated\r\n", b"", NOTICE) == [words]
    faults = changed(b"auto-generated", b"no", NOTICE)
    assert faults == ["Auto-Submitted: not of its form"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (b"=?utf-8?q?Fr=C3=BCh?=\r\n =?utf-8?b?5LqM?=", ""),
        (b"word " * 20 + b"end", "Subject: a line over 78 octets that could be folded"),
        (b"x" * 90, ""),
        (b"a =?utf-8?q?b?=c", "apart"),
        (b"=?utf-8?q?a b?=", "apart"),
        (b"=?utf-8?x?ab?=", "apart"),
        (b"=?utf-8?q?=C3?=", "cannot be decoded by itself"),
        (b"=?utf-8?b?5L!M?=", "cannot be decoded by itself"),
        (b"=?koi-99?q?a?=", "cannot be decoded by itself"),
        (b"=?utf-8?q?=4?=", "cannot be decoded by itself"),
        (b"=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=", "a control character within an encoded-word"),
        (b"=?utf-8?q?" + b"a" * 70 + b"?=", "a line with an encoded-word over 76 octets"),
        (b"\r\n =?utf-8?q?" + b"a" * 64 + b"?=", "an encoded-word over 75 octets"),
    ],
)
def test_a_fault_of_an_encoded_word_is_named(value: bytes, fault: str) -> None:
    found = with_subject(value)
    assert found if fault else not found
    assert any(fault in each for each in found) or not fault


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (b"=?utf-8?q?H=C3=A4fen=2C_Post?= <a@b.example>", ""),
        (b'"Harbour, \\"Post\\"" <a@b.example>', ""),
        (b"Harbour, Post <a@b.example>", "From: not of its form"),
        (b'"=?utf-8?q?x?=" <a@b.example>', "From: an encoded-word within a quoted string"),
        (b"Post <=?utf-8?q?x?=@b.example>", "From: an encoded-word within an address"),
        (b"=?utf-8?q?x?=@b.example", "From: an encoded-word within an address"),
    ],
)
def test_a_fault_of_a_name_is_named(value: bytes, fault: str) -> None:
    found = with_from(value)
    assert fault in found if fault else found == []


@pytest.mark.parametrize("name", ["List-Unsubscribe", "List-Id", "Message-ID", "Content-Type"])
def test_no_encoded_word_stands_in_what_machines_read(name: str) -> None:
    faults = changed(f"{name}: ".encode(), f"{name}: =?utf-8?q?x?= ".encode())
    assert f"{name}: an encoded-word where none may stand" in faults


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"Good morning.", b".ood morning.", "a line that begins with a dot or From"),
        (b"Good morning.", b"From me, good morning.", "a line that begins with a dot or From"),
        (b"Good morning.", b"Good morning. ", "white space at a line's end"),
        (b"Good morning.", b"Good  morning.", "white space that DKIM folds"),
        (b"Good morning.", b"Good\tmorning.", "white space that DKIM folds"),
        (b"Good morning.", b"x" * 77, "a line over 76 octets"),
        (b"Good morning.", b"Good=morning.", "a broken escape"),
        (b"Good morning.", b"Good=3dmorning.", "a broken escape"),
        (b"Good morning.", b"Good=FFmorning.", "no UTF-8 when decoded"),
        (b"Good morning.", b"Good=00morning.", "a control character"),
        (b"Good morning.", b"Good m\xc3\xb6rning.", "8-bit where none is declared"),
        (b"Good morning.\r\n", b"Good morning.=", "ends in a soft break"),
        (b"quoted-printable", b"base64", "in base64"),
        (b"text/plain; charset=utf-8", b"text/plain", "neither UTF-8 text nor HTML"),
        (
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGood",
            b"\r\nGood",
            "its header is not its type and encoding, once each",
        ),
    ],
)
def test_a_fault_of_a_part_is_named(old: bytes, new: bytes, fault: str) -> None:
    assert changed(old, new) == [f"part 1: {fault}"]


LINE = b"--" + BOUNDARY


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (BOUNDARY + b'"', b'x"', "body: words before the first part"),
        (b'"' + BOUNDARY + b'"', BOUNDARY, "Content-Type: not of its form"),
        (LINE + b"--\r\n", b"", "boundary: never closed"),
        (LINE + b"--\r\n", LINE + b"--\r\nmore\r\n", "body: words after the last part"),
        (b"\r\n\r\n" + LINE, b"\r\n\r\nHello\r\n" + LINE, "body: words before the first part"),
        (LINE, LINE + b"x", "boundary: a line that only begins with it"),
        (b"multipart/alternative", b"multipart/mixed", "Content-Type: not of its form"),
        (
            b"MIME-Version: 1.0",
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit",
            "Content-Transfer-Encoding: on a message of parts",
        ),
        (
            b"text/html",
            b"text/plain",
            "body: its parts are ['text/plain', 'text/plain'], not the text first",
        ),
        (b"quoted-printable\r\n\r\nGood", b"quoted-printable", "part 1: no blank line"),
    ],
)
def test_a_fault_of_the_frame_is_named(old: bytes, new: bytes, fault: str) -> None:
    assert any(found.startswith(fault) for found in changed(old, new))


def test_a_boundary_has_its_form() -> None:
    faults = faults_of(LETTER.replace(BOUNDARY, b"x" * 71))
    assert faults == ["boundary: not of its form"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"Zo=C3=AB.\r\n", b"Zo=C3=AB.\r\n\r\n", "body: empty lines at its end"),
        (b"text/plain", b"text/html", "Content-Type: a message of one part is no UTF-8 text"),
        (b"Zo=C3=AB", b"Zo\xc3\xab", "body: 8-bit where none is declared"),
        (b"quoted-printable", b"8bit", ""),
    ],
)
def test_a_fault_of_a_message_of_text_alone_is_named(old: bytes, new: bytes, fault: str) -> None:
    assert changed(old, new, TEXT_LETTER) == [fault] * bool(fault)
