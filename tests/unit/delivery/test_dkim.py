from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.message import build_notice
from digest.composition.model import ListHeaders, ReaderValues
from digest.composition.wire import EditionWire
from digest.delivery.dkim import DkimKey, DkimSigner, dns_record, read_key, relaxed_body
from tests.mail_strictness import faults_of
from tests.unit.composition.wire_builders import HEADERS, a_composition, hostile_readers, values
from tests.unit.delivery.dkim_builders import DOMAIN, a_signer, keys, verdicts

AT = datetime(2026, 1, 9, 7, 0, tzinfo=UTC)
SIGNER = a_signer()
FULL_HEADERS = replace(
    HEADERS,
    feedback_id="daily:2026-01-09:letter:harbour",
    help_url="https://letters.harbourpost.example/link",
    help_mailto="mailto:editor@harbourpost.example?subject=help",
    archive_url="https://letters.harbourpost.example/archive/daily",
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def a_copy(reader: ReaderValues | None = None, headers: ListHeaders = FULL_HEADERS) -> bytes:
    composition = a_composition()
    return EditionWire(composition, headers, signer=SIGNER).message(reader or values())


def a_notice(*, subject: str = "Please confirm", text: str = "Hello\n", html: str = "") -> bytes:
    return build_notice(
        sender=HEADERS.sender,
        to="maria@example.org",
        reply_to="editor@harbourpost.example",
        subject=subject,
        text=text,
        html=html,
        message_id="<e0.s1.0011223344556677@letters.harbourpost.example>",
        sent_at=AT,
    )


COPY = a_copy()
TEXT_COPY = a_copy(values(text_only=True))
NOTICE = SIGNER.sign(a_notice(), AT)
HTML_NOTICE = SIGNER.sign(a_notice(html="<p>Hello</p>\n"), AT)


@pytest.mark.parametrize("message", [COPY, TEXT_COPY, NOTICE, HTML_NOTICE])
def test_both_signatures_of_all_our_mail_hold_and_the_mail_has_no_fault(message: bytes) -> None:
    assert verdicts(message, SIGNER) == [True, True]
    assert faults_of(message) == []


def _signatures_of(message: bytes) -> list[str]:
    """Give the signatures with what differs from message to message left out."""
    head = message.partition(b"\r\n\r\n")[0].decode()
    head = re.sub(r"bh=[A-Za-z0-9+/=]{44};", "bh=HASH;", head)
    head = re.sub(r" b=[A-Za-z0-9+/=]+(?:\r\n [A-Za-z0-9+/=]+)*", " b=SIGNATURE", head)
    return [f for f in re.split(r"\r\n(?![ \t])", head) if f.startswith("DKIM-Signature")]


def test_a_copy_begins_with_its_signatures_written_so() -> None:
    stamp = int(AT.timestamp())
    tail = (
        " d=letters.harbourpost.example; s=%s;\r\n"
        " h=from:from:reply-to:subject:mime-version:content-type:list-id:\r\n"
        " list-unsubscribe-post:list-help:list-archive:feedback-id:precedence:to:date:\r\n"
        " message-id:list-unsubscribe;\r\n"
        " bh=HASH;\r\n"
        " b=SIGNATURE"
    )
    assert _signatures_of(COPY) == [
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; t={stamp};\r\n{tail % 'news'}",
        f"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; t={stamp};\r\n{tail % 'newse'}",
    ]
    assert COPY.startswith(b"DKIM-Signature: v=1; a=rsa")
    assert COPY.partition(b"\r\nFrom: ")[0].count(b"DKIM-Signature:") == 2


@pytest.mark.parametrize("message", [COPY, TEXT_COPY, NOTICE])
def test_the_lines_of_a_signature_are_ascii_of_78_octets_at_most(message: bytes) -> None:
    lines = message.partition(b"\r\nFrom: ")[0].split(b"\r\n")
    assert len(lines) > 12
    assert max(map(len, lines)) <= 78
    assert all(line.isascii() for line in lines)


def test_nothing_is_limited_in_length_or_in_time() -> None:
    head = COPY.partition(b"\r\nFrom: ")[0]
    assert not re.search(rb"[; ](?:l|x)=", head)


@pytest.mark.parametrize("text_only", [False, True])
def test_a_copy_made_of_parts_is_signed_as_a_whole_message_is(*, text_only: bool) -> None:
    composition = a_composition()
    plain, signed = (EditionWire(composition, FULL_HEADERS, signer=s) for s in (None, SIGNER))
    for reader in hostile_readers(60):
        mine = replace(reader, text_only=text_only)
        assert signed.message(mine) == SIGNER.sign(plain.message(mine), mine.sent_at)


def test_the_copies_of_hostile_readers_hold() -> None:
    wire = EditionWire(a_composition(), FULL_HEADERS, signer=SIGNER)
    for reader in hostile_readers(40):
        message = wire.message(reader)
        assert verdicts(message, SIGNER) == [True, True]
        assert faults_of(message) == []


@pytest.mark.parametrize(
    ("html", "text"),
    [("<p>For everybody.</p>\n", "For everybody.\n"), ("<p>a</p>", "a")],
)
@pytest.mark.parametrize("text_only", [False, True])
def test_letters_without_a_readers_own_place_are_signed_too(
    html: str, text: str, *, text_only: bool
) -> None:
    wire = EditionWire(a_composition(html=html, text=text), HEADERS, signer=SIGNER)
    message = wire.message(values(text_only=text_only))
    assert verdicts(message, SIGNER) == [True, True]


def test_an_address_outside_ascii_is_signed_as_it_stands() -> None:
    message = a_copy(values(address="用户@bücher.example"))
    assert "\r\nTo: 用户@xn--bcher-kva.example\r\n".encode() in message
    assert verdicts(message, SIGNER) == [True, True]
    assert verdicts(message.replace("用户".encode(), b"user", 1), SIGNER) == [False, False]


def test_copies_signed_in_several_threads_are_the_same_bytes() -> None:
    readers = hostile_readers(40)
    wire = EditionWire(a_composition(), FULL_HEADERS, signer=SIGNER)
    expected = [wire.message(reader) for reader in readers]
    fresh = EditionWire(a_composition(), FULL_HEADERS, signer=SIGNER)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fresh.message, readers * 3)) == expected * 3


SIGNED_FIELDS = (
    *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Reply-To"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Archive"),
    *("Feedback-ID", "Precedence"),
)


@pytest.mark.parametrize("name", SIGNED_FIELDS)
def test_a_changed_field_breaks_both_signatures(name: str) -> None:
    changed = re.sub(rb"(\r\n%b: .{3})" % name.encode(), rb"\1x", COPY, count=1)
    assert len(changed) == len(COPY) + 1
    assert verdicts(changed, SIGNER) == [False, False]


@pytest.mark.parametrize("name", SIGNED_FIELDS)
def test_a_field_taken_away_breaks_both_signatures(name: str) -> None:
    changed = re.sub(rb"\r\n%b: .*(?:\r\n .*)*" % name.encode(), b"", COPY, count=1)
    assert len(changed) < len(COPY)
    assert verdicts(changed, SIGNER) == [False, False]


@pytest.mark.parametrize("name", ["Auto-Submitted", "Content-Transfer-Encoding"])
def test_the_fields_that_notices_alone_have_are_signed(name: str) -> None:
    changed = re.sub(rb"(\r\n%b: .{3})" % name.encode(), rb"\1x", NOTICE, count=1)
    assert len(changed) == len(NOTICE) + 1
    assert verdicts(changed, SIGNER) == [False, False]


@pytest.mark.parametrize("message", [COPY, TEXT_COPY, NOTICE])
def test_a_second_from_breaks_both_signatures_wherever_it_stands(message: bytes) -> None:
    second = b"From: Another <news@another.example>\r\n"
    head, _, body = message.partition(b"\r\n\r\n")
    assert verdicts(second + message, SIGNER) == [False, False]
    assert verdicts(b"%b\r\n%b\r\n%b" % (head, second, body), SIGNER) == [False, False]


@pytest.mark.parametrize("message", [COPY, TEXT_COPY, NOTICE])
@pytest.mark.parametrize("change", ["first", "middle", "last", "more", "less"])
def test_a_changed_body_breaks_both_signatures(message: bytes, change: str) -> None:
    head, _, body = message.partition(b"\r\n\r\n")
    at = {"first": 0, "middle": len(body) // 2, "last": len(body) - 3}.get(change, 0)
    altered = {
        "more": body + b"One more line.\r\n",
        "less": body[: -len(b"\r\n") - 1] + b"\r\n",
    }.get(change, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
    assert verdicts(head + b"\r\n\r\n" + altered, SIGNER) == [False, False]


def test_what_relays_may_do_to_white_space_breaks_nothing() -> None:
    refolded = COPY.replace(b"\r\nList-Unsubscribe: <", b"\r\nList-unsubscribe:   \r\n\t<", 1)
    padded = refolded.replace(b"Precedence: bulk\r\n", b"Precedence: bulk  \r\n", 1) + b"\r\n\r\n"
    assert len(padded) > len(COPY) + 8
    assert verdicts(b"Received: by relay.example\r\n" + padded, SIGNER) == [True, True]


@given(
    subject=TEXTS, name=TEXTS, sender=TEXTS, slug=st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)
)
def test_whatever_stands_in_the_header_both_signatures_hold(
    subject: str, name: str, sender: str, slug: str
) -> None:
    headers = replace(
        FULL_HEADERS,
        sender=f'"{re.sub(r"[^ -~]", "", sender).translate(_UNQUOTED)}" <news@{DOMAIN}>',
        list_name=name,
        feedback_id=f"{slug}:2026-01-09:letter:harbour",
    )
    composition = a_composition(subject=f"{subject}!", stories=1)
    message = EditionWire(composition, headers, signer=SIGNER).message(values())
    assert verdicts(message, SIGNER) == [True, True]
    assert faults_of(message) == []
    assert max(map(len, message.split(b"\r\n"))) <= 998


_UNQUOTED = str.maketrans(dict.fromkeys('"\\'))


@given(subject=TEXTS, text=TEXTS, html=TEXTS)
def test_whatever_stands_in_a_notice_both_signatures_hold(
    subject: str, text: str, html: str
) -> None:
    message = SIGNER.sign(a_notice(subject=subject, text=text, html=html), AT)
    assert verdicts(message, SIGNER) == [True, True]


WHITE = st.lists(
    st.sampled_from([b"\r\n", b"\r\n", b" ", b"\t", b"  ", b"a", b"word", b".", b"=20"]),
    max_size=30,
).map(b"".join)


@given(WHITE)
def test_a_body_is_relaxed_as_another_library_does_it(body: bytes) -> None:
    assert relaxed_body(body) == _relaxed_by_dkimpy(body)


def _relaxed_by_dkimpy(body: bytes) -> bytes:
    """Give a last line its end first: dkimpy keeps white space at the end of one without."""
    ended = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    return bytes(Relaxed.canonicalize_body(ended)) if body else b""


@given(WHITE, WHITE)
def test_any_message_can_be_signed_whole(value: bytes, body: bytes) -> None:
    folded = re.sub(rb"\r\n(?![ \t])|\r\n[ \t]*(?=\r\n|$)", b"", value)
    message = b"From: a@letters.harbourpost.example\r\nSubject:" + folded + b"x\r\n\r\n" + body
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    assert verdicts(SIGNER.sign(ended, AT), SIGNER) == [True, True]


def test_of_fields_that_stand_several_times_the_last_is_signed_first() -> None:
    message = b"To: a@b.example\r\nFrom: a@b.example\r\nTo: c@d.example\r\n\r\nHello\r\n"
    assert verdicts(SIGNER.sign(message, AT), SIGNER) == [True, True]


def test_a_message_without_from_is_not_signed() -> None:
    with pytest.raises(ValueError, match="DKIM: From: a message without it cannot be signed"):
        SIGNER.sign(b"To: a@b.example\r\n\r\nHello\r\n", AT)


def test_the_time_of_signing_is_told_in_utc_and_needs_a_zone() -> None:
    later = datetime(2026, 1, 9, 9, 0, tzinfo=timezone(timedelta(hours=2)))
    assert SIGNER.sign(a_notice(), later) == NOTICE
    with pytest.raises(ValueError, match="a time needs its zone"):
        SIGNER.sign(a_notice(), later.replace(tzinfo=None))


def test_a_long_domain_stands_on_a_line_of_its_own() -> None:
    signer = a_signer(".".join(["a" * 60, "b" * 60, "c" * 60, "example"]))
    message = signer.sign(a_notice(), AT)
    lines = message.partition(b"\r\nFrom: ")[0].split(b"\r\n")
    assert [line for line in lines if len(line) > 78] == [f" d={signer.domain};".encode()] * 2
    assert verdicts(message, signer) == [True, True]
    assert faults_of(message) == []


def test_one_key_alone_makes_one_signature() -> None:
    for key in keys():
        signer = DkimSigner(DOMAIN, [key])
        message = signer.sign(a_notice(), AT)
        assert verdicts(message, signer) == [True]


# Keys and their records


def _pem(
    private: RSAPrivateKey | Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def _rsa_of(p: int, q: int) -> bytes:
    """Make a key of any size at once, of primes that everybody knows."""
    public = RSAPublicNumbers(65537, p * q)
    d = pow(65537, -1, (p - 1) * (q - 1))
    crt = (rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q))
    numbers = RSAPrivateNumbers(p, q, d, *crt, public)
    return _pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))


@pytest.mark.parametrize("key", keys())
def test_a_key_is_read_back_from_its_file_and_never_shown(key: DkimKey) -> None:
    pem = _pem(key.private)
    read = read_key(pem, selector="news")
    assert (read.selector, _pem(read.private)) == ("news", pem)
    assert repr(read) == "DkimKey(selector='news')"


@pytest.mark.parametrize(
    ("pem", "cause"),
    [
        (b"", "not a private key in PEM without a password"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key"),
        (_pem(keys()[1].private, BestAvailableEncryption(b"x")), "without a password"),
        (_pem(ec.generate_private_key(ec.SECP256R1())), "neither an RSA nor an Ed25519 key"),
        (_rsa_of(2**521 - 1, 2**607 - 1), ""),
        (_rsa_of(2**2203 - 1, 2**2281 - 1), "an RSA key of 4484 bits: receivers take 1024 to 4096"),
    ],
)
def test_a_file_that_receivers_could_not_check_is_refused(pem: bytes, cause: str) -> None:
    if not cause:
        assert read_key(pem, selector="news").algorithm == "rsa-sha256"
        return
    with pytest.raises(ValueError, match=cause):
        read_key(pem, selector="news")


def test_the_records_hold_the_public_keys_in_strings_of_255_at_most() -> None:
    rsa, ed25519 = (dns_record(key, DOMAIN) for key in keys())
    assert (rsa.name, ed25519.name) == (
        "news._domainkey.letters.harbourpost.example",
        "newse._domainkey.letters.harbourpost.example",
    )
    public = rsa.value.removeprefix("v=DKIM1; k=rsa; p=")
    assert load_der_public_key(base64.b64decode(public)) == keys()[0].private.public_key()
    octets = base64.b64decode(ed25519.value.removeprefix("v=DKIM1; k=ed25519; p="))
    assert Ed25519PublicKey.from_public_bytes(octets) == keys()[1].private.public_key()
    assert "".join(rsa.strings) == rsa.value
    assert [len(rsa.strings[0]), len(rsa.strings)] == [255, 2]
    assert ed25519.strings == (ed25519.value,)
