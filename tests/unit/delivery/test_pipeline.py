from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import wraps
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.model import Cause, DeliveryState, Ended, Line, Parcel, Reply, Way
from digest.delivery.pipeline import Offer, Pipeline, Terms
from tests.unit.delivery.parcel_queue import ParcelQueue, a_parcel, some_parcels

ALL = Offer(pipelining=True, size=True, largest=10_000_000, eight_bit=True, smtputf8=True)
ONE_BY_ONE = Offer(size=True, largest=10_000_000, eight_bit=True, smtputf8=True)
BARE = Offer(pipelining=True)
TERMS = Terms("relay.example:25")
OK = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go ahead\r\n"
STORED = b"250 2.0.0 stored\r\n"
MESSAGE = a_parcel().message
ACCEPTED = (250, Cause.ACCEPTED)
BRISK = Terms("relay.example:25", timeout_seconds=0.04, idle_seconds=0.04)


class Wiretap(asyncio.Transport):
    """A transport without a wire: keeps what is written, says of its buffer what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.unsent = 0
        self.failing = False
        self.closed = self.aborted = False
        self._protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = high, low

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))
        self.closed = self.closed or self.failing

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True
        self.lose()

    def abort(self) -> None:
        self.aborted = True
        self.lose()

    def lose(self, error: Exception | None = None) -> None:
        assert isinstance(self._protocol, asyncio.Protocol)
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)


@dataclass
class Post:
    """A pipeline at work in the running loop, and both its ends; it is its own line."""

    source: ParcelQueue
    offer: Offer = ALL
    terms: Terms = TERMS
    wire: Wiretap = field(default_factory=Wiretap)
    way: Way = field(default_factory=lambda: Way("relay"))

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self, self.source, self.offer, self.terms)
        self.pipeline.adopt(self.wire)

    async def hear(self, *replies: bytes) -> None:
        for reply in replies:
            self.pipeline.data_received(reply)
            await asyncio.sleep(0)  # content goes when all that came in this turn is read

    def said(self) -> list[bytes]:
        """Give what has been written since the last time."""
        writes, self.wire.writes = self.wire.writes, []
        return writes

    async def ended(self) -> Ended:
        return await self.pipeline.done

    async def run(self) -> Ended:
        return await self.pipeline.done

    def wake(self) -> None:
        self.pipeline.wake()

    def leave(self) -> None:
        self.pipeline.leave()

    def abort(self) -> None:
        self.pipeline.abort()


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test; its arguments are given by name."""

    @wraps(test)
    def run(**arguments: Any) -> None:
        asyncio.run(test(**arguments))

    return run


MAIL = f"MAIL FROM:<news@example.org> SIZE={len(MESSAGE)}\r\n".encode()


def _group(name: str) -> bytes:
    return MAIL + f"RCPT TO:<{name}@example.org>\r\nDATA\r\n".encode()


# The good way


@in_a_loop
async def test_content_dot_and_the_next_announcement_are_one_write() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    assert post.said() == [_group("ann")]
    await post.hear(OK)
    assert post.said() == [MESSAGE + b".\r\n" + _group("bob")]
    await post.hear(STORED + OK)
    assert post.said() == [MESSAGE + b".\r\n"]
    await post.hear(STORED)
    assert post.said() == [b"QUIT\r\n"]
    await post.hear(b"221 bye\r\n")
    assert await post.ended() == Ended(None, 2)
    stored = Reply(DeliveryState.ACCEPTED, 250, "2.0.0 stored", Cause.ACCEPTED)
    assert post.source.answers == {"ann": [stored], "bob": [stored]}
    assert (post.wire.closed, post.wire.aborted) == (True, False)


@in_a_loop
async def test_without_pipelining_one_command_goes_at_a_time() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")), ONE_BY_ONE)
    spoken = []
    for reply in (b"250 a", b"250 b", b"354 c", b"250 d", b"250 e", b"250 f", b"354 g", b"250 h"):
        spoken += post.said()
        await post.hear(reply + b"\r\n")
    assert spoken == [
        *(MAIL, b"RCPT TO:<ann@example.org>\r\n", b"DATA\r\n", MESSAGE + b".\r\n"),
        *(MAIL, b"RCPT TO:<bob@example.org>\r\n", b"DATA\r\n", MESSAGE + b".\r\n"),
    ]
    await post.hear(b"221 bye\r\n")
    assert post.said() == [b"QUIT\r\n"]
    assert await post.ended() == Ended(None, 2)


@in_a_loop
async def test_the_parameters_of_mail_are_those_the_server_offered() -> None:
    zoe = a_parcel("zoë", "Zürich", smtputf8=True)
    post = Post(ParcelQueue([zoe]))
    words = f"MAIL FROM:<news@example.org> SIZE={len(zoe.message)} BODY=8BITMIME SMTPUTF8\r\n"
    assert post.said() == [f"{words}RCPT TO:<zoë@example.org>\r\nDATA\r\n".encode()]
    bare = Post(ParcelQueue([a_parcel("ann", sender="")]), BARE)
    assert bare.said() == [b"MAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n"]
    for each in (post, bare):
        each.abort()
        await each.ended()


CONVERSATION = (
    b"250-2.1.0 one\r\n250-2.1.0 two\r\n250 2.1.0 three\r\n550 5.1.1 no such user\r\n354 go\r\n",
    b"554 no recipients\r\n250\r\n250 Ok\r\n354 go\r\n",
    b"250 2.0.0 stored\r\n250 Ok\n450-4.2.1 busy\n450 4.2.1 now\n503 5.5.1 no\n",
    b"250 reset\r\n250 Ok\r\n250 Ok\r\n354 go\r\n",
    b"250-2.0.0\r\n250 as 7\r\n",
    b"221 bye\r\n",
)


@given(st.lists(st.integers(1, 200), max_size=12))
def test_replies_come_split_at_any_byte(cuts: list[int]) -> None:
    asyncio.run(_hold_conversation(cuts))


async def _hold_conversation(cuts: list[int]) -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob", "cid", "dan")))
    for group in CONVERSATION:
        places = sorted({0, len(group), *(cut % len(group) for cut in cuts)})
        await post.hear(*(group[a:b] for a, b in pairwise(places)))
    assert await post.ended() == Ended(None, 2)
    assert post.source.answers == {
        "ann": [Reply(DeliveryState.FAILED, 550, "5.1.1 no such user", Cause.UNKNOWN_USER)],
        "bob": [Reply(DeliveryState.ACCEPTED, 250, "2.0.0 stored", Cause.ACCEPTED)],
        "cid": [Reply(DeliveryState.DEFERRED, 450, "4.2.1 busy now", Cause.BUSY)],
        "dan": [Reply(DeliveryState.ACCEPTED, 250, "2.0.0 as 7", Cause.ACCEPTED)],
    }


# Refusals


@in_a_loop
async def test_a_refused_recipient_and_a_refused_data_cost_a_reset() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    post.said()
    await post.hear(b"250 ok\r\n550 5.1.1 no such user\r\n554 5.5.1 no valid recipients\r\n")
    assert post.said() == [b"RSET\r\n" + _group("bob")]
    await post.hear(b"250 reset\r\n" + OK, STORED, b"221 bye\r\n")
    assert await post.ended() == Ended(None, 1)
    assert post.source.fates == {"ann": (550, Cause.UNKNOWN_USER), "bob": ACCEPTED}


@in_a_loop
async def test_a_refused_recipient_and_a_354_cost_a_lone_dot() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    post.said()
    await post.hear(b"250 ok\r\n450 4.2.1 busy\r\n354 go\r\n")
    assert post.said() == [b".\r\n" + _group("bob")]
    await post.hear(b"554 no recipients\r\n" + OK, STORED, b"221 bye\r\n")
    assert await post.ended() == Ended(None, 1)
    assert post.source.fates == {"ann": (450, Cause.BUSY), "bob": ACCEPTED}
    assert post.source.begun == ["bob"]


@in_a_loop
async def test_the_answer_to_a_lone_dot_is_nobodys() -> None:
    post = Post(ParcelQueue(some_parcels("ann")))
    await post.hear(b"250 ok\r\n550 5.1.1 no such user\r\n354 go\r\n", b"250 stored for nobody\r\n")
    await post.hear(b"221 bye\r\n")
    assert await post.ended() == Ended(None, 0)
    assert post.source.fates == {"ann": (550, Cause.UNKNOWN_USER)}


@in_a_loop
async def test_after_a_refused_sender_there_is_nothing_to_reset() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    post.said()
    await post.hear(b"550 5.7.1 sender not permitted\r\n503 need MAIL\r\n503 need RCPT\r\n")
    assert post.said() == [_group("bob")]
    await post.hear(OK, STORED, b"221 bye\r\n")
    await post.ended()
    assert post.source.fates == {"ann": (550, Cause.OURS), "bob": ACCEPTED}


@in_a_loop
async def test_data_may_be_refused_alone() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    post.said()
    await post.hear(b"250 ok\r\n250 ok\r\n451 4.3.0 not now\r\n")
    assert post.said() == [b"RSET\r\n" + _group("bob")]
    await post.hear(b"250 reset\r\n" + OK, STORED, b"221 bye\r\n")
    await post.ended()
    assert post.source.fates == {"ann": (451, Cause.BUSY), "bob": ACCEPTED}


@in_a_loop
async def test_without_pipelining_a_refusal_ends_the_transaction_at_once() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob", "cid", "dan")), ONE_BY_ONE)
    replies = (
        *(b"550 5.7.1 no\r\n", b"250 ok\r\n", b"550 5.1.1 no such user\r\n", b"250 reset\r\n"),
        *(b"250 ok\r\n", b"250 ok\r\n", b"451 later\r\n", b"250 reset\r\n"),
        *(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"552 5.2.2 full\r\n", b"221 bye\r\n"),
    )
    await post.hear(*replies)
    assert [write.split(b" ")[0].rstrip() for write in post.said()] == [
        *(b"MAIL", b"MAIL", b"RCPT", b"RSET"),
        *(b"MAIL", b"RCPT", b"DATA", b"RSET"),
        *(b"MAIL", b"RCPT", b"DATA", b"Subject:", b"QUIT"),
    ]
    await post.ended()
    assert post.source.fates == {
        "ann": (550, Cause.OURS),
        "bob": (550, Cause.UNKNOWN_USER),
        "cid": (451, Cause.BUSY),
        "dan": (552, Cause.MAILBOX_FULL),
    }


@pytest.mark.parametrize("offer", [ALL, ONE_BY_ONE])
@in_a_loop
async def test_a_reset_that_fails_costs_the_connection_and_no_message(offer: Offer) -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")), offer)
    await post.hear(b"250 ok\r\n", b"550 5.1.1 no such user\r\n")
    if offer.pipelining:
        await post.hear(b"503 no\r\n")
    await post.hear(b"500 what\r\n")
    words = "relay.example:25: 500 what"
    away = Reply(DeliveryState.DEFERRED, 0, words, Cause.AWAY)
    assert await post.ended() == Ended(away, 0)
    left = {} if offer is ONE_BY_ONE else {"bob": (0, Cause.AWAY)}
    assert post.source.fates == {"ann": (550, Cause.UNKNOWN_USER)} | left


@in_a_loop
async def test_what_the_server_cannot_take_is_not_said_to_it() -> None:
    parcels = [
        *(a_parcel("zoë", smtputf8=True), a_parcel("ann", "Zürich"), a_parcel("bob", "x" * 900)),
        *(a_parcel("sly>\r\nRCPT TO:<eve"), a_parcel("x" * 400), a_parcel("zoë")),
        a_parcel("cid", sender="b @example.org"),
        Parcel(a_parcel("dan").envelope, b"no end"),
        a_parcel("eve"),
    ]
    post = Post(ParcelQueue(parcels), Offer(pipelining=True, largest=500))
    assert post.said() == [b"MAIL FROM:<news@example.org>\r\nRCPT TO:<eve@example.org>\r\nDATA\r\n"]
    await post.hear(OK, STORED, b"221 bye\r\n")
    assert await post.ended() == Ended(None, 1)
    failed = [reply for name, (reply, *_) in post.source.answers.items() if name != "eve"]
    assert {(reply.state, reply.code, reply.cause) for reply in failed} == {
        (DeliveryState.FAILED, 0, Cause.NOT_TAKEN)
    }
    zoe = "the server does not take addresses outside ASCII (SMTPUTF8)"
    unwritable = "the reader's address cannot be written in SMTP"
    assert [reply.text for reply in post.source.answers["zoë"]] == [zoe, unwritable]
    assert {name: reply.text for name, (reply, *_) in post.source.answers.items()} == {
        "zoë": zoe,
        "ann": "the server takes no 8-bit message",
        "bob": "the message is larger than the 500 bytes the server takes",
        "sly>\r\nRCPT TO:<eve": unwritable,
        "x" * 400: unwritable,
        "cid": "the sender's address cannot be written in SMTP",
        "dan": "the message does not end with a line break",
        "eve": "2.0.0 stored",
    }


@in_a_loop
async def test_a_letter_taken_back_before_its_content_costs_the_connection() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob"), taken_back=frozenset({"ann"})))
    post.said()
    await post.hear(OK)
    assert await post.ended() == Ended(None, 0)
    assert (post.said(), post.wire.aborted) == ([], True)
    words = "relay.example:25: taken back before its content"
    assert post.source.answers == {"ann": [Reply(DeliveryState.DEFERRED, 0, words, Cause.AWAY)]}
    assert [parcel.envelope.recipient for parcel in post.source.waiting] == ["bob@example.org"]


# 421


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (b"421 4.3.2 bye\r\n", {"ann": (421, Cause.AWAY)}),
        (b"250 ok\r\n421 4.3.2 bye\r\n", {"ann": (421, Cause.CUT)}),
        (b"250 ok\r\n421 4.7.28 rate limited\r\n", {"ann": (421, Cause.TOO_FAST)}),
        (b"250 ok\r\n250 ok\r\n421 4.3.2 bye\r\n", {"ann": (421, Cause.CUT)}),
        (
            b"250 ok\r\n550 5.1.1 no such user\r\n421 4.3.2 bye\r\n",
            {"ann": (550, Cause.UNKNOWN_USER)},
        ),
    ],
)
@in_a_loop
async def test_421_ends_the_connection_at_once(
    heard: bytes, told: dict[str, tuple[int, Cause]]
) -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    await post.hear(heard)
    ended = await post.ended()
    assert ended.reply is not None
    assert (ended.reply.code, ended.accepted) == (421, 0)
    assert ended.reply.text.startswith("relay.example:25: 421 4.")
    assert post.source.fates == told


@in_a_loop
async def test_421_after_the_dot_leaves_the_next_letter_unseen() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    await post.hear(OK, b"421 4.3.2 <ann@example.org> too busy\r\n250 ok\r\n")
    words = "relay.example:25: 421 4.3.2 <address> too busy"
    gone = Reply(DeliveryState.DEFERRED, 421, words, Cause.CUT)
    assert await post.ended() == Ended(gone, 0)
    assert post.source.answers == {
        "ann": [Reply(DeliveryState.DEFERRED, 421, "4.3.2 <ann@example.org> too busy", Cause.CUT)],
        "bob": [Reply(DeliveryState.DEFERRED, 0, words, Cause.AWAY)],
    }


@in_a_loop
async def test_421_behind_the_answer_to_a_single_command_is_about_that_letter() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")), ONE_BY_ONE)
    await post.hear(b"250 ok\r\n421 4.3.2 bye\r\n")
    assert post.said() == [MAIL]
    await post.ended()
    assert post.source.fates == {"ann": (421, Cause.CUT)}


@in_a_loop
async def test_a_connection_that_has_had_enough_ends_well() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    await post.hear(OK, STORED + b"421 4.7.0 too many messages on this connection\r\n")
    assert await post.ended() == Ended(None, 1)
    assert post.source.fates == {"ann": ACCEPTED, "bob": (421, Cause.AWAY)}


@in_a_loop
async def test_421_while_nothing_is_going_on_is_no_failure() -> None:
    post = Post(ParcelQueue(some_parcels("ann"), stay=True))
    await post.hear(OK, STORED + b"421 4.4.2 idle for too long\r\n")
    assert await post.ended() == Ended(None, 1)
    assert post.source.fates == {"ann": ACCEPTED}


# What is no SMTP


@pytest.mark.parametrize(
    "noise",
    [
        *(
            b"hello\r\n",
            b"\r\n",
            b"25\r\n",
            b"2505 ok\r\n",
            b"199 no\r\n",
            b"650 no\r\n",
            b"\0\r\n",
        ),
        *(b"250-a\r\n550 b\r\n", b"250-a\r\nb\r\n", "\uff1250 ok\r\n".encode()),
        *(b"250 " + b"x" * 9000, b"250-x\r\n" * 9000),
    ],
)
@pytest.mark.parametrize(
    ("before", "cause"),
    [
        (b"", {"ann": Cause.AWAY}),
        (b"250 ok\r\n", {"ann": Cause.CUT}),
        (OK, {"ann": Cause.UNANSWERED, "bob": Cause.AWAY}),
    ],
)
@in_a_loop
async def test_an_answer_that_is_no_smtp_leaves_a_doubt_only_after_the_dot(
    noise: bytes, before: bytes, cause: dict[str, Cause]
) -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    await post.hear(before, noise)
    ended = await post.ended()
    assert ended.reply is not None
    assert (ended.reply.cause, post.wire.aborted) == (Cause.AWAY, True)
    assert post.source.fates == {name: (0, each) for name, each in cause.items()}


@pytest.mark.parametrize("offer", [ALL, ONE_BY_ONE])
@in_a_loop
async def test_an_answer_before_its_question_is_not_believed(offer: Offer) -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")), offer)
    post.said()
    if offer.pipelining:
        await post.hear(OK + b"250 stored already\r\n")
    else:
        await post.hear(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n250 stored already\r\n")
    ended = await post.ended()
    assert ended.reply is not None
    assert ended.reply.text == "relay.example:25: the server speaks out of turn"
    assert post.source.fates == {"ann": (0, Cause.CUT)}
    assert not any(b"Subject" in write for write in post.said())


@pytest.mark.parametrize(("reply", "code"), [(b"250 stored\r\n", 0), (b"552 too big\r\n", 552)])
@in_a_loop
async def test_an_answer_before_the_dot_ends_it(reply: bytes, code: int) -> None:
    post = Post(ParcelQueue(some_parcels("ann", text="x\r\n" * 100_000)))
    await post.hear(b"250 ok\r\n250 ok\r\n")
    post.pipeline.pause_writing()
    await post.hear(b"354 go\r\n", reply)
    await post.ended()
    cause = Cause.NOT_TAKEN if code else Cause.CUT
    assert post.source.fates == {"ann": (code, cause)}


@pytest.mark.parametrize("heard", [b"250 ok\r\n2", b"250 ok\r\n550 no"])
@in_a_loop
async def test_the_beginning_of_an_answer_before_its_question_is_enough(heard: bytes) -> None:
    post = Post(ParcelQueue(some_parcels("ann")), ONE_BY_ONE)
    await post.hear(heard)
    post.leave()
    await post.ended()
    assert post.said() == [MAIL]
    assert post.source.fates == {"ann": (0, Cause.CUT)}


@in_a_loop
async def test_the_beginning_of_an_answer_to_nothing_holds_nobody_up() -> None:
    post = Post(ParcelQueue(some_parcels("ann"), stay=True), terms=BRISK)
    await post.hear(OK, STORED + b"42")
    post.source.waiting.append(a_parcel("bob"))
    post.wake()
    assert await post.ended() == Ended(None, 1)
    assert post.said()[-1] == b"QUIT\r\n"
    assert (post.source.fates, len(post.source.waiting)) == ({"ann": ACCEPTED}, 1)


@in_a_loop
async def test_words_out_of_turn_harm_nobody() -> None:
    post = Post(ParcelQueue([], stay=True))
    await post.hear(b"250 by the way\r\n")
    words = "relay.example:25: the server speaks out of turn"
    away = Reply(DeliveryState.DEFERRED, 0, words, Cause.AWAY)
    assert await post.ended() == Ended(away, 0)


@pytest.mark.parametrize(
    ("heard", "cause"),
    [
        ((b"354 what\r\n",), Cause.CUT),
        ((b"250 ok\r\n", b"250 ok\r\n", b"250 what\r\n"), Cause.CUT),
        ((b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"354 again\r\n"), Cause.UNANSWERED),
    ],
)
@in_a_loop
async def test_a_code_that_answers_something_else_ends_it(
    heard: tuple[bytes, ...], cause: Cause
) -> None:
    for offer in (ALL, ONE_BY_ONE):
        post = Post(ParcelQueue(some_parcels("ann")), offer)
        await post.hear(*heard)
        ended = await post.ended()
        assert ended.reply is not None
        assert ended.reply.cause is Cause.AWAY
        assert post.source.fates == {"ann": (0, cause)}


NOISE = st.sampled_from(
    [
        *(OK, STORED, b"250 ok\r\n", b"354 go\r\n", b"421 bye\r\n", b"250-", b"\r\n"),
        b"550 5.1.1 no such user\r\n",
    ]
)


@given(st.lists(NOISE | st.binary(max_size=40), max_size=20), st.booleans())
def test_whatever_a_server_says_each_parcel_is_answered_once(
    heard: list[bytes],
    pipelining: bool,  # noqa: FBT001 - hypothesis gives them in order
) -> None:
    async def listen() -> None:
        parcels = some_parcels(*"abcdefgh")
        post = Post(ParcelQueue(parcels), ALL if pipelining else ONE_BY_ONE)
        await post.hear(*heard)
        post.pipeline.eof_received()
        ended = await post.ended()
        assert set(post.source.fates) == set("abcdefgh"[: 8 - len(post.source.waiting)])
        accepted = [cause for _, cause in post.source.fates.values() if cause is Cause.ACCEPTED]
        assert len(accepted) == ended.accepted
        assert set(post.source.begun) >= {
            name for name, (_, cause) in post.source.fates.items() if cause is Cause.ACCEPTED
        }

    asyncio.run(listen())


# Lost connections


@pytest.mark.parametrize("how", ["eof", "lost", "reset"])
@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (b"", {"ann": (0, Cause.AWAY)}),
        (b"25", {"ann": (0, Cause.AWAY)}),
        (b"250 ok\r\n", {"ann": (0, Cause.CUT)}),
        (b"250 ok\r\n550 5.1.1 no such user\r\n", {"ann": (550, Cause.UNKNOWN_USER)}),
        (b"250 ok\r\n250 ok\r\n", {"ann": (0, Cause.CUT)}),
        (OK, {"ann": (0, Cause.UNANSWERED), "bob": (0, Cause.AWAY)}),
    ],
)
@in_a_loop
async def test_what_is_lost_with_the_connection_is_told_apart(
    how: str, heard: bytes, told: dict[str, tuple[int, Cause]]
) -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    await post.hear(heard)
    if how == "eof":
        post.pipeline.eof_received()
    elif how == "lost":
        post.wire.lose()
    else:
        post.wire.lose(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))
    words = "Connection reset by peer" if how == "reset" else "the server closed the connection"
    away = Reply(DeliveryState.DEFERRED, 0, f"relay.example:25: {words}", Cause.AWAY)
    assert await post.ended() == Ended(away, 0)
    assert post.source.fates == told


@in_a_loop
async def test_content_that_asyncio_still_holds_has_not_left() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob")))
    assert post.wire.limits == (4096, 4096)
    await post.hear(OK)
    post.pipeline.pause_writing()
    post.wire.lose()
    await post.ended()
    assert post.source.fates == {"ann": (0, Cause.CUT), "bob": (0, Cause.AWAY)}


@in_a_loop
async def test_content_that_asyncio_has_handed_over_may_have_arrived() -> None:
    post = Post(ParcelQueue(some_parcels("ann")))
    await post.hear(OK)
    post.pipeline.pause_writing()
    post.pipeline.resume_writing()
    post.wire.lose()
    await post.ended()
    assert post.source.answers["ann"] == [
        Reply(
            DeliveryState.UNCERTAIN,
            0,
            "relay.example:25: the server closed the connection",
            Cause.UNANSWERED,
        )
    ]


@in_a_loop
async def test_content_whose_write_failed_has_not_left() -> None:
    post = Post(ParcelQueue(some_parcels("ann")))
    post.wire.failing = True
    await post.hear(OK)
    post.wire.lose()
    await post.ended()
    assert post.source.fates == {"ann": (0, Cause.CUT)}


BIG = "x" * 70 + "\r\n"


@in_a_loop
async def test_a_large_letter_goes_in_pieces_as_the_server_takes_them() -> None:
    parcel = a_parcel("ann", BIG * 6000)
    post = Post(ParcelQueue([parcel, a_parcel("bob")]))
    post.said()
    await post.hear(b"250 ok\r\n250 ok\r\n")
    post.pipeline.pause_writing()
    await post.hear(b"354 go\r\n")
    assert post.said() == []
    post.pipeline.resume_writing()
    for _ in range(9):
        await asyncio.sleep(0)
    written = post.said()
    assert [len(write) for write in written[:3]] == [128 * 1024] * 3
    assert b"".join(written) == parcel.message + b".\r\n" + _group("bob")
    await post.hear(STORED + OK, STORED, b"221 bye\r\n")
    assert await post.ended() == Ended(None, 2)


@in_a_loop
async def test_a_large_letter_cut_in_between_was_surely_not_accepted() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob", text=BIG * 6000)))
    await post.hear(b"250 ok\r\n250 ok\r\n")
    post.pipeline.pause_writing()
    await post.hear(b"354 go\r\n")
    post.wire.lose()
    await post.ended()
    assert post.source.fates == {"ann": (0, Cause.CUT)}


@in_a_loop
async def test_a_large_letter_refused_in_between_is_answered_with_the_refusal() -> None:
    post = Post(ParcelQueue(some_parcels("ann", text=BIG * 6000)))
    await post.hear(b"250 ok\r\n250 ok\r\n")
    post.pipeline.pause_writing()
    await post.hear(b"354 go\r\n", b"421 4.3.1 disk full\r\n")
    ended = await post.ended()
    assert ended.reply is not None
    assert post.source.fates == {"ann": (421, Cause.CUT)}


# Coming, waiting, leaving


@in_a_loop
async def test_a_line_without_work_waits_and_can_be_woken() -> None:
    post = Post(ParcelQueue([], stay=True))
    assert post.said() == []
    post.source.waiting.append(a_parcel())
    post.wake()
    assert post.said() == [_group("ann")]
    await post.hear(OK)
    post.source.waiting.append(a_parcel("bob"))
    post.wake()
    assert post.said() == [MESSAGE + b".\r\n", _group("bob")]
    post.wake()
    await post.hear(STORED + OK, STORED)
    post.leave()
    post.wake()
    assert post.said() == [MESSAGE + b".\r\n", b"QUIT\r\n"]
    await post.hear(b"221 bye\r\n")
    assert await post.ended() == Ended(None, 2)
    post.wake()
    post.leave()
    post.abort()
    assert post.said() == []


@in_a_loop
async def test_leaving_finishes_what_is_on_the_wire() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob", "cid")))
    await post.hear(OK)
    post.leave()
    await post.hear(STORED + OK, STORED, b"221 bye\r\n")
    assert await post.ended() == Ended(None, 2)
    assert post.source.fates == {"ann": ACCEPTED, "bob": ACCEPTED}
    assert len(post.source.waiting) == 1


@in_a_loop
async def test_cutting_the_connection_answers_what_is_known() -> None:
    post = Post(ParcelQueue(some_parcels("ann", "bob", "cid")))
    await post.hear(OK)
    post.abort()
    assert post.source.fates == {"ann": (0, Cause.UNANSWERED), "bob": (0, Cause.AWAY)}
    assert await post.ended() == Ended(None, 0)
    await post.hear(STORED)
    assert post.source.answers["ann"][0].text == "relay.example:25: we cut the connection"


@pytest.mark.parametrize("offer", [ALL, ONE_BY_ONE])
@in_a_loop
async def test_a_connection_hands_over_so_many_and_no_more(offer: Offer) -> None:
    terms = Terms("relay.example:25", messages=2)
    post = Post(ParcelQueue(some_parcels("ann", "bob", "cid")), offer, terms)
    for _ in range(2):
        await post.hear(*(line + b"\r\n" for line in OK.split(b"\r\n") if line), STORED)
    assert post.said()[-1] == b"QUIT\r\n"
    await post.hear(b"221 bye\r\n")
    assert await post.ended() == Ended(None, 2)
    assert post.source.fates == {"ann": ACCEPTED, "bob": ACCEPTED}


@in_a_loop
async def test_the_source_may_call_back_from_every_question() -> None:
    class Restless(ParcelQueue):
        def take(self, line: Line) -> Parcel | None:
            line.wake()
            return super().take(line)

        def begin(self, parcel: Parcel) -> bool:
            post.wake()
            return super().begin(parcel)

    source = Restless(some_parcels("ann", "bob", "cid"))
    source.after = lambda _name, _reply: post.wake()
    post = Post(source)
    post.said()
    await post.hear(b"250 ok\r\n550 5.1.1 no such user\r\n354 go\r\n")
    assert post.said() == [b".\r\n" + _group("bob")]
    await post.hear(b"554 nobody\r\n" + OK, STORED + OK, STORED, b"221 bye\r\n")
    assert await post.ended() == Ended(None, 2)
    assert post.source.begun == ["bob", "cid"]


@pytest.mark.parametrize("where", ["take", "begin", "answered"])
@in_a_loop
async def test_the_source_may_cut_the_connection_from_every_question(where: str) -> None:
    class Hasty(ParcelQueue):
        def take(self, line: Line) -> Parcel | None:
            if where == "take" and self.begun:
                line.abort()
            return super().take(line)

        def begin(self, parcel: Parcel) -> bool:
            if where == "begin":
                post.abort()
            return super().begin(parcel)

    source = Hasty(some_parcels("ann", "bob", "cid"))
    if where == "answered":
        source.after = lambda _name, _reply: post.abort()
    post = Post(source)
    await post.hear(OK, STORED + OK)
    assert await post.ended() == Ended(None, int(where == "answered"))
    assert (
        post.source.fates
        == {
            "take": {"ann": (0, Cause.CUT), "bob": (0, Cause.AWAY)},
            "begin": {"ann": (0, Cause.CUT)},
            "answered": {"ann": ACCEPTED, "bob": (0, Cause.AWAY)},
        }[where]
    )


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("take", {"ann": (0, Cause.CUT)}),
        ("begin", {"ann": (0, Cause.CUT)}),
        ("answered", {"ann": ACCEPTED, "bob": (0, Cause.AWAY)}),
    ],
)
@in_a_loop
async def test_what_the_source_raises_ends_the_line_and_loses_nobody(
    where: str, told: dict[str, tuple[int, Cause]]
) -> None:
    class Broken(ParcelQueue):
        def take(self, line: Line) -> Parcel | None:
            if where == "take" and self.begun:
                raise OSError("journal: disk full")
            return super().take(line)

        def begin(self, parcel: Parcel) -> bool:
            if where == "begin":
                raise OSError("journal: disk full")
            return super().begin(parcel)

        def answered(self, parcel: Parcel, reply: Reply) -> None:
            super().answered(parcel, reply)
            if where == "answered":
                raise OSError("journal: disk full")

    post = Post(Broken(some_parcels("ann", "bob", "cid")))
    await post.hear(OK, STORED)
    with pytest.raises(OSError, match="disk full"):
        await post.ended()
    assert post.wire.aborted
    assert post.source.fates == told


@in_a_loop
async def test_a_source_that_cannot_hear_one_answer_hears_the_other() -> None:
    class Deaf(ParcelQueue):
        def answered(self, parcel: Parcel, reply: Reply) -> None:
            super().answered(parcel, reply)
            raise OSError("journal: disk full")

    post = Post(Deaf(some_parcels("ann", "bob", "cid")))
    await post.hear(OK)
    post.abort()
    with pytest.raises(OSError, match="disk full"):
        await post.ended()
    assert post.source.fates == {"ann": (0, Cause.UNANSWERED), "bob": (0, Cause.AWAY)}


# Time


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (b"", {"ann": (0, Cause.AWAY)}),
        (b"250 ok\r\n", {"ann": (0, Cause.CUT)}),
        (b"250 ok\r\n250 ok\r\n", {"ann": (0, Cause.CUT)}),
        (OK, {"ann": (0, Cause.UNANSWERED)}),
    ],
)
@in_a_loop
async def test_a_server_that_hangs_is_left_after_a_while(
    heard: bytes, told: dict[str, tuple[int, Cause]]
) -> None:
    post = Post(ParcelQueue(some_parcels("ann")), terms=BRISK)
    began = asyncio.get_running_loop().time()
    await post.hear(heard)
    ended = await post.ended()
    words = "relay.example:25: no answer in time"
    assert ended == Ended(Reply(DeliveryState.DEFERRED, 0, words, Cause.AWAY), 0)
    assert post.source.fates == told
    waited = asyncio.get_running_loop().time() - began
    assert waited >= 0.04 * (10 if heard == OK else 1)


@in_a_loop
async def test_a_server_that_sends_a_byte_now_and_then_gets_no_more_time() -> None:
    post = Post(ParcelQueue(some_parcels("ann")), terms=BRISK)

    async def trickle() -> None:
        for byte in b"250-" + b"x" * 1000:
            await post.hear(bytes([byte]))
            await asyncio.sleep(0.01)

    trickling = asyncio.create_task(trickle())
    ended = await post.ended()
    trickling.cancel()
    assert ended.reply is not None
    assert ended.reply.text == "relay.example:25: no answer in time"


@in_a_loop
async def test_a_server_that_takes_content_slowly_is_waited_for() -> None:
    post = Post(ParcelQueue(some_parcels("ann")), terms=BRISK)
    await post.hear(b"250 ok\r\n250 ok\r\n")
    post.pipeline.pause_writing()
    post.wire.unsent = 1000
    await post.hear(b"354 go\r\n")
    for _ in range(12):
        await asyncio.sleep(0.01)
        post.wire.unsent -= 1
    assert not post.wire.aborted
    await post.ended()
    assert post.source.fates == {"ann": (0, Cause.CUT)}


@in_a_loop
async def test_a_line_that_was_idle_for_long_leaves() -> None:
    post = Post(ParcelQueue([], stay=True), terms=BRISK)
    assert await post.ended() == Ended(None, 0)
    assert (post.said(), post.wire.aborted) == ([b"QUIT\r\n"], True)


@in_a_loop
async def test_a_connection_that_does_not_close_is_cut() -> None:
    class Clinging(Wiretap):
        def close(self) -> None:
            self.closed = True

    post = Post(ParcelQueue([]), terms=BRISK, wire=Clinging())
    await post.hear(b"221 bye\r\n")
    assert await post.ended() == Ended(None, 0)
    assert (post.wire.closed, post.wire.aborted) == (True, True)
