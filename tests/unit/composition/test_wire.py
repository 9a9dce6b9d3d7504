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
from digest.composition.wire import EditionWire, EditionWires, full_render, read_online
from digest.errors import CompositionError, FewStoriesError
from tests.mail_strictness import faults_of
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
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def content_of(part: object) -> str:
    """Decode a part, with LF line ends."""
    assert isinstance(part, EmailMessage)
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode().replace("\r\n", "\n")


def parts_of(message: EmailMessage) -> tuple[str, str]:
    """Decode a message to its HTML and its text, with LF line ends."""
    text, html = map(content_of, message.iter_parts())
    return html, text


def assert_is_the_letter(raw: bytes, composition: Composition, reader: ReaderValues) -> None:
    html, text = full_render(composition, reader)
    message = parsed(raw)
    if reader.text_only:
        alone = content_of(message)
        assert alone.endswith("\n")
        assert alone.rstrip("\n") == text.rstrip("\n")
    else:
        assert parts_of(message) == (html, text)


def spliced(composition: Composition, reader: ReaderValues) -> tuple[str, str]:
    return parts_of(parsed(EditionWire(composition, HEADERS).message(reader)))


def assert_wire_safe(raw: bytes) -> None:
    assert faults_of(raw) == []
    body = raw.partition(b"\r\n\r\n")[2]
    assert Relaxed.canonicalize_body(body) == body


def test_hostile_readers_get_exactly_their_letter() -> None:
    """Real letters, and 600 readers of each, are the matter of test_hostile_letters.py."""
    composition = a_composition()
    wire = EditionWire(composition, HEADERS)
    for reader in hostile_readers(120):
        raw = wire.message(reader)
        assert_wire_safe(raw)
        assert_is_the_letter(raw, composition, reader)
        message = parsed(raw)
        assert NONCE.encode() not in raw
        assert message["Message-ID"] == reader.message_id
        assert message["List-Unsubscribe"].startswith(f"<{reader.unsubscribe_url}>")


def test_a_message_is_written_so() -> None:
    composition = a_composition(
        html=f'<p>Hello\n<a href="{SLOTS.value(Slot.UNSUBSCRIBE)}">out</a></p>',
        text=f"To {SLOTS.value(Slot.ADDRESS)}\n",
        content_hash="0" * 64,
    )
    headers = replace(
        HEADERS,
        feedback_id="daily:7:news:harbour",
        help_url="https://letters.example/link",
        help_mailto="mailto:editor@harbourpost.example?subject=help",
        archive_url="https://letters.example/archive/daily",
    )
    raw = EditionWire(composition, headers).message(
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
        b"List-Help: <https://letters.example/link>,\r\n"
        b" <mailto:editor@harbourpost.example?subject=help>\r\n"
        b"List-Archive: <https://letters.example/archive/daily>\r\n"
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
@pytest.mark.parametrize("text_only", [False, True])
def test_letters_of_every_shape_splice_as_they_render(
    source: str, since: str, topics: frozenset[str] | None, *, text_only: bool
) -> None:
    composition = a_composition(text=source or "\n", html=source or "\n")
    reader = values(since=since, topics=topics, text_only=text_only)
    raw = EditionWire(composition, HEADERS).message(reader)
    assert_is_the_letter(raw, composition, reader)


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
        {"help_url": "mailto:a@b.example"},
        {"help_url": "https://l.example/", "help_mailto": "mailto:a@b.example\r\nBcc: x"},
        {"archive_url": "https://l.example/\r\nBcc: x"},
    ],
)
def test_an_edition_with_a_bad_shared_header_is_refused_at_once(changes: dict[str, str]) -> None:
    with pytest.raises(CompositionError, match=r"^header: "):
        EditionWire(a_composition(), replace(HEADERS, **changes))


def test_an_address_outside_ascii_stands_in_to_as_it_is_and_nowhere_else() -> None:
    raw = EditionWire(a_composition(), HEADERS).message(values(address="用户@bücher.example"))
    assert_wire_safe(raw)
    (line,) = [line for line in raw.split(b"\r\n") if not line.isascii()]
    assert line.decode() == "To: 用户@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "written", "read"),
    [
        ("Good morning.\n", b"Good morning.\r\n", "Good morning.\n"),
        ("Good morning.", b"Good morning.\r\n", "Good morning.\n"),
        ("Good morning.\n\n\n", b"Good morning.\r\n", "Good morning.\n"),
        (
            f"To {SLOTS.value('address')}",
            b"To=20=\r\nmaria@example.org\r\n",
            "To maria@example.org\n",
        ),
        (
            f"{SLOTS.reader_open()}To {SLOTS.value('address')}\n{SLOTS.reader_close()}\n",
            b"To=20=\r\nmaria@example.org\r\n",
            "To maria@example.org\n",
        ),
        (
            f"To all.\n{SLOTS.topic_open('sport')}And more.\n{SLOTS.topic_close('sport')}\n",
            b"To all.\r\n",
            "To all.\n",
        ),
        ("1 = 1\n", b"1 =3D 1\r\n", "1 = 1\n"),
        ("a = \n", b"a =3D=20\r\n", "a = \n"),
    ],
)
def test_a_reader_of_plain_text_gets_one_part_that_ends_in_one_line_break(
    text: str, written: bytes, read: str
) -> None:
    reader = values(text_only=True, topics=frozenset())
    raw = EditionWire(a_composition(text=text), HEADERS).message(reader)
    assert_wire_safe(raw)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert body == written
    assert head.endswith(
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable"
    )
    assert content_of(parsed(raw)) == read


def test_both_kinds_of_copy_have_the_same_headers() -> None:
    wire = EditionWire(a_composition(), HEADERS)
    both, alone = (wire.message(values(text_only=only)) for only in (False, True))
    end = b"MIME-Version: 1.0\r\n"
    assert both.partition(end)[0] == alone.partition(end)[0]


def test_every_value_a_template_may_show_is_spliced() -> None:
    source = " ".join(SLOTS.value(slot) for slot in Slot) + "\n"
    composition = a_composition(html=source, text=source)
    reader = values()
    _, text = spliced(composition, reader)
    assert text.split() == [
        reader.address,
        *reader.since.split(),
        reader.unsubscribe_url,
        reader.preferences_url,
        reader.twin_url,
    ]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("en", "en"),
        ("de", "de"),
        ("de-CH", "de-AT"),
        ("de-AT", "de-AT"),
        ("DE_at", "de-AT"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_a_copy_is_made_in_the_language_planned_for_it(wanted: str, got: str) -> None:
    languages = ("en", "de-AT", "de")
    composed = [a_composition(language=tag, subject=f"In {tag}") for tag in languages]
    raw = EditionWires(composed, HEADERS).message(values(), wanted)
    assert parsed(raw)["Subject"] == f"In {got}"


def test_a_broken_language_is_found_before_anybody_is_written_to() -> None:
    composed = [a_composition(), a_composition(language="de", text=f"{NONCE}V")]
    with pytest.raises(CompositionError, match="slot mark"):
        EditionWires(composed, HEADERS)


def test_an_edition_without_reply_to_has_none() -> None:
    raw = EditionWire(a_composition(), replace(HEADERS, reply_to="")).message(values())
    assert_wire_safe(raw)
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


@pytest.mark.parametrize(
    ("least", "topics", "refused"),
    [
        (0, frozenset[str](), ""),
        (1, frozenset[str](), ""),
        (3, frozenset({"town"}), ""),
        (2, frozenset[str](), "their topics leave 1 story, 2 needed"),
        (4, frozenset({"town"}), "their topics leave 3 stories, 4 needed"),
        (9, frozenset({"town"}), "their topics leave 3 stories, 7 needed"),
        (9, None, ""),
    ],
)
def test_a_reader_whose_topics_leave_too_few_stories_gets_none(
    least: int, topics: frozenset[str] | None, refused: str
) -> None:
    """MARKED has one story for all, two of town, and four for readers of town and sport."""
    wire = EditionWires([a_composition(html=MARKED, text=MARKED)], HEADERS, least=least)
    if refused:
        with pytest.raises(FewStoriesError, match=refused):
            wire.message(values(topics=topics))
    else:
        assert b"To: " in wire.message(values(topics=topics))
