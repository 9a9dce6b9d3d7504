from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import AddressError
from subscribers.address import Address, AddressRefusedError, read_address


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
