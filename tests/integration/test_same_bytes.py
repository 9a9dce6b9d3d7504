"""What is seen is what is sent: preview, test mail, archive and wire, byte for byte.

They differ only where they must: in what belongs to one reader (four header fields, their address
and their links), the test mail in the mark before its subject, the archive in the foot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from digest.composition.pictures import BorrowedShelf
from digest.composition.wire import read_online
from digest.db import Database
from digest.web.mount import pages_of
from digest.workflow.approve import approve
from digest.workflow.halt import Person
from digest.workflow.preview import Copy, preview
from digest.workflow.send_test import send_test
from subscribers import store as readers
from tests.builders import TESTER, Paper, a_newsletter, moment, opening, url_of
from tests.integration.test_preview_workflow import drafted, kept, newsletter_of

ANN = "ann@reader.example"
_OWN = ("to:", "date:", "message-id:", "list-unsubscribe:")
_TOKEN = re.compile(r"(https://letters\.post\.example/[up]/)[A-Za-z0-9_-]+")


@pytest.fixture
def paper(database: Database, tmp_path: Path) -> Iterator[Paper]:
    """A daily with stories and a reader, at its cut-off."""
    papers = opening(tmp_path, url_of(database))
    paper = next(papers)(newsletters={"daily": a_newsletter(release="approve")})
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    paper.reader(ANN)
    yield paper
    next(papers, None)


def shared(message: bytes) -> list[bytes]:
    """Give the header fields of a message that all readers share, as they stand, in order."""
    head = message.partition(b"\r\n\r\n")[0]
    fields = re.split(rb"\r\n(?![ \t])", head)
    return [field for field in fields if not field.decode().lower().startswith(_OWN)]


def parts(message: bytes, address: str) -> tuple[str, ...]:
    """Give both parts with nobody's address and links in the place of a reader's."""
    mail = message_from_bytes(message, policy=policy.default)
    found = []
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        words = _TOKEN.sub(r"\1sample", part.get_content().replace("\r\n", "\n"))
        found.append(words.replace(address, "reader@reader.example"))
    return tuple(found)


def the_mail(folder: Path, address: str) -> bytes:
    (found,) = (folder / "mailbox" / address / "new").iterdir()
    return found.read_bytes()


def looked(paper: Paper, **more: object) -> Copy:
    app = paper.app
    seen = preview(
        app.newsroom,
        app.mailer,
        newsletter_of(paper),
        paper.edition("daily/2026-01-09"),
        shelf=BorrowedShelf(app.database),
        **more,  # type: ignore[arg-type]
    )
    return seen.copies[0]


def test_preview_test_mail_archive_and_wire_are_one_letter(paper: Paper, tmp_path: Path) -> None:
    app = paper.app
    edition = drafted(paper)
    seen, hers = looked(paper), looked(paper, address=ANN)
    send_test(
        app.newsroom,
        app.mailer,
        app.ways,
        newsletter_of(paper),
        edition,
        test_readers=[TESTER],
        by=Person("Ann"),
    )
    approve(app.database, edition, by="Ann", clock=paper.watch)
    approved = looked(paper)
    paper.watch.at = moment("2026-01-09 07:00")
    app.send_now(paper.edition(edition.address))
    app.deliver(paper.edition(edition.address), progress=lambda _count: None)
    wire, test_mail = the_mail(tmp_path, ANN), the_mail(tmp_path, TESTER)

    assert approved.composition == seen.composition == kept(paper, edition)[0]
    assert shared(seen.message) == shared(hers.message) == shared(wire)
    assert shared(test_mail) == [
        field.replace(b"Subject: ", b"Subject: [Test] ", 1) for field in shared(wire)
    ]
    letter = parts(seen.message, "reader@reader.example")
    assert parts(wire, ANN) == parts(hers.message, ANN) == parts(test_mail, TESTER) == letter
    assert seen.html is not None
    assert letter == (seen.text.replace("\r\n", "\n"), seen.html)

    with TestClient(pages_of(app), base_url="https://letters.post.example") as pages:
        public = pages.get("/daily/2026-01-09?as=mailed")
    assert public.content == read_online(approved.composition).encode()
    assert app.mailer.sample(edition, approved.composition).html == seen.html


def test_a_copy_for_a_readers_own_values_is_the_very_message_that_they_get(
    paper: Paper, tmp_path: Path
) -> None:
    app = paper.app
    edition = drafted(paper)
    approve(app.database, edition, by="Ann", clock=paper.watch)
    paper.watch.at = moment("2026-01-09 07:00")
    app.send_now(paper.edition(edition.address))
    app.deliver(paper.edition(edition.address), progress=lambda _count: None)
    with app.database.read() as connection:
        ann = readers.find_subscriber(connection, address_key=ANN)
        assert ann is not None
        recipient = readers.recipient(connection, ann.id, newsletter_of(paper).id, language="en")
    assert recipient is not None
    _, values = app.mailer.values_for(edition, recipient)
    copy = app.mailer.sample(edition, looked(paper).composition, values=values)
    assert copy.message == the_mail(tmp_path, ANN)
    token = values.unsubscribe_url.rpartition("/")[2]
    assert token not in looked(paper).message.decode(), "nobody's copy has nobody's links"
