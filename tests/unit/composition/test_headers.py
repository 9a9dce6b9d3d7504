from __future__ import annotations

import email.policy
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.composition.headers import (
    ascii_address,
    ascii_domain,
    date,
    feedback_id,
    header_lines,
    list_archive,
    list_help,
    list_id,
    list_unsubscribe,
    mailbox,
    message_id_field,
    one_line,
    one_mailbox,
    reader_address,
    unstructured,
)
from digest.errors import CompositionError

ATTACKS = (
    "=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=",
    "hi\r\nBcc: evil@x.test",
    "hi\nBcc: evil@x.test\n\nbody",
    "hi\rBcc: evil@x.test",
    "hi\0Bcc: evil@x.test",
    "hi\u2028Bcc: evil@x.test\u2029x\u0085y\x0bz\x0c",
    "\r\n.\r\nMAIL FROM:<evil@x.test>",
    "=?utf-8?b?aGkNCkJjYzogZXZpbEB4LnRlc3Q=?=",
    "a =?",
    "Ünï, Dept.",
    'quote " back \\ slash',
    "boss@bank.example <evil@x.test>",
    "(comment) ; : , < > [ ]",
    "\ud800 lone",
    "\u202eright to left",
    "\U0001f469\u200d\U0001f52c" * 20,
    "二" * 200,
    "x" * 3000,
    "word " * 300,
    "",
    " ",
)
TEXTS = st.one_of(st.text(), st.text(' \r\n\t=?_,;<>"\\Éé二\U0001f469abc@.', max_size=200))


def parsed(raw: bytes) -> EmailMessage:
    return BytesParser(policy=email.policy.default).parsebytes(raw)


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


def assert_wire_safe(raw: bytes, names: Sequence[str]) -> None:
    """CRLF only, ASCII, as many fields as given, lines of at most 78 octets."""
    lines = raw.split(b"\r\n")
    assert lines.pop() == b""
    assert not re.search(rb"[^ -~]", b"".join(lines))
    assert max(map(len, lines)) <= 78
    starts = [line.partition(b":")[0].decode() for line in lines if not line.startswith(b" ")]
    assert starts == list(names)
    assert all(line.strip() for line in lines)
    for word in re.findall(rb"=\?\S*\?=", raw):
        assert len(word) <= 75


@given(text=TEXTS)
@example(text=ATTACKS[0])
@example(text=ATTACKS[5])
@example(text="a" * 64 + " " + "b" * 64)
@example(text="é" * 300)
def test_any_subject_comes_back_on_one_line_of_text(text: str) -> None:
    raw = header_lines([("Subject", unstructured(text))])
    assert_wire_safe(raw, ["Subject"])
    message = parsed(raw + b"\r\n")
    assert message.keys() == ["Subject"]
    assert message["Subject"] == one_line(text)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_subject_adds_a_field(attack: str) -> None:
    raw = header_lines([("Subject", unstructured(attack)), ("MIME-Version", "1.0")])
    assert_wire_safe(raw, ["Subject", "MIME-Version"])
    message = parsed(raw + b"\r\n")
    assert message.keys() == ["Subject", "MIME-Version"]
    assert message["Subject"] == one_line(attack)


@given(name=TEXTS)
@example(name="Ünï, Dept.")
@example(name="é" * 60)
@example(name='"' * 60)
@example(name="\\" * 60)
@example(name="二" * 60)
def test_any_name_makes_one_mailbox_and_comes_back(name: str) -> None:
    raw = header_lines([("From", mailbox(name, "news@letters.example"))])
    assert_wire_safe(raw, ["From"])
    message = parsed(raw + b"\r\n")
    (found,) = message["From"].addresses
    assert found.addr_spec == "news@letters.example"
    # Python 3.11's parser puts a space between adjacent encoded-words of a phrase.
    assert without_space(found.display_name) == without_space(one_line(name)[:60])


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_name_adds_a_mailbox_or_a_field(attack: str) -> None:
    raw = header_lines([("From", mailbox(attack, "news@letters.example")), ("To", "a@b.example")])
    message = parsed(raw + b"\r\n")
    assert message.keys() == ["From", "To"]
    assert [found.addr_spec for found in message["From"].addresses] == ["news@letters.example"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The ferry sails again", "The ferry sails again"),
        ("  two   spaces\tand\r\na break ", "two spaces and a break"),
        ("", ""),
        ("Früh", "=?utf-8?q?Fr=C3=BCh?="),
        ("a =?x", "=?utf-8?q?a_=3D=3Fx?="),
        ("二〇二五年", "=?utf-8?b?5LqM44CH5LqM5LqU5bm0?="),
        ("\ud800", "=?utf-8?b?77+9?="),
    ],
)
def test_a_subject_is_written_so(text: str, value: str) -> None:
    assert unstructured(text) == value


def test_a_long_subject_is_folded_between_words_and_a_long_word_is_encoded() -> None:
    words = " ".join(["harbour"] * 12)
    assert unstructured(words) == " ".join(["harbour"] * 8) + "\r\n " + " ".join(["harbour"] * 4)
    assert unstructured("x" * 65).startswith("=?utf-8?q?xxx")
    assert unstructured("x" * 64) == "x" * 64


def test_an_encoded_word_never_ends_within_a_character() -> None:
    value = unstructured("二é\U0001f469" * 40)
    words = value.split("\r\n ")
    assert len(words) > 3
    decoded = [decode_header(word)[0] for word in words]
    assert "".join(octets.decode(charset) for octets, charset in decoded) == "二é\U0001f469" * 40


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "a@b.example"),
        ("  ", "a@b.example"),
        ("Harbour Post", "Harbour Post <a@b.example>"),
        ("Harbour, Post", '"Harbour, Post" <a@b.example>'),
        ("St. Mary's", '"St. Mary\'s" <a@b.example>'),
        ('a "b" \\', '"a \\"b\\" \\\\" <a@b.example>'),
        ("Ünï, Dept.", "=?utf-8?q?=C3=9Cn=C3=AF=2C_Dept=2E?= <a@b.example>"),
        ("x=?y", "=?utf-8?q?x=3D=3Fy?= <a@b.example>"),
        ("n" * 70, "n" * 60 + "\r\n <a@b.example>"),
        (
            "a," + '"' * 36,
            "=?utf-8?b?YSwiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI=?=\r\n <a@b.example>",
        ),
    ],
)
def test_a_mailbox_is_written_so(name: str, value: str) -> None:
    assert mailbox(name, "a@b.example") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("news@b.example", "news@b.example"),
        (" <news@b.example> ", "news@b.example"),
        ("Harbour, Post <news@b.example>", '"Harbour, Post" <news@b.example>'),
        ('"Harbour \\"P\\"" <news@b.example>', '"Harbour \\"P\\"" <news@b.example>'),
        ("Häfen <news@münchen.example>", "=?utf-8?q?H=C3=A4fen?= <news@xn--mnchen-3ya.example>"),
    ],
)
def test_a_mailbox_is_read_from_the_settings(text: str, value: str) -> None:
    assert one_mailbox(text) == value


@pytest.mark.parametrize(
    "text", ["", "no address", "a@b.example, c@d.example", "x <a@b.example> y", "x <<a@b.example>>"]
)
def test_what_is_not_one_mailbox_is_refused(text: str) -> None:
    with pytest.raises(CompositionError, match="header: From: "):
        one_mailbox(text)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("maria@example.org", "maria@example.org"),
        ("o'neil+post.x@EXAMPLE.org", "o'neil+post.x@EXAMPLE.org"),
        ("maria@münchen.example", "maria@xn--mnchen-3ya.example"),
        ("maria@straße.example", "maria@xn--strae-oqa.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_an_address_is_written_with_an_ascii_domain(address: str, value: str) -> None:
    assert ascii_address(address) == value


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("", "not one plain address"),
        ("maria", "not one plain address"),
        ("@example.org", "not one plain address"),
        ("märia@example.org", "before the @ is not ASCII"),
        ("m\u0430ria@example.org", "before the @ is not ASCII"),
        ("alice@example.org)bob@example.com", "not one plain address"),
        ("a b@example.org", "not one plain address"),
        ('"a b"@example.org', "not one plain address"),
        ('"a\r\nBcc: x@y.z"@example.org', "not one plain address"),
        ("a@b.example\r\nBcc: evil@x.test", "not one plain address"),
        ("a@b.example\n", "the domain is no domain"),
        ("b@rcpt.test>\r\nRCPT TO:<c@d.e", "not one plain address"),
        ("a\0@b.example", "not one plain address"),
        ("a..b@b.example", "not one plain address"),
        ("a@b..example", "the domain is no domain"),
        ("a@-b.example", "the domain is no domain"),
        ("a@[127.0.0.1]", "the domain is no domain"),
        ("a@é\u2028.example", "the domain is no domain"),
        ("a@\ud800.example", "the domain is no domain"),
        ("a@" + "é" * 70 + ".example", "the domain is no domain"),
        ("a" * 65 + "@b.example", "longer than mail allows"),
        ("a@" + "b." * 130 + "example", "longer than mail allows"),
        ("=?utf-8?q?a?=@b.example", "not one plain address"),
    ],
)
def test_an_address_that_is_none_is_refused_and_never_told(address: str, cause: str) -> None:
    with pytest.raises(CompositionError, match=cause) as caught:
        ascii_address(address)
    assert caught.value.hint
    assert not address or address not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("maria@münchen.example", "maria@xn--mnchen-3ya.example"),
        ("märia@example.org", "märia@example.org"),
        ("用户.名@例子.example", "用户.名@xn--fsqu00a.example"),
        ("a\U0001f600b@example.org", "a\U0001f600b@example.org"),
        ("é" * 32 + "@b.example", "é" * 32 + "@b.example"),
    ],
)
def test_an_address_of_any_script_may_stand_in_to(address: str, value: str) -> None:
    assert reader_address(address) == value
    assert header_lines([("To", mailbox("", address, field="To"))]) == f"To: {value}\r\n".encode()


@pytest.mark.parametrize(
    "address",
    [
        "é\u00a0b@example.org",
        "é\u3000b@example.org",
        "é\u2028b@example.org",
        "é\x85b@example.org",
        "é\u202eb@example.org",
        "é\u200db@example.org",
        "é\ud800b@example.org",
        "é\ufffeb@example.org",
        "é..b@example.org",
        "é@example.org\r\nBcc: evil@x.test",
        "é@x>\r\nRCPT TO:<c@d.e",
        '"é"@example.org',
        "é" * 33 + "@b.example",
        "é@" + "b." * 130 + "example",
    ],
)
def test_a_script_is_no_way_to_say_more_than_an_address(address: str) -> None:
    with pytest.raises(CompositionError, match=r"^header: To: "):
        reader_address(address)


@pytest.mark.parametrize("field", ["From", "Reply-To"])
def test_an_address_outside_ascii_stands_in_no_header_that_all_copies_share(field: str) -> None:
    with pytest.raises(CompositionError, match=rf"^header: {field}: .* not ASCII"):
        one_mailbox("Zoë <zoë@example.org>", field=field)


def test_a_domain_is_told_by_its_field() -> None:
    with pytest.raises(CompositionError, match=r"^header: Message-ID: the domain is no domain$"):
        ascii_domain("", field="Message-ID")


def test_a_date_is_written_in_utc() -> None:
    at = datetime(2026, 1, 9, 7, 5, 3, 999, tzinfo=timezone(timedelta(hours=-5)))
    assert date(at) == "Fri, 09 Jan 2026 12:05:03 +0000"
    with pytest.raises(ValueError, match="zone"):
        date(at.replace(tzinfo=None))


@given(at=st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_any_date_comes_back(at: datetime) -> None:
    raw = header_lines([("Date", date(at))]) + b"\r\n"
    assert parsed(raw)["Date"].datetime == at.replace(microsecond=0)


def test_list_headers_are_written_so() -> None:
    web, post = "https://l.example/u/" + "t" * 200, "mailto:out@l.example?subject=x%20y"
    assert list_unsubscribe(web, post) == f"<{web}>,\r\n <{post}>"
    assert list_unsubscribe(web) == f"<{web}>"
    assert list_help(web, post) == f"<{web}>,\r\n <{post}>"
    assert list_help(web) == list_archive(web) == f"<{web}>"
    assert list_id("The Morning Post", "daily.l.example") == "The Morning Post <daily.l.example>"
    assert list_id("Post, No. 1", "daily.l.example") == '"Post, No. 1" <daily.l.example>'
    assert list_id("Früh", "daily.l.example") == "<daily.l.example>"
    assert list_id("=?utf-8?q?x?=", "daily.l.example") == "<daily.l.example>"
    assert list_id(" ", "daily.l.example") == "<daily.l.example>"
    assert list_id("n" * 60, "daily.l.example") == "n" * 60 + "\r\n <daily.l.example>"
    assert list_id("a," + '"' * 58, "daily.l.example") == "<daily.l.example>"
    assert feedback_id("daily:7:news:harbour") == "daily:7:news:harbour"
    assert message_id_field("<e7.s1.ab@l.example>") == "<e7.s1.ab@l.example>"


UNSAFE = ("a\r\nb", "a\nb", "a b", "a\0b", "a<b", "a>b", "é", "\u2028", "a\\b", 'a"b', "a\t")


@pytest.mark.parametrize("bad", UNSAFE)
def test_machine_read_fields_refuse_what_could_break_out(bad: str) -> None:
    makers: tuple[Callable[[], str], ...] = (
        lambda: list_unsubscribe(f"https://l.example/{bad}"),
        lambda: list_unsubscribe("https://l.example/", f"mailto:{bad}"),
        lambda: list_help(f"https://l.example/{bad}"),
        lambda: list_help("https://l.example/", f"mailto:{bad}"),
        lambda: list_archive(f"https://l.example/{bad}"),
        lambda: list_id("Post", f"{bad}.l.example"),
        lambda: message_id_field(f"<{bad}@l.example>"),
        lambda: feedback_id(f"a:b:{bad}:sender"),
    )
    for make in makers:
        with pytest.raises(CompositionError, match=r"^header: [A-Z]") as caught:
            make()
        assert caught.value.hint


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "//l.example", "https://", "/u/x"])
def test_only_web_addresses_unsubscribe(url: str) -> None:
    with pytest.raises(CompositionError, match="List-Unsubscribe: it is not a web address"):
        list_unsubscribe(url)


@pytest.mark.parametrize("name", ["1 = 1", "Questions?", "a=b"])
def test_a_name_that_some_readers_take_for_an_encoded_word_is_quoted(name: str) -> None:
    assert mailbox(name, "a@l.example") == f'"{name}" <a@l.example>'
    assert list_id(name, "daily.l.example") == f'"{name}" <daily.l.example>'


@pytest.mark.parametrize(
    "value",
    [
        "<a..b@l.example>",
        "<.a@l.example>",
        "<a.@l.example>",
        "<a@l..example>",
        "<a@-l.example>",
        "<=?utf-8?q?a?=@l.example>",
        f"<{'a' * 201}@l.example>",
        "<a@b@l.example>",
        "a@l.example",
    ],
)
def test_a_message_id_is_one_dot_atom_at_a_domain(value: str) -> None:
    with pytest.raises(CompositionError, match="Message-ID: it is not of the form"):
        message_id_field(value)


@pytest.mark.parametrize(
    "value", ["a:b:sender", "a:b:c:d:sender", "a:b:c:four", "a:b:c:" + "x" * 16]
)
def test_a_feedback_id_has_four_parts_and_a_sender_of_the_right_length(value: str) -> None:
    with pytest.raises(CompositionError, match="Feedback-ID"):
        feedback_id(value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([("Subject", "a\r\nBcc: x")], "Subject: it holds a line break or what is not ASCII"),
        ([("Subject", "a\r\n\r\nbody")], "Subject: it holds"),
        ([("Subject", "a\r\n \r\n b")], "Subject: it holds"),
        ([("Subject", "a\nb")], "Subject: it holds"),
        ([("Subject", "é")], "Subject: it holds"),
        ([("To", "é\u2028")], "To: it holds"),
        ([("To", "é\x00")], "To: it holds"),
        ([("Subject", "a\0")], "Subject: it holds"),
        ([("X-A", "a\tb")], "X-A: it holds"),
        ([("X-A", "a" * 999)], "X-A: a line is over 998 octets"),
        ([("X A", "a")], "'X A': this is no field name"),
        ([("X:A", "a")], "this is no field name"),
        ([("", "a")], "this is no field name"),
        ([("X\r\nBcc", "a")], "this is no field name"),
        ([("bcc", "a@b.example")], "Bcc: every reader would see it"),
        ([("Subject", "a"), ("SUBJECT", "b")], "subject: given 2 times"),
    ],
)
def test_fields_that_no_maker_made_are_refused(fields: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(CompositionError, match=re.escape(message)) as caught:
        header_lines(fields)
    assert caught.value.hint


@given(fields=st.lists(st.tuples(st.sampled_from(["X-A", "X-B"]), TEXTS), max_size=4))
def test_never_more_fields_than_were_given(fields: list[tuple[str, str]]) -> None:
    try:
        raw = header_lines(fields)
    except CompositionError:
        return
    assert parsed(raw + b"\r\nbody").keys() == [name for name, _ in fields]


def test_fields_may_stand_twice_where_the_rfc_lets_them() -> None:
    assert (
        header_lines([("X-A", "1"), ("X-A", "2"), ("X-B", "")]) == b"X-A: 1\r\nX-A: 2\r\nX-B:\r\n"
    )
