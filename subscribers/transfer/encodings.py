"""Pure. In which encoding a file is written: by its mark, its zeros, or the look of its letters."""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass

UTF8 = "utf-8"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_WESTERN = "cp1252"
_CANDIDATES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257"]
"""What Windows' spreadsheets write where they do not write Unicode; Latin-1 lies within the
first, and what looks as well in two is read as the earlier one."""
_SPOKEN = {
    "cp1252": "Latin-1 (Windows-1252)",
    "cp1250": "Latin-2 (Windows-1250)",
    "cp1251": "Cyrillic (Windows-1251)",
    "cp1253": "Greek (Windows-1253)",
    "cp1254": "Turkish (Windows-1254)",
    "cp1257": "Baltic (Windows-1257)",
}
_HEAD = 4096
_SAMPLE = 1 << 16
_LONGEST_TAIL = 1 << 16
_ZEROS = 0.3
"""In UTF-16 every other byte of Western text is zero."""
_DISORDER = 0.4
"""What looks more mixed up than this is not considered (0 to 1, as charset-normalizer counts)."""
_ENOUGH = 3
"""So many lines of letters beyond ASCII before a guess other than Western is believed."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a file are to be read; `spoken` is how people call it."""

    codec: str
    spoken: str
    guessed: bool = False
    """Nothing in the file says it: the person who brings it in is told."""


BROKEN_BYTES = "digest-broken-bytes"
"""How codecs keep bytes that are no text: as half a surrogate pair, so that their line is found and
refused, and the others are read."""


def _keep_broken(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(BROKEN_BYTES, _keep_broken)


class Letters:
    """What was seen of a file, block after block: enough to tell its encoding at the end."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.lines = 0
        """The line ends so far: at least as many as there are records."""
        self._head = b""
        self._tail = b""
        self._unicode = self._strange = 0
        self._sample = bytearray()

    def see(self, block: bytes) -> None:
        """Take the next bytes of the file."""
        if len(self._head) < _HEAD:
            self._head += block[: _HEAD - len(self._head)]
        self.lines += max(block.count(b"\n"), block.count(b"\r"))
        if block.isascii() and self._tail.isascii():
            return
        *whole, last = (self._tail + block).replace(b"\r", b"\n").split(b"\n")
        self._tail = last[-_LONGEST_TAIL:]
        for line in whole:
            self._judge(line)

    def encoding(self) -> Encoding:
        """Tell the encoding of what was seen."""
        self._judge(self._tail)
        self._tail = b""
        for mark, codec, spoken in _MARKS:
            if self._head.startswith(mark):
                return Encoding(codec, spoken)
        wide = _wide(self._head)
        if wide:
            return Encoding(wide, "UTF-16", guessed=True)
        if self._strange > self._unicode:
            return _legacy(bytes(self._sample), self._strange)
        return Encoding(UTF8, "UTF-8")

    def _judge(self, line: bytes) -> None:
        if line.isascii():
            return
        try:
            line.decode(UTF8)
        except UnicodeDecodeError:
            if _western(line):
                self._strange += 1
                if len(self._sample) < _SAMPLE:
                    self._sample += line[:_HEAD] + b"\n"
        else:
            self._unicode += 1


def _wide(head: bytes) -> str:
    half = len(head) // 2
    if not half:
        return ""
    if head[1::2].count(0) > half * _ZEROS:
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) > half * _ZEROS else ""


def _western(line: bytes) -> bool:
    """Tell whether a line could be text of Windows-1252, and not just broken bytes."""
    try:
        text = line.decode(_WESTERN)
    except UnicodeDecodeError:
        return False
    if b"\xff\xfe" in line or b"\xfe\xff" in line:
        return False
    return all(unicodedata.category(each)[0] in "LPSZN" for each in text if not each.isascii())


def _legacy(sample: bytes, lines: int) -> Encoding:
    codec = _WESTERN
    if lines >= _ENOUGH:
        from charset_normalizer import from_bytes  # noqa: PLC0415 - for files that need it only

        found = from_bytes(sample, cp_isolation=_CANDIDATES, threshold=_DISORDER)
        disorder = {match.encoding: match.chaos for match in found}
        codec = min(_CANDIDATES, key=lambda each: disorder.get(each, 1.0))
    return Encoding(codec, _SPOKEN[codec], guessed=True)
