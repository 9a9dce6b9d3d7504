from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from digest.delivery.mx import look_up

Answer = Callable[[dns.message.Message], bytes | None]


class _Server(asyncio.DatagramProtocol):
    """A small DNS server on loopback; what it answers is up to the test."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.asked.append(query.question[0].name.to_text())
        told = self.answer(query)
        if told is not None:
            self.transport.sendto(told, addr)


@asynccontextmanager
async def _dns(answer: Answer) -> AsyncIterator[tuple[_Server, dns.asyncresolver.Resolver]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: _Server(answer), local_addr=("127.0.0.1", 0)
    )
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    try:
        yield server, resolver
    finally:
        transport.close()


def _reply(query: dns.message.Message, *records: str) -> bytes:
    reply = dns.message.make_response(query)
    if records:
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "MX", *records))
    return reply.to_wire(max_size=65535)


def _refuse(query: dns.message.Message, rcode: dns.rcode.Rcode) -> bytes:
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    return reply.to_wire()


def _look_up(answer: Answer, *domains: str, timeout: float = 5.0) -> tuple[dict[str, str], int]:
    """Look domains up at such a server; give what was found and how often it was asked."""

    async def run() -> tuple[dict[str, str], int]:
        async with _dns(answer) as (server, resolver):
            found = await look_up(domains, resolver=resolver, timeout_seconds=timeout)
            return found, len(server.asked)

    return asyncio.run(run())


def test_the_best_host_of_each_domain_is_found() -> None:
    zone = {
        "firm.example.": ["20 b.example.", "10 ASPMX.L.Google.com.", "10 zz.example."],
        "other.example.": ["5 mx.other.example."],
    }
    found, asked = _look_up(
        lambda query: _reply(query, *zone[query.question[0].name.to_text()]),
        "firm.example",
        "other.example",
        "firm.example",
    )
    assert found == {"firm.example": "aspmx.l.google.com", "other.example": "mx.other.example"}
    assert asked == 2


def test_a_domain_without_an_mx_is_its_own_host() -> None:
    def answer(query: dns.message.Message) -> bytes:
        name = query.question[0].name.to_text()
        if name == "gone.example.":
            return _refuse(query, dns.rcode.NXDOMAIN)
        return _reply(query, "0 .") if name == "null.example." else _reply(query)

    domains = ("none.example", "gone.example", "null.example")
    assert _look_up(answer, *domains)[0] == {domain: domain for domain in domains}


def test_names_that_no_host_can_have_are_passed_over() -> None:
    odd = [r"1 a\000b.example.", r"2 a\032b.example.", r"3 \"x\".example.", "9 good.example."]
    assert _look_up(lambda query: _reply(query, *odd), "firm.example")[0] == {
        "firm.example": "good.example"
    }
    assert _look_up(lambda query: _reply(query, *odd[:3]), "firm.example")[0] == {
        "firm.example": "firm.example"
    }


def test_what_cannot_be_a_domain_is_not_asked_for() -> None:
    names = ("a b", "", "\\u2603", "x" * 300)
    found, asked = _look_up(_reply, *names)
    assert (found, asked) == ({name: name for name in names}, 0)


def test_a_question_without_an_answer_is_left_out_and_the_others_go_on() -> None:
    def answer(query: dns.message.Message) -> bytes | None:
        silent = query.question[0].name.to_text() == "d3.example."
        return None if silent else _reply(query, "1 mx.example.")

    domains = [f"d{n}.example" for n in range(20)]
    found, _ = _look_up(answer, *domains, timeout=0.3)
    assert found == {name: "mx.example" for name in domains if name != "d3.example"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: None,
        lambda _: b"",
        lambda _: b"\xff" * 600,
        lambda query: _reply(query, "1 mx.example.")[:-3],
        lambda query: _refuse(query, dns.rcode.SERVFAIL),
        lambda query: _refuse(query, dns.rcode.REFUSED),
    ],
    ids=["silent", "empty", "noise", "cut", "servfail", "refused"],
)
def test_where_no_dns_answers_it_gives_up_quickly(answer: Answer) -> None:
    begun = time.monotonic()
    found, asked = _look_up(answer, *(f"d{n}.example" for n in range(2000)), timeout=0.4)
    assert found == {}
    assert asked < 200
    assert time.monotonic() - begun < 20


def test_an_answer_that_is_cut_short_and_cannot_be_had_whole_is_none() -> None:
    def answer(query: dns.message.Message) -> bytes:
        reply = dns.message.from_wire(_reply(query, "1 mx.example."))
        if query.question[0].name.to_text() == "firm.example.":
            reply.flags |= dns.flags.TC  # then it is asked for by TCP, where nobody listens here
        return reply.to_wire()

    found, _ = _look_up(answer, "firm.example", "b.example", timeout=0.5)
    assert found == {"b.example": "mx.example"}


def test_without_anything_to_ask_it_says_so_and_finds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = []
    assert asyncio.run(look_up(["firm.example"], resolver=resolver, timeout_seconds=0.2)) == {}

    def missing(*_: object, **__: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver.Resolver, "__init__", missing)
    assert asyncio.run(look_up(["firm.example"])) == {}
