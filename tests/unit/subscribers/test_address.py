from __future__ import annotations

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import AddressError
from subscribers.address import (
    Address,
    AddressProblem,
    AddressRefusedError,
    is_role,
    read_address,
    read_plain,
    refuse_disposable,
    typo_hint,
)
from subscribers.limits import Disposable


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("maria@reader.example", Address("maria@reader.example", "maria@reader.example")),
        ("  maria@reader.test\u00a0", Address("maria@reader.test", "maria@reader.test")),
        ("\u200bmaria@reader.test\ufeff", Address("maria@reader.test", "maria@reader.test")),
        ("\tmaria@reader.test\t", Address("maria@reader.test", "maria@reader.test")),
        ("mailto:maria@reader.test", Address("maria@reader.test", "maria@reader.test")),
        ("Maria <maria@reader.test>", Address("maria@reader.test", "maria@reader.test")),
        ('"Maria, R." < maria@reader.test >', Address("maria@reader.test", "maria@reader.test")),
        ("A@b.test <a@b.test>", Address("a@b.test", "a@b.test")),
        ("Maria.R+x@Reader.Test", Address("Maria.R+x@reader.test", "maria.r+x@reader.test")),
        ("a@BÜCHER.example", Address("a@xn--bcher-kva.example", "a@xn--bcher-kva.example")),
        ("a@xn--bcher-kva.example", Address("a@xn--bcher-kva.example", "a@xn--bcher-kva.example")),
        ("JOSE\u0301@x.example", Address("JOS\u00c9@x.example", "jos\u00e9@x.example")),
    ],
)
def test_an_address_is_understood_as_people_paste_it(typed: str, address: Address) -> None:
    assert read_address(typed) == address


@pytest.mark.parametrize(
    ("typed", "cause"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("Maria <>", "it is empty"),
        ("maria", "there is no @ in it"),
        ("maria@localhost", "the part after the @ has no dot"),
        ("maria@test", "the part after the @ has no dot"),
        ("mar ia@x.example", "there is a space in it, at character 4"),
        (
            "a@x.example, b@x.example",
            "there is more than one address in it, or a character that does not belong",
        ),
        (
            "a@x.example;b@x.example",
            "there is more than one address in it, or a character that does not belong",
        ),
        (
            "alice@example.org)bob@example.com",
            "there is more than one address in it, or a character that does not belong",
        ),
        ("a@x.example <b@y.example>", "there are two addresses in it"),
        ('"a b"@x.example', "the part before the @ is in quotation marks"),
        ('"a\\"b"@x.example', "the part before the @ is in quotation marks"),
        ("a\r\nBcc: b@x.example", "character 2 is no part of an address (U+000D)"),
        ("a@x.example\n", "character 12 is no part of an address (U+000A)"),
        ("a\0@x.example", "character 2 is no part of an address (U+0000)"),
        ("a\u2028@x.example", "character 2 is no part of an address (LINE SEPARATOR)"),
        ("\ud800@x.example", "character 1 is no part of an address (U+D800)"),
        ("a@[127.0.0.1]", "a bracketed IP address after the @ is not allowed here"),
        ("@x.example", "there must be something before the @"),
        ("a@x.localhost", None),
        ("a..b@x.example", None),
        ("a@1.2.3.4", None),
        ("é" * 40 + "@x.example", "it is too long (64 bytes before the @, 254 in all)"),
        ("a" * 65 + "@x.example", None),
        ("a@" + "b" * 60 + "." + "c" * 60 + "." + "d" * 60 + "." + "e" * 60 + ".example.org", None),
    ],
)
def test_what_is_no_address_is_refused_with_the_cause(typed: str, cause: str | None) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        read_address(typed)
    assert str(caught.value).startswith("e-mail address: ")
    assert str(caught.value).endswith(f": {caught.value.cause}")
    assert caught.value.hint.startswith("Write ")
    if cause is not None:
        assert caught.value.cause == cause


def test_the_sentence_shows_no_raw_control_character_and_cuts_what_is_long() -> None:
    with pytest.raises(AddressError) as caught:
        read_address("x" * 500 + "\r\n")
    assert str(caught.value) == (
        f"e-mail address: '{'x' * 60}…': character 501 is no part of an address (U+000D)"
    )


@given(st.text(max_size=80))
def test_any_text_is_an_address_safe_to_mail_or_a_sentence(typed: str) -> None:
    try:
        address = read_address(typed)
    except AddressRefusedError as error:
        said = str(error)
    else:
        said = ""
        _assert_safe(address)
    assert said.isprintable()


def _assert_safe(address: Address) -> None:
    assert not any(c in address.mailed for c in '\r\n\0 <>()[]",;:\\\t')
    assert address.mailed.count("@") == 1
    assert read_address(address.mailed) == address


_LOCAL = st.text(
    alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-",
    min_size=1,
    max_size=20,
)


@given(_LOCAL, _LOCAL)
def test_keys_fold_case_and_nothing_else(one: str, other: str) -> None:
    keys = [read_address(f"{local}@Reader.example").key for local in (one, other)]
    assert (keys[0] == keys[1]) == (one.lower() == other.lower())


# The fast path says what the library says, or nothing


def _by_the_library(typed: str) -> Address | None:
    """Read a plain address without the fast path."""
    try:
        found = validate_email(
            typed, check_deliverability=False, test_environment=True, strict=True
        )
    except ValueError:
        return None
    domain = found.ascii_domain.lower()
    return Address(f"{found.local_part}@{domain}", f"{found.local_part.lower()}@{domain}")


_LABELS = ("a", "b-c", "-a", "a-", "xn--bcher-kva", "ab--c", "1", "x" * 63, "x" * 64, "", "\u00e9")
_LASTS = (
    "com",
    "c",
    "c0m",
    "1",
    "test",
    "local",
    "localhost",
    "onion",
    "invalid",
    "arpa",
    "xn--p1ai",
)
_LOCALS = (
    *("a", "A.b", "a..b", ".a", "a.", "a+b", "a_b", "-a", "a'b", "a!b", "x" * 64, "x" * 65, ""),
    *("a b", "\u00e9", '"a"', "a\\b", "a\n", "a\u200b"),
)


@pytest.mark.parametrize("local", _LOCALS)
@pytest.mark.parametrize("last", _LASTS)
def test_the_fast_path_and_the_library_agree_on_odd_names(local: str, last: str) -> None:
    for label in _LABELS:
        for typed in (f"{local}@{label}.{last}", f"{local}@{last}", f"{local}@x.{label}.{last}"):
            plain = read_plain(typed)
            assert plain is None or plain == _by_the_library(typed), typed


@given(st.from_regex(r"[A-Za-z0-9.+_'-]{1,70}@[A-Za-z0-9.-]{1,70}", fullmatch=True))
def test_the_fast_path_and_the_library_agree_on_whatever_looks_like_an_address(typed: str) -> None:
    plain = read_plain(typed)
    assert plain is None or plain == _by_the_library(typed)


@pytest.mark.parametrize(
    "typed",
    ["maria@reader.example", "Maria.R+x@Mail.Reader.example", "a-b_c@x-1.co.uk", "1@2.org"],
)
def test_ordinary_addresses_take_the_fast_path(typed: str) -> None:
    assert read_plain(typed) == read_address(typed) == _by_the_library(typed)


# What is told about an address that can be mailed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Maria@gmial.com", "Maria@gmail.com"),
        ("maria@gmai.com", "maria@gmail.com"),
        ("maria@gmaill.com", "maria@gmail.com"),
        ("maria@hotmial.com", "maria@hotmail.com"),
        ("maria@gmail.co", "maria@gmail.com"),
        ("maria@t-onlin.de", "maria@t-online.de"),
        *((f"maria@{right}", None) for right in ("gmail.com", "mail.com", "gmx.de", "web.de")),
        ("maria@reader.example", None),
        ("maria@ymail.com", None),
    ],
)
def test_a_slip_in_a_well_known_domain_is_hinted_at(typed: str, meant: str | None) -> None:
    assert typo_hint(read_address(typed)) == meant


@pytest.mark.parametrize(
    ("typed", "desk"),
    [
        ("Info@harbour.example", True),
        ("press+list@harbour.example", True),
        ("no-reply@harbour.example", True),
        ("informer@harbour.example", False),
        ("maria@info.example", False),
    ],
)
def test_the_mailbox_of_a_desk_is_told_from_a_persons(typed: str, *, desk: bool) -> None:
    assert is_role(read_address(typed)) is desk


def test_a_mailbox_that_is_thrown_away_is_refused_where_the_publisher_wants_it() -> None:
    for typed in ("maria@mailinator.com", "maria@box.mailinator.com"):
        with pytest.raises(AddressRefusedError) as caught:
            refuse_disposable(read_address(typed), Disposable.REFUSE)
        assert caught.value.problem is AddressProblem.DISPOSABLE
        refuse_disposable(read_address(typed), Disposable.ALLOW)
    refuse_disposable(read_address("maria@reader.example"), Disposable.REFUSE)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", AddressProblem.EMPTY),
        ("maria", AddressProblem.NO_AT),
        ("maria@x", AddressProblem.NO_DOT),
        ("mar ia@x.example", AddressProblem.SPACE),
        ("a@x.example, b@x.example", AddressProblem.SEVERAL),
        ("a@x.example <b@y.example>", AddressProblem.SEVERAL),
        ('"a"@x.example', AddressProblem.QUOTED),
        ("a\n@x.example", AddressProblem.CHARACTER),
        ("\u00e9" * 40 + "@x.example", AddressProblem.TOO_LONG),
        ("a..b@x.example", AddressProblem.INVALID),
    ],
)
def test_each_refusal_names_its_kind(typed: str, problem: AddressProblem) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        read_address(typed)
    assert caught.value.problem is problem
