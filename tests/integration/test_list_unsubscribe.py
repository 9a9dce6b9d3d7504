"""The ways out in a header: one link and one mailbox, whole, in letters and in notices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest

from digest.outbox.model import Notice, NoticeKind
from subscribers import store
from subscribers.mailto import Wish, read_wish
from subscribers.model import Recipient
from subscribers.tokens import Grant, Purpose
from tests.builders import Paper, a_newsletter, moment, open_paper
from tests.mail_strictness import faults_of

ANN = "ann@reader.example.org"
LEAVE = "leave+out@letters.post.example"


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    daily = a_newsletter(release="auto")
    made = open_paper(tmp_path, "2026-01-08 12:00", newsletters={"daily": daily})
    made.reader(ANN)
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    yield made
    made.app.close()


def field_of(message: bytes) -> bytes:
    """Give the field as it stands on the wire, with its folds."""
    found = re.findall(rb"\r\n(List-Unsubscribe:.*?)\r\n(?! )", message, re.DOTALL)
    assert len(found) == 1
    return bytes(found[0])


def test_a_letter_names_one_link_and_one_mailbox_that_say_the_same(paper: Paper) -> None:
    mailer = replace(paper.app.mailer, unsubscribe_address=LEAVE)
    edition = paper.edition("daily/2026-01-09")
    with paper.app.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=ANN)
        assert reader is not None
        recipient = store.recipient(connection, reader.id, edition.newsletter_id)
    assert isinstance(recipient, Recipient)
    values = mailer.values_for(edition, recipient)[1]
    message = mailer.wire_for(edition.id).message(values)
    assert faults_of(message) == []
    token = values.unsubscribe_url.rpartition("/")[2]
    assert (
        field_of(message)
        == (
            f"List-Unsubscribe: <https://letters.post.example/u/{token}>,\r\n"
            f" <mailto:leave%2Bout@letters.post.example?subject=unsubscribe%20{token}>"
        ).encode()
    )
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in message
    grant = Grant(reader.public_id, (edition.newsletter_id,))
    assert paper.app.keys.links.read(Purpose.UNSUBSCRIBE, token) == grant
    answer = f"From: {ANN}\r\nSubject: unsubscribe {token}\r\n\r\n".encode()
    assert (read_wish(answer).wish, read_wish(answer).tokens) == (Wish.LEAVE, (token,))


def test_a_welcome_names_both_too_and_without_the_setting_the_link_alone(paper: Paper) -> None:
    token = paper.app.keys.links.sign(Purpose.UNSUBSCRIBE, Grant("ab" * 12, (1,)))
    url = f"https://letters.post.example/u/{token}"
    facts: dict[str, object] = {
        "newsletter": ["The Morning Post"],
        "address": ANN,
        "unsubscribe_url": url,
    }
    notice = Notice(7, "w", NoticeKind.WELCOME, ANN, facts, 0, moment("2026-01-09 07:00"))
    both = replace(paper.app.mailer, unsubscribe_address=LEAVE).notice(notice)[1]
    alone = paper.app.mailer.notice(notice)[1]
    assert faults_of(both) == faults_of(alone) == []
    mailto = f"mailto:leave%2Bout@letters.post.example?subject=unsubscribe%20{token}"
    assert field_of(both) == f"List-Unsubscribe: <{url}>,\r\n <{mailto}>".encode()
    assert field_of(alone) == f"List-Unsubscribe: <{url}>".encode()
    read = message_from_bytes(both, policy=SMTP)
    assert read["List-Unsubscribe"] == f"<{url}>, <{mailto}>"
