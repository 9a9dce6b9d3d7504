from __future__ import annotations

import quopri
from collections.abc import Sequence

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import example, given
from hypothesis import strategies as st

from digest.composition.quoted_printable import SOFT_BREAK, encode_static, encode_value

ALPHABET = st.one_of(
    st.sampled_from(".F =\t\n\r"),
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from(["From ", "..", "  ", "\r\n", ".\r\n", "é", "\U0001f469\u200d\U0001f52c"]),
)
TEXTS = st.lists(ALPHABET, max_size=400).map("".join)


def decoded(encoded: bytes) -> bytes:
    return quopri.decodestring(encoded)


def with_crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def assert_kept_by_every_server(encoded: bytes) -> None:
    lines = encoded.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert not [line for line in lines if b"\r" in line or b"\n" in line or b"\0" in line]
    assert not [line for line in lines if line.startswith((b".", b"From "))]
    assert encoded.isascii()
    framed = encoded + b"\r\n--end--\r\n"
    assert Relaxed.canonicalize_body(framed) == framed


@given(text=TEXTS)
@example(text=" " * 200)
@example(text="." * 200)
@example(text="F" * 200)
@example(text="From here\n.\n..\nFrom there \n")
@example(text="a" * 74 + " \n" + "b" * 75 + "=" + "c" * 73 + "é" + "d" * 72 + "é")
@example(text="a\rb\r\r\n\n\r")
@example(text="\0")
def test_static_text_decodes_to_itself_and_is_kept_by_every_server(text: str) -> None:
    encoded = encode_static(text.encode())
    assert decoded(encoded) == with_crlf(text.encode())
    assert_kept_by_every_server(encoded)


@given(value=TEXTS)
@example(value="\r\n.\r\n")
@example(value=" ")
@example(value="a" * 75)
@example(value="a" * 76)
@example(value="F" + "a" * 73)
@example(value="a b")
def test_a_value_decodes_to_itself_between_soft_breaks(value: str) -> None:
    encoded = encode_value(value)
    spliced = SOFT_BREAK.join([b"before", encoded, b"after"])
    assert decoded(spliced) == b"before" + value.encode() + b"after"
    assert_kept_by_every_server(spliced)


@given(parts=st.lists(TEXTS, min_size=1, max_size=6))
def test_stretches_encoded_apart_join_to_the_text_they_were_cut_from(parts: Sequence[str]) -> None:
    stretches = [part.encode().replace(b"\r", b"") for part in parts]
    spliced = SOFT_BREAK.join(map(encode_static, stretches))
    assert decoded(spliced) == with_crlf(b"".join(stretches))
    assert_kept_by_every_server(spliced)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        (b"", b""),
        (b"plain\n", b"plain\r\n"),
        (b"1 + 1 = 2", b"1 + 1 =3D 2"),
        (b".\n.", b"=2E\r\n=2E"),
        (b"From me\nfrom me", b"=46rom me\r\nfrom me"),
        (b"a  b ", b"a =20b=20"),
        (b"tab\t\n", b"tab=09\r\n"),
        ("é".encode(), b"=C3=A9"),
        (b"a" * 75, b"a" * 75),
        (b"a" * 76, b"a" * 75 + b"=\r\na"),
        (b"a" * 74 + b"=", b"a" * 74 + b"=\r\n=3D"),
        (b"a" * 73 + b"=", b"a" * 73 + b"=\r\n=3D"),
        (b"a" * 72 + b"=b", b"a" * 72 + b"=3D=\r\nb"),
    ],
)
def test_static_text_is_encoded_so(text: bytes, encoded: bytes) -> None:
    assert encode_static(text) == encoded


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("", b""),
        ("maria@example.org", b"maria@example.org"),
        ("3 November 2025", b"3 November 2025"),
        ("Fay@example.org", b"=46ay@example.org"),
        (".a", b"=2Ea"),
        ("a\r\nb", b"a=0D=0Ab"),
        ("\ud800", b"?"),
        ("~" * 74, b"~" * 74),
        ("~" * 80, b"~" * 75 + b"=\r\n~~~~~"),
    ],
)
def test_a_value_is_encoded_so(value: str, encoded: bytes) -> None:
    assert encode_value(value) == encoded
