"""What every way out that takes whole messages does alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from digest.delivery.discard import DiscardTransport
from digest.delivery.maildir import MaildirTransport, folder_name
from digest.delivery.model import Cause, DeliveryState, Reply, Transport
from digest.delivery.ses import SesTransport
from tests.integration.fake_ses import Answer, fake_ses
from tests.unit.delivery.way_builders import a_message, an_envelope, to_reader

_ACCEPTED = (DeliveryState.ACCEPTED, 250, Cause.ACCEPTED)


@dataclass(frozen=True)
class Tried:
    """A way out, and what a test must know of it."""

    transport: Transport
    copies: Callable[[str], list[bytes]]
    """The messages it holds for a recipient; those that went nowhere are only counted."""
    refuse: Callable[[str], object]
    """Let it turn one reader away."""
    again: int
    """How many copies there are after the same message went twice."""
    gone: Transport | None = None
    """The same with nobody behind it; None where that cannot be."""


def _maildir(root: Path) -> Iterator[Tried]:
    (root.parent / "gone").write_text("no folder")

    def copies(address: str) -> list[bytes]:
        return [path.read_bytes() for path in (root / folder_name(address) / "new").iterdir()]

    root.mkdir()
    yield Tried(
        MaildirTransport(root),
        copies,
        lambda address: (root / folder_name(address)).write_text("in the way"),
        again=1,
        gone=MaildirTransport(root.parent / "gone"),
    )


def _ses() -> Iterator[Tried]:
    with fake_ses() as ses:
        transport = SesTransport("eu-west-1", endpoint=ses.url, timeout_seconds=5)

        def copies(address: str) -> list[bytes]:
            to = [asked.body["Destination"]["ToAddresses"] for asked in ses.asked]
            return [each.raw for each, whom in zip(ses.asked, to, strict=True) if whom == [address]]

        yield Tried(
            transport,
            copies,
            lambda address: ses.to.update({address: Answer(400, "MessageRejected", "Blacklisted")}),
            again=2,
            gone=SesTransport("eu-west-1", endpoint="http://127.0.0.1:1"),
        )
        transport.close()


def _discard() -> Iterator[Tried]:
    transport = DiscardTransport()
    yield Tried(
        transport,
        lambda address: [a_message()] * transport.counted().by_domain[address.partition("@")[2]],
        lambda _address: None,  # it knows no reader from another
        again=2,
    )


@pytest.fixture(params=["maildir", "discard", "ses"])
def tried(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tried]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = {"maildir": lambda: _maildir(tmp_path / "mail"), "discard": _discard, "ses": _ses}
    yield from made[request.param]()


def _known(reply: Reply) -> tuple[DeliveryState, int, Cause]:
    return reply.state, reply.code, reply.cause


def test_a_message_is_accepted_and_arrives_as_it_is(tried: Tried) -> None:
    assert _known(tried.transport.deliver(an_envelope(), a_message())) == _ACCEPTED
    assert tried.copies("ann@example.org") == [a_message()]


def test_one_reader_who_is_refused_keeps_nobody_else_from_theirs(tried: Tried) -> None:
    tried.refuse("ann@example.org")
    first = tried.transport.deliver(an_envelope(), a_message())
    assert (first.state is DeliveryState.ACCEPTED) is isinstance(tried.transport, DiscardTransport)
    other = tried.transport.deliver(to_reader(2), a_message())
    assert _known(other) == _ACCEPTED
    assert a_message() in tried.copies("reader2@example.org")


@pytest.mark.parametrize("recipient", ["b@x>\r\nRCPT TO:<c@example.org", "", "b c@example.org"])
def test_what_could_not_go_by_smtp_goes_by_no_other_way(tried: Tried, recipient: str) -> None:
    words = "the reader's address cannot be written in SMTP"
    reply = tried.transport.deliver(an_envelope(recipient), a_message())
    assert reply == Reply(DeliveryState.FAILED, 0, words, Cause.REFUSED)
    words = "the message has a bare line break"
    reply = tried.transport.deliver(an_envelope(), b"a\nb\r\n")
    assert reply == Reply(DeliveryState.FAILED, 0, words, Cause.REFUSED)


def test_a_way_with_nobody_behind_it_puts_off_in_words_and_marks_nobody(tried: Tried) -> None:
    if tried.gone is None:
        assert tried.transport.repeatable, "nothing is never away"
        return
    reply = tried.gone.deliver(an_envelope(), a_message())
    assert reply.state is DeliveryState.DEFERRED
    assert reply.connection_lost
    assert reply.text
    tried.gone.close()


def test_a_way_is_repeatable_only_where_one_copy_is_left(tried: Tried) -> None:
    for _ in range(2):
        assert _known(tried.transport.deliver(an_envelope(), a_message())) == _ACCEPTED
    assert len(tried.copies("ann@example.org")) == tried.again
    assert tried.transport.repeatable is not isinstance(tried.transport, SesTransport)


def test_many_threads_hand_over_at_once(tried: Tried) -> None:
    with ThreadPoolExecutor(8) as threads:
        replies = threads.map(
            lambda n: tried.transport.deliver(to_reader(n), a_message()), range(40)
        )
        assert [_known(reply) for reply in replies] == [_ACCEPTED] * 40
    arrived = tried.copies("reader7@example.org")
    assert len(arrived) == (40 if isinstance(tried.transport, DiscardTransport) else 1)


def test_closing_never_raises_and_what_comes_after_is_taken_all_the_same(tried: Tried) -> None:
    tried.transport.close()
    tried.transport.close()
    assert _known(tried.transport.deliver(an_envelope(), a_message())) == _ACCEPTED
