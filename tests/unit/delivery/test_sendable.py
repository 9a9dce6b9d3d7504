from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.model import Envelope
from digest.delivery.sendable import (
    envelope_objection,
    is_plain_address,
    message_objection,
    objection,
)
from tests.unit.delivery.way_builders import a_message, an_envelope


def test_an_ordinary_message_is_sent_as_it_is() -> None:
    assert objection(an_envelope(), a_message()) == ""


def test_a_notice_may_have_an_empty_sender() -> None:
    assert objection(Envelope("", "ann@example.org", "<1@x>"), a_message()) == ""


@pytest.mark.parametrize(
    "address",
    [
        "b@x>\r\nRCPT TO:<c@example.org",
        "b@x> SIZE=1",
        "<b@example.org>",
        "b@example.org\n",
        "b@example.org\0",
        "b c@example.org",
        '"b"@example.org',
        "b@",
        "@example.org",
        "b@-example.org",
        "b@example..org",
        "b@exa_mple.org",
        "b@[127.0.0.1]",
        "bärbel@example.org",
        "b@bücher.example",
        "b" * 65 + "@example.org",
        "b@" + ".".join(["a" * 60] * 5),
        "",
    ],
)
def test_an_address_that_could_say_more_than_an_address_is_refused(address: str) -> None:
    words = "the reader's address cannot be written in SMTP"
    assert objection(Envelope("news@example.org", address, "<1@x>"), a_message()) == words


def _to(address: str) -> Envelope:
    return Envelope("news@example.org", address, "<1@x>", smtputf8=True)


@pytest.mark.parametrize(
    "address",
    ["bärbel@example.org", "用户.名@xn--fsqu00a.example", "é" * 32 + "@a.example", "b@a.example"],
)
def test_an_address_of_any_script_is_sent_where_the_envelope_says_so(address: str) -> None:
    assert objection(_to(address), a_message()) == ""


@pytest.mark.parametrize(
    "address",
    [
        "é@x>\r\nRCPT TO:<c@example.org",
        "é b@example.org",
        "é\u00a0b@example.org",
        "é\u2028b@example.org",
        "é\u202eb@example.org",
        "é\u0085b@example.org",
        "é\ud800b@example.org",
        "é\0@example.org",
        '"é"@example.org',
        "é@bücher.example",
        "é@",
        "é" * 33 + "@example.org",
        "é" * 30 + "@" + ".".join(["a" * 60] * 4),
    ],
)
def test_a_script_is_no_way_to_say_more_than_an_address(address: str) -> None:
    assert objection(_to(address), a_message()) == "the reader's address cannot be written in SMTP"


def test_a_header_outside_ascii_is_sent_only_where_the_envelope_says_so() -> None:
    message = "To: é@example.org\r\n\r\nGood morning.\r\n".encode()
    assert objection(an_envelope(), message) == "the message has a header that is not ASCII"
    assert objection(_to("é@example.org"), message) == ""
    assert objection(an_envelope(), a_message("é")) == "", "a body may be 8-bit"


def test_a_sender_is_held_to_the_same_rule() -> None:
    words = "the sender's address cannot be written in SMTP"
    assert objection(Envelope("a@x>\r\nDATA", "b@example.org", "<1@x>"), a_message()) == words


def test_no_copy_has_a_sender_that_only_some_servers_take() -> None:
    words = "the sender's address cannot be written in SMTP"
    envelope = Envelope("é@example.org", "é@example.org", "<1@x>", smtputf8=True)
    assert objection(envelope, a_message()) == words


@pytest.mark.parametrize("address", ["a.b+c@example.org", "o'hara@a.b.example", "x@localhost"])
def test_common_addresses_are_plain(address: str) -> None:
    assert is_plain_address(address)


@given(st.text())
def test_no_plain_address_breaks_out_of_its_command(address: str) -> None:
    if is_plain_address(address):
        assert address.isascii()
        assert not set(address) & set('<>\r\n\0 \t"\\')


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"a\nb\r\n", "the message has a bare line break"),
        (b"a\rb\r\n", "the message has a bare line break"),
        (b"a\r\r\n", "the message has a bare line break"),
        (b"a\n\r\r\n", "the message has a bare line break"),
        (b"a\0\r\n", "the message has a NUL byte"),
        (b"a", "the message does not end with a line break"),
        (b"", "the message does not end with a line break"),
        (b".\r\n", "the message has a line that begins with a dot"),
        (b"a\r\n.\r\nb\r\n", "the message has a line that begins with a dot"),
        (b"a" * 999 + b"\r\n", "the message has a line of more than 998 bytes"),
    ],
)
def test_a_message_that_smtp_would_change_is_refused(message: bytes, words: str) -> None:
    assert objection(an_envelope(), message) == words
    assert message_objection(message) == words
    assert envelope_objection(an_envelope()) == ""


@pytest.mark.parametrize("length", [998, 999, 1000, 1001])
@pytest.mark.parametrize("before", [b"", b"a\r\n", b"a" * 997 + b"\r\n"])
def test_no_line_is_longer_than_998_bytes_wherever_it_stands(before: bytes, length: int) -> None:
    found = message_objection(before + b"a" * length + b"\r\nb\r\n")
    assert (found == "") is (length == 998)


def test_the_addresses_are_looked_at_without_the_message() -> None:
    assert envelope_objection(an_envelope()) == ""
    assert envelope_objection(_to("é@example.org")) == ""
    odd = Envelope("news@example.org", "b@x>", "<1@x>")
    assert envelope_objection(odd) == "the reader's address cannot be written in SMTP"
    assert objection(odd, b"\n") == envelope_objection(odd), "the addresses come first"


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\0", b"\xe9"]), max_size=9))
def test_the_fast_scan_says_what_a_slow_one_says(parts: list[bytes]) -> None:
    message = b"".join(parts)
    unix = message.replace(b"\r\n", b"")
    well = (
        not set(unix) & set(b"\r\n\0")
        and message.endswith(b"\r\n")
        and not any(line.startswith(b".") for line in message.split(b"\r\n"))
    )
    assert (message_objection(message, smtputf8=True) == "") is well


@given(st.binary())
def test_whatever_passes_reaches_the_other_side_unchanged(message: bytes) -> None:
    if objection(an_envelope(), message) == "":
        lines = message.split(b"\r\n")
        assert lines[-1] == b""
        assert not any(line.startswith(b".") or b"\n" in line or b"\r" in line for line in lines)
