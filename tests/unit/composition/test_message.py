from __future__ import annotations

import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.headers import list_unsubscribe, one_line
from digest.composition.message import build_notice, frame, message_id
from digest.errors import CompositionError
from tests.mail_strictness import faults_of
from tests.unit.composition.wire_builders import SECRET

ID = "<e0.s1.0011223344556677@letters.harbourpost.example>"
SENT_AT = datetime(2026, 1, 9, 7, 0, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def notice(
    *,
    to: str = "maria@example.org",
    subject: str = "Please confirm",
    text: str = "Follow the link:\nhttps://letters.example/c/1\n",
    html: str = "<p>Follow the link</p>\n",
    reply_to: str = "",
    mail_id: str = ID,
    extra: tuple[tuple[str, str], ...] = (),
) -> bytes:
    return build_notice(
        sender="Harbour Post <news@letters.harbourpost.example>",
        to=to,
        reply_to=reply_to,
        subject=subject,
        text=text,
        html=html,
        message_id=mail_id,
        sent_at=SENT_AT,
        extra=extra,
    )


def parsed(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(raw)
    assert [part.defects for part in message.walk()] == [[] for _ in message.walk()]
    return message


def content(part: object) -> str:
    assert isinstance(part, EmailMessage)
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode().replace("\r\n", "\n")


def test_a_notice_of_plain_text_is_written_so() -> None:
    assert notice(html="", reply_to="editor@harbourpost.example") == (
        b"From: Harbour Post <news@letters.harbourpost.example>\r\n"
        b"To: maria@example.org\r\n"
        b"Reply-To: editor@harbourpost.example\r\n"
        b"Subject: Please confirm\r\n"
        b"Date: Fri, 09 Jan 2026 07:00:00 +0000\r\n"
        b"Message-ID: <e0.s1.0011223344556677@letters.harbourpost.example>\r\n"
        b"Auto-Submitted: auto-generated\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"=46ollow the link:\r\n"
        b"https://letters.example/c/1\r\n"
    )


def test_a_notice_has_its_text_first_and_its_html_last() -> None:
    message = parsed(notice())
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [content(part) for part in message.iter_parts()] == [
        "Follow the link:\nhttps://letters.example/c/1\n",
        "<p>Follow the link</p>\n",
    ]


@given(subject=TEXTS, text=TEXTS, html=TEXTS)
def test_any_notice_comes_back(subject: str, text: str, html: str) -> None:
    raw = notice(subject=subject, text=text, html=html)
    lines = raw.split(b"\r\n")
    assert lines.pop() == b""
    assert max(map(len, lines)) <= 78
    allowed = {"Subject: empty"} if not one_line(subject) else set()
    assert {fault for fault in faults_of(raw) if "control character" not in fault} <= allowed
    message = parsed(raw)
    assert message["Subject"] == one_line(subject)
    if html:
        assert [content(part) for part in message.iter_parts()] == [
            text.replace("\r\n", "\n"),
            html.replace("\r\n", "\n"),
        ]
    else:
        assert content(message) == text.replace("\r\n", "\n").rstrip("\r\n") + "\n"


def test_a_notice_to_an_address_outside_ascii_names_it_as_it_is() -> None:
    raw = notice(to="märia@bücher.example")
    assert "\r\nTo: märia@xn--bcher-kva.example\r\n".encode() in raw
    assert faults_of(raw) == []


@pytest.mark.parametrize("field", ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"])
def test_each_field_that_must_stand_once_does(field: str) -> None:
    starts = [line.split(b":")[0] for line in notice().split(b"\r\n\r\n")[0].split(b"\r\n")]
    assert starts.count(field.encode()) == 1


def test_an_extra_field_stands_and_one_that_is_there_already_is_refused() -> None:
    way_out = list_unsubscribe("https://letters.example/u/1", "mailto:out@letters.example")
    message = parsed(notice(extra=(("List-Unsubscribe", way_out),)))
    assert message["List-Unsubscribe"] == (
        "<https://letters.example/u/1>, <mailto:out@letters.example>"
    )
    with pytest.raises(CompositionError, match="subject: given 2 times"):
        notice(extra=(("Subject", "another"),))


@pytest.mark.parametrize(
    ("to", "mail_id"),
    [
        ("maria@example.org\r\nBcc: evil@x.test", ID),
        ("maria@example.org, evil@x.test", ID),
        ("maria@example.org", "no angles"),
        ("maria@example.org", f"{ID}\r\nBcc: evil@x.test"),
    ],
)
def test_a_notice_to_more_than_one_place_is_refused(to: str, mail_id: str) -> None:
    with pytest.raises(CompositionError, match=r"^header: "):
        notice(to=to, mail_id=mail_id)


def test_a_message_id_is_the_same_each_time_and_differs_by_copy() -> None:
    first = message_id(SECRET, 7, 1, "letters.münchen.example")
    assert re.fullmatch(r"<e7\.s1\.[0-9a-f]{16}@letters\.xn--mnchen-3ya\.example>", first)
    assert first == message_id(SECRET, 7, 1, "letters.münchen.example")
    macs = {
        message_id(secret, edition, subscriber, "l.example").split(".")[2]
        for secret, edition, subscriber in (
            (SECRET, 7, 1),
            (SECRET, 7, 2),
            (SECRET, 8, 1),
            (SECRET, 71, 1),
            (b"another", 7, 1),
        )
    }
    assert len(macs) == 5
    with pytest.raises(CompositionError, match="Message-ID"):
        message_id(SECRET, 7, 1, "l.example>\r\nBcc: x")


@given(seed=TEXTS, text=TEXTS)
def test_no_encoded_part_holds_the_boundary(seed: str, text: str) -> None:
    boundary = re.findall(r'boundary="(=_[0-9a-f]{24})"', frame(seed).content_type[1])[0]
    raw = notice(text=text + f"\n--{boundary}\n--{boundary}--\n", html="<p></p>")
    assert f"--{boundary}".encode() not in raw.split(b"\r\n")
    assert frame(seed) == frame(seed)
