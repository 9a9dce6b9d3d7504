"""aiosmtplib, a task for each connection; `--mode uvloop` on uvloop."""

from __future__ import annotations

import asyncio
from itertools import count

import aiosmtplib

from bench.send.peers.task import SENDER, Stopwatch, Task, address_of, task


async def send(asked: Task, message: bytes, turns: count[int]) -> int:
    smtp = aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=asked.port,
        local_hostname="bench.example.org",
        start_tls=asked.tls,
        tls_context=asked.trust,
    )
    sent = 0
    async with smtp:
        while (reader := next(turns)) < asked.messages:
            await smtp.sendmail(SENDER, [address_of(reader)], message)
            sent += 1
    return sent


async def run(asked: Task) -> None:
    turns, message = count(), asked.message
    watch = Stopwatch()
    sent = await asyncio.gather(*[send(asked, message, turns) for _ in range(asked.connections)])
    watch.report(sum(sent))


def main() -> None:
    asked = task()
    if asked.mode == "uvloop":
        import uvloop  # noqa: PLC0415 - an extra that need not be there

        uvloop.run(run(asked))
    else:
        asyncio.run(run(asked))


if __name__ == "__main__":
    main()
