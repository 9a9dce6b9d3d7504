"""Our own messages for the benches, of 75 kB and 10 kB: an invented paper with 40 reader's slots.

The same bytes each time. The quick programs get the message ready made, those that compose get the
page it was made of; ours joins it from its pieces with a reader's token in each slot, as it does
for every reader. `write` is the only door: to the folder that the programs read.
"""

from __future__ import annotations

import random
from binascii import b2a_qp
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SLOTS = 40
LARGE = 550
"""Links in the page of the large message, which comes to 75 kB."""
SMALL = 58
"""Links in that of the small one: 10 kB."""
TOKEN = "t0123456789abcdef0123456789abcdef"  # noqa: S105 - nobody's
"""Stands where a reader's own token goes, and is as long."""

_SITE = "https://mail.example.org"
_BOUNDARY = "=_harbour-post"
_VOCABULARY = """
harbour council bridge ferry budget school river market winter library tide lantern vote museum
orchard railway engineer storm bakery theatre lighthouse teacher hospital reservoir quarter
island station archive festival garden signal morning evening minister fishermen opens closes
finds loses keeps plans repairs counts hears remembers builds sells waits after before without
beyond towards because although while until again slowly quietly the a its their one every no
last first new old late early naïve café façade
"""
_WORDS = _VOCABULARY.split()
_HEAD = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The Harbour Post</title><style>
td { padding: 4px 0; font: 15px/1.4 Georgia, serif; color: #222 }
a { color: #0b4f6c; text-decoration: none } a:hover { text-decoration: underline }
</style></head><body><table role="presentation" width="600" align="center">
"""
_FOOT = """\
<tr><td><a href="{site}/p/{token}">Change what you receive</a>, or
<a href="{site}/u/{token}">leave</a>. The Harbour Post, 1 Quay Street.</td></tr>
</table></body></html>
"""
_HEADERS = f"""\
From: The Harbour Post <post@mail.example.org>
To: Reader <reader@example.com>
Subject: The Harbour Post: the ferry runs again
Date: Fri, 09 Jan 2026 07:00:00 +0000
Message-ID: <e7.{TOKEN}@mail.example.org>
List-Id: <daily.mail.example.org>
List-Unsubscribe: <{_SITE}/u/{TOKEN}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="{_BOUNDARY}"

"""
_PART = """\
--{boundary}
Content-Type: text/{kind}; charset=utf-8
Content-Transfer-Encoding: quoted-printable

"""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in the forms that the programs need."""

    message: bytes
    """Whole, with CRLF lines, none of which begins with a dot."""
    page: str
    """Its HTML part before it was encoded, a token in each slot."""
    text: str
    plain_template: str
    """The page for Go's html/template, with two actions."""
    links_template: str
    """The page with an action for each link too, as where clicks are counted."""

    @property
    def pieces(self) -> list[bytes]:
        """What a token comes between, each time."""
        return self.message.split(TOKEN.encode())


def a_letter(links: int = LARGE) -> Letter:
    """Make the message whose page has so many links."""
    fortune = random.Random(1815)
    stories = [(_phrase(fortune, 4), f"{_SITE}/c/{n:07x}") for n in range(links)]
    own = frozenset(n * links // (SLOTS - 6) for n in range(SLOTS - 6))
    page = _page(stories, lambda n, url: f"{url}?{TOKEN}" if n in own else url, TOKEN)
    text = _text(fortune, links)
    letter = Letter(
        message=_message(page, text),
        page=page,
        text=text,
        plain_template=_page(stories, lambda _n, url: url, "{{ .Token }}"),
        links_template=_page(stories, lambda _n, url: f'{{{{ Track "{url}" . }}}}', "{{ .Token }}"),
    )
    assert len(letter.pieces) == SLOTS + 1
    assert b"\r\n." not in letter.message
    return letter


def _phrase(fortune: random.Random, words: int) -> str:
    return " ".join(fortune.choices(_WORDS, k=words))


def _page(stories: list[tuple[str, str]], link: Callable[[int, str], str], token: str) -> str:
    rows = [
        f'<tr><td>\n<a href="{link(n, url)}">{words}</a></td></tr>\n'
        for n, (words, url) in enumerate(stories)
    ]
    return _HEAD + "".join(rows) + _FOOT.format(site=_SITE, token=token)


def _text(fortune: random.Random, links: int) -> str:
    lines = [_phrase(fortune, 8) for _ in range(links // 2)]
    return "\n".join([*lines, f"Leave: {_SITE}/u/{TOKEN}", f"Change: {_SITE}/p/{TOKEN}", ""])


def _message(page: str, text: str) -> bytes:
    parts = [
        _PART.format(boundary=_BOUNDARY, kind=kind).encode() + _quoted_printable(content) + b"\n"
        for kind, content in (("plain", text), ("html", page))
    ]
    whole = b"".join([_HEADERS.encode(), *parts, f"--{_BOUNDARY}--\n".encode()])
    return whole.replace(b"\n", b"\r\n")


def _quoted_printable(content: str) -> bytes:
    """Encode what lies between the slots; each slot stands alone between soft line breaks."""
    runs = [b2a_qp(run.encode(), istext=True) for run in content.split(TOKEN)]
    return f"=\n{TOKEN}=\n".encode().join(runs)


def write(letter: Letter, folder: Path) -> None:
    """Put it where the programs look for it."""
    files = {
        "message.eml": letter.message,
        "message.lf": letter.message.replace(b"\r\n", b"\n"),
        "page.html": letter.page.encode(),
        "page.txt": letter.text.encode(),
        "plain.tmpl": letter.plain_template.encode(),
        "links.tmpl": letter.links_template.encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
