"""Every letter and notice as other programs read it: Python's parser, neomutt and w3m."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.letter_gallery import FEWER, NAMES, READER, gallery, named

NEXT: Final = "=====next====="
_PATIENCE = 60.0
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")

_RC = f"""
set charset="utf-8"
set folder="."
set mailcap_path="mailcap"
set header_cache=""
set history_file=""
set wait_key=no
set quit=yes
set auto_tag=yes
set pipe_decode=yes
set pipe_split=no
set pipe_sep="\\n{NEXT}\\n"
auto_view text/html
ignore *
unignore from to reply-to subject date message-id list-id list-unsubscribe
"""
_KEYS = "<tag-pattern>~A<enter><pipe-message>cat > {}<enter><exit>"


# Python's own parser


@pytest.mark.parametrize("name", NAMES)
def test_pythons_parser_reads_what_was_written(name: str) -> None:
    mail = named(name)
    message = message_from_bytes(mail.message, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    assert str(message["Subject"]) == mail.subject
    assert str(message["To"]) == READER
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    text, html = message.iter_parts()
    assert _lines(text.get_content()) == _lines(mail.text)
    assert _lines(html.get_content()) == _lines(mail.html)


def _lines(text: str) -> list[str]:
    return text.rstrip().splitlines()


# neomutt, which decodes headers, charsets and transfer encodings in C of its own


def _screen_until_it_ends(command: Sequence[str], folder: Path) -> str:
    """Run a program that wants a terminal, and give what it showed."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    environment = {"HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"}
    environment["PATH"] = os.environ.get("PATH", os.defpath)
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    shown, deadline = b"", time.monotonic() + _PATIENCE
    try:
        while time.monotonic() < deadline and process.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                shown += _read(ours)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)
    assert process.returncode == 0, shown.decode("utf-8", "replace")
    return shown.decode("utf-8", "replace")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux says so when the last one has closed the other end
        return b""


def _read_by_neomutt(folder: Path, kind: str) -> dict[str, tuple[dict[str, str], str]]:
    """Give headers and body of every message as neomutt shows it, by its Message-ID."""
    (folder / "rc").write_text(f"{_RC}alternative_order {kind}\n", "utf-8")
    (folder / "mailcap").write_text("text/html; cat %s; copiousoutput\n", "utf-8")
    keys = _KEYS.format(folder / "out")
    command = ["neomutt", "-n", "-R", "-F", "rc", "-f", str(folder / "box"), "-e", f'push "{keys}"']
    shown = _screen_until_it_ends(command, folder)
    assert (folder / "out").is_file(), shown
    read = (folder / "out").read_bytes().decode("utf-8").split(f"\n{NEXT}\n")
    found = {}
    for message in filter(str.strip, read):
        head, _, body = message.lstrip("\n").partition("\n\n")
        lines = re.sub(r"\n[ \t]+", " ", head).splitlines()
        headers = dict(line.split(": ", 1) for line in lines)
        found[headers["Message-ID"]] = (headers, body)
    return found


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Maildir of all messages."""
    folder = tmp_path_factory.mktemp("neomutt")
    for name in ("cur", "new", "tmp"):
        (folder / "box" / name).mkdir(parents=True)
    for mail in gallery():
        (folder / "box" / "new" / mail.name).write_bytes(mail.message)
    return folder


@pytest.mark.skipif(shutil.which("neomutt") is None, reason="neomutt is not installed")
@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_neomutt_shows_every_subject_and_every_word(box: Path, kind: str) -> None:
    read = _read_by_neomutt(box, kind)
    assert len(read) == len(gallery())
    for mail in gallery():
        sent = message_from_bytes(mail.message, policy=policy.default)
        headers, body = read[str(sent["Message-ID"])]
        assert _plain(headers["Subject"]) == _plain(mail.subject)
        assert headers["To"] == READER
        assert _plain(headers["From"]).partition(" <")[0] == _plain(_name(str(sent["From"])))
        if mail.is_letter:
            assert headers["List-Unsubscribe"] == str(sent["List-Unsubscribe"])
        assert _lines(body) == _lines(mail.text if kind == "text/plain" else mail.html), mail.name


def _plain(words: str) -> str:
    """Leave out marks of direction, which neomutt keeps from its screen, and doubled spaces."""
    return " ".join(_BIDI.sub("", words).split())


def _name(mailbox: str) -> str:
    return mailbox.partition(" <")[0].strip('"')


# A browser of plain text: what is left when all looks are gone


@pytest.mark.skipif(shutil.which("w3m") is None, reason="w3m is not installed")
@pytest.mark.parametrize("name", FEWER)
def test_in_a_browser_of_text_every_headline_and_every_link_is_there(
    name: str, tmp_path: Path
) -> None:
    mail, page = named(name), tmp_path / "letter.html"
    page.write_text(mail.html, "utf-8")
    options = ("-dump", "-T", "text/html", "-I", "utf-8", "-O", "utf-8", "-cols", "400")
    done = subprocess.run(
        ["w3m", *options, "-o", "display_link_number=1", str(page)],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        check=True,
        timeout=_PATIENCE,
    )
    shown = _plain(re.sub(r"\[\d+\]", "", done.stdout))
    headings = [_words(each) for each in re.findall(r"<h[123][^>]*>(.*?)</h[123]>", mail.html)]
    assert headings
    assert [words for words in headings if _plain(words) not in shown] == []
    links = {unescape(link) for link in re.findall(r'<a [^>]*href="([^"]+)"', mail.html)}
    assert [link for link in links if link not in done.stdout] == []


def _words(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))
