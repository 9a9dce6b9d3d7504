from __future__ import annotations

import codecs

import pytest

from subscribers.transfer.encodings import BROKEN_BYTES, Encoding, Letters

CYRILLIC = bytes.fromhex("c8e2e0edeee20a d1ece8f0edeee2e00a caf3e7ede5f6eee20a")
NAMES = "Müller\nBjörn Åkesson\nFrançoise Béchard\nJosé Muñoz\n"


def seen(data: bytes, *, block: int = 7) -> Encoding:
    letters = Letters()
    for at in range(0, len(data), block):
        letters.see(data[at : at + block])
    return letters.encoding()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Encoding("utf-8", "UTF-8")),
        (b"ann@reader.example\n" * 99, Encoding("utf-8", "UTF-8")),
        (NAMES.encode(), Encoding("utf-8", "UTF-8")),
        (codecs.BOM_UTF8 + NAMES.encode(), Encoding("utf-8-sig", "UTF-8")),
        (NAMES.encode("utf-16"), Encoding("utf-16", "UTF-16")),
        (codecs.BOM_UTF16_BE + NAMES.encode("utf-16-be"), Encoding("utf-16", "UTF-16")),
        (NAMES.encode("utf-16-le"), Encoding("utf-16-le", "UTF-16", guessed=True)),
        (NAMES.encode("utf-16-be"), Encoding("utf-16-be", "UTF-16", guessed=True)),
        (NAMES.encode("utf-32"), Encoding("utf-32", "UTF-32")),
        (NAMES.encode("latin-1"), Encoding("cp1252", "Latin-1 (Windows-1252)", guessed=True)),
        (b"M\xfcller\n", Encoding("cp1252", "Latin-1 (Windows-1252)", guessed=True)),
        (
            CYRILLIC,
            Encoding("cp1251", "Cyrillic (Windows-1251)", guessed=True),
        ),
        (b"ann\n" * 99 + b"\xff\xfe\x81\n" + b"bob\n" * 99, Encoding("utf-8", "UTF-8")),
        (NAMES.encode() + b"caf\xe9\n", Encoding("utf-8", "UTF-8")),
        (b"\xff\xfb\xff\xfe\n", Encoding("utf-8", "UTF-8")),
    ],
    ids=lambda value: "" if isinstance(value, Encoding) else repr(value[:12]),
)
def test_the_encoding_is_found(data: bytes, expected: Encoding) -> None:
    assert seen(data) == seen(data, block=1 << 20) == expected


def test_lines_are_counted_whatever_ends_them() -> None:
    for data, lines in ((b"a\nb\n", 2), (b"a\rb\r", 2), (b"a\r\nb\r\n", 2)):
        letters = Letters()
        letters.see(data)
        assert letters.lines == lines


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "cp1252"])
def test_bytes_that_are_no_text_are_kept_to_be_found(codec: str) -> None:
    bad = {"utf-8": b"\xff", "utf-16-le": b"\x00\xdc", "cp1252": b"\x81"}[codec]
    text = ("a".encode(codec) + bad + "b".encode(codec)).decode(codec, BROKEN_BYTES)
    assert text == "a\udcffb"
    with pytest.raises(UnicodeEncodeError):
        "\udcff".encode("utf-8", BROKEN_BYTES)
