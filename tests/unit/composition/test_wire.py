from __future__ import annotations

import email.policy
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser

import pytest
from dkim.canonicalization import Relaxed

from digest.composition.language import Plural
from digest.composition.model import Composition, ReaderValues
from digest.composition.slots import Slot, Slots
from digest.composition.wire import EditionWire, full_render, read_online
from digest.errors import CompositionError
from tests.unit.composition.wire_builders import (
    HEADERS,
    NONCE,
    TOPICS,
    a_composition,
    hostile_readers,
    values,
)

SLOTS = Slots(NONCE)
STORIES, MINUTES = Plural(("1 story", "# stories")), Plural(("1 <m>", "# m"))
MARKED = (
    f"{SLOTS.tally(1, 2)}{SLOTS.stories(STORIES)} in {SLOTS.minutes(MINUTES)}"
    f"{SLOTS.topic_open('town')}, town{SLOTS.tally(2, 3)}"
    f"{SLOTS.topic_open('sport')}, both{SLOTS.tally(4, 5)}{SLOTS.topic_close('sport')}"
    f"{SLOTS.topic_close('town')}"
    f"{SLOTS.reader_open()} for {SLOTS.value(Slot.ADDRESS)}{SLOTS.reader_close()}."
)
EVERYTHING, ONLY_TOWN, NOTHING = None, frozenset({"town", "gone"}), frozenset({"sport"})


def parsed(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(raw)
    assert [part.defects for part in message.walk()] == [[], [], []]
    return message


def parts_of(message: EmailMessage) -> tuple[str, str]:
    """Decode a message to its HTML and its text, with LF line ends."""
    parts = []
    for part in message.iter_parts():
        octets = part.get_payload(decode=True)
        assert isinstance(octets, bytes)
        parts.append(octets.decode().replace("\r\n", "\n"))
    text, html = parts
    return html, text


def spliced(composition: Composition, reader: ReaderValues) -> tuple[str, str]:
    return parts_of(parsed(EditionWire(composition, HEADERS).message(reader)))


def assert_wire_safe(raw: bytes) -> None:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = raw.split(b"\r\n")
    assert lines.pop() == b""
    assert not re.search(rb"[^ -~]", b"".join(lines))
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert not [line for line in lines if line.startswith((b".", b"From "))]
    assert Relaxed.canonicalize_body(body) == body
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert len(names) == len(set(names)) == 12


def test_600_hostile_readers_get_exactly_their_letter() -> None:
    composition = a_composition()
    wire = EditionWire(composition, HEADERS)
    for reader in hostile_readers(600):
        raw = wire.message(reader)
        assert_wire_safe(raw)
        message = parsed(raw)
        assert parts_of(message) == full_render(composition, reader)
        assert NONCE.encode() not in raw
        assert message["Message-ID"] == reader.message_id
        assert message["List-Unsubscribe"].startswith(f"<{reader.unsubscribe_url}>")


def test_a_message_is_written_so() -> None:
    composition = a_composition(
        html=f'<p>Hello\n<a href="{SLOTS.value(Slot.UNSUBSCRIBE)}">out</a></p>',
        text=f"To {SLOTS.value(Slot.ADDRESS)}\n",
        content_hash="0" * 64,
    )
    raw = EditionWire(composition, replace(HEADERS, feedback_id="daily:7:news:harbour")).message(
        values(unsubscribe_url="https://letters.example/u/1?a=1&b=2")
    )
    (boundary,) = set(re.findall(rb"=_[0-9a-f]{24}", raw))
    assert raw.replace(boundary, b"=_0") == (
        b"From: Harbour Post <news@letters.harbourpost.example>\r\n"
        b"Subject: The ferry sails again\r\n"
        b"List-Id: The Morning Post <daily.letters.harbourpost.example>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        b"Precedence: bulk\r\n"
        b"Reply-To: editor@harbourpost.example\r\n"
        b"Feedback-ID: daily:7:news:harbour\r\n"
        b"To: maria@example.org\r\n"
        b"Date: Fri, 09 Jan 2026 07:00:00 +0000\r\n"
        b"Message-ID: <e7.s1.0011223344556677@letters.harbourpost.example>\r\n"
        b"List-Unsubscribe: <https://letters.example/u/1?a=1&b=2>,\r\n"
        b" <mailto:editor@harbourpost.example?subject=unsubscribe%20AbC-123_x>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: multipart/alternative;\r\n"
        b' boundary="=_0"\r\n'
        b"\r\n"
        b"--=_0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"To=20=\r\n"
        b"maria@example.org=\r\n"
        b"\r\n"
        b"\r\n"
        b"--=_0\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"<p>Hello\r\n"
        b'<a href=3D"=\r\n'
        b"https://letters.example/u/1?a=3D1&amp;b=3D2=\r\n"
        b'">out</a></p>\r\n'
        b"--=_0--\r\n"
    )


@pytest.mark.parametrize(
    ("topics", "text", "html"),
    [
        (
            EVERYTHING,
            "7 stories in 10 m, town, both for maria@example.org.",
            "7 stories in 10 m, town, both for maria@example.org.",
        ),
        (
            ONLY_TOWN,
            "3 stories in 5 m, town for maria@example.org.",
            "3 stories in 5 m, town for maria@example.org.",
        ),
        (
            NOTHING,
            "1 story in 2 m for maria@example.org.",
            "1 story in 2 m for maria@example.org.",
        ),
    ],
)
def test_sections_and_counts_are_each_readers_own(
    topics: frozenset[str] | None, text: str, html: str
) -> None:
    composition = a_composition(html=MARKED, text=MARKED)
    assert spliced(composition, values(topics=topics)) == (html, text)


def test_words_of_totals_and_values_are_escaped_in_html_alone() -> None:
    minutes = SLOTS.minutes(Plural(("1 <m> & more", "")))
    source = f'{SLOTS.tally(1, 1)}{minutes}<a title="{SLOTS.value("since")}">'
    html, text = spliced(a_composition(html=source, text=source), values(since="\"><script>'&amp;"))
    assert html == ('1 &lt;m&gt; &amp; more<a title="&quot;&gt;&lt;script&gt;&#x27;&amp;amp;">')
    assert text == '1 <m> & more<a title=""><script>\'&amp;">'


def test_control_characters_in_values_become_spaces() -> None:
    source = f"[{SLOTS.value('since')}]"
    since = "a\r\nb\0c\u2028d\ud800e\x9ff\tg"
    assert spliced(a_composition(html=source, text=source), values(since=since)) == (
        "[a  b c d e f g]",
        "[a  b c d e f g]",
    )


@pytest.mark.parametrize(
    "source",
    [
        SLOTS.value("since"),
        f"{SLOTS.value('since')}{SLOTS.value('address')}",
        f"\n{SLOTS.value('since')}\n",
        f" {SLOTS.value('since')} ",
        f"{SLOTS.topic_open('town')}only{SLOTS.topic_close('town')}",
        f"{SLOTS.topic_open('town')}{SLOTS.value('since')}{SLOTS.topic_close('town')}{SLOTS.value('since')}",
        "",
        "no marks\n\n\n",
    ],
)
@pytest.mark.parametrize("since", ["", " ", ".", "From ", "x" * 200])
@pytest.mark.parametrize("topics", [None, frozenset[str]()])
def test_letters_of_every_shape_splice_as_they_render(
    source: str, since: str, topics: frozenset[str] | None
) -> None:
    composition = a_composition(text=source or "\n", html=source or "\n")
    reader = values(since=since, topics=topics)
    assert spliced(composition, reader) == full_render(composition, reader)


def test_a_copy_is_the_same_bytes_each_time_and_in_every_thread() -> None:
    composition = a_composition()
    readers = hostile_readers(60)
    expected = [EditionWire(composition, HEADERS).message(reader) for reader in readers]
    wire = EditionWire(composition, HEADERS)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(wire.message, readers * 4)) == expected * 4


def test_more_topic_sets_than_are_remembered_are_spliced_all_the_same() -> None:
    topics = tuple(f"t{at}" for at in range(9))
    composition = a_composition(topics=topics, stories=1)
    wire = EditionWire(composition, HEADERS)
    for chosen in range(2**9):
        wanted = frozenset(topic for at, topic in enumerate(topics) if chosen & (1 << at))
        raw = wire.message(values(topics=wanted))
        assert raw.count(b'=3D"section"') == len(wanted)


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=",
        "hi\r\nBcc: x",
        "Früh \U0001f469\u200d\U0001f52c " * 20,
    ],
)
def test_no_subject_or_list_name_adds_a_field(subject: str) -> None:
    wire = EditionWire(a_composition(subject=subject), replace(HEADERS, list_name=subject))
    raw = wire.message(values())
    assert_wire_safe(raw)
    assert parsed(raw)["Bcc"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "a@b.example\r\nBcc: evil@x.test"},
        {"address": "märia@example.org"},
        {"address": "a@b.example, c@d.example"},
        {"message_id": "<a@b.example>\r\nBcc: evil@x.test"},
        {"unsubscribe_url": "javascript:alert(1)"},
        {"unsubscribe_url": "https://l.example/\r\nBcc: evil@x.test"},
        {"unsubscribe_mailto": "mailto:a@b.example>, <https://evil.test"},
    ],
)
def test_a_reader_who_cannot_be_addressed_is_refused(changes: dict[str, str]) -> None:
    wire = EditionWire(a_composition(), HEADERS)
    with pytest.raises(CompositionError, match=r"^header: ") as caught:
        wire.message(values(**changes))
    assert not [value for value in changes.values() if value in str(caught.value)]


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": "nobody"},
        {"reply_to": "a@b.example\r\nBcc: x"},
        {"list_id": "no dots"},
        {"feedback_id": "a:b"},
    ],
)
def test_an_edition_with_a_bad_shared_header_is_refused_at_once(changes: dict[str, str]) -> None:
    with pytest.raises(CompositionError, match=r"^header: "):
        EditionWire(a_composition(), replace(HEADERS, **changes))


def test_an_edition_without_reply_to_has_none() -> None:
    raw = EditionWire(a_composition(), replace(HEADERS, reply_to="")).message(values())
    assert parsed(raw)["Reply-To"] is None


@pytest.mark.parametrize("make", [lambda c: EditionWire(c, HEADERS), read_online])
def test_a_letter_with_a_broken_mark_is_refused(make: Callable[[Composition], object]) -> None:
    with pytest.raises(CompositionError, match="slot mark"):
        make(a_composition(html=f"<p>{NONCE}Vaddr ess</p>"))


def test_the_public_page_has_every_section_and_no_reader() -> None:
    html = read_online(a_composition(html=MARKED + SLOTS.value("address") + SLOTS.value("since")))
    assert html == "7 stories in 10 m, town, both.you"
    page = read_online(a_composition())
    assert NONCE not in page
    assert page.count('class="section"') == len(TOPICS)
    assert "You get this" not in page
    assert "16 stories · 17 minutes &amp; no more" in page
    HTMLParser().feed(page)


def test_the_public_page_leads_nobody_to_a_readers_way_out() -> None:
    source = f'<a href="{SLOTS.value(Slot.UNSUBSCRIBE)}">Unsubscribe</a>'
    assert read_online(a_composition(html=source)) == '<a href="#">Unsubscribe</a>'
