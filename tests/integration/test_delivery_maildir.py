from __future__ import annotations

import os
from pathlib import Path

from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import Cause, DeliveryState, Reply
from tests.unit.delivery.way_builders import a_message, an_envelope

STORED = Reply(DeliveryState.ACCEPTED, 250, "stored", Cause.ACCEPTED)
STORED_BEFORE = Reply(DeliveryState.ACCEPTED, 250, "stored before", Cause.ACCEPTED)


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_message_is_stored_byte_for_byte_under_a_name_made_of_its_id(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path / "mail")
    assert transport.deliver(an_envelope("Ann@Example.ORG"), a_message()) == STORED
    transport.close()
    (stored,) = _files(tmp_path)
    assert stored.parent == tmp_path / "mail" / "ann@example.org" / "new"
    assert len(stored.name) == 64
    assert stored.read_bytes() == a_message()


def test_sending_again_leaves_one_copy_wherever_the_reader_put_it(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path)
    transport.deliver(an_envelope(), a_message())
    assert transport.deliver(an_envelope(), a_message()) == STORED_BEFORE
    (stored,) = _files(tmp_path)
    read = stored.rename(stored.parents[1] / "cur" / f"{stored.name}:2,FS")
    assert transport.deliver(an_envelope(), a_message()) == STORED_BEFORE
    assert _files(tmp_path) == [read]
    assert transport.deliver(an_envelope(message_id="<m2@example.org>"), a_message()) == STORED
    assert len(_files(tmp_path)) == 2


def test_what_a_crash_left_half_written_is_replaced(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path)
    transport.deliver(an_envelope(), a_message())
    (stored,) = _files(tmp_path)
    half = stored.parents[1] / "tmp" / stored.name
    stored.rename(half)
    half.write_bytes(b"Subj")
    assert transport.deliver(an_envelope(), a_message()) == STORED
    assert _files(tmp_path) == [stored]
    assert stored.read_bytes() == a_message()


def test_a_crash_between_the_two_names_harms_no_message_filed_meanwhile(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path)
    transport.deliver(an_envelope(), a_message())
    (stored,) = _files(tmp_path)
    os.link(stored, stored.parents[1] / "tmp" / stored.name)
    filed = stored.rename(tmp_path / "filed elsewhere")
    assert transport.deliver(an_envelope(), a_message("Changed.")) == STORED
    assert filed.read_bytes() == a_message()


def test_a_disk_that_cannot_be_written_puts_off_in_words(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file where the folder should be", "utf-8")
    reply = MaildirTransport(tmp_path / "mail").deliver(an_envelope(), a_message())
    assert reply == Reply(
        DeliveryState.DEFERRED,
        0,
        "maildir: the mailbox cannot be written: Not a directory",
        Cause.CUT,
    )


def test_what_could_not_go_by_smtp_is_not_stored_either(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path)
    traversal = transport.deliver(an_envelope("../../x@example.org\0"), a_message())
    bare = transport.deliver(an_envelope(), b"bare\n")
    address = "the reader's address cannot be written in SMTP"
    assert traversal == Reply(DeliveryState.FAILED, 0, address, Cause.REFUSED)
    words = "the message has a bare line break"
    assert bare == Reply(DeliveryState.FAILED, 0, words, Cause.REFUSED)
    assert _files(tmp_path) == []
